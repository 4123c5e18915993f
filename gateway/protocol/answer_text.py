"""What an engine answered, as it may be kept: scanned, with its surrogates, up to a bound.

In go pieces of texts as they pass on the way to the caller; out comes one JSON text. Nothing here
restores anything.
"""

import json
from collections.abc import Iterable

from inference.task import JsonValue

TOOLS = "tools"
_Lane = tuple[int, str, int]  # choice, what it says there, number of a tool call


class AnswerText:
    """Collects up to `most_bytes` of UTF-8; with 0 nothing is kept."""

    __slots__ = ("_lanes", "_left", "truncated")

    def __init__(self, most_bytes: int = 0) -> None:
        self._left = most_bytes
        self._lanes: dict[_Lane, list[str]] = {}
        self.truncated = False

    def add(self, choice: int, pieces: Iterable[tuple[str, int, str]]) -> None:
        """Adds pieces of one choice: what it says there, a tool call's number (else 0), the text.

        What does not fit any more is left out, and so is all that follows.
        """
        for name, number, text in pieces:
            size = len(text.encode("utf-8", "surrogatepass"))
            if not text or self.truncated:
                continue
            if size > self._left:
                self.truncated = True
                continue
            self._left -= size
            self._lanes.setdefault((choice, name, number), []).append(text)

    def json(self) -> str:
        """The choices in their order, each with what it said."""
        choices: dict[int, dict[str, JsonValue]] = {}
        tools: dict[int, list[JsonValue]] = {}
        for (choice, name, _), pieces in sorted(self._lanes.items()):
            said = choices.setdefault(choice, {"choice": choice})
            if name == TOOLS:
                tools.setdefault(choice, []).append("".join(pieces))
            else:
                said[name] = "".join(pieces)
        for choice, arguments in tools.items():
            choices[choice][TOOLS] = arguments
        return json.dumps(list(choices.values()), ensure_ascii=False)
