"""Step: authorize. What this principal may do, and then on the model it asks for.

Takes a Principal; gives an Allowance, whose `on(model)` is the Grant. Rights come from the token's
roles, limits and policies from the settings. It reads nothing of the request's texts.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain import NO_MODEL, Grade, Grant, Limits, ModelCard, Permission, Principal
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a principal may use, before it is known which model it asks for."""

    principal: Principal
    limits: Limits
    policies: Policies

    def on(self, model: str | None) -> Grant:
        """The Grant on a model of that name or alias; on none for a call that needs none.

        Raises:
            ModelNotFound: none is on offer.
        """
        card = NO_MODEL if model is None else self.policies.find(model)
        if card is None:
            raise ModelNotFound(param="model")
        agency = _salt(self.policies.salt_key, "agency", self.principal.agency)
        return Grant(
            principal=self.principal,
            model=card,
            limits=self.limits,
            ceiling=self.principal.ceiling,
            default_grade=self.policies.default_grade,
            policies=self.policies.redaction,
            principal_salt=_salt(self.policies.salt_key, agency, self.principal.subject),
            agency_salt=agency,
        )


async def authorize(
    principal: Principal, policies: Policies, permission: Permission = Permission.CHAT_CREATE
) -> Allowance:
    """Returns what the principal may use.

    Raises:
        PermissionDenied: no role of the principal grants the permission.
    """
    require(principal, permission)
    return Allowance(principal=principal, limits=policies.limits, policies=policies)


def _salt(key: bytes, scope: str, name: str) -> str:
    return hmac.new(key, f"{scope}\0{name}".encode(), hashlib.sha256).hexdigest()
