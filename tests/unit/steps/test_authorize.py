import pytest
from people import LIMITS, model_card, principal

from gateway.domain import Grade, Role
from gateway.errors import ModelNotFound, PermissionDenied
from gateway.steps.authorize import Policies, authorize
from redaction.policy import Policy

POLICIES = Policies(
    models=[model_card()],
    limits=LIMITS,
    default_grade=Grade.S,
    redaction=dict.fromkeys(Grade, Policy("test-1")),
    salt_key=b"k" * 32,
)


@pytest.mark.parametrize("name", ["rehearsal", "default"])
async def test_authorize_finds_a_model_by_name_and_alias(name):
    found = (await authorize(principal(), POLICIES)).on(name)
    assert found.model.name == "rehearsal"
    assert found.ceiling is Grade.S


async def test_authorize_refuses_an_unknown_model():
    allowance = await authorize(principal(), POLICIES)
    with pytest.raises(ModelNotFound):
        allowance.on("gpt-4")


@pytest.mark.parametrize("role", [Role.AGENCY_OFFICER, Role.AUDITOR, Role.CPO, Role.OPERATOR])
async def test_authorize_refuses_roles_that_may_not_call_models(role):
    with pytest.raises(PermissionDenied):
        await authorize(principal(role), POLICIES)


async def test_cache_salt_separates_principals_and_agencies():
    mine = (await authorize(principal(subject="a"), POLICIES)).on("rehearsal")
    colleague = (await authorize(principal(subject="b"), POLICIES)).on("rehearsal")
    stranger = principal(subject="a", agency="demo-b")
    elsewhere = (await authorize(stranger, POLICIES)).on("rehearsal")
    assert mine.cache_salt(Grade.O) == colleague.cache_salt(Grade.O)
    assert mine.cache_salt(Grade.O) != elsewhere.cache_salt(Grade.O)
    salts = {found.cache_salt(Grade.S) for found in (mine, colleague, elsewhere)}
    assert len(salts) == 3
    assert mine.cache_salt(Grade.S) != mine.cache_salt(Grade.O)
