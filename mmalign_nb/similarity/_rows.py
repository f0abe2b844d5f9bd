"""One side of a comparison, put into form once: vectors as float rows, bits as 64-bit words."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._check import as_array, as_matrix, check_nonzero_rows, describe, one_of

__all__ = ["BY_DIFFERENCES", "METRICS", "Rows", "as_rows", "as_sides", "check_directions", "norms"]

# Distances of two dense rows by their differences alone: ``cdist``'s name, for a block, and the formula for pairs, from
# signed differences float64 (k, d) to distances (k,); the callers negate both. A measure of this kind is one more line.
BY_DIFFERENCES: dict[str, tuple[Any, Any]] = {"manhattan": ("cityblock", lambda d: np.abs(d).sum(axis=1))}
METRICS = ("cosine", "euclidean", *BY_DIFFERENCES, "hamming", "dot")


class Rows(NamedTuple):
    """Vectors ready to be scored: float32, float64 or CSR ``(n, d)``, for hamming uint64 words of bits ``(n, words)``.

    ``columns`` is how many came; ``bits`` is "packed", "unpacked" or "either" for hamming, else "".
    """

    data: Any
    columns: int
    bits: str = ""


def as_rows(
    x: Any,
    metric: str,
    name: str,
    *,
    like: Rows | None = None,
    other: str = "A",
    sparse: bool = True,
    allow_empty: bool = False,
) -> Rows:
    """Check one side for a metric, and that it fits the side before it (``like``, called ``other`` in errors)."""
    if one_of(metric, "metric", METRICS) == "hamming":
        return _as_bit_rows(x, name, like, other, allow_empty)
    dim = None if like is None else like.columns
    data = as_matrix(
        x, name, sparse=sparse and metric not in BY_DIFFERENCES, dim=dim, allow_empty=allow_empty
    )
    if data.dtype == np.float64:
        data = _within_reach(data, metric, name)
    return Rows(data, data.shape[1])


def _within_reach(x: Any, metric: str, name: str) -> Any:
    """Refuse float64 numbers whose float32 scores could not be told apart; for cosine, scale rows that squares would lose."""
    values = x.data if hasattr(x, "tocsr") else x
    size = max(float(values.max(initial=0)), -float(values.min(initial=0)))
    if metric != "cosine":
        reach = np.finfo(np.float32)
        if size > float(reach.max) or 0 < size < float(reach.tiny):
            raise ValueError(
                f"{name} has numbers up to {size:.3g}, and the scores of metric={metric!r} are float32, which ends at "
                f"{reach.max:.3g} and {reach.tiny:.3g}: scale {name} first"
            )
        return x
    largest = np.asarray(
        abs(x).max(axis=1).toarray() if hasattr(x, "tocsr") else np.abs(x).max(axis=1, initial=0)
    )
    _, exponent = np.frexp(largest.ravel())
    if np.abs(exponent).max(initial=0) < 400:  # squares and their sums stay far inside float64
        return x
    if hasattr(x, "tocsr"):  # a power of two changes no direction and rounds nothing
        out = x.copy()
        out.data = np.ldexp(x.data, -np.repeat(exponent, np.diff(x.indptr)))
        return out
    return np.ldexp(x, -exponent[:, None])


def _as_bit_rows(x: Any, name: str, like: Rows | None, other: str, allow_empty: bool) -> Rows:
    bits, kind = _as_bits(x, name)
    if not allow_empty and not len(bits):
        raise ValueError(f"{name} is empty (shape {bits.shape}); want at least one row")
    if like is not None:
        if {kind, like.bits} == {"packed", "unpacked"}:
            raise ValueError(
                f"{name} is {kind} bits ({describe(x)}) and {other} is {like.bits}; want both alike: "
                "binarize(..., packed=True) packs"
            )
        if bits.shape[1] != like.columns:
            raise ValueError(f"{name} has {bits.shape[1]} columns; want {like.columns} as in {other}")
        kind = like.bits if kind == "either" else kind
    # "either" has no byte above 1, so each byte is a bit or a byte with one bit: both readings count alike.
    packed = bits if kind != "unpacked" else np.packbits(bits, axis=1)
    padded = np.zeros((len(bits), -(-packed.shape[1] // 8) * 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return Rows(padded.view(np.uint64), bits.shape[1], kind)


def _as_bits(x: Any, name: str) -> tuple[np.ndarray, str]:
    """Return bits as uint8 ``(n, ...)`` and their kind: "packed", "unpacked", or "either".

    uint8 is read as packed bits; without a byte above 1 it may be either, and both readings count alike.
    """
    raw = as_array(x, name, "bits of shape (n, d)") if not hasattr(x, "tocsr") else None
    if raw is not None and raw.dtype == np.uint8 and raw.ndim == 2 and raw.shape[1]:
        return raw, "packed" if raw.size and raw.max() > 1 else "either"
    values = as_matrix(x, name, allow_empty=True)
    one = values == 1
    is_bit, is_sign = one | (values == 0), one | (values == -1)
    if not is_bit.all() and not is_sign.all():
        if raw is not None and raw.dtype == np.int8:
            raise ValueError(f"{name} is {describe(x)}; packed bits are uint8: write {name}.view(np.uint8)")
        raise ValueError(
            f"metric='hamming' counts differing bits, and {name} is {describe(x)} with values other than "
            f"0 and 1 (or -1 and 1), such as {values[~is_bit][0]:.4g}; almost any two real vectors differ in "
            f"every place: call binarize first"
        )
    return one.view(np.uint8), "unpacked"


def as_sides(A: Any, B: Any, metric: str, *, allow_empty: bool = False) -> tuple[Any, Any]:
    """Check both sides for a metric: their rows, ready for ``score_block``."""
    a = as_rows(A, metric, "A", allow_empty=allow_empty)
    b = as_rows(B, metric, "B", like=a, allow_empty=allow_empty)
    if (a.bits == "unpacked") != (b.bits == "unpacked"):  # one of them was "either" and is bits after all
        a = as_rows(A, metric, "A", like=b, other="B", allow_empty=allow_empty)
    return a.data, b.data


def check_directions(x: Any, name: str) -> None:
    """Refuse zero vectors."""
    check_nonzero_rows(norms(x), name)


def norms(x: Any) -> np.ndarray:
    """Euclidean lengths of the rows: float64 ``(n,)``."""
    if hasattr(x, "tocsr"):
        square = x.astype(np.float64)
        return np.asarray(np.sqrt(square.multiply(square).sum(axis=1))).ravel()
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64)))
