"""The door: what a reader passes in is looked at here, once, and every error names the argument, what came and what is wanted.

Anything that holds numbers is welcome: NumPy of every dtype and layout, lists, pandas (nullable columns too), tensors,
read-only memory maps. ``as_array`` makes one plain array of it; the other functions ask what that array must be like.
Nothing is rounded on the way in: float32 and float64 stay, whole numbers become floats only where those hold them.
"""

from __future__ import annotations

import importlib
import math
import operator
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np


def describe(x: Any) -> str:
    """Say in a few words what an argument is: ``str 'abc'``, ``list with 3 entries of int``, ``float64 array (2, 3)``."""
    if getattr(x, "ndim", 0) and hasattr(x, "dtype"):
        kind = "array" if isinstance(x, np.ndarray) else type(x).__name__
        return f"{x.dtype} {'sparse matrix' if hasattr(x, 'tocsr') else kind} {tuple(x.shape)}"
    if isinstance(x, (list, tuple)):
        kinds = list(dict.fromkeys(type(v).__name__ for v in x))
        return f"{type(x).__name__} with {len(x)} entries{' of ' * bool(kinds)}{' and '.join(kinds[:3])}"
    plain = x is None or isinstance(x, (Real, np.bool_)) or hasattr(x, "dtype")
    return f"{x!r}"[:80] if plain else f"{type(x).__name__} {x!r}"[:80]


def need(module: str, who: str, extra: str, package: str = "") -> Any:
    """Import a module of an extra, or say who needs it and how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as err:
        raise ImportError(f'{who} needs {package or module}: pip install "mmalign_nb[{extra}]"') from err


def one_of(value: Any, name: str, known: Iterable[str]) -> str:
    """Return ``value`` if it is one of the ``known`` names, else say which there are."""
    if not isinstance(value, str) or value not in (known := list(known)):
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
    finite: bool = True,
    what: str = "a number",
) -> float:
    """Return a number in ``low … high`` as float; ``above`` and ``below`` leave the ends out, ``finite=False`` lets ±∞ in."""
    number = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    real = isinstance(number, Real) and not isinstance(number, bool) and value is not np.ma.masked
    try:
        out = float(number) if real else math.nan
    except OverflowError:  # an int beyond float64
        out = math.nan
    inside = (out > low if above else out >= low) and (out < high if below else out <= high)  # not so for NaN
    if not inside or (finite and math.isinf(out)):
        least = "" if low == -math.inf else f" above {low:g}" if above else f" of at least {low:g}"
        most = (
            "" if high == math.inf else f"{' and' * bool(least)} {'below' if below else 'at most'} {high:g}"
        )
        error = ValueError if finite or real else TypeError
        came = "NaN" if real and not finite and number != number else describe(value)
        raise error(f"{name} is {came}; want {what}{least}{most}")
    return out


def as_count(value: Any, name: str, least: int = 1, most: int = 2**63 - 1, *, none: bool = False) -> Any:
    """Return a whole number in ``least … most`` as int (or None, where ``none`` allows it)."""
    if value is None and none:
        return None
    try:
        number = least - 1 if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        end = f" and at most {most}" * (number > most) + ", or None for all" * none
        raise ValueError(f"{name} is {describe(value)}; want a whole number of at least {least}{end}")
    return number


def as_threshold(value: Any, name: str = "threshold") -> float:
    """Return a line as float: a number, ±∞ included, or a Threshold, which says in its own words if it abstained."""
    if hasattr(value, "abstained"):
        return float(value)
    return as_number(value, name, finite=False, what="a number or a Threshold")


def as_rate(value: Any, name: str = "sample_rate") -> float:
    """Return a sample rate at which a window of 32 ms, half of it a step, holds sound, and fits into memory."""
    return as_number(value, name, 63, 1e7, what="the samples per second, in Hz,")


def as_seed(value: Any, name: str = "seed") -> int:
    """Return a seed that NumPy, torch and scikit-learn all take: a whole number of at least 0 and below 2³²."""
    return int(as_count(value, name, 0, 2**32 - 1))


# ---- arrays of numbers


def is_missing(value: Any) -> bool:
    """Whether a value says that nothing is there: None, NaN, NaT or pandas' NA."""
    try:  # only what is missing differs from itself
        return value is None or value is np.ma.masked or bool(value != value)
    except (
        TypeError,
        ValueError,
        RuntimeError,
    ):  # NA equals nothing and differs from nothing; an array is no value
        return np.ndim(value) == 0


