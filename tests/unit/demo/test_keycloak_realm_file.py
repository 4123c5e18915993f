"""The shipped realm's hard settings: each is a line that somebody could weaken without noticing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.keycloak import new_password
from gateway.demo.keycloak_realm import NAME, SECOND_FACTOR, demo_realm, shipped_realm
from gateway.demo.people import ACCOUNTS, PEOPLE, SERVICES
from gateway.demo.realm import WEB_CLIENT
from gateway.domain import Role

REALM = shipped_realm()
CLIENTS: list[dict[str, Any]] = REALM["clients"]
TEXT = (Path(__file__).parents[3] / "deploy" / "keycloak" / NAME).read_text(encoding="utf-8")
SERVICE_CLIENTS = ("agency-system", "agency-system-key")
OUTSIDE = {"account", "account-console", "admin-cli", "security-admin-console", "broker"}


def client(name: str) -> dict[str, Any]:
    (found,) = (one for one in CLIENTS if one["clientId"] == name)
    return found


def every(name: str, value: Any = REALM) -> list[Any]:
    """Every value of this name, however deep."""
    if isinstance(value, dict):
        own = [value[name]] if name in value else []
        return own + [found for inner in value.values() for found in every(name, inner)]
    if isinstance(value, list):
        return [found for inner in value for found in every(name, inner)]
    return []


def test_built_in_clients_are_named_so_that_keycloak_makes_none_of_its_own() -> None:
    names = {one["clientId"] for one in CLIENTS}
    assert names == OUTSIDE | {WEB_CLIENT, *SERVICE_CLIENTS}
    assert not client("admin-cli")["enabled"]
    assert not client("security-admin-console")["enabled"]


@pytest.mark.parametrize("one", CLIENTS, ids=lambda one: one["clientId"])
def test_client_has_no_weak_flow_and_no_wildcard(one: dict[str, Any]) -> None:
    assert one["directAccessGrantsEnabled"] is False
    assert one["implicitFlowEnabled"] is False
    assert one["fullScopeAllowed"] is False
    addresses = [*one["redirectUris"], *one["webOrigins"], one.get("baseUrl", "")]
    addresses += [value for name, value in one["attributes"].items() if "uri" in name]
    assert [address for address in addresses if "*" in address or address == "+"] == []
    for grant in (
        "oauth2.device.authorization.grant",
        "oidc.ciba.grant",
        "standard.token.exchange",
    ):
        assert one["attributes"][f"{grant}.enabled"] == "false"
    if one["standardFlowEnabled"]:
        assert one["attributes"]["pkce.code.challenge.method"] == "S256"
        assert one["redirectUris"]
    assert "offline_access" not in one["optionalClientScopes"] + one["defaultClientScopes"]


def test_realm_enforces_the_same_for_clients_that_are_made_later() -> None:
    (profile,) = REALM["clientProfiles"]["profiles"]
    (policy,) = REALM["clientPolicies"]["policies"]
    executors = {one["executor"] for one in profile["executors"]}
    assert executors == {
        "reject-implicit-grant",
        "reject-ropc-grant",
        "full-scope-disabled",
        "pkce-enforcer",
    }
    assert policy["enabled"]
    assert policy["profiles"] == [profile["name"]]
    assert [one["condition"] for one in policy["conditions"]] == ["any-client"]


def test_browser_client_is_confidential_exact_and_told_of_logouts() -> None:
    web = client(WEB_CLIENT)
    assert (web["publicClient"], web["standardFlowEnabled"]) == (False, True)
    assert web["serviceAccountsEnabled"] is False
    assert web["redirectUris"] == ["${REALM_PUBLIC_URL}/login/callback"]
    assert web["webOrigins"] == []
    attributes = web["attributes"]
    assert attributes["post.logout.redirect.uris"] == "${REALM_PUBLIC_URL}/"
    assert attributes["backchannel.logout.url"] == "${REALM_LOGOUT_URL}"
    assert attributes["backchannel.logout.session.required"] == "true"


@pytest.mark.parametrize(
    ("name", "kind"), [("agency-system", "client-secret"), ("agency-system-key", "client-jwt")]
)
def test_patterns_of_systems_have_a_service_account_alone_and_are_off(name: str, kind: str) -> None:
    one = client(name)
    assert (one["enabled"], one["clientAuthenticatorType"]) == (False, kind)
    assert (one["serviceAccountsEnabled"], one["standardFlowEnabled"]) == (True, False)
    assert (one["publicClient"], "secret" in one) == (False, False)


def test_no_secret_stands_in_the_file() -> None:
    for name in ("secret", "privateKey", "certificate", "value", "registrationAccessToken"):
        for value in every(name):
            assert re.fullmatch(r"\$\{REALM_[A-Z_]+\}", str(value)), name
    assert every("credentials") == every("secretData") == every("smtpServer") == []
    assert "users" not in REALM
    assert "PRIVATE KEY" not in TEXT
    providers = set(REALM["components"])
    assert providers == {"org.keycloak.userprofile.UserProfileProvider"}  # keys are made at start


def test_placeholders_have_no_default_that_could_be_forgotten() -> None:
    found = set(re.findall(r"\$\{([^}]+)\}", TEXT))
    own = {name for name in found if name.startswith("REALM_")}
    assert own == {"REALM_PUBLIC_URL", "REALM_LOGOUT_URL", "REALM_WEB_SECRET"}
    keycloaks = {name for name in found - own if not name.startswith("client_")}
    assert keycloaks == {"authBaseUrl", "username", "email"}


def test_attributes_that_rights_come_from_are_the_administrators_alone() -> None:
    (component,) = REALM["components"]["org.keycloak.userprofile.UserProfileProvider"]
    profile = json.loads(component["config"]["kc.user.profile.config"][0])
    assert {one["name"] for one in profile["attributes"]} == {
        "username",
        "email",
        "firstName",
        "ceiling",
    }
    for one in profile["attributes"]:
        assert one["permissions"]["edit"] == ["admin"]
    # Attributes that are not declared are not kept: nobody can give a person an agency but by a
    # group, and groups are no part of the account API.
    assert "unmanagedAttributePolicy" not in profile
    assert REALM["editUsernameAllowed"] is REALM["registrationAllowed"] is False
    (agency,) = REALM["groups"]
    assert set(agency["attributes"]) == {"agency", "ceiling"}
    assert set(agency["subGroups"][0]["attributes"]) == {"department"}


def test_claims_come_from_these_mappers_alone() -> None:
    scopes = {one["name"]: one for one in REALM["clientScopes"]}
    kinds = {
        mapper["config"].get("claim.name", mapper["name"]): mapper["protocolMapper"]
        for name in client(WEB_CLIENT)["defaultClientScopes"]
        for mapper in scopes[name]["protocolMappers"]
    }
    attribute = "oidc-usermodel-attribute-mapper"
    assert kinds == {
        "sub": "oidc-sub-mapper",
        "auth_time": "oidc-usersessionmodel-note-mapper",
        "acr": "oidc-acr-mapper",
        "name": "oidc-full-name-mapper",
        "preferred_username": attribute,
        "realm_access.roles": "oidc-usermodel-realm-role-mapper",
        "agency": attribute,
        "department": attribute,
        "ceiling": attribute,
        "audience": "oidc-audience-mapper",
    }
    (audience,) = scopes["gwanmun-audience"]["protocolMappers"]
    assert audience["config"]["included.custom.audience"] == "gwanmun"
    for name in SERVICE_CLIENTS:
        assert client(name)["defaultClientScopes"] == client(WEB_CLIENT)["defaultClientScopes"]
    for one in scopes["gwanmun-agency"]["protocolMappers"]:
        # The nearest value counts: aggregated, a person's lower ceiling could lose to a group's.
        assert one["config"]["aggregate.attrs"] == "false"
        assert one["config"]["id.token.claim"] == "false"
    assert REALM["defaultDefaultClientScopes"] == REALM["defaultOptionalClientScopes"] == []


def test_roles_are_the_gateways_and_all_but_staff_and_developer_need_a_second_factor() -> None:
    roles = {role["name"]: role for role in REALM["roles"]["realm"]}
    assert set(roles) == {*(role.value for role in Role), SECOND_FACTOR, "default-roles-gwanmun"}
    needing = {
        name
        for name, role in roles.items()
        if SECOND_FACTOR in role.get("composites", {}).get("realm", [])
    }
    assert needing == {"agency-officer", "cpo", "auditor", "operator"}
    (mapping,) = REALM["scopeMappings"]
    assert set(mapping["roles"]) == {role.value for role in Role}
    # No role of this realm administers Keycloak: that is the master realm's.
    assert "realm-management" not in TEXT


def test_login_asks_for_second_factors_and_bounds_sessions() -> None:
    flows = {
        flow["alias"]: flow["authenticationExecutions"] for flow in REALM["authenticationFlows"]
    }
    assert REALM["browserFlow"] == "gwanmun browser"
    forms = [
        (one.get("authenticator") or one["flowAlias"], one["requirement"])
        for one in flows["gwanmun forms"]
    ]
    assert forms == [
        ("auth-username-password-form", "REQUIRED"),
        ("gwanmun second factor", "CONDITIONAL"),
        ("gwanmun second factor by role", "CONDITIONAL"),
        ("user-session-limits", "REQUIRED"),
    ]
    second = {one["authenticator"] for one in flows["gwanmun second factor"]}
    assert second == {"conditional-user-configured", "auth-otp-form", "webauthn-authenticator"}
    by_role = [
        (one["authenticator"], one["requirement"]) for one in flows["gwanmun second factor by role"]
    ]
    assert by_role[-1] == ("auth-otp-form", "REQUIRED")
    configs = {one["alias"]: one["config"] for one in REALM["authenticatorConfig"]}
    assert configs["gwanmun role with second factor"]["condUserRole"] == SECOND_FACTOR
    assert int(configs["gwanmun session limits"]["userRealmLimit"]) <= 3


def test_passwords_sessions_and_guesses_are_bounded() -> None:
    assert REALM["sslRequired"] == "all"
    assert REALM["bruteForceProtected"] is True
    assert REALM["failureFactor"] <= 5
    for rule in ("length(12)", "digits(1)", "specialChars(1)", "passwordHistory(5)", "notUsername"):
        assert rule in REALM["passwordPolicy"]
    assert REALM["otpPolicyCodeReusable"] is False
    assert REALM["accessTokenLifespan"] <= 300
    assert REALM["accessCodeLifespan"] <= 60
    assert REALM["ssoSessionIdleTimeout"] <= 1_800
    assert REALM["ssoSessionMaxLifespan"] <= 28_800
    assert REALM["rememberMe"] is REALM["resetPasswordAllowed"] is False
    assert REALM["eventsEnabled"] is REALM["adminEventsEnabled"] is True
    actions = {one["alias"]: one["enabled"] for one in REALM["requiredActions"]}
    assert actions["CONFIGURE_TOTP"] is actions["webauthn-register"] is True
    assert actions["UPDATE_PROFILE"] is actions["delete_account"] is False


def test_demo_adds_people_and_changes_nothing_else_but_what_loopback_needs() -> None:
    password, secrets = new_password(), {one.key: f"secret-{one.key}" for one in SERVICES}
    demo = demo_realm(REALM, password=password, secrets=secrets)
    changed = {name for name, value in demo.items() if REALM.get(name) != value}
    assert changed == {"sslRequired", "roles", "groups", "clients", "users"}
    assert demo["clients"][: len(CLIENTS)] == CLIENTS
    added = demo["clients"][len(CLIENTS) :]
    assert [one["secret"] for one in added] == list(secrets.values())
    for one in added:
        same = {
            name: value
            for name, value in one.items()
            if REALM and client("agency-system").get(name) != value
        }
        assert set(same) == {"clientId", "name", "enabled", "secret"}
    users = {one["username"]: one for one in demo["users"]}
    assert len(users) == len(ACCOUNTS)
    for person in PEOPLE:
        user = users[person.key]
        assert user["id"] == person.subject
        assert user["groups"] == [f"/{person.agency.code}/{person.department}"]
        assert {role.value for role in person.roles} < set(user["realmRoles"])
        assert [one["value"] for one in user["credentials"]] == [password]
    assert "credentials" not in users["service-account-svc-civil"]


def test_passwords_of_the_demo_are_never_the_same_and_keep_the_policy() -> None:
    passwords = {new_password() for _ in range(20)}
    assert len(passwords) == 20
    for password in passwords:
        assert len(password) >= 12
        assert re.search(r"[a-z]", password)
        assert re.search(r"\d", password)
        assert "-" in password
