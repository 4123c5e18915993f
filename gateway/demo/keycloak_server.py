"""Keycloak's own distribution on this machine: found or fetched, checked, unpacked, built, run.

Nothing is installed: the distribution lies in one directory of ours. Java is called without
Keycloak's shell script, because that keeps the server as a child of its own, which would outlive a
supervisor that was killed; the arguments are the script's (bin/kc.sh of this version).
"""

import asyncio
import re
import shutil
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from subprocess import DEVNULL, STDOUT
from typing import Final

from gateway import os_words
from gateway.demo.children import UpFailed

VERSION: Final = "26.7.0"
ARTIFACT: Final = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
ZIP_NAME: Final = f"keycloak-quarkus-dist-{VERSION}.zip"
# Of the zip in Maven's central repository.
ZIP_SHA256: Final = "e63bd0167199c0092b8a4d22cc137e6b7a70e0089070f6f7799b1be504b69a8a"
LEAST_JAVA: Final = 17  # Keycloak 26 runs on 17 and recommends 21
_VERSION_LINE: Final = f"Keycloak - Version {VERSION}"
_JAR: Final = Path("lib", "quarkus-run.jar")
_BUILT: Final = "gwanmun-built"
_JAVA_VERSION: Final = re.compile(r'version "(\d+)')
# bin/kc.sh, but for the first two: a server that few people use for a short time starts in half the
# processor time with the quick compiler and the plain collector.
_JAVA_OPTIONS: Final = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xms64m",
    "-Xmx512m",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-Duser.language=en",
    "-Duser.country=US",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dquarkus-log-max-startup-records=10000",
    "-Dpicocli.disable.closures=true",
)
RunProgram = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Server:
    """An unpacked distribution that this process may write into, and the Java that runs it."""

    java: Path
    home: Path

    @property
    def built(self) -> bool:
        """Whether `build` has come to its end."""
        return (self.home / _BUILT).exists()

    def mark_built(self) -> None:
        """Notes that it has."""
        (self.home / _BUILT).touch()

    @property
    def import_file(self) -> Path:
        """The realm that `run` imports where there is none of its name yet."""
        return self.home / "data" / "import" / "gwanmun-realm.json"

    def build(self) -> Sequence[str]:
        """The command that prepares the server for the database that `run` uses."""
        return [*self._java(), "build", "--db=dev-file"]

    def run(self, port: int, database_url: str) -> Sequence[str]:
        """The command that serves on loopback: production mode, without TLS, alone."""
        return [
            *self._java(),
            "start",
            "--optimized",
            "--import-realm",
            "--cache=local",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            f"--http-port={port}",
            f"--hostname=http://127.0.0.1:{port}",
            f"--db-url={database_url}",
        ]

    def _java(self) -> Sequence[str]:
        return [
            str(self.java),
            *_JAVA_OPTIONS,
            f"-Dkc.home.dir={self.home}",
            f"-Djboss.server.config.dir={self.home / 'conf'}",
            "-cp",
            str(self.home / _JAR),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
        ]


async def find_java(environ: Mapping[str, str]) -> Path:
    """The Java of JAVA_HOME, else of PATH.

    Raises:
        UpFailed: there is none, or it is too old.
    """
    named = environ.get("JAVA_HOME")
    found = f"{named}/bin/java" if named else shutil.which("java", path=environ.get("PATH"))
    told = await _said([found, "-version"]) if found else ""
    version = _JAVA_VERSION.search(told)
    if not found or version is None or int(version[1]) < LEAST_JAVA:
        raise UpFailed(
            f"Keycloak에는 Java {LEAST_JAVA} 이상이 필요한데 찾을 수 없습니다. 데비안에서는 "
            "`apt-get install default-jre-headless`로 설치하고, 다른 곳에 있으면 JAVA_HOME으로 "
            "알려 주십시오. Java 없이는 `--keycloak`을 빼고 시작하십시오.\n"
            f"Keycloak needs Java {LEAST_JAVA} or newer, which is not here: install it, or name it "
            "in JAVA_HOME. Without --keycloak, `gwanmun up` needs no Java."
        )
    return Path(found)


async def place(
    named: Path | None, home: Path, fetch: RunProgram, say: Callable[[str], None]
) -> None:
    """Puts the distribution into `home`, unless it is there.

    `named` is a zip or an unpacked distribution of the user's; without it, Maven's repository is
    asked by `fetch`.

    Raises:
        UpFailed: it cannot be had, or is not the pinned one.
    """
    if (home / _JAR).exists():
        return
    draft = home.with_name(f"{home.name}.draft")
    try:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
        draft.mkdir(parents=True)
        if named is not None:
            await asyncio.to_thread(_take, named, draft)
        else:
            say(f"Keycloak {VERSION}을 Maven 저장소에서 받습니다 (약 180 MB) …")
            zipped = await _fetched(home.parent, fetch)
            await asyncio.to_thread(_unpack, zipped, draft)
            zipped.unlink()
        draft.replace(home)
    except OSError as error:
        raise UpFailed.of(named or home, error) from None


async def _fetched(folder: Path, fetch: RunProgram) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        raise UpFailed(
            f"Keycloak {VERSION} 배포판이 없고, 받아 올 Maven(mvn)도 없습니다. `apt-get install "
            "maven`으로 설치하거나, 받아 둔 배포판을 --keycloak-dist로 알려 주십시오 "
            f"({ZIP_NAME} 또는 그것을 푼 폴더).\n"
            f"Neither Keycloak {VERSION} nor Maven (mvn) to fetch it with is here. Install maven, "
            "or name a zip or an unpacked distribution with --keycloak-dist."
        )
    await fetch(
        [
            maven,
            "-q",
            "-B",
            "dependency:copy",
            f"-Dartifact={ARTIFACT}",
            f"-DoutputDirectory={folder}",
        ]
    )
    return folder / ZIP_NAME


def _take(named: Path, folder: Path) -> None:
    if not named.is_dir():
        _unpack(named, folder)
        return
    _check_folder(named)
    shutil.copytree(named, folder, dirs_exist_ok=True)


def _unpack(zipped: Path, folder: Path) -> None:
    """Unpacks the one folder that the zip holds.

    Raises:
        UpFailed: it is not the pinned zip.
    """
    with zipped.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != ZIP_SHA256:
        raise UpFailed(
            f"{zipped}: Keycloak {VERSION}의 배포판이 아니거나 바뀐 파일입니다.\n"
            f"{zipped}: is not the distribution of Keycloak {VERSION}.\n"
            f"SHA-256 {found}\n     != {ZIP_SHA256}"
        )
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    (inner,) = folder.iterdir()
    for entry in inner.iterdir():
        entry.replace(folder / entry.name)
    inner.rmdir()


def _check_folder(folder: Path) -> None:
    try:
        version = (folder / "version.txt").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        version = ""
    if version != _VERSION_LINE or not (folder / _JAR).exists():
        raise UpFailed(
            f"{folder}: 푼 Keycloak {VERSION} 배포판이 아닙니다 (version.txt: {version}).\n"
            f"{folder}: is no unpacked distribution of Keycloak {VERSION}."
        )


async def _said(command: Sequence[str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=STDOUT
        )
    except OSError as error:
        return os_words.english(error)
    output, _ = await process.communicate()
    return output.decode("utf-8", "replace")
