"""The search kernel: brute force in float64 is the reference, and small tiles make every edge a common case."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_info, threadpool_limits

from mmalign_nb.similarity import _topk
from mmalign_nb.similarity._rows import BY_DIFFERENCES, METRICS, as_sides
from mmalign_nb.similarity._topk import Gallery, Rivals, above, top_k, top_k_of

# SciPy's names of the measures.
NAMES = {"cosine": "cosine", "euclidean": "euclidean", "hamming": "hamming"} | {
    k: v[0] for k, v in BY_DIFFERENCES.items()
}


def brute(A, B, metric):
    """All scores by SciPy or a plain product in float64, rounded once."""
    A, B = np.asarray(A, np.float64), np.asarray(B, np.float64)
    if metric == "dot":
        return (A @ B.T).astype(np.float32)
    scores = 0 - cdist(A, B, NAMES[metric]) * (A.shape[1] if metric == "hamming" else 1)
    return (scores + (metric == "cosine")).astype(np.float32)


def ranked(S, k):
    order = np.argsort(-S, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(S, order, 1)


def vectors(n, d, seed, metric="cosine"):
    x = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return x > 0 if metric == "hamming" else x


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(_topk, "QUERIES", 24)
    monkeypatch.setattr(_topk, "ITEMS", 64)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("n", "m", "k"), [(1, 1, 1), (3, 700, 5), (17, 63, 63), (60, 500, 10), (200, 65, 7), (49, 900, 130)]
)
@pytest.mark.usefixtures("small_tiles")
def test_equals_brute_force(metric, n, m, k):
    A, B = vectors(n, 12, 0, metric), vectors(m, 12, 1, metric)
    ids, scores = top_k(A, B, k, metric)
    # SciPy's own rounding differs in the last place, so ids are asked for where scores are apart.
    S = brute(A, B, metric)
    _, want_scores = ranked(S, k)
    assert (ids.dtype, scores.dtype, ids.shape) == (np.int64, np.float32, (n, k))
    np.testing.assert_allclose(scores, want_scores, rtol=3e-7, atol=3e-7)
    np.testing.assert_allclose(np.take_along_axis(S, ids, 1), want_scores, rtol=3e-7, atol=3e-7)
    assert all(len(set(row)) == k for row in ids.tolist())


def test_equals_brute_force_with_full_tiles():
    A, B = vectors(600, 24, 0), vectors(5000, 24, 1)
    for metric in ("cosine", "dot", "euclidean"):
        ids, scores = top_k(A, B, 10, metric)
        want_ids, want = ranked(brute(A, B, metric), 10)
        np.testing.assert_allclose(scores, want, rtol=3e-7)
        assert (ids == want_ids).mean() > 0.9999


whole = arrays(np.int8, st.tuples(st.integers(1, 90), st.just(3)), elements=st.integers(-2, 2))


@given(A=whole, B=whole, k=st.integers(1, 12), metric=st.sampled_from(("dot", "euclidean", "manhattan")))
@settings(max_examples=60)
def test_ties_go_to_the_lowest_row(A, B, k, metric):
    """Small whole numbers: products are exact, ties are everywhere, and the answer is still one and only one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_topk, "ITEMS", 16)
        patch.setattr(_topk, "QUERIES", 8)
        ids, scores = top_k(A.astype(np.float32), B.astype(np.float32), k, metric)
    want_ids, want = ranked(brute(A, B, metric), k)
    np.testing.assert_array_equal(ids, want_ids)
    np.testing.assert_array_equal(scores, want)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.usefixtures("small_tiles")
def test_when_everything_ties_the_first_rows_win(metric):
    """No pruning can help here; it must neither fail nor answer otherwise."""
    B = np.tile(vectors(1, 8, 0, metric), (1000, 1))
    ids, scores = top_k(np.repeat(B[:1], 30, axis=0), B, 5, metric)
    assert (ids == np.arange(5)).all()
    assert (scores == scores[0, 0]).all()


