"""What pydantic found wrong in a request → the gateway's own refusal, with a path and no input.

The path is built from names of our models and numbers only. A parameter that is not known is
named only if it could be a name: ASCII letters and underscores, nothing that could be data.
"""

import re
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import BadRequest, InvalidParameter, Unredactable, UnsupportedParameter

PARAMETER_NAME = re.compile(r"[A-Za-z_]{1,64}")

_Step = int | str


def refusal(error: ValidationError) -> BadRequest:
    """The first thing that is wrong; what cannot be read comes before what is merely unknown."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    found = [_refusal(detail) for detail in details]
    for kind in (Unredactable, UnsupportedParameter):
        for problem in found:
            if isinstance(problem, kind):
                return problem
    return found[0]


def path(steps: Sequence[_Step]) -> str | None:
    """`messages[2].content[0].type`; tags of unions (in angle brackets) are left out."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not step.startswith("<"):
            text += f".{step}" if text else step
    return text or None


def named(parameter: str) -> str | None:
    """A parameter's name if it is fit to be repeated, else None."""
    return parameter if PARAMETER_NAME.fullmatch(parameter) else None


def _refusal(detail: ErrorDetails) -> BadRequest:
    steps, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        return _unknown(steps)
    if kind == "union_tag_not_found":
        return InvalidParameter(path((*steps, "role")))
    if kind == "literal_error" and steps[-1] == "type" and "content" in steps:
        return Unredactable(path(steps))
    if kind == "none_required":
        return _not_null(steps)
    return InvalidParameter(path(steps))


def _unknown(steps: Sequence[_Step]) -> BadRequest:
    """The last step is a caller's word."""
    if len(steps) == 1:
        return UnsupportedParameter(named(str(steps[0])))
    return UnsupportedParameter(path(steps[:-1]))


def _not_null(steps: Sequence[_Step]) -> BadRequest:
    if steps[-1] == "audio":
        return Unredactable(path(steps))
    return UnsupportedParameter(path(steps))
