"""Presidio's analyzer over our packs, and the detector server: a zygote that forks detectors.

`python -m redaction.presidio --control FD` imports Presidio once, reads from the control socket
which packs and which agency's vocabulary to load, builds the analyzer, finds every canary and says
so there; then it forks a detector for each socket that it is sent. A detector answers request
frames (redaction/wire.py) until its socket ends. Only here and in `redaction.abroad` is Presidio
(and with it spaCy) imported; of models only the packs' own are loaded, before the first fork, so
that all detectors share their pages; nothing is fetched. No process of this module ever writes a
text anywhere: output is closed before the first one comes.
"""

import argparse
import ctypes
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.metadata import version

import orjson
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, NoOpNlpEngine

from redaction.abroad import AbroadPack, abroad_pack, find_abroad
from redaction.entity import Span
from redaction.errors import TooManyFindings
from redaction.recognizers.agency import Never, agency_pack
from redaction.recognizers.models import with_models
from redaction.recognizers.packs import ABROAD, MOST_SPANS, find, packs_named
from redaction.recognizers.recognizer import Canary, Pack
from redaction.recognizers.resolve import resolve
from redaction.vocabulary import Vocabulary
from redaction.wire import LENGTH, ORDER, Order, Setup, decode_setup, decode_texts, encode_spans

LANGUAGE = "ko"
_NAME = "gwanmun"
_ABROAD = "gwanmun-abroad"
_RULE = "rule"
# Of all texts of a request together: the windows across the borders of its fields say some again.
_MOST_ANSWERED = 4 * MOST_SPANS
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class PackRecognizer(EntityRecognizer):
    """One Presidio recognizer over all kinds of our packs, so that a text is normalised once."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self.packs = tuple(packs)
        super().__init__(
            supported_entities=[
                recognizer.entity for pack in packs for recognizer in pack.recognizers
            ],
            name=_NAME,
            supported_language=LANGUAGE,
            version="+".join(f"{pack.name}-{pack.version}" for pack in packs),
        )

    def load(self) -> None:
        """Nothing to load: packs are code."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts
    ) -> list[RecognizerResult]:
        """The packs' spans as Presidio's results; the rule's name travels as metadata."""
        found = find(text, self.packs)
        return [_result(span, _NAME, self.id) for span in found if span.entity in entities]


def _result(span: Span, name: str, recognizer_id: str) -> RecognizerResult:
    return RecognizerResult(
        span.entity,
        span.start,
        span.end,
        span.score,
        recognition_metadata={
            RecognizerResult.RECOGNIZER_NAME_KEY: name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recognizer_id,
            _RULE: span.rule,
        },
    )


class _NoEnhancer(ContextAwareEnhancer):
    """Presidio's context words need lemmas, which no engine gives here; ours are evidence."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 0, 0)

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        return raw_results


class AbroadRecognizer(EntityRecognizer):
    """One Presidio recognizer over Presidio's own, as the packs of `redaction.abroad` use them."""

    def __init__(self, packs: Sequence[AbroadPack]) -> None:
        self.packs = tuple(packs)
        super().__init__(
            supported_entities=[kind.entity for pack in packs for kind in pack.kinds],
            name=_ABROAD,
            supported_language=LANGUAGE,
        )

    def load(self) -> None:
        """Nothing to load: patterns are code."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts
    ) -> list[RecognizerResult]:
        """The packs' spans as Presidio's results."""
        found = find_abroad(text, self.packs)
        return [_result(span, _ABROAD, self.id) for span in found if span.entity in entities]


class Analyzer:
    """Presidio's AnalyzerEngine with our packs, an agency's own and those abroad side by side.

    Raises:
        ValueError: a pack that does not exist, or a vocabulary whose formats cannot be used.
    """

    def __init__(self, packs: Sequence[str], vocabulary: Vocabulary) -> None:
        ours = [*with_models(packs_named([name for name in packs if name not in ABROAD]))]
        own = agency_pack(vocabulary)
        if own is not None:
            ours.append(own)
        abroad = [abroad_pack(name, LANGUAGE) for name in packs if name in ABROAD]
        self._canaries = (
            *(recognizer.canary for pack in ours for recognizer in pack.recognizers),
            *(kind.canary for pack in abroad for kind in pack.kinds),
        )
        self._never = Never(vocabulary.never)
        names = [f"{pack.name}-{pack.version}" for pack in ours]
        names += [f"{pack.name}-{pack.version}" for pack in abroad]
        if vocabulary.never and own is None:
            names.append(f"agency-{vocabulary.version}")
        self.version = "+".join((*names, f"presidio-{version('presidio-analyzer')}"))
        recognizers: list[EntityRecognizer] = [PackRecognizer(ours)]
        if abroad:
            recognizers.append(AbroadRecognizer(abroad))
        self._engine = AnalyzerEngine(
            registry=RecognizerRegistry(recognizers, supported_languages=[LANGUAGE]),
            nlp_engine=NoOpNlpEngine([{"lang_code": LANGUAGE, "model_name": "none"}]),
            supported_languages=[LANGUAGE],
            context_aware_enhancer=_NoEnhancer(),
        )
        # Presidio would make the same empty artifacts for each text.
        self._nothing = self._engine.nlp_engine.process_text("", LANGUAGE)

    @property
    def canaries(self) -> tuple[Canary, ...]:
        """What every child must find at any time; a word that the agency spares is none."""
        return tuple(
            canary for canary in self._canaries if not self._never.spares(canary[0], canary.value)
        )

    def spans(self, text: str) -> tuple[Span, ...]:
        """The spans of one text, ascending and disjoint, without what the agency spares."""
        return tuple(
            span
            for span in self._found(text)
            if not self._never.spares(span.entity, text[span.start : span.end])
        )

    def _found(self, text: str) -> tuple[Span, ...]:
        if not text or text.isspace():
            return ()
        results = self._engine.analyze(text, language=LANGUAGE, nlp_artifacts=self._nothing)
        return resolve(
            Span(
                result.start,
                result.end,
                result.entity_type,
                float(result.score),
                (result.recognition_metadata or {}).get(_RULE, ""),
            )
            for result in results
        )

    def missed(self) -> list[str]:
        """The entities whose canary was not found exactly."""
        return [
            canary.entity
            for canary in self._canaries
            if (canary.entity, canary.value)
            not in {
                (span.entity, canary.text[span.start : span.end])
                for span in self._found(canary.text)
            }
        ]


def _receive(connection: socket.socket, size: int) -> bytes | None:
    """Exactly `size` bytes, or None when the other side is gone."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _serve(connection: socket.socket, analyzer: Analyzer) -> None:
    """A detector's life: frames in, frames out, until the socket ends."""
    while head := _receive(connection, LENGTH.size):
        body = _receive(connection, LENGTH.unpack(head)[0])
        if body is None:
            return
        connection.sendall(encode_spans(_answer(decode_texts(body), analyzer)))


