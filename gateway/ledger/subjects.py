"""Who handled this person? Tokens of the identifiers that requests held, and looking them up.

In go a request's Mapping, or an identifier that an officer typed; out come tokens, and records of
the officer's own agency. A token is HMAC-SHA-256 (RFC 2104) of an identifier's form under a key
that HKDF-SHA-256 (RFC 5869) derives for one agency, kind and month from a key file kept outside the
database. Tokens are personal data, not anonymous: whoever has that key can try identifiers.
An identifier itself never reaches the database, a log or an event.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.ledger.events import PLATFORM
from gateway.store.database import Database
from gateway.store.subjects import SubjectRow, records_with
from redaction.entity import ENTITIES
from redaction.identifiers import identifier_forms
from redaction.mapping import Mapping

NAME: Final = "PERSON"
RESIDENT: Final = "KR_RRN"
MOST_RECORDS: Final = 10_000
_DOMAIN: Final = "gwanmun subject v1"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRules:
    """Which kinds are remembered, and what a look-up may ask.

    Structured identifiers always. Names only with `names`. 주민등록번호 only where a statute asks
    for it, which `resident_statute` names (개인정보 보호법 제24조의2 제1항); it stands in every
    look-up's event.
    """

    names: bool = False
    resident_statute: str = ""
    queries_per_day: int = 30

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the entities, in their order."""
        return tuple(name for name in ENTITIES if self._remembers(name))

    def _remembers(self, name: str) -> bool:
        if name == RESIDENT:
            return bool(self.resident_statute)
        return self.names if name == NAME else ENTITIES[name].structured


class Found(NamedTuple):
    """A record that held the identifier: as which kinds, and when (Unix seconds)."""

    record_id: str
    at: float
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubjectIndex:
    """Makes the tokens. `key` is this installation's secret, of 32 bytes."""

    key: bytes = field(repr=False)
    rules: SubjectRules

    def rows(self, agency: str, record_id: str, mapping: Mapping, at: float) -> list[SubjectRow]:
        """A row for each identifier that a request held, however many; `at` in Unix seconds."""
        kinds = set(self.rules.kinds)
        forms = {
            (value.entity, form)
            for value in mapping.values
            if value.entity in kinds
            for form in identifier_forms(value.entity, value.original)
        }
        token = partial(_token, self._keys(agency, _month(at)))
        return [SubjectRow(agency, token(*form), record_id, at) for form in sorted(forms)]

    def tokens(self, agency: str, identifier: str, months: Sequence[str]) -> dict[bytes, str]:
        """Every token that an identifier may have had in these months (`2026-11`), and its kind."""
        found = {}
        for month in months:
            token = partial(_token, self._keys(agency, month))
            for kind in self.rules.kinds:
                for form in identifier_forms(kind, identifier):
                    found[token(kind, form)] = kind
        return found

    async def find(
        self, database: Database, agency: str, identifier: str, *, since: float, until: float
    ) -> list[Found]:
        """The agency's records that held the identifier, newest first; at most MOST_RECORDS.

        `until` is excluded; both are Unix seconds.

        Raises:
            StoreUnavailable: the index cannot be read.
        """
        tokens = self.tokens(agency, identifier, list(months_between(since, until)))
        if agency == PLATFORM or not tokens:
            return []
        async with database.reading_of(agency) as connection:
            rows = await records_with(
                connection, agency, list(tokens), since=since, until=until, limit=MOST_RECORDS
            )
        found: dict[str, Found] = {}
        for row in rows:
            before = found.get(row.record_id, Found(row.record_id, row.at, ()))
            kinds = tuple(dict.fromkeys((*before.kinds, tokens[row.token])))
            found[row.record_id] = before._replace(kinds=kinds)
        return list(found.values())

    def _keys(self, agency: str, month: str) -> "_Keys":
        return _Keys(self.key, agency, month)


class _Keys(dict[str, bytes]):
    """The keys of one agency and month, by kind; each is derived when first asked for."""

    def __init__(self, key: bytes, agency: str, month: str) -> None:
        super().__init__()
        self._derived_from = key, agency, month

    def __missing__(self, kind: str) -> bytes:
        key, agency, month = self._derived_from
        # No kind or month holds a zero byte, so that no two sets of parts have the same bytes.
        info = "\0".join((_DOMAIN, month, kind, agency)).encode()
        # The file's key is uniformly random: no extraction is needed (RFC 5869 section 3.3).
        derived = self[kind] = HKDFExpand(SHA256(), 32, info).derive(key)
        return derived


def _token(keys: _Keys, kind: str, form: str) -> bytes:
    return hmac.digest(keys[kind], form.encode("utf-8", "surrogatepass"), hashlib.sha256)


def _month(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m}"


def months_between(since: float, until: float) -> Iterator[str]:
    """The months (UTC) of a time in Unix seconds, in their order; at least one."""
    day, last = datetime.fromtimestamp(since, UTC).replace(day=1), _month(until)
    while f"{day:%Y-%m}" <= last:
        yield f"{day:%Y-%m}"
        day = (day + 31 * _DAY).replace(day=1)
