"""What operators' tools ask: readiness with its reason, health, metrics."""

import asyncio

import pytest
from tiling import Cosigner

from gateway.demo.engine_script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_ready_gateway_says_so_and_counts(a_line):
    line = await a_line(Script())
    await line.ask(stream=False)
    ready = await line.client.get(f"{line.internal_url}/readyz")
    assert (ready.status_code, ready.text) == (200, "ready\n")
    assert (await line.client.get(f"{line.internal_url}/healthz")).status_code == 200
    text = (await line.client.get(f"{line.internal_url}/metrics")).text
    assert 'gateway_requests_total{code="",model="rehearsal",outcome="complete"} 1.0' in text
    assert 'gateway_personal_data_found_total{entity="rrn"} 1.0' in text
    assert "gateway_detector_ready 1.0" in text


async def test_store_that_is_gone_is_named_as_the_reason(a_line):
    line = await a_line(Script(), ledger={"durable_seconds": 0.5})
    (line.data_dir / "gwanmun.db").rename(line.data_dir / "gone")
    await line.ask(stream=False)
    async with asyncio.timeout(10):
        while True:
            ready = await line.client.get(f"{line.internal_url}/readyz")
            if ready.status_code == 503:
                break
            await asyncio.sleep(0.05)
    assert "ledger (store)" in ready.text
    text = (await line.client.get(f"{line.internal_url}/metrics")).text
    assert 'gateway_ledger_trouble{cause="store"} 1.0' in text
    (line.data_dir / "gone").rename(line.data_dir / "gwanmun.db")


async def test_stale_witnesses_are_an_alarm_and_no_reason_to_serve_nobody(a_line, tmp_path):
    policy = tmp_path / "policy"
    key = Cosigner("witness.example.go.kr/1").key
    policy.write_text(f"witness away {key} http://127.0.0.1:9\nquorum away\n")
    line = await a_line(
        Script(),
        witnesses={"policy_file": policy, "round_seconds": 0.05, "stale_seconds": 0.1},
    )
    await line.ask(stream=False)
    async with asyncio.timeout(20):
        while "stale" not in (ready := await line.client.get(f"{line.internal_url}/readyz")).text:
            await asyncio.sleep(0.05)
    assert (ready.status_code, ready.text) == (200, "ready\nwarning: witnesses (stale)\n")
    text = (await line.client.get(f"{line.internal_url}/metrics")).text
    assert "gateway_ledger_witnesses_stale 1.0" in text
    assert "gateway_ledger_witnessed_size 0.0" in text
    answer = await line.ask(stream=False)
    assert answer.status == 200
