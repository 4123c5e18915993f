"""What happens to each kind of personal datum: the operators, and the floor under every policy.

A policy is plain data. It never reads text and never decides what is personal: detection does.
"""

from collections.abc import Mapping as ReadMapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from redaction.entity import ENTITIES


class Operator(StrEnum):
    """What replace does with a value (DESIGN section 4)."""

    REPLACE = "replace"  # a surrogate that comes back as the original
    WITHHOLD = "withhold"  # a surrogate that people see as 〈주민등록번호 가림〉
    MASK = "mask"  # characters blanked, never comes back
    HASH = "hash"  # keyed, for joins, never comes back
    BLOCK = "block"  # the request is refused
    ALLOW = "allow"  # stays as it is


_LANGUAGES = frozenset({"ko", "en"})
_HASH_KEY_BYTES = 32  # as long as SHA-256's output (RFC 2104 section 3)


def _default_operators() -> ReadMapping[str, Operator]:
    return MappingProxyType(
        {
            entity.name: Operator.WITHHOLD if entity.unique_identifier else Operator.REPLACE
            for entity in ENTITIES.values()
        }
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """A versioned choice of operator per entity.

    An entity without an entry gets `fallback`. `tools_from_results` lists the tools whose
    arguments may receive values that are known only from a tool's result or a document.
    `hash_key` is the agency's own key of `hash`, at least 32 bytes; without one no entity may be
    hashed.

    Raises:
        ValueError: an operator lies below the floor, or `hash` lacks its key.
    """

    version: str
    operators: ReadMapping[str, Operator] = field(default_factory=_default_operators)
    fallback: Operator = Operator.REPLACE
    language: str = "ko"
    tools_from_results: frozenset[str] = frozenset()
    hash_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.language not in _LANGUAGES:
            raise ValueError(f"{self.language}: surrogates have labels in {sorted(_LANGUAGES)}")
        hashed = Operator.HASH in (self.fallback, *self.operators.values())
        if hashed and len(self.hash_key or b"") < _HASH_KEY_BYTES:
            raise ValueError(f"hash needs the agency's key of at least {_HASH_KEY_BYTES} bytes")
        for name, entity in ENTITIES.items():
            if entity.floor and self.operator(name) in (Operator.ALLOW, Operator.HASH):
                raise ValueError(f"{name}: {self.operator(name)} lies below the floor")

    def operator(self, entity: str) -> Operator:
        """The operator for an entity name."""
        return self.operators.get(entity, self.fallback)
