"""The door: what a reader passes in is looked at here, once, and every error names the argument, what came and what is wanted.

Anything that holds numbers is welcome: NumPy of every dtype and layout, lists, pandas (nullable columns too), tensors,
read-only memory maps. ``as_array`` makes one plain array of it; the other functions ask what that array must be like.
Nothing is rounded on the way in: float32 and float64 stay, whole numbers become floats only where those hold them.
"""

from __future__ import annotations

import math
import operator
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np

__all__ = [
    "as_array",
    "as_audio",
    "as_count",
    "as_floats",
    "as_groups",
    "as_ids",
    "as_images",
    "as_labels",
    "as_matrix",
    "as_number",
    "as_rate",
    "as_scores",
    "as_seed",
    "as_texts",
    "as_threshold",
    "as_vector",
    "as_video",
    "bad_rows",
    "check_nonzero_rows",
    "check_same_length",
    "describe",
    "fit_into",
    "is_missing",
    "is_text",
    "label_codes",
    "missing_rows",
    "one_of",
    "refuse_items",
]


def describe(x: Any) -> str:
    """Say in a few words what an argument is: ``str 'abc'``, ``list of 3``, ``float64 array (2, 3)``."""
    if (
        x is None
        or isinstance(x, (Real, np.bool_))
        or (hasattr(x, "dtype") and getattr(x, "ndim", None) == 0)
    ):
        return f"{x!r}"[:80]
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        kind = (
            "sparse matrix"
            if hasattr(x, "tocsr")
            else "array"
            if isinstance(x, np.ndarray)
            else type(x).__name__
        )
        return f"{x.dtype} {kind} {tuple(x.shape)}"
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
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {value!r}; known: {', '.join(map(repr, known))}")
    return str(value)


# ---- one number


def as_number(
    value: Any,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
    what: str = "a number",
) -> float:
    """Return a finite number in ``low … high`` as float; ``above`` and ``below`` leave the ends out."""
    number = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    ok = isinstance(number, Real) and not isinstance(number, bool) and value is not np.ma.masked
    try:
        ok = ok and math.isfinite(number)
    except OverflowError:  # an int beyond float64
        ok = False
    ok = ok and (number > low if above else number >= low) and (number < high if below else number <= high)
    if not ok:
        least = "" if low == -math.inf else f" above {low:g}" if above else f" of at least {low:g}"
        most = (
            ""
            if high == math.inf
            else f"{' and' if least else ''} {'below' if below else 'at most'} {high:g}"
        )
        raise ValueError(f"{name} is {describe(value)}; want {what}{least}{most}")
    return float(number)


def as_count(value: Any, name: str, least: int = 1, *, none: bool = False) -> Any:
    """Return a whole number of at least ``least`` as int (or None, where ``none`` allows it)."""
    if value is None and none:
        return None
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number < 2**63:
        alternative = ", or None for all" if none else ""
        raise ValueError(f"{name} is {describe(value)}; want a whole number of at least {least}{alternative}")
    return number


def as_threshold(value: Any, name: str = "threshold") -> float:
    """Return a line as float: a number, ±∞ included, or a Threshold, which says in its own words if it abstained."""
    if hasattr(value, "abstained"):
        return float(value)
    number = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{name} is {describe(value)}; want a number or a Threshold")
    try:
        line = float(number)
    except OverflowError as err:  # an int beyond float64
        raise ValueError(
            f"{name} is {number!r:.60}, which no float can hold; want a number or a Threshold"
        ) from err
    if math.isnan(line):
        raise ValueError(f"{name} is NaN; want a number")
    return line


def as_rate(value: Any, name: str = "sample_rate") -> float:
    """Return a sample rate at which a window of 32 ms, half of it a step, holds sound, and fits into memory."""
    return as_number(value, name, 63, 1e7, what="the samples per second, in Hz,")


def as_seed(value: Any, name: str = "seed") -> int:
    """Return a seed that NumPy, torch and scikit-learn all take: a whole number of at least 0 and below 2³²."""
    number: int = as_count(value, name, 0)
    if number >= 2**32:
        raise ValueError(f"{name} is {value!r}; want a whole number below 2**32")
    return number


# ---- arrays of numbers


