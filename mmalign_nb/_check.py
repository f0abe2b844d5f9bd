"""One place where arguments are looked at: every error names the argument, what came and what is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np

__all__ = [
    "as_count",
    "as_matrix",
    "as_scores",
    "check_audio",
    "check_images",
    "check_nonzero_rows",
    "check_same_length",
    "check_texts",
    "describe",
    "is_number",
    "one_of",
    "refuse_items",
]


def describe(x: Any) -> str:
    """Say in a few words what an argument is: ``str 'abc'``, ``list of 3``, ``float64 array (2, 3)``."""
    if isinstance(x, np.ndarray) or (hasattr(x, "dtype") and hasattr(x, "shape")):
        return f"{x.dtype} array {tuple(x.shape)}"
    if isinstance(x, str):
        return f"str {x[:40]!r}"
    if isinstance(x, (list, tuple)):
        kinds = list(dict.fromkeys(type(v).__name__ for v in x))
        inner = " of " + " and ".join(kinds[:3]) if kinds else ""
        return f"{type(x).__name__} with {len(x)} entries{inner}"
    return f"{type(x).__name__} {x!r}"[:80]


def one_of(value: Any, name: str, known: Iterable[str]) -> str:
    """Return ``value`` if it is one of the ``known`` names, else say which there are."""
    known = list(known)
    if value not in known:
        raise ValueError(f"{name} is {value!r}; known: {', '.join(map(repr, known))}")
    return str(value)


def _bad_rows(mask: np.ndarray, name: str, what: str, hint: str) -> str:
    rows = np.flatnonzero(mask)
    return f"{name} has {what} in {len(rows)} of {len(mask)} rows (first: row {rows[0]}); {hint}"


def as_matrix(
    x: Any,
    name: str,
    *,
    sparse: bool = False,
    dim: int | None = None,
    rows: int | None = None,
    allow_empty: bool = False,
) -> Any:
    """Return ``x`` as C-contiguous float32 ``(n, d)`` (or CSR if ``sparse``), or say what is wrong with it.

    ``dim`` and ``rows`` are the wanted numbers of columns and rows, if only one is right.
    """
    if hasattr(x, "tocsr"):
        if not sparse:
            raise TypeError(
                f"{name} is a sparse matrix {x.shape}; a dense (n, d) array is wanted here: "
                f"reduce it first, e.g. TfidfText(dim=128)"
            )
        out = x.tocsr().astype(np.float32)
        bad_rows = None
        if not np.isfinite(out.data).all():
            row_of = np.repeat(np.arange(out.shape[0]), np.diff(out.indptr))
            bad_rows = np.isin(np.arange(out.shape[0]), row_of[~np.isfinite(out.data)])
    else:
        if isinstance(x, str) or (isinstance(x, (list, tuple)) and len(x) and isinstance(x[0], str)):
            raise TypeError(
                f"{name} is text ({describe(x)}); want numbers of shape (n, d): "
                f"encode it first, e.g. with features.TfidfText"
            )
        try:
            raw = np.asarray(x)
            if raw.dtype.kind not in "fiub":
                raise TypeError
            out = np.ascontiguousarray(raw, dtype=np.float32)
        except (TypeError, ValueError) as err:
            raise TypeError(f"{name} is {describe(x)}; want a numeric array of shape (n, d)") from err
        if out.ndim == 1 or raw.ndim == 1:
            raise ValueError(
                f"{name} is 1-D with shape {raw.shape}; want 2-D (n, d): for a single item write {name}[None, :]"
            )
        if raw.ndim != 2:
            raise ValueError(f"{name} has shape {raw.shape}; want 2-D (n, d)")
        bad_rows = None if np.isfinite(out).all() else ~np.isfinite(out).all(axis=1)
    if not allow_empty and out.shape[0] == 0:
        raise ValueError(f"{name} is empty (shape {out.shape}); want at least one row")
    if out.shape[1] == 0:
        raise ValueError(f"{name} has no columns (shape {out.shape}); want at least one feature")
    if dim is not None and out.shape[1] != dim:
        raise ValueError(f"{name} has {out.shape[1]} columns; want {dim}")
    if rows is not None and out.shape[0] != rows:
        raise ValueError(f"{name} has {out.shape[0]} rows; want {rows}")
    if bad_rows is not None:
        raise ValueError(
            _bad_rows(bad_rows, name, "NaN or infinity", "drop these rows or fix the encoder that made them")
        )
    return out


def check_nonzero_rows(norms: np.ndarray, name: str, metric: str = "cosine") -> None:
    """Refuse zero vectors where a direction is needed: their cosine with anything is undefined."""
    if (zero := norms == 0).any():
        raise ValueError(
            _bad_rows(
                zero,
                name,
                "zero vectors",
                f"{metric} is undefined for them: drop these rows "
                "(for text: none of the words was seen in fitting)",
            )
        )


def as_scores(x: Any, name: str = "scores") -> np.ndarray:
    """Return a score matrix as float ``(n, m)``; ``-inf`` may stand for "never", NaN and ``+inf`` are refused.

    float32 and float64 are kept as they are, everything else becomes float64; either side may be empty.
    """
    try:
        out = np.asarray(x)
        if out.dtype.kind not in "fiub":
            raise TypeError
    except (TypeError, ValueError) as err:
        raise TypeError(f"{name} is {describe(x)}; want a numeric matrix (n, m)") from err
    if out.ndim != 2:
        raise ValueError(f"{name} has shape {out.shape}; want 2-D (n, m): rows are side a, columns side b")
    if out.dtype not in (np.float32, np.float64):
        out = out.astype(np.float64)
    if out.size and not (out < np.inf).all():  # one pass: NaN and +inf both fail this comparison
        bad = np.isnan(out).any(axis=1)
        if bad.any():
            raise ValueError(_bad_rows(bad, name, "NaN", "look for zero vectors or NaN in the features"))
        raise ValueError(
            _bad_rows((out == np.inf).any(axis=1), name, "+inf", "a score must be finite (or -inf for never)")
        )
    return out


def refuse_items(x: Any, name: str, modality: str) -> None:
    """Refuse a whole :class:`~mmalign_nb.datasets.Items` where one of its modalities is meant."""
    if hasattr(x, "modalities"):
        raise TypeError(f"{name} is {x!r}; an encoder wants one modality of it: pass items.{modality}")


def is_number(x: Any) -> bool:
    """Whether this is one finite real number; True and False are none."""
    return isinstance(x, Real) and not isinstance(x, (bool, np.bool_)) and math.isfinite(x)


def as_count(x: Any, name: str) -> int:
    """Return a whole number of at least 1, or say what came instead."""
    if isinstance(x, bool) or not isinstance(x, (int, np.integer)) or x < 1:
        raise ValueError(f"{name} is {x!r}; want a whole number of at least 1")
    return int(x)


def check_same_length(a: Any, b: Any, name_a: str, name_b: str) -> None:
    """Refuse pairs that are not pairs."""
    n, m = (x.shape[0] if hasattr(x, "shape") else len(x) for x in (a, b))
    if n != m:
        raise ValueError(
            f"{name_a} has {n} rows and {name_b} has {m}; want pairs: row i of one belongs to row i of the other"
        )


def check_texts(x: Any, name: str = "texts") -> list[str]:
    """Return a list of strings, or say what came instead."""
    if isinstance(x, str):
        raise TypeError(f"{name} is one str {x[:40]!r}; want a list of str: write [{name}]")
    if getattr(x, "ndim", None) == 1 and hasattr(x, "tolist"):  # an array of str, a column of a table
        x = x.tolist()
    if not isinstance(x, Sequence) or isinstance(x, bytes):
        # Nothing that is read only once, and nothing without an order: texts are read twice, and belong to rows.
        again = f": write list({name})" if hasattr(x, "__next__") else ""
        raise TypeError(f"{name} is {describe(x)}; want a list of str{again}")
    wrong = next((k for k, t in enumerate(x) if not isinstance(t, str)), None)
    if wrong is not None:
        raise TypeError(f"{name} is {describe(x)}, and entry {wrong} is {x[wrong]!r:.40}; want a list of str")
    if len(x) == 0:
        raise ValueError(f"{name} is empty; want at least one text")
    return list(x)


def check_images(x: Any, name: str = "images") -> np.ndarray:
    """Return ``uint8 (n, H, W, 3)`` or ``(n, H, W)``, or say what came instead."""
    if not isinstance(x, np.ndarray):
        kind = (
            "text"
            if isinstance(x, str) or (isinstance(x, (list, tuple)) and len(x) and isinstance(x[0], str))
            else "not an array"
        )
        raise TypeError(
            f"{name} is {kind} ({describe(x)}); want uint8 images of shape (n, H, W, 3) or (n, H, W)"
        )
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] != 3):
        raise ValueError(
            f"{name} has shape {x.shape}; want (n, H, W, 3) or (n, H, W): for one image write {name}[None]"
        )
    if x.dtype != np.uint8:
        raise TypeError(
            f"{name} has dtype {x.dtype}; want uint8 (0 … 255): for floats in [0, 1] use (255 * x).round().astype('uint8')"
        )
    if x.shape[0] == 0:
        raise ValueError(f"{name} is empty (shape {x.shape}); want at least one image")
    return x


def check_audio(x: Any, name: str = "audio") -> np.ndarray:
    """Return ``float32 (n, samples)`` in [-1, 1], or say what came instead."""
    if not isinstance(x, np.ndarray):
        kind = (
            "text"
            if isinstance(x, str) or (isinstance(x, (list, tuple)) and len(x) and isinstance(x[0], str))
            else "not an array"
        )
        raise TypeError(f"{name} is {kind} ({describe(x)}); want float32 sound of shape (n, samples)")
    if x.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {x.dtype}; want float32 in [-1, 1]: for int16 use x / 32768")
    out: np.ndarray = as_matrix(x, name)
    if np.abs(out).max() > 1.0 + 1e-4:
        raise ValueError(f"{name} reaches {np.abs(out).max():.3g}; want samples in [-1, 1]")
    return out
