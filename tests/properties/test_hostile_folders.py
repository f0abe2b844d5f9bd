"""No folder gets past the door unseen: made folders of every kind are read, and the law of ``hostile_folders`` is asked.

60 folders here; ``make fuzz`` tries 1,000, every tenth with the command line, too, and prints what it found: ``python tests/properties/test_hostile_folders.py 1000``.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if os.name == "nt":
    pytest.skip("links, pipes and names of another kind", allow_module_level=True)

from hostile_folders import judge, judge_command, make, whole

from mmalign_nb.__main__ import main as terminal
from mmalign_nb.datasets import from_folder


def tried(seed: int, command: bool = False) -> tuple[list[str], dict[str, str]]:
    """What is wrong with how one folder is read, or taken by the command line, and how its files were made."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "mine")
        folder.mkdir()
        made = make(folder, seed)
        if command:
            return judge_command(folder, made, Path(place, "out"), terminal), made.told
        return judge(folder, made, from_folder), made.told


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory):
    """Libraries that are loaded at the first call may warn and take memory of their own."""
    folder = tmp_path_factory.mktemp("warm")
    for k, (name, data) in enumerate(whole().items()):
        (folder / f"{k} {name}").write_bytes(data)
    found = from_folder(folder, size=16, progress=False)
    assert not [n for n in found.notes if n.what == "skipped"]


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_hostile_folders(first):
    for seed in range(first, first + 10):
        faults, told = tried(17 * seed)  # 17: other formats and other ways to spoil them each time
        assert not faults, f"seed {17 * seed}: {faults}, {told}"


def test_the_command_line_ends_with_a_code_and_a_sentence():
    for seed in (3, 5):  # one that is aligned, one with pictures only
        faults, told = tried(seed, command=True)
        assert not faults, f"seed {seed}: {faults}, {told}"


def main(cases: int, first: int = 0) -> int:
    """Try so many folders, print the faults, return how many folders have one."""
    start, bad = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as place:
        for name, data in whole().items():
            Path(place, name).write_bytes(data)
        from_folder(place, size=16, progress=False)
    for seed in range(first, first + cases):
        faults, told = tried(seed)
        if not faults and seed % 10 == 0:
            faults, told = tried(seed, command=True)
        if faults:
            bad += 1
            print(f"seed {seed}: {faults}\n    {told}"[:900])
    print(f"{cases:,} folders tried in {time.perf_counter() - start:.0f} s, {bad} with faults")
    return bad


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:3] or ["1000"])), 1))
