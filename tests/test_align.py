"""Matching: against SciPy, all permutations and one-line definitions; ties, gates, forbidden pairs, blocks, bad input."""

import functools
import itertools
import re
import tracemalloc
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import precision_recall_fscore_support

from mmalign_nb.align import (
    Matches,
    _assignment,
    _matchings,
    _proved,
    greedy_match,
    max_match,
    min_match,
    mutual_match,
    nearest_match,
    threshold_match,
)
from mmalign_nb.similarity import _topk, csls, distance, similarity

ONE_TO_ONE = (max_match, greedy_match, mutual_match)
BY_SCORE = (*ONE_TO_ONE, nearest_match)
seeds = st.integers(0, 10_000)


def pairs_of(matches):
    return [tuple(p) for p in matches.pairs.tolist()]


def coarse(seed, n=None, m=None, never=False):
    """A small matrix of few distinct scores, so that ties are the rule."""
    rng = np.random.default_rng(seed)
    n, m = (k or int(rng.integers(1, 5)) for k in (n, m))
    S = rng.integers(-1, 4, (n, m)) / 4
    if never:
        S[rng.random((n, m)) < 0.3] = -np.inf
    return S


# --- assignment: brute force ------------------------------------------------------------------------------


def all_matchings(n, m):
    """Every one-to-one matching, partial ones too: a column or −1 for each row."""
    for cols in itertools.product(range(-1, m), repeat=n):
        used = [c for c in cols if c >= 0]
        if len(used) == len(set(used)):
            yield cols


def best_matchings(S, threshold):
    """All best matchings by their definition, the lexicographically first (alone comes last) in front."""
    found = []
    for cols in all_matchings(*S.shape):
        made = [(i, c) for i, c in enumerate(cols) if c >= 0]
        scores = [S[p] for p in made]
        if -np.inf in scores or (threshold is not None and any(s < threshold for s in scores)):
            continue
        # with a gate: the sum above it, then the number; without: the number, then the sum
        total = round(sum(s - (threshold or 0.0) for s in scores), 9)
        found.append(((len(made), total) if threshold is None else (total, len(made)), cols, made))
    top = max(value for value, _, _ in found)
    best = [(cols, made) for value, cols, made in found if value == top]
    best.sort(key=lambda x: [c if c >= 0 else 99 for c in x[0]])
    return [made for _, made in best]


@settings(max_examples=80)
@given(seeds, st.booleans(), st.sampled_from([None, -0.25, 0.0, 0.1, 0.25, 0.5]))
def test_max_match_is_the_best_of_all_matchings_and_ties_go_by_their_policy(seed, never, threshold):
    S = coarse(seed, never=never)
    best = best_matchings(S, threshold)
    in_all = sorted(set(best[0]).intersection(*best))
    assert pairs_of(max_match(S, threshold)) == best[0]
    assert pairs_of(max_match(S, threshold, ties="drop")) == in_all
    assert pairs_of(min_match(-S, None if threshold is None else -threshold)) == best[0]
    if len(in_all) < len(best[0]):
        with pytest.raises(ValueError, match="ties='error'"):
            max_match(S, threshold, ties="error")
    else:
        assert pairs_of(max_match(S, threshold, ties="error")) == best[0]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
def test_max_match_is_the_best_of_all_permutations(n):
    S = np.random.default_rng(n).normal(size=(n, n))
    best = max(itertools.permutations(range(n)), key=lambda p: S[np.arange(n), list(p)].sum())
    assert max_match(S).pairs[:, 1].tolist() == list(best)


# --- assignment: SciPy ------------------------------------------------------------------------------------


