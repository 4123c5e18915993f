"""Requests that two readers could end at different places, each with a second request behind it.

Sources: RFC 9112 (sections 2.2, 3.2, 5, 6, 7, 11.2); James Kettle, "HTTP Desync Attacks" (2019) and
after; the changelogs of llhttp, nginx and HAProxy. Every entry is bytes up to where the first
request may end; `with_second` puts a whole, innocent second request behind.
"""

import json
from functools import partial

TARGET = "/v1/chat/completions"


def head(token: str, *lines: str, version: str = "HTTP/1.1", target: str = TARGET) -> bytes:
    """A request's head, its lines ended as they should be; no empty line behind."""
    fixed = [f"POST {target} {version}", "Host: gwanmun", f"Authorization: Bearer {token}"]
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, ""]).encode("latin-1")


def second(token: str, mark: str = "smuggled") -> bytes:
    """What an attacker would like to be read as somebody's next request: a chat of its own."""
    messages = [{"role": "user", "content": mark}]
    body = json.dumps({"model": "rehearsal", "messages": messages}).encode()
    return head(token, f"Content-Length: {len(body)}", "Connection: close") + b"\r\n" + body


CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"


def corpus(token: str) -> dict[str, bytes]:
    """By name: bytes that must be answered 400 (or not at all), and nothing behind them be read."""
    return _lengths(token) | _lines(token) | _chunks(token)


def _h(token: str, *lines: str, **more: str) -> bytes:
    return head(token, *lines, **more) + b"\r\n"


def _raw(token: str, old: bytes, new: bytes) -> bytes:
    """A good head without a body, with one thing changed."""
    whole = _h(token, "Content-Length: 0")
    assert old in whole
    return whole.replace(old, new, 1)


def _lengths(token: str) -> dict[str, bytes]:
    h = partial(_h, token)
    return {
        # Two lengths
        "cl-te": h("Content-Length: 5", CHUNKED) + END,
        "te-cl": h(CHUNKED, "Content-Length: 5") + END,
        "cl-twice": h("Content-Length: 0", "Content-Length: 7"),
        "cl-twice-equal": h("Content-Length: 0", "Content-Length: 0"),
        "cl-list": h("Content-Length: 0, 0"),
        "cl-plus": h("Content-Length: +0"),
        "cl-minus": h("Content-Length: -0"),
        "cl-hex": h("Content-Length: 0x0"),
        "cl-inner-space": h("Content-Length: 0 0"),
        "cl-empty": h("Content-Length: "),
        "cl-overflow": h("Content-Length: 18446744073709551616"),
        # Codings that somebody may not know
        "te-unknown": h("Transfer-Encoding: xchunked") + END,
        "te-gzip-chunked": h("Transfer-Encoding: gzip, chunked") + END,
        "te-chunked-twice": h("Transfer-Encoding: chunked, chunked") + END,
        "te-chunked-identity": h("Transfer-Encoding: chunked, identity") + END,
        "te-identity": h("Transfer-Encoding: identity", "Content-Length: 0"),
        "te-two-fields": h(CHUNKED, "Transfer-Encoding: identity") + END,
        "te-two-fields-equal": h(CHUNKED, CHUNKED) + END,
        "te-vertical-tab": h("Transfer-Encoding: \x0bchunked") + END,
        "te-quoted": h('Transfer-Encoding: "chunked"') + END,
        "te-parameter": h("Transfer-Encoding: chunked;q=1") + END,
        "te-empty": h("Transfer-Encoding: ") + END,
        "te-in-1.0": h(CHUNKED, version="HTTP/1.0") + END,
        "te-space-before-colon": h("Transfer-Encoding : chunked") + END,
        "te-tab-before-colon": h("Transfer-Encoding\t: chunked") + END,
        "te-folded": h("Transfer-Encoding:\r\n chunked") + END,
    }


