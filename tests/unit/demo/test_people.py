"""The demo's people: enough of each kind, and obviously invented."""

import re

from gateway.demo.people import ACCOUNTS, PEOPLE, SERVICES
from gateway.domain import ROLE_PERMISSIONS, Permission, Role


def test_demo_has_two_agencies_six_people_and_three_systems() -> None:
    assert len({person.agency for person in PEOPLE}) == 2
    assert (len(PEOPLE), len(SERVICES)) == (6, 3)
    assert len(ACCOUNTS) == len({account.subject for account in ACCOUNTS.values()}) == 9
    assert all("가상" in account.agency.name for account in ACCOUNTS.values())


def test_demo_has_every_role_of_an_agency_and_every_grade() -> None:
    roles = {role for person in PEOPLE for role in person.roles}
    assert roles == set(Role) - {Role.OPERATOR}
    assert len({person.ceiling for person in PEOPLE}) == 3
    officers = [person for person in PEOPLE if Role.AGENCY_OFFICER in person.roles]
    assert len({officer.agency for officer in officers}) == 2


def test_names_for_the_command_line_are_plain() -> None:
    assert all(re.fullmatch(r"[a-z][a-z-]{1,15}", key) for key in ACCOUNTS)


def test_systems_may_call_models() -> None:
    for service in SERVICES:
        granted = frozenset().union(*(ROLE_PERMISSIONS[role] for role in service.roles))
        assert Permission.CHAT_CREATE in granted
