"""A model and the replicas that serve it, as plain facts; health and load live in registry."""

from dataclasses import dataclass, field
from enum import StrEnum


class EngineKind(StrEnum):
    """Which server speaks behind the URL; all speak vLLM's OpenAI wire format."""

    VLLM = "vllm"
    VLLM_RBLN = "vllm-rbln"
    FURIOSA_LLM = "furiosa-llm"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One engine that serves a model.

    `url` is the base without `/v1`. `served_model` is the name that this engine knows the model
    by. `credential` is ours, sent as a bearer token; empty means none.
    """

    name: str
    url: str
    served_model: str
    kind: EngineKind = EngineKind.VLLM
    credential: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as inference knows it: its replicas and how many calls may run or wait at once."""

    name: str
    replicas: tuple[Replica, ...]
    slots: int = 64
    queue_places: int = 256
