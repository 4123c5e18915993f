"""The name finder in PyTorch, for training; redaction.recognizers.kr.names_model runs its weights.

Shapes: tables are (rows, width); a batch of N judged tokens brings M distinct tokens' rows
(M, TOKEN_FEATURES), for each judged token seven places among them (N, 7), M standing for none, and
rows of seventeen characters (N, 17, 3).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from redaction.recognizers.kr.names_features import (
    BEFORE,
    BEHIND,
    CHARACTER_ROWS,
    LONGEST,
    TOKEN_ROWS,
    WINDOW,
)

LABELS = 1 + 2 * LONGEST
_LEFT = 1 + BEFORE + BEHIND - 2 - 6  # characters left after both convolutions


class Sizes(NamedTuple):
    """How wide the tables' rows and the hidden layers are."""

    width: int
    near: int
    around: int
    merged: int


SHIPPED = Sizes(32, 128, 96, 96)
WIDE = Sizes(80, 256, 160, 128)
"""Of teachers."""


class Network(nn.Module):
    """Two branches over sums of table rows, merged; `forward` gives labels and coarse classes."""

    def __init__(self, coarse: int, sizes: Sizes = SHIPPED) -> None:
        super().__init__()
        width = self.width = sizes.width
        self.tokens = nn.EmbeddingBag(TOKEN_ROWS, width, mode="sum", sparse=True)
        self.characters = nn.EmbeddingBag(CHARACTER_ROWS, width, mode="sum", sparse=True)
        nn.init.normal_(self.tokens.weight, std=0.05)
        nn.init.normal_(self.characters.weight, std=0.15)
        self.near = nn.Linear((2 * WINDOW + 1) * width, sizes.near)
        self.conv1 = nn.Linear(3 * width, width)
        self.conv2 = nn.Linear(3 * width, width)
        self.around = nn.Linear(_LEFT * width, sizes.around)
        self.merge = nn.Linear(sizes.near + sizes.around, sizes.merged)
        self.label = nn.Linear(sizes.merged, LABELS)
        self.coarse = nn.Linear(sizes.merged, coarse)
        self.drop = 0.2
        self.off = 0.1
        self.thin = 0.1

    def forward(self, rows: Tensor, places: Tensor, characters: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (N, LABELS) and (N, coarse)."""
        none = self.tokens.weight[-1:].detach()
        sums = torch.cat([self.tokens(rows, per_sample_weights=self._thinned(rows)), none])
        flat = functional.dropout(sums[places].flatten(1), self.drop, self.training)
        near = functional.relu(self.near(flat))
        count, length, _ = characters.shape
        flat_rows = characters.flatten(0, 1)
        flow = self.characters(flat_rows, per_sample_weights=self._thinned(flat_rows))
        flow = flow.view(count, length, self.width)
        flow = functional.dropout(flow, self.drop, self.training)
        flow = _convolved(flow, self.conv1, 1)
        flow = _convolved(flow, self.conv2, 3)
        around = functional.relu(self.around(flow.flatten(1)))
        near = functional.dropout(near, self.drop, self.training)
        around = functional.dropout(around, self.drop, self.training)
        if self.training:
            # One branch is switched off now and then, so that each learns to stand alone.
            dice = torch.rand(count, 1)
            near = near * (dice >= self.off)
            around = around * (dice < 1 - self.off)
        merged = functional.relu(self.merge(torch.cat([near, around], 1)))
        merged = functional.dropout(merged, 0.15, self.training)
        return self.label(merged), self.coarse(merged)

    def _thinned(self, rows: Tensor) -> Tensor | None:
        """A weight for each row: some are left out, so that no single word is learnt by heart."""
        if not self.training:
            return None
        return (torch.rand(rows.shape) >= self.thin).float() / (1 - self.thin)


def _convolved(flow: Tensor, layer: nn.Linear, step: int) -> Tensor:
    inner = flow.shape[1] - 2 * step
    parts = [flow[:, shift : shift + inner] for shift in (0, step, 2 * step)]
    return functional.relu(layer(torch.cat(parts, 2))) + parts[1]
