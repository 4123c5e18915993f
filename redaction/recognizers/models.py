"""Packs with their models loaded: what a detector reads with, beyond the rules of `packs`.

Only detectors import this: models bring NumPy and their weights, which a gateway's own process,
scanning engines' text, needs neither of.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType

from redaction.recognizers.kr.names import DIGEST, name_finder
from redaction.recognizers.recognizer import Pack, Recognizer

# By pack and entity: what puts a model into the recognizer of rules, and the weights' version.
_MODELS: MappingProxyType[str, tuple[str, Callable[[Recognizer], Recognizer], str]] = (
    MappingProxyType({"kr": ("PERSON", name_finder, DIGEST[:8])})
)


def with_models(packs: Sequence[Pack]) -> tuple[Pack, ...]:
    """The same packs, with the models that they have; their versions name them.

    Raises:
        WeightsError: a model's file is missing or another one.
    """
    return tuple(_with_model(pack) for pack in packs)


def _with_model(pack: Pack) -> Pack:
    if pack.name not in _MODELS:
        return pack
    entity, with_model, version = _MODELS[pack.name]
    return replace(
        pack,
        version=f"{pack.version}.{version}",
        recognizers=tuple(
            with_model(recognizer) if recognizer.entity == entity else recognizer
            for recognizer in pack.recognizers
        ),
    )
