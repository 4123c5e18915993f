"""이메일 (EMAIL_ADDRESS): dot-atom addresses, and the written forms that people use to hide them.

Form: RFC 5321 section 4.5.3.1 (lengths), RFC 5322 section 3.4.1 (dot-atom); domains also below
.한국 (RFC 5890). Searched from the at sign outwards, so that a text without one costs nothing.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_SIGN = re.compile("[ ]?@[ ]?")
# What every match of `_WORD` holds; a search for it strides over all other letters.
_WORD_MARK = re.compile(r"[(\[{<골](?:\s?(?:at|@|앳|골뱅이)|뱅이)", re.IGNORECASE)
_WORD = re.compile(r"[ ]?(?:[(\[{<]\s?(?:at|@|앳|골뱅이)\s?[)\]}>]|골뱅이)[ ]?", re.IGNORECASE)
# Domains of Hangul (RFC 5890); letters of two scripts in one label are an address and a particle.
_LABEL = "(?:[A-Za-z0-9-]{1,63}|[가-힣][가-힣0-9-]{0,62})"
_DOT = r"(?:\.|[ ]?[(\[]\s?(?:dot|\.|닷|점)\s?[)\]][ ]?|[ ]?[닷점][ ]?(?=[a-z]))"
_DOMAIN = re.compile(
    rf"{_LABEL}(?:{_DOT}{_LABEL}){{0,8}}{_DOT}(?:[A-Za-z]{{2,24}}|xn--[A-Za-z0-9-]{{2,59}})"
    r"|[가-힣A-Za-z0-9-]{1,63}\.한국|[A-Za-z0-9-]{2,63}[ ]?(?:닷[ ]?(?:컴|넷)|점[ ]?컴)",
    re.IGNORECASE,
)
_LOCAL = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-"
)
# RFC 6532: the local part may be of any script.
_HANGUL_LOCAL = re.compile("[가-힣][가-힣A-Za-z0-9._+-]{0,31}$")
_LONGEST_LOCAL = 64
# Punctuation of the sentence, of URLs and of forms that may stand directly before an address.
_LEADING = "./=?&'#|*`{}~^!-"


# A query or a member before the address. Elsewhere = ? and & may be letters of it (RFC 5322 atext).
_MEMBER = re.compile(
    r"(?:[?&][A-Za-z0-9_.\[\]-]{1,40}"
    r"|(?:^|[^A-Za-z0-9])(?:[A-Za-z_]{0,16}(?:e?-?mail|addr|address|account|contact)"
    r"|to|from|cc|bcc|id|user|uid|name|username|login|value|content|q|key))=$",
    re.IGNORECASE,
)
_URL_REACH = 200


def _local(text: str, floor: int, at: int) -> int:
    """Where the local part before a sign begins; `at` if there is none."""
    start = at
    while start > floor and text[start - 1] in _LOCAL:
        start -= 1
    local = text[start:at]
    last = max(local.rfind(mark) for mark in "/=|?&")
    if last >= 0:
        marks = "/=|?&" if _of_url(text, start, start + last + 1) else "/|"
        # Of a URL or a path only the last segment is the address.
        start += max(local.rfind(mark) for mark in marks) + 1
    while start < at and text[start] in _LEADING:
        start += 1
    return start


def _of_url(text: str, start: int, last: int) -> bool:
    """Whether the marks up to `last`, in what could be a local part, are those of a URL."""
    word = text[max(0, start - _URL_REACH) : last].split()[-1:]
    if word and "://" in word[0]:
        return True
    return _MEMBER.search(text[max(0, last - 64) : last]) is not None


# hong at korea.kr: words of any English sentence, unless a label says what follows.
_SPELLED = re.compile(r"[ ](?<=[A-Za-z0-9] )at[ ](?=[A-Za-z0-9-]{1,63}\.)", re.IGNORECASE)
_LABEL_REACH = 40


def _spelled(reading: Reading) -> Iterator[re.Match[str]]:
    for match in _SPELLED.finditer(reading.text):
        floor = max(0, match.start() - _LABEL_REACH)
        if reading.shared(WORDS.read).stand("email", floor, match.start()):
            yield match


def _signs(text: str) -> Iterator[re.Match[str]]:
    if "@" in text:
        yield from _SIGN.finditer(text)
    if _WORD_MARK.search(text):
        yield from _WORD.finditer(text)


def _find(reading: Reading) -> Iterator[Span]:
    text = reading.text
    behind = 0  # the address before
    for at in (*_signs(text), *_spelled(reading)):
        plain = at[0] == "@"
        domain = _DOMAIN.match(text, at.end())
        if domain is None:
            continue
        floor = max(0, at.start() - _LONGEST_LOCAL)
        start = _local(text, max(floor, behind), at.start())
        if start == at.start():
            start = _local(text, floor, at.start())
        if start == at.start() and plain:
            hangul = _HANGUL_LOCAL.search(text, floor, at.start())
            start = hangul.start() if hangul else start
        if start == at.start():
            continue
        behind = domain.end()
        yield Span(
            start,
            domain.end(),
            "EMAIL_ADDRESS",
            0.95 if plain else 0.75,
            "email" if plain else "email.hidden",
        )


EMAIL = Recognizer(
    "EMAIL_ADDRESS",
    _find,
    Canary("EMAIL_ADDRESS", "메일은 minwon.kim@example.com으로 주세요.", "minwon.kim@example.com"),
    numeric=False,
)
