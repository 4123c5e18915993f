"""The record's half of the composition root: database, keys, ledger, sealer, and what goes beside.

`app` builds the rest on it; commands that need the record alone use only this.
"""

import asyncio
import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from gateway.domain import Grade
from gateway.exports.destinations import Destination, Syslog, Webhook, webhook_key
from gateway.exports.formats import Format
from gateway.exports.forward import Forwarder, Forwarding
from gateway.identity import keyfile
from gateway.ledger.content import ContentSealer
from gateway.ledger.content_keys import ContentKeysUnusable, read_recipients
from gateway.ledger.erasures import erase_listed
from gateway.ledger.in_force import InForce, digests
from gateway.ledger.keeping import Keeping
from gateway.ledger.keys import FOLDER, LedgerKeys, mounted_keys, open_keys
from gateway.ledger.retention import retention
from gateway.ledger.sealed_state import FILE_NAME as SEALED_FILE
from gateway.ledger.sealer import Sealer, Sealing
from gateway.ledger.subjects import SubjectIndex, SubjectRules
from gateway.ledger.week_keys import WeekKeyMissing, WeekKeys
from gateway.ledger.witnesses import Witnesses, Witnessing
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.outward.http import Outward
from gateway.outward.syslog import SyslogServer
from gateway.proofs.policy import Policy as WitnessPolicy
from gateway.proofs.policy import PolicyInvalid
from gateway.proofs.trust import Trust
from gateway.settings import Settings
from gateway.settings_forward import ForwardSettings
from gateway.store.database import Database
from gateway.store.place import is_postgres
from gateway.telemetry import Log, Metrics
from redaction.policy_document import PolicyDocument

_HEARTBEAT_SECONDS: Final = 10.0


class StartRefused(Exception):
    """The gateway cannot start; the message says in plain words why and what to do."""


def database_of(settings: Settings, *, lock: bool = True) -> Database:
    """The settings' database, not opened yet."""
    store = settings.store
    return Database(
        store.data_dir,
        store.database_url,
        password_file=store.password_file,
        ca_file=store.ca_file,
        lock=lock,
    )


@asynccontextmanager
async def open_ledger(
    settings: Settings, database: Database, document: PolicyDocument, detector: str
) -> AsyncIterator[Ledger]:
    """The ledger of a gateway, with the witnesses that its sealer asks.

    It tells of the policy document and the detector's version.
    """
    keys = _ledger_keys(settings)
    in_force = _in_force(settings, document, detector, keys)
    async with (
        _witnesses(settings, database, keys, asks=settings.ledger.seals) as witnesses,
        Ledger(_ledger_options(settings, in_force), database, keys, witnesses) as ledger,
    ):
        yield ledger


@asynccontextmanager
async def open_sealer(settings: Settings) -> AsyncIterator[Sealer]:
    """A sealer on the settings' database, for a process that does nothing else; not running yet.

    It takes no data directory: beside it, gateways that do not seal hold theirs.
    """
    ledger = settings.ledger
    if ledger.key_dir is None or not is_postgres(settings.store.database_url):
        raise StartRefused(
            "`gwanmun seal`은 PostgreSQL(store.database_url)과 함께 쓰는 키(ledger.key_dir)가 있을 "
            "때만 씁니다. 그 밖에는 게이트웨이가 스스로 봉인합니다.\n"
            "`gwanmun seal` needs PostgreSQL (store.database_url) and shared keys "
            "(ledger.key_dir); without them the gateway seals by itself."
        )
    keys = mounted_keys(ledger.key_dir, writes=False, seals=True)
    async with (
        database_of(settings, lock=False) as database,
        _witnesses(settings, database, keys, asks=True) as witnesses,
    ):
        sealing = Sealing(
            seal_seconds=ledger.seal_seconds,
            head_seconds=ledger.agency_head_seconds,
            state_file=_sealed_file(settings),
        )
        sealer = Sealer(database, keys, sealing, witnesses=witnesses)
        await sealer.look()
        yield sealer


@asynccontextmanager
async def _witnesses(
    settings: Settings, database: Database, keys: LedgerKeys, *, asks: bool
) -> AsyncIterator[Witnesses | None]:
    """The witnesses of the settings' policy; None without one."""
    chosen = settings.witnesses
    if chosen.policy_file is None:
        yield None
        return
    witnessing = Witnessing(
        policy=policy_of(chosen.policy_file, keys.pins),
        round_seconds=chosen.round_seconds,
        stale_seconds=chosen.stale_seconds,
        ca_file=chosen.ca_file,
        asks=asks,
    )
    async with Witnesses(database, witnessing) as witnesses:
        yield witnesses


def policy_of(path: Path, pins: Trust) -> WitnessPolicy:
    """The policy of a file, which has to be one for the log with these pins.

    Raises:
        StartRefused: it is none.
    """
    try:
        policy = WitnessPolicy.read(path)
        policy.check_log(pins.keys)
    except PolicyInvalid as error:
        raise StartRefused(
            f"{path}: 외부 확인자의 파일을 쓸 수 없습니다 ({error}).\n"
            f"{path}: not a usable policy of witnesses ({error})."
        ) from None
    return policy


def _sealed_file(settings: Settings) -> Path:
    return settings.ledger.sealed_file or settings.store.data_dir / SEALED_FILE


