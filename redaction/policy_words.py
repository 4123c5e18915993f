"""What is said about a policy document that cannot be used: place, Korean, English, stable code.

PolicyRefused carries all problems at once, so that a document is mended in one go. Nothing here
repeats a value of the document but names that it gave to kinds and formats.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

Place = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong: `line` from 1 (0: the whole document), `place` the path to it."""

    code: str
    place: Place
    korean: str
    english: str
    line: int = 0

    def __str__(self) -> str:
        place = written(self.place)
        where = f"{self.line}번째 줄(line {self.line}) " if self.line else ""
        return f"{where}{place}{': ' if place else ''}{self.korean} ({self.english}) [{self.code}]"


class PolicyRefused(ValueError):
    """A policy document that cannot be used, and everything that is wrong with it."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))
        self.source = source
        self.problems = tuple(problems)


def written(place: Place) -> str:
    """A path as people write it: `formats[0].tests.matches`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


# Types of pydantic's errors that a document can cause: our code and words, filled from the context.
_WORDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "missing": ("policy_missing", "꼭 있어야 하는 항목입니다.", "This is required."),
        "extra_forbidden": (
            "policy_unknown_name",
            "없는 항목입니다.",
            "There is no such entry.",
        ),
        "string_type": (
            "policy_wrong_value",
            "글자여야 합니다. 숫자나 날짜로 읽히는 말은 따옴표로 감싸십시오.",
            "Must be text; put quotation marks around what reads as a number or a date.",
        ),
        "int_type": ("policy_wrong_value", "정수여야 합니다.", "Must be a whole number."),
        "bool_type": (
            "policy_wrong_value",
            "true 또는 false여야 합니다.",
            "Must be true or false.",
        ),
        "list_type": ("policy_wrong_value", "목록이어야 합니다.", "Must be a list."),
        "dict_type": ("policy_wrong_value", "이름과 값의 묶음이어야 합니다.", "Must be a mapping."),
        "model_type": (
            "policy_wrong_value",
            "이름과 값의 묶음이어야 합니다.",
            "Must be a mapping.",
        ),
        "enum": (
            "policy_wrong_value",
            "{expected} 중 하나여야 합니다.",
            "Must be one of {expected}.",
        ),
        "literal_error": (
            "policy_wrong_value",
            "{expected} 중 하나여야 합니다.",
            "Must be one of {expected}.",
        ),
        "too_short": (
            "policy_wrong_value",
            "{min_length}개 이상이어야 합니다.",
            "Must have at least {min_length}.",
        ),
        "too_long": (
            "policy_too_large",
            "{max_length}개를 넘을 수 없습니다.",
            "Must have at most {max_length}.",
        ),
        "string_too_short": (
            "policy_wrong_value",
            "{min_length}자 이상이어야 합니다.",
            "Must have at least {min_length} characters.",
        ),
        "string_too_long": (
            "policy_too_large",
            "{max_length}자를 넘을 수 없습니다.",
            "Must have at most {max_length} characters.",
        ),
        "string_pattern_mismatch": (
            "policy_wrong_value",
            "글자·숫자·밑줄·붙임표만 쓸 수 있습니다.",
            "Only letters, digits, _ and - may stand here.",
        ),
        "greater_than_equal": (
            "policy_wrong_value",
            "{ge} 이상이어야 합니다.",
            "Must be {ge} or more.",
        ),
    }
)
_OTHER = ("policy_wrong_value", "값이 올바르지 않습니다.", "The value is not valid.")


def of_validation(kind: str, place: Place, context: Mapping[str, object]) -> Problem:
    """The problem for one of pydantic's errors."""
    code, korean, english = _WORDS.get(kind, _OTHER)
    facts = {name: str(fact).replace(" or ", ", ") for name, fact in context.items()}
    return Problem(code, place, korean.format(**facts), english.format(**facts))
