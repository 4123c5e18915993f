"""Puts the locked packages and this project into `.venv`; called by `./run` and `./test`.

`install.py run` installs what serving needs, `install.py local` a server for GGUF models beside it,
`install.py dev` all of it and the tests' tools. Runs on any
Python from 3.11 with the standard library alone, since it is what brings everything else. Does
nothing when a stamp in `.venv` says that nothing changed. Never leaves a half-made environment
unnoticed: one that an interruption left is made again. Takes packages only with the hashes of the
lock files, whatever index they come from.

Packages come from wherever the user's own pip is told to look (pip.conf or PIP_* variables); the
same is handed to uv, unless UV_* variables say otherwise. Addresses are never printed, since they
may hold credentials.
"""

import ast
import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
NEEDED_BYTES = 1024**3  # measured: 700 MiB with the tests' tools, and room for unpacking
OLDEST = (3, 11)
# Which installations hold what a profile asks for.
HOLDS = {"run": ("run", "local", "dev"), "local": ("local", "dev"), "dev": ("dev",)}
PIP_SECTIONS = ("global.", "install.", ":env:.")  # pip's own order, later wins


class InstallError(Exception):
    """The installation cannot go on; the message is for people, and complete."""


class Stamp(NamedTuple):
    """What `.venv` holds: which set of packages, and a digest of all that decided it."""

    profile: str
    digest: str

    def __str__(self) -> str:
        return f"{self.profile} {self.digest}\n"


class Environment:
    """The virtual environment of this checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.uv = folder / "bin" / "uv"
        self._stamp = folder / "gwanmun-stamp"
        self._unfinished = folder / "gwanmun-unfinished"

    def stamp(self) -> Stamp | None:
        """What the last finished installation put here; None before one."""
        try:
            profile, digest = self._stamp.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return None
        return Stamp(profile, digest)

    def runs(self, statement: str) -> bool:
        """Whether its Python starts and gets through a statement."""
        try:
            return _quietly([str(self.python), "-I", "-c", statement])
        except OSError:
            return False

    @contextmanager
    def change(self) -> Iterator[None]:
        """Marks the environment as unfinished while the block runs.

        The mark stays when the block is interrupted, or when an installer failed half-way: no
        installer can tell a half-copied package from a whole one. An installer that failed before
        it changed anything (no network, mostly) leaves everything as it was, mark and stamp too.
        """
        before, stamp = self._packages(), self.stamp()
        self._stamp.unlink(missing_ok=True)
        self._unfinished.touch()
        try:
            yield
        except InstallError:
            if self._packages() == before:
                self._unfinished.unlink()
                if stamp:
                    self.finish(stamp)
            raise
        self._unfinished.unlink()

    def _packages(self) -> list[int]:
        """When something was last added to or taken from the packages, in nanoseconds."""
        return [place.stat().st_mtime_ns for place in self.folder.glob("lib/*/site-packages")]

    def finish(self, stamp: Stamp) -> None:
        """Says that everything of `stamp` is installed."""
        self._stamp.write_text(str(stamp), encoding="ascii")

    def make(self) -> None:
        """Makes it without pip, or makes it anew where it is broken, unfinished or moved."""
        new_enough = f"import sys; sys.exit(sys.version_info < {OLDEST})"
        if self.runs(new_enough) and not self._unfinished.exists() and self._at_home():
            return
        base = getattr(sys, "_base_executable", sys.executable)
        command = [base, "-I", "-m", "venv", "--clear", "--without-pip", str(self.folder)]
        if subprocess.run(command).returncode:
            raise InstallError(
                f"{self.folder}을(를) 만들지 못했습니다. 쓸 권한과 디스크의 빈자리를 확인해 "
                "주십시오.\n(The virtual environment could not be made.)"
            )

    def _at_home(self) -> bool:
        """False after the checkout was moved: the scripts in bin/ name the old place."""
        try:
            made = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
        except OSError:
            return False
        commands = [line for line in made.splitlines() if line.startswith("command = ")]
        return all(line.endswith(f" {self.folder}") for line in commands)


def main(arguments: list[str]) -> int:
    """Installs the profile named by the one argument; returns the exit status."""
    if len(arguments) != 1 or arguments[0] not in HOLDS:
        say(f"install.py {' | '.join(HOLDS)}")
        return 2
    try:
        install(arguments[0])
    except InstallError as error:
        say(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        say("\n설치를 멈췄습니다. 같은 명령을 다시 실행하면 됩니다. (Interrupted; run it again.)")
        return 130
    except OSError as error:
        say(f"\n설치하지 못했습니다 (cannot install): {error.strerror}: {error.filename}")
        return 1
    return 0


def install(profile: str) -> None:
    """Brings `.venv` to what `profile` asks for, if it is not there already.

    An environment that once got more keeps it: `./run` after `./test` takes nothing away.

    Raises:
        InstallError: it did not work; tried twice where the network may be to blame.
    """
    environment = Environment(ROOT / ".venv")
    if _current(environment, profile):
        return
    ROOT.joinpath(".venv").mkdir(exist_ok=True)
    with _alone(ROOT / ".venv"):
        if _current(environment, profile):  # another ./run was faster
            return
        known = environment.stamp()
        if known and known.profile in HOLDS[profile]:
            profile = known.profile
        _check_room(environment.folder)
        say("[1/3] 가상 환경을 준비합니다 (virtual environment)")
        environment.make()
        with environment.change():
            _install_packages(environment, profile)
        environment.finish(Stamp(profile, digest(profile)))


def digest(profile: str) -> str:
    """A digest of all that decides what stands in `.venv`, this checkout's place included."""
    sha = hashlib.sha256(f"{ROOT}\0{profile}".encode())
    for path in (
        LOCKS / "bootstrap.lock",
        LOCKS / f"{profile}.lock",
        ROOT / "pyproject.toml",
        Path(__file__),
    ):
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


