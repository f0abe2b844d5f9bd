"""Lists of recommendations: what users get whose items are ranked in full."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import as_count, as_matrix, as_number, as_seed, describe
from .._truth import Truth
from ..similarity import Scores
from ._retrieval import Measure, as_ks, with_intervals

if TYPE_CHECKING:
    import pandas as pd


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
        return with_intervals(less, dict.fromkeys(less, 0.0), self.n_boot, self.confidence, rng)

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
    ks = as_ks(ks)
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
    measures = with_intervals(per_user, chance, n_boot, confidence, np.random.default_rng(seed))
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
