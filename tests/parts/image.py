"""The image, built for real with buildah over a Debian base that mmdebstrap makes, run with podman.

No registry is asked for anything. What is built stays in a store of its own in the cache, and is
built again only when something that goes into it changed.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts.cache import alone, cache_dir, kept

ROOT = Path(__file__).resolve().parents[2]
# What the Dockerfile copies, and what decides how; the same list as .dockerignore lets through.
LOCKS = ("requirements/bootstrap.lock", "requirements/run.lock")
INPUTS = (
    *("Dockerfile", ".dockerignore", "deploy/image", *LOCKS),
    *("pyproject.toml", "README.md", "LICENSE", "NOTICE"),
    *("gateway", "inference", "redaction"),
)
BASE = "localhost/gwanmun-base:bookworm"
NAME = "localhost/gwanmun"
BASE_PACKAGES = "python3,ca-certificates"
DAY_SECONDS = 86_400
EPOCH = "1760000000"  # of the base's files; any fixed time
# As an operator runs it; then what a machine without systemd and its own limits needs.
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
HERE = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--no-healthcheck")


@dataclass(frozen=True)
class Image:
    """A built image in the cache's store."""

    name: str
    environ: dict[str, str]

    def podman(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a podman command to its end."""
        return subprocess.run(
            ["podman", "--runtime=runc", "--cgroup-manager=cgroupfs", *arguments],
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def run(
        self, *command: str, options: Sequence[str] = (), stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command of the image to its end, hardened, without a network."""
        network = (
            () if any(each.startswith("--network") for each in options) else ("--network=none",)
        )
        flags = ("--rm", "--interactive", *network, *HARDENED, *HERE, *options)
        return self.podman("run", *flags, self.name, *command, stdin=stdin)

    def inspect(self) -> dict[str, object]:
        """What the image says about itself."""
        return json.loads(self.podman("image", "inspect", self.name).stdout)[0]

    @contextlib.contextmanager
    def files(self) -> Iterator[Path]:
        """The image's root, to look into from outside."""
        yield Path(self.podman("image", "mount", self.name).stdout.strip())
        self.podman("image", "unmount", self.name)

    @contextlib.contextmanager
    def running(self, *command: str, options: Sequence[str] = ()) -> Iterator["Container"]:
        """A container that runs a command; killed and removed at the end if it still runs."""
        flags = ("--detach", *HARDENED, *HERE, *options)
        started = self.podman("run", *flags, self.name, *command)
        assert started.returncode == 0, started.stderr
        container = Container(self, started.stdout.strip())
        try:
            yield container
        finally:
            self.podman("rm", "--force", "--time=5", container.id)


@dataclass(frozen=True)
class Container:
    """A running container."""

    image: Image
    id: str

    def log(self) -> str:
        """All that it said."""
        said = self.image.podman("logs", self.id)
        return said.stdout + said.stderr

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a further command inside."""
        return self.image.podman("exec", self.id, *command)

    def until(self, *command: str, seconds: float = 60) -> None:
        """Waits until a command inside succeeds."""
        deadline, pause = time.monotonic() + seconds, 0.5
        while (done := self.execute(*command)).returncode:
            died = "container state improper" in done.stderr
            late = died or time.monotonic() > deadline
            assert not late, f"{done.stdout}{done.stderr}\n{self.log()}"
            time.sleep(pause)
            pause = min(pause * 1.5, 5.0)  # asking costs more than what is asked about

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal, waits for the end; the exit status."""
        self.image.podman("kill", f"--signal={number.name}", self.id)
        return int(self.image.podman("wait", self.id).stdout)


def store() -> dict[str, str]:
    """The environment of buildah and podman with the cache's own store; skips without them."""
    for program in ("buildah", "podman", "runc", "mmdebstrap"):
        if shutil.which(program) is None and shutil.which(program, path="/usr/sbin") is None:
            pytest.skip(f"image: {program} is not installed; apt-get install {program}")
    if os.geteuid() != 0:
        pytest.skip("image: building and running it here needs root (or user namespaces)")
    place = cache_dir() / "image-store"
    place.mkdir(exist_ok=True)
    settings = place / "storage.conf"
    settings.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/graph"\nrunroot = "{place}/run"\n'
    )
    return {
        **os.environ,
        "CONTAINERS_STORAGE_CONF": str(settings),
        "BUILDAH_ISOLATION": "chroot",
        "BUILDER": "buildah",
        "SOURCE_DATE_EPOCH": EPOCH,
    }


def built() -> Image:
    """The image of this checkout; built if the store does not hold it."""
    environ = store()
    image = Image(f"{NAME}:{digest()}", environ)
    with alone("image-store"):
        probe = image.podman("image", "exists", image.name)
        if probe.returncode not in (0, 1):
            pytest.skip(f"image: podman does not run here: {probe.stderr.strip()[-200:]}")
        if probe.returncode:
            build(image)
        _forget_old(image)
    return image


def build(image: Image, *, layers: bool = True) -> None:
    """Builds it as an operator without internet does: wheels first, then no network."""
    if image.podman("image", "exists", BASE).returncode:
        base = kept(f"image-base-bookworm-{EPOCH}", _make_base)
        _must(["podman", "import", "--quiet", str(base / "root.tar"), BASE], image.environ)
    locks = "".join(_hash(ROOT / name) for name in LOCKS)
    wheels = kept(f"image-wheels-{hashlib.sha256(locks.encode()).hexdigest()[:16]}", _fetch_wheels)
    script = ["nice", "-n", "5", str(ROOT / "deploy/image/build.sh"), "--no-download"]
    environ = {**image.environ, "WHEELS": str(wheels)}
    if not layers:
        environ["BUILDAH_LAYERS"] = "false"
    _must([*script, "--base", BASE, "--tag", image.name], environ)


def _forget_old(image: Image) -> None:
    """Removes what no checkout has asked for since a day; others may run theirs just now."""
    used = cache_dir() / "image-store" / "used"
    used.mkdir(exist_ok=True)
    (used / image.name.rpartition(":")[2]).touch()
    for line in image.podman("images", "--format={{.Repository}}:{{.Tag}}", NAME).stdout.split():
        mark = used / line.rpartition(":")[2]
        if not mark.exists() or mark.stat().st_mtime < time.time() - DAY_SECONDS:
            image.podman("rmi", line)
            mark.unlink(missing_ok=True)
            image.podman("image", "prune", "--force")  # the layers of builds, the last one's too


def digest() -> str:
    """A digest of all that goes into the image."""
    sha = hashlib.sha256()
    for name in INPUTS:
        sha.update(f"{name}\0{_hash(ROOT / name)}\0".encode())
    return sha.hexdigest()[:16]


def _hash(place: Path) -> str:
    """Of a file, or of all files below a folder that are no leftovers of running it."""
    sha = hashlib.sha256()
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            sha.update(f"{file.relative_to(ROOT)}\0{file.stat().st_mode & 0o111}\0".encode())
            sha.update(hashlib.sha256(file.read_bytes()).digest())
    return sha.hexdigest()


def _make_base(folder: Path) -> None:
    options = ("--variant=minbase", f"--include={BASE_PACKAGES}", "--quiet")
    _must(
        ["nice", "-n", "5", "mmdebstrap", *options, "bookworm", str(folder / "root.tar")],
        {**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
    )


def _fetch_wheels(folder: Path) -> None:
    script = str(ROOT / "deploy/image/build.sh")
    _must([script, "--wheels-only"], {**os.environ, "WHEELS": str(folder)})


def _must(command: Sequence[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-4000:]}")
