"""Does a restored answer keep to the JSON schema that its caller asked for?

Plain JSON in, yes or no out. The reading of the schema is `schema_check`'s.
"""

import orjson

from gateway.protocol.schema_check import Check, TooManySteps, Unreadable
from inference.task import JsonObject


class AnswerSchema:
    """The caller's own schema, originals and all: held in memory for its request only."""

    def __init__(self, schema: JsonObject) -> None:
        self._schema = schema
        self._check = Check()

    def accepts(self, text: str) -> bool:
        """Whether `text` is JSON that keeps to the schema; a schema nobody can read accepts none.

        All calls together take up to about 0.1 s beyond reading the texts; what would take longer
        counts as wrong.
        """
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        try:
            return self._check.valid(self._schema, answer, self._schema)
        except (TooManySteps, Unreadable, RecursionError):
            return False
        except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError):
            return False  # a keyword's value is not of the kind that the standard wants
