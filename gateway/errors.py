"""Every way in which the gateway says no, and the one table of what the caller then reads.

A refusal is raised as an exception; its class alone decides status, code and public words. The
words are constant: no text of a caller, an engine or a foreign exception ever stands in them.

GatewayError
├── Unauthenticated            no or a wrong access token or session
│   └── TokenExpired
├── PermissionDenied           the principal's rights do not reach
│   ├── GradeAboveCeiling      the data's grade is above what principal or model may handle
│   ├── RevealRefused          not requested, not approved by another person, or over
│   └── CrossSiteRequest       a state change in the browser without its CSRF token
├── NotFound
│   └── ModelNotFound
├── BadRequest                 what was sent is not a valid request
│   ├── InvalidBody · InvalidParameter · UnsupportedParameter · Unredactable
│   ├── LogoutRefused          a logout token of the issuer that does not hold
│   ├── BodyTooLarge · BodyTimeout · TooComplex · EncodingNotAllowed · WrongMediaType
├── LimitExceeded              a quota of the principal; knows when to try again
├── IdentityUnavailable        the issuer's keys cannot be had
├── AuditUnavailable · RecordsUntrusted   no record can be written, or one is not as signed
├── AnswerInvalid              the restored answer breaks the caller's own schema
├── ShuttingDown               this replica is stopping, or cut the answer because it had to
└── Previewed                  not a failure: a dry run has come to the engine's door and ends
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from inference import errors as inference_errors
from redaction import errors as redaction_errors


class GatewayError(Exception):
    """Base of everything that the gateway raises on purpose.

    `param` names the request's field that is wrong, as a path of known names and numbers; it
    never holds what the caller wrote. `retry_after_seconds` becomes the header.
    """

    def __init__(self, param: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(param or "")
        self.param = param
        self.retry_after_seconds = retry_after_seconds


class Unauthenticated(GatewayError):
    """No credentials, or credentials that do not verify. `reason` is a closed word for records."""

    def __init__(self, reason: str = "missing") -> None:
        super().__init__()
        self.reason = reason


class TokenExpired(Unauthenticated):
    """The token was once right and has expired."""

    def __init__(self) -> None:
        super().__init__("expired")


class PermissionDenied(GatewayError):
    """The principal's rights do not reach."""


class GradeAboveCeiling(PermissionDenied):
    """The data's grade is above what the principal or the model may handle."""


class RevealRefused(PermissionDenied):
    """A step of revealing content that is not the next, not this person's, or too late."""


class CrossSiteRequest(PermissionDenied):
    """A state change from a browser without its CSRF token or from a foreign origin."""


class NotFound(GatewayError):
    """There is no such thing, or not for this principal."""


class ModelNotFound(NotFound):
    """No model of that name is offered to this principal."""


class BadRequest(GatewayError):
    """What was sent is not a valid request."""


class InvalidBody(BadRequest):
    """The body is not JSON in UTF-8."""


class InvalidParameter(BadRequest):
    """A field is missing or has a wrong type or value."""


class UnsupportedParameter(BadRequest):
    """A field that this gateway does not know or does not pass on."""


class Unredactable(BadRequest):
    """A kind of content that cannot be read, and so cannot pass."""


class LogoutRefused(BadRequest):
    """A logout token that does not hold (OpenID Connect Back-Channel Logout 1.0 section 2.8)."""


class BodyTooLarge(BadRequest):
    """The body is larger than the limit."""


class BodyTimeout(BadRequest):
    """The body did not come in time."""


class TooComplex(BadRequest):
    """Too deep, too many texts, or too many characters."""


class EncodingNotAllowed(BadRequest):
    """A Content-Encoding on a request body."""


class WrongMediaType(BadRequest):
    """A body that is not application/json."""


class LimitExceeded(GatewayError):
    """A quota of the principal is used up."""


class IdentityUnavailable(GatewayError):
    """The issuer's keys cannot be had, so nobody new can be recognised."""


class AuditUnavailable(GatewayError):
    """No record can be written, so nothing may be answered."""


class RecordsUntrusted(GatewayError):
    """A record on which the answer rests is not as a writer has signed it."""


class AnswerInvalid(GatewayError):
    """The restored answer breaks the schema that the caller asked for."""


