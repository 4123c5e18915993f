"""What an agency adds to detection: words that always or never count, and formats of its own.

Plain data on its way from a policy document to the detector's processes. Its words may be names of
people: they are hidden from `repr`, never logged and never on a command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

import orjson

_VERSION_CHARACTERS = 12  # of SHA-256 in hexadecimal: tells two vocabularies apart, proves nothing


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of identifier that only this agency knows, such as its numbers of petitions.

    `pattern` is RE2's. With `requires_keyword` a match counts only beside one of `keywords`.
    `matches` are sentences in which it must be found, `rejects` those in which it must not.
    """

    name: str
    entity: str
    pattern: str
    keywords: tuple[str, ...]
    requires_keyword: bool
    matches: tuple[str, ...] = field(repr=False)
    rejects: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """An agency's words and formats; `always` holds the terms of each entity name."""

    always: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )
    never: tuple[str, ...] = field(default=(), repr=False)
    formats: tuple[Format, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it adds nothing."""
        return not (self.always or self.never or self.formats)

    @property
    def version(self) -> str:
        """Equal versions give equal spans; empty if it adds nothing."""
        return "" if self.empty else sha256(self.encode()).hexdigest()[:_VERSION_CHARACTERS]

    def encode(self) -> bytes:
        """As JSON, for `decode` in another process."""
        return orjson.dumps(
            {"always": dict(self.always), "never": self.never, "formats": self.formats},
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def decode(cls, encoded: bytes) -> "Vocabulary":
        """The vocabulary that `encode` wrote.

        Raises:
            ValueError: it is not what `encode` writes.
        """
        try:
            tree = orjson.loads(encoded)
            return cls(
                MappingProxyType({name: tuple(terms) for name, terms in tree["always"].items()}),
                tuple(tree["never"]),
                tuple(
                    Format(
                        entry["name"],
                        entry["entity"],
                        entry["pattern"],
                        tuple(entry["keywords"]),
                        entry["requires_keyword"],
                        tuple(entry["matches"]),
                        tuple(entry["rejects"]),
                    )
                    for entry in tree["formats"]
                ),
            )
        except (AttributeError, KeyError, TypeError):
            raise ValueError("not a vocabulary") from None
