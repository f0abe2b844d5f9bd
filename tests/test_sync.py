"""Offsets and warping paths: against plain loops, their laws, and how often they are right on simulated recordings."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mmalign_nb.sync import (
    _best_way,
    _evidence,
    _phases,
    _pieces,
    _rolled_worths,
    best_offset,
    dtw_path,
    synchronize,
)


def plain_correlation(a, b, lag):
    """Pearson's correlation over the common frames, all features together, by a loop over frames."""
    common = [(a[t], b[t + lag]) for t in range(len(a)) if 0 <= t + lag < len(b)]
    x, y = (np.array(side, float) for side in zip(*common, strict=True))
    x, y = (x - x.mean(0)).ravel(), (y - y.mean(0)).ravel()
    return x @ y / np.sqrt((x @ x) * (y @ y))


def drifting(rng, n, keep=0.8):
    """A sequence that remembers: each frame is 0.8 of the last one and something new."""
    x = rng.normal(size=n + 50)
    for t in range(1, n + 50):
        x[t] += keep * x[t - 1]
    return x[50:]


def crops(rng, n, offset, noise):
    """Two noisy recordings of one scene; what is at frame t of a is at frame t + offset of b."""
    scene = drifting(rng, n + 2 * abs(offset) + 1)
    start = abs(offset)
    a, b = scene[start : start + n], scene[start - offset : start - offset + n]
    return tuple(x + noise * scene.std() * rng.normal(size=n) for x in (a, b))


# -- offset -----------------------------------------------------------------------------------------------------


@given(
    n=st.integers(4, 15),
    m=st.integers(4, 15),
    d=st.integers(1, 3),
    mean=st.sampled_from([0.0, 1e3]),
    overlap=st.one_of(st.integers(2, 4), st.floats(0.3, 1.0)),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40)
def test_every_score_is_the_correlation_of_the_common_frames(n, m, d, mean, overlap, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)) + mean, rng.normal(size=(m, d)) + mean
    a, b = a.astype(np.float32), b.astype(np.float32)
    found = best_offset(a, b, min_overlap=overlap, shuffles=0)
    need = overlap if isinstance(overlap, int) else max(2, int(np.ceil(overlap * min(n, m))))
    counts = {k: sum(0 <= t + k < m for t in range(n)) for k in range(-n, m)}
    assert found.offsets.tolist() == [k for k, count in counts.items() if count >= need]
    want = [plain_correlation(a, b, int(k)) for k in found.offsets]
    assert_allclose(found.scores, want, atol=1e-6)
    best = found.offsets[np.isclose(want, max(want), atol=1e-8, rtol=0)]
    assert found.offset in best
    assert found.score == pytest.approx(max(want), abs=1e-6)


@given(
    offset=st.integers(-20, 20), seed=st.integers(0, 10**6), scale=st.floats(0.1, 10), mean=st.floats(-5, 5)
)
@settings(max_examples=15)
def test_the_planted_offset_is_found(offset, seed, scale, mean):
    a, b = crops(np.random.default_rng(seed), 80, offset, noise=0)
    found = best_offset(a, scale * b + mean, rate=12.5, max_offset=30, shuffles=0)
    assert found.offset == offset
    assert found.seconds == pytest.approx(offset / 12.5)
    assert found.score == pytest.approx(1, abs=1e-5)
    assert best_offset(b, a, max_offset=30, shuffles=0).offset == -offset


