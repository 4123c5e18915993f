"""The internal listener: /metrics, /healthz and /readyz. Never reachable from outside."""

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from gateway.edge.answer import Edge
from gateway.ledger.writer import Trouble


def internal_app(edge: Edge) -> FastAPI:
    """The app of the internal listener."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    services, metrics = edge.services, edge.observer.metrics

    @app.get("/healthz")
    async def healthz() -> Response:
        """This process's loop turns."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether new requests can be served: the record can be kept, the detector answers."""
        ledger = await services.ledger.state()
        missing = [
            name
            for name, ready in (
                ("running", not edge.cut.is_set() and not edge.draining.is_set()),
                (f"ledger ({ledger.trouble or 'starting'})", ledger.healthy),
                ("detector", services.detector.ready),
            )
            if not ready
        ]
        text = f"not ready: {', '.join(missing)}\n" if missing else "ready\n"
        return PlainTextResponse(text, 503 if missing else 200)

    @app.get("/metrics")
    async def scrape() -> Response:
        """Prometheus' text format."""
        state = await services.ledger.state()
        metrics.ledger_size.set(state.size)
        for cause in Trouble:
            if cause is not Trouble.NONE:
                metrics.ledger_trouble.labels(cause).set(state.trouble is cause)
        metrics.ledger_unsealed.set(state.unsealed)
        metrics.detector_ready.set(services.detector.ready)
        metrics.detector_replaced.set(services.detector.replaced_children)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app
