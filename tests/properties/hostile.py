"""Hostile values for every public function, and the oracle that judges what comes of them.

A *call* is a public function with good small arguments, each of a *kind* (matrix, scores, texts, count, …). For a kind
there are *twins*, the same values in another dress (dtype, layout, container), and *defects* (a missing value, text for
numbers, a ragged list, …). A case takes one call, dresses or spoils one of its arguments, and asks:

* a twin gives the answer of the plain argument;
* a defect gives a ValueError or TypeError that names the argument. Where a defect may make sense after all ("may"),
  an answer will do, without a NaN in it;
* never anything else: no other exception, no warning, nothing on stderr, no changed argument, no more than 5 seconds.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import io
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

SECONDS = 5


class Hang(BaseException):
    """A case took too long."""


@dataclasses.dataclass(frozen=True)
class Change:
    """One way to dress or spoil a value: ``make(value, rng)``; None says that it does not apply to this value."""

    name: str
    make: Callable[[Any, np.random.Generator], Any]
    verdict: str = "same"  # "same": a twin; "refused": an error that names it; "may": either, but no NaN


@dataclasses.dataclass(frozen=True)
class Call:
    """A public function with good arguments and the kind of each; ``names`` are what else an error may call one."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    kinds: dict[str, str]
    names: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    skip: frozenset[tuple[str, str]] = (
        frozenset()
    )  # (argument, change) that mean something else here, with a reason


# ---- twins and defects of each kind


def _cast(dtype: str) -> Callable[[Any, Any], Any]:
    def make(x: Any, rng: Any) -> Any:
        with np.errstate(all="ignore"):
            out = np.asarray(x).astype(dtype)
        return out if np.array_equal(out.astype(np.float64), np.asarray(x, np.float64)) else None

    return make


def _strided(x: Any, rng: Any) -> Any:
    wide = np.repeat(np.asarray(x), 2, axis=-1)
    return wide[..., ::2]


def _read_only(x: Any, rng: Any) -> Any:
    out = np.array(x)
    out.setflags(write=False)
    return out


def _mapped(x: Any, rng: Any) -> Any:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, np.asarray(x))
        file.flush()
        return np.load(file.name, mmap_mode="r")


def _tensor(grad: bool) -> Callable[[Any, Any], Any]:
    def make(x: Any, rng: Any) -> Any:
        import torch

        array = np.ascontiguousarray(x)
        if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8 or (grad and array.dtype.kind != "f"):
            return None
        out = torch.tensor(array)
        return out.requires_grad_() if grad else out

    return make


def _object(x: Any, rng: Any) -> Any:
    return np.asarray(x).astype(object)


def _frame(dtype: str | None) -> Callable[[Any, Any], Any]:
    def make(x: Any, rng: Any) -> Any:
        array = np.asarray(x)
        if array.ndim not in (1, 2) or array.dtype.kind not in "fiu":
            return None
        made = pd.Series(array) if array.ndim == 1 else pd.DataFrame(array)
        return made.astype(dtype) if dtype else made

    return make


def _with(value: Any, dtype: Any = None) -> Callable[[Any, Any], Any]:
    """Put a value at a random place."""

    def make(x: Any, rng: Any) -> Any:
        array = np.array(x, dtype=dtype or np.asarray(x).dtype)
        if not array.size:
            return None
        array.ravel()[rng.integers(array.size)] = value
        return array

    return make


def _masked(hide: bool) -> Callable[[Any, Any], Any]:
    def make(x: Any, rng: Any) -> Any:
        out = np.ma.masked_array(np.array(x), mask=False)
        if hide:
            if not out.size:
                return None
            mask = np.zeros(out.size, bool)
            mask[rng.integers(out.size)] = True
            out.mask = mask.reshape(out.shape)
        return out

    return make


def _ragged(x: Any, rng: Any) -> Any:
    rows = np.asarray(x).tolist()
    if len(rows) < 2 or not isinstance(rows[0], list):
        return None
    rows[-1] = rows[-1][:-1]
    return rows


