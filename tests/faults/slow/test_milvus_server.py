"""A real Milvus server: the contract of all indexes, and what it does when it is killed or falls silent."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from milvus_server import ROOT, Server, needs_server

from mmalign_nb.search import Index, MilvusIndex

pytestmark = needs_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("milvus") / "data")
    try:
        yield server.start()
    finally:
        server.kill()


def vectors(n, d=8, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_the_contract_holds_on_a_server(server):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "worksteal",
         "tests/test_search_contract.py", "tests/test_milvus.py", "-k",
         "(milvus-server and not bad_calls and not whole_index and not without_queries and not pieces and not k_beyond) or (test_milvus and not second_process and not others and not not_there and not extra)"],
        cwd=ROOT, env=os.environ | {"MMALIGN_NB_MILVUS": server.uri}, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:]


def test_more_hits_than_a_server_gives_at_a_time_come_page_by_page(server):
    n = 20_000
    gallery, queries = vectors(n, 4), vectors(2, 4, seed=1)
    for metric in ("cosine", "euclidean", "dot"):
        with MilvusIndex(server.uri, f"many_{metric}", metric) as index:
            index.add(gallery, np.arange(n))
            want = Index(metric).add(gallery)
            for line in (-np.inf, float(np.quantile(want.search(queries, n).scores, 0.1))):
                found, right = index.search_range(queries, line), want.search_range(queries, line)
                np.testing.assert_array_equal(found.queries, right.queries)
                np.testing.assert_array_equal(found.scores, right.scores)
                np.testing.assert_array_equal(
                    np.lexsort((found.ids, found.queries)).shape, np.lexsort((right.ids, right.queries)).shape
                )
                assert set(zip(found.queries, found.ids, strict=True)) == set(
                    zip(right.queries, right.ids, strict=True)
                )
            assert len(index.ids) == len(index) == n
            with pytest.raises(ValueError, match="a server gives at most 16384"):
                index.search(queries, n)


def test_a_server_that_falls_silent_is_an_error_in_time(server):
    index = MilvusIndex(server.uri, "silent").add(
        vectors(10), range(10)
    )  # a busy machine takes its time for it
    index.search(vectors(1))
    index.timeout = 3.0
    server.signal(signal.SIGSTOP)
    try:
        raised = []

        def ask():
            try:
                index.search(vectors(1))
            except OSError as err:
                raised.append(err)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        assert isinstance(raised[0], TimeoutError)
        assert server.uri in str(raised[0])
    finally:
        server.signal(signal.SIGCONT)
    index.timeout = 60.0
    assert index.search(vectors(1), 10).ids.shape == (1, 10)


def test_a_server_killed_in_the_middle_of_an_upload(server):
    """The upload waits for it and goes on; everything is there once, and as it was."""
    n = 12_000
    gallery, queries = vectors(n), vectors(20, seed=1)
    index = MilvusIndex(server.uri, "killed", "euclidean", timeout=120)
    index.add(gallery[:500], np.arange(500))
    done = []

    def upload():
        for s in range(0, n, 500):
            index.add(gallery[s : s + 500], np.arange(s, s + 500))
            done.append(s + 500)

    thread = threading.Thread(target=upload)
    thread.start()
    while not done:
        time.sleep(0.01)
    server.kill()
    acknowledged = done[-1]
    server.start()
    thread.join(200)
    assert not thread.is_alive()
    assert acknowledged < n, "the upload was over before the kill"
    assert done[-1] == n
    assert len(index) == n
    hits, want = index.search(queries, 20), Index("euclidean").add(gallery).search(queries, 20)
    np.testing.assert_array_equal(hits.ids, want.ids)
    np.testing.assert_array_equal(hits.scores, want.scores)
