"""A folder of ten thousand pictures, and the largest pictures there may be: what memory they take, in a process of their own."""

import os
import subprocess
import sys

import pytest
from PIL import Image

from mmalign_nb.datasets import things

N = 10_000
CHILD = """
import resource, sys
{line}
if sys.platform == "linux":  # ru_maxrss begins there with what the parent had
    peak = next(int(x.split()[1]) for x in open("/proc/self/status") if x.startswith("VmHWM")) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(len(found["image"]) if found else 0, peak)
"""
FOLDER = "from mmalign_nb.datasets import from_folder; found = from_folder(sys.argv[1], progress=False)"
PICTURE = "from pathlib import Path; from mmalign_nb.datasets._readers import read_picture; found = read_picture(Path(sys.argv[1]), 96) and None"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="counts memory otherwise")


def peak(line, *arguments):
    """How many pictures were read, and the most bytes that the process had."""
    run = subprocess.run(
        [sys.executable, "-c", CHILD.format(line=line), *map(str, arguments)],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    n, most = map(int, run.stdout.split()[-2:])
    return n, most


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of a hundred things under ten thousand names, and a caption for each."""
    place, items = tmp_path_factory.mktemp("many"), things(100)
    rows = ["file,caption"]
    for k in range(N):
        if k < len(items):
            Image.fromarray(items.image[k]).resize((320, 240)).save(place / f"{k:05}.jpg")
        else:
            os.link(place / f"{k % 100:05}.jpg", place / f"{k:05}.jpg")
        rows.append(f"{k:05}.jpg,{items.text[k % 100]} {k}")
    (place / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    return place


def test_ten_thousand_pictures_are_read_within_a_gigabyte(folder):
    n, most = peak(FOLDER, folder)
    assert n == N
    assert most < 2**30, f"{most / 2**20:.0f} MB"


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "P"])
def test_a_picture_of_a_hundred_million_pixels_takes_less_than_a_gigabyte(tmp_path, mode):
    Image.new(mode, (9990, 9990)).save(tmp_path / "a.png", compress_level=1)
    _, most = peak(PICTURE, tmp_path / "a.png")
    assert most < 2**30, f"{most / 2**20:.0f} MB"