def _missing_frame(x: Any, rng: Any) -> Any:
    made = _frame("Float64")(x, rng)
    if made is None or not made.size:
        return None
    where = int(rng.integers(len(made)))
    made.iloc[(where, 0) if made.ndim == 2 else where] = pd.NA
    return made


def _list_with(value: Any) -> Callable[[Any, Any], Any]:
    def make(x: Any, rng: Any) -> Any:
        out = np.asarray(x).tolist() if not isinstance(x, list) else list(x)
        if not out:
            return None
        row = out[int(rng.integers(len(out)))]
        if isinstance(row, list):
            row[int(rng.integers(len(row)))] = value
        else:
            out[int(rng.integers(len(out)))] = value
        return out

    return make


def _const(value: Any) -> Callable[[Any, Any], Any]:
    return lambda x, rng: value


def _generator(x: Any, rng: Any) -> Any:
    return (row for row in list(x))


NUMBER_TWINS = [
    *(
        Change(d, _cast(d))
        for d in ("f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f4", ">f8", ">i4")
    ),
    Change("Fortran order", lambda x, rng: np.asfortranarray(x)),
    Change("strided", _strided),
    Change("reversed twice", lambda x, rng: np.ascontiguousarray(np.asarray(x)[::-1])[::-1]),
    Change("read-only", _read_only),
    Change("memory map", _mapped),
    Change("list", lambda x, rng: np.asarray(x).tolist()),
    Change("list of rows", lambda x, rng: list(np.asarray(x)) if np.ndim(x) > 1 else None),
    Change("object array", _object),
    Change("pandas", _frame(None)),
    Change("pandas nullable", _frame("Float64")),
    Change(
        "pandas Int64",
        lambda x, rng: (
            _frame("Int64")(x, rng)
            if np.all(np.asarray(x) == np.round(x)) and np.all(np.isfinite(x))
            else None
        ),
    ),
    Change("tensor", _tensor(False)),
    Change("tensor with grad", _tensor(True)),
    Change("unmasked masked array", _masked(False)),
]
NUMBER_DEFECTS = [
    Change("NaN", _with(np.nan, float), "refused"),
    Change("None in a list", _list_with(None), "refused"),
    Change("pd.NA in a frame", _missing_frame, "refused"),
    Change("NaT in a list", _list_with(pd.NaT), "refused"),
    Change("masked", _masked(True), "refused"),
    Change("masked constant", _list_with(np.ma.masked), "refused"),
    Change("complex", lambda x, rng: np.asarray(x) + 1j, "refused"),
    Change("complex in an object array", lambda x, rng: _object(np.asarray(x) + 1j, rng), "refused"),
    Change("ragged", _ragged, "refused"),
    Change("text", _const("a cat"), "refused"),
    Change("texts", lambda x, rng: [str(v) for v in np.ravel(x)[:3]], "refused"),
    Change("array of text", lambda x, rng: np.asarray(x).astype(str), "refused"),
    Change("word in a list", _list_with("cat"), "refused"),
    Change("bytes", _const(b"abc"), "refused"),
    Change("dict", _const({"a": 1}), "refused"),
    Change("set", _const({1.0, 2.0}), "refused"),
    Change("generator", _generator, "refused"),
    Change("one number", _const(3.5), "refused"),
    Change("an object", lambda x, rng: object(), "refused"),
    Change("one more axis", lambda x, rng: np.asarray(x)[None, None], "refused"),
    Change("dates", lambda x, rng: np.zeros(np.shape(x), "datetime64[s]"), "refused"),
    Change("record array", lambda x, rng: np.zeros(len(x), dtype=[("a", "f8"), ("b", "f8")]), "refused"),
    Change("a class", _const(dict), "refused"),
]
FINITE_DEFECTS = [
    Change("inf", _with(np.inf, float), "refused"),
    Change("-inf", _with(-np.inf, float), "refused"),
    Change("1e200", _with(1e200, float), "may"),
    Change("-1e300", _with(-1e300, float), "may"),
    Change("1e-300", _with(1e-300, float), "may"),
    Change("2**63", _list_with(2**63), "may"),
    Change("10**400", _list_with(10**400), "refused"),
    Change("far from 0", lambda x, rng: np.asarray(x, float) + 1.7e9, "may"),
    Change("all equal", lambda x, rng: np.ones(np.shape(x)), "may"),
    Change("all zero", lambda x, rng: np.zeros(np.shape(x)), "may"),
    Change("sparse", lambda x, rng: sp.csr_array(np.asarray(x, float)) if np.ndim(x) == 2 else None, "may"),
    Change(
        "complex sparse",
        lambda x, rng: sp.csr_array(np.asarray(x) + 1j) if np.ndim(x) == 2 else None,
        "refused",
    ),
    Change(
        "sparse with NaN",
        lambda x, rng: sp.csr_array(_with(np.nan, float)(x, rng)) if np.ndim(x) == 2 else None,
        "refused",
    ),
    Change("fewer rows", lambda x, rng: np.asarray(x)[:-1], "may"),
    Change("no rows", lambda x, rng: np.asarray(x)[:0], "may"),
]
SCORE_DEFECTS = [
    Change("+inf", _with(np.inf, float), "refused"),
    Change("never", _with(-np.inf, float), "may"),
    Change("all never", lambda x, rng: np.full(np.shape(x), -np.inf), "may"),
    Change("1e200", _with(1e200, float), "may"),
    Change("-1e308", _with(-1e308, float), "may"),
    Change("1e-310", _with(1e-310, float), "may"),
    Change("all equal", lambda x, rng: np.ones(np.shape(x)), "may"),
    Change("no rows", lambda x, rng: np.asarray(x)[:0], "may"),
    Change("no columns", lambda x, rng: np.asarray(x)[:, :0] if np.ndim(x) == 2 else None, "may"),
    Change("sparse", lambda x, rng: sp.csr_array(np.asarray(x)) if np.ndim(x) == 2 else None, "refused"),
]
MATRIX_ONLY = [
    Change("1-D", lambda x, rng: np.asarray(x).ravel(), "refused"),
    Change("no columns", lambda x, rng: np.asarray(x)[:, :0], "refused"),
    Change("one column less", lambda x, rng: np.asarray(x)[:, :-1], "may"),
]


