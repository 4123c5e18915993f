"""What a token must be and say before it counts: structure, header, signature and claims.

Goes in: a compact JWS (RFC 7515), a public key, the operator's settings. Comes out: claims, and a
Principal. Pure: no network, no clock of its own, no memory. Every refusal is Unauthenticated with
a word of Reason; nothing that the caller wrote ever stands in it.
"""

import json
import math
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, NoReturn

import jwt

from gateway.domain import Grade, Principal, Role
from gateway.errors import TokenExpired, Unauthenticated
from inference.task import JsonObject, JsonValue

# Asymmetric only: with HS* a public key could be used as the secret (RFC 8725 section 2.1).
ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
# RFC 9068 section 2.1 names at+jwt; Keycloak writes JWT unless told otherwise.
HEADER_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# OpenID Connect Back-Channel Logout 1.0 section 2.4; older issuers write JWT.
LOGOUT_HEADER_TYPES: Final = frozenset({"jwt", "logout+jwt", "application/logout+jwt"})
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_SECONDS: Final = 120.0  # how old a logout token may be: section 4 wants it short-lived
MAX_TOKEN_CHARACTERS: Final = 16 * 1024
MAX_NAME_CHARACTERS: Final = 100
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_KID_CHARACTERS: Final = 256
_MAX_SUBJECT_CHARACTERS: Final = 256  # OpenID Connect Core section 2 allows 255


class Reason(StrEnum):
    """Why credentials were refused: the closed set for metrics and the ledger's aggregates."""

    MISSING = "missing"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    UNSUPPORTED_HEADER = "unsupported_header"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_CLIENT = "wrong_client"
    WRONG_TYPE = "wrong_type"
    WRONG_NONCE = "wrong_nonce"
    WRONG_SUBJECT = "wrong_subject"
    BOUND_TO_KEY = "bound_to_key"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LOGIN_STATE = "login_state"
    LOGIN_REFUSED = "login_refused"
    SESSION_UNKNOWN = "session_unknown"
    SESSION_EXPIRED = "session_expired"
    SESSION_TAMPERED = "session_tampered"
    SESSION_ENDED = "session_ended"
    REPLAYED = "replayed"


def refuse(reason: Reason) -> NoReturn:
    """Raises the refusal of a reason, without the context that led to it."""
    if reason is Reason.EXPIRED:
        raise TokenExpired from None
    raise Unauthenticated(reason.value) from None


class Unverified(NamedTuple):
    """A token's header, read but not believed, and the issuer that it claims."""

    kid: str
    algorithm: str
    issuer: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the claims of one kind of token must be; empty `clients` accepts every client."""

    issuer: str
    audience: str
    clients: frozenset[str]
    kind: str  # Keycloak's claim `typ`: Bearer, ID, Refresh, Logout …
    leeway_seconds: float


def read_unverified(token: str, header_types: Set[str] = HEADER_TYPES) -> Unverified:
    """Reads just enough to choose a key; the cheapest checks come first.

    Raises:
        Unauthenticated: too_large, malformed, unsupported_algorithm, unsupported_header,
            wrong_type.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        refuse(Reason.TOO_LARGE)
    if not _COMPACT.fullmatch(token):
        refuse(Reason.MALFORMED)
    encoded_header, encoded_claims, _ = token.split(".")
    header = _object(encoded_header)
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        refuse(Reason.UNSUPPORTED_ALGORITHM)
    if "crit" in header or "b64" in header:  # no extension is understood here (RFC 7515 4.1.11)
        refuse(Reason.UNSUPPORTED_HEADER)
    if not isinstance(kind, str) or kind.lower() not in header_types:
        refuse(Reason.WRONG_TYPE)
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_CHARACTERS:
        refuse(Reason.MALFORMED)
    return Unverified(kid, algorithm, _object(encoded_claims).get("iss"))


def _object(encoded: str) -> JsonObject:
    try:
        value = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError):  # not base64, not UTF-8, not JSON, or absurdly deep
        refuse(Reason.MALFORMED)
    if not isinstance(value, dict):
        refuse(Reason.MALFORMED)
    return value


def read_verified(token: str, algorithm: str, key: jwt.PyJWK) -> JsonObject:
    """The claims of a token whose signature this key made.

    Raises:
        Unauthenticated: bad_signature, malformed.
    """
    try:
        payload = jwt.PyJWS().decode(token, key, algorithms=[algorithm])
        claims = json.loads(payload)
    except jwt.InvalidTokenError:
        refuse(Reason.BAD_SIGNATURE)
    except (ValueError, RecursionError):
        refuse(Reason.MALFORMED)
    if not isinstance(claims, dict):
        refuse(Reason.MALFORMED)
    return claims


def check_claims(claims: JsonObject, expected: Expected, now: float) -> None:
    """Checks who issued the token, for whom, of what kind and for which time (Unix seconds).

    Raises:
        Unauthenticated: the first claim that is wrong, by its word.
        TokenExpired: all but the time is right.
    """
    if claims.get("iss") != expected.issuer:
        refuse(Reason.WRONG_ISSUER)
    if "cnf" in claims:  # sender-constrained (RFC 7800, DPoP): proof is not taken here, so refuse
        refuse(Reason.BOUND_TO_KEY)
    if claims.get("typ") != expected.kind:
        refuse(Reason.WRONG_TYPE)
    audience = claims.get("aud")
    if expected.audience not in (audience if isinstance(audience, list) else [audience]):
        refuse(Reason.WRONG_AUDIENCE)
    client = claims.get("azp")
    if not isinstance(client, str) or not _CODE.fullmatch(client):
        refuse(Reason.WRONG_CLIENT)
    if expected.clients and client not in expected.clients:
        refuse(Reason.WRONG_CLIENT)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT_CHARACTERS:
        refuse(Reason.MALFORMED)
    if any("\ud800" <= character <= "\udfff" for character in subject):
        refuse(Reason.MALFORMED)  # half a character cannot be recorded, and so not be known again
    _check_times(claims, expected.leeway_seconds, now)


