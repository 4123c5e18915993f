"""The work of scanning and restoring grows with the text only, whatever an engine writes."""

import pytest
from counting import events

from redaction.entity import Field, Findings, Origin, Span
from redaction.policy import Policy
from redaction.replace import replace
from redaction.restore import Place, Restorer
from redaction.scan import Scanner

POLICY = Policy("test")
MAPPING = replace(
    [Field("김철수", Origin.USER)], Findings(((Span(0, 3, "PERSON", 1.0),),), "test"), POLICY
).mapping
CHARACTERS = 600
HOSTILE = {
    "surrogates": "[성명_1]",
    "invented surrogates": "[성명_9]",
    "bare surrogates": "성명_1 ",
    "beginnings": "[성명_",
    "labels": "성명_",
    "brackets": "[",
    "emphasis": "[**",
    "backslashes": "\\",
    "hosts": "[성명_1]a.",
    "long hosts": "[성명_1]" + "a." * 60,
    "particles": "[성명_1]으로부터",
    "tags": "<a ",
    "open quotes": '<a b="\n\n',
    "programs": "<script><",
    "ticks": "`~",
    "targets": "](",
    "definitions": "[x]: ",
    "schemes": "https://",
    "domains": "a.bb:1",
    "entities": "&#0000",
    "strings": '"\\u005b성명_1\\',
    "digits": "1",
    "spaced digits": "1 ",
    "telephones": "02-987-6543, ",
    "addresses": "a@",
    "zero width": "\u200b1",
}


@pytest.mark.parametrize("size", [1, 10**6], ids=["characters", "whole"])
@pytest.mark.parametrize("place", [Place.TEXT, Place.JSON], ids=str)
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_work_grows_with_the_text_only(unit, place, size):
    def work(length: int) -> int:
        text = (unit * length)[:length]
        pieces = [text[at : at + size] for at in range(0, length, size)]

        def run() -> None:
            scanner = Scanner(MAPPING, POLICY, place=place)
            restorer = Restorer(MAPPING, POLICY, place=place)
            for piece in pieces:
                restorer.feed(scanner.feed(piece))
            restorer.feed(scanner.flush())
            restorer.flush()

        return events(run, most=400 * length)

    assert work(2 * CHARACTERS) < 2.3 * work(CHARACTERS)