def missing_rows(values: Any) -> np.ndarray:
    """Which entries of a sequence are missing: bool ``(n,)``."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuSU":
        return np.zeros(len(values), bool)
    return np.fromiter(map(is_missing, values), bool, len(values))


def is_text(x: Any) -> bool:
    """Whether this is one text, or a sequence of texts."""
    first = x[0] if isinstance(x, (list, tuple)) and x else x
    return isinstance(first, (str, bytes)) or getattr(getattr(x, "dtype", None), "kind", "") in (
        "U",
        "S",
        "T",
    )


def as_array(x: Any, name: str, want: str) -> np.ndarray:
    """Return whatever holds numbers as a plain NumPy array of bool, int or float, without a digit lost.

    ``want`` says in an error what the argument should be.
    """
    if hasattr(x, "tocsr"):
        raise TypeError(f"{name} is a {describe(x)}; want a dense array: {want}")
    if is_text(x):
        names = "if these are names of files, read the files first"
        hint = "encode it first, e.g. with features.TfidfText" if "numbers" in want else names
        raise TypeError(f"{name} is text ({describe(x)}); want {want}: {hint}")
    try:
        out = _plain(x)
    except Exception as err:  # a container may fail in any way when it is asked for an array
        ragged = isinstance(err, ValueError) and isinstance(x, (list, tuple))
        detail = " of different lengths" if ragged else ""
        raise (ValueError if ragged else TypeError)(f"{name} is {describe(x)}{detail}; want {want}") from err
    if out.dtype == object:
        out = _numbers(out, name, want)
    if out.dtype.kind not in "fiub":
        came = {"c": "has complex numbers, where .real or abs(…) is real:", "U": "is text in"}.get(
            out.dtype.kind, "is"
        )
        raise TypeError(f"{name} {came} {describe(x)}; want {want}")
    if np.ma.is_masked(x):
        mask: Any = np.atleast_1d(np.ma.getmaskarray(x))
        hint = "drop these rows, or fill them with x.filled(…)"
        raise ValueError(bad_rows(mask.reshape(len(mask), -1).any(axis=1), name, "masked entries", hint))
    return out.astype(out.dtype.newbyteorder("="), copy=False)


def _plain(x: Any) -> np.ndarray:
    """The values as an array of whatever dtype; tensors leave their device and their graph."""
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        x = x.detach().cpu()
        x = x.float() if str(x.dtype) == "torch.bfloat16" else x
        return np.asarray(x.resolve_conj().resolve_neg().numpy())
    if isinstance(x, (list, tuple)) and any(hasattr(v, "detach") for v in x):
        x = [_plain(v) if hasattr(v, "detach") else v for v in x]
    if not isinstance(x, (list, tuple)):
        return np.asarray(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a masked constant in a list warns and becomes NaN: refused below
        return np.asarray(x)


def _numbers(x: np.ndarray, name: str, want: str) -> np.ndarray:
    """Numbers of an object array, as the smallest common dtype that keeps them."""
    flat = x.ravel().tolist()
    other = [
        v
        for v in flat
        if not (isinstance(v, (Real, np.bool_)) or hasattr(v, "as_integer_ratio") or is_missing(v))
    ]
    if other or not x.ndim:
        raise TypeError(f"{name} {'holds' if x.ndim else 'is'} {describe([*other, *flat][0])}; want {want}")
    if any(map(is_missing, flat)):
        rows = np.array([any(map(is_missing, np.ravel(row).tolist())) for row in x], bool)
        raise ValueError(bad_rows(rows, name, "missing values", "drop these rows or fill them in"))
    out = np.array(flat)
    try:  # fractions, decimals, ints beyond 64 bits
        out = np.array(list(map(float, flat))) if out.dtype == object else out
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
    csr = hasattr(x, "tocsr")
    raw = x if csr else as_array(x, name, "numbers of shape (n, d)")
    if len(raw.shape) != 2:
        one, item = len(raw.shape) == 1, f"{name.split()[0]}[None, :]"
        raise ValueError(
            f"{name} {'is 1-D with' if one else 'has'} shape {raw.shape}; want 2-D (n, d)"
            f"{f'. Reshape your data: for a single item write {item}' * one}"
        )
    out: Any = _as_csr(x, name, sparse) if csr else np.ascontiguousarray(as_floats(raw, name))
    if not allow_empty and out.shape[0] == 0:
        raise ValueError(f"{name} is empty (shape {out.shape}); want at least one row")
    if out.shape[1] == 0:
        raise ValueError(
            f"{name} has no columns: 0 feature(s) (shape={out.shape}) while a minimum of 1 is required."
        )
    for what, came, wanted in (("columns", out.shape[1], dim), ("rows", out.shape[0], rows)):
        if wanted not in (None, came):
            raise ValueError(f"{name} has {came} {what}; want {wanted}")
    finite = np.isfinite(out.data if csr else out)
    if not finite.all():
        where = out.tocoo().coords[0][~finite] if csr else np.nonzero(~finite)[0]
        raise ValueError(bad_rows(np.isin(np.arange(out.shape[0]), where), name, "NaN or infinity", hint))
    return out if dtype is None else fit_into(out, name, dtype)


def _as_csr(x: Any, name: str, sparse: bool) -> Any:
    """A sparse matrix as canonical CSR of float32 or float64."""
    if not sparse:
        raise TypeError(
            f"{name} is a sparse matrix {x.shape}; a dense (n, d) array is wanted here: "
            f"reduce it first, e.g. TfidfText(dim=128)"
        )
    from scipy.sparse import csr_array

    out = csr_array(x)
    if not out.has_canonical_format:
        out = out.copy()
        out.sum_duplicates()
    data = as_floats(as_array(out.data, name, "real numbers"), name)
    return out if data is out.data else csr_array((data, out.indices, out.indptr), out.shape)


def fit_into(x: Any, name: str, dtype: Any) -> Any:
    """Return numbers in the wanted precision, or say that it cannot hold them."""
    size = float(np.abs(x.data if hasattr(x, "tocsr") else x).max(initial=0))
    if size > float(np.finfo(dtype).max):
        raise ValueError(
            f"{name} has numbers up to {size:.3g}; {np.dtype(dtype)} cannot hold them: scale them down first"
        )
    return x.astype(dtype, copy=False)


def check_nonzero_rows(norms: np.ndarray, name: str) -> None:
    """Refuse zero vectors where a direction is needed: their cosine with anything is undefined."""
    if (zero := norms == 0).any():
        hint = (
            "cosine is undefined for them: drop these rows (for text: none of the words was seen in fitting)"
        )
        raise ValueError(bad_rows(zero, name, "zero vectors", hint))


def as_vector(x: Any, name: str, n: int | None = None, *, want: str = "finite numbers") -> np.ndarray:
    """Return a 1-D sequence of finite numbers as float32 or float64 ``(n,)``."""
    asked = want if n is None else f"{n} {want}"
    out = as_array(x, name, asked)
    if out.ndim != 1 or (n is not None and len(out) != n):
        raise ValueError(f"{name} is {describe(x)}; want {asked}, 1-D")
    return np.asarray(as_matrix(out[:, None], name, allow_empty=True, hint=f"want {asked}")[:, 0])


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
    out = as_floats(out.astype(np.float64) if out.dtype.itemsize < 4 else out, name)
    fine = out < np.inf if never < 0 else out > -np.inf  # one pass: NaN fails either comparison
    if not fine.all():
        kind, bad, never_is = ("score", "+", "-") if never < 0 else ("distance", "-", "+")
        hint = f"a {kind} must be finite (or {never_is}inf for never): look for zero vectors or NaN in the features"
        rows = np.asarray(~fine.reshape(len(fine), -1).all(axis=1))
        raise ValueError(bad_rows(rows, name, "NaN" if np.isnan(out).any() else f"{bad}inf", hint))
    return out


# ---- names: texts, labels, ids


def _entries(x: Any, name: str, want: str) -> list[Any]:
    """The entries of a sequence that can be read twice and has an order, as Python values."""
    if isinstance(x, (str, bytes)):
        raise TypeError(f"{name} is one {describe(x)}; want {want}: write [{name}]")
    if hasattr(x, "__array__") and not hasattr(x, "tolist"):
        x = np.asarray(x)
    if getattr(x, "ndim", 1) != 1:
        raise ValueError(f"{name} is {describe(x)}; want {want}, 1-D")
    if hasattr(x, "tolist"):  # an array, a column of a table, its index; what is masked comes out as None
        return list(x.tolist())
    if not isinstance(x, Sequence):  # nothing that is read only once, or has no order: entries belong to rows
        again = hasattr(x, "__next__") or isinstance(x, (set, frozenset, dict))
        raise TypeError(f"{name} is {describe(x)}; want {want}{f': write list({name})' * again}")
    return list(x)


# half a character of UTF-16, as a file name in another encoding has them
_HALF = re.compile("[\ud800-\udfff]")


def as_texts(x: Any, name: str = "texts", *, allow_empty: bool = False) -> list[str]:
    """Return a list of str from a list, an array or a column of a table; a missing text is refused by its row."""
    texts = _entries(x, name, "a list of str")
    if not all(isinstance(t, str) for t in texts):
        if (gap := missing_rows(texts)).any():
            raise ValueError(
                bad_rows(gap, name, "no text", "drop these items, or write '' for an empty text")
            )
        wrong = next(k for k, t in enumerate(texts) if not isinstance(t, str))
        raise TypeError(
            f"{name} is {describe(x)}, and entry {wrong} is {texts[wrong]!r:.40}; want a list of str"
        )
    if not texts and not allow_empty:
        raise ValueError(f"{name} is empty; want at least one text")
    if _HALF.search("".join(texts)):
        wrong = next(k for k, t in enumerate(texts) if _HALF.search(t))
        raise ValueError(
            f"{name} has in row {wrong} {texts[wrong]!r:.60}, which no Unicode text can hold (a file name in another "
            "encoding?); decode it anew, e.g. os.fsencode(…).decode('latin-1')"
        )
    return [str(t) for t in texts]


def _kind(value: Any) -> str:
    """What a label is compared as: numbers equal numbers, words equal words."""
    other = "number" if isinstance(value, (Real, np.bool_)) else type(value).__name__
    return "str" if isinstance(value, str) else other


def label_codes(a: Any, b: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides' labels as numbers that are equal where the labels are; a missing label equals none, not even another.

    Words are equal in any Unicode normal form (an é may be one sign or two). Labels of different kinds, such as
    ``[1, 2]`` and ``["1", "2"]``, are refused: they would never be equal.
    """
    code: dict[Any, int] = {}
    kinds: set[str] = set()
    out = []
    for missing, x in ((-1, a), (-2, b)):
        labels = _entries(x, name, "labels, one per item")
        codes = np.full(len(labels), missing)
        for k in np.flatnonzero(~missing_rows(labels)).tolist():
            v = unicodedata.normalize("NFC", labels[k]) if isinstance(labels[k], str) else labels[k]
            kinds.add(_kind(v))
            try:
                codes[k] = code.setdefault(v, len(code))
            except TypeError as err:
                raise TypeError(
                    f"{name} has labels that cannot be compared ({err}); want numbers or words"
                ) from err
        out.append(codes)
    if len(kinds) > 1:
        raise TypeError(
            f"{name} mixes labels of kinds {' and '.join(sorted(kinds))} that are never equal; want one kind"
        )
    return out[0], out[1]


