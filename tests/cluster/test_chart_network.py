"""Who may talk to whom: the chart's network policies, read as a cluster's network reads them."""

from pathlib import Path

import pytest
from chart import NAMESPACE, SIZES, Objects, rendered
from network_policies import End, may_connect
from parts.helm import Helm, example

ENGINE, PUBLIC, INTERNAL = 8000, 8080, 8083


def parts(objects: Objects) -> dict[str, End]:
    """Every kind of pod of the release, by its owner's name."""
    return {
        pod.owner.partition(" ")[2]: End(pod.template["metadata"]["labels"], NAMESPACE)
        for pod in objects.pods()
    }


DNS = End({"k8s-app": "kube-dns"}, "kube-system")
INGRESS = {
    "small": End({"app.kubernetes.io/name": "ingress-nginx"}, "ingress-nginx"),
    "large": End({"anything": "at all"}, "gateways"),
}
DATABASE = {"small": End(address="10.20.0.10"), "large": End({"app": "postgres"}, "database")}
ISSUER = End(address="10.20.0.20")
VALKEY = End({"app": "valkey"}, "database")
NPU = End(address="10.30.0.5")
PROMETHEUS = End({"app.kubernetes.io/name": "prometheus"}, "monitoring")
INTERNET = End(address="203.0.113.7")
STRANGER = End({"app": "someone"}, NAMESPACE)
OTHER_NAMESPACE = End({"app": "someone"}, "elsewhere")


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def objects(examples: dict[str, Objects], size: str) -> Objects:
    return examples[size]


def engines(objects: Objects) -> list[End]:
    return [end for name, end in parts(objects).items() if "-engine-" in name]


def test_only_the_gateway_reaches_engines(objects: Objects, size: str) -> None:
    policies, own = objects.policies(), parts(objects)
    gateway = own["gwanmun"]
    impostor = End(gateway.labels, "elsewhere")
    outside = [STRANGER, OTHER_NAMESPACE, impostor, INGRESS[size], PROMETHEUS, DNS, INTERNET]
    others = [end for end in own.values() if end != gateway]
    assert engines(objects)
    for engine in engines(objects):
        assert may_connect(policies, gateway, engine, ENGINE, "TCP")
        assert not may_connect(policies, gateway, engine, ENGINE + 1, "TCP")
        for other in outside + others:
            assert not may_connect(policies, other, engine, ENGINE, "TCP"), other


def test_engines_reach_nothing(objects: Objects, size: str) -> None:
    policies, own = objects.policies(), parts(objects)
    ends = [*own.values(), DNS, DATABASE[size], ISSUER, VALKEY, INTERNET, STRANGER, PROMETHEUS]
    for engine in engines(objects):
        for end in ends:
            for port in (53, 80, 443, 5432, 6379, ENGINE, PUBLIC, INTERNAL):
                assert not may_connect(policies, engine, end, port, "TCP"), (end, port)
                assert not may_connect(policies, engine, end, port, "UDP"), (end, port)


def test_gateway_reaches_what_it_needs_and_no_more(objects: Objects, size: str) -> None:
    policies, gateway = objects.policies(), parts(objects)["gwanmun"]
    needed = [(DNS, 53, "UDP"), (DNS, 53, "TCP"), (DATABASE[size], 5432, "TCP")]
    needed += [(ISSUER, 443, "TCP")]
    if size == "large":
        needed += [(VALKEY, 6379, "TCP"), (NPU, 8000, "TCP")]
    for end, port, protocol in needed:
        assert may_connect(policies, gateway, end, port, protocol), end
        assert not may_connect(policies, gateway, end, port + 1, protocol), end
    own = [end for end in parts(objects).values() if end not in engines(objects)]
    for end in (*own, STRANGER, OTHER_NAMESPACE, PROMETHEUS, INTERNET):
        for port in (53, 80, 443, 5432, 6379, ENGINE, PUBLIC, INTERNAL):
            assert not may_connect(policies, gateway, end, port, "TCP"), (end, port)


def test_gateway_is_reached_from_the_way_in_and_by_prometheus(objects: Objects, size: str) -> None:
    policies, gateway = objects.policies(), parts(objects)["gwanmun"]
    assert may_connect(policies, INGRESS[size], gateway, PUBLIC, "TCP")
    assert not may_connect(policies, INGRESS[size], gateway, INTERNAL, "TCP")
    assert not may_connect(policies, PROMETHEUS, gateway, PUBLIC, "TCP")
    assert may_connect(policies, PROMETHEUS, gateway, INTERNAL, "TCP") == (size == "large")
    others = [end for end in parts(objects).values() if end != gateway]
    for end in (*others, STRANGER, OTHER_NAMESPACE, DNS, INTERNET):
        for port in (PUBLIC, INTERNAL):
            assert not may_connect(policies, end, gateway, port, "TCP"), (end, port)


