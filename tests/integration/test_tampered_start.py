"""A gateway whose ledger was tampered with while it stood still: it says so, and does not start."""

from pathlib import Path

from recording import record, running, tamper
from serve import gwanmun, write_config


async def test_gateway_with_a_forged_tree_head_does_not_start_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / "data"
    async with running(data_dir) as ledger:
        await record(ledger)
    tamper(data_dir, ("UPDATE tree_head SET root = ?", (b"\x01" * 32,)))
    config = write_config(
        tmp_path,
        "http://127.0.0.1:9",
        "http://127.0.0.1:9",
        server={"port": 0, "internal_port": 0},
    )
    done = gwanmun("serve", "--config", config)
    assert done.returncode == 2
    assert "기록부의 머리값이 서명과 다릅니다" in done.stderr
    assert "gwanmun audit verify" in done.stderr
    assert "tree head" in done.stderr
    assert "Traceback" not in done.stderr
