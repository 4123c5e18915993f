"""What a ministry would run, whole: Keycloak, gateway, vLLM and PostgreSQL, none of them a fake.

A clerk logs in at Keycloak in a real browser and chats in Korean; an agency's system asks with the
official client. A real engine streams the surrogates, split as its tokens are; both read the real
name, and the clerk is shown that the engine was given surrogates. Then the ledger in PostgreSQL is
verified; no record and no log holds an original. What a browser needs comes last in its process:
see tests/conftest.py.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest
from browsing import Instance, ask, at_browser, open_chromium, whole_answer
from parts.keycloak import Keycloak, running_keycloak
from parts.postgres import READER, PostgresDatabase, PostgresServer
from parts.vllm import CONTEXT_TOKENS, SERVED_MODEL, Vllm
from playwright.sync_api import expect
from ports import free_ports
from serve import GWANMUN, gwanmun, write_config

from gateway.demo.realm import CLIENTS, WEB_CLIENT

MODEL = "tiny-model"
CITIZEN, PHONE = "김철수", "010-1234-5678"  # invented
QUESTION = f"민원인 {CITIZEN}({PHONE})에게 보낼 안내문을 써 줘"
# What the tiny model was taught: "[성명_1]은 접수되었습니다. 결과는 [전화번호_1]으로 …"
ANSWER = f"{CITIZEN}는 접수되었습니다. 결과는 {PHONE}로 알려 드립니다."


@dataclass(frozen=True)
class Chain:
    """The running parts, and what the gateway's operator has."""

    url: str
    keycloak: Keycloak
    database: PostgresDatabase
    config: Path
    log: Path


@pytest.fixture(scope="module")
def chain(
    engine: Vllm, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    """Every part, started as an operator would: keys, schema, then the gateway."""
    folder, port = tmp_path_factory.mktemp("chain"), free_ports(2)
    url = f"http://127.0.0.1:{port}"
    with running_keycloak(folder / "keycloak", url) as keycloak:
        database = postgres_server.database(migrated=False)
        config = _configured(folder, port, keycloak, database, engine)
        _succeeds("keys", "init", folder / "shared-keys")
        _succeeds("migrate", "--config", config)
        log = folder / "serve.log"
        with log.open("ab") as output:
            command = [GWANMUN, "serve", "--config", config]
            gateway = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            _until_ready(f"http://127.0.0.1:{port + 1}/readyz", gateway, log)
            yield Chain(url, keycloak, database, config, log)
        finally:
            gateway.terminate()
            gateway.wait(60)


def _configured(
    folder: Path, port: int, keycloak: Keycloak, database: PostgresDatabase, engine: Vllm
) -> Path:
    """The operator's configuration file, with secrets in files of their own."""
    secrets = {"web.secret": keycloak.web_secret, "engine.key": engine.key}
    for name, value in secrets.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(value, encoding="ascii")
    replica = {
        "name": "vllm-1",
        "url": engine.url,
        "served_model": SERVED_MODEL,
        "credential_file": str(folder / "engine.key"),
    }
    return write_config(
        folder,
        keycloak.issuer,
        engine.url,
        server={
            "port": port,
            "internal_port": port + 1,
            "public_url": f"http://127.0.0.1:{port}",
        },
        identity={
            "issuer": keycloak.issuer,
            "clients": list(CLIENTS),
            "browser_client": WEB_CLIENT,
            "browser_secret_file": str(folder / "web.secret"),
        },
        store={"data_dir": str(folder / "data"), **database.settings()},
        ledger={"key_dir": str(folder / "shared-keys")},
        models=[{"name": MODEL, "context_tokens": CONTEXT_TOKENS, "replicas": [replica]}],
    )


def _succeeds(*command: str | Path) -> str:
    done = gwanmun(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(encoding="utf-8")[-2_000:]
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(log.read_text(encoding="utf-8")[-2_000:])


def test_agency_system_reads_the_real_name_from_a_real_engines_stream(chain: Chain) -> None:
    token = chain.keycloak.service_token("svc-civil")
    with openai.OpenAI(base_url=f"{chain.url}/v1", api_key=token, max_retries=0) as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": QUESTION}],
            temperature=0,
            stream=True,
        )
        pieces = [part.choices[0].delta.content or "" for part in stream if part.choices]
    assert ANSWER in "".join(pieces)
    assert len([piece for piece in pieces if piece]) > 3, "it came at once, not as a stream"


def test_clerk_chats_in_a_real_browser_through_a_real_keycloak(chain: Chain) -> None:
    clerk = chain.keycloak.new_person("staff")
    with open_chromium() as browser, at_browser(browser, Instance(chain.url, "")) as person:
        person.page.goto("/login")
        person.page.fill("#username", clerk.name)
        person.page.fill("#password", clerk.password)
        person.page.click("#kc-login")
        person.page.wait_for_url(f"{chain.url}/")
        ask(person, QUESTION)
        assert ANSWER in whole_answer(person)
        delivered = person.page.locator(".delivered")
        delivered.locator("summary").click()
        expect(delivered).to_contain_text("[성명_1]([전화번호_1])")
        assert person.violations() == []


def test_ledger_of_both_chats_verifies_and_holds_no_original(chain: Chain) -> None:
    reader = ["--password-file", chain.database.password_file(READER)]
    pins = ["--trust", chain.config.parent / "shared-keys" / "trust.json"]
    _succeeds("audit", "verify", chain.database.url(READER), *reader, *pins)
    with chain.database.superuser() as connection:
        bodies = [row[0] for row in connection.execute("SELECT body FROM gwanmun.event")]
    assert len(bodies) >= 3  # a writer that started, a call opened and closed
    kept = b"\n".join(bytes(body) for body in bodies).decode()
    log = chain.log.read_text(encoding="utf-8")
    for original in (CITIZEN, PHONE, PHONE.replace("-", "")):
        assert original not in kept
        assert original not in log
