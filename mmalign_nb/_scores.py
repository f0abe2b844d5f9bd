"""The one definition of a score: float64 inside, float32 outside, the same for a pair, a block and a search."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._check import as_matrix, check_nonzero_rows, describe, one_of

__all__ = [
    "METRICS",
    "as_bits",
    "as_sides",
    "as_words",
    "check_directions",
    "norms",
    "score_block",
    "score_matrix",
    "score_pairs",
]

METRICS = ("cosine", "euclidean", "manhattan", "hamming", "dot")


def as_bits(x: Any, name: str) -> tuple[np.ndarray, str]:
    """Return bits as uint8 ``(n, ...)`` and their kind: "packed", "unpacked", or "either".

    uint8 is read as packed bits; without a byte above 1 it may be either, and both readings count alike.
    """
    raw = x if isinstance(x, np.ndarray) else None
    if raw is not None and raw.dtype == np.uint8 and raw.ndim == 2 and raw.shape[1]:
        return raw, "packed" if raw.size and raw.max() > 1 else "either"
    values = as_matrix(x, name, allow_empty=True)
    one = values == 1
    is_bit, is_sign = one | (values == 0), one | (values == -1)
    if not is_bit.all() and not is_sign.all():
        raise ValueError(
            f"metric='hamming' counts differing bits, and {name} is {describe(x)} with values other than "
            f"0 and 1 (or -1 and 1), such as {values[~is_bit][0]:.4g}; almost any two real vectors differ in "
            f"every place: call binarize first"
        )
    return one.view(np.uint8), "unpacked"


def as_words(bits: np.ndarray) -> np.ndarray:
    """Pad packed bits with zero bytes to whole 64-bit words: uint64 ``(n, words)``."""
    n, width = bits.shape
    padded = np.zeros((n, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = bits
    return padded.view(np.uint64)


def as_sides(
    A: Any, B: Any, metric: str, *, allow_empty: bool = False, directions: bool = True
) -> tuple[Any, Any]:
    """Return both sides checked and ready for ``score_block``: float32 or CSR rows, or uint64 words of bits.

    ``directions=False`` leaves it to the caller to refuse zero vectors for cosine.
    """
    one_of(metric, "metric", METRICS)
    if metric == "hamming":
        (a, kind_a), (b, kind_b) = as_bits(A, "A"), as_bits(B, "B")
        kinds = {kind_a, kind_b}
        if kinds == {"packed", "unpacked"}:
            raise ValueError(
                f"A is {kind_a} bits ({describe(A)}) and B is {kind_b} ({describe(B)}); "
                "want both alike: binarize(..., packed=True) packs"
            )
        if a.shape[1] != b.shape[1]:
            raise ValueError(f"B has {b.shape[1]} columns; want {a.shape[1]} as in A")
        for x, name in ((a, "A"), (b, "B")):
            if not allow_empty and not len(x):
                raise ValueError(f"{name} is empty (shape {x.shape}); want at least one row")
        if "packed" not in kinds:
            a, b = np.packbits(a, axis=1), np.packbits(b, axis=1)
        return as_words(a), as_words(b)
    sparse = metric != "manhattan"
    a = as_matrix(A, "A", sparse=sparse, allow_empty=allow_empty)
    b = as_matrix(B, "B", sparse=sparse, allow_empty=allow_empty, dim=a.shape[1])
    if metric == "cosine" and directions:
        check_directions(a, "A")
        check_directions(b, "B")
    return a, b


def check_directions(x: Any, name: str) -> None:
    """Refuse zero vectors."""
    check_nonzero_rows(norms(x), name)


def norms(x: Any) -> np.ndarray:
    """Euclidean lengths of the rows: float64 ``(n,)``."""
    if hasattr(x, "tocsr"):
        square = x.astype(np.float64)
        return np.asarray(np.sqrt(square.multiply(square).sum(axis=1))).ravel()
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64)))


def _product(a: Any, b: Any) -> np.ndarray:
    """Inner products ``a @ b.T`` in float64; a sparse side stays sparse."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    if hasattr(a, "tocsr"):
        out = a @ b.T
        return np.asarray(out.toarray() if hasattr(out, "toarray") else out)
    if hasattr(b, "tocsr"):
        return np.asarray((b @ a.T).T)
    return np.asarray(a @ b.T)


