"""How good is it, honestly? Reports on rankings, on chosen pairs, and on test data that training has seen."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._binomial import clopper_pearson
from ._check import (
    as_array,
    as_count,
    as_groups,
    as_matrix,
    as_number,
    as_seed,
    as_texts,
    as_threshold,
    check_nonzero_rows,
    describe,
    is_text,
)
from ._truth import Truth
from .similarity import Scores, hubness, modality_gap, norms, top_k

if TYPE_CHECKING:
    import pandas as pd

    from .align import Matches

__all__ = [
    "Leakage",
    "PairReport",
    "RankingReport",
    "RetrievalReport",
    "leakage",
    "pair_report",
    "ranking_report",
    "retrieval_report",
]


class Measure(NamedTuple):
    """One figure of a report: its value, its bootstrap interval and what pure chance would reach."""

    value: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True, eq=False, repr=False)
class RetrievalReport:
    """Hold what ``retrieval_report`` measured, in both directions.

    ``report["a→b"]["hit@1"]`` is a value; ``report.measures["a→b"]["hit@1"]`` has its interval and chance as well.

    Parameters
    ----------
    measures : dict of direction ("a→b", "b→a") to dict of measure name to ``(value, low, high, chance)``
    queries : dict of direction to int
        How many queries had at least one right answer; only they count.
    shape : (n, m)
    hubness : dict of direction to float
        Skewness of how often each gallery item is among the 10 nearest; 0 is even, above 1 means hubs.
    gap : float or None
        Distance between the two modalities' centres; None for a score matrix.
    confidence : float
        Of the bootstrap intervals.

    Raises
    ------
    KeyError
        By ``report[direction]`` for a direction it has not; the known ones are named.

    Notes
    -----
    Notebook: ``00_start_here``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.evaluate import retrieval_report
    >>> report = retrieval_report(np.eye(20), "diagonal")
    >>> report["b→a"]["mrr"], round(report.measures["b→a"]["hit@1"].chance, 3)
    (1.0, 0.05)
    """

    measures: dict[str, dict[str, Measure]]
    queries: dict[str, int]
    shape: tuple[int, int]
    hubness: dict[str, float]
    gap: float | None
    confidence: float = 0.95

    def __getitem__(self, direction: str) -> dict[str, float]:
        if direction not in self.measures:
            raise KeyError(f"{direction!r}; known: {', '.join(map(repr, self.measures))}")
        return {name: m.value for name, m in self.measures[direction].items()}

    def to_frame(self) -> pd.DataFrame:
        """Return a table: one row per direction and measure, with ``value``, ``low``, ``high`` and ``chance``."""
        import pandas as pd

        rows = [(d, name, *m) for d, named in self.measures.items() for name, m in named.items()]
        return pd.DataFrame(rows, columns=["direction", "measure", "value", "low", "high", "chance"])

    def __repr__(self) -> str:
        n, m = self.shape
        lines = [f"RetrievalReport of {n} × {m} ({self.confidence:.0%} bootstrap intervals)"]
        for direction, named in self.measures.items():
            lines.append(
                f"{direction}  {self.queries[direction]} queries, hubness {self.hubness[direction]:.2f}"
            )
            lines.append(f"  {'':12s} {'value':>8s}  {'interval':^17s} {'chance':>8s}")
            for name, (value, low, high, chance) in named.items():
                digits = 1 if name == "median rank" else 3
                value_, low_, high_, chance_ = (f"{x:.{digits}f}" for x in (value, low, high, chance))
                lines.append(f"  {name:12s} {value_:>8s}  {low_:>7s} … {high_:<7s} {chance_:>8s}")
        if self.gap is not None:
            lines.append(f"modality gap {self.gap:.3f}")
        return "\n".join(lines)


def retrieval_report(
    scores: Any,
    truth: Any,
    *,
    ks: Sequence[int] = (1, 5, 10),
    metric: str = "cosine",
    n_boot: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
    groups: Any = None,
) -> RetrievalReport:
    """Measure how well each side finds the other, beside what chance would reach.

    For a query with g right answers among m items, with ranks r₁ < … < r_g:

    * ``hit@k``: is any of them in the top k, ``r₁ ≤ k`` (what CLIP papers call R@k);
    * ``recall@k``: the share of them in the top k, ``|{r ≤ k}| / g``;
    * ``mrr``: ``1 / r₁``; ``map``: average precision ``Σᵢ (i / rᵢ) / g`` over the whole list;
    * ``median rank``: the median of r₁.

    All but the last are means over the queries that have a right answer. **A tie counts against the query**: the i-th
    right answer has rank i plus the number of *wrong* items that score at least as high, so constant scores give the worst
    result and not the best, and two right answers that tie do not push each other down (``map`` takes tied items together,
    as scikit-learn's ``average_precision_score`` does).

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        Higher is more alike. Embeddings are compared in blocks, the (n, m) matrix is never built.
    truth : "diagonal", (k, 2) pairs, a tuple (labels_a, labels_b) or a boolean matrix
        Instance pairs, equal labels, or what is right, spelled out.
    ks : sequence of int
        For ``hit@k`` and ``recall@k``.
    metric : str
        The similarity of embeddings; not used for a matrix.
    n_boot : int
        Bootstrap samples of the queries for the intervals; 0 for none (then low and high are NaN).
    confidence : float
        Of the percentile intervals.
    seed : int
        Of the bootstrap.
    groups : labels, one per row and column, or a tuple (labels_a, labels_b), optional
        Which queries belong together: the pictures of one object, the recordings of one speaker. Then whole groups are drawn, and
        the intervals are about the mean over queries where groups are drawn. Either of a tuple may be None; a missing label is a
        group of its own.

    Returns
    -------
    RetrievalReport
        With directions ``"a→b"`` (rows search columns) and ``"b→a"``. The chance values are exact expectations under a
        random order; hubness is at 10 neighbours.

    Raises
    ------
    TypeError, ValueError
        If scores have NaN or the wrong shape, truth or groups do not fit them, or no query has a right answer.

    References
    ----------
    C. D. Manning, P. Raghavan, H. Schütze, *Introduction to Information Retrieval*, 2008, chapter 8.
    A. Agresti, B. A. Coull, *Approximate is better than "exact" for interval estimation of binomial proportions*, The American
    Statistician 52(2):119–126, 1998.
    B. Efron, *Bootstrap methods: another look at the jackknife*, Annals of Statistics 7(1):1–26, 1979.

    Notes
    -----
    Without ``groups`` the intervals take queries as independent: where several come from one object or speaker they are too
    narrow. Few groups may hold none of the rarer kind, so two imagined ones of mean size are drawn with them, all of one at
    the worst value and all of the other at the best (as Agresti and Coull add to counts). A 95 % interval then left the truth out in
    about .04 to .10 of the runs with 100, 30 and ten groups, equal or not (``benchmarks/PROMISES.md``).

    With labels as truth the pairs of one label are counted as equally right; mAP over the whole list is not mAP@50.

    Notebook: ``00_start_here``, ``02_similarity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.evaluate import retrieval_report
    >>> scores = np.array([[0.9, 0.2, 0.1], [0.8, 0.7, 0.1], [0.1, 0.2, 0.3]])
    >>> report = retrieval_report(scores, "diagonal", ks=(1,), n_boot=0)
    >>> round(report["a→b"]["hit@1"], 3), round(report["a→b"]["mrr"], 3), report["b→a"]["hit@1"]
    (0.667, 0.833, 1.0)
    """
    ks = _as_ks(ks)
    confidence = as_number(confidence, "confidence", 0, 1, above=True, below=True)
    n_boot = as_count(n_boot, "n_boot", 0)
    S = Scores(scores, metric, allow_empty=False)
    right = Truth(truth, (S.shape[0], S.shape[1]))
    rng = np.random.default_rng(as_seed(seed))
    sides = groups if isinstance(groups, tuple) and len(groups) == 2 else (groups, groups)
    of = [
        None if x is None else as_groups(x, f"groups of side {side}", n)
        for x, n, side in zip(sides, right.shape, "ab", strict=True)
    ]
    measures, queries, hubs = {}, {}, {}
    for direction, known, ranked, group in (
        ("a→b", right, S, of[0]),
        ("b→a", right.swap(), S.T, of[1]),
    ):
        hubs[direction] = hubness(ranked).skewness
        values, counts, asked = _per_query(ranked.blocks(), known, ks)
        if not len(counts):
            raise ValueError(f"truth has no right answer for any query of {direction}; want at least one")
        chance = _chance(counts, known.shape[1], ks)
        measures[direction] = _with_intervals(
            values, chance, n_boot, confidence, rng, None if group is None else group[asked]
        )
        queries[direction] = len(counts)
    directed = S.matrix is None and metric != "hamming" and all(norms(x).all() for x in (S.a, S.b))
    gap = modality_gap(S.a, S.b) if directed else None
    return RetrievalReport(measures, queries, right.shape, hubs, gap, confidence)


def _as_ks(ks: Any) -> tuple[int, ...]:
    if not isinstance(ks, Iterable) or not (out := tuple(as_count(k, "an entry of ks") for k in ks)):
        raise ValueError(f"ks is {ks!r}; want whole numbers of at least 1, such as (1, 5, 10)")
    return out


def _per_query(
    blocks: Iterator[tuple[int, np.ndarray]], known: Truth, ks: tuple[int, ...]
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Every measure for every query that has a right answer, how many right answers it has, and which query it is."""
    rows: list[list[float]] = []
    counts: list[int] = []
    asked: list[int] = []
    for start, block in blocks:
        right = known.rows(start, start + len(block))
        for query, (scores, mask) in enumerate(zip(block, right, strict=True), start):
            found = np.sort(scores[mask])[::-1]
            if not (g := len(found)):
                continue
            asked.append(query)
            # Ties count against the query, but right answers don't push one another down: the i-th of them has before
            # it i - 1 right ones and every wrong one that scores at least as high.
            wrong = scores[~mask]
            if g == 1:
                worse = np.array([np.count_nonzero(wrong >= found[0])])
            else:
                worse = len(wrong) - np.searchsorted(np.sort(wrong), found, side="left")
            ranks = np.arange(1, g + 1) + worse
            level = g - np.searchsorted(found[::-1], found, side="left")  # right ones at least as high
            best = int(ranks[0])
            rows.append(
                [
                    *(float(best <= k) for k in ks),
                    *(np.count_nonzero(ranks <= k) / g for k in ks),
                    1 / best,
                    float((level / (level + worse)).mean()),
                    float(best),
                ]
            )
            counts.append(g)
    table = np.array(rows, float).reshape(len(rows), 2 * len(ks) + 3)
    return dict(zip(_names(ks), table.T, strict=True)), np.array(counts, int), np.array(asked, int)


def _names(ks: tuple[int, ...]) -> list[str]:
    return [*(f"hit@{k}" for k in ks), *(f"recall@{k}" for k in ks), "mrr", "map", "median rank"]


def _chance(counts: np.ndarray, m: int, ks: tuple[int, ...]) -> dict[str, float]:
    """The exact expectation of each measure if the m items came in random order."""
    out = dict.fromkeys(_names(ks), 0.0)
    best_rank = np.zeros(m)  # distribution of the first right rank, over all queries
    harmonic = float((1 / np.arange(1, m + 1)).sum())
    for g, weight in zip(*np.unique(counts, return_counts=True), strict=True):
        share = weight / len(counts)
        left = np.arange(m)  # P(first right rank > r) = Π_{t<r} (m − g − t) / (m − t)
        beyond = np.concatenate([[1.0], np.cumprod(np.maximum(m - g - left, 0) / (m - left))])
        first = -np.diff(beyond)
        best_rank += share * first
        for k in ks:
            out[f"hit@{k}"] += share * (1 - beyond[min(k, m)])
            out[f"recall@{k}"] += share * min(k, m) / m
        out["mrr"] += share * float((first / np.arange(1, m + 1)).sum())
        rest = (g - 1) / (m - 1) if m > 1 else 0.0
        out["map"] += share * (harmonic + rest * (m - harmonic)) / m
    low, high = np.searchsorted(np.cumsum(best_rank), [0.5 - 1e-9, 0.5 + 1e-9])
    out["median rank"] = float(low + high) / 2 + 1
    return out


def _ends(name: str, v: np.ndarray) -> tuple[float, float]:
    """The least and the greatest that a measure can be; of ranks, has been."""
    return (v.min(), v.max()) if name == "median rank" else (0.0, 1.0)


def _with_intervals(
    values: dict[str, np.ndarray],
    chance: dict[str, float],
    n_boot: int,
    confidence: float,
    rng: Any,
    group: np.ndarray | None = None,
) -> dict[str, Measure]:
    """Means (and the median) with percentile intervals from resampled queries, or groups and two imagined ones."""
    n = len(next(iter(values.values())))
    resampled: dict[str, list[float]] = {name: [] for name in values}
    half, drawn = (1 - confidence) / 2, values
    if group is not None:
        code, sizes = np.unique(group, return_inverse=True, return_counts=True)[1:]
        mean = max(round(n / len(sizes)), 1)
        members = np.split(np.argsort(code, kind="stable"), np.cumsum(sizes)[:-1])
        members += [np.full(mean, n), np.full(mean, n + 1)]  # of few groups none may be of the rarer kind
        drawn = {name: np.append(v, _ends(name, v)) for name, v in values.items()}
    for _ in range(n_boot):
        if group is None:
            rows = rng.integers(0, n, n)
        else:
            rows = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        for name, v in drawn.items():
            resampled[name].append(float(np.median(v[rows]) if name == "median rank" else v[rows].mean()))
    out = {}
    for name, v in values.items():
        low, high = np.quantile(resampled[name], [half, 1 - half]) if n_boot else (np.nan, np.nan)
        value = float(np.median(v) if name == "median rank" else v.mean())
        out[name] = Measure(value, float(low), float(high), float(chance[name]))
    return out


@dataclass(frozen=True, eq=False, repr=False)
class RankingReport:
    """Hold what ``ranking_report`` measured on the lists of recommendations.

    ``report["ndcg@10"]`` is a value; ``report.measures["ndcg@10"]`` has its interval and chance as well.

    Parameters
    ----------
    measures : dict of measure name to ``(value, low, high, chance)``
        Coverage is no mean over users: its low and high are NaN.
    per_user : dict of "hit@k" or "ndcg@k" to float64 (q,)
        The value of each user who counts.
    users : int64 (q,)
        The rows who count: those with at least one right item.
    shape : (n, m)
    n_boot, confidence, seed
        Of the bootstrap.

    Raises
    ------
    KeyError
        By ``report[name]`` for a measure it has not; the known ones are named.
    ValueError
        By ``minus`` if the other report is about other users or other measures.

    Notes
    -----
    Notebook: ``08_recommendation``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.evaluate import ranking_report
    >>> good = ranking_report(np.eye(20), "diagonal", ks=(1,))
    >>> good["ndcg@1"], good.minus(ranking_report(np.ones((20, 20)), "diagonal", ks=(1,)))["ndcg@1"].low
    (1.0, 1.0)
    """

    measures: dict[str, Measure]
    per_user: dict[str, np.ndarray]
    users: np.ndarray
    shape: tuple[int, int]
    n_boot: int = 500
    confidence: float = 0.95
    seed: int = 0

    def __getitem__(self, name: str) -> float:
        if name not in self.measures:
            raise KeyError(f"{name!r}; known: {', '.join(map(repr, self.measures))}")
        return self.measures[name].value

    def minus(self, other: RankingReport) -> dict[str, Measure]:
        """Return this report less another on the same users: differences with paired bootstrap intervals; chance is 0.

        Each sample draws users and takes both values of a user, so what makes a user hard for both cancels out.
        """
        if not isinstance(other, RankingReport):
            raise TypeError(f"other is {describe(other)}; want a RankingReport")
        if not np.array_equal(self.users, other.users) or self.per_user.keys() != other.per_user.keys():
            raise ValueError(
                f"other is about {len(other.users)} users and {', '.join(other.per_user)}; want the same "
                f"{len(self.users)} users and {', '.join(self.per_user)}"
            )
        less = {name: v - other.per_user[name] for name, v in self.per_user.items()}
        rng = np.random.default_rng(self.seed)
        return _with_intervals(less, dict.fromkeys(less, 0.0), self.n_boot, self.confidence, rng)

    def to_frame(self) -> pd.DataFrame:
        """Return a table: one row per measure, with ``value``, ``low``, ``high`` and ``chance``."""
        import pandas as pd

        rows = [(name, *m) for name, m in self.measures.items()]
        return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "chance"])

    def __repr__(self) -> str:
        n, m = self.shape
        told = [
            f"RankingReport of {n} × {m}, {len(self.users)} users with a right item ({self.confidence:.0%} intervals)"
        ]
        for name, (value, low, high, chance) in self.measures.items():
            between = " " * 15 if math.isnan(low) else f"{low:.3f} … {high:.3f}"
            told.append(f"  {name:12s} {value:.3f}  {between}  chance {chance:.3f}")
        return "\n".join(told)


