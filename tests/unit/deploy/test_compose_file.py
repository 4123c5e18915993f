"""deploy/compose.yaml: hardened, closed, complete; every file, secret and command in it is real."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from composed import (
    DEPLOY,
    EXAMPLE,
    FILE,
    SECRETS,
    composed,
    filled,
    mounts,
    services,
    variables,
)

from gateway.cli import COMMANDS
from gateway.commands import secrets
from gateway.settings import setting_names

SERVICES = services()
RUNNING = {name: service for name, service in SERVICES.items() if name != "secrets"}
OURS = ("secrets", "migrate", "audit", "archive", "prune", "sealer", "gateway")
ENDING = ("migrate", "audit", "archive", "prune")
NETWORKS = {
    "outside": {"proxy"},
    "front": {"proxy", "gateway", "keycloak"},
    "records": {"postgres", "migrate", "audit", "archive", "prune", "sealer", "gateway"},
    "accounts": {"postgres", "keycloak"},
    "limits": {"valkey", "gateway"},
    "engines": {"vllm", "gateway"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `gwanmun secrets init` makes."""
    folder = tmp_path_factory.mktemp("secrets")
    secrets.make(folder, "gwanmun.test", "login.gwanmun.test")
    return folder


def test_images_are_variables_without_default_and_are_not_built_here() -> None:
    tree = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for name, service in tree["services"].items():
        assert re.fullmatch(r"\$\{\w+_IMAGE:\?[^}]*by digest\}", service["image"]), name
        assert "build" not in service


def test_every_variable_stands_in_the_example_and_every_line_of_it_is_used() -> None:
    text = FILE.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    shown = set(re.findall(r"^#?(\w+)=", EXAMPLE.read_text(encoding="utf-8"), re.M))
    assert named == shown
    assert set(variables()) == set(re.findall(r"^(\w+)=$", EXAMPLE.read_text("utf-8"), re.M)) - {
        "VLLM_FLAGS"
    }