@pytest.mark.usefixtures("small_tiles")
def test_ties_do_not_fill_the_memory():
    A = np.ones((24, 2))
    tracemalloc.start()
    try:
        top_k(A, np.ones((50_000, 2)), 5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6


@pytest.mark.usefixtures("small_tiles")
def test_duplicates_tie_wherever_they_stand():
    """A float32 product may round equal rows differently at the edge of a tile; the answer must not show it."""
    B = np.tile(vectors(60, 33, 3), (20, 1))  # item j stands at j, j + 60, j + 120, …
    A = vectors(30, 33, 4)
    ids, scores = top_k(A, B, 20)
    assert (scores == scores[:, :1]).all()
    assert (ids == ids[:, :1] + 60 * np.arange(20)).all()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_permuting_rows_permutes_the_result(seed):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((40, 5)), rng.standard_normal((90, 5))
    p, q = rng.permutation(40), rng.permutation(90)
    ids, scores = top_k(A, B, 4)
    ids_p, scores_p = top_k(A[p], B[q], 4)
    np.testing.assert_array_equal(scores_p, scores[p])
    np.testing.assert_array_equal(q[ids_p], ids[p])


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.usefixtures("small_tiles")
def test_items_that_get_better_and_better(metric):
    """The worst order for pruning: each tile beats all before it."""
    A = np.abs(vectors(30, 6, 0))
    B = vectors(1, 6, 9) * 0.01 + A[0] * np.linspace(0.05, 1, 1500)[:, None]
    scores = top_k(A, B, 8, metric)[1]
    np.testing.assert_allclose(scores, ranked(brute(A, B, metric), 8)[1], rtol=1e-6)


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
@pytest.mark.usefixtures("small_tiles")
def test_euclidean_far_from_the_origin(offset):
    """|a|² + |b|² - 2ab in float32 would return noise here."""
    A, B = (vectors(40, 8, s) + np.float32(offset) for s in (0, 1))
    ids, scores = top_k(A, np.concatenate([B, A]), 3, "euclidean")
    assert (scores[:, 0] == 0).all()
    assert (ids[:, 0] == len(B) + np.arange(40)).all()
    np.testing.assert_allclose(scores, ranked(brute(A, np.concatenate([B, A]), "euclidean"), 3)[1], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e-17, 1e17])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.usefixtures("small_tiles")
def test_tiny_and_huge_numbers(scale, metric):
    A, B = vectors(30, 6, 0), vectors(300, 6, 1)
    scale = np.float32(scale)
    ids, scores = top_k(A * scale, B * scale, 4, metric)
    want = ranked(brute(A * scale, B * scale, metric), 4)
    np.testing.assert_allclose(scores, want[1], rtol=1e-6)
    assert (ids == want[0]).mean() > 0.99


@pytest.mark.parametrize("metric", ["dot", "euclidean"])
@pytest.mark.usefixtures("small_tiles")
def test_rows_alike_to_the_last_digit(metric):
    """float32 products put such rows in any order; scores are right all the same."""
    rng = np.random.default_rng(0)
    B = (vectors(1, 40, 3) * (1 + rng.integers(-1, 2, (500, 40)) * 2.0**-23)).astype(np.float32)
    A = vectors(50, 40, 4)
    np.testing.assert_array_equal(top_k(A, B, 7, metric)[1], ranked(brute(A, B, metric), 7)[1])


@pytest.mark.usefixtures("small_tiles")
def test_better_by_one_last_digit_is_better():
    """Numbers from 2 downwards, each the next one that float32 has: the last is the nearest to 0."""
    B = (2 - np.arange(1, 500) * 2.0**-23).astype(np.float32)[:, None]
    assert top_k([[0.0]], B, 3, "manhattan")[0].tolist() == [[498, 497, 496]]


@pytest.mark.usefixtures("small_tiles")
def test_one_huge_item_does_not_blur_the_others():
    A, B = vectors(30, 6, 0), vectors(300, 6, 1)
    B[77] *= 1e9
    ids, _ = top_k(A, B, 4, "dot")
    np.testing.assert_array_equal(ids, ranked(brute(A, B, "dot"), 4)[0])


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.usefixtures("small_tiles")
def test_sparse_equals_dense(metric):
    A, B = (np.where(np.abs(v) > 1, v, 0) for v in (vectors(40, 20, 0), vectors(300, 20, 1)))
    A, B = A[np.abs(A).sum(1) > 0], B[np.abs(B).sum(1) > 0]
    dense = top_k(A, B, 6, metric)
    for a, b in ((sp.csr_array(A), sp.csr_matrix(B)), (A, sp.csr_array(B)), (sp.csr_matrix(A), B)):
        ids, scores = top_k(a, b, 6, metric)
        np.testing.assert_array_equal(ids, dense[0])
        np.testing.assert_array_equal(scores, dense[1])


