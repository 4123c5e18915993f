"""What the build stages of the Dockerfile run.

    python3 -I stage.py packages DIR   the locked packages from `wheels/`, into a new environment,
                                       less what serving never reads
    python3 -I stage.py project DIR    this checkout's gwanmun, as a package among them
    python3 -I stage.py root DIR       a copy of the base's root, less what the result must not have

Runs on the base image's own Python with the standard library alone: the base needs no pip, no
venv, no compiler. Nothing here opens a network: every file comes from `wheels/`, and each is
checked against the hashes of the lock files before a byte of it runs.
"""

import hashlib
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path.cwd()
WHEELS = HERE / "wheels"
LOCKS = HERE / "requirements"
TOOLS = HERE / "tools"
PACKAGES = ("gateway", "inference", "redaction")
SAMPLE = "민원인 김철수(010-1234-5678)\n"  # an invented person
USER, USER_ID = "gwanmun", 10001

# Sources, stubs, headers and tests that packages bring along: no import of ours ends there.
SOURCES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp", ".f", ".f90"}
TEST_FOLDERS = {"tests", "test", "testing"}
# Packages whose `testing` or `test` is part of their face and is imported by others.
KEEP = {"numpy/testing", "numpy/_core/tests", "sqlalchemy/testing"}
# Whole folders of data and tools, each for something that this project never asks of its package.
UNUSED = (
    "phonenumbers/geodata",  # towns of numbers, for geocoding
    "phonenumbers/carrierdata",  # their mobile carriers
    "numpy/f2py",  # a compiler's front end
    "numpy/distutils",
    "numpy/_core/include",
    "numpy/_core/lib",
)
# What a base image brings for installing further things, below the root.
INSTALLERS = (
    "usr/bin/apt",
    "usr/bin/apt-*",
    "usr/bin/dpkg*",
    "usr/sbin/dpkg*",
    "usr/lib/apt",
    "usr/lib/dpkg",
    "usr/libexec/dpkg",
    "usr/bin/perl*",
    "usr/lib/*/perl-base",
    "etc/apt",
    "etc/cron.*",
    "var/lib/apt",
    "var/cache/*",
    "var/log/*",
    "usr/share/doc/*/[!c]*",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/local/bin/pip*",
    "usr/local/bin/idle*",
    "usr/local/bin/2to3*",
    "usr/local/bin/*-config",
    "usr/local/include",
    "usr/*/lib/python3*/ensurepip",
    "usr/lib/python3*/ensurepip",
    "usr/*/lib/python3*/site-packages/*",
    "usr/lib/python3/dist-packages/*",
    "usr/*/lib/python3*/test",
    "usr/*/lib/python3*/idlelib",
    "usr/lib/python3*/idlelib",
    "usr/*/lib/python3*/lib2to3",
    "usr/lib/python3*/lib2to3",
)
ROOT_FOLDERS = ("bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "var")


class StageError(Exception):
    """The build cannot go on; the message says what to do."""


def packages(target: Path) -> None:
    """Makes the environment, installs run.lock into it, and trims it.

    Raises:
        StageError: a wheel is missing or is not the one that is locked.
    """
    uv = _uv()
    for folder, lock in ((TOOLS, "bootstrap.lock"), (target, "run.lock")):
        _run(str(uv), "venv", "--quiet", "--no-config", "--python", sys.executable, str(folder))
        _install(uv, folder, "--require-hashes", "--no-build", "-r", str(LOCKS / lock))
    _trim(target)


def project(target: Path) -> None:
    """Builds this checkout's wheel, installs it, and lets it find personal data once."""
    place = HERE / "built"
    build = [str(TOOLS / "bin" / "python"), "-I", "-m", "hatchling", "build", "-t", "wheel"]
    _run(*build, "-d", str(place))
    _install(_uv(), target, "--no-deps", "--find-links", str(place), "gwanmun")
    site = _site(target)
    _compile(target, *(site / package for package in PACKAGES))
    _readable(target)
    # The detector answers only once it has found its canaries: nothing that it needs was cut.
    _run(str(target / "bin" / "gwanmun"), "redact", stdin=SAMPLE)


def _uv() -> Path:
    """uv, unpacked from its wheel: pip would have to be installed before it could install."""
    program = HERE / "uv" / "uv"
    if not program.exists():
        wheel = _locked_wheel("uv", LOCKS / "bootstrap.lock")
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
            program.parent.mkdir()
            program.write_bytes(archive.read(name))
        program.chmod(0o755)
    return program


def _locked_wheel(package: str, lock: Path) -> Path:
    entry = re.search(rf"^{package}==(\S+) ((?:.*\\\n)+.*)", lock.read_text("utf-8"), re.M)
    if entry is None:
        raise StageError(f"{lock.name} does not pin {package}")
    hashes = set(re.findall(r"sha256:([0-9a-f]{64})", entry[2]))
    for wheel in sorted(WHEELS.glob(f"{package}-{entry[1]}-*.whl")):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() in hashes:
            return wheel
    raise StageError(
        f"wheels/ holds no {package} {entry[1]} with a hash of {lock.name}. "
        "deploy/image/build.sh fills it; docs/install.md says how without internet."
    )


def _install(uv: Path, environment: Path, *what: str) -> None:
    python = str(environment / "bin" / "python")
    offline = ("--offline", "--no-cache", "--no-config", "--no-index", "--link-mode", "copy")
    _run(
        *(str(uv), "pip", "install", "--quiet", "--python", python, *offline),
        *("--find-links", str(WHEELS), *what),
    )


def _run(*command: str, stdin: str = "") -> None:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    done = subprocess.run(command, cwd=HERE, env=quiet, input=stdin, text=True)
    if done.returncode:
        raise StageError(f"{Path(command[0]).name} failed; its own message stands above")


def _trim(target: Path) -> None:
    site = _site(target)
    for path in (*_unused(site), *target.glob("bin/activate*"), target / ".gitignore"):
        _remove(path)
    for library in sorted(site.rglob("*.so*")):
        if library.is_file() and not library.is_symlink():
            cut_symbols(library)
    for script in (target / "bin").iterdir():
        if not script.name.startswith("python"):
            script.unlink()
    _compile(target, site)


def _compile(target: Path, *folders: Path) -> None:
    """Compiled files carry a hash in place of a time (PEP 552) and are never checked.

    The root is read-only, and equal inputs give equal files.
    """
    compiler = [str(target / "bin" / "python"), "-I", "-m", "compileall", "-q"]
    _run(*compiler, "--invalidation-mode", "unchecked-hash", *map(str, folders))


def _site(target: Path) -> Path:
    return next(target.glob("lib/python3*/site-packages"))


def _unused(site: Path) -> Iterator[Path]:
    for folder in UNUSED:
        if not (site / folder).is_dir():
            raise StageError(f"{folder} is not there any more: correct UNUSED in stage.py")
        yield site / folder
    for path in sorted(site.rglob("*")):
        inside = path.relative_to(site)
        within = len(inside.parts) > 1 and str(inside) not in KEEP
        sources = path.suffix in SOURCES and path.is_file()
        if sources or (within and path.name in TEST_FOLDERS and path.is_dir()):
            yield path


def cut_symbols(library: Path) -> None:
    """Cuts off what stands behind the last segment: symbols for debuggers, and section headers.

    Program headers alone say what is loaded (System V ABI, chapter 5); wheels of spaCy are five
    sixths symbols. 64-bit little-endian ELF only: every machine that the wheels are for.
    """
    content = bytearray(library.read_bytes())
    if content[:6] != b"\x7fELF\x02\x01":
        return
    (first,) = struct.unpack_from("<Q", content, 32)  # e_phoff
    size, count = struct.unpack_from("<HH", content, 54)  # e_phentsize, e_phnum
    end = first + size * count
    for number in range(count):
        offset = struct.unpack_from("<Q", content, first + size * number + 8)[0]  # p_offset
        length = struct.unpack_from("<Q", content, first + size * number + 32)[0]  # p_filesz
        end = max(end, offset + length)
    struct.pack_into("<Q", content, 40, 0)  # e_shoff
    struct.pack_into("<HHH", content, 58, 64, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    library.write_bytes(content[:end])


def root(target: Path) -> None:
    """Copies the base's root, without installers, their lists, documents and set-user-id bits.

    The package database stays: scanners read from it which versions the image holds.
    """
    target.mkdir()
    for name in ROOT_FOLDERS:
        if Path("/", name).exists():
            _run("cp", "--archive", f"/{name}", str(target))
    for name, mode in (("dev", 0o755), ("proc", 0o555), ("sys", 0o555), ("tmp", 0o1777)):
        (target / name).mkdir()
        (target / name).chmod(mode)
    for pattern in INSTALLERS:
        for path in sorted(target.glob(pattern)):
            _remove(path)
    for folder, _, files in os.walk(target):
        for name in files:
            path = Path(folder) / name
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                path.chmod(stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))
    _add_user(target)


def _add_user(target: Path) -> None:
    for file, line in (
        ("etc/passwd", f"{USER}:x:{USER_ID}:{USER_ID}::/var/lib/gwanmun:/usr/sbin/nologin\n"),
        ("etc/group", f"{USER}:x:{USER_ID}:\n"),
    ):
        with (target / file).open("a", encoding="utf-8") as table:
            table.write(line)
    for folder, owner, mode in (
        ("etc/gwanmun", 0, 0o755),
        ("run/secrets/gwanmun", 0, 0o755),
        ("var/lib/gwanmun", USER_ID, 0o700),
    ):
        path = target / folder
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, owner, owner)
        path.chmod(mode)


def _readable(folder: Path) -> None:
    """Everybody may read and nobody but root may write, whatever the builder's umask was."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


STEPS = {"packages": packages, "project": project, "root": root}

if __name__ == "__main__":
    try:
        STEPS[sys.argv[1]](Path(sys.argv[2]))
    except StageError as error:
        sys.exit(f"image: {error}")