def _check_times(claims: JsonObject, leeway_seconds: float, now: float) -> None:
    expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
    if expires is None or issued is None:
        refuse(Reason.MALFORMED)
    starts = issued if claims.get("nbf") is None else _seconds(claims, "nbf")
    if starts is None:
        refuse(Reason.MALFORMED)
    if max(issued, starts) > now + leeway_seconds:
        refuse(Reason.NOT_YET_VALID)
    if expires <= now - leeway_seconds:
        refuse(Reason.EXPIRED)


def _seconds(claims: JsonObject, name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


class LogoutClaims(NamedTuple):
    """What a logout token says; at least one of the two names is not empty."""

    issuer_session: str
    subject: str
    token_id: str
    expires_at: float


def check_logout_claims(
    claims: JsonObject, *, issuer: str, audience: str, leeway_seconds: float, now: float
) -> LogoutClaims:
    """Checks a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6, steps 3 to 8).

    Raises:
        Unauthenticated: the first claim that is wrong, by its word.
        TokenExpired: it is older than a logout token may be.
    """
    if claims.get("iss") != issuer:
        refuse(Reason.WRONG_ISSUER)
    aimed_at = claims.get("aud")
    if audience not in (aimed_at if isinstance(aimed_at, list) else [aimed_at]):
        refuse(Reason.WRONG_AUDIENCE)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        refuse(Reason.WRONG_TYPE)
    if claims.get("typ", "Logout") != "Logout":  # Keycloak's claim, beside the header's typ
        refuse(Reason.WRONG_TYPE)
    if "nonce" in claims:  # so that no ID token passes for one
        refuse(Reason.WRONG_NONCE)
    ends = _logout_ends(claims, leeway_seconds, now)
    session, subject = _name(claims, "sid"), _name(claims, "sub")
    token_id = _name(claims, "jti")
    if not token_id or not (session or subject):
        refuse(Reason.MALFORMED)
    return LogoutClaims(session, subject, token_id, ends + leeway_seconds)


def _logout_ends(claims: JsonObject, leeway_seconds: float, now: float) -> float:
    """Until when the token counts: LOGOUT_SECONDS at most, less if it says so itself."""
    issued = _seconds(claims, "iat")
    if issued is None:
        refuse(Reason.MALFORMED)
    latest = issued + LOGOUT_SECONDS
    expires = _seconds(claims, "exp") if "exp" in claims else latest
    if expires is None:
        refuse(Reason.MALFORMED)
    if issued > now + leeway_seconds:
        refuse(Reason.NOT_YET_VALID)
    if min(expires, latest) <= now - leeway_seconds:
        refuse(Reason.EXPIRED)
    return min(expires, latest)


def _name(claims: JsonObject, claim: str) -> str:
    """A claim that names something; empty where it is missing.

    Raises:
        Unauthenticated: malformed.
    """
    value = claims.get(claim, "")
    if not isinstance(value, str) or len(value) > _MAX_SUBJECT_CHARACTERS:
        refuse(Reason.MALFORMED)
    return value


def principal_of(claims: JsonObject) -> Principal:
    """The Principal that checked claims of Keycloak's shape describe.

    Unknown roles are dropped. Whoever belongs to no agency keeps only the operator's role: every
    other right is a right within an agency. An unknown or missing ceiling is the lowest.
    """
    agency = claims.get("agency")
    if not isinstance(agency, str) or not _CODE.fullmatch(agency):
        agency = ""
    roles = _roles(claims.get("realm_access"))
    if not agency:
        roles &= {Role.OPERATOR}
    ceiling, acr = claims.get("ceiling"), claims.get("acr")
    expires = _seconds(claims, "exp")
    return Principal(
        subject=str(claims["sub"]),
        name=_words(claims, "name") or _words(claims, "preferred_username"),
        agency=agency,
        department=_words(claims, "department"),
        roles=roles,
        ceiling=_CEILINGS.get(ceiling, Grade.O) if isinstance(ceiling, str) else Grade.O,
        client=str(claims["azp"]),
        acr=acr if isinstance(acr, str) and _CODE.fullmatch(acr) else "",
        expires_at=expires or 0.0,
    )


_CEILINGS: Final[Mapping[str, Grade]] = {grade.name: grade for grade in Grade}
_ROLES: Final[Mapping[str, Role]] = {role.value: role for role in Role}


def _roles(access: JsonValue) -> frozenset[Role]:
    names = access.get("roles") if isinstance(access, dict) else None
    if not isinstance(names, list):
        return frozenset()
    return frozenset(_ROLES[name] for name in names if isinstance(name, str) and name in _ROLES)


def _words(claims: JsonObject, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c.isprintable())[:MAX_NAME_CHARACTERS].strip()
