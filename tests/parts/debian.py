"""Debian's packages for a lane of tests: which are missing, and their installation where it may be.

Run by tests/lanes.py before a lane. Installs as root where apt-get is; elsewhere says the one line
that a person can run. A package that stays missing skips what needs it, and is never an error here.
"""

import os
import shutil
import subprocess
from pathlib import Path

LIST = Path(__file__).resolve().parents[2] / "requirements" / "debian.txt"
# A package counts as there when one of these is found, whoever brought it: a command on the path
# or a file; `*` in the last part is a pattern.
FOUND_BY: dict[str, tuple[str, ...]] = {
    "chromium": ("chromium", "chromium-browser"),
    "fonts-noto-cjk": ("/usr/share/fonts/opentype/noto/NotoSansCJK*",),
    "default-jdk-headless": ("java",),
    "maven": ("mvn",),
    "unzip": ("unzip",),
    "postgresql": ("/usr/lib/postgresql/*",),
    "nginx-light": ("nginx", "/usr/sbin/nginx"),
    "haproxy": ("haproxy", "/usr/sbin/haproxy"),
    "golang-go": ("go",),
    "buildah": ("buildah",),
    "podman": ("podman",),
    "runc": ("runc", "/usr/sbin/runc"),
    "mmdebstrap": ("mmdebstrap",),
    "redis-tools": ("redis-cli",),  # what Valkey's client and server were, with TLS
    "iproute2": ("ip", "/usr/sbin/ip"),
    "gcc": ("gcc", "cc"),
    "libc6-dev": ("/usr/include/dlfcn.h",),
    "softhsm2": ("softhsm2-util",),
}


def packages(lane: str) -> list[str]:
    """The packages of one lane, in the list's order."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return [package for owner, package in pairs if owner == lane]


def is_there(package: str) -> bool:
    """Whether what the package would bring is on this machine."""
    return any(_found(place) for place in FOUND_BY[package])


def _found(place: str) -> bool:
    if not place.startswith("/"):
        return shutil.which(place) is not None
    path = Path(place)
    return any(path.parent.glob(path.name))


def bring(lane: str) -> list[str]:
    """Installs what the lane lacks, if it may; returns what is still missing."""
    missing = [package for package in packages(lane) if not is_there(package)]
    if not missing:
        return []
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return missing
    print(f"── 데비안 패키지를 설치합니다: {' '.join(missing)}", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            print("\n".join((done.stdout + done.stderr).splitlines()[-5:]), flush=True)
    return [package for package in missing if not is_there(package)]


def advice(missing: list[str]) -> str:
    """What to tell people about packages that are missing."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return (
        "  이 패키지가 없어 건너뛴 테스트가 있습니다 (missing, and so skipped): "
        f"{sudo}apt-get install {' '.join(missing)}"
    )
