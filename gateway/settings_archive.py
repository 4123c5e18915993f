"""Settings of the daily archive in a bucket with object lock."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.settings_values import Group, Name, https_or_loopback_url

EndpointUrl = Annotated[str, AfterValidator(https_or_loopback_url)]


class ArchiveSettings(Group):
    """The server of `gwanmun audit archive s3://…`, and how days are locked there."""

    endpoint_url: EndpointUrl = Field(
        "", description="`https://` URL of the S3 API; plain `http://` for this machine alone."
    )
    region: Name = Field(
        "us-east-1", description="Region in signatures; many servers take any, Amazon's its own."
    )
    ca_file: Path | None = Field(
        None,
        description="CA certificates that its TLS is verified with, in place of the public ones; "
        "the system's are not read.",
    )
    access_key_id_file: Path | None = Field(
        None, description="File with the access key's id, for its owner alone."
    )
    secret_access_key_file: Path | None = Field(
        None, description="File with the secret access key, for its owner alone."
    )
    retention_days: int = Field(
        730,
        ge=1,
        le=36_500,
        description="How long every day stays locked, counted from its end.",
    )
    retention_mode: Literal["COMPLIANCE", "GOVERNANCE"] = Field(
        "COMPLIANCE",
        description="COMPLIANCE: nobody can end a lock early; GOVERNANCE: who has "
        "s3:BypassGovernanceRetention can.",
    )
