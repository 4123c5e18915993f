"""One call on a whole gateway, as tests ask it and read it."""

import asyncio
import json
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from house import running_house, settings_for
from issuer import ScriptedIssuer, scripted_issuer
from rehearsal import RunningEngine, rehearsal

from gateway.app import House
from gateway.demo.engine_script import Script
from gateway.domain import Outcome
from redaction.pool import Detector

NAME = "김철수"  # an invented person, as in every form's sample
RRN = "900101-1234567"
PHONE = "010-1234-5678"
PROMPT = f"민원인 {NAME}({RRN}, {PHONE})에게 보낼 안내문을 써 줘"


@dataclass
class Answer:
    """What a caller has read."""

    status: int
    headers: httpx.Headers
    raw: str
    text: str
    code: str
    done: bool


def sse(raw: str) -> list[dict[str, Any]]:
    """The JSON events of a stream, [DONE] left out."""
    lines = [line.removeprefix("data: ") for line in raw.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@dataclass
class Line:
    """A running gateway with its engines, and a client that is logged in."""

    house: House
    client: httpx.AsyncClient
    internal_url: str
    engines: list[RunningEngine]
    data_dir: Path
    agency: str
    issuer: ScriptedIssuer

    @property
    def secrets(self) -> tuple[str, ...]:
        return (NAME, RRN, PHONE)

    def question(self, stream: bool, prompt: str = PROMPT, **more: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt}]
        return {"model": "rehearsal", "messages": messages, "stream": stream, **more}

    async def ask(
        self, *, stream: bool, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        got = await self.client.post(
            "/v1/chat/completions", json=self.question(stream, **more), headers=headers
        )
        return read(got)

    async def records(self) -> list[dict[str, Any]]:
        """The agency's records as officers see them, newest first."""
        found = await self.house.edge.services.ledger.recent(self.agency, 50)
        return [json.loads(json.dumps(as_plain(record))) for record in found]

    async def ended(self, outcome: Outcome, record_id: str | None = None) -> dict[str, Any]:
        """Waits until the newest record (or the named one) says that its call has ended so."""
        async with asyncio.timeout(10):
            while True:
                for record in await self.records():
                    if record_id in (None, record["record_id"]) and record["outcome"]:
                        assert record["outcome"] == outcome, record
                        return record
                await asyncio.sleep(0.02)

    async def refused(self, code: str) -> dict[str, Any]:
        """Waits until a record says that a call was refused with this code."""
        async with asyncio.timeout(10):
            while True:
                for record in await self.records():
                    if record["code"] == code:
                        return record
                await asyncio.sleep(0.02)


def as_plain(record: Any) -> Any:
    """A dataclass of the ledger as plain JSON."""
    return json.loads(
        json.dumps(
            record,
            default=lambda value: (
                getattr(value, "__dict__", None)
                or {name: getattr(value, name) for name in value.__slots__}
            ),
        )
    )


def read(got: httpx.Response) -> Answer:
    """An answer of either kind."""
    raw = got.text
    if got.headers["content-type"].startswith("text/event-stream"):
        events = sse(raw)
        texts = [
            choice["delta"].get("content") or ""
            for event in events
            for choice in event.get("choices", ())
        ]
        last = events[-1] if events else {}
        code = last.get("error", {}).get("code", "")
        return Answer(
            got.status_code, got.headers, raw, "".join(texts), code, raw.endswith("[DONE]\n\n")
        )
    body = got.json()
    text = "".join(choice["message"]["content"] or "" for choice in body.get("choices", ()))
    code = body.get("error", {}).get("code", "")
    return Answer(got.status_code, got.headers, raw, text, code, False)


async def open_line(
    stack: AsyncExitStack,
    detector: Detector,
    tmp_path: Path,
    *scripts: Script | None,
    **groups: Any,
) -> Line:
    """A gateway whose model has one replica per script; None is a replica that nobody serves."""
    engines: list[RunningEngine] = []
    urls: list[str] = []
    for script in scripts:
        if script is None:
            urls.append("http://127.0.0.1:1")
            continue
        engine = await stack.enter_async_context(rehearsal(script))
        engines.append(engine)
        urls.append(engine.url)
    idp = await stack.enter_async_context(scripted_issuer())
    settings = settings_for(tmp_path / f"data-{secrets.token_hex(4)}", idp.url, *urls, **groups)
    running = await stack.enter_async_context(running_house(settings, detector))
    running.client.headers["authorization"] = f"Bearer {idp.token()}"
    return Line(
        house=running.house,
        client=running.client,
        internal_url=running.internal_url,
        engines=engines,
        data_dir=running.data_dir,
        agency="agency-a",
        issuer=idp,
    )
