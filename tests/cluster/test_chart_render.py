"""The chart's objects: valid, without rights, and what a production installation needs."""

import json
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from chart import NAMESPACE, SIZES, Objects, rendered
from parts.helm import CHART, EXAMPLES, Helm, example
from parts.kubernetes import KUBERNETES

CUSTOM = {"HTTPRoute", "ServiceMonitor"}  # test_chart_install.py has a server check them
OLDEST = "1.31"  # as Chart.yaml says
ROOT = CHART.parents[1]
VLLM = json.loads((ROOT / "tests/data/vllm-0.32.0-serve-flags.json").read_text(encoding="utf-8"))


@pytest.fixture(params=SIZES)
def objects(request: pytest.FixtureRequest, examples: dict[str, Objects]) -> Objects:
    return examples[request.param]


@pytest.fixture
def small(examples: dict[str, Objects]) -> Objects:
    return examples["small"]


@pytest.fixture
def large(examples: dict[str, Objects]) -> Objects:
    return examples["large"]


@pytest.mark.parametrize("size", SIZES)
def test_chart_lints_strictly(helm: Helm, size: str) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, "-f", EXAMPLES / f"{size}.yaml")


def test_chart_carries_the_version_of_the_program() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == project["version"]
    assert chart["kubeVersion"] == f">={OLDEST}.0-0"


def test_every_object_fits_its_schema(objects: Objects) -> None:
    checked = [item for item in objects.all if item["kind"] not in CUSTOM]
    assert len(checked) > 15
    for item in checked:
        for version in (OLDEST, KUBERNETES.rpartition(".")[0]):
            kubernetes_validate.validate(item, version, strict=True)


def test_unusual_values_render_right(helm: Helm, tmp_path: Path) -> None:
    values = example("small")
    values["settings"]["identity"]["issuer"] = "http://login.example:8180/realms/x"
    values["gateway"] = {"spread": [], "antiAffinity": "none", "maxSurge": "50%"}
    replica = {"name": "a", "url": "https://engine.example", "served_model": "a"}
    elsewhere = {"replicas": [replica], "to": [{"ipBlock": {"cidr": "10.9.0.0/24"}}]}
    values["models"] = {"a": {"settings": {"name": "a"}, "external": elsewhere}}
    objects = Objects(helm.render(values, folder=tmp_path))
    for item in objects.all:
        kubernetes_validate.validate(item, OLDEST, strict=True)
    spec = objects.pod("gateway").spec
    assert not {"topologySpreadConstraints", "affinity"} & spec.keys()
    assert "engines" not in {volume["name"] for volume in spec["volumes"]}
    assert "credential_file" not in objects.config()
    rules = objects.one("NetworkPolicy", "gwanmun-gateway")["spec"]["egress"]
    ports = {port["port"] for rule in rules for port in rule["ports"]}
    assert ports == {53, 5432, 8180, 8000, 443}
    assert objects.kind("StatefulSet") == []


def test_every_name_stands_once(objects: Objects) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in objects.all]
    assert len(names) == len(set(names))


def test_no_pod_has_a_right_that_it_could_lose(objects: Objects) -> None:
    assert len(objects.pods()) >= 4
    for pod in objects.pods():
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True, pod.owner
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.spec.keys()
        assert all("hostPath" not in volume for volume in pod.spec["volumes"])
        assert all("hostPort" not in port for port in pod.container.get("ports", ()))


def test_no_pod_can_speak_to_the_api_server(objects: Objects) -> None:
    accounts = {item["metadata"]["name"]: item for item in objects.kind("ServiceAccount")}
    for pod in objects.pods():
        assert pod.spec["automountServiceAccountToken"] is False
        assert accounts[pod.spec["serviceAccountName"]]["automountServiceAccountToken"] is False
    assert not {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"} & {
        item["kind"] for item in objects.all
    }


def test_no_service_puts_variables_before_the_gateway(objects: Objects) -> None:
    """Kubernetes' GWANMUN_PORT and the like would stop the gateway: it knows no such setting."""
    assert all(pod.spec["enableServiceLinks"] is False for pod in objects.pods())
    names = {entry["name"] for pod in objects.pods() for entry in pod.container["env"]}
    assert {name for name in names if name.startswith("GWANMUN_")} == {"GWANMUN_CONFIG"}


