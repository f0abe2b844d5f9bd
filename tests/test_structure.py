"""Pairs without a known pair: where the inner similarities tell, where they cannot, and that labels say which."""

import sys

import numpy as np
import pytest

from mmalign_nb.align import structure_match
from mmalign_nb.datasets import glyphs
from mmalign_nb.threshold import Labelling


def turned(n, noise, seed=0, d=8):
    """Rows, and the same rows in another order, turned in space and blurred; and who is who."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, d)) * np.arange(1, d + 1)
    order = rng.permutation(n)
    B = (A @ np.linalg.qr(rng.normal(size=(d, d)))[0])[order] + noise * rng.normal(size=(n, d))
    return A, B, np.argsort(order)


def right(found, partner):
    return (partner[found.pairs[:, 0]] == found.pairs[:, 1]).mean()


@pytest.mark.parametrize("seed", range(3))
def test_a_space_that_is_turned_is_turned_back(seed):
    A, B, partner = turned(120, 0.2, seed)
    found = structure_match(A, B)
    assert right(found, partner) > 0.95
    assert found.scores.min() > 0.9
    assert len(found.unmatched_a) == len(found.unmatched_b) == 0


def test_order_and_scale_of_rows_change_nothing():
    A, B, _ = turned(60, 0.1)
    found, order = structure_match(A, B), np.random.default_rng(1).permutation(60)
    again = structure_match(7 * A[order] + 3, B)
    assert {(order[i], j) for i, j in again.pairs} == set(map(tuple, found.pairs))


def test_the_shorter_side_is_matched_whole():
    A, B, partner = turned(90, 0.05)
    found = structure_match(A[:70], B)
    assert found.shape == (70, 90)
    assert len(found) == 70
    assert len(found.unmatched_b) == 20
    assert right(found, partner) > 0.5


def test_symbols_find_themselves_in_another_typeface_and_a_few_answers_prove_it():
    a, b = glyphs("DejaVu Sans"), glyphs("DejaVu Serif")
    both = np.intersect1d(a.factors["codepoint"], b.factors["codepoint"])
    some = np.random.default_rng(0).choice(both, 300, replace=False)
    X, Y = (s.image[np.searchsorted(s.factors["codepoint"], some)].reshape(300, -1) / 255 for s in (a, b))
    order = np.random.default_rng(1).permutation(300)
    found, partner = structure_match(X, Y[order]), np.argsort(order)
    assert right(found, partner) > 0.45  # chance: one of 300
    labelled = Labelling(found, target=0.8, delta=0.1, seed=0)
    for _ in range(100):
        if (pair := labelled.ask()) is None:
            break
        labelled.answer(bool(partner[pair[0]] == pair[1]))
    assert len(labelled.kept) > 20
    assert right(labelled.kept, partner) > 0.75


def test_a_ring_has_no_beginning_and_the_labels_say_so():
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    A, B = (np.c_[np.cos(angle), np.sin(angle)] + 0.01 * rng.normal(size=(100, 2)) for _ in range(2))
    found = structure_match(A, B)
    assert found.scores.mean() > 0.95, "inside, all is well"
    assert right(found, np.arange(100)) < 0.2, "and yet it is turned"
    labelled = Labelling(found, target=0.8, delta=0.1, seed=0)
    for _ in range(40):
        if (pair := labelled.ask()) is None:  # nothing can be kept any more
            break
        labelled.answer(bool(pair[0] == pair[1]))
    assert len(labelled.kept) == 0


def test_what_it_refuses(monkeypatch):
    A, B, _ = turned(20, 0)
    for bad, said in (
        ((A[:2], B), "A has 2 rows"),
        ((np.ones((5, 2)), B), "A has equal rows"),
        ((A, B * np.nan), "B has"),
        ((np.zeros((3001, 1)), B), "take a sample"),
    ):
        with pytest.raises(ValueError, match=said):
            structure_match(*bad)
    with pytest.raises(ValueError, match="alpha"):
        structure_match(A, B, alpha=0)
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match=r"mmalign_nb\[scale\]"):
        structure_match(A, B)
