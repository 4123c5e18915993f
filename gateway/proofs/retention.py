"""Which events may ever be pruned, and how long each has to be kept at least: a closed list.

Sources: 개인정보의 안전성 확보조치 기준 제8조제1항 (access records, a year), 제8조 (how they are
looked over and downloaded), 제5조제3항 (changes of rights, three years). What stands in no row is
kept for ever: the life of writers and keys, acts of pruning, what was put back, when the log was
full. No setting goes below these days, and a verification names an act that does.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What the law keeps for one and the same time; a closed set of words."""

    REQUEST = "request"
    REFUSAL = "refusal"
    INQUIRY = "inquiry"
    RIGHTS = "rights"


LEAST_DAYS: Final[Mapping[Kind, int]] = {
    Kind.REQUEST: 365,
    Kind.REFUSAL: 365,
    Kind.INQUIRY: 730,
    Kind.RIGHTS: 1_095,
}
_ACTIONS: Final = {
    "request.opened": Kind.REQUEST,
    "request.closed": Kind.REQUEST,
    "request.refused": Kind.REFUSAL,
    "auth.refused": Kind.REFUSAL,
}
_FAMILIES: Final = {
    "audit": Kind.INQUIRY,
    "content": Kind.INQUIRY,
    "export": Kind.INQUIRY,
    "review": Kind.INQUIRY,
    "chat": Kind.INQUIRY,
    "rights": Kind.RIGHTS,
    "policy": Kind.RIGHTS,
    "config": Kind.RIGHTS,
}
_BY_GRADE: Final = ("request.O", "request.S", "request.C")


def kind_of(action: str) -> Kind | None:
    """What an event of this action is kept as; None for ever."""
    family, dot, _ = action.partition(".")
    return _ACTIONS.get(action) or (_FAMILIES.get(family) if dot else None)


def rule_of(action: str, grade: str = "") -> str:
    """The name of the rule in an act by which an event goes: a request's has its grade's letter."""
    return f"request.{grade}" if kind_of(action) is Kind.REQUEST else action


def kind_of_rule(name: str) -> Kind | None:
    """What goes by the rule of this name; None if no rule may have it."""
    if name in _BY_GRADE:
        return Kind.REQUEST
    found = kind_of(name)
    return None if found is Kind.REQUEST else found


def covers(name: str, action: str) -> bool:
    """Whether an event of this action may go by the rule of this name."""
    return kind_of(action) is Kind.REQUEST if name in _BY_GRADE else name == action
