"""The index: scikit-learn is the reference; adding in pieces and saving change nothing; ids and scores always."""

import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from mmalign_nb.search import Hits, Index, RangeHits
from mmalign_nb.similarity import binarize, similarity

METRICS = ("cosine", "dot", "euclidean", "hamming")


def vectors(n, d=12, seed=0, metric="cosine"):
    x = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return x > 0 if metric == "hamming" else x


def same(a, b):
    return all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(("metric", "sign"), [("cosine", 1), ("euclidean", 0)])
def test_against_scikit_learn(metric, sign):
    gallery, queries = vectors(900, seed=0), vectors(70, seed=1)
    hits = Index(metric).add(gallery).search(queries, k=7)
    distances, ids = (
        NearestNeighbors(n_neighbors=7, metric=metric, algorithm="brute").fit(gallery).kneighbors(queries)
    )
    assert isinstance(hits, Hits)
    np.testing.assert_array_equal(hits.ids, ids)
    np.testing.assert_allclose(hits.scores, sign - distances, atol=1e-5)


@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_similarity(metric):
    gallery, queries = vectors(200, seed=0, metric=metric), vectors(30, seed=1, metric=metric)
    names = np.array([f"item {i}" for i in range(200)])
    hits = Index(metric).add(gallery, ids=names).search(queries, k=200)
    S = similarity(queries, gallery, metric)
    order = np.argsort(-S, axis=1, kind="stable")
    np.testing.assert_array_equal(hits.ids, names[order])
    np.testing.assert_array_equal(hits.scores, np.take_along_axis(S, order, 1))


@given(cuts=st.lists(st.integers(0, 60), max_size=5), metric=st.sampled_from(METRICS), named=st.booleans())
@settings(max_examples=30)
def test_adding_in_pieces_is_adding_at_once(cuts, metric, named):
    gallery, queries = vectors(60, 4, 0, metric), vectors(9, 4, 1, metric)
    ids = [f"n{i}" for i in range(60)] if named else None
    at_once, in_pieces = Index(metric).add(gallery, ids), Index(metric)
    edges = [0, *sorted(cuts), 60]
    for lo, hi in pairwise(edges):
        in_pieces.add(gallery[lo:hi], ids[lo:hi] if ids else None)
        if len(in_pieces):
            in_pieces.search(queries)  # what a search prepares must not outlive the next add
    assert same(in_pieces.search(queries, 5), at_once.search(queries, 5))
    threshold = float(np.median(at_once.search(queries, 60).scores))
    assert same(in_pieces.search_range(queries, threshold), at_once.search_range(queries, threshold))
    np.testing.assert_array_equal(in_pieces.ids, at_once.ids)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["none", "str", "int"])
def test_saving_and_loading_changes_nothing(metric, kind, tmp_path):
    gallery, queries = vectors(80, 10, 0, metric), vectors(9, 10, 1, metric)
    ids = {"none": None, "str": [f"图 {i}" for i in range(80)], "int": list(range(1000, 920, -1))}[kind]
    index = Index(metric).add(gallery[:50], ids and ids[:50]).add(gallery[50:], ids and ids[50:])
    index.save(tmp_path / "a" / "index")
    loaded = Index.load(tmp_path / "a" / "index")
    assert repr(loaded) == repr(index) == f"Index(metric={metric!r}, n=80, dim=10)"
    assert same(loaded.search(queries, 5), index.search(queries, 5))
    assert same(loaded.search_range(queries, -3), index.search_range(queries, -3))
    assert same([loaded.ids, loaded.vectors], [index.ids, index.vectors])
    # Go on from where it stopped, save over the folder that is mapped, and load once more.
    more = vectors(5, 10, 2, metric)
    for x in (index, loaded):
        x.add(more, None if ids is None else [f"m{i}" for i in range(5)] if kind == "str" else range(5))
    loaded.save(tmp_path / "a" / "index")
    assert same(Index.load(tmp_path / "a" / "index").search(queries, 85), index.search(queries, 85))