def is_missing(value: Any) -> bool:
    """Whether a value says that nothing is there: None, NaN, NaT or pandas' NA."""
    try:
        return (
            value is None or value is np.ma.masked or bool(value != value)
        )  # only what is missing differs from itself
    except (
        TypeError,
        ValueError,
        RuntimeError,
    ):  # NA is neither equal nor unequal to anything; an array is not one value
        return np.ndim(value) == 0


def missing_rows(values: Any) -> np.ndarray:
    """Which entries of a sequence are missing: bool ``(n,)``."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuSU":
        return np.zeros(len(values), bool)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fcmM":
        return np.asarray(np.isnan(values) if values.dtype.kind in "fc" else np.isnat(values))
    return np.fromiter((is_missing(v) for v in values), bool, len(values))


def is_text(x: Any) -> bool:
    """Whether this is one text, or a sequence of texts."""
    if isinstance(x, (str, bytes)) or getattr(getattr(x, "dtype", None), "kind", "") in ("U", "S", "T"):
        return True
    return isinstance(x, (list, tuple)) and len(x) > 0 and isinstance(x[0], (str, bytes))


def as_array(x: Any, name: str, want: str) -> np.ndarray:
    """Return whatever holds numbers as a plain NumPy array of bool, int or float, without a digit lost.

    ``want`` says in an error what the argument should be.
    """
    if hasattr(x, "tocsr"):
        raise TypeError(f"{name} is a {describe(x)}; want a dense array: {want}")
    if is_text(x):
        numbers = "encode it first, e.g. with features.TfidfText"
        hint = numbers if "numbers" in want else "if these are names of files, read the files first"
        raise TypeError(f"{name} is text ({describe(x)}); want {want}: {hint}")
    try:
        out = _plain(x)
    except Exception as err:  # a container may fail in any way when it is asked for an array
        ragged = isinstance(err, ValueError) and isinstance(x, (list, tuple))
        detail = " of different lengths" if ragged else ""
        raise (ValueError if ragged else TypeError)(f"{name} is {describe(x)}{detail}; want {want}") from err
    if out.dtype == object:
        out = _numbers(out, name, want)
    if out.dtype.kind == "c":
        raise TypeError(f"{name} has complex numbers ({describe(x)}); want real ones: take .real or abs(…)")
    if out.dtype.kind not in "fiub":
        raise TypeError(f"{name} is {describe(x)}; want {want}")
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        mask = np.atleast_1d(np.ma.getmaskarray(x))
        rows = np.asarray(mask.reshape(len(mask), -1).any(axis=1))
        raise ValueError(
            bad_rows(rows, name, "masked entries", "drop these rows, or fill them with x.filled(…)")
        )
    if not out.dtype.isnative:
        out = out.astype(out.dtype.newbyteorder("="))
    return out


def _plain(x: Any) -> np.ndarray:
    """The values as an array of whatever dtype; tensors leave their device and their graph."""
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        x = x.detach().cpu()
        x = x.float() if str(x.dtype) == "torch.bfloat16" else x
        return np.asarray(x.resolve_conj().resolve_neg().numpy())
    if isinstance(x, (list, tuple)) and any(hasattr(v, "detach") for v in x):
        x = [_plain(v) if hasattr(v, "detach") else v for v in x]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # a masked constant in a list warns and becomes NaN, which is refused below
        return np.asarray(x)


def _numbers(x: np.ndarray, name: str, want: str) -> np.ndarray:
    """Numbers of an object array, as the smallest common dtype that keeps them."""
    flat = x.ravel().tolist()
    if not x.ndim:
        raise TypeError(f"{name} is {describe(flat[0])}; want {want}")
    if any(is_missing(v) for v in flat):
        rows = np.array([any(map(is_missing, np.ravel(row).tolist())) for row in x], bool)
        raise ValueError(bad_rows(rows, name, "missing values", "drop these rows or fill them in"))
    if not all(isinstance(v, (Real, np.bool_)) or hasattr(v, "as_integer_ratio") for v in flat):
        wrong = next(
            v for v in flat if not (isinstance(v, (Real, np.bool_)) or hasattr(v, "as_integer_ratio"))
        )
        raise TypeError(f"{name} holds {describe(wrong)}; want {want}")
    out = np.array(flat)
    if out.dtype == object:  # fractions, decimals, ints beyond 64 bits
        try:
            out = np.array([float(v) for v in flat])
        except OverflowError as err:
            raise ValueError(
                f"{name} has numbers that no float can hold, such as {max(flat, key=abs)!r:.60}"
            ) from err
    return out.reshape(x.shape)


def as_floats(x: np.ndarray, name: str) -> np.ndarray:
    """Return an array from ``as_array`` as float32 or float64, whichever keeps its values."""
    if x.dtype in (np.float32, np.float64):
        return x
    if x.dtype.itemsize <= 2:  # bool, 8 and 16 bits
        return x.astype(np.float32)
    with np.errstate(over="ignore"):
        out = x.astype(np.float64)
    if x.dtype.kind in "iu" and x.dtype.itemsize == 8 and x.size and np.abs(out).max() > 2.0**53:
        raise ValueError(
            f"{name} has whole numbers up to {max(x.max(), -int(x.min()), key=abs)}, more digits than float64 keeps "
            f"(2**53): subtract what they have in common first, e.g. {name} - {name}.min()"
        )
    if x.dtype.kind == "f" and (np.isinf(out) & ~np.isinf(x)).any():
        raise ValueError(
            f"{name} has numbers beyond float64, such as {x[np.isinf(out)][0]}; scale them down first"
        )
    return out


def bad_rows(mask: np.ndarray, name: str, what: str, hint: str) -> str:
    """Say in how many rows something is wrong, and in which first."""
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
    dtype: Any = None,
    hint: str = "drop these rows or fix the encoder that made them",
) -> Any:
    """Return finite numbers as a C-contiguous ``(n, d)`` array (or CSR if ``sparse``): float32 or float64, as they came.

    ``dim`` and ``rows`` are the wanted numbers of columns and rows, if only one is right; ``dtype`` is the wanted one,
    and a number that it cannot hold is refused. ``hint`` says what to do about NaN and infinity.
    """
    want = "numbers of shape (n, d)"
    if hasattr(x, "tocsr"):
        out, bad = _as_csr(x, name, sparse)
    else:
        raw = as_array(x, name, want)
        if raw.ndim == 1:
            raise ValueError(
                f"{name} is 1-D with shape {raw.shape}; want 2-D (n, d). Reshape your data: for a single item write "
                f"{name.split()[0]}[None, :]"
            )
        if raw.ndim != 2:
            raise ValueError(f"{name} has shape {raw.shape}; want 2-D (n, d)")
        out = np.ascontiguousarray(as_floats(raw, name))
        bad = None if np.isfinite(out).all() else ~np.isfinite(out).all(axis=1)
    if not allow_empty and out.shape[0] == 0:
        raise ValueError(f"{name} is empty (shape {out.shape}); want at least one row")
    if out.shape[1] == 0:
        raise ValueError(
            f"{name} has no columns: 0 feature(s) (shape={out.shape}) while a minimum of 1 is required."
        )
    if dim is not None and out.shape[1] != dim:
        raise ValueError(f"{name} has {out.shape[1]} columns; want {dim}")
    if rows is not None and out.shape[0] != rows:
        raise ValueError(f"{name} has {out.shape[0]} rows; want {rows}")
    if bad is not None:
        raise ValueError(bad_rows(bad, name, "NaN or infinity", hint))
    return out if dtype is None else fit_into(out, name, dtype)


def _as_csr(x: Any, name: str, sparse: bool) -> tuple[Any, np.ndarray | None]:
    """A sparse matrix as canonical CSR of float32 or float64, and which rows are not finite."""
    if not sparse:
        raise TypeError(
            f"{name} is a sparse matrix {x.shape}; a dense (n, d) array is wanted here: "
            f"reduce it first, e.g. TfidfText(dim=128)"
        )
    if len(x.shape) != 2:
        raise ValueError(f"{name} is sparse with shape {x.shape}; want 2-D (n, d)")
    if np.dtype(x.dtype).kind not in "fiub":
        raise TypeError(f"{name} is a {describe(x)}; want real numbers")
    from scipy.sparse import csr_array

    out = csr_array(x)
    if not out.has_canonical_format:
        out = out.copy()
        out.sum_duplicates()
    if (data := as_floats(out.data, name)) is not out.data:
        out = csr_array((data, out.indices, out.indptr), out.shape)
    if np.isfinite(out.data).all():
        return out, None
    row_of = np.repeat(np.arange(out.shape[0]), np.diff(out.indptr))
    return out, np.isin(np.arange(out.shape[0]), row_of[~np.isfinite(out.data)])


def fit_into(x: Any, name: str, dtype: Any) -> Any:
    """Return numbers in the wanted precision, or say that it cannot hold them."""
    values = x.data if hasattr(x, "tocsr") else x
    size = float(np.abs(values).max(initial=0))
    if size > float(np.finfo(dtype).max):
        raise ValueError(
            f"{name} has numbers up to {size:.3g}; {np.dtype(dtype)} cannot hold them: scale them down first"
        )
    return x.astype(dtype, copy=False)


def check_nonzero_rows(norms: np.ndarray, name: str, metric: str = "cosine") -> None:
    """Refuse zero vectors where a direction is needed: their cosine with anything is undefined."""
    if (zero := norms == 0).any():
        hint = f"{metric} is undefined for them: drop these rows (for text: none of the words was seen in fitting)"
        raise ValueError(bad_rows(zero, name, "zero vectors", hint))


def as_vector(x: Any, name: str, n: int | None = None, *, want: str = "finite numbers") -> np.ndarray:
    """Return a 1-D sequence of finite numbers as float32 or float64 ``(n,)``."""
    asked = want if n is None else f"{n} {want}"
    out = as_array(x, name, asked)
    if out.ndim != 1 or (n is not None and len(out) != n):
        raise ValueError(f"{name} is {describe(x)}; want {asked}, 1-D")
    out = as_floats(out, name)
    if not np.isfinite(out).all():
        raise ValueError(
            f"{name} has NaN or infinity (first: entry {int(np.argmin(np.isfinite(out)))}); want {asked}"
        )
    return out


def as_scores(
    x: Any, name: str = "scores", *, ndim: tuple[int, ...] = (2,), never: float = -math.inf
) -> np.ndarray:
    """Return scores as float ``(n, m)`` or ``(n,)``; NaN is refused, and infinity but for ``never``: never pair these.

    float32 and float64 are kept as they are; either side may be empty. For distances ``never`` is +∞.
    """
    shapes = {1: "1-D (n,), one per candidate", 2: "2-D (n, m): rows are side a, columns side b"}
    want = " or ".join(shapes[d] for d in ndim)
    out = as_array(x, name, f"numbers, {want}")
    if out.ndim not in ndim:
        raise ValueError(f"{name} has shape {out.shape}; want {want}")
    if out.dtype.itemsize < 4:
        out = out.astype(np.float64)
    out = as_floats(out, name)
    if (
        out.size and not (out < np.inf if never < 0 else out > -np.inf).all()
    ):  # one pass: NaN fails either comparison
        rows = out if out.ndim == 2 else out[:, None]
        if (bad := np.isnan(rows).any(axis=1)).any():
            raise ValueError(bad_rows(bad, name, "NaN", "look for zero vectors or NaN in the features"))
        kind, sign = ("score", "") if never < 0 else ("distance", "-")
        bad = (rows == -never).any(axis=1)
        hint = f"a {kind} must be finite (or {'-' if never < 0 else '+'}inf for never)"
        raise ValueError(bad_rows(bad, name, f"{sign or '+'}inf", hint))
    return out


# ---- names: texts, labels, ids


def _entries(x: Any, name: str, want: str) -> list[Any]:
    """The entries of a sequence that can be read twice and has an order, as Python values."""
    if isinstance(x, (str, bytes)):
        raise TypeError(f"{name} is one {describe(x)}; want {want}: write [{name}]")
    if hasattr(x, "detach") and hasattr(x, "tolist"):
        x = _plain(x)
    if isinstance(x, np.ma.MaskedArray):
        x = list(x)
    if getattr(x, "ndim", 1) != 1 or (hasattr(x, "tocsr") or hasattr(x, "columns")):
        raise ValueError(f"{name} is {describe(x)}; want {want}, 1-D")
    if hasattr(x, "tolist"):  # an array, a column of a table, its index
        return list(x.tolist())
    if not isinstance(x, Sequence):
        # Nothing that is read only once, and nothing without an order: entries belong to rows.
        again = (
            f": write list({name})" if hasattr(x, "__next__") or isinstance(x, (set, frozenset, dict)) else ""
        )
        if hasattr(x, "__array__"):
            return list(np.asarray(x).tolist())
        raise TypeError(f"{name} is {describe(x)}; want {want}{again}")
    return list(x)


_HALF = re.compile(
    "[\ud800-\udfff]"
)  # half a character of UTF-16, as a file name in another encoding has them


def as_texts(x: Any, name: str = "texts", *, allow_empty: bool = False) -> list[str]:
    """Return a list of str from a list, an array or a column of a table; a missing text is refused by its row."""
    texts = _entries(x, name, "a list of str")
    if not all(type(t) is str for t in texts):
        if (gap := missing_rows(texts)).any():
            raise ValueError(
                bad_rows(gap, name, "no text", "drop these items, or write '' for an empty text")
            )
        wrong = next((k for k, t in enumerate(texts) if not isinstance(t, str)), None)
        if wrong is not None:
            raise TypeError(
                f"{name} is {describe(x)}, and entry {wrong} is {texts[wrong]!r:.40}; want a list of str"
            )
        texts = [str(t) for t in texts]
    if not texts and not allow_empty:
        raise ValueError(f"{name} is empty; want at least one text")
    if _HALF.search("".join(texts)):
        wrong = next(k for k, t in enumerate(texts) if _HALF.search(t))
        raise ValueError(
            f"{name} has in row {wrong} {texts[wrong]!r:.60}, which no Unicode text can hold (a file name in another "
            "encoding?); decode it anew, e.g. os.fsencode(…).decode('latin-1')"
        )
    return texts


def _kind(value: Any) -> str:
    """What a label is compared as: numbers equal numbers, words equal words."""
    if isinstance(value, str):
        return "str"
    return "number" if isinstance(value, (Real, np.bool_)) else type(value).__name__


def label_codes(a: Any, b: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides' labels as numbers that are equal where the labels are; a missing label equals none, not even another.

    Words are equal in any Unicode normal form (an é may be one sign or two). Sides whose labels are of different
    kinds, such as ``[1, 2]`` and ``["1", "2"]``, are refused: they would never be equal.
    """
    sides, kinds = [], []
    for x in (a, b):
        labels = _entries(x, name, "labels, one per item")
        gone = missing_rows(labels)
        kind = {_kind(v) for v, g in zip(labels, gone.tolist(), strict=True) if not g}
        if len(kind) > 1:
            raise TypeError(
                f"{name} mixes labels of kinds {' and '.join(sorted(kind))} in {describe(x)}; want one kind"
            )
        if kind == {"str"}:
            labels = [
                v if g else unicodedata.normalize("NFC", v)
                for v, g in zip(labels, gone.tolist(), strict=True)
            ]
        sides.append((labels, gone))
        kinds.append(kind)
    if kinds[0] and kinds[1] and kinds[0] != kinds[1]:
        raise TypeError(
            f"{name} has labels of kind {min(kinds[0])} on side a and of kind {min(kinds[1])} on side b, which are never "
            "equal; want one kind"
        )
    code: dict[Any, int] = {}
    out = []
    for missing, (labels, gone) in zip((-1, -2), sides, strict=True):
        try:
            out.append(
                np.fromiter(
                    (
                        missing if g else code.setdefault(v, len(code))
                        for v, g in zip(labels, gone.tolist(), strict=True)
                    ),
                    np.int64,
                    len(labels),
                )
            )
        except TypeError as err:
            raise TypeError(
                f"{name} has labels that cannot be compared ({err}); want numbers or words"
            ) from err
    return out[0], out[1]


