"""A real Kubernetes API server with its etcd, built from source once, on loopback.

There is no kubelet, scheduler or controller: objects are accepted, defaulted, validated and stored
as in any cluster, and no pod runs. Pod Security admission is at work, and so is every other default
admission plugin. The sources are pinned by the go.sum files in tests/data/go.
"""

import contextlib
import json
import secrets
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import yaml
from ports import free_ports

from parts import golang
from parts.cache import kept

KUBERNETES = "1.36.3"
SOURCES = Path(__file__).resolve().parents[1] / "data" / "go"
_VERSION = "k8s.io/component-base/version"
_STAMP = (
    f"-X {_VERSION}.gitVersion=v{KUBERNETES} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36"
)
PROGRAMS = {
    "kube-apiserver": ("-s -w " + _STAMP, "k8s.io/kubernetes/cmd/kube-apiserver"),
    "etcd": ("-s -w", "."),
}
START_SECONDS = 120


# Where the API server keeps each kind.
PLACES = {
    "ConfigMap": ("api/v1", "configmaps"),
    "CronJob": ("apis/batch/v1", "cronjobs"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "HTTPRoute": ("apis/gateway.networking.k8s.io/v1", "httproutes"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "Job": ("apis/batch/v1", "jobs"),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies"),
    "Pod": ("api/v1", "pods"),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets"),
    "Service": ("api/v1", "services"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "ServiceMonitor": ("apis/monitoring.coreos.com/v1", "servicemonitors"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
}


def path_of(kind: str, namespace: str, name: str = "") -> str:
    group, plural = PLACES[kind]
    return f"/{group}/namespaces/{namespace}/{plural}/{name}".rstrip("/")


@dataclass(frozen=True)
class Cluster:
    """A running API server: a client for it, and the file by which Helm finds it."""

    kubeconfig: Path
    client: httpx.Client

    def get(self, path: str) -> Any:
        """An object or list, decoded; waits as the server asks while it is making room for one."""
        while (got := self.client.get(path)).status_code == 429:
            time.sleep(float(got.headers.get("retry-after", 1)))
        assert got.status_code == 200, got.text
        return got.json()

    def items(self, kind: str, namespace: str) -> list[Any]:
        """All objects of a kind."""
        return list(self.get(path_of(kind, namespace))["items"])

    def create(self, path: str, item: dict[str, Any], **query: str) -> httpx.Response:
        """Creates an object; an unknown or doubled field is refused."""
        return self.client.post(path, json=item, params={"fieldValidation": "Strict", **query})

    def patch_status(self, path: str, status: dict[str, Any]) -> None:
        """Writes an object's status, as a controller would."""
        got = self.client.patch(
            f"{path}/status",
            content=json.dumps({"status": status}),
            headers={"content-type": "application/merge-patch+json"},
        )
        assert got.status_code == 200, got.text


class JobController(threading.Thread):
    """Ends every new Job of a namespace with one verdict, as a kubelet and its controller would.

    `jobs` are those that it met; `beside` says of each which Deployments and StatefulSets stood
    in the namespace then.
    """

    def __init__(self, cluster: Cluster, namespace: str, *, success: bool = True) -> None:
        super().__init__(daemon=True)
        self._cluster, self._namespace, self._success = cluster, namespace, success
        self._stopped = threading.Event()
        self.jobs: list[Any] = []
        self.beside: list[set[str]] = []
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopped.wait(0.1):
                for job in self._cluster.items("Job", self._namespace):
                    if not job["status"].get("conditions"):
                        self.beside.append(self._workloads())
                        self.jobs.append(job)
                        self._end(job)
        except Exception as error:  # noqa: BLE001 shown by the test that waits for this thread
            self.trouble = error

    def _end(self, job: Any) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        kinds = ("SuccessCriteriaMet", "Complete") if self._success else ("FailureTarget", "Failed")
        conditions = [
            {"type": kind, "status": "True", "reason": "ByTheTest", "lastTransitionTime": now}
            for kind in kinds
        ]
        status: dict[str, Any] = {"startTime": now, "conditions": conditions}
        if self._success:
            status |= {"succeeded": 1, "completionTime": now}
        else:
            status |= {"failed": 1}
        place = path_of("Job", self._namespace, job["metadata"]["name"])
        self._cluster.patch_status(place, status)

    def _workloads(self) -> set[str]:
        return {
            item["metadata"]["name"]
            for kind in ("Deployment", "StatefulSet")
            for item in self._cluster.items(kind, self._namespace)
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()
        assert self.trouble is None, self.trouble


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """An empty cluster whose files stand in `folder`; both processes end with the block."""
    programs = built()
    etcd_port = free_ports(3)
    api_port = etcd_port + 2
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},tester,1,"system:masters"\n')
    subprocess.run(
        ["openssl", "genrsa", "-out", folder / "account.key", "2048"],
        check=True,
        capture_output=True,
    )
    etcd = [programs / "etcd", *_etcd_flags(folder, etcd_port)]
    server = [programs / "kube-apiserver", *_server_flags(folder, etcd_port, api_port)]
    with _process(etcd, folder / "etcd.log"), _process(server, folder / "api.log") as process:
        certificate = folder / "certificates" / "apiserver.crt"
        with _client(
            process, certificate, f"https://127.0.0.1:{api_port}", token, folder
        ) as client:
            kubeconfig = folder / "kubeconfig"
            kubeconfig.write_text(_kubeconfig(str(client.base_url), certificate, token))
            yield Cluster(kubeconfig, client)


def _etcd_flags(folder: Path, port: int) -> list[str]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # nothing here has to outlive the machine
        "--log-level=warn",
    ]


def _server_flags(folder: Path, etcd_port: int, port: int) -> list[str]:
    key = folder / "account.key"
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--cert-dir={folder / 'certificates'}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


@contextlib.contextmanager
def _process(command: list[Any], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _client(
    process: subprocess.Popen[bytes], certificate: Path, url: str, token: str, folder: Path
) -> Iterator[httpx.Client]:
    """A client that verifies the server's own certificate, once the server is ready."""
    headers = {"authorization": f"Bearer {token}"}
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if certificate.exists() and certificate.stat().st_size:
            with (
                contextlib.suppress(httpx.TransportError),
                httpx.Client(base_url=url, verify=_trust(certificate), trust_env=False) as asking,
            ):
                if asking.get("/readyz", headers=headers).status_code == 200:
                    break
        time.sleep(0.2)
    else:
        raise RuntimeError((folder / "api.log").read_text(errors="replace")[-3000:])
    with httpx.Client(
        base_url=url, verify=_trust(certificate), headers=headers, trust_env=False, timeout=30
    ) as client:
        yield client


def _trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def _kubeconfig(url: str, certificate: Path, token: str) -> str:
    tree = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "local", "cluster": {"server": url, "certificate-authority": str(certificate)}}
        ],
        "users": [{"name": "tester", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "tester"}}],
        "current-context": "local",
    }
    return yaml.safe_dump(tree)


def built() -> Path:
    """The folder of both programs, built once (ten minutes); skips where that cannot be done."""
    try:
        return kept(f"kubernetes-{KUBERNETES}", _build)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"kubernetes: go could not build it: {error.stderr.strip()[-300:]}")


def _build(folder: Path) -> None:
    for name, (linking, package) in PROGRAMS.items():
        golang.build(SOURCES / name, package, folder / name, linking=linking)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The one API server of a test run."""
    with running(tmp_path_factory.mktemp("kubernetes")) as ready:
        yield ready