def hard_cases(n=60):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 8))
    noisy = similarity(A, A + 2 * rng.normal(size=(n, 8)))
    return {
        "noisy pairs": noisy,
        "random": rng.random((n, n)),
        "wide": noisy[: n // 2],
        "tall": noisy[:, : n // 2],
        "nearly square": noisy[: n - 3],
        "everybody wants the same": rng.random((n, 1)) * rng.random((1, n)),
        "points on a line": -np.abs(rng.random((n, 1)) - rng.random((1, n))),
        "each item twice": np.repeat(np.repeat(noisy[::2, ::2], 2, axis=0), 2, axis=1),
        "zeros and ones": (rng.random((n, n)) < 0.1).astype(np.float32),
        "whole numbers": rng.integers(0, 50, (n, n)),
        "constant": np.ones((n, n)),
        "far from zero": 1000 + rng.random((n, n)),
    }


@pytest.mark.parametrize("name", hard_cases())
@pytest.mark.parametrize("solver", ["as it is", "no auction", "SciPy inside"])
def test_same_total_as_scipy(name, solver, monkeypatch):
    S = hard_cases()[name]
    if solver == "no auction":
        monkeypatch.setattr(_assignment._auction, "__defaults__", (0,))
    if solver == "SciPy inside":
        monkeypatch.setattr(_assignment._auction, "__defaults__", (1,))
        monkeypatch.setattr(_assignment, "_settle_rest", lambda *_: False)
    i, j = linear_sum_assignment(S, maximize=True)
    found = max_match(S)
    assert len(found) == min(S.shape)
    assert found.scores.sum(dtype=float) == pytest.approx(S[i, j].sum(dtype=float), rel=1e-6)
    for q in (0.1, 0.5, 0.9):
        t = float(np.quantile(S, q))
        gain = np.maximum(S.astype(float) - t, 0)
        i, j = linear_sum_assignment(gain, maximize=True)
        found = max_match(S.astype(float), t)
        assert (found.scores - t).sum() == pytest.approx(gain[i, j].sum(), rel=1e-6, abs=1e-9)
        assert found.scores.min(initial=np.inf) >= t
    D = S.max() - S
    i, j = linear_sum_assignment(D)
    assert min_match(D).scores.sum(dtype=float) == pytest.approx(D[i, j].sum(dtype=float), rel=1e-6, abs=1e-6)


def greatest_total(S):
    """The number of pairs and the total of the best matching, by SciPy on cells that a matching may use."""
    low, high = S[np.isfinite(S)].min(), S[np.isfinite(S)].max()
    worth = (S.astype(np.float64) - low) / (high - low) + min(S.shape) + 1
    worth[~np.isfinite(S)] = 0
    i, j = linear_sum_assignment(worth, maximize=True)
    made = np.isfinite(S[i, j])
    return made.sum(), S[i, j][made].sum(dtype=np.float64)


@settings(max_examples=40, deadline=None)
@given(
    seeds,
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([1e-9, 1e-3, 1, 1e6]),
    st.sampled_from([0.0, 0.01, 0.3]),
)
def test_greatest_total_at_every_scale_and_with_forbidden_pairs(seed, dtype, scale, share):
    """Scores that differ are not tied, however small they are and however many pairs are forbidden."""
    rng = np.random.default_rng(seed)
    S = (rng.normal(size=(80, int(rng.integers(60, 100)))) * scale).astype(dtype)
    S[rng.random(S.shape) < share] = -np.inf
    count, total = greatest_total(S)
    found = max_match(S)
    assert len(found) == count
    assert found.scores.sum(dtype=np.float64) == pytest.approx(total, rel=1e-6)
    if dtype is np.float64:
        assert len(max_match(S, ties="drop")) == count


@pytest.mark.parametrize("odd", ["one score of 1e12", "a row of -1e9", "cells of -1e9", "all near 1e6"])
@pytest.mark.parametrize("gated", [False, True])
def test_one_outlier_blurs_no_other_pair(odd, gated):
    S = np.random.default_rng(0).random((300, 300))
    if odd == "one score of 1e12":
        S[7, 5] = 1e12
    elif odd == "a row of -1e9":
        S[7] = S[7] - 1e9
    elif odd == "cells of -1e9":
        S[np.random.default_rng(1).random(S.shape) < 0.1] = -1e9
    else:
        S += 1e6
    t = float(np.quantile(S, 0.6)) if gated else None
    worth = S if t is None else np.maximum(S - t, 0)
    i, j = linear_sum_assignment(worth, maximize=True)
    found = max_match(S, t)
    ours = np.zeros(300)
    ours[: len(found)] = worth[tuple(found.pairs.T)]
    # without the outlier itself, whose last digits would hide the others
    best, ours = (np.sort(x)[1:-1].sum() for x in (worth[i, j], ours))
    assert ours == pytest.approx(best, abs=2e-3 if "row" in odd else 1e-6)


def priced_cases():
    return hard_cases() | {
        # nearly square, and the rows that were added to make it square end up with prices of their own
        **{f"added rows {seed}": np.random.default_rng(seed).random((9, 10)) for seed in range(20)},
        # two columns are sold dear at once, and the third row would overpay for what is left
        "overpay": np.array([[5, 0, 0], [0, 5, 0], [1, 1, 0.5]]),
    }


@pytest.mark.parametrize("name", priced_cases())
@pytest.mark.parametrize("gate", [None, 0.0, 0.5])
def test_prices_prove_the_assignment(name, gate):
    W = np.asarray(priced_cases()[name], float)
    if optional := gate is not None:
        W = np.maximum(W - np.quantile(W, gate) + 1e-3, 0)
    prices_prove(W, *_assignment._priced(W, optional), optional)
    if optional:
        i, j = np.nonzero(W)
        col, _ = _assignment.assign_pairs(i, j, W[i, j], W.shape)
        offers = functools.partial(_assignment._sparse_offers, i, j, W[i, j], W.shape[1])
        own = np.where(col >= 0, W[np.arange(len(col)), col], 0.0)
        prices_prove(W, col, *_assignment._prices(offers, own, col, W.shape[1]), optional)


def prices_prove(W, col, y, z, optional):
    """No pair is worth more than both prices, chosen pairs are worth as much, and who is left over costs nothing."""
    slack = y[:, None] + z - W
    tol = 1e-9 * (1 + np.abs(W).max())
    assert slack.min() >= -tol
    made = np.flatnonzero(col >= 0)
    assert np.abs(slack[made, col[made]]).max(initial=0) <= tol
    left_a, left_b = y[col < 0], np.delete(z, col[made])
    if optional:
        assert min(y.min(), z.min()) >= -tol
        assert max(np.abs(left_a).max(initial=0), np.abs(left_b).max(initial=0)) <= tol
    else:
        assert len(made) == min(W.shape)
        assert np.abs(left_b if W.shape[0] <= W.shape[1] else left_a).max(initial=0) <= tol


def test_lowest_does_not_depend_on_the_solver(monkeypatch):
    for name, S in hard_cases(24).items():
        as_it_is = pairs_of(max_match(S))
        with monkeypatch.context() as patch:
            patch.setattr(_assignment._auction, "__defaults__", (1,))
            patch.setattr(_assignment, "_settle_rest", lambda *_: False)
            assert pairs_of(max_match(S)) == as_it_is, name


# --- laws -------------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(seeds, st.booleans())
def test_gated_pair_count_never_rises_with_the_threshold(seed, ties):
    rng = np.random.default_rng(seed)
    S = rng.integers(0, 10, (9, 7)) / 10 if ties else rng.random((9, 7))
    for match in (max_match, greedy_match, mutual_match, nearest_match, threshold_match):
        counts = [len(match(S, t)) for t in np.linspace(-0.1, 1.1, 9)]
        assert counts == sorted(counts, reverse=True), match.__name__
    counts = [len(min_match(S, t)) for t in np.linspace(-0.1, 1.1, 9)]
    assert counts == sorted(counts)


def test_gate_is_inside_the_assignment():
    """Dropping afterwards keeps one pair where two are above the line."""
    S = np.array([[0.9, 0.8, 0.0], [0.8, 0.1, 0.0], [0.0, 0.75, 0.0]])
    after = [p for p in pairs_of(max_match(S)) if S[p] >= 0.7]
    assert len(after) == 2
    S = np.array([[0.95, 0.6], [0.55, 0.0]])
    assert [
        p for p in pairs_of(max_match(S)) if S[p] >= 0.7
    ] == []  # 0.6 + 0.55 > 0.95 + 0: the good pair is lost
    assert pairs_of(max_match(S, 0.7)) == [(0, 0)]


@settings(max_examples=25)
@given(seeds)
def test_permuting_items_permutes_the_matches(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 9, 2)
    S = rng.random((n, m))
    assume(len(np.unique(S)) == n * m)
    rows, cols = rng.permutation(n), rng.permutation(m)
    for match in BY_SCORE:
        for t in (None, 0.5):
            moved = match(S[rows][:, cols], t)
            back = sorted((int(rows[i]), int(cols[j])) for i, j in moved.pairs)
            assert back == pairs_of(match(S, t)), match.__name__


@settings(max_examples=50)
@given(seeds, st.booleans())
def test_ties_never_depend_on_the_order_of_items(seed, never):
    """'drop' and 'error' say the same of every order; 'lowest' names indices but keeps the total and the number."""
    S = coarse(seed, never=never)
    rng = np.random.default_rng(seed)
    rows, cols = rng.permutation(S.shape[0]), rng.permutation(S.shape[1])
    moved = S[rows][:, cols]
    for match in BY_SCORE:
        for t in (None, 0.25):
            back = sorted((int(rows[i]), int(cols[j])) for i, j in match(moved, t, ties="drop").pairs)
            assert back == pairs_of(match(S, t, ties="drop")), match.__name__
            assert _is_tied(match, S, t) == _is_tied(match, moved, t), match.__name__
            if not _is_tied(match, S, t):
                assert pairs_of(match(S, t, ties="drop")) == pairs_of(match(S, t))
    for t in (None, 0.25):
        a, b = max_match(S, t), max_match(moved, t)
        assert len(a) == len(b)
        assert a.scores.sum() == pytest.approx(b.scores.sum())


def _is_tied(match, S, t):
    try:
        match(S, t, ties="error")
    except ValueError:
        return True
    return False


@settings(max_examples=30)
@given(seeds)
def test_csls_leaves_a_full_square_assignment_unchanged(seed):
    rng = np.random.default_rng(seed)
    S = similarity(rng.normal(size=(12, 6)), rng.normal(size=(12, 6))).astype(float)
    adjusted = csls(S, k=3)
    assert pairs_of(max_match(adjusted)) == pairs_of(max_match(S))


def test_min_and_max_agree_for_affine_measures_only():
    rng = np.random.default_rng(5)
    A, B = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.normal(size=(2, 40, 6)))
    by_cosine = pairs_of(max_match((A, B)))
    squared = distance(A, B, "euclidean").astype(float) ** 2
    assert pairs_of(min_match(squared)) == by_cosine
    assert pairs_of(min_match((A, B))) == by_cosine
    assert pairs_of(min_match((A, B), metric="euclidean")) != by_cosine
    near = distance(A, B, "euclidean")
    assert pairs_of(nearest_match(-near)) == pairs_of(nearest_match((A, B)))


# --- the others, by their definitions ---------------------------------------------------------------------


@settings(max_examples=80)
@given(seeds, st.booleans(), st.sampled_from([None, 0.25, 0.5]))
def test_nearest_mutual_greedy_and_threshold_as_defined(seed, never, t):
    S = coarse(seed, never=never)
    n, m = S.shape
    line = -np.inf if t is None else t
    ok = [(i, j) for i in range(n) for j in range(m) if S[i, j] >= line and S[i, j] > -np.inf]
    assert pairs_of(threshold_match(S, line)) == ok
    assert pairs_of(nearest_match(S, t)) == [(i, j) for i, j in ok if j == S[i].argmax()]
    assert pairs_of(mutual_match(S, t)) == [
        (i, j) for i, j in ok if j == S[i].argmax() and i == S[:, j].argmax()
    ]
    rows, cols, greedy = set(range(n)), set(range(m)), []
    for i, j in sorted(ok, key=lambda p: (-S[p], p)):
        if i in rows and j in cols:
            greedy.append((i, j))
            rows.remove(i)
            cols.remove(j)
    assert pairs_of(greedy_match(S, t)) == sorted(greedy)


def test_greedy_in_several_rounds():
    """More pairs than one round asks for: everybody wants the same columns."""
    rng = np.random.default_rng(0)
    S = rng.random((150, 1)) * rng.random((1, 150))
    by_rank = sorted(zip(np.argsort(-S[:, 0]).tolist(), np.argsort(-S[0]).tolist(), strict=True))
    assert pairs_of(greedy_match(S)) == by_rank


def test_policies_for_ties_by_hand():
    S = np.array([[0.9, 0.9, 0.1], [0.2, 0.8, 0.3]])
    assert pairs_of(nearest_match(S)) == [(0, 0), (1, 1)]
    assert pairs_of(nearest_match(S, ties="drop")) == [(1, 1)]
    with pytest.raises(ValueError, match=r"1 of 2 rows are tied \(first: row 0\)"):
        nearest_match(S, ties="error")
    # greedy: row 0 can't decide between two columns, so it stays alone, and column 1 is left for row 1
    assert pairs_of(greedy_match(S, ties="drop")) == [(1, 1)]
    with pytest.raises(ValueError, match=r"tied \(first: \(0, 0\)\)"):
        greedy_match(S, ties="error")
    # the assignment isn't tied at all: row 1 gets column 1, which settles row 0
    assert pairs_of(max_match(S, ties="error")) == [(0, 0), (1, 1)]
    # a tie that plays no part is no error
    low = np.array([[0.9, 0.1, 0.1], [0.1, 0.8, 0.2]])
    for match in BY_SCORE:
        assert pairs_of(match(low, ties="error")) == [(0, 0), (1, 1)]
    # copies of an item are tied; everybody else is not
    twice = np.array([[0.9, 0.9, 0.1], [0.9, 0.9, 0.1], [0.1, 0.1, 0.8]])
    assert pairs_of(max_match(twice, ties="drop")) == [(2, 2)]
    assert pairs_of(max_match(twice)) == [(0, 0), (1, 1), (2, 2)]


def test_a_pair_exactly_at_the_line_counts_as_above():
    for match in (max_match, greedy_match, mutual_match, nearest_match, threshold_match):
        for dtype in (np.float32, np.float64):
            S = np.array([[0.7, 0.1], [0.1, 0.3]], dtype)
            assert pairs_of(match(S, 0.7)) == [(0, 0)], match.__name__
    assert pairs_of(min_match([[0.3, 0.9], [0.9, 0.7]], 0.3)) == [(0, 0)]


def test_an_infinite_line_keeps_nothing_or_everything():
    S = np.array([[0.7, 0.1], [0.1, 0.3]])
    for match in (*BY_SCORE, threshold_match):
        assert len(match(S, np.inf)) == 0
    assert len(threshold_match(S, -np.inf)) == 4
    assert pairs_of(max_match(S, -np.inf)) == pairs_of(max_match(S))
    assert pairs_of(min_match(S, np.inf)) == pairs_of(min_match(S))
    assert len(min_match(S, -np.inf)) == 0


# --- forbidden pairs, empty sides -------------------------------------------------------------------------


def test_forbidden_pairs_are_never_made():
    S = np.array([[-np.inf, 0.5], [-np.inf, 0.9]])
    assert pairs_of(max_match(S)) == [(1, 1)]
    assert pairs_of(min_match(-S)) == [(1, 1)]
    for match in BY_SCORE:
        assert (0, 0) not in pairs_of(match(S))
    nothing = np.full((3, 2), -np.inf)
    for match in BY_SCORE:
        for ties in ("lowest", "drop", "error"):
            found = match(nothing, ties=ties)
            assert len(found) == 0
            assert found.unmatched_a.tolist() == [0, 1, 2]
    assert len(threshold_match(nothing, -np.inf)) == 0


def test_as_many_pairs_as_can_be_and_only_then_the_total():
    S = np.array([[10.0, 0.1], [0.2, -np.inf]])
    assert pairs_of(max_match(S)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_sides(shape):
    S = np.empty(shape)
    A, B = np.ones((shape[0], 4), np.float32), np.ones((shape[1], 4), np.float32)
    for side in (S, (A, B)):
        for match in (*BY_SCORE, min_match, lambda s: threshold_match(s, 0.5)):
            found = match(side)
            assert found.pairs.shape == (0, 2)
            assert (len(found.unmatched_a), len(found.unmatched_b)) == shape
            assert found.shape == shape
            assert "0 pairs" in repr(found)
            assert len(found.to_frame()) == 0


# --- embeddings in blocks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "manhattan", "hamming"])
def test_embeddings_give_what_the_matrix_gives(metric):
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(70, 9)).astype(np.float32), rng.normal(size=(90, 9)).astype(np.float32)
    B[:30] = A[:30] + rng.normal(size=(30, 9)) * 0.7
    if metric == "hamming":
        A, B = (A > 0).astype(np.uint8), (B > 0).astype(np.uint8)
    S, D = similarity(A, B, metric), distance(A, B, metric)
    line, far = float(np.quantile(S, 0.97)), float(np.quantile(D, 0.03))
    cases = [(max_match, S, None), (max_match, S, line), (threshold_match, S, line), (min_match, D, None)]
    cases += [(min_match, D, far)] + [
        (f, S, t) for f in (nearest_match, mutual_match, greedy_match) for t in (None, line)
    ]
    for match, matrix, t in cases:
        dense, blocks = match(matrix, t), match((A, B), t, metric=metric)
        assert pairs_of(blocks) == pairs_of(dense), (match.__name__, t)
        np.testing.assert_allclose(blocks.scores, dense.scores, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(blocks.margins, dense.margins, rtol=1e-5, atol=1e-6)
        assert blocks.unmatched_a.tolist() == dense.unmatched_a.tolist()
        assert blocks.measure == dense.measure
    assert len(threshold_match(S, line)) > 100


def test_margins_can_be_left_out():
    S = np.random.default_rng(0).random((5, 6))
    found = threshold_match(S, 0.5, margins=False)
    assert np.isnan(found.margins).all()
    assert pairs_of(found) == pairs_of(threshold_match(S, 0.5))


def test_inputs_stay_as_they_are():
    S = np.random.default_rng(0).random((12, 12)).astype(np.float32)
    before = S.copy()
    for match in (*BY_SCORE, min_match):
        match(S)
        match(S, 0.5)
    threshold_match(S, 0.5)
    assert np.array_equal(S, before)


# --- Matches ----------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(seeds, st.booleans())
def test_margin_is_the_lead_over_the_best_rival(seed, never):
    S = coarse(seed, never=never)
    for found, M in ((threshold_match(S, -np.inf), S), (max_match(S), S), (min_match(-S), S)):
        for (i, j), margin in zip(found.pairs, found.margins, strict=True):
            rivals = [*np.delete(M[i], j), *np.delete(M[:, j], i)]
            best = max(rivals, default=-np.inf)
            assert margin == (np.inf if best == -np.inf else pytest.approx(M[i, j] - best))


@settings(max_examples=40)
@given(seeds)
def test_everybody_is_matched_or_unmatched(seed):
    S = coarse(seed, never=True)
    for found in (max_match(S, 0.25), greedy_match(S), nearest_match(S, 0.5), threshold_match(S, 0.25)):
        rows, cols = found.pairs.T
        assert sorted({*rows.tolist(), *found.unmatched_a.tolist()}) == list(range(S.shape[0]))
        assert sorted({*cols.tolist(), *found.unmatched_b.tolist()}) == list(range(S.shape[1]))
        assert not set(rows.tolist()) & set(found.unmatched_a.tolist())
        assert found.pairs.dtype == np.int64
        assert pairs_of(found) == sorted(pairs_of(found))
        assert found.scores.tolist() == S[rows, cols].tolist()


@settings(max_examples=30)
@given(seeds)
def test_evaluate_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    S, truth = rng.random((6, 5)), rng.random((6, 5)) < 0.4
    found = threshold_match(S, 0.5)
    assume(len(found) and truth.any())
    got = found.evaluate(truth)
    p, r, f, _ = precision_recall_fscore_support(
        truth.ravel(), (S >= 0.5).ravel(), average="binary", zero_division=0
    )
    assert (got["precision"], got["recall"], got["f1"]) == pytest.approx((p, r, f))
    assert got["tp"] + got["fp"] == len(found)
    assert got["tp"] + got["fn"] == truth.sum()


def test_evaluate_reads_every_kind_of_truth():
    found = max_match(np.array([[0.9, 0.1], [0.8, 0.2]]), 0.15)
    assert found.evaluate("diagonal") == {
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
        "tp": 2,
        "fp": 0,
        "fn": 0,
    }
    assert found.evaluate([(0, 0), (1, 0)])["recall"] == 0.5
    assert found.evaluate((["x", "y"], ["x", "x"]))["precision"] == 0.5
    nothing = max_match(np.zeros((2, 2)), 1.0).evaluate(np.zeros((2, 2), bool))
    assert all(np.isnan(nothing[k]) for k in ("precision", "recall", "f1"))


def test_table_with_names_and_those_left_over(tmp_path):
    found = max_match(np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.3]]), threshold=0.75)
    frame = found.to_frame(["猫", "dog", "owl"], ["喵", "woof"], unmatched=True)
    assert frame.columns.tolist() == ["a", "b", "score", "margin"]
    assert frame["a"].tolist() == ["猫", "dog", "owl", None]
    assert frame["b"].tolist() == ["喵", None, None, "woof"]
    assert frame["score"].tolist()[:1] == [0.9]
    path = tmp_path / "pairs.csv"
    found.to_csv(path, ["猫", "dog", "owl"], ["喵", "woof"])
    assert path.read_bytes().decode("utf-8").splitlines()[1].startswith("猫,喵,0.9,0.0999")
    read, table = pd.read_csv(path), found.to_frame(["猫", "dog", "owl"], ["喵", "woof"])
    pd.testing.assert_frame_equal(read.astype(table.dtypes), table)
    numbers = found.to_frame(unmatched=True)
    assert numbers["a"].tolist() == [0, 1, 2, pd.NA]
    assert found.to_frame()["b"].dtype == np.int64
    assert min_match([[1.0]]).to_frame().columns.tolist() == ["a", "b", "distance", "margin"]
    with pytest.raises(ValueError, match="ids_b has 3 entries; want 2 str or 2 int, one per item"):
        found.to_frame(ids_b=["x", "y", "z"])