def as_labels(x: Any, name: str) -> np.ndarray:
    """Return one label per item, all of one kind: an array as it is, words as str; a missing one among words is None."""
    codes, _ = label_codes(x, (), name)
    if isinstance(x, np.ndarray) and x.dtype.kind in "biufmMU" and not np.ma.is_masked(x):
        return np.asarray(x)
    labels = _entries(x, name, "labels, one per item")
    out = np.array(labels)
    # tuples, which NumPy would take for rows, or gaps
    if out.ndim != 1 or not ((codes >= 0).all() or out.dtype.kind == "f"):
        out = np.empty(len(labels), object)
        out[:] = [None if code < 0 else v for v, code in zip(labels, codes.tolist(), strict=True)]
    return out


def as_groups(x: Any, name: str, n: int, each: str = "item") -> np.ndarray:
    """Return the group of each of n things as 0, 1, … from one label for each; a missing label is a group of its own."""
    codes = label_codes(x, (), name)[0]
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
    ways = {
        (-1, -1, -1, 1): "{}[..., 0] for grey images",
        (-1, -1, -1, 4): "{}[..., :3], without alpha",
        (-1, 1, -1, -1): "{}[:, 0], since channels are first",
        (-1, 3, -1, -1): "{}.transpose(0, 2, 3, 1), since channels are first",
        (-1, -1): "{}[None] for one image",
    }
    return _pixels(
        x,
        name,
        "uint8 images of shape (n, H, W, 3) or (n, H, W)",
        ((-1, -1, -1, 3), (-1, -1, -1)),
        ways,
        allow_empty,
    )


