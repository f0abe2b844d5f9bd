"""Defects that were found in other systems, each as a test of ours; those of features, project and sync are in their files."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mmalign_nb import align, threshold
from mmalign_nb.align import greedy_match, max_match, mutual_match, nearest_match, threshold_match
from mmalign_nb.evaluate import pair_report, retrieval_report
from mmalign_nb.threshold import best_f1, for_precision, sweep

ROOT = Path(__file__).resolve().parents[1]


def test_tied_scores_give_no_impossible_f1():
    """A search that cuts between two equal scores reports an F1 that no threshold reaches (here 1.0)."""
    scores, truth = np.array([0.9, 0.5, 0.5, 0.2]), np.array([True, True, False, False])
    for order in ([0, 1, 2, 3], [0, 2, 1, 3]):  # with the right one first, or the wrong one
        line = best_f1(scores[order], truth[order])
        kept = scores >= float(line)
        assert sweep(scores[order], truth[order]).f1.max() == pytest.approx(0.8)
        assert 2 * (kept & truth).sum() / (kept.sum() + truth.sum()) == pytest.approx(0.8)


def test_greedy_takes_the_best_first_and_not_the_first_row():
    """'Greedy' that walks the rows gives row 0 what belongs to row 1, and another answer for another order."""
    S = np.array([[0.8, 0.7, 0.1], [0.9, 0.2, 0.1], [0.3, 0.6, 0.5]])
    pairs = {(0, 1), (1, 0), (2, 2)}
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]):
        found = greedy_match(S[order])
        assert {(order[i], int(j)) for i, j in found.pairs} == pairs


def test_all_positive_data_keeps_everything():
    """A search that never tries the cut below the last score gets F1 0.8 where 1.0 is there for the taking."""
    scores = [0.9, 0.8, 0.7]
    rows = sweep(scores, [True] * 3)
    assert rows.threshold.tolist() == [0.9, 0.8, 0.7]
    assert rows.f1[-1] == 1.0
    assert float(best_f1(scores, [True] * 3)) == 0.7
    assert float(for_precision(np.linspace(0, 1, 200), np.ones(200, bool))) == 0.0


def test_one_pair_is_a_pair():
    """One pair, and everything came out as zero."""
    S = np.array([[0.3]])
    for match in (max_match, greedy_match, mutual_match, nearest_match):
        assert match(S).evaluate("diagonal")["f1"] == 1.0
        assert match(S, 0.3).pairs.tolist() == [[0, 0]]
    assert pair_report(max_match(S), "diagonal").precision == 1.0
    assert retrieval_report(S, "diagonal", n_boot=0)["a→b"]["hit@1"] == 1.0
    assert float(best_f1([0.3], [True])) == 0.3
    assert sweep([0.3], [True]).f1.tolist() == [1.0]


def test_raising_the_threshold_does_what_the_docstring_says():
    """A docstring promised more matches for a higher threshold. Ours: fewer pairs, recall can only fall."""
    rng = np.random.default_rng(0)
    S, truth = rng.random((30, 30)) + 0.5 * np.eye(30), "diagonal"
    found = [threshold_match(S, t) for t in (0.2, 0.5, 0.8, 1.1, 1.4)]
    counts, recalls = [len(f) for f in found], [f.evaluate(truth)["recall"] for f in found]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert recalls == sorted(recalls, reverse=True)
    words = " ".join((threshold_match.__doc__ or "").split())
    assert "Raising the threshold keeps fewer pairs" in words
    assert "recall can only fall" in words
    for module in (align, threshold):
        for name in module.__all__:
            doc = " ".join((getattr(module, name).__doc__ or "").split())
            assert not re.search(
                r"(higher|raising the) threshold[^.]*\b(keeps|finds|gives) more", doc, re.I
            ), name


def test_ranks_need_no_one_hot_tensor():
    """recall@k through a one-hot (queries, k, gallery) tensor takes 1,000 × 10 × 20,000 numbers: 200 MB as bytes.

    Ours takes less than the score matrix would."""
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(1000, 4)).astype(np.float32), rng.normal(size=(20_000, 4)).astype(np.float32)
    truth = np.stack([np.arange(1000), np.arange(1000)], axis=1)
    retrieval_report((A[:2], B[:2]), "diagonal", n_boot=0)  # imports are not what is measured
    tracemalloc.start()
    try:
        retrieval_report((A, B), truth, n_boot=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(A) * len(B)


def test_a_gate_after_the_assignment_loses_good_pairs():
    """Assign first and drop later: two middling pairs outbid a good one and are then dropped themselves."""
    S = np.array([[0.95, 0.6], [0.55, 0.0]])
    full = max_match(S)
    assert len([s for s in full.scores if s >= 0.7]) == 0
    assert max_match(S, 0.7).pairs.tolist() == [[0, 0]]


def test_constant_scores_are_no_success():
    """argsort of equal scores leaves the diagonal first, and a report reads 100 %."""
    S = np.full((50, 50), 0.5)
    report = retrieval_report(S, "diagonal", n_boot=0)
    for direction in ("a→b", "b→a"):
        assert report[direction]["hit@1"] <= report.measures[direction]["hit@1"].chance
    for match in (max_match, greedy_match, mutual_match, nearest_match):
        assert len(match(S, ties="drop")) == 0


def test_a_comparison_without_its_assert_does_not_pass_the_style_check(tmp_path):
    """A unit test whose comparisons had no assert passed for years: ``make style`` must stop it."""
    forgotten = "def test_it():\n    a = 1\n    a == 2\n"
    run = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", "tests/test_forgotten.py", "-"],
        input=forgotten, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert run.returncode != 0
    assert "B015" in run.stdout
