"""A name server for one container: `names.py NAME=ADDRESS[,ADDRESS] …` on 127.0.0.11, port 53.

Answers A questions about these names and nothing else (RFC 1035); says one line when it listens.
"""

import socket
import struct
import sys

_HEADER = struct.Struct(">HHHHHH")
_A, _IN, _OPT = 1, 1, 41
_SECONDS = 5


def answer(question: bytes, names: dict[str, list[str]]) -> bytes:
    """The answer to one message."""
    number, flags, *_ = _HEADER.unpack_from(question)
    labels, place = [], _HEADER.size
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode("ascii").lower())
        place += 1 + length
    place += 1
    kind, _ = struct.unpack_from(">HH", question, place)
    asked = question[_HEADER.size : place + 4]
    known = names.get(".".join(labels))
    found = known if known and kind == _A else []
    status = 0 if known else 3  # NXDOMAIN
    head = _HEADER.pack(number, 0x8180 | (flags & 0x0100) | status, 1, len(found), 0, 0)
    records = b"".join(
        struct.pack(">HHHIH", 0xC00C, _A, _IN, _SECONDS, 4) + socket.inet_aton(address)
        for address in found
    )
    return head + asked + records


def main(arguments: list[str]) -> None:
    names = {
        name: found.split(",") for name, _, found in (each.partition("=") for each in arguments)
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.11", 53))
        print("listening", flush=True)
        while True:
            question, sender = listener.recvfrom(4_096)
            listener.sendto(answer(question, names), sender)


if __name__ == "__main__":
    main(sys.argv[1:])