def test_k_beyond_the_gallery_gives_all_of_it():
    ids, scores = top_k(vectors(3, 4, 0), vectors(5, 4, 1), 10)
    assert ids.shape == scores.shape == (3, 5)
    assert (np.sort(ids, axis=1) == np.arange(5)).all()


def test_nothing_to_search():
    assert top_k(np.empty((0, 4)), vectors(5, 4, 1), 3)[0].shape == (0, 3)
    assert top_k(vectors(5, 4, 1), np.empty((0, 4)), 3)[1].shape == (5, 0)
    assert list(above(vectors(5, 4, 1), np.empty((0, 4)), 0.5)) == []


@pytest.mark.parametrize("k", [0, -1, 2.0, True, None])
def test_bad_k(k):
    with pytest.raises(ValueError, match=r"k is .*; want a whole number of at least 1"):
        top_k(vectors(3, 4, 0), vectors(5, 4, 1), k)


def test_bad_rows():
    A, B = vectors(3, 4, 0), vectors(5, 4, 1)
    with pytest.raises(ValueError, match="B has 5 columns; want 4"):
        top_k(A, vectors(5, 5, 1), 2)
    with pytest.raises(ValueError, match=r"A has zero vectors in 1 of 3 rows \(first: row 1\)"):
        top_k(A * [[1], [0], [1]], B, 2)
    with pytest.raises(ValueError, match=r"B has zero vectors in 1 of 5 rows \(first: row 0\)"):
        top_k(A, B * [[0], [1], [1], [1], [1]], 2)
    with pytest.raises(ValueError, match="B has NaN or infinity in 5 of 5 rows"):
        top_k(A, B * np.nan, 2)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.usefixtures("small_tiles")
def test_above_equals_dense(metric, share):
    """The threshold is itself a score, so the last pair stands exactly on it."""
    A, B = vectors(70, 9, 0, metric), vectors(300, 9, 1, metric)
    S = top_k(A, B, 300, metric)
    dense = np.empty((70, 300), np.float32)
    np.put_along_axis(dense, *S, axis=1)
    threshold = float(np.quantile(dense, 1 - share, method="higher"))
    found = list(above(A, B, threshold, metric))
    i, j, scores = (np.concatenate(x) for x in zip(*found, strict=True))
    want_i, want_j = np.nonzero(dense >= np.float32(threshold))
    np.testing.assert_array_equal(i, want_i)
    np.testing.assert_array_equal(j, want_j)
    np.testing.assert_array_equal(scores, dense[i, j])
    assert len(found) > 1, "one block for all would prove nothing"
    np.testing.assert_allclose(scores, brute(A, B, metric)[i, j], rtol=3e-7, atol=3e-7)


@pytest.mark.usefixtures("small_tiles")
def test_above_from_far_away():
    """Where the query is far from all, |a|² drowns everything else."""
    A, B = vectors(30, 9, 0) + np.float32(1e6), vectors(300, 9, 1)
    S = brute(A, B, "euclidean")
    for threshold in np.quantile(S, [0.01, 0.3, 0.9], method="nearest"):
        i, j, _ = (np.concatenate(x) for x in zip(*above(A, B, float(threshold), "euclidean"), strict=True))
        want = np.nonzero(threshold <= S)
        assert list(zip(i, j, strict=True)) == list(zip(*want, strict=True))


def test_above_keeps_identical_pairs_at_exactly_one():
    A = vectors(200, 37, 0)
    i, j, scores = next(above(A, 3 * A, 1.0))
    np.testing.assert_array_equal(i, np.arange(200))
    np.testing.assert_array_equal(j, i)
    assert (scores == 1).all()


@pytest.mark.parametrize("metric", METRICS)
def test_above_at_infinity(metric):
    A, B = vectors(20, 9, 0, metric), vectors(30, 9, 1, metric)
    assert sum(len(i) for i, _, _ in above(A, B, -np.inf, metric)) == 600
    assert sum(len(i) for i, _, _ in above(A, B, np.inf, metric)) == 0
    with pytest.raises(ValueError, match="threshold is NaN"):
        list(above(A, B, float("nan"), metric))


def test_no_distance_is_negative():
    assert sum(len(i) for i, _, _ in above(vectors(20, 9, 0), vectors(20, 9, 0), 1e-30, "euclidean")) == 0
    assert sum(len(i) for i, _, _ in above(vectors(20, 9, 0), vectors(20, 9, 0), 0.0, "euclidean")) == 20


