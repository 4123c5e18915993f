"""How the pool and its detector processes speak: frames on stream sockets, and one-byte orders.

The first frame says what to load: packs, and an agency's vocabulary as it encodes itself; that may
hold names, so it comes this way and not on a command line. A request frame carries texts as UTF-8
(lone surrogates pass), an answer frame JSON without any text: for each text its spans as [start,
end, entity, score, rule], or null where there are too many to say. Orders to the zygote are five
bytes: what to do, and a process id.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import orjson

from redaction.entity import Span
from redaction.errors import TooManyFindings

LENGTH = struct.Struct("!I")
ORDER = struct.Struct("!BI")


class Order(IntEnum):
    """What the pool asks of the zygote; each is answered with ORDER."""

    FORK = 1  # the order carries a socket; the answer names the child
    END = 2  # kill the child of this process id and reap it


class Setup(NamedTuple):
    """What the zygote loads; `vocabulary` is empty or what `Vocabulary.encode` wrote."""

    packs: tuple[str, ...]
    vocabulary: bytes


def encode_setup(setup: Setup) -> bytes:
    """The first frame."""
    body = orjson.dumps(setup.packs) + b"\n" + setup.vocabulary
    return LENGTH.pack(len(body)) + body


def decode_setup(body: bytes) -> Setup:
    """What the first frame's body says."""
    packs, _, vocabulary = body.partition(b"\n")  # JSON of orjson holds no line break
    return Setup(tuple(orjson.loads(packs)), vocabulary)


def encode_texts(texts: Sequence[str]) -> bytes:
    """A request frame."""
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    head = struct.pack(f"!{len(raw) + 1}I", len(raw), *(len(part) for part in raw))
    body = b"".join((head, *raw))
    return LENGTH.pack(len(body)) + body


def decode_texts(body: bytes) -> list[str]:
    """The texts of a request frame's body."""
    (count,) = LENGTH.unpack_from(body)
    lengths = struct.unpack_from(f"!{count}I", body, LENGTH.size)
    position = LENGTH.size * (count + 1)
    texts = []
    for length in lengths:
        texts.append(body[position : position + length].decode("utf-8", "surrogatepass"))
        position += length
    return texts


def encode_spans(found: Sequence[Sequence[Span]] | None) -> bytes:
    """An answer frame; None says that the texts hold too many findings."""
    body = orjson.dumps(
        None if found is None else [[list(span) for span in spans] for spans in found]
    )
    return LENGTH.pack(len(body)) + body


def decode_spans(body: bytes) -> list[tuple[Span, ...]]:
    """The spans of an answer frame's body.

    Raises:
        TooManyFindings: the texts hold too many.
        ValueError: the body is not what a detector writes.
    """
    answer = orjson.loads(body)
    if answer is None:
        raise TooManyFindings
    try:
        return [tuple(Span(*entry) for entry in spans) for spans in answer]
    except TypeError:
        raise ValueError("not an answer of a detector") from None
