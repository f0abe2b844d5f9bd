"""Projections as scikit-learn's citizens: its own checks, and what a reader does with tables, names and pipelines."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mmalign_nb import project


def second_table(y):
    """A second table where scikit-learn's checks have one column y: the column and its square.

    With y alone an item would be nothing but a sign, and one at the mean of classes 0, 1, 2 would have no direction.
    """
    y = np.asarray(y)
    return np.column_stack([y, y**2]) if y.size == len(y) and y.dtype.kind in "iuf" else y


def adapted(kind):
    """The projection, but ``fit`` and ``score`` take scikit-learn's 1-D y.

    It has a name of its own: what is called CCA is tested as scikit-learn's, whose ``transform(X, y)`` returns two tables.
    """

    class Adapted(kind):
        def fit(self, X, y=None):
            return super().fit(X, None if y is None else second_table(y))

        def score(self, X, y):
            return super().score(X, second_table(y))

    Adapted.__name__ = Adapted.__qualname__ = f"Pairs{kind.__name__}"
    Adapted.__init__ = kind.__init__
    globals()[Adapted.__name__] = Adapted  # pickle looks for it here
    return Adapted


EXPECTED = {
    "check_complex_data": "a wrong dtype is a TypeError in the whole package, and its words name the argument",
    "check_dtype_object": "it wants Python's own words for float({}); ours say which argument holds a dict",
}


@parametrize_with_checks(
    [
        adapted(project.CCA)(),
        adapted(project.RidgeMap)(),
        adapted(project.Procrustes)(),
        adapted(project.Relative)(),
        adapted(project.Contrastive)(dim=4, epochs=2, progress=False),
    ],
    expected_failed_checks=lambda projection: EXPECTED,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# -- tables, names, pipelines -----------------------------------------------------------------------------------


def tables(n=40):
    """Two tables with columns and row names of their own."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 3))
    A, B = (z @ rng.normal(size=(3, p)) + 0.3 * rng.normal(size=(n, p)) for p in (5, 4))
    rows = [f"item {i}" for i in range(n)]
    return (
        pd.DataFrame(A, index=rows, columns=["red", "green", "blue", "loud", "soft"]),
        pd.DataFrame(B, index=rows, columns=["tall", "round", "red", "old"]),
    )


MODELS = [
    project.CCA(dim=3),
    project.RidgeMap(),
    project.RidgeMap(direction="b_to_a"),
    project.Procrustes(),
    project.Relative(anchors=6),
    project.Contrastive(dim=4, epochs=2, progress=False),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_either_side_comes_out_as_a_table_with_names_of_rows_and_columns(model):
    from sklearn.base import clone

    A, B = tables()
    plain = clone(model).fit(A.to_numpy(), B.to_numpy())
    model = clone(model).set_output(transform="pandas").fit(A, B)
    names = [f"{type(model).__name__.lower()}{k}" for k in range(plain.transform(A.to_numpy()).shape[1])]
    assert model.get_feature_names_out().tolist() == names
    for X, side in ((A, "a"), (B, "b")):
        z = model.transform(X[:7], side=side)
        assert z.index.tolist() == X.index[:7].tolist()
        assert z.columns.tolist() == names
        np.testing.assert_array_equal(z, plain.transform(X[:7].to_numpy(), side=side))
    assert model.fit_transform(A, B).columns.tolist() == names
    assert model.score(A, B) == plain.score(A.to_numpy(), B.to_numpy())
    assert type(model.set_output(transform="default").transform(A)) is np.ndarray
    assert type(clone(model).fit(A, B).transform(A)) is np.ndarray


def test_each_sides_columns_are_known_by_name():
    A, B = tables()
    cca = project.CCA().fit(A, B)
    assert cca.feature_names_in_.tolist() == A.columns.tolist()
    assert cca.n_features_in_ == 5
    with pytest.raises(ValueError, match=r"X \(side 'a'\) has column 'soft' at place 0, where fit had 'red'"):
        cca.transform(A[A.columns[::-1]])
    with pytest.raises(
        ValueError, match=r"X \(side 'b'\) has column 'round' at place 0, where fit had 'tall'"
    ):
        cca.transform(B[["round", "tall", "red", "old"]], side="b")
    with pytest.raises(ValueError, match="B has column 'red' at place 0, where fit had 'tall'"):
        cca.score(A, A[["red", "green", "blue", "loud"]])
    # without names on one of the two there is nothing to compare, and nothing to warn of
    np.testing.assert_array_equal(cca.transform(B.to_numpy(), "b"), cca.transform(B, "b"))
    numbered = project.CCA().fit(A.to_numpy(), B.set_axis(range(4), axis=1))
    np.testing.assert_array_equal(numbered.transform(B, "b"), cca.transform(B, "b"))
    assert not hasattr(numbered, "feature_names_in_")
    assert not hasattr(cca.fit(A.to_numpy(), B), "feature_names_in_")  # an earlier fit's are gone


def test_tables_go_through_a_pipeline_and_come_out_named():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    A, B = tables()
    chain = make_pipeline(StandardScaler(), project.CCA(dim=2)).set_output(transform="pandas").fit(A, B)
    z = chain.transform(A)
    assert z.columns.tolist() == chain.get_feature_names_out().tolist() == ["cca0", "cca1"]
    assert z.index.tolist() == A.index.tolist()


def test_polars_tables_are_taken_and_given():
    pl = pytest.importorskip("polars")
    A, B = (pl.from_pandas(X) for X in tables())
    cca = project.CCA(dim=2).set_output(transform="polars").fit(A, B)
    assert cca.transform(B, "b").columns == ["cca0", "cca1"]
    with pytest.raises(ValueError, match="has column 'soft' at place 0"):
        cca.transform(A[:, ::-1])


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_sparse_is_taken_in_any_format_on_either_side_or_refused_in_one_sentence(model):
    import scipy.sparse as sp
    from sklearn.base import clone

    A, B = (X.to_numpy() for X in tables())
    dense = clone(model).fit(A, B)
    refusal = r"sparse matrix .*side '[ab]' is the target .*; want it dense: predict the other way"
    for form in (sp.csr_array, sp.csc_array, sp.coo_array, sp.lil_array, sp.csr_matrix):
        for pair, side in (((form(A), B), "a"), ((A, form(B)), "b")):
            x = pair["ab".index(side)]
            if side == model._dense_side():
                with pytest.raises(TypeError, match=refusal):
                    clone(model).fit(*pair)
                with pytest.raises(TypeError, match=refusal):
                    dense.transform(x, side)
                continue
            fitted = clone(model).fit(*pair)
            np.testing.assert_allclose(
                fitted.transform(x, side), fitted.transform(x.toarray(), side), atol=1e-5
            )
            np.testing.assert_allclose(
                dense.transform(x, side), dense.transform(x.toarray(), side), atol=1e-5
            )
            assert fitted.score(*pair) == pytest.approx(dense.score(A, B), abs=0.01)
