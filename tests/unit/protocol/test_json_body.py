"""The door for bytes: what it takes, what it refuses, and that nothing makes it fall over."""

import json
import time

import pytest

from gateway.errors import InvalidBody, TooComplex
from gateway.protocol.json_body import read_json_object
from gateway.settings import BoundSettings

BOUNDS = BoundSettings()


def test_valid_object_is_read_as_it_stands():
    numbers = '[1, -2.5, 1e5, true, null], "o": {"": 18446744073709551615}'
    body = '{"글": "가 \\ud83d\\ude00", "n": ' + numbers + "}"
    assert read_json_object(body.encode(), BOUNDS) == {
        "글": "가 😀",
        "n": [1, -2.5, 1e5, True, None],
        "o": {"": 2**64 - 1},
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b"null", id="null"),
        pytest.param('{"글": 1}'.encode("cp949"), id="not UTF-8"),
        pytest.param('{"글": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="byte order mark"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"a": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"a": "\\ude00\\ud83d"}', id="surrogates in wrong order"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="Infinity"),
        pytest.param(b'{"a": 1e999}', id="float out of range"),
        pytest.param(b'{"a": 18446744073709551616}', id="integer above 64 bits"),
        pytest.param(b'{"a": -9223372036854775809}', id="integer below 64 bits"),
        pytest.param(b'{"a": ' + b"9" * 100_000 + b"}", id="huge integer"),
        pytest.param(b'{"a": 1, "a": 1}', id="repeated name"),
        pytest.param(b'{"a": {"b": 1, "\\u0062": 2}}', id="repeated name behind an escape"),
        pytest.param(b'{"a": "\n"}', id="control character"),
        pytest.param(b"{'a': 1}", id="single quotes"),
        pytest.param(b'{"a": 1,}', id="trailing comma"),
    ],
)
def test_what_is_not_one_clear_json_object_is_refused(body: bytes):
    with pytest.raises(InvalidBody) as refused:
        read_json_object(body, BOUNDS)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def nested(depth: int) -> bytes:
    """An object that holds arrays, `depth` containers in all."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_depth_is_bounded_exactly():
    read_json_object(nested(BOUNDS.depth), BOUNDS)
    with pytest.raises(TooComplex):
        read_json_object(nested(BOUNDS.depth + 1), BOUNDS)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(100), id="depth 100"),
        pytest.param(nested(100_000), id="depth 100,000"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="objects 100,000 deep"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="unclosed 100,000 deep"),
        pytest.param(b'{"a":[' + b"0," * 40_000 + b"0]}", id="40,000 numbers"),
        pytest.param(b'{"a":[' + b"[]," * 2_600_000 + b"0]}", id="millions of arrays"),
        pytest.param(b'{"a":[' + b"0," * 4_000_000 + b"0]}", id="millions of numbers"),
    ],
)
def test_deep_and_bulky_bodies_are_refused_soon(body: bytes):
    started = time.perf_counter()
    with pytest.raises(TooComplex):
        read_json_object(body, BOUNDS)
    assert time.perf_counter() - started < 1.0


def test_a_typical_body_of_eight_mebibytes_is_read_in_a_blink():
    text = "민원인의 신청서를 다음과 같이 검토하였습니다.\n" * 5_600
    messages = [{"role": "user", "content": text}] * 22
    body = json.dumps({"model": "m", "messages": messages}, ensure_ascii=False).encode()
    assert 8_000_000 < len(body) <= BOUNDS.body_bytes
    times = []
    for _ in range(3):
        started = time.perf_counter()
        read_json_object(body, BOUNDS)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.2  # 0.025 s on an idle core; other work may share it
