"""The package's own exceptions; none carries an engine's words.

InferenceError
├── ModelUnavailable     no replica of the model can take the call now
├── QueueFull            the model's bounded queue is full, or the wait in it was too long
├── EngineFailed         the engine broke its word: unreachable, bad status, bad stream, died
├── EngineRejected       the engine called the request itself wrong (a closed set of reasons)
│   └── ContextExceeded  prompt and answer do not fit into the model's context
└── DeadlinePassed       the call's one absolute deadline, or the wait for a next part, has passed
"""

from enum import StrEnum


class InferenceError(Exception):
    """Base of everything that inference raises on purpose."""


class ModelUnavailable(InferenceError):
    """No replica of the model can take the call now."""


class QueueFull(InferenceError):
    """The model's queue is full or the wait was too long; try again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class EngineFailed(InferenceError):
    """The engine broke its word. Before the first part another replica may still answer.

    `unfit` is False where the engine is alive and said in good order that this one call failed:
    a call that fails everywhere must not make every replica rest.
    """

    def __init__(self, *, unfit: bool = True) -> None:
        super().__init__()
        self.unfit = unfit


class Rejection(StrEnum):
    """Why an engine called a request wrong; its own words never travel further."""

    TOO_LONG = "too_long"
    INVALID = "invalid"


class EngineRejected(InferenceError):
    """The engine called the request itself wrong: another replica would say the same."""

    def __init__(self, reason: Rejection) -> None:
        super().__init__(reason)
        self.reason = reason

    @staticmethod
    def of(reason: Rejection) -> "EngineRejected":
        """The exception for a reason."""
        return ContextExceeded() if reason is Rejection.TOO_LONG else EngineRejected(reason)


class ContextExceeded(EngineRejected):
    """The prompt, or the prompt and the answer that was asked for, do not fit the context."""

    def __init__(self) -> None:
        super().__init__(Rejection.TOO_LONG)


class DeadlinePassed(InferenceError):
    """The call's absolute deadline, or the wait for the first or a next part, has passed."""
