"""What people are told about wrong settings: each problem in Korean and English, never a value.

Goes in: pydantic's errors, or one of `Problem`. Comes out: a line for each, with the setting's
place. An unknown name is compared with the names of its own level only.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

PAGE: Final = "docs/settings.md"
_NEAR: Final = 0.6
_UNKNOWN: Final = "extra_forbidden"

# Type of the error: words, filled from the error's context. Ours stand last.
_KOREAN: Final[Mapping[str, str]] = {
    "missing": "꼭 있어야 하는 설정입니다",
    "bool_parsing": "true 또는 false여야 합니다",
    "bool_type": "true 또는 false여야 합니다",
    "float_parsing": "수여야 합니다",
    "float_type": "수여야 합니다",
    "finite_number": "유한한 수여야 합니다",
    "int_from_float": "정수여야 합니다",
    "int_parsing": "정수여야 합니다",
    "int_parsing_size": "너무 큰 정수입니다",
    "int_type": "정수여야 합니다",
    "string_type": "글자로 된 값이어야 합니다",
    "path_type": "파일이나 디렉터리의 경로여야 합니다",
    "model_type": "이름과 값의 묶음이어야 합니다",
    "model_attributes_type": "이름과 값의 묶음이어야 합니다",
    "tuple_type": "목록이어야 합니다",
    "invalid_key": "설정의 이름은 글자여야 합니다",
    "too_short": "{min_length}개 이상이어야 합니다",
    "literal_error": "{expected} 중 하나여야 합니다",
    "greater_than": "{gt}보다 커야 합니다",
    "greater_than_equal": "{ge} 이상이어야 합니다",
    "less_than": "{lt}보다 작아야 합니다",
    "less_than_equal": "{le} 이하여야 합니다",
    "empty": "비어 있습니다",
    "http_url": "http:// 또는 https:// 뒤에 호스트가 오는 주소여야 합니다",
    "https_url": "https:// 주소여야 합니다",
    "https_or_loopback_url": "https:// 주소여야 합니다. http://는 이 기계 자신에게만 됩니다",
    "webhook_secret": "웹훅에는 서명의 비밀(webhook_secret_file)이 있어야 합니다",
    "engine_url": "http://, https:// 또는 unix:// 주소여야 합니다",
    "valkey_url": "valkey://호스트:6379/0 또는 valkeys:// 주소여야 하고 비밀번호가 없어야 합니다",
    "network": "IP 주소나 네트워크여야 합니다. 예: 10.0.0.0/8",
    "same_name": "{first}, {second}: 이름이 서로 같습니다",
    "same_port": "공개 포트와 내부 포트가 같습니다",
    "week_key_dir": "key_dir을 쓰려면 week_key_dir도 있어야 합니다",
}
_ENGLISH: Final[Mapping[str, str]] = {
    "empty": "Is empty",
    "http_url": "Must be an http:// or https:// URL with a host",
    "https_url": "Must be an https:// URL",
    "https_or_loopback_url": "Must be an https:// URL; http:// is for this machine itself alone",
    "webhook_secret": "A webhook needs the secret of its signatures (webhook_secret_file)",
    "engine_url": "Must be an http://, https:// or unix:// URL",
    "valkey_url": "Must be valkey://host:6379/0 or valkeys://, without a password",
    "network": "Must be IP addresses or networks, such as 10.0.0.0/8",
    "same_name": "{first} and {second} have the same name",
    "same_port": "The public and the internal port are the same",
    "week_key_dir": "key_dir needs week_key_dir, too",
}


def problem(kind: str, **facts: str) -> PydanticCustomError:
    """One of our own problems, for a validator to raise; `facts` hold places, never values."""
    return PydanticCustomError(kind, _ENGLISH[kind], dict(facts))


def explain(error: ValidationError, settings: type[BaseModel]) -> str:
    """A line for each problem."""
    lines = []
    for found in error.errors(include_input=False, include_url=False):
        steps, kind = found["loc"], found["type"]
        if kind == _UNKNOWN:
            lines.append(unknown(place(steps), str(steps[-1]), _siblings(settings, steps)))
            continue
        korean = _KOREAN.get(kind, "값이 올바르지 않습니다").format(
            **{name: str(fact).replace(" or ", ", ") for name, fact in found.get("ctx", {}).items()}
        )
        lines.append(f"{place(steps)}: {korean}. ({found['msg']}.)")
    return "\n".join(lines)


def unknown(shown: str, name: str, known: Iterable[str]) -> str:
    """The line for a name that is no setting, with the nearest of its own level."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=_NEAR)
    if near:
        meant = shown.removesuffix(name) + near[0]
        return f"{shown}: 없는 설정입니다. 혹시 {meant}입니까? (Unknown; did you mean {meant}?)"
    return f"{shown}: 없는 설정입니다. {PAGE}를 보십시오. (Unknown; see {PAGE}.)"


def place(steps: Iterable[str | int]) -> str:
    """`models[0].replicas[1].url`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _siblings(settings: type[BaseModel], steps: tuple[str | int, ...]) -> list[str]:
    group = settings
    for step in steps[:-1]:
        if isinstance(step, str):
            annotation = group.model_fields[step].annotation
            group = next(
                (kind for kind in (annotation, *get_args(annotation)) if _is_group(kind)), group
            )
    return list(group.model_fields)


def _is_group(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