def test_repr_is_one_line_and_repeatable():
    found = max_match(np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.3]]), threshold=0.5)
    assert repr(found) == "Matches(2 pairs of 3 × 2: 1 a and 0 b unmatched, mean score 0.750)"
    assert repr(min_match([[2.0]])) == "Matches(1 pair of 1 × 1: 0 a and 0 b unmatched, mean distance 2.000)"
    assert isinstance(found, Matches)
    assert len(found) == 2


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("match", [*BY_SCORE, threshold_match])
@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.array([[0.1, np.nan]]), "scores has NaN in 1 of 1 rows"),
        (np.array([[0.1, np.inf]]), r"scores has \+inf"),
        (np.zeros(3), r"scores has shape \(3,\); want 2-D \(n, m\)"),
        ([["a", "b"]], "scores is .*; want numbers, 2-D"),
        ((np.zeros((2, 3)), np.ones((2, 3))), "A has zero vectors"),
        ((np.ones((2, 3)), np.ones((2, 4))), "B has 4 columns; want 3"),
        ((["a"], ["b"]), "A is text"),
    ],
)
def test_bad_scores_are_named(match, scores, message):
    with pytest.raises((TypeError, ValueError), match=message):
        match(scores, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: min_match([[0.1, np.nan]]), "distances has NaN"),
        (lambda: min_match([[0.1, -np.inf]]), "distances has -inf"),
        (lambda: max_match(np.eye(2), ties="first"), "ties is 'first'; known: 'lowest', 'drop', 'error'"),
        (lambda: greedy_match(np.eye(2), ties="first"), "ties is 'first'"),
        (lambda: nearest_match(np.eye(2), ties="first"), "ties is 'first'"),
        (lambda: max_match((np.eye(2), np.eye(2)), metric="cos"), "metric is 'cos'; known: 'cosine'"),
        (lambda: max_match(np.eye(2), "high"), "threshold is str 'high'; want a number or a Threshold"),
        (lambda: max_match(np.eye(2), np.nan), "threshold is NaN"),
        (lambda: min_match(np.eye(2), np.nan), "max_distance is NaN"),
        (lambda: threshold_match(np.eye(2), None), "threshold is None; .*there is no default"),
    ],
)
def test_bad_options_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_ids_are_taken_by_position_also_from_a_shuffled_column():
    names = pd.Series(["a", "b", "c"], index=[2, 0, 1])
    assert max_match(np.eye(3)).to_frame(names, names)[["a", "b"]].to_numpy().tolist() == [
        ["a", "a"],
        ["b", "b"],
        ["c", "c"],
    ]


