"""The pages' routes: landing and chat, login and logout, static files; the console stands beside.

Each handler takes the request alone; what it needs is the Site it was made with. Every refusal
becomes a page. Nothing here decides what may pass to a model: the chat's POST goes down the line
like every other call.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.domain import Grade, ModelCard, Principal, SessionSecret
from gateway.errors import IdentityUnavailable, NotFound, Unauthenticated
from gateway.identity.login import CALLBACK_PATH, LOGIN_COOKIE, LOGIN_SECONDS, SESSION_COOKIE
from gateway.web import csrf
from gateway.web.assets import PREFIX
from gateway.web.chat import ChatSurface
from gateway.web.console import Console
from gateway.web.csp import security_headers
from gateway.web.site import Site, session_of
from gateway.web.words import GRADES


def router(site: Site) -> APIRouter:
    """All routes of the pages."""
    pages, console = _Pages(site), Console(site)
    routes = APIRouter(include_in_schema=False)
    for path, endpoint, method in (
        ("/", pages.home, "GET"),
        ("/login", pages.login, "GET"),
        (CALLBACK_PATH, pages.callback, "GET"),
        ("/logout", pages.logout, "POST"),
        ("/chat/messages", pages.send, "POST"),
        (PREFIX + "/{name:path}", pages.static, "GET"),
        ("/favicon.ico", pages.favicon, "GET"),
        ("/console", console.records, "GET"),
        ("/records/{record_id}", console.record, "GET"),
    ):
        routes.add_route(path, site.guarded(endpoint), methods=[method], name=endpoint.__name__)
    return routes


class _Pages:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def home(self, request: Request) -> Response:
        """The chat for those who may, the console for officers, a landing page for strangers."""
        visitor = await self._site.visitor(request)
        page = self._site.renderer.page
        if visitor is None:
            return page("landing.html", visitor=None)
        if not visitor.may_chat:
            if visitor.may_read_records:
                return RedirectResponse("/console", 303, security_headers())
            return page("no_surface.html", visitor=visitor)
        models = self._site.policies.offered_to(visitor.principal)
        grades = _grades(visitor.principal, models)
        default = min(self._site.policies.default_grade, grades[-1])
        return page(
            "chat.html",
            visitor=visitor,
            models=models,
            grades=grades,
            default_grade=default,
            grade_words=GRADES,
            longest=self._site.bounds.characters,
        )

    async def login(self, request: Request) -> Response:
        """Sends the browser to the issuer, with a cookie that the way back needs.

        Under another name of this host the cookie would not come back, so the login then starts
        over at the public address.
        """
        public = urlsplit(self._site.public_url)
        if request.headers.get("host", "") != public.netloc:
            return _redirect(f"{self._site.public_url.rstrip('/')}/login")
        start = await self._site.login.begin(request.query_params.get("return", "/"))
        response = _redirect(start.redirect_url)
        _set_cookie(response, LOGIN_COOKIE, start.login_cookie, LOGIN_SECONDS)
        return response

    async def callback(self, request: Request) -> Response:
        """The issuer's answer: a session begins, or a page says why not."""
        query = request.query_params
        try:
            done = await self._site.login.complete(
                query.get("code", ""),
                query.get("state", ""),
                request.cookies.get(LOGIN_COOKIE, ""),
                issuer=query.get("iss"),
            )
        except (Unauthenticated, IdentityUnavailable) as error:
            response = await self._site.refusal(request, error)
        else:
            response = _redirect(done.return_path)
            _set_cookie(response, SESSION_COOKIE, done.secret)
        _delete_cookie(response, LOGIN_COOKIE)
        return response

    async def logout(self, request: Request) -> Response:
        """Ends the session here, then at the issuer.

        The way on to the issuer is a Refresh header and no redirect: a redirect behind a form
        falls under `form-action` (CSP Level 3, section 6.4.2), which names only ourselves.
        """
        csrf.check_origin(request.headers, self._site.public_url)
        session = session_of(request)
        target = "/"
        if session is not None:
            csrf.check_token(await _form_token(request), session)
            target = await self._end(session)
        response: Response
        if target == "/":
            response = _redirect("/")
        else:
            response = self._site.renderer.page("logged_out.html", visitor=None, target=target)
            response.headers["refresh"] = f"0; url={target}"
        _delete_cookie(response, SESSION_COOKIE)
        return response

    async def _end(self, session: SessionSecret) -> str:
        try:
            return await self._site.login.end(session.value)
        except IdentityUnavailable:
            return "/"  # our session is over; the issuer cannot be asked where its own ends

    async def send(self, request: Request) -> Response:
        """One turn of the chat: the line's answer, whatever it is."""
        return self._site.answer(ChatSurface(self._site.bounds, self._site.public_url))

    async def static(self, request: Request) -> Response:
        """A static file by the exact address that a page was given; it never changes."""
        asset = self._site.assets.by_url.get(request.url.path)
        if asset is None:
            raise NotFound
        headers = security_headers() | {"cache-control": "public, max-age=31536000, immutable"}
        return Response(asset.content, 200, headers, asset.media_type)

    async def favicon(self, request: Request) -> Response:
        """Where browsers look by themselves."""
        return _redirect(self._site.assets.url("mark.svg"))


def _grades(principal: Principal, models: Sequence[ModelCard]) -> list[Grade]:
    """What the person may claim: up to the own ceiling, as far as some model reaches."""
    highest = max((model.highest_grade for model in models), default=Grade.O)
    return [grade for grade in Grade if grade <= min(principal.ceiling, highest)]


async def _form_token(request: Request) -> str | None:
    """The token field of a small form; anything else is no token."""
    async with request.form(max_files=0, max_fields=8, max_part_size=4_096) as form:
        value = form.get(csrf.FORM_FIELD)
    return value if isinstance(value, str) else None


def _redirect(target: str) -> RedirectResponse:
    return RedirectResponse(target, 303, security_headers() | {"cache-control": "no-store"})


def _set_cookie(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """A `__Host-` cookie (RFC 6265bis section 4.1.3.2): this host alone, TLS or loopback alone.

    SameSite is Lax because the way back from the issuer is a navigation from another site.
    """
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax"
    )


def _delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
