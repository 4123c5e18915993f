"""Step replace: fields and findings in, fields with surrogates and their Mapping out.

Numbering is the hard part (DESIGN section 4, docs/adr/0002). Nothing is stored between turns, and
replace(c + d) must equal replace(c) on c except at spans that d newly revealed, so that an engine
finds its prefix again. Therefore fields are read in order, and at field k only what the fields up
to k say by themselves may take a number: the values that field k's own text reveals, the caller's
literals in it, and further spellings of values already revealed. A value that a later field
reveals covers its earlier occurrences too (`COVER_RULE`), but takes its number there.

It must never let an original pass because something about it was odd: then the call fails.
Runs on the event loop: linear in the number of spans; each spelling is thought about once.
"""

import hmac
import unicodedata
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from redaction.entity import COVER_RULE, ENTITIES, FOLLOWED_RULE, Field, Findings, Origin
from redaction.errors import ContentBlocked, RedactionIncomplete
from redaction.mapping import LITERAL, Mapping, Value, equal_form
from redaction.policy import Operator, Policy
from redaction.surrogate import Literal, label_of, literals, name_of, written

_HASH_CHARACTERS = 16  # of SHA-256 in hexadecimal: 64 bits, enough to join an agency's records


class Replaced(NamedTuple):
    """What may leave: the i-th text answers the i-th field."""

    texts: tuple[str, ...]
    mapping: Mapping


class _Piece(NamedTuple):
    """A part of one field that will be replaced.

    `reveals`: the field that told that its value is personal; None: whichever else holds it.
    """

    where: int
    start: int
    end: int
    entity: str
    label: str
    reveals: int | None


@dataclass(slots=True)
class _Known:
    """One value: its number and, per spelling, its surrogate's canonical name."""

    entity: str
    number: int
    names: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    origins: set[Origin] = field(default_factory=set)


_Key = tuple[str, str]  # entity, equal form


class _Forms:
    """Equal forms of values, each text read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], _Key] = {}

    def key(self, entity: str, text: str) -> _Key:
        """What one value's spellings have in common."""
        key = self._read.get((entity, text))
        if key is None:
            key = self._read[entity, text] = entity, equal_form(entity, text)
        return key


class _Numbering:
    """Gives each value its number, each spelling its letter; skips what callers' literals say."""

    def __init__(self, policy: Policy, numbered: bool, forms: _Forms) -> None:
        self.policy = policy
        self.numbered = numbered
        self.known: dict[_Key, _Known] = {}
        self._forms = forms
        self._placed: dict[tuple[str, str, str], tuple[set[Origin], str]] = {}
        self._issued: set[str] = set()
        self._reserved: set[str] = set()
        self._last: dict[str, int] = {}

    def reserve(self, literal: Literal) -> bool:
        """Keeps a literal's numbers free of values; False if one of them is somebody's already."""
        if not self.numbered:
            return True
        if not self._issued.isdisjoint(literal.names):
            return False
        self._reserved.update(literal.names)
        return True

    def place(self, piece: _Piece, text: str, origin: Origin) -> str:
        """What will stand in the place of `text`; takes a number or a letter if it is new."""
        origins, surrogate = self._placed.get(
            (piece.entity, piece.label, text)
        ) or self._place_first(piece, text)
        origins.add(origin)
        return surrogate

    def _place_first(self, piece: _Piece, text: str) -> tuple[set[Origin], str]:
        entity, form = self._forms.key(piece.entity, text)
        key = (entity + piece.label * (entity == LITERAL), form)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = _Known(entity, 0)
        known.written[text] = self._write(piece, known, form, text)
        placed = self._placed[entity, piece.label, text] = known.origins, known.written[text]
        return placed

    def values(self) -> Iterator[Value]:
        """Everything that was placed, in order of first meeting."""
        for known in self.known.values():
            operator = _operator(self.policy, known.entity)
            for original, surrogate in known.written.items():
                name = known.names.get(original, "")
                origins = frozenset(known.origins)
                yield Value(surrogate, original, known.entity, operator, origins, name)

    def _write(self, piece: _Piece, known: _Known, form: str, text: str) -> str:
        operator = _operator(self.policy, piece.entity)
        if operator is Operator.ALLOW:
            return text
        if operator is Operator.MASK:
            return "".join("*" if char.isalnum() else char for char in text)
        if operator is Operator.HASH:
            return f"[{piece.label}#{_digest(self.policy, piece.entity, form)}]"
        if not self.numbered:
            return f"[{piece.label}]"
        name = known.names[text] = self._issue(piece.label, known)
        return written(name, piece.label)

    def _issue(self, label: str, known: _Known) -> str:
        try:
            while not known.number:
                number = self._last[label] = self._last.get(label, 0) + 1
                name = name_of(label, number, 0)
                if name not in self._reserved:
                    known.number = number
                    self._issued.add(name)
            return name_of(label, known.number, len(known.names))
        except OverflowError:
            raise RedactionIncomplete from None


