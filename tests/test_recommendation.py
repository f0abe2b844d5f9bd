"""Chapter 08's own functions: the factorisation is that of `implicit`, nDCG that of scikit-learn, and users do as is stated."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "08_recommendation.ipynb"


@pytest.fixture
def chapter():
    """The functions of the chapter, each as it stands there, without running the chapter."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    wanted = ("unit", "tastes", "visits", "ndcg", "solve", "als", "standard")
    scope = {"np": np}
    for node in (n for c in code for n in ast.parse(c).body if isinstance(n, ast.FunctionDef)):
        if node.name in wanted:
            exec(compile(ast.Module([node], []), str(NOTEBOOK), "exec"), scope)
    assert set(wanted) <= set(scope)
    return SimpleNamespace(scope=scope, **{name: scope[name] for name in wanted})


def taken_by_chance(users=60, items=45):
    taken = np.random.default_rng(0).random((users, items)) < 0.12
    taken[:, -3:] = False  # three new items
    return taken


def test_the_factorisation_is_that_of_implicit(chapter):
    """The same start, and the same number of sweeps: the same table."""
    als = pytest.importorskip("implicit.cpu.als")
    import scipy.sparse as sp

    taken = taken_by_chance()
    X, Y = chapter.als(taken, dim=6, sweeps=4)
    theirs = als.AlternatingLeastSquares(
        factors=6, regularization=5, alpha=5, iterations=4, use_cg=False, dtype=np.float64, num_threads=1
    )
    theirs.item_factors = np.random.default_rng(0).normal(0, 0.1, (taken.shape[1], 6))
    theirs.user_factors = np.zeros((len(taken), 6))
    theirs.fit(sp.csr_matrix(taken.astype(float)), show_progress=False)
    assert np.allclose(X, theirs.user_factors, atol=1e-8)
    assert np.allclose(Y, theirs.item_factors, atol=1e-8)
    assert np.abs(X @ Y.T).max() > 0.1  # not all zero


def test_each_half_step_lowers_the_loss(chapter):
    taken = taken_by_chance()
    weight = np.where(taken, 5, 1)

    def loss(X, Y):
        return (weight * (taken - X @ Y.T) ** 2).sum() + 5 * ((X**2).sum() + (Y**2).sum())

    Y = np.random.default_rng(0).normal(0, 0.1, (taken.shape[1], 6))
    X = np.random.default_rng(1).normal(0, 0.1, (len(taken), 6))
    losses = [loss(X, Y)]
    for _ in range(3):
        X = chapter.solve(taken, Y)
        losses.append(loss(X, Y))
        Y = chapter.solve(taken.T, X)
        losses.append(loss(X, Y))
    assert (np.diff(losses) < 0).all()
    near = np.random.default_rng(2).normal(0, 1e-3, (20, *X.shape))
    best = chapter.solve(taken, Y)
    assert all(loss(best + step, Y) > loss(best, Y) for step in near)


def test_ndcg_by_hand_is_scikit_learns(chapter):
    rng = np.random.default_rng(0)
    scores, right = rng.random((30, 25)), rng.random((30, 25)) < 0.1
    users = right.any(axis=1)
    assert not users.all()  # some have no right item, and do not count
    theirs = [ndcg_score(r[None], s[None], k=10) for r, s in zip(right[users], scores[users], strict=True)]
    assert np.allclose(chapter.ndcg(scores, right), theirs)


def test_users_choose_as_is_stated(chapter):
    """With chance as it is, an item is taken first with a probability proportional to exp(3 fits + popularity)."""
    chapter.scope["items"], chapter.scope["new"] = range(30), np.arange(30) >= 25
    fits = np.zeros((4000, 30), int)
    fits[:, :4], fits[:, 4] = 1, 2
    user, item, day = chapter.visits(fits, np.random.default_rng(0), each=1)
    assert user.tolist() == list(range(4000))
    weight = np.exp(3.0 * fits[0] + np.random.default_rng(0).normal(size=30))
    for some, there in ((day >= 80, np.ones(30, bool)), (day < 80, ~chapter.scope["new"])):
        p = np.where(there, weight, 0) / weight[there].sum()
        share = np.bincount(item[some], minlength=30) / some.sum()
        assert (np.abs(share - p) <= 4.5 * np.sqrt(p * (1 - p) / some.sum())).all()
    assert (item[day < 80] < 25).all()


def test_nobody_takes_an_item_twice_and_days_ascend(chapter):
    chapter.scope["items"], chapter.scope["new"] = range(60), np.arange(60) >= 50
    user, item, day = chapter.visits(np.zeros((20, 60), int), np.random.default_rng(0))
    assert len(set(zip(user, item, strict=True))) == len(user) == 800
    assert all((np.diff(day[user == u]) > 0).all() for u in range(20))
    assert (day[item >= 50] >= 80).all()


def test_loves_are_two_factors_and_fits_count_them(chapter):
    rng = np.random.default_rng(5)
    columns = [rng.integers(0, k, 200) for k in (12, 8, 3, 4, 4)]
    chapter.scope["factors"] = list(zip("abcde", columns, strict=True))
    chapter.scope["items"] = range(200)
    loved, fits = chapter.tastes(np.random.default_rng(0), users=50)
    assert (loved[:, 0] != loved[:, 1]).all()
    assert set(np.unique(fits)) == {0, 1, 2}
    for (f, g), row in zip(loved, fits, strict=True):
        both = np.flatnonzero(row == 2)  # all that fit twice agree in both factors
        assert len({(columns[f][i], columns[g][i]) for i in both}) <= 1
        if len(both):
            a, b = columns[f][both[0]], columns[g][both[0]]
            assert ((columns[f] == a).astype(int) + (columns[g] == b) == row).all()


def test_helpers(chapter):
    X = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert chapter.unit(X).tolist() == [[0.6, 0.8], [0.0, 0.0]]
    assert chapter.standard(np.array([[1.0, 3.0], [5.0, 5.0]])).tolist() == [[-1.0, 1.0], [0.0, 0.0]]
