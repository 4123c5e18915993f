"""The composition root: builds every service once and binds the routes to them.

No route finds a service by itself: routers are made with the Edge that they need. `server` gives
the two apps their listeners.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI

from gateway import os_words
from gateway.api import account, chat, log, logout, problems, redact, reveals, subjects
from gateway.api.log import LOG_ROUTE
from gateway.app_ledger import (
    StartRefused,
    database_of,
    key_of,
    open_forwarding,
    open_keeping,
    open_ledger,
)
from gateway.domain import Grade, Limits, ModelCard
from gateway.edge.access import CloseWhenDraining, CountResponses
from gateway.edge.answer import Answer, Edge, parse_networks
from gateway.edge.observe import Observer
from gateway.identity import keyfile
from gateway.identity.authentication import Identity
from gateway.identity.backchannel import LOGOUT_PATH, BackChannel
from gateway.identity.login import Login
from gateway.identity.sessions import Sessions
from gateway.ledger.lookup import Lookup
from gateway.ledger.reveals import Reveals
from gateway.ledger.rights import RightsWatch
from gateway.outward.http import trust
from gateway.pipeline import Services
from gateway.policy_file import load_hash_key, load_policy, require_hash_key
from gateway.settings import ModelSettings, Settings, ValkeySettings
from gateway.steps.authorize import Policies
from gateway.store.limits import LimitStore, LocalLimits
from gateway.store.sessions import SessionStore
from gateway.store.shared_limits import SharedLimits, SharedOptions
from gateway.store.valkey import ValkeyOptions
from gateway.telemetry import Log, Metrics, make_log
from gateway.web import pages
from gateway.web.site import Site
from inference.dispatch import EngineOptions, Engines
from inference.replica import EngineKind, Model, Replica
from redaction.policy import Policy
from redaction.policy_document import PolicyDocument
from redaction.pool import Detector, DetectorOptions

PUBLIC_ROUTES = frozenset(
    {
        "/",
        "/login",
        "/login/callback",
        "/logout",
        LOGOUT_PATH,
        LOG_ROUTE,
        "/static/{name:path}",
        "/favicon.ico",
    }
)
"""Routes that answer without a principal; every other one demands authorization."""

VALKEY_PORT: Final = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """All that one process holds while it serves."""

    edge: Edge
    login: Login
    back_channel: BackChannel
    lookup: Lookup | None
    reveals: Reveals | None
    settings: Settings


@asynccontextmanager
async def open_house(
    settings: Settings, detector: Detector, document: PolicyDocument
) -> AsyncIterator[House]:
    """Starts every service in the order in which they need each other; ends them in reverse.

    The detector takes seconds to start and depends on nothing but the policy document: it comes
    running, with what the document adds to detection.
    """
    log = make_log(settings.log.level)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(database_of(settings))
        sessions = Sessions(
            SessionStore(database), key_of(settings, keyfile.SESSIONS), settings.identity
        )
        engines = await stack.enter_async_context(
            Engines([_model(model) for model in settings.models], _engine_options(settings))
        )
        ledger = await stack.enter_async_context(
            open_ledger(settings, database, document, detector.version)
        )
        rights = await stack.enter_async_context(RightsWatch(database, ledger))
        identity = await stack.enter_async_context(
            Identity(settings.identity, sessions, seen=rights.saw)
        )
        keeping = await stack.enter_async_context(open_keeping(settings, database, ledger))
        metrics = Metrics()
        await stack.enter_async_context(open_forwarding(settings, database, metrics, log))
        salt_key = key_of(settings, keyfile.SALT)
        limits = await stack.enter_async_context(_limits(settings, salt_key, log))
        edge = Edge(
            services=Services(
                identity=identity,
                policies=_policies(settings, document, salt_key),
                limits=limits,
                detector=detector,
                engines=engines,
                ledger=ledger,
                keeping=keeping,
            ),
            observer=Observer(metrics, log),
            bounds=settings.bounds,
            deadlines=settings.deadlines,
            trusted_proxies=parse_networks(settings.server.trusted_proxies),
        )
        login = Login(
            settings.identity,
            settings.server.public_url,
            key_of(settings, keyfile.LOGIN),
            identity=identity,
            sessions=sessions,
        )
        back_channel = BackChannel(settings.identity, identity=identity, sessions=sessions)
        yield House(
            edge=edge,
            login=login,
            back_channel=back_channel,
            lookup=Lookup(database, ledger, keeping.subjects) if keeping.subjects else None,
            reveals=Reveals(database, ledger, keeping.content) if keeping.content else None,
            settings=settings,
        )


def public_app(house: House) -> FastAPI:
    """The app of the public listener: every surface, page and error of the gateway."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    site = _site(house)
    problems.install(app, house.edge, site.told)
    app.include_router(account.router(house.edge))
    app.include_router(chat.router(house.edge))
    app.include_router(redact.router(house.edge))
    app.include_router(subjects.router(house.edge, house.lookup))
    app.include_router(reveals.router(house.edge, house.reveals))
    app.include_router(log.router(house.edge))
    app.include_router(logout.router(house.edge, house.back_channel))
    app.include_router(pages.router(site))
    app.add_middleware(CountResponses, metrics=house.edge.observer.metrics)
    app.add_middleware(CloseWhenDraining, draining=house.edge.draining)
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


