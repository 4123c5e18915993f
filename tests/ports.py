"""Free loopback ports for processes that take several in a row.

They lie below the range that the kernel gives to outgoing connections (32768 and up on Linux), so
that nobody takes one between the look and the start.
"""

import random
import socket


def free_ports(count: int = 4) -> int:
    """The first of `count` free ports in a row."""
    while True:
        first = random.randrange(20_000, 32_000)
        try:
            for number in range(count):
                socket.create_server(("127.0.0.1", first + number)).close()
        except OSError:
            continue
        return first
