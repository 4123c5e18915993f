"""Settings of forwarding: where every event goes as it happens, and how."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.settings_values import Group, https_url
from gateway.settings_words import problem

WebhookUrl = Annotated[str, AfterValidator(https_url)]


class ForwardSettings(Group):
    """Forwarding of the record to a SIEM, as it happens; nothing is forwarded by default."""

    syslog_host: str = Field(
        "", description="Syslog server that gets every event over TLS; empty: none."
    )
    syslog_port: int = Field(6514, gt=0, le=65535, description="Its port.")
    syslog_ca_file: Path | None = Field(
        None, description="CA certificates that its TLS is verified with, beside the system's."
    )
    syslog_format: Literal["cef", "ocsf", "jsonl"] = Field(
        "cef", description="What a message says: CEF, OCSF API Activity, or the event as signed."
    )
    webhook_url: WebhookUrl = Field(
        "", description="`https://` URL that gets every event in signed batches; empty: none."
    )
    webhook_secret_file: Path | None = Field(
        None, description="File with the key of its signatures: 24 bytes or more in base64."
    )
    webhook_ca_file: Path | None = Field(
        None, description="CA certificates that its TLS is verified with, beside the system's."
    )
    webhook_format: Literal["jsonl", "ocsf"] = Field(
        "jsonl", description="What an event looks like in a batch: as recorded, or OCSF."
    )
    batch_events: int = Field(100, gt=0, le=500, description="Most events in one batch.")
    longest_pause_seconds: float = Field(
        60.0, ge=1, description="Longest pause between two tries while a destination is away."
    )

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> Self:
        if self.webhook_url and self.webhook_secret_file is None:
            raise problem("webhook_secret")
        return self
