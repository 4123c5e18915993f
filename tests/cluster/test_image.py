"""The container image: what it holds, what it must not hold, and that it serves.

Built and run for real (tests/parts/image.py), with the flags that docs/install.md tells operators.
"""

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from issuer import scripted_issuer
from parts import image as part
from parts.image import HARDENED, Image
from ports import free_ports
from rehearsal import rehearsal

from gateway.cli import COMMANDS
from gateway.demo.engine_script import MODEL_NAME, Script

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "민원인 김철수(010-1234-5678)에게 보낼 안내문을 써 줘"
MOST_BYTES = 480_000_000
USER = 10001
FORBIDDEN_PROGRAMS = re.compile(
    r"(gcc|cc|g\+\+|c\+\+|clang|ld|as|make|cmake|rustc|cargo|go|pip\d*(\.\d+)?|uv|uvx|apt(-.*)?|dpkg.*"
    r"|aptitude|perl[\d.]*|curl|wget|nc|ncat|ssh|git)"
)


@pytest.fixture(scope="session")
def image() -> Image:
    return part.built()


@pytest.fixture(scope="session")
def root(image: Image) -> Iterator[Path]:
    with image.files() as place:
        yield place


def test_dockerfile_and_base_are_linted_clean() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_image_describes_itself_and_runs_as_nobody_in_particular(image: Image) -> None:
    about = image.inspect()
    config = about["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["gwanmun"]
    assert config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM"
    assert about["Healthcheck"]["Test"] == ["CMD", "gwanmun", "healthcheck"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.base.name"] == part.BASE
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["org.opencontainers.image.revision"])


def test_image_is_small_enough_and_says_how_small(
    image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    size = image.inspect()["Size"]
    with capsys.disabled():
        print(f"\nimage: {size / 1e6:.0f} MB")
    assert size < MOST_BYTES


def test_image_holds_no_compiler_no_installer_and_no_cache(root: Path) -> None:
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "opt/gwanmun/bin")
    programs = {path.name for name in folders for path in (root / name).glob("*")}
    assert {name for name in programs if FORBIDDEN_PROGRAMS.fullmatch(name)} == set()
    for folder in ("var/lib/apt", "var/cache", "root", "tmp", "build"):
        assert not (root / folder).exists() or not any((root / folder).iterdir())
    site = next((root / "opt/gwanmun/lib").glob("python3*")) / "site-packages"
    assert not list(site.glob("pip*"))
    assert not list((root / "usr").glob("**/ensurepip"))


def test_image_holds_nothing_set_user_id_and_nothing_that_its_user_may_write(root: Path) -> None:
    with_bits, writable = [], []
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder) / name
            about = path.lstat()
            if path.is_symlink():
                continue
            inside = str(path.relative_to(root))
            if path.is_file() and about.st_mode & 0o6000:
                with_bits.append(inside)
            if about.st_uid == USER or about.st_gid == USER or about.st_mode & 0o002:
                writable.append(inside)
    assert with_bits == []
    assert sorted(writable) == ["tmp", "var/lib/gwanmun", "var/tmp"]
    assert (root / "var/lib/gwanmun").stat().st_mode & 0o777 == 0o700


def test_image_holds_no_key_no_secret_and_no_path_of_the_builder(image: Image, root: Path) -> None:
    history = image.podman("history", "--no-trunc", "--format=json", image.name).stdout
    told = history + json.dumps(image.inspect()["Config"])
    for name in (
        "PIP_",
        "UV_",
        "INDEX",
        "PASSWORD",
        "TOKEN",
        "SECRET",
        str(ROOT),
        str(Path.home()),
    ):
        assert name not in told
    site = next((root / "opt/gwanmun/lib").glob("python3*")) / "site-packages"
    ours = [path for name in part.INPUTS[-3:] for path in (site / name).rglob("*")]
    assert len(ours) > 200
    assert list(site.glob("gwanmun-*/direct_url.json")) == []
    keys = [path for path in root.rglob("*") if path.suffix in (".key", ".p12", ".jks")]
    assert keys == []
    assert list((root / "etc/ssl/private").glob("*")) == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_there(image: Image, command: str) -> None:
    done = image.run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"gwanmun {command}" in done.stdout


def test_image_says_its_version(image: Image) -> None:
    assert image.run("--version").stdout == "gwanmun 0.1.0\n"


