"""Plain ASGI middleware around the public app: counts its responses."""

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
