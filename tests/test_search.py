"""The index: scikit-learn is the reference; adding in pieces and saving change nothing; ids and scores always."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from mmalign_nb.search import Hits, Index, RangeHits
from mmalign_nb.similarity import METRICS, binarize, similarity


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
    with pytest.raises(ValueError, match=r"queries is unpacked bits .* the index is packed; want both alike"):
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
            lambda i: Index("hamilton"),
            ValueError,
            "metric is 'hamilton'; known: 'cosine', 'euclidean', 'manhattan', 'hamming', 'dot'",
        ),
        (lambda i: Index().search(vectors(2)), ValueError, "the index is empty; add vectors first"),
        (lambda i: i.search(vectors(2, 5)), ValueError, "queries has 5 columns; want 12"),
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
            "ids has 1 entries; want 2 str or 2 int",
        ),
        (lambda i: i.add(vectors(2), [0.5, 1.5]), TypeError, "ids is list .* of float; want 2 str or 2 int"),
        (
            lambda i: i.add(vectors(2), ["x", 1]),
            TypeError,
            "ids is list .* of str and int; want 2 str or 2 int",
        ),
        (
            lambda i: i.add(vectors(2), [True, False]),
            TypeError,
            "ids is list .* of bool; want 2 str or 2 int",
        ),
        (lambda i: i.add(vectors(2), ["x", None]), ValueError, "ids has no id in 1 of 2 rows"),
        (lambda i: i.add(vectors(2), [2**64, 1]), ValueError, "ids has ids from 1 to 18446744073709551616"),
        (lambda i: i.add(np.empty((0, 12)), ["x"]), ValueError, "ids has 1 entries; want 0"),
        (lambda i: i.add(vectors(2) * (1 + 1j), ["x", "y"]), TypeError, "vectors has complex numbers"),
        (lambda i: i.search(np.ma.masked_less(vectors(2), 0)), ValueError, "queries has masked entries"),
        (lambda i: i.search(vectors(2), k=2.0), ValueError, "k is 2.0; want a whole number"),
        (lambda i: i.search_range(vectors(2), None), TypeError, "threshold is None; want a number"),
        (lambda i: i.add(vectors(2), ["x", "x"]), ValueError, "ids has 'x' twice"),
        (lambda i: i.add(vectors(2), ["x", "item 1"]), ValueError, "'item 1', which the index has already"),
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


@pytest.mark.parametrize("metric", METRICS)
def test_a_batch_without_queries(metric):
    index = Index(metric).add(vectors(5, metric=metric), ids=list("abcde"))
    none = vectors(0, metric=metric)
    assert [x.shape for x in index.search(none, 3)] == [(0, 3), (0, 3)]
    assert [(x.shape, x.dtype.kind) for x in index.search_range(none, -1)] == [
        ((0,), "i"),
        ((0,), "U"),
        ((0,), "f"),
    ]


TABLE = pd.DataFrame({"name": ["b", "007", "é", "e\u0301"], "n": [3, 1, 2, 0]})


@pytest.mark.parametrize(
    ("ids", "want", "dtype"),
    [
        (TABLE["name"], ["b", "007", "é", "e\u0301"], "<U3"),
        (TABLE["name"].to_numpy(), ["b", "007", "é", "e\u0301"], "<U3"),
        (pd.Index(TABLE["name"]), ["b", "007", "é", "e\u0301"], "<U3"),
        (pd.Categorical(TABLE["name"]), ["b", "007", "é", "e\u0301"], "<U3"),
        (TABLE["n"].sort_values(), [0, 1, 2, 3], "int64"),
        (TABLE["n"].astype("Int64"), [3, 1, 2, 0], "int64"),
        (TABLE["n"].astype("uint8"), [3, 1, 2, 0], "int64"),
        (np.array([2**63, 2**64 - 1, 0, 5], np.uint64), [2**63, 2**64 - 1, 0, 5], "uint64"),
        ([2**63, 2**64 - 1, 0, 5], [2**63, 2**64 - 1, 0, 5], "uint64"),
        (range(4), [0, 1, 2, 3], "int64"),
    ],
)
def test_ids_keep_their_value(ids, want, dtype, tmp_path):
    gallery = vectors(4)
    for pieces in ((0, 4), (0, 1, 2, 4)):
        index = Index()
        for lo, hi in pairwise(pieces):
            index.add(gallery[lo:hi], ids[lo:hi])
        index.save(tmp_path)
        for x in (index, Index.load(tmp_path)):
            assert (x.ids.tolist(), x.ids.dtype) == (want, dtype)
            hits = x.search(gallery, 1)
            assert (hits.ids.ravel().tolist(), hits.ids.dtype) == (want, dtype)
            ids_in_range = x.search_range(gallery, 0.999999).ids
            assert (ids_in_range.tolist(), ids_in_range.dtype) == (want, dtype)


def test_ids_that_64_bits_cannot_hold_together():
    index = Index().add(vectors(2), ids=[-1, 4])
    with pytest.raises(
        ValueError, match="ids would go from -1 to 9223372036854775808; 64 bits cannot hold them"
    ):
        index.add(vectors(1), ids=[2**63])
    assert index.ids.tolist() == [-1, 4]
    index = Index().add(vectors(1), ids=[2**63])
    with pytest.raises(ValueError, match="ids would go from -7"):
        index.add(vectors(1), ids=[-7])
    assert index.add(vectors(1), ids=[7]).ids.tolist() == [2**63, 7]
    with pytest.raises(ValueError, match="ids has 7, which the index has already"):
        index.add(vectors(1), ids=[7])


def test_what_the_index_gives_out_cannot_be_written_to(tmp_path):
    index = Index().add(vectors(3), ids=list("abc")).add(vectors(2), ids=list("de"))
    index.save(tmp_path)
    for x in (index, Index.load(tmp_path)):
        assert not x.ids.flags.writeable
        assert not x.vectors.flags.writeable


def test_numbers_keep_their_digits(tmp_path):
    near = Index("euclidean").add(np.array([[1.7e9], [1.7e9 + 10]]))
    assert near.search([[1.7e9]]).scores.tolist() == [[0, -10]]
    near.save(tmp_path)
    assert Index.load(tmp_path).vectors.dtype == np.float64
    assert Index.load(tmp_path).search([[1.7e9]]).scores.tolist() == [[0, -10]]
    mixed = Index("euclidean").add(np.float32([[0.5]])).add(np.array([[1.7e9]]))
    assert mixed.vectors.ravel().tolist() == [0.5, 1.7e9]


def test_bytes_of_0_and_1_are_bits_or_packed_as_what_comes_with_them(tmp_path):
    """uint8 of 0 and 1 alone may be either; whatever else comes, before or after, decides."""
    bits = vectors(9, 13, metric="hamming")
    forms = [bits, bits.astype(np.uint8), bits.astype(int), bits * 2 - 1]
    want = Index("hamming").add(bits).search(bits, 9)
    for first in forms:
        for second in forms:
            index = Index("hamming").add(first[:4]).add(second[4:])
            index.save(tmp_path)
            for x in (index, Index.load(tmp_path)):
                for queries in forms:
                    assert same(x.search(queries, 9), want)
    either = Index("hamming").add(np.eye(3, dtype=np.uint8))
    assert either.search([[True, False, False]], 1).ids.tolist() == [[0]]  # asking decides nothing
    packed = either.add(np.array([[255, 0, 0]], np.uint8))
    assert packed.search(np.array([[254, 0, 0]], np.uint8), 1).scores.tolist() == [[-1]]
    with pytest.raises(ValueError, match="vectors is unpacked bits"):
        packed.add(np.eye(3, dtype=bool))
    unsettled = Index("hamming").add(np.eye(3, dtype=np.uint8), ids=list("abc"))
    with pytest.raises(ValueError, match="'a', which the index has already"):
        unsettled.add(np.eye(3, dtype=bool), ids=list("abc"))
    unsettled.add(np.array([[255, 0, 0]], np.uint8), ids=["d"])  # what was refused has decided nothing either