def ranking_report(
    scores: Any,
    truth: Any,
    *,
    ks: Sequence[int] = (10,),
    gains: Any = None,
    seen: Any = None,
    metric: str = "cosine",
    n_boot: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> RankingReport:
    """Measure lists of recommendations: each row is a user, who gets the k columns with the highest scores.

    All items that the user has not seen are ranked, none is left out by sampling. With ``g_r`` the gain of the item at rank r
    (1 if it is right, 0 if not, or what ``gains`` says):

    * ``hit@k``: is any right item in the top k;
    * ``ndcg@k``: ``DCG = Σ_{r ≤ k} g_r / log₂(r + 1)``, divided by the DCG of the best order;
    * ``coverage@k``: the share of all items that are in the top k of at least one user.

    A score of -inf means never: such an item is in no list. The first two are means over the users who have a right item. **A tie counts against the ranking**: of equal scores those
    with the lowest gain come first, and an item at the end of a list that ties with one behind it covers nothing. So a method
    that knows nothing of new items gets 0 for them, and never more than a random order.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        Higher is recommended first; embeddings are compared in blocks.
    truth : "diagonal", (k, 2) pairs, a tuple (labels_a, labels_b) or a boolean matrix
        Which items are right for which user.
    ks : sequence of int
        Lengths of the lists.
    gains : (n, m) numbers above 0 where truth is right, optional
        How much a right item is worth (others are worth 0).
    seen : what truth may be, optional
        Which items a user has had before: they are in nobody's list. None of them can be right.
    metric : str
        The similarity of embeddings; not used for a matrix.
    n_boot, confidence, seed
        Of the percentile bootstrap over users; ``n_boot=0`` for no intervals. Reports with one seed draw the same users.

    Returns
    -------
    RankingReport
        Its ``minus`` compares two methods. Chance is the exact expectation under a random order.

    Raises
    ------
    TypeError, ValueError
        If scores have NaN or the wrong shape, truth, gains or seen do not fit them, an item is right and seen, or no user has
        a right item.

    References
    ----------
    K. Järvelin, J. Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, ACM Transactions on Information Systems
    20(4):422–446, 2002.
    W. Krichene, S. Rendle, *On sampled metrics for item recommendation*, KDD 2020: why all items are ranked.

    Notes
    -----
    The gain stands as it is, as in the first source and in scikit-learn's ``ndcg_score``; give ``2**g - 1`` for the other
    common form. Intervals take users as independent.

    Notebook: ``08_recommendation``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.evaluate import ranking_report
    >>> scores = np.array([[0.9, 0.8, 0.1], [0.7, 0.6, 0.5]])
    >>> report = ranking_report(scores, [(0, 1), (1, 2)], ks=(1, 2), seen=[(1, 0)], n_boot=0)
    >>> report["hit@1"], report["hit@2"], round(report["ndcg@2"], 3), round(report["coverage@1"], 3)
    (0.0, 1.0, 0.631, 0.667)
    """
    ks = _as_ks(ks)
    confidence = as_number(confidence, "confidence", 0, 1, above=True, below=True)
    n_boot, seed = as_count(n_boot, "n_boot", 0), as_seed(seed)
    S = Scores(scores, metric, allow_empty=False)
    n, m = S.shape
    right, had = Truth(truth, (n, m)), Truth(np.empty((0, 2), int) if seen is None else seen, (n, m), "seen")
    worth = None if gains is None else as_matrix(gains, "gains")
    if worth is not None and worth.shape != (n, m):
        raise ValueError(f"gains has shape {worth.shape}; want {(n, m)}, as the scores")
    rows: list[np.ndarray] = []
    covered = np.zeros((len(ks), m), bool)
    uncovered = np.ones((len(ks), m))  # by chance: the product over users of 1 - k / items they have not seen
    for start, block in S.blocks():
        stop = start + len(block)
        marks, gone = right.rows(start, stop), had.rows(start, stop)
        if (both := marks & gone).any():
            i, j = np.argwhere(both)[0].tolist()
            raise ValueError(
                f"seen has the pair {(start + i, j)}, which truth calls right; want it in one of the two"
            )
        value = marks.astype(np.float64) if worth is None else np.where(marks, worth[start:stop], 0.0)
        if (bad := marks & (value <= 0)).any():
            i, j = np.argwhere(bad)[0].tolist()
            raise ValueError(
                f"gains is {value[i, j]:g} at {(start + i, j)}, which truth calls right; want it above 0"
            )
        for user, (s, g, out) in enumerate(zip(block, value, gone, strict=True), start):
            items = np.flatnonzero(~out)
            rows.append(np.array([user, *_one_list(s[items], g[items], items, ks, covered, uncovered)]))
    table = np.array(rows)
    table = table[~np.isnan(table[:, 1])]
    if not len(table):
        raise ValueError("truth has no right item for any user; want at least one")
    names = [f"{what}@{k}" for k in ks for what in ("hit", "ndcg")]
    per_user = dict(zip(names, table[:, 1 : 1 + len(names)].T, strict=True))
    chance = dict(zip(names, table[:, 1 + len(names) :].mean(axis=0).tolist(), strict=True))
    measures = _with_intervals(per_user, chance, n_boot, confidence, np.random.default_rng(seed))
    for k, found, not_by_chance in zip(ks, covered, uncovered, strict=True):
        measures[f"coverage@{k}"] = Measure(
            float(found.mean()), math.nan, math.nan, float(1 - not_by_chance.mean())
        )
    return RankingReport(measures, per_user, table[:, 0].astype(np.int64), (n, m), n_boot, confidence, seed)


def _one_list(
    scores: np.ndarray,
    gains: np.ndarray,
    items: np.ndarray,
    ks: tuple[int, ...],
    covered: np.ndarray,
    uncovered: np.ndarray,
) -> list[float]:
    """hit@k and ndcg@k of one user for each k, then what chance would reach; NaN without a right item. Marks what is covered."""
    order = np.lexsort((gains, -scores))  # of equal scores the least worth come first
    ranked, discount = scores[order], 1 / np.log2(np.arange(2, len(items) + 2))
    listed = int(np.count_nonzero(ranked > -np.inf))
    best, g = np.sort(gains)[::-1], np.count_nonzero(gains)
    values, chance = [], []
    for row, k in enumerate(ks):
        last, most = min(k, listed), min(k, len(items))
        sure = order[:last] if last == listed else order[:last][ranked[:last] > ranked[last]]
        covered[row, items[sure]] = True
        uncovered[row, items] *= 1 - most / max(len(items), 1)
        if not g:
            values, chance = [math.nan] * 2 * len(ks), [math.nan] * 2 * len(ks)
            continue
        found, ideal = gains[order[:last]], float(best[:most] @ discount[:most])
        values += [float(found.any()), float(found @ discount[:last]) / ideal]
        wrong, place = len(items) - g, np.arange(most)
        none = float(np.prod(np.maximum(wrong - place, 0) / (len(items) - place)))
        chance += [1 - none, float(gains.mean() * discount[:most].sum()) / ideal]
    return values + chance


@dataclass(frozen=True, eq=False, repr=False)
class PairReport:
    """Hold what ``pair_report`` measured on chosen pairs.

    Parameters
    ----------
    precision, recall, f1 : float
        NaN where they are 0 / 0.
    precision_interval, recall_interval : (low, high)
        Exact (Clopper–Pearson) intervals.
    tp, fp, fn : int
        Right pairs, wrong pairs, right pairs that were not chosen.
    chance_precision : float
        The precision of pairs drawn at random.
    confidence : float
    tied : int
        How many pairs were chosen by order alone among others exactly as good: their precision is luck.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.align import max_match
    >>> from mmalign_nb.evaluate import pair_report
    >>> pair_report(max_match([[0.9, 0.1], [0.2, 0.8]]), "diagonal").tp
    2
    """

    precision: float
    recall: float
    f1: float
    precision_interval: tuple[float, float]
    recall_interval: tuple[float, float]
    tp: int
    fp: int
    fn: int
    chance_precision: float
    confidence: float = 0.95
    tied: int = 0

    def to_frame(self) -> pd.DataFrame:
        """Return a table with rows precision, recall and f1, and columns value, low and high."""
        import pandas as pd

        nan = float("nan")
        rows = {
            "precision": (self.precision, *self.precision_interval),
            "recall": (self.recall, *self.recall_interval),
            "f1": (self.f1, nan, nan),
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])

    def __repr__(self) -> str:
        (pl, ph), (rl, rh) = self.precision_interval, self.recall_interval
        return (
            f"PairReport({self.tp + self.fp} pairs: {self.tp} right, {self.fp} wrong, {self.fn} missed; "
            f"precision {self.precision:.3f} ({pl:.3f} … {ph:.3f}, chance {self.chance_precision:.3f}), "
            f"recall {self.recall:.3f} ({rl:.3f} … {rh:.3f}), F1 {self.f1:.3f}"
            + (f"; {self.tied} of the pairs tied, decided by order alone)" if self.tied else ")")
        )


