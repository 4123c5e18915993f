"""Tiles against pinned keys: every bit counts, and so does every file."""

import json

import pytest
from tiling import ORIGIN, Cosigner, Files, Log, entry, flipped

from gateway.proofs.note import Checkpoint, sign_note
from gateway.proofs.policy import Policy
from gateway.proofs.reader import LogUnreadable
from gateway.proofs.records import Flaw
from gateway.proofs.rotation import sign_rotation
from gateway.proofs.tiles import bundle
from gateway.proofs.verify_tiles import verify_tiles

SMALL = Log([entry(number) for number in range(11)])
LARGE = Log([entry(number) for number in range(256 * 256 + 300)])
X1, X2, Y, Z = (
    Cosigner("x.example.go.kr/1"),
    Cosigner("x.example.go.kr/2"),
    Cosigner("y.example.go.kr/1"),
    Cosigner("z.example.go.kr/1"),
)
POLICY = Policy.parse(
    f"witness X1 {X1.key}\nwitness X2 {X2.key}\nwitness Y {Y.key}\nwitness Z {Z.key}\n"
    "group X any X1 X2\ngroup two 2 X Y Z\nquorum two\n"
)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 1000])
def test_tiles_of_every_shape_verify(size: int) -> None:
    report = verify_tiles(LARGE.files(size), LARGE.trust)
    assert (report.problem, report.size, report.witnessed) == (None, size, False)
    assert (
        report.root
        == Checkpoint.parse(LARGE.checkpoint(size).rpartition("\n\n")[0] + "\n").root.hex()
    )


def test_every_changed_bit_of_every_file_is_found() -> None:
    files = SMALL.files()
    for path, data in files.files.items():
        for bit in range(len(data) * 8):
            changed = Files(files.files | {path: flipped(data, bit)})
            assert verify_tiles(changed, SMALL.trust).problem is not None, (path, bit)