@pytest.mark.parametrize("match", [max_match, min_match, greedy_match, nearest_match, mutual_match])
def test_pairs_that_order_alone_decided_are_counted(match):
    """Constant scores and a diagonal truth: a perfect result that means nothing must say so."""
    found = match(np.ones((5, 5)))
    assert found.tied == len(found)
    assert f"{len(found)} of them tied" in repr(found)
    assert match(np.random.default_rng(0).random((5, 5))).tied == 0
    assert match(np.ones((5, 5)), ties="drop").tied == 0


@settings(max_examples=25, deadline=None)
@given(
    seeds,
    st.sampled_from(["cosine", "dot", "euclidean"]),
    st.integers(2, 40),
    st.integers(1, 4),
    st.floats(0.05, 0.95),
)
def test_threshold_match_in_blocks_is_that_of_the_matrix(seed, metric, queries, items, share):
    """Whatever the size of the tiles, whole numbers and so ties at the line included."""
    rng = np.random.default_rng(seed)
    A, B = (rng.integers(-3, 4, (int(rng.integers(1, 90)), 4)).astype(np.float32) for _ in range(2))
    A, B = A[A.any(axis=1)], B[B.any(axis=1)]
    if not len(A) or not len(B):
        return
    S = similarity(A, B, metric)
    t = float(np.quantile(S, share, method="nearest"))
    with mock.patch.multiple(_topk, QUERIES=queries, ITEMS=16 * items):
        blocks = threshold_match((A, B), t, metric=metric)
    whole = threshold_match(S, t)
    assert np.array_equal(blocks.pairs, whole.pairs)
    np.testing.assert_array_equal(blocks.scores, whole.scores)
    np.testing.assert_array_equal(blocks.margins, whole.margins)