class ShuttingDown(GatewayError):
    """This replica is stopping."""


class Previewed(GatewayError):
    """A dry run has come to the engine's door: its record is durable, and nothing was sent."""


class PublicError(NamedTuple):
    """What a caller reads: HTTP status, stable code, OpenAI's `type`, words in both languages."""

    status: HTTPStatus
    code: str
    type: str
    korean: str
    english: str


_BAD = "invalid_request_error"
_DENIED = "permission_error"
_DOWN = "service_unavailable_error"
_S = HTTPStatus

PUBLIC_ERRORS: Mapping[type[Exception], PublicError] = {
    Unauthenticated: PublicError(
        _S.UNAUTHORIZED,
        "invalid_token",
        "authentication_error",
        "접근 토큰이 없거나 올바르지 않습니다.",
        "The access token is missing or not valid.",
    ),
    TokenExpired: PublicError(
        _S.UNAUTHORIZED,
        "token_expired",
        "authentication_error",
        "접근 토큰이 만료되었습니다. 다시 로그인해 주십시오.",
        "The access token has expired.",
    ),
    PermissionDenied: PublicError(
        _S.FORBIDDEN,
        "permission_denied",
        _DENIED,
        "이 작업을 할 권한이 없습니다.",
        "You do not have the right to do this.",
    ),
    GradeAboveCeiling: PublicError(
        _S.FORBIDDEN,
        "grade_above_ceiling",
        _DENIED,
        "이 자료의 등급은 사용자 또는 모델에 허용된 등급보다 높습니다. "
        "공개 자료라면 등급을 O로 밝혀 주십시오.",
        "This data's grade is above what user or model may handle. If it is open, claim grade O.",
    ),
    RevealRefused: PublicError(
        _S.FORBIDDEN,
        "reveal_refused",
        _DENIED,
        "요청·승인·열람이 차례대로, 서로 다른 사람에 의해, 기한 안에 이루어져야 합니다.",
        "Request, approval and opening must follow each other, by the right people, in time.",
    ),
    CrossSiteRequest: PublicError(
        _S.FORBIDDEN,
        "cross_site_request",
        _DENIED,
        "다른 사이트에서 온 요청이거나 화면이 오래되었습니다. 화면을 새로 고쳐 주십시오.",
        "The request came from another site, or the page is stale. Reload the page.",
    ),
    NotFound: PublicError(
        _S.NOT_FOUND,
        "not_found",
        _BAD,
        "찾을 수 없습니다.",
        "Not found.",
    ),
    ModelNotFound: PublicError(
        _S.NOT_FOUND,
        "model_not_found",
        _BAD,
        "그런 모델이 없거나 사용할 수 없습니다.",
        "There is no such model for you.",
    ),
    BadRequest: PublicError(
        _S.BAD_REQUEST,
        "bad_request",
        _BAD,
        "요청이 올바르지 않습니다.",
        "The request is not valid.",
    ),
    InvalidBody: PublicError(
        _S.BAD_REQUEST,
        "invalid_body",
        _BAD,
        "본문은 UTF-8로 된 올바른 JSON 객체여야 합니다.",
        "The body must be a valid JSON object in UTF-8.",
    ),
    InvalidParameter: PublicError(
        _S.BAD_REQUEST,
        "invalid_parameter",
        _BAD,
        "요청의 한 항목이 없거나 형식이나 값이 올바르지 않습니다.",
        "A field of the request is missing or has a wrong type or value.",
    ),
    UnsupportedParameter: PublicError(
        _S.BAD_REQUEST,
        "unsupported_parameter",
        _BAD,
        "지원하지 않는 항목이 있습니다.",
        "The request has a field that is not supported.",
    ),
    Unredactable: PublicError(
        _S.BAD_REQUEST,
        "unredactable_content",
        _BAD,
        "개인정보를 확인할 수 없는 형식(이미지·음성·원격 주소·토큰 배열 등)은 보낼 수 없습니다.",
        "What cannot be checked (images, audio, remote URLs, token arrays) cannot be sent.",
    ),
    BodyTooLarge: PublicError(
        _S.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        _BAD,
        "본문이 너무 큽니다.",
        "The body is too large.",
    ),
    BodyTimeout: PublicError(
        _S.REQUEST_TIMEOUT,
        "body_timeout",
        _BAD,
        "본문이 제시간에 오지 않았습니다.",
        "The body did not come in time.",
    ),
    TooComplex: PublicError(
        _S.BAD_REQUEST,
        "too_complex",
        _BAD,
        "요청이 너무 깊거나 글의 수 또는 길이가 한도를 넘습니다.",
        "The request is too deep, or has too many texts or characters.",
    ),
    EncodingNotAllowed: PublicError(
        _S.UNSUPPORTED_MEDIA_TYPE,
        "encoding_not_allowed",
        _BAD,
        "압축된 본문은 받지 않습니다.",
        "A Content-Encoding is not accepted.",
    ),
    LogoutRefused: PublicError(
        _S.BAD_REQUEST,
        "logout_token_invalid",
        _BAD,
        "로그아웃 토큰이 없거나 올바르지 않습니다.",
        "The logout token is missing or not valid.",
    ),
    WrongMediaType: PublicError(
        _S.UNSUPPORTED_MEDIA_TYPE,
        "wrong_media_type",
        _BAD,
        "본문의 형식은 application/json이어야 합니다.",
        "The body must be application/json.",
    ),
    LimitExceeded: PublicError(
        _S.TOO_MANY_REQUESTS,
        "limit_exceeded",
        "rate_limit_error",
        "사용 한도를 넘었습니다. 잠시 뒤 다시 시도해 주십시오.",
        "A usage limit is exceeded. Try again later.",
    ),
    IdentityUnavailable: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "identity_unavailable",
        _DOWN,
        "인증 서버에 연결할 수 없습니다.",
        "The identity provider cannot be reached.",
    ),
    AuditUnavailable: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "audit_unavailable",
        _DOWN,
        "기록을 남길 수 없어 요청을 처리하지 않았습니다.",
        "No record can be written, so the request was not processed.",
    ),
    RecordsUntrusted: PublicError(
        _S.INTERNAL_SERVER_ERROR,
        "records_untrusted",
        "api_error",
        "기록이 서명된 것과 달라 처리하지 않았습니다. 보안담당자에게 알리십시오.",
        "A record is not what was signed, so nothing was done. Tell the security officer.",
    ),
    AnswerInvalid: PublicError(
        _S.BAD_GATEWAY,
        "answer_invalid",
        "api_error",
        "모델의 답이 요청한 형식과 맞지 않습니다.",
        "The model's answer does not fit the schema that was asked for.",
    ),
    ShuttingDown: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "shutting_down",
        _DOWN,
        "서버가 종료되는 중입니다. 다시 시도해 주십시오.",
        "The server is stopping. Try again.",
    ),
    Previewed: PublicError(
        _S.OK,
        "previewed",
        "preview",
        "모델에 보내지 않고 보낼 내용만 보였습니다.",
        "Nothing was sent; this is what would be.",
    ),
    redaction_errors.DetectionUnavailable: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "redaction_unavailable",
        _DOWN,
        "개인정보를 확인할 수 없어 요청을 처리하지 않았습니다.",
        "Personal data could not be checked, so the request was not processed.",
    ),
    redaction_errors.TooManyFindings: PublicError(
        _S.BAD_REQUEST,
        "too_many_findings",
        _BAD,
        "한 요청에 개인정보가 너무 많습니다. 나누어 보내 주십시오.",
        "The request holds too much personal data at once. Send it in parts.",
    ),
    redaction_errors.RedactionIncomplete: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "redaction_incomplete",
        _DOWN,
        "개인정보가 모두 가려지지 않아 아무것도 보내지 않았습니다.",
        "Personal data could not be replaced completely, so nothing was sent.",
    ),
    redaction_errors.ContentBlocked: PublicError(
        _S.FORBIDDEN,
        "content_blocked",
        _DENIED,
        "정책이 금지한 개인정보가 들어 있습니다.",
        "The request holds personal data that the policy forbids.",
    ),
    inference_errors.ModelUnavailable: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "model_unavailable",
        _DOWN,
        "모델이 지금 응답할 수 없습니다. 잠시 뒤 다시 시도해 주십시오.",
        "No replica of the model is available. Try again later.",
    ),
    inference_errors.QueueFull: PublicError(
        _S.SERVICE_UNAVAILABLE,
        "queue_full",
        _DOWN,
        "모델의 대기열이 가득 찼습니다. 잠시 뒤 다시 시도해 주십시오.",
        "The model's queue is full. Try again later.",
    ),
    inference_errors.EngineFailed: PublicError(
        _S.BAD_GATEWAY,
        "engine_failed",
        "api_error",
        "모델 서버가 응답하지 못했습니다.",
        "The engine failed.",
    ),
    inference_errors.EngineRejected: PublicError(
        _S.BAD_REQUEST,
        "engine_rejected",
        _BAD,
        "모델이 이 요청을 처리할 수 없습니다. 스키마와 설정값을 확인해 주십시오.",
        "The model cannot take this request. Check its schema and parameters.",
    ),
    # OpenAI's own code: clients shorten a conversation when they meet it.
    inference_errors.ContextExceeded: PublicError(
        _S.BAD_REQUEST,
        "context_length_exceeded",
        _BAD,
        "글이 모델이 읽을 수 있는 길이를 넘습니다. 글을 줄이거나 max_tokens를 낮춰 주십시오.",
        "The request is longer than the model's context. Shorten it or lower max_tokens.",
    ),
    inference_errors.DeadlinePassed: PublicError(
        _S.GATEWAY_TIMEOUT,
        "deadline_passed",
        "timeout_error",
        "제한 시간 안에 답이 오지 않았습니다.",
        "The deadline passed without an answer.",
    ),
}

