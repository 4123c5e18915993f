"""Step restore: text of an engine in, the same text with the real words out, piece by piece.

Knows only the surrogates that this request's Mapping issued; an invented one stays and is counted.
Text is held back no longer than it may still become a surrogate, its particles, or a host's name.

Values never come back inside a URL or a link's target (`redaction.urls`), nor in a tool's arguments
unless a system, developer or user message (or a definition) brought them or the policy lists the
tool. A caller's own literal, which replace had to rename, is nobody's datum: it always comes back.
"""

import re
from collections import Counter
from enum import StrEnum

from redaction.entity import Origin
from redaction.json_text import JsonReader, NestedJson, quoted
from redaction.mapping import LITERAL, Mapping, Value
from redaction.particles import agree, is_chain, may_become_chain
from redaction.policy import Operator, Policy
from redaction.surrogate import Found, blank, may_start, search
from redaction.urls import LinkTracker, host_ahead

# A whole answer is read in slices, so that the work grows with its length only.
_SLICE = 128
# What may stand between a word and its particle: closing emphasis and quotation marks.
_CLOSING = re.compile("[*'\"’”」』〉》]{0,4}")
# What may stand in an address of e-mail before its sign (RFC 5322 section 3.2.3; any letter: RFC
# 6531), and so does not part a value from an address behind it.
_GLUE = re.compile(r"[\w.+\-!#$%&'*/=?^`{|}~]*")
# What stands in brackets behind a word is not read: the particle behind them is still the word's.
_LONGEST_ASIDE = 64

_TRUSTED = frozenset({Origin.SYSTEM, Origin.DEVELOPER, Origin.USER, Origin.DEFINITION})


class Place(StrEnum):
    """What kind of text an engine is writing."""

    TEXT = "text"  # Markdown or plain text for people
    JSON = "json"  # JSON text: a structured answer
    TOOL_ARGUMENTS = "tool_arguments"  # JSON text: what a tool will be called with


class Mode(StrEnum):
    """Whether words beside a restored value may change with it."""

    EXACT = "exact"  # restore(replace(x)) == x
    AGREE = "agree"  # Korean particles follow the real word; in running text only


