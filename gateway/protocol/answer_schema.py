"""Does a restored answer keep to the JSON schema that its caller asked for?

JSON Schema 2020-12 by the jsonschema library, offline: no reference is ever fetched, and
`pattern` runs on RE2, whose time is linear, since both the pattern and the text are a caller's.
"""

from collections.abc import Iterator
from typing import Any

import orjson
import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable

from inference.task import JsonObject


def _pattern(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    try:
        found = re2.search(pattern, instance)
    except re2.error:
        return  # the engine's own grammar is the only judge of what RE2 cannot express
    if not found:
        yield ValidationError("pattern")


_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})


class AnswerSchema:
    """The caller's own schema, originals and all: held in memory for its request only."""

    def __init__(self, schema: JsonObject) -> None:
        self._validator = _Validator(schema)

    def accepts(self, text: str) -> bool:
        """Whether `text` is JSON that keeps to the schema; a schema nobody can read accepts none."""
        try:
            return bool(self._validator.is_valid(orjson.loads(text)))
        except (orjson.JSONDecodeError, SchemaError, Unresolvable):
            return False