def pair_report(matches: Matches, truth: Any, *, confidence: float = 0.95) -> PairReport:
    """Measure precision, recall and F1 of chosen pairs, with exact intervals.

    ``precision = tp / (tp + fp)``, ``recall = tp / (tp + fn)``, ``F1 = 2 tp / (2 tp + fp + fn)``.

    Parameters
    ----------
    matches : Matches
        From one of the functions of :mod:`mmalign_nb.align`.
    truth : "diagonal", (k, 2) pairs, a tuple (labels_a, labels_b) or a boolean matrix
    confidence : float
        Of the Clopper–Pearson intervals.

    Returns
    -------
    PairReport

    Raises
    ------
    TypeError, ValueError
        If ``matches`` is no Matches, or truth does not fit its shape.

    References
    ----------
    C. J. Clopper, E. S. Pearson, Biometrika 26(4):404–413, 1934.

    Notes
    -----
    The intervals take the pairs as independent draws. The pairs of a one-to-one matching exclude each other, so there
    they are a guide rather than a promise.

    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.align import max_match
    >>> from mmalign_nb.evaluate import pair_report
    >>> pair_report(max_match([[0.9, 0.1, 0.1], [0.2, 0.8, 0.7]]), [(0, 0), (1, 2)])
    PairReport(2 pairs: 1 right, 1 wrong, 1 missed; precision 0.500 (0.013 … 0.987, chance 0.333),
        recall 0.500 (0.013 … 0.987), F1 0.500)
    """
    if not hasattr(matches, "pairs") or not hasattr(matches, "evaluate"):
        raise TypeError(
            f"matches is {describe(matches)}; want Matches, as max_match and its like return them"
        )
    confidence = as_number(confidence, "confidence", 0, 1, above=True, below=True)
    found = matches.evaluate(truth)
    tp, fp, fn = (int(found[k]) for k in ("tp", "fp", "fn"))
    p, r = (tuple(float(x) for x in clopper_pearson(tp, tp + wrong, confidence)) for wrong in (fp, fn))
    cells = matches.shape[0] * matches.shape[1]
    return PairReport(
        found["precision"], found["recall"], found["f1"], (p[0], p[1]), (r[0], r[1]), tp, fp, fn,
        (tp + fn) / cells if cells else float("nan"), confidence, getattr(matches, "tied", 0),
    )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Leakage:
    """Hold what ``leakage`` found.

    Parameters
    ----------
    exact : int64 (k, 2)
        Rows ``(train, test)``: each test row that training has too, bit by bit (text: letter by letter), with the first
        training row that is the same.
    near : int64 (k, 2)
        Rows ``(train, test)``: each test row that is at least as near to training as the line, with its nearest
        training row; empty if no line was given.
    nearest : float32 (n_test,) or None
        Cosine of each test row with the nearest training row; None for text and pictures.
    within : float32 (n_train,) or None
        Cosine of each training row with the nearest *other* training row: how near rows are anyway.
    n_test : int

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.evaluate import leakage
    >>> leakage(["a cat", "a dog"], ["a frog", "a dog"]).exact.tolist()
    [[1, 1]]
    """

    exact: np.ndarray
    near: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    nearest: np.ndarray | None = None
    within: np.ndarray | None = None
    n_test: int = 0

    def __repr__(self) -> str:
        share = len(self.exact) / self.n_test if self.n_test else 0.0
        text = f"Leakage({len(self.exact)} exact duplicates, {share:.1%} of {self.n_test} test items"
        if len(self.near):
            text += f"; {len(self.near)} nearer than the line"
        if self.nearest is not None and self.within is not None:
            text += (
                f"; median cosine to training {np.median(self.nearest):.3f}, "
                f"within training {np.median(self.within):.3f}"
            )
        return text + ")"


