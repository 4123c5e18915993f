"""Wrong settings as an operator meets them: `config check` and `serve` say so before a start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli import main

Change = Callable[[dict[str, Any], Path], object]


def configuration(folder: Path) -> dict[str, Any]:
    secret = folder / "secret"
    secret.write_text("made-up\n", encoding="utf-8")
    return {
        "server": {"port": 18080, "internal_port": 18083},
        "identity": {"issuer": "http://127.0.0.1:9/realms/x", "browser_secret_file": str(secret)},
        "models": [
            {
                "name": name,
                "replicas": [{"name": "r0", "url": "http://127.0.0.1:9", "served_model": "m"}],
            }
            for name in ("one", "two")
        ],
        "store": {"data_dir": str(folder / "data")},
        "ledger": {},
    }


def write(folder: Path, tree: dict[str, Any]) -> Path:
    path = folder / "gwanmun.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def replica(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["models"][0]["replicas"][0]
    return found


def garbage(folder: Path) -> str:
    path = folder / "garbage.pem"
    path.write_text("no certificate", encoding="utf-8")
    return str(path)


def policy(folder: Path, document: str) -> str:
    path = folder / "정책.yaml"
    path.write_text(document, encoding="utf-8")
    return str(path)


BELOW_THE_FLOOR = "name: x\nversion: 1\noperators:\n  KR_RRN: allow\n"
HASHES = "name: x\nversion: 1\noperators: {PERSON: hash}\n"

WRONG: dict[str, tuple[Change, str]] = {
    "policy that is not there": (
        lambda tree, _: tree.update(redaction={"policy": "없는-정책"}),
        "policy_unreadable",
    ),
    "policy below the floor": (
        lambda tree, folder: tree.update(redaction={"policy": policy(folder, BELOW_THE_FLOOR)}),
        "정책.yaml: 4번째 줄(line 4) operators.KR_RRN",
    ),
    "policy that hashes without a key": (
        lambda tree, folder: tree.update(redaction={"policy": policy(folder, HASHES)}),
        "policy_hash_key",
    ),
    "short key of hash": (
        lambda tree, folder: tree.update(redaction={"hash_key_file": policy(folder, "short")}),
        "policy_hash_key",
    ),
    "proxies": (
        lambda tree, _: tree["server"].update(trusted_proxies=["10.0.0.0/8", "nonsense"]),
        "server.trusted_proxies[1]",
    ),
    "equal ports": (lambda tree, _: tree["server"].update(internal_port=18080), "server: "),
    "public url": (lambda tree, _: tree["server"].update(public_url="nonsense"), "public_url"),
    "issuer": (lambda tree, _: tree["identity"].update(issuer="nonsense"), "identity.issuer"),
    "issuer's port": (
        lambda tree, _: tree["identity"].update(issuer="http://127.0.0.1:99999"),
        "identity.issuer",
    ),
    "replica's url": (
        lambda tree, _: replica(tree).update(url="ftp//nonsense"),
        "models[0].replicas[0].url",
    ),
    "replica's socket": (lambda tree, _: replica(tree).update(url="unix://"), "replicas[0].url"),
    "no authorities": (
        lambda tree, folder: tree["identity"].update(private_ca_file=str(folder / "none")),
        "identity.private_ca_file",
    ),
    "no certificate": (
        lambda tree, folder: tree["identity"].update(private_ca_file=garbage(folder)),
        "identity.private_ca_file",
    ),
    "no secret": (
        lambda tree, folder: tree["identity"].update(browser_secret_file=str(folder / "none")),
        "identity.browser_secret_file",
    ),
    "no credential": (
        lambda tree, folder: replica(tree).update(credential_file=str(folder / "none")),
        "models[0].replicas[0].credential_file",
    ),
    "database": (
        lambda tree, _: tree["store"].update(database_url="mysql://localhost/x"),
        "store.database_url",
    ),
    "valkey": (
        lambda tree, _: tree.update(valkey={"url": "valkey://x:nonsense@127.0.0.1"}),
        "valkey.url",
    ),
    "valkey's scheme": (
        lambda tree, _: tree.update(valkey={"url": "redis://nonsense"}),
        "valkey.url",
    ),
    "no password": (
        lambda tree, folder: tree.update(
            valkey={"url": "valkeys://h/1", "password_file": str(folder / "none")}
        ),
        "valkey.password_file",
    ),
    "valkey's authorities": (
        lambda tree, folder: tree.update(valkey={"url": "valkeys://h", "ca_file": garbage(folder)}),
        "valkey.ca_file",
    ),
    "database's password": (
        lambda tree, _: tree["store"].update(database_url="postgresql://w:nonsense@db/x"),
        "store.database_url",
    ),
    "password's file": (
        lambda tree, folder: tree["store"].update(password_file=str(folder / "none")),
        "store.password_file",
    ),
    "database's authorities": (
        lambda tree, folder: tree["store"].update(ca_file=garbage(folder)),
        "store.ca_file",
    ),
    "owner's database": (
        lambda tree, _: tree["store"].update(owner_url="sqlite:////nonsense"),
        "store.owner_url",
    ),
    "no shared keys": (
        lambda tree, folder: tree["ledger"].update(key_dir=str(folder / "none")),
        "ledger.key_dir",
    ),
    "two models of one name": (
        lambda tree, _: tree["models"][1].update(name="one"),
        "models[0].name, models[1].name",
    ),
    "alias of another": (
        lambda tree, _: tree["models"][1].update(aliases=["one"]),
        "models[0].name, models[1].aliases[0]",
    ),
    "two replicas of one name": (
        lambda tree, _: tree["models"][0]["replicas"].append(dict(replica(tree))),
        "replicas[0].name, replicas[1].name",
    ),
    "empty name": (lambda tree, _: tree["models"][0].update(name=" "), "models[0].name"),
}


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str]]:
    """Runs a command; its exit status and what stood on standard error."""

    def run(*words: str | Path) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, capsys.readouterr().err

    return run


def test_right_settings_pass(tmp_path: Path, told: Callable[..., tuple[object, str]]) -> None:
    path = write(tmp_path, configuration(tmp_path))
    assert told("config", "check", "--config", path) == (0, "")


@pytest.mark.parametrize(("change", "place"), WRONG.values(), ids=WRONG.keys())
def test_settings_that_would_cripple_the_gateway_are_refused_and_named(
    tmp_path: Path, told: Callable[..., tuple[object, str]], change: Change, place: str
) -> None:
    tree = configuration(tmp_path)
    change(tree, tmp_path)
    path = write(tmp_path, tree)
    for command in (["config", "check"], ["serve"]):
        status, errors = told(*command, "--config", path)
        assert status == 2
        assert place in errors
        assert not any(value in errors for value in ("nonsense", "99999", "mysql"))
    assert not (tmp_path / "data").exists()
