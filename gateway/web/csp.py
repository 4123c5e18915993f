"""What a browser may do with our pages, as data: the content security policy and its neighbours.

Every page and static file carries these headers. Nothing may be loaded from elsewhere, nothing
runs or is styled inline, no script may turn a string into markup (Trusted Types with no policy at
all), and no site may frame us or hold a reference to our window. Loosening a line is a decision
about every user's data; a test holds the whole table.
"""

from collections.abc import Mapping
from types import MappingProxyType

# Content Security Policy Level 3 (W3C); Trusted Types (W3C): `require-trusted-types-for` and
# `trusted-types 'none'` make every string that reaches an HTML or script sink an error.
CONTENT_SECURITY_POLICY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "default-src": ("'none'",),
        "script-src": ("'self'",),
        "style-src": ("'self'",),
        "img-src": ("'self'",),
        "connect-src": ("'self'",),
        "form-action": ("'self'",),
        "base-uri": ("'none'",),
        "frame-ancestors": ("'none'",),
        "require-trusted-types-for": ("'script'",),
        "trusted-types": ("'none'",),
    }
)

# Permissions Policy (W3C): powerful features that these pages never use, and so never have.
DENIED_FEATURES: tuple[str, ...] = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)


def content_security_policy() -> str:
    """The policy as its header's value."""
    return "; ".join(
        " ".join((directive, *sources)) for directive, sources in CONTENT_SECURITY_POLICY.items()
    )


def permissions_policy() -> str:
    """The permissions policy as its header's value: every feature with an empty allow-list."""
    return ", ".join(f"{feature}=()" for feature in DENIED_FEATURES)


def security_headers() -> dict[str, str]:
    """The headers of every answer that a browser may show; caching is the caller's affair."""
    return {
        "content-security-policy": content_security_policy(),
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": permissions_policy(),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