@given(extra=st.integers(1, 20), seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_frames_put_before_b_add_to_the_offset(extra, seed):
    rng = np.random.default_rng(seed)
    a, b = crops(rng, 80, 5, noise=0.3)
    later = np.concatenate([rng.normal(size=extra), b])
    assert best_offset(a, later, shuffles=0).offset == best_offset(a, b, shuffles=0).offset + extra


def test_common_frames_beat_zero_padding():
    """Padding favours small offsets: more frames to add up, whatever they say."""

    def padded(a, b, reach):
        a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
        scores = np.correlate(np.pad(b, reach), a, "valid")
        return int(scores.argmax()) - reach

    wrong = {"common": 0, "padded": 0}
    runs = 200
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        offset = int(rng.integers(-40, 41))
        a, b = crops(rng, 60, offset, noise=0.5)
        wrong["common"] += best_offset(a, b, max_offset=40, min_overlap=20, shuffles=0).offset != offset
        wrong["padded"] += padded(a, b, 40) != offset
    print({name: count / runs for name, count in wrong.items()})
    assert wrong["common"] < 0.7 * wrong["padded"], wrong


def test_p_values_are_small_for_one_scene_and_spread_out_for_two():
    small = {"one": 0, "two": 0}
    for seed in range(50):
        rng = np.random.default_rng(seed)
        a, b = crops(rng, 100, int(rng.integers(-8, 9)), noise=0.5)
        small["one"] += best_offset(a, b, max_offset=10, shuffles=39).p_value <= 0.05
        small["two"] += (
            best_offset(drifting(rng, 100), drifting(rng, 100), max_offset=10, shuffles=39).p_value <= 0.05
        )
    assert small["one"] >= 46, small
    assert small["two"] <= 0.05 * 50 + 3 * np.sqrt(50 * 0.05 * 0.95), small


def test_two_slow_drifts_are_no_more_often_one_scene_than_other_strangers():
    """Pieces of the frames themselves gave 40 % false alarms for random walks: a piece forgets what a drift keeps."""
    runs, alarms, found = 100, 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        walk = np.cumsum(rng.normal(size=(3, 400)), axis=1)
        alarms += best_offset(walk[0], walk[1], max_offset=5, shuffles=19).p_value <= 0.05
        noise = 0.1 * walk[2].std() * rng.normal(size=(2, 390))
        found += (
            best_offset(walk[2, 5:395] + noise[0], walk[2, 2:392] + noise[1], shuffles=19).p_value <= 0.05
        )
    assert alarms <= 0.05 * runs + 3 * np.sqrt(runs * 0.05 * 0.95), alarms
    assert found >= 0.8 * runs, found


def test_identical_sequences_have_the_least_p_value_there_is():
    """The default searched every offset with a null of four pieces, of which one in six had kept their order: never below 0.1."""
    for make in (
        lambda r: r.normal(size=200),
        lambda r: drifting(r, 200, 0.9),
        lambda r: np.cumsum(r.normal(size=200)),
    ):
        for seed in range(1):
            x = make(np.random.default_rng(seed))
            assert best_offset(x, x).p_value <= 0.01
            assert best_offset(x[40:160], x).p_value == best_offset(x, x[40:160]).p_value <= 0.03


@pytest.mark.parametrize("kind", ["white", "0.9", "walk", "drift under noise", "smooth"])
def test_strangers_alarm_seldom_over_all_offsets(kind):
    def make(rng, n):
        if kind == "white":
            return rng.normal(size=n)
        if kind == "smooth":
            return np.convolve(rng.normal(size=n + 19), np.ones(20), "valid")
        if kind == "walk":
            return np.cumsum(rng.normal(size=n))
        x = drifting(rng, n, 0.9)
        return x + 0.5 * x.std() * rng.normal(size=n) if kind == "drift under noise" else x

    runs, alarms = 60, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        alarms += (
            best_offset(make(rng, 200), make(rng, 200 if seed % 2 else 120), shuffles=19).p_value <= 0.05
        )
    assert alarms <= 0.05 * runs + 3 * np.sqrt(runs * 0.05 * 0.95), alarms


def test_copies_keep_pieces_or_the_spectrum():
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=120), np.cumsum(rng.normal(size=120))], axis=1)
    x -= x.mean(axis=0)
    for copy in _pieces(x, 20, 5, rng):
        assert sorted(map(tuple, copy.tolist())) == sorted(map(tuple, x.tolist()))
        at = np.array([np.flatnonzero((x == row).all(axis=1))[0] for row in copy])
        seams = np.flatnonzero(np.diff(at) % 120 != 1)
        assert len(seams) == 5  # six pieces, and no two that were neighbours still are
    power = abs(np.fft.rfft(np.concatenate([x, x[::-1]]), axis=0)) ** 2
    whole = np.concatenate([x, x[::-1]])
    products = [copy.T @ copy / len(copy) for copy in _phases(x, 400, rng)]
    assert_allclose(np.mean(products, axis=0), whole.T @ whole / len(whole), atol=0.1 * power.max() / 240**2)
    beat = np.sin(np.arange(300) / 3)
    assert np.isfinite(best_offset(beat, beat, shuffles=19).p_value)


