"""The staircase of a score's terms."""

from __future__ import annotations

import numpy as np
import pytest

from mmalign_nb import plots
from mmalign_nb.explain import Explanation


def explanation(terms: list[float], bias: float = 0.0) -> Explanation:
    t = np.array(terms)
    names = [f"word {i}" for i in range(len(t))]
    return Explanation(float(t.sum() + bias), t, bias, t, (np.arange(len(t)),), (names,))


@pytest.mark.parametrize("k", [1, 3, 4, 9])
@pytest.mark.parametrize("bias", [0.0, 0.25])
def test_each_bar_begins_where_the_last_one_ended_and_the_last_is_the_score(k, bias):
    why = explanation([0.1, -0.3, 0.7, 0.05], bias)
    bars = plots.score_terms_waterfall(why, k=k).axes[0].patches
    *steps, total = bars
    position = 0.0
    for bar in steps:
        assert bar.get_x() == pytest.approx(position)
        position += bar.get_width()
    assert position == pytest.approx(why.score)
    assert (total.get_x(), total.get_width()) == pytest.approx((0.0, why.score))
    assert len(steps) == min(k, 4) + (k < 4) + (bias != 0)


def test_negative_terms_are_told_by_more_than_colour():
    bars = plots.score_terms_waterfall(explanation([0.5, -0.2])).axes[0].patches
    assert [bool(bar.get_hatch()) for bar in bars] == [False, True, False]


def test_a_score_below_zero_stays_inside_the_axes():
    ax = plots.score_terms_waterfall(explanation([-0.5, 0.1])).axes[0]
    low, high = ax.get_xlim()
    assert low < -0.5 < 0 < high


def test_the_item_is_shown_beside_the_bars():
    fig = plots.score_terms_waterfall(explanation([0.5]), image=np.zeros((8, 8, 3), np.uint8))
    assert [len(ax.images) for ax in fig.axes] == [0, 1]
    with pytest.raises(TypeError, match="image has dtype float64"):
        plots.score_terms_waterfall(explanation([0.5]), image=np.zeros((8, 8, 3)))


def test_something_else_is_refused():
    with pytest.raises(TypeError, match="explanation is .*want what explain.score_terms returns"):
        plots.score_terms_waterfall([0.1, 0.2])
