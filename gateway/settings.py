"""All configuration, read once by the composition root and handed down in parts.

Sources, later wins: the YAML file named by `GWANMUN_CONFIG`, then `GWANMUN_<GROUP>__<NAME>`
variables. An unknown name in either stops the start and names the nearest known one. Secrets come
from mounted files, never from a default. This is the only module that reads the environment.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from gateway import os_words, settings_words
from gateway.settings_archive import ArchiveSettings
from gateway.settings_forward import ForwardSettings
from gateway.settings_kept import ContentSettings, RetentionSettings, SubjectSettings
from gateway.settings_ledger import LedgerSettings, WitnessSettings
from gateway.settings_values import EngineUrl, Group, HttpUrl, Name, Network, ValkeyUrl, different
from gateway.settings_words import problem

PREFIX = "GWANMUN_"
CONFIG_VARIABLE = "GWANMUN_CONFIG"
_ALL_ADDRESSES = {"0.0.0.0", "::", ""}  # noqa: S104 compared with, not bound


class SettingsError(Exception):
    """The settings are wrong. The message names the setting and the mend, never a value."""


class ServerSettings(Group):
    """The public and the internal listener."""

    host: str = Field("127.0.0.1", description="Address that the public listener binds.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the public listener.")
    internal_host: str = Field("127.0.0.1", description="Address of the internal listener.")
    internal_port: int = Field(
        8083, ge=0, le=65535, description="Port for /metrics, /healthz and /readyz."
    )
    public_url: HttpUrl = Field(
        "http://127.0.0.1:8080", description="Base URL under which browsers reach the gateway."
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Networks whose X-Forwarded-For is believed, from the right."
    )
    drain_delay_seconds: float = Field(
        0.0,
        ge=0,
        description="How long new calls are still taken after SIGTERM while /readyz says 503, so "
        "that load balancers notice; longer than they take to.",
    )
    shutdown_seconds: float = Field(
        30.0, gt=0, description="How long running answers may go on after that."
    )

    @model_validator(mode="after")
    def _listeners_differ(self) -> Self:
        """Port 0 is any free one, twice; two addresses of one machine may share a port."""
        hosts = {self.host, self.internal_host}
        met = len(hosts) == 1 or hosts & _ALL_ADDRESSES
        if self.port and self.port == self.internal_port and met:
            raise problem("same_port")
        return self


class BoundSettings(Group):
    """Bounds on input, checked before any CPU is spent on it (DESIGN section 3)."""

    body_bytes: int = Field(8 * 1024 * 1024, gt=0, description="Largest request body.")
    depth: int = Field(32, gt=0, description="Deepest nesting of a request body.")
    texts: int = Field(2_000, gt=0, description="Most texts in one request.")
    characters: int = Field(1_000_000, gt=0, description="Most characters of all texts together.")
    header_bytes: int = Field(64 * 1024, gt=0, description="Largest request head.")
    head_seconds: float = Field(10.0, gt=0, description="Longest wait for a whole request head.")
    body_seconds: float = Field(30.0, gt=0, description="Longest wait for a whole request body.")
    connections: int = Field(4_096, gt=0, description="Most open connections at once.")


class DeadlineSettings(Group):
    """How long each wait of a call may last."""

    connect_seconds: float = Field(5.0, gt=0, description="Connecting to an engine.")
    queue_seconds: float = Field(30.0, gt=0, description="Waiting for a slot of a model.")
    first_part_seconds: float = Field(
        120.0, gt=0, description="From the engine's request to its first part."
    )
    between_parts_seconds: float = Field(60.0, gt=0, description="From one part to the next.")
    whole_seconds: float = Field(600.0, gt=0, description="A whole call.")
    client_stall_seconds: float = Field(
        30.0, gt=0, description="A client that takes no byte is then cut."
    )


class IdentitySettings(Group):
    """Who issues tokens, and what they must say."""

    issuer: HttpUrl = Field(
        description="The OpenID issuer's URL; discovery and keys are read below it."
    )
    audience: str = Field("gwanmun", description="The `aud` that access tokens must carry.")
    clients: tuple[str, ...] = Field(
        (), description="The `azp` values that are accepted; empty accepts all of the realm."
    )
    browser_client: str = Field("gwanmun-web", description="Client id of the browser login.")
    browser_secret_file: Path | None = Field(
        None, description="File with the browser client's secret; none for a public client."
    )
    private_ca_file: Path | None = Field(
        None,
        description="CA certificates that the issuer's TLS is verified with, beside the system's.",
    )
    leeway_seconds: float = Field(5.0, ge=0, le=60, description="Tolerated difference of clocks.")
    key_refresh_seconds: float = Field(
        10.0, gt=0, description="Least time between two fetches of the key set for unknown `kid`."
    )
    key_lifetime_seconds: float = Field(
        86_400.0, gt=0, description="How long known keys verify while the issuer is away."
    )
    key_renewal_seconds: float = Field(
        300.0, gt=0, description="Age at which known keys are fetched again in the background."
    )
    remembered_tokens: int = Field(
        10_000, gt=0, description="Most verified tokens remembered, by SHA-256."
    )
    session_idle_seconds: float = Field(
        1_800.0, gt=0, description="A browser session ends after this long without a request."
    )
    session_seconds: float = Field(
        28_800.0, gt=0, description="A browser session ends after this long in any case."
    )
    session_unconfirmed_seconds: float = Field(
        3_600.0,
        ge=0,
        description=(
            "How long a browser session goes on while the issuer cannot be asked whether its own "
            "still does."
        ),
    )


class LimitSettings(Group):
    """What one principal may use; policies of agencies can only lower it."""

    requests_per_minute: int = Field(120, gt=0, description="Requests a minute.")
    characters_per_minute: int = Field(2_000_000, gt=0, description="Input characters a minute.")
    concurrent_requests: int = Field(16, gt=0, description="Calls running at once.")


class ValkeySettings(Group):
    """Where limits are counted when several gateways share them."""

    url: ValkeyUrl = Field(
        "",
        description="`valkey://host:6379/0`, or `valkeys://` for TLS; empty: this gateway counts "
        "limits alone.",
    )
    password_file: Path | None = Field(None, description="File with the password.")
    ca_file: Path | None = Field(
        None, description="CA certificates that its TLS is verified with, beside the system's."
    )
    deadline_seconds: float = Field(
        0.1,
        gt=0,
        description="Longest wait for an answer; after it, this gateway enforces its share of the "
        "limits alone until Valkey is back.",
    )
    lease_seconds: float = Field(
        30.0, ge=1, description="A gateway that died frees its running calls after this long."
    )
    assumed_replicas: int = Field(
        4,
        ge=1,
        description="Number of gateways assumed if Valkey is away before it was ever reached.",
    )


class DetectorSettings(Group):
    """The pool of detector processes."""

    processes: int = Field(
        2,
        ge=1,
        le=64,
        description="Detector processes; with two or more, one serves short requests alone.",
    )
    deadline_seconds: float = Field(
        2.0,
        gt=0,
        description="Longest time that one detection may take, plus one second per 100,000 "
        "characters. A request waits as long again for a free process.",
    )
    queue_places: int = Field(256, gt=0, description="Detections that may wait at once.")
    remembered_texts: int = Field(
        4_096, ge=0, description="Texts whose spans are remembered under a keyed hash."
    )


class RedactionSettings(Group):
    """What counts as personal data beyond the packs, and what becomes of it."""

    policy: Name = Field(
        "기본",
        description="The policy document: `기본`, `엄격` or `공개`, or the path of the agency's "
        "own file (docs/policies.md). Read once, at the start.",
    )
    hash_key_file: Path | None = Field(
        None,
        description="File with the agency's key of the operator `hash`, 32 bytes or more; needed "
        "only by a policy that hashes.",
    )


class GradeSettings(Group):
    """Data grades (DESIGN section 5)."""

    default: Literal["O", "S", "C"] = Field("S", description="Grade of a request that claims none.")


class ReplicaSettings(Group):
    """One engine."""

    name: Name = Field(description="Name in records and metrics.")
    url: EngineUrl = Field(description="Base URL without /v1.")
    served_model: Name = Field(description="The name that this engine knows the model by.")
    kind: Literal["vllm", "vllm-rbln", "furiosa-llm", "openai"] = Field(
        "vllm", description="Which server it is."
    )
    credential_file: Path | None = Field(None, description="File with the engine's API key.")


class ModelSettings(Group):
    """One model that is offered."""

    name: Name = Field(description="The model's public name.")
    aliases: tuple[Name, ...] = Field((), description="Further names for it.")
    highest_grade: Literal["O", "S", "C"] = Field(
        "S", description="Highest grade of data it may read."
    )
    zone: str = Field("on-premises", description="Where its engines stand.")
    provider: str = Field("", description="Who made the model.")
    licence: str = Field("", description="Its licence.")
    context_tokens: int = Field(32_768, gt=0, description="Its context window.")
    slots: int = Field(64, gt=0, description="Calls that run at once on all its replicas.")
    queue_places: int = Field(256, ge=0, description="Calls that may wait for a slot.")
    replicas: tuple[ReplicaSettings, ...] = Field(min_length=1, description="Its engines.")

    @field_validator("replicas")
    @classmethod
    def _replicas_differ(cls, replicas: tuple[ReplicaSettings, ...]) -> tuple[ReplicaSettings, ...]:
        different((f"replicas[{at}].name", replica.name) for at, replica in enumerate(replicas))
        return replicas


class StoreSettings(Group):
    """Where durable things are kept."""

    data_dir: Path = Field(
        Path("var/gwanmun"),
        description="Directory of this process alone: its lock, SQLite's file, keys of its own.",
    )
    database_url: str = Field(
        "",
        description="`postgresql://role@host:5432/name`, or `sqlite:////path`; empty means SQLite "
        "in data_dir. Never with a password.",
    )
    password_file: Path | None = Field(
        None, description="File with the password of the role in database_url."
    )
    ca_file: Path | None = Field(
        None,
        description="CA certificates that PostgreSQL's TLS is verified with; without it the "
        "system's, and unverified TLS is allowed on this machine alone.",
    )
    owner_url: str = Field(
        "",
        description="As database_url, with the role that owns the tables; for `gwanmun migrate` "
        "alone.",
    )
    owner_password_file: Path | None = Field(
        None, description="File with the password of the role in owner_url."
    )


class LogSettings(Group):
    """Logs: JSON lines on standard error, never with text of people."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is written."
    )


