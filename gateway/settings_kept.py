"""The settings of how long records are kept, and of what is kept beside them.

Access records are kept one year, two where unique identifiers, sensitive data or 50,000 people are
handled (개인정보의 안전성 확보조치 기준 제8조제1항); changes of rights three (제5조제3항).
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from gateway.settings_values import Group
from gateway.settings_words import problem


class SubjectSettings(Group):
    """The index of whose identifiers were handled, as keyed tokens, for the agency's officers."""

    retention_days: int = Field(
        730, ge=0, description="How long a token is kept; 0 keeps none and lets nobody look any up."
    )
    names: bool = Field(False, description="Whether names are remembered, beside identifiers.")
    resident_statute: str = Field(
        "",
        description="The statute that lets 주민등록번호 be remembered, by its name and article; "
        "without it none is. It stands in the event of every look-up.",
    )
    queries_per_day: int = Field(
        30, gt=0, description="Look-ups that all officers of one agency may make in 24 hours."
    )


class RetentionSettings(Group):
    """How long events are kept; `gwanmun audit prune` deletes those that are older."""

    request_days_o: int = Field(
        730, ge=365, description="How long events of requests of grade O are kept, since sealed."
    )
    request_days_s: int = Field(
        730, ge=365, description="How long events of requests of grade S are kept."
    )
    request_days_c: int = Field(
        730, ge=365, description="How long events of requests of grade C are kept."
    )
    refusal_days: int = Field(
        730, ge=365, description="How long refusals are kept, with and without a known caller."
    )
    inquiry_days: int = Field(
        1_095,
        ge=730,
        description="How long look-ups, reveals, erasures, exports and reviews are kept.",
    )
    rights_days: int = Field(
        1_095,
        ge=1_095,
        description="How long changes of rights, policies and settings are kept.",
    )


class ContentSettings(Group):
    """Sealed content: redacted prompts and answers, which two people together can open."""

    key_dir: Path | None = Field(
        None,
        description="Directory with a folder for each agency that keeps content, named by its "
        "code, in it the public keys `officers.pem` and `cpo.pem` (P-256); without it nothing is "
        "kept.",
    )
    week_key_dir: Path | None = Field(
        None,
        description="Directory of the week keys, outside the database and its backups; all "
        "gateways share it and write to it.",
    )
    retention_days_o: int = Field(90, gt=0, description="How long content of grade O is kept.")
    retention_days_s: int = Field(90, gt=0, description="How long content of grade S is kept.")
    retention_days_c: int = Field(30, gt=0, description="How long content of grade C is kept.")

    @model_validator(mode="after")
    def _week_keys_have_a_place(self) -> Self:
        """They never get a default: it would lie beside the database."""
        if self.key_dir is not None and self.week_key_dir is None:
            raise problem("week_key_dir")
        return self
