"""The chat app's surface: its request as a Call, its answer as server-sent events.

A turn is one POST with the whole conversation, which the page keeps in its memory. Its texts are
read and composed as the API's are: one tree, so that no value slips between two messages here that
is found there. The events are
`sent` (what the model was given of the newest message), `part` (a piece of the answer), `done`, and
`error` as the last one instead. Originals come in and restored words go out; nothing is kept.
"""

import re
from typing import Annotated, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic import Field as Bounded
from starlette.datastructures import Headers

from gateway.domain import Call, Credentials, Grade, SessionSecret
from gateway.edge.arrival import session_cookie
from gateway.edge.preview import preview_body
from gateway.edge.problem_details import problem_details
from gateway.errors import CrossSiteRequest, InvalidParameter, public_error
from gateway.identity.login import SESSION_COOKIE
from gateway.protocol import openai_wire as wire
from gateway.protocol.json_body import read_json_object
from gateway.protocol.openai_chat import PATH
from gateway.protocol.openai_messages import messages_node
from gateway.protocol.text_tree import Filling, Node, Texts
from gateway.settings import BoundSettings
from gateway.steps.audit import Entry, Opened
from gateway.web import csrf
from gateway.web.problems import spoken
from gateway.web.words import entity_label, grade_words
from inference.task import JsonObject, JsonValue, Part
from redaction.policy import Operator

# Anything that could be a surrogate; which of them are is the mapping's word.
_BRACKETED = re.compile(r"\[[^\[\]\n]{1,64}\]")


class Turn(BaseModel):
    """What one side said."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    role: Literal["user", "assistant"]
    content: Annotated[str, StringConstraints(min_length=1)]


class Turns(BaseModel):
    """The page's request: the conversation so far, the newest message last."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    grade: Literal["O", "S", "C"] | None = None
    messages: Annotated[list[Turn], Bounded(min_length=1)]


class ChatSurface:
    """One request of the chat page and its answer; see `gateway.edge.answer.Surface`."""

    name = "chat.app"
    streams = True
    media_type = "text/event-stream; charset=utf-8"
    refusal_media_type = "application/problem+json"

    def __init__(self, bounds: BoundSettings, public_url: str) -> None:
        self._bounds, self._public_url = bounds, public_url
        self._record_id = ""
        self._finish_reason = ""

    def credentials(self, headers: Headers) -> Credentials:
        """The session cookie; this surface takes no tokens."""
        return session_cookie(headers, SESSION_COOKIE)

    def read(self, headers: Headers, body: bytes, request_id: str) -> Call:
        """The conversation as a Call, once the request is known to come from our own page.

        Raises:
            CrossSiteRequest: it comes from elsewhere.
            BadRequest: it is no conversation, or one beyond the bounds.
        """
        self._record_id = request_id
        csrf.check_origin(headers, self._public_url)
        session = self.credentials(headers)
        if not isinstance(session, SessionSecret):
            raise CrossSiteRequest
        csrf.check_token(headers.get(csrf.HEADER), session)
        turns = _validated(read_json_object(body, self._bounds))
        texts = Texts(self._bounds)
        messages: Node = {"messages": messages_node(_as_api(turns), {}, texts)}
        fields = tuple(texts.fields)
        return Call(
            model=turns.model,
            fields=fields,
            compose=lambda safe: cast(
                JsonObject, Filling(fields, safe, widen=False).fill(messages)
            ),
            path=PATH,
            claimed_grade=None if turns.grade is None else Grade[turns.grade],
            stream=True,
        )

    def begin(self, entry: Entry) -> bytes:
        """`sent`: the newest message as the engine got it, before anything of the answer."""
        if entry.opened is None:
            return b""
        return _event("sent", {"record": self._record_id, **_delivered(entry.opened)})

    def part(self, part: Part) -> bytes:
        """`part`: a piece of the answer's text; what carries no text sends nothing."""
        pieces = []
        for choice in part.choices:
            pieces.append(choice.content or choice.refusal or "")
            self._finish_reason = choice.finish_reason or self._finish_reason
        text = "".join(pieces)
        return _event("part", {"text": text}) if text else b""

    def end(self, entry: Entry) -> bytes:
        """`done`: the answer is whole."""
        tokens = entry.usage.tokens
        return _event(
            "done",
            {
                "record": self._record_id,
                "finish_reason": self._finish_reason,
                "input_tokens": tokens.input,
                "output_tokens": tokens.output,
            },
        )

    def error_event(self, error: BaseException, request_id: str) -> bytes:
        """`error`: the answer broke off."""
        row = spoken(public_error(error))
        return _event("error", {"code": row.code, "message": row.korean, "request_id": request_id})

    def refusal(self, error: BaseException, request_id: str) -> bytes:
        """Problem details for the page's script."""
        return problem_details(spoken(public_error(error)), request_id)

    def preview(self, entry: Entry) -> bytes:
        """What a dry run answers, as on every surface; the chat page asks for none."""
        return preview_body(entry, self._record_id)


def _validated(body: JsonObject) -> Turns:
    try:
        turns = Turns.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        known = [step for step in first["loc"] if isinstance(step, int) or step in _NAMES]
        raise InvalidParameter(param=".".join(map(str, known)) or None) from None
    if turns.messages[-1].role != "user":
        raise InvalidParameter(param="messages")
    return turns


_NAMES = frozenset(Turns.model_fields) | frozenset(Turn.model_fields)


def _as_api(turns: Turns) -> list[wire.Message]:
    """The conversation in the API's own messages."""
    return [
        wire.UserMessage(role="user", content=turn.content)
        if turn.role == "user"
        else wire.AssistantMessage(role="assistant", content=turn.content)
        for turn in turns.messages
    ]


def _delivered(opened: Opened) -> JsonObject:
    """The newest message as the engine got it, cut where surrogates stand, and what was found."""
    messages = opened.task.body["messages"]
    newest = messages[-1] if isinstance(messages, list) else None
    text = newest["content"] if isinstance(newest, dict) else None
    policy = opened.grant.policy(opened.grade)
    counts: dict[str, int] = {}
    for span in opened.findings.spans[-1]:
        if policy.operator(span.entity) is not Operator.ALLOW:
            label = entity_label(span.entity)
            counts[label] = counts.get(label, 0) + 1
    return {
        "segments": _segments(text, opened) if isinstance(text, str) else [],
        "counts": [[label, count] for label, count in counts.items()],
        "grade": opened.grade.name,
        "grade_label": grade_words(opened.grade),
        "model": opened.grant.model.name,
    }


def _segments(text: str, opened: Opened) -> list[JsonValue]:
    """Pieces of `[text, kind]`; kind is empty where the text is the writer's own."""
    kinds = {
        value.surrogate: entity_label(value.entity)
        for value in opened.mapping.values
        if value.operator is not Operator.ALLOW  # there the "surrogate" is the original itself
    }
    pieces: list[JsonValue] = []
    last = 0
    for match in _BRACKETED.finditer(text):
        kind = kinds.get(match.group())
        if kind is None:
            continue
        if match.start() > last:
            pieces.append([text[last : match.start()], ""])
        pieces.append([match.group(), kind])
        last = match.end()
    if last < len(text):
        pieces.append([text[last:], ""])
    return pieces


def _event(name: str, data: JsonObject) -> bytes:
    """One server-sent event (WHATWG HTML section 9.2); JSON holds no line break of its own."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))
