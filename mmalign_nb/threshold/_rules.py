"""What score is a match? Three rules that choose a threshold, what each promises, and an alarm for when it is void."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._check import as_array, as_count, as_groups, as_number, as_scores, describe
from .._truth import Truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Drift", "Sweep", "Threshold", "best_f1", "for_fdr", "for_precision", "sweep"]

# Measured in benchmarks/PROMISES.md: up to 0.0095 the rate of for_fdr was kept in every case, at 0.05 it was missed by half.
_CONCENTRATED = 0.01

_FIRST = 0.9  # the share of δ that for_precision puts on the first place at which anything can be shown


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
    gallery : int or None
        How many items each candidate was the best of, for ``check``; None if the rule was not told (1-D scores).
    concentration : float
        By ``for_fdr``: the chance that two matches drawn from those that won hold the same item; NaN if it was not told
        which items won.

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
    gallery: int | None = None
    concentration: float = np.nan

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

    def check(self, new_scores: Any, *, alpha: float = 0.01, gallery: int | None = None) -> Drift:
        """Compare new scores with those of the calibration; raise the alarm if they differ too much for chance.

        The statistic is the largest gap between the two distribution functions (Kolmogorov–Smirnov), ``alpha`` the
        chance of an alarm without drift. ``new_scores`` must be taken as the calibration's were: scores of candidates,
        or, if a matrix was calibrated, a matrix (the best of each row is compared). No labels are needed.
        An alarm voids the guarantee; its absence does not prove it: drift can hide in the labels alone.

        ``D = max_x |F_old(x) − F_new(x)|``, alarm if its p-value is below ``alpha``. The words say where the scores went:
        *lower* or *higher* if they did so almost everywhere, else that their *spread* changed (the smaller of the two
        one-sided gaps is more than half of the larger).

        Parameters
        ----------
        new_scores : (k,) or Matches; (n, m) if a matrix was calibrated
        alpha : float
            In (0, 1).
        gallery : int, optional
            How many items the new candidates are the best of, for 1-D scores.

        Returns
        -------
        Drift(alarm, statistic, p_value, words)
            ``statistic`` is D, in 0 … 1.

        Raises
        ------
        TypeError, ValueError
            If ``alpha`` is no chance, the scores have NaN or are not shaped as the calibration's, either side has
            fewer than 8, or the galleries are known and differ in size.

        References
        ----------
        A. N. Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4:83–91, 1933; N. Smirnov, *Table for estimating
        the goodness of fit of empirical distributions*, Annals of Mathematical Statistics 19(2):279–281, 1948.

        Notes
        -----
        **Valid for independent scores from a gallery of the same size.** The best of many items scores higher than the
        best of few, whatever they are: with another size the alarm rings without drift, in up to every run. Scores that
        come in groups (many pictures of one object) ring too often as well: check one of each group.

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
        size = None if gallery is None else as_count(gallery, "gallery")
        if hasattr(new_scores, "pairs"):
            new_scores, size = new_scores.scores, new_scores.shape[1]
        new = as_scores(new_scores, "new_scores", ndim=(2,) if self.by_row else (1,))  # as in the calibration
        size = new.shape[1] if self.by_row else size
        if self.gallery is not None and size is not None and size != self.gallery:
            raise ValueError(
                f"the new scores are the best of {size} items each, those of the calibration the best of {self.gallery}: the "
                f"best of more is higher, with or without drift. Compare scores from {self.gallery} items, or calibrate again"
            )
        new = _row_best(new) if self.by_row else new[new > -np.inf]
        if len(new) < 8 or len(self.reference) < 8:
            raise ValueError(
                f"{len(new)} new scores and {len(self.reference)} old ones; want at least 8 of each"
            )
        found = ks_2samp(self.reference, new)
        alarm = bool(found.pvalue < alpha)
        old, at = np.sort(self.reference), np.concatenate([self.reference, new])
        gap = np.searchsorted(np.sort(new), at, "right") / len(new) - np.searchsorted(old, at, "right") / len(
            old
        )
        lower, higher = gap.max(), -gap.min()
        where = f"run {'lower' if lower > higher else 'higher'}"
        if min(lower, higher) > max(lower, higher) / 2:
            where = "spread otherwise, neither lower nor higher on the whole"
        words = (
            f"ALARM: {len(new)} new scores are not like the {len(self.reference)} of the calibration "
            f"(they {where}; gap {found.statistic:.2f}, p = {found.pvalue:.2g}): "
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
    gallery: int | None = None
    row: Any = None  # which entry (of a matrix: row) of the input each candidate is from, of how many
    inputs: int = 0
    shared: str = ""  # which side's items stand in several candidates, in words

    def threshold(self, value: float, rule: str, coverage: float, guarantee: str, warning: str) -> Threshold:
        return Threshold(
            value, rule, len(self.scores), coverage, guarantee, warning, self.reference, self.by_row, gallery=self.gallery
        )  # fmt: skip


def _row_best(S: np.ndarray) -> np.ndarray:
    best = S.max(axis=1, initial=-np.inf)
    return best[best > -np.inf]


def _scores_of(matches: Any, name: str = "scores") -> np.ndarray:
    """The scores of ``Matches``; a distance is no score."""
    if matches.measure == "distance":
        raise ValueError(
            f"{name} are matches with distances; want scores, higher being more alike: max_match, or Labelling for both"
        )
    return as_scores(matches.scores, name, ndim=(1,))


def _labelled(scores: Any, truth: Any) -> _Labelled:
    """Read scores and truth; pairs that score −inf can never be kept and are no candidates."""
    gallery, shared = None, ""
    if hasattr(scores, "pairs"):
        matches, total = scores, None
        scores, gallery = _scores_of(matches), matches.shape[1]
        if isinstance(truth, (str, tuple)) or np.ndim(truth) != 1:
            known = Truth(truth, matches.shape)
            truth, total = known.of(*matches.pairs.T), known.total
        for side, items in zip("ab", matches.pairs.T, strict=True):
            met = np.sum(np.unique(items, return_counts=True)[1] ** 2) / max(len(items), 1)
            if met >= 2:  # a candidate drawn at random shares its item with one other or more
                shared = (
                    f"the same items of side {side} stand in several candidates ({met:.1f} on average, seen from a candidate), "
                    "which may be right or wrong together: then the risk is higher than promised, unless groups= says which "
                    "belong together"
                )
    else:
        total = None
    S = as_scores(scores, ndim=(1, 2))
    if S.ndim == 1:
        s, right = S, as_array(truth, "truth", "one True or False per score")
        if right.shape != s.shape or (right.dtype != bool and not np.isin(right, (0, 1)).all()):
            raise ValueError(f"truth is {describe(truth)}; want one True or False per score: shape {s.shape}")
        right = right.astype(bool)
        total = int(right.sum()) if total is None else total
        row, reference, by_row = np.arange(len(s)), s[s > -np.inf], False
    else:
        known = Truth(truth, (S.shape[0], S.shape[1]))
        s, right = S.ravel(), known.rows(0, S.shape[0]).ravel()
        total, reference, by_row = known.total, _row_best(S), True
        row, gallery = np.repeat(np.arange(S.shape[0]), S.shape[1]), S.shape[1]
    keep = s > -np.inf
    return _Labelled(
        s[keep], right[keep], total, np.sort(reference), by_row, gallery, row[keep], len(S), shared
    )


def sweep(scores: Any, truth: Any, *, total: int | None = None) -> Sweep:
    """Count what every possible threshold keeps: one row per distinct score, tied scores together, the last cut too.

    At threshold t: ``tp = |{S ≥ t, right}|``, ``fp = |{S ≥ t, wrong}|``, ``fn = total − tp``, ``precision = tp / (tp +
    fp)``, ``recall = tp / total`` (0 if there is nothing to find), ``F1 = 2 tp / (2 tp + fp + fn)``.

    Parameters
    ----------
    scores : 1-D scores of candidate pairs, or Matches, or a matrix (n, m) of all pairs
        ``-inf`` is never kept.
    truth : bool, one per score; or for matches and a matrix what :class:`mmalign_nb.align.Matches` evaluates against
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
    The maximum is taken on the same labels that it is reported on, so on average its F1 is too good for other data; and
    F1 weighs a wrong pair like a missed one, which is seldom what it costs. It knows of no wanted precision: how often it
    misses one of 0.9 hangs on how many candidates are right (``benchmarks/PROMISES.md``).

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
        return data.threshold(np.nan, "best F1", 0.0, why, "")
    at = int(np.argmax(rows.f1))
    return data.threshold(
        float(rows.threshold[at]),
        "best F1",
        float((rows.tp[at] + rows.fp[at]) / n),
        "none: the highest F1 on this sample, chosen for it and so on average less on other data",
        f"fewer than 100 labels ({n})" if n < 100 else "",
    )


def for_precision(
    scores: Any, truth: Any, target: float = 0.9, delta: float = 0.1, *, groups: Any = None
) -> Threshold:
    """Choose the lowest threshold whose precision is at least the target, with probability 1 − δ over the labels.

    From a strict threshold down, each cut tests "precision < target"; the first that cannot be rejected ends the walk. There
    are two walks, which share δ: one starts where ``ln(0.9 δ) / ln target`` candidates are kept, the fewest that can show
    anything, with 0.9 δ; the other where a third of them are, with 0.1 δ. A walk that reaches the second start goes on with
    both (the fallback procedure). Both places are fixed, so that no luck in the labels chooses them. A cut that keeps k right
    of n' passes if ``P(Bin(n', target) ≥ k) ≤`` the risk at hand.

    With groups the candidates of a group may be right or wrong together, and the promise is about *precision over
    candidates, where whole groups are drawn*. With ``k_g`` the candidates that a cut keeps of group g and ``X_g = Σ (right −
    target)`` over them, the test is a bet on every group: p-value ``1 / Π (1 + λ X_g)``, with the λ that is best for
    ``(Σ k_g)² / Σ k_g²`` independent candidates, as many as these count for if a group is right or wrong as a whole.

    Parameters
    ----------
    scores : 1-D scores of candidate pairs, or Matches, or a matrix (n, m) of all pairs
    truth : bool, one per score; or for matches and a matrix what :class:`mmalign_nb.align.Matches` evaluates against
    target : float
        The wanted precision, in (0, 1).
    delta : float
        The risk of missing it, in (0, 1).
    groups : labels, one per candidate (of a matrix: per row), optional
        Which candidates belong together: an object with many photographs, a speaker, a session. A missing label is a group
        of its own.

    Returns
    -------
    Threshold
        Abstains, saying why, if no cut can be justified: too few labels or groups, or the scores do not separate well enough.

    Raises
    ------
    TypeError, ValueError
        If scores have NaN, truth or groups do not fit them, or target or delta is not in (0, 1).

    References
    ----------
    A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei, *Learn then Test*, arXiv 2110.01052, 2021.
    B. L. Wiens, A. Dmitrienko, *The fallback procedure for evaluating a single family of hypotheses*, Journal of
    Biopharmaceutical Statistics 15(6):929–942, 2005.
    I. Waudby-Smith, A. Ramdas, *Estimating means of bounded random variables by betting*, JRSS-B 86(1):1–27, 2024.

    Notes
    -----
    The promise is for candidates (or groups) drawn independently from the same source as the labelled ones. It counts a
    calibration that abstains as kept: of the few that answer on scarce labels, more than δ may miss.

    **What no rule can do.** 20 right of 20 show a precision of .891 at a risk of .1, and 22 of 22 are needed for .9. With a
    tenth of the candidates right, 300 labels hold about 30 right ones, and even a rule that looked first and chose its line
    afterwards, unpunished, would answer in a fifth of the calibrations. So label *one candidate a row* (``nearest_match``), of
    which most may be right, and not all pairs of a matrix; or label one at a time with ``Labelling``, which asks
    where it matters. ``benchmarks/PROMISES.md`` shows how often this rule answers beside the one that looks first: there .20 of the calibrations where that has .25, and .82 beside .96 on symbols.

    The pairs of one matrix share rows and columns and are not independent; for a matrix, and for matches in which the
    same items come up again and again, the threshold says so in its ``warning``. Under drift the promise is void: see
    ``Threshold.check``.

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
    >>> by_object = for_precision(scores, scores > 0.4, groups=np.arange(300) % 100)
    >>> by_object
    Threshold(0.368, precision >= 0.9, 300 candidates, coverage 0.63)
    """
    target = as_number(target, "target", 0, 1, above=True, below=True)
    delta = as_number(delta, "delta", 0, 1, above=True, below=True)
    data = _labelled(scores, truth)
    n, rule = len(data.scores), f"precision >= {target:g}"
    warnings = []
    if data.by_row:
        warnings.append(
            "the pairs of one matrix share rows and columns, so they are not independent and the guarantee is "
            "approximate: calibrate on one candidate per row, for example nearest_match(scores).scores"
        )
    if data.shared and groups is None:
        warnings.append(data.shared)
    if n < 100:
        warnings.append(f"fewer than 100 labels ({n})")
    warning = "; ".join(warnings)

    def abstain(why: str) -> Threshold:
        return data.threshold(np.nan, rule, 0.0, f"abstained: {why}", warning)

    rows = _swept(data, data.total)
    kept, units = rows.tp + rows.fp, f"{n} labelled candidates"
    if groups is None or not n:
        from scipy.stats import binom

        p, least = binom.sf(rows.tp - 1, kept, target), target**kept
    else:
        each = "row" if data.by_row else "candidate"
        member = as_groups(groups, "groups", data.inputs, each)[data.row]
        units = f"{len(np.unique(member))} groups of the {units}"
        p, least = _bets(data, member, kept, target, delta)
    can = least <= _FIRST * delta * (1 + 1e-9)
    if not can.any():
        want = math.ceil(math.log(_FIRST * delta) / math.log(target) - 1e-9)
        return abstain(
            f"{units}; want at least {want}, all right, for this target and delta, and more if groups are unequal"
        )
    starts = [int(np.argmax(can)), int(np.searchsorted(kept, n / 3))]
    end = -1  # the loosest cut that passes
    risk = 0.0
    for at in range(len(rows)):
        risk += delta * (_FIRST * (at == starts[0]) + (1 - _FIRST) * (at == max(starts)))
        if risk and p[at] <= risk * (1 + 1e-9):
            end = at
        else:
            risk = 0.0
        if not risk and at >= max(starts):
            break
    if end < 0:
        first = starts[0]
        return abstain(
            f"{int(rows.tp[first])} of the {int(kept[first])} highest scores are right, which does not show a "
            f"precision of {target:g} at a risk of {delta:g}; label one candidate a row, or one at a time with Labelling"
        )
    return data.threshold(
        float(rows.threshold[end]),
        rule,
        float(kept[end] / n),
        f"precision is at least {target:g} with probability {1 - delta:g} over the {units}, for new "
        f"{'groups' if groups is not None else 'candidates'} drawn like them",
        warning,
    )


def _bets(
    data: _Labelled, member: np.ndarray, ends: np.ndarray, target: float, delta: float
) -> tuple[np.ndarray, np.ndarray]:
    """For each cut a p-value of "precision < target" that is true however the candidates of a group hang together, and what
    it would be if all were right.

    The stakes hang on scores and groups alone, not on labels.
    """
    order = np.argsort(-data.scores, kind="stable")
    gain, member = data.right[order] - target, member[order]
    steps = [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
    won, kept = np.zeros((2, member.max() + 1))
    mates, most, p, least = np.empty((4, len(ends)))
    for at, step in enumerate(steps):
        np.add.at(kept, member[step], 1)
        mates[at], most[at] = kept @ kept / ends[at], kept.max()
    stakes = (_shown(ends / mates, target, delta) - target) / (1 - target) / mates
    stakes = np.minimum(stakes, 1 / most) / target
    kept[:] = 0
    with np.errstate(divide="ignore", invalid="ignore"):  # all is lost: no evidence at all
        for at, step in enumerate(steps):
            np.add.at(kept, member[step], 1)
            np.add.at(won, member[step], gain[step])
            p[at] = np.exp(-np.log1p(stakes[at] * won).sum())
            least[at] = np.exp(-np.log1p(stakes[at] * (1 - target) * kept).sum())
    return p, least


def _shown(n: np.ndarray, target: float, delta: float) -> np.ndarray:
    """The share that n independent candidates must have right: ``n · KL(q, target) = ln 1/δ``, by halving; at most 1."""
    from scipy.special import rel_entr

    low, high = np.full(n.shape, target), np.ones(n.shape)
    for _ in range(40):
        q = (low + high) / 2
        far = n * (rel_entr(q, target) + rel_entr(1 - q, 1 - target)) > -math.log(delta)
        low, high = np.where(far, low, q), np.where(far, q, high)
    return high


def for_fdr(scores: Any, decoys: Any, target: float = 0.1, *, items: Any = None) -> Threshold:
    """Choose a threshold without labels: wrong matches are counted by letting decoys compete (target–decoy).

    Each query has the score of its best match and the score of its best *decoy*, an item that cannot be right. The
    higher of the two wins (a tie goes to the decoy). Where a wrong match wins as often as a decoy does, the decoys
    that won above t estimate the wrong matches above t, and the rule takes the lowest t with
    ``(1 + |{decoy wins, score ≥ t}|) / max(1, |{match wins, score ≥ t}|) ≤ target``.

    Parameters
    ----------
    scores : (n,), or Matches over items and decoys together
        Best score of each query among the real items.
    decoys : (n,), or for Matches bool, one per column
        Best score of the same query among as many decoys; or which columns are decoys.
    target : float
        The wanted false discovery rate (1 − precision) among matches that win, in (0, 1).
    items : labels (n,), optional
        Which real item each query's best match is, to count what few items win. Matches know it.

    Returns
    -------
    Threshold
        Abstains if no t reaches the target. ``coverage`` counts the matches that win and reach the line; the promise is
        about no others. ``concentration`` is the chance that two of the matches that won hold the same item.

    Raises
    ------
    TypeError, ValueError
        If the two are not 1-D, of one length and free of NaN, matches have distances, or target is not in (0, 1).

    References
    ----------
    J. E. Elias, S. P. Gygi, *Target-decoy search strategy*, Nature Methods 4:207–214, 2007.
    R. F. Barber, E. J. Candès, *Controlling the false discovery rate via knockoffs*, Annals of Statistics 43(5), 2015.
    Lin, Short, Noble, Keich, *Improving peptide-level mass spectrometry analysis via double competition*,
    Journal of Proteome Research 21(10):2412–2420, 2022: each item once.

    Notes
    -----
    **It stands and falls with the decoys.** A wrong match must score like a decoy. Where wrong matches are near misses
    (another arrow, the same letter in another script) they score higher than decoys that have nothing to do with the
    query, and the rate comes out too low. Choose decoys as hard as the real wrong answers, and verify with some labels.

    **And with independence.** Each wrong match must fall on an item or a decoy by a coin of its own. Where a few hubs win
    many queries, one coin decides many matches, and the rate is missed. ``concentration`` shows it, and above 0.01 the
    ``warning`` says so. Then let each item win once: ``pairs = mutual_match(S)`` over items and decoys together, decoys
    first, ``for_fdr(pairs, decoys)``, and keep those of ``pairs`` that reach the line and are no decoys. What was measured
    stands in ``benchmarks/PROMISES.md``, with the FDR of those runs that gave an answer: where most abstain, it is far above the
    target.

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

    Each item once:

    >>> from mmalign_nb.align import mutual_match
    >>> S = rng.normal(size=(200, 400))  # 200 decoys, then 200 items
    >>> S[np.arange(150), 200 + np.arange(150)] += 6
    >>> decoys = np.arange(400) < 200
    >>> pairs = mutual_match(S)
    >>> line = for_fdr(pairs, decoys, target=0.1)
    >>> kept = (pairs.scores >= float(line)) & ~decoys[pairs.pairs[:, 1]]
    >>> bool(kept.sum() > 140), round(line.concentration, 3)
    (True, 0.0)
    """
    gallery = None
    if hasattr(scores, "pairs"):
        found, items, gallery = _scores_of(scores), scores.pairs[:, 1], scores.shape[1]
        fake = as_array(decoys, "decoys", "one True or False per column")
        if fake.shape != (gallery,) or fake.dtype != bool:
            raise ValueError(
                f"decoys is {describe(decoys)}; want one True or False per column: shape {(gallery,)}"
            )
        s, d = (np.where(fake[items] == side, found, -np.inf) for side in (False, True))
    else:
        s, d = as_scores(scores, "scores", ndim=(1,)), as_scores(decoys, "decoys", ndim=(1,))
    if len(s) != len(d):
        raise ValueError(
            f"scores has {len(s)} entries and decoys {len(d)}; want the best decoy of each query"
        )
    target = as_number(target, "target", 0, 1, above=True, below=True)
    wins, best = s > d, np.maximum(s, d)
    concentration = np.nan if items is None else _concentration(items, wins)
    warning = (
        "wrong matches must score like the decoys: with near misses, too few decoys or few large classes "
        "the rate is missed"
    )
    if concentration > _CONCENTRATED:
        warning += (
            f"; few items win many queries (two wins hold the same item with a chance of {concentration:.2f}), so wins are not "
            "independent and the rate may be missed: let each item win once, for example mutual_match over items and decoys"
        )
    taken = s if gallery is None else best
    reference = np.sort(taken[taken > -np.inf])
    rows = _swept(
        _Labelled(best[best > -np.inf], wins[best > -np.inf], int(wins.sum()), reference, False),
        int(wins.sum()),
    )
    good = np.flatnonzero((rows.fp + 1) / np.maximum(rows.tp, 1) <= target)
    value, coverage = np.nan, 0.0
    said = f"abstained: at no threshold are decoys less than {target:g} of the matches"
    if len(good):
        value, coverage = float(rows.threshold[good[-1]]), float(rows.tp[good[-1]] / len(s))
        said = (
            f"on average at most {target:g} of the matches kept that beat their decoy are wrong, if a wrong match scores like "
            "its decoy and wins or loses independently of the others"
        )
    return Threshold(
        value, f"FDR <= {target:g}", len(s), coverage, said, warning, reference, gallery=gallery, concentration=concentration
    )  # fmt: skip


def _concentration(items: Any, wins: np.ndarray) -> float:
    """The chance that two of the matches that won, drawn without replacement, hold the same item."""
    counts = np.bincount(as_groups(items, "items", len(wins), "query")[wins])
    n = counts.sum()
    return float((counts * (counts - 1)).sum() / (n * (n - 1))) if n > 1 else 0.0