class Settings(Group):
    """The whole configuration."""

    server: ServerSettings = ServerSettings()
    bounds: BoundSettings = BoundSettings()
    deadlines: DeadlineSettings = DeadlineSettings()
    identity: IdentitySettings
    limits: LimitSettings = LimitSettings()
    valkey: ValkeySettings = ValkeySettings()
    detector: DetectorSettings = DetectorSettings()
    redaction: RedactionSettings = RedactionSettings()
    grades: GradeSettings = GradeSettings()
    models: tuple[ModelSettings, ...] = Field(min_length=1, description="The models on offer.")
    store: StoreSettings = StoreSettings()
    ledger: LedgerSettings = LedgerSettings()
    subjects: SubjectSettings = SubjectSettings()
    content: ContentSettings = ContentSettings()
    retention: RetentionSettings = RetentionSettings()
    witnesses: WitnessSettings = WitnessSettings()
    forward: ForwardSettings = ForwardSettings()
    archive: ArchiveSettings = ArchiveSettings()
    log: LogSettings = LogSettings()

    @field_validator("models")
    @classmethod
    def _models_differ(cls, models: tuple[ModelSettings, ...]) -> tuple[ModelSettings, ...]:
        names = [(f"models[{at}].name", model.name) for at, model in enumerate(models)]
        aliases = [
            (f"models[{at}].aliases[{number}]", alias)
            for at, model in enumerate(models)
            for number, alias in enumerate(model.aliases)
        ]
        different(names + aliases)
        return models


