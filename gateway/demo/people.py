"""The people, agencies and systems of the demo: all invented, none of them anyone.

Plain data. The demo provider issues tokens for them, `gwanmun demo token` takes their names.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from gateway.domain import Grade, Role

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "demo.gwanmun.invalid")  # RFC 2606, .invalid


@dataclass(frozen=True, slots=True)
class Agency:
    """An invented agency."""

    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person or an agency system that the demo provider knows; `key` is its short name."""

    key: str
    name: str
    agency: Agency
    department: str
    roles: tuple[Role, ...]
    ceiling: Grade
    duty: str
    service: bool = False

    @property
    def subject(self) -> str:
        """The `sub` of its tokens, the same in every demo."""
        return str(uuid.uuid5(_NAMESPACE, self.key))


MINISTRY: Final = Agency("demo-ministry", "행정안전부 시범과(가상)")
CITY: Final = Agency("demo-city", "한빛시청(가상)")

PEOPLE: Final = (
    Account(
        key="minsu",
        name="박민수",
        agency=MINISTRY,
        department="민원제도과",
        roles=(Role.STAFF,),
        ceiling=Grade.S,
        duty="민원 담당자",
    ),
    Account(
        key="jiyoung",
        name="이지영",
        agency=CITY,
        department="시민소통과",
        roles=(Role.STAFF,),
        ceiling=Grade.O,
        duty="공개 자료만 다루는 담당자",
    ),
    Account(
        key="dev",
        name="최하늘",
        agency=MINISTRY,
        department="정보화담당관실",
        roles=(Role.STAFF, Role.DEVELOPER),
        ceiling=Grade.S,
        duty="행정시스템 개발자",
    ),
    Account(
        key="officer-a",
        name="정서윤",
        agency=MINISTRY,
        department="정보보호담당관실",
        roles=(Role.AGENCY_OFFICER,),
        ceiling=Grade.C,
        duty="보안담당자",
    ),
    Account(
        key="officer-b",
        name="강도현",
        agency=CITY,
        department="정보통신과",
        roles=(Role.AGENCY_OFFICER,),
        ceiling=Grade.C,
        duty="보안담당자",
    ),
    Account(
        key="cpo",
        name="윤가람",
        agency=MINISTRY,
        department="감사관실",
        roles=(Role.CPO, Role.AUDITOR),
        ceiling=Grade.C,
        duty="개인정보 보호책임자·감사관",
    ),
)

SERVICES: Final = (
    Account(
        key="svc-civil",
        name="민원처리시스템",
        agency=MINISTRY,
        department="민원제도과",
        roles=(Role.DEVELOPER,),
        ceiling=Grade.S,
        duty="민원 회신 초안",
        service=True,
    ),
    Account(
        key="svc-records",
        name="기록관리시스템",
        agency=MINISTRY,
        department="기록관리과",
        roles=(Role.DEVELOPER,),
        ceiling=Grade.C,
        duty="기록물 요약",
        service=True,
    ),
    Account(
        key="svc-notice",
        name="시정소식시스템",
        agency=CITY,
        department="시민소통과",
        roles=(Role.DEVELOPER,),
        ceiling=Grade.O,
        duty="공지문 작성",
        service=True,
    ),
)

ACCOUNTS: Final = {account.key: account for account in (*PEOPLE, *SERVICES)}
