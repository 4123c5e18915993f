"""Trains the filter: a logistic model over hashed features that passes possible names."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from redaction.recognizers.kr.names_features import FILTER_BITS, Reader
from training.names.examples import Block

_BATCH = 4096
_RATE, _COOLING = 0.02, 0.6
_THIN = 0.1


def trained_filter(
    reader: Reader, lessons: Sequence[Sequence[Block]], *, kept: float = 0.99
) -> tuple[torch.Tensor, float]:
    """The table of 2^FILTER_BITS scores, and the threshold that `kept` of the names pass.

    Each lesson but the last is learnt once; the last, whose names are new to the filter, sets the
    threshold.
    """
    table = torch.nn.EmbeddingBag(1 << FILTER_BITS, 1, mode="sum", sparse=True)
    torch.nn.init.zeros_(table.weight)
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=_RATE)
    for number, lesson in enumerate(lessons[:-1]):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * _COOLING**number
        rows, names = _examples(reader, lesson)
        order = np.arange(len(rows))
        np.random.default_rng(number).shuffle(order)
        for batch in np.array_split(order, max(1, len(order) // _BATCH)):
            chosen = torch.from_numpy(rows[batch])
            target = torch.from_numpy(names[batch].astype(np.float32))
            thinned = (torch.rand(chosen.shape) >= _THIN).float() / (1 - _THIN)
            scores = table(chosen, per_sample_weights=thinned)[:, 0]
            loss = functional.binary_cross_entropy_with_logits(
                scores,
                target,
                weight=1 + 4 * target,  # a missed name costs more than a passed noun
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weights = table.weight.detach()[:, 0]
    rows, names = _examples(reader, lessons[-1])
    threshold = float(np.quantile(weights.numpy()[rows[names]].sum(1), 1 - kept))
    return weights, threshold


def _examples(
    reader: Reader, blocks: Sequence[Block]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The filter's rows of each token, (tokens, features), and whether it is of a name."""
    rows = np.concatenate([reader.filter_rows(block.tokens).T for block in blocks])
    labels = np.concatenate([block.labels for block in blocks])
    return rows[labels >= 0].astype(np.int32), labels[labels >= 0] > 0
