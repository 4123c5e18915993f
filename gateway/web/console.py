"""The console's routes: an agency's last records, one record's receipt, and the log's state.

Needs no script. An officer sees the records of the own agency and of no other: the ledger is asked
with the agency of the session, never with one that a request names.
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from gateway.domain import Permission
from gateway.errors import NotFound
from gateway.web.site import Site

RECORDS_SHOWN = 100
RECORD_ID = re.compile(r"[0-9a-f]{32}")


class Console:
    """Handlers for officers, and for anyone who holds a record's id of the own agency."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def records(self, request: Request) -> Response:
        """The agency's last records and the log's state."""
        visitor = await self._site.require(request, Permission.RECORDS_READ)
        ledger = self._site.ledger
        return self._site.renderer.page(
            "console.html",
            visitor=visitor,
            records=await ledger.recent(visitor.principal.agency, RECORDS_SHOWN),
            state=await ledger.state(),
            shown=RECORDS_SHOWN,
        )

    async def record(self, request: Request) -> Response:
        """One record's receipt."""
        visitor = await self._site.require(request, Permission.RECEIPTS_READ)
        record_id = request.path_params["record_id"]
        if not RECORD_ID.fullmatch(record_id):
            raise NotFound
        receipt = await self._site.ledger.receipt(record_id, visitor.principal.agency)
        if receipt is None:
            raise NotFound
        return self._site.renderer.page("record.html", visitor=visitor, receipt=receipt)