def test_a_regular_beat_is_ambiguous_and_a_single_clap_is_not():
    beat = np.tile([5.0, 1.0, 0.0, 1.0, 0.0], 40)
    steady = best_offset(beat, np.roll(beat, 2), max_offset=20)
    assert steady.margin == pytest.approx(0, abs=1e-6)
    assert steady.offset == 2  # of …, -8, -3, 2, 7, …: the nearest to none at all
    clap = np.zeros(200)
    clap[90:95] = [1, 5, 3, 2, 1]
    once = best_offset(clap, np.roll(clap, 2), max_offset=20)
    assert once.offset == 2
    assert once.margin > 0.5
    assert once.p_value > 0.1  # one clap fits every other clap somewhere: it says when, not whether


def test_tolerance_says_who_counts_as_a_rival():
    a, b = crops(np.random.default_rng(0), 200, 4, noise=0.1)
    strict, wide = (best_offset(a, b, max_offset=20, tolerance=t, shuffles=0) for t in (0, 5))
    assert strict.margin == pytest.approx(strict.score - np.sort(strict.scores)[-2])
    assert wide.margin > strict.margin
    assert np.isnan(best_offset(a, b, max_offset=3, tolerance=10, shuffles=0).margin)


def test_the_null_can_be_given_or_left_out():
    rng = np.random.default_rng(0)
    a, b = crops(rng, 100, 4, noise=0.5)
    strangers = [drifting(rng, 100 + k) for k in range(39)]
    assert best_offset(a, b, max_offset=10, null=strangers).p_value == pytest.approx(1 / 40)
    assert best_offset(a, b, max_offset=10, null=[b, *strangers]).p_value == pytest.approx(2 / 41)
    assert np.isnan(best_offset(a, b, shuffles=0).p_value)
    assert np.isnan(best_offset(a[:7], b).p_value)
    x, y = drifting(rng, 100), drifting(rng, 100)
    assert best_offset(x, y, seed=3).p_value == best_offset(x, y, seed=3).p_value
    assert {best_offset(x, y, seed=s).p_value for s in range(5)} != {best_offset(x, y, seed=0).p_value}


def test_a_stretch_in_which_nothing_happens_scores_zero():
    a = np.array([0.0, 0, 0, 0, 0, 1, 2, 1])
    found = best_offset(a, a, min_overlap=3, shuffles=0)
    assert found.scores[found.offsets == -5].item() == pytest.approx(plain_correlation(a, a, 0) * 0)
    assert found.offset == 0


