"""What tests against real parts share with the others: one detector, and whole gateways."""

from chart import examples
from integration.conftest import a_line, detector
from parts.helm import helm
from parts.keycloak_gateway import behind_keycloak, keycloak, keycloak_ports
from parts.kubernetes import cluster
from parts.seaweedfs import seaweed

__all__ = [
    "a_line",
    "behind_keycloak",
    "cluster",
    "detector",
    "examples",
    "helm",
    "keycloak",
    "keycloak_ports",
    "seaweed",
]
