"""Every route of the public listener demands authorization, or stands in PUBLIC_ROUTES.

Asked of the real app over real sockets: a route that someone adds tomorrow is asked too.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator

import pytest
import pytest_asyncio
from house import RunningHouse, running_house, settings_for
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from gateway.app import PUBLIC_ROUTES, public_app
from redaction.pool import Detector

NOWHERE = "http://127.0.0.1:9"  # discard: nobody listens; no route may come that far
VALUES = {"record_id": "0" * 32}
BODY = {"model": "rehearsal", "messages": [{"role": "user", "content": "안녕하십니까"}]}


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(
    detector: Detector, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningHouse]:
    data = tmp_path_factory.mktemp("routes") / "data"
    async with running_house(settings_for(data, NOWHERE, NOWHERE), detector) as running:
        yield running


def routes(house: RunningHouse) -> list[tuple[str, str]]:
    """Method and path template of every route."""
    return walked(public_app(house.house))


def walked(app: Starlette) -> list[tuple[str, str]]:
    """The same of an app."""
    return list(_walk(app.routes))


def _walk(found: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in found:
        included = getattr(route, "original_router", None)  # how FastAPI keeps include_router
        if included is not None:
            yield from _walk(included.routes)
            continue
        assert isinstance(route, Route), f"a kind of route that this test cannot ask: {route}"
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, route.path


def filled(template: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda hit: VALUES.get(hit[1], "x"), template)


async def test_route_without_credentials_is_refused_unless_it_is_public(
    house: RunningHouse,
) -> None:
    asked = routes(house)
    assert len(asked) > len(PUBLIC_ROUTES)
    open_routes = []
    for method, template in asked:
        if template in PUBLIC_ROUTES:
            continue
        body = BODY if method in ("POST", "PUT", "PATCH") else None
        answer = await house.client.request(method, filled(template), json=body)
        to_login = answer.status_code == 303 and "/login" in answer.headers["location"]
        if answer.status_code not in (401, 403) and not to_login:
            open_routes.append(f"{method} {template}: {answer.status_code}")
    assert open_routes == []


async def test_public_routes_exist(house: RunningHouse) -> None:
    assert {template for _, template in routes(house)} >= PUBLIC_ROUTES


async def test_api_names_the_refusal(house: RunningHouse) -> None:
    answer = await house.client.post("/v1/chat/completions", json=BODY)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_token"