def test_best_offset_refuses_bad_input_by_name():
    a = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match="a has 3 features per frame and b has 2; want the same features"):
        best_offset(a, a[:, :2])
    with pytest.raises(ValueError, match="b is constant over its 9 frames"):
        best_offset(a[:, 0], np.ones(9))
    with pytest.raises(ValueError, match="a has NaN or infinity in 20 of 20 rows"):
        best_offset(a * np.nan, a)
    with pytest.raises(ValueError, match="a is empty"):
        best_offset(a[:0], a)
    with pytest.raises(TypeError, match="a is text"):
        best_offset(["clap"], a)
    with pytest.raises(ValueError, match="no offset up to 2 leaves 3 common frames; reduce min_overlap"):
        best_offset(a[:2], a, max_offset=2, min_overlap=3)
    for bad in (0.0, 1.5, 1):
        with pytest.raises(ValueError, match="min_overlap is"):
            best_offset(a, a, min_overlap=bad)
    for bad in (0, -25, np.nan, np.inf, "25", True):
        with pytest.raises(ValueError, match="rate is .*; want frames per second, a number above 0"):
            best_offset(a, a, rate=bad)
    for bad in (-1, 1.5, None, True):
        with pytest.raises(ValueError, match="shuffles is .*; want a whole number of at least 0"):
            best_offset(a, a, shuffles=bad)
    with pytest.raises(ValueError, match="null has 2 columns; want 3"):
        best_offset(a, a, null=[a[:, :2]])


# -- warping ------------------------------------------------------------------------------------------------------


def textbook_total(cost):
    n, m = cost.shape
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            D[i, j] = cost[i - 1, j - 1] + min(D[i - 1, j - 1], D[i - 1, j], D[i, j - 1])
    return D[n, m]


def all_paths(n, m):
    """Every way from (0, 0) to (n-1, m-1)."""
    if n == 1 and m == 1:
        return [[(0, 0)]]
    before = [(n - 1, m - 1), (n - 1, m), (n, m - 1)]
    return [[*path, (n - 1, m - 1)] for i, j in before if i > 0 and j > 0 for path in all_paths(i, j)]


@given(n=st.integers(1, 12), m=st.integers(1, 12), seed=st.integers(0, 10**6), whole=st.booleans())
@settings(max_examples=60)
def test_the_path_is_a_cheapest_walk_from_corner_to_corner(n, m, seed, whole):
    rng = np.random.default_rng(seed)
    cost = (
        rng.integers(-2, 4, (n, m)).astype(float) if whole else rng.normal(size=(n, m))
    )  # with ties, without
    walk = dtw_path(cost)
    assert walk.path[0].tolist() == [0, 0]
    assert walk.path[-1].tolist() == [n - 1, m - 1]
    moves = np.diff(walk.path, axis=0)
    assert {tuple(x) for x in moves.tolist()} <= {(0, 1), (1, 0), (1, 1)}
    assert_allclose(walk.steps, cost[walk.path[:, 0], walk.path[:, 1]])
    assert walk.total == pytest.approx(walk.steps.sum())
    assert walk.total == pytest.approx(textbook_total(cost))
    if n == m:
        assert walk.total <= np.trace(cost) + 1e-9
    assert dtw_path(cost.T).total == pytest.approx(walk.total)


