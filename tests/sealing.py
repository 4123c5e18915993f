"""Sealed content for tests: two people's keys, and what a gateway is given of them."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from keeping import Kept
from recording import AGENCY, ask, closed, opened

from gateway.domain import Grade
from gateway.ledger.beside import Beside, room_for_answer
from gateway.ledger.content import ContentSealer, Recipients
from gateway.ledger.week_keys import WeekKeys
from gateway.ledger.writer import Ledger
from gateway.store.content import ContentRow

PASSWORD = "a long password"
DAYS = {Grade.O: 30, Grade.S: 20, Grade.C: 10}
ANSWER = '[{"choice": 0, "content": "[성명_1] 귀하"}]'


@dataclass
class Pair:
    """The officers' key and the CPO's."""

    officers: EllipticCurvePrivateKey
    cpo: EllipticCurvePrivateKey

    @classmethod
    def made(cls) -> "Pair":
        return cls(generate_private_key(SECP256R1()), generate_private_key(SECP256R1()))

    def sealer(self, weeks: Path, *agencies: str) -> ContentSealer:
        recipients = Recipients(self.officers.public_key(), self.cpo.public_key())
        return ContentSealer(dict.fromkeys(agencies, recipients), WeekKeys(weeks), DAYS)

    def publish(self, folder: Path) -> None:
        """The public halves, as a gateway finds them."""
        folder.mkdir(parents=True)
        for name, key in (("officers", self.officers), ("cpo", self.cpo)):
            public = key.public_key()
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            (folder / f"{name}.pem").write_bytes(pem)


def private_pem(key: EllipticCurvePrivateKey) -> bytes:
    """As its owner keeps it."""
    lock = BestAvailableEncryption(PASSWORD.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def beside(sealer: ContentSealer, record_id: str, at: float) -> Beside:
    seal = sealer.begin(record_id, AGENCY, Grade.S, at)
    assert seal is not None
    answer = room_for_answer(seal)
    answer.add(0, [("content", 0, "[성명_1] 귀하")])
    return Beside(seal=seal, prompt=seal.seal("prompt", "[성명_1]에게"), answer=answer)


async def handle(ledger: Ledger, sealer: ContentSealer) -> str:
    """One whole record with its content; returns its id."""
    event = opened()
    made = beside(sealer, event.record_id, ledger.now())
    opening = ledger.open(event, beside=made)
    await opening.durable
    ledger.close(opening, closed(event.record_id), beside=made)
    return event.record_id


async def until_written(kept: Kept, count: int) -> None:
    async with asyncio.timeout(20):
        while len(rows(kept)) != count:
            await asyncio.sleep(0.02)


def rows(kept: Kept) -> list[ContentRow]:
    found = ask(
        kept,
        "SELECT record_id, part, agency, week, expires_at, key, body FROM content ORDER BY part",
    )
    return [ContentRow(*row[:5], bytes(row[5]), bytes(row[6])) for row in found]
