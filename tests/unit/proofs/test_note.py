import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.proofs.note import (
    Checkpoint,
    Kind,
    NoteInvalid,
    NoteKey,
    cosign,
    open_note,
    read_note,
    sign_note,
)

# Any key will do.
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
P256 = ec.derive_private_key(9, ec.SECP256R1())
NAME = "example.com/log"
KEY = NoteKey(NAME, PRIVATE.public_key())
P256_KEY = NoteKey.of(NAME, P256)
LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes([6]) * 32)
WITNESS = NoteKey("example.org/witness", OTHER.public_key(), Kind.COSIGNATURE)
QUANTUM = NoteKey.of_witness("example.org/witness", LATTICE)
TEXT = Checkpoint("example.com/log", 20852163, bytes(range(32))).text()

# The example note and key of c2sp.org/signed-note's first implementations.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n"
    "\N{EM DASH} example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

# Checkpoints that two public logs signed with ECDSA: Rekor's and Pixel's.
REKOR_KEY = (
    "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGv"
    "XwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc="
)
REKOR_NOTE = (
    "Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n"
    "\N{EM DASH} rekor.sigstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qE"
    "HS3+GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=\n"
)
PIXEL_KEY = (
    "pixel6_transparency_log+91c16e30+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN+4x0Jk1yTwvLFI9A4N"
    "DdGZcX0aiWVdWM5XJVy0M4VWD3AvyW5Q6Hs9A0mcDkpUoYgn+KKPNzFC0H3nN3q6JQ8="
)
PIXEL_NOTE = (
    "DEFAULT\n10\nbsWRucJU5xJPHb5eBdOm6+DM+VelCZBuvtI3sHERJ9Y=\n\n"
    "\N{EM DASH} pixel6_transparency_log kcFuMDBFAiEAhqMAP8P6qf6QxtUJhzMhbN+MbZ9dwfUHzGQJmffJHtoC"
    "IGD0cNe47dHWBoPwYdgBCepB06/+g5O1FmYjXl06owL4\n"
)


@pytest.mark.parametrize(
    ("key", "note", "size"),
    [(REKOR_KEY, REKOR_NOTE, 798034), (PIXEL_KEY, PIXEL_NOTE, 10)],
    ids=["rekor", "pixel"],
)
def test_public_logs_signed_with_ecdsa_open(key: str, note: str, size: int) -> None:
    known = NoteKey.parse(key)
    assert (known.kind, str(known)) == (Kind.ECDSA, key)
    assert Checkpoint.parse(open_note(note, [known]).text).size == size
    with pytest.raises(NoteInvalid):
        open_note(note.replace(str(size), str(size + 1)), [known])


@pytest.mark.parametrize("keys", [[KEY], [P256_KEY], [KEY, P256_KEY]], ids=["ed", "ec", "both"])
def test_checkpoint_with_two_signatures_opens_with_either_key(keys: list[NoteKey]) -> None:
    note = sign_note(TEXT, NAME, PRIVATE, P256)
    opened = open_note(note, keys)
    assert (opened.text, [signed.key for signed in opened.signatures]) == (TEXT, keys)


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    first = sign_note(TEXT, NAME, PRIVATE, P256)
    second = sign_note(TEXT.replace("20852163", "5"), NAME, P256)
    mixed = first.splitlines(keepends=True)[:-1] + second.splitlines(keepends=True)[-1:]
    assert open_note("".join(mixed), [KEY]).text == TEXT
    with pytest.raises(NoteInvalid):
        open_note("".join(mixed), [KEY, P256_KEY])


def test_cosignature_signs_its_time_with_the_whole_text() -> None:
    """c2sp.org/tlog-cosignature: 8 bytes of time and the signature over header, time and text."""
    line = cosign(TEXT, WITNESS.name, OTHER, time=1679315147)
    raw = base64.b64decode(line.split(" ")[2])
    assert (raw[:4], int.from_bytes(raw[4:12], "big")) == (WITNESS.key_id, 1679315147)
    OTHER.public_key().verify(raw[12:], f"cosignature/v1\ntime 1679315147\n{TEXT}".encode())
    (signed,) = open_note(f"{TEXT}\n{line}", [WITNESS]).signatures
    assert (signed.key, signed.time, signed.line) == (WITNESS, 1679315147, line)


