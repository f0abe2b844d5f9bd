"""ThresholdPanel: move the line, see and hear which pairs it keeps."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from .._check import as_count, as_number, as_scores, as_threshold, one_of
from .._truth import Truth
from ..plots.style import as_words
from ._base import Panel, pair_card, read_measures
from ._choice import MODES, Choice
from ._knob import Knob
from ._layers import Layers
from ._media import Media
from ._scene import Marks, Scene

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ..align import Matches
    from ..threshold import Threshold

_CURVE_POINTS = 25  # of the chosen matching, each computed by the package


class ThresholdPanel(Panel):
    """Choose a threshold by eye: which pairs are kept, how good they are, and what stands at the line.

    The slider starts at the lowest score, where nothing is left out: there is no silent default.

    Parameters
    ----------
    scores : (n, m) array, or a mapping of measure name to one
        Higher is more alike; ``-inf`` = never pair these.
    a, b : items of the rows and of the columns
        A list of str, uint8 images, ``(audio, sample_rate)``, ``(video, fps)``, or ``(items, "image")``.
    truth : optional
        What is right, as in :func:`mmalign_nb.evaluate.pair_report`: with it precision and recall are shown.
    threshold : float or Threshold, optional
        Where the slider starts.
    mode : str
        One of ``"max"``, ``"min"``, ``"threshold"``, ``"nearest"``, ``"mutual"``, ``"greedy"``
        (:mod:`mmalign_nb.align`).
    decoys : (n,) or (n, d) array, optional; for a mapping of scores a mapping too
        Scores of each row with items that cannot be right, as in :func:`mmalign_nb.threshold.for_fdr` (of several the
        best counts): with them "suggest" knows a rule that needs no labels.
    target, delta : float
        What ``for_precision`` is asked for: precision, and the risk of missing it. ``for_fdr`` gets ``1 - target``.
    cards : int
        How many items to show on each side of the line.
    sides : (str, str)
        What rows and columns are.

    Attributes
    ----------
    threshold : Knob
        A slider and a number box; ``panel.threshold.value`` can be read and set from the next cell.
    mode, measure, rule : Dropdown
    suggest : Button
    matches : Matches
        What is kept now.

    Raises
    ------
    TypeError, ValueError
        If scores, items and truth do not fit together; ``mode`` lists the known ones.

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
    """

    def __init__(
        self,
        scores: Any,
        a: Any,
        b: Any,
        truth: Any = None,
        *,
        threshold: Any = None,
        mode: str = "max",
        decoys: Any = None,
        target: float = 0.9,
        delta: float = 0.1,
        cards: int = 4,
        sides: tuple[str, str] = ("side a", "side b"),
    ) -> None:
        self._scores, (n, m) = read_measures(scores)
        self._a, self._b = Media(a, "a", n), Media(b, "b", m)
        self._truth = None if truth is None else Truth(truth, (n, m))
        self._decoys = _read_decoys(decoys, list(self._scores), n)
        self._target = as_number(target, "target", 0, 1, above=True, below=True)
        self._delta = as_number(delta, "delta", 0, 1, above=True, below=True)
        self._cards, self._sides = as_count(cards, "cards", 0), as_words(sides, "sides", 2)
        # What does not depend on the threshold is computed when it is first looked at, and kept.
        self._choice_of = functools.cache(lambda name, mode: Choice(self._scores[name], mode, self._truth))
        self._scene_of = functools.cache(
            lambda name: Scene(self._scores[name], self._truth, self._sweep(name), self._sides)
        )
        self._curve_of = functools.cache(
            lambda choice: choice.curve(np.linspace(self.threshold.min, self.threshold.max, _CURVE_POINTS))
        )
        style = {"description_width": "88px"}
        self.threshold = Knob("threshold", "exact value", "Keep pairs that score at least this much")
        self.mode = widgets.Dropdown(
            options=MODES, value=one_of(mode, "mode", MODES), description="matching", style=style, layout={"width": "230px"},
            tooltip="How pairs are chosen among those above the threshold",
        )  # fmt: skip
        self.measure = widgets.Dropdown(
            options=list(self._scores), description="measure", style=style, layout={"width": "260px"},
            tooltip="Which scores to use",
        )  # fmt: skip
        rules = []
        if self._truth is not None:
            rules = [("best F1", "best_f1"), (f"precision ≥ {self._target:g}", "for_precision")]
        if self._decoys:
            rules.append((f"FDR ≤ {1 - self._target:g}, no labels", "for_fdr"))
        self.rule = widgets.Dropdown(
            options=rules, description="rule", style={"description_width": "40px"}, layout={"width": "240px"},
            tooltip="Which rule chooses the threshold",
        )  # fmt: skip
        self.suggest = widgets.Button(
            description="suggest", tooltip="Let the rule choose the threshold", layout={"width": "110px"}
        )
        self._read = widgets.HTML()
        self._picture = Layers()
        self._items = widgets.HTML()
        chosen = [self.mode]
        if len(self._scores) > 1:
            chosen.append(self.measure)
        if self.rule.options:
            chosen += [self.rule, self.suggest]
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        rows = [
            widgets.HBox(chosen, layout=wrap),
            self.threshold,
            self._read,
            self._picture,
            self._items,
        ]
        super().__init__(rows, status_at=3)  # what "suggest" says stands near its button
        self._set_range()
        self._picture.lower(self._scene.canvas.png)
        if threshold is not None and not getattr(threshold, "abstained", False):
            self.threshold.value = as_threshold(threshold)
        self._refresh()
        refresh = self._guard(lambda _: self._refresh())
        self.threshold.observe(refresh, "value")
        self.mode.observe(refresh, "value")
        self.measure.observe(self._guard(lambda change: self._change_measure(change["old"])), "value")
        self.suggest.on_click(self._guard(lambda _: self._suggest()))

    # ---- what is chosen

    @property
    def scores(self) -> np.ndarray:
        """The matrix of the chosen measure."""
        return self._scores[self.measure.value]

    @property
    def matches(self) -> Matches:
        """The pairs that are kept now."""
        return self._choice.match(self.threshold.value)

    def to_frame(self) -> pd.DataFrame:
        """The pairs that are kept now as a table; with truth known a column ``right`` says which of them are."""
        kept = self.matches
        frame = kept.to_frame()
        if (right := self._choice.right(kept.pairs)) is not None:
            frame["right"] = right
        return frame

    @property
    def _choice(self) -> Choice:
        return self._choice_of(self.measure.value, self.mode.value)

    @property
    def _scene(self) -> Scene:
        return self._scene_of(self.measure.value)

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

    def _marks(self, threshold: float, kept: Matches) -> Marks:
        """What the upper layer shows."""
        right, curve, point = self._choice.right(kept.pairs), None, None
        if self._truth is not None:
            report = kept.evaluate(self._truth)
            curve, point = self._curve_of(self._choice), (report["recall"], report["precision"])
        return Marks(threshold, self.threshold.words(threshold), kept.pairs, right, curve, point)

    # ---- what happens

    def _set_range(self) -> None:
        """Fit the knob to the chosen scores; its lower end leaves nothing out."""
        S = self._scores[self.measure.value]
        finite = S[np.isfinite(S)]
        self.threshold.fit(*((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)))

    def _change_measure(self, old: str) -> None:
        """Scores of two measures cannot be compared: keep the share of pairs above the line instead."""
        before, now = (S[np.isfinite(S)] for S in (self._scores[old], self.scores))
        share = float((before >= self.threshold.value).mean()) if before.size else 1.0
        line = self.threshold.value
        with self.threshold.hold_trait_notifications():  # one refresh for both, and none in between
            self._set_range()
            if share < 1 and now.size:
                self.threshold.value = float(np.quantile(now, 1 - share))
        self._picture.lower(self._scene.canvas.png)
        if self.threshold.value == line:
            self._refresh()

    def _suggest(self) -> None:
        """Ask the chosen rule, move to what it says, and say in words what that promises."""
        decoys = self._decoys.get(self.measure.value)
        knob = self.threshold
        lines = np.arange(round((knob.max - knob.min) / knob.step) + 1) * knob.step + knob.min
        self._say("trying every line …")
        chosen = self._choice.suggest(self.rule.value, self._target, self._delta, decoys, lines)
        if not chosen.abstained:
            self.threshold.value = float(chosen)
        self._say(_in_words(self.rule.label, chosen, self.threshold.words))

    def _refresh(self) -> None:
        """Show the pairs at the current threshold."""
        t = float(self.threshold.value)
        kept = self._choice.match(t)
        marks = self._marks(t, kept)
        self._picture.upper.value = self._scene.svg(marks, self._describe(marks))
        self._read.value = self._readout(marks, kept)
        self._items.value = self._around(kept, t)
        self._say("")

    # ---- what is said

    def _now(self) -> tuple[Marks, Matches]:
        kept = self.matches
        return self._marks(float(self.threshold.value), kept), kept

    def figure(self) -> Figure:
        """Heat map with the chosen pairs, histogram with the line, and precision over recall, as one figure."""
        return self._scene.figure(self._now()[0])

    @property
    def alt(self) -> str:
        """What the picture shows now, in words."""
        return self._describe(self._now()[0])

    def _describe(self, marks: Marks) -> str:
        n, m = self._scene.scores.shape
        told = f"{n} × {m} scores in grey with {_count(len(marks.pairs), 'chosen pair')}"
        if marks.right is not None:
            told += f", {int(marks.right.sum())} right and {int((~marks.right).sum())} wrong"
        told += f"; histogram of the scores with the threshold at {marks.label}"
        if marks.point is not None:
            told += f"; precision {_share(marks.point[1])} and recall {_share(marks.point[0])} on their curve"
        return f"Heat map of {told}."

    def _readout(self, marks: Marks, kept: Matches) -> str:
        parts = [f"<b>{len(kept.pairs):,}</b> of {' × '.join(map(str, kept.shape))} pairs kept"]
        if self._truth is not None:
            report = kept.evaluate(self._truth)
            parts += [
                f"{name} <b>{_share(report[name.lower()])}</b>" for name in ("precision", "recall", "F1")
            ]
        left = [_count(len(x), what) for x, what in ((kept.unmatched_a, "row"), (kept.unmatched_b, "column"))]
        parts.append(f"unmatched: {left[0]}, {left[1]}")
        if kept.tied:  # order alone decided among pairs exactly as good
            parts.append(f"{kept.tied:,} tied")
        return f'<div class="mm-read" role="status">{" &nbsp;·&nbsp; ".join(parts)}</div>'

    def _around(self, kept: Matches, threshold: float) -> str:
        """The items on both sides of the line."""
        if not self._cards:
            return ""
        parts = []
        for pairs, title in zip(
            self._choice.around(kept, threshold, self._cards),
            ("Just above the line: kept", "Just below the line: left out"),
            strict=True,
        ):
            right = self._choice.right(pairs)
            cards = [
                pair_card(
                    self._a,
                    self._b,
                    i,
                    j,
                    self._scene.scores[i, j],
                    None if right is None else bool(right[k]),
                )
                for k, (i, j) in enumerate(pairs.tolist())
            ]
            inside = (
                f'<div class="mm-cards">{"".join(cards)}</div>'
                if cards
                else '<div class="mm-note">none</div>'
            )
            parts.append(f'<div class="mm-head">{title}</div>{inside}')
        return "".join(parts)

    def _line(self) -> str:
        kept = self.matches
        measure = f", measure={self.measure.value!r}" if len(self._scores) > 1 else ""
        told = f"{_count(len(kept.pairs), 'pair')} kept of {' × '.join(map(str, kept.shape))}"
        if self._truth is not None:
            report = kept.evaluate(self._truth)
            told += f", precision {_share(report['precision'])}, recall {_share(report['recall'])}"
        if kept.tied:
            told += f", {kept.tied} tied"
        return f"(threshold={self.threshold.words(self.threshold.value)}, mode={self.mode.value!r}{measure}): {told}"


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