@settings(max_examples=40, deadline=None)
@given(
    seeds,
    st.sampled_from(["cosine", "dot", "euclidean", "manhattan", "hamming"]),
    st.integers(1, 40),
    st.integers(1, 60),
    st.floats(0, 1),
)
def test_margins_of_embeddings_are_those_of_the_matrix(seed, metric, queries, items, share):
    """One pass over small tiles, whole numbers and so many ties: not nearly but exactly, distances too."""
    rng = np.random.default_rng(seed)
    A, B = (rng.integers(-2, 3, (int(rng.integers(1, 50)), 3)).astype(np.float32) for _ in range(2))
    A, B = ((x[x.any(axis=1)] if metric != "hamming" else x > 0) for x in (A, B))
    assume(len(A) and len(B))
    S, D = similarity(A, B, metric), distance(A, B, metric)
    t, far = (float(np.quantile(x, share, method="nearest")) for x in (S, D))
    for match, matrix, line in (
        (threshold_match, S, t),
        (nearest_match, S, None),
        (nearest_match, S, t),
        (mutual_match, S, None),
        (greedy_match, S, t),
        (max_match, S, t),
        (min_match, D, far),
    ):
        with mock.patch.multiple(_topk, QUERIES=queries, ITEMS=items):
            blocks = match((A, B), line, metric=metric)
        whole = match(matrix, line)
        assert pairs_of(blocks) == pairs_of(whole), match.__name__
        # 1 − cos is rounded in a matrix of distances, and not in the scores behind it.
        tolerance = 2.0**-23 if match is min_match and metric == "cosine" else 0
        np.testing.assert_allclose(blocks.margins, whole.margins, rtol=0, atol=tolerance)