def _to_uint8(x: np.ndarray, name: str) -> str:
    """The conversion to uint8 that fits the values that came."""
    low, high, real = float(x.min(initial=0)), float(x.max(initial=0)), x.dtype.kind == "f"
    ways = (
        (x.dtype == bool, f"write {name} * np.uint8(255)"),
        (not (math.isfinite(low) and math.isfinite(high)), "and finite values"),
        (low < 0, f"its values run from {low:.4g} to {high:.4g}: bring them to 0 … 255 and round first"),
        (real and high <= 1, f"for values in [0, 1] write (255 * {name}).round().astype('uint8')"),
        (high <= 255, f"its values are in 0 … 255 already: write {name}{'.round()' * real}.astype('uint8')"),
        (not real and high < 2**16, f"for 16 bits write ({name} >> 8).astype('uint8')"),
        (True, f"its values run up to {high:.4g}: scale them to 0 … 255 and round first"),
    )
    return next(way for fits, way in ways if fits)


def as_video(x: Any, name: str = "video", *, allow_empty: bool = False) -> np.ndarray:
    """Return ``uint8 (n, T, H, W, 3)``; of anything else the sentence names the conversion that fits it."""
    ways = {
        (-1, -1, -1, 3): "{}[None] for one film",
        (-1, -1, -1, -1): "np.stack([{}] * 3, axis=-1) for grey films",
        (-1, -1, -1, -1, 4): "{}[..., :3], without alpha",
        (-1, -1, -1, -1, 1): "{}.repeat(3, axis=-1)",
        (-1, 3, -1, -1, -1): "{}.transpose(0, 2, 3, 4, 1)",
        (-1, -1, 3, -1, -1): "{}.transpose(0, 1, 3, 4, 2)",
    }
    return _pixels(x, name, "uint8 video of shape (n, T, H, W, 3)", ((-1, -1, -1, -1, 3),), ways, allow_empty)


