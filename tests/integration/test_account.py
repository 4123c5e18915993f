"""What callers ask about themselves, the models and their records, and what is none of theirs."""

import pytest
from line import Line

from gateway.demo.engine_script import Script
from gateway.domain import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")


def bearer(line: Line, **claims) -> dict[str, str]:
    return {"authorization": f"Bearer {line.issuer.token(**claims)}"}


async def test_me_tells_rights_limits_and_what_is_left(a_line):
    line = await a_line(Script(), limits={"requests_per_minute": 3})
    await line.ask(stream=False)
    me = (await line.client.get("/v1/me")).json()
    assert me["agency"] == "agency-a"
    assert (me["roles"], me["ceiling"], me["models"]) == (["staff"], "S", ["rehearsal"])
    assert me["left"]["requests"] == 1, "the call and this look at the account"


async def test_models_are_listed_and_found_by_alias(a_line):
    line = await a_line(Script())
    listed = (await line.client.get("/v1/models")).json()
    assert [model["id"] for model in listed["data"]] == ["rehearsal"]
    assert (await line.client.get("/v1/models/default")).json()["id"] == "rehearsal"


async def test_models_are_hidden_from_roles_that_may_not_see_them(a_line):
    line = await a_line(Script())
    headers = bearer(line, realm_access={"roles": ["auditor"]})
    got = await line.client.get("/v1/models", headers=headers)
    assert (got.status_code, got.json()["error"]["code"]) == (403, "permission_denied")
    me = (await line.client.get("/v1/me", headers=headers)).json()
    assert me["models"] == []
    record = await line.refused("permission_denied")
    assert record["subject"] == me["subject"]


async def test_officers_may_not_call_models(a_line):
    line = await a_line(Script())
    headers = bearer(line, realm_access={"roles": ["agency-officer"]})
    answer = await line.ask(stream=True, headers=headers)
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert line.engines[0].seen == []
    await line.refused("permission_denied")


async def test_requests_above_the_limit_are_429_and_recorded(a_line):
    line = await a_line(Script(), limits={"requests_per_minute": 1})
    assert (await line.ask(stream=True)).status == 200
    answer = await line.ask(stream=True)
    assert (answer.status, answer.code) == (429, "limit_exceeded")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert len(line.engines[0].seen) == 1
    await line.refused("limit_exceeded")


async def test_receipt_proves_the_record_to_those_whose_it_is(a_line):
    line = await a_line(Script())
    answer = await line.ask(stream=True)
    record_id = answer.headers["x-gwanmun-audit"]
    await line.ended(Outcome.COMPLETE, record_id)
    officer = {"realm_access": {"roles": ["agency-officer"]}, "sub": "officer"}
    readers = {
        "own": ({}, 200),
        "colleague": ({"sub": "somebody-else"}, 404),
        "officer": (officer, 200),
        "other agency's officer": ({**officer, "agency": "agency-b"}, 404),
    }
    for claims, status in readers.values():
        got = await line.client.get(f"/v1/receipts/{record_id}", headers=bearer(line, **claims))
        assert got.status_code == status, claims
    own = (await line.client.get(f"/v1/receipts/{record_id}")).json()
    assert [promise["action"] for promise in own["promises"]] == [
        "request.opened",
        "request.closed",
    ]
