"""Writes what was trained as the npz file that the detector loads."""

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from redaction.recognizers.kr.names_features import WINDOW

_LARGEST = 127  # of a signed byte


def packed(
    network: nn.Module,
    filtering: tuple[torch.Tensor, float],
    dictionary: NDArray[np.uint16],
    bias: float,
) -> bytes:
    """The npz file's bytes; `bias` is taken from the score of "no name"."""
    state = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    tokens, token_scale = _bytes(state["tokens.weight"])
    characters, character_scale = _bytes(state["characters.weight"])
    table, threshold = filtering
    scores = table.numpy()
    filter_scale = float(np.abs(scores).max()) / _LARGEST
    label_bias = state["label.bias"].copy()
    label_bias[0] -= bias
    near = len(state["near.bias"])
    scales = np.tile(token_scale, 2 * WINDOW + 1)
    dense = {
        "characters.scale": character_scale,
        "near.weight": state["near.weight"].T * scales[:, None],
        "near.bias": state["near.bias"],
        "conv1.weight": state["conv1.weight"].T,
        "conv1.bias": state["conv1.bias"],
        "conv2.weight": state["conv2.weight"].T,
        "conv2.bias": state["conv2.bias"],
        "around.weight": state["around.weight"].T,
        "around.bias": state["around.bias"],
        "merge.near": state["merge.weight"].T[:near],
        "merge.around": state["merge.weight"].T[near:],
        "merge.bias": state["merge.bias"],
        "label.weight": state["label.weight"].T,
        "label.bias": label_bias,
    }
    file = BytesIO()
    np.savez_compressed(
        file,
        dictionary=dictionary,
        **{
            "filter": np.rint(scores / filter_scale).astype(np.int8),
            "filter.scale": np.float32(filter_scale),
            "filter.threshold": np.float32(threshold),
            "tokens": tokens,
            "characters": characters,
        },
        **{name: np.ascontiguousarray(value, np.float32) for name, value in dense.items()},
    )
    return file.getvalue()


def write(path: Path, raw: bytes) -> None:
    """Writes the file's bytes."""
    path.write_bytes(raw)


def _bytes(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The table as signed bytes, and each column's scale; the rarest extremes are cut off."""
    scale = np.maximum(np.quantile(np.abs(table), 0.99999, axis=0), 1e-6) / _LARGEST
    scale = scale.astype(np.float32)
    return np.clip(np.rint(table / scale), -_LARGEST, _LARGEST).astype(np.int8), scale
