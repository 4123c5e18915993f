"""Step: authorize. What this principal may do on the model it asks for.

Takes a Principal and a model's name; gives a Grant. Rights come from the token's roles, limits and
policies from the settings. It reads nothing of the request's texts.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain import Grade, Grant, Limits, ModelCard, Permission, Principal
from gateway.errors import ModelNotFound, PermissionDenied
from redaction.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The models on offer and what holds for everyone. `salt_key` is secret, of this process."""

    models: Sequence[ModelCard]
    limits: Limits
    default_grade: Grade
    redaction: Mapping[Grade, Policy]
    salt_key: bytes = field(repr=False)

    def offered_to(self, principal: Principal) -> Sequence[ModelCard]:
        """The models that a principal may see.

        Raises:
            PermissionDenied: none of its roles may see models.
        """
        require(principal, Permission.MODELS_READ)
        return self.models

    def find(self, name: str) -> ModelCard | None:
        """The model of that name or alias."""
        for model in self.models:
            if name == model.name or name in model.aliases:
                return model
        return None


def require(principal: Principal, permission: Permission) -> None:
    """Raises PermissionDenied unless one of the principal's roles grants the permission."""
    if permission not in principal.permissions:
        raise PermissionDenied


async def authorize(principal: Principal, model: str, policies: Policies) -> Grant:
    """Returns the principal's Grant on a model.

    Raises:
        PermissionDenied: no role of the principal may call models.
        ModelNotFound: no model of that name or alias is on offer.
    """
    require(principal, Permission.CHAT_CREATE)
    card = policies.find(model)
    if card is None:
        raise ModelNotFound(param="model")
    agency = _salt(policies.salt_key, "agency", principal.agency)
    return Grant(
        principal=principal,
        model=card,
        limits=policies.limits,
        ceiling=principal.ceiling,
        default_grade=policies.default_grade,
        policies=policies.redaction,
        principal_salt=_salt(policies.salt_key, agency, principal.subject),
        agency_salt=agency,
    )


def _salt(key: bytes, scope: str, name: str) -> str:
    return hmac.new(key, f"{scope}\0{name}".encode(), hashlib.sha256).hexdigest()
