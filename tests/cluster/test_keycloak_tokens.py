"""Access tokens of a real Keycloak: of systems, of people, and every other token refused."""

import json
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from parts.keycloak import Keycloak, Person
from parts.keycloak_gateway import Gateway

from gateway.demo.people import SERVICES
from gateway.demo.realm import WEB_CLIENT

PROMPT = "민원인 김철수(900101-1234567, 010-1234-5678)에게 보낼 안내문을 써 줘"  # invented


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def code_flow(keycloak: Keycloak, gateway: Gateway, person: Person) -> dict[str, str]:
    """Logs in at Keycloak and takes the code before the gateway does; the tokens it is worth."""
    visitor, verifier = gateway.visitor(), secrets.token_urlsafe(32)
    back = f"{gateway.url}/login/callback"
    challenge = jwt.utils.base64url_encode(sha256(verifier.encode()).digest()).decode()
    query = {
        "response_type": "code",
        "client_id": WEB_CLIENT,
        "redirect_uri": back,
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
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
        client_id=WEB_CLIENT,
        client_secret=keycloak.web_secret,
    )
    assert got.status_code == 200, got.text
    tokens: dict[str, str] = got.json()
    return tokens


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.key)
def test_system_with_a_secret_is_who_its_groups_say(
    keycloak: Keycloak, behind_keycloak: Gateway, service: Any
) -> None:
    token = keycloak.service_token(service.key)
    me = behind_keycloak.me(token).json()
    assert (me["agency"], me["department"]) == (service.agency.code, service.department)
    assert (me["ceiling"], me["roles"]) == (service.ceiling.name, ["developer"])
    assert (me["client"], me["name"]) == (service.key, service.name)
    said = claims(token)
    assert said["aud"] == "gwanmun"
    assert said["realm_access"]["roles"] == ["developer"]  # and none of Keycloak's own
    assert not said.keys() & {"email", "resource_access", "given_name", "family_name"}


