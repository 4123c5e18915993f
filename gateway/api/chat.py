"""POST /v1/chat/completions: OpenAI's wire on one side, the line on the other.

Nothing of the way is decided here: a ChatCompletions object reads one request and writes its
answer, streamed or whole, and the edge's Answer says when.
"""

import dataclasses
import time

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.responses import Response

from gateway.domain import Call, Credentials
from gateway.edge.answer import Answer, Edge
from gateway.edge.arrival import bearer, claimed_grade, is_dry_run
from gateway.edge.preview import preview_body
from gateway.errors import GatewayError, public_error
from gateway.protocol.openai_answers import AnswerHead, ChatCompletion, ChatStream, error_body
from gateway.protocol.openai_chat import PATH, read_chat
from gateway.settings import BoundSettings
from gateway.steps.audit import Entry
from inference.task import Part

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"


class ChatCompletions:
    """One request and its answer; see `gateway.edge.answer.Surface`."""

    name = "openai.chat"
    streams = False
    media_type = JSON
    refusal_media_type = JSON

    def __init__(self, bounds: BoundSettings, *, clock: float) -> None:
        self._bounds, self._created = bounds, int(clock)
        self._stream: ChatStream | None = None
        self._whole: ChatCompletion | None = None
        self._request_id = ""

    def credentials(self, headers: Headers) -> Credentials:
        """A bearer token only: no cookie of a browser opens the API."""
        return bearer(headers)

    def read(self, headers: Headers, body: bytes, request_id: str) -> Call:
        """The request as a Call.

        Raises:
            BadRequest: any of its kinds, with the path of what is wrong.
        """
        self._request_id = request_id
        grade, preview = claimed_grade(headers), is_dry_run(headers)
        chat = read_chat(body, self._bounds)
        head = AnswerHead(request_id=request_id, model=chat.model, created=self._created)
        if chat.stream:
            self.streams, self.media_type = True, SSE
            self._stream = ChatStream(head, include_usage=chat.include_usage)
        else:
            self._whole = ChatCompletion(head)
        return Call(
            model=chat.model,
            fields=chat.fields,
            compose=chat.compose,
            path=PATH,
            claimed_grade=grade,
            expected=dataclasses.replace(chat.expected, widenable=chat.widenable),
            stream=chat.stream,
            preview=preview,
        )

    def begin(self, entry: Entry) -> bytes:
        """Nothing: OpenAI's streams begin with their first chunk."""
        return b""

    def part(self, part: Part) -> bytes:
        """One event of a stream; a whole answer is only collected."""
        if self._stream is None:
            if self._whole is not None:
                self._whole.feed(part)
            return b""
        return _event(self._stream.feed(part))

    def end(self, entry: Entry) -> bytes:
        """The usage chunk if asked for and [DONE]; or the one document."""
        if self._stream is not None:
            return _event(self._stream.end()) + b"data: [DONE]\n\n"
        return self._whole.end() if self._whole is not None else b""

    def error_event(self, error: BaseException, request_id: str) -> bytes:
        """One event with OpenAI's envelope; no [DONE] follows."""
        return _event(self.refusal(error, request_id))

    def refusal(self, error: BaseException, request_id: str) -> bytes:
        """OpenAI's envelope."""
        param = error.param if isinstance(error, GatewayError) else None
        return error_body(public_error(error), request_id, param)

    def preview(self, entry: Entry) -> bytes:
        """What would be sent."""
        return preview_body(entry, self._request_id)


def _event(data: bytes) -> bytes:
    return b"data: %s\n\n" % data if data else b""


def router(edge: Edge) -> APIRouter:
    """The route, bound to its services."""
    api = APIRouter()

    @api.post(PATH)
    async def chat_completions() -> Response:
        """One chat completion; the Answer reads the request itself, once it knows who asks."""
        return Answer(edge, ChatCompletions(edge.bounds, clock=time.time()))

    return api
