"""MilvusIndex on a file: the answers of Index to the last bit, whatever the ids; what is wrong is said. The contract of all
kinds is in test_search_contract.py, a real server and killed processes are in tests/faults/slow."""

import itertools
import os
import socket
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pandas as pd
import pytest

from mmalign_nb.search import Index, MilvusIndex, _milvus

pytest.importorskip("milvus_lite", reason="Milvus Lite is not made for this system")
METRICS = ("cosine", "euclidean", "dot")
NASTY = [
    "a'b", 'a"b', "both'\"", "back\\slash", "new\nline", "tab\t", "cr\rx", "émoji 🎉 图", "007", "7", " sp ace ", "",
    "a\\'b", "\x01", "\\n", "x'] or id != ['", "\\u0041", "%s{}", "nul\0mid", "\x7f\u2028z", "{tmp}", "id", "x" * 5000,
]  # fmt: skip


def vectors(n, d=6, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("milvus") / "items.db"
    with MilvusIndex(path, "keeps_it_open"):
        yield path


@pytest.fixture(scope="module")
def place(request):
    """A file, or the server that tests/faults/slow/test_milvus_server.py started."""
    return os.environ.get("MMALIGN_NB_MILVUS") or request.getfixturevalue("file")


@pytest.fixture
def made(place, request):
    """Indexes at one place, each in a collection of its own."""
    indexes, names = [], itertools.count()
    test = f"t{zlib.crc32(request.node.name.encode())}"

    def make(metric="cosine", name=None, **more):
        indexes.append(MilvusIndex(place, f"{test}_{name or next(names)}", metric, **more))
        return indexes[-1]

    yield make
    for index in indexes:
        index.close()


def same(hits, want):
    """The same scores to the last bit; the same ids but for the order of ties, which Milvus does not keep."""
    np.testing.assert_array_equal(hits.scores, want.scores)
    assert hits.ids.dtype.kind == want.ids.dtype.kind
    assert sorted(zip(hits.scores.ravel(), hits.ids.ravel(), strict=True)) == sorted(
        zip(want.scores.ravel(), want.ids.ravel(), strict=True)
    )


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
@pytest.mark.parametrize("metric", METRICS)
def test_answers_are_those_of_index_to_the_last_bit(metric, kind, made):
    gallery, queries = vectors(100), vectors(15, seed=1)
    queries[:5] = gallery[:5]  # distance 0, cosine 1
    index = made(metric, kind=kind).add(gallery[:70], np.arange(70)).add(gallery[70:], np.arange(70, 100))
    want = Index(metric).add(gallery)
    same(index.search(queries, 7), want.search(queries, 7))
    same(index.search(queries, 10**9), want.search(queries, 10**9))
    scores = want.search(queries, 100).scores
    for line in (np.median(scores), scores[0, 0], -np.inf, np.inf):
        found, right = index.search_range(queries, line), want.search_range(queries, line)
        np.testing.assert_array_equal(found.queries, right.queries)
        same(found, right)
        assert found.ids.dtype == right.ids.dtype


def test_a_range_that_holds_everything(made, monkeypatch):
    monkeypatch.setattr(_milvus, "_MOST", 40)  # so that ids come in pages
    gallery, queries = vectors(300), vectors(3, seed=1)
    index, want = made().add(gallery, np.arange(300)), Index().add(gallery)
    same(index.search_range(queries, -1), want.search_range(queries, -1))
    assert index.ids.tolist() == list(range(300))


@pytest.mark.parametrize("ids", [NASTY, [0, -5, 2**63 - 2, 1 - 2**63, 7]], ids=["str", "int"])
def test_ids_of_any_kind_come_back_and_can_be_removed(ids, made):
    index = made().add(vectors(len(ids)), ids, fields={"own": ids})
    hits = index.search(vectors(1), len(ids))
    assert sorted(hits.ids[0].tolist()) == sorted(ids) == index.ids.tolist()
    assert [x["own"] for x in index.fields(ids)] == ids
    for x in ids:  # as a value that is searched by, too
        assert index.search(vectors(1), where={"own": x}).ids.tolist() == [[x]]
    gone = ids[::2]
    assert index.remove(gone).ids.tolist() == sorted(ids[1::2])
    assert index.fields(gone) == [None] * len(gone)
    assert len(index.add(vectors(1), gone[:1])) == len(ids) - len(gone) + 1


def test_adding_again_replaces(made):
    index = made("dot").add([[1.0, 0], [2, 0]], ["a", "b"], modality="text", fields={"year": [1, 2]})
    index.add([[5.0, 0], [3, 0]], ["b", "c"], modality=["image", "text"])
    assert index.search([[1, 0]], 9).scores.tolist() == [[5, 3, 1]]
    assert len(index) == 3
    assert index.fields(["a", "b", "no", "c"]) == [
        {"modality": "text", "year": 1}, {"modality": "image"}, None, {"modality": "text"}
    ]  # fmt: skip


def test_filters(made):
    n = 60
    table = pd.DataFrame(
        {"year": np.arange(n) % 5 + 1990, "cc0": np.arange(n) % 2 == 0, "w": np.arange(n) / 4, "who": [f"u{i % 3}" for i in range(n)]}
    )  # fmt: skip
    table["seen"] = [None, np.nan, 3.0] * 20
    gallery, queries = vectors(n), vectors(4, seed=1)
    kinds = np.array(["image", "text", "sound"])[np.arange(n) % 3]
    index = made().add(gallery, np.arange(n), modality=kinds.tolist(), fields=table)
    for mask, asked in (
        (kinds == "image", {"modality": "image"}),
        (kinds != "text", {"modality": ["image", "sound"]}),
        (table.year.eq(1991), {"where": {"year": 1991}}),
        (table.year.isin([1990, 1993]) & table.cc0, {"where": {"year": [1990, 1993], "cc0": True}}),
        (table.w.eq(0.25), {"where": {"w": 0.25}}),
        (table.seen.eq(3), {"where": {"seen": 3.0}}),
        ((kinds == "text") & (table.year > 1992), {"modality": "text", "where": 'fields["year"] > 1992'}),
        (table.year > 3000, {"where": 'fields["year"] > 3000'}),
        (table.year.lt(1991) | table.year.gt(1993), {"modality": ["?", "text", "image", "sound"], "where": 'fields["year"] < 1991 or fields["year"] > 1993'}),
    ):  # fmt: skip
        at = np.flatnonzero(np.asarray(mask))
        hits, ranged = index.search(queries, 8, **asked), index.search_range(queries, 0.1, **asked)
        if not len(at):
            assert hits.ids.shape == (4, 0)
            assert not len(ranged.ids)
            continue
        want = Index().add(gallery[at], at)
        same(hits, want.search(queries, 8))
        same(ranged, want.search_range(queries, 0.1))


def test_opened_again_it_is_as_it_was(made):
    name = "again"
    index = made("euclidean", name).add(vectors(50), [f"i{i}" for i in range(50)])
    before = index.search(vectors(3, seed=1))
    index.close()
    index.close()
    with pytest.raises(ValueError, match="the index is closed"):
        index.search(vectors(3))
    index = made("euclidean", name)
    same(index.search(vectors(3, seed=1)), before)
    assert (len(index), index.dim, index.ids[0]) == (50, 6, "i0")
    index.flush()
    same(index.search(vectors(3, seed=1)), before)
    with pytest.raises(
        ValueError, match="metric is 'dot', and the collection '.*again' was made with 'euclidean'"
    ):
        made("dot", name)
    with pytest.raises(
        ValueError, match="kind is 'hnsw', and the collection '.*again' was made with 'exact'"
    ):
        made("euclidean", name, kind="hnsw")
    with pytest.raises(TypeError, match="ids has int; the index has str ids"):
        index.add(vectors(1), [1])
    with pytest.raises(ValueError, match=r"vectors has 7 columns; want 6"):
        index.add(vectors(1, 7), ["a"])


def test_a_collection_left_half_made_is_made_whole(made):
    index = made(name="half")
    index._make_searchable = lambda: (_ for _ in ()).throw(KeyboardInterrupt())  # killed after the first step
    with pytest.raises(KeyboardInterrupt):
        index.add(vectors(5), range(5))
    index = made(name="half")
    assert len(index.add(vectors(5), range(5))) == 5
    assert index.search(vectors(2)).ids.shape == (2, 5)


def test_what_is_wrong_is_said_and_nothing_is_added(made, tmp_path):
    index = made().add(vectors(4), list("abcd"))
    bad = np.full((1, 6), np.nan)
    for call, error, says in (
        (lambda: index.add(bad, ["x"]), ValueError, "vectors has NaN"),
        (lambda: index.add(np.zeros((1, 6)), ["x"]), ValueError, "vectors has zero vectors"),
        (lambda: index.add(vectors(1) * np.float32(1e25), ["x"]), ValueError, "vectors has vectors of lengths"),
        (lambda: index.add(vectors(2), ["x", "x"]), ValueError, "ids has 'x' twice"),
        (lambda: index.add(vectors(2), ["x"]), ValueError, "ids has 1 entries; want 2 str"),
        (lambda: made().add(vectors(1), [2**63 - 1]), ValueError, "a Milvus loses those at the ends of 64 bits"),
        (lambda: made().add(vectors(1), [-(2**63)]), ValueError, "a Milvus loses those at the ends of 64 bits"),
        (lambda: index.add(vectors(1), ["x" * 70_000]), ValueError, "ids has one of 70000 bytes"),
        (lambda: index.add(vectors(1), ["x"], modality=["a", "b"]), ValueError, "modality has 2 entries; want 1"),
        (lambda: index.add(vectors(1), ["x"], modality=[3]), TypeError, "modality has 3; want str"),
        (lambda: index.add(vectors(1), ["x"], fields={"modality": [1]}), ValueError, "fields has the name 'modality'"),
        (lambda: index.add(vectors(1), ["x"], fields={"a b": [1]}), ValueError, "fields has the name 'a b'"),
        (lambda: index.add(vectors(1), ["x"], fields={"a": [[1]]}), TypeError, r"fields\['a'\] is list"),
        (lambda: index.add(vectors(1), ["x"], fields={"a": [2**70]}), TypeError, r"fields\['a'\] is 11805"),
        (lambda: index.add(vectors(1), ["x"], fields=[1]), TypeError, "fields is list"),
        (lambda: index.remove(["a", "zz"]), ValueError, "ids has 'zz', which the index does not have; nothing was removed"),
        (lambda: index.remove(["a", "a"]), ValueError, "ids has 'a' twice"),
        (lambda: index.remove([1]), TypeError, "ids has int; the index has str"),
        (lambda: index.search(bad), ValueError, "queries has NaN"),
        (lambda: index.search(vectors(1), 0), ValueError, "k is 0"),
        (lambda: index.search(vectors(1, 5)), ValueError, "queries has 5 columns; want 6"),
        (lambda: index.search(vectors(1), where=3), TypeError, "where is 3"),
        (lambda: index.search(vectors(1), where="year >"), RuntimeError, "refused search"),
        (lambda: index.search_range(vectors(1), np.nan), ValueError, "threshold is NaN"),
        (lambda: made().search(vectors(1)), ValueError, "the index is empty; add vectors first"),
        (lambda: made("manhattan"), ValueError, "metric is 'manhattan'; known: 'cosine', 'euclidean', 'dot'"),
        (lambda: made(kind="ivfpq"), ValueError, "kind is 'ivfpq'; known: 'exact', 'hnsw'"),
        (lambda: made(effort=5), ValueError, "effort is 5 and kind='exact'"),
        (lambda: made(timeout=0), ValueError, "timeout is 0; want a number above 0"),
        (lambda: made(name="a b"), ValueError, "a b'; want a name of letters, digits and _"),
        (lambda: MilvusIndex("items", "a"), ValueError, "uri is 'items'; want the name of a file that ends in .db"),
        (lambda: MilvusIndex(3, "a"), TypeError, "uri is 3; want"),
        (lambda: MilvusIndex(tmp_path / "no" / "items.db", "a"), ValueError, "there is no folder"),
        (lambda: MilvusIndex("ftp://here", "a"), ValueError, "uri is 'ftp://here'"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            call()
    assert index.ids.tolist() == list("abcd")
    (tmp_path / "other.db").write_bytes(b"SQLite format 3")
    with pytest.raises(ValueError, match=r"other.db.*this is no file of Milvus Lite"):
        MilvusIndex(tmp_path / "other.db", "a")
    empty = made().add(np.empty((0, 6)), [])
    assert len(empty) == 0
    index.remove(list("abcd"))
    with pytest.raises(ValueError, match="the index is empty"):
        index.search(vectors(1))
    assert index.search(vectors(1), modality="x").ids.shape == (1, 0)


def test_collections_of_others_are_refused(file):
    from pymilvus import MilvusClient

    client = MilvusClient(str(file))
    client.create_collection("theirs", dimension=4, primary_field_name="pk", vector_field_name="v")
    with pytest.raises(ValueError, match="'theirs' .* has the fields pk, v; want one that MilvusIndex made"):
        MilvusIndex(file, "theirs")


def test_a_second_process_is_told_which_file_is_taken(file):
    code = f"from mmalign_nb.search import MilvusIndex; MilvusIndex({str(file)!r}, 'a')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith(f"BlockingIOError: {file} is open in another process")
    assert "ERROR" not in run.stderr  # nothing but our own sentence


def test_a_server_that_is_not_there_or_never_answers_is_an_error_in_time():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        with pytest.raises(OSError, match=f"http://127.0.0.1:{port} does not answer as a Milvus server"):
            MilvusIndex(f"http://127.0.0.1:{port}", "a", timeout=1)
        listening.listen()  # takes the connection, and is silent
        raised = []

        def ask():
            try:
                MilvusIndex(f"http://127.0.0.1:{port}", "a", timeout=1)
            except OSError as err:
                raised.append(err)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert isinstance(raised[0], TimeoutError)
        assert "within 1 s" in str(raised[0])


class _Failing:
    """A client of which some calls fail first."""

    def __init__(self, client, errors):
        self.client, self.errors, self.calls = client, list(errors), 0

    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.calls += 1
            if self.errors:
                raise self.errors.pop(0)
            return getattr(self.client, name)(*args, **kwargs)

        return call


def test_only_what_may_pass_is_tried_again(made, monkeypatch):
    from pymilvus import MilvusException

    index = made().add(vectors(3), range(3))
    monkeypatch.setattr(time, "sleep", lambda s: None)
    index._client, client = _Failing(index._client, [MilvusException(101, "not loaded")] * 3), index._client
    assert len(index) == 3
    assert index._client.calls == 4
    index._client = _Failing(client, [MilvusException(1100, "bad request")])
    with pytest.raises(RuntimeError, match="refused query: bad request"):
        len(index)
    assert index._client.calls == 1
    index.timeout, index._client = 0.2, _Failing(client, [MilvusException(101, "not loaded")] * 10**6)
    with pytest.raises(
        TimeoutError, match=r"did not answer upsert within 0.2 s: not loaded; rows 0 to -1 of 2 are in"
    ):
        index.add(vectors(2), [7, 8])
    index._client = client


def test_without_the_extra_the_message_says_which(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(ImportError, match=r'pip install "mmalign_nb\[scale\]"'):
        MilvusIndex(tmp_path / "items.db", "a")
