"""The internal listener: /metrics, /healthz and /readyz. Never reachable from outside."""

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from gateway.edge.answer import Edge
from gateway.ledger.sealer import Sealer
from gateway.ledger.writer import LedgerState, Trouble
from gateway.telemetry import Metrics

_STALE = "warning: witnesses (stale)\n"  # alarms, and no reason to serve nobody
_KEYS_AWAY = "warning: sealer's keys (away)\n"


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
        return PlainTextResponse(text + _warnings(ledger), 503 if missing else 200)

    @app.get("/metrics")
    async def scrape() -> Response:
        """Prometheus' text format."""
        state = await services.ledger.state()
        metrics.ledger_size.set(state.size)
        metrics.ledger_witnessed.set(state.witnessed_size)
        metrics.ledger_witnesses_stale.set(state.witnesses_stale)
        metrics.ledger_keys_away.set(state.keys_away)
        for cause in Trouble:
            if cause is not Trouble.NONE:
                metrics.ledger_trouble.labels(cause).set(state.trouble is cause)
        metrics.ledger_unsealed.set(state.unsealed)
        metrics.limits_alone.set(services.limits.state.alone)
        metrics.limits_replicas.set(services.limits.state.replicas)
        metrics.detector_ready.set(services.detector.ready)
        metrics.detector_replaced.set(services.detector.replaced_children)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def sealer_app(sealer: Sealer, metrics: Metrics) -> FastAPI:
    """The internal listener's app of a process that seals and does nothing else."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    def trouble() -> Trouble:
        if not sealer.sound:
            return Trouble.SEALING_REFUSED
        return Trouble.NONE if sealer.reached else Trouble.STORE

    @app.get("/healthz")
    async def healthz() -> Response:
        """This process's loop turns."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether the last run could read and seal."""
        found = trouble()
        text = f"not ready: sealer ({found})\n" if found else "ready\n"
        return PlainTextResponse(text + _warnings(sealer), 503 if found else 200)

    @app.get("/metrics")
    async def scrape() -> Response:
        """Prometheus' text format."""
        metrics.ledger_size.set(sealer.size)
        metrics.ledger_witnessed.set(sealer.witnessed_size)
        metrics.ledger_witnesses_stale.set(sealer.witnesses_stale)
        metrics.ledger_keys_away.set(sealer.keys_away)
        metrics.ledger_unsealed.set(sealer.unsealed)
        for cause in (Trouble.SEALING_REFUSED, Trouble.STORE):
            metrics.ledger_trouble.labels(cause).set(trouble() is cause)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def _warnings(ledger: LedgerState | Sealer) -> str:
    stale = _STALE if ledger.witnesses_stale else ""
    return stale + (_KEYS_AWAY if ledger.keys_away else "")
