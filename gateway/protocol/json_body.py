"""Bytes of a request → one JSON object, or a refusal; nothing deep or huge gets past this door.

Stricter than RFC 8259 asks: UTF-8 only, no repeated names (RFC 7493, I-JSON, section 2.3), no lone
surrogates (section 2.1), no NaN or Infinity, no integer that 64 bits cannot hold (the engine's
client could not write it again). Never says what stood in the body.
"""

import json
import math
import re
from typing import NoReturn

import orjson

from gateway.errors import InvalidBody, TooComplex
from gateway.settings import BoundSettings
from inference.task import JsonObject, JsonValue

# Values are counted beside texts: a request may hold this many of them per allowed text. A JSON
# schema spends about four values on one text (names, types, flags); sixteen leaves room.
VALUES_PER_TEXT = 16

_INTEGERS = range(-(2**63), 2**64)
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_json_object(body: bytes, bounds: BoundSettings) -> JsonObject:
    """The object that the body holds; its names and texts are Unicode without lone surrogates.

    Raises:
        InvalidBody: not one JSON object in UTF-8, or one that two parsers may read differently.
        TooComplex: deeper than `bounds.depth`, or more values than any allowed request has.
    """
    _refuse_bulk(body, bounds)
    value = _parse(body)
    if not isinstance(value, dict):
        raise InvalidBody
    _measure(value, bounds)
    return value


def _refuse_bulk(body: bytes, bounds: BoundSettings) -> None:
    """Turns away what no parser need look at.

    A bracket or comma is either a character of a text or separates values, and both are bounded.
    """
    most = bounds.characters + VALUES_PER_TEXT * bounds.texts
    if body.count(b"[") + body.count(b"{") > most or body.count(b",") > most:
        raise TooComplex


def _parse(body: bytes) -> JsonValue:
    try:
        if _ESCAPED_SURROGATE.search(body):
            orjson.loads(body)  # alone in telling a pair of surrogates from a lone one
        value: JsonValue = _DECODER.decode(body.decode("utf-8"))
    except RecursionError:
        raise TooComplex from None
    except ValueError:  # also UnicodeDecodeError, both JSONDecodeErrors, integers of 4,300 digits
        raise InvalidBody from None
    return value


def _measure(root: JsonObject, bounds: BoundSettings) -> None:
    """Walks level by level, so that depth costs no stack."""
    values_left = VALUES_PER_TEXT * bounds.texts
    level: list[JsonObject | list[JsonValue]] = [root]
    for _ in range(bounds.depth):
        deeper: list[JsonObject | list[JsonValue]] = []
        for container in level:
            values_left -= len(container)
            if values_left < 0:
                raise TooComplex
            for value in container.values() if isinstance(container, dict) else container:
                if isinstance(value, dict | list):
                    deeper.append(value)
                elif isinstance(value, int | float):
                    _check_number(value)
        if not deeper:
            return
        level = deeper
    raise TooComplex


def _check_number(value: float) -> None:
    if isinstance(value, int):
        if value not in _INTEGERS:
            raise InvalidBody
    elif not math.isfinite(value):  # 1e999
        raise InvalidBody


def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _constant(_: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)
