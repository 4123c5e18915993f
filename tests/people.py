"""Invented principals, grants and model cards for tests."""

from gateway.domain import Grade, Grant, Limits, ModelCard, Principal, Role
from redaction.policy import Policy

LIMITS = Limits(requests_per_minute=60, characters_per_minute=6_000, concurrent_requests=2)


def principal(
    *roles: Role,
    ceiling: Grade = Grade.S,
    subject: str = "u-1",
    agency: str = "demo-a",
    expires_at: float = 4_102_444_800.0,
) -> Principal:
    return Principal(
        subject=subject,
        name="체험 담당자",
        agency=agency,
        department="총무과",
        roles=frozenset(roles or (Role.STAFF,)),
        ceiling=ceiling,
        client="gwanmun-web",
        expires_at=expires_at,
    )


def model_card(highest: Grade = Grade.S, name: str = "rehearsal") -> ModelCard:
    return ModelCard(
        name=name,
        aliases=("default",),
        highest_grade=highest,
        zone="on-premises",
        provider="demo",
        licence="",
        context_tokens=8192,
    )


def grant(*, ceiling: Grade = Grade.S, highest: Grade = Grade.S, default: Grade = Grade.S) -> Grant:
    return Grant(
        principal=principal(ceiling=ceiling),
        model=model_card(highest),
        limits=LIMITS,
        ceiling=ceiling,
        default_grade=default,
        policies=dict.fromkeys(Grade, Policy("test-1")),
        principal_salt="p",
        agency_salt="a",
    )
