"""Turns a template and plain values into an HTML answer with its headers; the only use of Jinja.

Autoescape is on for everything and an undefined name is an error: a template cannot print what it
was not given, and nothing that people wrote becomes markup.
"""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from gateway.domain import Permission, Principal, SessionSecret
from gateway.web import csrf, words
from gateway.web.assets import Assets
from gateway.web.csp import security_headers

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks at a page: the principal of a live session, and the token for its forms."""

    principal: Principal
    session: SessionSecret

    @property
    def csrf(self) -> str:
        """The session's CSRF token, for forms and the page's script."""
        return csrf.token(self.session)

    @property
    def may_chat(self) -> bool:
        """Whether the chat page is of use to this person."""
        return Permission.CHAT_CREATE in self.principal.permissions

    @property
    def may_read_records(self) -> bool:
        """Whether the console opens for this person."""
        return Permission.RECORDS_READ in self.principal.permissions

    @property
    def role_labels(self) -> list[str]:
        """The person's roles in Korean, in the order in which the domain lists them."""
        return [label for role, label in words.ROLES.items() if role in self.principal.roles]


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders pages."""

    environment: Environment

    def page(
        self, template: str, *, visitor: Visitor | None, status: int = 200, **values: object
    ) -> HTMLResponse:
        """One page, never stored by anyone on the way: it may hold names and a CSRF token."""
        text = self.environment.get_template(template).render(visitor=visitor, **values)
        headers = security_headers() | {
            "cache-control": "no-store",
            "content-language": "ko",
            "vary": "cookie",
        }
        return HTMLResponse(text, status, headers)


def build_renderer(assets: Assets) -> Renderer:
    """A renderer whose templates know the static files and the Korean words."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = assets.url
    environment.filters["grade"] = words.grade_words
    environment.filters["entity"] = words.entity_label
    environment.filters["kst"] = words.kst
    environment.filters["seconds"] = words.seconds
    environment.filters["outcome"] = words.outcome_words
    return Renderer(environment)
