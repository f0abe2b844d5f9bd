"""What a search answers, whatever index it was put to: ids and scores always."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Hits", "RangeHits", "Recall"]


class Hits(NamedTuple):
    """The best items of each query, best first: ``ids`` and float32 ``scores``, both ``(n, k)``."""

    ids: np.ndarray
    scores: np.ndarray


class RangeHits(NamedTuple):
    """All items above a threshold as three columns: row of the query, id, score; by query, then best first."""

    queries: np.ndarray
    ids: np.ndarray
    scores: np.ndarray


class Recall(NamedTuple):
    """The share of the right items that an index finds for an average query, with its interval, and the counts behind it.

    ``queries`` had ``wanted`` right items together, and ``found`` of them were found.
    """

    share: float
    low: float
    high: float
    queries: int
    found: int
    wanted: int
