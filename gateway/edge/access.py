"""Plain ASGI middleware around the public app: counts responses, closes connections at the end."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.telemetry import Metrics


class CountResponses:
    """Counts each response by route template and status; an unknown path is `unmatched`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on unchanged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unmatched")
                self._metrics.http.labels(route, message["status"]).inc()
            await send(message)

        await self._app(scope, receive, counting)


class CloseWhenDraining:
    """Says `Connection: close` on each answer once this process drains.

    A client or a proxy that keeps connections then takes its next request elsewhere, and none
    meets a connection that is just being closed (RFC 9112 section 9.6).
    """

    def __init__(self, app: ASGIApp, draining: asyncio.Event) -> None:
        self._app, self._draining = app, draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything else on unchanged."""

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and self._draining.is_set():
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, closing)
