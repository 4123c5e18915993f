"""Trains the name finder: `python -m training.names.train --data DIR --out FILE`.

DIR holds klue_ner_train_silver.jsonl and klue_ner_train_gold.jsonl (docs/names.md). With
`--teachers A B C`, files that `--fold 0`, `1` and `2` made in this order (further ones may follow
in the same order), each sentence is also judged by those that have not seen it, which corrects
labels that the source missed.
"""

import argparse
import math
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim import swa_utils

from redaction.recognizers.kr.names_features import (
    AROUND,
    CHARACTER_ROWS,
    Reader,
    Tokens,
    windows,
)
from redaction.recognizers.kr.names_model import NameModel, unpacked
from training.names import dictionary
from training.names.corpus import Corpus, Labelled, read, read_marked, relabelled
from training.names.evaluate import recall_where, strict
from training.names.examples import COARSE, IGNORED, Block, blocks
from training.names.filtering import trained_filter
from training.names.network import LABELS, SHIPPED, WIDE, Network
from training.names.offices import Offices
from training.names.people import People
from training.names.weights import packed

OFFICES = Path(__file__).parent / "offices.txt"
"""Sentences of government text, written by hand for measuring; never trained on."""

FOLDS = 3
"""Parts of the silver sentences; a teacher of fold k has not seen every third of them."""

_HELD_OUT = 29  # every 29th silver sentence is never trained on
_COARSE_SHARE = 0.2
_FILTER_LESSONS = 5
_UNAVERAGED = 0.5  # of the epochs; the weights after each later one are averaged
_BATCH = 192
_BELOW = 0.5  # of the filter's scores: what hardly fails is learnt, too


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    data: Path
    out: Path
    seed: int
    epochs: int
    rate: float
    bias: float
    lines: int
    fold: int | None
    teachers: tuple[Path, ...]
    soft: float
    wide: bool


@dataclass(frozen=True, slots=True)
class Sets:
    """Sentences to train on, and two sets to measure on."""

    silver: list[Labelled]
    held_out: list[Labelled]
    gold: list[Labelled]


def sets(data: Path) -> Sets:
    """Reads both files; sentences that stand in both are only measured on."""
    gold = read(data / "klue_ner_train_gold.jsonl")
    known = {labelled.text for labelled in gold}
    silver = [
        relabelled(labelled)
        for labelled in read(data / "klue_ner_train_silver.jsonl")
        if labelled.text not in known
    ]
    held_out = silver[::_HELD_OUT]
    train = [labelled for at, labelled in enumerate(silver) if at % _HELD_OUT]
    return Sets(train, held_out, gold)


@dataclass(frozen=True, slots=True)
class _Batch:
    rows: Tensor
    places: Tensor
    characters: Tensor


def batch(reader: Reader, tokens: Tokens, chosen: NDArray[np.intp]) -> _Batch:
    """The network's input for the chosen tokens."""
    near = windows(tokens, chosen)
    places = np.unique(near[near < len(tokens)])
    slot = np.full(len(tokens) + 1, len(places), np.int64)
    slot[places] = np.arange(len(places))
    at = tokens.start[chosen][:, None] + AROUND
    characters = reader.character_rows(tokens, at.reshape(-1))
    characters[:, tokens.outside(at).reshape(-1)] = CHARACTER_ROWS - 1
    characters = np.ascontiguousarray(characters.T).reshape(*at.shape, 3)
    rows = np.ascontiguousarray(reader.token_rows(tokens, places).T)
    return _Batch(
        torch.from_numpy(rows), torch.from_numpy(slot[near]), torch.from_numpy(characters)
    )


def _cooling(done: float) -> float:
    """The share of the rate: half a cosine down to a tenth, so that later weights still differ."""
    return 0.1 + 0.9 * (0.5 + 0.5 * math.cos(math.pi * min(done, 1)))


