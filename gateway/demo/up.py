"""The supervisor of `gwanmun up`: provider, engine and gateway as three real processes on loopback.

Goes in: a data directory, a port, perhaps a real engine. It checks first, starts in order, waits
until each part really answers, tells people what they can do, and stops everything together: on
Ctrl-C, on SIGTERM, and when any part dies. It is a demo's tool and serves nothing itself.
"""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.demo import keycloak
from gateway.demo.children import Child, Children, UpFailed
from gateway.demo.engine_script import MODEL_NAME
from gateway.demo.instance import DEMO, KEYCLOAK, LOCK_NAME, Instance
from gateway.demo.keycloak import Keycloak
from gateway.demo.local_engine import LOADING_SECONDS, LocalEngine
from gateway.demo.realm import AUDIENCE, CLIENTS, WEB_CLIENT, Realm
from gateway.demo.welcome import (
    REHEARSAL,
    Entrance,
    link_entrance,
    password_entrance,
    token_command,
    welcome,
)
from gateway.settings import program_environ
from gateway.store.data_dir import DataDirectoryLock, is_held

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 120.0
STOP_SECONDS: Final = 10.0
_DRAIN_SECONDS: Final = 5.0  # the gateway's own wait for running answers; below STOP_SECONDS
# `gwanmun` by its function: the command may not stand in PATH, this interpreter does.
_GWANMUN: Final = ("-c", "from gateway.cli import main; main()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user chose.

    `engine_url` and `model` come together, so do `local` and `model`; `pace` is the rehearsal's.
    `keycloak` puts a real one in the demo provider's place, from `keycloak_dist` if that is given.
    """

    data_dir: Path
    default_data_dir: bool
    port: int
    engine_url: str | None = None
    model: str = MODEL_NAME
    pace: float | None = None
    keycloak: bool = False
    keycloak_dist: Path | None = None
    local: LocalEngine | None = None

    @property
    def key_file(self) -> Path:
        """The key of an engine that is started here, made anew at each start."""
        return self.data_dir / "engine-key"

    @property
    def ports(self) -> "Ports":
        """The four ports, in a row."""
        return Ports(self.port, self.port + 1, self.port + 2, self.port + 3)


@dataclass(frozen=True, slots=True)
class Ports:
    """Who listens where on loopback."""

    gateway: int
    provider: int
    engine: int
    internal: int


async def up(options: Options, say: Callable[[str], None]) -> None:
    """Runs until it is told to stop; `say` writes to the terminal.

    Raises:
        UpFailed: something could not start or has died.
        DataDirectoryBusy, DataDirectoryUnusable, RealmError, KeyFileError: the data directory.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()

    def asked_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, asked_to_stop)
    if not is_held(options.data_dir, LOCK_NAME):  # else the lock says what is really wrong
        check_ports(options)
    with DataDirectoryLock(options.data_dir, LOCK_NAME):
        realm = _open_realm(options)
        config = write_config(options, realm)
        async with Children(options.data_dir / "logs", STOP_SECONDS, hurry) as children:
            living = asyncio.create_task(_live(options, realm, config, children, say))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if living.done():
                living.result()
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living
            say("\n멈추는 중입니다. 한 번 더 누르면 기다리지 않습니다.")
    say("모두 멈췄습니다.")


async def _live(
    options: Options,
    realm: Realm | Keycloak,
    config: Path,
    children: Children,
    say: Callable[[str], None],
) -> None:
    """Starts everything in order and watches it; ends only by raising."""
    ports = options.ports
    say("시작하는 중입니다 …")
    await children.complete("migrate", [*_GWANMUN, "migrate", "--config", str(config)])
    provider, patience = await _start_provider(options, realm, children, say)
    issuer = f"{realm.issuer}/.well-known/openid-configuration"
    probes = [(provider, issuer, patience)]
    if options.engine_url is None:
        engine = await children.start("engine", _engine_command(options))
        patience = LOADING_SECONDS if options.local else READY_SECONDS
        health = f"http://{HOST}:{ports.engine}/health"
        probes.append((engine, health, patience))
        if options.local is not None:
            say(f"  모델을 불러오는 중입니다. 큰 모델은 몇 분이 걸립니다. ({engine.log})")
    gateway = await children.start("gateway", [*_GWANMUN, "serve", "--config", str(config)])
    readiness = f"http://{HOST}:{ports.internal}/readyz"
    probes.append((gateway, readiness, READY_SECONDS))
    await children.all_ready(children.ready(*probe, say) for probe in probes)
    if isinstance(realm, Keycloak):
        realm.forget_realm()
    instance = Instance(
        data_dir=str(options.data_dir),
        port=ports.gateway,
        provider_port=ports.provider,
        pid=os.getpid(),
        started_ns=time.time_ns(),
        provider=KEYCLOAK if options.keycloak else DEMO,
    )
    instance.announce()
    try:
        say(_welcome(options, realm))
        raise await children.first_death()
    finally:
        instance.withdraw()