def as_labels(x: Any, name: str) -> np.ndarray:
    """Return one label per item, all of one kind: an array as it is, words as str; a missing one among words is None."""
    codes, _ = label_codes(x, x, name)
    if isinstance(x, np.ndarray) and x.dtype.kind in "biufmMU" and not np.ma.is_masked(x):
        return np.asarray(x)
    labels = _entries(x, name, "labels, one per item")
    whole = (codes >= 0).all()
    out = np.array(labels if whole or not any(isinstance(v, str) for v in labels) else list(codes))
    if out.ndim != 1 or not (
        whole or out.dtype.kind == "f"
    ):  # tuples, which NumPy would take for rows, or gaps
        out = np.empty(len(labels), object)
        out[:] = [None if code < 0 else v for v, code in zip(labels, codes.tolist(), strict=True)]
    return out


def as_groups(x: Any, name: str, n: int, each: str = "item") -> np.ndarray:
    """Return the group of each of n things as 0, 1, … from one label for each; a missing label is a group of its own."""
    codes = label_codes(x, x, name)[0]
    if len(codes) != n:
        raise ValueError(f"{name} has {len(codes)} labels; want {n}, one per {each}")
    out: np.ndarray = np.unique(np.where(codes < 0, n + np.arange(n), codes), return_inverse=True)[1]
    return out


