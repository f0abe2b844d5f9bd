"""Thresholds: every cut against scikit-learn and brute force, promises against exact binomials, drift, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ks_2samp
from sklearn.metrics import f1_score, precision_recall_curve

from mmalign_nb._binomial import clopper_pearson
from mmalign_nb.align import max_match, min_match, mutual_match, nearest_match, threshold_match
from mmalign_nb.threshold import Threshold, best_f1, for_fdr, for_precision, sweep

# Few distinct scores, so that ties are the rule.
labelled = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


def split(pairs):
    return np.array([s for s, _ in pairs], float), np.array([r for _, r in pairs], bool)


# --- sweep ------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(labelled)
def test_sweep_is_scikit_learns_curve(pairs):
    s, right = split(pairs)
    rows = sweep(s, right)
    if not right.any():
        assert not rows.tp.any()
        return
    precision, recall, line = precision_recall_curve(right, s)
    # scikit-learn goes from low to high and may leave out what changes nothing at the low end.
    ours = dict(zip(rows.threshold.tolist(), zip(rows.precision, rows.recall, strict=True), strict=True))
    for p, r, t in zip(precision, recall, line, strict=False):
        assert ours[t] == (pytest.approx(p), pytest.approx(r))


@settings(max_examples=40)
@given(labelled)
def test_sweep_counts_as_one_would(pairs):
    s, right = split(pairs)
    rows = sweep(s, right)
    assert rows.threshold.tolist() == sorted(set(s.tolist()), reverse=True)
    for k, t in enumerate(rows.threshold):
        keep = s >= t
        assert rows.tp[k] == (keep & right).sum()
        assert rows.fp[k] == (keep & ~right).sum()
        assert rows.fn[k] == (~keep & right).sum()
        assert rows.f1[k] == pytest.approx(f1_score(right, keep, zero_division=0))


@settings(max_examples=40)
@given(labelled, st.integers(0, 10))
def test_sweep_does_not_see_the_order(pairs, seed):
    s, right = split(pairs)
    order = np.random.default_rng(seed).permutation(len(s))
    for a, b in zip(
        vars(sweep(s, right)).values(), vars(sweep(s[order], right[order])).values(), strict=True
    ):
        assert np.array_equal(a, b)


def test_sweep_of_a_matrix_is_threshold_matching():
    rng = np.random.default_rng(0)
    S = rng.integers(0, 9, (7, 5)) / 8.0
    truth = rng.random((7, 5)) < 0.3
    rows = sweep(S, truth)
    for k, t in enumerate(rows.threshold):
        found = threshold_match(S, t).evaluate(truth)
        assert (rows.tp[k], rows.fp[k], rows.fn[k]) == (found["tp"], found["fp"], found["fn"])


def test_forbidden_pairs_are_no_candidates_but_can_be_missed():
    rows = sweep([[0.9, -np.inf], [0.2, -np.inf]], [(0, 0), (1, 1)])
    assert rows.threshold.tolist() == [0.9, 0.2]
    assert rows.fn.tolist() == [1, 1]


def test_right_pairs_outside_the_candidates_count_as_missed():
    rows = sweep([0.9, 0.1], [True, False], total=4)
    assert rows.recall.tolist() == [0.25, 0.25]
    with pytest.raises(ValueError, match="total is 0, but 1 candidates are right"):
        sweep([0.9], [True], total=0)


def test_sweep_as_a_table():
    frame = sweep([0.5, 0.5, 0.1], [True, False, True]).to_frame()
    assert frame.columns.tolist() == ["threshold", "precision", "recall", "f1", "tp", "fp", "fn"]
    assert len(frame) == 2


# --- best F1: the defects that others had for years ------------------------------------------------------


def brute_f1(s, right):
    return max(f1_score(right, s >= t, zero_division=0) for t in np.unique(s))


@settings(max_examples=40)
@given(labelled)
def test_best_f1_is_the_best_there_is(pairs):
    s, right = split(pairs)
    line = best_f1(s, right)
    if not right.any():
        assert line.abstained
        return
    keep = s >= float(line)
    assert f1_score(right, keep) == pytest.approx(brute_f1(s, right))
    assert line.coverage == pytest.approx(keep.mean())


def test_tied_scores_give_no_impossible_f1():
    # Cut between the two 0.5 and F1 would be 1: no threshold can do that.
    line = best_f1([0.9, 0.5, 0.5], [True, True, False])
    assert f1_score([1, 1, 0], np.array([0.9, 0.5, 0.5]) >= float(line)) == pytest.approx(0.8)


def test_the_last_cut_is_tried():
    line = best_f1([0.9, 0.8, 0.7], [True, True, True])
    assert float(line) == 0.7
    assert line.coverage == 1.0


def test_one_pair_is_enough_to_find_it():
    assert float(best_f1([0.3], [True])) == 0.3


def test_nothing_right_is_an_answer_and_not_an_exception():
    line = best_f1([0.3, 0.9], [False, False])
    assert line.abstained
    assert "none of the labelled candidates is right" in line.guarantee
    with pytest.raises(ValueError, match="abstained, so there is no threshold"):
        float(line)


def test_best_f1_promises_nothing_and_says_when_labels_are_few():
    line = best_f1([0.3, 0.9], [False, True])
    assert line.guarantee.startswith("none")
    assert "fewer than 100 labels (2)" in line.warning


# --- for_precision ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 7), (90, 100)])
def test_clopper_pearson_inverts_the_binomial(k, n):
    low, high = clopper_pearson(k, n, 0.9)
    if k:
        assert binom.sf(k - 1, n, low) == pytest.approx(0.05)
    if k < n:
        assert binom.cdf(k, n, high) == pytest.approx(0.05)


def reference_walk(s, right, target, delta):
    """The fallback procedure as the docstring says it, one cut at a time: each test has the risk that came down to it."""
    least = next(k for k in range(1, 10_000) if target**k <= 0.9 * delta * (1 + 1e-9))
    chosen, risk, first, second = None, 0.0, False, False
    for t in np.unique(s)[::-1]:
        keep = s >= t
        if not first and keep.sum() >= least:
            first, risk = True, risk + 0.9 * delta
        if first and not second and keep.sum() >= len(s) / 3:
            second, risk = True, risk + 0.1 * delta
        if risk and binom.sf(right[keep].sum() - 1, keep.sum(), target) <= risk * (1 + 1e-9):
            chosen = t
        else:
            risk = 0.0
    return chosen


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([40, 90, 200]), st.sampled_from([0.7, 0.9]))
def test_the_walk_is_the_one_in_the_docstring(seed, n, target):
    rng = np.random.default_rng(seed)
    s = rng.integers(0, 25, n) / 25
    right = rng.random(n) < s**0.3
    line, expected = for_precision(s, right, target, 0.1), reference_walk(s, right, target, 0.1)
    assert line.abstained == (expected is None)
    if expected is not None:
        assert float(line) == expected
        assert line.coverage == pytest.approx((s >= expected).mean())


def test_the_promise_holds_where_the_truth_is_known():
    """1,000 calibrations from a known law: the true precision above the line is missed in at most δ of them."""
    rng = np.random.default_rng(0)
    grid = np.linspace(0, 1, 20_001)
    chance = 0.5 + grid / 2  # probability that a candidate with this score is right
    above = np.cumsum(chance[::-1])[::-1] / np.arange(len(grid), 0, -1)  # true precision of "score >= t"
    missed = answered = 0
    for _ in range(1000):
        s = rng.random(200)
        line = for_precision(s, rng.random(200) < 0.5 + s / 2, target=0.8, delta=0.1)
        if not line.abstained:
            answered += 1
            missed += above[np.searchsorted(grid, float(line))] < 0.8
    assert answered > 300
    assert missed / 1000 <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 1000)


def test_too_few_labels_abstain_and_say_how_many_are_wanted():
    line = for_precision(np.linspace(0, 1, 22), np.ones(22, bool), target=0.9, delta=0.1)
    assert line.abstained
    assert "22 labelled candidates; want at least 23" in line.guarantee
    assert line.coverage == 0
    assert not for_precision(np.linspace(0, 1, 23), np.ones(23, bool), target=0.9, delta=0.1).abstained
    assert for_precision([], []).abstained
    assert for_precision([], [], groups=[]).abstained


def test_a_few_right_ones_on_top_are_found():
    """A third of the candidates right, or a tenth: the walk from a third down would never start."""
    s = np.arange(300)[::-1] / 300
    line = for_precision(s, np.arange(300) < 40)
    assert round(line.coverage * 300) in range(40, 45)


def test_the_risk_is_shared_where_false_lines_begin_everywhere():
    """Scores that say nothing and a precision just under the target: every line is false, at each place where a walk may start."""
    rng = np.random.default_rng(7)
    for n in (60, 200):
        missed = sum(
            not for_precision(rng.random(n), rng.random(n) < 0.795, target=0.8).abstained for _ in range(1000)
        )
        assert 30 < missed <= 1000 * 0.1 + 3 * np.sqrt(1000 * 0.1 * 0.9), (n, missed)


@pytest.mark.parametrize(("size", "equal"), [(3, True), (10, False), (30, True)])
def test_groups_keep_the_promise_that_single_candidates_break(size, equal):
    """Groups that are right or wrong as a whole, every line just false."""
    rng = np.random.default_rng(size)
    missed = {"given": 0, "not given": 0}
    runs = 100 if size == 30 else 200  # some thousand labels a run take long
    for _ in range(runs):
        sizes = np.full(40, size) if equal else rng.integers(1, 2 * size, 40)
        group = np.repeat(np.arange(40), sizes)
        right, s = (rng.random(40) < 0.79)[group], rng.random(len(group))
        missed["given"] += not for_precision(s, right, 0.8, groups=group).abstained
        missed["not given"] += not for_precision(s, right, 0.8).abstained
    most = runs * 0.1 + 3 * np.sqrt(runs * 0.1 * 0.9)
    assert missed["given"] <= most, missed
    assert size == 3 or missed["not given"] > most, missed


def test_groups_are_a_bet_on_each_of_them():
    """The p-value of the last cut, written down: with whole groups of one size it is that of independent candidates, by Chernoff."""
    group = np.repeat(np.arange(60), 5)
    s = np.repeat(np.linspace(1, 0, 60), 5)  # whole groups come one after the other
    alone = for_precision(s[::5], np.ones(60, bool), groups=np.arange(60))
    together = for_precision(s, np.ones(300, bool), groups=group)
    assert float(alone) == float(together) == 0
    assert "60 groups of the 300 labelled candidates, for new groups drawn like them" in together.guarantee
    few = for_precision(s[:110], np.ones(110, bool), groups=group[:110])
    assert few.abstained
    assert "22 groups of the 110 labelled candidates; want at least 23" in few.guarantee
    free = for_precision(
        s[:115], np.ones(115, bool), groups=[None] * 115
    )  # nobody knows: each is one of its own
    assert not free.abstained
    with pytest.raises(ValueError, match="groups has 3 labels; want 115, one per candidate"):
        for_precision(s[:115], np.ones(115, bool), groups=[1, 2, 3])


def test_matches_are_candidates_and_say_when_items_come_again():
    rng = np.random.default_rng(0)
    S = rng.random((200, 200)) + 2 * np.eye(200)
    found = nearest_match(S)
    line = for_precision(found, "diagonal")
    assert float(line) == float(for_precision(found.scores, np.ones(200, bool)))
    assert float(line) == float(for_precision(found, np.ones(200, bool)))
    assert line.gallery == 200
    assert line.warning == ""
    S[:, 0] += 3  # a hub
    hub = nearest_match(S)
    assert (
        "same items of side b stand in several candidates (200.0"
        in for_precision(hub, "diagonal", 0.5).warning
    )
    assert for_precision(hub, "diagonal", 0.5, groups=hub.pairs[:, 1]).warning == ""
    assert best_f1(hub, "diagonal").coverage > 0
    with pytest.raises(ValueError, match="scores are matches with distances; want scores"):
        for_precision(min_match(1 - S), "diagonal")


def test_all_right_keeps_all():
    line = for_precision(np.linspace(0, 1, 100), np.ones(100, bool))
    assert float(line) == 0.0
    assert line.coverage == 1.0
    assert "at least 0.9 with probability 0.9" in line.guarantee


def test_hopeless_scores_abstain():
    line = for_precision(np.linspace(0, 1, 200), np.arange(200) % 2 == 0)
    assert line.abstained
    assert "does not show a precision of 0.9" in line.guarantee


def test_pairs_of_one_matrix_come_with_a_warning():
    S = np.random.default_rng(0).random((20, 20)) + 2 * np.eye(20)
    assert "not independent" in for_precision(S, "diagonal", target=0.5).warning
    assert for_precision(S.diagonal(), np.ones(20, bool), target=0.5).warning == "fewer than 100 labels (20)"


# --- for_fdr ----------------------------------------------------------------------------------------------


def test_target_decoy_keeps_its_word_where_its_assumption_holds():
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(300):
        is_right = rng.random(400) < 0.5
        s = np.where(is_right, rng.normal(3, 1, 400), rng.normal(0, 1, 400))
        decoys = rng.normal(0, 1, 400)
        line = for_fdr(s, decoys, target=0.1)
        keep = (s > decoys) & (s >= float(line))
        shares.append((keep & ~is_right).sum() / max(keep.sum(), 1))
    assert np.mean(shares) <= 0.1 + 3 * np.std(shares) / np.sqrt(300)
    assert np.mean(shares) > 0.05  # and it doesn't keep it by keeping nothing


def test_target_decoy_by_brute_force():
    rng = np.random.default_rng(2)
    s, d = rng.integers(0, 30, 200) / 10 + 1, rng.integers(0, 30, 200) / 10
    line = for_fdr(s, d, target=0.2)
    best = np.maximum(s, d)
    good = [
        t
        for t in np.unique(best)
        if (1 + ((d >= s) & (best >= t)).sum()) / max(1, ((s > d) & (best >= t)).sum()) <= 0.2
    ]
    assert float(line) == min(good)


def test_decoys_as_good_as_targets_abstain():
    rng = np.random.default_rng(3)
    line = for_fdr(rng.random(300), rng.random(300), target=0.05)
    assert line.abstained
    assert "near misses" in line.warning


def test_hubs_are_counted_and_told():
    rng = np.random.default_rng(4)
    s, d = rng.normal(3, 1, 200), rng.normal(0, 1, 200)
    even, hub = for_fdr(s, d, items=np.arange(200)), for_fdr(s, d, items=np.arange(200) % 5)
    assert even.concentration == 0
    won = np.bincount((np.arange(200) % 5)[s > d])
    assert hub.concentration == pytest.approx((won * (won - 1)).sum() / (won.sum() * (won.sum() - 1)))
    assert "few items win many queries" in hub.warning
    assert "few items" not in even.warning
    assert np.isnan(for_fdr(s, d).concentration)
    assert float(even) == float(hub) == float(for_fdr(s, d))
    with pytest.raises(ValueError, match="items has 2 labels; want 200, one per query"):
        for_fdr(s, d, items=["a", "b"])


def test_matches_over_items_and_decoys_compete():
    rng = np.random.default_rng(5)
    S = rng.normal(size=(150, 300)) + 4 * np.eye(150, 300, 150)
    decoys = np.arange(300) < 150
    line = for_fdr(nearest_match(S), decoys)
    assert float(line) == float(for_fdr(S[:, 150:].max(axis=1), S[:, :150].max(axis=1)))
    assert line.gallery == 300
    with pytest.raises(ValueError, match=r"want one True or False per column: shape \(300,\)"):
        for_fdr(nearest_match(S), np.zeros(150, bool))
    with pytest.raises(ValueError, match="matches with distances"):
        for_fdr(min_match(S), decoys)


def test_where_hubs_break_the_rate_each_item_once_keeps_it():
    """No match is right, so any answer is a miss: the toss of a few coins decides, or of many."""
    rng = np.random.default_rng(6)
    answered = {"nearest": 0, "mutual": 0}
    for _ in range(300):
        S = rng.normal(size=(100, 60)) + 2 * rng.normal(size=60)
        decoys = rng.random(60) < 0.5
        for name, match in (("nearest", nearest_match), ("mutual", mutual_match)):
            answered[name] += not for_fdr(match(S), decoys, target=0.1).abstained
    most = 300 * 0.1 + 3 * np.sqrt(300 * 0.1 * 0.9)
    assert answered["nearest"] > most, answered
    assert answered["mutual"] <= most, answered


# --- drift ------------------------------------------------------------------------------------------------


def calibrated(n=300, seed=0):
    s = np.random.default_rng(seed).normal(0.6, 0.1, n)
    return best_f1(s, s > 0.5)


def test_alarm_for_other_scores_and_none_for_the_same():
    line = calibrated()
    rng = np.random.default_rng(9)
    quiet, loud = line.check(rng.normal(0.6, 0.1, 200)), line.check(rng.normal(0.5, 0.1, 200))
    assert not quiet.alarm
    assert loud.alarm
    assert "run lower" in loud.words
    assert "guarantee is void" in loud.words


def test_false_alarms_are_as_rare_as_alpha_says():
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(1000):
        s = rng.normal(0, 1, 150)
        alarms += best_f1(s, s > 0).check(rng.normal(0, 1, 100)).alarm
    assert alarms / 1000 <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 1000)


def test_the_gap_is_scipys():
    line, new = calibrated(), np.random.default_rng(5).normal(0.62, 0.1, 99)
    found = line.check(new)
    expected = ks_2samp(line.reference, new)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_a_matrix_is_compared_by_its_best_of_each_row():
    rng = np.random.default_rng(6)
    line = best_f1(rng.random((50, 40)) + 2 * np.eye(50, 40), [(i, i) for i in range(40)])
    assert len(line.reference) == 50
    assert line.check(rng.random((50, 40))).alarm
    with pytest.raises(ValueError, match=r"new_scores has shape \(50,\); want 2-D \(n, m\)"):
        line.check(rng.random(50))


def test_the_alarm_says_where_the_scores_went():
    line, rng = calibrated(), np.random.default_rng(11)
    heard = {"run lower": 0.55, "run higher": 0.65}
    for words, centre in heard.items():
        assert all(words in line.check(rng.normal(centre, 0.1, 300)).words for _ in range(20))
    for spread in (0.03, 0.3):
        assert all("spread otherwise" in line.check(rng.normal(0.6, spread, 300)).words for _ in range(20))


def test_a_gallery_of_another_size_is_refused_where_it_is_known():
    rng = np.random.default_rng(12)
    S = rng.random((40, 30))
    line = best_f1(nearest_match(S), S > 0.5)
    assert not line.check(nearest_match(rng.random((40, 30)))).alarm
    with pytest.raises(
        ValueError, match="the best of 300 items each, those of the calibration the best of 30"
    ):
        line.check(nearest_match(rng.random((40, 300))))
    with pytest.raises(ValueError, match="best of 300 items"):
        line.check(rng.random(40), gallery=300)
    with pytest.raises(ValueError, match="best of 300 items"):
        best_f1(S, S > 0.5).check(rng.random((40, 300)))
    # Why: the best of ten times as many, without any drift, rings nearly always.
    unaware = best_f1(S.max(axis=1), np.ones(40, bool))
    assert sum(unaware.check(rng.random((40, 300)).max(axis=1)).alarm for _ in range(50)) > 45


def test_check_wants_scores_taken_alike():
    with pytest.raises(ValueError, match=r"new_scores has shape \(9, 9\); want 1-D"):
        calibrated().check(np.zeros((9, 9)))
    with pytest.raises(ValueError, match="at least 8 of each"):
        calibrated().check([0.5])
    with pytest.raises(ValueError, match="alpha is 2"):
        calibrated().check(np.zeros(20), alpha=2)


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [sweep, best_f1, for_precision])
@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([0.1, np.nan], [True, False], "scores has NaN"),
        ([0.1, np.inf], [True, False], r"scores has \+inf"),
        ([0.1, 0.2], [True], r"one True or False per score: shape \(2,\)"),
        ([0.1, 0.2], [2, 0], "one True or False per score"),
        (["a", "b"], [True, False], r"scores is text .*; want numbers"),
        (np.zeros((2, 3)), "diagonal", "as many rows as columns"),
        (np.zeros((2, 2, 2)), "diagonal", r"scores has shape \(2, 2, 2\); want 1-D .* or 2-D \(n, m\)"),
    ],
)
def test_bad_input_is_named(rule, scores, truth, message):
    with pytest.raises((TypeError, ValueError), match=message):
        rule(scores, truth)


@pytest.mark.parametrize(
    ("target", "delta", "name"), [(0, 0.1, "target"), (1, 0.1, "target"), (0.9, 1.5, "delta")]
)
def test_targets_are_shares(target, delta, name):
    with pytest.raises(ValueError, match=rf"{name} is .*; want a number above 0 and below 1"):
        for_precision([0.1], [True], target, delta)


def test_decoys_are_one_per_query():
    with pytest.raises(ValueError, match="scores has 2 entries and decoys 3"):
        for_fdr([0.1, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="target is 2"):
        for_fdr([0.1], [0.1], target=2)


def test_threshold_goes_into_matching_as_it_is():
    line = Threshold(0.5, "by eye", 0, 0.0, "none")
    assert len(threshold_match([[0.6, 0.4]], line)) == 1
    with pytest.raises(ValueError, match="abstained"):
        threshold_match([[0.6, 0.4]], Threshold(np.nan, "by eye", 0, 0.0, "no reason"))


def test_a_promise_about_a_pool_is_void_for_a_matching_made_anew():
    line = Threshold(0.5, "one at a time", 9, 1.0, "", pool=True)
    for match in (max_match, min_match):
        with pytest.warns(UserWarning, match="the promise is void here"):
            match([[0.6, 0.4], [0.4, 0.6]], line)
    assert len(nearest_match([[0.6, 0.4], [0.4, 0.6]], line)) == 2  # the pool itself, cut
