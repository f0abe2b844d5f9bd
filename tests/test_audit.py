"""Pairs that are given and may be wrong: against brute force, and on folders in which captions were swapped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmalign_nb.datasets import glyphs, things
from mmalign_nb.evaluate import audit
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.project import CCA
from mmalign_nb.similarity import similarity
from mmalign_nb.threshold import Labelling


@given(st.integers(0, 10_000))
def test_it_is_brute_force(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 7, 2)
    S = rng.integers(-3, 4, (n, m)).astype(float)
    marks = rng.random((n, m)) < 0.4
    if not marks.any():
        marks[0, 0] = True
    found = audit(S, np.argwhere(marks))
    told = {}
    for i, j in np.argwhere(marks).tolist():
        rivals = [S[i, k] for k in range(m) if not marks[i, k]] + [
            S[k, j] for k in range(n) if not marks[k, j]
        ]
        told[i, j] = max(rivals, default=-np.inf) - S[i, j]
    assert {tuple(p): s for p, s in zip(found.pairs.tolist(), found.suspicion.tolist(), strict=True)} == told
    assert (np.diff(found.suspicion[np.isfinite(found.suspicion)]) <= 0).all()
    for (i, j), b, a in zip(found.pairs, found.better_b, found.better_a, strict=True):
        assert (b >= 0) == any(S[i, k] > S[i, j] for k in range(m) if not marks[i, k])
        assert (a >= 0) == any(S[k, j] > S[i, j] for k in range(n) if not marks[k, j])
        assert b < 0 or (S[i, b] == S[i][~marks[i]].max() and not marks[i, b])


def test_embeddings_are_compared_in_blocks_with_the_same_answer():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 300, 8)).astype(np.float32)
    whole, blocks = audit(similarity(A, B), "diagonal"), audit((A, B), "diagonal")
    assert np.array_equal(whole.pairs, blocks.pairs)
    assert np.allclose(whole.suspicion, blocks.suspicion, atol=1e-6)


def swapped(n, share, seed):
    """Captions of n items of which a share went round among themselves; which pairs are wrong."""
    rng = np.random.default_rng(seed)
    some = rng.choice(n, max(2, round(share * n)), replace=False)
    caption = np.arange(n)
    caption[some] = np.roll(some, 1)
    return caption, caption != np.arange(n)


def found_in_first_tenth(found, wrong):
    first = found.pairs[: len(found.pairs) // 10, 0]
    return wrong[first].sum() / wrong.sum()


@pytest.mark.parametrize("seed", range(3))
def test_swapped_captions_come_first_with_a_frozen_encoder(seed):
    symbols = glyphs("DejaVu Serif")[np.random.default_rng(seed).choice(3000, 400, replace=False)]
    caption, wrong = swapped(400, 0.05, seed)
    net = CnnImage.load("glyphs")
    texts = TfidfText.load("glyphs").transform([symbols.text[k] for k in caption])
    found = audit((net.transform(symbols.image), net.transform(texts, side="b")), "diagonal")
    assert found_in_first_tenth(found, wrong) >= 0.9
    asked = Labelling(found.matches, target=0.8, delta=0.1, seed=0)  # right: it is really wrong
    for _ in range(60):
        if (pair := asked.ask()) is None:
            break
        asked.answer(bool(wrong[pair[0]]))
    kept = asked.kept.pairs
    assert len(kept) == 0 or wrong[kept[:, 0]].mean() >= 0.8


@pytest.mark.parametrize("seed", range(2))
def test_swapped_captions_come_first_with_an_encoder_fitted_to_the_other_pairs(seed):
    """The folder's own pairs, 5 % of them wrong, are all there is to learn from: each is scored by a model that has not seen it."""
    items = things(400, seed=seed + 20)
    caption, wrong = swapped(400, 0.05, seed)
    A = CnnImage.load("things").transform(items.image, side="a") @ np.random.default_rng(9).normal(
        size=(128, 64)
    )
    B = TfidfText().fit(items.text).transform([items.text[k] for k in caption]).toarray()
    S = np.empty((400, 400), np.float32)
    for fold in np.array_split(np.random.default_rng(seed).permutation(400), 5):
        rest = np.setdiff1d(np.arange(400), fold)
        cca = CCA().fit(A[rest], B[rest])
        S[fold] = similarity(cca.transform(A[fold]), cca.transform(B, side="b"))
    assert found_in_first_tenth(audit(S, "diagonal"), wrong) >= 0.8


def test_what_it_refuses():
    with pytest.raises(ValueError, match="pairs is empty"):
        audit(np.eye(2), np.empty((0, 2), int))
    with pytest.raises(ValueError, match="scores"):
        audit([[np.nan]], "diagonal")
    with pytest.raises(ValueError, match="pairs"):
        audit(np.eye(2), [(0, 5)])
