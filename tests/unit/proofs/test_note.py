import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proofs.note import Checkpoint, NoteInvalid, NoteKey, open_note, sign_note

# Any key will do.
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
NAME = "example.com/log"
KEY = NoteKey(NAME, PRIVATE.public_key())
TEXT = Checkpoint("example.com/log", 20852163, bytes(range(32))).text()

# The example note and key of c2sp.org/signed-note's first implementations.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n"
    "\N{EM DASH} example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_the_known_example_opens() -> None:
    key = NoteKey.parse(EXAMPLE_KEY)
    assert open_note(EXAMPLE_NOTE, [key]) == "This is an example message.\n"
    assert str(key) == EXAMPLE_KEY


def test_a_signed_checkpoint_has_the_exact_form() -> None:
    note = sign_note(TEXT, NAME, PRIVATE)
    lines = note.split("\n")
    assert lines[:3] == [NAME, "20852163", base64.b64encode(bytes(range(32))).decode()]
    assert lines[3] == lines[5] == ""
    assert lines[4].startswith(f"\N{EM DASH} {NAME} ")
    signature = base64.b64decode(lines[4].split(" ")[2])
    assert signature[:4] == KEY.key_id
    assert len(signature) == 68
    assert Checkpoint.parse(open_note(note, [KEY])) == Checkpoint(NAME, 20852163, bytes(range(32)))


def test_signatures_of_other_keys_are_passed_over() -> None:
    note = sign_note(TEXT, NAME, PRIVATE)
    foreign = sign_note(TEXT, "example.org/witness", OTHER).split("\n\n")[1]
    assert open_note(note + foreign, [KEY]) == TEXT
    with pytest.raises(NoteInvalid):
        open_note(note, [NoteKey(NAME, OTHER.public_key())])
    with pytest.raises(NoteInvalid):
        open_note(note, [NoteKey("example.org/other", PRIVATE.public_key())])
    with pytest.raises(NoteInvalid):
        open_note(note, [])


def test_every_changed_character_is_refused() -> None:
    note = sign_note(TEXT, NAME, PRIVATE)
    for at, character in enumerate(note):
        changed = note[:at] + ("B" if character == "A" else "A") + note[at + 1 :]
        with pytest.raises(NoteInvalid):
            open_note(changed, [KEY])
    for end in range(len(note)):
        with pytest.raises(NoteInvalid):
            open_note(note[:end], [KEY])


@pytest.mark.parametrize(
    "note",
    ["", "\n", "\n\n", "a\n\n", "a\n\nb\n", "a\x00\n\n\N{EM DASH} a AAAA\n", "a" * 200_000],
    ids=["empty", "newline", "no text", "no signature", "no dash", "control", "long"],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteInvalid):
        open_note(note, [KEY])


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "\n1\nAAAA\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n1\nAAAA\n",
        "o\n1\n" + "A" * 43 + "=\nextension\n",
        "o\n1\n" + "A" * 43 + "=",
        "o\n１\n" + "A" * 43 + "=\n",
    ],
    ids=["short", "origin", "zero", "negative", "root", "extension", "end", "digit"],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "a+b+c", f"{NAME}+00000000+{str(KEY).split('+', 2)[2]}", str(KEY)[:-4], f"a {KEY}"],
    ids=["empty", "garbage", "wrong id", "short", "space"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        NoteKey.parse(text)
