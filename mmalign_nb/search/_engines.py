"""What proposes candidates in the approximate kinds of an index: a graph, cells with short codes, or bits.

An engine only says which rows are worth a look. Their scores are computed exactly by ``similarity.best_of``, so whatever an
engine gets wrong is a missed item and never a wrong score. Each takes vectors in a form of its own: unit rows for cosine,
moved to their mean for euclidean, and scaled, so that squares stay inside float32.

References: Y. Malkov, D. Yashunin, *Efficient and robust approximate nearest neighbor search using HNSW graphs*, IEEE
TPAMI 42(4), 2020; H. Jégou, M. Douze, C. Schmid, *Product quantization for nearest neighbor search*, IEEE TPAMI 33(1),
2011; M. Charikar, *Similarity estimation techniques from rounding algorithms*, STOC 2002.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._check import need
from ..similarity import Gallery, binarize, norms, top_k

__all__ = ["ENGINES", "Bits", "Cells", "Engine", "Graph"]

_BLOCK = 2**20  # numbers that are brought into form at once, so that mapped vectors stay on the disk


def _faiss(kind: str) -> Any:
    return need("faiss", f"kind={kind!r}", "scale")


def _spread(n: int, most: int) -> np.ndarray:
    """Up to so many of n rows, evenly spaced: a sample without chance."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