@pytest.mark.parametrize("search", ["top_k", "above"])
def test_the_matrix_is_never_built(search):
    A, B = vectors(6000, 8, 0), vectors(6000, 8, 1)  # 144 MB of scores
    tracemalloc.start()
    try:
        found = top_k(A, B, 10) if search == "top_k" else list(above(A, B, 0.97))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found[0])
    assert peak < 60e6


def test_threads_and_blocks_do_not_change_the_answer():
    A, B = vectors(1200, 16, 0), vectors(5000, 16, 1)
    with threadpool_limits(1):
        alone = top_k(A, B, 5)
    with threadpool_limits(2):
        ids, scores = top_k(A, B, 5)
    piece = top_k(A[100:101], B, 5)
    np.testing.assert_array_equal(ids, alone[0])
    np.testing.assert_array_equal(scores, alone[1])
    np.testing.assert_array_equal(piece[1], scores[100:101])


def test_blas_gets_its_threads_back():
    def threads():
        return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]

    with threadpool_limits(2):
        before = threads()
        assert before
        A = vectors(5000, 4, 0)
        top_k(A, A, 3)
        assert threads() == before
        scan = above(A, A, 0.9)
        next(scan)  # and while somebody holds a block
        assert threads() == before
        scan.close()
        assert threads() == before


def test_a_prepared_gallery_is_no_copy_and_answers_alike():
    A, B = vectors(30, 6, 0), vectors(300, 6, 1)
    a, b = as_sides(A, B, "cosine")
    gallery = Gallery(b, "cosine")
    assert gallery.rows is b
    np.testing.assert_array_equal(top_k(a, gallery, 4, "cosine")[0], top_k(A, B, 4)[0])


@given(
    S=arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.integers(-2, 2)),
    k=st.integers(1, 14),
)
@settings(max_examples=60)
def test_top_k_of_a_matrix(S, k):
    ids, scores = top_k_of(S, k)
    want_ids, want = ranked(S, k)
    np.testing.assert_array_equal(ids, want_ids)
    np.testing.assert_array_equal(scores, want)


def test_top_k_of_a_matrix_with_forbidden_pairs():
    ids, scores = top_k_of(np.array([[-np.inf, 1.0, -np.inf], [-np.inf] * 3]), 2)
    assert ids.tolist() == [[1, 0], [0, 1]]
    assert scores.tolist() == [[1, -np.inf], [-np.inf, -np.inf]]


# --- rivals: the best two of each row and each column, from the same pass ---------------------------------------------


def second_best(S):
    """For each entry of a matrix the best other in its row or its column, by definition."""
    other = []
    for axis in (0, 1):
        best, second = np.moveaxis(np.sort(np.pad(S, 1, constant_values=-np.inf), axis=axis), axis, 0)[
            [-1, -2], 1:-1
        ]
        best, second = np.expand_dims(best, axis), np.expand_dims(second, axis)
        other.append(np.where(best == S, second, best))  # of two equally best each is the other's rival
    return np.maximum(*other)


def check_rivals(A, B, S, threshold, metric):
    """What ``above`` finds on its way, against all scores."""
    rivals = Rivals(*S.shape)
    found = list(above(A, B, threshold, metric, rivals=rivals))
    i, j, scores = (np.concatenate([x[c] for x in found]) for c in range(3)) if found else [[]] * 3
    np.testing.assert_array_equal(np.stack([i, j]), np.nonzero(np.float32(threshold) <= S))
    np.testing.assert_array_equal(scores, S[i, j])
    i, j = (x.ravel() for x in np.indices(S.shape))
    np.testing.assert_array_equal(rivals.of(i, j).reshape(S.shape), second_best(S))
    for two, lines in ((rivals.rows, S), (rivals.columns, S.T)):
        np.testing.assert_array_equal(two.at, lines.argmax(axis=1))
        np.testing.assert_array_equal(two.first, lines.max(axis=1))


