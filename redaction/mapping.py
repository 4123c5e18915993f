"""What replace did in one request: every value, what stands in its place, and who brought it.

It lives in memory as long as its request: never stored, logged or pickled; `repr` shows nothing.
Only replace builds one; restore, scan and the last look read it.
"""

import re
import unicodedata
from collections.abc import Mapping as ReadMapping
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn

from redaction.entity import ENTITIES, Origin
from redaction.policy import Operator

LITERAL = "LITERAL"
"""Entity name of a caller's own text that looked like a surrogate already given to somebody."""

_BETWEEN_SYLLABLES = re.compile(r"[\s.·-]+")


def equal_form(entity: str, text: str) -> str:
    """The form in which two spellings of one value are equal.

    A caller's literal: itself. Names: themselves, composed and without what may stand between
    syllables (김 철수). Addresses of e-mail: case folded. Numbers: their letters and digits only;
    Korea's country code is the leading zero (ITU-T E.164, +82). Of all other kinds every sign
    counts (을지로 1-11 is not 을지로 11-1), only spaces are all one.
    """
    if entity == LITERAL:
        return text
    if entity == "PERSON":
        return _BETWEEN_SYLLABLES.sub("", unicodedata.normalize("NFC", text))
    known = ENTITIES.get(entity)
    if known is None or not known.structured:
        return " ".join(unicodedata.normalize("NFC", text).split())
    folded = unicodedata.normalize("NFKC", text).casefold()
    if entity == "EMAIL_ADDRESS":
        return "".join(folded.split())
    kept = "".join(filter(str.isalnum, folded))
    if entity == "PHONE_NUMBER" and kept.startswith("82") and len(kept) > 9:
        return f"0{kept[2:].removeprefix('0')}"
    return kept


@dataclass(frozen=True, slots=True)
class Value:
    """One spelling of one value.

    `surrogate` is what stands in its place towards the engine: `[성명_1]`, a mask, a hash, or the
    original itself under `allow`. `name` is the surrogate's canonical name, empty where nothing
    can come back. `origins` are all who brought any spelling of the value.
    """

    surrogate: str = field(repr=False)
    original: str = field(repr=False)
    entity: str
    operator: Operator
    origins: frozenset[Origin]
    name: str = ""


class Mapping:
    """The values of one request, in the order in which they were first met."""

    __slots__ = ("_forms", "_known", "_named", "_values")

    def __init__(self, values: Sequence[Value] = ()) -> None:
        self._values = tuple(values)
        self._named = {value.name: value for value in self._values if value.name}
        # Read when first asked for: most answers hold nothing that has to be looked up.
        self._forms: tuple[str, ...] | None = None
        self._known: frozenset[str] | None = None

    def __repr__(self) -> str:
        return "<Mapping>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a mapping lives in memory, for one request, and is never stored")

    @property
    def values(self) -> Sequence[Value]:
        """Every spelling of every value, allowed ones and callers' literals included."""
        return self._values

    @property
    def summary(self) -> ReadMapping[str, int]:
        """Distinct values per entity name."""
        distinct: dict[str, set[str]] = {}
        for value, form in zip(self._values, self._all_forms(), strict=True):
            if value.entity != LITERAL:
                distinct.setdefault(value.entity, set()).add(form)
        return MappingProxyType({entity: len(forms) for entity, forms in distinct.items()})

    def named(self, name: str) -> Value | None:
        """The value that was issued under a canonical name (`성명_1b`), if any."""
        return self._named.get(name)

    def holds(self, entity: str, text: str) -> bool:
        """Whether the caller's own input holds this value and the policy lets people see it."""
        if self._known is None:
            self._known = frozenset(
                form
                for value, form in zip(self._values, self._all_forms(), strict=True)
                if value.entity != LITERAL and value.operator in (Operator.REPLACE, Operator.ALLOW)
            )
        return equal_form(entity, text) in self._known

    def _all_forms(self) -> tuple[str, ...]:
        if self._forms is None:
            self._forms = tuple(equal_form(value.entity, value.original) for value in self._values)
        return self._forms