def _answer(texts: Sequence[str], analyzer: Analyzer) -> list[tuple[Span, ...]] | None:
    """The spans of each text, or None as soon as there are too many of them."""
    found: list[tuple[Span, ...]] = []
    left = _MOST_ANSWERED
    for text in texts:
        try:
            found.append(analyzer.spans(text))
        except TooManyFindings:
            return None
        left -= len(found[-1])
        if left < 0:
            return None
    return found


def _die_with_parent() -> None:
    """Linux only; elsewhere the end of the socket has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _setup(control: socket.socket) -> Setup | None:
    """What the pool wants loaded; None if it is gone already."""
    head = _receive(control, LENGTH.size)
    body = None if head is None else _receive(control, LENGTH.unpack(head)[0])
    return None if body is None else decode_setup(body)


def _fork(connection: socket.socket, control: socket.socket, analyzer: Analyzer) -> int:
    zygote = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        control.close()
        _die_with_parent()
        if os.getppid() == zygote:
            _serve(connection, analyzer)
        status = 0
    finally:
        # Whatever went wrong may hold text: no traceback, no core, no handlers of the zygote.
        os._exit(status)


def _end(child: int) -> None:
    """Kills and reaps one child; one that is gone already is not an error.

    Only the zygote may do this: until it has reaped a child, its process id is nobody else's.
    """
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        return


def _obey(control: socket.socket, analyzer: Analyzer) -> None:
    """The zygote's life: orders from the pool, until the control socket ends."""
    children: set[int] = set()
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, ORDER.size, 1)
        if len(order) < ORDER.size:
            break
        kind, child = ORDER.unpack(order)
        if kind == Order.FORK and descriptors:
            with socket.socket(fileno=descriptors[0]) as connection:
                child = _fork(connection, control, analyzer)
            children.add(child)
        elif kind == Order.END and child in children:
            _end(child)
            children.discard(child)
        control.sendall(ORDER.pack(kind, child))
    for child in children:
        _end(child)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the zygote; exit code 0 when the pool is gone, 1 if a canary was missed."""
    parser = argparse.ArgumentParser(prog="redaction.presidio", description=__doc__)
    parser.add_argument("--control", type=int, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the pool, which then hangs up
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=options.control) as control:
        setup = _setup(control)
        if setup is None:
            return 0
        vocabulary = Vocabulary.decode(setup.vocabulary) if setup.vocabulary else Vocabulary()
        analyzer = Analyzer(setup.packs, vocabulary)
        missed = analyzer.missed()
        if missed:
            sys.stderr.write(f"redaction.presidio: canary missed: {', '.join(missed)}\n")
            return 1
        canaries = [list(canary) for canary in analyzer.canaries]
        hello = orjson.dumps({"version": analyzer.version, "canaries": canaries})
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        gc.collect()
        gc.freeze()  # children share these pages for as long as nobody counts references in them
        control.sendall(LENGTH.pack(len(hello)) + hello)
        _obey(control, analyzer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
