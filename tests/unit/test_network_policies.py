"""tests/network_policies.py reads policies as Kubernetes' own examples say they are read."""

from typing import Any

from network_policies import End, may_connect

WEB, DATABASE = End({"role": "web"}, "a"), End({"role": "db"}, "a")
FAR, OUTSIDE = End({"role": "web"}, "b"), End(address="172.17.1.7")


def policy(spec: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "a"}, "spec": spec}


DENY = policy({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
TO_DATABASE = policy(
    {
        "podSelector": {"matchLabels": {"role": "db"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"role": "web"}}},
                    {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
                ],
                "ports": [{"port": 5432, "endPort": 5433}],
            }
        ],
    }
)


def test_without_a_policy_everything_is_open() -> None:
    assert may_connect([], WEB, DATABASE, 1, "TCP")


def test_a_policy_of_another_namespace_changes_nothing() -> None:
    assert may_connect([DENY], FAR, OUTSIDE, 1, "TCP")


def test_both_ends_must_allow() -> None:
    assert may_connect([TO_DATABASE], WEB, DATABASE, 5432, "TCP")
    assert not may_connect([TO_DATABASE, DENY], WEB, DATABASE, 5432, "TCP")


def test_a_pod_selector_alone_means_the_same_namespace() -> None:
    assert not may_connect([TO_DATABASE], FAR, DATABASE, 5432, "TCP")


def test_ports_protocols_and_exceptions_count() -> None:
    assert may_connect([TO_DATABASE], WEB, DATABASE, 5433, "TCP")
    assert not may_connect([TO_DATABASE], WEB, DATABASE, 5434, "TCP")
    assert not may_connect([TO_DATABASE], WEB, DATABASE, 5432, "UDP")
    assert not may_connect([TO_DATABASE], OUTSIDE, DATABASE, 5432, "TCP")
    assert may_connect([TO_DATABASE], End(address="172.17.2.7"), DATABASE, 5432, "TCP")


def test_namespace_and_pod_selector_in_one_peer_must_both_fit() -> None:
    rule = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "b"}},
        "podSelector": {"matchExpressions": [{"key": "role", "operator": "In", "values": ["web"]}]},
    }
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [rule]}]}
    assert may_connect([policy(spec)], FAR, DATABASE, 1, "TCP")
    assert not may_connect([policy(spec)], WEB, DATABASE, 1, "TCP")
    assert not may_connect([policy(spec)], End({"role": "x"}, "b"), DATABASE, 1, "TCP")