def _spell(kind: str) -> Callable[[Any, Any], Any]:
    return {
        "tuple": lambda x, rng: tuple(x),
        "array": lambda x, rng: np.array(x),
        "object array": lambda x, rng: np.array(x, dtype=object),
        "Series": lambda x, rng: pd.Series(x, index=range(5, 5 + len(x))),
        "object Series": lambda x, rng: pd.Series(x, dtype=object),
        "Index": lambda x, rng: pd.Index(x),
        "Categorical": lambda x, rng: pd.Categorical(x),
        "category Series": lambda x, rng: pd.Series(pd.Categorical(x)),
        "NumPy scalars": lambda x, rng: list(np.array(x)),
    }[kind]


NAME_TWINS = [
    Change(k, _spell(k))
    for k in (
        "tuple",
        "array",
        "object array",
        "Series",
        "object Series",
        "Index",
        "Categorical",
        "category Series",
        "NumPy scalars",
    )
]
TEXT_DEFECTS = [
    Change("one text", _const("a cat"), "refused"),
    Change("None inside", _list_with(None), "refused"),
    Change("NaN inside", _list_with(float("nan")), "refused"),
    Change("NA inside", _list_with(pd.NA), "refused"),
    Change("a number inside", _list_with(3), "refused"),
    Change("bytes inside", _list_with(b"cat"), "refused"),
    Change("nested", lambda x, rng: [list(x)], "refused"),
    Change("2-D", lambda x, rng: np.array([x, x]), "refused"),
    Change("frame", lambda x, rng: pd.DataFrame({"a": x}), "refused"),
    Change("generator", _generator, "refused"),
    Change("set", lambda x, rng: set(x), "refused"),
    Change("dict", lambda x, rng: dict.fromkeys(x), "refused"),
    Change("numbers", lambda x, rng: list(range(len(x))), "refused"),
    Change("None", _const(None), "may"),
    Change("a number", _const(3), "refused"),
    Change("one more", lambda x, rng: [*x, "one more"], "may"),
    Change("none at all", lambda x, rng: [], "may"),
    Change("markup", lambda x, rng: [f"<b>{v}</b> $x_1$ & \\alpha ${{" for v in x], "may"),
    Change("empty words", lambda x, rng: ["" for _ in x], "may"),
    Change("other scripts", lambda x, rng: [f"किताब ספר İ e\u0301 {v} ❤" for v in x], "may"),
]
LABEL_DEFECTS = [
    Change("None inside", _list_with(None), "may"),
    Change("NaN inside", _list_with(float("nan")), "may"),
    Change("NA inside", _list_with(pd.NA), "may"),
    Change("mixed kinds", lambda x, rng: [1, *list(x)[1:]], "refused"),
    Change("nested", lambda x, rng: [[v] for v in x], "refused"),
    Change("one text", _const("cat"), "refused"),
    Change("a number", _const(3), "refused"),
    Change("one less", lambda x, rng: list(x)[:-1], "refused"),
]
ID_DEFECTS = [
    Change("None inside", _list_with(None), "refused"),
    Change("NaN inside", _list_with(float("nan")), "refused"),
    Change("mixed kinds", lambda x, rng: [1, *list(x)[1:]], "refused"),
    Change("twice", lambda x, rng: [next(iter(x)), *list(x)[:-1]], "refused"),
    Change("floats", lambda x, rng: [v + 0.5 for v in range(len(x))], "refused"),
    Change("bools", lambda x, rng: [True] * len(x), "refused"),
    Change("one less", lambda x, rng: list(x)[:-1], "refused"),
    Change("one text", _const("cat"), "refused"),
    Change("2-D", lambda x, rng: np.array([x, x]), "refused"),
    Change("big ints", lambda x, rng: [2**63 + v for v in range(len(x))], "may"),
    Change("too big ints", lambda x, rng: [2**64 + v for v in range(len(x))], "refused"),
    Change("ends in null", lambda x, rng: [f"{v}\0" for v in x], "refused"),
]
COUNT_TWINS = [
    Change("np.int8", lambda x, rng: np.int8(x)),
    Change("np.int64", lambda x, rng: np.int64(x)),
    Change("np.uint16", lambda x, rng: np.uint16(x)),
    Change("0-d array", lambda x, rng: np.array(x)),
]
COUNT_DEFECTS = [
    Change("-1", _const(-1), "refused"),
    Change("1.5", _const(1.5), "refused"),
    Change("NaN", _const(float("nan")), "refused"),
    Change("inf", _const(float("inf")), "refused"),
    Change("text", _const("3"), "refused"),
    Change("True", _const(True), "refused"),
    Change("list", lambda x, rng: [x], "refused"),
    Change("float", lambda x, rng: float(x) + 0.25, "refused"),
    Change("complex", _const(1j), "refused"),
    Change("array", _const(np.array([1, 2])), "refused"),
    Change("None", _const(None), "may"),
    Change("0", _const(0), "may"),
    Change("10**30", _const(10**30), "may"),
]
NUMBER_TWINS_SCALAR = [
    Change("np.float64", lambda x, rng: np.float64(x)),
    Change("0-d array", lambda x, rng: np.array(float(x))),
    Change("np.float32", lambda x, rng: np.float32(x) if float(np.float32(x)) == x else None),
]
NUMBER_DEFECTS_SCALAR = [
    Change("NaN", _const(float("nan")), "refused"),
    Change("text", _const("0.5"), "refused"),
    Change("list", lambda x, rng: [x], "refused"),
    Change("complex", _const(1j), "refused"),
    Change("array", _const(np.array([0.5, 0.5])), "refused"),
    Change("an object", lambda x, rng: object(), "refused"),
    Change("True", _const(True), "refused"),
    Change("inf", _const(float("inf")), "may"),
    Change("-1e300", _const(-1e300), "may"),
    Change("10**400", _const(10**400), "may"),
    Change("None", _const(None), "may"),
]
CHOICE_DEFECTS = [
    Change("unknown word", _const("hamilton"), "refused"),
    Change("upper case", lambda x, rng: x.upper() if x.upper() != x else None, "may"),
    Change("number", _const(3), "refused"),
    Change("None", _const(None), "refused"),
    Change("list", lambda x, rng: [x], "refused"),
    Change("array", lambda x, rng: np.array([x, x]), "refused"),
    Change("empty", _const(""), "refused"),
]
IMAGE_TWINS = [
    Change("Fortran order", lambda x, rng: np.asfortranarray(x)),
    Change("strided", lambda x, rng: np.repeat(x, 2, axis=0)[::2]),
    Change("read-only", _read_only),
    Change("memory map", _mapped),
    Change("tensor", _tensor(False)),
    Change("list of images", lambda x, rng: list(x)),
]
IMAGE_DEFECTS = [
    Change("0 … 1 floats", lambda x, rng: (x / 255).astype(np.float32), "refused"),
    Change("0 … 255 floats", lambda x, rng: x.astype(float), "refused"),
    Change("int32", lambda x, rng: x.astype(np.int32), "refused"),
    Change("uint16", lambda x, rng: x.astype(np.uint16) * 257, "refused"),
    Change("bool", lambda x, rng: x > 99, "refused"),
    Change("one axis more", lambda x, rng: x[..., None], "refused"),
    Change(
        "with alpha",
        lambda x, rng: np.concatenate([x, x[..., :1]], axis=-1) if x.ndim == 4 else None,
        "refused",
    ),
    Change("channels first", lambda x, rng: np.moveaxis(x, -1, 1) if x.ndim == 4 else None, "refused"),
    Change("one image", lambda x, rng: x[0, 0], "refused"),
    Change("no pixels", lambda x, rng: x[:, :0], "refused"),
    Change("masked", _masked(True), "refused"),
    Change("text", _const("a.png"), "refused"),
    Change("complex", lambda x, rng: x + 1j, "refused"),
    Change("dict", _const({}), "refused"),
    Change("a number", _const(3), "refused"),
    Change("none at all", lambda x, rng: x[:0], "may"),
]
AUDIO_TWINS = [
    *(Change(d, _cast(d)) for d in ("f4", "f8", "g", ">f4")),
    Change("Fortran order", lambda x, rng: np.asfortranarray(x)),
    Change("read-only", _read_only),
    Change("memory map", _mapped),
    Change("tensor", _tensor(False)),
    Change("list of sounds", lambda x, rng: list(x)),
]
AUDIO_DEFECTS = [
    Change("int16", lambda x, rng: (x * 32767).astype(np.int16), "refused"),
    Change("int32", lambda x, rng: (x * 2**30).astype(np.int32), "refused"),
    Change("uint8", lambda x, rng: ((x + 1) * 127).astype(np.uint8), "refused"),
    Change("peaks above 1", lambda x, rng: x * 2.3, "refused"),
    Change("stereo", lambda x, rng: np.stack([x, x], axis=-1), "refused"),
    Change("one sound", lambda x, rng: x[0], "refused"),
    Change("NaN", _with(np.nan, float), "refused"),
    Change("inf", _with(np.inf, float), "refused"),
    Change("masked", _masked(True), "refused"),
    Change("complex", lambda x, rng: x + 1j, "refused"),
    Change("text", _const("a.wav"), "refused"),
    Change("no samples", lambda x, rng: x[:, :0], "refused"),
    Change("none at all", lambda x, rng: x[:0], "may"),
    Change("silence", lambda x, rng: np.zeros_like(x), "may"),
]
CHANGES: dict[str, list[Change]] = {
    "matrix": NUMBER_TWINS + NUMBER_DEFECTS + FINITE_DEFECTS + MATRIX_ONLY,
    "frames": NUMBER_TWINS + NUMBER_DEFECTS + FINITE_DEFECTS,
    "vector": NUMBER_TWINS + NUMBER_DEFECTS + FINITE_DEFECTS,
    "scores": NUMBER_TWINS + NUMBER_DEFECTS + SCORE_DEFECTS + MATRIX_ONLY[:1],
    "distances": NUMBER_TWINS
    + NUMBER_DEFECTS
    + [Change("-inf", _with(-np.inf, float), "refused"), Change("never", _with(np.inf, float), "may")],
    "candidates": NUMBER_TWINS + NUMBER_DEFECTS + SCORE_DEFECTS,
    "texts": NAME_TWINS + TEXT_DEFECTS,
    "labels": NAME_TWINS + LABEL_DEFECTS,
    "ids": NAME_TWINS + ID_DEFECTS,
    "images": IMAGE_TWINS + IMAGE_DEFECTS,
    "audio": AUDIO_TWINS + AUDIO_DEFECTS,
    "places": [
        c
        for c in NUMBER_TWINS
        if not c.name.strip("<>").startswith(("f", "g"))
        and c.name not in ("tensor with grad", "pandas nullable")
    ]
    + [c for c in NUMBER_DEFECTS if c.name != "a class"],
    "count": COUNT_TWINS + COUNT_DEFECTS,
    "number": NUMBER_TWINS_SCALAR + NUMBER_DEFECTS_SCALAR,
    "seed": COUNT_TWINS + COUNT_DEFECTS,
    "choice": CHOICE_DEFECTS,
}


