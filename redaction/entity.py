"""The kinds of personal data, and the plain types that carry where they stand.

Nothing here holds logic or reads text; every other module of the package may import it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Entity(NamedTuple):
    """One kind of personal datum.

    `code` is the closed ASCII word used in headers and metrics. `unique_identifier` marks
    고유식별정보 (개인정보 보호법 제24조, 시행령 제19조): withheld by default.
    `floor` marks kinds that no policy may `allow` or `hash`: 고유식별정보, cards, accounts,
    secrets. `structured` marks kinds whose values an engine must not make up unscanned.
    """

    name: str
    label: str
    english: str
    code: str
    unique_identifier: bool = False
    floor: bool = False
    structured: bool = True


ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        Entity("KR_RRN", "주민등록번호", "RRN", "rrn", unique_identifier=True, floor=True),
        Entity("KR_FRN", "외국인등록번호", "FRN", "frn", unique_identifier=True, floor=True),
        Entity(
            "KR_PASSPORT", "여권번호", "Passport", "passport", unique_identifier=True, floor=True
        ),
        Entity(
            "KR_DRIVER_LICENSE",
            "운전면허번호",
            "DriverLicense",
            "driver_license",
            unique_identifier=True,
            floor=True,
        ),
        Entity("CREDIT_CARD", "카드번호", "Card", "card", floor=True),
        Entity("KR_BANK_ACCOUNT", "계좌번호", "Account", "account", floor=True),
        Entity("PHONE_NUMBER", "전화번호", "Phone", "phone"),
        Entity("EMAIL_ADDRESS", "이메일", "Email", "email"),
        Entity("KR_BRN", "사업자번호", "BusinessNumber", "brn"),
        Entity("PERSON", "성명", "Name", "person", structured=False),
    )
}


COVER_RULE = "cover"
"""`Span.rule` of a span that the field's own text did not reveal: an equal value found elsewhere.

Detection marks every such span so; replace then numbers the value where it was revealed, and a
longer conversation never renumbers a shorter one.
"""

FOLLOWED_RULE = "followed"
"""`Span.rule` of a span that only the next field revealed, which the model reads directly behind.

(A label may stand there.) Replace numbers its value with the next field.
"""


class Origin(StrEnum):
    """Who brought a text into the request; decides where its values may come back."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"  # a tool's result
    DEFINITION = "definition"  # tool definitions, schemas, stop strings, names


@dataclass(frozen=True, slots=True)
class Field:
    """One text that a model could read, in the order in which the chat template renders them.

    `joins_previous` says that the model reads it directly behind the field before it, so that a
    value may stand across the two. `label` is the name that it stands under in JSON (`성명` of
    `{"성명": …}`): it tells what the text is and is no part of it; names are fields of their own.
    """

    text: str = field(repr=False)
    origin: Origin
    joins_previous: bool = False
    label: str = field(default="", repr=False)


class Span(NamedTuple):
    """Where a personal datum stands: code-point offsets, end exclusive, score 0 to 1.

    `rule` names the recognizer's rule that found it, for `--explain`; it never holds text.
    """

    start: int
    end: int
    entity: str
    score: float
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """For each field the spans found in it (ascending, not overlapping), and by which detector."""

    spans: tuple[tuple[Span, ...], ...]
    version: str

    def counts(self) -> dict[str, int]:
        """Occurrences per entity name."""
        counts: dict[str, int] = {}
        for spans in self.spans:
            for span in spans:
                counts[span.entity] = counts.get(span.entity, 0) + 1
        return counts
