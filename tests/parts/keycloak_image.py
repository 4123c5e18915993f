"""What deploy/keycloak/Dockerfile makes, made from Keycloak's own distribution and kept."""

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from gateway.demo.keycloak_server import ARTIFACT, VERSION, ZIP_NAME, ZIP_SHA256
from parts.cache import kept

DOCKERFILE = Path(__file__).resolve().parents[2] / "deploy/keycloak/Dockerfile"


def environment() -> dict[str, str]:
    """The build's ENV lines."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    return dict(re.findall(r"(KC_\w+)=(\S+)", text))


def opt_keycloak() -> Path:
    """The folder /opt/keycloak of that image; skips without Java and Maven."""
    for program, package in (("java", "default-jdk-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            pytest.skip(f"keycloak: {program} is not installed; apt-get install {package}")
    return kept(f"keycloak-image-{VERSION}", _make)


def _make(draft: Path) -> None:
    archive = _fetched()
    built, final = (_unpacked(archive, draft / name) for name in ("build", "final"))
    _run([str(built / "bin/kc.sh"), "build"], {**os.environ, **environment()})
    copied = re.findall(r"^COPY --from=build /opt/keycloak/(\S*) ", DOCKERFILE.read_text(), re.M)
    assert copied == ["lib/quarkus/"]
    shutil.rmtree(final / "lib/quarkus")
    shutil.copytree(built / "lib/quarkus", final / "lib/quarkus")
    for path in (*final.iterdir(),):
        path.rename(draft / path.name)
    shutil.rmtree(draft / "build")
    shutil.rmtree(draft / "final")
    (draft / "data").mkdir(exist_ok=True)
    for path in draft.rglob("*"):  # root's, readable by everybody, as COPY leaves it
        path.chmod(0o755 if path.is_dir() or path.suffix == ".sh" else 0o644)
    draft.chmod(0o755)


def _fetched() -> Path:
    home = Path(os.environ.get("MAVEN_REPO") or Path.home() / ".m2/repository")
    archive = home / "org/keycloak/keycloak-quarkus-dist" / VERSION / ZIP_NAME
    if not archive.exists():
        wanted = [f"-Dartifact={ARTIFACT}", "-Dtransitive=false"]
        _run(["mvn", "-q", "-B", "dependency:get", *wanted], dict(os.environ))
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != ZIP_SHA256:
            raise RuntimeError(f"{archive}: not the distribution that is pinned")
    return archive


def _unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    (found,) = folder.iterdir()
    for script in found.glob("bin/*.sh"):
        script.chmod(0o755)
    return found


def _run(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")