_Cut = tuple[int, int, str]  # start, end, what stands there instead


class _Cutting:
    """Which parts of the fields have been replaced, and by what; no two of them overlap."""

    def __init__(self, fields: Sequence[Field], numbering: _Numbering) -> None:
        self.fields = fields
        self.numbering = numbering
        self._cuts: list[list[_Cut]] = [[] for _ in fields]
        self._escaped: list[list[tuple[int, int]]] = [[] for _ in fields]
        self._allowed = {
            entity for entity in ENTITIES if _operator(numbering.policy, entity) is Operator.ALLOW
        }

    def escape(self, literals: Iterable[_Piece], now: Sequence[_Piece]) -> list[_Piece]:
        """What of the callers' literals stands outside everything replaced, here or earlier.

        `now` are the pieces of the current field. The answer is theirs to be cut with them.
        """
        taken = {
            piece.where: [(other.start, other.end) for other in now if not self._allows(other)]
            for piece in now[:1]
        }
        escapes: list[_Piece] = []
        for literal in literals:
            where = literal.where
            if where not in taken:
                taken[where] = sorted((start, end) for start, end, _ in self._cuts[where])
            escapes += _outside(literal, taken[where])
        for piece in escapes:
            insort(self._escaped[piece.where], (piece.start, piece.end))
        return escapes

    def cut(self, piece: _Piece) -> None:
        """Replaces a piece, but for what a literal took of it; an allowed one is only noted."""
        item = self.fields[piece.where]
        escaped = self._escaped[piece.where]
        allowed = self._allows(piece)
        whole = allowed or not escaped or piece.entity == LITERAL
        for part in (piece,) if whole else _outside(piece, escaped):
            text = item.text[part.start : part.end]
            surrogate = self.numbering.place(part, text, item.origin)
            if not allowed:
                self._cuts[piece.where].append((part.start, part.end, surrogate))

    def texts(self) -> tuple[str, ...]:
        """The fields' texts as they may leave."""
        return tuple(
            _compose(item.text, sorted(cuts))
            for item, cuts in zip(self.fields, self._cuts, strict=True)
        )

    def _allows(self, piece: _Piece) -> bool:
        return piece.entity in self._allowed


def replace(
    fields: Sequence[Field], findings: Findings, policy: Policy, *, numbered: bool = True
) -> Replaced:
    """Puts surrogates (or what the policy's operators say) in the place of everything found.

    `fields` stand in the order in which the chat template renders them. With `numbered` false all
    values of a kind get the same label and nothing comes back: for embeddings, where one text must
    give one vector.

    Raises:
        ContentBlocked: the policy's operator for something found is `block`.
        RedactionIncomplete: findings do not fit the fields, or numbers ran out.
    """
    forms = _Forms()
    pieces, covers = _turns(fields, _pieces(fields, findings, policy), forms)
    crossing = _crossing_literals(fields)
    numbering = _Numbering(policy, numbered, forms)
    cutting = _Cutting(fields, numbering)
    for k, item in enumerate(fields):
        alone = [(literal, ((k, literal.start, literal.end),)) for literal in literals(item.text)]
        escapes = [
            _Piece(where, start, end, LITERAL, _label(literal.label, policy), k)
            for literal, places in [*alone, *crossing.get(k, ())]
            if not numbering.reserve(literal)
            for where, start, end in places
        ]
        now = pieces[k]
        if escapes:
            now = sorted([*now, *cutting.escape(escapes, now)], key=_position)
        for piece in (*now, *covers[k]):
            cutting.cut(piece)
    return Replaced(cutting.texts(), Mapping(tuple(numbering.values())))


def _operator(policy: Policy, entity: str) -> Operator:
    return Operator.REPLACE if entity == LITERAL else policy.operator(entity)


def _label(korean: str, policy: Policy) -> str:
    """A literal's label in the policy's language."""
    entity = next(entity for entity in ENTITIES.values() if entity.label == korean)
    return label_of(entity.name, policy.language)


def _digest(policy: Policy, entity: str, form: str) -> str:
    if policy.hash_key is None:
        raise RedactionIncomplete
    message = f"{entity}\0{form}".encode("utf-8", "surrogatepass")
    return hmac.new(policy.hash_key, message, sha256).hexdigest()[:_HASH_CHARACTERS]


def _position(piece: _Piece) -> tuple[int, int]:
    return piece.where, piece.start


