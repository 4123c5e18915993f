"""deploy/compose.yaml, service by service: loaded as engines load it, then brought up for real.

Only vLLM is a stand-in here: the rehearsal engine answers in its place and under its name.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from composed import FILE, HOST, LOGIN_HOST, SECRETS, filled
from parts import compose_loader, keycloak_image
from parts import image as image_part
from parts.composition import Composition, begin_postgres, composition
from parts.image import Container, Image

from gateway.commands import secrets

PROMPT = "민원인 김철수(010-1234-5678)에게 보낼 안내문을 써 줘"
HOSTS = {
    "postgres": "postgres",
    "valkey": "valkey",
    "keycloak": "keycloak",
    "migrate": "migrate",
    "audit": "audit",
    "archive": "archive",
    "prune": "prune",
    "sealer": "sealer",
    "gateway-1": "gateway",
    "gateway-2": "gateway",
    "vllm": "vllm",
    "proxy": "proxy",
}
# What a person asks from outside: JSON in, JSON out; TLS verified with the authority alone.
ASK = """
import json, sys, httpx
asked = json.load(sys.stdin)
with httpx.Client(verify=__import__("ssl").create_default_context(cafile=asked.pop("ca")),
                  trust_env=False, timeout=60) as client:
    answers = [client.request(**each) for each in asked["requests"]]
