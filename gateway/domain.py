"""The gateway's frozen types that steps hand to each other; no input, output or logic of a step.

A Call is what every surface is translated into. Nothing here is mutable, and texts and
credentials are hidden from `repr`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from inference.task import JsonObject, Task
from redaction.entity import Field
from redaction.policy import Policy


class Grade(IntEnum):
    """N2SF data grades, ordered by how much they must be kept: 공개, 민감, 기밀."""

    O = 0  # noqa: E741 the standard's own letter
    S = 1
    C = 2


class Role(StrEnum):
    """Roles of the realm (DESIGN section 6)."""

    STAFF = "staff"
    DEVELOPER = "developer"
    AGENCY_OFFICER = "agency-officer"
    CPO = "cpo"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Permission(StrEnum):
    """What a principal may do, `scope:resource:action`; ROLE_PERMISSIONS grants them."""

    CHAT_CREATE = "inference:chat:create"
    TEXTS_REDACT = "redaction:texts:create"
    MODELS_READ = "inference:models:read"
    RECEIPTS_READ = "audit:receipts:read"
    RECORDS_READ = "audit:records:read"
    SUBJECTS_QUERY = "audit:subjects:query"
    CONTENT_REVEAL = "audit:content:reveal"
    CONTENT_APPROVE = "audit:content:approve"


ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.STAFF: frozenset(
        {
            Permission.CHAT_CREATE,
            Permission.TEXTS_REDACT,
            Permission.MODELS_READ,
            Permission.RECEIPTS_READ,
        }
    ),
    Role.DEVELOPER: frozenset(
        {
            Permission.CHAT_CREATE,
            Permission.TEXTS_REDACT,
            Permission.MODELS_READ,
            Permission.RECEIPTS_READ,
        }
    ),
    Role.AGENCY_OFFICER: frozenset(
        {
            Permission.RECEIPTS_READ,
            Permission.RECORDS_READ,
            Permission.SUBJECTS_QUERY,
            Permission.CONTENT_REVEAL,
        }
    ),
    Role.CPO: frozenset(
        {
            Permission.RECEIPTS_READ,
            Permission.RECORDS_READ,
            Permission.SUBJECTS_QUERY,
            Permission.CONTENT_APPROVE,
        }
    ),
    Role.AUDITOR: frozenset({Permission.RECEIPTS_READ, Permission.RECORDS_READ}),
    Role.OPERATOR: frozenset({Permission.MODELS_READ}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling, as a verified token or session says.

    `subject` is the issuer's `sub`, `client` the token's `azp`. `ceiling` is the highest grade
    that this principal may handle. `expires_at` is in Unix seconds.
    """

    subject: str
    name: str = field(repr=False)
    agency: str
    department: str
    roles: frozenset[Role]
    ceiling: Grade
    client: str
    acr: str = ""
    expires_at: float

    @property
    def permissions(self) -> frozenset[Permission]:
        """The union of what the principal's roles grant."""
        return frozenset().union(*(ROLE_PERMISSIONS[role] for role in self.roles))


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token as it came in the Authorization header."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionSecret:
    """The value of a browser's session cookie."""

    value: str = field(repr=False)


Credentials = BearerToken | SessionSecret | None  # None: the caller sent nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What the gateway promises of a model; its replicas are inference's affair."""

    name: str
    aliases: tuple[str, ...] = ()
    highest_grade: Grade
    zone: str
    provider: str
    licence: str
    context_tokens: int
    capabilities: frozenset[str] = frozenset({"chat", "tools", "json_schema", "logprobs"})
    created_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one principal may use at once and in a minute; characters are code points of input."""

    requests_per_minute: int
    characters_per_minute: int
    concurrent_requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What authorize gives: this principal, on this model, within these limits and policies."""

    principal: Principal
    model: ModelCard
    limits: Limits
    ceiling: Grade
    default_grade: Grade
    policies: Mapping[Grade, Policy]
    principal_salt: str = field(repr=False)
    agency_salt: str = field(repr=False)

    def policy(self, grade: Grade) -> Policy:
        """The redaction policy for a grade."""
        return self.policies[grade]

    def cache_salt(self, grade: Grade) -> str:
        """Whose prefix cache a prompt may share: the principal's own, at grade O the agency's."""
        return self.agency_salt if grade is Grade.O else self.principal_salt


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOrigin:
    """Where a call came from: the socket's peer (or the trusted proxies' word), and by what way."""

    address: str
    surface: str  # "openai.chat", "chat.app", …
    caller_request_id: str = ""  # what the caller sent as x-request-id; recorded, never reused


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What form of answer the caller asked for.

    `is_json` says that the content is JSON text; `schema` is the caller's own JSON schema for it,
    originals and all: the restored answer is validated against it. `widenable` says that the
    engine's copy of it loses constraints on strings as soon as anything is replaced.
    """

    is_json: bool = False
    widenable: bool = False
    schema: JsonObject | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a surface has read: one call in the gateway's own words.

    `fields` are all texts a model could read, in rendering order; `compose` rebuilds the engine's
    body from replaced texts of the same number and order. A `preview` goes the whole way up to the
    engine and stops there. A call without a model wants its texts redacted and nothing else.
    """

    model: str | None
    fields: tuple[Field, ...] = field(repr=False)
    compose: Callable[[Sequence[str]], JsonObject] = field(repr=False)
    path: str
    claimed_grade: Grade | None
    expected: Expected = Expected()
    stream: bool
    preview: bool = False

    @property
    def estimate(self) -> int:
        """Characters of input: what meter reserves before any work is done."""
        return sum(len(item.text) for item in self.fields)

    @property
    def purpose(self) -> str:
        """What the record says the call was for: a word of a closed list."""
        if self.model is None:
            return "redaction"
        return "preview" if self.preview else "inference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request at the door: who it says it is, and how its body will be read once that is true.

    `id` is ours (UUIDv7, 32 hex digits): request id and record id alike. `received_at` and
    `deadline` are event-loop seconds. `read` may raise any BadRequest.
    """

    id: str
    credentials: Credentials
    origin: PeerOrigin
    received_at: float
    deadline: float
    read: Callable[[], Awaitable[Call]] = field(repr=False)


def engine_task(
    arrival: Arrival, call: Call, safe: Sequence[str], grant: Grant, grade: Grade
) -> Task:
    """The engine's task, built from replaced texts only."""
    return Task(
        model=grant.model.name,
        path=call.path,
        body=call.compose(safe),
        stream=call.stream,
        deadline=arrival.deadline,
        request_id=arrival.id,
        cache_salt=grant.cache_salt(grade),
    )


NO_MODEL = ModelCard(
    name="", highest_grade=Grade.C, zone="", provider="", licence="", context_tokens=0
)
"""In the Grant of a call without a model: nothing leaves the gateway, whatever the grade."""


class Outcome(StrEnum):
    """How a call ended, as its closing record says (DESIGN section 3, and previewed, lost)."""

    REFUSED = "refused"
    FAILED_BEFORE_FIRST_BYTE = "failed_before_first_byte"
    COMPLETE = "complete"
    ENGINE_DIED = "engine_died"
    LEFT_BEFORE_FIRST_BYTE = "client_left_before_first_byte"
    LEFT = "client_left"
    STALLED = "client_stalled"
    PREVIEWED = "previewed"
    SHUT_DOWN = "shut_down"
    LOST = "lost"
    INTERNAL_ERROR = "internal_error"
