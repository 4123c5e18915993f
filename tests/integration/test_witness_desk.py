"""A witness's own side: over HTTP, by file, as a process, and what it keeps before it answers."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from keeping import KeptInFile
from ports import free_ports
from recording import ask, record, running
from tiling import Cosigner
from typer.testing import CliRunner
from witnessing import (
    answering,
    make,
    pins,
    until,
    witnessed_ledger,
)

from gateway.commands.witness import app as commands
from gateway.ledger.key_files import KeysUnusable
from gateway.ledger.witness import Witness
from gateway.ledger.writer import Ledger
from gateway.proofs.note import without_signatures
from gateway.proofs.policy import Policy
from gateway.proofs.verify import verify_log
from gateway.proofs.witness import request_text

CLI = CliRunner()
GWANMUN = str(Path(sys.executable).with_name("gwanmun"))
NOWHERE = "http://127.0.0.1:9"


async def test_witness_answers_over_http_as_the_protocol_says(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    notes = [note for (note,) in ask(kept, "SELECT note FROM checkpoint ORDER BY size")]
    size = int(notes[-1].split("\n")[1])
    async with (
        answering(tmp_path / "witness", "alpha", pins(kept)) as alpha,
        httpx.AsyncClient(base_url=alpha.url, trust_env=False) as client,
    ):

        async def post(text: str) -> httpx.Response:
            return await client.post("/add-checkpoint", content=text.encode())

        signed = await post(request_text(0, [], notes[-1]))
        assert (signed.status_code, alpha.size) == (200, size)
        assert signed.text.startswith("\N{EM DASH} alpha.example.go.kr/1 ")
        conflict = await post(request_text(0, [], notes[-1]))
        assert (conflict.status_code, conflict.text) == (409, f"{size}\n")
        assert conflict.headers["content-type"] == "text/x.tlog.size"
        again = await post(request_text(size, [], notes[-1]))
        assert again.status_code == 200
        origin = pins(kept).origin
        for text, status in [
            ("garbage", 400),
            (request_text(size + 1, [], notes[-1]), 400),
            (request_text(0, [], notes[-1].replace(origin, "other.example/1")), 404),
            (request_text(0, [], notes[-1].replace(f"\n{size}\n", f"\n{size + 1}\n")), 403),
            (request_text(size, [bytes(32)], notes[-1]), 422),
            ("x" * 200_000, 413),
        ]:
            assert (await post(text)).status_code == status
        assert (await client.get("/add-checkpoint")).status_code == 405
        assert alpha.size == size


async def test_witness_keeps_what_it_signs_before_it_answers(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    ((note,),) = ask(kept, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    folder = tmp_path / "witness"
    request = request_text(0, [], note).encode()
    witness = make(folder, "alpha", pins(kept))
    (folder / "state").rmdir()
    with pytest.raises(OSError, match="state"):
        witness.add_checkpoint(request)
    (folder / "state").mkdir()
    line = witness.add_checkpoint(request)
    assert line.startswith("\N{EM DASH}")
    (kept_file,) = (folder / "state").iterdir()
    assert kept_file.read_text() == note
    ((log,),) = [Witness.open(folder).logs().values()]
    assert log.note == note
    kept_file.write_text(note.replace("A", "B"))
    with pytest.raises(KeysUnusable):
        Witness.open(folder)


@pytest.mark.parametrize("answer", ["garbage", "\N{EM DASH} x AAAA\n", "\n"])
async def test_answers_that_are_no_signature_count_for_nothing(tmp_path: Path, answer: str) -> None:
    kept, box = KeptInFile(tmp_path / "data"), tmp_path / "box"
    box.mkdir()
    cosigner = Cosigner("alpha.example.go.kr/1")
    policy = Policy.parse(f"witness alpha {cosigner.key} {box.as_uri()}\nquorum alpha\n")
    async with witnessed_ledger(kept, policy) as (ledger, _):
        await record(ledger)
        await until(lambda: asyncio.to_thread((box / "request").exists))
        (box / "answer").write_text(answer)
        await until(lambda: asyncio.to_thread((box / "answer.refused").exists))
        state = await ledger.state()
        assert (state.witnessed_size, state.healthy) == (0, True)
        asked = without_signatures((box / "request").read_text().partition("\n\n")[2])
        (box / "answer").write_text(cosigner.line(f"{asked}\n"))
        await until(lambda: advanced(ledger))


async def advanced(ledger: Ledger) -> bool:
    return (await ledger.state()).witnessed_size > 0


async def test_witness_without_a_network_signs_by_file(tmp_path: Path) -> None:
    kept, box, folder = KeptInFile(tmp_path / "data"), tmp_path / "box", tmp_path / "witness"
    box.mkdir()
    made = CLI.invoke(commands, ["init", str(folder), "--name", "alpha.example.go.kr/1"])
    assert made.exit_code == 0, made.output
    kept.keys()
    followed = CLI.invoke(commands, ["follow", str(folder), str(kept.trust_file)])
    assert (followed.exit_code, followed.output.strip()) == (0, pins(kept).origin)
    policy = Policy.parse(f"witness alpha {made.output.strip()} {box.as_uri()}\nquorum alpha\n")

    async def sign(expected: int = 0) -> None:
        await until(lambda: asyncio.to_thread((box / "request").exists))
        words = ["sign", str(folder), str(box / "request"), str(box / "answer")]
        done = await asyncio.to_thread(CLI.invoke, commands, words)
        assert done.exit_code == expected, done.output

    async with witnessed_ledger(kept, policy) as (ledger, _):
        await record(ledger)
        await sign()
        await until(lambda: advanced(ledger))
        first = (await ledger.state()).witnessed_size
        await record(ledger)
        await until(lambda: asyncio.to_thread(lambda: f"old {first}\n" in read(box / "request")))
        await sign()
        (box / "answer").unlink()  # lost on its way: the witness now knows more than we do
        (box / "request").unlink()
        await record(ledger)
        await sign(expected=1)
        assert (box / "answer").read_text().strip().isdecimal() or not (box / "answer").exists()
        await until(lambda: asyncio.to_thread(lambda: not (box / "answer").exists()))
        await sign()
        await until(lambda: further(ledger, first))
    listed = json.loads(CLI.invoke(commands, ["list", str(folder), "--json"]).output)
    assert listed["logs"][0]["size"] > first
    report = verify_log(kept.data_dir, pins(kept), policy)
    assert (report.problem, report.witnesses) == (None, ("alpha.example.go.kr",))


async def further(ledger: Ledger, size: int) -> bool:
    return (await ledger.state()).witnessed_size > size


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_witness_as_a_process_answers_and_ends_when_told(tmp_path: Path) -> None:
    kept, folder = KeptInFile(tmp_path / "data"), tmp_path / "witness"
    make(folder, "alpha", pins(kept))
    port = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([GWANMUN, "witness", "serve", str(folder), "--port", str(port)]) as alone:
        try:
            async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
                while True:
                    try:
                        answer = await client.post(f"{url}/add-checkpoint", content=b"old 5\n")
                        break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.1)
            assert answer.status_code == 400
            busy = subprocess.run(
                [GWANMUN, "witness", "serve", str(folder), "--port", "0"],
                capture_output=True,
                text=True,
                check=False,
            )
            assert (busy.returncode, "in use by another process" in busy.stderr) == (2, True)
        finally:
            alone.send_signal(signal.SIGTERM)
    assert alone.returncode == 0
