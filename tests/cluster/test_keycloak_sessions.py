"""Browser sessions over a real Keycloak: they begin, are renewed and end together with its own."""

import hmac
import re
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from parts.keycloak import Keycloak, Person
from parts.keycloak_gateway import Gateway
from visiting import Visitor

from gateway.demo.realm import WEB_CLIENT

PATIENCE = 60.0
PAUSE = 0.6  # between two questions: a person has 120 requests a minute


def until(true: Callable[[], bool]) -> None:
    """Waits until it is so."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends
        time.sleep(PAUSE)


def entered(gateway: Gateway, person: Person) -> Visitor:
    visitor = gateway.visitor()
    visitor.log_in(person.name, person.password)
    assert visitor.inside, visitor.page.text[:2_000]
    return visitor


def test_person_logs_in_with_the_rights_of_the_groups(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person("staff")
    me = entered(behind_keycloak, person).me().json()
    assert (me["subject"], me["agency"], me["department"]) == (
        person.id,
        "demo-ministry",
        "민원제도과",
    )
    assert (me["roles"], me["ceiling"]) == (["staff"], "S")


@pytest.mark.parametrize(
    ("own", "nearest", "above", "counts"),
    [
        ("O", "S", "S", "O"),
        ("S", "O", "O", "S"),
        ("", "O", "S", "O"),
        ("", "S", "O", "S"),
        ("", "", "S", "S"),
        ("", "", "", "O"),
    ],
    ids=["lower than the group", "higher", "subgroup lower", "subgroup higher", "above", "none"],
)
def test_nearest_ceiling_counts(
    keycloak: Keycloak, behind_keycloak: Gateway, own: str, nearest: str, above: str, counts: str
) -> None:
    def group(path: str, code: str, ceiling: str, **attributes: list[str]) -> tuple[str, str]:
        held = {**attributes, **({"ceiling": [ceiling]} if ceiling else {})}
        return keycloak.admin("POST", path, {"name": code, "attributes": held}), code

    code = f"agency-{secrets.token_hex(4)}"
    agency, _ = group("/groups", code, above, agency=[code])
    group(f"/groups/{agency}/children", "과", nearest, department=["과"])
    person = keycloak.new_person("staff", group=f"/{code}/과", ceiling=own)
    me = entered(behind_keycloak, person).me().json()
    assert (me["agency"], me["department"], me["ceiling"]) == (code, "과", counts)


def test_logout_here_ends_the_login_at_keycloak_without_a_question(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    visitor = entered(behind_keycloak, person)
    assert len(keycloak.admin("GET", f"/users/{person.id}/sessions")) == 1
    target = visitor.log_out()
    assert target.startswith(f"{keycloak.endpoint}/logout?")
    assert not visitor.inside
    page = visitor.go(target)
    assert str(page.url) == f"{behind_keycloak.url}/"
    assert keycloak.admin("GET", f"/users/{person.id}/sessions") == []
    visitor.go(f"{behind_keycloak.url}/login")
    assert 'name="password"' in visitor.page.text  # Keycloak has forgotten this browser too


def test_logout_at_keycloak_reaches_us(keycloak: Keycloak, behind_keycloak: Gateway) -> None:
    person, other = keycloak.new_person(), keycloak.new_person()
    visitors = [entered(behind_keycloak, person) for _ in range(2)]
    stranger = entered(behind_keycloak, other)
    keycloak.admin("POST", f"/users/{person.id}/logout")
    until(lambda: not any(visitor.inside for visitor in visitors))
    assert stranger.inside


def test_one_login_that_ends_at_keycloak_ends_here_and_the_other_goes_on(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    first = entered(behind_keycloak, person)
    (session,) = keycloak.admin("GET", f"/users/{person.id}/sessions")
    second = entered(behind_keycloak, person)
    keycloak.admin("DELETE", f"/sessions/{session['id']}")
    until(lambda: not first.inside)
    assert second.inside


def test_fourth_login_ends_the_first(keycloak: Keycloak, behind_keycloak: Gateway) -> None:
    person, visitors = keycloak.new_person(), []
    for _ in range(4):
        visitors.append(entered(behind_keycloak, person))
        time.sleep(1.1)  # Keycloak tells the oldest by whole seconds
    until(lambda: not visitors[0].inside)
    assert [visitor.inside for visitor in visitors] == [False, True, True, True]


def test_session_asks_keycloak_again_and_new_rights_count(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    with keycloak.client_changed(WEB_CLIENT, **{"access.token.lifespan": "2"}):
        visitor = entered(behind_keycloak, person)
        user = keycloak.admin("GET", f"/users/{person.id}")
        user["attributes"]["ceiling"] = ["O"]
        keycloak.admin("PUT", f"/users/{person.id}", user)
        until(lambda: visitor.me().json()["ceiling"] == "O")
        assert visitor.me().json()["roles"] == ["staff"]


def test_session_ends_with_keycloaks_though_no_logout_reaches_us(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    lost = {"access.token.lifespan": "2", "backchannel.logout.url": "http://127.0.0.1:1/"}
    with keycloak.client_changed(WEB_CLIENT, **lost):
        visitor = entered(behind_keycloak, person)
        keycloak.admin("POST", f"/users/{person.id}/logout")
        until(lambda: not visitor.inside)


def test_person_who_is_switched_off_is_out_at_the_next_renewal(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    with keycloak.client_changed(WEB_CLIENT, **{"access.token.lifespan": "2"}):
        visitor = entered(behind_keycloak, person)
        user = keycloak.admin("GET", f"/users/{person.id}")
        keycloak.admin("PUT", f"/users/{person.id}", user | {"enabled": False})
        until(lambda: not visitor.inside)


def account_token(keycloak: Keycloak, person: Person) -> str:
    """The token with which the account console speaks to the account API for this person."""
    visitor, verifier = Visitor(keycloak.url), secrets.token_urlsafe(32)
    back = f"{keycloak.issuer}/account/"
    query = {
        "response_type": "code",
        "client_id": "account-console",
        "redirect_uri": back,
        "scope": "openid",
        "code_challenge": jwt.utils.base64url_encode(sha256(verifier.encode()).digest()).decode(),
        "code_challenge_method": "S256",
    }
    visitor.go(f"{keycloak.endpoint}/auth?{urlencode(query)}")
    answer = visitor.fill_in(back, username=person.name, password=person.password)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    got = keycloak.token(
        grant_type="authorization_code",
        code=code,
        redirect_uri=back,
        code_verifier=verifier,
        client_id="account-console",
    )
    assert got.status_code == 200, got.text
    return str(got.json()["access_token"])


def test_claims_that_a_person_tries_to_change_stay_as_they_were(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    before = entered(behind_keycloak, person).me().json()
    token = account_token(keycloak, person)
    bearer = {"authorization": f"Bearer {token}", "accept": "application/json"}
    with httpx.Client(headers=bearer, timeout=30, trust_env=False) as account:
        url = f"{keycloak.issuer}/account/"
        mine = account.get(url)
        assert mine.status_code == 200, mine.text
        wishes: list[dict[str, Any]] = [
            {"attributes": {"ceiling": ["C"]}},
            {"attributes": {"agency": ["demo-city"], "department": ["감사관실"]}},
            {"firstName": "다른 이름"},
            {"username": "minsu"},
            {"groups": ["/demo-city"]},
            {"realmRoles": ["operator"]},
        ]
        for wish in wishes:
            got = account.post(url, json=mine.json() | wish)
            assert got.status_code in (204, 400, 409), got.text  # heard, and not done
        for method in ("POST", "PUT", "DELETE"):
            assert not account.request(method, f"{url}groups", json={}).is_success
    assert behind_keycloak.me(token).status_code == 401  # nor is its token one for us
    after = entered(behind_keycloak, person).me().json()
    same = ("subject", "name", "agency", "department", "roles", "ceiling")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_wrong_passwords_lock_the_account_for_a_while(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    visitor = behind_keycloak.visitor()
    visitor.go(f"{behind_keycloak.url}/login")
    for _ in range(5):
        visitor.fill_in(username=person.name, password="wrong")
    visitor.fill_in(username=person.name, password=person.password)
    assert not visitor.inside
    told = keycloak.admin("GET", f"/attack-detection/brute-force/users/{person.id}")
    assert told["disabled"] is True


def one_time_code(secret: str, ahead: int = 0) -> str:
    """RFC 6238 with SHA-1, six digits and 30 seconds; `ahead` steps from now."""
    step = int(time.time()) // 30 + ahead
    digest = hmac.digest(secret.encode(), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def test_role_with_a_second_factor_must_register_one_and_is_asked_for_it(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person("agency-officer", "second-factor")
    visitor = behind_keycloak.visitor()
    page = visitor.log_in(person.name, person.password)
    secret = re.search(r'name="totpSecret" value="([^"]+)"', page.text)
    assert secret, page.text[:2_000]
    assert not visitor.inside
    code = one_time_code(secret[1])
    visitor.fill_in(totp=code, totpSecret=secret[1], userLabel="")
    assert visitor.inside, visitor.page.text[:2_000]
    again = behind_keycloak.visitor()
    assert 'name="otp"' in again.log_in(person.name, person.password).text
    again.fill_in(otp="000000")
    assert not again.inside
    again.fill_in(otp=one_time_code(secret[1], 1))  # the first one has been used
    assert again.inside, again.page.text[:2_000]


def test_weak_password_is_refused_by_the_policy(keycloak: Keycloak) -> None:
    person = keycloak.new_person()
    for weak in ("short-1a", "nodigitsatall-", person.name + "-1", "nosignatall1234"):
        body = {"type": "password", "value": weak, "temporary": False}
        with pytest.raises(AssertionError, match=": 400 "):
            keycloak.admin("PUT", f"/users/{person.id}/reset-password", body)


def test_keycloak_is_stopped_and_started(keycloak: Keycloak, behind_keycloak: Gateway) -> None:
    """DESIGN section 10: known keys verify, sessions go on, nobody new comes in."""
    person = keycloak.new_person()
    visitor, token = entered(behind_keycloak, person), keycloak.service_token("svc-civil")
    assert behind_keycloak.me(token).status_code == 200
    keycloak.stop()
    try:
        assert behind_keycloak.me(token).status_code == 200
        assert behind_keycloak.ask(token, "안녕하세요").status_code == 200
        assert visitor.inside
        assert behind_keycloak.visitor().go(f"{behind_keycloak.url}/login").status_code == 503
        strange = jwt.encode(
            {"iss": keycloak.issuer},
            ec.generate_private_key(ec.SECP256R1()),
            "ES256",
            headers={"kid": "unknown", "typ": "JWT"},
        )
        assert behind_keycloak.me(strange).status_code == 503
    finally:
        keycloak.start()
    assert behind_keycloak.me(keycloak.service_token("svc-civil")).status_code == 200
    assert visitor.inside
    assert entered(behind_keycloak, keycloak.new_person()).inside