def test_cosignature_of_ml_dsa_signs_names_time_and_tree() -> None:
    """c2sp.org/tlog-cosignature, "ML-DSA-44 signed message", written out by its numbers."""
    line = cosign(TEXT, QUANTUM.name, LATTICE, time=1679315147)
    raw = base64.b64decode(line.split(" ")[2])
    material = b"example.org/witness\n\x06" + LATTICE.public_key().public_bytes_raw()
    assert raw[:4] == hashlib.sha256(material).digest()[:4] == QUANTUM.key_id
    assert len(raw) == 4 + 8 + 2420
    name, origin = b"\x13example.org/witness", b"\x0fexample.com/log"
    message = b"subtree/v1\n\0" + name + struct.pack(">Q", 1679315147) + origin
    message += struct.pack(">QQ", 0, 20852163) + bytes(range(32))
    LATTICE.public_key().verify(raw[12:], message)
    (signed,) = open_note(f"{TEXT}\n{line}", [NoteKey.parse(str(QUANTUM))]).signatures
    assert (str(signed.key), signed.time) == (str(QUANTUM), 1679315147)
    extended = f"{TEXT}of no meaning to a witness\n\n{line}"
    assert open_note(extended, [QUANTUM]).signatures


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (TEXT.replace("20852163", "20852164"), 5),
        (TEXT.replace("example.com/log", "example.com/lag"), 5),
        (Checkpoint("example.com/log", 20852163, bytes(32)).text(), 5),
        ("no checkpoint\n", 5),
    ],
)
def test_cosignature_of_ml_dsa_holds_for_its_tree_alone(text: str, time: int) -> None:
    line = cosign(TEXT, QUANTUM.name, LATTICE, time=time)
    with pytest.raises(NoteInvalid):
        open_note(f"{text}\n{line}", [QUANTUM])
    raw = base64.b64decode(line.split(" ")[2])
    for at in (4, 11, 12, 1_000, len(raw) - 1):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        spoilt = f"\N{EM DASH} {QUANTUM.name} {base64.b64encode(changed).decode()}\n"
        with pytest.raises(NoteInvalid):
            open_note(f"{TEXT}\n{spoilt}", [QUANTUM])


def test_name_that_does_not_fit_is_refused_before_it_is_signed() -> None:
    with pytest.raises(NoteInvalid):
        NoteKey.of_witness("a" * 256, LATTICE)
    with pytest.raises(NoteInvalid):
        cosign(TEXT.replace("example.com/log", "a" * 256), QUANTUM.name, LATTICE, time=5)


def test_cosignature_and_signature_are_never_taken_for_each_other() -> None:
    plain = NoteKey(WITNESS.name, OTHER.public_key())
    assert plain.key_id != WITNESS.key_id
    for key, line in [
        (plain, cosign(TEXT, WITNESS.name, OTHER, time=5)),
        (WITNESS, sign_note(TEXT, WITNESS.name, OTHER).rpartition("\n\n")[2]),
    ]:
        assert read_note(f"{TEXT}\n{line}", [key]).signatures == ()


@pytest.mark.parametrize("bit", range(0, 72 * 8, 5))
def test_every_changed_bit_of_a_cosignature_is_refused(bit: int) -> None:
    raw = bytearray(base64.b64decode(cosign(TEXT, WITNESS.name, OTHER, time=5).split(" ")[2]))
    raw[4 + bit // 8] ^= 1 << bit % 8
    line = f"\N{EM DASH} {WITNESS.name} {base64.b64encode(bytes(raw)).decode()}\n"
    with pytest.raises(NoteInvalid):
        open_note(f"{TEXT}\n{line}", [WITNESS])


def test_extension_lines_are_read_only_where_they_are_allowed() -> None:
    extended = f"{TEXT}of another log\n"
    assert Checkpoint.parse(extended, extended=True) == Checkpoint.parse(TEXT)
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(f"{TEXT}\nbehind an empty line\n", extended=True)


def test_base64_with_bits_behind_its_end_is_refused() -> None:
    """72 + 4 bytes end in one of two spare forms: the last letter has four bits of no meaning."""
    note = f"{TEXT}\n{cosign(TEXT, WITNESS.name, OTHER, time=5)}"
    at = note.rindex("==") - 1
    assert note[at] in "AQgw"
    assert open_note(note, [WITNESS])
    with pytest.raises(NoteInvalid):
        open_note(note[:at] + chr(ord(note[at]) + 1) + note[at + 1 :], [WITNESS])


def test_the_known_example_opens() -> None:
    key = NoteKey.parse(EXAMPLE_KEY)
    assert open_note(EXAMPLE_NOTE, [key]).text == "This is an example message.\n"
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
    assert Checkpoint.parse(open_note(note, [KEY]).text) == Checkpoint(
        NAME, 20852163, bytes(range(32))
    )


def test_signatures_of_other_keys_are_passed_over() -> None:
    note = sign_note(TEXT, NAME, PRIVATE)
    foreign = sign_note(TEXT, "example.org/witness", OTHER).split("\n\n")[1]
    assert open_note(note + foreign, [KEY]).text == TEXT
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
    [
        "",
        "a+b+c",
        f"{NAME}+00000000+{str(KEY).split('+', 2)[2]}",
        str(KEY)[:-4],
        f"a {KEY}",
        "ct.googleapis.com/logs/us1/argon2024+7deb49d0+BTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABB25"
        "bKnLaZTFXOa2pgO70rjcVEMXKJkMBgFQHZ1kwFlGK9zIAx0FtC2oCfeZQe0E++VXuiYE9hFSzhRlOy92K8A=",
        str(NoteKey.of(NAME, ec.derive_private_key(9, ec.SECP384R1()))),
    ],
    ids=["empty", "garbage", "wrong id", "short", "space", "unknown type", "P-384"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        NoteKey.parse(text)
