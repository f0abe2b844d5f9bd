"""ThresholdPanel: how high must a score be to count as a match? Move the line and see the pairs on both sides of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .._check import as_count, as_number, as_scores, as_threshold, one_of
from .._truth import Truth
from ..plots import new_figure, styled
from ..plots.scores import (
    draw_heatmap,
    draw_histogram,
    draw_precision_recall,
    histogram_edges,
    legend_below,
    mark_pairs,
    marker_size,
)
from ..plots.style import COLORS, LINE, RIGHT, as_words
from ._base import Control, Panel, Range, choice, read_measures
from .instrument import packed
from .media import two_sides

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ..align import Matches, MatchingPath
    from ..threshold import Labelling, Threshold

MODES = ("max", "min", "threshold", "nearest", "mutual", "greedy")
_SAMPLED = 48  # lines at which a matching that is too large for all of them is computed
_EXACT = 400  # up to so many items on a side a one-to-one matching is computed at every line


class ThresholdPanel(Panel):
    """Move a threshold and see which pairs are kept, how good they are, and the items just above and just below the line.

    Every matching here is a path: at each line some pairs come and others go (:func:`mmalign_nb.align.matching_path`). So the
    page knows the answer at every place of the slider, and needs Python only for a matching that has not been chosen before.

    Parameters
    ----------
    scores : (n, m) array, or a mapping of name to such arrays
        Similarities, higher is more alike; several measures can be compared.
    a, b : items of the rows and of the columns
        A list of str, uint8 images, ``(audio, sample_rate)``, ``(video, fps)``, or ``(items, "image")``.
    truth : optional
        What is right, as in :func:`mmalign_nb.evaluate.pair_report`: with it precision and recall are shown.
    threshold : float or Threshold, optional
        Where the slider starts.
    mode : str
        One of ``"max"``, ``"min"``, ``"threshold"``, ``"nearest"``, ``"mutual"``, ``"greedy"``
        (:mod:`mmalign_nb.align`), or ``"pool"`` with ``labelling``. ``"min"`` takes best score − score for distances, and so
        finds the pairs of ``"max"``.
    decoys : (n,) or (n, d) array, optional; for a mapping of scores a mapping too
        Scores of each row with items that cannot be right, as in :func:`mmalign_nb.threshold.for_fdr` (of several the
        best counts): with them "suggest" knows a rule that needs no labels.
    labelling : Labelling of matches, optional
        Its pool, cut at the line: the one matching for which every place of the slider has a promise
        (:meth:`mmalign_nb.threshold.Labelling.bound`), which is drawn as a band.
    target, delta : float
        What ``for_precision`` is asked for: precision, and the risk of missing it. ``for_fdr`` gets ``1 - target``.
    cards : int
        How many items to show on each side of the line.
    sides : (str, str)
        What rows and columns are.
    captions : (sequence of str or None, sequence of str or None), optional
        Names of the items, to be shown and to be found by.

    Attributes
    ----------
    threshold, mode, measure, rule : Control
        ``panel.threshold.value`` can be read and set from the next cell, ``panel.threshold.observe(f)`` hears of changes.
    matches : Matches
        What is kept now.

    Raises
    ------
    TypeError, ValueError
        If scores, items and truth do not fit together; ``mode`` lists the known ones.

    References
    ----------
    M. J. Eisner, D. G. Severance, *Mathematical techniques for efficient record segmentation in large shared databases*,
    J. ACM 23(4):619–635, 1976: all corners of a piecewise linear function.

    Notes
    -----
    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.panels import ThresholdPanel
    >>> scores = np.array([[0.9, 0.1], [0.3, 0.4]])
    >>> panel = ThresholdPanel(scores, ["cat", "dog"], ["Katze", "Hund"], truth="diagonal")
    >>> panel.threshold.value = 0.5
    >>> panel
    ThresholdPanel(threshold=0.500, mode='max'): 1 pair kept of 2 × 2, precision 1.00, recall 0.50
    >>> panel.to_frame().shape[0]
    1
    >>> float(panel.suggest()), panel.rule.value
    (0.4, 'best F1')
    """

    _kind = traitlets.Unicode("threshold").tag(sync=True)
    _threshold = traitlets.Float().tag(sync=True)
    _mode, _measure, _rule = (traitlets.Unicode().tag(sync=True) for _ in range(3))
    _paths, _fresh = (
        traitlets.Dict().tag(sync=True) for _ in range(2)
    )  # matchings at every line: first, last asked for

    def __init__(
        self,
        scores: Any,
        a: Any,
        b: Any,
        truth: Any = None,
        *,
        threshold: Any = None,
        mode: str | None = None,
        decoys: Any = None,
        labelling: Labelling | None = None,
        target: float = 0.9,
        delta: float = 0.1,
        cards: int = 4,
        sides: tuple[str, str] = ("side a", "side b"),
        captions: tuple[Any, Any] = (None, None),
    ) -> None:
        self._scores, (n, m) = read_measures(scores)
        self._media = two_sides(a, b, (n, m), captions)
        self._truth = None if truth is None else Truth(truth, (n, m))
        self._decoys = _read_decoys(decoys, list(self._scores), n)
        self._target = as_number(target, "target", 0, 1, above=True, below=True)
        self._delta = as_number(delta, "delta", 0, 1, above=True, below=True)
        self._sides, self._labelling = as_words(sides, "sides", 2), labelling
        if labelling is not None and (labelling.pool.measure, labelling.pool.shape) != ("score", (n, m)):
            raise ValueError(
                f"labelling has a pool of {labelling.pool.measure}s of {labelling.pool.shape}; want scores of {(n, m)}"
            )
        modes = [*MODES] if labelling is None else ["pool", *MODES]
        self._rules = {}
        if self._truth is not None:
            self._rules = {"best F1": "best_f1", f"precision ≥ {self._target:g}": "for_precision"}
        if self._decoys:
            self._rules[f"FDR ≤ {1 - self._target:g}, no labels"] = "for_fdr"
        self._path = functools.cache(self._find_path)
        self._sent_path = functools.cache(self._send_path)
        start = math.nan if getattr(threshold, "abstained", False) or threshold is None else as_threshold(threshold)  # fmt: skip
        first = next(iter(self._scores))
        self._range = {
            name: Range.over(*_ends(S), start if name == first else math.nan)
            for name, S in self._scores.items()
        }
        super().__init__()
        self._measure, self._mode = first, one_of(modes[0] if mode is None else mode, "mode", modes)
        self._rule = next(iter(self._rules), "")
        self._threshold = self._range[first].min if math.isnan(start) else start
        self.threshold = Control(self, "_threshold", lambda x: self.range.read(x, "threshold"))  # fmt: skip
        self.mode, self.rule = choice(self, "_mode", "mode", modes), choice(self, "_rule", "rule", list(self._rules))  # fmt: skip
        self.measure = Control(self, "_measure", self._move_to)
        self._paths = {self._key: self._sent_path(self._measure, self._mode)}
        self._data = {
            "a": self._media[0].sent(), "b": self._media[1].sent(), "shape": [n, m], "sides": self._sides, "modes": modes,
            "rules": list(self._rules.items()), "cards": as_count(cards, "cards", 0), "size": 56,
            "truth": self._truth is not None, "truthOf": self._all_truth(), "promise": self._promise(),
            "names": list(self._scores), "measures": {name: self._send_measure(name) for name in self._scores},
        }  # fmt: skip

    # ---- what is chosen

    @property
    def scores(self) -> np.ndarray:
        """The matrix of the chosen measure."""
        return self._scores[self._measure]

    @property
    def range(self) -> Range:
        """What the slider runs over for the chosen measure."""
        return self._range[self._measure]

    @property
    def matches(self) -> Matches:
        """The pairs that are kept now."""
        return self._match(self._measure, self._mode, self._threshold)

    def to_frame(self) -> pd.DataFrame:
        """The pairs that are kept now as a table; with truth known a column ``right`` says which of them are."""
        kept = self.matches
        frame = kept.to_frame()
        if self._truth is not None:
            frame["right"] = self._truth.of(*kept.pairs.T)
        return frame

    def suggest(self) -> Threshold:
        """Let the chosen rule choose the threshold, as the button does: move there, and say what is promised."""
        if not self._rule:
            raise ValueError("there is no rule to ask: rules want truth or decoys")
        chosen, words = self._ask_rule(self._measure, self._mode, self._rule)
        if not chosen.abstained:
            self._threshold = float(chosen)
        self._say(words)
        return chosen

    def _move_to(self, name: str) -> str:
        """Change the measure from Python: scores of two measures cannot be compared, so the share of pairs above stays."""
        one_of(name, "measure", list(self._scores))
        before, now = (S[np.isfinite(S)] for S in (self.scores, self._scores[name]))
        share = float((before >= self._threshold).mean()) if before.size else 1.0
        with self.hold_sync():
            self._measure = name
            self._threshold = float(np.quantile(now, 1 - share)) if share < 1 and now.size else self._range[name].min  # fmt: skip
        return name

    # ---- the matching at every line

    def _find_path(self, measure: str, mode: str) -> MatchingPath:
        from ..align import matching_path

        return matching_path(self._scores[measure], "max" if mode == "min" else mode)

    def _sampled(self, mode: str) -> bool:
        """Whether a matching is too large to be computed at every line."""
        return mode in ("max", "min") and max(self.scores.shape) > _EXACT

    def _match(self, measure: str, mode: str, t: float) -> Matches:
        from ..align import max_match

        if mode == "pool":
            assert self._labelling is not None
            return _cut(self._labelling.pool, t)
        return max_match(self._scores[measure], t) if self._sampled(mode) else self._path(measure, mode).at(t)

    def _stretches(self, measure: str, mode: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs, and the lines between which each is kept: ``lower < t <= upper``."""
        if mode == "pool":
            pool = self._match(measure, mode, -math.inf)
            return pool.pairs, pool.scores.astype(np.float64), np.full(len(pool), -np.inf)
        if not self._sampled(mode):
            path = self._path(measure, mode)
            return path.pairs, path.upper, path.lower
        full = self._match(measure, mode, -math.inf)
        lines = np.unique(np.quantile(full.scores, np.linspace(0, 1, _SAMPLED), method="nearest"))[::-1]
        m, runs, open_ = full.shape[1], list[tuple[int, float, float]](), dict[int, float]()
        for line in [*lines.astype(float).tolist(), -math.inf]:
            pairs = set((self._match(measure, mode, line).pairs @ [m, 1]).tolist())
            runs += [(pair, open_.pop(pair), line) for pair in [*open_] if pair not in pairs]
            open_ = dict.fromkeys(pairs, line) | open_
        runs += [(pair, upper, -math.inf) for pair, upper in open_.items()]
        pair, upper, lower = (np.array(x) for x in zip(*runs, strict=True)) if runs else (np.empty(0),) * 3
        return np.column_stack(np.divmod(pair.astype(np.int64), m)), upper, lower

    @property
    def _key(self) -> str:
        return f"{list(self._scores).index(self._measure)}/{self._mode}"

    def _send_path(self, measure: str, mode: str) -> dict[str, Any]:
        """A matching at every line, as the page gets it, with what each rule suggests for it.

        Of every pair above the line only the order is sent: scores and truth are there already.
        """
        out: dict[str, Any] = {
            "exact": not self._sampled(mode),
            "total": 0 if self._truth is None else self._truth.total,
        }
        pairs, upper, lower = self._stretches(measure, mode)
        order = np.argsort(-upper, kind="stable")
        pairs, upper, lower = pairs[order], upper[order], lower[order]
        if mode == "threshold":
            out["order"] = packed((pairs @ [self.scores.shape[1], 1]).astype(np.int32))
        else:
            out |= {"i": packed(pairs[:, 0].astype(np.int32)), "j": packed(pairs[:, 1].astype(np.int32))}
            out |= {"upper": packed(upper.astype(np.float64)), "lower": packed(lower.astype(np.float64))}
        if mode not in ("pool", "threshold") and not self._sampled(mode):
            path = self._path(measure, mode)
            if path.tied.any():
                out["tied"] = {
                    "lines": packed(path.lines[::-1]),
                    "counts": packed(path.tied[::-1].astype(np.int32)),
                }
        return out | {"suggest": {label: self._suggestion(measure, mode, label) for label in self._rules}}

    def _suggestion(self, measure: str, mode: str, label: str) -> dict[str, Any]:
        """What a rule says of a matching; one that cannot be asked says why when it is asked."""
        try:
            chosen, words = self._ask_rule(measure, mode, label)
        except ValueError as err:
            return {"value": None, "words": f"{label}: {err}"}
        return {"value": None if chosen.abstained else float(chosen), "words": words}

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        number, mode = str(asked["path"]).split("/")
        self._fresh = self._sent_path(
            list(self._scores)[int(number)], one_of(mode, "mode", self._data["modes"])
        )
        return {}

    def _state(self) -> dict[str, Any]:
        paths = {
            f"{number}/{mode}": self._sent_path(name, mode)
            for number, name in enumerate(self._scores)
            for mode in self._data["modes"]
        }
        return super()._state() | {"_paths": paths}

    # ---- what else the page gets

    def _send_measure(self, name: str) -> dict[str, Any]:
        S, known = self._scores[name], self._range[name]
        finite = np.isfinite(S)
        edges = np.linspace(known.min, known.max, 61)
        right = np.zeros(0, bool) if self._truth is None else self._truth.rows(0, len(S))[finite]
        parts = (S[finite], np.empty(0)) if self._truth is None else (S[finite][right], S[finite][~right])
        hills = [(np.histogram(part, edges)[0] / max(len(part), 1)).tolist() for part in parts]
        out = {
            "scores": packed(S if S.dtype == np.float32 else S.astype(np.float64)),
            "range": vars(known),
            "hills": {"edges": edges.tolist(), "right": hills[0], "wrong": hills[1]},
        }
        if (curve := self._sweep(name)) is not None:
            out["every"] = {"recall": curve[0].tolist(), "precision": curve[1].tolist()}
        return out

    def _all_truth(self) -> dict[str, Any] | None:
        """One bit for every cell, so that a chosen one can be called right or wrong."""
        if self._truth is None:
            return None
        return packed(np.packbits(self._truth.rows(0, self.scores.shape[0])))

    def _promise(self) -> dict[str, Any] | None:
        """What is promised of the pool at every line."""
        if self._labelling is None:
            return None
        lines = np.unique(self._labelling.pool.scores)[::-1].astype(np.float64)
        bounds = [self._labelling.bound(t) for t in lines.tolist()]
        return {"lines": packed(lines), "bounds": packed(np.array(bounds))}

    def _sweep(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Recall and precision of keeping every pair above the line, thinned to what a curve can show."""
        if self._truth is None or not self._truth.total:
            return None
        from .. import threshold as rules

        sweep = rules.sweep(self._scores[name], self._truth)
        recall, precision = np.asarray(sweep.recall), np.asarray(sweep.precision)
        order = np.argsort(recall, kind="stable")
        at = np.unique(np.searchsorted(recall[order], np.linspace(0, recall.max(), 200)))
        return recall[order][at], precision[order][at]

    # ---- rules

    def _ask_rule(self, measure: str, mode: str, label: str) -> tuple[Threshold, str]:
        """What a rule chooses from the pairs that this matching could keep, and what that promises, in words.

        A one-to-one matching proposes one candidate per item. Mode "threshold" has the whole matrix, and the rules say
        what that costs. Without labels the best match of each row competes with its best decoy.
        """
        from .. import threshold as rules

        S, rule = self._scores[measure], self._rules[label]
        if rule == "for_fdr":
            if measure not in self._decoys:
                raise ValueError("decoys are missing for this measure")
            chosen = rules.for_fdr(
                S.max(axis=1, initial=-np.inf), self._decoys[measure], target=round(1 - self._target, 10)
            )
        else:
            assert self._truth is not None
            kept = self._match(measure, mode, -math.inf)
            scores: Any = S if mode == "threshold" else S[kept.pairs[:, 0], kept.pairs[:, 1]]
            truth: Any = self._truth if mode == "threshold" else self._truth.of(*kept.pairs.T)
            if rule == "for_precision":
                chosen = rules.for_precision(scores, truth, target=self._target, delta=self._delta)
            else:
                chosen = rules.best_f1(scores, truth, total=self._truth.total)
                if mode in ("max", "min") and not chosen.abstained and not self._sampled(mode):
                    chosen = self._best_gate(chosen, measure, mode)
        return chosen, _in_words(label, chosen, self._range[measure].words)

    def _best_gate(self, chosen: Threshold, measure: str, mode: str) -> Threshold:
        """Move the line of best F1 to where the gated matching has its best: there a line also changes which pairs there are."""
        assert self._truth is not None
        path = self._path(measure, mode)
        lines, precision, recall = (np.asarray(x) for x in path.curve(self._truth))
        with np.errstate(invalid="ignore"):
            f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
        best = float(lines[f1 == f1.max()].max())
        return replace(chosen, value=best, coverage=len(path.at(best)) / max(chosen.n, 1))

    # ---- what is said

    @property
    def alt(self) -> str:
        """What the picture shows now, in words."""
        kept, (n, m) = self.matches, self.scores.shape
        told = f"{n} × {m} scores in grey with {_count(len(kept), 'chosen pair')}"
        if self._truth is not None:
            report = kept.evaluate(self._truth)
            told += f", {report['tp']} right and {report['fp']} wrong"
        told += f"; histogram of the scores with the threshold at {self._words}"
        if self._truth is not None:
            told += f"; precision {_share(report['precision'])} and recall {_share(report['recall'])} on their curve"
        return f"Heat map of {told}."

    @property
    def _words(self) -> str:
        return self.range.words(self._threshold)

    def _line(self) -> str:
        kept = self.matches
        measure = f", measure={self._measure!r}" if len(self._scores) > 1 else ""
        told = f"{_count(len(kept.pairs), 'pair')} kept of {' × '.join(map(str, kept.shape))}"
        if self._truth is not None:
            report = kept.evaluate(self._truth)
            told += f", precision {_share(report['precision'])}, recall {_share(report['recall'])}"
        if kept.tied:
            told += f", {kept.tied} tied"
        return f"(threshold={self._words}, mode={self._mode!r}{measure}): {told}"

    @styled
    def figure(self) -> Figure:
        """Heat map with the chosen pairs, histogram with the line, and precision over recall, as one figure."""
        kept, S, judged = self.matches, self.scores, self._truth is not None
        figure = new_figure(11.4 if judged else 8, 4.2)
        axes = figure.subplots(1, 3 if judged else 2)
        draw_heatmap(axes[0], S, self._sides)
        right = None if self._truth is None else self._truth.of(*kept.pairs.T)
        few = len(kept) <= 1500
        mark_pairs(axes[0], kept.pairs, right, marker_size((max(S.shape[0], 1), max(S.shape[1], 1)), 2.65) if few else 1.5)  # fmt: skip
        axes[0].set_title("chosen pairs")
        finite = np.isfinite(S)
        known = None if self._truth is None else self._truth.rows(0, len(S))[finite]
        draw_histogram(axes[1], S[finite], known, histogram_edges(S[finite]))
        axes[1].axvline(self._threshold, color=LINE, linestyle="--")
        axes[1].set_title(f"threshold {self._words}")
        if self._truth is not None:
            draw_precision_recall(axes[2], {})
            if not self._sampled(self._mode) and self._mode != "pool":
                _, precision, recall = self._path(self._measure, self._mode).curve(self._truth)
                axes[2].plot(recall, precision, color=RIGHT, label="this matching")
            if (every := self._sweep(self._measure)) is not None:
                axes[2].plot(*every, "--", color=COLORS["grey"], linewidth=1.6, label="every pair above")
            report = kept.evaluate(self._truth)
            axes[2].plot(
                [report["recall"]], [report["precision"]], "o", color=LINE, markersize=12, markeredgecolor="white", clip_on=False
            )  # fmt: skip
            axes[2].set_title("precision over recall")
        for ax in axes:
            legend_below(ax, columns=1)
        return figure


def _cut(pool: Matches, t: float) -> Matches:
    """The pairs of fixed matches that reach a line."""
    keep = pool.scores >= t
    pairs = pool.pairs[keep]
    alone = (np.setdiff1d(np.arange(k), pairs[:, side]) for side, k in enumerate(pool.shape))
    unmatched_a, unmatched_b = alone
    return replace(
        pool, pairs=pairs, scores=pool.scores[keep], margins=pool.margins[keep], unmatched_a=unmatched_a,
        unmatched_b=unmatched_b, tied=min(pool.tied, len(pairs)),
    )  # fmt: skip


def _ends(S: np.ndarray) -> tuple[float, float]:
    finite = S[np.isfinite(S)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _share(value: float) -> str:
    """A share with two decimals; 0 / 0 is a dash."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def _read_decoys(decoys: Any, names: list[str], n: int) -> dict[str, np.ndarray]:
    """Return the best decoy of each row, per measure."""
    if decoys is None:
        return {}
    if not isinstance(decoys, Mapping):
        if len(names) > 1:
            raise ValueError(
                f"decoys is one array for {len(names)} measures; want a mapping like that of scores"
            )
        decoys = {names[0]: decoys}
    out = {}
    for name, values in decoys.items():
        one_of(name, "a name of decoys", names)
        scores = as_scores(values, "decoys", ndim=(1, 2))
        if len(scores) != n:
            raise ValueError(f"decoys has shape {scores.shape}; want ({n},) or ({n}, d): scores of each row")
        out[str(name)] = scores if scores.ndim == 1 else scores.max(axis=1, initial=-np.inf)
    return out


def _in_words(rule: str, chosen: Threshold, number: Callable[[float], str]) -> str:
    """Say what a rule chose and what it promises; abstaining is an answer too."""
    promise = chosen.guarantee.removeprefix("abstained: ")
    if chosen.abstained:
        told = f"{rule}: abstains, the threshold stays where it was, because {promise}."
    else:
        told = (
            f"{rule}: {number(float(chosen))}, which keeps {chosen.coverage:.0%} of {chosen.n:,} candidates. "
            f"Promise: {promise}."
        )
    return f"{told} Warning: {chosen.warning}." if chosen.warning else told