def test_every_image_is_named_by_its_digest(objects: Objects) -> None:
    for pod in objects.pods():
        repository, _, digest = pod.container["image"].partition("@")
        assert digest.startswith("sha256:"), pod.owner
        assert ":" not in repository


def test_what_is_written_goes_where_it_may(objects: Objects) -> None:
    """The root is read-only: all else that is mounted is too, but for empty directories."""
    for pod in objects.pods():
        empty = {volume["name"] for volume in pod.spec["volumes"] if "emptyDir" in volume}
        for mount in pod.container["volumeMounts"]:
            assert (mount["name"] in empty) != mount.get("readOnly", False), (pod.owner, mount)
        for volume in pod.spec["volumes"]:
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""})
        tmp = next(volume for volume in pod.spec["volumes"] if volume["name"] == "tmp")
        assert tmp["emptyDir"]["medium"] == "Memory"


def test_secrets_are_files_out_of_secrets_that_are_there_already(objects: Objects) -> None:
    assert objects.kind("Secret") == []
    for pod in objects.pods():
        for entry in pod.container["env"]:
            assert "valueFrom" not in entry, pod.owner
        for volume in pod.spec["volumes"]:
            for place in ("secret", "projected"):
                assert volume.get(place, {"defaultMode": 0o440})["defaultMode"] == 0o440


def test_each_part_gets_its_own_secrets_alone(large: Objects) -> None:
    found = {pod.owner: pod.secrets() for pod in large.pods()}
    assert found == {
        "Deployment gwanmun": {
            "gwanmun-writer",
            "gwanmun-valkey",
            "gwanmun-browser-client",
            "gwanmun-keys",
            "gwanmun-engine-k-exaone",
            "gwanmun-engine-midm",
            "gwanmun-engine-solar",
        },
        "Deployment gwanmun-sealer": {"gwanmun-writer", "gwanmun-seal-keys"},
        "Job gwanmun-migrations": {"gwanmun-owner"},
        "CronJob gwanmun-archive": {"gwanmun-writer", "gwanmun-keys", "gwanmun-archive-putter"},
        "CronJob gwanmun-pruning": {"gwanmun-pruner", "gwanmun-keys", "gwanmun-archive-reader"},
        "StatefulSet gwanmun-engine-k-exaone": {"gwanmun-engine-k-exaone"},
        "StatefulSet gwanmun-engine-midm": {"gwanmun-engine-midm"},
    }


def test_gateway_goes_slowly_enough_for_load_balancers_and_running_answers(
    objects: Objects,
) -> None:
    pod = objects.pod("gateway")
    server = yaml.safe_load(objects.config())["server"]
    ready = pod.container["readinessProbe"]
    noticed = ready["periodSeconds"] * ready["failureThreshold"] + ready["timeoutSeconds"]
    assert server["drain_delay_seconds"] > noticed
    stall = 30  # deadlines.client_stall_seconds by default: how long the cut may take
    least = server["drain_delay_seconds"] + server["shutdown_seconds"] + stall
    assert pod.spec["terminationGracePeriodSeconds"] > least
    strategy = objects.one("Deployment")["spec"]["strategy"]
    assert strategy["rollingUpdate"]["maxUnavailable"] == 0


def test_grace_follows_the_drain_and_the_deadlines(helm: Helm, tmp_path: Path) -> None:
    values = yaml.safe_load((EXAMPLES / "small.yaml").read_text(encoding="utf-8"))
    values["gateway"] = {"drain": {"delaySeconds": 40, "runningSeconds": 100}}
    values["settings"]["deadlines"] = {"client_stall_seconds": 7.5}
    objects = Objects(helm.render(values, folder=tmp_path))
    assert objects.pod("gateway").spec["terminationGracePeriodSeconds"] == 40 + 100 + 8 + 15