def leakage(train: Any, test: Any, *, threshold: float | None = None) -> Leakage:
    """Find test items that training has seen: exact duplicates, and for vectors near ones.

    A duplicate across the split makes every figure too good. For vectors, ``nearest`` is ``max_i cos(train_i, test_j)``
    and ``within`` is the same inside the training set; where the first is well above the second, test items are
    copies (other crops, other spellings) and not new items.

    Parameters
    ----------
    train, test : lists or columns of str, arrays of pictures (n, H, W[, 3]), or arrays (n, d) of vectors
        Both of one kind. Text is compared without case, extra spaces and Unicode spelling (an é may be one sign or two).
    threshold : float, optional
        The cosine from which a test vector counts as a near duplicate. There is no default: without it, none is
        called so, and ``nearest`` and ``within`` show where a line could lie.

    Returns
    -------
    Leakage

    Raises
    ------
    TypeError, ValueError
        If the two are not of one kind and width, or a threshold is given for text or pictures.

    References
    ----------
    B. Barz, J. Denzler, *Do we train on test data? Purging CIFAR of near-duplicates*, Journal of Imaging 6(6), 2020.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.evaluate import leakage
    >>> train, test = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.1], [1.0, 1.0]])
    >>> leakage(train, test, threshold=0.99)
    Leakage(0 exact duplicates, 0.0% of 2 test items; 1 nearer than the line; median cosine to training 0.853,
        within training 0.000)
    """
    line = None if threshold is None else as_threshold(threshold)
    if any(_holds_text(x) for x in (train, test)):
        words = [as_texts(x, name) for x, name in ((train, "train"), (test, "test"))]
        keys = [
            [" ".join(unicodedata.normalize("NFC", t).lower().split()).encode() for t in x] for x in words
        ]
        return _exact_only(keys, line, "text")
    a, b = (as_array(x, name, "texts, pictures or vectors") for x, name in ((train, "train"), (test, "test")))
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"train is {describe(train)} and test is {describe(test)}; want items of one kind and size"
        )
    if a.ndim > 2:
        sides = [
            as_matrix(x.reshape(len(x), math.prod(x.shape[1:])), name)
            for x, name in ((a, "train"), (b, "test"))
        ]
        return _exact_only(_bits(*sides), line, "pictures")
    A, B = as_matrix(a, "train"), as_matrix(b, "test")
    check_nonzero_rows(norms(A), "train")
    check_nonzero_rows(norms(B), "test")
    ids, scores = top_k(B, A, 1)
    at = (
        np.flatnonzero(scores[:, 0].astype(np.float64) >= line) if line is not None else np.empty(0, np.int64)
    )
    near = np.stack([ids[at, 0], at], axis=1)
    return Leakage(_same(*_bits(A, B)), near, scores[:, 0], _without_self(A), len(B))