@pytest.mark.parametrize("missing", sorted(filled()))
def test_variable_that_is_missing_stops_the_start(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        composed({**filled(), missing: ""})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["core"] == {"soft": 0, "hard": 0}
    forbidden = ("privileged", "pid", "ipc", "devices", "userns_mode", "extra_hosts", "cgroup")
    assert [key for key in forbidden if key in service] == []
    assert not any("docker.sock" in source for source, _ in mounts(service).values())
    if name == "secrets":  # once, by hand, without any network
        assert service["network_mode"] == "none"
        assert service["profiles"] == ["setup"]
    else:
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
        assert "cap_add" not in service
        assert "network_mode" not in service


def test_only_the_proxy_can_be_reached_and_every_other_network_is_closed() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["proxy"]["ports"] == ["443:443"]
    networks = composed()["networks"]
    assert set(networks) == set(NETWORKS)
    assert {name for name, network in networks.items() if not (network or {}).get("internal")} == {
        "outside"
    }
    joined = {
        network: {name for name, service in RUNNING.items() if network in service["networks"]}
        for network in networks
    }
    assert joined == NETWORKS


def test_every_mount_is_there_and_only_volumes_can_be_written(made: Path) -> None:
    volumes = set(composed()["volumes"])
    writable = []
    for name, service in RUNNING.items():
        for target, (source, read_only) in mounts(service).items():
            if not read_only:
                writable.append((name, source))
            if source.startswith("./secrets/"):
                assert (made / source.removeprefix("./secrets/")).is_dir(), name
            elif source.startswith("./"):
                assert (DEPLOY / source).is_file(), f"{name}: {source}"
            else:
                assert source in volumes or source == "/srv/model", target
    assert writable == [("postgres", "postgres"), ("sealer", "sealed"), ("archive", "archive")]


def added(name: str) -> dict[str, Any]:
    """A file that is given behind compose.yaml."""
    tree = yaml.safe_load((DEPLOY / "compose" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(tree, dict)
    return tree


@pytest.mark.parametrize("name", ["witnesses", "content"])
def test_file_that_is_added_names_settings_and_mounts_what_they_name(name: str) -> None:
    tree = added(name)
    known = {variable_of(setting) for setting in setting_names()}
    for service, more in tree["services"].items():
        assert service in RUNNING
        assert more.keys() <= {"environment", "networks", "volumes"}  # what is hardened stays so
        assert more["environment"].keys() <= known
        targets = [volume.split(":")[1] for volume in more["volumes"]]
        for place in more["environment"].values():
            assert any(Path(place).is_relative_to(target) for target in targets), place
        for volume in more["volumes"]:
            source = volume.split(":")[0]
            assert source.startswith("./secrets/") == volume.endswith(":ro"), volume
            assert source.startswith("./secrets/") or source in tree["volumes"]
        assert not set(targets) & mounts(SERVICES[service]).keys()


def test_the_sealer_alone_gets_a_way_out_to_witnesses() -> None:
    more = {
        name: service.get("networks") for name, service in added("witnesses")["services"].items()
    }
    assert more == {"sealer": ["witnesses"], "gateway": None}


def test_what_the_sealer_remembers_lies_on_its_volume() -> None:
    settings = yaml.safe_load((DEPLOY / "compose" / "records.yaml").read_text(encoding="utf-8"))
    (place,) = [at for at, (source, _) in mounts(SERVICES["sealer"]).items() if source == "sealed"]
    assert Path(settings["ledger"]["sealed_file"]).parent == Path(place)


def variable_of(setting: str) -> str:
    return f"GWANMUN_{setting.replace('.', '__').upper()}"


def test_engine_owns_the_place_of_its_caches_and_may_run_what_it_compiles_there() -> None:
    vllm = SERVICES["vllm"]
    user, group = vllm["user"].split(":")
    assert f"/cache:uid={user},gid={group},mode=0700,exec" in vllm["tmpfs"]
    places = ("HOME", "XDG_CACHE_HOME", "VLLM_CACHE_ROOT", "TRITON_CACHE_DIR")
    assert all(vllm["environment"][place].startswith("/cache") for place in places)
    assert vllm["environment"]["USER"]  # its number stands in no passwd file


def test_service_is_given_its_own_secrets_and_runs_as_the_user_who_may_read_them() -> None:
    for name, service in RUNNING.items():
        source, read_only = mounts(service)[SECRETS]
        assert (source, read_only) == (f"./secrets/{name}", True)
        user, group = map(int, service["user"].split(":"))
        assert secrets.OWNERS[name] == (user, group), name
    given = {Path(source).name for s in RUNNING.values() for source, _ in mounts(s).values()}
    assert secrets.AUTHORITY not in given
    assert set(secrets.OWNERS) - given == set()


def words(service: dict[str, Any]) -> str:
    """All that a service is told: command, environment, health check, mounted files."""
    told = [str(service.get(key, "")) for key in ("command", "environment", "healthcheck")]
    for source, _ in mounts(service).values():
        if source.startswith("./") and not source.startswith("./secrets"):
            told.append((DEPLOY / source).read_text(encoding="utf-8"))
    return "\n".join(told)


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_secret_that_a_service_is_told_of_is_made_and_each_made_is_used(
    name: str, made: Path
) -> None:
    told = words(RUNNING[name])
    paths = set(re.findall(rf"{SECRETS}/([\w.-]+)", told))
    paths |= set(re.findall(r"\$\(cat ([\w-]+)\)", told))  # Keycloak goes to the directory
    paths |= set(re.findall(r"\}/([\w-]+)\"[` ]", told))  # psql puts the directory before it
    # migrate, archive and prune share the sealer's settings, and log in as others.
    unread = {
        "migrate": {"postgres-writer-password", "keys"},
        "prune": {"postgres-writer-password"},
    }
    assert paths - unread.get(name, set()) == {path.name for path in (made / name).iterdir()}


def test_every_program_of_ours_is_a_command() -> None:
    for name in OURS:
        assert SERVICES[name]["command"][0] in COMMANDS, name


def test_every_lasting_service_is_asked_for_its_health() -> None:
    for name, service in RUNNING.items():
        check = service["healthcheck"]
        if name in ENDING:
            assert check == {"disable": True}
            continue
        assert check["test"][0] in ("CMD", "CMD-SHELL")
        if name in OURS:
            assert check["test"] == ["CMD", "gwanmun", "healthcheck"]


def test_dependencies_wait_for_what_can_come() -> None:
    for service in RUNNING.values():
        for name, wait in service.get("depends_on", {}).items():
            needed = RUNNING[name]
            if wait["condition"] == "service_healthy":
                assert "test" in needed["healthcheck"]
            if wait["condition"] == "service_completed_successfully":
                assert needed["restart"] == "on-failure"


def test_proxy_notices_a_gateway_that_drains_before_it_stops() -> None:
    config = yaml.safe_load((DEPLOY / "compose/config.yaml").read_text(encoding="utf-8"))
    proxy = (DEPLOY / "compose/haproxy.cfg").read_text(encoding="utf-8")
    gateways = proxy[proxy.index("backend gateways") :]
    port, seconds, failures = re.search(
        r"check port (\d+) inter (\d+)s fall (\d+)", gateways
    ).groups()
    server = config["server"]
    assert int(port) == server["internal_port"]
    assert f"gateway:{server['port']}" in gateways
    assert int(seconds) * int(failures) < server["drain_delay_seconds"]
    grace = int(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert server["drain_delay_seconds"] + server["shutdown_seconds"] < grace
    places = int(re.search(r"server-template gateway (\d+)", gateways)[1])
    assert SERVICES["gateway"]["deploy"]["replicas"] <= places


def test_gateway_believes_the_proxy_and_nobody_else() -> None:
    told = SERVICES["gateway"]["environment"]["GWANMUN_SERVER__TRUSTED_PROXIES"]
    address = SERVICES["proxy"]["networks"]["front"]["ipv4_address"]
    assert yaml.safe_load(told) == [f"{address}/32"]
    assert SERVICES["keycloak"]["environment"]["KC_PROXY_TRUSTED_ADDRESSES"] == address


def test_nothing_secret_stands_in_the_file_or_its_neighbours() -> None:
    for path in (FILE, EXAMPLE, *(DEPLOY / "compose").iterdir()):
        assert not path.stat().st_mode & stat.S_IXUSR
        words = re.findall(r"[\w+/-]{24,}", path.read_text(encoding="utf-8"))
        assert [word for word in words if re.search(r"\d", word) and re.search("[A-Z]", word)] == []
