"""Which witnesses have to sign before a checkpoint counts as witnessed (c2sp.org/tlog-policy).

A text file of lines:

    log <verifier key> [<url>]
    witness <name> <verifier key> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

A quorum counts administrations, not keys. The administration of a witness is the host in its key's
name (`witness.example.go.kr/1` → `witness.example.go.kr`); a group that needs two or more of its
members is refused if two of them share an administration, unless the whole group is one's own and
so counts as one above. Beyond the format: a witness with a key of the log's is no witness.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from gateway.proofs.note import NoteInvalid, NoteKey

NONE = "none"
_MOST_CHARACTERS = 64 * 1024
_MOST_NAME_CHARACTERS = 300  # of a witness key's name, so that it can be stored
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SPACE = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


class PolicyInvalid(Exception):
    """The file is not a policy; the message is for the operator and names the line."""


class Witness(NamedTuple):
    """One witness: its name in the policy, its key, and where it is asked ("" if nowhere)."""

    name: str
    key: NoteKey
    url: str

    @property
    def administration(self) -> str:
        """Who runs it: the host in its key's name."""
        return administration_of(self.key)


class Group(NamedTuple):
    """A group that has witnessed if `needed` of its members have."""

    needed: int
    members: tuple[str, ...]


def administration_of(key: NoteKey) -> str:
    """Who runs a witness: the host in its key's name, in small letters."""
    return key.name.partition("/")[0].casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy as it was read; `quorum` names a witness, a group, or `none`."""

    logs: tuple[NoteKey, ...]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the file's text.

        Raises:
            PolicyInvalid: it does not have the format, or counts an administration twice.
        """
        return cls(**_Reading(text).policy())  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a file.

        Raises:
            PolicyInvalid: as `parse`, or it cannot be read.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            raise PolicyInvalid("the file cannot be read") from None

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        """The witnesses' keys."""
        return tuple(witness.key for witness in self.witnesses.values())

    @property
    def least(self) -> int:
        """How many witnesses make the smallest quorum; 0 where the quorum is `none`."""
        return 0 if self.quorum == NONE else self._least(self.quorum)

    def _least(self, name: str) -> int:
        if name in self.witnesses:
            return 1
        group = self.groups[name]
        return sum(sorted(map(self._least, group.members))[: group.needed])

    def check_log(self, keys: Iterable[NoteKey]) -> None:
        """That the policy is one for the log with these keys, and no witness is the log itself.

        Raises:
            PolicyInvalid: it names other logs alone, or a witness has one of the keys.
        """
        own = {key.raw for key in keys}
        if self.logs and not own & {key.raw for key in self.logs}:
            raise PolicyInvalid("the policy is for another log")
        for witness in self.witnesses.values():
            if witness.key.raw in own:
                raise PolicyInvalid(f"witness {witness.name} has a key of the log itself")

    def holds(self, signed: Collection[NoteKey]) -> bool:
        """Whether cosignatures of these keys are a quorum; never where the quorum is `none`."""
        return self.quorum != NONE and self._holds(self.quorum, {str(key) for key in signed})

    def _holds(self, name: str, signed: Collection[str]) -> bool:
        if name in self.witnesses:
            return str(self.witnesses[name].key) in signed
        group = self.groups[name]
        return sum(self._holds(member, signed) for member in group.members) >= group.needed


class _Reading:
    """One file being read, line by line."""

    def __init__(self, text: str) -> None:
        if len(text) > _MOST_CHARACTERS or _FORBIDDEN.search(text):
            raise PolicyInvalid("too long, or with control characters")
        self._logs: list[NoteKey] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._grouped: set[str] = set()
        self._quorum: str | None = None
        self._run_by: dict[str, frozenset[str]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            words = [word for word in _SPACE.split(line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                self._line(words)
            except (PolicyInvalid, NoteInvalid) as error:
                raise PolicyInvalid(f"line {number}: {error}") from None

    def policy(self) -> dict[str, object]:
        if self._quorum is None:
            raise PolicyInvalid("no quorum line")
        return {
            "logs": tuple(self._logs),
            "witnesses": self._witnesses,
            "groups": self._groups,
            "quorum": self._quorum,
        }

    def _line(self, words: list[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self._log(NoteKey.parse(key))
            case ["witness", name, key, *url] if len(url) <= 1:
                self._witness(Witness(name, NoteKey.parse(key), "".join(url)))
            case ["group", name, needed, *members] if members:
                self._group(name, needed, members)
            case ["quorum", name] if self._quorum is None:
                if name != NONE and name not in self._run_by:
                    raise PolicyInvalid(f"{name} is not defined above")
                self._quorum = name
            case _:
                raise PolicyInvalid("not a line of a policy")

    def _log(self, key: NoteKey) -> None:
        if key.kind.witnesses or key.raw in {log.raw for log in self._logs}:
            raise PolicyInvalid("a witness's key, or the same log again")
        self._logs.append(key)

    def _witness(self, witness: Witness) -> None:
        self._require_new(witness.name)
        if not witness.key.kind.witnesses:
            raise PolicyInvalid("not a witness's key (signature type 0x04 or 0x06)")
        if witness.key.raw in {other.key.raw for other in self._witnesses.values()}:
            raise PolicyInvalid("the same witness again")
        if len(witness.key.name) > _MOST_NAME_CHARACTERS:
            raise PolicyInvalid("the key's name is too long")
        self._witnesses[witness.name] = witness
        self._run_by[witness.name] = frozenset({witness.administration})

    def _group(self, name: str, needed: str, members: list[str]) -> None:
        self._require_new(name)
        for member in members:
            if member not in self._run_by or member in self._grouped:
                raise PolicyInvalid(f"{member} is not defined above, or is in a group already")
            self._grouped.add(member)
        count = {"all": len(members), "any": 1}.get(needed)
        if count is None:
            count = int(needed) if _NUMBER.fullmatch(needed) else 0
        if not 1 <= count <= len(members):
            raise PolicyInvalid(f"{needed} of {len(members)} members")
        run_by = [self._run_by[member] for member in members]
        together = frozenset().union(*run_by)
        if count > 1 and len(together) > 1 and sum(map(len, run_by)) > len(together):
            raise PolicyInvalid("one administration would count twice; give it a group of its own")
        self._groups[name] = Group(count, tuple(members))
        self._run_by[name] = together

    def _require_new(self, name: str) -> None:
        if name == NONE or name in self._run_by:
            raise PolicyInvalid(f"the name {name} is taken")
