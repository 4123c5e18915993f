"""One tree for everything that is sent to a model: where each text stands, and what goes around it.

A surface describes its engine body once, as a tree whose leaves are places of texts. `Texts` hands
out the places and collects the fields in the order in which they are asked for; `fill` builds the
body from replaced texts of the same number and order. Since only a place can become a string of a
caller, no text can reach an engine unread. The tree is built of trusted words (names of the wire
format, closed vocabularies), numbers, and the nodes below.

JSON inside a string (tool-call arguments, tool results) becomes a `Document`: its names, strings
and numbers are places too, and what is sent is written anew from them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from gateway.errors import TooComplex, Unredactable
from gateway.protocol.json_body import VALUES_PER_TEXT
from gateway.settings import BoundSettings
from inference.task import JsonValue
from redaction.entity import Field, Origin

# A number this short (a count, a year) cannot hold a personal datum and is not read.
SHORT_NUMBER = 4

# Longer than any name that tells what stands under it.
MOST_LABEL = 64


class Text(NamedTuple):
    """A text that may be replaced."""

    place: int


class Name(NamedTuple):
    """A text in an alphabet that no surrogate fits into: if it would change, the call is refused.

    `param` is the path that the refusal names.
    """

    place: int
    param: str


class Number(NamedTuple):
    """A number as it was written; becomes a string only if it was replaced."""

    place: int
    value: int | float | str


class Pairs(NamedTuple):
    """A JSON object whose names are texts; order and repeated names are kept."""

    pairs: tuple[tuple["Node", "Node"], ...]


class Constraint(NamedTuple):
    """A member of a JSON schema that a surrogate could break: left out of a widened schema."""

    node: "Node"


class Document(NamedTuple):
    """JSON inside a string."""

    root: "Node"


class Literal(str):
    """A JSON number exactly as it was written."""

    __slots__ = ()


Node: TypeAlias = (
    "Text | Name | Number | Pairs | Constraint | Document | bool | int | float | str"
    " | Sequence[Node] | Mapping[str, Node] | None"
)


class Texts:
    """Hands out places and collects the fields; asking twice for an equal name gives one place.

    Raises:
        TooComplex: from any method, as soon as texts, characters or values pass their bounds.
    """

    def __init__(self, bounds: BoundSettings) -> None:
        self.fields: list[Field] = []
        self._bounds = bounds
        self._characters = 0
        self._values = 0
        self._parsed_characters = 0
        self._names: dict[tuple[str, Origin], Text] = {}
        self._content_before = False

    def content(self, text: str, origin: Origin) -> Node:
        """A text of a message; joins the one before it if nothing else stands between them."""
        if not text:
            return ""
        joins, self._content_before = self._content_before, True
        return Text(self._place(Field(text, origin, joins_previous=joins)))

    def text(self, text: str, origin: Origin, label: str = "") -> Node:
        """A text that stands alone, or under a name in JSON."""
        self._content_before = False
        return Text(self._place(Field(text, origin, label=label[:MOST_LABEL]))) if text else ""

    def name(self, name: str, origin: Origin, param: str) -> Node:
        """A name of which the engine's alphabet leaves no room for a surrogate."""
        self._content_before = False
        return Name(self._place(Field(name, origin)), param)

    def key(self, key: str, origin: Origin) -> Node:
        """A name inside JSON: rows repeat their names, each is read once."""
        self._content_before = False
        if not key:
            return ""
        known = self._names.get((key, origin))
        if known is None:
            known = self._names[key, origin] = Text(self._place(Field(key, origin)))
        return known

    def json(
        self, value: object, origin: Origin, label: str = "", depth: int | None = None
    ) -> Node:
        """A JSON value whose names, strings and numbers are texts.

        `label` is the nearest name that the value stands under; `depth` how deep it may be.
        """
        self._count()
        left = self._bounds.depth if depth is None else depth
        if isinstance(value, dict | list) and not left:
            raise TooComplex
        match value:
            case dict() | _Members():
                members = value.items() if isinstance(value, dict) else value
                return Pairs(
                    tuple(
                        (self.key(_whole(name), origin), self.json(item, origin, name, left - 1))
                        for name, item in members
                    )
                )
            case list():
                return [self.json(item, origin, label, left - 1) for item in value]
            case bool() | None:
                return value
            case Literal() | int() | float():
                return self._number(value, origin, label)
            case str():
                return self.text(_whole(value), origin, label)
            case _:
                raise TypeError

    def document(self, text: str, origin: Origin, *, numbers: bool) -> "Node | None":
        """JSON inside a string, or None if it is none; a bare number or word only if `numbers`.

        Raises:
            TooComplex: deeper or longer than the bounds allow.
        """
        if not numbers and not text.lstrip(" \t\r\n").startswith(("{", "[", '"')):
            return None
        self._parsed_characters += len(text)
        if self._parsed_characters > self._bounds.characters:
            raise TooComplex
        try:
            root: object = _DOCUMENTS.decode(text)
        except RecursionError:
            raise TooComplex from None
        except ValueError:
            return None
        return Document(self.json(root, origin))

    def _number(self, value: Literal | int | float, origin: Origin, label: str) -> Node:
        self._content_before = False
        literal = str(value) if isinstance(value, Literal) else json.dumps(value)
        if len(literal) <= SHORT_NUMBER:
            return value
        return Number(self._place(Field(literal, origin, label=label[:MOST_LABEL])), value)

    def _count(self) -> None:
        self._values += 1
        if self._values > VALUES_PER_TEXT * self._bounds.texts:
            raise TooComplex

    def _place(self, field: Field) -> int:
        self._characters += len(field.text)
        if len(self.fields) == self._bounds.texts or self._characters > self._bounds.characters:
            raise TooComplex
        self.fields.append(field)
        return len(self.fields) - 1