def test_system_asks_and_the_answer_has_the_real_name(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    got = behind_keycloak.ask(keycloak.service_token("svc-civil"), PROMPT)
    assert got.status_code == 200, got.text
    assert "김철수" in got.json()["choices"][0]["message"]["content"]


def test_system_with_a_key_proves_itself_once_with_each_assertion(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    public |= {"kid": "k1", "use": "sig", "alg": "ES256"}
    pattern = keycloak.client("agency-system-key")
    made = {name: value for name, value in pattern.items() if name not in ("id", "secret")}
    made |= {"clientId": "svc-key", "enabled": True}
    made["attributes"] = pattern["attributes"] | {
        "use.jwks.string": "true",
        "jwks.string": json.dumps({"keys": [public]}),
    }
    client = keycloak.admin("POST", "/clients", made)
    user = keycloak.admin("GET", f"/clients/{client}/service-account-user")
    (group,) = keycloak.admin("GET", "/groups", search="demo-city", exact="true")
    keycloak.admin("PUT", f"/users/{user['id']}/groups/{group['id']}")
    role = keycloak.admin("GET", "/roles/developer")
    keycloak.admin("POST", f"/users/{user['id']}/role-mappings/realm", [role])

    def assertion(signer: ec.EllipticCurvePrivateKey = key) -> dict[str, str]:
        now = int(time.time())
        said = {"iss": "svc-key", "sub": "svc-key", "aud": keycloak.issuer, "iat": now}
        said |= {"exp": now + 60, "jti": str(uuid.uuid4())}  # type: ignore[dict-item]
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(said, signer, "ES256", headers={"kid": "k1"}),
        }

    form = assertion()
    got = keycloak.token(**form)
    assert got.status_code == 200, got.text
    me = behind_keycloak.me(got.json()["access_token"]).json()
    assert (me["client"], me["agency"], me["ceiling"]) == ("svc-key", "demo-city", "O")
    assert keycloak.token(**form).status_code == 400
    assert keycloak.token(**assertion(ec.generate_private_key(ec.SECP256R1()))).status_code == 400
    assert keycloak.token(grant_type="client_credentials", client_id="svc-key").status_code in (
        400,
        401,
    )


def test_person_carries_groups_and_ceiling_and_nothing_more(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person("staff", "developer")
    tokens = code_flow(keycloak, behind_keycloak, person)
    said = claims(tokens["access_token"])
    assert (said["agency"], said["department"]) == ("demo-ministry", "민원제도과")
    assert (said["ceiling"], said["aud"], said["azp"]) == ("S", "gwanmun", WEB_CLIENT)
    assert sorted(said["realm_access"]["roles"]) == ["developer", "staff"]
    assert not claims(tokens["id_token"]).keys() & {"name", "email", "agency", "realm_access"}
    assert behind_keycloak.me(tokens["access_token"]).json()["subject"] == person.id


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A place that takes logout tokens as they come."""
    heard: list[str] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            heard.extend(parse_qs(body)["logout_token"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Take) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", heard
        finally:
            server.shutdown()
            thread.join()


def test_id_refresh_and_logout_tokens_are_no_access_tokens(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    person = keycloak.new_person()
    with (
        listener() as (url, heard),
        keycloak.client_changed(WEB_CLIENT, **{"backchannel.logout.url": url}),
    ):
        tokens = code_flow(keycloak, behind_keycloak, person)
        keycloak.admin("POST", f"/users/{person.id}/logout")
    (logout,) = heard
    assert claims(logout)["events"]
    for token in (tokens["id_token"], tokens["refresh_token"], logout):
        got = behind_keycloak.me(token)
        assert (got.status_code, got.json()["error"]["code"]) == (401, "invalid_token")
    # The logout token is a right one, though, and works once.
    where = f"{behind_keycloak.url}/logout/backchannel"
    for status in (200, 400):
        got = httpx.post(where, data={"logout_token": logout}, timeout=30, trust_env=False)
        assert got.status_code == status
    for token in (tokens["id_token"], tokens["access_token"]):
        got = httpx.post(where, data={"logout_token": token}, timeout=30, trust_env=False)
        assert got.status_code == 400


def test_passwords_are_taken_by_no_client(keycloak: Keycloak) -> None:
    person = keycloak.new_person()
    form = {"grant_type": "password", "username": person.name, "password": person.password}
    own = {"client_id": WEB_CLIENT, "client_secret": keycloak.web_secret}
    for client in (own, {"client_id": "admin-cli"}, {"client_id": "account-console"}):
        got = keycloak.token(**form, **client)
        assert got.status_code in (400, 401)
        assert "access_token" not in got.text


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "http://127.0.0.1:1/login/callback"},
        {"redirect_uri": "{back}/../x"},
        {"redirect_uri": "{back}?x=1"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"response_type": "id_token token"},
    ],
    ids=lambda change: "-".join(change.values())[:40],
)
def test_authorization_without_exact_address_code_and_pkce_is_refused(
    keycloak: Keycloak, behind_keycloak: Gateway, change: dict[str, str]
) -> None:
    back = f"{behind_keycloak.url}/login/callback"
    query = {
        "response_type": "code",
        "client_id": WEB_CLIENT,
        "redirect_uri": back,
        "scope": "openid",
        "nonce": "n",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    query |= {name: value.replace("{back}", back) for name, value in change.items()}
    asked = urlencode({name: value for name, value in query.items() if value})
    page = behind_keycloak.visitor().go(f"{keycloak.endpoint}/auth?{asked}", until=back)
    assert page.status_code == 400 or "error=" in page.headers.get("location", "")


def test_key_that_is_rotated_while_running_is_found_and_the_old_one_still_counts(
    keycloak: Keycloak, behind_keycloak: Gateway
) -> None:
    before = keycloak.service_token("svc-civil")
    assert behind_keycloak.me(before).status_code == 200
    realm = keycloak.admin("GET", "")
    made = keycloak.admin(
        "POST",
        "/components",
        {
            "name": "rotated",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": {"priority": ["1000"], "keySize": ["2048"], "algorithm": ["RS256"]},
        },
    )
    after = keycloak.service_token("svc-civil")
    kids = [jwt.get_unverified_header(token)["kid"] for token in (before, after)]
    assert kids[0] != kids[1]
    time.sleep(0.6)  # key_refresh_seconds of this gateway
    assert behind_keycloak.me(after).status_code == 200
    assert behind_keycloak.me(before).status_code == 200
    keycloak.admin("DELETE", f"/components/{made}")
    assert behind_keycloak.me(keycloak.service_token("svc-civil")).status_code == 200


def test_client_that_is_made_later_is_held_to_the_same(keycloak: Keycloak) -> None:
    weak = {
        "clientId": f"later-{secrets.token_hex(4)}",
        "redirectUris": ["https://later.example/callback"],
        "standardFlowEnabled": True,
        "implicitFlowEnabled": True,
        "directAccessGrantsEnabled": True,
        "fullScopeAllowed": True,
    }
    keycloak.admin("POST", "/clients", weak)
    made = keycloak.client(weak["clientId"])  # type: ignore[arg-type]
    assert made["implicitFlowEnabled"] is made["directAccessGrantsEnabled"] is False
    assert made["fullScopeAllowed"] is False
    assert made["attributes"]["pkce.code.challenge.method"] == "S256"
