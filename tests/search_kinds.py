"""Every kind of search index, as the contract in ``test_search_contract.py`` meets it: one more kind is one more entry."""

import importlib.util
import os
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmalign_nb.search import Index, MilvusIndex


class Kind(NamedTuple):
    """How to make an index, how to close it and open it anew, and what it promises beyond the contract."""

    name: str
    make: Callable[[str, Path], Any]  # (metric, a fresh folder) -> an empty index
    again: Callable[[Any, Path], Any]  # (index, the same folder) -> the index, opened anew
    metrics: tuple[str, ...]
    exact: bool = False  # finds everything
    upserts: bool = False  # an id that is there already is replaced; else refused
    ordered_ties: bool = True  # equal scores in the order of adding
    tolerance: float = 0.0  # of scores
    filters: bool = False
    items: int = 300  # how many the tests put in


def saved(index: Index, folder: Path) -> Index:
    index.save(folder / "index")
    return Index.load(folder / "index")


def of_kind(name: str, metrics: tuple[str, ...], effort: int | None = None, **more: Any) -> Kind:
    """Little effort, so that a range search, too, asks the engine and does not look at all of so few items."""
    return Kind(name, lambda metric, folder: Index(metric, name, effort=effort), saved, metrics, **more)


KINDS = [
    of_kind("exact", ("cosine", "euclidean", "dot", "manhattan", "hamming"), exact=True),
    of_kind("hnsw", ("cosine", "euclidean", "dot"), 20),
    of_kind(
        "ivfpq", ("cosine", "euclidean", "dot"), 100, items=1500
    ),  # fewer are too few to learn cells from
    of_kind("binary", ("cosine",), 36),
]


def vectors(n: int, seed: int, metric: str = "cosine", d: int = 12) -> np.ndarray:
    """Vectors in twenty clouds, or bits: what is alike is so by a margin."""
    rng = np.random.default_rng(seed)
    clouds = np.random.default_rng(99).normal(size=(20, d))
    x = (clouds[rng.integers(0, 20, n)] + 0.4 * rng.normal(size=(n, d))).astype(np.float32)
    return x > 0 if metric == "hamming" else x


def milvus(name: str, where: Callable[[Path], Any]) -> Kind:
    """MilvusIndex at an address made from the test's folder; each folder has a collection of its own."""
    opened: deque[Any] = deque()

    def at(metric: str, folder: Path) -> Any:
        folder.mkdir(exist_ok=True)
        opened.append(MilvusIndex(where(folder), f"c{zlib.crc32(str(folder).encode())}", metric))
        if len(opened) > 4:  # of tests before this one
            opened.popleft().close()
        return opened[-1]

    def again(index: Any, folder: Path) -> Any:
        index.close()
        return at(index.metric, folder)

    # Not "exact" in the contract's sense: a matching cannot see every pair of it. Its ids and scores are tested to the
    # last bit in test_milvus.py.
    metrics = ("cosine", "euclidean", "dot")
    return Kind(name, at, again, metrics, upserts=True, ordered_ties=False, filters=True, items=120)


if importlib.util.find_spec("milvus_lite"):
    KINDS.append(milvus("milvus-file", lambda folder: folder / "items.db"))
if address := os.environ.get(
    "MMALIGN_NB_MILVUS"
):  # a real server: tests/faults/slow/test_milvus_server.py starts one
    KINDS.append(milvus("milvus-server", lambda folder: address))
