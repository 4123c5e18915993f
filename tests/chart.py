"""The chart's objects as tests look at them: found by kind and name, pods with what they mount."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts.helm import Helm, example

NAMESPACE = "ai"
RELEASE = "gwanmun"
SIZES = ("small", "large")
KNOWN = ("--api-versions", "monitoring.coreos.com/v1")
WITH_PODS = ("Deployment", "StatefulSet", "Job", "CronJob")


@dataclass(frozen=True)
class Pod:
    """A template of pods, and the object that it stands in."""

    owner: str
    template: Any

    @property
    def spec(self) -> Any:
        return self.template["spec"]

    @property
    def container(self) -> Any:
        (only,) = self.spec["containers"]
        return only

    @property
    def component(self) -> str:
        return str(self.template["metadata"]["labels"]["app.kubernetes.io/component"])

    def secrets(self) -> set[str]:
        """The names of all Secrets that the pod mounts."""
        names = set()
        for volume in self.spec["volumes"]:
            if "secret" in volume:
                names.add(volume["secret"]["secretName"])
            for source in volume.get("projected", {}).get("sources", ()):
                if "secret" in source:
                    names.add(source["secret"]["name"])
        return names

    def files(self) -> Iterator[tuple[str, str, str, str]]:
        """Each file that a ConfigMap or Secret gives: path, kind, the object's name, its key."""
        volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            for kind, name, key, path in _given(volumes[mount["name"]]):
                if "subPath" not in mount:
                    yield f"{mount['mountPath']}/{path}", kind, name, key
                elif path == mount["subPath"]:
                    yield mount["mountPath"], kind, name, key


def _given(volume: Any) -> Iterator[tuple[str, str, str, str]]:
    sources = [*volume.get("projected", {}).get("sources", ())]
    for kind in ("secret", "configMap"):
        if kind in volume:
            sources.append({kind: volume[kind]})
    for source in sources:
        (kind, inner) = next(iter(source.items()))
        name = inner.get("secretName") or inner["name"]
        for item in inner["items"]:
            yield (
                {"secret": "Secret", "configMap": "ConfigMap"}[kind],
                name,
                item["key"],
                item["path"],
            )


def template_of(item: Any) -> Any:
    spec = item["spec"]
    return (spec["jobTemplate"]["spec"] if item["kind"] == "CronJob" else spec)["template"]


class Objects:
    """What one rendering made."""

    def __init__(self, items: list[Any]) -> None:
        self.all = items

    def kind(self, kind: str) -> list[Any]:
        return [item for item in self.all if item["kind"] == kind]

    def one(self, kind: str, name: str = RELEASE) -> Any:
        (found,) = [item for item in self.kind(kind) if item["metadata"]["name"] == name]
        return found

    def pods(self) -> list[Pod]:
        return [
            Pod(f"{item['kind']} {item['metadata']['name']}", template_of(item))
            for item in self.all
            if item["kind"] in WITH_PODS
        ]

    def pod(self, component: str) -> Pod:
        (found,) = [pod for pod in self.pods() if pod.component == component]
        return found

    def config(self, name: str = RELEASE) -> str:
        """The gateway's configuration file."""
        return str(self.one("ConfigMap", name)["data"]["config.yaml"])

    def policies(self) -> list[Any]:
        """The network policies, each with the namespace that Helm gives it."""
        return [
            {**item, "metadata": {**item["metadata"], "namespace": NAMESPACE}}
            for item in self.kind("NetworkPolicy")
        ]


@pytest.fixture(scope="session")
def examples(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Objects]:
    """Both examples' objects for a cluster that knows ServiceMonitors; for reading only."""
    folder = tmp_path_factory.mktemp("examples")
    return {size: rendered(helm, folder, size, *KNOWN) for size in SIZES}


def rendered(helm: Helm, folder: Path, size: str, *arguments: str, **changed: Any) -> Objects:
    """An example's objects; `changed` groups of values replace or extend the example's."""
    values = example(size)
    for group, value in changed.items():
        both = isinstance(value, dict) and isinstance(values.get(group), dict)
        values[group] = {**values[group], **value} if both else value
    return Objects(helm.render(values, *arguments, folder=folder))
