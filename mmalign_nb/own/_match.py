"""Who belongs to whom, by scores that are honest about given pairs; and where the line is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..align import Matches, max_match
from ._fit import Trial, Vectors
from ._pairs import Split

_BLOCK = 2**22  # scores at a time
_SMALLEST_POOL = 40  # matches that the strictest line of Labelling keeps


class Matched(NamedTuple):
    """All matches, what is known of each (1 right, 0 wrong, −1 not known), and the scores of the line's calibration."""

    matches: Matches
    known: np.ndarray
    scores: np.ndarray  # of matches of held-out items, as matched as the open ones are
    right: np.ndarray
    groups: np.ndarray
    absent: (
        np.ndarray
    )  # what held-out items score with the best of the others, as if their partners were not there


def honest(trial: Trial, split: Split, final: Vectors) -> tuple[np.ndarray, np.ndarray]:
    """Vectors whose dot products are the scores by an encoder that has not seen the row's given pair.

    Row i of the first holds its vector in the slot of its fold, and the second all items by all encoders, side by side. Rows without
    a given pair are in a slot of their own, for the encoder that is fitted to all.
    """
    if not trial.learns:
        return final.a, final.b
    fold = split.of(0, len(final.a))
    slots = [trial.crossed(k) for k in range(split.count)] + [final]
    fold[fold < 0] = len(slots) - 1
    widths = np.cumsum([0] + [z.a.shape[1] for z in slots])
    A = np.zeros((len(final.a), int(widths[-1])), np.float32)
    for k, z in enumerate(slots):
        A[fold == k, widths[k] : widths[k + 1]] = z.a[fold == k]
    return A, np.concatenate([z.b for z in slots], axis=1)


def match(trial: Trial, split: Split, final: Vectors, scores: tuple[np.ndarray, np.ndarray]) -> Matched:
    """Pair the open items with one another, and the given ones again among themselves, as if nobody had said."""
    n, m = len(final.a), len(final.b)
    fold = split.of(0, n), split.of(1, m)
    open_a, open_b = (np.flatnonzero(x < 0) for x in fold)
    given_a, given_b = (np.flatnonzero(x >= 0) for x in fold)
    first = _among(final.a, final.b, open_a, open_b)
    again = _among(*scores, given_a, given_b)
    both = _together([first, again], (n, m))
    known = np.array([split.right(i, j) if fold[0][i] >= 0 else -1 for i, j in both.pairs.tolist()], np.int8)
    group = np.zeros(n, np.int64), np.zeros(m, np.int64)
    for side in (0, 1):
        group[side][split.pairs[:, side]] = split.group
    new = bool(len(open_a) and len(open_b))
    if not new:
        tested = [(i, j, s) for (i, j), s in zip(again.pairs.tolist(), again.scores.tolist(), strict=True)]
        unit = 0
    else:
        # As the open items are matched: each fold's items among themselves and the open ones, by an encoder that has not
        # seen them. The open side with fewer items says what a candidate is: each of its items gets a partner.
        unit = int(len(open_b) < len(open_a))
        tested = []
        for k in range(split.count):
            z = trial.crossed(k)
            found = _among(*z, *(np.flatnonzero((x == k) | (x < 0)) for x in fold))
            held = fold[unit][found.pairs[:, unit]] == k
            tested += [
                (i, j, s)
                for (i, j), s in zip(found.pairs[held].tolist(), found.scores[held].tolist(), strict=True)
            ]
    absent = [_best_others(trial.crossed(k), split, fold, unit, k) for k in range(split.count)] if new else []
    right = np.array([split.right(i, j) for i, j, _ in tested], bool)
    member = np.array([group[unit][pair[unit]] for pair in tested], np.int64)
    none = np.concatenate(absent) if absent else np.empty(0)
    return Matched(both, known, np.array([s for *_, s in tested], np.float64), right, member, none)


