"""Settings of the ledger: its write path, and the witnesses of its growth."""

from pathlib import Path

from pydantic import Field

from gateway.settings_values import Group


class LedgerSettings(Group):
    """The record's write path."""

    queue_places: int = Field(
        4_096, gt=0, description="Events that may wait to be written, closings included."
    )
    durable_seconds: float = Field(
        5.0, gt=0, description="Longest wait for an opening record; then 503."
    )
    key_dir: Path | None = Field(
        None,
        description="Directory of the keys that all gateways share, made by `gwanmun keys init`; "
        "only read. Without it keys are made in data_dir, for one gateway.",
    )
    seals: bool = Field(
        True, description="Whether this gateway seals; false where `gwanmun seal` runs."
    )
    seal_seconds: float = Field(1.0, gt=0, description="Time between two runs of the sealer.")
    sealed_file: Path | None = Field(
        None,
        description="File that remembers the last checkpoint outside the database, so that an "
        "older database is refused; without it `sealed` in data_dir.",
    )
    agency_head_seconds: float = Field(
        3_600.0,
        gt=0,
        description="Time between two signings of how many records each agency has.",
    )
    silence_seconds: float = Field(
        60.0,
        ge=1,
        description="A gateway that shares PostgreSQL and was silent for so long counts as dead; "
        "the others close its records as lost.",
    )
    unsealed_limit: int = Field(
        100_000, gt=0, description="Unsealed events at which requests get 503."
    )
    disk_reserve_bytes: int = Field(
        64 * 1024 * 1024, ge=0, description="Free disk below which no request is opened."
    )


class WitnessSettings(Group):
    """Witnesses of other administrations, who sign that the ledger only grows."""

    policy_file: Path | None = Field(
        None,
        description="Who they are, where they are asked and how many of them make a quorum "
        "(C2SP tlog-policy); without it nobody is asked.",
    )
    ca_file: Path | None = Field(
        None, description="CA certificates that their TLS is verified with, beside the system's."
    )
    round_seconds: float = Field(10.0, gt=0, description="Time between two rounds of asking.")
    stale_seconds: float = Field(
        3_600.0,
        gt=0,
        description="How long the ledger may have grown without a quorum before it is an alarm.",
    )