def uv_environment(pip_config: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What uv must be told so that it looks where pip looks.

    `pip_config` is the output of `pip config list`. What `environ` already holds for uv wins.
    """
    pip = _pip_settings(pip_config)
    told: dict[str, str] = {}
    for name, variable, separator in (
        ("index-url", "UV_DEFAULT_INDEX", None),
        ("extra-index-url", "UV_INDEX", " "),
        ("find-links", "UV_FIND_LINKS", ","),
        ("trusted-host", "UV_INSECURE_HOST", " "),
        ("cert", "SSL_CERT_FILE", None),
        ("client-cert", "SSL_CLIENT_CERT", None),
        ("timeout", "UV_HTTP_TIMEOUT", None),
        ("default-timeout", "UV_HTTP_TIMEOUT", None),
        ("proxy", "ALL_PROXY", None),
    ):
        if name in pip and (variable != "UV_HTTP_TIMEOUT" or pip[name].isdigit()):
            told[variable] = separator.join(pip[name].split()) if separator else pip[name]
    if "no-index" in pip and pip["no-index"].lower() in ("1", "true", "yes", "on"):
        told["UV_NO_INDEX"] = "true"
    if "UV_INDEX" in told:
        # Every package is pinned by hash, so an index can delay an installation, never change it.
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if _system_has_certificates():
        told["UV_SYSTEM_CERTS"] = "true"
    return {**told, **environ}


def _pip_settings(listing: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    for section in PIP_SECTIONS:
        for line in listing.splitlines():
            key, separator, value = line.partition("=")
            if separator and key.startswith(section):
                settings[key.removeprefix(section)] = str(ast.literal_eval(value))
    return settings


def _system_has_certificates() -> bool:
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or bool(paths.capath and any(Path(paths.capath).iterdir()))


def _install_packages(environment: Environment, profile: str) -> None:
    bootstrap = str(LOCKS / "bootstrap.lock")
    say("[2/3] 설치 도구를 받습니다 (installer)")
    if not environment.runs("import pip"):
        ensure = [str(environment.python), "-I", "-m", "ensurepip", "--default-pip"]
        if not _quietly(ensure):
            raise InstallError("pip을 준비하지 못했습니다. (ensurepip failed.)")
    pip = [str(environment.python), "-I", "-m", "pip"]
    fetch = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", bootstrap]
    _with_second_try([*pip, "--disable-pip-version-check", *fetch], dict(os.environ))

    say("[3/3] 잠근 패키지와 관문을 설치합니다 (locked packages and Gwanmun)")
    listing = subprocess.run(
        [*pip, "config", "list"], check=False, capture_output=True, text=True
    ).stdout
    environ = uv_environment(listing, os.environ)
    uv = [str(environment.uv), "pip"]
    target = ["--python", str(environment.python)]
    lock = str(LOCKS / f"{profile}.lock")
    sync = ["sync", "--require-hashes", "--no-build", "--quiet", bootstrap, lock]
    if sys.stderr.isatty():
        sync.remove("--quiet")
    _with_second_try([*uv, *sync, *target], environ)
    project = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    _with_second_try([*uv, *project, *target], environ)


def _with_second_try(command: list[str], environ: Mapping[str, str]) -> None:
    for pause_seconds in (3.0, 0.0):
        try:
            status = subprocess.run(command, env=dict(environ), cwd=ROOT).returncode
        except OSError as error:
            raise InstallError(f"{command[0]}: {error.strerror}") from None
        if status == 0:
            return
        if pause_seconds:
            say("      되지 않아 잠시 뒤 한 번 더 해 봅니다 (trying once more)")
            time.sleep(pause_seconds)
    raise InstallError(
        "패키지를 설치하지 못했습니다. 바로 위의 영문 메시지가 이유입니다.\n"
        "  - 네트워크나 패키지 저장소에 닿지 않으면: 연결을 확인하고 다시 실행하십시오.\n"
        "  - 인터넷이 없는 곳이면: PIP_INDEX_URL(내부 저장소)을 정하거나, PIP_NO_INDEX=1과\n"
        "    PIP_FIND_LINKS(패키지 폴더)를 정하십시오. 순서는 requirements/README.md에 있습니다.\n"
        "  - 해시가 다르다고 나오면: 받은 파일이 잠근 것과 다릅니다. 설치하지 말고 알려 주십시오.\n"
        "(The packages could not be installed; the message above says why. Offline: see "
        "requirements/README.md.)"
    )


def _current(environment: Environment, profile: str) -> bool:
    stamp = environment.stamp()
    if stamp is None or stamp != Stamp(stamp.profile, digest(stamp.profile)):
        return False
    return stamp.profile in HOLDS[profile] and environment.python.exists()


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES and not (folder / "bin").exists():
        raise InstallError(
            f"디스크에 빈자리가 모자랍니다: {free // 1024**2} MiB가 남았고 1 GiB가 필요합니다.\n"
            "(Not enough free disk.)"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other installation works on the folder; its lock outlives `venv --clear`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("다른 설치가 끝나기를 기다립니다 (waiting for another installation)")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _quietly(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def say(text: str) -> None:
    """Tells the person at the terminal; standard error, so that output can be piped."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