# ---- the oracle


def plain(x: Any) -> Any:
    """An answer as nested tuples of arrays and Python values, to be compared."""
    if isinstance(x, (str, bytes, bool, int, float, type(None))):
        return x
    if isinstance(x, np.generic):
        return x.item()
    if hasattr(x, "tocsr"):
        return x.toarray()
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, dict):
        return tuple((k, plain(v)) for k, v in x.items())
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return tuple(plain(getattr(x, f.name)) for f in dataclasses.fields(x))
    if isinstance(x, (list, tuple)):
        return tuple(plain(v) for v in x)
    if isinstance(x, pd.DataFrame):
        return tuple((c, x[c].to_numpy()) for c in x.columns)
    return repr(x)[:2000]


def alike(a: Any, b: Any) -> bool:
    """Whether two answers agree, up to rounding of float32."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape:
            return False
        if a.dtype.kind in "fc" or b.dtype.kind in "fc":
            return bool(np.allclose(a.astype(float), b.astype(float), rtol=1e-4, atol=1e-5, equal_nan=True))
        return bool((a == b).all())
    if isinstance(a, float) or isinstance(b, float):
        return bool(np.isclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True))
    return bool(a == b)


def has_nan(x: Any) -> bool:
    if isinstance(x, tuple):
        return any(has_nan(v) for v in x)
    if isinstance(x, np.ndarray):
        return bool(x.dtype.kind == "f" and np.isnan(x).any())
    return isinstance(x, float) and x != x


def _snapshot(x: Any) -> Any:
    if isinstance(
        x, (pd.Series, pd.DataFrame, pd.Index)
    ):  # a look at one fills its caches, which pickle would show
        return repr(x), x.dtypes if isinstance(x, pd.DataFrame) else x.dtype
    try:
        return pickle.dumps(x)
    except Exception:
        return None


def _equal(a: Any, b: Any) -> bool:
    return a == b if isinstance(a, bytes) else a[0] == b[0] and bool(np.all(a[1] == b[1]))


@contextlib.contextmanager
def _within(seconds: int):
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise Hang

    # Seconds of this process, since the machine may be busy with others; and twenty times as long by the clock.
    clocks = (
        (signal.ITIMER_PROF, signal.SIGPROF, seconds),
        (signal.ITIMER_REAL, signal.SIGALRM, 20 * seconds),
    )
    before = [signal.signal(number, stop) for _, number, _ in clocks]
    for timer, _, limit in clocks:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(clocks, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def run(call: Call, arguments: dict[str, Any]) -> tuple[str, Any]:
    """Call; return ("answer", value), ("error", exception), or what is wrong whatever came in: ("fault", words)."""
    err = io.StringIO()
    before = {k: _snapshot(v) for k, v in arguments.items()}
    try:
        with _within(SECONDS), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message=".*torch.distributed.reduce_op.*")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="gensim.*")
            warnings.filterwarnings("ignore", message=".*swigvarlink.*")
            out = ("answer", plain(call.function(**arguments)))
    except (ValueError, TypeError) as error:
        out = ("error", error)
    except Hang:
        return "fault", f"hangs: more than {SECONDS} s"
    except Warning as warning:
        return "fault", f"warns: {type(warning).__name__}: {warning}"
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        return (
            "fault",
            f"raises {type(error).__name__}: {error} ({line.filename.rsplit('/', 2)[-1]}:{line.lineno})",
        )
    if err.getvalue():
        return "fault", f"writes to stderr: {err.getvalue()[:200]!r}"
    for name, value in arguments.items():
        if before[name] is not None and not _equal(_snapshot(value), before[name]):
            return "fault", f"changes its argument {name}"
    return out


def judge(call: Call, argument: str, change: Change, seed: int) -> str | None:
    """What is wrong with this case, in words; None if nothing is, "n/a" if the change does not apply."""
    if (argument, change.name) in call.skip:
        return "n/a"
    rng = np.random.default_rng(seed)
    arguments = copy.deepcopy(call.arguments)
    try:
        value = change.make(arguments[argument], rng)
    except (TypeError, ValueError, OverflowError):
        return "n/a"
    if value is None and change.name != "None":
        return "n/a"
    if change.name == "None" and call.arguments[argument] is None:
        return "n/a"
    arguments[argument] = value
    kind, result = run(call, arguments)
    if kind == "fault":
        return str(result)
    if kind == "error":
        if isinstance(result, (ValueError, TypeError)) and change.verdict == "same":
            return f"refuses a twin: {type(result).__name__}: {result}"
        # Where two arguments no longer fit each other, either may be named.
        others = (
            call.arguments
            if change.name in ("one column less", "fewer rows", "no rows", "one more", "one less")
            else ()
        )
        names = (argument, *others, *call.names.get(argument, ()))
        where = traceback.extract_tb(result.__traceback__)[-1].filename
        if "mmalign_nb" not in where.replace("tests/", ""):
            return f"raises from {where.rsplit('/', 3)[-3:]}: {type(result).__name__}: {result}"
        if not any(name in str(result) for name in names):
            return f"does not name {argument}: {type(result).__name__}: {result}"
        return None
    if change.verdict == "refused":
        return f"takes it in silence, answers {repr(result)[:120]}"
    if change.verdict == "same":
        ok, expected = run(call, copy.deepcopy(call.arguments))
        if ok != "answer":
            return f"the plain call fails: {expected}"
        return (
            None
            if alike(result, expected)
            else f"other answer: {repr(result)[:150]} for {repr(expected)[:150]}"
        )
    return (
        "answers NaN"
        if has_nan(result) and not has_nan(run(call, copy.deepcopy(call.arguments))[1])
        else None
    )
