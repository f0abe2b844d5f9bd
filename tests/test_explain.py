"""Terms of a score: they sum to it, each is what its feature is worth, and they name what was planted."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import cosine_similarity

from mmalign_nb.explain import Explanation, score_terms
from mmalign_nb.project import CCA, Contrastive, Procrustes, Relative, RidgeMap


def pairs(n=40, p=7, q=5, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    A = z @ rng.normal(size=(3, p)) + 0.5 * rng.normal(size=(n, p)) + 1
    return A, z @ rng.normal(size=(3, q)) + 0.5 * rng.normal(size=(n, q)) - 2


A, B = pairs()
LINEAR = [
    CCA().fit(A, B),
    RidgeMap().fit(A, B),
    RidgeMap(direction="b_to_a").fit(A, B),
    Procrustes().fit(A, B),
    Contrastive(dim=6, epochs=5, progress=False).fit(A, B),
]
RELATIVE = [
    Relative().fit(A, B),
    Relative(anchors=9, top_k=4, power=2, center=False).fit(A, B),
]
either = st.sampled_from


def score_of(projection, x, y, metric):
    za, zb = (
        projection.transform(x[None], "a").astype(float),
        projection.transform(y[None], "b").astype(float),
    )
    return float(cosine_similarity(za, zb)[0, 0] if metric == "cosine" else (za @ zb.T)[0, 0])


@pytest.mark.parametrize("projection", LINEAR + RELATIVE, ids=repr)
@given(
    seed=st.integers(0, 10**6),
    metric=either(["cosine", "dot"]),
    side=either("ab"),
    pairwise=st.booleans(),
    baseline=st.one_of(
        either(["mean", "zero"]), st.tuples(either(["mean", "zero"]), either(["mean", "zero"]))
    ),
)
@settings(max_examples=20)
def test_terms_sum_to_the_score(projection, seed, metric, side, pairwise, baseline):
    x, y = (m[0] for m in pairs(n=1, seed=seed))
    e = score_terms(projection, x, y, metric=metric, side=side, pairs=pairwise, baseline=baseline)
    want = score_of(projection, x, y, metric)
    scale = max(1.0, abs(want), np.abs(e.terms).sum())  # dot products may be large
    assert e.score == pytest.approx(want, abs=2e-5 * scale)
    assert e.terms.sum() + e.bias == pytest.approx(e.score, abs=1e-9 * scale)


@pytest.mark.parametrize("projection", LINEAR[:4], ids=repr)
@given(
    seed=st.integers(0, 10**6),
    feature=st.integers(0, 4),
    side=either("ab"),
    baseline=either(["mean", "zero"]),
)
@settings(max_examples=15)
def test_a_term_is_what_the_dot_product_loses_without_its_feature(projection, seed, feature, side, baseline):
    x, y = (m[0] for m in pairs(n=1, seed=seed))
    e = score_terms(projection, x, y, metric="dot", side=side, baseline=baseline)
    without = (x if side == "a" else y).copy()
    data = A if side == "a" else B
    without[feature] = data[:, feature].mean() if baseline == "mean" else 0
    left = score_of(projection, without if side == "a" else x, without if side == "b" else y, "dot")
    assert e.terms[feature] == pytest.approx(e.score - left, abs=1e-4 * max(1, abs(e.score), abs(left)))


def test_pairs_of_features_sum_to_the_terms_of_either_side():
    for projection in LINEAR[:4]:  # closed forms have no bias against the mean
        both = score_terms(projection, A[0], B[0], pairs=True)
        assert both.terms.shape == (7, 5)
        assert both.bias == pytest.approx(0, abs=1e-12)
        assert_allclose(both.terms.sum(1), score_terms(projection, A[0], B[0]).terms)
        assert_allclose(both.terms.sum(0), score_terms(projection, A[0], B[0], side="b").terms)


def test_the_average_item_gets_the_bias():
    heads = LINEAR[-1]
    e = score_terms(heads, A.mean(0), B[0])
    assert_allclose(e.terms, 0, atol=1e-6)
    assert e.bias == pytest.approx(score_of(heads, A.mean(0), B[0], "cosine"), abs=1e-5)


def test_relative_explains_by_training_pairs():
    plain = Relative(top_k=None, power=1).fit(A, B)
    e = score_terms(plain, A[3], B[3], names_a=[f"item {i}" for i in range(40)])
    ra, rb = (
        cosine_similarity(A[3:4] - A.mean(0), A - A.mean(0)),
        cosine_similarity(B[3:4] - B.mean(0), B - B.mean(0)),
    )
    want = (ra * rb)[0] / np.linalg.norm(ra) / np.linalg.norm(rb)
    assert_allclose(e.terms, want, atol=1e-5)
    assert e.top(1)[0].name == "item 3"  # nothing resembles it more than itself
    some = RELATIVE[1]
    assert score_terms(some, A[3], B[3]).names[0] == [f"pair {i}" for i in some.anchor_rows_]
    assert_allclose(score_terms(some, A[3], B[3]).features[0], some.anchor_rows_)


def test_it_names_the_word_and_the_place_that_were_planted():
    from sklearn.feature_extraction.text import TfidfVectorizer

    rng = np.random.default_rng(0)
    places = {
        "top": (0, slice(None)),
        "bottom": (3, slice(None)),
        "left": (slice(None), 0),
        "right": (slice(None), 3),
    }
    words = rng.choice(list(places), size=200)
    texts = [f"a {rng.choice(['thin', 'thick'])} line at the {w}" for w in words]
    images = 0.1 * rng.normal(size=(200, 4, 4))
    for image, word in zip(images, words, strict=True):
        image[places[word]] += 1
    tfidf = TfidfVectorizer().fit(texts)
    X, Y = tfidf.transform(texts), images.reshape(200, 16)
    cca = CCA().fit(X, Y)
    names = tfidf.get_feature_names_out()
    i = int(np.flatnonzero(words == "left")[0])
    zero = score_terms(cca, X[i], Y[i], baseline="zero", names_a=names)
    assert sorted(zero.names[0]) == sorted(set(texts[i].split()) - {"a"})  # only words that are there
    assert zero.top(1)[0].name == "left"
    assert zero.terms.sum() + zero.bias == pytest.approx(zero.score)
    place = score_terms(cca, X[i], Y[i], side="b").as_map((4, 4))
    assert place[1:3, 0].min() > np.delete(place, 0, axis=1).max()  # the left column speaks for it
    assert place.sum(axis=0).argmax() == 0
    both = score_terms(cca, X[i], Y[i], pairs=True, baseline=("zero", "mean"), names_a=names)
    assert both.top(1)[0].name in [f"left × feature {k}" for k in (0, 4, 8, 12)]
    assert both.terms.sum() + both.bias == pytest.approx(both.score)
    assert both.terms.shape == (len(zero.terms), 16)


def test_sparse_and_dense_rows_say_the_same():
    X = sp.random(40, 12, 0.3, format="csr", random_state=0)
    cca = CCA().fit(X, B)
    for baseline in ("mean", "zero"):
        sparse = score_terms(cca, X[2], B[2], baseline=baseline)
        dense = score_terms(cca, X[2].toarray(), B[2:3], baseline=baseline)
        assert_allclose(sparse.terms, dense.terms)
        assert sparse.names == dense.names


def test_top_and_table_are_by_size_and_ties_keep_column_order():
    e = Explanation(
        0.5, np.array([0.1, -0.4, 0.1, 0.7]), 0.0, np.arange(4.0), (np.array([2, 5, 6, 8]),), (list("abcd"),)
    )
    assert [t.name for t in e.top()] == ["d", "b", "a", "c"]
    frame = e.to_frame(2)
    assert frame.columns.tolist() == ["name", "value", "term"]
    assert frame.values.tolist() == [["d", 3.0, 0.7], ["b", 1.0, -0.4]]
    assert e.as_map((3, 3)).tolist() == [[0, 0, 0.1], [0, 0, -0.4], [0.1, 0, 0.7]]
    assert repr(e) == "Explanation(score=0.500: d +0.700, b -0.400, a +0.100, c +0.100)"
    biased = Explanation(0.5, np.full(7, 0.05), 0.15, np.ones(7), (np.arange(7),), (list("abcdefg"),))
    assert repr(biased).endswith("e +0.050, … 2 more, bias +0.150)")


def test_bad_input_is_refused_by_name():
    cca = LINEAR[0]
    with pytest.raises(ValueError, match="metric is 'euclidean'; known: 'cosine', 'dot'"):
        score_terms(cca, A[0], B[0], metric="euclidean")
    with pytest.raises(ValueError, match="side is 'c'"):
        score_terms(cca, A[0], B[0], side="c")
    with pytest.raises(ValueError, match="baseline is 'median'; known: 'mean', 'zero'"):
        score_terms(cca, A[0], B[0], baseline="median")
    with pytest.raises(ValueError, match="one for each side"):
        score_terms(cca, A[0], B[0], baseline=("mean", "mean", "zero"))
    with pytest.raises(ValueError, match=r"x_a has shape \(40, 7\); want one item"):
        score_terms(cca, A, B[0])
    with pytest.raises(ValueError, match="x_b has 7 columns; want 5"):
        score_terms(cca, A[0], A[0])
    with pytest.raises(ValueError, match="x_a has NaN"):
        score_terms(cca, np.full(7, np.nan), B[0])
    with pytest.raises(ValueError, match="names_a has 2 entries; want 7, one per feature"):
        score_terms(cca, A[0], B[0], names_a=["x", "y"])
    with pytest.raises(ValueError, match="names_a has 2 entries; want 40, one per pair"):
        score_terms(RELATIVE[0], A[0], B[0], names_a=["x", "y"])
    cross = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    with pytest.raises(ValueError, match="x_a is the zero vector in the shared space"):
        score_terms(Procrustes().fit(cross, cross), [0, 0], [1, 0])  # the average item
    with pytest.raises(TypeError, match="projection is str 'cca'; want a fitted CCA"):
        score_terms("cca", A[0], B[0])
    with pytest.raises(TypeError, match="not linear"):
        score_terms(Contrastive(hidden=4, epochs=1, progress=False).fit(A, B), A[0], B[0])
    both = score_terms(cca, A[0], B[0], pairs=True)
    with pytest.raises(ValueError, match="want pairs=False for a map"):
        both.as_map((7, 5))
    with pytest.raises(ValueError, match=r"shape \(2, 3\) has 6 cells"):
        score_terms(cca, A[0], B[0]).as_map((2, 3))


def test_names_are_taken_by_position_also_from_a_shuffled_column():
    import pandas as pd

    names = pd.Series([f"name {k}" for k in range(7)], index=range(6, -1, -1))
    plain = score_terms(LINEAR[0], A[0], B[0], names_a=names.tolist())
    assert score_terms(LINEAR[0], A[0], B[0], names_a=names).top(7) == plain.top(7)


def test_names_from_a_table_and_what_is_no_name():
    import pandas as pd

    table = pd.DataFrame({"name": [f"name {k}" for k in range(7)]})
    plain = score_terms(LINEAR[0], A[0], B[0], names_a=table["name"].tolist()).top()
    for names in (
        table["name"],
        table["name"].to_numpy(),
        pd.Index(table["name"]),
        table["name"].astype("category"),
    ):
        assert score_terms(LINEAR[0], A[0], B[0], names_a=names).top() == plain
    with pytest.raises(ValueError, match=r"names_a has no text in 1 of 7 rows \(first: row 2\)"):
        score_terms(LINEAR[0], A[0], B[0], names_a=table["name"].where(table.index != 2, None))
    with pytest.raises(TypeError, match="names_a is one str"):
        score_terms(LINEAR[0], A[0], B[0], names_a="abcdefg")
    with pytest.raises(TypeError, match="names_b is .* want a list of str"):
        score_terms(LINEAR[0], A[0], B[0], names_b=range(5))


@pytest.mark.parametrize("projection", [LINEAR[0], RELATIVE[0]], ids=repr)
def test_an_item_is_taken_from_whatever_holds_numbers(projection):
    import pandas as pd
    import torch

    want = score_terms(projection, A[0], B[0])
    for x in (
        A[0].tolist(),
        pd.Series(A[0]),
        pd.DataFrame(A[:1]),
        torch.tensor(A[0], requires_grad=True),
        sp.csr_array(A[:1]),
    ):
        got = score_terms(projection, x, B[:1])
        assert_allclose(got.terms, want.terms, atol=1e-6)
    for x, error, message in (
        (np.ma.masked_equal(np.arange(7.0), 2), ValueError, "x_a has masked entries"),
        (A[0] + 1j, TypeError, "x_a has complex numbers"),
        ([1.0, None, 2, 3, 4, 5, 6], ValueError, "x_a has missing values"),
        ("a cat", TypeError, "x_a is text"),
        (A[:1, :3], ValueError, "x_a has 3 columns; want 7"),
        (sp.csr_array(A[:2]), ValueError, r"x_a has shape \(2, 7\); want one item"),
    ):
        with pytest.raises(error, match=message):
            score_terms(projection, x, B[0])


def test_what_float64_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="x_a is beyond float64 in the shared space"):
        score_terms(LINEAR[1], np.full(7, 1e308), B[0])
    with pytest.raises(ValueError, match="x_a is beyond float64"):
        score_terms(LINEAR[1], np.full(7, 1e308), B[0], metric="dot")


def test_bad_counts_shapes_and_baselines_are_refused_by_name():
    e = score_terms(LINEAR[0], A[0], B[0])
    for k in (-1, 0, 2.5, "3"):
        with pytest.raises(ValueError, match="k is .*; want a whole number of at least 1, or None for all"):
            e.top(k)
    assert len(e.top(np.int64(3))) == 3
    for shape, message in (
        (7, "shape is 7; want"),
        ((-1, 7), "shape is -1; want"),
        ((1.5, 7), "shape is 1.5; want"),
    ):
        with pytest.raises(ValueError, match=message):
            e.as_map(shape)
    for baseline in (np.nan, None, 3):
        with pytest.raises(ValueError, match="baseline is .*; want 'mean' or 'zero'"):
            score_terms(LINEAR[0], A[0], B[0], baseline=baseline)