class Trainer:
    """One network on its way."""

    def __init__(self, options: Options, reader: Reader, steps: int) -> None:
        torch.manual_seed(options.seed)
        self.network = Network(len(COARSE), WIDE if options.wide else SHIPPED)
        self.mean = swa_utils.AveragedModel(self.network)
        self._reader = reader
        self._soft = options.soft
        sparse = [self.network.tokens.weight, self.network.characters.weight]
        dense = [
            p
            for n, p in self.network.named_parameters()
            if n.split(".")[0] not in ("tokens", "characters")
        ]
        self._optimizers = [
            torch.optim.SparseAdam(sparse, lr=options.rate),
            torch.optim.AdamW(dense, lr=options.rate, weight_decay=0.01),
        ]
        warm = max(1, steps // 20)
        self._schedule = [
            torch.optim.lr_scheduler.LambdaLR(
                optimizer,
                lambda step: min((step + 1) / warm, _cooling(step / steps)),
            )
            for optimizer in self._optimizers
        ]

    def step(
        self, block: Block, chosen: NDArray[np.intp], soft: NDArray[np.float32] | None
    ) -> float:
        """One step on the chosen tokens; `soft` are a teacher's probabilities (N, labels)."""
        given = batch(self._reader, block.tokens, chosen)
        scores, coarse = self.network(given.rows, given.places, given.characters)
        target = torch.from_numpy(block.labels[chosen])
        loss = functional.cross_entropy(scores, target)
        if soft is not None:
            taught = functional.cross_entropy(scores, torch.from_numpy(soft))
            loss = (1 - self._soft) * loss + self._soft * taught
        kinds = torch.from_numpy(block.coarse[chosen])
        if bool((kinds >= 0).any()):
            loss = loss + _COARSE_SHARE * functional.cross_entropy(
                coarse, kinds, ignore_index=IGNORED
            )
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer, schedule in zip(self._optimizers, self._schedule, strict=True):
            optimizer.step()
            schedule.step()
        return float(loss.detach())


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


def taught(
    teachers: Sequence[NameModel], block: Block, chosen: NDArray[np.intp]
) -> NDArray[np.float32]:
    """For each chosen token the opinion of the teachers that have not seen its sentence.

    Of generated text the labels are certain: there they stand in the opinion's place.
    """
    number = block.sentence[chosen]
    opinion = np.eye(LABELS, dtype=np.float32)[block.labels[chosen]]
    for fold in range(FOLDS):
        own = (number >= 0) & (number % FOLDS == fold)
        if own.any():
            said = [
                _softmax(one.scores(block.tokens, chosen[own])) for one in teachers[fold::FOLDS]
            ]
            opinion[own] = np.mean(said, axis=0)
    return opinion


class Lesson:
    """Gives the blocks of each epoch."""

    def __init__(self, options: Options, data: Sets, reader: Reader, masks: dict[str, int]) -> None:
        self._chance = random.Random(options.seed)  # noqa: S311  training data, no secret
        kept = [
            (number, labelled)
            for number, labelled in enumerate(data.silver)
            if options.fold is None or number % FOLDS != options.fold
        ]
        self._numbers = [number for number, _ in kept]
        self._corpus = Corpus([text for _, text in kept], self._chance, dictionary.nouns(masks))
        self._people = People(self._chance, self._corpus.names)
        self._offices = Offices(self._chance, self._people, masks, self._corpus.words)
        self._lines = options.lines
        self._reader = reader

    def epoch(self) -> list[Block]:
        """Every silver sentence once and new lines of government text, shuffled."""
        texts = [(self._numbers[at], text) for at, text in self._corpus.epoch(self._people)]
        texts += [(-1, self._offices.text()) for _ in range(self._lines)]
        self._chance.shuffle(texts)
        return blocks(self._reader, texts)


def _chunks(chosen: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return np.array_split(chosen, max(1, len(chosen) // _BATCH))


def measured(model: NameModel, data: Sets, offices: Sequence[Labelled]) -> str:
    """One line of scores."""
    parts: list[str] = []
    known = {text.text[a:b] for text in data.silver for a, b in text.names}
    for name, texts in (("gold", data.gold), ("held-out", data.held_out), ("offices", offices)):
        spans = model.find([labelled.text for labelled in texts])
        found = [[(one.start, one.end) for one in each] for each in spans]
        scores = strict(found, texts)
        parts.append(f"{name} P {scores.precision:.3f} R {scores.recall:.3f} F1 {scores.f1:.3f}")
        if name == "gold":
            recall, count = recall_where(found, texts, lambda value: value not in known)
            f1 = 2 * recall * scores.precision / max(recall + scores.precision, 1e-9)
            parts.append(f"unseen {count} R {recall:.3f} (F1 {f1:.3f})")
    return " | ".join(parts)


def judged(reader: Reader, filtering: tuple[Tensor, float], block: Block) -> NDArray[np.intp]:
    """The tokens that the network is trained on: names, and what passes the filter or nearly."""
    table, threshold = filtering
    passed = table.numpy()[reader.filter_rows(block.tokens)].sum(0) > threshold - _BELOW
    return np.flatnonzero((passed & (block.labels == 0)) | (block.labels > 0))


def train(options: Options) -> bytes:
    """Trains and gives the file's bytes; says what it measures on standard error."""
    masks = dictionary.classes()
    table = dictionary.static_function(masks)
    reader = Reader(table)
    data = sets(options.data)
    lesson = Lesson(options, data, reader, masks)
    offices = read_marked(OFFICES)
    filtering = trained_filter(reader, [lesson.epoch() for _ in range(_FILTER_LESSONS)])
    part = lesson.epoch()
    teachers = [NameModel(unpacked(path.read_bytes())) for path in options.teachers]
    steps = sum(len(_chunks(judged(reader, filtering, block))) for block in part)
    trainer = Trainer(options, reader, steps * options.epochs)
    for epoch in range(1, options.epochs + 1):
        begun = time.monotonic()
        losses = [
            trainer.step(block, chosen, taught(teachers, block, chosen) if teachers else None)
            for block in part
            for chosen in _chunks(judged(reader, filtering, block))
        ]
        if epoch > options.epochs * _UNAVERAGED:
            trainer.mean.update_parameters(trainer.network)
        network = trainer.mean.module if epoch == options.epochs else trainer.network
        raw = packed(network, filtering, table, options.bias)
        line = measured(NameModel(unpacked(raw)), data, offices)
        sys.stderr.write(
            f"{epoch}: loss {sum(losses) / len(losses):.4f}, {time.monotonic() - begun:.0f} s, "
            f"{len(raw)} bytes\n   {line}\n"
        )
        if epoch < options.epochs:
            part = lesson.epoch()
    return raw


def main() -> int:
    """Reads the command line, trains, writes the file."""
    parser = argparse.ArgumentParser(prog="training.names.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--bias", type=float, default=0.3)
    parser.add_argument("--lines", type=int, default=4000)
    parser.add_argument("--fold", type=int, choices=range(FOLDS))
    parser.add_argument("--teachers", type=Path, nargs="*", default=())
    parser.add_argument("--soft", type=float, default=0.5)
    parser.add_argument("--wide", action="store_true", help="for a teacher: larger layers")
    given = vars(parser.parse_args())
    given["teachers"] = tuple(given["teachers"])
    options = Options(**given)
    torch.set_num_threads(1)
    options.out.write_bytes(train(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
