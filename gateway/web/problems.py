"""Refusals outside the API: an HTML page for people, RFC 9457 problem details for scripts.

The words come from the one table of public errors; a page adds what a person can do about it.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from gateway.edge.problem_details import PROBLEM_TYPE, problem_details
from gateway.errors import PublicError
from gateway.web.csp import security_headers
from gateway.web.rendering import Renderer, Visitor

_TITLES: Mapping[int, str] = {
    400: "요청이 올바르지 않습니다",
    401: "로그인이 필요합니다",
    403: "권한이 없습니다",
    404: "찾을 수 없습니다",
    405: "지원하지 않는 방식입니다",
    408: "시간이 지났습니다",
    413: "보낸 내용이 너무 큽니다",
    415: "지원하지 않는 형식입니다",
    429: "잠시 뒤에 다시 시도해 주십시오",
    503: "지금은 처리할 수 없습니다",
}
_ADVICE: Mapping[str, str] = {
    "permission_denied": "이 화면은 기관의 보안담당자, 개인정보 보호책임자, 감사자만 "
    "볼 수 있습니다. 필요하면 기관의 관리자에게 역할을 요청해 주십시오.",
    "identity_unavailable": "잠시 뒤에 다시 시도해 주십시오. 계속되면 시스템 관리자에게 "
    "알려 주십시오.",
    "cross_site_request": "이 사이트의 화면에서 다시 시도해 주십시오.",
}
# In the browser there are no tokens to speak of, only logins.
_SPOKEN: Mapping[str, str] = {
    "invalid_token": "로그인하지 않았거나 로그인이 끝났습니다. 다시 로그인해 주십시오.",
    "token_expired": "로그인 시간이 지났습니다. 다시 로그인해 주십시오.",
}


def spoken(error: PublicError) -> PublicError:
    """The row as people in a browser read it."""
    return error._replace(korean=_SPOKEN.get(error.code, error.korean))


def problem_page(
    renderer: Renderer, error: PublicError, *, visitor: Visitor | None, request_id: str
) -> Response:
    """The page that tells a person of a refusal."""
    row = spoken(error)
    response = renderer.page(
        "error.html",
        visitor=visitor,
        status=row.status,
        error=row,
        title=_TITLES.get(row.status, "처리하지 못했습니다"),
        advice=_ADVICE.get(row.code, ""),
        offer_login=row.status == HTTPStatus.UNAUTHORIZED,
        request_id=request_id,
    )
    response.headers["x-request-id"] = request_id
    return response


def problem_document(error: PublicError, request_id: str) -> Response:
    """The same for the page's script."""
    headers = security_headers() | {"cache-control": "no-store", "x-request-id": request_id}
    body = problem_details(spoken(error), request_id)
    return Response(body, error.status, headers, PROBLEM_TYPE)
