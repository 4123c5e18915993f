"""Why a PostgreSQL server cannot be used, in words of our own, for the operator's commands.

A driver's own words are never passed on: only what they are known to mean. Nothing of this is shown
to callers or written to logs.
"""

from typing import Final, NamedTuple

import psycopg


class Why(NamedTuple):
    """One reason, as the end of a sentence."""

    korean: str
    english: str


_UNTRUSTED: Final = Why("서버의 TLS 인증서를 믿을 수 없습니다", "TLS certificate not trusted")
_UNKNOWN: Final = Why("서버에 접속할 수 없거나 서버가 거절했습니다", "no connection, or refused")
# The first whose words stand in what the driver or the server said counts.
_REASONS: Final = (
    ("certificate", Why("서버의 TLS 인증서를 믿을 수 없습니다", "TLS certificate not trusted")),
    (
        "signature failure",
        Why("서버의 TLS 인증서를 믿을 수 없습니다", "TLS certificate not trusted"),
    ),
    ("root.crt", Why("CA 인증서 파일이 없습니다", "no file of CA certificates")),
    ("does not support SSL", Why("서버가 TLS를 쓰지 않습니다", "the server offers no TLS")),
    ("no encryption", Why("서버가 TLS 없는 접속을 거절했습니다", "the server demands TLS")),
    ("SSL error", Why("TLS로 접속하지 못했습니다", "TLS failed")),
    ("password", Why("비밀번호가 틀리거나 없습니다", "password wrong or missing")),
    ("authentication failed", Why("역할을 인증하지 못했습니다", "authentication failed")),
    ("resolve", Why("서버의 이름을 찾을 수 없습니다", "host name not found")),
    ("refused", Why("서버가 실행 중이 아닙니다", "connection refused")),
    ("timeout", Why("서버가 제때 답하지 않습니다", "no answer in time")),
    ("starting up", Why("서버가 시작하는 중입니다", "the server is starting")),
    ("read-only", Why("읽기 전용 서버입니다", "the server is read-only")),
    ("permission denied", Why("역할의 권한이 모자랍니다", "permission denied")),
    (
        "does not exist",
        Why("역할, 데이터베이스 또는 표가 없습니다", "no such role, database, table"),
    ),
)


def why(error: BaseException | None) -> Why:
    """The reason for a driver's exception, or for one of SQLAlchemy that carries it as `orig`."""
    found = getattr(error, "orig", None) or error
    said = str(found) if isinstance(found, psycopg.Error) else ""
    return next((reason for words, reason in _REASONS if words in said), _UNKNOWN)