def read_settings(config: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Reads and validates the settings; `config` overrides `GWANMUN_CONFIG`.

    Raises:
        SettingsError: a file that cannot be read, an unknown name, a wrong value.
    """
    try:
        return Settings.model_validate(_tree(config, environ))
    except ValidationError as error:
        raise SettingsError(settings_words.explain(error, Settings)) from None


class KeptSettings(Group):
    """What is looked at where nothing is served, and `identity` and `models` need not be there."""

    archive: ArchiveSettings = ArchiveSettings()
    retention: RetentionSettings = RetentionSettings()


def read_kept_settings(
    config: Path | None = None, environ: Mapping[str, str] | None = None
) -> KeptSettings:
    """The settings of archive and retention alone; the other groups may be wrong or missing.

    Raises:
        SettingsError: as `read_settings`.
    """
    tree = _tree(config, environ)
    try:
        return KeptSettings.model_validate(
            {name: tree.get(name) or {} for name in KeptSettings.model_fields}
        )
    except ValidationError as error:
        raise SettingsError(settings_words.explain(error, KeptSettings)) from None


def _tree(config: Path | None, environ: Mapping[str, str] | None) -> dict[str, Any]:
    """The file with the variables put in their places."""
    environ = os.environ if environ is None else environ  # noqa: TID251 the one place
    path = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    tree = _read_file(path) if path else {}
    for name, value in environ.items():
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE:
            _set(tree, name, value)
    return tree


def is_configured(config: Path | None = None, environ: Mapping[str, str] | None = None) -> bool:
    """Whether anybody has given settings at all, right or wrong."""
    environ = os.environ if environ is None else environ  # noqa: TID251 the one place
    return config is not None or any(name.startswith(PREFIX) for name in environ)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path}: {os_words.korean(error)}. ({os_words.english(error)}.)"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SettingsError(f"{path}: UTF-8로 쓴 YAML이 아닙니다. (Not YAML in UTF-8.)") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError(
            f"{path}: 맨 위에는 설정 묶음들이 와야 합니다. "
            "(The top level must be a mapping of groups.)"
        )
    return tree


def _set(tree: dict[str, Any], name: str, value: str) -> None:
    """Puts `GWANMUN_GROUP__NAME` in its place; lists and mappings are written as YAML."""
    group, separator, leaf = name.removeprefix(PREFIX).lower().partition("__")
    if group not in Settings.model_fields:
        raise SettingsError(_unknown_variable(name, group, Settings.model_fields))
    kind = Settings.model_fields[group].annotation
    names = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
    if separator and leaf not in names:
        raise SettingsError(_unknown_variable(name, leaf, names))
    try:
        parsed = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SettingsError(f"{name}: YAML이 아닙니다. (Not YAML.)") from None
    if not separator:
        tree[group] = parsed
        return
    if tree.get(group) is None:
        tree[group] = {}
    if not isinstance(tree[group], dict):
        raise SettingsError(
            f"{name}: 파일의 {group} 자리에 묶음이 아닌 값이 있습니다. "
            f"({group} in the file is not a group of settings.)"
        )
    tree[group][leaf] = parsed


def _unknown_variable(variable: str, part: str, known: Iterable[str]) -> str:
    return settings_words.unknown(variable, part.upper(), (name.upper() for name in known))


def state_home(environ: Mapping[str, str] | None = None) -> Path:
    """Where small state of this user is kept between runs (XDG Base Directory Specification).

    `$XDG_STATE_HOME`, else `~/.local/state`, else a directory of this user alone among the
    temporary files. Nothing is created here.
    """
    environ = os.environ if environ is None else environ  # noqa: TID251 the one place
    named = Path(environ.get("XDG_STATE_HOME") or "")
    if named.is_absolute():  # the specification: relative paths are to be ignored
        return named
    home = Path(environ.get("HOME") or "")
    if home.is_absolute() and os.access(home, os.W_OK):
        return home / ".local" / "state"
    return Path(tempfile.gettempdir()) / f"gwanmun-{os.getuid()}"


def program_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What programs that are not ours find around them: our own settings stay out."""
    environ = os.environ if environ is None else environ  # noqa: TID251 the one place
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


def setting_names() -> dict[str, str]:
    """Every setting as `group.name` with its sentence, for docs and for naming the nearest."""
    names: dict[str, str] = {}
    for group, group_field in Settings.model_fields.items():
        annotation = group_field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, item in annotation.model_fields.items():
                names[f"{group}.{name}"] = item.description or ""
    for owner, model in (("models[]", ModelSettings), ("models[].replicas[]", ReplicaSettings)):
        for name, item in model.model_fields.items():
            names[f"{owner}.{name}"] = item.description or ""
    return names


def variable_name(setting: str) -> str:
    """The environment variable of a setting `group.name`."""
    return PREFIX + setting.upper().replace(".", "__")