class Engine:
    """The common part: the form of the vectors, and how many of them are in."""

    kind = ""
    metrics: tuple[str, ...] = ("cosine", "euclidean", "dot")
    effort = 0  # how many candidates of a query are scored, if nobody says how many
    least = 1  # below so many vectors to look at all of them is quicker

    def __init__(self, metric: str, mean: np.ndarray, scale: float, learnt: int) -> None:
        self.metric, self.mean, self.scale, self.learnt, self.n = metric, mean, scale, learnt, 0

    @classmethod
    def check(cls) -> None:
        """Say what is missing to use this kind."""
        _faiss(cls.kind)

    @classmethod
    def of(cls, rows: np.ndarray, metric: str) -> Engine:
        """An engine of all these rows."""
        sample = rows[_spread(len(rows), _BLOCK // rows.shape[1] + 1)]
        mean = np.zeros(rows.shape[1])
        if metric == "cosine" and cls.kind == "binary":
            mean = (sample / norms(sample)[:, None]).mean(axis=0)
        elif metric == "euclidean":
            mean = sample.mean(axis=0, dtype=np.float64)
        moved = sample - mean
        largest = float(np.abs(moved).max(initial=0)) if metric != "cosine" else 1.0
        out = cls(metric, mean, 1 / largest if largest > 0 else 1.0, len(rows))
        out.start(rows)
        out.add(rows)
        return out

    def form(self, rows: np.ndarray) -> np.ndarray:
        """Some vectors as the engine takes them: float32, C-contiguous."""
        x = rows / norms(rows)[:, None] if self.metric == "cosine" else rows
        limit = (
            float(np.finfo(np.float32).max) ** 0.25
        )  # what a later vector may be larger than the first ones
        return np.ascontiguousarray(np.clip((x - self.mean) * self.scale, -limit, limit), np.float32)

    def add(self, rows: np.ndarray) -> None:
        """Take in the rows behind those already in."""
        step = _BLOCK // rows.shape[1] + 1
        for s in range(0, len(rows), step):
            self.put(self.form(rows[s : s + step]))
        self.n += len(rows)

    def stale(self, n: int) -> bool:
        """Whether an index of n rows deserves a new engine."""
        return False

    def start(self, rows: np.ndarray) -> None:
        """Make an empty engine for vectors like these."""
        raise NotImplementedError

    def put(self, x: np.ndarray) -> None:
        """Take in rows that have the form."""
        raise NotImplementedError

    def candidates(self, queries: np.ndarray, count: int, gone: np.ndarray | None) -> np.ndarray:
        """For each query ``count`` rows worth a look, each once, but none that is gone: int64 ``(n, count)``, -1 for none."""
        raise NotImplementedError

    def everything(self) -> dict[str, np.ndarray]:
        """All of the engine, for the disk."""
        scale, learnt = np.asarray(self.scale, np.float64), np.asarray(self.learnt, np.int64)
        return {"mean": self.mean, "scale": scale, "learnt": learnt, **self.own()}

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray], metric: str, n: int, dim: int, file: Any) -> Engine:
        """The engine of which ``everything`` are these arrays, of an index of n vectors; ``file`` is for errors."""
        try:
            mean, scale, learnt = arrays["mean"], arrays["scale"], arrays["learnt"]
            if mean.dtype != np.float64 or mean.shape != (dim,) or scale.shape or learnt.shape:
                raise ValueError(f"mean is {mean.dtype} {mean.shape}")
            out = cls(metric, mean, float(scale), int(learnt))
            out.restore(arrays)
            if out.n != n:
                raise ValueError(f"it holds {out.n} vectors")
        except Exception as err:  # whatever the content is, it is the file that is wrong
            why = " ".join(str(err).split())[:200]
            raise ValueError(f"{file} holds no engine of {n} vectors ({why}): {cls.again}") from err
        return out

    again = "build the index again"

    def own(self) -> dict[str, np.ndarray]:
        """What is of this kind alone, for the disk."""
        raise NotImplementedError

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what ``own`` gave; raises whatever where it is something else."""
        raise NotImplementedError


class _Faiss(Engine):
    """What graph and cells have in common: the calls of faiss. Its distances decide nothing here but who is a candidate."""

    index: Any
    type = ""

    def put(self, x: np.ndarray) -> None:
        self.index.add(x)

    def _options(self, count: int) -> dict[str, Any]:
        raise NotImplementedError

    def candidates(self, queries: np.ndarray, count: int, gone: np.ndarray | None) -> np.ndarray:
        faiss = _faiss(self.kind)
        options = self._options(count)
        if gone is not None:
            bits = np.packbits(~gone, bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bits)
        make = {"hnsw": faiss.SearchParametersHNSW, "ivfpq": faiss.SearchParametersIVF}[self.kind]
        out: np.ndarray = self.index.search(self.form(queries), count, params=make(**options))[1]
        return out

    def own(self) -> dict[str, np.ndarray]:
        return {"faiss": _faiss(self.kind).serialize_index(self.index)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        faiss = _faiss(self.kind)
        self.index = faiss.deserialize_index(arrays["faiss"])
        self.n = int(self.index.ntotal)
        if not isinstance(self.index, getattr(faiss, self.type)) or self.index.d != self.width(
            len(self.mean)
        ):
            raise ValueError(f"faiss reads a {type(self.index).__name__} of {self.index.d} columns")

    def width(self, dim: int) -> int:
        """Columns of the form."""
        return dim


class Graph(_Faiss):
    """A small-world graph (HNSW): walk from neighbour to neighbour towards the query. Holds a copy of the vectors."""

    kind, effort, type = "hnsw", 100, "IndexHNSW"

    def start(self, rows: np.ndarray) -> None:
        faiss = _faiss(self.kind)
        measure = faiss.METRIC_INNER_PRODUCT if self.metric == "dot" else faiss.METRIC_L2
        self.index = faiss.IndexHNSWFlat(rows.shape[1], 32, measure)
        self.index.hnsw.efConstruction = 100

    def _options(self, count: int) -> dict[str, Any]:
        return {"efSearch": count}


class Cells(_Faiss):
    """Cells round centres (IVF), and in each cell codes of a byte for four columns (PQ): look into the nearest cells."""

    kind, effort, type, least = "ivfpq", 200, "IndexIVFPQ", 1024

    def start(self, rows: np.ndarray) -> None:
        faiss = _faiss(self.kind)
        measure = faiss.METRIC_INNER_PRODUCT if self.metric == "dot" else faiss.METRIC_L2
        n, width = len(rows), self.width(rows.shape[1])
        cells = max(1, min(int(4 * n**0.5), n // 39))
        self.index = faiss.index_factory(
            width, f"IVF{cells},PQ{width // 4}x8np", measure
        )  # np: not sorted for Hamming
        for cp in (self.index.cp, self.index.pq.cp):
            cp.min_points_per_centroid = 1  # else faiss writes warnings past Python
            cp.niter = 10
        self.index.train(self.form(rows[_spread(n, max(40 * cells, 2**15))]))

    def form(self, rows: np.ndarray) -> np.ndarray:
        x = super().form(rows)
        return np.pad(x, ((0, 0), (0, self.width(x.shape[1]) - x.shape[1])))

    def width(self, dim: int) -> int:
        return -(-dim // 4) * 4

    def stale(self, n: int) -> bool:
        return n >= 4 * self.learnt  # cells fit what was there when they were learnt

    def _options(self, count: int) -> dict[str, Any]:
        return {"nprobe": min(self.index.nlist, max(8, count // 8))}


class Bits(Engine):
    """A bit for each side of a random plane through the middle: the angle decides how many bits differ. 1/16 of float32 or less."""

    kind, effort, metrics = "binary", 400, ("cosine",)

    @classmethod
    def check(cls) -> None:
        """Nothing is missing: the bits are counted by ``similarity``."""

    def start(self, rows: np.ndarray) -> None:
        bits = max(256, -(-rows.shape[1] // 64) * 64)
        self.planes = np.random.default_rng(0).standard_normal((rows.shape[1], bits), dtype=np.float32)
        self.codes: list[np.ndarray] = []

    def _code(self, x: np.ndarray) -> np.ndarray:
        return binarize(x @ self.planes, packed=True).view(np.uint64)

    def put(self, x: np.ndarray) -> None:
        self.codes.append(self._code(x))

    def candidates(self, queries: np.ndarray, count: int, gone: np.ndarray | None) -> np.ndarray:
        self.codes = [np.concatenate(self.codes)] if len(self.codes) > 1 else self.codes
        gallery = Gallery(self.codes[0], "hamming", gone)
        return top_k(self._code(self.form(queries)), gallery, count, "hamming")[0]

    def own(self) -> dict[str, np.ndarray]:
        return {"planes": self.planes, "codes": np.concatenate(self.codes)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.planes, codes = arrays["planes"], arrays["codes"]
        fits = codes.dtype == np.uint64 and codes.ndim == 2 and codes.shape[1] * 64 == self.planes.shape[1]
        if not fits or self.planes.dtype != np.float32 or len(self.planes) != len(self.mean):
            raise ValueError(f"planes {self.planes.shape} and codes {codes.dtype} {codes.shape}")
        self.codes, self.n = [codes], len(codes)


ENGINES: dict[str, type[Engine]] = {x.kind: x for x in (Graph, Cells, Bits)}