@given(n=st.integers(1, 5), m=st.integers(1, 5), seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_no_other_path_is_cheaper(n, m, seed):
    cost = np.random.default_rng(seed).normal(size=(n, m))
    assert dtw_path(cost).total == pytest.approx(min(sum(cost[c] for c in path) for path in all_paths(n, m)))


def test_equally_cheap_steps_are_decided_the_same_way():
    assert dtw_path(np.zeros((3, 3))).path.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert dtw_path(np.zeros((2, 4))).path.tolist() == [[0, 0], [0, 1], [0, 2], [1, 3]]


@given(slow=st.lists(st.integers(1, 4), min_size=3, max_size=12), seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_a_slowed_copy_is_followed_frame_by_frame(slow, seed):
    a = np.random.default_rng(seed).normal(size=len(slow))
    assume(len(np.unique(a)) == len(a))
    b = np.repeat(a, slow)
    walk = dtw_path(np.abs(a[:, None] - b[None, :]))
    assert walk.total == 0
    assert walk.path[:, 0].tolist() == np.repeat(np.arange(len(a)), slow).tolist()


def test_dtw_refuses_bad_input_by_name():
    with pytest.raises(ValueError, match="cost has NaN or infinity in 1 of 2 rows"):
        dtw_path([[1.0, np.nan], [0.0, 1.0]])
    for bad in (np.inf, -np.inf):  # both are refused, so neither is recommended
        with pytest.raises(
            ValueError, match=r"cost has NaN or infinity in 1 of 2 rows \(first: row 1\); want finite"
        ):
            dtw_path([[0.0, 1.0], [1.0, bad]])
    with pytest.raises(ValueError, match="cost is empty"):
        dtw_path(np.empty((0, 3)))
    with pytest.raises(ValueError, match=r"cost is 1-D with shape \(3,\); want 2-D"):
        dtw_path([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="cost is"):
        dtw_path("path")


# -- clocks -------------------------------------------------------------------------------------------------------


def claps(seed, offset=0.0, ppm=0.0, edits=(), seconds=120, rate=12, wrong=False, noise=0.1):
    """What begins to move and what begins to sound: events at random times, each clock with its own frames."""
    rng = np.random.default_rng(seed)
    n = seconds * rate
    t = np.sort(rng.uniform(0, n, seconds))
    u = np.sort(rng.uniform(0, n, seconds)) if wrong else t
    lost = np.zeros(len(u), bool)
    moved = u.copy()
    for at, jump in edits:
        lost |= (u >= at) & (u < at - jump)
        moved = moved + np.where(u >= at, jump, 0)
    moved = moved[~lost] * (1 + ppm * 1e-6) + offset
    a, b = (
        np.histogram(x, np.arange(n + 1), weights=rng.uniform(0.5, 1, len(x)))[0] + noise * rng.normal(size=n)
        for x in (t, moved)
    )
    return a, b


def clocks(a, b, **more):
    return synchronize(a, b, **{"rate": 12, "max_offset": 120, "alpha": 0.05, "copies": 99} | more)


@pytest.mark.parametrize("ppm", [0, 100, 300, -300])
def test_every_frame_is_placed_within_one(ppm):
    t = np.arange(100, 1300)
    for seed in range(4):
        a, b = claps(seed, 37.4, ppm)
        found = clocks(a, b)
        assert found.synchronous
        assert found.breaks == ()
        assert np.abs(found.at(t) - (t * (1 + ppm * 1e-6) + 37.4)).max() <= 1
        assert found.seconds == pytest.approx(found.offset / 12)
        assert found.agree.mean() > 0.4  # one or two windows in thirty would agree by chance


def test_drift_is_told_by_a_long_recording():
    errors = [clocks(*claps(seed, 5, 250, seconds=600)).ppm - 250 for seed in range(3)]
    assert np.abs(errors).max() < 60, errors
    assert abs(clocks(*claps(0, 5, 0, seconds=600)).ppm) < 60


@pytest.mark.parametrize("jump", [-40, 30])
def test_a_break_is_placed_between_its_events(jump):
    for seed in range(4):
        a, b = claps(seed, -20.2, 100, [(700, jump)])
        found = clocks(a, b)
        assert found.synchronous
        assert len(found.breaks) == 1
        assert abs(found.breaks[0].frame - 700) <= 48
        assert found.breaks[0].jump == pytest.approx(jump, abs=1)
        first, second = found.segments
        assert (first.start, second.stop) == (0, len(a))
        assert second.start - first.stop == (round(-found.breaks[0].jump) if jump < 0 else 0)
        at = found.at([300, first.stop + 1, 1100])
        assert np.isnan(at[1]) == (jump < 0)
        assert at[0] == pytest.approx(300 * 1.0001 - 20.2, abs=1)
        assert at[2] == pytest.approx((1100 + jump) * 1.0001 - 20.2, abs=1.1)


def test_two_breaks_and_a_break_to_the_old_offset():
    a, b = claps(3, 10, 0, [(500, 40), (1000, -40)])
    found = clocks(a, b)
    assert [round(x.jump / 40) for x in found.breaks] == [1, -1]
    assert found.segments[2].offset == pytest.approx(found.segments[0].offset, abs=1)


def test_strangers_are_seldom_synchronous_and_pairs_mostly():
    runs = 60
    alarms = sum(clocks(*claps(s, wrong=True, seconds=60), seed=s).synchronous for s in range(runs))
    assert alarms <= 0.05 * runs + 3 * np.sqrt(runs * 0.05 * 0.95), alarms
    found = sum(clocks(*claps(s, 12, 200, seconds=60)).synchronous for s in range(20))
    assert found >= 18, found


@pytest.mark.parametrize("kind", [1, 3, 7])
def test_the_largest_of_the_three_p_values_counts(monkeypatch, kind):
    """Neighbours share what lies on their border, so copies in which threes, and sevens, stay together must be beaten, too."""

    def worths(evidence, heard, prices, block, copies, rng):
        return np.full(copies, np.inf if block == kind else 0.0)

    monkeypatch.setattr("mmalign_nb.sync._rolled_worths", worths)
    found = clocks(*claps(0))
    assert found.p_value == 1
    assert not found.synchronous


def test_one_loud_event_does_not_outvote_the_windows():
    a, b = claps(1, 30)
    a[200], b[300] = 100, 100  # says 100; all the others say 30
    assert best_offset(a, b, max_offset=120, shuffles=0).offset == 100
    found = clocks(a, b)
    assert found.synchronous
    assert found.offset == pytest.approx(30, abs=1)


def test_a_steady_beat_is_ambiguous_and_silence_and_one_clap_are_not_synchronous():
    rng = np.random.default_rng(0)
    beat = np.tile([5.0, 1, 0, 0, 0, 0], 240)
    steady = clocks(beat, np.roll(beat, 2))
    assert steady.ambiguous
    assert not steady.synchronous
    assert steady.p_value <= 0.05
    noisy = [
        clocks(beat + 0.5 * rng.normal(size=1440), np.roll(beat, 2) + 0.5 * rng.normal(size=1440))
        for _ in range(10)
    ]
    assert sum(x.ambiguous for x in noisy) >= 8
    syncopated = beat.copy()
    syncopated[rng.integers(0, 240, 60) * 6] = 0  # some beats are left out: now there is one way only
    assert clocks(syncopated, np.roll(syncopated, 2)).synchronous
    once = np.zeros(1440)
    once[700:703] = [5, 3, 1]
    single = clocks(once, np.roll(once, 60))
    assert not single.synchronous
    assert single.p_value > 0.5
    hush = np.zeros(1440)
    hush[0] = 1  # all but constant: nothing in it can be placed
    assert clocks(claps(0)[0], hush).p_value > 0.05


@given(
    shift=st.integers(-30, 30),
    seed=st.integers(0, 10**6),
    scale=st.floats(0.01, 100),
    mean=st.floats(-10, 10),
)
@settings(max_examples=10, deadline=None)
def test_frames_put_before_b_move_the_line_and_swapping_turns_it_round(shift, seed, scale, mean):
    rng = np.random.default_rng(seed)
    scene = rng.normal(size=900)
    a, b = scene[60:840], scene[60 + shift : 840 + shift] + 0.3 * rng.normal(size=780)
    found = clocks(a, b)
    assert found.synchronous
    assert found.offset == pytest.approx(-shift, abs=0.5)
    later = np.concatenate([rng.normal(size=25), b])
    assert clocks(a, later).offset == pytest.approx(found.offset + 25, abs=0.2)
    assert clocks(scale * a + mean, b).offset == pytest.approx(found.offset, abs=1e-6)
    swapped = clocks(b, a)
    assert swapped.offset == pytest.approx(-found.offset, abs=0.5)
    assert swapped.ppm == pytest.approx(-found.ppm, abs=300)
    both = clocks(np.stack([a, np.roll(a, 5)], axis=1), np.stack([b, np.roll(b, 5)], axis=1))
    assert both.offset == pytest.approx(found.offset, abs=0.3)


def test_curves_are_the_windows_correlations_and_ranks_their_evidence():
    a, b = claps(0, 12.3)
    found = clocks(a, b, window=60, max_offset=50)
    assert found.curves.shape == (24, 101)
    assert found.offsets.tolist() == list(range(-50, 51))
    for i in (0, 7, 23):
        start = round(found.windows[i] - 29.5)
        x = a[start : start + 60]
        for k in (-50, 0, 12, 50):
            inside = start + k >= 0 and start + k + 60 <= len(b)
            got = found.curves[i, k + 50]
            if inside:
                assert got == pytest.approx(np.corrcoef(x, b[start + k : start + k + 60])[0, 1], abs=1e-8)
            else:
                assert np.isnan(got)
    row = np.array([[0.1, 0.5, np.nan, 0.5, -1.0]])
    assert_allclose(_evidence(row), [[np.log(4 / 3), np.log(2), 0, np.log(2), 0]])


@given(rows=st.integers(1, 5), columns=st.integers(1, 5), seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_no_other_way_is_worth_more(rows, columns, seed):
    rng = np.random.default_rng(seed)
    evidence, prices = rng.exponential(size=(rows, columns)), (0.4, 1.1)

    def worth(way):
        steps = np.abs(np.diff(way))
        paid = np.where(steps == 0, 0, np.where(steps == 1, min(prices), prices[1])).sum()
        return evidence[np.arange(rows), way].sum() - paid

    way, best = _best_way(evidence, prices)
    assert best == pytest.approx(worth(way))
    assert best == pytest.approx(max(worth(w) for w in itertools.product(range(columns), repeat=rows)))


def test_rolled_copies_keep_each_window_and_lose_the_line():
    rng = np.random.default_rng(0)
    evidence = np.zeros((12, 41))
    evidence[:, 7] = 3.0  # twelve windows that agree
    heard = np.ones_like(evidence, bool)
    heard[0, 30:] = False
    for block, least in ((1, 3), (3, 9)):
        worths = _rolled_worths(evidence, heard, (1.0, 100.0), block, 500, rng)
        assert worths.min() >= least  # what rolls together stays together
        assert worths.max() < 36
        assert (
            worths.mean() > 3 * least / 2 if block == 1 else worths.mean() > 9
        )  # steps of one frame let some meet


def test_synchronize_refuses_bad_input_by_name():
    a, b = claps(0)
    with pytest.raises(
        ValueError,
        match="a has 300 frames and b has 1440: 6 windows of 48 frames fit into both; want at least 8",
    ):
        clocks(a[:300], b)
    with pytest.raises(ValueError, match="0 windows of 2000 frames"):
        clocks(a, b, window=2000)
    with pytest.raises(
        ValueError, match="copies is 9, so that no p-value is below 0.1; want 1 / alpha or more"
    ):
        clocks(a, b, copies=9)
    with pytest.raises(TypeError, match="alpha"):
        synchronize(a, b, rate=12, max_offset=100)
    for name, bad in (("alpha", 0), ("alpha", 1), ("alpha", "5 %"), ("rate", 0), ("max_offset", 0), ("max_offset", 1.5), ("window", 3), ("copies", 0), ("seed", -1)):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=f"{name} is"):
            clocks(a, b, **{name: bad})
    with pytest.raises(ValueError, match="b is constant"):
        clocks(a, np.ones(1440))
    with pytest.raises(ValueError, match="a has 1 features per frame and b has 2"):
        clocks(a, np.stack([b, b], axis=1))
    with pytest.raises(ValueError, match="frames has NaN"):
        clocks(a, b).at([np.nan])
