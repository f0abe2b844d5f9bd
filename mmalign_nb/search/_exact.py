"""An exact index: add vectors once, ask for the nearest ones many times."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .._check import as_ids, as_threshold, check_nonzero_rows, one_of
from .._files import as_path, read_array, read_header
from .._folder import Kind, check_sum, opened, write
from ..similarity import METRICS, Gallery, Rows, above, as_rows, norms, top_k

_KIND = Kind("index.json", 2, "Index.save", "build the index again", {"vectors": ".npy", "ids": ".npy"})


class Hits(NamedTuple):
    """The best items of each query, best first: ``ids`` and float32 ``scores``, both ``(n, k)``."""

    ids: np.ndarray
    scores: np.ndarray


class RangeHits(NamedTuple):
    """All items above a threshold as three columns: row of the query, id, score; by query, then best first."""

    queries: np.ndarray
    ids: np.ndarray
    scores: np.ndarray


class Index:
    """Find the nearest of many vectors exactly, always with ids and scores.

    Every query is compared with every vector, in tiles that stay in the cache, so the answer is that of brute force
    and equal scores stand in the order of adding.

    Parameters
    ----------
    metric : {"cosine", "euclidean", "manhattan", "hamming", "dot"}
        Scores are those of ``similarity``: higher is more alike, euclidean and hamming are negated distances.

    Raises
    ------
    ValueError
        For an unknown metric.

    References
    ----------
    J. Johnson, M. Douze, H. Jégou, *Billion-scale similarity search with GPUs*, IEEE Trans. Big Data 7(3):535–547, 2021
    (the exhaustive index).

    Notes
    -----
    Notebook: ``06_image_text_search``, ``09_scale_and_scarcity``.

    Examples
    --------
    >>> from mmalign_nb.search import Index
    >>> index = Index("cosine").add([[1, 0], [0, 1], [1, 1]], ids=["east", "north", "north-east"])
    >>> index
    Index(metric='cosine', n=3, dim=2)
    >>> hits = index.search([[2, 1]], k=2)
    >>> hits.ids.tolist(), hits.scores.round(3)
    ([['north-east', 'east']], array([[0.949, 0.894]], dtype=float32))
    """

    def __init__(self, metric: str = "cosine") -> None:
        self.metric = one_of(metric, "metric", METRICS)
        # Columns and kind of bits of what was added, without the rows themselves.
        self._form: Rows | None = None
        self._rows: list[np.ndarray] = []
        self._ids: list[np.ndarray] | None = None  # None: ids are the row numbers
        self._seen: set[Any] = set()
        self._gallery: Gallery | None = None

    def add(self, vectors: Any, ids: Any = None) -> Index:
        """Add vectors behind those already there; adding in pieces equals adding at once.

        Parameters
        ----------
        vectors : (n, d)
            For hamming: packed bits (uint8, as ``binarize(…, packed=True)`` makes them), or bool, {0, 1}, {-1, 1}.
        ids : n str or n int, optional
            A list, an array or a column of a table; each id once in the whole index. Row numbers 0, 1, 2, … if
            never given.

        Returns
        -------
        Index
            Itself.

        Raises
        ------
        TypeError, ValueError
            For bad vectors, another number of columns than before, ids that are missing, come twice, mix str and int,
            or are given in one call and left out in another. Nothing is added then.

        Examples
        --------
        >>> from mmalign_nb.search import Index
        >>> index = Index("dot").add([[1, 0]], ids=["east"])
        >>> index.add([[0, 1], [1, 1]], ids=["north", "north-east"]).ids.tolist()
        ['east', 'north', 'north-east']
        """
        rows = self._as_rows(vectors, "vectors")
        new = None if ids is None else as_ids(ids, "ids", len(rows.data))
        if len(rows.data):
            if len(self) and (new is None) != (self._ids is None):
                before, now = ("without", "with") if self._ids is None else ("with", "without")
                raise ValueError(
                    f"vectors were added {before} ids before and now {now}; want the one or the other"
                )
            if new is not None:
                self._add_ids(new)
            data = rows.data.copy()  # what the caller does to the array later doesn't change the index
            data.flags.writeable = False
            self._rows.append(data)
            self._gallery = None
        if self._form is not None and self._form.bits == "either" and rows.bits == "unpacked":
            # What was kept as bytes of 0 and 1 is bits after all.
            at = len(self._rows) - bool(len(rows.data))
            self._rows[:at] = [
                as_rows(x.view(np.uint8)[:, : rows.columns], "hamming", "vectors", like=rows).data
                for x in self._rows[:at]
            ]
        self._form = rows._replace(data=None)
        return self

    def _add_ids(self, new: np.ndarray, name: str = "ids") -> None:
        both = [*(self._ids or []), new]
        kinds = [x.dtype.kind for x in both]
        if len(set(kinds)) > 1 and "U" in kinds:
            now, before = ("str", "int") if kinds[-1] == "U" else ("int", "str")
            raise TypeError(f"ids has {now}; the index has {before} ids: want the same")
        if len(set(kinds)) > 1:  # int64 and uint64, which NumPy would join as floats
            if (low := min(int(x.min()) for x in both)) < 0:
                high = max(int(x.max()) for x in both)
                raise ValueError(f"ids would go from {low} to {high}; 64 bits cannot hold them: use str")
            both = [x.astype(np.uint64, copy=False) for x in both]
        fresh = set(listed := new.tolist())
        if known := self._seen & fresh:
            raise ValueError(f"{name} has {min(known)!r}, which the index has already; want each id once")
        if len(fresh) < len(listed):
            twice = min(x for x, count in Counter(listed).items() if count > 1)
            raise ValueError(f"{name} has {twice!r} twice; want each id once")
        self._seen |= fresh
        self._ids = both

    def _as_rows(self, x: Any, name: str) -> Rows:
        """Vectors or queries, checked and in the form of those that are kept."""
        rows = as_rows(
            x, self.metric, name, like=self._form, other="the index", sparse=False, allow_empty=True
        )
        if self.metric == "cosine":
            check_nonzero_rows(norms(rows.data), name)
        return rows

    @property
    def dim(self) -> int | None:
        """How many columns the vectors have; None before the first ones came."""
        return None if self._form is None else self._form.columns

    @property
    def vectors(self) -> np.ndarray:
        """The vectors as kept, read-only: float32 or float64 ``(n, d)``, as they came; for hamming uint64 words of bits.

        Memory-mapped after load.
        """
        if len(self._rows) > 1:
            self._rows = [np.concatenate(self._rows)]
            self._rows[0].flags.writeable = False
        return self._rows[0] if self._rows else np.empty((0, self.dim or 0), np.float32)

    @property
    def ids(self) -> np.ndarray:
        """The ids in the order of adding, read-only: str, int64 or (for ids above 2⁶³ − 1) uint64 ``(n,)``."""
        if self._ids is None:
            return np.arange(len(self))
        if len(self._ids) > 1:
            self._ids = [np.concatenate(self._ids)]
        self._ids[0].flags.writeable = False
        return self._ids[0]

    def _prepare(self, queries: Any) -> tuple[np.ndarray, Gallery]:
        if not len(self):
            raise ValueError("the index is empty; add vectors first")
        rows = self._as_rows(queries, "queries")
        form = self._form
        if form is not None and form.bits == "either" and rows.bits == "unpacked":
            as_bytes = np.unpackbits(rows.data.view(np.uint8), axis=1)[:, : rows.columns]
            rows = as_rows(as_bytes, "hamming", "queries", like=form, allow_empty=True)
        if self._gallery is None:
            self._gallery = Gallery(self.vectors, self.metric)
        return rows.data, self._gallery

    def search(self, queries: Any, k: int = 10) -> Hits:
        """Return the k nearest items of each query, best first; all of them if the index has fewer.

        Parameters
        ----------
        queries : (n, d)
        k : int

        Returns
        -------
        Hits(ids, scores)
            Both (n, min(k, len(index))); ids as they were given.

        Raises
        ------
        TypeError, ValueError
            For an empty index, bad queries or k < 1.

        Examples
        --------
        >>> from mmalign_nb.search import Index
        >>> hits = Index("euclidean").add([[0.0], [1.0], [5.0]]).search([[0.25], [9.0]], k=2)
        >>> hits.ids.tolist(), hits.scores.tolist()
        ([[0, 1], [2, 1]], [[-0.25, -0.75], [-4.0, -8.0]])
        """
        rows, gallery = self._prepare(queries)
        found, scores = top_k(rows, gallery, k, self.metric)
        return Hits(self.ids[found], scores)

    def search_range(self, queries: Any, threshold: float) -> RangeHits:
        """Return all items whose score is at least ``threshold``, however many.

        Parameters
        ----------
        queries : (n, d)
        threshold : float
            In units of the score: for euclidean and hamming a negated distance, such as ``-12`` for "up to 12 bits".

        Returns
        -------
        RangeHits(queries, ids, scores)

        Raises
        ------
        TypeError, ValueError
            For an empty index, bad queries or a threshold that is NaN.

        Examples
        --------
        >>> from mmalign_nb.search import Index
        >>> hits = Index("euclidean").add([[0.0], [1.0], [5.0]]).search_range([[0.5], [5.0]], threshold=-1)
        >>> hits.queries, hits.ids, hits.scores
        (array([0, 0, 1]), array([0, 1, 2]), array([-0.5, -0.5,  0. ], dtype=float32))
        """
        rows, gallery = self._prepare(queries)
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        threshold = as_threshold(threshold)
        parts += above(rows, gallery, threshold, self.metric) if len(rows) else []
        i, j, scores = (np.concatenate(x) for x in zip(*parts, strict=True))
        order = np.lexsort((-scores, i))
        return RangeHits(i[order], self.ids[j[order]], scores[order])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a folder, whole or not at all.

        The folder has ``vectors-….npy``, ``ids-….npy`` where ids were given, and ``index.json``, which names them with
        their sizes and SHA-256 checksums. New arrays are written beside the old ones and brought to the disk, then
        ``index.json`` is replaced in one act, and only then what it no longer names is removed. Killed or cut off with
        the power at any moment, a save leaves the old index or the new one, and the next save removes its leftovers.
        Of two saves at once one wins whole. An index may be saved over the one it is mapped from.

        Parameters
        ----------
        path : str or path
            A folder; made if it is not there.

        Raises
        ------
        TypeError, ValueError
            If the path is none.
        OSError
            If the folder cannot be made or written, or the disk is full: the old index stays.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.search import Index
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Index().add([[1, 0]], ids=["east"]).save(folder)
        ...     sorted(file.name.split("-")[0] for file in pathlib.Path(folder).iterdir())
        ['ids', 'index.json', 'vectors']
        """
        facts = {"metric": self.metric, "n": len(self), "dim": self.dim}
        facts["bits"] = "" if self._form is None else self._form.bits
        arrays = {"vectors": self.vectors} if len(self) else {}
        arrays |= {} if self._ids is None else {"ids": self.ids}
        write(_KIND, as_path(path), facts, {name: partial(_put, x) for name, x in arrays.items()})

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Index:
        """Read an index that ``save`` wrote; the vectors stay on disk and are mapped into memory.

        No number in the files is believed before it is compared with the bytes that are there, and nothing is
        unpickled. While another process saves, this gives the old index or the new one.

        Parameters
        ----------
        path : str or path
            The folder.
        verify : bool
            Whether to compare the vectors with their checksum, which takes about 2 s per GB. Without it still all of
            them are read once, to refuse NaN; sizes and ids are compared in any case.

        Returns
        -------
        Index

        Raises
        ------
        FileNotFoundError, TypeError, ValueError
            If the folder holds no index, or a file of it is missing, cut off, changed or not what ``save`` writes; the
            error names the file.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import Index
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     Index().add([[3, 4], [1, 0]], ids=["up", "east"]).save(folder)
        ...     Index.load(folder).search([[1, 2]], k=1).ids.tolist()
        [['up']]
        """
        with opened(_KIND, as_path(path)) as (facts, files):
            parts = {}
            for name, opened_file in files.items():
                if verify or name == "ids":
                    check_sum(_KIND, opened_file, facts["parts"][name])
                parts[name] = opened_file.name, _array(opened_file, mapped=name == "vectors")
        index, n, dim = cls(facts["metric"]), facts["n"], facts["dim"]
        if dim is not None:
            index._form = Rows(None, dim, facts["bits"])
        if "vectors" in parts:
            file, vectors = parts["vectors"]
            kinds, width = ["float32", "float64"], dim
            if index.metric == "hamming":
                kinds, width = ["uint64"], -(-(dim if facts["bits"] != "unpacked" else -(-dim // 8)) // 8)
            if vectors.dtype not in kinds or vectors.shape != (n, width) or not vectors.flags.c_contiguous:
                raise ValueError(
                    f"{file} has {vectors.dtype} {vectors.shape}; index.json says {' or '.join(kinds)} {(n, width)}"
                )
            index._rows = [vectors]
            step = max(1, 2**22 // width)
            for s in range(0, n if index.metric != "hamming" else 0, step):
                rows = f"{file}, rows {s} to {min(s + step, n) - 1}," if n > step else file
                index._as_rows(vectors[s : s + step], rows)
        if "ids" in parts:
            file, ids = parts["ids"]
            if ids.dtype.kind != "U" and ids.dtype not in ("int64", "uint64"):
                raise ValueError(f"{file} has {ids.dtype} {ids.shape}; want {n} str or int")
            index._add_ids(as_ids(ids, file, n), file)
        return index

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows)

    def __repr__(self) -> str:
        return f"Index(metric={self.metric!r}, n={len(self)}, dim={self.dim})"


def _put(array: np.ndarray, file: BinaryIO) -> None:
    np.save(file, array, allow_pickle=False)


def _array(file: BinaryIO, mapped: bool) -> np.ndarray:
    """The array of a file, after its header was compared with its size; a mapped one stays on the disk."""
    head = read_header(file, os.fstat(file.fileno()).st_size, file.name)
    file.seek(0)
    if mapped:
        return np.memmap(file, mode="r", **head).view(np.ndarray)
    return read_array(file.read(), head, file.name)
