"""One syslog message in its frame, held against RFC 5424 section 6 and RFC 5425 section 4.3."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exports.destinations import SecretUnusable, signature, webhook_key
from gateway.outward.syslog import Message, frame

# SYSLOG-MSG of RFC 5424 section 6 with one element of structured data.
_MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) "
    rb'([!-~]{1,128}) ([!-~]{1,32}) (\[[!-~]+(?: [!-~]+="[^"\\\]]*")*\]) (.*)',
    re.DOTALL,
)


def read(framed: bytes) -> tuple[bytes, ...]:
    length, _, message = framed.partition(b" ")
    assert int(length) == len(message)
    found = _MESSAGE.fullmatch(message)
    assert found, message
    return found.groups()


def test_frame_says_facility_severity_time_and_kind() -> None:
    message = Message(1_800_000_000_123, 5, "request.refused", "가나다".encode())
    priority, at, host, app, _, kind, _, text = read(frame(message, hostname="gw-1", build="0.1"))
    assert priority == b"109"  # log audit (13) times 8, and notice (5)
    assert at == b"2027-01-15T08:00:00.123Z"
    assert (host, app, kind) == (b"gw-1", b"gwanmun", b"request.refused")
    assert text.decode() == "가나다"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.binary(max_size=80))
def test_frame_of_any_names_and_bytes_is_one_message(
    host: str, build: str, kind: str, text: bytes
) -> None:
    groups = read(frame(Message(0, 6, kind, text), hostname=host, build=build))
    assert groups[-1] == text


def test_signature_is_that_of_the_standard_s_own_example() -> None:
    """From the specification of Standard Webhooks, section "Signature scheme"."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    said = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text", ["", "not base64!", "c2hvcnQ=", "whsec_c2hvcnQ=", "가나다"], ids=str
)
def test_secret_that_is_none_is_refused(tmp_path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(SecretUnusable, match=r"24바이트"):
        webhook_key(path)


def test_secret_may_have_the_standard_s_prefix(tmp_path) -> None:
    (tmp_path / "one").write_text("whsec_" + "QUJD" * 8 + "\n")
    (tmp_path / "two").write_text("QUJD" * 8)
    assert webhook_key(tmp_path / "one") == webhook_key(tmp_path / "two") == b"ABC" * 8
