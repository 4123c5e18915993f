"""What is written with a record's events, in their transactions: whom it handles, what it said."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.ledger.content import ANSWER, MOST_BYTES, RecordSeal, Sealed
from gateway.protocol.answer_text import AnswerText
from gateway.store.subjects import SubjectRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Made before a record is opened; `seal` is None where no content is kept.

    `answer` is filled on the way of the answer, with what was scanned and not yet restored.
    """

    subjects: Sequence[SubjectRow] = field(default=(), repr=False)
    seal: RecordSeal | None = None
    prompt: Sealed | None = field(default=None, repr=False)
    answer: AnswerText = field(default_factory=AnswerText, repr=False)

    def sealed_answer(self) -> Sealed | None:
        """The answer as far as it came; None where no content is kept."""
        if self.seal is None:
            return None
        return self.seal.seal(ANSWER, self.answer.json(), truncated=self.answer.truncated)


def room_for_answer(seal: RecordSeal | None) -> AnswerText:
    """Where an answer is collected, if it is kept."""
    return AnswerText(MOST_BYTES if seal else 0)
