"""The realm of deploy/keycloak, with invented people: what a demo imports into a real Keycloak.

The realm stays as it is shipped but for three things that a demo on loopback needs: plain HTTP from
this machine, no second factor to register before the first look, and the people themselves.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.demo.people import ACCOUNTS, Account, Agency
from gateway.demo.realm import RealmError

NAME: Final = "gwanmun-realm.json"
SERVICE: Final = "agency-system"  # the realm's own pattern of a client with a secret
SECOND_FACTOR: Final = "second-factor"
Realm = dict[str, Any]


def shipped_realm() -> Realm:
    """The realm as it is shipped, in `deploy/` of the checkout that this module stands in.

    Raises:
        RealmError: this is no checkout.
    """
    path = Path(__file__).parents[2] / "deploy" / "keycloak" / NAME
    try:
        realm: Realm = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise RealmError(
            path,
            "Keycloak의 realm 파일이 없습니다. 저장소를 받은 폴더에서 시작하십시오.",
            "the realm's file is not here: start from a checkout of the repository.",
        ) from None
    return realm


def demo_realm(
    shipped: Realm,
    *,
    password: str,
    secrets: Mapping[str, str],
    accounts: Iterable[Account] = ACCOUNTS.values(),
) -> Realm:
    """The realm with these accounts; `secrets` has one for each system, by its key."""
    accounts = tuple(accounts)
    services = [account for account in accounts if account.service]
    return {
        **shipped,
        "sslRequired": "external",  # Keycloak's word for: private addresses may come without TLS
        "roles": {**shipped["roles"], "realm": [_one_factor(r) for r in shipped["roles"]["realm"]]},
        "groups": _groups(accounts),
        "clients": [
            *shipped["clients"],
            *(_client(shipped, service, secrets[service.key]) for service in services),
        ],
        "users": [_user(account, password) for account in accounts],
    }


def _one_factor(role: Realm) -> Realm:
    inside = role.get("composites", {}).get("realm", [])
    if SECOND_FACTOR not in inside:
        return role
    return {name: value for name, value in role.items() if name != "composites"} | {
        "composite": False
    }


def _groups(accounts: Iterable[Account]) -> list[Realm]:
    """One group for each agency, below it one for each department."""
    departments: dict[Agency, set[str]] = {}
    for account in accounts:
        departments.setdefault(account.agency, set()).add(account.department)
    return [
        {
            "name": agency.code,
            "attributes": {"agency": [agency.code]},
            "subGroups": [
                {"name": name, "attributes": {"department": [name]}} for name in sorted(names)
            ],
        }
        for agency, names in departments.items()
    ]


def _client(shipped: Realm, service: Account, secret: str) -> Realm:
    (pattern,) = (client for client in shipped["clients"] if client["clientId"] == SERVICE)
    return {
        **pattern,
        "clientId": service.key,
        "name": service.name,
        "enabled": True,
        "secret": secret,
    }


def _user(account: Account, password: str) -> Realm:
    user: Realm = {
        "username": f"service-account-{account.key}" if account.service else account.key,
        "enabled": True,
        "firstName": account.name,
        "attributes": {"ceiling": [account.ceiling.name]},
        "groups": [f"/{account.agency.code}/{account.department}"],
        "realmRoles": [role.value for role in account.roles],
    }
    if account.service:
        return user | {"serviceAccountClientId": account.key}
    return user | {
        "id": account.subject,
        "realmRoles": [*user["realmRoles"], "default-roles-gwanmun"],
        "credentials": [{"type": "password", "value": password, "temporary": False}],
    }
