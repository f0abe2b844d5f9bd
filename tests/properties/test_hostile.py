"""No input of any kind gets past the door unseen: hypothesis drives hostile values over every public function.

1,500 cases here; ``make fuzz`` tries 20,000 and prints what it found: ``python tests/properties/test_hostile.py 20000``.
"""

import collections
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from calls import CALLS
from hostile import CHANGES, judge, run
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import mmalign_nb

CASES = [(c, a, change) for c in CALLS for a, kind in c.kinds.items() for change in CHANGES[kind]]
# Named results and what other tests try: fields, not arguments of a reader's.
NOT_CALLED = {
    "Audit", "Hits", "RangeHits", "Embedded", "Hubness", "Matches", "PathCurve", "Threshold", "Sweep", "NextLine", "Drift", "Explanation", "Term", "Offset", "DtwPath",
    "Leakage", "PairReport", "RankingReport", "RetrievalReport", "LinearMap", "METRICS", "COLORS", "MARKERS", "Picture", "new_figure", "Collection",
    "Note", "from_folder", "from_csv", "from_arrays", "sample", "styled", "colors", "digits", "typefaces", "spoken_digits", "esc10", "wikipedia",
    "WikipediaFeatures", "Recall", "Break", "Segment", "Synchronization", "Video", "read_video", "downloaded",
    "TorchvisionImage", "SentenceTransformerEncoder", "align_folder", "FolderAlignment",
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.name)
def test_the_plain_call_answers(call):
    kind, answer = run(call, call.arguments)
    assert kind == "answer", answer


def test_every_public_name_is_called():
    called = " ".join((Path(__file__).parent / "calls.py").read_text(encoding="utf-8").split())
    for room in mmalign_nb._ROOMS:
        for name in getattr(mmalign_nb, room).__all__:
            assert name in NOT_CALLED or name in called, f"{room}.{name} has no call in calls.py"


@settings(
    max_examples=int(os.environ.get("MMALIGN_NB_CASES", "1500")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.sampled_from(range(len(CASES))), st.integers(0, 2**16))
def test_hostile_values(case, seed):
    call, argument, change = CASES[case]
    fault = judge(call, argument, change, seed)
    assume(fault != "n/a")
    assert fault is None, f"{call.name}({argument}: {change.name}), seed {seed}: {fault}"


def main(cases: int, only: str = "") -> int:
    """Try so many cases at random, print the faults, return how many there are."""
    rng, start = np.random.default_rng(0), time.perf_counter()
    faults, tried = collections.defaultdict(list), 0
    chosen = [c for c in CASES if only in c[0].name]
    order = rng.permutation(len(chosen)).tolist()
    k = 0
    while tried < cases and k < 20 * cases:  # each case once, then again with other seeds
        call, argument, change = chosen[order[k % len(order)]]
        fault = judge(call, argument, change, k)
        k += 1
        if fault != "n/a":
            tried += 1
            if fault is not None:
                faults[f"{call.name}({argument}: {change.name})"].append(fault)
        if k == len(order) and only:
            break
    for name, found in sorted(faults.items()):
        print(f"{name} [{len(found)}]: {found[0][:300]}")
    total = sum(map(len, faults.values()))
    print(
        f"{tried:,} cases tried in {time.perf_counter() - start:.0f} s, {total} faults of {len(faults)} kinds"
    )
    return total


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, *sys.argv[2:3]), 1))
