import pytest
from people import grant

from gateway.domain import Grade
from gateway.errors import GradeAboveCeiling
from gateway.steps.classify import classify
from redaction.entity import Findings, Span
from redaction.sensitive import Sensitive

NOTHING = Findings(((),), "test")
ILLNESS = Findings(((),), "test", frozenset({Sensitive.HEALTH}))
PERSON = Findings(((Span(0, 3, "PERSON", 0.9),),), "test")


@pytest.mark.parametrize(
    ("claimed", "findings", "default", "expected"),
    [
        pytest.param(Grade.O, NOTHING, Grade.S, Grade.O, id="claim-holds"),
        pytest.param(Grade.O, PERSON, Grade.S, Grade.S, id="personal-data-raises"),
        pytest.param(Grade.O, ILLNESS, Grade.S, Grade.S, id="sensitive-words-raise"),
        pytest.param(Grade.C, PERSON, Grade.S, Grade.C, id="findings-never-lower"),
        pytest.param(None, NOTHING, Grade.S, Grade.S, id="no-claim-is-the-default"),
        pytest.param(None, PERSON, Grade.O, Grade.S, id="default-raised"),
    ],
)
def test_classify_takes_the_higher_of_claim_and_findings(claimed, findings, default, expected):
    allowed = grant(ceiling=Grade.C, highest=Grade.C, default=default)
    assert classify(claimed, findings, allowed) is expected


@pytest.mark.parametrize(
    ("ceiling", "highest", "whose"),
    [
        pytest.param(Grade.O, Grade.C, "principal", id="principal"),
        pytest.param(Grade.C, Grade.O, "model", id="model"),
    ],
)
def test_classify_refuses_what_principal_or_model_may_not_handle(ceiling, highest, whose):
    with pytest.raises(GradeAboveCeiling) as refused:
        classify(Grade.O, PERSON, grant(ceiling=ceiling, highest=highest))
    assert refused.value.param == f"grade=S,{whose}=O,because=found"
