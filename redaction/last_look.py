"""The last look: a finished engine request is searched before it may leave.

Whatever went wrong before (an escape nobody undid, a field nobody listed), an original with eight
digits or an `@`, and an unreplaced 고유식별정보, must not stand in what leaves. Strings, keys and
numbers are read as detection reads them: plain forms, escapes undone, one level of base64 decoded.
Linear in the size of the body, whatever the number of values.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as ReadMapping
from typing import TypeAlias

from redaction.errors import RedactionIncomplete
from redaction.mapping import LITERAL, Mapping, Value
from redaction.normalize import views
from redaction.policy import Operator
from redaction.recognizers.packs import PACKS

JsonLike: TypeAlias = (
    "bool | int | float | str | Sequence[JsonLike] | ReadMapping[str, JsonLike] | None"
)

_LEAST_DIGITS = 8
_SURE = 0.8  # below it, a number without its label is only perhaps somebody's
_SPACES = re.compile(r"\s+")
_DIGITS = re.compile(rf"[0-9]{{{_LEAST_DIGITS},}}")
_ISSUED = re.compile(r"\[[^\[\]\s]{1,24}[_#][0-9a-f]{1,16}[a-z]{0,3}\]")
_WITHIN_DIGITS = re.compile(r"(?<=[0-9])[\s\-·./_()~:,]+(?=[0-9])")


def last_look(body: JsonLike, mapping: Mapping) -> None:
    """Returns if nothing of the request's originals is left in `body`.

    Raises:
        RedactionIncomplete: something is; it is not said what.
    """
    hidden = [
        value
        for value in mapping.values
        if value.entity != LITERAL and value.operator is not Operator.ALLOW
    ]
    numbers = _by_length(_digits(value) for value in hidden)
    addresses = _by_side(value for value in hidden if "@" in value.original)
    for text in _texts(body):
        if len(text) >= _LEAST_DIGITS or "@" in text:
            for view in views(text):
                if _holds(_ISSUED.sub("[]", view.text), numbers, addresses):
                    raise RedactionIncomplete


def _texts(body: JsonLike) -> Iterator[str]:
    """Every string, key and number, each as a text."""
    waiting: list[JsonLike] = [body]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, ReadMapping):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, Sequence):
            waiting.extend(item)
        elif item is not None and not isinstance(item, bool):
            yield format(item, "f") if isinstance(item, float) else str(item)


def _holds(
    text: str, numbers: dict[int, set[str]], addresses: dict[tuple[int, int], set[str]]
) -> bool:
    joined = _WITHIN_DIGITS.sub("", text)
    for match in _DIGITS.finditer(joined):
        run = match[0]
        for length, forms in numbers.items():
            if any(run[at : at + length] in forms for at in range(len(run) - length + 1)):
                return True
    return (addresses and "@" in text and _holds_address(text, addresses)) or _holds_identifier(
        text
    )


def _holds_address(text: str, addresses: dict[tuple[int, int], set[str]]) -> bool:
    folded = _SPACES.sub("", _folded(text))
    at = folded.find("@")
    while at >= 0:
        for (before, behind), forms in addresses.items():
            if before <= at and folded[at - before : at + behind] in forms:
                return True
        at = folded.find("@", at + 1)
    return False


def _holds_identifier(text: str) -> bool:
    """Whether a 고유식별정보 that is sure without any label stands in the text."""
    return any(
        span.score >= _SURE
        for pack in PACKS.values()
        for recognizer in pack.recognizers
        if recognizer.entity in _RESIDENT
        for span in recognizer.find(text)
    )


_RESIDENT = frozenset({"KR_RRN", "KR_FRN"})


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _digits(value: Value) -> str:
    return "".join(char for char in _folded(value.original) if "0" <= char <= "9")


def _by_length(forms: Iterator[str]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for form in forms:
        if len(form) >= _LEAST_DIGITS:
            found.setdefault(len(form), set()).add(form)
    return found


def _by_side(values: Iterator[Value]) -> dict[tuple[int, int], set[str]]:
    """Addresses by how much of them stands before and behind the sign."""
    found: dict[tuple[int, int], set[str]] = {}
    for value in values:
        form = _SPACES.sub("", _folded(value.original))
        before = form.find("@")
        found.setdefault((before, len(form) - before), set()).add(form)
    return found