class Restorer:
    """Restores one stream of one choice: its text, its reasoning, or one tool call's arguments.

    A plain feed/flush object: whatever the pieces, the joined output is the same. `counts` says
    how many surrogates were `restored`, shown as `withheld`, `kept_in_url`, kept because of their
    `origin`, or `unknown`. In JSON and tool arguments the mode is always exact.
    """

    __slots__ = (
        "_agrees",
        "_aside",
        "_before",
        "_closed",
        "_glued",
        "_inside",
        "_links",
        "_mapping",
        "_nested",
        "_open",
        "_policy",
        "_raws",
        "_reader",
        "_spoken",
        "_text",
        "counts",
    )

    def __init__(
        self,
        mapping: Mapping,
        policy: Policy,
        *,
        place: Place,
        mode: Mode = Mode.AGREE,
        tool: str | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._mapping = mapping
        self._policy = policy
        self._agrees = mode is Mode.AGREE and place is Place.TEXT
        # Whether values known only from results or earlier answers may come back here.
        self._open = place is not Place.TOOL_ARGUMENTS or tool in policy.tools_from_results
        self._reader = None if place is Place.TEXT else JsonReader()
        self._inside = False  # a JSON string
        self._nested = NestedJson()  # what it says, if that is JSON again
        self._text = ""  # held back
        self._raws: list[str] | None = None  # how each held character was written, if otherwise
        self._before = ""  # the character before the held text
        self._links = LinkTracker(field=place is not Place.TEXT)
        self._glued = False  # a restored value stands directly before
        self._spoken = ""  # a restored word behind which a bracket is open: 김철수(남
        self._aside = 0  # how many characters the bracket holds
        self._closed = False  # it has just been closed

    def feed(self, text: str) -> str:
        """What can be said of everything fed so far and was not returned yet."""
        if self._reader is None:
            return self._take(text, text)
        parts: list[str] = []
        for piece in self._reader.feed(text):
            if piece.ends:
                parts += self._drain(whole=True), piece.raw
                self._inside = piece.inside
                self._before, self._links = "", LinkTracker(field=True)
                self._glued, self._nested = False, NestedJson()
            else:
                parts.append(self._take(piece.text, piece.raw))
        return "".join(parts)

    def flush(self) -> str:
        """Everything still held; the stream has ended."""
        parts = []
        if self._reader is not None:
            parts = [self._take(piece.text, piece.raw) for piece in self._reader.flush()]
        return "".join([*parts, self._drain(whole=True)])

    def _take(self, text: str, raw: str) -> str:
        if not self._text and text and not self._spoken and not may_start(text):
            self._follow(text)
            self._before = text[-1]
            return raw
        if len(text) > _SLICE:
            slices = (text[at : at + _SLICE] for at in range(0, len(text), _SLICE))
            return "".join([self._take(part, part) for part in slices])
        if self._raws is not None or raw != text:
            raws = list(self._text) if self._raws is None else self._raws
            self._raws = raws + ([raw] if len(text) == 1 else list(text))
        self._text += text
        return self._drain(whole=False)

    def _drain(self, whole: bool) -> str:
        """Says what can be said of the held text; what may still become something else stays."""
        parts: list[str] = []
        position = 0
        while True:
            if self._closed:
                if not whole and _may_agree(self._text):
                    return "".join(parts)
                parts.append(self._behind_bracket())
            found = search(self._text, position, self._before, whole)
            bracket = self._text.find(")") if self._spoken else -1
            if bracket >= 0 and (found is None or bracket < found.start):
                parts.append(self._pass(bracket + 1))
                self._closed = bool(self._spoken)
                position = 0
                continue
            if found is None:
                break
            if found.inner and not is_chain(found.inner):
                position = found.start + 1
                continue
            parts.append(self._pass(found.start))
            if found.unfinished:
                return "".join(parts)
            found = found._replace(start=0, end=found.end - found.start)
            said = self._resolve(found, whole)
            if said is None:
                return "".join(parts)
            parts.append(said)
            position = 0
        parts.append(self._pass(len(self._text)))
        return "".join(parts)

    def _pass(self, end: int) -> str:
        """Lets the held text up to `end` go as the engine wrote it."""
        text = self._text[:end]
        if not text:
            return ""
        self._follow(text)
        if self._spoken:
            self._aside += end
            if self._aside > _LONGEST_ASIDE or "\n" in text:
                self._spoken = ""
        raw = text if self._raws is None else "".join(self._raws[:end])
        self._drop(end)
        return raw

    def _follow(self, text: str) -> None:
        self._links.feed(text)
        if self._inside:
            self._nested.feed(text)
        self._glued = self._glued and _GLUE.fullmatch(text) is not None

    def _drop(self, end: int) -> None:
        self._before = self._text[end - 1]
        self._text = self._text[end:]
        if self._raws is not None:
            self._raws = self._raws[end:] if self._text else None

    def _resolve(self, found: Found, whole: bool) -> str | None:
        """What is said for the surrogate at the beginning of the held text; None: wait for more."""
        if found.bare and (self._reader is not None or self._links.in_code):
            return self._pass(found.end)  # a name that somebody gave to a column or a variable
        value = self._mapping.named(found.name)
        if value is None:
            self.counts["unknown"] += 1
            return self._pass(found.end)
        if value.entity == LITERAL:
            self._links.feed(value.original)
            self._drop(found.end)
            return self._written(found.lead + value.original + found.trail + found.inner)
        behind = self._text[found.end :]
        in_link = self._links.in_link or host_ahead(behind, whole)
        if in_link is None or (self._agrees and not whole and _may_agree(behind)):
            return None
        # Behind another value an address would take that in: 김철수.lee@evil.example.
        if in_link or (self._glued and "@" in value.original):
            self.counts["kept_in_url"] += 1
            return self._pass(found.end)
        if not (self._open or value.origins & _TRUSTED):
            self.counts["origin"] += 1
            return self._pass(found.end)
        return self._restore(value, found, behind)

    def _restore(self, value: Value, found: Found, behind: str) -> str:
        withheld = value.operator is Operator.WITHHOLD
        self.counts["withheld" if withheld else "restored"] += 1
        word = blank(value.entity, self._policy.language) if withheld else value.original
        particle, length = found.inner, 0
        if self._agrees and not self._links.in_code:
            if particle:
                particle = agree(word, particle)[0] or particle
            else:
                particle, length = _agreed(word, behind)
                if not length and behind.startswith("(", _closing(behind)):
                    self._spoken, self._aside = word, 0
        self._links.word(word)
        self._glued = True
        self._links.feed(particle)
        self._drop(found.end + length)
        return self._written(found.lead + word + found.trail + particle)

    def _behind_bracket(self) -> str:
        """The particle of the word before the bracket that has just been closed."""
        particle, length = _agreed(self._spoken, self._text)
        self._spoken, self._closed = "", False
        if length:
            self._links.feed(particle)
            self._drop(length)
        return particle

    def _written(self, text: str) -> str:
        if self._nested.inside:
            text = quoted(text)
        return quoted(text) if self._inside else text


def _may_agree(behind: str) -> bool:
    """Whether more text could still make, of what stands behind a word, a particle of it."""
    return may_become_chain(behind[_closing(behind) :])


def _agreed(word: str, behind: str) -> tuple[str, int]:
    """The right closing signs and particle behind a word, and how much of `behind` they replace."""
    closing = _closing(behind)
    particle, length = agree(word, behind[closing:])
    return (behind[:closing] + particle, closing + length) if length else ("", 0)


def _closing(behind: str) -> int:
    match = _CLOSING.match(behind)
    return match.end() if match else 0