@asynccontextmanager
async def _limits(settings: Settings, salt_key: bytes, log: Log) -> AsyncIterator[LimitStore]:
    """Where limits are counted: in this process, or in the Valkey that all gateways share."""
    if not settings.valkey.url:
        yield LocalLimits()
        return
    async with SharedLimits(_shared_options(settings.valkey, salt_key), log) as shared:
        yield shared


def _shared_options(valkey: ValkeySettings, salt_key: bytes) -> SharedOptions:
    trust(valkey.ca_file)  # a file that is no good stops the start, not the first call
    url = urlsplit(valkey.url)
    return SharedOptions(
        valkey=ValkeyOptions(
            host=url.hostname or "",
            port=url.port or VALKEY_PORT,
            database=int(url.path.removeprefix("/") or 0),
            tls=url.scheme == "valkeys",
            username=url.username or "",
            password=_secret(valkey.password_file),
            ca_file=valkey.ca_file,
            deadline_seconds=valkey.deadline_seconds,
        ),
        key=hmac.digest(salt_key, b"gwanmun limits", hashlib.sha256),
        lease_seconds=valkey.lease_seconds,
        assumed_replicas=valkey.assumed_replicas,
    )


def policy_document(settings: Settings) -> PolicyDocument:
    """The document that the settings name.

    Raises:
        PolicyRefused: it cannot be used, or its key of `hash` is missing.
    """
    document = load_policy(settings.redaction.policy)
    require_hash_key(document, load_hash_key(settings.redaction.hash_key_file))
    return document


def _redaction(settings: Settings, document: PolicyDocument) -> dict[Grade, Policy]:
    key = load_hash_key(settings.redaction.hash_key_file)
    return {grade: document.policy(grade.name, key) for grade in Grade}


def _policies(settings: Settings, document: PolicyDocument, salt_key: bytes) -> Policies:
    limits = settings.limits
    return Policies(
        models=[_card(model) for model in settings.models],
        limits=Limits(
            requests_per_minute=limits.requests_per_minute,
            characters_per_minute=limits.characters_per_minute,
            concurrent_requests=limits.concurrent_requests,
        ),
        default_grade=Grade[settings.grades.default],
        redaction=_redaction(settings, document),
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


def detector_options(settings: Settings, document: PolicyDocument) -> DetectorOptions:
    """The detector's part of the settings, and what the policy document adds to detection."""
    detector = settings.detector
    return DetectorOptions(
        processes=detector.processes,
        deadline_seconds=detector.deadline_seconds,
        queue_places=detector.queue_places,
        remembered_texts=detector.remembered_texts,
        packs=document.packs,
        vocabulary=document.vocabulary,
    )