def test_vectors_stay_on_disk(tmp_path):
    Index().add(vectors(50)).save(tmp_path)
    index = Index.load(tmp_path)
    index.search(vectors(2))
    assert isinstance(index.vectors.base, np.memmap)
    assert not index.vectors.flags.writeable


def test_packed_bits():
    codes = vectors(100, 70, 0, "hamming")
    packed = np.packbits(codes, axis=1)
    a, b = Index("hamming").add(codes), Index("hamming").add(packed)
    assert same(a.search(codes[:5]), b.search(packed[:5]))
    assert (a.search(codes[:5]).scores[:, 0] == 0).all()
    near = a.search_range(codes[:1], threshold=-25)
    assert (near.scores == -(codes[near.ids] != codes[0]).sum(axis=1)).all()
    with pytest.raises(ValueError, match=r"queries is unpacked bits .* the index has packed bits"):
        b.search(codes[:5, :9])
    with pytest.raises(ValueError, match="vectors is packed bits"):
        a.add(packed)
    with pytest.raises(ValueError, match="call binarize first"):
        a.search(vectors(2, 70))
    real = vectors(40, 16)
    assert (
        Index("hamming").add(binarize(real, packed=True)).search(binarize(real[3:4], packed=True), 1).ids == 3
    )


def test_range_search_gives_all_and_only_what_reaches_the_threshold():
    gallery, queries = vectors(300, 5, 0), vectors(20, 5, 1)
    S = similarity(queries, gallery)
    threshold = float(np.sort(S.ravel())[-400])
    hits = Index().add(gallery, ids=range(300, 600)).search_range(queries, threshold)
    assert isinstance(hits, RangeHits)
    assert len(hits.ids) == 400
    assert set(zip(hits.queries.tolist(), (hits.ids - 300).tolist(), strict=True)) == set(
        zip(*(x.tolist() for x in np.nonzero(threshold <= S)), strict=True)
    )
    np.testing.assert_array_equal(hits.scores, S[hits.queries, hits.ids - 300])
    np.testing.assert_array_equal(np.lexsort((-hits.scores, hits.queries)), np.arange(400))
    assert [x.shape for x in Index().add(gallery).search_range(queries, 2.0)] == [(0,)] * 3


def test_equal_scores_stand_in_the_order_of_adding():
    index = Index().add([[1, 0], [0, 1]], ids=["b", "z"]).add([[2, 0], [3, 0]], ids=["a", "c"])
    assert index.search([[1, 0]]).ids.tolist() == [["b", "a", "c", "z"]]
    assert index.search_range([[1, 0]], 0.5).ids.tolist() == ["b", "a", "c"]


def test_the_index_keeps_what_it_was_given():
    gallery = vectors(20)
    before = Index().add(gallery).search(vectors(3, seed=1))
    index = Index().add(gallery)
    gallery[:] = 1
    assert same(index.search(vectors(3, seed=1)), before)


def test_fewer_items_than_k():
    hits = Index().add(vectors(3)).search(vectors(2, seed=1), k=10)
    assert hits.ids.shape == hits.scores.shape == (2, 3)


def test_length_and_repr():
    index = Index("dot")
    assert (len(index), repr(index)) == (0, "Index(metric='dot', n=0, dim=None)")
    assert len(index.ids) == len(index.vectors) == 0
    index.add(vectors(4)).add(np.empty((0, 12)))
    assert (len(index), repr(index)) == (4, "Index(metric='dot', n=4, dim=12)")


