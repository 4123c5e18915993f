"""Step: scan and restore. The engine's parts become what the caller reads.

Takes parts that hold surrogates; gives parts of the same shape with the real words. One lane (a
Scanner, then a Restorer) per choice, field and tool call; held text leaves inside the part that
carries the choice's finish_reason. It must never let text pass that was not scanned first: what
stands beside a text (alternatives of a token, its bytes) is scanned too, or written anew.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from gateway.domain import Expected
from gateway.errors import AnswerInvalid
from gateway.protocol.answer_schema import AnswerSchema
from gateway.protocol.answer_text import TOOLS, AnswerText
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

    def __init__(
        self,
        mapping: SurrogateMapping,
        policy: Policy,
        expected: Expected,
        kept: AnswerText | None = None,
    ) -> None:
        self._mapping, self._policy, self._expected = mapping, policy, expected
        self._kept = kept or AnswerText()
        self._choices: dict[int, _ChoiceLanes] = {}
        self._schema = AnswerSchema(expected.schema) if expected.schema is not None else None

    def feed(self, part: Part) -> Part:
        """The part as the caller may read it; a choice may come back with nothing to say yet."""
        return Part(tuple([self._restore(choice) for choice in part.choices]), part.tokens)

    def finish(self) -> Part:
        """What choices without a finish_reason still hold; without choices after a whole answer."""
        rest = [
            self._feed(number, lanes, Choice(number), last=True)
            for number, lanes in self._choices.items()
            if not lanes.finished
        ]
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
        restored = self._feed(choice.number, lanes, choice, last=choice.finish_reason is not None)
        if self._schema is not None:
            lanes.answer.append(restored.content or "")
            if choice.finish_reason == "stop" and not self._schema.accepts("".join(lanes.answer)):
                raise AnswerInvalid
        return restored

    def _feed(self, number: int, lanes: "_ChoiceLanes", choice: Choice, *, last: bool) -> Choice:
        restored = lanes.feed(choice, last=last)
        self._kept.add(number, lanes.scanned())
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

    def scanned(self) -> list[tuple[str, int, str]]:
        """What the engine has said since this was last asked, with its surrogates."""
        named = (
            ("content", 0, self._content.lane),
            ("reasoning", 0, self._reasoning),
            ("refusal", 0, self._refusal.lane),
            *((TOOLS, number, lane) for number, lane in self._tools.items()),
        )
        return [(name, number, lane.take_scanned()) for name, number, lane in named]

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
            name = None  # it stands in a call's first piece only
            if lane is None:
                lane = _Lane(self._mapping, self._policy, Place.TOOL_ARGUMENTS, tool=call.name)
                self._tools[call.number] = lane
                name = call.name and self._scanned(call.name)
            text = lane.feed(call.arguments, last=False) or ""
            before = restored.get(call.number)
            restored[call.number] = (
                call._replace(name=name, arguments=text)
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

    def _scanned(self, text: str) -> str:
        scanner = Scanner(self._mapping, self._policy)
        return scanner.feed(text) + scanner.flush()


class _Lane:
    """One text of the engine on its way to the caller: first scanned, then restored."""

    def __init__(
        self, mapping: SurrogateMapping, policy: Policy, place: Place, tool: str | None = None
    ) -> None:
        mode = Mode.AGREE if place is Place.TEXT else Mode.EXACT
        self.scanner = Scanner(mapping, policy, place=place)
        self.restorer = Restorer(mapping, policy, place=place, mode=mode, tool=tool)
        self._ended = False
        self._scanned: list[str] = []

    def feed(self, text: str | None, *, last: bool) -> str | None:
        """The restored text; None where the engine said nothing and nothing was held."""
        out = self._restore(self.scanner.feed(text)) if text else ""
        if last and not self._ended:
            self._ended = True
            out += self._restore(self.scanner.flush()) + self.restorer.flush()
        return out if out or text is not None else None

    def take_scanned(self) -> str:
        """What was scanned since this was last asked, before restoration."""
        taken = "".join(self._scanned)
        self._scanned.clear()
        return taken

    def _restore(self, scanned: str) -> str:
        self._scanned.append(scanned)
        return self.restorer.feed(scanned)


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
    _aligned: "_Alignment" = field(default_factory=lambda: _Alignment())
    _held: list[TokenLogprob] = field(default_factory=list)
    _said: str = ""  # said already, but its entry is not
    _logged: bool = False  # entries have come

    def feed(
        self, text: str | None, tokens: tuple[TokenLogprob, ...] | None, *, last: bool
    ) -> tuple[str | None, tuple[TokenLogprob, ...] | None]:
        """The restored text and its entries; both None where nothing was said or held."""
        self._logged = self._logged or tokens is not None
        if not self._logged:
            return self.lane.feed(text, last=last), None
        said: list[str] = []
        entries: list[TokenLogprob] = []
        for piece in self._aligned.feed(text or "", tokens or (), last=last):
            # Without text there is nothing to restore: it waits for the next that has some.
            out = self.lane.feed(piece.token, last=False) if piece.token else ""
            self._held.append(piece)
            if out:
                said.append(out)
                entries += self._entries(out)
        if last:
            rest = self.lane.feed(None, last=True) or ""
            said += [rest] if rest else []
            entries += self._entries(rest, last=True)
        if text is None and tokens is None and not (said or entries):
            return None, None
        return "".join(said), tuple(entries)

    def _entries(self, out: str, *, last: bool = False) -> Sequence[TokenLogprob]:
        """What tokens held so far have become, now that `out` is said too.

        A token is said when its text is; where other words are said, all held ones became them.
        """
        whole = len(self._held) == 1 and not self._said and out == self._held[0].token
        text, at, count = self._said + out, 0, 0
        while count < len(self._held) and (last or at < len(text)):
            if not text.startswith(self._held[count].token, at):
                break
            at += len(self._held[count].token)
            count += 1
        said, self._held, self._said = self._held[:count], self._held[count:], text[at:]
        if whole:
            return (_written(said[0], self._alternatives.safe(said[0].top)),)
        entries = [_written(token) for token in said]
        if self._said and (last or not self._begins(self._said)):
            entries.append(_merged(self._said, self._held))
            self._held, self._said = [], ""
        return entries

    def _begins(self, text: str) -> bool:
        """Whether the first held token is only half said: its last characters are held back."""
        return bool(self._held) and self._held[0].token.startswith(text)


def _said_until(token: str, text: str, at: int) -> int | None:
    """Where the text that a token says ends; None if it does not stand at `at`.

    A token may hold the last bytes of a character, and more: an engine writes U+FFFD for those.
    """
    if text.startswith(token, at):
        return at + len(token)
    rest = token.lstrip("\ufffd")
    if len(rest) < len(token) and at < len(text) and text.startswith(rest, at + 1):
        return at + 1 + len(rest)
    return None


class _Alignment:
    """Brings tokens and text together again, which an engine sends apart.

    vLLM keeps text back while it may still become a stop string, and gives the entries of its
    tokens at once; the first bytes of a character are a token without text; and tokens that never
    become text (the end of a turn, a stop string, a tool call) have entries too: those are left
    out, since nobody reads what they say.
    """

    __slots__ = ("_text", "_tokens")

    def __init__(self) -> None:
        self._tokens: deque[TokenLogprob] = deque()
        self._text = ""

    def feed(
        self, text: str, tokens: tuple[TokenLogprob, ...], *, last: bool
    ) -> list[TokenLogprob]:
        """Tokens that together say the text that has come; at most one token's text is kept back.

        Text that fits no token is said by an entry of its own.
        """
        self._tokens.extend(tokens)
        text, at = self._text + text, 0
        pieces: list[TokenLogprob] = []
        strays: list[TokenLogprob] = []
        while self._tokens and at < len(text):
            token = self._tokens[0].token
            end = _said_until(token, text, at)
            if end is not None:
                pieces.append(self._tokens.popleft()._replace(token=text[at:end]))
                at = end
            elif token.startswith(text[at : at + len(token)]):
                break
            else:
                strays.append(self._tokens.popleft())
        self._text = text[at:]
        if self._text and (last or not self._tokens):
            pieces.append(_merged(self._text, [*self._tokens][:1] or strays))
            self._text = ""
        if last:
            # A character whose last bytes never came has entries too.
            pieces += takewhile(lambda entry: not entry.token, self._tokens)
            self._tokens.clear()
        return pieces


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