def test_probes_ask_the_internal_listener(objects: Objects) -> None:
    container = objects.pod("gateway").container
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    server = yaml.safe_load(objects.config())["server"]
    assert ports == {"http": server["port"], "internal": server["internal_port"]}
    asked = {
        name: container[name]["httpGet"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked == {
        "startupProbe": {"path": "/healthz", "port": "internal"},
        "livenessProbe": {"path": "/healthz", "port": "internal"},
        "readinessProbe": {"path": "/readyz", "port": "internal"},
    }
    sealer = objects.pod("sealer").container
    assert {name: sealer[name]["httpGet"] for name in asked} == asked


def test_changed_settings_roll_the_pods_and_nothing_else_does(helm: Helm, tmp_path: Path) -> None:
    def annotations(**changed: Any) -> list[Any]:
        objects = rendered(helm, tmp_path, "small", **changed)
        return [
            objects.pod(component).template["metadata"]["annotations"]["checksum/config"]
            for component in ("gateway", "sealer")
        ]

    settings = yaml.safe_load((EXAMPLES / "small.yaml").read_text(encoding="utf-8"))["settings"]
    before = annotations()
    assert annotations(service={"port": 8080}) == before
    changed = annotations(settings={**settings, "log": {"level": "warning"}})
    assert all(new != old for new, old in zip(changed, before, strict=True))


def test_selectors_find_their_pods(objects: Objects) -> None:
    pods = {pod.owner: pod.template["metadata"]["labels"] for pod in objects.pods()}

    def found(selector: dict[str, str]) -> list[str]:
        return [owner for owner, labels in pods.items() if selector.items() <= labels.items()]

    for service in objects.kind("Service"):
        assert len(found(service["spec"]["selector"])) == 1, service["metadata"]["name"]
    for budget in objects.kind("PodDisruptionBudget"):
        assert len(found(budget["spec"]["selector"]["matchLabels"])) == 1
    for kind in ("Deployment", "StatefulSet"):
        for item in objects.kind(kind):
            owner = f"{kind} {item['metadata']['name']}"
            assert found(item["spec"]["selector"]["matchLabels"]) == [owner]


def test_gateways_spread_and_keep_apart(large: Objects) -> None:
    spec = large.pod("gateway").spec
    (constraint,) = spec["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "DoNotSchedule"
    assert constraint["matchLabelKeys"] == ["pod-template-hash"]
    rules = spec["affinity"]["podAntiAffinity"]
    assert set(rules) == {"requiredDuringSchedulingIgnoredDuringExecution"}
    assert spec["priorityClassName"] == "gwanmun-critical"
    scaler = large.one("HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (6, 12)
    assert "replicas" not in large.one("Deployment")["spec"]


def test_one_sealer_with_a_key_of_its_own(objects: Objects) -> None:
    spec = objects.one("Deployment", "gwanmun-sealer")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert objects.pod("sealer").container["args"] == ["seal"]
    assert yaml.safe_load(objects.config())["ledger"]["seals"] is False
    keys = {
        part: {path for path, *_ in objects.pod(part).files() if path.endswith(".pem")}
        for part in ("gateway", "sealer")
    }
    assert keys == {
        "gateway": {"/run/secrets/gwanmun/keys/writer.pem"},
        "sealer": {"/run/secrets/gwanmun/keys/sealer.pem"},
    }


def test_migrations_run_before_with_the_owners_password_alone(objects: Objects) -> None:
    hooks = [
        item for item in objects.all if "helm.sh/hook" in item["metadata"].get("annotations", {})
    ]
    weights = {
        item["kind"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in hooks
    }
    assert {item["metadata"]["name"] for item in hooks} == {"gwanmun-migrations"}
    assert weights.keys() == {"ServiceAccount", "ConfigMap", "NetworkPolicy", "Job"}
    assert all(weight < weights["Job"] for kind, weight in weights.items() if kind != "Job")
    for item in hooks:
        annotations = item["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "hook-failed" not in annotations["helm.sh/hook-delete-policy"]
    pod = objects.pod("migrations")
    assert pod.container["args"] == ["migrate"]
    assert pod.secrets() == {"gwanmun-owner"}
    for other in objects.pods():
        assert other.component == "migrations" or "gwanmun-owner" not in other.secrets()
    assert "owner" not in objects.config()
    assert "owner" not in objects.config("gwanmun-sealer")


def test_daily_work_is_done_where_it_is_wanted(small: Objects, large: Objects) -> None:
    assert small.kind("CronJob") == []
    times = {
        job["metadata"]["name"]: (job["spec"]["schedule"], job["spec"]["concurrencyPolicy"])
        for job in large.kind("CronJob")
    }
    assert times == {
        "gwanmun-archive": ("17 16 * * *", "Forbid"),
        "gwanmun-pruning": ("17 18 * * *", "Forbid"),
    }
    for name in times:
        policy, pod = large.one("NetworkPolicy", name), large.pod(name.removeprefix("gwanmun-"))
        chosen = policy["spec"]["podSelector"]["matchLabels"]
        assert chosen.items() <= pod.template["metadata"]["labels"].items()
        assert large.one("ServiceAccount", name)["automountServiceAccountToken"] is False


def test_pruning_alone_has_the_pruner_s_password(helm: Helm, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path, "small", pruning={"secret": {"name": "gwanmun-pruner"}})
    pod = found.pod("pruning")
    assert pod.container["args"] == ["audit", "prune"]
    assert {path for path, kind, *_ in pod.files() if kind == "Secret"} == {
        "/run/secrets/gwanmun/passwords/database",
        "/run/secrets/gwanmun/keys/trust.json",
        "/run/secrets/gwanmun/keys/writer.pem",
    }
    for other in found.pods():
        assert other.component == "pruning" or "gwanmun-pruner" not in other.secrets()
    settings = yaml.safe_load(found.config("gwanmun-pruning"))
    assert settings["store"]["database_url"].startswith("postgresql://gwanmun_pruner@")


def test_days_are_archived_on_a_volume_and_pruning_deletes_what_stands_there_alone(
    helm: Helm, tmp_path: Path
) -> None:
    secret = {"secret": {"name": "gwanmun-pruner"}}
    found = rendered(helm, tmp_path, "small", pruning=secret, archive={"claim": "worm"})
    archives, prunes = found.pod("archive"), found.pod("pruning")
    assert archives.container["args"] == ["audit", "archive", "/var/lib/gwanmun-archive"]
    assert prunes.container["args"] == ["audit", "prune", "--archive", "/var/lib/gwanmun-archive"]
    for pod, read_only in ((archives, False), (prunes, True)):
        (mount,) = [each for each in pod.container["volumeMounts"] if each["name"] == "archive"]
        assert (mount["mountPath"], mount["readOnly"]) == ("/var/lib/gwanmun-archive", read_only)
        (volume,) = [each for each in pod.spec["volumes"] if each["name"] == "archive"]
        assert volume["persistentVolumeClaim"] == {"claimName": "worm"}
    assert archives.secrets() == {"gwanmun-writer", "gwanmun-keys"}
    assert {path for path, kind, *_ in archives.files() if kind == "Secret"} == {
        "/run/secrets/gwanmun/passwords/database",
        "/run/secrets/gwanmun/keys/trust.json",
        "/run/secrets/gwanmun/keys/writer.pem",
    }
    assert "archive" not in yaml.safe_load(found.config("gwanmun-archive"))


def test_days_are_archived_in_a_bucket_whose_keys_nobody_else_has(large: Objects) -> None:
    archives, prunes = large.pod("archive"), large.pod("pruning")
    assert archives.container["args"] == ["audit", "archive", "s3://gwanmun-archive/records"]
    assert prunes.container["args"][-2:] == ["--archive", "s3://gwanmun-archive/records"]
    own = {"archive": "gwanmun-archive-putter", "pruning": "gwanmun-archive-reader"}
    for pod in large.pods():
        known = {own[pod.component]} if pod.component in own else set()
        assert pod.secrets() & set(own.values()) == known
    for name in ("gwanmun-archive", "gwanmun-pruning"):
        settings = yaml.safe_load(large.config(name))["archive"]
        assert settings == {
            "endpoint_url": "https://s3.agency.example:9000",
            "region": "us-east-1",
            "retention_days": 1095,
            "retention_mode": "COMPLIANCE",
            "access_key_id_file": "/run/secrets/gwanmun/bucket/id",
            "secret_access_key_file": "/run/secrets/gwanmun/bucket/key",
            "ca_file": "/etc/gwanmun/ca/ca.crt",
        }
    assert "archive" not in yaml.safe_load(large.config())


def test_a_bucket_s_region_and_address_stay_words(helm: Helm, tmp_path: Path) -> None:
    bucket = {
        "url": "s3://days",
        "endpointUrl": "https://[2001:db8::5]:9000",
        "region": "123",
        "secret": {"name": "putter"},
    }
    to = [{"ipBlock": {"cidr": "2001:db8::5/128"}}]
    network = {**example("small").get("network", {}), "archive": {"to": to}}
    found = rendered(helm, tmp_path, "small", archive={"bucket": bucket}, network=network)
    settings = yaml.safe_load(found.config("gwanmun-archive"))["archive"]
    assert settings["region"] == "123"
    assert settings["endpoint_url"] == "https://[2001:db8::5]:9000"
    (rule,) = [
        rule
        for rule in found.one("NetworkPolicy", "gwanmun-archive")["spec"]["egress"]
        if rule["to"] == to
    ]
    assert rule["ports"] == [{"port": 9000, "protocol": "TCP"}]


def test_monitor_is_made_only_where_it_is_known(helm: Helm, tmp_path: Path, large: Objects) -> None:
    assert large.one("ServiceMonitor")["spec"]["endpoints"][0]["port"] == "internal"
    assert rendered(helm, tmp_path, "large").kind("ServiceMonitor") == []


def test_way_in_is_the_public_host_and_lets_streams_pass(small: Objects, large: Objects) -> None:
    ingress = small.one("Ingress")
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "ai.agency.example"
    assert rule["http"]["paths"][0]["backend"]["service"] == {
        "name": "gwanmun",
        "port": {"name": "http"},
    }
    passing = ingress["metadata"]["annotations"]
    assert passing["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert passing["nginx.ingress.kubernetes.io/proxy-next-upstream"] == "off"
    route = large.one("HTTPRoute")["spec"]
    assert route["hostnames"] == ["ai.agency.example"]
    assert route["rules"][0]["timeouts"] == {"request": "0s", "backendRequest": "0s"}


def test_names_are_the_namespaces_own(objects: Objects) -> None:
    for item in objects.all:
        assert item["metadata"].get("namespace", NAMESPACE) == NAMESPACE
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == "gwanmun"


def test_workers_use_flags_and_parsers_that_vllm_has(objects: Objects) -> None:
    for pod in (pod for pod in objects.pods() if pod.component == "engine"):
        arguments = pod.container["args"]
        assert arguments[:2] == ["vllm", "serve"]
        flags = {item.partition("=")[0] for item in arguments if item.startswith("--")}
        assert flags - set(VLLM["flags"]) == set()
        told = dict(pairwise(arguments))
        assert told.get("--tool-call-parser", "hermes") in VLLM["tool_parsers"]
        assert told.get("--reasoning-parser", "qwen3") in VLLM["reasoning_parsers"]
        assert int(told["--shutdown-timeout"]) < pod.spec["terminationGracePeriodSeconds"]


def test_workers_neither_call_home_nor_write_prompts_down(objects: Objects) -> None:
    for pod in (pod for pod in objects.pods() if pod.component == "engine"):
        variables = {entry["name"]: entry["value"] for entry in pod.container["env"]}
        offline = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK")
        assert {variables[name] for name in offline} == {"1"}
        assert "--no-enable-log-requests" in pod.container["args"]
        assert "--trust-remote-code" not in pod.container["args"]
        assert not any("key" in item for item in pod.container["args"])
        volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
        assert volumes["weights"]["persistentVolumeClaim"]["readOnly"] is True
        assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
        cards = {name: n for name, n in pod.container["resources"]["limits"].items() if "/" in name}
        assert len(cards) == 1
