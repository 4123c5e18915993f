"""POST /v1/redact on a whole gateway: redacted, recorded, metered, refused; no engine is asked."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from line import NAME, PHONE, RRN, Line

from gateway.demo.engine_script import Script
from gateway.domain import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXTS = [f"민원인 {NAME}({RRN})", f"{NAME}의 연락처는 {PHONE}입니다.", "안내문"]


async def redact(line: Line, given: object = TEXTS, **more: Any) -> httpx.Response:
    return await line.client.post("/v1/redact", json={"input": given}, **more)


def assert_no_original(line: Line, text: str) -> None:
    assert not any(secret in text for secret in line.secrets)


async def test_texts_come_back_redacted_with_offsets_and_one_record(a_line):
    line = await a_line(Script())
    got = await redact(line)
    assert got.status_code == 200
    assert_no_original(line, got.text)
    body = got.json()
    assert [result["redacted"] for result in body["results"]] == [
        "민원인 [성명_1]([주민등록번호_1])",
        "[성명_1]의 연락처는 [전화번호_1]입니다.",
        "안내문",
    ]
    for text, result in zip(TEXTS, body["results"], strict=True):
        found = {text[span["start"] : span["end"]]: span for span in result["spans"]}
        assert set(found) <= {NAME, RRN, PHONE}
    first = body["results"][0]["spans"]
    assert [(span["entity"], span["operator"], span["surrogate"]) for span in first] == [
        ("PERSON", "replace", "[성명_1]"),
        ("KR_RRN", "withhold", "[주민등록번호_1]"),
    ]
    assert body["id"] == got.headers["x-gwanmun-audit"]
    assert got.headers["x-gwanmun-redacted"] == "person=1,phone=1,rrn=1"
    assert "x-ai-generated" not in got.headers
    record = await line.ended(Outcome.COMPLETE, body["id"])
    assert record["attempts"] == []
    assert body["policy"].startswith("기본-1@sha256:")
    assert line.engines[0].seen == []


async def test_record_says_that_it_was_a_redaction_and_under_which_policy(a_line):
    line = await a_line(Script())
    body = (await redact(line)).json()
    await line.ended(Outcome.COMPLETE, body["id"])
    receipt = (await line.client.get(f"/v1/receipts/{body['id']}")).json()
    events = json.dumps(receipt, ensure_ascii=False)
    assert_no_original(line, events)
    opened = opened_event(line, body["id"])
    assert (opened["purpose"], opened["model"]) == ("redaction", "")
    assert opened["policy"] == body["policy"]
    assert opened["found"]["values"] == {"PERSON": 1, "KR_RRN": 1, "PHONE_NUMBER": 1}
    assert (opened["texts"], opened["characters"]) == (3, sum(map(len, TEXTS)))


def opened_event(line: Line, record_id: str) -> dict[str, Any]:
    """The opening event as it stands in the ledger's rows."""
    with closing(sqlite3.connect(line.data_dir / "gwanmun.db")) as database:
        asked = "SELECT body FROM event WHERE record_id = ? AND action = 'request.opened'"
        ((body,),) = database.execute(asked, (record_id,)).fetchall()
    return json.loads(body)


async def test_one_text_is_a_list_of_one(a_line):
    line = await a_line(Script())
    (result,) = (await redact(line, "안녕")).json()["results"]
    assert result == {"redacted": "안녕", "spans": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"input": [1, 2]}, "invalid_parameter", id="token-ids"),
        pytest.param({"input": "가", "policy": "공개"}, "unsupported_parameter", id="own-policy"),
        pytest.param({"text": NAME}, "unsupported_parameter", id="other-name"),
    ],
)
async def test_wrong_request_is_refused_in_the_apis_envelope(a_line, body, code):
    line = await a_line(Script())
    got = await line.client.post("/v1/redact", json=body)
    assert (got.status_code, got.json()["error"]["code"]) == (400, code)
    assert_no_original(line, got.text)
    await line.refused(code)


async def test_caller_without_the_right_is_refused(a_line):
    line = await a_line(Script())
    officer = line.issuer.token(realm_access={"roles": ["agency-officer"]})
    got = await redact(line, headers={"authorization": f"Bearer {officer}"})
    assert (got.status_code, got.json()["error"]["code"]) == (403, "permission_denied")
    none = await redact(line, headers={"authorization": ""})
    assert none.status_code == 401


async def test_grade_above_the_callers_ceiling_is_refused(a_line):
    line = await a_line(Script())
    got = await redact(line, headers={"x-gwanmun-grade": "C"})
    assert (got.status_code, got.json()["error"]["code"]) == (403, "grade_above_ceiling")
    assert_no_original(line, got.text)
    await line.refused("grade_above_ceiling")


async def test_without_a_record_there_is_no_answer(a_line):
    line = await a_line(Script(), ledger={"durable_seconds": 0.5})
    (line.data_dir / "gwanmun.db").rename(line.data_dir / "gone")
    got = await redact(line)
    assert (got.status_code, got.json()["error"]["code"]) == (503, "audit_unavailable")
    assert_no_original(line, got.text)
    assert "[성명_1]" not in got.text
    (line.data_dir / "gone").rename(line.data_dir / "gwanmun.db")


async def test_characters_are_used_up_though_no_engine_was_asked(a_line):
    line = await a_line(Script(), limits={"characters_per_minute": 100})
    assert (await redact(line, "가" * 90)).status_code == 200
    left = (await line.client.get("/v1/me")).json()["left"]
    assert left["characters"] <= 10
    got = await redact(line, "가" * 90)
    assert (got.status_code, got.json()["error"]["code"]) == (429, "limit_exceeded")
    assert "retry-after" in got.headers


async def test_policy_of_the_settings_holds(a_line, tmp_path: Path):
    document = tmp_path / "정책.yaml"
    document.write_text(
        "name: 시험\nversion: 7\n"
        "operators: {PERSON: mask, PHONE_NUMBER: allow}\n"
        "grades: {O: {operators: {KR_RRN: block}}, S: {operators: {EMAIL_ADDRESS: block}}}\n",
        encoding="utf-8",
    )
    line = await a_line(Script(), redaction={"policy": str(document)})
    body = (await redact(line)).json()
    assert body["policy"].startswith("시험-7@sha256:")
    assert [result["redacted"] for result in body["results"]] == [
        "민원인 ***([주민등록번호_1])",
        f"***의 연락처는 {PHONE}입니다.",
        "안내문",
    ]
    phone = body["results"][1]["spans"][-1]
    assert (phone["entity"], phone["operator"], phone["surrogate"]) == (
        "PHONE_NUMBER",
        "allow",
        "",
    )
    blocked = await redact(line, "메일 minwon@example.com")
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (403, "content_blocked")
    await line.refused("content_blocked")


async def test_many_at_once_are_each_answered_with_their_own(a_line):
    line = await a_line(Script())
    texts = [f"신청인: {NAME} (접수 {number}건)" for number in range(12)]
    answers = await asyncio.gather(*(redact(line, text) for text in texts))
    for text, got in zip(texts, answers, strict=True):
        (result,) = got.json()["results"]
        assert result["redacted"] == text.replace(NAME, "[성명_1]")
