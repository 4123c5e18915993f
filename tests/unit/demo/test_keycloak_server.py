"""What is said when Java or the distribution cannot be had, and what is taken for one."""

import os
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.demo.children import UpFailed
from gateway.demo.keycloak_server import VERSION, ZIP_NAME, Server, find_java, place


async def no_fetch(_argv: Sequence[str]) -> None:
    raise AssertionError("nothing is to be fetched")


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def distribution(folder: Path, version: str = VERSION) -> Path:
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "quarkus-run.jar").touch()
    (folder / "version.txt").write_text(f"Keycloak - Version {version}")
    return folder


@pytest.mark.parametrize(
    ("script", "named"),
    [
        pytest.param("", False, id="none"),
        pytest.param("echo 'openjdk version \"11.0.2\"' >&2", True, id="old"),
        pytest.param("echo who knows", True, id="something else"),
        pytest.param("exit 1", True, id="broken"),
    ],
)
async def test_missing_java_is_told_in_both_languages(
    tmp_path: Path, script: str, named: bool
) -> None:
    if named:
        program(tmp_path / "bin" / "java", script)
    environ = {"JAVA_HOME": str(tmp_path)} if named else {"PATH": str(tmp_path)}
    with pytest.raises(UpFailed, match="Java 17 이상이 필요한데") as failed:
        await find_java(environ)
    assert "Keycloak needs Java 17 or newer" in str(failed.value)


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.1"])
async def test_java_that_is_new_enough_is_taken(tmp_path: Path, version: str) -> None:
    java = program(tmp_path / "bin" / "java", f"echo 'openjdk version \"{version}\"' >&2")
    assert await find_java({"JAVA_HOME": str(tmp_path), "PATH": ""}) == java
    assert await find_java({"PATH": f"{java.parent}{os.pathsep}/nowhere"}) == java


async def test_folder_of_the_user_is_copied_and_not_written_into(tmp_path: Path) -> None:
    named, home = distribution(tmp_path / "named"), tmp_path / "home"
    await place(named, home, no_fetch, print)
    assert (home / "version.txt").read_text() == f"Keycloak - Version {VERSION}"
    server = Server(Path("java"), home)
    assert not server.built
    server.mark_built()
    assert server.built
    assert sorted(path.name for path in named.iterdir()) == ["lib", "version.txt"]
    await place(tmp_path / "gone", home, no_fetch, print)  # it is there: nobody is asked again


@pytest.mark.parametrize("version", ["26.6.0", "27.0.0"])
async def test_folder_of_another_version_is_refused(tmp_path: Path, version: str) -> None:
    named = distribution(tmp_path / "named", version)
    with pytest.raises(UpFailed, match=version):
        await place(named, tmp_path / "home", no_fetch, print)
    assert not (tmp_path / "home").exists()


async def test_zip_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    forged = tmp_path / ZIP_NAME
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr(f"keycloak-{VERSION}/lib/quarkus-run.jar", "")
    with pytest.raises(UpFailed, match="SHA-256"):
        await place(forged, tmp_path / "home", no_fetch, print)
    assert not (tmp_path / "home").exists()


async def test_without_distribution_and_maven_both_ways_out_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpFailed, match="--keycloak-dist") as failed:
        await place(None, tmp_path / "home", no_fetch, lambda _: None)
    assert "apt-get install maven" in str(failed.value)
    assert "Neither Keycloak" in str(failed.value)


async def test_maven_brings_the_pinned_artifact_and_what_it_brings_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin" / "mvn", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    asked: list[Sequence[str]] = []

    async def fetch(argv: Sequence[str]) -> None:
        asked.append(argv)
        (tmp_path / ZIP_NAME).write_bytes(b"another file")

    with pytest.raises(UpFailed, match="SHA-256"):
        await place(None, tmp_path / "home", fetch, lambda _: None)
    assert f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip" in asked[0]


def test_server_listens_on_loopback_and_imports_the_realm() -> None:
    command = Server(Path("/java"), Path("/home/keycloak")).run(8081, "jdbc:h2:mem:x")
    assert command[0] == "/java"
    assert {"start", "--optimized", "--import-realm", "--http-host=127.0.0.1"} <= set(command)
    assert "--hostname=http://127.0.0.1:8081" in command