def as_ids(x: Any, name: str, n: int | None = None) -> np.ndarray:
    """Return n ids as they are: all str, or all whole numbers (int64, uint64 where needed)."""
    want = "str or int, one per item" if n is None else f"{n} str or {n} int, one per item"
    ids = _entries(x, name, want)
    if n is not None and len(ids) != n:
        raise ValueError(f"{name} has {len(ids)} entries; want {want}")
    if (gap := missing_rows(ids)).any():
        raise ValueError(bad_rows(gap, name, "no id", f"want {want}"))
    if all(isinstance(v, str) for v in ids):
        out = np.array(ids, dtype=str) if ids else np.empty(0, np.int64)
        if out.tolist() != ids and (lost := [v for v in ids if v.endswith("\0")]):
            raise ValueError(f"{name} has {lost[0]!r}; an id cannot end in a null character")
        return out
    if any(isinstance(v, (bool, np.bool_)) or not isinstance(v, (int, np.integer)) for v in ids):
        raise TypeError(f"{name} is {describe(x)}; want {want}, not a mixture")
    low, high = min(ids), max(ids)
    if low < -(2**63) or high >= 2**64 or (low < 0 and high >= 2**63):
        raise ValueError(f"{name} has ids from {low} to {high}; 64 bits cannot hold them: use str")
    return np.array(ids, np.uint64 if high >= 2**63 else np.int64)


