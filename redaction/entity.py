"""The kinds of personal data, and the plain types that carry where they stand.

Nothing here holds logic or reads text; every module of the package but `sensitive` may import it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from redaction.sensitive import Sensitive


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
        Entity("KR_CRN", "법인등록번호", "CorporationNumber", "crn"),
        Entity("KR_HEALTH_INSURANCE", "건강보험증번호", "HealthInsurance", "health_insurance"),
        Entity("KR_CUSTOMS_CODE", "개인통관고유부호", "CustomsCode", "customs_code"),
        Entity("KR_MILITARY_NUMBER", "군번", "MilitaryNumber", "military_number"),
        Entity("SECRET", "비밀정보", "Secret", "secret", floor=True, structured=False),
        # Without their label, or in Hangul, these are what any answer is full of.
        Entity("KR_MEMBER_NUMBER", "회원번호", "MemberNumber", "member_number", structured=False),
        Entity("KR_VEHICLE_PLATE", "차량번호", "Plate", "vehicle_plate", structured=False),
        Entity("KR_BIRTH_DATE", "생년월일", "BirthDate", "birth_date", structured=False),
        Entity("KR_ADDRESS", "주소", "Address", "address", structured=False),
        Entity("COORDINATES", "좌표", "Coordinates", "coordinates", structured=False),
        Entity("IP_ADDRESS", "IP주소", "IPAddress", "ip_address", structured=False),
        Entity("MAC_ADDRESS", "MAC주소", "MACAddress", "mac_address", structured=False),
        Entity("PERSON", "성명", "Name", "person", structured=False),
        # What an agency's policy document names: its own numbers, and words of its dictionary.
        Entity("AGENCY_NUMBER", "기관번호", "AgencyNumber", "agency_number"),
        Entity("AGENCY_TERM", "지정어", "AgencyTerm", "agency_term", structured=False),
        # Packs `eu` and `us`: the names are Presidio's.
        Entity("IBAN_CODE", "국제계좌번호", "IBAN", "iban", floor=True),
        Entity("DE_TAX_ID", "독일납세번호", "GermanTaxNumber", "de_tax_id", floor=True),
        Entity("ES_NIE", "스페인외국인번호", "SpanishForeignerNumber", "es_nie", floor=True),
        Entity("ES_NIF", "스페인신분번호", "SpanishIdentityNumber", "es_nif", floor=True),
        Entity(
            "FI_PERSONAL_IDENTITY_CODE",
            "핀란드신분번호",
            "FinnishIdentityNumber",
            "fi_personal_identity_code",
            floor=True,
        ),
        Entity("IT_FISCAL_CODE", "이탈리아납세번호", "ItalianTaxNumber", "it_fiscal", floor=True),
        Entity("PL_PESEL", "폴란드신분번호", "PolishIdentityNumber", "pl_pesel", floor=True),
        Entity(
            "SE_PERSONNUMMER",
            "스웨덴신분번호",
            "SwedishIdentityNumber",
            "se_personnummer",
            floor=True,
        ),
        Entity("US_BANK_NUMBER", "미국계좌번호", "AmericanAccount", "us_bank", floor=True),
        Entity("US_DRIVER_LICENSE", "미국면허번호", "AmericanLicense", "us_license", floor=True),
        Entity("US_ITIN", "미국납세번호", "AmericanTaxNumber", "us_itin", floor=True),
        Entity("US_PASSPORT", "미국여권번호", "AmericanPassport", "us_passport", floor=True),
        Entity("US_SSN", "미국사회보장번호", "SocialSecurityNumber", "us_ssn", floor=True),
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
    """For each field the spans found in it (ascending, not overlapping), and by which detector.

    `sensitive` holds the subjects of 민감정보 (개인정보 보호법 제23조) that the texts say of some
    person: they are looked for only where no span already tells that the texts are personal.
    """

    spans: tuple[tuple[Span, ...], ...]
    version: str
    sensitive: frozenset[Sensitive] = frozenset()

    def counts(self) -> dict[str, int]:
        """Occurrences per entity name."""
        counts: dict[str, int] = {}
        for spans in self.spans:
            for span in spans:
                counts[span.entity] = counts.get(span.entity, 0) + 1
        return counts
