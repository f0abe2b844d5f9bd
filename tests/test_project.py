"""Projections: against scikit-learn, scipy and plain formulas; their laws; their words on bad input; real pairs."""

import pickle

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cross_decomposition import CCA as SklearnCCA
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import label_ranking_average_precision_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from mmalign_nb.datasets import spoken_digits
from mmalign_nb.project import CCA, Contrastive, Procrustes, Relative, RidgeMap
from mmalign_nb.project._base import LinearMap

CLOSED = [
    CCA(reg=0.2),
    RidgeMap(alpha=2.0),
    RidgeMap(alpha=2.0, direction="b_to_a"),
    Procrustes(),
    Relative(),
]
ALL = [*CLOSED, Relative(top_k=5, power=2), Contrastive(dim=4, epochs=3, progress=False)]


def pairs(n=60, p=7, q=5, shared=3, noise=0.3, seed=0):
    """Two noisy linear views of the same hidden numbers, with means far from zero."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, shared))
    A = z @ rng.normal(size=(shared, p)) + noise * rng.normal(size=(n, p)) + 3
    B = z @ rng.normal(size=(shared, q)) + noise * rng.normal(size=(n, q)) - 1
    return A.astype(np.float32), B.astype(np.float32)


def cosines(projection, A, B):
    return cosine_similarity(projection.transform(A, side="a"), projection.transform(B, side="b"))


def rotation(d, seed):
    return scipy.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0].astype(np.float32)


def counts(n, p, seed):
    """A sparse non-negative matrix as TF-IDF makes them, no row empty."""
    X = sp.random(n, p, 0.1, format="csr", dtype=np.float32, random_state=seed).tolil()
    X[np.arange(n), np.arange(n) % p] = 0.5
    return X.tocsr()


# -- against references ---------------------------------------------------------------------------------------


def test_cca_without_regularisation_is_sklearns():
    A, B = pairs(n=300, noise=1.0)
    ours = CCA(dim=3, reg=0, power=0).fit(A, B)
    theirs = SklearnCCA(n_components=3, max_iter=10_000, tol=1e-12).fit(A, B)
    for side, x in zip("ab", theirs.transform(A, B), strict=True):
        z = ours.transform(A if side == "a" else B, side)
        match = np.corrcoef(z.T, x.T)[:3, 3:]
        assert_allclose(
            np.abs(match), np.eye(3), atol=2e-3
        )  # the same components up to sign, in the same order
    x, y = theirs.transform(A, B)
    assert_allclose(ours.correlations_, [np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(3)], atol=1e-5)


@pytest.mark.parametrize("n", [200, 30])  # more and fewer pairs than features
@pytest.mark.parametrize("reg", [0.1, 0.7, 1.0])
def test_regularised_cca_solves_the_generalised_eigenproblem(n, reg):
    A, B = pairs(n=n, p=40, q=6)
    a, b = A - A.mean(0, dtype=float), B - B.mean(0, dtype=float)

    def shrunk(x):
        C = x.T @ x / n
        return (1 - reg) * C + reg * np.trace(C) / min(n - 1, C.shape[0]) * np.eye(C.shape[0])

    cross = a.T @ b / n
    left = np.block([[np.zeros((40, 40)), cross], [cross.T, np.zeros((6, 6))]])
    right = scipy.linalg.block_diag(shrunk(a), shrunk(b))
    vectors = scipy.linalg.eigh(left, right)[1][:, ::-1][:, :4]
    ours = CCA(dim=4, reg=reg, power=0).fit(A, B)
    for z, want in ((ours.transform(A, "a"), a @ vectors[:40]), (ours.transform(B, "b"), b @ vectors[40:])):
        assert_allclose(
            np.abs(z), np.sqrt(2) * np.abs(want), atol=2e-3
        )  # eigh normalises both sides together


def test_cca_power_weights_components_by_their_correlation():
    A, B = pairs(n=200, noise=1.0)
    cca = CCA(reg=0, power=2).fit(A, B)
    for z in (cca.transform(A, "a"), cca.transform(B, "b")):
        assert_allclose(z.std(0), cca.correlations_**2, rtol=1e-3)
    shrunk, flat = CCA(reg=0.3, power=3).fit(A, B), CCA(reg=0.3, power=0).fit(A, B)
    za, zb = flat.transform(A, "a"), flat.transform(B, "b")
    assert_allclose(shrunk.transform(A, "a"), za * shrunk.weights_, atol=1e-5)
    assert_allclose(shrunk.weights_, (za * zb).mean(0) ** 3, rtol=1e-3)
    assert_allclose(
        shrunk.correlations_, [np.corrcoef(x, y)[0, 1] for x, y in zip(za.T, zb.T, strict=True)], rtol=1e-4
    )
    assert (np.diff(CCA(reg=0).fit(A, B).correlations_) <= 1e-9).all()


@pytest.mark.parametrize("n", [80, 6])  # primal and dual
@pytest.mark.parametrize("alpha", [0.01, 1.0, 300.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_ridge_is_sklearns(n, alpha, sparse):
    A, B = pairs(n=n, p=12)
    if sparse:
        A = counts(n, 12, seed=1)
    ours = RidgeMap(alpha=alpha).fit(A, B)
    theirs = Ridge(alpha=alpha).fit(A.toarray() if sparse else A, B)
    assert_allclose(ours.transform(A, "a") + B.mean(0), theirs.predict(A), atol=2e-4)
    assert_allclose(ours.transform(B, "b"), B - B.mean(0), atol=1e-5)


@pytest.mark.parametrize("n", [50, 6])
def test_ridge_without_penalty_is_least_squares_of_least_norm_with_columns_in_their_ranges(n):
    A, B = pairs(n=n, p=12)
    a, b = A - A.mean(0, dtype=float), B - B.mean(0, dtype=float)
    ranges = np.ptp(A.astype(float), axis=0)
    want = np.linalg.lstsq(a / ranges, b)[0] / ranges[:, None]
    assert_allclose(RidgeMap(alpha=0).fit(A, B).map_a_.weights, want, atol=1e-9)
    if n == 50:  # where only one W fits best, ranges do not matter
        assert_allclose(want, np.linalg.lstsq(a, b)[0], atol=1e-9)


def test_ridge_directions_are_mirror_images():
    A, B = pairs()
    forth, back = RidgeMap(3.0).fit(A, B), RidgeMap(3.0, direction="b_to_a").fit(B, A)
    assert_allclose(forth.transform(A, "a"), back.transform(A, "b"))
    assert_allclose(forth.transform(B, "b"), back.transform(B, "a"))


def test_procrustes_is_scipys():
    A, B = pairs(p=6, q=6)
    a, b = A - A.mean(0, dtype=float), B - B.mean(0, dtype=float)
    R, trace = scipy.linalg.orthogonal_procrustes(a, b)
    ours = Procrustes().fit(A, B)
    assert_allclose(ours.rotation_, R, atol=1e-6)
    assert ours.scale_ == pytest.approx(trace / (a**2).sum())
    assert_allclose(ours.transform(A, "a"), trace / (a**2).sum() * a @ R, atol=1e-5)
    assert_allclose(Procrustes(scale=False).fit(A, B).transform(A, "a"), a @ R, atol=1e-5)


@pytest.mark.parametrize(("p", "q", "dim"), [(9, 5, None), (5, 9, None), (9, 7, 3), (6, 6, 4)])
def test_procrustes_between_sizes_is_pca_and_then_scipys(p, q, dim):
    A, B = pairs(p=p, q=q)
    k = min(p, q, dim or 99)
    a, b = PCA(k).fit_transform(A), PCA(k).fit_transform(B)
    want = cosine_similarity(a @ scipy.linalg.orthogonal_procrustes(a, b)[0], b)
    assert_allclose(cosines(Procrustes(dim=dim).fit(A, B), A, B), want, atol=2e-4)


def test_procrustes_undoes_a_rotation_of_fewer_pairs_than_features():
    A, _ = pairs(n=4, p=6)
    B = A @ rotation(6, 1)
    p = Procrustes().fit(A, B)
    assert_allclose(p.transform(A, "a"), p.transform(B, "b"), atol=1e-4)


def test_relative_is_sklearns_cosine_to_the_anchors():
    A, B = pairs()
    X, Y = pairs(n=9, seed=1)
    raw = Relative(top_k=None, power=1, center=False).fit(A, B)
    assert_allclose(raw.transform(X, "a"), cosine_similarity(X, A), atol=1e-6)
    assert_allclose(raw.transform(Y, "b"), cosine_similarity(Y, B), atol=1e-6)
    centred = Relative(top_k=None, power=1).fit(A, B)
    assert_allclose(centred.transform(Y, "b"), cosine_similarity(Y - B.mean(0), B - B.mean(0)), atol=1e-5)


def test_relative_keeps_the_closest_anchors_and_raises_them_to_a_power():
    A, B = pairs()
    X, _ = pairs(n=9, seed=1)
    got = Relative(top_k=4, power=3).fit(A, B).transform(X, "a")
    for row, r in zip(got, cosine_similarity(X - A.mean(0), A - A.mean(0)), strict=True):
        keep = np.argsort(r)[-4:]
        want = np.zeros_like(r)
        want[keep] = np.sign(r[keep]) * np.abs(r[keep]) ** 3
        assert_allclose(row, want, atol=1e-5)


def test_relative_keeps_some_of_the_pairs():
    A, B = pairs()
    some = Relative(anchors=10, seed=3).fit(A, B)
    assert len(set(some.anchor_rows_)) == 10
    assert some.n_pairs_ == 60
    again = Relative(center=False).fit(A[some.anchor_rows_], B[some.anchor_rows_])
    raw = Relative(anchors=10, seed=3, center=False).fit(A, B)
    assert_allclose(raw.transform(A, "a"), again.transform(A, "a"))
    assert set(some.anchor_rows_) != set(Relative(anchors=10, seed=4).fit(A, B).anchor_rows_)


@given(n=st.integers(2, 9), d=st.integers(1, 6), seed=st.integers(0, 10**6), scale=st.floats(0.1, 100))
@settings(max_examples=25)
def test_info_nce_is_cross_entropy_both_ways(n, d, seed, scale):
    import torch

    from mmalign_nb.project._contrastive import _info_nce

    rng = np.random.default_rng(seed)
    za, zb = (torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(n, d)))) for _ in range(2))
    got = _info_nce(za, zb, torch.tensor(np.log(scale))).item()
    s, target = scale * za @ zb.T, torch.arange(n)
    want = (torch.nn.functional.cross_entropy(s, target) + torch.nn.functional.cross_entropy(s.T, target)) / 2
    assert got == pytest.approx(want.item())
    e = np.exp(s.numpy() - s.numpy().max())
    by_hand = -np.log(e.diagonal() / e.sum(1)).mean() / 2 - np.log(e.diagonal() / e.sum(0)).mean() / 2
    assert got == pytest.approx(by_hand)


def test_score_is_the_mean_reciprocal_rank_in_both_directions():
    A, B = pairs(noise=1.5)
    cca = CCA(dim=2).fit(A, B)
    s = cosines(cca, A, B).astype(float)
    eye = np.eye(len(A))
    want = (
        label_ranking_average_precision_score(eye, s) + label_ranking_average_precision_score(eye, s.T)
    ) / 2
    assert cca.score(A, B) == pytest.approx(want, abs=1e-6)
    assert 0.05 < want < 0.95


# -- laws -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("projection", CLOSED, ids=repr)
@given(seed=st.integers(0, 10**6), side=st.sampled_from("ab"))
@settings(max_examples=8)
def test_rotating_or_shifting_one_side_changes_no_score(projection, seed, side):
    A, B = pairs(seed=seed)
    before = cosines(clone(projection).fit(A, B), A, B)
    if side == "a":
        A = A @ rotation(7, seed) + 2
    else:
        B = B @ rotation(5, seed) - 2
    assert_allclose(cosines(clone(projection).fit(A, B), A, B), before, atol=5e-3)


@pytest.mark.parametrize("projection", CLOSED, ids=repr)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=8)
def test_the_order_of_the_pairs_does_not_matter(projection, seed):
    A, B = pairs(seed=seed)
    X, Y = pairs(n=8, seed=seed + 1)
    order = np.random.default_rng(seed).permutation(len(A))
    before = cosines(clone(projection).fit(A, B), X, Y)
    assert_allclose(cosines(clone(projection).fit(A[order], B[order]), X, Y), before, atol=2e-3)


@pytest.mark.parametrize("projection", ALL, ids=repr)
@given(cut=st.integers(0, 60), side=st.sampled_from("ab"))
@settings(max_examples=5)
def test_transform_in_pieces_is_transform_at_once(projection, cut, side):
    A, B = pairs()
    X = A if side == "a" else B
    fitted = clone(projection).fit(A, B)
    whole = fitted.transform(X, side)
    pieces = np.concatenate([fitted.transform(X[:cut], side), fitted.transform(X[cut:], side)])
    assert whole.dtype == np.float32
    assert whole.flags.c_contiguous
    assert_allclose(pieces, whole, atol=1e-5)


@pytest.mark.parametrize("projection", [p for p in ALL if "b_to_a" not in repr(p)], ids=repr)
@pytest.mark.parametrize("p", [20, 90])  # fewer and more features than pairs
def test_a_sparse_side_gives_what_its_dense_copy_gives(projection, p):
    _, B = pairs(n=60)
    A = counts(60, p, seed=2)
    X, Y = counts(9, p, seed=3), pairs(n=9, seed=1)[1]
    sparse, dense = clone(projection).fit(A, B), clone(projection).fit(A.toarray(), B)
    want = cosines(dense, X.toarray(), Y)
    assert_allclose(cosines(sparse, X, Y), want, atol=2e-3)
    assert_allclose(cosines(dense, X, Y), want, atol=2e-3)  # and either form may be transformed


def test_cca_takes_sparse_on_both_sides_and_is_symmetric():
    A, B = counts(60, 20, seed=2), counts(60, 90, seed=3)
    want = cosines(CCA().fit(A.toarray(), B.toarray()), A.toarray(), B.toarray())
    assert_allclose(cosines(CCA().fit(A, B), A, B), want, atol=1e-3)
    assert_allclose(cosines(CCA().fit(B, A), B, A).T, want, atol=1e-3)


def test_a_large_sparse_side_is_never_made_dense(monkeypatch):
    A = sp.random(1000, 20_000, 1e-3, format="csr", dtype=np.float32, random_state=0)
    A += sp.csr_matrix((np.ones(1000, np.float32), (np.arange(1000), np.arange(1000) % 50)), A.shape)
    B = np.eye(50, dtype=np.float32)[np.arange(1000) % 50] + 0.1
    big = []
    original = sp.csr_matrix.toarray
    monkeypatch.setattr(sp.csr_matrix, "toarray", lambda x, *k: (big.append(x.shape), original(x, *k))[1])
    cca = CCA(dim=40, rank=60).fit(A, B)
    z = cca.transform(A[:100], "a")
    assert z.shape == (100, 40)
    assert cca.score(A[:50], B[:50]) > 0.5  # the 50 columns that matter stand out among 20,000
    assert all(np.prod(shape) < 2 * 10**6 for shape in big)


def test_a_rank_below_the_full_one_keeps_the_principal_directions():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400, 10)) * np.geomspace(50, 5, 10)
    A = z @ rotation(300, 0)[:10] + 0.1 * rng.normal(size=(400, 300)) + 2
    B = z[:, :6] + 0.1 * rng.normal(size=(400, 6))
    sketch = CCA(reg=0, rank=10).fit(A, B)
    exact = CCA(reg=0).fit(PCA(10).fit_transform(A), B)
    assert_allclose(sketch.correlations_, exact.correlations_, atol=1e-4)


# -- units, offsets, extremes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [60, 6])
@pytest.mark.parametrize("projection", [CCA(reg=0, power=0), RidgeMap(alpha=0)], ids=repr)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_without_a_penalty_a_columns_unit_does_not_matter(projection, form, n):
    A, B = (X.astype(float) for X in pairs(n=n, noise=0.5))
    units = np.array([1e-8, 1, 3e7, 1, 1e8, 2e-100, 1])
    plain, scaled = clone(projection).fit(form(A), B), clone(projection).fit(form(A * units), B)
    X = pairs(n=9, noise=0.5, seed=1)[0].astype(float)
    before, after = plain.transform(form(X)), scaled.transform(form(X * units))
    if isinstance(projection, CCA):
        assert_allclose(scaled.correlations_, plain.correlations_, rtol=1e-7)
        assert before.shape == after.shape
        before, after = np.abs(before), np.abs(after)  # a component's sign is free
        if n == 6:
            return  # all correlations are 1, and components of equal correlation may be mixed
    assert_allclose(after, before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "projection", [*ALL, CCA(reg=0), RidgeMap(alpha=0), Relative(center=False)], ids=repr
)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_what_lies_far_from_zero_keeps_its_digits(projection, form):
    """Times of the day in seconds since 1970: near 1.7e9, and 10 apart."""
    A, B = (10 * np.round(X.astype(float), 4) for X in pairs())
    form = np.asarray if isinstance(projection, RidgeMap) and projection.direction == "b_to_a" else form
    near, far = clone(projection).fit(form(A), B), clone(projection).fit(form(A + 1.7e9), B)
    zn, zf = near.transform(form(A)), far.transform(form(A + 1.7e9))
    if isinstance(projection, Relative) and not projection.center:
        assert np.isfinite(zf).all()
        return
    assert_allclose(np.abs(zf), np.abs(zn), atol=2e-3 * np.abs(zn).max())


@pytest.mark.parametrize("projection", ALL, ids=repr)
@pytest.mark.parametrize("unit", [1e-30, 1e-12, 1e12, 1e30])
def test_the_unit_of_a_whole_side_changes_no_score(projection, unit):
    A, B = (X.astype(float) for X in pairs())
    before = cosines(clone(projection).fit(A, B), A, B)
    scaled = clone(projection)
    if isinstance(scaled, RidgeMap):
        scaled.alpha *= unit**2
    if getattr(scaled, "direction", "") == "b_to_a":
        A, B = A, B * unit
    else:
        A = A * unit
    assert_allclose(cosines(scaled.fit(A, B), A, B), before, atol=1e-3)


@pytest.mark.parametrize("projection", ALL, ids=repr)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda B: B * 1e200, "B has numbers up to .*e.20., whose squares float64 cannot hold: scale B down"),
        (lambda B: B * 1e-200, "B varies by .*e-200 only, whose squares float64 cannot hold: scale B up"),
    ],
)
def test_numbers_whose_squares_are_lost_are_refused(projection, change, message):
    A, B = (X.astype(float) for X in pairs())
    with pytest.raises(ValueError, match=message):
        clone(projection).fit(A, change(B))


def test_what_float32_cannot_hold_is_refused_with_its_row():
    A, B = (X.astype(float) for X in pairs())
    ridge = RidgeMap().fit(A, B)
    X = A.copy()
    X[3] = 1e300
    message = r"X \(side 'a'\) has a place in the shared space that float32 cannot hold .*1 of 60 rows \(first: row 3\)"
    for fitted in (ridge, CCA().fit(A, B), Procrustes().fit(A, B)):
        with pytest.raises(ValueError, match=message):
            fitted.transform(X)
    assert np.isfinite(Contrastive(dim=4, epochs=1, progress=False).fit(A, B).transform(X)).all()  # unit rows
    with pytest.raises(ValueError, match="float32 cannot hold .*of size .*e-60.* scale the data before fit"):
        RidgeMap().fit(A, B * 1e-60).transform(B * 1e-60, "b")
    with pytest.raises(ValueError, match="make Relative.*power=3000.* less extreme"):
        Relative(power=3000).fit(A, B).transform(A + 1)


def test_sides_that_do_not_vary_together_are_refused():
    A, B = np.array([[1.0], [-1], [0], [0]]), np.array([[0.0], [0], [2], [-2]])
    for projection in (CCA(), CCA(reg=0), RidgeMap(), RidgeMap(alpha=0), Procrustes()):
        with pytest.raises(ValueError, match="A and B do not vary together on these pairs"):
            projection.fit(A, B)


def test_variation_below_the_rounding_of_the_numbers_is_refused():
    A, B = (X.astype(float) for X in pairs())
    for projection in (CCA(reg=0), RidgeMap(alpha=0), Procrustes(dim=2)):
        with pytest.raises(ValueError, match="A varies by no more than the rounding of its numbers"):
            clone(projection).fit((A * 10 + 1.7e9).astype(np.float32), B)


def test_a_tiny_penalty_leads_smoothly_to_none():
    A, B = (X.astype(float) for X in pairs())
    for kind, name in ((RidgeMap, "alpha"), (CCA, "reg")):
        none, tiny = (kind(**{name: v}).fit(A, B) for v in (0, 1e-14))
        assert_allclose(cosines(tiny, A, B), cosines(none, A, B), atol=1e-6)
        for small in (1e-5, 1e-6, 1e-8, 1e-9):  # and no step where the way of computing changes
            near = [kind(**{name: v}).fit(A, B) for v in (small, small * 1.01)]
            assert_allclose(*(cosines(p, A, B) for p in near), atol=1e-4)


def test_a_penalty_below_rounding_survives_columns_that_say_the_same():
    A, B = (X.astype(float) for X in pairs())
    twice = np.hstack([A, A[:, :3]])
    none, tiny = (RidgeMap(alpha=alpha).fit(twice, B).transform(twice) for alpha in (0, 1e-30))
    assert_allclose(tiny, none, atol=1e-5)
    assert_allclose(none, RidgeMap(alpha=0).fit(A, B).transform(A), atol=1e-5)


def test_a_row_beyond_the_first_block_is_named_by_its_number():
    A, B = (X.astype(float) for X in pairs(n=2500))
    A[2100] = 1e300
    for fitted in (RidgeMap().fit(A[:60], B[:60]), CCA().fit(A[:60], B[:60])):
        with pytest.raises(ValueError, match=r"1 of 2500 rows \(first: row 2100\)"):
            fitted.transform(A)


def test_numpys_integers_are_counts_and_seeds():
    A, B = pairs()
    three = np.int64(3)
    for plain, same in (
        (CCA(dim=3, rank=3), CCA(dim=three, rank=three)),
        (Procrustes(dim=3), Procrustes(dim=three)),
        (Relative(3, 3, seed=3), Relative(three, three, seed=three)),
        (
            Contrastive(3, epochs=3, seed=3, progress=False),
            Contrastive(three, epochs=three, seed=three, progress=False),
        ),
    ):
        assert_allclose(same.fit(A, B).transform(A), plain.fit(A, B).transform(A))


def test_an_item_at_the_mean_has_no_direction():
    A, B = (X.astype(float) for X in pairs())
    for form in (np.asarray, sp.csr_array):
        fitted = Relative().fit(form(A), B)
        near = np.vstack([A[:2], A.mean(0), A.mean(0) + 1e-6])
        with pytest.raises(ValueError, match=r"zero vectors in 1 of 4 rows \(first: row 2\)"):
            fitted.transform(near)
        assert np.isfinite(fitted.transform(near[[0, 1, 3]])).all()


def test_a_fit_that_fails_leaves_everything_as_it_was():
    A, B = pairs()
    for projection in ALL:
        fitted = clone(projection).fit(A, B)
        before = fitted.transform(A)
        with pytest.raises(ValueError, match="NaN"):
            fitted.fit(A[:, :3], B * np.nan)
        assert (fitted.transform(A) == before).all()
    heads = Contrastive(dim=4, epochs=2, progress=False).fit(A, B)
    before = heads.transform(A)
    with pytest.raises(ValueError, match="training diverged"):
        heads.set_params(lr=1e30, epochs=5).fit(A, B)
    assert (heads.transform(A) == before).all()


# -- scikit-learn's protocol ------------------------------------------------------------------------------------


@pytest.mark.parametrize("projection", ALL, ids=repr)
def test_it_is_a_scikit_learn_transformer(projection):
    mro = type(projection).__mro__
    assert mro.index(TransformerMixin) < mro.index(BaseEstimator)
    A, B = pairs()
    fitted = clone(projection).fit(A, B)
    assert clone(fitted).get_params() == projection.get_params()
    assert fitted.n_features_in_ == 7
    assert_allclose(clone(projection).fit_transform(A, B), fitted.transform(A), atol=1e-6)
    copy = pickle.loads(pickle.dumps(fitted))
    assert_allclose(copy.transform(B, "b"), fitted.transform(B, "b"))
    with pytest.raises(NotFittedError, match="not fitted yet"):
        clone(projection).transform(A)


def test_it_works_in_a_pipeline_and_a_grid_search():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [
        f"{color} {shape}" for color in ("red", "green", "blue") for shape in ("ball", "cube", "star")
    ] * 4
    B = np.stack([[t.count(w) for w in ("red", "blue", "ball", "star")] for t in texts]).astype(float)
    chain = make_pipeline(TfidfVectorizer(), CCA(reg=0.1)).fit(texts, B)
    assert chain.transform(["red ball"]).shape == (1, 4)
    A, B = pairs(n=90, noise=1.0)
    search = GridSearchCV(CCA(), {"reg": [0.01, 1.0], "dim": [1, 3]}, cv=3).fit(A, B)
    assert search.best_params_["dim"] == 3
    assert search.best_estimator_.transform(B, "b").shape == (90, 3)


def test_dim_is_an_upper_bound():
    A, B = pairs(n=4)  # three directions at most are seen in four pairs
    assert CCA(dim=64).fit(A, B).transform(A).shape == (4, 3)
    assert Procrustes(dim=64).fit(A, B).transform(A).shape == (4, 3)


def test_linear_map_is_what_transform_does():
    A, B = pairs()
    linear = [p for p in ALL if not isinstance(p, Relative)]
    for projection in linear:
        fitted = clone(projection).fit(A, B)
        for side, X in (("a", A), ("b", B)):
            mean, weights, bias = fitted.linear_map(side)
            z = (X - mean) @ weights + bias
            if fitted.unit_rows:
                z /= np.linalg.norm(z, axis=1, keepdims=True)
            assert_allclose(fitted.transform(X, side), z, atol=1e-4)
    assert isinstance(fitted.linear_map("a"), LinearMap)


# -- contrastive ------------------------------------------------------------------------------------------------


def test_contrastive_learns_what_a_line_cannot_and_stops_in_time():
    rng = np.random.default_rng(0)
    z = rng.uniform(-2, 2, size=(900, 2))
    A, B = z, np.abs(z) @ rng.normal(size=(2, 6)) + 0.05 * rng.normal(size=(900, 6))
    heads = Contrastive(dim=8, hidden=64, epochs=60, lr=0.01, patience=10, progress=False)
    deep = heads.fit(A[:700], B[:700])
    line = clone(heads).set_params(hidden=None).fit(A[:700], B[:700])
    assert deep.score(A[700:], B[700:]) > 2 * line.score(A[700:], B[700:])
    losses = line.history_["validation"]
    assert line.best_epoch_ == int(np.argmin(losses))
    assert len(losses) == min(60, line.best_epoch_ + 11)  # it went on for patience epochs more, then stopped
    assert line.temperature_ != pytest.approx(0.3, abs=1e-4)
    with pytest.raises(TypeError, match="not linear"):
        deep.linear_map("a")


def test_contrastive_keeps_the_best_epoch_not_the_last():
    A, B = pairs(n=60, noise=2.0)
    long = Contrastive(hidden=64, epochs=60, lr=0.02, patience=60, progress=False).fit(A, B)
    assert long.best_epoch_ < 50  # it overfits
    short = clone(long).set_params(epochs=long.best_epoch_ + 1).fit(A, B)
    assert_allclose(short.transform(A), long.transform(A), atol=1e-6)
    assert_allclose(short.history_["validation"][-1], min(long.history_["validation"]))


def test_contrastive_is_repeatable_and_leaves_the_global_generators_alone():
    import torch

    A, B = pairs()
    before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    heads = Contrastive(dim=4, epochs=3, seed=5, progress=False)
    first, second = (clone(heads).fit(A, B).transform(A) for _ in range(2))
    assert (first == second).all()
    assert np.abs(first - clone(heads).set_params(seed=6).fit(A, B).transform(A)).max() > 1e-3
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_contrastive_without_a_hold_out_trains_every_epoch():
    A, B = pairs()
    heads = Contrastive(dim=4, epochs=30, validation=0, patience=2, progress=False).fit(A, B)
    assert len(heads.history_["train"]) == 30
    assert heads.best_epoch_ == 29
    assert heads.history_["validation"] == []
    assert_allclose(np.linalg.norm(heads.transform(A), axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("hidden", [None, 8])
def test_contrastive_does_not_care_about_units(hidden):
    A, B = pairs()
    heads = Contrastive(dim=4, hidden=hidden, epochs=20, lr=0.02, progress=False)
    plain, scaled = clone(heads).fit(A, B), clone(heads).fit(1000 * A + 50, B / 100)
    assert_allclose(scaled.transform(1000 * A + 50), plain.transform(A), atol=2e-2)
    assert_allclose(scaled.transform(B / 100, "b"), plain.transform(B, "b"), atol=2e-2)
    assert np.abs(plain.transform(A) - plain.transform(2 * A)).max() > 0.1  # a mean and a bias are at work


def test_contrastive_refitted_with_a_hidden_layer_forgets_its_linear_map():
    A, B = pairs()
    heads = Contrastive(dim=4, epochs=2, progress=False).fit(A, B)
    heads.set_params(hidden=8).fit(A, B)
    with pytest.raises(TypeError, match="not linear"):
        heads.linear_map("a")


def test_contrastive_shows_its_progress_only_when_asked(capsys):
    A, B = pairs()
    Contrastive(dim=4, epochs=2, progress=False).fit(A, B)
    assert capsys.readouterr().err == ""
    Contrastive(dim=4, epochs=2).fit(A, B)
    assert "InfoNCE" in capsys.readouterr().err


# -- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("projection", ALL, ids=repr)
def test_bad_pairs_are_refused_by_name(projection):
    A, B = pairs()
    fit = clone(projection).fit
    with pytest.raises(ValueError, match="A has 60 rows and B has 59; want pairs"):
        fit(A, B[:59])
    with pytest.raises(ValueError, match=r"B has NaN or infinity in 1 of 60 rows \(first: row 7\)"):
        fit(A, np.where(np.arange(60)[:, None] == 7, np.nan, B))
    with pytest.raises(ValueError, match="A is 1-D"):
        fit(A[0], B)
    with pytest.raises(ValueError, match="A and B have 1 sample each; want at least"):
        fit(A[:1], B[:1])
    with pytest.raises(ValueError, match="B is constant: all 60 rows are equal"):
        fit(A, np.ones((60, 3)))
    with pytest.raises(ValueError, match="A is constant"):
        fit(np.ones((60, 3)), B)
    with pytest.raises(ValueError, match="fitted on pairs"):
        fit(A)
    with pytest.raises(ValueError, match="A is empty"):
        fit(A[:0], B[:0])
    with pytest.raises(TypeError, match=r"A is text .* encode it first"):
        fit(["a cat"] * 60, B)
    fitted = clone(projection).fit(A, B)
    with pytest.raises(ValueError, match=r"side is 'c'; known: 'a', 'b'"):
        fitted.transform(A, "c")
    with pytest.raises(
        ValueError, match=r"X \(side 'b'\) has wrong columns: X has 7 features, but .* expecting 5"
    ):
        fitted.transform(A, "b")
    with pytest.raises(
        ValueError, match=r"side is float32 array \(60, 5\); want 'a' or 'b', one table at a time"
    ):
        fitted.transform(A, B)
    with pytest.raises(ValueError, match="A is empty"):
        fitted.score(A[:0], B[:0])
    with pytest.raises(ValueError, match="A has 59 rows and B has 60"):
        fitted.score(A[1:], B)
    with pytest.raises(ValueError, match="B has wrong columns"):
        fitted.score(A, A)
    assert fitted.transform(A[:0]).shape == (0, fitted.transform(A[:1]).shape[1])


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        (CCA(dim=0), "dim is 0; want a whole number"),
        (CCA(dim=2.5), "dim is 2.5"),
        (CCA(rank=0), "rank is 0"),
        (CCA(reg=1.5), "reg is 1.5; want a number of at least 0 and at most 1"),
        (CCA(power=-1), "power is -1"),
        (RidgeMap(alpha=-1), "alpha is -1"),
        (RidgeMap(direction="a->b"), "direction is 'a->b'; known: 'a_to_b', 'b_to_a'"),
        (Procrustes(dim=-3), "dim is -3"),
        (Relative(anchors=0), "anchors is 0"),
        (Relative(top_k=0), "top_k is 0"),
        (Relative(seed=-1), "seed is -1"),
        (CCA(power=1e6), r"power is 1000000.0; the weight .* leaves float64"),
        (Contrastive(epochs=0, progress=False), "epochs is 0"),
        (Contrastive(dim=None, progress=False), "dim is None; want a whole number"),
        (Contrastive(seed=1.5, progress=False), "seed is 1.5"),
        (Contrastive(validation=0.9, progress=False), "validation is 0.9"),
        (Contrastive(temperature=0, progress=False), "temperature is 0"),
        (
            Contrastive(temperature=None, progress=False),
            "temperature is None; want a number of at least 0.01",
        ),
        (Contrastive(lr=-1, progress=False), "lr is -1; want a number of at least 0"),
        (Contrastive(lr=1e40, progress=False), "lr is 1e.40; want a number .* at most 1e.30"),
        (Contrastive(lr="a", progress=False), "lr is str 'a'; want a number"),
        (
            Contrastive(weight_decay=np.nan, progress=False),
            "weight_decay is nan; want a number of at least 0",
        ),
    ],
    ids=repr,
)
def test_bad_parameters_are_refused_by_name(projection, message):
    with pytest.raises(ValueError, match=message):
        projection.fit(*pairs())


def test_ridge_wants_a_dense_target_and_says_what_to_do():
    A, B = counts(60, 20, seed=2), pairs()[1]
    message = "is a float32 sparse matrix .*, and side '{}' is the target of RidgeMap.*predict the other way"
    with pytest.raises(TypeError, match=f"^B {message.format('b')}"):
        RidgeMap().fit(B, A)
    with pytest.raises(TypeError, match=f"^A {message.format('a')}"):
        RidgeMap(direction="b_to_a").fit(A, B)
    turned = RidgeMap(direction="b_to_a").fit(B, A)
    assert turned.transform(A, "b").shape == (60, 5)
    with pytest.raises(TypeError, match=r"^X \(side 'a'\) is a float32 sparse"):
        turned.transform(sp.csr_array(B), "a")


def test_relative_refuses_what_has_no_direction():
    A, B = counts(60, 20, seed=2), pairs()[1]
    raw = Relative(center=False).fit(A, B)
    with pytest.raises(ValueError, match=r"X \(side 'a'\) has zero vectors in 1 of 60 rows"):
        raw.transform(sp.vstack([A[:59], 0 * A[59:]]))
    with pytest.raises(TypeError, match="not linear"):
        raw.linear_map("a")
    with pytest.raises(ValueError, match="A has zero vectors"):
        Relative(center=False).fit(sp.vstack([A[:59], 0 * A[59:]]), B)


# -- real pairs -------------------------------------------------------------------------------------------------


def sounds_and_pictures():
    """Cepstra of 3,000 recordings and oriented gradients of 3,000 pictures, with the digits and the speakers."""
    from scipy.fft import dct

    digits = spoken_digits(seconds=2.3, progress=False)
    mel = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 26) / 2595) - 1)
    f = np.fft.rfftfreq(256, 1 / 8000)
    lo, mid, hi = mel[:-2, None], mel[1:-1, None], mel[2:, None]
    bank = np.maximum(0, np.minimum((f - lo) / (mid - lo), (hi - f) / (hi - mid)))
    sounds = []
    for wave, samples in zip(digits.audio, digits.factors["samples"], strict=True):
        x = np.pad(wave[:samples], (0, 256))
        frames = np.lib.stride_tricks.sliding_window_view(x, 256)[::80] * np.hanning(256)
        log_mel = np.log(np.abs(np.fft.rfft(frames)) ** 2 @ bank.T + 1e-4)
        at = np.linspace(0, len(log_mel) - 1, 16).round().astype(int)
        cepstra = dct(log_mel[at], norm="ortho")[:, 1:14]
        sounds.append(((cepstra - cepstra.mean(0)) / (cepstra.std(0) + 0.5)).ravel())
    image = 1 - digits.image / np.float32(255)
    gy, gx = np.gradient(image, axis=(1, 2))
    angle = (np.arctan2(gy, gx) % np.pi) / np.pi * 8
    hog = []
    for k in range(8):
        near = np.maximum(0, 1 - np.minimum(np.abs(angle - k), 8 - np.abs(angle - k)))
        hog.append((np.hypot(gx, gy) * near).reshape(-1, 7, 4, 7, 4).sum(axis=(2, 4)))
    pictures = np.sqrt(np.stack(hog, -1).reshape(len(image), -1))
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    return np.float32(sounds), pictures.astype(np.float32), digits.label, digits.factors["speaker"]


@pytest.mark.realdata
def test_spoken_digits_find_pictures_of_the_same_digit_for_unseen_speakers(real_data, monkeypatch):
    """1,000 pairs of five speakers with pictures; the sixth speaker's 500 words look among 1,500 new pictures."""
    monkeypatch.setenv("MMALIGN_NB_DATA", str(real_data))
    sounds, pictures, digit, speaker = sounds_and_pictures()
    rng = np.random.default_rng(0)
    known, gallery = np.split(rng.permutation(len(pictures)), 2)
    methods = {
        "relative": Relative(top_k=100, power=4),
        "cca": CCA(reg=0.3, power=2),
        "ridge": RidgeMap(alpha=1000),
        "procrustes": Procrustes(dim=64),
        "contrastive": Contrastive(progress=False),
    }
    hits = {name: [] for name in (*methods, "none")}
    for unseen in ("george", "theo"):
        train = rng.choice(np.flatnonzero(speaker != unseen), 1000, replace=False)
        partner = np.array([rng.choice(known[digit[known] == d]) for d in digit[train]])
        test = np.flatnonzero(speaker == unseen)

        def hit(za, zb, test=test):
            return (digit[gallery][cosine_similarity(za, zb).argmax(1)] == digit[test]).mean()

        for name, method in methods.items():
            method.fit(sounds[train], pictures[partner])
            hits[name].append(
                hit(method.transform(sounds[test], "a"), method.transform(pictures[gallery], "b"))
            )
        hits["none"].append(hit(sounds[test], pictures[gallery][:, : sounds.shape[1]]))
    mean = {name: round(float(np.mean(h)), 3) for name, h in hits.items()}
    print(mean)
    assert mean["none"] < 0.2, mean  # without pairs the two sides cannot be compared
    for name in ("relative", "cca"):
        assert mean[name] > 0.6, mean
    for name in ("ridge", "procrustes"):
        assert 0.5 < mean[name] < mean["relative"], mean
    assert 0.45 < mean["contrastive"] < mean["relative"], mean


@pytest.mark.parametrize("validation", [0, 0.2])
def test_contrastive_training_that_diverges_says_so(validation):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 40, 5))
    with pytest.raises(
        ValueError, match=r"training diverged in epoch \d+: the loss .*is (nan|inf); reduce lr"
    ):
        Contrastive(lr=1e30, epochs=5, validation=validation, progress=False).fit(A, B)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (0, "the (temperature is inf|heads give no finite vectors)"),
        (0.2, "the loss of the held-out pairs is nan"),
    ],
)
def test_contrastive_that_diverges_in_its_last_step_keeps_nothing(validation, message):
    """The only training loss was measured before the step; untrained weights are no answer either."""
    A, B = np.random.default_rng(0).normal(size=(2, 40, 5))
    heads = Contrastive(lr=1e20, epochs=1, hidden=8, validation=validation, progress=False)
    with pytest.raises(ValueError, match=f"training diverged in epoch 1: {message}; reduce lr"):
        heads.fit(A, B)
    with pytest.raises(NotFittedError):
        heads.transform(A)
