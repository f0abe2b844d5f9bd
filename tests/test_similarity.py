"""Measures against scikit-learn and SciPy, their laws, the repairs of a space, and words on bad input."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import softmax
from scipy.stats import skew
from sklearn.metrics import pairwise
from sklearn.neighbors import NearestNeighbors

from mmalign_nb.similarity import (
    METRICS,
    binarize,
    center,
    csls,
    distance,
    hubness,
    inverted_softmax,
    modality_gap,
    similarity,
)

REAL = tuple(m for m in METRICS if m != "hamming")


def normal(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def bits(n, d, seed=0):
    return normal(n, d, seed) > 0


numbers = st.floats(-100, 100, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x)


def matrices(rows, columns):
    return arrays(np.float32, (rows, columns), elements=numbers)


@st.composite
def two_sides(draw, binary=False):
    n, m, d = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 20))
    one = arrays(bool, (n, d)) if binary else matrices(n, d)
    other = arrays(bool, (m, d)) if binary else matrices(m, d)
    A, B = draw(one), draw(other)
    if not binary:  # no zero vectors
        A[:, 0], B[:, 0] = np.abs(A[:, 0]) + 1, np.abs(B[:, 0]) + 1
    return A, B


# ---- measures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("cosine", pairwise.cosine_distances),
        ("euclidean", pairwise.euclidean_distances),
        ("manhattan", pairwise.manhattan_distances),
        ("dot", lambda A, B: -pairwise.linear_kernel(A, B)),
        ("hamming", lambda A, B: cdist(A, B, "hamming") * A.shape[1]),
    ],
)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 31), (1100, 4100)])
def test_distance_against_references(metric, reference, n, m):
    make = bits if metric == "hamming" else normal
    A, B = make(n, 11, 0), make(m, 11, 1)
    got = distance(A, B, metric)
    assert (got.dtype, got.shape) == (np.float32, (n, m))
    np.testing.assert_allclose(got, reference(A.astype(float), B.astype(float)), rtol=1e-6, atol=1e-6)


@settings(max_examples=50)
@given(sides=two_sides(), metric=st.sampled_from(REAL))
def test_similarity_falls_by_one_where_distance_rises_by_one(sides, metric):
    S, D = similarity(*sides, metric), distance(*sides, metric)
    np.testing.assert_allclose(D, (metric == "cosine") - S, rtol=1e-6, atol=1e-6)


@settings(max_examples=50)
@given(sides=two_sides(), metric=st.sampled_from(REAL))
def test_least_distance_and_greatest_similarity_choose_pairs_of_equal_worth(sides, metric):
    S, D = (f(*sides, metric).astype(np.float64) for f in (similarity, distance))
    least, most = linear_sum_assignment(D), linear_sum_assignment(S, maximize=True)
    scale = np.abs(S).max() + 1
    np.testing.assert_allclose(S[least].sum(), S[most].sum(), atol=1e-5 * scale)


@settings(max_examples=50)
@given(sides=two_sides(), metric=st.sampled_from(REAL), data=st.data())
def test_permuting_rows_permutes_the_result(sides, metric, data):
    A, B = sides
    p, q = (data.draw(st.permutations(range(len(x)))) for x in (A, B))
    S = similarity(A, B, metric)
    np.testing.assert_allclose(similarity(A[p], B[q], metric), S[np.ix_(p, q)], rtol=1e-6)
    np.testing.assert_allclose(similarity(B, A, metric), S.T, rtol=1e-6)


@settings(max_examples=50)
@given(sides=two_sides(), a=st.floats(1e-3, 1e3), b=st.floats(1e-3, 1e3))
def test_scaling_leaves_cosine_unchanged(sides, a, b):
    A, B = sides
    np.testing.assert_allclose(similarity(a * A, b * B), similarity(A, B), atol=1e-6)


@settings(max_examples=50)
@given(sides=two_sides())
def test_a_vector_is_exactly_like_itself(sides):
    A, _ = sides
    assert (np.diag(similarity(A, 4 * A)) == 1).all()
    assert (np.abs(similarity(*sides)) <= 1).all()
    for metric in ("euclidean", "manhattan"):
        assert (np.diag(distance(A, A, metric)) == 0).all()
        assert (distance(A, A, metric) >= 0).all()


def test_no_negative_zero():
    for metric in ("euclidean", "manhattan", "hamming"):
        assert not np.signbit(similarity([[1, 0]], [[1, 0]], metric)).any()
        assert not np.signbit(distance([[1, 0]], [[1, 0]], metric)).any()


@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6])
def test_euclidean_does_not_cancel_far_from_the_origin(offset):
    A, B = normal(20, 6, 0) + np.float32(offset), normal(30, 6, 1) + np.float32(offset)
    np.testing.assert_allclose(distance(A, B, "euclidean"), cdist(A, B), rtol=1e-6)
    for x in (sp.csr_array(A), A):
        np.testing.assert_allclose(distance(x, sp.csr_array(B), "euclidean"), cdist(A, B), rtol=1e-6)


# ---- Hamming -----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(sides=two_sides(binary=True))
def test_on_bits_hamming_is_manhattan_and_squared_euclidean(sides):
    A, B = sides
    H = distance(A, B, "hamming")
    np.testing.assert_array_equal(H, distance(A, B, "manhattan"))
    np.testing.assert_allclose(H, distance(A, B, "euclidean") ** 2, atol=1e-5)
    np.testing.assert_array_equal(H, (A[:, None] != B).sum(axis=2))


@settings(max_examples=50)
@given(sides=two_sides(binary=True))
def test_on_signs_hamming_is_half_of_d_minus_dot(sides):
    A, B = (2.0 * x - 1 for x in sides)
    np.testing.assert_array_equal(distance(A, B, "hamming"), (A.shape[1] - A @ B.T) / 2)


@settings(max_examples=50)
@given(sides=two_sides(binary=True))
def test_packed_or_not_the_same_bits_differ(sides):
    A, B = sides
    H = distance(A, B, "hamming")
    packed = [np.packbits(x, axis=1) for x in sides]
    np.testing.assert_array_equal(distance(*packed, "hamming"), H)
    # A uint8 array of zeros and ones reads the same either way.
    np.testing.assert_array_equal(distance(A.view(np.uint8), B.view(np.uint8), "hamming"), H)
    np.testing.assert_array_equal(distance(A.view(np.uint8), B, "hamming"), H)


def test_packed_bits_wider_than_a_word():
    A, B = bits(5, 300, 0), bits(6, 300, 1)
    want = distance(A, B, "hamming")
    np.testing.assert_allclose(want, cdist(A, B, "hamming") * 300)
    np.testing.assert_array_equal(distance(np.packbits(A, axis=1), np.packbits(B, axis=1), "hamming"), want)


def test_the_trap_of_hamming_on_real_numbers():
    A, B = normal(3, 8, 0), normal(4, 8, 1)
    assert (cdist(A, B, "hamming") == 1).all(), "SciPy's silent answer"
    with pytest.raises(
        ValueError, match=r"counts differing bits, and A is float32 array .* call binarize first"
    ):
        similarity(A, B, "hamming")
    with pytest.raises(ValueError, match="and B is"):
        similarity(A > 0, B, "hamming")
    with pytest.raises(ValueError, match="other than 0 and 1"):
        similarity([[-1, 0, 1]], [[1, 0, 1]], "hamming")


def test_packed_beside_unpacked_is_refused():
    A = bits(4, 16)
    with pytest.raises(
        ValueError, match=r"B is unpacked bits \(bool array \(4, 2\)\) and A is packed; want both alike"
    ):
        similarity(np.packbits(A, axis=1), A[:, :2], "hamming")
    with pytest.raises(ValueError, match="B has 3 columns; want 2 as in A"):
        similarity(np.packbits(A, axis=1), np.packbits(bits(4, 24), axis=1), "hamming")


# ---- sparse ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("kinds", [("csr", "csr"), ("csr", "dense"), ("dense", "csr")])
def test_sparse_equals_dense(metric, kinds):
    A, B = (x * (np.abs(x) > 1) + np.eye(1, 30) for x in (normal(40, 30, 0), normal(50, 30, 1)))
    as_kind = {"csr": sp.csr_matrix, "dense": np.asarray}
    got = similarity(as_kind[kinds[0]](A), as_kind[kinds[1]](B), metric)
    assert isinstance(got, np.ndarray)
    np.testing.assert_allclose(got, similarity(A, B, metric), rtol=1e-6, atol=1e-7)


def test_a_large_vocabulary_is_never_densified():
    rng = np.random.default_rng(0)
    A, B = (
        sp.csr_array(
            (rng.random(20 * n), rng.integers(0, 200_000, 20 * n), np.arange(0, 20 * n + 1, 20)), (n, 200_000)
        )
        for n in (300, 500)
    )  # densely they would take 240 and 400 MB
    for metric in ("cosine", "euclidean"):
        tracemalloc.start()
        try:
            similarity(A, B, metric)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 30e6


def test_sparse_where_it_makes_no_sense():
    with pytest.raises(TypeError, match="A is a sparse matrix"):
        similarity(sp.csr_array(np.eye(3)), np.eye(3), "manhattan")
    with pytest.raises(TypeError, match="A is a sparse matrix"):
        similarity(sp.csr_array(np.eye(3)), np.eye(3), "hamming")


# ---- words on bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [similarity, distance])
@pytest.mark.parametrize(
    ("A", "B", "metric", "error", "message"),
    [
        (
            np.eye(3),
            np.eye(3),
            "cosin",
            ValueError,
            "metric is 'cosin'; known: " + ", ".join(map(repr, METRICS)),
        ),
        (np.eye(3), np.eye(4), "cosine", ValueError, "B has 4 columns; want 3"),
        (np.ones(3), np.eye(3), "dot", ValueError, "A is 1-D with shape"),
        (np.eye(3), np.empty((0, 3)), "euclidean", ValueError, r"B is empty \(shape \(0, 3\)\)"),
        (np.eye(3) > 0, np.empty((0, 3), bool), "hamming", ValueError, r"B is empty \(shape \(0, 3\)\)"),
        (np.eye(3) * np.nan, np.eye(3), "manhattan", ValueError, "A has NaN or infinity in 3 of 3 rows"),
        (
            np.eye(3),
            np.diag([1, 0, 1]),
            "cosine",
            ValueError,
            r"B has zero vectors in 1 of 3 rows \(first: row 1\)",
        ),
        (
            sp.csr_array(np.diag([1, 0, 1])),
            np.eye(3),
            "cosine",
            ValueError,
            "A has zero vectors in 1 of 3 rows",
        ),
        (["a cat"], ["a dog"], "cosine", TypeError, "A is text"),
        ([[1], [1, 2]], np.eye(3), "cosine", ValueError, "A is list .* of different lengths"),
    ],
)
def test_bad_sides(function, A, B, metric, error, message):
    with pytest.raises(error, match=message):
        function(A, B, metric)


def test_tiny_vectors_are_not_zero_vectors():
    """Squares of 1e-30 vanish in float32."""
    np.testing.assert_allclose(
        similarity(normal(3, 4) * np.float32(1e-30), normal(3, 4)),
        similarity(normal(3, 4), normal(3, 4)),
        atol=1e-6,
    )


# ---- before the measure: center, binarize ------------------------------------------------------------------------------


def test_center():
    A = normal(50, 4) + 7
    np.testing.assert_allclose(center(A).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(center(A[:3], mean=A.mean(axis=0, dtype=np.float64)), center(A)[:3])
    assert center(A).dtype == np.float32
    with pytest.raises(ValueError, match=r"mean is float64 array \(3,\); want 4 finite numbers"):
        center(A, mean=np.zeros(3))
    with pytest.raises(ValueError, match="mean has NaN"):
        center(A, mean=np.full(4, np.nan))


@settings(max_examples=50)
@given(X=matrices(5, 11))
def test_sign_and_median_bits(X):
    np.testing.assert_array_equal(binarize(X), X > 0)
    np.testing.assert_array_equal(binarize(X, "median"), np.median(X, axis=0) < X)
    for method in ("sign", "median", "hyperplanes"):
        full = binarize(X, method)
        assert full.dtype == bool
        np.testing.assert_array_equal(binarize(X, method, packed=True), np.packbits(full, axis=1))


def test_medians_of_the_gallery_give_a_query_the_gallery_s_bits():
    gallery = normal(101, 8) + 9
    cut = np.median(gallery, axis=0)
    codes = binarize(gallery, "median")
    np.testing.assert_array_equal(binarize(gallery[:5], "median", cut=cut), codes[:5])
    assert (binarize(gallery[:5], "median") != codes[:5]).any(), (
        "with medians of its own a query gets other bits"
    )
    assert (codes.sum(axis=0) == 50).all()
    assert binarize(gallery).all(), "which sign can't do here: every bit is 1"


def test_hyperplanes_estimate_the_angle():
    A, B = normal(20, 16, 0), normal(20, 16, 1)
    n_bits = 8192
    a, b = (binarize(x, "hyperplanes", n_bits=n_bits, seed=3, packed=True) for x in (A, B))
    assert a.shape == (20, n_bits // 8)
    share = distance(a, b, "hamming") / n_bits
    angle = np.arccos(pairwise.cosine_similarity(A, B)) / np.pi
    assert np.abs(share - angle).max() < 5 * 0.5 / np.sqrt(n_bits)  # five standard errors of a coin
    np.testing.assert_array_equal(
        binarize(A, "hyperplanes", n_bits=64, seed=3), binarize(A, "hyperplanes", n_bits=64, seed=3)
    )
    assert (binarize(A, "hyperplanes", seed=4) != binarize(A, "hyperplanes", seed=5)).any()
    np.testing.assert_array_equal(binarize(sp.csr_array(A), "hyperplanes"), binarize(A, "hyperplanes"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "mean"}, "method is 'mean'; known: 'sign', 'median', 'hyperplanes'"),
        ({"method": "sign", "n_bits": 8}, "n_bits is 8 but method='sign'"),
        ({"method": "sign", "cut": [0, 0]}, "cut is given but method='sign'"),
        ({"method": "median", "cut": [0, 0, 0]}, "cut is list with 3 entries of int; want 2 finite numbers"),
        ({"method": "hyperplanes", "n_bits": 0}, "n_bits is 0; want a whole number of at least 1"),
    ],
)
def test_bad_options_of_binarize(options, message):
    with pytest.raises(ValueError, match=message):
        binarize([[1.0, 2.0]], **options)


def test_binarize_refuses_sparse_signs_and_text():
    with pytest.raises(TypeError, match="X is a sparse matrix"):
        binarize(sp.csr_array(np.eye(3)))
    with pytest.raises(TypeError, match="X is text"):
        binarize(["one"], "hyperplanes")


# ---- after the measure: csls, inverted softmax, hubness, gap -----------------------------------------------------------


def csls_by_loops(S, k):
    out = np.empty(S.shape)
    for i in range(S.shape[0]):
        for j in range(S.shape[1]):
            out[i, j] = 2 * S[i, j] - np.mean(sorted(S[i])[-k:]) - np.mean(sorted(S[:, j])[-k:])
    return out


@settings(max_examples=50)
@given(
    S=st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(lambda shape: matrices(*shape)),
    k=st.integers(1, 8),
)
def test_csls_by_loops(S, k):
    np.testing.assert_allclose(csls(S, k), csls_by_loops(S.astype(float), k), rtol=1e-5, atol=1e-4)


@settings(max_examples=50)
@given(n=st.integers(2, 25), k=st.integers(1, 10), seed=st.integers(0, 1000))
def test_csls_leaves_a_full_square_assignment_unchanged(n, k, seed):
    S = np.random.default_rng(seed).standard_normal((n, n))
    np.testing.assert_array_equal(
        linear_sum_assignment(csls(S, k), maximize=True)[1], linear_sum_assignment(S, maximize=True)[1]
    )


def test_csls_of_vectors():
    A, B = normal(200, 60, 0) + 0.3, normal(300, 60, 1) + 0.3
    np.testing.assert_allclose(csls((A, B)), csls(similarity(A, B)), atol=1e-6)


def test_csls_and_inverted_softmax_take_hubs_down():
    S = similarity(normal(1000, 100, 0), normal(1000, 100, 1), "euclidean")
    assert hubness(csls(S)).skewness < 0.6 * hubness(S).skewness
    assert hubness(inverted_softmax(S, beta=5)).skewness < 0.6 * hubness(S).skewness


@settings(max_examples=50)
@given(S=matrices(5, 4), beta=st.floats(0.01, 50))
def test_inverted_softmax_against_scipy(S, beta):
    got = inverted_softmax(S, beta)
    np.testing.assert_allclose(got, softmax(beta * S.astype(float), axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(got.sum(axis=0), 1, rtol=1e-5)


def test_inverted_softmax_of_vectors():
    A, B = normal(9, 5, 0), normal(8, 5, 1)
    np.testing.assert_allclose(inverted_softmax((A, B)), inverted_softmax(similarity(A, B)), rtol=1e-5)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_hubness_against_scikit_learn_and_scipy(k):
    A, B = normal(150, 20, 0), normal(120, 20, 1)
    nearest = NearestNeighbors(n_neighbors=k, metric="cosine").fit(B).kneighbors(A, return_distance=False)
    counts = np.bincount(nearest.ravel(), minlength=120)
    for scores in ((A, B), similarity(A, B), (A.tolist(), B.tolist())):
        got = hubness(scores, k)
        np.testing.assert_array_equal(got.counts, counts)
        assert got.skewness == pytest.approx(skew(counts))


def test_hubs_come_with_the_dimension():
    def skewness(d, metric):
        return hubness(similarity(normal(1000, d, 0), normal(1000, d, 1), metric)).skewness

    assert skewness(3, "euclidean") < 1 < skewness(300, "euclidean")
    assert skewness(300, "cosine") < 1, "directions around their own centre have no hubs"


def test_evenly_spread_neighbours_have_no_skew():
    assert hubness(np.eye(6), k=1) == (0.0, pytest.approx(np.ones(6)))
    assert hubness(np.eye(6), k=99).skewness == 0


@settings(max_examples=50)
@given(sides=two_sides())
def test_modality_gap(sides):
    A, B = sides
    units = [x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True) for x in sides]
    assert modality_gap(A, B) == pytest.approx(np.linalg.norm(units[0].mean(0) - units[1].mean(0)), abs=1e-6)
    assert modality_gap(A, 3 * A) == pytest.approx(0, abs=1e-6)
    assert 0 <= modality_gap(A, B) <= 2


def test_centering_closes_most_of_the_gap():
    A, B = normal(300, 20, 0) + 1, normal(400, 20, 1) - 1
    before, after = modality_gap(A, B), modality_gap(center(A), center(B))
    assert before > 1
    assert after < 0.2 * before
    assert modality_gap(sp.csr_array(A), B) == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: csls(np.eye(3), k=0), "k is 0; want a whole number of at least 1"),
        (lambda: hubness(np.eye(3), k=1.5), "k is 1.5; want"),
        (lambda: csls([[1.0, np.nan]]), "scores has NaN in 1 of 1 rows"),
        (lambda: csls([[1.0, -np.inf]]), "scores has -inf; csls needs finite scores"),
        (lambda: csls(np.empty((0, 3))), "scores is empty"),
        (lambda: csls(np.ones(3)), r"scores has shape \(3,\); want 2-D"),
        (lambda: inverted_softmax([[1.0, -np.inf]]), "inverted_softmax needs finite scores"),
        (lambda: inverted_softmax(np.eye(3), beta=0), "beta is 0; want a number above 0"),
        (lambda: hubness(np.empty((0, 3))), "scores is empty"),
        (lambda: hubness((np.empty((0, 3)), np.eye(3))), "A is empty"),
        (lambda: modality_gap(np.eye(3), np.diag([1, 0, 1])), "B has zero vectors"),
        (lambda: modality_gap(np.eye(3), np.eye(2)), "B has 2 columns; want 3"),
    ],
)
def test_bad_scores(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_metric_is_listed():
    with pytest.raises(ValueError, match=", ".join(map(repr, METRICS))):
        similarity(np.eye(2), np.eye(2), "hamilton")
