"""The configuration that the chart writes is one that the program itself finds right."""

import base64
import datetime
import runpy
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart import SIZES, Objects, Pod, rendered
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from parts.helm import CHART, Helm, example
from sealing import Pair
from serve import gwanmun

from gateway.identity.keyfile import NAMES
from gateway.ledger.keys import mounted_keys
from gateway.proofs.trust import FILE_NAME
from gateway.settings import setting_names

ROOT = CHART.parents[1]
PARTS = ("gateway", "sealer")


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def objects(examples: dict[str, Objects], size: str) -> Objects:
    return examples[size]


def authority() -> bytes:
    """A certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agency")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `gwanmun keys init` makes, as it goes into the Secrets."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    made = gwanmun("keys", "init", folder)
    assert made.returncode == 0, made.stderr
    return folder


def mounted(objects: Objects, pod: Pod, root: Path, keys: Path) -> Path:
    """The files that a pod sees, below `root`; gives its configuration, with paths below it too."""
    for path, kind, name, key in pod.files():
        place = root / path.removeprefix("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if "/keys/" in path:
            shutil.copy(keys / key, place)
        elif kind == "Secret":
            place.write_text(f"secret of {name}\n", encoding="utf-8")
        elif name == "agency-ca":
            place.write_bytes(authority())
        elif kind == "ConfigMap" and name.startswith("agency-"):
            place.write_text("quorum none\n", encoding="utf-8")
        else:
            text = objects.one("ConfigMap", name)["data"][key]
            for held in ("/run/secrets/", "/etc/gwanmun/", "/var/lib/"):
                text = text.replace(f": {held}", f": {root}{held}")
            place.write_text(text, encoding="utf-8")
    variables = {entry["name"]: entry["value"] for entry in pod.container["env"]}
    return root / variables["GWANMUN_CONFIG"].removeprefix("/")


@pytest.mark.parametrize("part", ["gateway", "sealer"])
def test_part_finds_its_settings_right_and_every_file_there(
    objects: Objects, part: str, keys: Path, tmp_path: Path
) -> None:
    config = mounted(objects, objects.pod(part), tmp_path / "root", keys)
    checked = gwanmun("config", "check", "--config", config)
    assert checked.returncode == 0, checked.stderr


def test_each_part_has_the_keys_that_it_needs(objects: Objects, keys: Path, tmp_path: Path) -> None:
    seen = {}
    for part in ("gateway", "sealer"):
        config = mounted(objects, objects.pod(part), tmp_path / part, keys)
        folder = Path(yaml.safe_load(config.read_text(encoding="utf-8"))["ledger"]["key_dir"])
        mounted_keys(folder, writes=part == "gateway", seals=part == "sealer")
        seen[part] = {file.name for file in folder.iterdir()}
    assert seen["gateway"] >= set(NAMES)
    assert seen["gateway"] | seen["sealer"] == {file.name for file in keys.iterdir()}
    assert seen["gateway"] & seen["sealer"] == {FILE_NAME}


def test_migrations_find_their_settings_right(objects: Objects, keys: Path, tmp_path: Path) -> None:
    """All but the owner's password is the gateway's; no database is there to be migrated."""
    config = mounted(objects, objects.pod("migrations"), tmp_path / "root", keys)
    tree = yaml.safe_load(config.read_text(encoding="utf-8"))
    assert Path(tree["store"]["owner_password_file"]).read_text(encoding="utf-8").strip()
    host = tree["store"]["owner_url"].partition("@")[2].partition("/")[0]
    nowhere = config.read_text(encoding="utf-8").replace(host, "127.0.0.1:1")
    config.write_text(nowhere, encoding="utf-8")
    done = gwanmun("migrate", "--config", config)
    assert done.returncode != 0
    assert "설정이 올바르지 않습니다" not in done.stderr
    assert "owner_url" not in objects.config()


def test_agencys_policy_comes_out_of_a_secret_and_to_gateways_alone(
    helm: Helm, keys: Path, tmp_path: Path
) -> None:
    policy = {"secret": {"name": "agency-policy"}, "hashKey": {"name": "agency-hash", "key": "k"}}
    objects = rendered(helm, tmp_path, "small", policy=policy)
    root = tmp_path / "root"
    config = mounted(objects, objects.pod("gateway"), root, keys)
    folder = root / "run/secrets/gwanmun/policy"
    assert {file.name for file in folder.iterdir()} == {"policy.yaml", "hash.key"}
    (folder / "policy.yaml").write_text(
        "name: x\nversion: 1\noperators: {PERSON: hash}\n", encoding="utf-8"
    )
    (folder / "hash.key").write_text("k" * 32, encoding="utf-8")
    checked = gwanmun("config", "check", "--config", config)
    assert checked.returncode == 0, checked.stderr
    (folder / "policy.yaml").write_text("name: x\n", encoding="utf-8")
    assert "policy_missing" in gwanmun("config", "check", "--config", config).stderr
    for part in ("sealer", "migrations"):
        assert not {"agency-policy", "agency-hash"} & objects.pod(part).secrets()


def test_what_stands_beside_the_records_is_mounted_where_it_is_needed(
    helm: Helm, keys: Path, tmp_path: Path
) -> None:
    network, settings = example("small")["network"], example("small")["settings"]
    somewhere = {"to": [{"ipBlock": {"cidr": "10.40.0.0/24"}}]}
    objects = rendered(
        helm,
        tmp_path,
        "small",
        witnesses={"policy": {"configMap": "agency-witnesses"}},
        sealedState={"claim": "sealed"},
        content={
            "agencies": [{"code": "1741000", "configMap": "agency-content"}],
            "weekKeys": {"claim": "weeks"},
        },
        webhook={"secret": {"name": "siem-key"}},
        settings={**settings, "forward": {"webhook_url": "https://siem.example/x"}},
        network={**network, "witnesses": somewhere, "siem": somewhere},
    )
    for part in ("gateway", "sealer"):
        root = tmp_path / part
        config = mounted(objects, objects.pod(part), root, keys)
        if part == "gateway":
            (root / "run/secrets/gwanmun/webhook/secret").write_bytes(base64.b64encode(b"k" * 32))
            shutil.rmtree(root / "etc/gwanmun/content")
            Pair.made().publish(root / "etc/gwanmun/content/1741000")
        checked = gwanmun("config", "check", "--config", config)
        assert checked.returncode == 0, checked.stderr
    gateway, sealer = ({path for path, *_ in objects.pod(part).files()} for part in PARTS)
    policy, folder = "/etc/gwanmun/witnesses/policy", "/etc/gwanmun/content/1741000"
    assert gateway >= {policy, f"{folder}/officers.pem", f"{folder}/cpo.pem"}
    assert {path for path in sealer if "content" in path or "witnesses" in path} == {policy}
    assert {part: claims(objects.pod(part)) for part in (*PARTS, "migrations")} == {
        "gateway": {"weeks": "/var/lib/gwanmun-week-keys"},
        "sealer": {"sealed": "/var/lib/gwanmun-sealed"},
        "migrations": {},
    }
    told = {
        part: yaml.safe_load(objects.config(name))
        for part, name in zip(PARTS, ("gwanmun", "gwanmun-sealer"), strict=True)
    }
    assert "sealed_file" not in told["gateway"]["ledger"]
    assert told["sealer"]["ledger"]["sealed_file"].startswith("/var/lib/gwanmun-sealed/")
    week_keys = told["gateway"]["content"]["week_key_dir"]
    assert week_keys.startswith("/var/lib/gwanmun-week-keys/")
    assert not {"content", "forward"} & told["sealer"].keys()


def claims(pod: Pod) -> dict[str, str]:
    """Which claims a pod mounts, and where."""
    places = {mount["name"]: mount["mountPath"] for mount in pod.container["volumeMounts"]}
    return {
        volume["persistentVolumeClaim"]["claimName"]: places[volume["name"]]
        for volume in pod.spec["volumes"]
        if "persistentVolumeClaim" in volume
    }


def test_every_setting_that_the_chart_decides_is_a_setting() -> None:
    owned = runpy.run_path(str(ROOT / "docs/chart_schema.py"))["OWNED"]
    assert owned - setting_names().keys() == set()


def test_models_are_the_same_for_gateway_and_workers(objects: Objects, size: str) -> None:
    config = yaml.safe_load(objects.config())
    values = example(size)
    by_name = {model["name"]: model for model in config["models"]}
    assert len(by_name) == len(values["models"])
    for identifier, model in values["models"].items():
        offered = by_name[model["settings"]["name"]]
        assert {**offered, **model["settings"]} == offered
        if "worker" not in model:
            told = [
                {**replica, "credential_file": f"/run/secrets/gwanmun/engines/{identifier}"}
                for replica in model["external"]["replicas"]
            ]
            assert offered["replicas"] == told
            continue
        check_worker(objects, identifier, offered, model)


def check_worker(objects: Objects, identifier: str, offered: Any, model: Any) -> None:
    """Addresses, served name, key and length of one worker on both sides."""
    name = f"gwanmun-engine-{identifier}"
    engine = objects.one("StatefulSet", name)
    service = objects.one("Service", name)
    assert engine["spec"]["serviceName"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    urls = [replica["url"] for replica in offered["replicas"]]
    assert urls == [
        f"http://{name}-{number}.{name}.ai.svc.cluster.local:8000"
        for number in range(engine["spec"]["replicas"])
    ]
    pod = Pod(name, engine["spec"]["template"])
    arguments = pod.container["args"]
    told = dict(pairwise(arguments))
    assert {replica["served_model"] for replica in offered["replicas"]} == {
        told["--served-model-name"]
    }
    assert told["--max-model-len"] == str(offered["context_tokens"])
    gateway_files = {path: (name, key) for path, _, name, key in objects.pod("gateway").files()}
    engine_files = {path: (name, key) for path, _, name, key in pod.files()}
    key = engine_files["/run/secrets/engine/api-key"]
    assert {gateway_files[replica["credential_file"]] for replica in offered["replicas"]} == {key}
    (cards,) = [n for kind, n in pod.container["resources"]["limits"].items() if "/" in kind]
    assert told["--tensor-parallel-size"] == cards


def test_worker_reads_its_key_from_the_file(objects: Objects, tmp_path: Path) -> None:
    """The line of shell, run for real on a file in the key's place."""
    key = tmp_path / "api-key"
    key.write_text("a-key-of-this-test\n", encoding="utf-8")
    for pod in (pod for pod in objects.pods() if pod.component == "engine"):
        shell = [
            part.replace("/run/secrets/engine/api-key", str(key))
            for part in pod.container["command"]
        ]
        env = subprocess.run(
            [*shell, "env"],
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "VLLM_API_KEY=a-key-of-this-test" in env.stdout.splitlines()
        key.unlink()
        gone = subprocess.run([*shell, "env"], capture_output=True, text=True, check=False)
        assert gone.returncode != 0
        assert "VLLM_API_KEY" not in gone.stdout
        key.write_text("a-key-of-this-test\n", encoding="utf-8")
