"""Records with all that belongs to them: an index of persons, a sealed prompt, a sealed answer.

And the look afterwards whether all of it is there, once, and says the same.
"""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from keeping import Kept
from recording import AGENCY, closed, opened
from sealing import DAYS, Pair

from gateway.domain import Grade
from gateway.ledger.beside import Beside, room_for_answer
from gateway.ledger.content import ContentSealer, Recipients, approve, open_text
from gateway.ledger.queue import Opening
from gateway.ledger.week_keys import WeekKeys
from gateway.ledger.writer import Ledger
from gateway.store.content import ContentRow
from gateway.store.subjects import SubjectRow

_OPENED_AT_MOST = 1_000  # sealed texts that are opened in one look: each takes a millisecond
_PARTS = {"request.opened": "prompt", "request.closed": "answer"}


@dataclass
class Secrets:
    """Two people's keys, and the folders that a gateway has of them."""

    pair: Pair
    home: Path

    @classmethod
    def made(cls, home: Path) -> "Secrets":
        secrets = cls(Pair.made(), home)
        secrets.pair.publish(home / "public")
        return secrets

    def sealer(self) -> ContentSealer:
        return sealer_of(self.home)


def sealer_of(home: Path) -> ContentSealer:
    """What a gateway makes of the public halves and the week keys in a folder."""
    officers, cpo = (_public(home / "public" / f"{name}.pem") for name in ("officers", "cpo"))
    recipients = {AGENCY: Recipients(officers, cpo)}
    return ContentSealer(recipients, WeekKeys(home / "weeks"), DAYS)


def _public(path: Path) -> EllipticCurvePublicKey:
    key = load_pem_public_key(path.read_bytes())
    assert isinstance(key, EllipticCurvePublicKey)
    return key


def text_of(record_id: str, part: str) -> str:
    return f"{part} [성명_1] {record_id}"


def token_of(record_id: str) -> bytes:
    return hashlib.sha256(record_id.encode()).digest()


class Handling:
    """One request: `begin` awaits that it is durable, `end` closes it."""

    def __init__(self, ledger: Ledger, sealer: ContentSealer) -> None:
        self.event = opened()
        self.record_id = record_id = self.event.record_id
        seal = sealer.begin(record_id, AGENCY, Grade.S, ledger.now())
        assert seal is not None
        answer = room_for_answer(seal)
        answer.add(0, [("content", 0, text_of(record_id, "answer"))])
        self._beside = Beside(
            subjects=[SubjectRow(AGENCY, token_of(record_id), record_id, ledger.now())],
            seal=seal,
            prompt=seal.seal("prompt", text_of(record_id, "prompt")),
            answer=answer,
        )
        self._ledger = ledger
        self._opening: Opening | None = None

    async def begin(self) -> str:
        """Raises AuditUnavailable as the ledger does; `end` is owed all the same."""
        self._opening = self._ledger.open(self.event, beside=self._beside)
        await self._opening.durable
        return self.record_id

    def end(self) -> None:
        if self._opening:
            self._ledger.close(self._opening, closed(self.record_id), beside=self._beside)


def check_whole(kept: Kept, secrets: Secrets, acknowledged: Sequence[str]) -> None:
    """Nothing acknowledged is lost; each event has what stands beside it, and nothing else does."""
    bodies: dict[tuple[str, str], str] = {}
    for record_id, action, body in kept.ask("SELECT record_id, action, body FROM event"):
        if action in _PARTS:
            found = json.loads(bytes(body))
            assert (record_id, _PARTS[action]) not in bodies, "an event was kept twice"
            bodies[record_id, _PARTS[action]] = found.get("content", "")
    began = {record_id for record_id, part in bodies if part == "prompt"}
    assert set(acknowledged) <= began
    committed = {key for key, commitment in bodies.items() if commitment}
    assert {(record_id, "prompt") for record_id in began} <= committed
    sealed = kept.ask("SELECT record_id, part FROM content")
    assert len(sealed) == len(set(sealed))
    assert set(sealed) == committed
    tokens = kept.ask("SELECT record_id, token FROM subject")
    assert sorted((r, bytes(t)) for r, t in tokens) == sorted((r, token_of(r)) for r in began)
    for record_id, part in random.Random(1).sample(sealed, min(len(sealed), _OPENED_AT_MOST)):
        assert text_of(record_id, part) in opened_text(
            kept, secrets, record_id, part, bodies[record_id, part]
        )


def opened_text(kept: Kept, secrets: Secrets, record_id: str, part: str, commitment: str) -> str:
    """What two people read of one sealed text; it must be what the event has committed to."""
    (found,) = kept.ask(
        "SELECT record_id, part, agency, week, expires_at, key, body FROM content "
        "WHERE record_id = ? AND part = ?",
        record_id,
        part,
    )
    row = ContentRow(*found[:5], bytes(found[5]), bytes(found[6]))
    inner = approve(secrets.sealer().outer(row), secrets.pair.cpo)
    return open_text(inner, secrets.pair.officers, row, commitment).text