def _pixels(
    x: Any,
    name: str,
    want: str,
    right: tuple[tuple[int, ...], ...],
    ways: dict[tuple[int, ...], str],
    allow_empty: bool,
) -> np.ndarray:
    """Return uint8 of a right shape, or name the way to it; in a shape −1 is any length."""
    out = as_array(x, name, want)
    it = name if isinstance(x, np.ndarray) else f"np.asarray({name})"

    def fits(form: tuple[int, ...]) -> bool:
        return len(form) == out.ndim and all(f in (-1, n) for f, n in zip(form, out.shape, strict=True))

    if not any(map(fits, right)):
        how = next((f": write {way.format(it)}" for form, way in ways.items() if fits(form)), "")
        raise ValueError(f"{name} has shape {out.shape}; want {want}{how}")
    if out.dtype != np.uint8:
        raise TypeError(f"{name} has dtype {out.dtype}; want uint8 (0 … 255): {_to_uint8(out, it)}")
    if 0 in (out.shape[1:] if allow_empty else out.shape):
        came = "has" if len(out) else "is empty:"
        raise ValueError(f"{name} {came} shape {out.shape}; want at least one pixel in at least one item")
    return out


def as_audio(x: Any, name: str = "audio", *, allow_empty: bool = False) -> np.ndarray:
    """Return ``float32 (n, samples)`` in [-1, 1]; of anything else the sentence names the conversion that fits it."""
    out = as_array(x, name, "float32 sound of shape (n, samples) in [-1, 1]")
    it = name if isinstance(x, np.ndarray) else f"np.asarray({name})"
    if out.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {out.dtype}; want float32 in [-1, 1]: {_to_sound(out, it)}")
    if out.ndim == 3 or (out.ndim == 2 and out.shape[1] == 2 < out.shape[0]):
        axis = 2 if out.ndim == 3 and out.shape[1] > out.shape[2] else 1
        what, one = ("one stereo sound (samples, 2)?", "[None]") if out.ndim == 2 else ("with channels", "")
        raise ValueError(
            f"{name} has shape {out.shape}: {what}; want (n, samples): write {it}.mean(axis={axis}){one}"
        )
    sound: np.ndarray = as_matrix(out, name, allow_empty=allow_empty, dtype=np.float32)
    peak = float(np.abs(sound).max(initial=0))
    if peak > 1.0 + 1e-4:
        how = (
            f"for 16-bit samples write {it} / 32768, else divide by the largest value there can be"
            if peak > 2
            else f"a decoded MP3 may: write np.clip({it}, -1, 1), or {it} / {peak:.4g} to keep its shape"
        )
        raise ValueError(f"{name} reaches {peak:.4g}; want samples in [-1, 1]: {how}")
    return sound


def _to_sound(x: np.ndarray, name: str) -> str:
    """The conversion to [-1, 1] that fits the dtype that came."""
    half = 2 ** (8 * x.dtype.itemsize - 1)  # of an unsigned one this is silence
    if x.dtype.kind in "bi":
        return f"for {x.dtype} write ({name} / {half if x.dtype.kind == 'i' else 1}).astype('float32')"
    kind, size = ("8-bit sound", 32) if half == 128 else (x.dtype, 64)
    return f"for {kind} write ({name}.astype('float{size}') - {half}) / {half}"


def is_frozen(part: Any) -> bool:
    """Whether an encoder is as it will be: it came fitted, or cannot be fitted at all."""
    from sklearn.exceptions import NotFittedError
    from sklearn.frozen import FrozenEstimator
    from sklearn.utils.validation import check_is_fitted

    if isinstance(part, FrozenEstimator) or not (hasattr(part, "fit") and hasattr(part, "get_params")):
        return True
    try:
        check_is_fitted(part)
    except NotFittedError:
        return False
    return True
