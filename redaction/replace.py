"""Step replace: fields and findings in, fields with surrogates and their Mapping out.

Numbering is the hard part (DESIGN section 4, docs/adr/0002). Nothing is stored between turns, and
replace(c + d) must equal replace(c) on c except at spans that d newly revealed, so that an engine
finds its prefix again. Therefore fields are read in order, and at field k only what the fields up
to k say by themselves may take a number: the values that field k's own text reveals, the caller's
literals in it, and further spellings of values already revealed. A value that a later field
reveals covers its earlier occurrences too (`COVER_RULE`), but takes its number there.

It must never let an original pass because something about it was odd: then the call fails.
"""

import hmac
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from redaction.entity import COVER_RULE, ENTITIES, FOLLOWED_RULE, Field, Findings, Origin, Span
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


class _Numbering:
    """Gives each value its number, each spelling its letter; skips what callers' literals say."""

    def __init__(self, policy: Policy, numbered: bool) -> None:
        self.policy = policy
        self.numbered = numbered
        self.known: dict[_Key, _Known] = {}
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
        key = (piece.entity + piece.label * (piece.entity == LITERAL), _form(piece, text))
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = _Known(piece.entity, 0)
        known.origins.add(origin)
        if text not in known.written:
            known.written[text] = self._write(piece, known, key[1], text)
        return known.written[text]

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


class _Cutting:
    """Which parts of the fields have been replaced, and by what; no two of them overlap."""

    def __init__(self, fields: Sequence[Field], numbering: _Numbering) -> None:
        self.fields = fields
        self.numbering = numbering
        self._cuts: list[dict[tuple[int, int], str]] = [{} for _ in fields]
        self._escaped: list[list[tuple[int, int]]] = [[] for _ in fields]

    def escape(self, literals: Iterable[_Piece], now: Sequence[_Piece]) -> list[_Piece]:
        """What of the callers' literals stands outside everything replaced, here or earlier.

        `now` are the pieces of the current field. The answer is theirs to be cut with them.
        """
        taken = {
            piece.where: [(other.start, other.end) for other in now if not self._allowed(other)]
            for piece in now[:1]
        }
        escapes: list[_Piece] = []
        for literal in literals:
            where = literal.where
            if where not in taken:
                taken[where] = sorted(self._cuts[where])
            escapes += _outside(literal, taken[where])
        for piece in escapes:
            insort(self._escaped[piece.where], (piece.start, piece.end))
        return escapes

    def cut(self, piece: _Piece) -> None:
        """Replaces a piece, but for what a literal took of it; an allowed one is only noted."""
        item = self.fields[piece.where]
        if self._allowed(piece):
            self.numbering.place(piece, item.text[piece.start : piece.end], item.origin)
            return
        escaped = self._escaped[piece.where] if piece.entity != LITERAL else []
        for part in _outside(piece, escaped):
            text = item.text[part.start : part.end]
            surrogate = self.numbering.place(part, text, item.origin)
            self._cuts[piece.where][part.start, part.end] = surrogate

    def texts(self) -> tuple[str, ...]:
        """The fields' texts as they may leave."""
        return tuple(
            _compose(item.text, sorted(cuts.items()))
            for item, cuts in zip(self.fields, self._cuts, strict=True)
        )

    def _allowed(self, piece: _Piece) -> bool:
        return _operator(self.numbering.policy, piece.entity) is Operator.ALLOW


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
    pieces = _pieces(fields, findings, policy)
    later = _revealed_later(fields, pieces)
    covers: dict[int, list[_Piece]] = {}
    for piece, revealed in later.items():
        covers.setdefault(revealed, []).append(piece)
    crossing = _crossing_literals(fields)
    numbering = _Numbering(policy, numbered)
    cutting = _Cutting(fields, numbering)
    for k, item in enumerate(fields):
        alone = [(literal, ((k, literal.start, literal.end),)) for literal in literals(item.text)]
        escapes = [
            _Piece(where, start, end, LITERAL, _label(literal.label, policy), k)
            for literal, places in [*alone, *crossing.get(k, ())]
            if not numbering.reserve(literal)
            for where, start, end in places
        ]
        now = [piece for piece in pieces[k] if piece not in later]
        escapes = cutting.escape(escapes, now)
        for piece in [*sorted([*now, *escapes], key=_position), *covers.get(k, ())]:
            cutting.cut(piece)
    return Replaced(cutting.texts(), Mapping(tuple(numbering.values())))


def _operator(policy: Policy, entity: str) -> Operator:
    return Operator.REPLACE if entity == LITERAL else policy.operator(entity)


def _label(korean: str, policy: Policy) -> str:
    """A literal's label in the policy's language."""
    entity = next(entity for entity in ENTITIES.values() if entity.label == korean)
    return label_of(entity.name, policy.language)


def _form(piece: _Piece, text: str) -> str:
    return equal_form(piece.entity, text)


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
    pieces: list[list[_Piece]] = []
    for where, (item, spans) in enumerate(zip(fields, findings.spans, strict=True)):
        end, found = 0, []
        for span in spans:
            if not end <= span.start < span.end <= len(item.text) or span.entity not in ENTITIES:
                raise RedactionIncomplete
            if policy.operator(span.entity) is Operator.BLOCK:
                raise ContentBlocked(span.entity)
            end = span.end
            found.append(_piece(where, span, policy))
        pieces.append(found)
    return pieces


def _piece(where: int, span: Span, policy: Policy) -> _Piece:
    label = label_of(span.entity, policy.language)
    reveals = {COVER_RULE: None, FOLLOWED_RULE: where + 1}.get(span.rule, where)
    return _Piece(where, span.start, span.end, span.entity, label, reveals)


def _revealed_later(fields: Sequence[Field], pieces: list[list[_Piece]]) -> dict[_Piece, int]:
    """Pieces that stand in a field before the one that reveals their value, and which that is.

    Detection covers equal values. Where a cover has no equal, the first value of its kind that
    contains it reveals it; failing that the next field, if the model reads it directly behind;
    failing that the last.
    """
    first: dict[_Key, int] = {}
    for piece in (piece for found in pieces for piece in found):
        if piece.reveals is not None:
            key = piece.entity, _form(piece, fields[piece.where].text[piece.start : piece.end])
            first[key] = min(piece.reveals, first.get(key, piece.reveals))
    later: dict[_Piece, int] = {}
    for piece in (piece for found in pieces for piece in found):
        form = _form(piece, fields[piece.where].text[piece.start : piece.end])
        key = piece.entity, form
        if key not in first:
            holders = [k for (kind, held), k in first.items() if kind == key[0] and form in held]
            follows = piece.where + 1 < len(fields) and fields[piece.where + 1].joins_previous
            first[key] = min(holders, default=piece.where + 1 if follows else len(fields) - 1)
        revealed = min(first[key], len(fields) - 1)
        if revealed > piece.where:
            later[piece] = revealed
    return later


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


def _compose(text: str, cuts: Sequence[tuple[tuple[int, int], str]]) -> str:
    parts: list[str] = []
    position = 0
    for (start, end), surrogate in cuts:
        parts += text[position:start], surrogate
        position = end
    return "".join(parts) + text[position:]
