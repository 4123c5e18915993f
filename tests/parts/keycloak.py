"""A real Keycloak with the shipped realm: fetched, built and given its schema once, in the cache.

One server for the whole run, on loopback, with a database of its own that outlives a restart. Its
administrator is a service account of the master realm whose secret is made with the cache.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from ports import free_ports

from gateway.demo.children import UpFailed
from gateway.demo.keycloak import new_password, realm_environ
from gateway.demo.keycloak_realm import demo_realm, shipped_realm
from gateway.demo.keycloak_server import VERSION, ZIP_NAME, Server, find_java, place
from gateway.demo.people import SERVICES
from parts.cache import kept

CACHE_NAME = f"keycloak-{VERSION}-2"
ADMIN = "/admin/realms/gwanmun"
START_SECONDS = 800.0  # on a machine that does other things; a quiet one needs a fraction
_ADMIN_CLIENT = "tests"


@dataclass
class Keycloak:
    """A Keycloak of this run. `gateway_url` is where its browser client leads back to."""

    server: Server
    folder: Path
    port: int
    gateway_url: str
    admin_secret: str = field(repr=False)
    password: str = field(repr=False, default_factory=new_password)
    web_secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))
    secrets: Mapping[str, str] = field(
        repr=False,
        default_factory=lambda: {one.key: secrets.token_urlsafe(32) for one in SERVICES},
    )
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/gwanmun"

    @property
    def endpoint(self) -> str:
        return f"{self.issuer}/protocol/openid-connect"

    def start(self) -> None:
        """Starts the server and waits until the realm answers."""
        database = f"jdbc:h2:file:{self.folder / 'h2' / 'keycloakdb'};NON_KEYWORDS=VALUE"
        environ = {**os.environ, **realm_environ(self.gateway_url, self.web_secret)}
        self.process = _launch(self.server.run(self.port, database), environ, self.log)
        _wait(self.process, f"{self.issuer}/.well-known/openid-configuration", self.log)

    def stop(self) -> None:
        """Stops the server as an operator would."""
        if self.process is not None:
            _stop(self.process)
            self.process = None

    @property
    def log(self) -> Path:
        return self.folder / "keycloak.log"

    def token(self, **form: str) -> httpx.Response:
        """The token endpoint's answer to a form."""
        return httpx.post(f"{self.endpoint}/token", data=form, timeout=30, trust_env=False)

    def service_token(self, client: str) -> str:
        """An access token of one of the demo's systems."""
        got = self.token(
            grant_type="client_credentials", client_id=client, client_secret=self.secrets[client]
        )
        assert got.status_code == 200, got.text
        return cast(str, got.json()["access_token"])

    def admin(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """One call of the admin API; its JSON, or the id of what was made."""
        master = f"{self.url}/realms/master/protocol/openid-connect/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": _ADMIN_CLIENT,
            "client_secret": self.admin_secret,
        }
        token = httpx.post(master, data=form, timeout=30, trust_env=False).json()["access_token"]
        got = httpx.request(
            method,
            f"{self.url}{ADMIN}{path}",
            json=body,
            params=query or None,
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )
        assert got.is_success, f"{method} {path}: {got.status_code} {got.text[:500]}"
        made = got.headers.get("location", "").rpartition("/")[2]
        return got.json() if got.content else made

    def client(self, client_id: str) -> Any:
        """A client as the admin API shows it."""
        (found,) = self.admin("GET", "/clients", clientId=client_id)
        return found

    @contextmanager
    def client_changed(self, client_id: str, **attributes: str) -> Iterator[None]:
        """Some attributes of a client are others for a while."""
        before = self.client(client_id)
        path = f"/clients/{before['id']}"
        merged = {**before["attributes"], **attributes}
        self.admin("PUT", path, {**before, "attributes": merged})
        try:
            yield
        finally:
            restored = {**dict.fromkeys(attributes, ""), **before["attributes"]}
            self.admin("PUT", path, {**before, "attributes": restored})

    def new_person(
        self, *roles: str, group: str = "/demo-ministry/민원제도과", ceiling: str = "S"
    ) -> "Person":
        """Somebody nobody else uses; without a ceiling of one's own the group's counts."""
        name = f"t{secrets.token_hex(5)}"
        person = {
            "username": name,
            "firstName": "시험자",
            "enabled": True,
            "attributes": {"ceiling": [ceiling]} if ceiling else {},
            "groups": [group],
            "credentials": [{"type": "password", "value": self.password, "temporary": False}],
        }
        made = self.admin("POST", "/users", person)
        known = {role["name"]: role for role in self.admin("GET", "/roles")}
        self.admin(
            "POST",
            f"/users/{made}/role-mappings/realm",
            [known[role] for role in roles or ("staff",)],
        )
        return Person(name, self.password, made)


