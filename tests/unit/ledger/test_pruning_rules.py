"""How long each action is kept, and the law's least times below which no setting goes."""

import pytest
from pydantic import ValidationError

from gateway.commands.audit_prune import keep_of
from gateway.proofs.retention import LEAST_DAYS, Kind
from gateway.settings_kept import RetentionSettings

KEEP = keep_of(RetentionSettings(refusal_days=400, inquiry_days=800, rights_days=1_200))


@pytest.mark.parametrize(
    ("action", "days"),
    [
        ("request.refused", 400),
        ("auth.refused", 400),
        ("audit.queried", 800),
        ("content.reveal.opened", 800),
        ("content.erased", 800),
        ("export.made", 800),
        ("rights.changed", 1_200),
        ("policy.changed", 1_200),
        ("config.applied", 1_200),
        ("request.opened", None),  # with its closing, by the grade
        ("request.closed", None),
        ("writer.started", None),
        ("writer.lost", None),
        ("records.pruned", None),
        ("database.restored", None),
        ("key.rotated", None),
        ("nobody.knows", None),
    ],
)
def test_action_is_kept_by_its_rule_and_for_ever_without_one(action: str, days: int | None) -> None:
    assert KEEP.days(action) == days


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("request_days_o", Kind.REQUEST),
        ("request_days_s", Kind.REQUEST),
        ("request_days_c", Kind.REQUEST),
        ("refusal_days", Kind.REFUSAL),
        ("inquiry_days", Kind.INQUIRY),
        ("rights_days", Kind.RIGHTS),
    ],
)
def test_setting_goes_down_to_what_a_verification_lets_pass_and_no_further(
    setting: str, kind: Kind
) -> None:
    least = LEAST_DAYS[kind]
    assert getattr(RetentionSettings.model_validate({setting: least}), setting) == least
    with pytest.raises(ValidationError):
        RetentionSettings.model_validate({setting: least - 1})


def test_least_days_are_the_law_s() -> None:
    assert [LEAST_DAYS[kind] for kind in Kind] == [365, 365, 730, 1_095]