def test_sealer_and_migrations_reach_the_database_alone(objects: Objects, size: str) -> None:
    policies, own = objects.policies(), parts(objects)
    for name in ("gwanmun-sealer", "gwanmun-migrations"):
        assert may_connect(policies, own[name], DATABASE[size], 5432, "TCP")
        assert may_connect(policies, own[name], DNS, 53, "UDP")
        for end in (*own.values(), ISSUER, VALKEY, NPU, INTERNET, STRANGER):
            for port in (80, 443, 6379, ENGINE, PUBLIC, INTERNAL):
                assert not may_connect(policies, own[name], end, port, "TCP"), (name, end, port)
        for end in (STRANGER, INGRESS[size], *own.values()):
            assert not may_connect(policies, end, own[name], INTERNAL, "TCP")
        scraped = size == "large" and name == "gwanmun-sealer"
        assert may_connect(policies, PROMETHEUS, own[name], INTERNAL, "TCP") == scraped


def test_sealer_reaches_witnesses_and_gateways_reach_the_siem(helm: Helm, tmp_path: Path) -> None:
    witness, siem = End(address="10.40.0.1"), End(address="10.50.0.5")
    reached = {
        "witnesses": {"ports": [443], "to": [{"ipBlock": {"cidr": "10.40.0.0/24"}}]},
        "siem": {"to": [{"ipBlock": {"cidr": "10.50.0.5/32"}}]},
    }
    values = example("small")["settings"]
    forward = {"syslog_host": "siem.example", "webhook_url": "https://siem.example:8443/x"}
    objects = rendered(
        helm,
        tmp_path,
        "small",
        witnesses={"policy": {"configMap": "witnesses"}},
        webhook={"secret": {"name": "siem-key"}},
        settings={**values, "forward": forward},
        network={**network(), **reached},
    )
    policies, own = objects.policies(), parts(objects)
    allowed = {
        (name, port)
        for name, end in own.items()
        for to, ports in ((witness, (443, 80)), (siem, (6514, 8443, 443)))
        for port in ports
        if may_connect(policies, end, to, port, "TCP")
    }
    assert allowed == {("gwanmun-sealer", 443), ("gwanmun", 6514), ("gwanmun", 8443)}


def test_daily_jobs_reach_the_database_and_the_bucket_alone(examples: dict[str, Objects]) -> None:
    policies, own = examples["large"].policies(), parts(examples["large"])
    bucket = End(address="10.60.0.5")
    for name in ("gwanmun-archive", "gwanmun-pruning"):
        assert may_connect(policies, own[name], DATABASE["large"], 5432, "TCP")
        assert may_connect(policies, own[name], bucket, 9000, "TCP")
        assert not may_connect(policies, own[name], bucket, 443, "TCP")
        for end in (*own.values(), ISSUER, VALKEY, NPU, INTERNET, STRANGER):
            for port in (80, 443, 6379, 9000, ENGINE, PUBLIC, INTERNAL):
                assert not may_connect(policies, own[name], end, port, "TCP"), (name, end, port)
                assert not may_connect(policies, end, own[name], port, "TCP"), (name, end, port)
    for name, end in own.items():
        known = name in ("gwanmun-archive", "gwanmun-pruning")
        assert may_connect(policies, end, bucket, 9000, "TCP") == known


def test_all_else_in_the_namespace_is_shut_in_too(helm: Helm, tmp_path: Path) -> None:
    shut = rendered(helm, tmp_path, "small").policies()
    assert not may_connect(shut, STRANGER, INTERNET, 443, "TCP")
    assert not may_connect(shut, OTHER_NAMESPACE, STRANGER, 80, "TCP")
    values = {"network": {**network(), "deny": "release"}}
    alone = rendered(helm, tmp_path, "small", **values)
    assert may_connect(alone.policies(), STRANGER, INTERNET, 443, "TCP")
    for end in parts(alone).values():
        assert not may_connect(alone.policies(), STRANGER, end, ENGINE, "TCP")
        assert not may_connect(alone.policies(), end, INTERNET, 443, "TCP")


def network() -> dict[str, object]:
    block = {"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}
    return {
        "database": block,
        "issuer": block,
        "public": {"from": [{"namespaceSelector": {}}]},
    }


def test_policies_stand_before_and_after_the_migrations(objects: Objects) -> None:
    """The migrations' own policy comes with them: the release's are not there yet at first."""
    (own,) = [item for item in objects.policies() if "annotations" in item["metadata"]]
    assert own["metadata"]["name"] == "gwanmun-migrations"
    chosen = own["spec"]["podSelector"]["matchLabels"]
    assert chosen.items() <= parts(objects)["gwanmun-migrations"].labels.items()