@given(
    A=whole,
    B=whole,
    metric=st.sampled_from(("dot", "euclidean", "manhattan", "hamming", "cosine")),
    queries=st.integers(1, 40),
    items=st.integers(1, 80),
    share=st.sampled_from((-1.0, 0.0, 0.5, 0.98, 2.0)),
    threads=st.integers(1, 2),
    group=st.sampled_from((1, 4, 16)),
)
@settings(max_examples=80)
def test_rivals_are_those_of_the_matrix_ties_included(A, B, metric, queries, items, share, threads, group):
    if metric == "hamming":
        A, B = A > 0, B > 0
    elif metric == "cosine":
        A, B = A[A.any(axis=1)], B[B.any(axis=1)]
    if not len(A) or not len(B):
        return
    A, B = (x if metric == "hamming" else x.astype(np.float32) for x in (A, B))
    S = np.empty((len(A), len(B)), np.float32)
    np.put_along_axis(S, *top_k(A, B, len(B), metric), axis=1)
    line = {-1.0: -np.inf, 2.0: np.inf}.get(share)
    line = float(np.quantile(S, share, method="nearest")) if line is None else line
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(threads):
        patch.setattr(_topk, "QUERIES", queries)
        patch.setattr(_topk, "ITEMS", items)
        patch.setattr(_topk, "GROUP", group)
        check_rivals(A, B, S, line, metric)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "kind", ["plain", "float64", "better and better", "far away", "equal", "alike", "one huge"]
)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97, 1.0])
def test_rivals_of_awkward_data(metric, kind, share, monkeypatch):
    monkeypatch.setattr(_topk, "QUERIES", 40)
    monkeypatch.setattr(_topk, "ITEMS", 160)
    A, B = vectors(130, 5, 0, metric), vectors(700, 5, 1, metric)
    if metric != "hamming":
        if kind == "float64":
            A, B = np.float64(A) + 1e-9, np.float64(B) - 1e-9
        elif kind == "better and better":
            A, B = (np.abs(x) * np.linspace(1, 9, len(x), dtype=np.float32)[:, None] for x in (A, B))
        elif kind == "far away":
            A, B = A + np.float32(1e6), B + np.float32(1e6)
        elif kind == "alike":
            A = (A[:1] * (1 + np.sign(A) * 2.0**-23)).astype(np.float32)
        elif kind == "one huge":
            A[7], B[9] = A[7] * 1e9, B[9] * 1e9
    if kind == "equal":
        A, B = np.repeat(A[:1], 130, axis=0), np.repeat(A[:1], 700, axis=0)
    S = np.empty((len(A), len(B)), np.float32)
    np.put_along_axis(S, *top_k(A, B, len(B), metric), axis=1)
    check_rivals(A, B, S, float(np.quantile(S, share, method="nearest")), metric)


def test_rivals_take_no_matrix():
    A, B = vectors(14000, 8, 0), vectors(14000, 8, 1)
    rivals = Rivals(14000, 14000)
    tracemalloc.start()
    try:
        assert len(list(above(A, B, 0.97, rivals=rivals)))
        assert tracemalloc.get_traced_memory()[1] < 14000 * 14000 * 4 / 4  # of the matrix as float32
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(np.stack([rivals.rows.first, rivals.rows.second], 1), top_k(A, B, 2)[1])
    np.testing.assert_array_equal(rivals.columns.first, top_k(B, A, 1)[1][:, 0])


def test_an_empty_side_has_no_pairs_and_no_rivals():
    for n, m in ((0, 5), (5, 0), (0, 0)):
        rivals = Rivals(n, m)
        assert list(above(np.empty((n, 4)), np.empty((m, 4)), 0.5, rivals=rivals)) == []
        assert rivals.of(np.empty(0, int), np.empty(0, int)).shape == (0,)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("power", [-100, -75, -60, -40, 40, 61, 100])
@pytest.mark.usefixtures("small_tiles")
def test_at_the_limits_of_float32(metric, power):
    """Whole numbers times a power of two: products are exact while they fit, so the order is that of the whole numbers."""
    rng = np.random.default_rng(0)
    A, B = (rng.integers(-40, 41, (n, 5)).astype(np.float32) for n in (50, 400))
    A, B = A + (A == 0), B + (B == 0)
    scale = np.float32(2.0**power)
    want, other = (
        brute(A, B, metric),
        1 / scale if metric == "dot" else scale,
    )  # a dot product holds both scales
    ids, scores = top_k(A * scale, B * other, 7, metric)
    scores = (scores / np.float64(scale)).astype(np.float32) if metric == "euclidean" else scores
    np.testing.assert_allclose(scores, ranked(want, 7)[1], rtol=3e-7, atol=3e-7)
    if metric != "cosine":
        np.testing.assert_array_equal(ids, ranked(want, 7)[0])
