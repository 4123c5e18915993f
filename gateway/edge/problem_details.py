"""Problem details (RFC 9457): how every path that is not the API's tells a program of a refusal."""

import orjson

from gateway.errors import PublicError

PROBLEM_TYPE = "application/problem+json"


def problem_details(shown: PublicError, request_id: str) -> bytes:
    """The document: `title` is Korean, `detail` English, `instance` the request id as a URN."""
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": shown.korean,
            "detail": shown.english,
            "status": int(shown.status),
            "code": shown.code,
            "instance": f"urn:uuid:{request_id}",
        }
    )