def _squared_distance(a: Any, b: Any) -> np.ndarray:
    """Squared Euclidean distances in float64: |a|² + |b|² - 2ab, and by differences where that cancels."""
    x, y = a, b
    if not hasattr(a, "tocsr") and not hasattr(b, "tocsr"):
        mean = b.mean(axis=0, dtype=np.float64)  # distances don't change, but far from 0 less cancels
        x, y = a - mean, b - mean
    square_a, square_b = norms(x) ** 2, norms(y) ** 2
    scale = square_a[:, None] + square_b
    out = np.asarray(scale - 2 * _product(x, y))
    i, j = np.nonzero(out < 1e-4 * scale)
    if len(i):
        out[i, j] = _over_pairs(a, b, i, j, lambda u, v: _dots(u - v, u - v))
    return out.clip(min=0, out=out)


def _over_pairs(a: Any, b: Any, i: np.ndarray, j: np.ndarray, of: Any) -> np.ndarray:
    """Call ``of`` on float64 rows ``a[i], b[j]``, a few megabytes at a time."""
    out = np.empty(len(i), np.float64)
    step = max(1, 2**16 // a.shape[1])
    for s in range(0, len(i), step):
        out[s : s + step] = of(_rows64(a, i[s : s + step]), _rows64(b, j[s : s + step]))
    return out


def _rows64(x: Any, at: np.ndarray) -> np.ndarray:
    if hasattr(x, "tocsr"):
        return np.asarray(x[at].toarray(), np.float64)
    return np.asarray(x.take(at, axis=0).astype(np.float64))


def _bit_counts(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.bitwise_count(x))


def score_block(a: Any, b: Any, metric: str) -> np.ndarray:
    """Scores of every row of ``a`` with every row of ``b`` as ``as_sides`` made them: float32 ``(n, m)``.

    Distances come negated, so higher is more alike; ``0 - x`` rather than ``-x`` keeps zero positive.
    """
    if metric == "hamming":
        count = np.zeros((len(a), len(b)), np.float32)
        for w in range(a.shape[1]):
            count -= _bit_counts(a[:, None, w] ^ b[None, :, w])
        return count
    if metric == "manhattan":
        from scipy.spatial.distance import cdist

        return (0 - cdist(a, b, "cityblock")).astype(np.float32)
    if metric == "euclidean":
        return np.asarray((0 - np.sqrt(_squared_distance(a, b))).astype(np.float32))
    out = _product(a, b)
    if metric == "cosine":
        out /= norms(a)[:, None] * norms(b)
    return out.astype(np.float32)


def score_matrix(A: Any, B: Any, metric: str = "cosine") -> np.ndarray:
    """Check both sides and score all rows of A against all rows of B: float32 ``(n, m)``."""
    a, b = as_sides(A, B, metric)
    n, m = a.shape[0], b.shape[0]
    out = np.empty((n, m), np.float32)
    rows, columns = 1024, 4096  # so that the float64 block stays at 32 MB
    for i in range(0, n, rows):
        for j in range(0, m, columns):
            out[i : i + rows, j : j + columns] = score_block(a[i : i + rows], b[j : j + columns], metric)
    return out


def score_pairs(a: Any, b: Any, i: np.ndarray, j: np.ndarray, metric: str, lengths: Any = None) -> np.ndarray:
    """Scores of the pairs ``(a[i], b[j])`` alone, equal to those of ``score_block``: float32 ``(k,)``.

    ``lengths`` are the ``norms`` of both sides, for cosine, if they are known already.
    """
    if metric == "hamming":
        counts = [-_bit_counts(a[i, w] ^ b[j, w]).astype(np.float32) for w in range(a.shape[1])]
        return np.asarray(sum(counts, np.zeros(len(i), np.float32)))
    if metric == "euclidean":
        out = 0 - np.sqrt(_over_pairs(a, b, i, j, lambda u, v: _dots(u - v, u - v)))
    elif metric == "manhattan":
        out = 0 - _over_pairs(a, b, i, j, lambda u, v: np.abs(u - v).sum(axis=1))
    else:
        out = _over_pairs(a, b, i, j, _dots)
    if metric == "cosine":
        of_a, of_b = (norms(a), norms(b)) if lengths is None else lengths
        out /= of_a[i] * of_b[j]
    return np.asarray(out.astype(np.float32))


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("ij,ij->i", u, v))
