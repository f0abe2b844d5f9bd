"""Rankings: how often, and how high, the right ones stand in the list of each query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._check import as_count, as_groups, as_number, as_seed
from .._truth import Truth
from ..similarity import Scores, hubness, modality_gap, norms

if TYPE_CHECKING:
    import pandas as pd


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
    ks = as_ks(ks)
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
        measures[direction] = with_intervals(
            values, chance, n_boot, confidence, rng, None if group is None else group[asked]
        )
        queries[direction] = len(counts)
    directed = S.matrix is None and metric != "hamming" and all(norms(x).all() for x in (S.a, S.b))
    gap = modality_gap(S.a, S.b) if directed else None
    return RetrievalReport(measures, queries, right.shape, hubs, gap, confidence)


def as_ks(ks: Any) -> tuple[int, ...]:
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


def with_intervals(
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