@dataclass(frozen=True)
class Person:
    """A person of the realm."""

    name: str
    password: str = field(repr=False)
    id: str = ""


def built() -> Path:
    """The cached folder: `home`, built; `h2` with schema and master realm; the admin's secret.

    Skips the test where Java or the distribution cannot be had.
    """
    try:
        asyncio.run(find_java(os.environ))
        return kept(CACHE_NAME, _make)
    except UpFailed as missing:
        pytest.skip(f"no Keycloak {VERSION} here: {str(missing).splitlines()[-1]}")


def _make(folder: Path) -> None:
    home, log = folder / "home", folder / "make.log"
    asyncio.run(place(_at_hand(), home, _run, print))
    server = Server(asyncio.run(find_java(os.environ)), home)
    with log.open("ab") as output:
        subprocess.run(server.build(), stdout=output, stderr=output, check=True, timeout=600)
    server.mark_built()
    secret = folder / "admin.secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(32))
    environ = {
        **os.environ,
        "KC_BOOTSTRAP_ADMIN_CLIENT_ID": _ADMIN_CLIENT,
        "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": secret.read_text(),
    }
    port = free_ports(1)
    database = f"jdbc:h2:file:{folder / 'h2' / 'keycloakdb'};NON_KEYWORDS=VALUE"
    process = _launch(server.run(port, database), environ, log)
    try:
        _wait(process, f"http://127.0.0.1:{port}/realms/master", log)
    finally:
        _stop(process)


def _at_hand() -> Path | None:
    """The zip in Maven's own repository on this machine, if it is there."""
    repository = Path(os.environ.get("MAVEN_REPO") or Path.home() / ".m2" / "repository")
    path = repository.joinpath("org", "keycloak", "keycloak-quarkus-dist", VERSION, ZIP_NAME)
    return path if path.exists() else None


async def _run(argv: Sequence[str]) -> None:
    done = await asyncio.create_subprocess_exec(*argv)
    if await done.wait():
        raise UpFailed(f"{argv[0]} has failed")


@contextmanager
def running_keycloak(folder: Path, gateway_url: str) -> Iterator[Keycloak]:
    """A server with the shipped realm and the demo's people, below `folder`; stopped at the end."""
    cached = built()
    home = folder / "home"
    (home / "data" / "import").mkdir(parents=True)
    for entry in (cached / "home").iterdir():
        if entry.name != "data":
            (home / entry.name).symlink_to(entry)
    shutil.copytree(cached / "h2", folder / "h2")
    server = Server(asyncio.run(find_java(os.environ)), home)
    secret = (cached / "admin.secret").read_text()
    keycloak = Keycloak(server, folder, free_ports(1), gateway_url, secret)
    realm = demo_realm(shipped_realm(), password=keycloak.password, secrets=keycloak.secrets)
    server.import_file.write_text(json.dumps(realm), encoding="utf-8")
    try:
        keycloak.start()
        yield keycloak
    finally:
        keycloak.stop()


def _launch(
    command: Sequence[str], environ: Mapping[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(command, env=dict(environ), stdout=output, stderr=output)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    _stop(process)
    raise RuntimeError(f"Keycloak has not started:\n{log.read_text(encoding='utf-8')[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
