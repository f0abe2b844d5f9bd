"""The figure that shows one score matrix under several matchings."""

import numpy as np
import pytest

from mmalign_nb import align, plots

S = np.array([[0.9, 0.8, 0.1], [0.8, 0.3, 0.2]])


def test_one_heat_map_per_matching_with_its_pairs_framed():
    fig = plots.matchings(
        S, {"greedy": align.greedy_match(S), "best": align.max_match(S).pairs}, sides=("film", "sound")
    )
    assert [ax.get_title("left") for ax in fig.axes] == ["greedy", "best"]
    frames = [
        sorted((round(p.get_y() + 0.46), round(p.get_x() + 0.46)) for p in ax.patches) for ax in fig.axes
    ]
    assert frames == [[(0, 0), (1, 1)], [(0, 1), (1, 0)]]
    assert [t.get_text() for t in fig.axes[0].texts] == [f"{v:.2f}" for v in S.ravel()]
    assert fig.axes[0].get_xlabel() == "sound (3)"
    assert fig.axes[1].get_ylabel() == "film (2)"


def test_with_truth_right_and_wrong_are_counted_in_words():
    big = np.random.default_rng(0).random((20, 20)) + np.eye(20)
    pairs = [(i, i) for i in range(15)] + [(15, 16)]
    (ax,) = plots.matchings(big, {"some": pairs}, truth="diagonal").axes
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["right (15)", "wrong (1)"]
    assert not ax.texts  # no numbers in a large matrix


def test_no_matching_is_an_error():
    with pytest.raises(ValueError, match="matches is dict .*; want a mapping of at least one title"):
        plots.matchings(S, {})
    with pytest.raises(ValueError, match=r"want whole numbers \(k, 2\)"):
        plots.matchings(S, {"x": [1, 2, 3]})
