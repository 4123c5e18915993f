"""All metrics and the log format; declared here only.

Labels come from closed sets: model, code, outcome, route template, entity, reason. No text, no
user, no path. Logs are JSON lines: a constant event name, identifiers, counts, durations, codes.
"""

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SHORT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
LONG_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

Log = structlog.typing.FilteringBoundLogger


class Metrics:
    """Every metric of one gateway process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._declare_calls()
        self._declare_durations()
        self._declare_personal_data()
        self._declare_parts()
        self._declare_forwarding()

    def _declare_calls(self) -> None:
        counter = partial(Counter, registry=self.registry)
        self.requests = counter(
            "gateway_requests_total",
            "Calls that have ended, by model, outcome and error code.",
            ("model", "outcome", "code"),
        )
        self.http = counter(
            "gateway_http_responses_total",
            "HTTP responses of the public listener, by route template and status.",
            ("route", "status"),
        )
        self.refusals = counter(
            "gateway_refusals_total",
            "Calls refused before an engine was touched, by error code.",
            ("code",),
        )
        self.parts = counter("gateway_parts_total", "Parts of answers passed on.", ("model",))
        self.input_tokens = counter(
            "gateway_input_tokens_total", "Input tokens as engines report them.", ("model",)
        )
        self.output_tokens = counter(
            "gateway_output_tokens_total", "Output tokens as engines report them.", ("model",)
        )
        self.running = Gauge("gateway_calls_running", "Calls running now.", registry=self.registry)

    def _declare_durations(self) -> None:
        short = partial(Histogram, buckets=SHORT_SECONDS, registry=self.registry)
        long = partial(Histogram, buckets=LONG_SECONDS, registry=self.registry)
        self.overhead_seconds = short(
            "gateway_overhead_seconds",
            "Time that the gateway itself spends before an engine gets the request, in seconds.",
        )
        self.queue_seconds = long(
            "gateway_queue_seconds", "Wait for a slot of the model, in seconds.", ("model",)
        )
        self.first_part_seconds = long(
            "gateway_time_to_first_part_seconds",
            "From the request's arrival to the answer's first part, in seconds.",
            ("model",),
        )
        self.call_seconds = long(
            "gateway_call_seconds",
            "Whole duration of calls that were ready for an engine, in seconds.",
            ("model",),
        )

    def _declare_personal_data(self) -> None:
        counter = partial(Counter, registry=self.registry)
        self.found = counter(
            "gateway_personal_data_found_total",
            "Personal data found in input, by entity.",
            ("entity",),
        )
        self.restored = counter(
            "gateway_surrogates_total",
            "Surrogates in engine text, by what became of them.",
            ("result",),
        )
        self.blanked = counter(
            "gateway_blanked_total",
            "Personal data that an engine made up and that was blanked, by entity.",
            ("entity",),
        )

    def _declare_parts(self) -> None:
        gauge = partial(Gauge, registry=self.registry)
        self.detector_replaced = gauge(
            "gateway_detector_children_replaced",
            "Detector children replaced since the start after a crash or a missed deadline.",
        )
        self.detector_ready = gauge(
            "gateway_detector_ready", "Whether the detector's canaries pass (1 or 0)."
        )
        self.ledger_unsealed = gauge(
            "gateway_ledger_unsealed_events", "Durable events without a leaf yet."
        )
        self.ledger_trouble = gauge(
            "gateway_ledger_trouble",
            "1 for the cause why no record is written or sealed now; sealing_refused is an alarm.",
            ("cause",),
        )
        self.limits_alone = gauge(
            "gateway_limits_alone",
            "1 while Valkey is away and this gateway enforces its share of the limits by itself: "
            "an alarm.",
        )
        self.limits_replicas = gauge(
            "gateway_limits_replicas",
            "Gateways that live, as last read from Valkey; the limits are divided by it while "
            "Valkey is away.",
        )
        self.ledger_size = gauge("gateway_ledger_tree_size", "Leaves in the ledger's tree.")
        self.ledger_witnessed = gauge(
            "gateway_ledger_witnessed_size",
            "Leaves of the newest checkpoint that a quorum of outside witnesses has signed.",
        )
        self.ledger_witnesses_stale = gauge(
            "gateway_ledger_witnesses_stale",
            "1 while the ledger has grown for too long without a quorum of outside witnesses: an "
            "alarm.",
        )
        self.ledger_keys_away = gauge(
            "gateway_ledger_keys_away",
            "1 while the sealer's keys, held in a module or a server, do not sign: an alarm.",
        )

    def _declare_forwarding(self) -> None:
        gauge = partial(Gauge, labelnames=("destination",), registry=self.registry)
        self.forwarded = Counter(
            "gateway_forwarded_events_total",
            "Events that a destination has taken from this gateway; twice what was sent twice.",
            ("destination",),
            registry=self.registry,
        )
        self.forward_lag_events = gauge(
            "gateway_forward_lag_events", "Events that a destination has not taken yet."
        )
        self.forward_lag_seconds = gauge(
            "gateway_forward_lag_seconds",
            "Age of the oldest event that a destination had not taken at the last try, in seconds.",
        )
        self.forward_failing = gauge(
            "gateway_forward_failing",
            "1 while a destination takes no events: an alarm; requests are served all the same.",
        )

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def documented(self) -> Mapping[str, tuple[str, str]]:
        """Name of each metric as scraped, with its type and help text."""
        found: dict[str, tuple[str, str]] = {}
        for family in self.registry.collect():
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = (family.type, family.documentation)
        return found


def make_log(level: str, stream: TextIO | None = None) -> Log:
    """The process's logger: JSON lines on `stream`, or standard error.

    An exception's words and traceback are never written: they may hold text of a caller. Standard
    library loggers (of libraries) are silenced below errors, and their errors lose their words.
    """
    stream = stream or sys.stderr
    logging.basicConfig(handlers=[_NamesOnly(stream)], level=logging.ERROR, force=True)
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
    )
    return log


def where(error: BaseException) -> str:
    """Class and innermost place of an exception, without its words: `ValueError at app.py:12`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = trace.tb_frame.f_code.co_filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__} at {file}:{trace.tb_lineno}"


class _NamesOnly(logging.Handler):
    """Writes that a library complained, never what it said.

    Where the stream takes nothing more the complaint is lost: raised here, it would end what the
    library was doing (an answer of an engine, say).
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        place = where(error) if error else f"{record.module}:{record.lineno}"
        line = structlog.processors.JSONRenderer()(
            None,
            "",
            {"event": "library.error", "logger": record.name, "error": place, "level": "error"},
        )
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            print(line, file=self._stream, flush=True)
