"""Makes what is written beside a record; pure work, of any thread, before the record is opened."""

import json
import time
from collections.abc import Callable
from collections.abc import Mapping as ReadMapping
from dataclasses import dataclass

from gateway.domain import Grade
from gateway.ledger.beside import Beside, room_for_answer
from gateway.ledger.content import PROMPT, ContentSealer
from gateway.ledger.subjects import SubjectIndex
from inference.task import JsonValue
from redaction.mapping import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What this installation keeps of requests, beside their events: either, both or nothing."""

    subjects: SubjectIndex | None = None
    content: ContentSealer | None = None
    clock: Callable[[], float] = time.time

    def beside(
        self,
        record_id: str,
        agency: str,
        grade: Grade,
        mapping: Mapping,
        body: ReadMapping[str, JsonValue],
    ) -> Beside:
        """Whom a request handles, and what the engine will read: `body` holds surrogates only.

        Raises:
            AuditUnavailable: its content is to be kept and cannot be sealed.
        """
        at = self.clock()
        rows = self.subjects.rows(agency, record_id, mapping, at) if self.subjects else ()
        seal = self.content.begin(record_id, agency, grade, at) if self.content else None
        prompt = seal.seal(PROMPT, json.dumps({**body}, ensure_ascii=False)) if seal else None
        return Beside(subjects=rows, seal=seal, prompt=prompt, answer=room_for_answer(seal))
