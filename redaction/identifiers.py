"""The forms under which an identifier can be found again, however it was written.

Takes one value's text as it stood in a request or as somebody typed it; gives the forms in which
its spellings are equal. Read through the same views as detection (`normalize.views`), so that what
was found behind an escape has the form of what it says. Never decides what is personal.
"""

import re
from collections.abc import Iterator, Sequence

from redaction.mapping import LITERAL, equal_form
from redaction.normalize import View, views
from redaction.recognizers.packs import PACKS
from redaction.recognizers.recognizer import Reading

_RECOGNIZERS = tuple(recognizer for pack in PACKS.values() for recognizer in pack.recognizers)
# An international prefix before Korea's country code, with or without a carrier's (001, 00700;
# ITU-T E.164 section 7.4.2, 전기통신번호 관리세칙). No domestic number begins with two noughts.
_ABROAD = re.compile(r"00[0-9]{0,3}?82(?=0?[1-9][0-9]{6,9}\Z)")


def identifier_forms(entity: str, text: str) -> frozenset[str]:
    """Every form of a value: one as a rule, several where its text can be read in several ways.

    A caller's literal is no value and has none.
    """
    if entity == LITERAL:
        return frozenset()
    readings = list(views(text))
    found = {_form(entity, reading) for reading in _values(entity, readings)}
    return frozenset(found or {_form(entity, readings[0].text)}) - {""}


def _values(entity: str, readings: Sequence[View]) -> Iterator[str]:
    """What the recognizer of this kind finds in each reading, where there is a choice of them.

    Under an escape or an encoding more may stand than the value alone.
    """
    if len(readings) < 2:
        return
    for view in readings:
        reading = Reading(view.text)
        for recognizer in _RECOGNIZERS:
            if recognizer.entity == entity:
                for span in recognizer.find(reading):
                    yield view.text[span.start : span.end]


def _form(entity: str, text: str) -> str:
    form = equal_form(entity, text)
    if entity != "PHONE_NUMBER":
        return form
    abroad = _ABROAD.match(form)
    return f"0{form[abroad.end() :].removeprefix('0')}" if abroad else form