def check_same_length(a: Any, b: Any, name_a: str, name_b: str) -> None:
    """Refuse pairs that are not pairs."""
    n, m = (x.shape[0] if hasattr(x, "shape") else len(x) for x in (a, b))
    if n != m:
        raise ValueError(
            f"{name_a} has {n} rows and {name_b} has {m}; want pairs: row i of one belongs to row i of the other"
        )


# ---- pictures and sounds


def refuse_items(x: Any, name: str, modality: str) -> None:
    """Refuse a whole :class:`~mmalign_nb.datasets.Items` where one of its modalities is meant."""
    if hasattr(x, "modalities"):
        raise TypeError(f"{name} is {x!r}; an encoder wants one modality of it: pass items.{modality}")


def as_images(x: Any, name: str = "images", *, allow_empty: bool = False) -> np.ndarray:
    """Return ``uint8 (n, H, W, 3)`` or ``(n, H, W)``; of anything else the sentence names the conversion that fits it."""
    want = "uint8 images of shape (n, H, W, 3) or (n, H, W)"
    out = as_array(x, name, want)
    it = name if isinstance(x, np.ndarray) else f"np.asarray({name})"
    if out.ndim == 4 and out.shape[3] == 1:
        raise ValueError(f"{name} has shape {out.shape}; want (n, H, W) for grey images: write {it}[..., 0]")
    if out.ndim == 4 and out.shape[3] == 4:
        raise ValueError(f"{name} has shape {out.shape}, with alpha; want (n, H, W, 3): write {it}[..., :3]")
    if out.ndim == 4 and out.shape[3] != 3 and out.shape[1] in (1, 3):
        how = f"{it}[:, 0]" if out.shape[1] == 1 else f"{it}.transpose(0, 2, 3, 1)"
        raise ValueError(
            f"{name} has shape {out.shape}, channels first; want (n, H, W, 3) or (n, H, W): write {how}"
        )
    if out.ndim not in (3, 4) or (out.ndim == 4 and out.shape[3] != 3):
        raise ValueError(
            f"{name} has shape {out.shape}; want (n, H, W, 3) or (n, H, W): for one image write {it}[None]"
        )
    if out.dtype != np.uint8:
        raise TypeError(f"{name} has dtype {out.dtype}; want uint8 (0 … 255): {_to_uint8(out, it)}")
    if out.shape[0] == 0 and not allow_empty:
        raise ValueError(f"{name} is empty (shape {out.shape}); want at least one image")
    if 0 in out.shape[1:]:
        raise ValueError(f"{name} has shape {out.shape}; want at least one pixel")
    return out


