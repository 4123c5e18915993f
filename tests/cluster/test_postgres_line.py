"""A whole gateway on a real PostgreSQL server: the line, sessions, readiness, and no idle hands."""

import asyncio
import json

import pytest
from keeping import KeptInServer
from line import NAME
from people import principal

from gateway.demo.engine_script import Script
from gateway.domain import Outcome
from gateway.identity.keyfile import NAMES, read_or_create_key
from gateway.ledger.keys import make_keys

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def kept(postgres_server, tmp_path):
    return KeptInServer.of(postgres_server.database(), tmp_path / "kept")


def working(kept) -> list[tuple[str, str]]:
    """The gateway's connections that are not idle: their state and last statement."""
    return kept.ask(
        "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'gwanmun' AND state <> 'idle'"
    )


@pytest.mark.parametrize("stream", [True, False])
async def test_answers_come_back_and_their_records_stand(a_line, kept, stream):
    line = await a_line(Script(), store=kept.the_server.settings())
    answer = await line.ask(stream=stream)
    assert (answer.status, NAME in answer.text) == (200, True)
    await line.ended(Outcome.COMPLETE, answer.headers["x-gwanmun-audit"])
    rows = kept.ask(
        "SELECT action, body FROM event WHERE agency = 'agency-a' AND action <> 'rights.changed' "
        "ORDER BY position"
    )
    assert [action for action, _ in rows] == ["request.opened", "request.closed"]
    assert not any(secret.encode() in body for _, body in rows for secret in line.secrets)


async def test_no_connection_is_held_while_an_answer_streams(a_line, kept):
    script = Script(pieces=("[성명_1]님 ",) * 20, first_seconds=0.2, between_seconds=0.2)
    quiet = {"seal_seconds": 60, "silence_seconds": 3_600}
    line = await a_line(script, store=kept.the_server.settings(), ledger=quiet)
    async with line.client.stream(
        "POST", "/v1/chat/completions", json=line.question(True)
    ) as answer:
        parts = answer.aiter_text()
        await anext(parts)
        while working(kept):  # a session that lasts as long as the stream would never be idle
            await anext(parts)
        ((connections,),) = kept.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'gwanmun'"
        )
        assert 0 < connections <= 10
        rest = [part async for part in parts]
        assert rest
        assert "[DONE]" in "".join(rest)
    await line.ended(Outcome.COMPLETE)


async def test_server_that_is_away_answers_503_lets_streams_end_and_comes_back(a_line, kept):
    """DESIGN section 10: engine untouched, closings wait, other refusals keep their status."""
    script = Script(pieces=("[성명_1]님 ",) * 10, between_seconds=0.1)
    line = await a_line(script, store=kept.the_server.settings(), ledger={"silence_seconds": 1.2})
    server = kept.the_server.server
    async with line.client.stream(
        "POST", "/v1/chat/completions", json=line.question(True)
    ) as running:
        parts = running.aiter_text()
        await anext(parts)
        await asyncio.to_thread(server.stop, "immediate")
        try:
            rest = "".join([part async for part in parts])
            assert rest.endswith("[DONE]\n\n")
            await ready(line, 503, "ledger (store)")
            seen = len(line.engines[0].seen)
            refused = await line.ask(stream=True)
            assert (refused.status, refused.code) == (503, "audit_unavailable")
            assert int(refused.headers["retry-after"]) > 0
            assert len(line.engines[0].seen) == seen
            stranger = await line.ask(stream=True, headers={"authorization": "Bearer x"})
            assert stranger.status == 401
        finally:
            await asyncio.to_thread(server.start)
    await ready(line, 200, "ready")
    await line.ended(Outcome.COMPLETE, running.headers["x-gwanmun-audit"])
    assert (await line.ask(stream=False)).status == 200


async def test_browser_session_works_on_every_replica(a_line, kept, tmp_path):
    keys = tmp_path / "keys"
    make_keys(keys)
    for name in NAMES:
        read_or_create_key(keys / name)
    store, ledger = kept.the_server.settings(), {"key_dir": str(keys)}
    one = await a_line(Script(), store=store, ledger=ledger)
    two = await a_line(Script(), store=store, ledger=ledger)
    secret = await one.house.login._sessions.begin(principal(), "sid-1")
    found = await two.house.login._sessions.find(secret)
    assert found.principal.subject == principal().subject
    for line in (one, two):
        answer = await line.ask(stream=False)
        assert answer.status == 200
    async with asyncio.timeout(30):  # until then a look may differ from the next one
        while not all(row["sealed"] for row in await two.records()):
            await asyncio.sleep(0.05)
    assert [row["outcome"] for row in await two.records()] == ["complete", "complete"]
    assert json.loads(json.dumps(await one.records())) == await two.records()


async def ready(line, status, words):
    async with asyncio.timeout(60):
        while True:
            got = await line.client.get(f"{line.internal_url}/readyz")
            if got.status_code == status and words in got.text:
                return
            await asyncio.sleep(0.05)