# ---- without the matrix: candidates, prices, and a proof


def tables(kind, n, m, d, seed):
    rng = np.random.default_rng(seed)
    if kind == "integers":  # with many ties
        return rng.integers(1, 4, (n, d)), rng.integers(1, 4, (m, d))
    if kind == "one":  # all of one side alike, the other far away
        return 50 * rng.normal(size=(n, d)), np.repeat(rng.normal(size=(1, d)), m, axis=0)
    if kind == "twins":
        some = rng.normal(size=(max(1, n // 3), d))
        return some[rng.integers(0, len(some), n)], some[rng.integers(0, len(some), m)]
    if kind == "clusters":
        middle = 3 * rng.normal(size=(3, d))
        return tuple(middle[rng.integers(0, 3, k)] + 0.2 * rng.normal(size=(k, d)) for k in (n, m))
    A, B = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    if kind == "hubs":
        A, B[: 1 + m // 9] = A + 1, B[: 1 + m // 9] + 3
    elif kind == "far":  # from the origin
        A, B = A + 500, B + 500
    return A, B


def total(scores, pairs):
    i, j = np.reshape(pairs, (-1, 2)).T
    return scores[i, j].sum(dtype=np.float64)


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(["random", "integers", "twins", "clusters", "hubs", "far", "one"]),
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    d=st.integers(1, 5),
    metric=st.sampled_from(["cosine", "dot", "euclidean", "manhattan", "hamming"]),
    first=st.integers(1, 4),
    seed=st.integers(0, 2**20),
)
def test_candidates_and_prices_make_the_assignment_of_the_whole_matrix(kind, n, m, d, metric, first, seed):
    """Equal to the dense path pair by pair, ties and all, and in total to SciPy's solver."""
    A, B = tables(kind, n, m, d, seed)
    if metric == "hamming":
        A, B = A > 0, B > 0
    want = max_match((A, B), metric=metric)
    with (
        mock.patch.object(_matchings, "DENSE", 0),
        mock.patch.multiple(_proved, FIRST=first, MORE=2, ROUNDS=500),
    ):
        found, least = max_match((A, B), metric=metric), min_match((A, B), metric=metric)
    S = similarity(A, B, metric)
    best = total(S.astype(np.float64), np.stack(linear_sum_assignment(S, maximize=True), axis=1))
    assert len(found.pairs) == min(n, m)
    assert total(S, found.pairs) == pytest.approx(best, rel=1e-9, abs=1e-9)
    np.testing.assert_array_equal(found.pairs, want.pairs)
    np.testing.assert_array_equal(found.scores, want.scores)
    assert found.tied == want.tied
    np.testing.assert_array_equal(least.pairs, want.pairs)


@pytest.mark.parametrize(("n", "m"), [(90, 90), (60, 90), (90, 60)])
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan"])
def test_an_assignment_that_is_not_proved_says_how_far_off_it_can_be(n, m, metric):
    A, B = tables("hubs", n, m, 6, 0)
    best = total(similarity(A, B, metric), max_match((A, B), metric=metric).pairs)
    with (
        mock.patch.object(_matchings, "DENSE", 0),
        mock.patch.multiple(_proved, FIRST=1, MORE=1, ROUNDS=1),
        pytest.warns(UserWarning, match="not proved best after 1 rounds") as said,
    ):
        found = max_match((A, B), metric=metric)
    own, bound = map(float, re.findall(r"(?:similarity is|more than) (-?[\d.e+-]+),", str(said[0].message)))
    slack = 1e-5 * abs(best)
    assert len(found.pairs) == min(n, m) == len(set(found.pairs[:, 0])) == len(set(found.pairs[:, 1]))
    assert own == pytest.approx(total(similarity(A, B, metric), found.pairs), abs=slack)
    assert own <= best + slack
    assert best <= bound + slack
    assert own < bound


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_sparse_tables_without_a_matrix_of_scores(metric):
    A, B = (sp.random_array((k, 30), density=0.3, rng=k, format="csr") for k in (40, 50))
    with mock.patch.object(_matchings, "DENSE", 0):
        found = max_match((A, B), metric=metric)
    np.testing.assert_array_equal(found.pairs, max_match((A, B), metric=metric).pairs)


def test_more_ties_than_can_be_held():
    A = np.repeat([[1.0, 0.0], [0.0, 1.0]], 20, axis=0)
    with mock.patch.object(_matchings, "DENSE", 0), mock.patch.object(_proved, "MOST", 100):
        with pytest.warns(UserWarning, match="more than 100 pairs are tied"):
            found = max_match((A, A))
        with (
            pytest.warns(UserWarning, match="more than 100"),
            pytest.raises(ValueError, match="40 of 40 rows are tied"),
        ):
            max_match((A, A), ties="error")
    assert (found.scores == 1).all()
    assert len(found) == found.tied == 40


def test_no_matrix_is_made_of_large_tables():
    A, B = tables("random", 1500, 1700, 8, 0)
    with mock.patch.object(_matchings, "DENSE", 0):
        max_match((A[:50], B[:50]))  # loads what it needs
        tracemalloc.start()
        max_match((A, B))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 0.75 * 8 * 1500 * 1700  # a matrix of float64
