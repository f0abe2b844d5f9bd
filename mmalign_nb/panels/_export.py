"""Encoders and vectors as a page without Python takes them: small, and only those that it can compute exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..features import CnnImage, RnnAudio, TfidfText
from .instrument import packed

_MOST = 8_000_000  # bytes of vectors: a page of more is no page to send


def quantised(vectors: Any, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Vectors as int8 ``(n, d)`` and float32 ``(n,)``: a score is ``(query @ q.T) * scale``, for cosine of a unit query."""
    x = np.asarray(vectors, np.float32)
    q = np.rint(x * (127 / np.maximum(np.abs(x).max(axis=1, keepdims=True), 1e-30))).astype(np.int8)
    if metric == "cosine":
        return q, (1 / np.linalg.norm(q.astype(np.float32), axis=1)).astype(np.float32)
    return q, (np.abs(x).max(axis=1) / 127).astype(np.float32)


def gallery(index: Any) -> dict[str, Any] | None:
    """The vectors of an index, if a page can search them."""
    vectors = index.vectors
    if index.metric not in ("cosine", "dot") or vectors.size > _MOST:
        return None
    rows, scale = quantised(vectors, index.metric)
    unit = index.metric == "cosine"
    exact = np.asarray(vectors, np.float32)
    exact = exact / np.linalg.norm(exact, axis=1, keepdims=True) if unit else exact
    # No unit query can have another score by more than this.
    error = float(np.linalg.norm(exact - rows * scale[:, None], axis=1).max(initial=0))
    return {"rows": packed(rows), "scale": packed(scale), "dim": rows.shape[1], "unit": unit, "error": error}


def text_encoder(encoder: Any) -> dict[str, Any] | None:
    """What makes vectors of words, perhaps with side b of a trained network behind it; None if a page cannot do it."""
    text, paired = encoder if isinstance(encoder, tuple) else (getattr(encoder, "__self__", encoder), None)
    if type(text) is not TfidfText or not (paired is None or isinstance(paired, (CnnImage, RnnAudio))):
        return None
    layers = []
    if text.dim is not None:
        layers.append({"weight": _half(text.components_.T), "bias": None, "dim": len(text.components_)})
    if paired is not None and paired.head == "linear":
        state = _state(paired.pairs_)
        weight, bias = state["head.weight"], state["head.bias"]
        layers.append({"weight": _half(weight.T), "bias": packed(bias), "dim": len(weight)})
    return {
        "terms": list(text.vocabulary_), "idf": packed(text.idf_), "ngrams": list(text.ngrams),
        "chars": None if text.chars is None else list(text.chars), "charWeight": text.char_weight, "layers": layers,
        "dim": layers[-1]["dim"] if layers else len(text.idf_),
    }  # fmt: skip


def picture_encoder(encoder: Any) -> dict[str, Any] | None:
    """What makes vectors of pictures; None if a page cannot do it."""
    encoder = getattr(encoder, "__self__", encoder)
    if type(encoder) is not CnnImage:
        return None
    net: Any = encoder.net_
    state = _state(net)

    def convolution(name: str, norm: str | None) -> dict[str, Any]:
        layer: Any = net.get_submodule(name)
        out: dict[str, Any] = {}
        if norm is not None:  # with fixed statistics, a normalisation is a scale and a shift
            scale = state[f"{norm}.weight"] / np.sqrt(
                state[f"{norm}.running_var"] + net.get_submodule(norm).eps
            )
            shift = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
            out = {"scale": packed(scale), "shift": packed(shift)}
        shape, step = list(layer.weight.shape[:3]), {"stride": layer.stride[0], "padding": layer.padding[0]}
        return {"weight": _half(state[f"{name}.weight"]), "shape": shape} | step | out

    parts = (("first", "norm1"), ("second", "norm2"), ("shortcut", None))
    return {
        "shape": [*encoder.shape_[:2], encoder.shape_[2] if len(encoder.shape_) == 3 else 1],
        "mean": state["mean"].ravel().tolist(), "std": state["std"].ravel().tolist(),
        "stem": convolution("stem", "norm"),
        "blocks": [[convolution(f"{block}.{name}", norm and f"{block}.{norm}") for name, norm in parts] for block in ("block1", "block2")],
        "weight": _half(state["out.weight"]), "bias": packed(state["out.bias"]), "unit": hasattr(encoder, "pairs_"),
        "dim": len(state["out.bias"]),
    }  # fmt: skip


def _state(module: Any) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def _half(x: np.ndarray) -> dict[str, Any]:
    """Weights in 16 bits, as the trained ones are stored."""
    return packed(x.astype(np.float16))
