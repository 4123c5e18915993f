"""`--engine vllm:DIR` and `llama:FILE`: what is wrong is said before anything starts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo import local_engine
from gateway.demo.local_engine import LocalEngine, WrongEngine

GWANMUN = (sys.executable, "-c", "from gateway.cli import main; main()")


def model_folder(place: Path, architecture: str = "Qwen3ForCausalLM") -> Path:
    place.mkdir(parents=True)
    facts = {"architectures": [architecture], "max_position_embeddings": 4_096}
    (place / "config.json").write_text(json.dumps(facts))
    (place / "model.safetensors").touch()
    return place


def command(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch(mode=0o755)
    return place


@pytest.mark.parametrize("given", ["venv/bin/vllm", "venv/bin", "venv"])
def test_vllm_is_found_where_the_user_says(tmp_path: Path, given: str) -> None:
    program = command(tmp_path / "venv/bin/vllm")
    folder = model_folder(tmp_path / "Qwen3 0.6B")
    found = local_engine.local_engine(f"vllm:{folder}", tmp_path / given, "--max-model-len '9 9'")
    assert isinstance(found, LocalEngine)
    assert (found.model, found.context_tokens) == ("Qwen3 0.6B", 4_096)
    asked = found.command_at(8_002, tmp_path / "key")
    assert asked[:2] == ["-m", "gateway.demo.vllm"]
    behind = asked[asked.index("--") :]
    assert asked[asked.index("--") - 2 : asked.index("--")] == [str(program), str(folder)]
    assert behind[behind.index("--tool-call-parser") + 1] == "hermes"
    assert behind[-2:] == ["--max-model-len", "9 9"]  # the user's own come last, and win


def test_family_without_a_known_way_of_calling_tools_gets_no_parser(tmp_path: Path) -> None:
    program = command(tmp_path / "vllm")
    folder = model_folder(tmp_path / "m", "SomethingNewForCausalLM")
    found = local_engine.local_engine(f"vllm:{folder}", program, "")
    assert found is not None
    assert "--tool-call-parser" not in found.arguments


def test_gguf_is_named_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "exaone-Q4.gguf"
    file.write_bytes(b"GGUF\x03\0\0\0")
    found = local_engine.local_engine(f"llama:{file}", None, "--parallel 2")
    assert found is not None
    assert found.model == "exaone-Q4"
    assert found.arguments == (str(file), "--parallel", "2")


def test_address_is_no_local_engine() -> None:
    assert local_engine.local_engine("http://127.0.0.1:8000", None, "") is None
    assert local_engine.local_engine("", None, "") is None


WRONG = [
    pytest.param(("vllm:", None, ""), "뒤에 경로가 없습니다", id="no folder"),
    pytest.param(("vllm:none", None, ""), "그런 파일이나 폴더가 없습니다", id="no such folder"),
    pytest.param(("vllm:file.gguf", None, ""), "폴더가 아닙니다", id="not a folder"),
    pytest.param(("vllm:empty", None, ""), "모델 폴더가 아닙니다", id="not a model"),
    pytest.param(("vllm:nonsense", None, ""), "모델 폴더가 아닙니다", id="config is no JSON"),
    pytest.param(("vllm:weightless", None, ""), "가중치 파일", id="no weights"),
    pytest.param(("vllm:model", "none", ""), "그런 파일이나", id="vllm is not there"),
    pytest.param(("vllm:model", "empty", ""), "vllm 명령이 없습니다", id="vllm is elsewhere"),
    pytest.param(("vllm:model", None, ""), "명령을 찾지 못했습니다", id="no vllm at all"),
    pytest.param(("llama:", None, ""), "뒤에 경로가 없습니다", id="no file"),
    pytest.param(("llama:none.gguf", None, ""), "그런 파일이나 폴더가", id="no such file"),
    pytest.param(("llama:text.gguf", None, ""), "GGUF 파일이 아닙니다", id="not a GGUF"),
    pytest.param(("llama:empty", None, ""), "GGUF 파일이 아닙니다", id="a folder"),
    pytest.param(("llama:file.gguf", "empty", ""), "vllm:폴더와 함께만", id="vllm for llama"),
    pytest.param(("llama:file.gguf", None, "'"), "따옴표가 닫히지", id="a quote"),
    pytest.param(("http://a", None, "-x"), "함께만 씁니다", id="flags for an address"),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to stand in, with files and folders of every wrong kind, and no vllm."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "nonsense").mkdir()
    (tmp_path / "nonsense/config.json").write_text("{")
    (tmp_path / "weightless").mkdir()
    (tmp_path / "weightless/config.json").write_text("{}")
    (tmp_path / "file.gguf").write_bytes(b"GGUF\x03\0\0\0")
    (tmp_path / "text.gguf").write_text("no model")
    model_folder(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_is_wrong_is_said_in_both_tongues(
    place: Path, given: tuple[str, str | None, str], told: str
) -> None:
    engine, vllm, flags = given
    with pytest.raises(WrongEngine) as wrong:
        local_engine.local_engine(engine, Path(vllm) if vllm else None, flags)
    korean, english = str(wrong.value).split("\n")
    assert told in korean
    assert english.isascii()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vllm:none",), "그런 파일이나 폴더가 없습니다"),
        (("llama:file.gguf", "--model", "other"), "이름은 file입니다"),
    ],
    ids=["no folder", "another name"],
)
def test_nothing_starts_when_something_is_wrong(
    place: Path, words: tuple[str, ...], told: str
) -> None:
    done = subprocess.run(
        [*GWANMUN, "up", "--data", str(place / "data"), "--engine", *words],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert not (place / "data").exists()


def test_missing_extra_is_named_with_the_line_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF\x03\0\0\0")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(WrongEngine, match=r"\./run --engine llama:"):
        local_engine.local_engine(f"llama:{file}", None, "")
