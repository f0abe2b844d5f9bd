"""An exact index: add vectors once, ask for the nearest ones many times."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._check import as_matrix, describe, one_of
from ._scores import as_bits, as_words, check_directions
from ._topk import Gallery, above, top_k

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
        self.dim: int | None = None
        self._packed = False  # hamming: whether bits come as packed bytes; they are kept as 64-bit words
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
        rows, packed, dim = self._as_rows(vectors, "vectors")
        if not len(rows):
            self.dim, self._packed = dim, packed
            return self
        if len(self) and (ids is None) != (self._ids is None):
            before, now = ("without", "with") if self._ids is None else ("with", "without")
            raise ValueError(
                f"vectors were added {before} ids before and now {now}; want the one or the other"
            )
        if ids is not None:
            self._add_ids(ids, len(rows))
        # A copy, so that what the caller does to the array later doesn't change the index.
        self._rows.append(rows.copy() if np.shares_memory(rows, vectors) else rows)
        self.dim, self._packed, self._gallery = dim, packed, None
        return self

    def _add_ids(self, ids: Any, n: int) -> None:
        new = np.asarray(ids)
        if new.ndim != 1 or new.dtype.kind not in "iuU" or len(new) != n:
            raise ValueError(f"ids is {describe(ids)}; want {n} str or {n} int, one per vector")
        new = new if new.dtype.kind == "U" else new.astype(np.int64)
        if self._ids and self._ids[0].dtype.kind != new.dtype.kind:
            kind = "int" if new.dtype.kind == "U" else "str"
            raise TypeError(f"ids is {describe(ids)}; the index has {kind} ids: want the same")
        if self._seen is None:
            self._seen = set() if not self._ids else set(self.ids.tolist())
        seen, listed = self._seen, new.tolist()
        if len(set(listed)) < n or not seen.isdisjoint(listed):
            twice = next(x for i, x in enumerate(listed) if x in seen or x in listed[:i])
            raise ValueError(f"ids has {twice!r} twice or the index has it already; want each id once")
        seen.update(listed)
        self._ids = [*(self._ids or []), new]

    def _as_rows(self, x: Any, name: str) -> tuple[np.ndarray, bool, int]:
        """Check vectors or queries: the rows as they are kept, whether they are packed bits, their columns."""
        packed = False
        if self.metric == "hamming":
            rows, kind = as_bits(x, name)
            packed = kind != "unpacked"
            if self.dim is not None and packed != self._packed:
                want, got = ("packed", "unpacked") if self._packed else ("unpacked", "packed")
                raise ValueError(
                    f"{name} is {got} bits ({describe(x)}); the index has {want} bits: want the same"
                )
        else:
            rows = as_matrix(x, name, allow_empty=True)
        if self.dim is not None and rows.shape[1] != self.dim:
            raise ValueError(f"{name} has {rows.shape[1]} columns; want {self.dim} as in the index")
        dim = rows.shape[1]
        if self.metric == "cosine":
            check_directions(rows, name)
        elif self.metric == "hamming":
            rows = as_words(rows if packed else np.packbits(rows, axis=1))
        return rows, packed, dim

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
        rows = self._as_rows(queries, "queries")[0]
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
        parts += above(rows, gallery, float(threshold), self.metric)
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
        facts = {"format": 1, "metric": self.metric, "n": len(self), "dim": self.dim, "packed": self._packed}
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
        index.dim, index._packed = facts["dim"], facts["packed"]
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
