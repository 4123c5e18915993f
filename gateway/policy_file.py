"""Which policy document serves: a shipped one by its name, or the agency's own file.

The gateway reads it once at its start; the commands read the same way. What cannot be used is
refused with everything that is wrong in it.
"""

from pathlib import Path

from gateway import os_words
from redaction.policy_document import SHIPPED, PolicyDocument, read_policy, shipped
from redaction.policy_words import PolicyRefused, Problem
from redaction.policy_yaml import MOST_BYTES

_LEAST_KEY_BYTES = 32  # as long as SHA-256's output (RFC 2104 section 3)


def load_policy(name: str) -> PolicyDocument:
    """The document of this name (기본, 엄격, 공개) or in the file of this path.

    Raises:
        PolicyRefused: there is none, it cannot be read, or it does not hold.
    """
    if name in SHIPPED:
        return shipped(name)
    try:
        with Path(name).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PolicyRefused(name, [_unreadable(error)]) from None
    return read_policy(raw, name)


def load_hash_key(path: Path | None) -> bytes | None:
    """The agency's key of `hash`: the file's bytes without white space around them.

    Raises:
        PolicyRefused: the file cannot be read, or holds fewer than 32 bytes.
    """
    if path is None:
        return None
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise PolicyRefused(str(path), [_unreadable(error)]) from None
    if len(key) < _LEAST_KEY_BYTES:
        problem = Problem(
            "policy_hash_key",
            (),
            f"해시 키는 {_LEAST_KEY_BYTES}바이트 이상이어야 합니다.",
            f"The key of hash must have at least {_LEAST_KEY_BYTES} bytes.",
        )
        raise PolicyRefused(str(path), [problem])
    return key


def require_hash_key(document: PolicyDocument, key: bytes | None) -> None:
    """Returns if the document can do what it says.

    Raises:
        PolicyRefused: it hashes, and there is no key.
    """
    if document.hashes and key is None:
        problem = Problem(
            "policy_hash_key",
            (),
            "hash를 쓰는 정책에는 redaction.hash_key_file 설정이 있어야 합니다.",
            "A policy that hashes needs the setting redaction.hash_key_file.",
        )
        raise PolicyRefused(document.name, [problem])


def _unreadable(error: Exception) -> Problem:
    known = error if isinstance(error, OSError) else OSError()
    names = ", ".join(SHIPPED)
    return Problem(
        "policy_unreadable",
        (),
        f"정책 문서를 열 수 없습니다: {os_words.korean(known)}. 기본 제공 정책: {names}.",
        f"The policy document cannot be opened: {os_words.english(known)}; shipped: {names}.",
    )