json.dump([[each.status_code, dict(each.headers), each.text] for each in answers], sys.stdout)
"""


@pytest.fixture(scope="module")
def image() -> Image:
    return image_part.built()


@pytest.fixture(scope="module")
def stack(image: Image) -> Iterator[Composition]:
    """Secrets, PostgreSQL and Valkey, tables, sealer, two gateways, an engine and the proxy.

    Each is started as the file's `depends_on` says, and is up once its own health check succeeds.
    """
    with composition(image, HOSTS) as made:
        done = made.run("secrets")
        assert done.returncode == 0, done.stdout + done.stderr
        begin_postgres(made)
        made.start("postgres")
        made.start("valkey")
        migrated = made.run("migrate")
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        made.start("sealer")
        for host in ("gateway-1", "gateway-2"):
            made.start("gateway", host=host)
        with made.switch.answering("proxy"):
            made.start("proxy")
            yield made


def ask(stack: Composition, *requests: dict[str, object], host: str = "person") -> list[list]:
    """What these requests are answered, from a host of the networks."""
    given = {"ca": str(stack.folder / "secrets/gateway/ca.pem"), "requests": requests}
    done = subprocess.run(
        stack.switch.command(host, sys.executable, "-c", ASK),
        input=json.dumps(given),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def get(url: str, **headers: str) -> dict[str, object]:
    return {"method": "GET", "url": url, "headers": headers}


def test_engines_accept_the_file() -> None:
    loaded = compose_loader.load(FILE, filled())
    assert set(HOSTS.values()) | {"secrets"} == set(loaded["services"])
    with pytest.raises(compose_loader.Refused, match="GWANMUN_HOST"):
        compose_loader.load(FILE, {**filled(), "GWANMUN_HOST": ""})


def test_secrets_belong_to_those_who_read_them(stack: Composition) -> None:
    for name, (user, group) in secrets.OWNERS.items():
        for path in (stack.folder / "secrets" / name).rglob("*"):
            about = path.stat()
            assert (about.st_uid, about.st_gid) == (user, group), path
            assert not about.st_mode & 0o077
    again = stack.run("secrets")
    assert again.returncode == 2
    assert "이미 비밀이 있습니다" in again.stderr


@pytest.mark.parametrize(
    ("user", "database", "mode", "right", "told"),
    [
        ("keycloak", "keycloak", "verify-full", True, ""),
        ("keycloak", "keycloak", "verify-full", False, "password authentication failed"),
        ("keycloak", "keycloak", "disable", True, "no pg_hba.conf entry"),
        ("keycloak", "gwanmun", "verify-full", True, "no pg_hba.conf entry"),
        ("postgres", "gwanmun", "verify-full", True, "no pg_hba.conf entry"),
    ],
)
def test_database_is_reached_with_tls_by_its_own_role_alone(
    stack: Composition, user: str, database: str, mode: str, right: bool, told: str
) -> None:
    password = stack.folder / "secrets/keycloak/postgres-keycloak-password"
    given = password.read_text().strip() if right else "wrong"
    where = f"host=postgres user={user} dbname={database} sslmode={mode}"
    done = stack.run(
        "keycloak",
        command=["psql", f"{where} sslrootcert={SECRETS}/ca.pem", "-tAc", "SELECT 1"],
        extra=[f"--env=PGPASSWORD={given}"],
    )
    assert (done.returncode == 0) == (told == ""), done.stderr
    assert told in done.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("valkey-cli -h valkey ping", "I/O error|Server closed|Connection reset"),
        (f"valkey-cli -h valkey --tls --cacert {SECRETS}/ca.pem ping", "NOAUTH"),
        (
            f'REDISCLI_AUTH="$(cat {SECRETS}/valkey-password)" '
            f"valkey-cli -h valkey --tls --cacert {SECRETS}/ca.pem config get aclfile",
            "NOPERM",
        ),
    ],
    ids=["plain", "nameless", "admin"],
)
def test_valkey_answers_nobody_without_tls_and_password_and_obeys_no_administrator(
    stack: Composition, command: str, told: str
) -> None:
    done = stack.run("valkey", host="gateway-1", command=["/bin/sh", "-c", command])
    assert re.search(told, done.stdout + done.stderr)


def test_tables_are_brought_up_once(stack: Composition) -> None:
    again = stack.run("migrate")
    assert again.returncode == 0, again.stderr
    assert "이미 최신" in again.stdout


def test_proxy_answers_for_its_two_names_and_opens_nothing_else(stack: Composition) -> None:
    page, console, master, foreign, inner = ask(
        stack,
        get(f"https://{HOST}/"),
        get(f"https://{LOGIN_HOST}/admin/"),
        get(f"https://{LOGIN_HOST}/realms/master/.well-known/openid-configuration"),
        get(f"https://{HOST}/", host="elsewhere.test"),
        get(f"https://{HOST}/metrics"),
    )
    assert page[0] in (200, 303, 302), page
    assert page[1]["strict-transport-security"]
    assert [answer[0] for answer in (console, master, foreign)] == [403, 403, 421]
    assert inner[0] == 404


def test_only_neighbours_reach_each_other(stack: Composition) -> None:
    """From each host, every address of every other: open only where a network is shared."""
    probe = (
        "import socket, sys\n"
        "for each in sys.argv[1:]:\n"
        "    host, port = each.split(':')\n"
        "    with socket.socket() as probe:\n"
        "        probe.settimeout(0.3)\n"
        "        print(probe.connect_ex((host, int(port))) == 0)\n"
    )
    ports = {"postgres": 5432, "valkey": 6379, "gateway-1": 8083, "proxy": 443}
    for host in ("person", "vllm", "keycloak", "sealer", "gateway-1"):
        wanted = [
            (name, address, network)
            for name in ports
            for network, address in stack.switch.plugged[name].items()
            if name != host
        ]
        places = [f"{address}:{ports[name]}" for name, address, _ in wanted]
        found = stack.switch.inside(host, sys.executable, "-c", probe, *places).split()
        for (name, _, network), reached in zip(wanted, found, strict=True):
            shared = network in stack.switch.plugged[host]
            assert (reached == "True") == shared, f"{host} → {name} by {network}"


@pytest.fixture(scope="module")
def keycloak(stack: Composition) -> Container:
    """Keycloak, as deploy/keycloak/Dockerfile builds it, on the same PostgreSQL, with our realm."""
    place = keycloak_image.opt_keycloak()
    small = (
        "--env=JAVA_OPTS_KC_HEAP=-Xms64m -Xmx512m",
        "--env=JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1",
    )
    return stack.start("keycloak", extra=[f"--volume={place}:/opt/keycloak:ro", *small])


@pytest.fixture(scope="module")
def engine(stack: Composition) -> Iterator[None]:
    """The rehearsal engine, at vLLM's name and port."""
    program = [sys.executable, "-m", "gateway.demo.engine", "--host=0.0.0.0", "--pace=0"]
    running = subprocess.Popen(stack.switch.command("vllm", *program, "--model=model"))
    yield
    running.terminate()
    running.wait(10)


