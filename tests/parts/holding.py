"""A proxy before an HTTP server that lets so many PUTs pass and holds the next one for ever."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Holding:
    """Listens on `port`; `held` is set once a PUT was kept back."""

    def __init__(self, server_port: int, puts: int) -> None:
        self.held = threading.Event()
        self._server_port = server_port
        self._left = puts
        self._count = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._open += [client, server]
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _pass(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                if asks and piece.startswith(b"PUT ") and not self._may_pass():
                    self.held.set()
                    return
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def _may_pass(self) -> bool:
        with self._count:
            self._left -= 1
            return self._left >= 0


@contextmanager
def holding(server_port: int, puts: int) -> Iterator[Holding]:
    proxy = Holding(server_port, puts)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(30)
