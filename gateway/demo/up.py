"""The supervisor of `gwanmun up`: provider, engine and gateway as three real processes on loopback.

Goes in: a data directory, a port, perhaps a real engine. It checks first, starts in order, waits
until each part really answers, tells people what they can do, and stops everything together: on
Ctrl-C, on SIGTERM, and when any part dies. It is a demo's tool and serves nothing itself.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.demo.children import Children, UpFailed
from gateway.demo.engine_script import MODEL_NAME
from gateway.demo.instance import DEMO, LOCK_NAME, Instance
from gateway.demo.realm import AUDIENCE, CLIENTS, WEB_CLIENT, Realm
from gateway.demo.welcome import token_command, welcome
from gateway.store.data_dir import DataDirectoryLock, is_held

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 120.0
STOP_SECONDS: Final = 10.0
_DRAIN_SECONDS: Final = 5.0  # the gateway's own wait for running answers; below STOP_SECONDS
# `gwanmun` by its function: the command may not stand in PATH, this interpreter does.
_GWANMUN: Final = ("-c", "from gateway.cli import main; main()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user chose. `engine_url` and `model` come together; `pace` is the rehearsal's."""

    data_dir: Path
    default_data_dir: bool
    port: int
    engine_url: str | None = None
    model: str = MODEL_NAME
    pace: float | None = None

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
        realm = Realm.open(options.data_dir / DEMO, options.ports.provider)
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
    options: Options, realm: Realm, config: Path, children: Children, say: Callable[[str], None]
) -> None:
    """Starts everything in order and watches it; ends only by raising."""
    ports = options.ports
    say("시작하는 중입니다 …")
    await children.complete("migrate", [*_GWANMUN, "migrate", "--config", str(config)])
    probes = {}
    provider = await children.start("provider", _provider_command(realm, ports))
    probes[provider] = f"{realm.issuer}/.well-known/openid-configuration"
    if options.engine_url is None:
        engine = await children.start("engine", _engine_command(options))
        probes[engine] = f"http://{HOST}:{ports.engine}/health"
    gateway = await children.start("gateway", [*_GWANMUN, "serve", "--config", str(config)])
    probes[gateway] = f"http://{HOST}:{ports.internal}/readyz"
    await children.all_ready(
        children.ready(child, url, READY_SECONDS, say) for child, url in probes.items()
    )
    instance = Instance(
        data_dir=str(options.data_dir),
        port=ports.gateway,
        provider_port=ports.provider,
        pid=os.getpid(),
        started_ns=time.time_ns(),
    )
    instance.announce()
    try:
        say(
            welcome(
                url=f"http://{HOST}:{ports.gateway}",
                link=realm.ticket_url(realm.new_ticket()),
                model=options.model,
                token_command=token_command(options.data_dir, default=options.default_data_dir),
                rehearsal=options.engine_url is None,
            )
        )
        raise await children.first_death()
    finally:
        instance.withdraw()


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


def write_config(options: Options, realm: Realm) -> Path:
    """Writes the gateway's settings into the data directory; returns the file.

    Raises:
        UpFailed: it cannot be written.
    """
    ports = options.ports
    engine_url = options.engine_url or f"http://{HOST}:{ports.engine}"
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
        "models": [
            {
                "name": options.model,
                "highest_grade": "S",
                "provider": "" if options.engine_url else "Gwanmun (rehearsal, not a model)",
                "replicas": [
                    {"name": "engine-1", "url": engine_url, "served_model": options.model}
                ],
            }
        ],
        "store": {"data_dir": str(options.data_dir)},
    }
    path = options.data_dir / "config.yaml"
    head = "# `gwanmun up`이 시작할 때마다 다시 씁니다. 고쳐 쓰려면 복사하십시오.\n"
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    draft = path.with_suffix(".yaml.new")
    try:
        draft.write_text(head + text, encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(path)
    except OSError as error:
        raise UpFailed.of(path, error) from None
    return path


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


def _engine_command(options: Options) -> Sequence[str]:
    command = ["-m", "gateway.demo.engine", "--host", HOST, "--port", str(options.ports.engine)]
    return [*command, "--pace", str(options.pace)] if options.pace is not None else command
