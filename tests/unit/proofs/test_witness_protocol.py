"""What a witness answers (c2sp.org/tlog-witness): every case of the specification, without HTTP."""

import base64
from dataclasses import replace

import pytest
from tiling import ORIGIN, Log, entry

from gateway.proofs.note import NoteKey, sign_note
from gateway.proofs.rotation import sign_rotation
from gateway.proofs.tiles import Tiling
from gateway.proofs.tree import EMPTY_ROOT, Range, consistency_ranges, leaf_hash
from gateway.proofs.trust import Trust
from gateway.proofs.witness import (
    Known,
    Refused,
    examine,
    read_request,
    request_text,
    size_of,
)

LOG = Log([entry(number) for number in range(40)])
OTHER = Log([entry(number) for number in range(5, 45)], LOG.keys)
LOGS = {ORIGIN: LOG.trust}


def root(log: Log, size: int, start: int = 0) -> bytes:
    tiling = Tiling()
    for each in log.entries[start:size]:
        tiling.append(each)
    return tiling.tree.root()


def proof(old: int, new: int, log: Log = LOG) -> list[bytes]:
    def one(part: Range) -> bytes:
        if part.end - part.start == 1:
            return leaf_hash(log.entries[part.start])
        return root(log, part.end, part.start)

    return [one(part) for part in consistency_ranges(old, new)]


def ask(known: Known, old: int, new: int, log: Log = LOG, **changes: object) -> Known:
    path = changes.get("path", proof(old, new, log) if 0 <= old <= new else [])
    note = changes.get("note", log.checkpoint(new))
    body = request_text(old, path, note).encode()  # type: ignore[arg-type]
    return examine(read_request(body), LOGS, known)


def status(*arguments: object, **changes: object) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        ask(*arguments, **changes)  # type: ignore[arg-type]
    return refused.value.status, refused.value.body


def known(size: int, log: Log = LOG) -> Known:
    return Known(size, root(log, size))


@pytest.mark.parametrize(
    ("old", "new"), [(0, 0), (0, 1), (0, 40), (1, 2), (7, 8), (8, 40), (13, 40), (40, 40)]
)
def test_grown_log_is_signed_and_remembered(old: int, new: int) -> None:
    assert ask(known(old) if old else Known(), old, new) == known(new)


def test_whole_life_of_a_log_is_signed_step_by_step() -> None:
    state = Known()
    for size in range(41):
        state = ask(state, state.size, size)
    assert state == known(40)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 5",
        b"old 5\n",
        b"old 05\n\nnote",
        b"old -1\n\nnote",
        b"new 5\n\nnote",
        b"old 5 \n\nnote",
        b"old 5\nAAAA\n\nnote",
        b"old 5\n!!!!\n\nnote",
        b"old 5\r\n\r\nnote",
        b"old \xff\n\nnote",
        b"old 5\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\nnote",
        b"old 5\n\n" + b"x" * (1 << 17),
    ],
)
def test_malformed_request_is_400(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_request(body)
    assert refused.value.status == 400


def test_old_size_above_the_new_one_is_400() -> None:
    assert status(known(9), 9, 8)[0] == 400


def test_unknown_log_is_404() -> None:
    for note in (LOG.checkpoint(5).replace(ORIGIN, "log.example.go.kr/2"), f"{ORIGIN}\n5\n", ""):
        assert status(Known(), 0, 5, note=note)[0] == 404


@pytest.mark.parametrize(
    "note",
    [
        Log(LOG.entries).checkpoint(5),
        LOG.checkpoint(5).replace("\n5\n", "\n6\n"),
        LOG.checkpoint(5).rpartition("\n\n")[0] + "\n\n",
    ],
    ids=["other keys", "changed", "unsigned"],
)
def test_checkpoint_that_the_log_did_not_sign_is_403(note: str) -> None:
    assert status(Known(), 0, 5, note=note)[0] == 403


@pytest.mark.parametrize("text", ["x\n", "5\nAAAA\n", "05\n" + "A" * 43 + "=\n"])
def test_signed_text_that_is_no_checkpoint_is_400(text: str) -> None:
    note = sign_note(f"{ORIGIN}\n{text}", ORIGIN, *LOG.keys)
    assert status(Known(), 0, 5, note=note)[0] == 400


@pytest.mark.parametrize(("old", "state"), [(0, 9), (8, 9), (10, 9), (1, 0)])
def test_another_old_size_is_409_with_the_one_that_was_signed(old: int, state: int) -> None:
    code, body = status(known(state) if state else Known(), old, 20)
    assert (code, body, size_of(body)) == (409, f"{state}\n", state)


@pytest.mark.parametrize(
    "path",
    [[], proof(9, 20)[:-1], proof(9, 20)[::-1], proof(8, 20), [*proof(9, 20), bytes(32)]],
    ids=["none", "short", "reversed", "another", "long"],
)
def test_proof_that_does_not_hold_is_422(path: list[bytes]) -> None:
    assert status(known(9), 9, 20, path=path)[0] == 422


def test_proof_from_nothing_must_be_empty() -> None:
    assert status(Known(), 0, 20, path=proof(9, 20))[0] == 422


def test_same_size_with_another_root_is_422_and_never_signed() -> None:
    """A log that shows two trees is caught by any witness that has seen one of them."""
    assert ask(known(20), 20, 20) == known(20)
    assert status(known(20), 20, 20, OTHER)[0] == 422
    assert status(known(20, OTHER), 20, 30)[0] == 422


def test_empty_tree_with_a_root_of_its_own_is_422() -> None:
    text = f"{ORIGIN}\n0\n{base64.b64encode(bytes(32)).decode()}\n"
    assert status(Known(), 0, 0, note=sign_note(text, ORIGIN, *LOG.keys))[0] == 422
    assert ask(Known(), 0, 0).root == EMPTY_ROOT


def test_key_that_was_replaced_signs_no_more_once_the_new_one_has() -> None:
    new = Log(LOG.entries)
    trust = LOG.trust.followed([sign_rotation(ORIGIN, 1, old=LOG.keys, new=new.keys)])
    state = examine(
        read_request(request_text(0, [], LOG.checkpoint(5)).encode()), {ORIGIN: trust}, Known()
    )
    body = request_text(5, proof(5, 9), new.checkpoint(9)).encode()
    state = examine(read_request(body), {ORIGIN: trust}, state)
    assert state.generation == 1
    body = request_text(9, proof(9, 20), LOG.checkpoint(20)).encode()
    with pytest.raises(Refused) as refused:
        examine(read_request(body), {ORIGIN: trust}, state)
    assert refused.value.status == 403


def test_logs_with_extension_lines_are_signed_whole() -> None:
    text = LOG.checkpoint(5).rpartition("\n\n")[0] + "\nextension\n"
    assert ask(Known(), 0, 5, note=sign_note(text, ORIGIN, *LOG.keys)) == known(5)


@pytest.mark.parametrize("body", ["", "5", "05\n", "-1\n", "5\n\n", "a\n", "٥\n"])
def test_answer_that_names_no_size_is_none(body: str) -> None:
    assert size_of(body) is None


def test_trust_of_one_key_alone_is_enough() -> None:
    """A witness that knows only ECDSA, or only Ed25519."""
    for key in LOG.keys:
        trust: Trust = replace(LOG.trust, generations=((NoteKey.of(ORIGIN, key),),))
        request = read_request(request_text(0, [], LOG.checkpoint(5)).encode())
        assert examine(request, {ORIGIN: trust}, Known()).size == 5
