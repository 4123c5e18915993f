"""Step scan: an engine's text before restoration; what it made up itself does not reach people.

Surrogates are opaque here. Structured identifiers, contacts and accounts that the engine wrote and
that the caller's own input does not hold become `〈전화번호 가림〉`. The recognizers are those of
detection, without Presidio; they see the run of characters that a value could be, and what stood
before it, never what comes behind: so the pieces in which a text arrives do not matter, and text
is held only from the first character that can begin a value to the first that cannot continue it.
"""

import re
from collections import Counter

from redaction.entity import ENTITIES, Span
from redaction.json_text import JsonReader
from redaction.mapping import Mapping
from redaction.normalize import views
from redaction.policy import Operator, Policy
from redaction.recognizers.kr.pack import KR_OFFICES
from redaction.recognizers.packs import PACKS
from redaction.recognizers.recognizer import Reading
from redaction.recognizers.resolve import resolve
from redaction.restore import Place
from redaction.surrogate import blank

# The shortest value of any kind is a representative telephone number.
_LEAST_DIGITS = 7
_CONTEXT = 64  # characters before a run: recognizers look for labels within 28 and one line above
_CONTEXT_WORDS = 3  # an address that is written with spaces reaches back no further
_LONGEST_RUN = 256  # longer than any value, an address of e-mail (RFC 5321: 254) nearly so
_CUT = 128
_SLICE = 512  # a whole answer is read in slices, so that the work grows with its length only

_UNIT = r"[\dA-Za-zＡ-Ｚａ-ｚ@＠]"
_JOINT = (
    r"[\-\u2010-\u2015\u2212\uff0d·./．／_~:()+%,\\'&=#;*!?^{|}$"
    r"\u00ad\u200b-\u200f\u2060\ufeff\u180e\u202a-\u202e\u2066-\u2069]"
)
_GAP = rf"(?:{_JOINT}|[ \u00a0\u2000-\u200a\u202f\u3000])"
_START = re.compile(rf"[+(]|{_UNIT}")
_RUN = re.compile(
    rf"[+(]{{0,3}}(?:{_UNIT}+(?:{_JOINT}{{1,6}}{_UNIT}+|(?<=\d){_GAP}{{1,6}}(?=[\d(+]){_JOINT}*{_UNIT}+)*)?"
)
_TRAIL = re.compile(rf"(?:{_JOINT}|(?<=\d){_GAP}){{0,1}}{_GAP}{{0,5}}")
_LETTER_TRAIL = re.compile(rf"{_JOINT}{{0,6}}")
_DIGIT = re.compile(r"\d")


class Scanner:
    """Scans one stream of one choice, before its restorer.

    A plain feed/flush object: whatever the pieces, the joined output is the same. `counts` says
    how many values were blanked, per entity name. In JSON a blank outside a string becomes one.
    """

    __slots__ = (
        "_context",
        "_held",
        "_mapping",
        "_policy",
        "_reader",
        "_recognizers",
        "_without_digits",
        "counts",
    )

    def __init__(self, mapping: Mapping, policy: Policy, *, place: Place = Place.TEXT) -> None:
        self.counts: Counter[str] = Counter()
        self._mapping = mapping
        self._policy = policy
        self._recognizers = tuple(
            recognizer
            for pack in PACKS.values()
            if pack is not KR_OFFICES  # what everybody may know, an engine may say
            for recognizer in pack.recognizers
            if ENTITIES[recognizer.entity].structured
            and policy.operator(recognizer.entity) is not Operator.ALLOW
        )
        self._without_digits = tuple(item for item in self._recognizers if not item.numeric)
        self._reader = None if place is Place.TEXT else JsonReader()
        self._held = ""
        self._context = ""

    def feed(self, text: str) -> str:
        """What can be said of everything fed so far and was not returned yet."""
        if not self._held and not _START.search(text):
            return self._pass(text)
        parts: list[str] = []
        for at in range(0, len(text), _SLICE):
            self._held += text[at : at + _SLICE]
            parts.append(self._scan(whole=False))
        return "".join(parts)

    def flush(self) -> str:
        """Everything still held; the stream has ended."""
        return self._scan(whole=True)

    def _scan(self, whole: bool) -> str:
        parts: list[str] = []
        while self._held:
            start = _START.search(self._held)
            if start is None:
                parts.append(self._take(len(self._held)))
                break
            parts.append(self._take(start.start()))
            end = self._run_end(whole)
            if end is None:
                break
            parts.append(self._judge(end))
        return "".join(parts)

    def _run_end(self, whole: bool) -> int | None:
        """Where the run at the beginning of the held text ends; None if more could continue it."""
        run = _RUN.match(self._held, 0, _LONGEST_RUN)
        end = run.end() if run else 0
        trail = _TRAIL if end and _DIGIT.match(self._held[end - 1]) else _LETTER_TRAIL
        more = trail.match(self._held, end, _LONGEST_RUN)
        reach = more.end() if more else end
        if reach >= _LONGEST_RUN:
            return _LONGEST_RUN
        if reach == len(self._held) and not whole:
            return None
        return max(end, 1)

    def _judge(self, end: int) -> str:
        """Says the first `end` characters, or the first part of an overlong run, values blanked."""
        run = self._held[:end]
        spans = self._made_up(run)
        if end == _LONGEST_RUN:
            end = next((s.end for s in spans if s.start < _CUT < s.end), _CUT)
        parts: list[str] = []
        position = 0
        for span in spans:
            if span.start >= end:
                break
            parts.append(self._take(span.start - position))
            self.counts[span.entity] += 1
            hidden = blank(span.entity, self._policy.language)
            parts.append(hidden if self._in_text() else f'"{hidden}"')
            self._take(span.end - span.start)
            position = span.end
        parts.append(self._take(end - position))
        return "".join(parts)

    def _made_up(self, run: str) -> tuple[Span, ...]:
        """The values in a run that the caller's input does not hold; offsets within the run."""
        if "@" not in run and "＠" not in run and len(_DIGIT.findall(run)) < _LEAST_DIGITS:
            return ()
        context, wanted = self._context, self._recognizers
        if _DIGIT.search(run) is None:
            # A number ends with a digit; what escapes hide is looked for in any case. Addresses
            # before this one must not be found again for each that follows.
            wanted = self._without_digits
            words = context.rsplit(None, _CONTEXT_WORDS)
            context = context[len(words[0]) :] if len(words) > _CONTEXT_WORDS else context
        text, before = context + run, len(context)
        found: list[Span] = []
        for view in views(text):
            recognizers, wanted = wanted, self._recognizers
            reading = Reading(view.text)
            for recognizer in recognizers:
                for span in recognizer.find(reading):
                    start, end = view.original(span.start, span.end)
                    if end > before:
                        found.append(span._replace(start=start, end=end))
        return tuple(
            span._replace(start=max(span.start - before, 0), end=span.end - before)
            for span in resolve(found)
            if not self._mapping.holds(span.entity, text[span.start : span.end])
        )

    def _in_text(self) -> bool:
        return self._reader is None or self._reader.inside

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        return self._pass(text)

    def _pass(self, text: str) -> str:
        if self._reader is not None:
            for _ in self._reader.feed(text):
                pass
        self._context = (self._context + text)[-_CONTEXT:]
        return text
