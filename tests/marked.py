"""Texts with marks around what is to be found: {{KR_RRN|900101-1234567}}."""

import re

from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find

_MARK = re.compile(r"\{\{(?P<entity>[A-Z_]+)\|(?P<value>.*?)\}\}", re.DOTALL)


def marked(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its marks, and the pairs of entity and value that they name."""
    expected = [(match["entity"], match["value"]) for match in _MARK.finditer(text)]
    return _MARK.sub(lambda match: match["value"], text), expected


def found(text: str) -> list[tuple[str, str]]:
    """The pairs of entity and value that the rules of the Korean pack find, names left out."""
    return [
        (span.entity, text[span.start : span.end])
        for span in find(text, (KR,))
        if span.entity != "PERSON"
    ]
