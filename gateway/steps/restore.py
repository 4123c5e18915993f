"""Step: scan and restore. The engine's parts become what the caller reads.

Takes parts that hold surrogates; gives parts of the same shape with the real words. One lane (a
Scanner, then a Restorer) per choice, field and tool call; held text leaves inside the part that
carries the choice's finish_reason. It must never let text pass that was not scanned first: what
stands beside a text (alternatives of a token, its bytes) is scanned too, or written anew.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain import Expected
from gateway.errors import AnswerInvalid
from gateway.protocol.answer_schema import AnswerSchema
from inference.task import Choice, Part, TokenLogprob, ToolCall
from redaction.mapping import Mapping as SurrogateMapping
from redaction.policy import Policy
from redaction.restore import Mode, Place, Restorer
from redaction.scan import Scanner
from redaction.surrogate import may_start, search


class Restoration:
    """Restores one call's parts. Not a coroutine anywhere: plain feed and finish.

    Raises (from feed and finish):
        AnswerInvalid: a finished JSON answer breaks the caller's schema.
    """

    def __init__(self, mapping: SurrogateMapping, policy: Policy, expected: Expected) -> None:
        self._mapping, self._policy, self._expected = mapping, policy, expected
        self._choices: dict[int, _ChoiceLanes] = {}
        self._schema = AnswerSchema(expected.schema) if expected.schema is not None else None

    def feed(self, part: Part) -> Part:
        """The part as the caller may read it; a choice may come back with nothing to say yet."""
        return Part(tuple([self._restore(choice) for choice in part.choices]), part.tokens)

    def finish(self) -> Part:
        """What choices without a finish_reason still hold; without choices after a whole answer."""
        rest = (
            lanes.feed(Choice(number), last=True)
            for number, lanes in self._choices.items()
            if not lanes.finished
        )
        return Part(tuple(choice for choice in rest if _says_something(choice)))

    @property
    def restored(self) -> Mapping[str, int]:
        """How many surrogates came back, and how many did not, by reason."""
        total: Counter[str] = Counter()
        for lanes in self._choices.values():
            for lane in lanes.all():
                total.update(lane.restorer.counts)
        return total

    @property
    def blanked(self) -> Mapping[str, int]:
        """How many values of each kind the engine made up and were blanked."""
        total: Counter[str] = Counter()
        for lanes in self._choices.values():
            for lane in lanes.all():
                total.update(lane.scanner.counts)
        return total

    def _restore(self, choice: Choice) -> Choice:
        lanes = self._choices.get(choice.number)
        if lanes is None:
            lanes = _ChoiceLanes(self._mapping, self._policy, is_json=self._expected.is_json)
            self._choices[choice.number] = lanes
        restored = lanes.feed(choice, last=choice.finish_reason is not None)
        if self._schema is not None:
            lanes.answer.append(restored.content or "")
            if choice.finish_reason == "stop" and not self._schema.accepts("".join(lanes.answer)):
                raise AnswerInvalid
        return restored


def _says_something(choice: Choice) -> bool:
    return any((choice.content, choice.reasoning, choice.refusal, choice.tool_calls))


class _ChoiceLanes:
    """All lanes of one choice."""

    def __init__(self, mapping: SurrogateMapping, policy: Policy, *, is_json: bool) -> None:
        self._mapping, self._policy = mapping, policy
        place = Place.JSON if is_json else Place.TEXT
        alternatives = _Alternatives(mapping, policy)
        self._content = _LoggedLane(_Lane(mapping, policy, place), alternatives)
        self._reasoning = _Lane(mapping, policy, Place.TEXT)
        self._refusal = _LoggedLane(_Lane(mapping, policy, Place.TEXT), alternatives)
        self._tools: dict[int, _Lane] = {}
        self.finished = False
        self.answer: list[str] = []

    def all(self) -> tuple["_Lane", ...]:
        return (self._content.lane, self._reasoning, self._refusal.lane, *self._tools.values())

    def feed(self, choice: Choice, *, last: bool) -> Choice:
        self.finished = self.finished or last
        content, logprobs = self._content.feed(choice.content, choice.logprobs, last=self.finished)
        refusal, refusal_logprobs = self._refusal.feed(
            choice.refusal, choice.refusal_logprobs, last=self.finished
        )
        # Built anew and whole: nothing of the engine's passes because nobody thought of it here.
        return Choice(
            choice.number,
            content,
            self._reasoning.feed(choice.reasoning, last=self.finished),
            refusal,
            self._feed_tools(choice.tool_calls),
            choice.finish_reason,
            logprobs,
            refusal_logprobs,
        )

    def _feed_tools(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        restored: dict[int, ToolCall] = {}
        for call in calls:
            lane = self._tools.get(call.number)
            if lane is None:
                lane = _Lane(self._mapping, self._policy, Place.TOOL_ARGUMENTS, tool=call.name)
                self._tools[call.number] = lane
            text = lane.feed(call.arguments, last=False) or ""
            before = restored.get(call.number)
            restored[call.number] = (
                call._replace(arguments=text)
                if before is None
                else before._replace(arguments=before.arguments + text)
            )
        if self.finished:
            for number, lane in self._tools.items():
                rest = lane.feed(None, last=True) or ""
                said = restored.get(number) or ToolCall(number, None, None, "")
                if rest or number in restored:
                    restored[number] = said._replace(arguments=said.arguments + rest)
        return tuple(restored[number] for number in sorted(restored))


class _Lane:
    """One text of the engine on its way to the caller: first scanned, then restored."""

    def __init__(
        self, mapping: SurrogateMapping, policy: Policy, place: Place, tool: str | None = None
    ) -> None:
        mode = Mode.AGREE if place is Place.TEXT else Mode.EXACT
        self.scanner = Scanner(mapping, policy, place=place)
        self.restorer = Restorer(mapping, policy, place=place, mode=mode, tool=tool)
        self._ended = False

    def feed(self, text: str | None, *, last: bool) -> str | None:
        """The restored text; None where the engine said nothing and nothing was held."""
        out = self.restorer.feed(self.scanner.feed(text)) if text else ""
        if last and not self._ended:
            self._ended = True
            out += self.restorer.feed(self.scanner.flush()) + self.restorer.flush()
        return out if out or text is not None else None


class _Alternatives:
    """Which of the words that an engine nearly said may be shown: none that tells of anybody."""

    def __init__(self, mapping: SurrogateMapping, policy: Policy) -> None:
        self._mapping, self._policy = mapping, policy

    def safe(self, entries: Iterable[TokenLogprob]) -> tuple[TokenLogprob, ...]:
        """The entries without surrogates and without values that the engine made up."""
        return tuple(_written(entry) for entry in entries if self._harmless(entry.token))

    def _harmless(self, text: str) -> bool:
        if may_start(text) and search(text, 0, "", whole=True) is not None:
            return False
        if _MAY_HOLD_VALUE.search(text) is None:
            return True
        scanner = Scanner(self._mapping, self._policy)
        return scanner.feed(text) + scanner.flush() == text


@dataclass(slots=True)
class _LoggedLane:
    """A lane whose text may come with log probabilities of its tokens.

    Tokens that made up a surrogate become one entry: the real word, the sum of their log
    probabilities, no alternatives (those would name other people's surrogates). A token that was
    held back keeps its entry but no alternatives: digit by digit they could spell a number.
    """

    lane: _Lane
    _alternatives: _Alternatives
    _held: list[TokenLogprob] = field(default_factory=list)

    def feed(
        self, text: str | None, tokens: tuple[TokenLogprob, ...] | None, *, last: bool
    ) -> tuple[str | None, tuple[TokenLogprob, ...] | None]:
        """The restored text and its entries; both None where nothing was said or held."""
        if tokens is None and not self._held:
            return self.lane.feed(text, last=last), None
        pieces = tokens or ()
        if "".join(token.token for token in pieces) != (text or ""):
            pieces = (_merged(text or "", pieces),) if text else ()
        said: list[str] = []
        entries: list[TokenLogprob] = []
        for piece in pieces:
            # Without text there is nothing to restore: it waits for the next that has some.
            out = self.lane.feed(piece.token, last=False) if piece.token else ""
            self._held.append(piece)
            if out:
                said.append(out)
                entries += self._entries(out)
        if last:
            rest = self.lane.feed(None, last=True) or ""
            said.append(rest)
            entries += self._entries(rest)
        return "".join(said), tuple(entries)

    def _entries(self, out: str) -> Sequence[TokenLogprob]:
        """What the tokens held so far have become, now that they are said as `out`."""
        held, self._held = self._held, []
        if out != "".join(token.token for token in held):
            return (_merged(out, held),)
        if len(held) == 1:
            return (_written(held[0], self._alternatives.safe(held[0].top)),)
        return [_written(token) for token in held]


# Fewer digits are no value of any kind; see `redaction.scan`.
_MAY_HOLD_VALUE = re.compile(r"[@＠]|\d(?:\D*\d){6}")


def _written(token: TokenLogprob, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    """An entry whose bytes are those of its text, whatever the engine says they are."""
    if token.bytes is None:
        return token if token.top == top else token._replace(top=top)
    return TokenLogprob(token.token, token.logprob, _encoded(token.token), top)


def _merged(text: str, tokens: Iterable[TokenLogprob]) -> TokenLogprob:
    return TokenLogprob(text, sum(token.logprob for token in tokens), _encoded(text))


def _encoded(text: str) -> tuple[int, ...]:
    return tuple(text.encode("utf-8", "surrogatepass"))
