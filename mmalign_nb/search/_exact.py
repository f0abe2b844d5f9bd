"""An exact index: add vectors once, ask for the nearest ones many times."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._check import as_ids, as_threshold, check_nonzero_rows, one_of
from ..similarity import Gallery, Rows, above, as_rows, norms, top_k

__all__ = ["Hits", "Index", "RangeHits"]


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
    metric : {"cosine", "dot", "euclidean", "hamming"}
        Scores are those of ``similarity``: higher is more alike, euclidean and hamming are negated distances.

    Raises
    ------
    ValueError
        For an unknown metric.

    References
    ----------
    J. Johnson, M. Douze, H. Jégou, *Billion-scale similarity search with GPUs*, IEEE Trans. Big Data 7(3):535–547, 2021
    (the exhaustive index, there called flat).

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
        self.metric = one_of(metric, "metric", ("cosine", "dot", "euclidean", "hamming"))
        self._form: Rows | None = (
            None  # columns and kind of bits of what was added, without the rows themselves
        )
        self._rows: list[np.ndarray] = []
        self._ids: list[np.ndarray] | None = None  # None: ids are the row numbers
        self._seen: set[Any] | None = None
        self._gallery: Gallery | None = None

    def add(self, vectors: Any, ids: Any = None) -> Index:
        """Add vectors behind those already there; adding in pieces equals adding at once.

        Parameters
        ----------
        vectors : (n, d)
            For hamming: packed bits (uint8, as ``binarize(…, packed=True)`` makes them), or bool, {0, 1}, {-1, 1}.
        ids : sequence of n str or n int, optional
            Each once in the whole index. Row numbers 0, 1, 2, … if never given.

        Returns
        -------
        Index
            Itself.

        Raises
        ------
        TypeError, ValueError
            For bad vectors, another number of columns than before, ids that come twice, mix str and int, or are given
            in one call and left out in another. Nothing is added then.

        Examples
        --------
        >>> from mmalign_nb.search import Index
        >>> index = Index("dot").add([[1, 0]], ids=["east"])
        >>> index.add([[0, 1], [1, 1]], ids=["north", "north-east"]).ids.tolist()
        ['east', 'north', 'north-east']
        """
        rows = self._as_rows(vectors, "vectors")
        if len(rows.data):
            if len(self) and (ids is None) != (self._ids is None):
                before, now = ("without", "with") if self._ids is None else ("with", "without")
                raise ValueError(
                    f"vectors were added {before} ids before and now {now}; want the one or the other"
                )
            if ids is not None:
                self._add_ids(ids, len(rows.data))
            self._rows.append(
                rows.data.copy()
            )  # what the caller does to the array later doesn't change the index
            self._gallery = None
        self._form = rows._replace(data=None)
        return self

    def _add_ids(self, ids: Any, n: int) -> None:
        new = as_ids(ids, "ids", n)
        if (
            self._ids
            and self._ids[0].dtype.kind != new.dtype.kind
            and "U" in (self._ids[0].dtype.kind, new.dtype.kind)
        ):
            kind = "int" if new.dtype.kind == "U" else "str"
            raise TypeError(
                f"ids has {'str' if kind == 'int' else 'int'}; the index has {kind} ids: want the same"
            )
        if self._seen is None:
            self._seen = set() if not self._ids else set(self.ids.tolist())
        twice = self._seen.intersection(listed := new.tolist())
        if not twice and len(set(listed)) < n:
            twice = {x for x, count in Counter(listed).items() if count > 1}
        if twice:
            raise ValueError(f"ids has {min(twice)!r} twice or the index has it already; want each id once")
        self._seen.update(listed)
        self._ids = [*(self._ids or []), new]

    def _as_rows(self, x: Any, name: str) -> Rows:
        """Vectors or queries, checked and in the form of those that are kept."""
        rows = as_rows(
            x, self.metric, name, like=self._form, other="the index", sparse=False, allow_empty=True
        )
        if self.metric == "cosine":
            check_nonzero_rows(norms(rows.data), name)
        return rows if rows.bits != "either" else rows._replace(bits="packed")

    @property
    def dim(self) -> int | None:
        """How many columns the vectors have; None before the first ones came."""
        return None if self._form is None else self._form.columns

    @property
    def vectors(self) -> np.ndarray:
        """The vectors as kept: float32 ``(n, d)``, or for hamming uint64 words of bits. Memory-mapped after load."""
        if len(self._rows) != 1:
            if not self._rows:
                return np.empty((0, self.dim or 0), np.float32)
            self._rows = [np.concatenate(self._rows)]
        return self._rows[0]

    @property
    def ids(self) -> np.ndarray:
        """The ids in the order of adding: str or int64 ``(n,)``."""
        if self._ids is None:
            return np.arange(len(self))
        self._ids = [np.concatenate(self._ids)]
        return self._ids[0]

    def _prepare(self, queries: Any) -> tuple[np.ndarray, Gallery]:
        if not len(self):
            raise ValueError("the index is empty; add vectors first")
        rows = self._as_rows(queries, "queries").data
        if self._gallery is None:
            self._gallery = Gallery(self.vectors, self.metric)
        return rows, self._gallery

    def search(self, queries: Any, k: int = 10) -> Hits:
        """Return the k nearest items of each query, best first; all of them if the index has fewer.

        Parameters
        ----------
        queries : (n, d)
        k : int

        Returns
        -------
        Hits(ids, scores)
            Both (n, min(k, len(index))).

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
        parts += above(rows, gallery, as_threshold(threshold), self.metric)
        i, j, scores = (np.concatenate(x) for x in zip(*parts, strict=True))
        order = np.lexsort((-scores, i))
        return RangeHits(i[order], self.ids[j[order]], scores[order])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a folder: ``vectors.npy``, ``ids.npy`` where ids were given, and ``index.json``.

        Each file is written beside its place and then moved there, so an index may be saved over the one it came from.

        Parameters
        ----------
        path : str or path
            A folder; made if it is not there.

        Raises
        ------
        OSError
            If the folder cannot be made or written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.search import Index
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Index().add([[1, 0]], ids=["east"]).save(folder)
        ...     sorted(file.name for file in pathlib.Path(folder).iterdir())
        ['ids.npy', 'index.json', 'vectors.npy']
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"vectors": self.vectors} | ({} if self._ids is None else {"ids": self.ids})
        for name, array in arrays.items():
            part = folder / f"{name}.npy.part"
            with part.open("wb") as file:
                np.save(file, array, allow_pickle=False)
            part.replace(folder / f"{name}.npy")
        facts = {"format": 1, "metric": self.metric, "n": len(self), "dim": self.dim}
        facts["packed"] = self._form is not None and self._form.bits == "packed"
        facts["ids"] = self._ids is not None
        (folder / "index.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Index:
        """Read an index that ``save`` wrote; the vectors stay on disk and are mapped into memory.

        Parameters
        ----------
        path : str or path
            The folder.

        Returns
        -------
        Index

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder holds no index, or its files don't belong together.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.search import Index
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     Index().add([[3, 4], [1, 0]], ids=["up", "east"]).save(folder)
        ...     Index.load(folder).search([[1, 2]], k=1).ids.tolist()
        [['up']]
        """
        folder = Path(path)
        if not (folder / "index.json").is_file():
            raise FileNotFoundError(f"{folder} has no index.json; want a folder that Index.save wrote")
        try:
            facts = json.loads((folder / "index.json").read_text(encoding="utf-8"))
            missing = {"format", "metric", "n", "dim", "packed", "ids"} - set(facts)
        except (ValueError, TypeError) as err:
            raise ValueError(f"{folder / 'index.json'} is not what Index.save wrote ({err})") from err
        if missing:
            raise ValueError(f"{folder / 'index.json'} is not what Index.save wrote (no {min(missing)!r})")
        if facts["format"] != 1:
            raise ValueError(f"{folder} has format {facts['format']!r}; this version reads format 1")
        index = cls(facts["metric"])
        vectors = np.load(folder / "vectors.npy", mmap_mode="r" if facts["n"] else None, allow_pickle=False)
        if facts["dim"] is not None:
            bits = ("packed" if facts["packed"] else "unpacked") if index.metric == "hamming" else ""
            index._form = Rows(None, facts["dim"], bits)
        index._rows = [vectors.view(np.ndarray)] if facts["n"] else []
        if facts["ids"]:
            index._ids = [np.load(folder / "ids.npy", allow_pickle=False)]
        if len(vectors) != facts["n"] or len(index.ids) != facts["n"]:
            raise ValueError(
                f"{folder} has {len(vectors)} vectors and {len(index.ids)} ids; index.json says {facts['n']}: "
                "save it again"
            )
        return index

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows)

    def __repr__(self) -> str:
        return f"Index(metric={self.metric!r}, n={len(self)}, dim={self.dim})"