def _pieces(fields: Sequence[Field], findings: Findings, policy: Policy) -> list[list[_Piece]]:
    """The spans as pieces, per field; refuses what is blocked and what does not fit the texts."""
    if len(findings.spans) != len(fields):
        raise RedactionIncomplete
    labels: dict[str, str] = {}
    pieces: list[list[_Piece]] = []
    for where, (item, spans) in enumerate(zip(fields, findings.spans, strict=True)):
        end, length = 0, len(item.text)
        found: list[_Piece] = []
        for span in spans:
            label = labels.get(span.entity)
            if label is None:
                label = labels[span.entity] = _label_of(span.entity, policy)
            if not end <= span.start < span.end <= length:
                raise RedactionIncomplete
            end = span.end
            reveals = _REVEALED_ELSEWHERE.get(span.rule, 0)
            told = None if reveals is None else where + reveals
            found.append(_Piece(where, span.start, end, span.entity, label, told))
        pieces.append(found)
    return pieces


# How many fields further a value is revealed; None: not known.
_REVEALED_ELSEWHERE = MappingProxyType({COVER_RULE: None, FOLLOWED_RULE: 1})


def _label_of(entity: str, policy: Policy) -> str:
    """The label of a kind that may be replaced."""
    if entity not in ENTITIES:
        raise RedactionIncomplete
    if policy.operator(entity) is Operator.BLOCK:
        raise ContentBlocked(entity)
    return label_of(entity, policy.language)


def _turns(
    fields: Sequence[Field], pieces: list[list[_Piece]], forms: _Forms
) -> tuple[list[list[_Piece]], list[list[_Piece]]]:
    """For each field its own pieces, and those of earlier fields whose value it reveals.

    Detection covers equal values. Where a cover has no equal, the first value of its kind with the
    same digits reveals it (the bare number of a passport); failing that the next field, if the
    model reads it directly behind; failing that the last.
    """
    first: dict[_Key, int] = {}
    keyed = [
        [
            (forms.key(item.entity, fields[item.where].text[item.start : item.end]), item)
            for item in found
        ]
        for found in pieces
    ]
    for key, piece in (pair for found in keyed for pair in found):
        if piece.reveals is not None:
            first[key] = min(piece.reveals, first.get(key, piece.reveals))
    numbers: dict[_Key, int] = {}
    for (entity, form), k in first.items():
        number = entity, _decimals(form)
        numbers[number] = min(k, numbers.get(number, k))
    last = len(fields) - 1
    own: list[list[_Piece]] = [[] for _ in fields]
    covers: list[list[_Piece]] = [[] for _ in fields]
    for key, piece in (pair for found in keyed for pair in found):
        revealed = first.get(key)
        if revealed is None:
            follows = piece.where < last and fields[piece.where + 1].joins_previous
            otherwise = piece.where + 1 if follows else last
            digits = _decimals(key[1])
            revealed = numbers.get((key[0], digits), otherwise) if digits else otherwise
            first[key] = revealed
        revealed = min(revealed, last)
        (covers[revealed] if revealed > piece.where else own[piece.where]).append(piece)
    return own, covers


def _decimals(form: str) -> str:
    """The digits of a form, of whatever script."""
    if form.isascii():
        return "".join(filter(str.isdecimal, form))
    return "".join(str(unicodedata.decimal(char)) for char in form if char.isdecimal())


_Places = tuple[tuple[int, int, int], ...]  # field, start, end


def _crossing_literals(fields: Sequence[Field]) -> dict[int, list[tuple[Literal, _Places]]]:
    """Literals that stand across fields which the model reads as one text, by their last field."""
    crossing: dict[int, list[tuple[Literal, _Places]]] = {}
    begin = 0
    for end in range(1, len(fields) + 1):
        if end < len(fields) and fields[end].joins_previous:
            continue
        if end - begin > 1:
            joined = "".join(item.text for item in fields[begin:end])
            for literal in literals(joined):
                places = tuple(_places(fields, begin, literal))
                if len(places) > 1:
                    crossing.setdefault(places[-1][0], []).append((literal, places))
        begin = end
    return crossing


def _places(
    fields: Sequence[Field], where: int, literal: Literal
) -> Iterator[tuple[int, int, int]]:
    """The parts of a literal of a joined text in the fields that it touches, from field `where`."""
    base = 0
    while base < literal.end:
        length = len(fields[where].text)
        start, end = max(literal.start - base, 0), min(literal.end - base, length)
        if start < end:
            yield where, start, end
        base += length
        where += 1


def _outside(piece: _Piece, taken: Sequence[tuple[int, int]]) -> Iterator[_Piece]:
    """The parts of a piece that lie in none of the taken places (ascending, not overlapping)."""
    start = piece.start
    at = max(bisect_right(taken, (start, start)) - 1, 0)
    while at < len(taken) and taken[at][0] < piece.end:
        from_, to = taken[at]
        if to > start:
            if start < from_:
                yield piece._replace(start=start, end=from_)
            start = to
        at += 1
    if start < piece.end:
        yield piece._replace(start=start)


def _compose(text: str, cuts: Sequence[_Cut]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, surrogate in cuts:
        parts += text[position:start], surrogate
        position = end
    return "".join(parts) + text[position:]
