"""Chosen pairs: how many are right, and how many of the right ones were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._binomial import clopper_pearson
from .._check import as_number, describe

if TYPE_CHECKING:
    import pandas as pd

    from ..align import Matches


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
