"""As a reader has it: the wheel installed into a new environment, an empty folder, and every command from there.

Installing everything anew takes minutes (6 GB on Linux, most of it CUDA), so the environment borrows what the package needs from
this one through a ``.pth`` file, which does not lead on to the checkout. ``MMALIGN_NB_FULL_INSTALL=1`` takes all of it from the
usual index, with constraints.txt.
"""

import csv
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FULL = bool(os.environ.get("MMALIGN_NB_FULL_INSTALL"))
ANSWERS = """
import sys
from mmalign_nb.own._result import load
right = {tuple(line.split(",")[:2]) for line in open(sys.argv[2], encoding="utf-8").read().splitlines()}
found = load(sys.argv[1])
labelling = found.labelling()
while (pair := labelling.ask()) is not None and len(labelling.asked) < 40:
    labelling.answer((str(found.ids_a[pair[0]]), str(found.ids_b[pair[1]])) in right)
labelling.to_csv(sys.argv[3])
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run Python of the new environment in an empty folder; the exit code must be 0."""
    place = tmp_path_factory.mktemp("installed")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment |= {"PYTHONUTF8": "1", "JUPYTER_CONFIG_DIR": str(place), "HOME": str(place)}
    python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    folder = place / "empty"
    folder.mkdir()

    def run(*words, code=0, cwd=folder):
        done = subprocess.run(
            [str(python), *map(str, words)],
            capture_output=True, text=True, encoding="utf-8", timeout=1800, cwd=cwd, env=environment,
        )  # fmt: skip
        assert done.returncode == code, (
            f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout

    run.folder = folder
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True, timeout=120)
    (wheel,) = place.glob("*.whl")
    if FULL:
        run("-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    else:
        site = Path(run("-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").strip())
        (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
        environment["JUPYTER_PATH"] = str(
            Path(sys.prefix, "share", "jupyter")
        )  # the extensions of JupyterLab
        run("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--ignore-installed", wheel)
    return run


def test_what_runs_is_what_was_installed(run):
    where = Path(run("-c", "import mmalign_nb; print(mmalign_nb.__file__)").strip())
    assert where.is_relative_to(run.folder.parent / "venv")


def test_doctor_is_content(run):
    said = run("-m", "mmalign_nb", "doctor")
    assert said.splitlines()[-1] == "Ready."
    assert "(installed), all" in said


def test_a_chapter_runs_in_the_copy(run):
    run("-m", "mmalign_nb", "start", "course")
    chapters = sorted((run.folder / "course" / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    chapter = next((x for x in chapters if x.name.startswith("11_")), chapters[0])
    made = run("-m", "nbconvert", "--to", "notebook", "--execute", "--stdout", chapter, cwd=chapter.parent)
    ran = [cell["execution_count"] for cell in json.loads(made)["cells"] if cell["cell_type"] == "code"]
    assert ran == list(range(1, len(ran) + 1))


def test_the_sample_is_aligned_labelled_and_reported(run):
    """From the copy's folder to a report, with answers that somebody who knows gave."""
    sample, out = run.folder / "course" / "data" / "sample", run.folder / "results"
    run("-m", "mmalign_nb", "align", sample, "--out", out, "--quiet")
    with (sample / "truth.csv").open(encoding="utf-8", newline="") as file:
        right = {(row["image"], row["text"]) for row in csv.DictReader(file)}
    with (out / "matches.csv").open(encoding="utf-8-sig", newline="") as file:
        matches = list(csv.DictReader(file))
    kept = [(row["a"], row["b"]) in right for row in matches if row["kept"] == "True"]
    assert len(kept) > 60
    assert sum(kept) > 0.9 * len(kept)

    run("-c", ANSWERS, out, sample / "truth.csv", run.folder / "answers.csv")
    run("-m", "mmalign_nb", "label", out, "--answers", run.folder / "answers.csv")
    assert (out / "labels.csv").is_file()
    before = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    run("-m", "mmalign_nb", "report", out)
    report = (out / "report.html").read_bytes()
    assert report == before
    assert matches[0]["a"].encode() in report
    assert not re.search(rb"""(?:src|href)=["']?(?:https?:)?//""", report)


def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(run):
    run("-m", "mmalign_nb", "align", "no such folder", "--out", "x", code=1)
    run("-m", "mmalign_nb", "start", sys.executable, code=1)
    run("-m", "mmalign_nb", "no-such-command", code=2)
