"""The matching at every threshold: against the direct calls, SciPy's totals and brute-force curves; ties, gates, sizes, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mmalign_nb.align import (
    greedy_match,
    matching_path,
    max_match,
    min_match,
    mutual_match,
    nearest_match,
    threshold_match,
)
from mmalign_nb.similarity import similarity
from mmalign_nb.threshold import Labelling

DIRECT = {
    "max": max_match,
    "min": min_match,
    "threshold": lambda S, t, ties: threshold_match(S, -np.inf if t is None else t),
    "nearest": nearest_match,
    "mutual": mutual_match,
    "greedy": greedy_match,
}
seeds = st.integers(0, 2**32 - 1)


def drawn(seed, dtype=None):
    """A small matrix: whole numbers, decimals, thirds, normal, constant or "everybody wants the same"; some with −inf."""
    rng = np.random.default_rng(seed)
    n, m = (int(k) for k in rng.integers(0, 7, 2))
    S = [
        lambda: rng.integers(-2, 4, (n, m)),
        lambda: rng.integers(0, 3, (n, m)) / 10,
        lambda: rng.integers(0, 100, (n, m)) / 3,
        lambda: rng.normal(size=(n, m)),
        lambda: np.full((n, m), rng.normal()),
        lambda: rng.random((n, 1)) * rng.random((1, m)),
    ][rng.integers(6)]().astype(dtype or [np.float32, np.float64][rng.integers(2)])
    if rng.random() < 0.3:
        S[rng.random((n, m)) < 0.3] = -np.inf
    return S, rng


def same(found, direct):
    """All that a ``Matches`` holds."""
    for name in ("pairs", "scores", "margins", "unmatched_a", "unmatched_b"):
        a, b = getattr(found, name), getattr(direct, name)
        np.testing.assert_array_equal(a, b, err_msg=name)
        assert a.dtype == b.dtype, name
    assert (found.shape, found.measure, found.tied) == (direct.shape, direct.measure, direct.tied)


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from(list(DIRECT)), st.sampled_from(["lowest", "drop"]))
def test_at_every_threshold_it_is_the_direct_call(seed, mode, ties):
    """At the lines, between, beside and beyond them, at the scores themselves, at ±∞; ties, never, rectangles, no items."""
    S, rng = drawn(seed)
    S = -S if mode == "min" else S
    path = matching_path(S, mode, ties=ties)
    lines, own = path.lines, S[np.isfinite(S)].astype(float)
    around = np.append(lines, own if len(own) else 0.0)
    tried = [-np.inf, np.inf, *lines, *(lines[1:] + lines[:-1]) / 2, *own]
    tried += [around.min() - 0.3, around.max() + 0.3, *rng.uniform(around.min() - 1, around.max() + 1, 8)]
    tried += [None] if mode != "threshold" else []
    if mode not in ("max", "min") or S.dtype == np.float32:
        # The next float64, on both sides. (For float64 the gated matching itself is blind to 1e-10 above a corner.)
        tried += [*np.nextafter(lines, np.inf), *np.nextafter(lines, -np.inf)]
    for t in tried:
        same(path.at(t), DIRECT[mode](S, t, ties=ties))


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(list(DIRECT)))
def test_a_pair_is_kept_exactly_on_its_stretches(seed, mode):
    S, rng = drawn(seed)
    path = matching_path(-S if mode == "min" else S, mode)
    ends = np.concatenate([path.upper, path.lower[np.isfinite(path.lower)]])
    assert path.lines.tolist() == np.unique(ends).tolist()
    assert len(path) == len(path.lines) == len(path.tied)
    rank = path.upper if mode == "min" else -path.upper
    order = np.lexsort((*path.pairs.T[::-1], rank))
    assert np.array_equal(order, np.arange(len(order)))
    for t in [*path.lines, *rng.normal(size=9)]:
        keep = (path.upper <= t) & (t < path.lower) if mode == "min" else (path.lower < t) & (t <= path.upper)
        assert sorted(path.pairs[keep].tolist()) == path.at(t).pairs.tolist()


def totals(S, t):
    gain = np.where(np.isfinite(S), np.maximum(S - t, 0), 0)
    i, j = linear_sum_assignment(gain, maximize=True)
    return gain[i, j].sum()


@pytest.mark.parametrize(
    "name",
    [
        "random",
        "noisy",
        "everybody wants the same",
        "sums",
        "line",
        "decimals",
        "twice",
        "wide",
        "tall",
        "never",
        "far",
    ],
)
def test_same_total_as_scipy_at_every_line_and_between(name):
    rng = np.random.default_rng(7)
    n = 40
    A = rng.normal(size=(n, 8))
    noisy = similarity(A, A + 2 * rng.normal(size=(n, 8))).astype(float)
    S = {
        "random": lambda: rng.random((n, n)),
        "noisy": lambda: noisy,
        "everybody wants the same": lambda: rng.random((n, 1)) * rng.random((1, n)),
        "sums": lambda: rng.random((n, 1)) + rng.random((1, n)),  # every full matching is a best one
        "line": lambda: -np.abs(rng.random((n, 1)) - rng.random((1, n))),
        "decimals": lambda: np.round(noisy, 1),
        "twice": lambda: np.repeat(np.repeat(noisy[::2, ::2], 2, axis=0), 2, axis=1),
        "wide": lambda: noisy[:15],
        "tall": lambda: noisy[:, :15],
        "never": lambda: np.where(rng.random((n, n)) < 0.9, -np.inf, noisy),
        "far": lambda: 1e6 + noisy,
    }[name]()
    path = matching_path(S)
    lines = path.lines
    counts = []
    for t in np.sort([*lines, *(lines[1:] + lines[:-1]) / 2, lines[0] - 1, lines[-1] + 1]):
        found = path.at(t)
        counts.append(len(found))
        assert (found.scores - t).sum() == pytest.approx(
            totals(S, t), rel=1e-9, abs=1e-9 if name != "far" else 1e-7
        )
        assert found.scores.min(initial=np.inf) >= t
        assert len(np.unique(found.pairs[:, 0])) == len(np.unique(found.pairs[:, 1])) == len(found)
    assert counts == sorted(counts, reverse=True)
    assert set(range(counts[0] + 1)) >= set(counts)
    for t in rng.uniform(lines[0], lines[-1], 5):
        same(path.at(t), max_match(S, t))


@pytest.mark.parametrize(
    "odd", ["one score of 1e12", "two of them in a column", "a row of -1e9", "cells of -1e9"]
)
def test_outliers_blur_no_other_pair(odd):
    S = np.random.default_rng(0).random((60, 60))
    if odd == "a row of -1e9":
        S[7] -= 1e9
    elif odd == "cells of -1e9":
        S[np.random.default_rng(1).random(S.shape) < 0.1] = -1e9
    else:
        S[[7, 9] if "two" in odd else 7, 5] = 1e12
    path = matching_path(S)
    assert len(path) == 60
    for t in (None, 0.3, 0.6, 0.9):
        assert path.at(t).pairs.tolist() == max_match(S, t).pairs.tolist()
    assert path.at(None).tied == max_match(S).tied


def test_a_pair_may_go_and_come_back():
    S = np.array([[1.0, 0.875, 0.0], [0.75, 0.25, 0.75], [0.5, 0.375, 0.625]])
    rng = np.random.default_rng(0)
    while len(np.unique((path := matching_path(S)).pairs, axis=0)) == len(path.pairs):
        S = rng.integers(0, 17, (3, 3)) / 16
    twice = max(map(tuple, path.pairs.tolist()), key=path.pairs.tolist().count)
    kept = [list(twice) in path.at(t).pairs.tolist() for t in path.lines]
    direct = [list(twice) in max_match(S, t).pairs.tolist() for t in path.lines]
    assert kept == direct
    assert np.abs(np.diff(np.array(kept, int))).sum() >= 2


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(list(DIRECT)), st.sampled_from(["lowest", "drop"]))
def test_curve_is_evaluate_at_every_line(seed, mode, ties):
    S, rng = drawn(seed)
    S = -S if mode == "min" else S
    n, m = S.shape
    path = matching_path(S, mode, ties=ties)
    for truth in (rng.random((n, m)) < 0.4, (rng.integers(0, 3, n).tolist(), rng.integers(0, 3, m).tolist())):
        curve = path.curve(truth)
        assert curve.threshold is path.lines
        for k, t in enumerate(path.lines):
            e = DIRECT[mode](S, t, ties=ties).evaluate(truth)
            np.testing.assert_array_equal(
                (curve.precision[k], curve.recall[k]), (e["precision"], e["recall"])
            )


def test_recall_of_one_to_one_matching_may_turn_back():
    """By hand: down to 0.375 the right pair is kept, below it makes way for two wrong ones."""
    S = [[0.75, 0.5], [0.625, 0.0]]
    path = matching_path(S)
    curve = path.curve([(0, 0)])
    assert (curve.threshold.tolist(), curve.recall.tolist()) == ([0.375, 0.75], [0.0, 1.0])
    assert matching_path(S, "threshold").curve([(0, 0)]).recall.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert matching_path(S, "greedy").curve([(0, 0)]).recall.tolist() == [1.0, 1.0]


def test_edges_of_float32_are_the_last_float64_that_round_to_the_score():
    """Even and odd last bits round to opposite sides; the ends of the type are no exception."""
    low, high = (float(x) for x in (np.finfo(np.float32).min, np.finfo(np.float32).max))
    for s in (
        0.7,
        np.nextafter(np.float32(0.7), np.float32(1)),
        0.0,
        -1e-45,
        1e-45,
        1.0,
        -1.0,
        high,
        low,
        -0.3,
    ):
        S = np.full((1, 1), s, np.float32)
        for mode in ("max", "threshold", "nearest", "mutual", "greedy"):
            (upper,) = matching_path(S, mode).upper
            for t, kept in ((upper, 1), (math.nextafter(upper, np.inf), 0)):
                assert len(DIRECT[mode](S, t, ties="lowest")) == kept, (s, mode)
        (upper,) = matching_path(-S, "min").upper
        assert (len(min_match(-S, upper)), len(min_match(-S, math.nextafter(upper, -np.inf)))) == (1, 0)
        assert matching_path(S.astype(float)).upper.tolist() == [float(np.float32(s))]


@pytest.mark.parametrize("mode", DIRECT)
def test_embeddings_are_scored_first(mode):
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(12, 5)).astype(np.float32), rng.normal(size=(9, 5)).astype(np.float32)
    path = matching_path((A, B), mode, metric="euclidean")
    kw = {} if mode == "threshold" else {"ties": "lowest"}
    match = threshold_match if mode == "threshold" else DIRECT[mode]
    for t in np.quantile(path.lines, [0, 0.3, 0.6, 1]) + (1e-3 if mode == "min" else -1e-3):
        assert path.at(t).pairs.tolist() == match((A, B), t, metric="euclidean", **kw).pairs.tolist()


def test_ties_by_their_policy():
    S = np.array([[0.75, 0.75, 0.0], [0.75, 0.75, 0.0], [0.0, 0.0, 0.5]])
    assert matching_path(S).at(0.5).pairs.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert matching_path(S).tied.tolist() == [2, 2]
    assert matching_path(S, ties="drop").at(0.5).pairs.tolist() == [[2, 2]]
    with pytest.raises(ValueError, match=r"2 of 3 rows are tied at the line 0\.75 \(first: row 0\)"):
        matching_path(S, ties="error")
    for mode in ("nearest", "mutual", "greedy"):
        with pytest.raises(ValueError, match="ties='error'"):
            matching_path(S, mode, ties="error")
    assert len(matching_path(S, "threshold", ties="error")) == 3
    # A tie at the line is one although the pair at it gains almost nothing.
    S = np.array([[0, 1, -2], [1, -2, 1], [-2, 0, -1], [3, -2, 3], [2, 1, 2], [1, 2, -1]])
    assert max_match(S, 2.0).tied == matching_path(S).at(2.0).tied == 2
    assert max_match(S, 2.0, ties="drop").pairs.tolist() == [[5, 1]]


def test_what_is_too_slow_is_refused_and_the_alternative_named():
    wide = np.zeros((1, 4_000_001), np.float32)
    with pytest.raises(
        ValueError, match=r"4e\+06; want at most 4e\+06 for the 'threshold' .*threshold_match\(scores, t\)"
    ):
        matching_path(wide, "threshold")
    with pytest.raises(
        ValueError,
        match=r"scores is 501 × 501, and n · m · min\(n, m\) = .*max_match\(scores, t\) at the lines",
    ):
        matching_path(np.zeros((501, 501), np.float32))
    with pytest.raises(ValueError, match=r"min_match\(scores, t\)"):
        matching_path((np.ones((600, 2)), np.ones((600, 2))), "min")
    with pytest.raises(ValueError, match=r"greedy_match\(scores, t\)"):
        matching_path((np.ones((5001, 1)), np.ones((5000, 1))), "greedy")
    assert len(matching_path(wide, "nearest")) == 1


@pytest.mark.parametrize("mode", DIRECT)
@pytest.mark.parametrize(
    "S", [np.empty((0, 0)), np.empty((0, 3)), np.empty((3, 0)), np.full((2, 3), -np.inf)]
)
def test_nothing_to_match(mode, S):
    path = matching_path(-S if mode == "min" else S, mode)
    assert (len(path), path.pairs.shape, path.shape) == (0, (0, 2), S.shape)
    same(path.at(0.5), DIRECT[mode](-S if mode == "min" else S, 0.5, ties="lowest"))
    assert path.curve(np.zeros(S.shape, bool)).recall.tolist() == []
    assert f"of {S.shape[0]} × {S.shape[1]}: 0 lines, 0 stretches of pairs" in repr(path)


def test_the_largest_numbers_do_not_overflow():
    S = np.array([[8e307, -8e307], [-8e307, -8e307]])
    path = matching_path(S)
    assert path.at(0.0).pairs.tolist() == [[0, 0]]
    assert path.at(None).pairs.tolist() == [[0, 0], [1, 1]]
    assert matching_path(S.clip(-1e38, 1e38).astype(np.float32)).at(0.0).pairs.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matching_path(np.eye(2), "best"), "mode is 'best'; known: 'max', 'min', 'threshold'"),
        (lambda: matching_path(np.eye(2), ties="first"), "ties is 'first'; known"),
        (lambda: matching_path(np.eye(2), "threshold", ties="first"), "ties is 'first'; known"),
        (lambda: matching_path([[0.1, np.nan]]), "scores has NaN"),
        (lambda: matching_path([[0.1, np.inf]]), r"scores has \+inf"),
        (lambda: matching_path([[0.1, -np.inf]], "min"), "scores has -inf"),
        (lambda: matching_path((np.eye(2), np.eye(2)), metric="cos"), "metric is 'cos'"),
        (
            lambda: matching_path(np.eye(2)).at("high"),
            "threshold is str 'high'; want a number or a Threshold",
        ),
        (lambda: matching_path(np.eye(2)).at(np.nan), "threshold is NaN"),
        (lambda: matching_path(np.eye(2), "threshold").at(None), "threshold is None; .*there is no default"),
        (lambda: matching_path(np.eye(2)).curve([(0, 5)]), "truth has pairs outside 2 × 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_a_promise_about_a_pool_is_void_for_one_to_one_matchings():
    labelling = Labelling(np.linspace(0, 1, 60), 0.9)
    while labelling.ask() is not None:
        labelling.answer(True)
    line = labelling.threshold
    path = matching_path(np.random.default_rng(0).random((4, 4)))
    with pytest.warns(UserWarning, match="the promise is void here"):
        found = path.at(line)
    assert found.pairs.tolist() == path.at(float(line)).pairs.tolist()
