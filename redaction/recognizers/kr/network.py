"""Addresses of devices: IP_ADDRESS (versions 4 and 6), MAC_ADDRESS.

Form: RFC 791 section 2.3 and RFC 6943 section 3.1.1 (four decimal octets), RFC 4291 section 2.2;
IEEE 802 section 8 (EUI-48, six pairs of hexadecimal digits) and the form of Cisco in three groups.
Addresses that are no device's (RFC 1122: 0.0.0.0, loopback; masks) stay. Not bound to a country.
"""

import ipaddress
import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_FORMS = Forms(Form("four", r"[123](?<![.].)\.[123]\.[123]\.[123](?![.])"))
_LABELS = Labels.of(WORDS, "ip", "version date office account phone")
_LOCAL = re.compile(r"10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.")
_NOBODYS = re.compile(r"0\.|127\.|255\.|224\.0\.0\.")
_NETWORK = re.compile(r"/(?:[0-9]|[12][0-9]|3[01])(?![0-9])")
_LEAST_DIGITS = 7
_SIX = re.compile(
    r"(?:[0-9A-Fa-f]{1,4}:|::)(?:[0-9A-Fa-f]{0,4}:){1,6}"
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{1,4})?(?![0-9A-Za-z:])"
)
# What every such address holds: a search for it strides over most other text.
_SIX_INNER = re.compile(":[0-9A-Fa-f]{0,4}:")
_MAC_INNER = re.compile(r"[:.-](?:[0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.)")
_MAC = re.compile(
    r"[0-9A-Fa-f](?:[0-9A-Fa-f](?P<mark>[:-])(?:[0-9A-Fa-f]{2}(?P=mark)){4,12}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{3}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z:-])"
)
_MAC_RUN = re.compile(r"[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_WITHIN = re.compile("[0-9A-Za-z:.-]")
_MAC_LABELS = Labels.of(WORDS, "mac", "office secret")


def _addresses(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for _, number in _FORMS.numbers(reading):
        octets = text[number.start : number.end].split(".")
        if len(octets) != 4 or not all(octet.isdigit() and int(octet) < 256 for octet in octets):
            continue
        address = text[number.start : number.end]
        network = octets[3] == "0" and _NETWORK.match(text, number.end)
        if _NOBODYS.match(address) or network:
            continue
        nearby = _LABELS.around(reading, number.start, number.end)
        sure = nearby.helps or _LOCAL.match(address) or len(number.digits) >= _LEAST_DIGITS
        if sure and not nearby.denies:
            yield Span(number.start, number.end, "IP_ADDRESS", 0.85, "ip.four")
    if _SIX_INNER.search(text):
        for match in _SIX.finditer(text):
            if _begins(text, match.start()) and _device(match[0]):
                yield Span(*match.span(), "IP_ADDRESS", 0.85, "ip.six")


def _begins(text: str, start: int) -> bool:
    return not start or _WITHIN.match(text, start - 1) is None


def _device(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ipaddress.AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)


def _cards(reading: Reading) -> Iterator[Span]:
    for match in _MAC.finditer(reading.text) if _MAC_INNER.search(reading.text) else ():
        alike = len(set(match[0].upper()) - set(":-.")) == 1
        if _begins(reading.text, match.start()) and not alike:
            yield Span(*match.span(), "MAC_ADDRESS", 0.85, "mac")
    if "mac" not in reading.shared(str.lower):
        return
    for match in _MAC_RUN.finditer(reading.text):
        if (
            _begins(reading.text, match.start())
            and _MAC_LABELS.around(reading, *match.span()).helps
        ):
            yield Span(*match.span(), "MAC_ADDRESS", 0.8, "mac.run")


IP_ADDRESS = Recognizer(
    "IP_ADDRESS", _addresses, Canary("IP_ADDRESS", "접속 IP는 203.0.113.27입니다.", "203.0.113.27")
)
MAC_ADDRESS = Recognizer(
    "MAC_ADDRESS",
    _cards,
    Canary("MAC_ADDRESS", "MAC 주소는 00:1A:2B:3C:4D:5E입니다.", "00:1A:2B:3C:4D:5E"),
)
