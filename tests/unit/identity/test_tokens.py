"""Tokens: structure, header, signature and claims, each wrong in its own way."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from issuer import ABSENT, CLIENT, access_claims, make_key, public_jwk, rsa_key, sign

from gateway.domain import Grade, Permission, Role
from gateway.errors import TokenExpired, Unauthenticated
from gateway.identity.keys import read_key_set
from gateway.identity.tokens import (
    Expected,
    Reason,
    check_claims,
    principal_of,
    read_unverified,
    read_verified,
)

ISSUER = "https://issuer.example/realms/test"
KEY = rsa_key()
EXPECTED = Expected(
    issuer=ISSUER,
    audience="gwanmun",
    clients=frozenset({CLIENT}),
    kind="Bearer",
    leeway_seconds=5.0,
)


def check(token: str, key: dict[str, object] | None = None) -> dict[str, object]:
    header = read_unverified(token)
    found = read_key_set({"keys": [key or public_jwk("k1", KEY)]})[header.kid]
    claims = read_verified(token, header.algorithm, found.algorithms[header.algorithm])
    check_claims(claims, EXPECTED, time.time())
    return claims


def raw(header: object, claims: object, signature: bytes = b"x") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def hs256_with_public_key() -> str:
    """The classic confusion: the public key, known to everyone, used as an HMAC secret."""
    pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    unsigned = raw(head, access_claims(ISSUER)).rpartition(".")[0]
    handler = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = handler.sign(unsigned.encode(), pem)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


BAD = {
    "empty": ("", Reason.MALFORMED),
    "not a token": ("hello", Reason.MALFORMED),
    "two parts": ("a.b", Reason.MALFORMED),
    "five parts (JWE)": ("a.b.c.d.e", Reason.MALFORMED),
    "not base64": ("a*.b.c", Reason.MALFORMED),
    "padding": (sign(access_claims(ISSUER), KEY, "k1") + "=", Reason.MALFORMED),
    "Hangul": ("가.나.다", Reason.MALFORMED),
    "header is a list": (raw(["alg"], {}), Reason.MALFORMED),
    "header nests deeply": (
        base64.urlsafe_b64encode(b"[" * 9_000).decode().rstrip("=") + ".e30.x",
        Reason.MALFORMED,
    ),
    "claims are a list": (
        raw({"alg": "RS256", "typ": "JWT", "kid": "k1"}, []),
        Reason.MALFORMED,
    ),
    "huge": ("a" * 16_385, Reason.TOO_LARGE),
    "unsigned": (raw({"alg": "none", "typ": "JWT", "kid": "k1"}, {}), Reason.UNSUPPORTED_ALGORITHM),
    "alg in other case": (
        raw({"alg": "rs256", "typ": "JWT", "kid": "k1"}, {}),
        Reason.UNSUPPORTED_ALGORITHM,
    ),
    "alg is a list": (
        raw({"alg": ["RS256"], "typ": "JWT", "kid": "k1"}, {}),
        Reason.UNSUPPORTED_ALGORITHM,
    ),
    "HS256 with public key": (hs256_with_public_key(), Reason.UNSUPPORTED_ALGORITHM),
    "unknown crit": (
        raw({"alg": "RS256", "typ": "JWT", "kid": "k1", "crit": ["x"], "x": 1}, {}),
        Reason.UNSUPPORTED_HEADER,
    ),
    "unencoded payload": (
        raw({"alg": "RS256", "typ": "JWT", "kid": "k1", "b64": False}, {}),
        Reason.UNSUPPORTED_HEADER,
    ),
    "no kid": (sign(access_claims(ISSUER), KEY, "k1", kid=ABSENT), Reason.MALFORMED),
    "long kid": (raw({"alg": "RS256", "typ": "JWT", "kid": "k" * 257}, {}), Reason.MALFORMED),
    "no typ in header": (sign(access_claims(ISSUER), KEY, "k1", typ=ABSENT), Reason.WRONG_TYPE),
    "logout token": (
        sign(access_claims(ISSUER), KEY, "k1", typ="logout+jwt"),
        Reason.WRONG_TYPE,
    ),
    "foreign signature": (sign(access_claims(ISSUER), rsa_key(), "k1"), Reason.BAD_SIGNATURE),
    "signature cut": (sign(access_claims(ISSUER), KEY, "k1")[:-8], Reason.BAD_SIGNATURE),
}

WRONG_CLAIMS = {
    "foreign issuer": ({"iss": "https://other.example/realms/test"}, Reason.WRONG_ISSUER),
    "issuer with a slash": ({"iss": ISSUER + "/"}, Reason.WRONG_ISSUER),
    "no issuer": ({"iss": ABSENT}, Reason.WRONG_ISSUER),
    "issuer as a list": ({"iss": [ISSUER]}, Reason.WRONG_ISSUER),
    "bound by DPoP": ({"cnf": {"jkt": "x"}}, Reason.BOUND_TO_KEY),
    "bound by nothing": ({"cnf": None}, Reason.BOUND_TO_KEY),
    "ID token": ({"typ": "ID"}, Reason.WRONG_TYPE),
    "refresh token": ({"typ": "Refresh"}, Reason.WRONG_TYPE),
    "logout claim": ({"typ": "Logout"}, Reason.WRONG_TYPE),
    "no type": ({"typ": ABSENT}, Reason.WRONG_TYPE),
    "another audience": ({"aud": "account"}, Reason.WRONG_AUDIENCE),
    "audience as a part": ({"aud": "gwanmun-web"}, Reason.WRONG_AUDIENCE),
    "no audience": ({"aud": ABSENT}, Reason.WRONG_AUDIENCE),
    "audience as an object": ({"aud": {"gwanmun": 1}}, Reason.WRONG_AUDIENCE),
    "another client": ({"azp": "other"}, Reason.WRONG_CLIENT),
    "no client": ({"azp": ABSENT}, Reason.WRONG_CLIENT),
    "client as a list": ({"azp": [CLIENT]}, Reason.WRONG_CLIENT),
    "no subject": ({"sub": ABSENT}, Reason.MALFORMED),
    "empty subject": ({"sub": ""}, Reason.MALFORMED),
    "long subject": ({"sub": "s" * 257}, Reason.MALFORMED),
    "subject with half a character": ({"sub": "officer\ud800"}, Reason.MALFORMED),
    "no expiry": ({"exp": ABSENT}, Reason.MALFORMED),
    "expiry as text": ({"exp": "9999999999"}, Reason.MALFORMED),
    "expiry true": ({"exp": True}, Reason.MALFORMED),
    "endless": ({"exp": float("inf")}, Reason.MALFORMED),
    "enormous": ({"exp": 10**400}, Reason.MALFORMED),
    "no time of issue": ({"iat": ABSENT}, Reason.MALFORMED),
    "issued tomorrow": ({"iat": time.time() + 86_400}, Reason.NOT_YET_VALID),
    "not before tomorrow": ({"nbf": time.time() + 86_400}, Reason.NOT_YET_VALID),
    "not before a word": ({"nbf": "now"}, Reason.MALFORMED),
    "expired": ({"exp": time.time() - 6}, Reason.EXPIRED),
}


@pytest.mark.parametrize(("token", "reason"), BAD.values(), ids=BAD.keys())
def test_token_of_wrong_form_is_refused_by_its_word(token: str, reason: Reason) -> None:
    with pytest.raises(Unauthenticated) as refused:
        check(token)
    assert refused.value.reason == reason
    assert token == "" or token not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(("changes", "reason"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
def test_token_with_wrong_claims_is_refused_by_its_word(
    changes: dict[str, object], reason: Reason
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        check(sign(access_claims(ISSUER, **changes), KEY, "k1"))
    assert refused.value.reason == reason
    assert isinstance(refused.value, TokenExpired) == (reason is Reason.EXPIRED)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("header_type", ["JWT", "at+jwt", "application/at+jwt"])
def test_token_of_each_allowed_algorithm_verifies(algorithm: str, header_type: str) -> None:
    key = make_key(algorithm)
    token = sign(access_claims(ISSUER), key, "k1", algorithm, typ=header_type)
    assert check(token, public_jwk("k1", key))["azp"] == CLIENT


@pytest.mark.parametrize(
    ("claim", "seconds"), [("exp", -1), ("iat", 2), ("nbf", 2)], ids=["expired", "issued", "begun"]
)
def test_token_within_the_leeway_verifies(claim: str, seconds: int) -> None:
    assert check(sign(access_claims(ISSUER, **{claim: time.time() + seconds}), KEY, "k1"))


def test_single_audience_need_not_be_a_list() -> None:
    assert check(sign(access_claims(ISSUER, aud="gwanmun"), KEY, "k1"))


def test_principal_carries_what_the_claims_say() -> None:
    claims = access_claims(ISSUER, realm_access={"roles": ["developer", "root", 7, None]})
    principal = principal_of(claims)
    assert principal.roles == {Role.DEVELOPER}
    assert (principal.agency, principal.department) == ("agency-a", "시험과")
    assert (principal.ceiling, principal.client, principal.acr) == (Grade.S, CLIENT, "1")
    assert principal.expires_at == claims["exp"]
    assert "시험자" not in repr(principal)


@pytest.mark.parametrize("ceiling", [ABSENT, "", "s", "TOP", 2, None, ["C"]])
def test_ceiling_that_is_not_understood_is_the_lowest(ceiling: object) -> None:
    assert principal_of(access_claims(ISSUER, ceiling=ceiling)).ceiling is Grade.O


@pytest.mark.parametrize(
    "access", [ABSENT, None, [], {}, {"roles": None}, {"roles": "staff"}, {"roles": ["admin"]}]
)
def test_roles_that_are_not_understood_give_no_rights(access: object) -> None:
    assert principal_of(access_claims(ISSUER, realm_access=access)).permissions == frozenset()


@pytest.mark.parametrize("agency", [ABSENT, "", " ", None, 7, ["a"], "a b", "가", "a" * 65, "../x"])
def test_principal_without_an_agency_keeps_no_right_of_agencies(agency: object) -> None:
    roles = {"roles": [role.value for role in Role]}
    principal = principal_of(access_claims(ISSUER, agency=agency, realm_access=roles))
    assert principal.agency == ""
    assert principal.roles == {Role.OPERATOR}
    assert Permission.CHAT_CREATE not in principal.permissions


def test_names_lose_control_characters_and_length() -> None:
    principal = principal_of(access_claims(ISSUER, name="가\n나\x1b[31m\u202e" + "다" * 200))
    assert principal.name.startswith("가나[31m다")
    assert len(principal.name) == 100
