import json
from pathlib import Path

import pytest

from gateway.ledger.keys import open_keys
from gateway.proofs.trust import Trust, TrustUnreadable


def test_trust_reads_what_it_writes(tmp_path: Path) -> None:
    text = open_keys(tmp_path).trust().text()
    assert Trust.parse(text).text() == text


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"origin": ""},
        {"origin": 5},
        {"log": []},
        {"log": ["x"]},
        {"writers": {"0": "AAAA"}},
        {"writers": []},
        {"more": 1},
    ],
    ids=str,
)
def test_any_other_file_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    tree = json.loads(open_keys(tmp_path).trust().text()) | change
    with pytest.raises(TrustUnreadable):
        Trust.parse(json.dumps(tree))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"5"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trust.json").write_bytes(content)
    with pytest.raises(TrustUnreadable):
        Trust.read(tmp_path / "trust.json")


def test_a_writers_key_must_have_its_own_id(tmp_path: Path) -> None:
    tree = json.loads(open_keys(tmp_path).trust().text())
    ((name, key),) = tree["writers"].items()
    tree["writers"] = {name[::-1]: key}
    with pytest.raises(TrustUnreadable):
        Trust.parse(json.dumps(tree))