def _open_realm(options: Options) -> Realm | Keycloak:
    directory, ports = options.data_dir / DEMO, options.ports
    if not options.keycloak:
        return Realm.open(directory, ports.provider)
    gateway_url = f"http://{HOST}:{ports.gateway}"
    return Keycloak.open(directory, ports.provider, gateway_url, program_environ())


async def _start_provider(
    options: Options, realm: Realm | Keycloak, children: Children, say: Callable[[str], None]
) -> tuple[Child, float]:
    """The child that issues tokens, and how long it may take to answer."""
    if isinstance(realm, Keycloak):
        child = await realm.start(children, options.keycloak_dist, say)
        return child, keycloak.READY_SECONDS
    return await children.start("provider", _provider_command(realm, options.ports)), READY_SECONDS


def _welcome(options: Options, realm: Realm | Keycloak) -> str:
    """What people are told once everything answers."""
    token = token_command(
        options.data_dir,
        name="svc-civil" if options.keycloak else "minsu",
        default=options.default_data_dir,
    )
    return welcome(
        url=f"http://{HOST}:{options.ports.gateway}",
        entrance=_entrance(realm),
        model=options.model,
        token_command=token,
        engine=_engine_words(options),
    )


def _entrance(realm: Realm | Keycloak) -> Entrance:
    """How people come in."""
    if isinstance(realm, Keycloak):
        return password_entrance(realm.password, realm.issuer)
    return link_entrance(realm.ticket_url(realm.new_ticket()))


def check_ports(options: Options) -> None:
    """Every port must be free before anything starts.

    Raises:
        UpFailed: names the first that is not.
    """
    ports = options.ports
    wanted = [ports.gateway, ports.provider, ports.internal]
    if options.engine_url is None:
        wanted.append(ports.engine)
    for port in sorted(wanted):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise UpFailed(
                    f"포트 {port}번을 다른 프로그램이 쓰고 있습니다. --port로 다른 번호를 "
                    f"지정하십시오 (그 번호부터 네 개를 씁니다).\n"
                    f"Port {port} is in use. Name another one with --port; four ports from it "
                    "on are used."
                ) from None


def write_config(options: Options, realm: Realm | Keycloak) -> Path:
    """Writes the gateway's settings into the data directory; returns the file.

    Raises:
        UpFailed: it cannot be written.
    """
    ports = options.ports
    engine_url = options.engine_url or f"http://{HOST}:{ports.engine}"
    is_rehearsal = options.engine_url is None and options.local is None
    replica = {"name": "engine-1", "url": engine_url, "served_model": options.model}
    model: dict[str, Any] = {
        "name": options.model,
        "highest_grade": "S",
        "provider": "Gwanmun (rehearsal, not a model)" if is_rehearsal else "",
        "replicas": [replica],
    }
    if options.local is not None:
        replica["credential_file"] = str(options.key_file)
        _write(options.key_file, f"{secrets.token_urlsafe(32)}\n")
        if options.local.context_tokens is not None:
            model["context_tokens"] = options.local.context_tokens
    tree: dict[str, Any] = {
        "server": {
            "host": HOST,
            "port": ports.gateway,
            "internal_host": HOST,
            "internal_port": ports.internal,
            "public_url": f"http://{HOST}:{ports.gateway}",
            "shutdown_seconds": _DRAIN_SECONDS,
        },
        "identity": {
            "issuer": realm.issuer,
            "audience": AUDIENCE,
            "clients": list(CLIENTS),
            "browser_client": WEB_CLIENT,
            "browser_secret_file": str(realm.client_secret_file(WEB_CLIENT)),
        },
        "models": [model],
        "store": {"data_dir": str(options.data_dir)},
    }
    path = options.data_dir / "config.yaml"
    head = "# `gwanmun up`이 시작할 때마다 다시 씁니다. 고쳐 쓰려면 복사하십시오.\n"
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    _write(path, head + text)
    return path


def _write(path: Path, text: str) -> None:
    """A file that only this user reads, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.touch(mode=0o600)
        draft.chmod(0o600)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise UpFailed.of(path, error) from None


def _provider_command(realm: Realm, ports: Ports) -> Sequence[str]:
    return [
        "-m",
        "gateway.demo.provider",
        "--directory",
        str(realm.directory),
        "--port",
        str(ports.provider),
        "--gateway",
        f"http://{HOST}:{ports.gateway}",
    ]


def _engine_words(options: Options) -> str:
    if options.local is not None:
        return options.local.said
    return REHEARSAL if options.engine_url is None else "사용자가 지정한 엔진"


def _engine_command(options: Options) -> Sequence[str]:
    if options.local is not None:
        return options.local.command_at(options.ports.engine, options.key_file)
    command = ["-m", "gateway.demo.engine", "--host", HOST, "--port", str(options.ports.engine)]
    return [*command, "--pace", str(options.pace)] if options.pace is not None else command