def _ledger_keys(settings: Settings) -> LedgerKeys:
    ledger = settings.ledger
    if ledger.key_dir is None:
        return open_keys(settings.store.data_dir)
    return mounted_keys(ledger.key_dir, writes=True, seals=ledger.seals)


def key_of(settings: Settings, name: str) -> bytes:
    """A secret key of the installation by its file's name, beside the record's keys."""
    if settings.ledger.key_dir is None:
        return keyfile.read_or_create_key(settings.store.data_dir / FOLDER / name)
    return keyfile.read_key(settings.ledger.key_dir / name)


@asynccontextmanager
async def open_keeping(
    settings: Settings, database: Database, ledger: Ledger
) -> AsyncIterator[Keeping]:
    """What is kept beside the records, for as long as it may be; what was erased stays so.

    Raises:
        StartRefused: the list of erasures cannot be read.
    """
    keeping = Keeping(
        subjects=_subject_index(settings), content=content_sealer(settings), clock=ledger.now
    )
    if keeping.content is not None:
        try:
            await erase_listed(database, ledger, keeping.content)
        except WeekKeyMissing:
            raise StartRefused(
                "content.week_key_dir: 지운 내용의 목록(erased)을 읽을 수 없습니다.\n"
                "content.week_key_dir: the list of what was erased cannot be read."
            ) from None
    async with retention(
        database,
        ledger,
        subject_days=settings.subjects.retention_days,
        content=keeping.content,
        clock=ledger.now,
    ):
        yield keeping


def _subject_index(settings: Settings) -> SubjectIndex | None:
    chosen = settings.subjects
    if not chosen.retention_days:
        return None
    rules = SubjectRules(
        names=chosen.names,
        resident_statute=chosen.resident_statute,
        queries_per_day=chosen.queries_per_day,
    )
    return SubjectIndex(key_of(settings, keyfile.SUBJECTS), rules)


def content_sealer(settings: Settings) -> ContentSealer | None:
    """What seals content, where the settings keep any.

    Raises:
        StartRefused: the public keys cannot be used.
    """
    chosen = settings.content
    if chosen.key_dir is None or chosen.week_key_dir is None:
        return None
    try:
        recipients = read_recipients(chosen.key_dir)
    except ContentKeysUnusable as error:
        raise StartRefused(str(error)) from None
    days = {
        Grade.O: chosen.retention_days_o,
        Grade.S: chosen.retention_days_s,
        Grade.C: chosen.retention_days_c,
    }
    return ContentSealer(recipients, WeekKeys(chosen.week_key_dir), days)


@asynccontextmanager
async def open_forwarding(
    settings: Settings, database: Database, metrics: Metrics, log: Log
) -> AsyncIterator[None]:
    """Runs a forwarder for each destination that the settings name, until the end."""
    chosen = settings.forward
    options = Forwarding(
        batch_events=chosen.batch_events,
        longest_pause_seconds=chosen.longest_pause_seconds,
        alone=not database.shared,
    )
    async with AsyncExitStack() as stack:
        destinations = await stack.enter_async_context(_destinations(chosen))
        for destination in destinations:
            forwarder = Forwarder(database, destination, options, metrics, log)
            task = asyncio.create_task(forwarder.run(), name=f"forward {destination.name}")
            stack.push_async_callback(_ended, task)
        yield


@asynccontextmanager
async def _destinations(chosen: ForwardSettings) -> AsyncIterator[list[Destination]]:
    build, found = importlib.metadata.version("gwanmun"), list[Destination]()
    if chosen.syslog_host:
        server = SyslogServer(
            host=chosen.syslog_host, port=chosen.syslog_port, ca_file=chosen.syslog_ca_file
        )
        found.append(Syslog(server, Format(chosen.syslog_format), build))
    async with AsyncExitStack() as stack:
        if chosen.webhook_url and chosen.webhook_secret_file:
            key, url = webhook_key(chosen.webhook_secret_file), chosen.webhook_url
            outward = Outward([url], private_ca_file=chosen.webhook_ca_file)
            await stack.enter_async_context(outward)
            ocsf = chosen.webhook_format == "ocsf"
            found.append(Webhook(outward, url, key, ocsf=ocsf, build=build))
        yield found


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _in_force(
    settings: Settings, document: PolicyDocument, detector: str, keys: LedgerKeys
) -> InForce:
    return InForce(
        build=importlib.metadata.version("gwanmun"),
        detector=detector,
        policy=document.version,
        packs=document.packs,
        groups=digests(settings.model_dump(mode="json")),
        keys=keys.in_force(),
    )


def _ledger_options(settings: Settings, in_force: InForce) -> LedgerOptions:
    ledger = settings.ledger
    return LedgerOptions(
        queue_places=ledger.queue_places,
        durable_seconds=ledger.durable_seconds,
        seals=ledger.seals,
        seal_seconds=ledger.seal_seconds,
        unsealed_limit=ledger.unsealed_limit,
        disk_reserve_bytes=ledger.disk_reserve_bytes,
        # Six signs of life may go astray before anybody takes us for dead.
        heartbeat_seconds=min(_HEARTBEAT_SECONDS, ledger.silence_seconds / 6),
        silence_seconds=ledger.silence_seconds,
        sealed_file=_sealed_file(settings),
        agency_head_seconds=ledger.agency_head_seconds,
        build=in_force.build,
        in_force=in_force,
    )