def _best_others(
    z: Vectors, split: Split, fold: tuple[np.ndarray, np.ndarray], unit: int, k: int
) -> np.ndarray:
    """The best score of each held-out item of a fold among the open items and those of the fold, but for its partners."""
    own = np.flatnonzero(fold[unit] == k)
    others = np.flatnonzero((fold[1 - unit] == k) | (fold[1 - unit] < 0))
    out = np.full(len(own), -np.inf)
    step = max(1, _BLOCK // max(len(others), 1))
    for start in range(0, len(own), step):
        some = own[start : start + step]
        scores = z[unit][some] @ z[1 - unit][others].T
        mine = np.stack([split.partners(unit, i)[others] for i in some.tolist()])
        out[start : start + step] = np.where(mine, -np.inf, scores).max(axis=1)
    return out[out > -np.inf]


def _among(A: np.ndarray, B: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> Matches:
    """The best one-to-one pairs among some rows and columns, with the numbers that these have in the whole."""
    found = max_match((A[rows], B[cols]), metric="dot")
    pairs = (
        np.stack([rows[found.pairs[:, 0]], cols[found.pairs[:, 1]]], axis=1)
        if len(found)
        else np.empty((0, 2), np.int64)
    )
    return Matches(
        pairs,
        found.scores,
        found.margins,
        rows[found.unmatched_a],
        cols[found.unmatched_b],
        found.shape,
        tied=found.tied,
    )


def _together(parts: Sequence[Matches], shape: tuple[int, int]) -> Matches:
    """Matches of items that the others do not have, as one."""
    pairs = np.concatenate([x.pairs for x in parts])
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    scores, margins = (
        np.concatenate([getattr(x, name) for x in parts])[order] for name in ("scores", "margins")
    )
    alone = [np.setdiff1d(np.arange(k), pairs[:, side]) for side, k in enumerate(shape)]
    return Matches(
        pairs[order],
        scores.astype(np.float32),
        margins,
        alone[0],
        alone[1],
        shape,
        tied=sum(x.tied for x in parts),
    )


# ---- the line


class Line(NamedTuple):
    """Where the line is, None if nothing can be promised; what is promised, in words, and what makes it void."""

    threshold: float | None
    promise: str
    voids: list[str]
    rule: str


def by_pairs(found: Matched, target: float, delta: float) -> Line:
    """The line that the given pairs speak for."""
    from ..threshold import for_precision

    groups = found.groups if len(np.unique(found.groups)) < len(found.groups) else None
    line = for_precision(found.scores, found.right, target, delta, groups=groups)
    new, share, sure = int((found.known < 0).sum()), _percent(target), _percent(1 - delta)
    asks = answers_needed(target, delta)
    if line.abstained:
        right, n, pool = int(found.right.sum()), len(found.right), new or len(found.known)
        helps = f"answers on single matches (about {asks} if nearly all of the best are right), or more given pairs"
        if pool < _SMALLEST_POOL:
            helps = f"to look at all {pool} matches: so few need no line"
        why = (
            "no pair is given, so nothing is known of how often a match is right" if not n
            else f"{right} of {n} given partners were found again, which does not show {share} anywhere"
        )  # fmt: skip
        return Line(
            None,
            f"No line yet: {why}. What helps: {helps}.",
            [],
            line.guarantee,
        )
    line = replace(line, value=_short(float(line), np.concatenate([found.matches.scores, found.scores])))
    if new:
        # Two things can be wrong with a match that is kept, and each has its line: the partner is there and another was taken,
        # which held-out pairs show; or it is not there at all, which they show when their partners are taken away.
        fresh = found.matches.scores[found.known < 0].astype(np.float64)
        stands_out = _standing_out(fresh, found.absent, 1 - target)
        at = _short(max(float(line), stands_out), found.matches.scores)
        kept = int((fresh >= at).sum())
        if not kept:
            return Line(
                None,
                f"No line yet: none of the {new} matches without a given pair stands out from what an item scores whose partner is not there. "
                f"What helps: answers on single matches (about {asks} if nearly all of the best are right).",
                [],
                line.rule,
            )
        line = replace(line, value=at)
        promise = (
            f"Of {new} matches without a given pair {kept} are kept (score at least {at:.3f}). Where the partner is in the folder, such "
            f"a match is right at least {share} of the time, with {sure} confidence; and of those kept at most {_percent(1 - target)} on average are "
            "items whose partner is not there. Both hold if these items are like those with a given pair."
        )
        voids = [
            "items that are of another kind than those with a given pair",
            "given pairs that are wrong: see the audit",
            "choosing the target after having seen what it keeps",
        ]
    else:
        n, right = len(found.right), int(found.right[found.scores >= float(line)].sum())
        promise = (
            f"All items with a partner have it given, so the line (score at least {float(line):.3f}) is for new ones like them: "
            f"matches above it are right at least {share} of the time, with {sure} confidence. "
            f"Of the {n} given partners it finds {right} again."
        )
        voids = [
            "new items of another kind, or a folder of another size: the best of more scores higher",
            "given pairs that are wrong: see the audit",
            "choosing the target after having seen what it keeps",
        ]
    if "the same items" in line.warning:
        voids.append(line.warning)
    return Line(float(line), promise, voids, line.rule)


def _percent(share: float) -> str:
    """A share as it is promised: 92.5% is not 92%, nor 99.5% all."""
    return f"{100 * share:.4g}%"


def _short(line: float, scores: np.ndarray) -> float:
    """A line with four digits if it keeps the same; it is read and typed."""
    if not math.isfinite(line):
        return line
    short, x = math.floor(line * 1e4) / 1e4, scores.astype(np.float64)
    return short if np.array_equal(x >= short, x >= line) else line


def _standing_out(scores: np.ndarray, absent: np.ndarray, rate: float) -> float:
    """The least score at which at most a share of those kept, on average, are of items without a partner.

    Benjamini and Hochberg's rule for the p-values ``(1 + number of absent scores that are as high) / (1 + number of them)``, which hold
    if items without a partner score like held-out items whose partners were taken away (Bates, Candès, Lei, Romano, Sesia, *Testing for
    outliers with conformal p-values*, Annals of Statistics 51(1), 2023). Infinity if there is none.
    """
    if not len(scores):
        return math.inf
    best = np.sort(scores)[::-1]
    higher = len(absent) - np.searchsorted(np.sort(absent), best, side="left")
    good = np.flatnonzero(
        (1 + higher) / (1 + len(absent)) <= rate * np.arange(1, len(best) + 1) / len(best) + 1e-12
    )
    return float(best[good[-1]]) if len(good) else math.inf


def by_labels(labelling: Any, target: float, delta: float) -> Line:
    """The line that answers on single matches speak for: of this very pool, and whatever the given pairs are like."""
    line = labelling.threshold
    n, size, share = len(labelling.asked), len(labelling.pool), _percent(target)
    if line.abstained:
        more = labelling.next_line
        hint = f"; about {more.answers} more answers may show one" if more else ""
        nothing = "" if labelling.ask() is not None else "; there is nothing more to ask: too many are wrong"
        return Line(
            None,
            f"No line yet: {n} answers do not show that {share} of the best matches are right{hint or nothing}.",
            [],
            line.rule,
        )
    kept = len(labelling.kept)
    return Line(
        float(line),
        f"With {_percent(1 - delta)} confidence at least {share} of the {kept} best of these {size} matches are right (score at least "
        f"{float(line):.3f}): {n} answers show it.",
        [
            "wrong answers; “cannot tell” counts as wrong",
            "matches made anew: another encoder, more files or another matching is another pool",
            "choosing target or seed after the first answer",
        ],
        line.rule,
    )


def answers_needed(target: float, delta: float) -> int:
    """How many answers the first line takes if all are right."""
    return math.ceil(math.log(0.9 * delta) / math.log(target))
