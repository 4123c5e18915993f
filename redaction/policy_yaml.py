"""A policy document's YAML as a plain tree, and on which line each part of it stands.

Stricter than YAML (yaml.org/spec/1.1): a name may stand once in a mapping, nothing refers to
something elsewhere, names are text. What a reader overlooks must not decide what is personal.
"""

from collections.abc import Mapping
from typing import NamedTuple

import yaml

from redaction.policy_words import Place, PolicyRefused, Problem

MOST_BYTES = 4 * 1024 * 1024
_DEEPEST = 12  # a document of ours has six levels
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"


class Tree(NamedTuple):
    """A document's parts, and the line of each, counted from 1."""

    root: object
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of a part, or of the nearest part around it; 0 for none."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 0


def read_tree(raw: bytes, source: str) -> Tree:
    """The tree of a document; `source` names it in errors.

    Raises:
        PolicyRefused: it is too large, not UTF-8, not YAML, or uses what is not allowed.
    """
    if len(raw) > MOST_BYTES:
        raise PolicyRefused(source, [_problem("policy_too_large", *_LARGE)])
    try:
        text = raw.decode("utf-8-sig")
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        reader = _Reader()
        if node is not None:
            reader.read(node, ())
        if reader.problems:
            raise PolicyRefused(source, reader.problems)
        return Tree(None if node is None else loader.construct_document(node), reader.lines)
    except UnicodeDecodeError:
        raise PolicyRefused(source, [_problem("policy_not_yaml", *_NOT_UTF8)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, PolicyRefused):
            raise
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        raise PolicyRefused(source, [_problem("policy_not_yaml", *_NOT_YAML, line)]) from None


_LARGE = ("4 MiB를 넘습니다.", "It is larger than 4 MiB.")
_NOT_UTF8 = ("UTF-8로 쓴 글이 아닙니다.", "It is not text in UTF-8.")
_NOT_YAML = ("YAML로 읽을 수 없습니다.", "It cannot be read as YAML.")
_TWICE = ("같은 이름이 두 번 나옵니다.", "The same name stands twice.")
_REFERS = (
    "YAML의 별칭(&, *, <<)은 쓸 수 없습니다.",
    "Anchors, aliases and merges of YAML (&, *, <<) are not allowed.",
)
_NO_TEXT = ("이름은 글자여야 합니다.", "Names must be text.")
_DEEP = ("너무 깊습니다.", "It is too deep.")


def _problem(code: str, korean: str, english: str, line: int = 0, place: Place = ()) -> Problem:
    return Problem(code, place, korean, english, line)


class _Reader:
    """Walks a document's nodes: notes lines, and what is not allowed."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._met: set[int] = set()

    def read(self, node: yaml.Node, place: Place) -> None:
        line = self.lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > _DEEPEST:
            self._refuse("policy_not_yaml", _DEEP, line, place)
        elif id(node) in self._met:
            self._refuse("policy_not_yaml", _REFERS, line, place)
        elif isinstance(node, yaml.MappingNode):
            self._met.add(id(node))
            self._read_mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            self._met.add(id(node))
            for number, item in enumerate(node.value):
                self.read(item, (*place, number))
        else:
            self._met.add(id(node))

    def _read_mapping(self, node: yaml.MappingNode, place: Place) -> None:
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                self._refuse("policy_not_yaml", _REFERS, line, place)
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT:
                self._refuse("policy_wrong_value", _NO_TEXT, line, place)
                continue
            inside = (*place, str(key.value))
            if inside in self.lines:
                self._refuse("policy_twice", _TWICE, line, inside)
            self.lines[inside] = line
            self.read(value, inside)

    def _refuse(self, code: str, words: tuple[str, str], line: int, place: Place) -> None:
        self.problems.append(_problem(code, *words, line, place))
