"""One contract for every kind of search index; ``similarity`` is the reference, and direction comes first."""

import re

import numpy as np
import pytest
from search_kinds import KINDS, vectors

from mmalign_nb.align import greedy_match, max_match, mutual_match, nearest_match, threshold_match
from mmalign_nb.search import Hits, RangeHits
from mmalign_nb.similarity import similarity

EACH = [pytest.param(kind, metric, id=f"{kind.name}-{metric}") for kind in KINDS for metric in kind.metrics]
each = pytest.mark.parametrize(("kind", "metric"), EACH)
each_kind = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])


def names(n, start=0):
    return [f"item {i:05d}" for i in range(start, start + n)]


def filled(kind, metric, folder, n=None, ids=True):
    gallery = vectors(n or kind.items, 0, metric)
    index = kind.make(metric, folder)
    index.add(gallery, names(len(gallery)) if ids else None)
    return index, gallery


def true_scores(kind, metric, gallery, queries):
    return similarity(queries, gallery, metric)


def close(kind, a, b):
    if kind.tolerance:
        np.testing.assert_allclose(a, b, atol=kind.tolerance)
    else:
        np.testing.assert_array_equal(a, b)


def at(ids):
    """The rows that ``names`` gave these ids to."""
    return np.array([int(x[5:]) for x in np.ravel(ids)], np.int64).reshape(np.shape(ids))


# ---- direction, first of all


