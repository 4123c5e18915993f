"""The event of a database that was put back: from what, and over what had been remembered."""

from dataclasses import dataclass
from typing import Final

from gateway.ledger.events import PLATFORM, bounded, bounded_count
from gateway.proofs.note import Checkpoint
from inference.task import JsonObject

DATABASE_RESTORED: Final = "database.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRestored:
    """A database was put back; its last checkpoint is (`size`, `root` in hex).

    `made` and `manifest` are the backup's time (ISO 8601) and the SHA-256 of its manifest, empty
    where other tools have put it back. `remembered` is what was known outside it. `erased` counts
    the records whose content went with this event, being listed as erased.
    """

    record_id: str
    account: str
    size: int
    root: str
    made: str
    manifest: str
    remembered: Checkpoint | None
    erased: int
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        known = self.remembered
        return {
            "action": DATABASE_RESTORED,
            "account": bounded(self.account),
            "size": bounded_count(self.size),
            "root": self.root,
            "backup": {"made": bounded(self.made), "sha256": self.manifest} if self.made else None,
            "remembered": {"size": known.size, "root": known.root.hex()} if known else None,
            "older": known is not None and known.size > self.size,
            "erased": bounded_count(self.erased),
        }
