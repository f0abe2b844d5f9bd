"""``align`` killed at 50 moments: the same command goes on, and the results are those of a run that nobody disturbed, to the byte."""

import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest

from mmalign_nb.__main__ import main
from mmalign_nb.datasets import glyphs

PIL = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork"
)


def align(folder, out, moment):
    """The command in a process that kills itself before or after its n-th move of a file, or lets itself be killed."""
    import torch

    from mmalign_nb import _files

    torch.set_num_threads(1)
    os.setpgrp()
    real, count = os.replace, [0]

    def replace(*arguments):
        count[0] += 1
        if moment == 2 * count[0] - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments)
        if moment == 2 * count[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    _files.os.replace = replace
    os._exit(main(["align", str(folder), "--out", str(out), "--encoder", "own", "--quiet"]))


def results(out):
    return {x.name: x.read_bytes() for x in out.iterdir() if x.is_file()}


def test_killed_at_fifty_moments_it_goes_on_to_the_same_results(tmp_path):
    import torch

    torch.set_num_threads(1)  # a fork has no other threads
    folder, symbols, rng = tmp_path / "icons", glyphs(size=24)[4500:4530], random.Random(0)
    folder.mkdir()
    rows = ["file,caption"]
    for i in range(30):
        PIL.fromarray(symbols.image[i]).save(folder / f"icon{i:02}.png")
        rows.append(f"{'icon' if i % 4 else 'note'}{i:02}.png,{symbols.text[i]}")
    (folder / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    context = multiprocessing.get_context("fork")

    def run(out, moment, after=None):
        child = context.Process(target=align, args=(folder, out, moment))
        child.start()
        if after is not None:
            time.sleep(after)
            child.kill()
        child.join()
        return child.exitcode

    start = time.monotonic()
    assert run(tmp_path / "whole", 0) == 0
    long, want = time.monotonic() - start, results(tmp_path / "whole")
    assert set(want) >= {"matches.csv", "unmatched.csv", "audit.csv", "summary.json"}
    kills, out = 0, tmp_path / "out0"
    for k, moment in enumerate(np.linspace(1, 60, 40).astype(int).tolist() + [None] * 90):
        if moment is None:  # at any time at all, between two moves too
            end = run(out, 0, rng.uniform(0, long))
        else:
            end = run(out, moment)
        kills += end == -signal.SIGKILL
        if end == 0:  # through: nothing is left to be killed, so the next one starts afresh
            assert results(out) == want
            out = tmp_path / f"out{k + 1}"
        else:
            assert end == -signal.SIGKILL
        if kills >= 50:
            break
    assert kills >= 50
    assert run(out, 0) == 0
    assert results(out) == want
    assert not list(out.rglob("*.part"))
