"""The composition root: builds every service once and binds the routes to them.

No route finds a service by itself: routers are made with the Edge that they need. `server` gives
the two apps their listeners.
"""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from gateway import os_words
from gateway.api import account, chat, problems
from gateway.domain import Grade, Limits, ModelCard
from gateway.edge.access import CountResponses
from gateway.edge.answer import Answer, Edge, parse_networks
from gateway.edge.observe import Observer
from gateway.identity.authentication import Identity
from gateway.identity.keyfile import read_or_create_key
from gateway.identity.login import Login
from gateway.identity.sessions import Sessions
from gateway.ledger.keys import open_keys
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.pipeline import Services
from gateway.settings import ModelSettings, Settings
from gateway.steps.authorize import Policies
from gateway.store.database import Database
from gateway.store.limits import LimitStore
from gateway.store.sessions import SessionStore
from gateway.telemetry import Metrics, make_log
from gateway.web import pages
from gateway.web.site import Site
from inference.dispatch import EngineOptions, Engines
from inference.replica import EngineKind, Model, Replica
from redaction.policy import Policy
from redaction.pool import Detector, DetectorOptions

PUBLIC_ROUTES = frozenset(
    {"/", "/login", "/login/callback", "/logout", "/static/{name:path}", "/favicon.ico"}
)
"""Routes that answer without a principal; every other one demands authorization."""

BASIC_POLICY = Policy("기본-1")


class StartRefused(Exception):
    """The gateway cannot start; the message says in plain words why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """All that one process holds while it serves."""

    edge: Edge
    login: Login
    settings: Settings


@asynccontextmanager
async def open_house(settings: Settings, detector: Detector) -> AsyncIterator[House]:
    """Starts every service in the order in which they need each other; ends them in reverse.

    The detector takes seconds to start and depends on nothing: it comes running.
    """
    log = make_log(settings.log.level)
    data_dir = settings.store.data_dir
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(data_dir, settings.store.database_url))
        keys = data_dir / "keys"
        sessions = Sessions(
            SessionStore(database), read_or_create_key(keys / "sessions.key"), settings.identity
        )
        identity = await stack.enter_async_context(Identity(settings.identity, sessions))
        engines = await stack.enter_async_context(
            Engines([_model(model) for model in settings.models], _engine_options(settings))
        )
        ledger = await stack.enter_async_context(
            Ledger(_ledger_options(settings), database, open_keys(data_dir))
        )
        edge = Edge(
            services=Services(
                identity=identity,
                policies=_policies(settings, read_or_create_key(keys / "salt.key")),
                limits=LimitStore(),
                detector=detector,
                engines=engines,
                ledger=ledger,
            ),
            observer=Observer(Metrics(), log),
            bounds=settings.bounds,
            deadlines=settings.deadlines,
            trusted_proxies=parse_networks(settings.server.trusted_proxies),
        )
        login = Login(
            settings.identity,
            settings.server.public_url,
            read_or_create_key(keys / "login.key"),
            identity=identity,
            sessions=sessions,
        )
        yield House(edge=edge, login=login, settings=settings)


def public_app(house: House) -> FastAPI:
    """The app of the public listener: every surface, page and error of the gateway."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    site = _site(house)
    problems.install(app, house.edge, site.told)
    app.include_router(account.router(house.edge))
    app.include_router(chat.router(house.edge))
    app.include_router(pages.router(site))
    app.add_middleware(CountResponses, metrics=house.edge.observer.metrics)
    return app


def _site(house: House) -> Site:
    services = house.edge.services
    return Site(
        identity=services.identity,
        login=house.login,
        ledger=services.ledger,
        policies=services.policies,
        bounds=house.settings.bounds,
        public_url=house.settings.server.public_url,
        answer=lambda surface: Answer(house.edge, surface),
        trusted_proxies=house.edge.trusted_proxies,
    )


def _policies(settings: Settings, salt_key: bytes) -> Policies:
    limits = settings.limits
    return Policies(
        models=[_card(model) for model in settings.models],
        limits=Limits(
            requests_per_minute=limits.requests_per_minute,
            characters_per_minute=limits.characters_per_minute,
            concurrent_requests=limits.concurrent_requests,
        ),
        default_grade=Grade[settings.grades.default],
        redaction=dict.fromkeys(Grade, BASIC_POLICY),
        salt_key=salt_key,
    )


def _card(model: ModelSettings) -> ModelCard:
    """What callers may know of a model; an engine outside the house reads open data only."""
    external = any(replica.kind == "openai" for replica in model.replicas)
    return ModelCard(
        name=model.name,
        aliases=model.aliases,
        highest_grade=Grade.O if external else Grade[model.highest_grade],
        zone="external" if external else model.zone,
        provider=model.provider,
        licence=model.licence,
        context_tokens=model.context_tokens,
    )


def _model(model: ModelSettings) -> Model:
    return Model(
        name=model.name,
        replicas=tuple(
            Replica(
                name=replica.name,
                url=replica.url,
                served_model=replica.served_model,
                kind=EngineKind(replica.kind),
                credential=_secret(replica.credential_file),
            )
            for replica in model.replicas
        ),
        slots=model.slots,
        queue_places=model.queue_places,
    )


def _secret(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartRefused(
            f"{path}: 비밀 파일을 읽을 수 없습니다 ({os_words.korean(error)}).\n"
            f"{path}: the secret's file cannot be read ({os_words.english(error)})."
        ) from None
    except UnicodeDecodeError:
        raise StartRefused(
            f"{path}: 비밀 파일이 UTF-8이 아닙니다.\n{path}: the secret's file is not UTF-8."
        ) from None


def _engine_options(settings: Settings) -> EngineOptions:
    deadlines = settings.deadlines
    return EngineOptions(
        connect_seconds=deadlines.connect_seconds,
        queue_seconds=deadlines.queue_seconds,
        first_part_seconds=deadlines.first_part_seconds,
        between_parts_seconds=deadlines.between_parts_seconds,
    )


def detector_options(settings: Settings) -> DetectorOptions:
    """The detector's part of the settings."""
    detector = settings.detector
    return DetectorOptions(
        processes=detector.processes,
        deadline_seconds=detector.deadline_seconds,
        queue_places=detector.queue_places,
        remembered_texts=detector.remembered_texts,
    )


def _ledger_options(settings: Settings) -> LedgerOptions:
    ledger = settings.ledger
    return LedgerOptions(
        queue_places=ledger.queue_places,
        durable_seconds=ledger.durable_seconds,
        seal_seconds=ledger.seal_seconds,
        unsealed_limit=ledger.unsealed_limit,
        disk_reserve_bytes=ledger.disk_reserve_bytes,
        build=importlib.metadata.version("gwanmun"),
    )