def _lines(token: str) -> dict[str, bytes]:
    h, raw = partial(_h, token), partial(_raw, token)
    start = f"POST {TARGET} HTTP/1.1".encode()
    return {
        # Line ends
        "bare-lf-everywhere": h("Content-Length: 0").replace(b"\r\n", b"\n"),
        "bare-lf-after-a-field": raw(b"Host: gwanmun\r\n", b"Host: gwanmun\n"),
        "bare-lf-after-the-start": raw(start + b"\r\n", start + b"\n"),
        "bare-lf-at-the-end": raw(b"\r\n\r\n", b"\r\n\n"),
        "bare-cr": raw(b"Host: gwanmun\r\n", b"Host: gwanmun\rX: y\r\n"),
        "cr-cr-lf": raw(b"Host: gwanmun\r\n", b"Host: gwanmun\r\r\n"),
        "folded": h("X-Note: a", " b", "Content-Length: 0"),
        "folded-with-tab": h("X-Note: a", "\tb", "Content-Length: 0"),
        "space-before-the-first-field": raw(b"Host:", b" Host:"),
        # Field names and values
        "space-before-colon": h("Content-Length : 0"),
        "no-colon": h("Junk", "Content-Length: 0"),
        "no-name": h(": junk", "Content-Length: 0"),
        "nul-in-a-name": h("X-\x00: a", "Content-Length: 0"),
        "nul-in-a-value": h("X-Note: a\x00b", "Content-Length: 0"),
        "control-in-a-value": h("X-Note: a\x01b", "Content-Length: 0"),
        "junk-in-a-name": h("X(note): a", "Content-Length: 0"),
        "space-in-a-name": h("X note: a", "Content-Length: 0"),
        "high-byte-in-a-name": h("X-\xe9: a", "Content-Length: 0"),
    }


def _chunks(token: str) -> dict[str, bytes]:
    h, raw = partial(_h, token), partial(_raw, token)
    return {
        # Chunks
        "chunk-size-0x": h(CHUNKED) + b"0x2\r\nxx\r\n" + END,
        "chunk-size-negative": h(CHUNKED) + b"-1\r\nxx\r\n" + END,
        "chunk-size-plus": h(CHUNKED) + b"+2\r\nxx\r\n" + END,
        "chunk-size-empty": h(CHUNKED) + b"\r\nxx\r\n" + END,
        "chunk-size-underscore": h(CHUNKED) + b"1_0\r\nxx\r\n" + END,
        "chunk-size-overflow": h(CHUNKED) + b"10000000000000002\r\nxx\r\n" + END,
        "chunk-size-leading-space": h(CHUNKED) + b" 2\r\nxx\r\n" + END,
        "chunk-bare-lf": h(CHUNKED) + b"2\nxx\n0\n\n",
        "chunk-data-bare-lf": h(CHUNKED) + b"2\r\nxx\n" + END,
        "chunk-longer-than-said": h(CHUNKED) + b"2\r\nxxyy" + END,
        "chunk-extension-bare-lf": h(CHUNKED) + b"2;\nxx\r\n" + END,
        "chunk-extension-crlf-in-quotes": h(CHUNKED) + b'2;a="\r\n"\r\nxx\r\n' + END,
        "chunk-trailer-with-a-length": h(CHUNKED) + b"0\r\nContent-Length: 50\r\n\r\n",
        # Start line, host, other protocols
        "two-hosts": h("Host: other", "Content-Length: 0"),
        "no-host": raw(b"Host: gwanmun\r\n", b""),
        "http-1.2": h("Content-Length: 0", version="HTTP/1.2"),
        "http-2.0": h("Content-Length: 0", version="HTTP/2.0"),
        "http-0.9": f"POST {TARGET}\r\n".encode(),
        "lower-case-version": h("Content-Length: 0", version="http/1.1"),
        "space-in-the-target": h("Content-Length: 0", target=f"{TARGET} x"),
        "tabs-in-the-start": raw(b"POST /", b"POST\t/"),
        "http-2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "connect": b"CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n",
        "upgrade-h2c": h(
            "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"
        ),
        "upgrade-websocket": h("Upgrade: websocket", "Connection: Upgrade"),
    }
