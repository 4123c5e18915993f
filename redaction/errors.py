"""The package's own exceptions; none carries text of a caller.

RedactionError
├── DetectionUnavailable   no child answered within the deadline, or the pool is full
├── TooManyFindings        more personal data in one request than is ever read for one
├── RedactionIncomplete    an original would still have left (the last look)
└── ContentBlocked         the policy forbids an entity that was found
"""


class RedactionError(Exception):
    """Base of everything that redaction raises on purpose."""


class DetectionUnavailable(RedactionError):
    """No detector answered within the deadline: the request must fail, nothing may pass unread."""


class TooManyFindings(RedactionError):
    """One request holds more personal data than the work for one caller may take."""


class RedactionIncomplete(RedactionError):
    """An original of a detected value still stands in what was about to leave."""


class ContentBlocked(RedactionError):
    """The policy's operator for an entity that was found is `block`."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity)
        self.entity = entity
