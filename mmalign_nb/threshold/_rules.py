"""What score is a match? Three rules that choose a threshold, what each promises, and an alarm for when it is void."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._binomial import clopper_pearson
from .._check import as_array, as_count, as_number, as_scores, describe
from .._truth import Truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Drift", "Sweep", "Threshold", "best_f1", "for_fdr", "for_precision", "sweep"]


class Drift(NamedTuple):
    """What ``Threshold.check`` found: whether new scores look like those that the threshold was chosen on."""

    alarm: bool
    statistic: float
    p_value: float
    words: str


@dataclass(frozen=True, eq=False, repr=False)
class Threshold:
    """Hold a threshold together with its reasons: who chose it, on what, and what that is worth.

    ``float(threshold)`` is its value; all matching functions take it as it is. If no line could be justified it has
    *abstained*: the value is NaN, ``guarantee`` says why, and ``float`` refuses.

    Parameters
    ----------
    value : float
        Keep pairs that score at least this; NaN if abstained.
    rule : str
        ``"best F1"``, ``"precision >= 0.9"`` or ``"FDR <= 0.1"``.
    n : int
        How many labelled candidates (or target–decoy pairs) it was chosen on.
    coverage : float
        Share of those candidates that it keeps.
    guarantee : str
        What is promised, in words, and under which condition.
    warning : str
        What speaks against it; empty if nothing does.
    reference : 1-D array
        The scores it was chosen on, for ``check``; of a matrix, the best score of each row.
    by_row : bool
        Whether ``reference`` was made from the rows of a matrix.
    pool : bool
        Whether the promise is about a fixed pool of matches (``Labelling``) and not about new data.

    Raises
    ------
    ValueError
        By ``float(threshold)`` if the rule abstained.

    Notes
    -----
    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> from mmalign_nb.threshold import best_f1
    >>> line = best_f1([0.9, 0.8, 0.4, 0.3], [True, True, False, False])
    >>> float(line), line.coverage
    (0.8, 0.5)
    >>> line
    Threshold(0.800, best F1, 4 candidates, coverage 0.50)
    """

    value: float
    rule: str
    n: int
    coverage: float
    guarantee: str
    warning: str = ""
    reference: np.ndarray = field(default_factory=lambda: np.empty(0))
    by_row: bool = False
    pool: bool = False

    @property
    def abstained(self) -> bool:
        """Whether no line could be justified."""
        return bool(np.isnan(self.value))

    def __float__(self) -> float:
        if self.abstained:
            raise ValueError(f"the rule {self.rule!r} abstained, so there is no threshold: {self.guarantee}")
        return float(self.value)

    def __repr__(self) -> str:
        value = "abstained" if self.abstained else f"{self.value:.3f}"
        return f"Threshold({value}, {self.rule}, {self.n} candidates, coverage {self.coverage:.2f})"

    def check(self, new_scores: Any, *, alpha: float = 0.01) -> Drift:
        """Compare new scores with those of the calibration; raise the alarm if they differ too much for chance.

        The statistic is the largest gap between the two distribution functions (Kolmogorov–Smirnov), ``alpha`` the
        chance of an alarm without drift. ``new_scores`` must be taken as the calibration's were: 1-D scores of
        candidates, or, if a matrix was calibrated, a matrix (the best of each row is compared). No labels are needed.
        An alarm voids the guarantee; its absence does not prove it: drift can hide in the labels alone.

        ``D = max_x |F_old(x) − F_new(x)|``, alarm if its p-value is below ``alpha``.

        Parameters
        ----------
        new_scores : (k,), or (n, m) if a matrix was calibrated
        alpha : float
            In (0, 1).

        Returns
        -------
        Drift(alarm, statistic, p_value, words)
            ``statistic`` is D, in 0 … 1.

        Raises
        ------
        TypeError, ValueError
            If ``alpha`` is no chance, the scores have NaN or are not shaped as the calibration's, or either side has
            fewer than 8.

        References
        ----------
        A. N. Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4:83–91, 1933; N. Smirnov, *Table for estimating
        the goodness of fit of empirical distributions*, Annals of Mathematical Statistics 19(2):279–281, 1948.

        Notes
        -----
        Notebook: ``05_what_score_is_a_match``.

        Examples
        --------
        >>> import numpy as np
        >>> from mmalign_nb.threshold import best_f1
        >>> old = np.linspace(0, 1, 100)
        >>> line = best_f1(old, old > 0.4)
        >>> line.check(old[::2]).alarm, line.check(old[::2] - 0.5).alarm
        (False, True)
        """
        from scipy.stats import ks_2samp

        alpha = as_number(alpha, "alpha", 0, 1, above=True, below=True)
        new = as_scores(new_scores, "new_scores", ndim=(2,) if self.by_row else (1,))  # as in the calibration
        new = _row_best(new) if self.by_row else new[new > -np.inf]
        if len(new) < 8 or len(self.reference) < 8:
            raise ValueError(
                f"{len(new)} new scores and {len(self.reference)} old ones; want at least 8 of each"
            )
        found = ks_2samp(self.reference, new)
        alarm = bool(found.pvalue < alpha)
        lower = np.median(new) < np.median(self.reference)
        words = (
            f"ALARM: {len(new)} new scores are not like the {len(self.reference)} of the calibration "
            f"(they run {'lower' if lower else 'higher'}; gap {found.statistic:.2f}, p = {found.pvalue:.2g}): "
            "the guarantee is void, label some of the new data and calibrate again"
            if alarm
            else f"no alarm: gap {found.statistic:.2f}, p = {found.pvalue:.2g} over {len(new)} new scores"
        )
        return Drift(alarm, float(found.statistic), float(found.pvalue), words)


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """Hold one row per distinct score, from the highest threshold to the lowest: what keeping ``>= threshold`` gives.

    Parameters
    ----------
    threshold, precision, recall, f1 : float64 (r,)
    tp, fp, fn : int64 (r,)

    Notes
    -----
    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> from mmalign_nb.threshold import sweep
    >>> sweep([0.9, 0.5, 0.5], [True, False, True]).to_frame().round(2)
       threshold  precision  recall   f1  tp  fp  fn
    0        0.9       1.00     0.5  0.67   1   0   1
    1        0.5       0.67     1.0  0.80   2   1   0
    """

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray

    def __len__(self) -> int:
        return len(self.threshold)

    def __repr__(self) -> str:
        if not len(self):
            return "Sweep(0 thresholds)"
        return f"Sweep({len(self)} thresholds, {self.threshold[0]:.3f} … {self.threshold[-1]:.3f})"

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a table."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in self.__dataclass_fields__})


class _Labelled(NamedTuple):
    """Candidates with labels, the number of right pairs there are, and what ``check`` is to compare."""

    scores: np.ndarray
    right: np.ndarray
    total: int
    reference: np.ndarray
    by_row: bool


def _row_best(S: np.ndarray) -> np.ndarray:
    best = S.max(axis=1, initial=-np.inf)
    return best[best > -np.inf]


def _labelled(scores: Any, truth: Any) -> _Labelled:
    """Read scores and truth; pairs that score −inf can never be kept and are no candidates."""
    S = as_scores(scores, ndim=(1, 2))
    if S.ndim == 1:
        s, right = S, as_array(truth, "truth", "one True or False per score")
        if right.shape != s.shape or (right.dtype != bool and not np.isin(right, (0, 1)).all()):
            raise ValueError(f"truth is {describe(truth)}; want one True or False per score: shape {s.shape}")
        right = right.astype(bool)
        total, reference, by_row = int(right.sum()), s[s > -np.inf], False
    else:
        known = Truth(truth, (S.shape[0], S.shape[1]))
        s, right = S.ravel(), known.rows(0, S.shape[0]).ravel()
        total, reference, by_row = known.total, _row_best(S), True
    keep = s > -np.inf
    return _Labelled(s[keep], right[keep], total, np.sort(reference), by_row)


def sweep(scores: Any, truth: Any, *, total: int | None = None) -> Sweep:
    """Count what every possible threshold keeps: one row per distinct score, tied scores together, the last cut too.

    At threshold t: ``tp = |{S ≥ t, right}|``, ``fp = |{S ≥ t, wrong}|``, ``fn = total − tp``, ``precision = tp / (tp +
    fp)``, ``recall = tp / total`` (0 if there is nothing to find), ``F1 = 2 tp / (2 tp + fp + fn)``.

    Parameters
    ----------
    scores : 1-D scores of candidate pairs, or a matrix (n, m) of all pairs
        ``-inf`` is never kept.
    truth : bool, one per score; or for a matrix what :class:`mmalign_nb.align.Matches` evaluates against
    total : int, optional
        How many right pairs there are, if some are not among 1-D candidates; by default those that are.

    Returns
    -------
    Sweep
        From the highest threshold to the lowest.

    Raises
    ------
    TypeError, ValueError
        If scores have NaN, truth does not fit them, or ``total`` is less than the right candidates.

    References
    ----------
    C. J. van Rijsbergen, *Information Retrieval*, 1979, chapter 7.

    Notes
    -----
    Raising the threshold keeps fewer pairs: recall can only fall, precision tends to rise but need not.

    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> from mmalign_nb.threshold import sweep
    >>> rows = sweep([[0.9, 0.2], [0.3, 0.6]], "diagonal")
    >>> rows.threshold.tolist(), rows.tp.tolist(), rows.fp.tolist()
    ([0.9, 0.6, 0.3, 0.2], [1, 2, 2, 2], [0, 0, 1, 2])
    """
    data = _labelled(scores, truth)
    return _swept(data, data.total if total is None else as_count(total, "total", 0))


def _swept(data: _Labelled, total: int) -> Sweep:
    if total < data.right.sum():
        raise ValueError(
            f"total is {total}, but {int(data.right.sum())} candidates are right; want at least as many"
        )
    order = np.argsort(-data.scores, kind="stable")
    s, right = data.scores[order].astype(np.float64), data.right[order]
    last = np.flatnonzero(np.append(s[1:] != s[:-1], True)) if len(s) else np.empty(0, np.int64)
    tp = np.cumsum(right, dtype=np.int64)[last]
    fp = last + 1 - tp
    fn = total - tp
    recall = tp / total if total else np.zeros(len(tp))
    return Sweep(s[last], tp / (tp + fp), recall, 2 * tp / np.maximum(2 * tp + fp + fn, 1), tp, fp, fn)


def best_f1(scores: Any, truth: Any, *, total: int | None = None) -> Threshold:
    """Choose the threshold with the highest F1 on the labelled sample; it promises nothing for other data.

    ``t = argmax F1(t)`` over all distinct scores; of equals the highest.

    Parameters
    ----------
    scores, truth, total
        As in :func:`sweep`.

    Returns
    -------
    Threshold
        Abstains if nothing is right, since F1 is 0 everywhere then.

    Raises
    ------
    TypeError, ValueError
        As :func:`sweep`.

    References
    ----------
    C. J. van Rijsbergen, *Information Retrieval*, 1979, chapter 7.

    Notes
    -----
    The maximum is taken on the same labels that it is reported on, so its F1 is too good; and F1 weighs a wrong pair
    like a missed one, which is seldom what it costs. As a rule for a wanted precision it misses more often than not.

    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> from mmalign_nb.threshold import best_f1
    >>> float(best_f1([0.9, 0.8, 0.7, 0.1], [True, False, True, False]))
    0.7
    """
    data = _labelled(scores, truth)
    rows = _swept(data, data.total if total is None else as_count(total, "total", 0))
    n = len(data.scores)
    if not rows.tp.any():
        why = "none of the labelled candidates is right, so F1 is 0 at every threshold"
        return Threshold(np.nan, "best F1", n, 0.0, why, "", data.reference, data.by_row)
    at = int(np.argmax(rows.f1))
    return Threshold(
        float(rows.threshold[at]),
        "best F1",
        n,
        float((rows.tp[at] + rows.fp[at]) / n),
        "none: the highest F1 on this sample, and other data will have less",
        f"fewer than 100 labels ({n})" if n < 100 else "",
        data.reference,
        data.by_row,
    )


def for_precision(scores: Any, truth: Any, target: float = 0.9, delta: float = 0.1) -> Threshold:
    """Choose the lowest threshold whose precision is at least the target, with probability 1 − δ over the labels.

    From a strict threshold down, each cut tests "precision < target" by its exact binomial bound and the first that
    cannot be rejected ends the walk (fixed-sequence testing): the cut that keeps k right of n' passes if the one-sided
    Clopper–Pearson bound ``B⁻¹(δ; k, n' − k + 1) ≥ target``. The walk starts where ``max(2 ln δ / ln target, n / 3)``
    candidates are kept: a fixed place, so that no luck in the labels chooses it.

    Parameters
    ----------
    scores : 1-D scores of candidate pairs, or a matrix (n, m) of all pairs
    truth : bool, one per score; or for a matrix what :class:`mmalign_nb.align.Matches` evaluates against
    target : float
        The wanted precision, in (0, 1).
    delta : float
        The risk of missing it, in (0, 1).

    Returns
    -------
    Threshold
        Abstains, saying why, if no cut can be justified: too few labels, or the scores do not separate well enough.

    Raises
    ------
    TypeError, ValueError
        If scores have NaN, truth does not fit them, or target or delta is not in (0, 1).

    References
    ----------
    A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei, *Learn then Test*, arXiv 2110.01052, 2021.
    C. J. Clopper, E. S. Pearson, Biometrika 26(4):404–413, 1934.

    Notes
    -----
    The promise is for candidates drawn independently from the same source as the labelled ones, for example the best
    match of each query. It counts a calibration that abstains as kept: of the few that answer on scarce labels, more than
    δ may miss, so label enough that abstaining is rare (``benchmarks/PROMISES.md``). The pairs of one score matrix share rows and columns and are not independent; for a matrix the
    threshold says so in its ``warning``. Under drift the promise is void: see ``Threshold.check``.

    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.threshold import for_precision
    >>> scores = np.linspace(0, 1, 300)
    >>> line = for_precision(scores, scores > 0.4, target=0.9, delta=0.1)
    >>> line
    Threshold(0.358, precision >= 0.9, 300 candidates, coverage 0.64)
    >>> for_precision(scores[:9], scores[:9] > 0, target=0.9).abstained
    True
    """
    target = as_number(target, "target", 0, 1, above=True, below=True)
    delta = as_number(delta, "delta", 0, 1, above=True, below=True)
    data = _labelled(scores, truth)
    n, rule = len(data.scores), f"precision >= {target:g}"
    least = np.log(delta) / np.log(target)
    start = max(2 * least, n / 3)
    warnings = []
    if data.by_row:
        warnings.append(
            "the pairs of one matrix share rows and columns, so they are not independent and the guarantee is "
            "approximate: calibrate on one candidate per row, for example nearest_match(scores).scores"
        )
    if n < 100:
        warnings.append(f"fewer than 100 labels ({n})")
    warning = "; ".join(warnings)

    def abstain(why: str) -> Threshold:
        return Threshold(np.nan, rule, n, 0.0, f"abstained: {why}", warning, data.reference, data.by_row)

    if n < start:
        return abstain(
            f"{n} labelled candidates; want at least {int(np.ceil(start))} for this target and delta"
        )
    rows = _swept(data, data.total)
    kept = rows.tp + rows.fp
    passes = clopper_pearson(rows.tp, kept, 1 - 2 * delta)[0] >= target
    tried = kept >= start
    failed = np.flatnonzero(tried & ~passes)
    first = int(np.argmax(tried))
    end = int(failed[0]) if len(failed) else len(rows)
    if end <= first:
        return abstain(
            f"{int(rows.tp[first])} of the {int(kept[first])} highest scores are right, which does not show a "
            f"precision of {target:g} at a risk of {delta:g}"
        )
    return Threshold(
        float(rows.threshold[end - 1]),
        rule,
        n,
        float(kept[end - 1] / n),
        f"precision is at least {target:g} with probability {1 - delta:g} over the {n} labelled candidates, for new "
        "candidates drawn like them",
        warning,
        data.reference,
        data.by_row,
    )


def for_fdr(scores: Any, decoys: Any, target: float = 0.1) -> Threshold:
    """Choose a threshold without labels: wrong matches are counted by letting decoys compete (target–decoy).

    Each query has the score of its best match and the score of its best *decoy*, an item that cannot be right. The
    higher of the two wins (a tie goes to the decoy). Where a wrong match wins as often as a decoy does, the decoys
    that won above t estimate the wrong matches above t, and the rule takes the lowest t with
    ``(1 + |{decoy wins, score ≥ t}|) / max(1, |{match wins, score ≥ t}|) ≤ target``.

    Parameters
    ----------
    scores : (n,)
        Best score of each query among the real items.
    decoys : (n,)
        Best score of the same query among as many decoys.
    target : float
        The wanted false discovery rate (1 − precision) among matches that win, in (0, 1).

    Returns
    -------
    Threshold
        Abstains if no t reaches the target. ``coverage`` counts the matches that win and reach the line.

    Raises
    ------
    TypeError, ValueError
        If the two are not 1-D, of one length and free of NaN, or target is not in (0, 1).

    References
    ----------
    J. E. Elias, S. P. Gygi, *Target-decoy search strategy*, Nature Methods 4:207–214, 2007.
    R. F. Barber, E. J. Candès, *Controlling the false discovery rate via knockoffs*, Annals of Statistics 43(5), 2015.

    Notes
    -----
    **It stands and falls with the decoys.** A wrong match must score like a decoy. Where wrong matches are near misses
    (another arrow, the same letter in another script) they score higher than decoys that have nothing to do with the
    query, and the rate comes out too low. Choose decoys as hard as the real wrong answers, and verify with some labels.
    Measured (``benchmarks/PROMISES.md``): kept on symbols with decoys drawn like the items (0.095 for 0.1); a little
    above on spoken digits (0.12 to 0.13 for 0.1), where ten classes make wrong answers come in lumps; missed by far
    (0.55 for 0.1) with a tenth of the decoys.

    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.threshold import for_fdr
    >>> rng = np.random.default_rng(0)
    >>> found, wrong = rng.normal(4, 1, 300), rng.normal(0, 1, 300)
    >>> line = for_fdr(np.r_[found, wrong], rng.normal(0, 1, 600), target=0.1)
    >>> round(line.coverage, 1)
    0.6
    """
    s, d = as_scores(scores, "scores", ndim=(1,)), as_scores(decoys, "decoys", ndim=(1,))
    if len(s) != len(d):
        raise ValueError(
            f"scores has {len(s)} entries and decoys {len(d)}; want the best decoy of each query"
        )
    target = as_number(target, "target", 0, 1, above=True, below=True)
    rule, reference = f"FDR <= {target:g}", np.sort(s[s > -np.inf])
    hint = (
        "wrong matches must score like the decoys: with near misses, too few decoys or few large classes "
        "the rate is missed"
    )
    wins = s > d
    best = np.maximum(s, d)
    rows = _swept(
        _Labelled(best[best > -np.inf], wins[best > -np.inf], int(wins.sum()), reference, False),
        int(wins.sum()),
    )
    good = (rows.fp + 1) / np.maximum(rows.tp, 1) <= target
    if not good.any():
        why = f"abstained: at no threshold are decoys less than {target:g} of the matches"
        return Threshold(np.nan, rule, len(s), 0.0, why, hint, reference)
    at = int(np.flatnonzero(good)[-1])
    return Threshold(
        float(rows.threshold[at]),
        rule,
        len(s),
        float(rows.tp[at] / len(s)),
        f"on average at most {target:g} of the matches kept are wrong, if a wrong match scores like its decoy",
        hint,
        reference,
    )