def test_an_empty_index_can_be_saved(tmp_path):
    Index("euclidean").save(tmp_path)
    assert repr(Index.load(tmp_path).add([[1.0]])) == "Index(metric='euclidean', n=1, dim=1)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda i: Index("manhattan"),
            ValueError,
            "metric is 'manhattan'; known: 'cosine', 'dot', 'euclidean', 'hamming'",
        ),
        (lambda i: Index().search(vectors(2)), ValueError, "the index is empty; add vectors first"),
        (lambda i: i.search(vectors(2, 5)), ValueError, "queries has 5 columns; want 12 as in the index"),
        (lambda i: i.search(vectors(2)[0]), ValueError, "queries is 1-D"),
        (lambda i: i.search(vectors(2) * 0), ValueError, "queries has zero vectors in 2 of 2 rows"),
        (lambda i: i.search(["a cat"]), TypeError, "queries is text"),
        (lambda i: i.search(sp.csr_array(vectors(2))), TypeError, "queries is a sparse matrix"),
        (lambda i: i.search(vectors(2), k=0), ValueError, "k is 0"),
        (lambda i: i.search_range(vectors(2), np.nan), ValueError, "threshold is NaN"),
        (lambda i: i.add(vectors(2, 5), ["x", "y"]), ValueError, "vectors has 5 columns; want 12"),
        (lambda i: i.add(vectors(2) * np.nan, ["x", "y"]), ValueError, "vectors has NaN"),
        (lambda i: i.add(vectors(2)), ValueError, "were added with ids before and now without"),
        (
            lambda i: Index().add(vectors(2)).add(vectors(2), [1, 2]),
            ValueError,
            "without ids before and now with",
        ),
        (
            lambda i: i.add(vectors(2), ["x"]),
            ValueError,
            "ids is list with 1 entries of str; want 2 str or 2 int",
        ),
        (lambda i: i.add(vectors(2), [0.5, 1.5]), ValueError, "want 2 str or 2 int"),
        (lambda i: i.add(vectors(2), ["x", "x"]), ValueError, "ids has 'x' twice"),
        (
            lambda i: i.add(vectors(2), ["x", "item 1"]),
            ValueError,
            "'item 1' twice or the index has it already",
        ),
        (lambda i: i.add(vectors(2), [1, 2]), TypeError, "the index has str ids"),
    ],
)
def test_bad_calls_say_so_and_leave_the_index_as_it_was(call, error, message):
    index = Index().add(vectors(4), ids=[f"item {i}" for i in range(4)])
    before = index.search(vectors(3, seed=1))
    with pytest.raises(error, match=message):
        call(index)
    assert same(index.search(vectors(3, seed=1)), before)
    assert len(index.add(vectors(2, seed=2), ["x", "y"])) == 6


def test_folders_that_hold_no_index(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no index\.json; want a folder that Index\.save wrote"):
        Index.load(tmp_path)
    Index().add(vectors(4), ids=list("abcd")).save(tmp_path)
    np.save(tmp_path / "ids.npy", np.array(["a"]))
    with pytest.raises(ValueError, match=r"has 4 vectors and 1 ids; index\.json says 4"):
        Index.load(tmp_path)
    facts = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    (tmp_path / "index.json").write_text(json.dumps(facts | {"format": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match="has format 2; this version reads format 1"):
        Index.load(tmp_path)
    (tmp_path / "index.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"index\.json is not what Index\.save wrote \(Expecting"):
        Index.load(tmp_path)
    (tmp_path / "index.json").write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"index\.json is not what Index\.save wrote \(no 'dim'\)"):
        Index.load(tmp_path)


def test_saving_where_it_cannot(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(FileExistsError):
        Index().add(vectors(4)).save(tmp_path / "file")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["cosine", "euclidean", "dot"]), st.booleans())
def test_saving_and_loading_is_the_identity(seed, metric, named):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 40)), int(rng.integers(1, 9))
    vectors, queries = rng.normal(size=(n, d)), rng.normal(size=(3, d))
    index = Index(metric).add(vectors, ids=[f"é {k}" for k in range(n)] if named else None)
    with tempfile.TemporaryDirectory(prefix="with a space ") as folder:
        index.save(Path(folder) / "index")
        again = Index.load(Path(folder) / "index")
        before, after = index.search(queries, k=5), again.search(queries, k=5)
        assert np.array_equal(before.ids, after.ids)
        assert np.array_equal(before.scores, after.scores)
        assert repr(again) == repr(index)
        del again, after