def test_image_redacts_without_network_settings_or_a_writable_root(image: Image) -> None:
    done = image.run("redact", stdin=PROMPT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == PROMPT.replace("김철수", "[성명_1]").replace(
        "010-1234-5678", "[전화번호_1]"
    )


def test_only_the_data_directory_and_scratch_can_be_written(image: Image, tmp_path: Path) -> None:
    look = (
        "import os\n"
        "for folder, folders, files in os.walk('/', followlinks=False):\n"
        "    if folder == '/':\n"
        "        folders[:] = set(folders) - {'proc', 'sys', 'dev'}\n"
        "    for name in ('.', *files):\n"
        "        path = os.path.join(folder, name)\n"
        "        if not os.path.islink(path) and os.access(path, os.W_OK):\n"
        "            print(os.path.normpath(path))\n"
    )
    options = ("--entrypoint=python", "--tmpfs=/var/lib/gwanmun:mode=0700,U")
    done = image.run("-c", look, options=("--read-only-tmpfs=false", "--tmpfs=/tmp", *options))
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"/tmp", "/var/lib/gwanmun"}


def configuration(folder: Path, issuer: str, engine: str) -> tuple[Path, int]:
    """A gateway's settings as they are mounted, and its first port."""
    port = free_ports(2)
    tree = {
        "server": {"port": port, "internal_port": port + 1},
        "identity": {"issuer": issuer},
        "models": [
            {
                "name": "rehearsal",
                "replicas": [{"name": "r0", "url": engine, "served_model": MODEL_NAME}],
            }
        ],
        "ledger": {"disk_reserve_bytes": 0},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    path.chmod(0o644)
    folder.chmod(0o755)
    return path, port


def mounts(config: Path, data: str) -> tuple[str, ...]:
    return (
        "--network=host",
        f"--volume={config}:/etc/gwanmun/config.yaml:ro",
        f"--volume={data}:/var/lib/gwanmun",
    )


@pytest.fixture
def volume(image: Image) -> Iterator[str]:
    """A named volume, as an operator has one: it takes its owner from the image."""
    name = f"gwanmun-test-{secrets.token_hex(4)}"
    image.podman("volume", "create", name)
    yield name
    image.podman("volume", "rm", "--force", name)


def test_doctor_inside_finds_nothing_wrong(image: Image, tmp_path: Path, volume: str) -> None:
    config, _ = configuration(tmp_path, "http://127.0.0.1:9/realms/x", "http://127.0.0.1:9")
    done = image.run("doctor", options=mounts(config, volume))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "이상 없습니다" in done.stdout


@pytest.fixture
async def outside() -> AsyncIterator[tuple[str, str, str]]:
    """A token, its issuer and an engine, on this machine's loopback."""
    async with scripted_issuer() as issuer, rehearsal(Script()) as engine:
        yield issuer.token(), issuer.url, engine.url


async def test_image_serves_keeps_its_record_and_drains(
    image: Image, tmp_path: Path, volume: str, outside: tuple[str, str, str]
) -> None:
    token, issuer, engine = outside
    config, port = configuration(tmp_path, issuer, engine)
    options = mounts(config, volume)
    made = await aside(image.run, "migrate", options=options)
    assert made.returncode == 0, made.stdout + made.stderr
    with image.running("serve", options=options) as container:
        await aside(container.until, "gwanmun", "healthcheck", "--ready")
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            assert (await client.get(f"http://127.0.0.1:{port + 1}/healthz")).text == "ok\n"
            answer = await client.post(
                f"http://127.0.0.1:{port}/v1/chat/completions",
                headers={"authorization": f"Bearer {token}"},
                json={"model": "rehearsal", "messages": [{"role": "user", "content": PROMPT}]},
            )
        assert answer.status_code == 200, answer.text
        assert "김철수" in answer.json()["choices"][0]["message"]["content"]
        assert await aside(container.stop, signal.SIGTERM) == 0
        log = await aside(container.log)
        assert "gateway.stopped" in log
        assert "김철수" not in log
        verified = await aside(image.run, "audit", "verify", "/var/lib/gwanmun", options=options)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    gone = await aside(image.run, "healthcheck", options=options)
    assert gone.returncode == 1


async def aside(function, /, *arguments, **options):
    """Runs what waits for a container in a thread: the engine and the issuer live in this loop."""
    return await asyncio.to_thread(function, *arguments, **options)


def test_flags_of_the_guide_are_the_flags_of_these_tests() -> None:
    guide = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    assert all(flag in guide for flag in HARDENED)
