"""./run and ./test up to the moment when they hand over: the right Python, or the right words.

The scripts run in an empty checkout with a PATH of their own, on which `python3` is a few lines of
shell that answer as an interpreter would: the border between the scripts and the machine.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APT_LINE = "apt-get install python3 python3-venv"
TOOLS = ("sh", "dirname", "id", "cat", "mkdir", "chmod")

# Answers the two questions of requirements/python.sh, and writes down how install.py is called.
INTERPRETER = """\
#!/bin/sh
case "$*" in
    --version) echo "Python {version}" ;;
    *version_info*) [ "{new_enough}" = yes ] ;;
    *ensurepip*) [ "{has_venv}" = yes ] ;;
    *install.py*)
        echo "{name} $*" >>called
        mkdir -p .venv/bin
        for tool in python gwanmun; do
            echo 'echo '$tool' "$@" >>called' >.venv/bin/$tool
            chmod +x .venv/bin/$tool
        done
        ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A place with a space in its name that holds the scripts alone."""
    place = tmp_path / "check out"
    (place / "requirements").mkdir(parents=True)
    for name in ("run", "test", "requirements/python.sh"):
        shutil.copy(ROOT / name, place / name)
    return place


@pytest.fixture
def interpreter(tmp_path: Path) -> Callable[..., None]:
    """Puts a Python of the given kind on the scripts' PATH."""

    def put(
        name: str = "python3", version: str = "3.11.2", new_enough: bool = True, venv: bool = True
    ) -> None:
        words = {True: "yes", False: "no"}
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            INTERPRETER.format(
                name=name, version=version, new_enough=words[new_enough], has_venv=words[venv]
            )
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return put


def start(checkout: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    tools = checkout.parent / "bin"
    tools.mkdir(exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        if not (tools / name).exists():
            os.symlink(found, tools / name)
    return subprocess.run(
        [str(checkout / command), *arguments],
        cwd=checkout.parent,
        env={"PATH": str(tools)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )


def called(checkout: Path) -> list[str]:
    record = checkout / "called"
    return record.read_text().splitlines() if record.exists() else []


@pytest.mark.parametrize("command", ["run", "test"])
def test_script_without_any_python_names_the_line_that_installs_it(
    checkout: Path, command: str
) -> None:
    done = start(checkout, command)
    assert done.returncode == 2
    assert APT_LINE in done.stderr
    assert "찾지 못했습니다" in done.stderr


@pytest.mark.parametrize("command", ["run", "test"])
def test_script_with_an_old_python_names_it_and_the_line(
    checkout: Path, command: str, interpreter: Callable[..., None]
) -> None:
    interpreter(version="3.9.18", new_enough=False)
    done = start(checkout, command)
    assert done.returncode == 2
    assert APT_LINE in done.stderr
    assert "Python 3.9.18" in done.stderr
    assert called(checkout) == []


def test_script_with_a_python_without_venv_names_the_line(
    checkout: Path, interpreter: Callable[..., None]
) -> None:
    interpreter(venv=False)
    done = start(checkout, "run")
    assert done.returncode == 2
    assert APT_LINE in done.stderr
    assert "venv" in done.stderr


def test_script_finds_a_newer_python_beside_an_old_one(
    checkout: Path, interpreter: Callable[..., None]
) -> None:
    interpreter(new_enough=False)
    interpreter("python3.12", version="3.12.1")
    assert start(checkout, "run", "--setup").returncode == 0
    assert called(checkout) == ["python3.12 -I requirements/install.py run"]


def test_run_installs_and_hands_its_options_to_up(
    checkout: Path, interpreter: Callable[..., None]
) -> None:
    interpreter()
    assert start(checkout, "run", "--port", "9000").returncode == 0
    assert called(checkout) == [
        "python3 -I requirements/install.py run",
        "gwanmun up --port 9000",
    ]


def test_setup_installs_and_starts_nothing(
    checkout: Path, interpreter: Callable[..., None]
) -> None:
    interpreter()
    done = start(checkout, "run", "--setup")
    assert done.returncode == 0
    assert "./run" in done.stdout
    assert called(checkout) == ["python3 -I requirements/install.py run"]


def test_setup_with_something_behind_it_is_refused(
    checkout: Path, interpreter: Callable[..., None]
) -> None:
    interpreter()
    done = start(checkout, "run", "--setup", "--port", "9000")
    assert done.returncode == 2
    assert "./run --setup" in done.stderr
    assert called(checkout) == []


def test_test_hands_its_options_to_the_lanes(
    checkout: Path, interpreter: Callable[..., None]
) -> None:
    interpreter()
    assert start(checkout, "test", "--check", "tests/unit", "-k", "a b").returncode == 0
    assert called(checkout) == [
        "python3 -I requirements/install.py dev",
        "python tests/lanes.py --check tests/unit -k a b",
    ]


@pytest.mark.parametrize("command", ["run", "test"])
def test_help_needs_nothing(checkout: Path, command: str) -> None:
    done = start(checkout, command, "--help")
    assert done.returncode == 0
    assert f"./{command}" in done.stdout


@pytest.mark.parametrize(
    ("words", "profile"),
    [
        (["--port", "9000"], "run"),
        (["--engine", "http://127.0.0.1:8000", "--model", "m"], "run"),
        (["--engine", "vllm:/models/a"], "run"),
        (["--engine", "llama:/models/a b.gguf"], "local"),
        (["up", "--engine=llama:a.gguf"], "local"),
        (["--model", "llama:a.gguf"], "run"),
    ],
)
def test_run_installs_the_server_that_a_gguf_model_needs(
    checkout: Path, interpreter: Callable[..., None], words: list[str], profile: str
) -> None:
    interpreter()
    assert start(checkout, "run", *words).returncode == 0
    install, gwanmun = called(checkout)
    assert install.endswith(f"install.py {profile}")
    asked = [word for word in words if word != "up"]
    assert gwanmun == " ".join(["gwanmun up", *asked])
