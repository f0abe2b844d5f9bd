"""The index: scikit-learn is the reference; adding in pieces and saving change nothing; ids and scores always."""

import hashlib
import io
import json
import os
import subprocess
import sys
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

from mmalign_nb._binomial import mean_bounds
from mmalign_nb.search import Hits, Index, RangeHits, Recall
from mmalign_nb.search._engines import Engine
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


# ---- removal, whatever is asked


@given(
    n=st.integers(2, 90),
    seed=st.integers(0, 10**6),
    metric=st.sampled_from(METRICS),
    k=st.integers(1, 90),
    share=st.floats(0, 1),
    numbered=st.booleans(),
    coarse=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_removed_item_is_as_if_it_had_never_been_there(n, seed, metric, k, share, numbered, coarse):
    rng = np.random.default_rng(seed)
    gallery, queries = vectors(n, 4, seed, metric), vectors(5, 4, seed + 1, metric)
    if coarse and metric != "hamming":  # ties
        gallery, queries = np.sign(gallery) + 2, np.sign(queries) + 2
    ids = None if numbered else [f"n{i}" for i in range(n)]
    gone = np.flatnonzero(rng.random(n) < share)[: n - 1]
    left = np.setdiff1d(np.arange(n), gone)
    index = Index(metric).add(gallery, ids)
    for part in np.array_split(gone, 3):
        index.remove(part if numbered else [f"n{i}" for i in part])
    want = Index(metric).add(gallery[left], left if numbered else [f"n{i}" for i in left])
    assert same(index.search(queries, k), want.search(queries, k))
    for line in (-np.inf, float(np.median(want.search(queries, n).scores)), np.inf):
        assert same(index.search_range(queries, line), want.search_range(queries, line))
    assert same([index.ids, index.vectors], [want.ids, want.vectors])
    assert len(index) == len(left)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        index.save(folder)
        again = Index.load(folder)
        assert same(again.search(queries, k), want.search(queries, k))
        if numbered:  # a number is never given twice
            assert (
                again.add(gallery[:2]).ids.tolist()
                == index.add(gallery[:2]).ids.tolist()
                == [*left, n, n + 1]
            )
        del again


def test_numbers_go_on_where_all_were_removed(tmp_path):
    index = Index().add(vectors(3)).remove([0, 1, 2])
    index.save(tmp_path)
    for x in (index, Index.load(tmp_path)):
        assert len(x) == 0
        assert x.add(vectors(2)).ids.tolist() == [3, 4]


def test_what_is_removed_leaves_the_folder(tmp_path):
    index = Index().add(vectors(10)).remove([2, 5])
    index.save(tmp_path)
    assert Index.load(tmp_path).vectors.base.nbytes == 8 * 12 * 4
    assert Index.load(tmp_path).ids.tolist() == [0, 1, 3, 4, 6, 7, 8, 9]


def test_ids_of_64_bits_are_not_compared_as_floats():
    index = Index().add(vectors(3), ids=[2**63, 2**63 + 1, 5])
    assert index.remove([2**63 + 1]).ids.tolist() == [2**63, 5]
    with pytest.raises(ValueError, match="ids has -5, which the index does not have"):
        index.remove([-5, 5])
    with pytest.raises(ValueError, match=f"ids has {2**63}, which"):
        Index().add(vectors(1), ids=[2**53]).remove([2**63])


# ---- vectors that stay on the disk


def mapped(folder, x):
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


@pytest.mark.parametrize("kind", ["exact", "hnsw", "ivfpq", "binary"])
def test_a_read_only_map_is_not_copied(kind, tmp_path):
    x = vectors(1200)
    index, copied = Index(kind=kind).add(mapped(tmp_path, x)), Index(kind=kind).add(x)
    assert isinstance(index.vectors.base, np.memmap)
    assert same(index.search(x[:5]), copied.search(x[:5]))
    for i in (index, copied):
        i.remove(range(0, 1100))
    assert isinstance(index._all().base, np.memmap)  # a map is not copied for what is removed
    if kind != "ivfpq":  # of which so few are searched exactly, once the others are out of memory
        assert same(index.search(x[:5]), copied.search(x[:5]))
    assert (index.search(x[:5]).ids >= 1100).all()


def test_what_is_in_a_map_is_checked(tmp_path):
    x = vectors(50)
    x[30] = np.nan
    with pytest.raises(ValueError, match="vectors has NaN or infinity in 1 of 50 rows"):
        Index().add(mapped(tmp_path, x))
    x[30] = 0
    with pytest.raises(ValueError, match="vectors has zero vectors in 1 of 50 rows"):
        Index().add(mapped(tmp_path, x))
    writeable = np.load(tmp_path / "x.npy", mmap_mode="c")
    index = Index("dot").add(writeable)
    writeable[:] = 1
    assert not (index.vectors == 1).any()


LARGER_THAN_MEMORY = """
import resource, sys
import numpy as np
from mmalign_nb.search import Index
x = np.load(sys.argv[1], mmap_mode="r")
for kind in ("exact", "binary"):  # loads what it needs
    Index("cosine", kind).add(x[:6000].copy()).search(x[:50])
free = 90 * 2**20
used = int(next(y for y in open("/proc/self/status") if y.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + free, -1))
try:
    np.array(x)
except MemoryError:
    print("too large")
for kind in ("exact", "binary"):
    index = Index("cosine", kind).add(x)
    hits = index.search(x[[5, 77777]], 2)
    index.save(sys.argv[2])
    again = Index.load(sys.argv[2])
    print(hits.ids[:, 0].tolist(), again.search(x[[5, 77777]], 2).ids[:, 0].tolist(), again.remove([5]).search(x[[5]], 1).ids[0, 0] != 5)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory does not count maps only there")
def test_vectors_larger_than_memory(tmp_path):
    """192 MB of vectors where 90 MB can be had; a copy of them fails."""
    file = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (196_608, 256))
    for s in range(0, len(file), 2**14):
        file[s : s + 2**14] = np.random.default_rng(s).standard_normal((2**14, 256), dtype=np.float32)
    del file
    run = subprocess.run(
        [sys.executable, "-c", LARGER_THAN_MEMORY, tmp_path / "x.npy", tmp_path / "index"],
        capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["too large", *["[5, 77777] [5, 77777] True"] * 2]


# ---- approximate kinds


APPROXIMATE = ["hnsw", "ivfpq", "binary"]


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_recall_is_the_share_that_brute_force_finds_too(kind):
    gallery, queries = vectors(2000, 24, 0), vectors(150, 24, 1)
    index = Index(kind=kind, effort=10).add(gallery)
    S = similarity(queries, gallery)
    found, best = index.search(queries, 10).ids, np.argsort(-S, axis=1)[:, :10]
    hit = np.array([len(set(a) & set(b)) for a, b in zip(found.tolist(), best.tolist(), strict=True)])
    said = index.recall(queries, k=10)
    assert isinstance(said, Recall)
    assert said[3:] == (150, hit.sum(), 1500)
    assert said.share == pytest.approx(hit.mean() / 10)
    assert 0 < said.low < said.share < said.high < 1
    assert index.recall(queries, k=10, confidence=0.5).low > said.low
    line = float(np.quantile(S, 0.995))
    near, at_line = index.search_range(queries, line), index.recall(queries, threshold=line)
    some = (np.float32(line) <= S).sum(axis=1)
    shares = np.bincount(near.queries, minlength=150)[some > 0] / some[some > 0]
    assert at_line[3:] == ((some > 0).sum(), len(near.ids), some.sum())
    assert at_line.share == pytest.approx(shares.mean())
    index.effort = 400
    assert index.recall(queries, k=10).share > said.share  # who looks at more misses less
    nobody = index.recall(queries, threshold=2.0)
    assert np.isnan(nobody.share)
    assert nobody[1:] == (0, 1, 0, 0, 0)


def test_the_exact_kind_misses_nothing():
    index = Index("euclidean").add(vectors(50))
    assert index.recall(vectors(9, seed=1), k=3) == (1, 1, 1, 9, 27, 27)
    assert index.recall(vectors(9, seed=1), threshold=-4)[:3] == (1, 1, 1)


def test_the_interval_of_a_mean_holds():
    """In 400 samples of shares of every kind it misses the true mean in no more than 5 %."""
    rng = np.random.default_rng(0)
    for draw, mean in (
        (lambda: rng.random(30) < 0.97, 0.97),
        (lambda: rng.beta(9, 1, 30), 0.9),
        (lambda: rng.random(30), 0.5),
        (lambda: rng.random(30) < 0.02, 0.02),
    ):
        missed = 0
        for _ in range(400):
            low, high = mean_bounds(float(draw().mean()), 30)
            missed += not low <= mean <= high
        assert missed <= 20


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_an_engine_is_saved_and_not_built_again(kind, tmp_path, monkeypatch):
    gallery, queries = vectors(1200), vectors(9, seed=1)
    index = Index("cosine", kind, effort=77).add(gallery, ids=range(5, 1205)).remove(range(5, 55))
    index.save(tmp_path)
    monkeypatch.setattr(Engine, "of", lambda *args: pytest.fail("built again"))
    again = Index.load(tmp_path)
    assert repr(again) == repr(index) == f"Index(metric='cosine', kind={kind!r}, n=1150, dim=12)"
    assert again.effort == 77
    assert same(again.search(queries, 5), index.search(queries, 5))
    more = vectors(40, seed=3)
    assert same(
        again.add(more, range(9000, 9040)).search(more, 1), index.add(more, range(9000, 9040)).search(more, 1)
    )
    assert (again.search(more, 1).ids.ravel() == np.arange(9000, 9040)).mean() > 0.9


def broken(folder, name, raw):
    """Another file in the place of a part, signed as if it had been saved so."""
    facts = json.loads((folder / "index.json").read_text())
    (folder / facts["parts"][name]["file"]).write_bytes(raw)
    facts["parts"][name] |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    facts.pop("sha256")
    facts["sha256"] = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    (folder / "index.json").write_text(json.dumps(facts))


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_broken_engine_is_named(kind, tmp_path):
    index = Index("cosine", kind).add(vectors(1200)).remove([3])
    index.save(tmp_path)
    path = next(tmp_path.glob("engine-*.npz"))
    whole = path.read_bytes()
    with np.load(path) as arrays:
        parts = dict(arrays)
    for at in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        for verify in (True, False):  # before faiss sees a byte
            with pytest.raises(ValueError, match=r"engine-\w+\.npz is not as it was saved: its SHA-256"):
                Index.load(tmp_path, verify=verify)
    own = "codes" if kind == "binary" else "faiss"
    other = "hnsw" if kind != "hnsw" else "ivfpq"
    fewer = Index("cosine", kind).add(vectors(1100))
    fewer.save(tmp_path / "fewer")
    with np.load(next((tmp_path / "fewer").glob("engine-*.npz"))) as arrays:
        short = dict(arrays)
    Index("cosine", other).add(vectors(1200)).save(tmp_path / "other")
    with np.load(next((tmp_path / "other").glob("engine-*.npz"))) as arrays:
        foreign = dict(arrays)
    for content, message in (
        (b"PK\3\4 what is this", "is no archive of arrays"),
        (archive(**{k: v for k, v in parts.items() if k != own}), "holds no engine of 1200 vectors"),
        (archive(**{k: v for k, v in parts.items() if k != "mean"}), "holds no engine"),
        (archive(**parts | {"mean": np.zeros(5)}), "holds no engine .*mean is float64"),
        (archive(**parts | {own: parts[own][:-9]}), "holds no engine"),
        (archive(**foreign), "holds no engine"),
        (archive(**short), "holds no engine of 1200 vectors .*it holds 1100"),
    ):
        broken(tmp_path, "engine", content)
        with pytest.raises(ValueError, match=message) as caught:
            Index.load(tmp_path)
        assert str(tmp_path) in str(caught.value)
    broken(tmp_path, "engine", whole)
    for wrong in ([-1], [1200], [5, 5], [7, 2], [0.5], []):
        file = io.BytesIO()
        np.save(file, np.array(wrong) if wrong else np.empty(0, np.int64))
        broken(tmp_path, "removed", file.getvalue())
        with pytest.raises(ValueError, match=r"removed-\w+\.npy has"):
            Index.load(tmp_path)
    index.save(tmp_path)
    assert len(Index.load(tmp_path)) == 1199


@pytest.mark.parametrize("kind", ["hnsw", "ivfpq"])
def test_without_faiss_the_extra_is_named(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=rf"kind='{kind}' needs faiss: pip install \"mmalign_nb\[scale\]\""):
        Index(kind=kind)
    Index(kind="binary").add(vectors(5)).search(vectors(2))  # needs none


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Index(kind="lsh"), ValueError, "kind is 'lsh'; known: 'exact', 'hnsw', 'ivfpq', 'binary'"),
        (lambda: Index(kind=None), ValueError, "kind is None"),
        (lambda: Index(effort=5), ValueError, "effort is 5 and kind='exact' looks at everything"),
        (
            lambda: Index(kind="binary", effort=0),
            ValueError,
            "effort is 0; want a whole number of at least 1",
        ),
        (lambda: Index(kind="binary", effort="high"), ValueError, "effort is"),
        (
            lambda: Index("euclidean", "binary"),
            ValueError,
            "metric is 'euclidean'; kind='binary' knows 'cosine'",
        ),
        (lambda: Index().add(vectors(5)).recall(vectors(2), confidence=1), ValueError, "confidence is 1"),
        (lambda: Index().add(vectors(5)).recall(vectors(2), k=0), ValueError, "k is 0"),
        (
            lambda: Index().add(vectors(5)).recall(vectors(2), threshold=np.nan),
            ValueError,
            "threshold is NaN",
        ),
        (lambda: Index().add(vectors(5)).recall(vectors(2, 3)), ValueError, "queries has 3 columns; want 12"),
    ],
)
def test_bad_kinds_and_samples(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("kind", APPROXIMATE[:2])
def test_numbers_far_from_the_origin_or_very_large_find_their_neighbours(kind):
    """The form of an engine is float32; it is moved and scaled, so that digits and squares are not lost."""
    x, q = vectors(1500, 8), vectors(40, 8, 1)
    for move, scale in ((1e6, 1.0), (0, 1e25), (0, 1e-25)):
        index = Index("euclidean", kind).add(x.astype(np.float64) * scale + move)
        assert index.recall(q.astype(np.float64) * scale + move, k=5).share > 0.9


def test_ivfpq_learns_its_cells_again_when_there_are_four_times_as_many():
    index = Index(kind="ivfpq").add(vectors(1100))
    index.search(vectors(2))
    first = index._engine
    index.add(vectors(1100, seed=2)).search(vectors(2))
    assert index._engine is first
    assert first.n == 2200
    index.add(vectors(2300, seed=3)).search(vectors(2))
    assert index._engine is not first
    assert index._engine.n == 4500


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_an_engine_that_proposes_too_few_is_made_up_for(kind, monkeypatch):
    """A table of hits has no holes: a query with too few candidates is searched exactly."""
    gallery, queries = vectors(1200), vectors(30, seed=1)
    index = Index(kind=kind).add(gallery)
    index.search(queries)
    real = index._engine.candidates

    def few(*args):
        found = real(*args)
        found[::2, 3:] = -1
        return found

    monkeypatch.setattr(index._engine, "candidates", few)
    assert same(
        [x[::2] for x in index.search(queries, 8)], [x[::2] for x in Index().add(gallery).search(queries, 8)]
    )
    assert (index.search(queries, 8).scores > -1).all()
