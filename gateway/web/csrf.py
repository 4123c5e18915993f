"""Keeps other sites from changing anything here through a browser that is logged in.

Three locks on every state change, each of which would do alone: the session cookie is SameSite,
the browser itself says where the request comes from (Sec-Fetch-Site, Origin), and the request
carries a token that only a page of this session knows. A check that cannot be made fails.
"""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from gateway.domain import SessionSecret
from gateway.errors import CrossSiteRequest

HEADER = "x-gwanmun-csrf"
FORM_FIELD = "csrf"
_PURPOSE = b"gwanmun csrf token v1"


def token(session: SessionSecret) -> str:
    """The session's token: 43 characters, the same as long as the session lasts.

    The session secret is 256 random bits and serves as the HMAC key (RFC 2104), so the token tells
    nothing of it, every replica computes the same one, and no further key has to be kept.
    """
    digest = hmac.new(session.value.encode(), _PURPOSE, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def check_origin(headers: Headers, public_url: str) -> None:
    """Checks that the browser says the request comes from one of our own pages.

    Sec-Fetch-Site (Fetch Metadata, W3C) is the browser's own word and out of reach of scripts.
    Beside it Origin must be ours too, or "null": that is what a form of a page sends whose
    referrer policy is no-referrer (Fetch standard, "append a request Origin header"). Where
    Sec-Fetch-Site is missing, Origin must be ours. A request with neither is refused.

    Raises:
        CrossSiteRequest: the request comes from elsewhere, or does not say from where.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    own = origin_of(public_url)
    if site is None:
        if origin != own:
            raise CrossSiteRequest
    elif site != "same-origin" or origin not in (None, "null", own):
        raise CrossSiteRequest


def check_token(offered: str | None, session: SessionSecret) -> None:
    """Checks the token that the page sent back, in constant time.

    Raises:
        CrossSiteRequest: no token, or not this session's.
    """
    if offered is None or not hmac.compare_digest(
        offered.encode("utf-8", "replace"), token(session).encode()
    ):
        raise CrossSiteRequest


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as a browser writes them in Origin: no default ports."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if parts.port is not None and parts.port != default:
        return f"{parts.scheme}://{host}:{parts.port}"
    return f"{parts.scheme}://{host}"
