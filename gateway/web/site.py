"""What the pages are built from, and the few things that every page does with a request.

The composition root builds one Site and hands it to `gateway.web.routes.router`. Nothing here
knows a template's content.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from gateway.domain import PeerOrigin, Permission, SessionSecret
from gateway.edge.arrival import Network, client_address, new_id, session_cookie
from gateway.errors import (
    GatewayError,
    PermissionDenied,
    PublicError,
    Unauthenticated,
    public_error,
    retry_after_seconds,
)
from gateway.identity.authentication import Identity
from gateway.identity.login import SESSION_COOKIE, Login
from gateway.ledger.events import RequestRefused
from gateway.ledger.writer import Ledger
from gateway.settings import BoundSettings
from gateway.steps.authorize import Policies
from gateway.web.assets import Assets, load_assets
from gateway.web.chat import ChatSurface
from gateway.web.problems import problem_document, problem_page
from gateway.web.rendering import Renderer, Visitor, build_renderer

SURFACE = "web.page"
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The pages' services. `answer` sends one call down the line and its answer back.

    Templates and static files are read when it is built, and never again.
    """

    identity: Identity
    login: Login
    ledger: Ledger
    policies: Policies
    bounds: BoundSettings
    public_url: str
    answer: Callable[[ChatSurface], Response]
    trusted_proxies: Sequence[Network] = ()
    assets: Assets = field(default_factory=load_assets)
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "renderer", build_renderer(self.assets))

    async def visitor(self, request: Request) -> Visitor | None:
        """Who is logged in; None where nobody is, or no longer.

        Raises:
            IdentityUnavailable: sessions cannot be read.
        """
        session = session_of(request)
        if session is None:
            return None
        try:
            return Visitor(principal=await self.identity.verify(session), session=session)
        except Unauthenticated:
            return None

    async def require(self, request: Request, permission: Permission) -> Visitor:
        """The visitor, who must hold a permission.

        Raises:
            Unauthenticated: nobody is logged in.
            PermissionDenied: the visitor's roles do not grant it.
            IdentityUnavailable: sessions cannot be read.
        """
        visitor = await self.visitor(request)
        if visitor is None:
            raise Unauthenticated
        if permission not in visitor.principal.permissions:
            raise PermissionDenied
        return visitor

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with every refusal told as a page (or as problem details to a script)."""

        async def answered(request: Request) -> Response:
            try:
                return await endpoint(request)
            except GatewayError as error:
                return await self.refusal(request, error)

        return answered

    async def refusal(self, request: Request, error: GatewayError) -> Response:
        """A refusal of a page: recorded like one on the line, then told."""
        request_id, shown = new_id(), public_error(error)
        if isinstance(error, Unauthenticated | PermissionDenied):
            self._record(request, error, request_id, await self._visitor_if_known(request))
        if "text/html" in request.headers.get("accept", ""):
            response = await self.told(request, shown, request_id)
        else:
            response = problem_document(shown, request_id)
        retry = retry_after_seconds(error)
        if retry is not None:
            response.headers["retry-after"] = str(max(1, round(retry)))
        return response

    async def told(self, request: Request, shown: PublicError, request_id: str) -> Response:
        """A refusal as a page, under the visitor's own header where that is known."""
        broken = shown.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        visitor = None if broken else await self._visitor_if_known(request)
        return problem_page(self.renderer, shown, visitor=visitor, request_id=request_id)

    async def _visitor_if_known(self, request: Request) -> Visitor | None:
        try:
            return await self.visitor(request)
        except GatewayError:
            return None

    def _record(
        self, request: Request, error: GatewayError, request_id: str, visitor: Visitor | None
    ) -> None:
        code = public_error(error).code
        self.ledger.refused(
            RequestRefused(
                record_id=request_id,
                principal=visitor.principal if visitor else None,
                origin=PeerOrigin(
                    address=client_address(request.scope, request.headers, self.trusted_proxies),
                    surface=SURFACE,
                ),
                model="",
                code=code,
                reason=error.reason if isinstance(error, Unauthenticated) else code,
            )
        )


def session_of(request: Request) -> SessionSecret | None:
    """The session secret that the browser sent, if any."""
    return session_cookie(request.headers, SESSION_COOKIE)
