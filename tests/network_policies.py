"""Reads NetworkPolicies as a cluster's network does: who may open a connection to whom?

Kubernetes' rules (networking.k8s.io/v1): a pod that no policy selects for a direction is open in
it; one that is selected may do what any of its policies allows, and nothing else. A connection
needs both ends: the sender's egress and the receiver's ingress.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod with its labels, or (without a namespace) a mere address."""

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    address: str = "10.244.9.9"


def may_connect(policies: Iterable[Any], start: End, end: End, port: int, protocol: str) -> bool:
    """Whether the policies let `start` reach this port of `end`."""
    policies = list(policies)
    return _allows(policies, "Egress", start, end, port, protocol) and _allows(
        policies, "Ingress", end, start, port, protocol
    )


def _allows(
    policies: list[Any], direction: str, own: End, other: End, port: int, protocol: str
) -> bool:
    if not own.namespace:
        return True  # not a pod of this cluster
    mine = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == own.namespace
        and _selects(policy["spec"]["podSelector"], own.labels)
    ]
    if not mine:
        return True
    rules, side = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return any(
        _port_fits(rule.get("ports"), port, protocol)
        and _is_peer(rule.get(side), own.namespace, other)
        for spec in mine
        for rule in spec.get(rules, ())
    )


def _port_fits(ports: list[Any] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(
        item.get("protocol", "TCP") == protocol
        and item["port"] <= port <= item.get("endPort", item["port"])
        for item in ports
    )


def _is_peer(peers: list[Any] | None, namespace: str, other: End) -> bool:
    if not peers:
        return True
    return any(_fits(peer, namespace, other) for peer in peers)


def _fits(peer: Any, namespace: str, other: End) -> bool:
    if block := peer.get("ipBlock"):
        address = ipaddress.ip_address(other.address)
        inside = address in ipaddress.ip_network(block["cidr"])
        return inside and not any(
            address in ipaddress.ip_network(network) for network in block.get("except", ())
        )
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        if not _selects(
            peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}
        ):
            return False
    elif other.namespace != namespace:
        return False
    return _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector: Any, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(item, labels) for item in selector.get("matchExpressions", ()))


def _expression(item: Any, labels: Mapping[str, str]) -> bool:
    there = item["key"] in labels
    match item["operator"]:
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
        case "In":
            return there and labels[item["key"]] in item["values"]
        case "NotIn":
            return not there or labels[item["key"]] not in item["values"]
    raise ValueError(item["operator"])
