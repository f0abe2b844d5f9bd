"""An upload that is killed: what it had got an answer for is there, the rest comes by adding the same again, nothing twice."""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
from milvus_server import Server, needs_server

from mmalign_nb.search import Index, MilvusIndex

N, D, STEP = 6000, 16, 250
UPLOAD = f"""
import sys
import numpy as np
from mmalign_nb.search import MilvusIndex
x = np.random.default_rng(0).standard_normal(({N}, {D})).astype(np.float32)
index = MilvusIndex(sys.argv[1], "upload", "euclidean")
for s in range(0, {N}, {STEP}):
    index.add(x[s : s + {STEP}], [f"i{{i}}" for i in range(s, s + {STEP})], fields={{"n": list(range(s, s + {STEP}))}})
    print(s + {STEP}, flush=True)
"""


@pytest.fixture
def place(request, tmp_path):
    if request.param == "file":
        yield str(tmp_path / "items.db")
        return
    server = Server(tmp_path / "data")
    try:
        yield server.start().uri
    finally:
        server.kill()


@pytest.mark.parametrize("place", ["file", pytest.param("server", marks=needs_server)], indirect=True)
def test_killed_uploads_lose_nothing_and_double_nothing(place):
    gallery = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
    rng, most, kills = random.Random(0), 0, 0
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", UPLOAD, place], stdout=subprocess.PIPE, text=True, env=os.environ
        ) as child:
            acknowledged, stop = 0, rng.randrange(1, N // STEP - 8) * STEP
            for line in child.stdout:
                acknowledged = int(line)
                if acknowledged == stop:  # the next batch is on its way
                    child.send_signal(signal.SIGKILL)
            kills += child.wait() == -signal.SIGKILL
        most = max(most, acknowledged)
        with MilvusIndex(place, "upload", "euclidean") as index:
            ids = index.ids
            assert len(index) == len(ids) == len(set(ids.tolist()))
            numbers = sorted(int(x[1:]) for x in ids)
            assert numbers[:most] == list(range(most)), "something that was acknowledged is lost"
            assert [x["n"] for x in index.fields(ids)] == [int(x[1:]) for x in ids]
            some = random.Random(1).sample(numbers, 50)
            hits = index.search(gallery[some], 1)
            assert hits.ids.ravel().tolist() == [f"i{i}" for i in some]
            assert not hits.scores.any(), "a vector is not as it was sent"
    assert kills == 4
    assert most < N
    subprocess.run([sys.executable, "-c", UPLOAD, place], check=True, stdout=subprocess.DEVNULL, timeout=300)
    with MilvusIndex(place, "upload", "euclidean") as index:
        assert len(index) == N
        assert sorted(index.ids.tolist()) == sorted(f"i{i}" for i in range(N))
        want = Index("euclidean").add(gallery, [f"i{i}" for i in range(N)]).search(gallery[:30], 5)
        hits = index.search(gallery[:30], 5)
        np.testing.assert_array_equal(hits.ids, want.ids)
        np.testing.assert_array_equal(hits.scores, want.scores)
