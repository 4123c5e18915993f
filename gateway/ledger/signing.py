"""Signs the log's notes; keys that are elsewhere get a time to answer, and never hold up the loop.

A module or server that hangs cannot be told to stop: the thread that waits for it is left alone,
and until it comes back every further note is refused at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Final

from gateway.ledger.held_keys import HeldEd25519, HeldP256
from gateway.ledger.key_files import KeyStoreAway
from gateway.proofs.note import PrivateKey, sign_note

ANSWER_SECONDS: Final = 10.0


class Signing:
    """The sealer's hand. `away`: keys that are elsewhere did not sign the last time."""

    def __init__(self, origin: str, keys: tuple[PrivateKey, ...]) -> None:
        self.away = False
        self._origin = origin
        self._keys = keys
        self._held = any(isinstance(key, HeldEd25519 | HeldP256) for key in keys)
        self._asked: Future[str] | None = None

    async def note(self, text: str) -> str:
        """The text as a note that every key has signed.

        Raises:
            KeyStoreAway: a key that is elsewhere does not sign, or not in ANSWER_SECONDS.
        """
        if not self._held:
            return self._sign(text)
        try:
            signed = await self._in_time(text)
        except KeyStoreAway:
            self.away = True
            raise
        self.away = False
        return signed

    async def _in_time(self, text: str) -> str:
        if self._asked is not None and not self._asked.done():
            raise KeyStoreAway("has not answered yet")
        self._asked = asked = _asked(lambda: self._sign(text))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.shield(asyncio.wrap_future(asked))
        except TimeoutError:
            raise KeyStoreAway("does not answer") from None

    def _sign(self, text: str) -> str:
        return sign_note(text, self._origin, *self._keys)


def _asked(act: Callable[[], str]) -> Future[str]:
    """What `act` gives, from a thread that no end of the process waits for."""
    future: Future[str] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except Exception as error:  # noqa: BLE001 raised again where it is awaited
            future.set_exception(error)

    Thread(target=run, name="signing", daemon=True).start()
    return future