def test_changed_and_missing_tiles_of_three_levels_are_named() -> None:
    files = LARGE.files()
    assert verify_tiles(files, LARGE.trust).problem is None
    chosen = ["tile/0/000", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"]
    chosen += ["tile/0/255", "tile/0/257.p/44", "tile/entries/000", "tile/entries/257.p/44"]
    for path in chosen:
        data = files.files[path]
        for changed in (flipped(data, len(data) * 8 - 1), data[:-32], data + data[-32:], b""):
            report = verify_tiles(Files(files.files | {path: changed}), LARGE.trust)
            assert report.problem is not None
            assert report.problem.flaw in (Flaw.TILE, Flaw.ENTRY)
            if report.problem.flaw is Flaw.TILE:
                assert path.rpartition("/")[2].split(".")[0] in report.problem.detail
        missing = {name: kept for name, kept in files.files.items() if name != path}
        problem = verify_tiles(Files(missing), LARGE.trust).problem
        assert problem is not None
        assert (problem.flaw, problem.detail) == (Flaw.TILE_MISSING, path)


def test_full_tile_stands_for_a_partial_one_that_is_gone() -> None:
    files, grown = LARGE.files(300), LARGE.files(600)
    for path in [path for path in files.files if ".p/" in path and "/1/" not in path]:
        del files.files[path]
        full = path.partition(".p/")[0]
        files.files[full] = grown.files[full]
    assert verify_tiles(files, LARGE.trust).problem is None


def test_entry_of_another_form_is_named_though_everything_is_signed() -> None:
    """A log that says something about somebody in its entries is not ours."""
    for wrong in (b"\x02" + bytes(32), "\x01주민등록번호".encode(), b"\x01" + bytes(33), b""):
        log = Log([*SMALL.entries[:3], wrong, *SMALL.entries[4:]], SMALL.keys)
        problem = verify_tiles(log.files(), log.trust).problem
        assert problem is not None
        assert (problem.flaw, problem.leaf_index) == (Flaw.ENTRY, 3)


def test_entries_moved_added_or_left_out_are_found() -> None:
    right = SMALL.entries
    for wrong in (right[::-1], right[:-1], [*right, right[0]], [right[1], right[0], *right[2:]]):
        files = Log(wrong, SMALL.keys).files()
        files.files["checkpoint"] = SMALL.checkpoint().encode()
        assert verify_tiles(files, SMALL.trust).problem is not None


def test_checkpoint_without_one_of_the_pinned_signatures_is_refused() -> None:
    for key in SMALL.keys:
        half = Log(SMALL.entries, (key,))
        files = SMALL.files()
        files.files["checkpoint"] = half.checkpoint().encode()
        problem = verify_tiles(files, SMALL.trust).problem
        assert problem is not None
        assert problem.flaw is Flaw.CHECKPOINT
        assert verify_tiles(SMALL.files(), half.trust).problem is None  # who pins one needs one


def test_checkpoint_of_others_is_refused() -> None:
    other = Log(SMALL.entries)
    problem = verify_tiles(other.files(), SMALL.trust).problem
    assert problem is not None
    assert problem.flaw is Flaw.CHECKPOINT
    files = SMALL.files()
    text = files.files["checkpoint"].decode().rpartition("\n\n")[0] + "\n"
    files.files["checkpoint"] = sign_note(
        text.replace(ORIGIN, "log.example.go.kr/2"), ORIGIN, *SMALL.keys
    ).encode()
    assert verify_tiles(files, SMALL.trust).problem is not None
    del files.files["checkpoint"]
    with pytest.raises(LogUnreadable):
        verify_tiles(files, SMALL.trust)


def test_bundle_whose_lengths_lie_is_refused() -> None:
    files = SMALL.files()
    path = "tile/entries/000.p/11"
    whole = bundle(list(SMALL.entries))
    for wrong in (whole[:-1], whole + b"\x00", bundle(list(SMALL.entries[:-1])), b"\xff" * 9):
        problem = verify_tiles(Files(files.files | {path: wrong}), SMALL.trust).problem
        assert problem is not None
        assert problem.flaw is Flaw.TILE


@pytest.mark.parametrize(
    ("cosigners", "administrations"),
    [
        ((), ()),
        ((X1,), ()),
        ((X1, X2), ()),
        ((X1, Y), ("x.example.go.kr", "y.example.go.kr")),
        ((X1, X2, Z), ("x.example.go.kr", "z.example.go.kr")),
        ((Y, Z), ("y.example.go.kr", "z.example.go.kr")),
    ],
    ids=["nobody", "one", "two keys of one", "two", "two and a second key", "others"],
)
def test_quorum_counts_administrations(
    cosigners: tuple[Cosigner, ...], administrations: tuple[str, ...]
) -> None:
    files = SMALL.files()
    note = files.files["checkpoint"].decode()
    lines = "".join(
        cosigner.line(note, 1_800_000_000 + at) for at, cosigner in enumerate(cosigners)
    )
    files.files["checkpoint"] = (note + lines).encode()
    report = verify_tiles(files, SMALL.trust, POLICY)
    assert (report.problem, report.witnesses) == (None, administrations)
    assert report.witnessed == bool(administrations)
    assert report.witnessed_at == (1_800_000_000 + len(cosigners) - 1 if administrations else None)


def test_witness_that_signed_another_tree_spoils_the_checkpoint() -> None:
    files = SMALL.files()
    note = files.files["checkpoint"].decode()
    wrong = X1.line(SMALL.checkpoint(5)) + Y.line(note)
    files.files["checkpoint"] = (note + wrong).encode()
    problem = verify_tiles(files, SMALL.trust, POLICY).problem
    assert problem is not None
    assert problem.flaw is Flaw.CHECKPOINT


def test_rotated_keys_are_followed_from_the_pinned_ones() -> None:
    new = Log(SMALL.entries)
    files = new.files()
    assert verify_tiles(files, SMALL.trust).problem is not None
    rotation = sign_rotation(ORIGIN, 1, old=SMALL.keys, new=new.keys)
    files.files["rotations"] = json.dumps([rotation]).encode()
    assert verify_tiles(files, SMALL.trust).problem is None
    for wrong in (
        b"{",
        b"5",
        json.dumps([rotation, rotation]).encode(),
        json.dumps([sign_rotation(ORIGIN, 2, old=SMALL.keys, new=new.keys)]).encode(),
        json.dumps([sign_rotation(ORIGIN, 1, old=new.keys, new=SMALL.keys)]).encode(),
        json.dumps([sign_rotation(ORIGIN, 1, old=SMALL.keys[:1], new=new.keys)]).encode(),
    ):
        problem = verify_tiles(Files(files.files | {"rotations": wrong}), SMALL.trust).problem
        assert problem is not None
        assert problem.flaw is Flaw.ROTATION
