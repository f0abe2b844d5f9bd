"""Embed and compare more items than one process or one memory holds: Dask does the work, on threads, processes or a cluster.

* ``embed``: items or files to vectors, chunk by chunk on the disk; cut off, it goes on where it was;
* ``load``: what ``embed`` has written, as a lazy array;
* ``Embedded``: the vectors, which items they belong to, and which items failed, with the reason;
* ``top_k``, ``threshold_match``: all rows with all rows of two tables in chunks; the answers are those of one machine.

Without a client Dask uses threads of this process, or the client that was made last. Give a ``dask.distributed.Client`` of a
``LocalCluster``, or of your own cluster, and nothing else changes. The packages are an extra,
``pip install "mmalign_nb[scale]"``. How far it is, Dask says itself: ``with dask.diagnostics.ProgressBar(): …`` on threads,
and the page at ``client.dashboard_link`` on a cluster.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._check import as_count, as_matrix, as_threshold, describe, is_missing, need, one_of
from ._files import as_path, replacing
from .align import Matches
from .datasets.own import read_picture
from .search import Hits
from .similarity import METRICS, above
from .similarity import top_k as _top_k

__all__ = ["Embedded", "embed", "load", "threshold_match", "top_k"]

_FACTS = "embedded.json"
_CHUNK = re.compile(r"\d{9}-[0-9a-f]{32}\.(npy|json)")
_FAN = 8  # how many partial answers are merged at a time


class Embedded(NamedTuple):
    """The vectors of items: a lazy float32 array ``(m, d)``, the row of each item, int64 ``(m,)``, and the items that failed.

    ``failed`` has (row, name, reason) for each item without a vector.
    """

    vectors: Any
    rows: np.ndarray
    failed: list[tuple[int, str, str]]


# ---- Dask


def _compute(tasks: list[Any], client: Any) -> list[Any]:
    """The results of tasks, on a client or wherever Dask computes by itself."""
    dask = need("dask", "scale", "scale")
    if client is None:
        return list(dask.compute(*tasks))
    if not hasattr(client, "as_current"):
        raise TypeError(f"client is {describe(client)}; want None or a dask.distributed.Client")
    with client.as_current():
        return list(dask.compute(*tasks))


# ---- embed


def embed(
    items: Any,
    encoder: Any,
    out: str | os.PathLike[str],
    *,
    client: Any = None,
    chunk: int = 256,
    read: Callable[[Any], Any] | None = None,
    side: str | None = None,
) -> Embedded:
    """Embed items or files chunk by chunk into a folder, on threads, processes or a cluster.

    Each chunk is written in one act. Stopped at any moment, even by ``kill -9``, and called again with the same arguments,
    it goes on where it was; a chunk whose items or encoder have changed is made anew. A worker that is lost costs its
    chunks, which others do again. An item that cannot be read or encoded is reported and costs no other.

    Parameters
    ----------
    items : list, array, dask array, or Zarr array
        Raw items, as the encoder takes them, or what ``read`` makes them of: names of files, for instance. What does not
        fit into memory comes as names, or as a dask or Zarr array (known by its address, not by its content).
    encoder : encoder, or path
        Anything with ``transform(items) -> (n, d)``; each worker gets it once. Or the folder that ``DualEncoder.save``
        wrote, which each worker reads once.
    out : str or path
        A folder for the vectors; made if it is not there. All workers must see it, and the files too.
    client : dask.distributed.Client, optional
    chunk : int
        Items at a time. A worker holds as many chunks as it has threads; a chunk should take seconds.
    read : function, optional
        From one item to what the encoder takes: ``lambda path: np.load(path)``. For ``pathlib.Path`` it is by default the
        picture in the file, uint8 (H, W, 3), turned as its EXIF data say.
    side : {"a", "b"}, optional
        Of a ``DualEncoder``.

    Returns
    -------
    Embedded(vectors, rows, failed)

    Raises
    ------
    ImportError
        Without the extra ``scale``.
    TypeError, ValueError
        If there are no items, if the encoder is none, if it makes no finite vectors of one length, or if no item at all can
        be read: then the first reason.
    OSError
        If the folder cannot be written.

    References
    ----------
    M. Rocklin, *Dask: parallel computation with blocked algorithms and task scheduling*, SciPy 2015.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import tempfile
    >>> from mmalign_nb import scale
    >>> from mmalign_nb.features import WordLlamaText
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = scale.embed(["a cat", "a dog", None], WordLlamaText(), folder, chunk=2)
    ...     done.vectors.compute().shape, done.rows, done.failed
    ((2, 256), array([0, 1]), [(2, '2', 'TypeError: the item is missing')])
    """
    dask = need("dask", "scale", "scale")
    folder, chunk = as_path(out, "out"), as_count(chunk, "chunk")
    if read is not None and not callable(read):
        raise TypeError(f"read is {describe(read)}; want a function of one item")
    if side is not None:
        one_of(side, "side", ("a", "b"))
    parts = _parts(items, chunk)
    n = sum(count for count, _, _ in parts)
    if not n:
        raise ValueError("items is empty; want at least one item")
    folder.mkdir(parents=True, exist_ok=True)
    spec, token = _as_encoder(encoder)
    how = f"{token} {side} {None if read is None else need('dask.base', 'scale', 'scale').tokenize(read)}"
    names, tasks, first = [], [], 0
    for number, (count, part, told) in enumerate(parts):
        token = hashlib.sha256(f"{how} {first} {count} {told}".encode()).hexdigest()[:32]
        names.append((folder / f"{number:09d}-{token}", first, count))
        if not names[-1][0].with_suffix(".json").exists():
            job = dask.delayed(_embed_chunk, pure=False)
            tasks.append(job(spec(), side, part, read, first, names[-1][0].absolute()))
        first += count
    _compute(tasks, client)
    facts = [
        (base.name, first, count, json.loads(base.with_suffix(".json").read_bytes()))
        for base, first, count in names
    ]
    dims = {x["shape"][1] for _, _, _, x in facts if x["shape"][0]}
    if not dims:
        _, name, reason = facts[0][3]["failed"][0]
        raise ValueError(f"none of {n} items could be embedded; the first, {name}: {reason}")
    if len(dims) > 1:
        raise ValueError(
            f"the encoder made vectors of {' and '.join(map(str, sorted(dims)))} columns; want one length"
        )
    with replacing(folder / _FACTS) as file:
        file.write(json.dumps({"format": 1, "n": n, "chunks": [list(x) for x in facts]}).encode())
    for old in folder.iterdir():  # of other items or another encoder
        if _CHUNK.fullmatch(old.name) and old.stem not in {x[0] for x in facts}:
            old.unlink(missing_ok=True)
    return load(folder)


def _parts(items: Any, chunk: int) -> list[tuple[int, Any, str]]:
    """Chunks of items: how many, the items or a promise of them, and what tells them from others."""
    tokenize = need("dask.base", "scale", "scale").tokenize
    items = _from_zarr(items)
    if hasattr(items, "dask") and hasattr(items, "chunks"):
        rows = items.rechunk({0: chunk, **dict.fromkeys(range(1, items.ndim), -1)})
        blocks = rows.to_delayed().ravel()
        return [
            (int(c), x, f"{items.name} {i}")
            for i, (c, x) in enumerate(zip(rows.chunks[0], blocks, strict=True))
        ]
    if hasattr(items, "modalities"):
        raise TypeError(f"items is {items!r}; want one modality of it: pass items.text, items.image, …")
    if (
        not hasattr(items, "__len__")
        or not hasattr(items, "__getitem__")
        or isinstance(items, (str, bytes, dict))
    ):
        raise TypeError(f"items is {describe(items)}; want items in a list or an array")
    if hasattr(items, "iloc"):  # a column of a table
        items = items.tolist()
    cut = (items[s : s + chunk] for s in range(0, len(items), chunk))
    return [(len(x), x, tokenize([str(v) for v in x] if isinstance(x[0], Path) else x)) for x in cut]


def _from_zarr(x: Any) -> Any:
    """A Zarr array as a dask array; anything else as it is."""
    zarr = type(x).__module__.split(".")[0] == "zarr" and hasattr(x, "shape")
    return need("dask.array", "scale", "scale").from_zarr(x) if zarr else x


def _as_encoder(encoder: Any) -> tuple[Callable[[], Any], str]:
    """How a task is given the encoder, and what tells it from others."""
    if isinstance(encoder, (str, os.PathLike)):
        folder = as_path(encoder, "encoder").absolute()
        _read_encoder(
            str(folder), token := _digest(folder)
        )  # what is wrong with it is said before anything runs
        return lambda: (str(folder), token), token
    if not hasattr(encoder, "transform") or isinstance(encoder, type):
        raise TypeError(f"encoder is {describe(encoder)}; want an object with transform(items), or a folder")
    if hasattr(encoder, "save"):  # the same bytes in every process, unlike a pickle
        with tempfile.TemporaryDirectory() as place:
            encoder.save(Path(place) / "encoder")
            token = _digest(Path(place) / "encoder")
    else:
        token = need("dask.base", "scale", "scale").tokenize(encoder)
    node = need("dask", "scale", "scale").delayed(_same, pure=False)(
        encoder
    )  # a task's result: sent to each worker once
    return lambda: node, token


def _same(encoder: Any) -> Any:
    return encoder


def _digest(place: Path) -> str:
    """Of a saved encoder: of its file, or of the parts of its folder, whose names have a token of the save in them."""
    files = [place] if place.is_file() else sorted(place.glob("*.npz")) if place.is_dir() else []
    if not files:
        raise ValueError(
            f"encoder is {str(place)!r:.200}; want an encoder, or a folder that DualEncoder.save wrote"
        )
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.split("-")[0].encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=2)
def _read_encoder(folder: str, token: str) -> Any:
    """A saved encoder, read once by each process."""
    from .project import DualEncoder

    return DualEncoder.load(folder)


def _embed_chunk(encoder: Any, side: str | None, items: Any, read: Any, first: int, base: Path) -> None:
    """Embed some items and write what came of it: the vectors, and then, which makes it count, what is said of them."""
    encoder = _read_encoder(*encoder) if isinstance(encoder, tuple) else encoder
    failed: dict[int, tuple[str, str]] = {}
    good = []
    for i, item in enumerate(items):
        try:
            good.append((i, _read_item(item, read)))
        except Exception as err:  # whatever a file is, it costs the others nothing
            failed[i] = _name(item, first + i), _reason(err)
    try:
        vectors = [_vectors(encoder, side, [x for _, x in good], items)] if good else []
    except Exception:  # one of them: find which
        vectors, tried, good = [], good, []
        for i, x in tried:
            try:
                vectors.append(_vectors(encoder, side, [x], items))
                good.append((i, x))
            except Exception as err:
                failed[i] = _name(items[i], first + i), _reason(err)
    out = np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)
    with replacing(base.with_suffix(".npy")) as file:
        np.save(file, out, allow_pickle=False)
    told = [[first + i, *failed[i]] for i in sorted(failed)]
    with replacing(base.with_suffix(".json")) as file:
        file.write(json.dumps({"shape": out.shape, "failed": told}).encode())


def _read_item(item: Any, read: Any) -> Any:
    if is_missing(item):
        raise TypeError("the item is missing")
    if read is not None:
        return read(item)
    return read_picture(item, None)[0] if isinstance(item, Path) else item


def _name(item: Any, row: int) -> str:
    return str(item)[:300] if isinstance(item, (str, Path)) else str(row)


def _reason(err: Exception) -> str:
    if isinstance(err, MemoryError):
        raise err
    return f"{type(err).__name__}: {' '.join(str(err).split())[:300]}"


def _vectors(encoder: Any, side: str | None, batch: list[Any], like: Any) -> np.ndarray:
    """Vectors of a batch, which is an array again where the items were one."""
    x = np.stack(batch) if isinstance(batch[0], np.ndarray) or isinstance(like, np.ndarray) else batch
    made = encoder.transform(x) if side is None else encoder.transform(x, side=side)
    out: np.ndarray = as_matrix(made, "what the encoder made", rows=len(batch), dtype=np.float32)
    return out


def load(folder: str | os.PathLike[str]) -> Embedded:
    """Open what ``embed`` wrote; the vectors stay on the disk until something is computed from them.

    Parameters
    ----------
    folder : str or path

    Returns
    -------
    Embedded(vectors, rows, failed)

    Raises
    ------
    ImportError
        Without the extra ``scale``.
    FileNotFoundError, TypeError, ValueError
        If the folder holds none, or a chunk is missing or damaged.

    References
    ----------
    M. Rocklin, *Dask: parallel computation with blocked algorithms and task scheduling*, SciPy 2015.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import tempfile
    >>> from mmalign_nb import scale
    >>> from mmalign_nb.features import WordLlamaText
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = scale.embed(["a cat", "a dog"], WordLlamaText(), folder)
    ...     scale.load(folder).vectors.shape
    (2, 256)
    """
    dask, da = need("dask", "scale", "scale"), need("dask.array", "scale", "scale")
    place = as_path(folder, "folder").absolute()
    if not (place / _FACTS).is_file():
        raise FileNotFoundError(f"{place} has no {_FACTS}; want a folder that scale.embed wrote to its end")
    try:
        facts = json.loads((place / _FACTS).read_bytes())
        chunks = [
            (str(name), int(first), int(count), dict(told)) for name, first, count, told in facts["chunks"]
        ]
        failed = [(int(row), str(name), str(why)) for *_, told in chunks for row, name, why in told["failed"]]
        shapes = [tuple(map(int, told["shape"])) for *_, told in chunks]
    except (ValueError, TypeError, KeyError) as err:
        raise ValueError(f"{place / _FACTS} is not what scale.embed wrote ({err})") from err
    rows = np.setdiff1d(np.arange(int(facts["n"])), [row for row, _, _ in failed])
    arrays = []
    for (name, *_), shape in zip(chunks, shapes, strict=True):
        if not _CHUNK.fullmatch(f"{name}.npy") or not (place / f"{name}.npy").is_file():
            raise ValueError(
                f"{place} has no chunk {name!r:.80}, which {_FACTS} names: copy the whole folder again"
            )
        if shape[0]:
            part = dask.delayed(_read_chunk, pure=True)(place / f"{name}.npy", shape)
            arrays.append(da.from_delayed(part, shape, np.float32))
    return Embedded(da.concatenate(arrays), rows, failed)


def _read_chunk(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    out: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    if out.shape != shape or out.dtype != np.float32:
        raise ValueError(
            f"{path} has {out.dtype} {out.shape}; want float32 {shape}: remove it and embed again"
        )
    return out


# ---- all rows with all rows


def _as_table(x: Any, name: str, chunk: int) -> Any:
    """A table of vectors as a dask array whose chunks are whole rows."""
    da = need("dask.array", "scale", "scale")
    if isinstance(x, Embedded):
        x = x.vectors
    elif isinstance(x, (str, os.PathLike)):
        x = _opened(as_path(x, name), name, chunk)
    x = _from_zarr(x)
    if not (hasattr(x, "dask") and hasattr(x, "chunks")):
        x = da.from_array(as_matrix(x, name), chunks=(chunk, -1))
    if x.ndim != 2 or np.isnan(x.shape).any() or not all(x.shape):
        raise ValueError(f"{name} has shape {x.shape}; want (n, d), both known and at least 1")
    return x.rechunk({1: -1})


def _opened(path: Path, name: str, chunk: int) -> Any:
    if (path / _FACTS).is_file():
        return load(path).vectors
    if path.suffix == ".npy" and path.is_file():
        return _mapped(path, chunk)
    if (path / "zarr.json").is_file() or (path / ".zarray").is_file():
        return need("dask.array", "scale", "scale").from_zarr(str(path))
    raise ValueError(
        f"{name} is {str(path)!r:.200}; want a folder of scale.embed, a .npy file or a Zarr array"
    )


def _mapped(path: Path, chunk: int) -> Any:
    """A file as a dask array: its name goes to the workers, and each maps what it needs."""
    dask, da = need("dask", "scale", "scale"), need("dask.array", "scale", "scale")
    path = path.absolute()
    whole = np.load(path, mmap_mode="r", allow_pickle=False)
    if whole.ndim != 2 or not len(whole):
        raise ValueError(f"{path} has shape {whole.shape}; want (n, d), at least one row")
    part = dask.delayed(_read_rows, pure=True)
    spans = [(s, min(s + chunk, len(whole))) for s in range(0, len(whole), chunk)]
    return da.concatenate(
        [da.from_delayed(part(path, s, e), (e - s, whole.shape[1]), whole.dtype) for s, e in spans]
    )


def _read_rows(path: Path, start: int, stop: int) -> np.ndarray:
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[start:stop])


def _tables(A: Any, B: Any, metric: str, chunk: int) -> tuple[Any, Any]:
    one_of(metric, "metric", METRICS)
    as_count(chunk, "chunk")
    a, b = _as_table(A, "A", chunk), _as_table(B, "B", chunk)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"B has {b.shape[1]} columns; want {a.shape[1]} as in A")
    return a, b


def _blocks(x: Any) -> Iterator[tuple[int, int, Any]]:
    """First row, number of rows, and a promise of each chunk."""
    first = np.cumsum([0, *x.chunks[0][:-1]]).tolist()
    return zip(first, map(int, x.chunks[0]), x.to_delayed().ravel(), strict=True)


def top_k(A: Any, B: Any, k: int = 10, *, metric: str = "cosine", chunk: int = 4096) -> Hits:
    """Return the k rows of B most alike to each row of A, as a promise: equal to ``similarity.top_k`` when it is computed.

    Every chunk of A meets every chunk of B in a task of its own, and their best are merged; a task holds two chunks.

    Parameters
    ----------
    A, B : (n, d), (m, d)
        NumPy, dask or Zarr arrays, an ``Embedded``, or the names of what ``embed`` wrote, of a ``.npy`` file, which the
        workers map, or of a Zarr array.
    k : int
    metric : str
    chunk : int
        Rows at a time, of what has no chunks of its own.

    Returns
    -------
    Hits(ids, scores)
        Dask arrays (n, min(k, m)), rows of B and float32: ``dask.compute(*hits)``, on any client. Equal scores stand in
        the order of rows.

    Raises
    ------
    ImportError
        Without the extra ``scale``.
    TypeError, ValueError
        For what ``similarity.top_k`` refuses; for NaN, when it is computed.

    References
    ----------
    M. Rocklin, *Dask: parallel computation with blocked algorithms and task scheduling*, SciPy 2015.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> from mmalign_nb import scale
    >>> hits = scale.top_k([[2.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], k=2, chunk=2)
    >>> hits.ids.compute().tolist(), hits.scores.shape
    ([[2, 0], [1, 2]], (2, 2))
    """
    dask, da = need("dask", "scale", "scale"), need("dask.array", "scale", "scale")
    a, b = _tables(A, B, metric, chunk)
    k = min(as_count(k, "k"), b.shape[0])
    best, merge = dask.delayed(_best, pure=False), dask.delayed(_merged, pure=False)
    ids, scores = [], []
    for start, n, rows in _blocks(a):
        found = [best(rows, items, k, metric, start, first) for first, _, items in _blocks(b)]
        while len(found) > 1:
            found = [merge(found[s : s + _FAN], k) for s in range(0, len(found), _FAN)]
        ids.append(da.from_delayed(found[0][0], (n, k), np.int64))
        scores.append(da.from_delayed(found[0][1], (n, k), np.float32))
    return Hits(da.concatenate(ids), da.concatenate(scores))


def _best(a: Any, b: Any, k: int, metric: str, start: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    with _rows_named(start, first):
        ids, scores = _top_k(np.asarray(a), np.asarray(b), min(k, len(b)), metric)
    return ids + first, scores


def _merged(parts: list[tuple[np.ndarray, np.ndarray]], k: int) -> tuple[np.ndarray, np.ndarray]:
    """The best of several answers, which come in the order of rows: so equal scores stay in it."""
    ids, scores = (np.concatenate(x, axis=1) for x in zip(*parts, strict=True))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)


@contextlib.contextmanager
def _rows_named(start: int, first: int) -> Iterator[None]:
    """Say of which chunks an error speaks."""
    try:
        yield
    except (TypeError, ValueError) as err:
        raise type(err)(f"{err} (in the chunks from row {start} of A and row {first} of B)") from err


def threshold_match(
    A: Any,
    B: Any,
    threshold: Any,
    *,
    metric: str = "cosine",
    chunk: int = 4096,
    client: Any = None,
) -> Matches:
    """Pair every row of A with every row of B whose score reaches the threshold, chunk by chunk.

    Equal to ``align.threshold_match((A, B), threshold, margins=False)``, which holds both tables in memory; this one holds
    two chunks a task, and the pairs.

    Parameters
    ----------
    A, B : (n, d), (m, d)
        As for ``top_k``.
    threshold : float or Threshold
    metric : str
    chunk : int
    client : dask.distributed.Client, optional

    Returns
    -------
    Matches
        Its margins are NaN.

    Raises
    ------
    ImportError
        Without the extra ``scale``.
    TypeError, ValueError
        For what ``align.threshold_match`` refuses.

    References
    ----------
    M. Rocklin, *Dask: parallel computation with blocked algorithms and task scheduling*, SciPy 2015.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> from mmalign_nb import scale
    >>> found = scale.threshold_match([[2.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], 0.9, chunk=2)
    >>> found.pairs.tolist(), found.unmatched_b.tolist()
    ([[0, 2], [1, 1]], [0])
    """
    a, b = _tables(A, B, metric, chunk)
    line = as_threshold(threshold)
    task = need("dask", "scale", "scale").delayed(_above, pure=False)
    tasks = [
        task(rows, items, line, metric, start, first)
        for (start, _, rows), (first, _, items) in itertools.product(list(_blocks(a)), list(_blocks(b)))
    ]
    i, j, scores = (np.concatenate(x) for x in zip(*_compute(tasks, client), strict=True))
    order = np.lexsort((j, i))
    pairs = np.column_stack([i, j])[order]
    n, m = map(int, (a.shape[0], b.shape[0]))
    alone_a, alone_b = (np.setdiff1d(np.arange(size), pairs[:, side]) for side, size in ((0, n), (1, m)))
    return Matches(pairs, scores[order], np.full(len(pairs), np.nan), alone_a, alone_b, (n, m))


def _above(
    a: Any, b: Any, line: float, metric: str, start: int, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    none = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    with _rows_named(start, first):
        found = [none, *above(np.asarray(a), np.asarray(b), line, metric)]
    i, j, scores = (np.concatenate(x) for x in zip(*found, strict=True))
    return i + start, j + first, scores
