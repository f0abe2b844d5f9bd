"""What the threshold panel computes: no widget in here, only calls into the package and what they need kept."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .._check import one_of
from .._truth import Truth

if TYPE_CHECKING:
    from ..align import Matches
    from ..threshold import Threshold

MODES = ("max", "min", "threshold", "nearest", "mutual", "greedy")


class Choice:
    """Pairs of one score matrix under one matching, at any threshold.

    Parameters
    ----------
    scores : (n, m) array
    mode : str
        One of ``MODES``.
    truth : Truth, optional
    """

    def __init__(self, scores: np.ndarray, mode: str, truth: Truth | None) -> None:
        self.scores, self.mode, self.truth = scores, one_of(mode, "mode", MODES), truth

    def match(self, threshold: float | None) -> Matches:
        """Return the kept pairs; ``None`` leaves nothing out (and is not for mode "threshold", which is all threshold)."""
        from .. import align

        if self.mode == "min":  # distance = best score - score: a flip, so "min" sees the same order as "max"
            top = float(self.scores.max(initial=0.0))
            return align.min_match(
                top - self.scores.astype(np.float64), None if threshold is None else top - threshold
            )
        return getattr(align, f"{self.mode}_match")(self.scores, threshold)

    def right(self, pairs: np.ndarray) -> np.ndarray | None:
        """Which pairs are right, if that is known."""
        return None if self.truth is None else self.truth.of(pairs[:, 0], pairs[:, 1])

    def curve(self, thresholds: np.ndarray) -> np.ndarray:
        """Recall and precision at each threshold that keeps anything: ``(points, 2)``."""
        kept = [self.match(float(t)) for t in thresholds]
        reports = [found.evaluate(self.truth) for found in kept if len(found.pairs)]
        return np.array([(r["recall"], r["precision"]) for r in reports]).reshape(-1, 2)

    @functools.cached_property
    def candidates(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs that could be kept and their scores, best first: all of them, or the matching without a threshold."""
        if self.mode == "threshold":
            order = np.argsort(-self.scores, axis=None, kind="stable")[: int(np.isfinite(self.scores).sum())]
            pairs = np.column_stack(np.unravel_index(order, self.scores.shape))
            return pairs, self.scores.ravel()[order]
        pairs = self.match(None).pairs
        values = self.scores[pairs[:, 0], pairs[:, 1]]
        order = np.argsort(-values, kind="stable")
        return pairs[order], values[order]

    def around(self, kept: Matches, threshold: float, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``k`` kept pairs nearest above the line and the ``k`` left-out candidates nearest below it."""
        pairs, values = self.candidates
        cut = int(np.searchsorted(-values, -threshold, side="right"))
        below = pairs[cut : cut + k]
        if self.mode == "threshold":
            return pairs[max(cut - k, 0) : cut][::-1], below
        scores = self.scores[kept.pairs[:, 0], kept.pairs[:, 1]]
        return kept.pairs[np.argsort(scores, kind="stable")[:k]], below

    def _best_gate(self, chosen: Threshold, lines: np.ndarray) -> Threshold:
        """Move the line of best F1 among the candidates to where the matching itself has its best F1.

        With the gate inside a maximum or minimum matching, a line also changes which pairs there are.
        """
        tried = np.append(lines, chosen.value)
        f1 = np.array([self.match(float(t)).evaluate(self.truth)["f1"] for t in tried])
        best = float(tried[f1 == f1.max()].max())
        return replace(chosen, value=best, coverage=len(self.match(best)) / max(chosen.n, 1))

    def suggest(
        self, rule: str, target: float, delta: float, decoys: np.ndarray | None, lines: np.ndarray
    ) -> Threshold:
        """Let a rule of :mod:`mmalign_nb.threshold` choose, from the pairs that this matching could keep.

        A one-to-one matching proposes one candidate per item, which can be taken as independent. Mode "threshold" has
        the whole matrix, and the rules say what that costs. Without labels the best match of each row competes with
        its best decoy. For best F1 a gated matching is tried at each of ``lines``.
        """
        from .. import threshold as rules

        if rule == "for_fdr":
            if decoys is None:
                raise ValueError("decoys are missing for this measure")
            return rules.for_fdr(
                self.scores.max(axis=1, initial=-np.inf), decoys, target=round(1 - target, 10)
            )
        assert self.truth is not None
        pairs, values = self.candidates
        by_row = self.mode == "threshold"
        scores, truth = (self.scores, self.truth) if by_row else (values, self.right(pairs))
        if rule == "for_precision":
            return rules.for_precision(scores, truth, target=target, delta=delta)
        chosen = rules.best_f1(scores, truth, total=self.truth.total)
        gated = self.mode in ("max", "min") and not chosen.abstained
        return self._best_gate(chosen, lines) if gated else chosen
