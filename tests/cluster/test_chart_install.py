"""The chart in a real API server: installed, upgraded, rolled back, taken away.

No pod runs there. The one thing that waits for one is the migrations' hook, and the test ends its
Job as a kubelet and the Job controller would.
"""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart import SIZES, WITH_PODS, Objects, template_of
from parts.definitions import definitions
from parts.helm import CHART, Helm, HelmFailed, example, program, written
from parts.kubernetes import PLACES, Cluster, JobController, path_of

# The first of these on a machine builds the API server, which may take longer than a test may.
pytestmark = pytest.mark.timeout(2_400)
NEW_DIGEST = f"sha256:{'9' * 64}"
WAIT = ("--timeout", "60s")
CLASSES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/apis/scheduling.k8s.io/v1/priorityclasses", {"value": 1000}),
    ("/apis/node.k8s.io/v1/runtimeclasses", {"handler": "nvidia"}),
)
NAMED = {"priorityclasses": ("gwanmun-critical", "gwanmun-engines"), "runtimeclasses": ("nvidia",)}


def stored(cluster: Cluster, namespace: str, kind: str, name: str = "gwanmun") -> Any:
    return cluster.get(path_of(kind, namespace, name))


def named(cluster: Cluster, namespace: str, kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in cluster.items(kind, namespace)}


def digest(cluster: Cluster, namespace: str) -> str:
    template = stored(cluster, namespace, "Deployment")["spec"]["template"]
    return str(template["spec"]["containers"][0]["image"]).partition("@")[2]


@pytest.fixture(scope="module")
def ready(cluster: Cluster) -> Cluster:
    """The cluster with the definitions and classes that the large example names."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for definition in definitions():
        made = cluster.create(path, definition)
        assert made.status_code in (201, 409), made.text
        name = definition["metadata"]["name"]
        while not established(cluster.get(f"{path}/{name}")):
            time.sleep(0.05)
    for place, body in CLASSES:
        for name in NAMED[place.rpartition("/")[2]]:
            made = cluster.create(place, {"metadata": {"name": name}, **body})
            assert made.status_code in (201, 409), made.text
    return cluster


def established(definition: Any) -> bool:
    return any(
        item["type"] == "Established" and item["status"] == "True"
        for item in definition.get("status", {}).get("conditions") or ()
    )


@pytest.fixture
def namespace(ready: Cluster) -> str:
    """A namespace of this test alone that refuses every pod that is not "restricted"."""
    name = f"ai-{secrets.token_hex(4)}"
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    made = ready.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    assert made.status_code == 201, made.text
    return name


@pytest.fixture
def installer(ready: Cluster, tmp_path: Path) -> Helm:
    return Helm(program(), tmp_path / "helm", ready.kubeconfig)


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def upgrade(helm: Helm, namespace: str, values: dict[str, Any], folder: Path) -> str:
    file = written(values, folder)
    command = ("upgrade", "--install", "gwanmun", CHART, "-n", namespace)
    return helm(*command, "-f", file, *WAIT)


def manifest(helm: Helm, namespace: str) -> Objects:
    text = helm("get", "manifest", "gwanmun", "-n", namespace)
    return Objects([item for item in yaml.safe_load_all(text) if item])


def check_stored(cluster: Cluster, helm: Helm, namespace: str) -> Objects:
    """Every object of the release stands in the server as it was written, but for defaults."""
    objects = manifest(helm, namespace)
    for item in objects.all:
        name = item["metadata"]["name"]
        found = stored(cluster, namespace, item["kind"], name)
        assert list(differences(item, found, f"{item['kind']} {name}")) == []
    return objects


def differences(wanted: Any, found: Any, place: str) -> Iterator[str]:
    """What of `wanted` is not in `found`; a number may stand there as text, as quantities do."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            yield place
            return
        for key, value in wanted.items():
            if key not in found:
                if value not in ({}, [], None):
                    yield f"{place}.{key} is missing"
            else:
                yield from differences(value, found[key], f"{place}.{key}")
    elif isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            yield f"{place}: {wanted} became {found}"
            return
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif wanted != found:
        yield f"{place}: {wanted!r} became {found!r}"


def check_pods(cluster: Cluster, namespace: str, objects: list[Any]) -> None:
    """The server would take each pod: every admission plugin says yes, without a warning."""
    for item in objects:
        template = template_of(item)
        pod = {"metadata": {**template["metadata"], "name": "trial"}, "spec": template["spec"]}
        made = cluster.create(path_of("Pod", namespace), pod, dryRun="All")
        assert made.status_code == 201, made.text
        assert "warning" not in made.headers, made.headers["warning"]


def check_warnings(cluster: Cluster, namespace: str, objects: Objects) -> None:
    """The server takes each object again without a word about it."""
    for item in objects.all:
        again = {**item, "metadata": {**item["metadata"], "name": f"x-{item['metadata']['name']}"}}
        made = cluster.create(path_of(item["kind"], namespace), again, dryRun="All")
        assert made.status_code == 201, made.text
        assert "warning" not in made.headers, made.headers["warning"]


