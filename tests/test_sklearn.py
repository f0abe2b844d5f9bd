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