@each
def test_a_threshold_keeps_what_is_more_alike(kind, metric, tmp_path):
    """Half of the adapters of vector stores had this backwards somewhere."""
    index = kind.make(metric, tmp_path)
    if metric == "hamming":
        near, middle, far = [1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]
    else:
        near, middle, far = [1.0, 0.1, 0, 0], [0.5, 0.5, 0, 0], [-1.0, 0.1, 0, 0]
    query = [near]
    index.add(np.array([far, near, middle]), ["far", "near", "middle"])
    hits = index.search(query, k=3)
    assert hits.ids.tolist() == [["near", "middle", "far"]]
    assert (np.diff(hits.scores[0]) < 0).all()
    for above, line in enumerate([*hits.scores[0], np.inf]):  # a line at a score keeps it and what is above
        slack = 1e-3 if kind.tolerance and np.isfinite(line) else 0
        found = index.search_range(query, float(line) - slack)
        assert found.ids.tolist() == ["near", "middle", "far"][: (above + 1) if np.isfinite(line) else 0]
    counts = [len(index.search_range(query, t).ids) for t in np.linspace(-9, 3, 25)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 3
    assert counts[-1] == 0


@each
def test_scores_are_those_of_similarity(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path)
    queries = vectors(20, 1, metric)
    S = true_scores(kind, metric, gallery, queries)
    hits = index.search(queries, k=10)
    assert isinstance(hits, Hits)
    assert hits.ids.shape == hits.scores.shape == (20, 10)
    assert hits.scores.dtype == np.float32
    assert (np.diff(hits.scores, axis=1) <= 0).all()
    close(kind, hits.scores, np.take_along_axis(S, at(hits.ids), 1))
    assert all(len(set(row)) == 10 for row in hits.ids.tolist())
    best = -np.sort(-S, axis=1)[:, :10]
    found = (hits.scores >= best[:, -1:] - kind.tolerance).mean()
    assert found == 1 if kind.exact else found > 0.9


@each
def test_range_is_everything_above_the_line(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path)
    queries = vectors(20, 1, metric)
    S = true_scores(kind, metric, gallery, queries)
    for share in (0.002, 0.05, 0.6):
        line = float(np.float32(np.quantile(S, 1 - share)))
        found = index.search_range(queries, line)
        assert isinstance(found, RangeHits)
        assert (found.queries.dtype, found.scores.dtype) == (np.int64, np.float32)
        np.testing.assert_array_equal(np.lexsort((-found.scores, found.queries)), np.arange(len(found.ids)))
        pairs = set(zip(found.queries.tolist(), at(found.ids).tolist(), strict=True))
        assert len(pairs) == len(found.ids)
        close(kind, found.scores, S[found.queries, at(found.ids)])
        assert (found.scores >= line).all()
        sure = set(zip(*(x.tolist() for x in np.nonzero(line + kind.tolerance <= S)), strict=True))
        missed = len(sure - pairs) / max(len(sure), 1)
        assert missed == 0 if kind.exact else missed < 0.1
    everything = index.search_range(queries[:3], float(S.min()) - 1)
    assert len(everything.ids) == 3 * len(gallery)  # a line below all scores keeps all, in every kind


# ---- edges


@each
def test_an_empty_index(kind, metric, tmp_path):
    index = kind.make(metric, tmp_path)
    assert (len(index), len(index.ids), index.metric) == (0, 0, metric)
    for call in (
        lambda: index.search(vectors(2, 1, metric)),
        lambda: index.search_range(vectors(2, 1, metric), 0),
    ):
        with pytest.raises(ValueError, match="the index is empty; add vectors first"):
            call()


@each
def test_k_beyond_the_size_gives_all_of_them(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path, n=7)
    queries = vectors(3, 1, metric)
    hits = index.search(queries, k=50)
    assert hits.ids.shape == hits.scores.shape == (3, 7)
    assert (np.sort(at(hits.ids), axis=1) == np.arange(7)).all()
    close(kind, hits.scores, -np.sort(-true_scores(kind, metric, gallery, queries), axis=1))


@each
def test_k_is_the_whole_index(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path)
    hits = index.search(vectors(2, 1, metric), k=len(gallery))
    assert (np.sort(at(hits.ids), axis=1) == np.arange(len(gallery))).all()


@each
def test_a_batch_without_queries(kind, metric, tmp_path):
    index, _ = filled(kind, metric, tmp_path, n=5)
    none = vectors(0, 1, metric)
    hits, found = index.search(none, 3), index.search_range(none, -1)
    assert [x.shape for x in hits] == [(0, 3), (0, 3)]
    assert [(x.shape, x.dtype.kind) for x in found] == [((0,), "i"), ((0,), "U"), ((0,), "f")]


@each
def test_ties(kind, metric, tmp_path):
    """Equal vectors have equal scores; they stand in the order of adding, where the kind promises it."""
    index, _ = filled(kind, metric, tmp_path, n=40)
    same = np.repeat(vectors(1, 7, metric), 6, axis=0)
    index.add(same, [f"item {i:05d}" for i in (46, 41, 45, 42, 44, 43)])
    hits = index.search(same[:1], k=4)
    best = true_scores(kind, metric, same, same[:1]).max()
    close(kind, hits.scores, np.full((1, 4), best, np.float32))
    assert set(at(hits.ids).ravel()) <= {41, 42, 43, 44, 45, 46}
    found = index.search_range(same[:1], float(best) - kind.tolerance)
    assert sorted(at(found.ids)) == [41, 42, 43, 44, 45, 46]
    if kind.ordered_ties:
        assert at(hits.ids).tolist() == [[46, 41, 45, 42]]
        assert at(found.ids).tolist() == [46, 41, 45, 42, 44, 43]


# ---- ids


@each_kind
@pytest.mark.parametrize(
    "ids",
    [["007", "é", "e\u0301", "图 1", "b"], [3, -1, 2**40, 0, 7], [2**63, 2**64 - 1, 0, 5, 1]],
    ids=["str", "int", "uint"],
)
def test_ids_come_back_as_they_went_in(kind, ids, tmp_path):
    if kind.upserts and max(x if isinstance(x, int) else 0 for x in ids) > 2**63 - 1:
        pytest.skip("its engine has signed ids")
    index, x = kind.make("cosine", tmp_path), vectors(5, 0)
    index.add(x, ids)
    index = kind.again(index, tmp_path)
    assert sorted(index.ids.tolist()) == sorted(ids)
    hits, found = index.search(x, 1), index.search_range(x, 0.9999)
    assert hits.ids.ravel().tolist() == ids
    assert found.ids.tolist() == ids
    assert hits.ids.dtype == found.ids.dtype == index.ids.dtype


@each
def test_ids_survive_deletion(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path)
    n = len(gallery)
    queries = vectors(20, 1, metric)
    first = index.search(queries, 1).ids
    gone = sorted(set(np.ravel(first).tolist()) | set(names(n)[::3]))
    index.remove(gone)
    left = np.setdiff1d(np.arange(n), at(gone))
    for opened_anew in (False, True):
        index = kind.again(index, tmp_path) if opened_anew else index
        assert len(index) == len(left)
        assert sorted(index.ids.tolist()) == [names(n)[i] for i in left]
        S = true_scores(kind, metric, gallery[left], queries)
        hits = index.search(queries, k=5)
        assert not set(np.ravel(hits.ids)) & set(gone)
        close(kind, hits.scores, np.take_along_axis(S, np.searchsorted(left, at(hits.ids)), 1))
        share = (hits.scores >= -np.sort(-S, axis=1)[:, 4:5] - kind.tolerance).mean()
        assert share == 1 if kind.exact else share > 0.9
        found = index.search_range(queries, float(np.quantile(S, 0.9)))
        assert not set(found.ids) & set(gone)
        assert len(index.search(queries[:2], k=n).ids[0]) == len(left)


@each
def test_what_was_removed_can_come_again(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path, n=30)
    query = gallery[4:5]
    index.remove(["item 00004"])
    index.add(gallery[4:5], ["item 00004"])
    assert len(index) == 30
    hits = index.search(query, 30)
    assert sorted(at(hits.ids)[0].tolist()) == list(range(30))
    close(kind, hits.scores[hits.ids == "item 00004"], true_scores(kind, metric, query, query)[0])
    index.remove(names(30))
    assert len(index) == 0
    with pytest.raises(ValueError, match="the index is empty"):
        index.search(query)
    index.add(gallery[:3], names(3, 50))
    index = kind.again(index, tmp_path)
    assert sorted(at(index.search(query, 9).ids)[0].tolist()) == [50, 51, 52]


@each_kind
def test_removing_nothing_and_the_unknown(kind, tmp_path):
    index, gallery = filled(kind, "cosine", tmp_path, n=20)
    index.remove([])
    for wrong, error in (
        (["item 00003", "item 99999"], ValueError),
        (["item 00003", "item 00003"], ValueError),
        ([3], TypeError),
        ([None], ValueError),
        ([["item 00003"]], (TypeError, ValueError)),
    ):
        with pytest.raises(error, match="ids"):
            index.remove(wrong)
    assert len(index) == 20
    assert at(index.search(gallery[3:4], 1).ids).tolist() == [[3]]


@each_kind
def test_an_id_that_is_there(kind, tmp_path):
    index, gallery = filled(kind, "cosine", tmp_path, n=20)
    other = -gallery[3:4]
    if kind.upserts:
        index.add(other, ["item 00003"])
        assert len(index) == 20
        assert index.search(other, 1).ids.tolist() == [["item 00003"]]
    else:
        with pytest.raises(ValueError, match="'item 00003', which the index has already"):
            index.add(np.concatenate([other, other]), ["item 00100", "item 00003"])
        assert len(index) == 20
        assert at(index.search(gallery[3:4], 1).ids).tolist() == [[3]]
    with pytest.raises(ValueError, match="'x' twice"):
        index.add(np.concatenate([other, other]), ["x", "x"])


@each
def test_adding_in_pieces_is_adding_at_once(kind, metric, tmp_path):
    at_once, gallery = filled(kind, metric, tmp_path / "a")
    in_pieces, ids = kind.make(metric, tmp_path / "b"), names(len(gallery))
    queries = vectors(10, 1, metric)
    for lo, hi in ((0, 1), (1, 1), (1, len(gallery) // 2), (len(gallery) // 2, len(gallery))):
        in_pieces.add(gallery[lo:hi], ids[lo:hi])
        in_pieces.search(queries, 2)
    a, b = at_once.search(queries, 5), in_pieces.search(queries, 5)
    if kind.exact:
        np.testing.assert_array_equal(a.ids, b.ids)
    assert (a.scores == b.scores).mean() > 0.9


@each
def test_closing_and_opening_changes_nothing(kind, metric, tmp_path):
    index, _ = filled(kind, metric, tmp_path)
    queries = vectors(10, 1, metric)
    before, text, size = index.search(queries, 5), repr(index), len(index)
    again = kind.again(index, tmp_path)
    after = again.search(queries, 5)
    np.testing.assert_array_equal(before.ids, after.ids)
    np.testing.assert_array_equal(before.scores, after.scores)
    assert (repr(again), len(again), again.metric) == (text, size, metric)


# ---- what is refused


@each_kind
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda i, x: i.add(x * np.nan, ["a", "b"]), ValueError, "vectors has NaN"),
        (lambda i, x: i.add(x * 0, ["a", "b"]), ValueError, "vectors has zero vectors"),
        (lambda i, x: i.add(x[:, :5], ["a", "b"]), ValueError, "vectors has 5 columns; want 12"),
        (lambda i, x: i.add(x[0], ["a"]), ValueError, "vectors is 1-D"),
        (lambda i, x: i.add(["a cat", "a dog"], ["a", "b"]), TypeError, "vectors is text"),
        (lambda i, x: i.add(x, ["a"]), ValueError, "ids has 1 entries; want 2"),
        (lambda i, x: i.add(x, [1, 2]), TypeError, "the index has str ids"),
        (lambda i, x: i.add(x, ["a", None]), ValueError, "ids has no id in 1 of 2 rows"),
        (lambda i, x: i.search(x * np.inf), ValueError, "queries has"),
        (lambda i, x: i.search(x * 0), ValueError, "queries has zero vectors"),
        (lambda i, x: i.search(x[:, :5]), ValueError, "queries has 5 columns; want 12"),
        (lambda i, x: i.search("a cat"), (TypeError, ValueError), "queries"),
        (lambda i, x: i.search(x, k=0), ValueError, "k is 0"),
        (lambda i, x: i.search(x, k=2.5), ValueError, "k is 2.5"),
        (lambda i, x: i.search(x, k=None), ValueError, "k is None"),
        (lambda i, x: i.search_range(x, np.nan), ValueError, "threshold is NaN"),
        (lambda i, x: i.search_range(x, None), TypeError, "threshold is None"),
        (lambda i, x: i.search_range(x, "high"), TypeError, "threshold is"),
    ],
)
def test_bad_calls_say_so_and_leave_the_index_as_it_was(kind, call, error, message, tmp_path):
    index, gallery = filled(kind, "cosine", tmp_path, n=20)
    before = index.search(gallery[:4], 3)
    with pytest.raises(error, match=re.escape(message)):
        call(index, vectors(2, 1))
    after = index.search(gallery[:4], 3)
    assert before.ids.tolist() == after.ids.tolist()
    assert len(index) == len(index.ids) == 20


