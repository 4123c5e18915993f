"""A witness's one route (c2sp.org/tlog-witness): POST /add-checkpoint.

Whoever can send a checkpoint that a followed log has signed may ask; nobody else gets anything.
"""

import asyncio
from typing import Final

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from gateway.ledger.key_files import KeysUnusable
from gateway.ledger.witness import Witness
from gateway.proofs.witness import MOST_BYTES, Refused
from gateway.telemetry import Log, where

_BODY_SECONDS: Final = 10.0


def witness_app(witness: Witness, log: Log) -> FastAPI:
    """The app of a witness's listener."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        """Signs a checkpoint that has grown out of the last one."""
        try:
            line = witness.add_checkpoint(await _body(request))
        except Refused as refused:
            log.info("witness.refused", status=refused.status)
            headers = {"content-type": refused.media_type}
            return Response(refused.body, refused.status, headers)
        except (KeysUnusable, OSError) as error:
            log.critical("witness.unusable", error=where(error))
            return PlainTextResponse("this witness cannot keep what it signs\n", 500)
        log.info("witness.signed")
        return PlainTextResponse(line)

    @app.get("/healthz")
    async def healthz() -> Response:
        """This process's loop turns."""
        return PlainTextResponse("ok\n")

    return app


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    raise Refused(413, "too long\n")
    except TimeoutError:
        raise Refused(408, "too slow\n") from None
    except ClientDisconnect:
        raise Refused(400, "gone\n") from None
    return bytes(body)