@dataclass(frozen=True, slots=True)
class Filling:
    """Replaced texts beside the fields that they answer; `widen` drops every Constraint."""

    fields: Sequence[Field]
    texts: Sequence[str]
    widen: bool

    def __post_init__(self) -> None:
        if len(self.fields) != len(self.texts):
            raise ValueError("texts do not answer the fields")

    def fill(self, node: Node) -> JsonValue:
        """The JSON value that a tree stands for.

        Raises:
            Unredactable: a name holds a personal datum, or two names became the same.
        """
        match node:
            case Text(place):
                return self.texts[place]
            case Name():
                return self._name(node)
            case Number(place, value):
                return self.texts[place] if self._changed(place) else value
            case Pairs(pairs):
                return self._object(pairs)
            case Document(root):
                return self._write(root)
            case Constraint(inner):
                return self.fill(inner)
            case dict():
                return {key: self.fill(value) for key, value in node.items()}
            case list():
                return [self.fill(item) for item in node]
            case bool() | int() | float() | str() | None:
                return node
            case _:
                raise TypeError

    def _object(self, pairs: tuple[tuple[Node, Node], ...]) -> JsonValue:
        kept = [pair for pair in pairs if not (self.widen and isinstance(pair[1], Constraint))]
        members = {str(self.fill(key)): self.fill(value) for key, value in kept}
        if len(members) != len(kept):
            raise Unredactable
        return members

    def _name(self, name: Name) -> str:
        if self._changed(name.place):
            raise Unredactable(name.param)
        return self.texts[name.place]

    def _changed(self, place: int) -> bool:
        return self.texts[place] != self.fields[place].text

    def _write(self, node: Node) -> str:
        """Compact JSON text in which every unchanged number stands as it was written."""
        match node:
            case Pairs(pairs):
                members = (f"{self._write(key)}:{self._write(value)}" for key, value in pairs)
                return "{" + ",".join(members) + "}"
            case list():
                return "[" + ",".join(map(self._write, node)) + "]"
            case Number(place, value) if not self._changed(place):
                return str(value)
            case Literal():
                return str(node)
            case Text(place) | Number(place, _):
                return json.dumps(self.texts[place], ensure_ascii=False)
            case _:
                return json.dumps(node, ensure_ascii=False)


class _Members(list[tuple[str, object]]):
    """The members of a parsed JSON object, in order, repeated names included."""


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _whole(text: str) -> str:
    """Without lone surrogates, which UTF-8 cannot carry."""
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


# Reads whatever Python's json.loads reads (NaN and repeated names too): that is what vLLM parses
# tool-call arguments with, and what an engine can read must not stay hidden behind an escape.
_DOCUMENTS = json.JSONDecoder(
    object_pairs_hook=_Members,
    parse_int=Literal,
    parse_float=Literal,
    parse_constant=Literal,
)
