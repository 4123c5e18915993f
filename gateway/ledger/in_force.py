"""What a gateway works by, told in the ledger at its start: settings, policy, detector, keys.

Every writer's second event is `config.applied`, so that each record can be read beside the
configuration of its writer; with it goes `policy.changed` where the document is another one than
the last start's, of whichever gateway, and `key.issued`, `key.rotated` and `key.destroyed` where
the log's keys are: `gwanmun keys` acts while nothing runs, and there is no log yet to tell when it
makes the first ones. Of settings only digests are told, one per group: which group was changed can
be seen, and nobody's addresses and paths.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from gateway.ledger.events import PLATFORM, Event, bounded, new_id
from gateway.store.events import last_body
from inference.task import JsonObject

CONFIG_APPLIED = "config.applied"
POLICY_CHANGED = "policy.changed"
KEY_ISSUED = "key.issued"
KEY_ROTATED = "key.rotated"
KEY_DESTROYED = "key.destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysInForce:
    """The log's public keys (c2sp.org/signed-note), and the ids of its writers' keys.

    `held` says that the sealer's private keys stay in a PKCS#11 module, or may for all that this
    process knows.
    """

    sealer: tuple[str, ...]
    writers: tuple[str, ...]
    held: bool = False

    def facts(self) -> JsonObject:
        """As events tell it."""
        return {"sealer": [*self.sealer], "writers": [*self.writers], "held": self.held}


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """`groups` maps each group of settings to its digest (SHA-256 in hex); see `digests`."""

    build: str
    detector: str
    policy: str
    packs: tuple[str, ...]
    groups: Mapping[str, str] = field(repr=False)
    keys: KeysInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigApplied:
    """What this event's writer works by; `changed` names the groups of settings that differ from
    the last start's, and is None for the first start of all.
    """

    record_id: str
    applied: InForce
    changed: tuple[str, ...] | None
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        applied = self.applied
        return {
            "action": CONFIG_APPLIED,
            "build": bounded(applied.build),
            "detector": bounded(applied.detector),
            "policy": bounded(applied.policy),
            "packs": [bounded(pack) for pack in applied.packs],
            "settings": dict(applied.groups),
            "keys": applied.keys.facts(),
            "changed": None if self.changed is None else [*self.changed],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged:
    """This event's writer works by another policy document than the last start's.

    Both are the document's name, version and SHA-256.
    """

    record_id: str
    before: str
    after: str
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": POLICY_CHANGED,
            "before": bounded(self.before),
            "after": bounded(self.after),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAct:
    """What became of keys of one role.

    Those of "sealer" and "writer" are told of at a start, those of "week" (of sealed content, by
    their names) when they are made or about to be destroyed. `action` is one of the three; `keys`
    are those that it speaks of, `before` what they follow.
    """

    action: str
    record_id: str
    role: str
    keys: tuple[str, ...]
    before: tuple[str, ...] = ()
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": self.action,
            "role": self.role,
            "keys": [*self.keys],
            "before": [*self.before],
        }


def digests(groups: Mapping[str, object]) -> dict[str, str]:
    """The digest of each group of settings, given as JSON values."""
    return {
        name: hashlib.sha256(orjson.dumps(group, option=orjson.OPT_SORT_KEYS)).hexdigest()
        for name, group in groups.items()
    }


def first_words(connection: Connection, applied: InForce) -> list[Event]:
    """What a new writer says of itself, given what the last one to say so has said."""
    body = last_body(connection, agency=PLATFORM, action=CONFIG_APPLIED)
    last = None if body is None else orjson.loads(body)
    changed = None if last is None else _differing(last["settings"], applied.groups)
    words: list[Event] = [ConfigApplied(record_id=new_id(), applied=applied, changed=changed)]
    if last is not None and last["policy"] != bounded(applied.policy):
        words.append(PolicyChanged(record_id=new_id(), before=last["policy"], after=applied.policy))
    return [*words, *_key_acts(None if last is None else last["keys"], applied.keys)]


def _key_acts(last: Mapping[str, Any] | None, keys: KeysInForce) -> Iterator[KeyAct]:
    """What `gwanmun keys` has done since the last start; a file's old keys are gone then."""

    def act(action: str, role: str, of: tuple[str, ...], before: tuple[str, ...] = ()) -> KeyAct:
        return KeyAct(action=action, record_id=new_id(), role=role, keys=of, before=before)

    known = tuple(last["sealer"]) if last else ()
    if not known:
        yield act(KEY_ISSUED, "sealer", keys.sealer)
    elif known != keys.sealer:
        yield act(KEY_ROTATED, "sealer", keys.sealer, known)
        if last and not last["held"]:
            yield act(KEY_DESTROYED, "sealer", known)
    new = tuple(key for key in keys.writers if key not in (last["writers"] if last else ()))
    if new:
        yield act(KEY_ISSUED, "writer", new)


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    names = sorted(before.keys() | after.keys())
    return tuple(name for name in names if before.get(name) != after.get(name))