def test_release_lives_its_life(
    ready: Cluster, installer: Helm, namespace: str, size: str, tmp_path: Path
) -> None:
    values = example(size)
    with JobController(ready, namespace) as controller:
        said = upgrade(installer, namespace, values, tmp_path)
    assert "관문" in said
    assert [job["metadata"]["name"] for job in controller.jobs] == ["gwanmun-migrations"]
    assert controller.beside == [set()], "the tables are there before what reads them"
    first = check_stored(ready, installer, namespace)
    check_warnings(ready, namespace, first)
    check_pods(ready, namespace, [item for item in first.all if item["kind"] in WITH_PODS])
    before = digest(ready, namespace)

    changed = example(size)
    changed["image"]["digest"] = NEW_DIGEST
    changed["models"]["midm"]["worker"]["replicas"] = 4
    changed["models"]["ax"] = {
        "settings": {"name": "ax-4.0-light", "context_tokens": 16384},
        "apiKey": {"name": "gwanmun-engine-ax"},
        "worker": {"weights": {"claim": "models", "path": "A.X-4.0-Light"}, "toolParser": "hermes"},
    }
    with JobController(ready, namespace) as controller:
        upgrade(installer, namespace, changed, tmp_path)
    (job,) = controller.jobs
    assert job["spec"]["template"]["spec"]["containers"][0]["image"].endswith(NEW_DIGEST)
    check_stored(ready, installer, namespace)
    assert digest(ready, namespace) == NEW_DIGEST
    engine = stored(ready, namespace, "StatefulSet", "gwanmun-engine-midm")
    assert engine["spec"]["replicas"] == 4
    assert named(ready, namespace, "StatefulSet") >= {"gwanmun-engine-ax"}
    assert "gwanmun-engine-ax-0" in stored(ready, namespace, "ConfigMap")["data"]["config.yaml"]

    installer("rollback", "gwanmun", "1", "-n", namespace, *WAIT)
    back = check_stored(ready, installer, namespace)
    assert [item["metadata"]["name"] for item in back.all] == [
        item["metadata"]["name"] for item in first.all
    ]
    assert digest(ready, namespace) == before
    assert "gwanmun-engine-ax" not in named(ready, namespace, "StatefulSet")
    assert "gwanmun-engine-ax" not in stored(ready, namespace, "ConfigMap")["data"]["config.yaml"]

    installer("uninstall", "gwanmun", "-n", namespace, *WAIT)
    assert left_over(ready, namespace) == []


def left_over(cluster: Cluster, namespace: str) -> list[str]:
    """What of the release is still there."""
    return [
        f"{kind} {item['metadata']['name']}"
        for kind in PLACES
        for item in cluster.items(kind, namespace)
        if item["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "gwanmun"
    ]


def test_failed_migration_changes_nothing_else(
    ready: Cluster, installer: Helm, namespace: str, tmp_path: Path
) -> None:
    with JobController(ready, namespace):
        upgrade(installer, namespace, example("small"), tmp_path)
    before = digest(ready, namespace)
    changed = example("small")
    changed["image"]["digest"] = NEW_DIGEST
    with (
        JobController(ready, namespace, success=False) as controller,
        pytest.raises(HelmFailed, match="pre-upgrade"),
    ):
        upgrade(installer, namespace, changed, tmp_path)
    assert len(controller.jobs) == 1
    assert digest(ready, namespace) == before
    job = stored(ready, namespace, "Job", "gwanmun-migrations")
    assert job["metadata"]["uid"] == controller.jobs[0]["metadata"]["uid"], "kept for its log"
    with JobController(ready, namespace):
        upgrade(installer, namespace, changed, tmp_path)
    assert digest(ready, namespace) == NEW_DIGEST


def test_server_would_refuse_what_the_chart_must_never_make(ready: Cluster, namespace: str) -> None:
    """What the tests above rest on is at work: strict fields, warnings, Pod Security."""
    container = {"name": "c", "image": "example/image"}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [container]}}
    account = {"metadata": {"name": "default"}}
    assert ready.create(path_of("ServiceAccount", namespace), account).status_code == 201
    made = ready.create(path_of("Pod", namespace), pod, dryRun="All")
    assert made.status_code == 403
    assert "PodSecurity" in made.text
    labels = {"app": "x"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    deployment = {"metadata": {"name": "d"}, "spec": spec}
    made = ready.create(path_of("Deployment", namespace), deployment, dryRun="All")
    assert "PodSecurity" in made.headers["warning"]
    misspelt = {**deployment, "spec": {**spec, "replica": 1}}
    made = ready.create(path_of("Deployment", namespace), misspelt, dryRun="All")
    assert made.status_code == 400


def test_warning_of_the_server_fails_an_installation(
    ready: Cluster, installer: Helm, namespace: str, tmp_path: Path
) -> None:
    values = example("small")
    old = {"container.apparmor.security.beta.kubernetes.io/gateway": "runtime/default"}
    values["gateway"] = {"podAnnotations": old}
    with JobController(ready, namespace), pytest.raises(HelmFailed, match="deprecated"):
        upgrade(installer, namespace, values, tmp_path)