def _to_uint8(x: np.ndarray, name: str) -> str:
    """The conversion to uint8 that fits the values that came."""
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if x.dtype == bool:
        return f"write {name} * np.uint8(255)"
    if not (math.isfinite(low) and math.isfinite(high)):
        return "and finite values"
    if low < 0:
        return f"its values run from {low:.4g} to {high:.4g}: bring them to 0 … 255 and round first"
    if x.dtype.kind == "f" and high <= 1:
        return f"for values in [0, 1] write (255 * {name}).round().astype('uint8')"
    if high <= 255:
        return f"its values are in 0 … 255 already: write {name}{'.round()' if x.dtype.kind == 'f' else ''}.astype('uint8')"
    if x.dtype.kind != "f" and high < 2**16:
        return f"for 16 bits write ({name} >> 8).astype('uint8')"
    return f"its values run up to {high:.4g}: scale them to 0 … 255 and round first"


def as_video(x: Any, name: str = "video", *, allow_empty: bool = False) -> np.ndarray:
    """Return ``uint8 (n, T, H, W, 3)``; of anything else the sentence names the conversion that fits it."""
    want = "uint8 video of shape (n, T, H, W, 3)"
    out = as_array(x, name, want)
    it = name if isinstance(x, np.ndarray) else f"np.asarray({name})"
    shape, how = out.shape, ""
    if out.ndim == 4:
        how = f"{it}[None] for one film" if shape[3] == 3 else f"np.stack([{it}] * 3, axis=-1) for grey films"
    elif out.ndim == 5 and shape[4] != 3:
        ways = (
            (shape[4] == 4, f"{it}[..., :3], without alpha"),
            (shape[4] == 1, f"{it}.repeat(3, axis=-1)"),
            (shape[1] == 3, f"{it}.transpose(0, 2, 3, 4, 1)"),
            (shape[2] == 3, f"{it}.transpose(0, 1, 3, 4, 2)"),
        )
        how = next((way for fits, way in ways if fits), "")
    if out.ndim != 5 or shape[4] != 3:
        raise ValueError(f"{name} has shape {shape}; want {want}" + (f": write {how}" if how else ""))
    if out.dtype != np.uint8:
        raise TypeError(f"{name} has dtype {out.dtype}; want uint8 (0 … 255): {_to_uint8(out, it)}")
    if 0 in (shape[1:] if allow_empty else shape):
        raise ValueError(f"{name} is empty (shape {shape}); want at least one film, frame and pixel")
    return out


