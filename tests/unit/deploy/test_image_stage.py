"""deploy/image/stage.py: only what the locks pin is unpacked, and a cut library still loads."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[3]
STAGE = ROOT / "deploy/image/stage.py"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, in a build folder of its own."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "wheels").mkdir()
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("stage", STAGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, content: bytes) -> str:
    """A wheel of uv that holds one program; its SHA-256."""
    path = folder / "wheels/uv-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("uv-1.0.data/scripts/uv", content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock(folder: Path, digest: str) -> None:
    lines = f"uv==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}\n"
    (folder / "requirements/bootstrap.lock").write_text(lines)


def test_installer_is_unpacked_when_its_hash_is_locked(stage: ModuleType, tmp_path: Path) -> None:
    lock(tmp_path, wheel(tmp_path, b"#!/bin/sh\n"))
    program = stage._uv()
    assert program.read_bytes() == b"#!/bin/sh\n"
    assert program.stat().st_mode & 0o111


def test_installer_with_another_hash_never_runs(stage: ModuleType, tmp_path: Path) -> None:
    wheel(tmp_path, b"#!/bin/sh\n")
    lock(tmp_path, "1" * 64)
    with pytest.raises(stage.StageError, match=r"no uv 1\.0 with a hash"):
        stage._uv()
    assert not (tmp_path / "uv").exists()


def test_installer_of_the_real_lock_is_found_by_its_own_pattern(stage: ModuleType) -> None:
    with pytest.raises(stage.StageError, match=r"no uv \d+"):
        stage._locked_wheel("uv", ROOT / "requirements/bootstrap.lock")


def test_library_without_its_symbols_loads_and_answers(stage: ModuleType, tmp_path: Path) -> None:
    (source,) = Path(orjson.__file__).parent.glob("orjson.*.so")
    library = tmp_path / source.name
    shutil.copy(source, library)
    with library.open("ab") as file:
        file.write(b"\0" * 65_536)  # as symbols stand behind the last segment
    before = library.stat().st_size
    stage.cut_symbols(library)
    assert library.stat().st_size <= before - 65_536
    loaded = (
        "import importlib.util as u, sys\n"
        "spec = u.spec_from_file_location('orjson', sys.argv[1])\n"
        "module = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.loads(module.dumps(7)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", loaded, library], capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("7\n", 0), done.stderr


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF\x01\x01" + b"\0" * 100])
def test_what_is_no_library_of_that_kind_stays(
    stage: ModuleType, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(content)
    stage.cut_symbols(path)
    assert path.read_bytes() == content


def test_package_that_lost_a_cut_folder_stops_the_build(stage: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(stage.StageError, match="correct UNUSED"):
        list(stage._unused(tmp_path))


def test_dockerfile_copies_only_what_the_context_lets_through() -> None:
    allowed = {
        line.removeprefix("!").rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        word.rstrip("/")
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied == {"dist/wheels" if name == "dist/wheels/*.whl" else name for name in allowed}