def _holds_text(x: Any) -> bool:
    """Whether this is a sequence of texts: a list, an array, a column of a table."""
    first = (
        next(iter(x), None)
        if isinstance(x, Iterable) and getattr(x, "ndim", 1) == 1 and not isinstance(x, str)
        else x
    )
    return isinstance(first, str) or is_text(x)


def _bits(A: np.ndarray, B: np.ndarray) -> list[list[bytes]]:
    """The rows of both sides as bytes, equal where the numbers are: one precision, and one zero instead of two."""
    both = np.result_type(A, B)
    return [[hashlib.blake2b(row, digest_size=16).digest() for row in x.astype(both) + 0.0] for x in (A, B)]


def _without_self(A: np.ndarray) -> np.ndarray:
    """Cosine of each row with the nearest other row."""
    if len(A) < 2:
        return np.full(len(A), np.nan, np.float32)
    ids, scores = top_k(A, A, 2)
    # A row need not come first in its own list: a copy with a lower number does.
    return np.where(ids[:, 0] == np.arange(len(A)), scores[:, 1], scores[:, 0])


def _exact_only(keys: list[list[bytes]], threshold: float | None, kind: str) -> Leakage:
    if threshold is not None:
        raise ValueError(
            f"threshold is {threshold!r}, but {kind} has no cosine; want vectors (encode both sides first)"
        )
    return Leakage(_same(*keys), n_test=len(keys[1]))


def _same(train: list[bytes], test: list[bytes]) -> np.ndarray:
    """Each test row whose key training has, with the first training row that has it: (train, test)."""
    first = {key: i for i, key in reversed(list(enumerate(train)))}
    pairs = [(first[key], j) for j, key in enumerate(test) if key in first]
    return np.array(pairs, np.int64).reshape(len(pairs), 2)
