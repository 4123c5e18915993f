"""What operators are told about wrong settings: where, in Korean and English, and the near name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import SettingsError, is_configured, read_settings

REPLICA = {"name": "r0", "url": "http://127.0.0.1:9", "served_model": "m"}
RIGHT: dict[str, Any] = {
    "identity": {"issuer": "https://login.example/realms/x"},
    "models": [{"name": "one", "replicas": [REPLICA]}],
}


def refusal(tmp_path: Path, changes: dict[str, Any], **variables: str) -> str:
    path = tmp_path / "gwanmun.yaml"
    path.write_text(yaml.safe_dump({**RIGHT, **changes}), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        read_settings(path, variables)
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({"modles": []}, "models"),
        ({"servr": {}}, "server"),
        ({"server": {"prot": 1}}, "server.port"),
        ({"models": [{"name": "a", "replicas": [REPLICA], "alias": []}]}, "models[0].aliases"),
        (
            {"models": [{"name": "a", "replicas": [{**REPLICA, "urll": ""}]}]},
            "models[0].replicas[0].url",
        ),
    ],
    ids=["group", "another group", "setting", "model", "replica"],
)
def test_unknown_name_is_compared_with_its_own_level(
    tmp_path: Path, changes: dict[str, Any], near: str
) -> None:
    words = refusal(tmp_path, changes)
    assert f"혹시 {near}입니까?" in words
    assert f"did you mean {near}?" in words


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("GWANMUN_SERVR__PORT", "없는 설정입니다"),
        ("GWANMUN_SERVER__PROT", "혹시 GWANMUN_SERVER__PORT입니까?"),
        ("GWANMUN_MODLES", "혹시 GWANMUN_MODELS입니까?"),
        ("GWANMUN_PAYMENTS", "docs/settings.md를 보십시오"),
        ("GWANMUN_SERVER__ZZZZ", "docs/settings.md를 보십시오"),
    ],
)
def test_unknown_variable_is_named_with_its_like_or_the_page(
    tmp_path: Path, variable: str, told: str
) -> None:
    words = refusal(tmp_path, {}, **{variable: "1"})
    assert words.startswith(f"{variable}: ")
    assert told in words


def test_unlike_name_is_sent_to_the_page(tmp_path: Path) -> None:
    words = refusal(tmp_path, {"telepathy": 1})
    assert "docs/settings.md를 보십시오. (Unknown; see docs/settings.md.)" in words


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"server": {"port": "x"}}, "server.port: 정수여야 합니다. ("),
        ({"server": {"port": 65_536}}, "server.port: 65535 이하여야 합니다. ("),
        ({"server": []}, "server: 이름과 값의 묶음이어야 합니다. ("),
        ({"server": {1: 2}}, "설정의 이름은 글자여야 합니다. ("),
        ({"bounds": {"texts": 0}}, "bounds.texts: 0보다 커야 합니다. ("),
        ({"bounds": {"head_seconds": "x"}}, "bounds.head_seconds: 수여야 합니다. ("),
        ({"grades": {"default": "X"}}, "grades.default: 'O', 'S', 'C' 중 하나여야 합니다. ("),
        ({"identity": {}}, "identity.issuer: 꼭 있어야 하는 설정입니다. ("),
        ({"models": []}, "models: 1개 이상이어야 합니다. ("),
        ({"models": 3}, "models: 목록이어야 합니다. ("),
        ({"store": {"data_dir": 3}}, "store.data_dir: 파일이나 디렉터리의 경로여야 합니다. ("),
        ({"log": {"level": 3}}, "log.level: "),
        ({"forward": {"webhook_url": "http://h/x"}}, "forward.webhook_url: https:// 주소여야"),
        ({"forward": {"webhook_url": "https://h/x"}}, "forward: 웹훅에는 서명의 비밀"),
        ({"forward": {"syslog_format": "leef"}}, "forward.syslog_format: 'cef', 'ocsf', 'jsonl'"),
    ],
)
def test_wrong_value_is_told_in_korean_and_english_without_the_value(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    assert told in refusal(tmp_path, changes)


@pytest.mark.parametrize("value", ["[", "\x00", "[" * 5_000], ids=["open", "null", "deep"])
def test_variable_that_is_no_yaml_is_named(tmp_path: Path, value: str) -> None:
    assert refusal(tmp_path, {}, GWANMUN_SERVER__PORT=value).startswith("GWANMUN_SERVER__PORT: ")


def test_file_that_is_not_there_is_told_in_korean(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="그런 파일이나 디렉터리가 없습니다"):
        read_settings(tmp_path / "none.yaml", {})


def test_settings_are_given_by_a_file_or_any_variable(tmp_path: Path) -> None:
    assert is_configured(tmp_path, {})
    assert is_configured(None, {"GWANMUN_LOG__LEVEL": "info"})
    assert not is_configured(None, {"HOME": "/"})