@pytest.fixture(scope="module")
def token(stack: Composition, keycloak: Container) -> str:
    """An access token of an agency's system, which an administrator has let in."""
    return agency_token(stack)


def agency_token(stack: Composition) -> str:
    """Does what docs/install.md leaves to Keycloak's administrator, then logs in from outside."""
    admin, secret = "http://keycloak:8080/admin/realms/gwanmun", "only-for-this-test"
    password = (stack.folder / "secrets/keycloak/admin-password").read_text().strip()
    form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}

    def inside(method: str, path: str, **more: object) -> object:
        (login,) = ask(
            stack,
            {
                "method": "POST",
                "url": "http://keycloak:8080/realms/master/protocol/openid-connect/token",
                "data": {**form, "password": password},
            },
            host="gateway-1",
        )
        bearer = {"authorization": f"Bearer {json.loads(login[2])['access_token']}"}
        asked = {"method": method, "url": f"{admin}{path}", "headers": bearer, **more}
        (answer,) = ask(stack, asked, host="gateway-1")
        assert answer[0] < 300, answer
        return json.loads(answer[2]) if answer[2] else None

    (client,) = inside("GET", "/clients?clientId=agency-system")
    inside("PUT", f"/clients/{client['id']}", json={**client, "enabled": True, "secret": secret})
    person = inside("GET", f"/clients/{client['id']}/service-account-user")
    person = {**person, "attributes": {"ceiling": ["S"]}}
    inside("PUT", f"/users/{person['id']}", json=person)
    (group,) = inside("GET", "/groups")
    inside("PUT", f"/users/{person['id']}/groups/{group['id']}")
    role = inside("GET", "/roles/developer")
    inside("POST", f"/users/{person['id']}/role-mappings/realm", json=[role])
    (answer,) = ask(
        stack,
        {
            "method": "POST",
            "url": f"https://{LOGIN_HOST}/realms/gwanmun/protocol/openid-connect/token",
            "data": {"grant_type": "client_credentials", "client_id": "agency-system"}
            | {"client_secret": secret},
        },
    )
    assert answer[0] == 200, answer
    return json.loads(answer[2])["access_token"]


def test_call_goes_through_all_of_it_and_leaves_a_record_that_verifies(
    stack: Composition, engine: None, token: str
) -> None:
    call = {
        "method": "POST",
        "url": f"https://{HOST}/v1/chat/completions",
        "headers": {"authorization": f"Bearer {token}"},
        "json": {"model": "chat", "messages": [{"role": "user", "content": PROMPT}]},
    }
    answers = ask(stack, call, call, call, call)
    assert [answer[0] for answer in answers] == [200] * 4, answers
    for _, headers, text in answers:
        assert "김철수" in json.loads(text)["choices"][0]["message"]["content"]
        assert headers["x-gwanmun-audit"]
    served = re.findall(r" POST /v1/chat/completions 200 .* (gateway\d+) ", stack.up["proxy"].log())
    assert set(served) == {"gateway1", "gateway2"}
    verified = stack.run("audit")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    archived = stack.run("archive")
    assert archived.returncode == 0, archived.stdout + archived.stderr
    assert "담은 날 0일" in archived.stdout  # all of it is of today
    pruned = stack.run("prune")
    assert pruned.returncode == 0, pruned.stdout + pruned.stderr
    words = ("audit", "prune", "--archive", "/var/lib/gwanmun")
    unarchived = stack.run("prune", command=words)
    assert unarchived.returncode == 0, unarchived.stdout + unarchived.stderr
