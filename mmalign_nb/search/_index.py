"""An index of vectors in memory or on the disk: add them once, ask for the nearest ones many times."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from .._binomial import mean_bounds
from .._check import as_count, as_ids, as_number, as_threshold, check_nonzero_rows, one_of
from .._files import as_path, read_archive, read_array, read_header, write_archive
from .._folder import Kind, check_sum, opened, write
from ..similarity import METRICS, Gallery, Rows, above, as_rows, best_of, norms, top_k
from ._engines import ENGINES, Engine
from ._hits import Hits, RangeHits, Recall

__all__ = ["Index", "sides"]

_PARTS = {"vectors": ".npy", "ids": ".npy", "removed": ".npy", "engine": ".npz"}
_KIND = Kind("index.json", 2, "Index.save", "build the index again", _PARTS)
KINDS = ("exact", *ENGINES)


class Index:
    """Find the nearest of many vectors, always with ids and scores.

    ========== ========================= ==============================================================================
    kind       metrics                   how it finds the nearest
    ========== ========================= ==============================================================================
    exact      all                       compares every query with every vector, in tiles that stay in the cache
    hnsw       cosine, euclidean, dot    walks a graph of neighbours (faiss); holds the vectors twice; slow to build
    ivfpq      cosine, euclidean, dot    looks into the nearest of many cells at short codes (faiss); small, quick to build
    binary     cosine                    compares 256 bits or more of each vector; needs no more than NumPy
    ========== ========================= ==============================================================================

    The last three are approximate: they propose candidates, and these are scored exactly. So a score is that of ``similarity``
    in every kind, and what can happen is that an item is *missed*; ``recall`` measures how many are, on data of yours. A
    promise of chapter 05 speaks of all pairs above a line: its precision stays if right and wrong pairs are missed alike, and
    its recall must be multiplied by ``recall(sample, threshold=line)``.

    Parameters
    ----------
    metric : {"cosine", "euclidean", "manhattan", "hamming", "dot"}
        Scores are those of ``similarity``: higher is more alike, euclidean and hamming are negated distances.
    kind : {"exact", "hnsw", "ivfpq", "binary"}
        hnsw and ivfpq need the ``scale`` extra. ivfpq is exact up to 1,023 vectors, too few to learn cells from.
    effort : int, optional
        For the approximate kinds: how many candidates of a query are scored. More miss less and take longer. By default 100
        (hnsw), 200 (ivfpq), 400 (binary); a ``search`` for more items scores as many as it is asked for.

    Raises
    ------
    ImportError
        If the kind needs an extra that is not installed.
    TypeError, ValueError
        For an unknown metric or kind, a metric that the kind does not know, an effort of less than 1 or for the exact kind.

    References
    ----------
    J. Johnson, M. Douze, H. Jégou, *Billion-scale similarity search with GPUs*, IEEE Trans. Big Data 7(3):535–547, 2021
    (the exhaustive index, IVF-PQ). Y. Malkov, D. Yashunin, *Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs*, IEEE TPAMI 42(4):824–836, 2020. H. Jégou, M. Douze, C. Schmid, *Product
    quantization for nearest neighbor search*, IEEE TPAMI 33(1):117–128, 2011.

    Notes
    -----
    Equal scores stand in the order of adding. The approximate kinds are built by the first search, or by ``save``. faiss builds
    a graph on several threads in no fixed order, so which items are missed may differ from run to run.

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
    >>> Index(kind="binary").add([[1, 0], [0, 1], [1, 1]]).search([[2, 1]], k=2).ids
    array([[2, 0]])
    """

    def __init__(self, metric: str = "cosine", kind: str = "exact", *, effort: int | None = None) -> None:
        self.metric, self.kind = one_of(metric, "metric", METRICS), one_of(kind, "kind", KINDS)
        self._effort: int | None = None
        if kind != "exact":
            if metric not in ENGINES[kind].metrics:
                known = ", ".join(map(repr, ENGINES[kind].metrics))
                raise ValueError(f"metric is {metric!r}; kind={kind!r} knows {known}, and kind='exact' all")
            ENGINES[kind].check()
            self.effort = ENGINES[kind].effort if effort is None else effort
        elif effort is not None:
            self.effort = effort
        # Columns and kind of bits of what was added, without the rows themselves.
        self._form: Rows | None = None
        self._rows: list[np.ndarray] = []  # with those that are removed, as long as they are less than half
        self._ids: list[np.ndarray] | None = None  # None: ids are the row numbers
        self._numbered, self._count = True, 0  # whether ids are given by us, and how many were
        self._seen: set[Any] = set()
        self._gone: np.ndarray | None = None  # which rows are removed; None: none is
        self._gallery: Gallery | None = None
        self._engine: Engine | None = None

    def add(self, vectors: Any, ids: Any = None) -> Index:
        """Add vectors behind those already there; adding in pieces equals adding at once.

        A read-only memory map of floats (``np.load(file, mmap_mode="r")``) is not copied, so it may be larger than memory.
        Pieces are joined in memory by the first search; after ``save`` and ``load`` they are one file, mapped.

        Parameters
        ----------
        vectors : (n, d)
            For hamming: packed bits (uint8, as ``binarize(…, packed=True)`` makes them), or bool, {0, 1}, {-1, 1}.
        ids : n str or n int, optional
            A list, an array or a column of a table; each id once in the whole index. If never given, the numbers 0, 1, 2, …
            of all that was ever added.

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
        mapped = self._mapped(vectors)
        rows = mapped or self._as_rows(vectors, "vectors")
        n = len(rows.data)
        new = None if ids is None else as_ids(ids, "ids", n)
        if n:
            if self._rows and (new is None) != self._numbered:
                before, now = ("without", "with") if self._numbered else ("with", "without")
                raise ValueError(
                    f"vectors were added {before} ids before and now {now}; want the one or the other"
                )
            if new is not None:
                self._add_ids(new)
            elif self._ids is not None:
                self._ids.append(np.arange(self._count, self._count + n))
            self._numbered, self._count = new is None, self._count + n
            data = (
                rows.data if mapped else rows.data.copy()
            )  # what the caller does to it later changes nothing here
            data.flags.writeable = False
            self._rows.append(data)
            self._gallery = None
            if self._gone is not None:
                self._gone = np.concatenate([self._gone, np.zeros(n, bool)])
        if self._form is not None and self._form.bits == "either" and rows.bits == "unpacked":
            # What was kept as bytes of 0 and 1 is bits after all.
            at = len(self._rows) - bool(n)
            self._rows[:at] = [
                as_rows(x.view(np.uint8)[:, : rows.columns], "hamming", "vectors", like=rows).data
                for x in self._rows[:at]
            ]
        self._form = rows._replace(data=None)
        return self

    def remove(self, ids: Any) -> Index:
        """Take items out of the index; all others keep their ids.

        A removed id may be added again; a number that the index itself has given is not given again. Removed vectors leave
        memory, and for the kinds with an engine the folder of a save, when they are more than half of all. Those that are
        mapped stay where they are until ``save`` with ``kind="exact"`` writes the others anew.

        Parameters
        ----------
        ids : str or int, any number
            Each id once, and each of an item that is there.

        Returns
        -------
        Index
            Itself.

        Raises
        ------
        TypeError, ValueError
            For ids of another type, an id that is not in the index, or one that comes twice. Nothing is removed then.

        Examples
        --------
        >>> from mmalign_nb.search import Index
        >>> index = Index().add([[1, 0], [0, 1], [1, 1]]).remove([0])
        >>> index.search([[2, 1]], k=2).ids.tolist(), index.add([[1, 0]]).ids.tolist()
        ([[2, 1]], [1, 2, 3])
        """
        wanted = as_ids(ids, "ids")
        if not len(wanted):
            return self
        held = self._every_id()
        fresh = set(listed := wanted.tolist())
        if len(held) and (wanted.dtype.kind == "U") != (held.dtype.kind == "U"):
            now, before = ("str", "int") if wanted.dtype.kind == "U" else ("int", "str")
            raise TypeError(f"ids has {now}; the index has {before} ids: want the same")
        if len(fresh) < len(listed):
            raise ValueError(f"ids has {_twice(listed)!r} twice; want each id once")
        going = _is_in(held, wanted)
        if self._gone is not None:
            going &= ~self._gone
        if going.sum() < len(wanted):
            unknown = min(fresh - set(held[going].tolist()))
            raise ValueError(f"ids has {unknown!r}, which the index does not have; nothing was removed")
        self._ids = [held]
        self._seen -= fresh
        self._gone = going if self._gone is None else self._gone | going
        self._gallery = None
        if not len(self):
            self._rows, self._ids = [], [] if self._numbered else None
            self._gone = self._engine = None
        elif 2 * self._gone.sum() > len(held) and not any(isinstance(x.base, np.memmap) for x in self._rows):
            self._rows, self._ids = [self.vectors], [self.ids]
            self._gone = self._engine = None
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
            raise ValueError(f"{name} has {_twice(listed)!r} twice; want each id once")
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
    def effort(self) -> int | None:
        """How many candidates of a query are scored; may be set at any time. None for the exact kind, which scores all."""
        return self._effort

    @effort.setter
    def effort(self, value: int) -> None:
        if self.kind == "exact":
            raise ValueError(f"effort is {value!r:.80} and kind='exact' looks at everything; want None")
        self._effort = as_count(value, "effort")

    @property
    def dim(self) -> int | None:
        """How many columns the vectors have; None before the first ones came."""
        return None if self._form is None else self._form.columns

    def _mapped(self, x: Any) -> Rows | None:
        """A read-only memory map of vectors, checked a piece at a time and not copied; None for anything else."""
        if not isinstance(x, np.memmap) or x.flags.writeable or x.ndim != 2 or self.metric == "hamming":
            return None
        data = x.view(np.ndarray)
        if data.dtype not in ("float32", "float64") or not data.flags.c_contiguous or not data.size:
            return None
        return Rows(data, data.shape[1]) if self._check_pieces(data, "vectors") else None

    def _check_pieces(self, data: np.ndarray, name: str) -> bool:
        """Check vectors some megabytes at a time; says whether they can stay as they are."""
        step = max(1, 2**22 // data.shape[1])
        for s in range(0, len(data), step):
            rows = f"{name}, rows {s} to {min(s + step, len(data)) - 1}," if len(data) > step else name
            if not np.shares_memory(self._as_rows(data[s : s + step], rows).data, data):
                return False
        return True

    def _all(self) -> np.ndarray:
        """All rows, with those that are removed."""
        if len(self._rows) > 1:
            self._rows = [np.concatenate(self._rows)]
            self._rows[0].flags.writeable = False
        return self._rows[0] if self._rows else np.empty((0, self.dim or 0), np.float32)

    @property
    def vectors(self) -> np.ndarray:
        """The vectors as kept, read-only: float32 or float64 ``(n, d)``, as they came; for hamming uint64 words of bits.

        Memory-mapped after load; a copy after ``remove``.
        """
        return _living(self._all(), self._gone)

    @property
    def ids(self) -> np.ndarray:
        """The ids in the order of adding, read-only: str, int64 or (for ids above 2⁶³ − 1) uint64 ``(n,)``."""
        return _living(self._every_id(), self._gone)

    def _every_id(self) -> np.ndarray:
        """The ids of all rows, with those that are removed."""
        if self._ids is None:
            return np.arange(self._count)
        if len(self._ids) != 1:
            self._ids = [np.concatenate(self._ids or [np.empty(0, np.int64)])]
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
            self._gallery = Gallery(self._all(), self.metric, self._gone)
        return rows.data, self._gallery

    def _proposing(self) -> Engine | None:
        """What proposes candidates, with all rows in it; None where all are looked at."""
        rows = self._all()
        if self.kind == "exact" or len(rows) < ENGINES[self.kind].least:
            return None
        if self._engine is None or self._engine.stale(len(rows)):
            self._engine = ENGINES[self.kind].of(rows, self.metric)
        self._engine.add(rows[self._engine.n :])
        return self._engine

    def _top(self, rows: np.ndarray, gallery: Gallery, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest rows of each query that this kind finds; never fewer than k."""
        engine = self._proposing() if len(rows) else None
        if engine is None:
            return top_k(rows, gallery, k, self.metric)
        count = min(max(self.effort or 0, k), len(self))
        parts = [
            best_of(rows[at], gallery, engine.candidates(rows[at], count, self._gone), k)
            for at in _blocks(np.arange(len(rows)), count)
        ]
        found, scores = (np.concatenate(x) for x in zip(*parts, strict=True))
        few = np.flatnonzero(found[:, -1] < 0)
        if len(few):
            found[few], scores[few] = top_k(rows[few], gallery, k, self.metric)
        return found, scores

    def _above(self, rows: np.ndarray, gallery: Gallery, least: float) -> list[tuple[np.ndarray, ...]]:
        """All pairs at or above a line that this kind finds: parts of (query, row, score)."""
        todo, count = np.arange(len(rows)), self.effort or 0
        parts: list[tuple[np.ndarray, ...]] = []
        with np.errstate(over="ignore"):  # a line beyond all numbers of float32
            line = np.float32(least)
        engine = self._proposing() if len(rows) else None
        while engine is not None and len(todo) and 8 * count < len(self):
            left = []
            for at in _blocks(todo, count):
                found, scores = best_of(
                    rows[at], gallery, engine.candidates(rows[at], count, self._gone), count
                )
                hit = (scores >= line) & (found >= 0)
                more = (
                    hit.sum(axis=1) > count // 2
                )  # so many that others may reach the line, too: look at more
                i, j = np.nonzero(hit & ~more[:, None])
                parts.append((at[i], found[i, j], scores[i, j]))
                left.append(at[more])
            todo, count = np.concatenate(left), 4 * count
        if len(todo):
            exact = above(rows[todo], gallery, least, self.metric)
            parts += [(todo[i], j, scores) for i, j, scores in exact]
        return parts

    def search(self, queries: Any, k: int = 10) -> Hits:
        """Return the k nearest items of each query that are found, best first; always k, or all if the index has fewer.

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
        k = as_count(k, "k")
        rows, gallery = self._prepare(queries)
        found, scores = self._top(rows, gallery, min(k, len(self)))
        return Hits(self._every_id()[found], scores)

    def search_range(self, queries: Any, threshold: float) -> RangeHits:
        """Return all items whose score is at least ``threshold``, however many; an approximate kind may miss some.

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
        none = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        parts = [none, *self._above(rows, gallery, as_threshold(threshold))]
        i, j, scores = (np.concatenate(x) for x in zip(*parts, strict=True))
        order = np.lexsort((j, -scores, i))
        return RangeHits(i[order], self._every_id()[j[order]], scores[order])

    def recall(self, sample: Any, k: int = 10, *, threshold: Any = None, confidence: float = 0.95) -> Recall:
        """Measure which share of the right items this index finds, by asking the exact one the same.

        Without ``threshold`` the right items of a query are its k nearest, else all at or above that line. The share is the mean
        over the queries that have any, and its interval holds for whatever shares single queries have (a Chernoff bound:
        Hoeffding 1963, theorem 1), so that some hundred queries are wanted. For ``kind="exact"`` it is 1.

        Parameters
        ----------
        sample : (n, d)
            Queries like those to come. Vectors of the index itself are found too easily.
        k : int
            Not used with a threshold.
        threshold : float or Threshold, optional
        confidence : float
            Of the interval.

        Returns
        -------
        Recall(share, low, high, queries, found, wanted)
            The share NaN, and the interval 0 to 1, if no query has a right item.

        Raises
        ------
        TypeError, ValueError
            As ``search`` and ``search_range``, and for a confidence that is not between 0 and 1.

        Examples
        --------
        >>> import numpy as np
        >>> from mmalign_nb.search import Index
        >>> x = np.random.default_rng(0).normal(size=(3000, 32))
        >>> index = Index(kind="binary", effort=40).add(x[:2800])
        >>> index.recall(x[2800:], k=5)._replace(found=0, wanted=0).share > 0.5
        True
        """
        confidence = as_number(confidence, "confidence", 0, 1, above=True, below=True)
        k = as_count(k, "k")
        rows, gallery = self._prepare(sample)
        if threshold is None:
            k = min(k, len(self))
            least = top_k(rows, gallery, k, self.metric)[1][:, -1:]
            wanted, right = np.full(len(rows), k), (self._top(rows, gallery, k)[1] >= least).sum(axis=1)
        else:
            line = as_threshold(threshold)
            wanted, right = (
                np.bincount(
                    np.concatenate([np.empty(0, np.int64), *(x[0] for x in parts)]), minlength=len(rows)
                )
                for parts in (above(rows, gallery, line, self.metric), self._above(rows, gallery, line))
            )
        asked = wanted > 0
        share = float((right[asked] / wanted[asked]).mean()) if asked.any() else float("nan")
        low, high = (
            mean_bounds(share, int(asked.sum()), confidence) if self.kind != "exact" else (share, share)
        )
        return Recall(share, low, high, int(asked.sum()), int(right.sum()), int(wanted.sum()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a folder, whole or not at all.

        The folder has ``vectors-….npy``, ``ids-….npy`` where ids were given, for approximate kinds ``engine-….npz``, and
        ``index.json``, which names them with their sizes and SHA-256 checksums. New arrays are written beside the old ones and brought to the disk, then
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
        folder, engine = as_path(path), self._proposing()
        # What is removed stays in a folder only where an engine counts on its place.
        gone = None if engine is None else self._gone
        leave_out = self._gone if engine is None else None
        n = len(self) + (0 if gone is None else int(gone.sum()))
        facts = {"metric": self.metric, "n": n, "dim": self.dim}
        facts["bits"] = "" if self._form is None else self._form.bits
        facts |= {"kind": self.kind, "effort": self.effort, "numbered": self._numbered, "count": self._count}
        parts: dict[str, Callable[[BinaryIO], None]] = {}
        if len(self):
            parts["vectors"] = partial(_put_rows, self._rows, leave_out, n)
        if self._ids is not None:
            parts["ids"] = partial(_put, _living(self._every_id(), leave_out))
        if gone is not None:
            parts["removed"] = partial(_put, np.flatnonzero(gone))
        if engine is not None:
            parts["engine"] = partial(write_archive, config={}, arrays=engine.everything())
        write(_KIND, folder, facts, parts)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Index:
        """Read an index that ``save`` wrote; the vectors stay on disk and are mapped into memory.

        No number in the files is believed before it is compared with the bytes that are there, and nothing is
        unpickled. While another process saves, this gives the old index or the new one. Of hnsw and ivfpq faiss reads a
        part, after its checksum was compared; who can write both can feed faiss: load such folders only from those you trust.

        Parameters
        ----------
        path : str or path
            The folder.
        verify : bool
            Whether to compare the vectors with their checksum, which takes about 2 s per GB. Without it still all of
            them are read once, to refuse NaN; all else is compared in any case.

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
            parts, packed = {}, None
            for name, opened_file in files.items():
                if verify or name != "vectors":
                    check_sum(_KIND, opened_file, facts["parts"][name])
                if name == "engine":
                    packed = opened_file.name, read_archive(opened_file)
                else:
                    parts[name] = opened_file.name, _array(opened_file, mapped=name == "vectors")
        index = cls(facts["metric"], facts.get("kind", "exact"), effort=facts.get("effort"))
        n, dim = facts["n"], facts["dim"]
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
            if index.metric != "hamming":
                index._check_pieces(vectors, str(file))
        if "removed" in parts:
            file, at = parts["removed"]
            fits = at.dtype == np.int64 and at.ndim == 1 and 0 < len(at) < n
            if not fits or at[0] < 0 or at[-1] >= n or (np.diff(at) <= 0).any():
                raise ValueError(
                    f"{file} has {at.dtype} {at.shape}; want some of the rows 0 to {n - 1}, ascending"
                )
            index._gone = np.isin(np.arange(n), at)
        index._numbered = bool(facts.get("numbered", "ids" not in parts))
        index._count = as_count(facts.get("count", n), "count", 0)
        if "ids" in parts:
            file, ids = parts["ids"]
            if ids.dtype.kind != "U" and ids.dtype not in ("int64", "uint64"):
                raise ValueError(f"{file} has {ids.dtype} {ids.shape}; want {n} str or int")
            ids = as_ids(ids, file, n)
            index._add_ids(_living(ids, index._gone), file)
            index._ids = [ids]
            if (
                index._numbered
                and n
                and not (ids.dtype == np.int64 and 0 <= ids.min() <= ids.max() < index._count)
            ):
                raise ValueError(
                    f"{file} has ids from {ids.min()} to {ids.max()}; want numbers below {index._count}"
                )
        elif index._count != n or index._gone is not None or not index._numbered:
            raise ValueError(f"{path} has no ids, and its {n} vectors are not the numbers 0 to {n - 1}")
        if packed is not None and index.kind != "exact":
            index._engine = ENGINES[index.kind].read(packed[1], index.metric, n, dim, packed[0])
        return index

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows) - (0 if self._gone is None else int(self._gone.sum()))

    def __repr__(self) -> str:
        kind = "" if self.kind == "exact" else f", kind={self.kind!r}"
        return f"Index(metric={self.metric!r}{kind}, n={len(self)}, dim={self.dim})"


def sides(queries: Any, index: Index) -> tuple[np.ndarray, np.ndarray]:
    """Two sides ready to be scored: checked queries and the vectors of an index, in the order of its ids."""
    return index._prepare(queries)[0] if len(index) else index._as_rows(
        queries, "queries"
    ).data, index.vectors


def _blocks(at: np.ndarray, count: int) -> list[np.ndarray]:
    """Queries in parts, of which so many candidates take some megabytes."""
    step = max(1, 2**20 // count)
    return [at[s : s + step] for s in range(0, len(at), step)]


def _living(x: np.ndarray, gone: np.ndarray | None) -> np.ndarray:
    """What is not gone, read-only."""
    out = x if gone is None else x[~gone]
    out.flags.writeable = False
    return out


def _twice(listed: list[Any]) -> Any:
    return min(x for x, count in Counter(listed).items() if count > 1)


def _is_in(held: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which of the ids held are wanted; int64 and uint64 are not compared as floats, as NumPy would."""
    if held.dtype != wanted.dtype and held.dtype.kind in "iu":
        wanted = wanted[(wanted >= 0) & (wanted <= int(np.iinfo(held.dtype).max))].astype(held.dtype)
    return np.isin(held, wanted)


def _put_rows(pieces: list[np.ndarray], gone: np.ndarray | None, n: int, file: BinaryIO) -> None:
    """Write the rows of some arrays as one, without those that are gone, and without joining them in memory."""
    dtype = np.result_type(*pieces)
    head = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (n, pieces[0].shape[1]),
    }
    np.lib.format.write_array_header_1_0(file, head)
    start = 0
    for piece in pieces:
        step = max(1, 2**22 // piece.shape[1])
        for s in range(0, len(piece), step):
            block = piece[s : s + step]
            keep = slice(None) if gone is None else ~gone[start + s : start + s + len(block)]
            file.write(np.ascontiguousarray(block[keep], dtype).data)
        start += len(piece)


def _put(array: np.ndarray, file: BinaryIO) -> None:
    np.save(file, array, allow_pickle=False)


def _array(file: BinaryIO, mapped: bool) -> np.ndarray:
    """The array of a file, after its header was compared with its size; a mapped one stays on the disk."""
    head = read_header(file, os.fstat(file.fileno()).st_size, file.name)
    file.seek(0)
    if mapped:
        return np.memmap(file, mode="r", **head).view(np.ndarray)
    return read_array(file.read(), head, file.name)
