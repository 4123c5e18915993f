"""The last look: a finished engine request is searched before it may leave.

Whatever went wrong before (an escape nobody undid, a field nobody listed), an original with eight
digits or an `@`, and a 주민등록번호 or 외국인등록번호 that is sure without a label, must not stand
in what leaves. Strings, keys and numbers are read as detection reads them: plain forms, escapes
undone, one level of base64 decoded. Linear in the size of the body, whatever the number of values.

It must not refuse what detection leaves on purpose: the digits of an address are nobody's number
(a date may share them), and numbers of a JSON list are not one number.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as ReadMapping
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from redaction.errors import RedactionIncomplete
from redaction.mapping import LITERAL, Mapping, Value
from redaction.normalize import views
from redaction.policy import Operator
from redaction.recognizers.packs import PACKS
from redaction.recognizers.recognizer import Reading

JsonLike: TypeAlias = (
    "bool | int | float | str | Sequence[JsonLike] | ReadMapping[str, JsonLike] | None"
)

_LEAST_DIGITS = 8
_SURE = 0.8  # below it, a number without its label is only perhaps somebody's
_SPACES = re.compile(r"\s+")
_DIGITS = re.compile(rf"[0-9]{{{_LEAST_DIGITS},}}")
_HASHED = re.compile(r"\[[^\[\]\s#]{1,24}#[0-9a-f]{16}\]")
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
    sought = _Sought.of(hidden)
    waiting = [body]
    while waiting:
        for text in _texts(waiting.pop()):
            if (len(text) >= _LEAST_DIGITS or "@" in text) and sought.stands_in(text):
                document = _document(text)
                if document is None:
                    raise RedactionIncomplete
                waiting.append(document)


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


def _document(text: str) -> JsonLike:
    """What JSON in a string holds, repeated names included; None for any other text.

    Detection read its parts one by one, so that what only their neighbourhood makes is no value.
    """
    if text[:1] not in ("{", "["):
        return None
    try:
        parsed: JsonLike = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    return parsed


class _Sought(NamedTuple):
    """The originals, ready to be looked for.

    `numbers` by how many digits they have; `addresses` as pairs of what stands before and behind
    the sign, `befores` and `behinds` by their length.
    """

    hashes: frozenset[str]
    numbers: dict[int, set[str]]
    addresses: frozenset[tuple[str, str]]
    befores: dict[int, set[str]]
    behinds: dict[int, set[str]]

    @classmethod
    def of(cls, hidden: Sequence[Value]) -> "_Sought":
        addresses = frozenset(
            (before, behind)
            for value in hidden
            if "@" in value.original
            for before, _, behind in (_SPACES.sub("", _folded(value.original)).partition("@"),)
        )
        numbers = (
            _digits(value)
            for value in hidden
            if value.entity != "EMAIL_ADDRESS" and "@" not in value.original
        )
        return cls(
            frozenset(value.surrogate for value in hidden if value.operator is Operator.HASH),
            _by_length(number for number in numbers if len(number) >= _LEAST_DIGITS),
            addresses,
            _by_length(before for before, _ in addresses),
            _by_length(behind for _, behind in addresses),
        )

    def stands_in(self, text: str) -> bool:
        """Whether an original, or a sure identifier of anybody, stands in any reading of a text."""
        for view in views(text):
            reading = _HASHED.sub(self._unless_issued, view.text) if self.hashes else view.text
            if self._number_in(reading) or self._address_in(reading) or _holds_identifier(reading):
                return True
        return False

    def _unless_issued(self, match: re.Match[str]) -> str:
        return "[]" if match[0] in self.hashes else match[0]

    def _number_in(self, text: str) -> bool:
        if not self.numbers:
            return False
        for match in _DIGITS.finditer(_WITHIN_DIGITS.sub("", text)):
            run = match[0]
            for length, forms in self.numbers.items():
                if any(run[at : at + length] in forms for at in range(len(run) - length + 1)):
                    return True
        return False

    def _address_in(self, text: str) -> bool:
        """What stands between two signs is looked at twice: as the end and the start of one."""
        if not self.addresses or "@" not in text:
            return False
        pieces = _SPACES.sub("", _folded(text)).split("@")
        for left, right in pairwise(pieces):
            befores = list(_ends(left, self.befores))
            if befores and any(
                (before, behind) in self.addresses
                for behind in _beginnings(right, self.behinds)
                for before in befores
            ):
                return True
        return False


def _ends(text: str, known: dict[int, set[str]]) -> Iterator[str]:
    """What a text ends with, of what is known by length, ascending."""
    for length, forms in known.items():
        if length > len(text):
            return
        if text[len(text) - length :] in forms:
            yield text[len(text) - length :]


def _beginnings(text: str, known: dict[int, set[str]]) -> Iterator[str]:
    """What a text begins with, of what is known by length, ascending."""
    for length, forms in known.items():
        if length > len(text):
            return
        if text[:length] in forms:
            yield text[:length]


def _holds_identifier(text: str) -> bool:
    """Whether a 고유식별정보 that is sure without any label stands in the text."""
    reading = Reading(text)
    return any(
        span.score >= _SURE
        for pack in PACKS.values()
        for recognizer in pack.recognizers
        if recognizer.entity in _RESIDENT
        for span in recognizer.find(reading)
    )


_RESIDENT = frozenset({"KR_RRN", "KR_FRN"})


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _digits(value: Value) -> str:
    return "".join(char for char in _folded(value.original) if "0" <= char <= "9")


def _by_length(forms: Iterable[str]) -> dict[int, set[str]]:
    """Ascending: what is too long for a short piece of text is not even tried."""
    found: dict[int, set[str]] = {}
    for form in sorted(forms, key=len):
        found.setdefault(len(form), set()).add(form)
    return found