def as_audio(x: Any, name: str = "audio", *, allow_empty: bool = False) -> np.ndarray:
    """Return ``float32 (n, samples)`` in [-1, 1]; of anything else the sentence names the conversion that fits it."""
    want = "float32 sound of shape (n, samples) in [-1, 1]"
    out = as_array(x, name, want)
    it = name if isinstance(x, np.ndarray) else f"np.asarray({name})"
    if out.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {out.dtype}; want float32 in [-1, 1]: {_to_sound(out, it)}")
    if out.ndim == 2 and out.shape[1] == 2 and out.shape[0] > 2:
        raise ValueError(
            f"{name} has shape {out.shape}: one stereo sound (samples, 2)? want (n, samples): "
            f"write {it}.mean(axis=1)[None]"
        )
    if out.ndim == 3:
        axis = 1 if out.shape[1] <= out.shape[2] else 2
        raise ValueError(
            f"{name} has shape {out.shape}, with channels; want (n, samples): write {it}.mean(axis={axis})"
        )
    sound: np.ndarray = as_matrix(out, name, allow_empty=allow_empty, dtype=np.float32)
    peak = float(np.abs(sound).max(initial=0))
    if peak > 1.0 + 1e-4:
        how = f"a decoded MP3 may: write np.clip({it}, -1, 1), or {it} / {peak:.4g} to keep its shape"
        if peak > 2:
            how = f"for 16-bit samples write {it} / 32768, else divide by the largest value there can be"
        raise ValueError(f"{name} reaches {peak:.4g}; want samples in [-1, 1]: {how}")
    return sound


def _to_sound(x: np.ndarray, name: str) -> str:
    """The conversion to [-1, 1] that fits the dtype that came."""
    if x.dtype == np.uint8:  # 8-bit WAV: silence is 128
        return f"for 8-bit sound write ({name}.astype('float32') - 128) / 128"
    if x.dtype == bool:
        return f"write {name}.astype('float32')"
    if x.dtype.kind == "u":
        half = 2 ** (8 * x.dtype.itemsize - 1)
        return f"write ({name}.astype('float64') - {half}) / {half}"
    return f"for {x.dtype} write ({name} / {2 ** (8 * x.dtype.itemsize - 1)}).astype('float32')"