@each_kind
def test_a_metric_that_the_kind_does_not_know(kind, tmp_path):
    for metric in {"cosine", "euclidean", "dot", "manhattan", "hamming"} - set(kind.metrics):
        with pytest.raises(ValueError, match=f"metric is '{metric}'"):
            kind.make(metric, tmp_path)
    with pytest.raises(ValueError, match="metric is 'hamilton'"):
        kind.make("hamilton", tmp_path)


# ---- in the place of the second table


@each
def test_an_index_in_the_place_of_the_second_table(kind, metric, tmp_path):
    index, gallery = filled(kind, metric, tmp_path)
    index.remove(names(len(gallery))[1::7])
    queries = vectors(20, 1, metric)
    S = true_scores(kind, metric, gallery, queries)[:, at(index.ids)]
    line = float(np.float32(np.quantile(S, 0.98)))
    found = threshold_match((queries, index), line)
    assert found.shape == S.shape
    close(kind, found.scores, S[found.pairs[:, 0], found.pairs[:, 1]])
    for match in (threshold_match, nearest_match, greedy_match, max_match):
        a, b = match((queries, index), line), match((queries, gallery[at(index.ids)]), line, metric=metric)
        mine, whole = ({tuple(p) for p in x.pairs.tolist()} for x in (a, b))
        if kind.exact:
            assert mine == whole
            np.testing.assert_array_equal(a.margins, b.margins)
        else:
            assert len(mine & whole) > 0.8 * len(whole)
            assert np.isnan(a.margins).all()
        assert len(a.unmatched_b) + len(set(a.pairs[:, 1].tolist())) == S.shape[1]
    if not kind.exact:
        for refused in (lambda x: mutual_match(x), lambda x: max_match(x), lambda x: greedy_match(x)):
            with pytest.raises(TypeError, match="does not see every pair"):
                refused((queries, index))
    with pytest.raises(ValueError, match="metric"):
        threshold_match((queries, index), line, metric="manhattan" if metric != "manhattan" else "dot")


# ---- where the kind has filters


@each_kind
def test_filters(kind, tmp_path):
    if not kind.filters:
        pytest.skip("this kind has none")
    x = vectors(40, 0)
    index = kind.make("cosine", tmp_path)
    index.add(x[:20], names(20), modality="image")
    index.add(x[20:], names(20, 20), modality="text")
    hits, found = index.search(x[:5], 50, modality="text"), index.search_range(x[:5], -1, modality="text")
    assert (at(hits.ids) >= 20).all()
    assert hits.ids.shape == (5, 20)
    assert (at(found.ids) >= 20).all()
    assert len(found.ids) == 100