INTERNAL_ERROR = PublicError(
    _S.INTERNAL_SERVER_ERROR,
    "internal_error",
    "api_error",
    "서버 내부 오류입니다. 요청 번호와 함께 관리자에게 알려 주십시오.",
    "Internal error. Tell the operator, with the request id.",
)

MALFORMED_HTTP = PublicError(
    _S.BAD_REQUEST,
    "malformed_http",
    _BAD,
    "올바른 HTTP 요청이 아닙니다.",
    "This is not a valid HTTP request.",
)
HEAD_TOO_LARGE = PublicError(
    _S.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    _BAD,
    "요청 머리글이 너무 큽니다.",
    "The request head is too large.",
)
HEAD_TIMEOUT = PublicError(
    _S.REQUEST_TIMEOUT,
    "head_timeout",
    _BAD,
    "요청 머리글이 제시간에 오지 않았습니다.",
    "The request head did not come in time.",
)
TOO_MANY_CONNECTIONS = PublicError(
    _S.SERVICE_UNAVAILABLE,
    "too_many_connections",
    _DOWN,
    "연결이 너무 많습니다. 잠시 뒤 다시 시도해 주십시오.",
    "There are too many connections. Try again later.",
)
METHOD_NOT_ALLOWED = PublicError(
    _S.METHOD_NOT_ALLOWED,
    "method_not_allowed",
    _BAD,
    "이 주소에서는 쓸 수 없는 방식의 요청입니다.",
    "This method is not allowed here.",
)

ALL_PUBLIC_ERRORS: tuple[PublicError, ...] = (
    *PUBLIC_ERRORS.values(),
    INTERNAL_ERROR,
    MALFORMED_HTTP,
    HEAD_TOO_LARGE,
    HEAD_TIMEOUT,
    TOO_MANY_CONNECTIONS,
    METHOD_NOT_ALLOWED,
)
"""Every row that a caller may read, also those that no exception stands behind."""


def public_error(error: BaseException) -> PublicError:
    """The row for an exception's class or its nearest base; anything unknown is INTERNAL_ERROR."""
    for base in type(error).__mro__:
        if base in PUBLIC_ERRORS:
            return PUBLIC_ERRORS[base]
    return INTERNAL_ERROR


def retry_after_seconds(error: BaseException) -> float | None:
    """When trying again may help: the error's own word, or one second for every other 503."""
    known = getattr(error, "retry_after_seconds", None)
    if isinstance(known, int | float):
        return float(known)
    return 1.0 if public_error(error).status == _S.SERVICE_UNAVAILABLE else None
