"""Reports against scikit-learn and brute force; ties never flatter; leakage finds what was planted."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score, top_k_accuracy_score

from mmalign_nb.align import max_match, threshold_match
from mmalign_nb.evaluate import leakage, pair_report, ranking_report, retrieval_report
from mmalign_nb.similarity import hubness, modality_gap, similarity


def random_case(seed, n=8, m=11, ties=True):
    rng = np.random.default_rng(seed)
    S = rng.integers(0, 5, (n, m)) / 4 if ties else rng.random((n, m))
    truth = rng.random((n, m)) < 0.25
    truth[:, 0] |= ~truth.any(axis=1)
    return S, truth


@settings(max_examples=40)
@given(st.integers(0, 1000), st.booleans())
def test_map_is_scikit_learns(seed, ties):
    S, truth = random_case(seed, ties=ties)
    report = retrieval_report(S, truth, n_boot=0)
    expected = np.mean([average_precision_score(t, s) for t, s in zip(truth, S, strict=True)])
    assert report["a→b"]["map"] == pytest.approx(expected)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.sampled_from([1, 3, 20]))
def test_ranks_by_brute_force(seed, k):
    S, truth = random_case(seed)
    report = retrieval_report(S, truth, ks=(k,), n_boot=0)["a→b"]
    hits, recalls, firsts = [], [], []
    for s, t in zip(S, truth, strict=True):
        right = sorted(np.flatnonzero(t), key=lambda j: -s[j])  # the i-th has i - 1 right ones before it
        ranks = [i + sum(other >= s[j] for other in s[~t]) for i, j in enumerate(right, 1)]
        hits.append(min(ranks) <= k)
        recalls.append(np.mean([r <= k for r in ranks]))
        firsts.append(min(ranks))
    assert report[f"hit@{k}"] == pytest.approx(np.mean(hits))
    assert report[f"recall@{k}"] == pytest.approx(np.mean(recalls))
    assert report["mrr"] == pytest.approx(np.mean(1 / np.array(firsts)))
    assert report["median rank"] == np.median(firsts)


def test_hit_at_k_is_scikit_learns_top_k_accuracy():
    S, _ = random_case(3, 9, 9, ties=False)
    report = retrieval_report(S, "diagonal", ks=(1, 3), n_boot=0)["a→b"]
    for k in (1, 3):
        assert report[f"hit@{k}"] == pytest.approx(top_k_accuracy_score(np.arange(9), S, k=k))


def test_right_answers_that_tie_do_not_push_each_other_down():
    report = retrieval_report([[0.9, 0.9, 0.1]], [(0, 0), (0, 1)], ks=(1, 2), n_boot=0)["a→b"]
    assert (report["hit@1"], report["recall@1"], report["recall@2"]) == (1.0, 0.5, 1.0)
    assert (report["mrr"], report["map"], report["median rank"]) == (1.0, 1.0, 1.0)
    wrong = retrieval_report([[0.9, 0.9, 0.9]], [(0, 0), (0, 1)], ks=(1, 2), n_boot=0)["a→b"]
    assert (wrong["hit@1"], wrong["hit@2"], wrong["median rank"]) == (0.0, 1.0, 2.0)  # a wrong one does


def test_hit_and_recall_differ_where_there_are_two_right_answers():
    report = retrieval_report([[0.9, 0.5, 0.1]], [(0, 0), (0, 2)], ks=(1,), n_boot=0)["a→b"]
    assert report["hit@1"] == 1.0
    assert report["recall@1"] == 0.5


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_the_other_direction_is_the_transpose(seed):
    S, truth = random_case(seed, 8, 8)
    truth[0] |= ~truth.any(axis=0)
    forth, back = (retrieval_report(*x, n_boot=0) for x in ((S, truth), (S.T, truth.T)))
    assert forth["b→a"] == back["a→b"]
    assert forth.hubness["b→a"] == back.hubness["a→b"]


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_order_of_items_changes_nothing(seed):
    S, truth = random_case(seed)
    rng = np.random.default_rng(seed)
    i, j = rng.permutation(8), rng.permutation(11)
    a = retrieval_report(S, truth, n_boot=0)
    b = retrieval_report(S[i][:, j], truth[i][:, j], n_boot=0)
    for direction in ("a→b", "b→a"):
        assert a[direction] == pytest.approx(b[direction])


def test_constant_scores_are_never_flattering():
    report = retrieval_report(np.ones((20, 20)), "diagonal", n_boot=0)
    for direction in ("a→b", "b→a"):
        for name in ("hit@1", "hit@5", "hit@10", "mrr", "map"):
            measure = report.measures[direction][name]
            assert measure.value <= measure.chance + 1e-12, name


@pytest.mark.parametrize("g", [1, 2, 4])
def test_chance_is_the_mean_over_all_orders(g):
    m = 6
    right = np.arange(m) < g
    orders = [np.array(p) for p in itertools.permutations(range(m))]
    S = np.array([-np.argsort(o).astype(float) for o in orders])
    report = retrieval_report(S, np.tile(right, (len(S), 1)), ks=(1, 3), n_boot=0)
    for name, measure in report.measures["a→b"].items():
        assert measure.value == pytest.approx(measure.chance), name


def test_embeddings_in_blocks_are_the_matrix(monkeypatch):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(30, 5)).astype(np.float32), rng.normal(size=(40, 5)).astype(np.float32)
    labels = rng.integers(0, 4, 30), rng.integers(0, 4, 40)
    monkeypatch.setattr("mmalign_nb.similarity.Scores.blocks.__defaults__", (100,))
    in_blocks = retrieval_report((A, B), labels)
    dense = retrieval_report(similarity(A, B), labels)
    assert in_blocks.measures == dense.measures
    assert in_blocks.hubness == dense.hubness
    assert in_blocks.hubness["a→b"] == hubness(similarity(A, B)).skewness
    assert in_blocks.gap == pytest.approx(modality_gap(A, B))
    assert dense.gap is None


def test_intervals_cover_and_are_repeatable():
    S, truth = random_case(1, 60, 60)
    one, two = (retrieval_report(S, truth, seed=5) for _ in range(2))
    assert one.measures == two.measures
    for m in one.measures["a→b"].values():
        assert m.low <= m.value <= m.high
    assert retrieval_report(S, truth, seed=6).measures != one.measures
    diag = retrieval_report(S + np.eye(60) * 0.3, "diagonal", n_boot=2000).measures["a→b"]["hit@1"]
    spread = np.sqrt(diag.value * (1 - diag.value) / 60) * 1.96
    assert diag.high - diag.low == pytest.approx(2 * spread, abs=0.05)


def test_queries_without_a_right_answer_do_not_count():
    report = retrieval_report([[0.9, 0.1], [0.2, 0.1], [0.3, 0.4]], [(0, 0), (2, 1)], n_boot=0)
    assert report.queries == {"a→b": 2, "b→a": 2}
    assert report["a→b"]["hit@1"] == 1.0


def test_report_reads_as_a_table():
    report = retrieval_report(np.eye(12), "diagonal")
    assert report.to_frame().columns.tolist() == ["direction", "measure", "value", "low", "high", "chance"]
    assert "hit@10" in repr(report)
    assert repr(report) == repr(retrieval_report(np.eye(12), "diagonal"))
    with pytest.raises(KeyError, match="known: 'a→b', 'b→a'"):
        report["a->b"]


@pytest.mark.parametrize(
    ("scores", "truth", "options", "message"),
    [
        (np.eye(3), [], {}, "no right answer for any query"),
        (np.eye(3), "diagonal", {"ks": (0,)}, "ks is"),
        (np.eye(3), "diagonal", {"ks": ()}, "ks is"),
        ((np.eye(3),), "diagonal", {}, r"scores has shape \(1, 3, 3\); want 2-D"),
        (np.full((2, 2), np.nan), "diagonal", {}, "NaN in 2 of 2 rows"),
        ((np.zeros((2, 2)), np.eye(2)), "diagonal", {}, "zero vectors in 2 of 2 rows"),
        ((np.eye(3), np.eye(3)[:2]), "diagonal", {}, "as many rows as columns"),
    ],
)
def test_bad_input_is_named(scores, truth, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        retrieval_report(scores, truth, **options)


# --- pairs ------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_pair_report_counts(seed, line):
    S, truth = random_case(seed)
    found = threshold_match(S, line)
    report = pair_report(found, truth)
    keep = line <= S
    assert (report.tp, report.fp, report.fn) == (
        (keep & truth).sum(),
        (keep & ~truth).sum(),
        (~keep & truth).sum(),
    )
    assert report.chance_precision == pytest.approx(truth.mean())
    for value, (low, high) in (
        (report.precision, report.precision_interval),
        (report.recall, report.recall_interval),
    ):
        assert np.isnan(value) or low <= value <= high


def test_pair_report_of_nothing():
    report = pair_report(threshold_match(np.zeros((2, 2)), 0.5), "diagonal")
    assert np.isnan(report.precision)
    assert report.recall == 0.0
    assert report.precision_interval == (0.0, 1.0)
    assert report.to_frame().index.tolist() == ["precision", "recall", "f1"]


def test_pair_report_wants_matches():
    with pytest.raises(TypeError, match="matches is .*; want Matches"):
        pair_report(np.eye(2), "diagonal")
    with pytest.raises(ValueError, match="truth"):
        pair_report(max_match(np.eye(2)), ([0, 1], [0]))


# --- leakage ----------------------------------------------------------------------------------------------


def test_planted_copies_are_found():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(50, 8)), rng.normal(size=(20, 8))
    test[3] = train[7]
    test[5] = train[9] * 2 + rng.normal(size=8) * 1e-3
    found = leakage(train, test, threshold=0.999)
    assert found.exact.tolist() == [[7, 3]]
    assert found.near.tolist() == [[7, 3], [9, 5]]
    S = similarity(train, test)
    assert found.nearest == pytest.approx(S.max(axis=0), abs=1e-6)
    within = similarity(train, train)
    np.fill_diagonal(within, -1)
    assert found.within == pytest.approx(within.max(axis=1), abs=1e-6)


def test_copies_within_training_are_not_taken_for_the_row_itself():
    train = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert leakage(train, [[1.0, 1.0]]).within.tolist() == pytest.approx([1.0, 1.0, 0.0])


def test_without_a_line_nothing_is_called_near():
    assert len(leakage(np.eye(3), np.eye(3)).near) == 0
    assert len(leakage(np.eye(3), np.eye(3)).exact) == 3


def test_text_and_pictures():
    assert leakage(["A  cat", "dog"], ["a cat", "frog", "A CAT"]).exact.tolist() == [[0, 0], [0, 2]]
    pictures = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    assert leakage(pictures, pictures[1:]).exact.tolist() == [[1, 0]]
    assert "1 exact duplicates, 100.0% of 1 test items" in repr(leakage(pictures, pictures[1:]))


@pytest.mark.parametrize(
    ("train", "test", "threshold", "message"),
    [
        (["a"], ["a"], 0.9, "text has no cosine"),
        (np.eye(2), np.eye(3), None, "one kind and size"),
        (np.eye(2), np.zeros((1, 2)), None, "test has zero vectors"),
        (np.eye(2)[0], np.eye(2)[1], None, "1-D"),
    ],
)
def test_bad_splits_are_named(train, test, threshold, message):
    with pytest.raises((TypeError, ValueError), match=message):
        leakage(train, test, threshold=threshold)


def test_pair_report_says_how_many_pairs_order_alone_decided():
    report = pair_report(max_match(np.ones((5, 5))), "diagonal")
    assert report.tied == 5
    assert "5 of the pairs tied, decided by order alone" in repr(report)
    assert "tied" not in repr(pair_report(max_match(np.random.default_rng(0).random((5, 5))), "diagonal"))


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "manhattan"])
def test_report_of_embeddings_is_that_of_their_scores(metric):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 30, 5)).astype(np.float32)
    ours = retrieval_report((A, B), "diagonal", metric=metric)
    theirs = retrieval_report(similarity(A, B, metric), "diagonal")
    assert ours.measures == theirs.measures
    assert ours.hubness == pytest.approx(theirs.hubness)
    assert ours.gap == pytest.approx(modality_gap(A, B))


def test_report_of_packed_bits_and_of_zero_rows_has_no_gap():
    bits = np.random.default_rng(0).integers(0, 256, (20, 8), dtype=np.uint8)
    report = retrieval_report((bits, bits), "diagonal", metric="hamming", n_boot=0)
    assert report["a→b"]["hit@1"] == 1.0
    assert report.gap is None
    points = np.arange(10.0)[:, None]  # the first is the origin: a place, though no direction
    report = retrieval_report((points, points), "diagonal", metric="euclidean", n_boot=0)
    assert report["a→b"]["hit@1"] == 1.0
    assert report.gap is None


@pytest.mark.parametrize(
    ("more", "says"), [({"confidence": 1.5}, "confidence is 1.5"), ({"n_boot": -1}, "n_boot is -1")]
)
def test_report_refuses_what_makes_no_interval(more, says):
    with pytest.raises(ValueError, match=says):
        retrieval_report(np.eye(3), "diagonal", **more)
    if "confidence" in more:
        with pytest.raises(ValueError, match=says):
            pair_report(max_match(np.eye(3)), "diagonal", **more)


# --- groups ---------------------------------------------------------------------------------------------------


def grouped_hits(rng, groups, size, share):
    """A matrix in which the queries of a group all find their item, or all miss it."""
    right = np.repeat(rng.random(groups) < share, size)
    return np.where(right, 1.0, -1.0)[:, None] * [1, -1], np.tile([True, False], (groups * size, 1))


@pytest.mark.parametrize(("share", "count"), [(0.6, 20), (0.95, 12)])
def test_intervals_hold_when_whole_groups_are_drawn(share, count):
    """Of twelve groups, of which one in twenty is wrong, mostly all are right: the interval must not end there."""
    rng = np.random.default_rng(0)
    outside = {"given": 0, "not given": 0}
    for run in range(60):
        scores, truth = grouped_hits(rng, count, 10, share)
        for name, groups in (("not given", None), ("given", (np.arange(10 * count) // 10, None))):
            found = retrieval_report(scores, truth, ks=(1,), n_boot=100, seed=run, groups=groups)
            hit = found.measures["a→b"]["hit@1"]
            assert hit.low <= hit.value <= hit.high
            outside[name] += not hit.low <= share <= hit.high
    assert outside["given"] <= 60 * 0.05 + 3 * np.sqrt(60 * 0.05 * 0.95), outside
    assert outside["not given"] > 20, outside


def test_groups_are_labels_of_either_side():
    S = np.random.default_rng(1).random((30, 30)) + 0.3 * np.eye(30)
    labels = np.arange(30) // 3
    plain, both, one = (retrieval_report(S, "diagonal", groups=g) for g in (None, labels, (labels, None)))
    assert both["a→b"] == plain["a→b"]  # the values stay, the intervals move
    assert both.measures["a→b"] == one.measures["a→b"] != plain.measures["a→b"]
    with pytest.raises(ValueError, match="groups of side a has 2 labels; want 30, one per item"):
        retrieval_report(S, "diagonal", groups=["x", "y"])
    alone = retrieval_report(S, "diagonal", groups=[None] * 30).measures["a→b"]["mrr"]
    assert alone.low <= plain.measures["a→b"]["mrr"].low + 0.05


# --- lists of recommendations ---------------------------------------------------------------------------------


def same_measures(a, b):
    return all(np.allclose(a.measures[k], b.measures[k], equal_nan=True) for k in (*a.measures, *b.measures))


def graded_case(seed, ties=False):
    S, truth = random_case(seed, ties=ties)
    return S, truth, np.random.default_rng(seed).integers(1, 5, S.shape).astype(float)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.sampled_from([1, 3, 11, 20]), st.booleans())
def test_ndcg_is_scikit_learns(seed, k, graded):
    S, truth, gains = graded_case(seed)
    report = ranking_report(S, truth, ks=(k,), gains=gains if graded else None, n_boot=0)
    worth = truth * gains if graded else truth.astype(float)
    assert report[f"ndcg@{k}"] == pytest.approx(ndcg_score(worth, S, k=k))
    assert report.per_user[f"ndcg@{k}"][0] == pytest.approx(ndcg_score(worth[:1], S[:1], k=k))


@pytest.mark.parametrize("seed", range(6))
def test_a_tie_is_as_bad_as_the_worst_order_of_its_items(seed):
    """Every order of tied items is tried: nDCG and hit@k are the worst, coverage is what all orders cover."""
    rng = np.random.default_rng(seed)
    S, gains = rng.integers(0, 3, (4, 6)).astype(float), rng.integers(0, 4, (4, 6)).astype(float)
    gains[:, 0] = 1
    report = ranking_report(S, gains > 0, ks=(2,), gains=np.maximum(gains, 1), n_boot=0)
    discount, covered = 1 / np.log2([2, 3]), np.zeros(6, bool)
    for user in range(4):
        orders = [o for o in itertools.permutations(range(6)) if (np.diff(S[user, list(o)]) <= 0).all()]
        tops = [list(o[:2]) for o in orders]
        worst = min(gains[user, top] @ discount for top in tops) / (np.sort(gains[user])[::-1][:2] @ discount)
        assert report.per_user["ndcg@2"][user] == pytest.approx(worst)
        assert report.per_user["hit@2"][user] == min(gains[user, top].any() for top in tops)
        covered[list(set.intersection(*map(set, tops)))] = True
    assert report["coverage@2"] == covered.mean()


@pytest.mark.parametrize("value", [0.0, -2.5, 7.0])
def test_a_method_that_knows_nothing_gets_nothing(value):
    report = ranking_report(np.full((20, 30), value), np.eye(20, 30, dtype=bool), ks=(1, 5), n_boot=0)
    assert all(m.value == 0 < m.chance for m in report.measures.values())


@settings(max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([1, 4]))
def test_what_was_seen_is_in_no_list(seed, k):
    """The report is that of each user alone, over the columns that this user has not seen."""
    S, truth, gains = graded_case(seed)
    seen = (np.random.default_rng(seed).random(S.shape) < 0.4) & ~truth
    report = ranking_report(S, truth, ks=(k,), gains=gains, seen=seen, n_boot=0)
    hit, ndcg, covered, tops = [], [], set(), np.argsort(np.where(seen, np.inf, -S), axis=1)
    for u in np.flatnonzero(truth.any(axis=1)):
        left = np.flatnonzero(~seen[u])
        top = [j for j in tops[u, :k] if j in left]
        hit.append(truth[u, top].any())
        worth = (truth * gains)[u, left][None]
        ndcg.append(ndcg_score(worth, S[u, left][None], k=k) if len(left) > 1 else 1.0)
    for u in range(len(S)):
        covered |= set(tops[u, : min(k, (~seen[u]).sum())].tolist())
    assert report[f"hit@{k}"] == pytest.approx(np.mean(hit))
    assert report[f"ndcg@{k}"] == pytest.approx(np.mean(ndcg))
    assert report[f"coverage@{k}"] == len(covered) / S.shape[1]
    pairs = ranking_report(S, truth, ks=(k,), gains=gains, seen=np.argwhere(seen), n_boot=0)
    assert same_measures(pairs, report)


def test_never_means_in_no_list():
    S = np.array([[0.9, -np.inf, -np.inf, 0.1], [0.5, 0.4, 0.3, 0.2]])
    report = ranking_report(S, [(0, 1), (1, 1)], ks=(3,), n_boot=0)
    assert report.per_user["hit@3"].tolist() == [0.0, 1.0]
    assert ranking_report(S[:1], [(0, 1)], ks=(4,), n_boot=0)["coverage@4"] == 0.5


def test_chance_of_lists_is_the_mean_over_all_orders():
    gains = np.array([3.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    orders = np.array([*itertools.permutations(range(6))])
    S = -np.argsort(orders, axis=1).astype(float)
    seen = np.zeros(S.shape, bool)
    seen[:, 5] = True
    worth = np.tile(gains, (len(S), 1))
    report = ranking_report(S, worth > 0, ks=(1, 3), gains=np.maximum(worth, 1), seen=seen, n_boot=0)
    for name in report.per_user:
        assert report[name] == pytest.approx(report.measures[name].chance), name


def test_chance_of_coverage_is_the_mean_over_random_lists():
    rng = np.random.default_rng(0)
    seen = rng.random((5, 12)) < 0.3
    seen[:, 0] = False
    truth = np.zeros((5, 12), bool)
    truth[:, 0] = True
    runs = [ranking_report(rng.random((5, 12)), truth, ks=(2,), seen=seen, n_boot=0) for _ in range(2000)]
    mean, chance = np.mean([r["coverage@2"] for r in runs]), runs[0].measures["coverage@2"].chance
    assert abs(mean - chance) < 4 * np.std([r["coverage@2"] for r in runs]) / 2000**0.5


def test_lists_of_embeddings_in_blocks_are_those_of_the_matrix(monkeypatch):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(30, 5)), rng.normal(size=(40, 5))
    truth, seen = rng.random((2, 30, 40)) < 0.1
    monkeypatch.setattr("mmalign_nb.similarity.Scores.blocks.__defaults__", (100,))
    in_blocks = ranking_report((A, B), truth & ~seen, seen=seen)
    dense = ranking_report(similarity(A, B), truth & ~seen, seen=seen)
    assert same_measures(in_blocks, dense)


def test_paired_intervals_are_of_differences():
    """Two methods that differ by the same for every user: each interval is wide, that of the difference is a point."""
    S = np.random.default_rng(0).random((40, 60))
    a = ranking_report(S, np.eye(40, 60, dtype=bool), ks=(20,))
    b = ranking_report(S, np.eye(40, 60, dtype=bool), ks=(20,), seed=3)
    assert a.measures["hit@20"].high - a.measures["hit@20"].low > 0.1
    assert a.minus(b)["hit@20"] == (0, 0, 0, 0)
    c = ranking_report(S + np.eye(40, 60), np.eye(40, 60, dtype=bool), ks=(20,))
    less = c.minus(a)["ndcg@20"]
    rng = np.random.default_rng(0)  # the bootstrap by brute force, over the differences
    gap = c.per_user["ndcg@20"] - a.per_user["ndcg@20"]
    means = [gap[rng.integers(0, 40, 40)].mean() for _ in range(4000)]
    assert less.value == pytest.approx(gap.mean())
    assert (less.low, less.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.02)
    with pytest.raises(ValueError, match="other is about 39 users and hit@20, ndcg@20; want the same 40"):
        a.minus(
            ranking_report(
                S, np.eye(40, 60, dtype=bool)[:, ::-1][:, ::-1] & (np.arange(40) > 0)[:, None], ks=(20,)
            )
        )
    with pytest.raises(TypeError, match="other is"):
        a.minus(0.5)


def test_users_without_a_right_item_do_not_count():
    report = ranking_report(np.eye(4), [(0, 0), (2, 1)], ks=(1,))
    assert report.users.tolist() == [0, 2]
    assert (report["hit@1"], report["coverage@1"]) == (0.5, 1.0)  # but they do get a list
    assert repr(report) == repr(ranking_report(np.eye(4), [(0, 0), (2, 1)], ks=(1,)))
    assert report.to_frame().shape == (3, 5)
    with pytest.raises(KeyError, match="'mrr'; known: 'hit@1', 'ndcg@1', 'coverage@1'"):
        report["mrr"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"seen": [(0, 0)]}, r"seen has the pair \(0, 0\), which truth calls right"),
        ({"seen": [(0, 9)]}, "seen has pairs outside 3 × 3"),
        ({"gains": np.zeros((3, 3))}, r"gains is 0 at \(0, 0\), which truth calls right; want it above 0"),
        ({"gains": np.ones((3, 2))}, r"gains has shape \(3, 2\); want \(3, 3\)"),
        ({"ks": ()}, r"ks is \(\)"),
        ({"ks": (0,)}, "an entry of ks is 0"),
        ({"truth": np.zeros((3, 3), bool)}, "truth has no right item for any user"),
    ],
)
def test_lists_refuse_what_makes_no_sense(more, says):
    with pytest.raises(ValueError, match=says):
        ranking_report(**{"scores": np.eye(3), "truth": "diagonal", **more})
