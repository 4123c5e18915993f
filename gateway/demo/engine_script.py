"""How one rehearsal engine departs from a good one, for tests; and what it has witnessed.

A script belongs to an engine, never to a request: no prompt can make an engine misbehave.
Positions count the events that carry something to read; vLLM's role chunk is not counted.
"""

from dataclasses import dataclass, field

MODEL_NAME = "rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Departures from a good engine; the default has none. All may be combined.

    `pieces` are said instead of the engine's own words, one event each (bent or cut surrogates
    …). `raw_events` are sent verbatim instead of all events, and `whole` instead of an unstreamed
    answer: nonsense, wrong types, too many choices, huge lines.
    """

    pieces: tuple[str, ...] | None = None
    reasoning: tuple[str, ...] = ()
    reasoning_key: str = "reasoning"
    by_character: bool = False
    byte_by_byte: bool = False
    raw_events: tuple[bytes, ...] | None = None
    whole: bytes | None = None
    first_seconds: float = 0.0
    between_seconds: float = 0.0
    status: int = 200
    error_message: str = "secret words of the engine"
    error_code: int = 500
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    error_event_after: int | None = None
    ends_after: int | None = None
    resets_after: int | None = None
    silent_after: int | None = None
    comments: bool = False
    comments_when_silent: bool = False
    endless: bool = False
    usage_in_every_chunk: bool = False
    ignores_departure: bool = False


GOOD = Script()


@dataclass(slots=True)
class Witness:
    """What an engine saw, in order: bodies as received, heads, the peers' ports; and who works.

    `working` counts answers that are being given at this moment.
    """

    seen: list[bytes] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    peers: list[int] = field(default_factory=list)
    working: int = 0
