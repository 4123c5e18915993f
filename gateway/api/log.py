"""`/log/…`: the ledger's tree as static files, for whoever watches it (c2sp.org/tlog-tiles).

Public: the files hold salted hashes and signatures, nothing about anyone. What they do tell is how
many events there are, and when.
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from gateway.edge.answer import Edge
from gateway.errors import NotFound

LOG_ROUTE: Final = "/log/{path:path}"
_LASTING: Final = "public, max-age=31536000, immutable"
_CHANGING: Final = "no-cache"


def router(edge: Edge) -> APIRouter:
    """The one route."""
    api = APIRouter()

    @api.get(LOG_ROUTE)
    async def log_file(path: str) -> Response:
        """One file of the log: `checkpoint`, `tile/…` or `rotations`."""
        found = await edge.services.ledger.log_file(path)
        if found is None:
            raise NotFound
        headers = {
            "cache-control": _LASTING if found.lasting else _CHANGING,
            "x-content-type-options": "nosniff",
        }
        return Response(found.content, headers=headers, media_type=found.media_type)

    return api
