"""scale on real processes: equal to one machine; a lost worker, a killed job and a corrupt file cost what they must and no more."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from scale_encoders import Columns, Counted, Deadly

from mmalign_nb import scale
from mmalign_nb.align import threshold_match
from mmalign_nb.similarity import top_k

TESTS = Path(__file__).resolve().parents[2]
N = 1000


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (N, 8, 8, 3)).astype(np.uint8)


@pytest.fixture
def client(monkeypatch):
    path = f"{TESTS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", path)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="600MiB", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def vectors(n, d=16, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_two_processes_give_the_answer_of_one_and_get_the_encoder_once(client, pictures, tmp_path):
    (tmp_path / "arrived").mkdir()
    done = scale.embed(pictures, Counted(tmp_path / "arrived"), tmp_path / "out", client=client, chunk=20)
    with client.as_current():
        np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(pictures))
    arrived = [x.name.split("-")[0] for x in (tmp_path / "arrived").iterdir()]
    per_worker = [arrived.count(str(pid)) for pid in client.run(os.getpid).values()]
    assert max(per_worker) <= 2, arrived  # as a task and, on the worker that did not run it, as its result
    A, B = vectors(700, seed=1), vectors(900)
    with client.as_current():
        found = dask.compute(*scale.top_k(A, B, 7, chunk=200))
    for x, want in zip(found, top_k(A, B, 7), strict=True):
        np.testing.assert_array_equal(x, want)
    mine = scale.threshold_match(A, B, 0.7, chunk=200, client=client)
    want = threshold_match((A, B), 0.7, margins=False)
    np.testing.assert_array_equal(mine.pairs, want.pairs)
    np.testing.assert_array_equal(mine.scores, want.scores)


def test_a_worker_that_dies_costs_its_chunk_and_nothing_else(client, pictures, tmp_path):
    before = set(client.run(os.getpid).values())
    done = scale.embed(pictures, Deadly(tmp_path / "mark"), tmp_path / "out", client=client, chunk=20)
    assert (tmp_path / "mark").exists()
    with client.as_current():
        np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(pictures))
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != before
    assert done.failed == []


def test_a_worker_that_is_killed_in_the_middle(client, pictures, tmp_path):
    """From outside, at some moment, with the encoder's result on it."""
    out = tmp_path / "out"

    def kill():
        while len(list(out.glob("*.json"))) < 5:
            time.sleep(0.01)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    done = scale.embed(pictures, Columns(0.1), out, client=client, chunk=20)
    thread.join()
    with client.as_current():
        np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(pictures))


def test_one_corrupt_file_among_a_thousand(client, pictures, tmp_path):
    paths = [tmp_path / f"{i:04d}.png" for i in range(N)]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    paths[617].write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    done = scale.embed(paths, Columns(), tmp_path / "out", client=client, chunk=50)
    ((row, name, reason),) = done.failed
    assert (row, name) == (617, str(paths[617]))
    assert "no picture that can be read" in reason
    with client.as_current():
        np.testing.assert_array_equal(
            done.vectors.compute(), Columns().transform(np.delete(pictures, 617, axis=0))
        )


def test_memory_stays_below_the_workers_bound(client, tmp_path):
    """Twice what a worker may hold, mapped from the disk, against itself: no worker is restarted, and none comes near."""
    n, d = 80_000, 4096  # 1.3 GB
    file = np.lib.format.open_memmap(tmp_path / "big.npy", mode="w+", dtype=np.float32, shape=(n, d))
    for s in range(0, n, 10_000):
        file[s : s + 10_000] = s + 1
        file[s : s + 10_000, 0] = np.arange(10_000)
    del file
    pids = client.run(os.getpid)
    with client.as_current():
        ids, _ = dask.compute(
            *scale.top_k(np.eye(3, d, dtype=np.float32), tmp_path / "big.npy", 2, metric="dot", chunk=2000)
        )
    assert ids[0].tolist() == [9999, 19_999]
    assert client.run(os.getpid) == pids, "a worker was restarted"

    def peak():
        import resource
        import sys

        if sys.platform == "linux":  # ru_maxrss begins there with what the parent had
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert max(client.run(peak).values()) < 600 * 1024


JOB = """
import sys
import numpy as np
sys.path.insert(0, {tests!r})
from distributed import Client, LocalCluster
from scale_encoders import Columns
from mmalign_nb import scale
if __name__ == "__main__":
    x = np.random.default_rng(0).integers(0, 256, ({n}, 8, 8, 3)).astype(np.uint8)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        scale.embed(x, Columns(0.1), sys.argv[1], client=client, chunk=10)
"""


def test_a_whole_job_that_is_killed_goes_on_where_it_was(pictures, tmp_path):
    (tmp_path / "job.py").write_text(JOB.format(tests=str(TESTS), n=N))
    out = tmp_path / "out"
    env = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, tmp_path / "job.py", out]
    seen = 0
    for _ in range(2):
        job = subprocess.Popen(command, env=env, start_new_session=True, stderr=subprocess.DEVNULL)
        while len(list(out.glob("*.json"))) < seen + 15:
            assert job.poll() is None
            time.sleep(0.01)
        os.killpg(job.pid, signal.SIGKILL)  # the job and its workers
        job.wait()
        time.sleep(0.5)
        made = {x: x.stat().st_mtime_ns for x in out.glob("*.json")}
        assert seen < len(made) < N // 10
        seen = len(made)
    subprocess.run(command, env=env, check=True, timeout=200, stderr=subprocess.DEVNULL)
    done = scale.load(out)
    np.testing.assert_array_equal(done.vectors.compute(), Columns().transform(pictures))
    assert all(x.stat().st_mtime_ns == then for x, then in made.items()), (
        "a chunk that was done was made again"
    )
    assert not list(out.glob("*.part"))
