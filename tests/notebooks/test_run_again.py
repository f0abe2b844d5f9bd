"""A reader goes back a page and runs a cell again: it must say the same.

    python tests/notebooks/test_run_again.py NOTEBOOK …     the same by hand

Each notebook is run from top to bottom, and then, in the same kernel, every code cell once more from the last to
the first, so that each meets what the cells below it have left: a name that means something else by now, a
generator that has been drawn from, a list that has grown. Cells whose output nbval does not compare (a
training run, a time) must run, but may print something else.
"""

import configparser
import difflib
import importlib.util
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from book import living
from mmalign_nb.panels.instrument import LIVE

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("notebook_tools", ROOT / "tools" / "notebooks.py")
tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tools)
ALL = tools.chapters() + tools.solutions()


def sanitised(text):
    """Without what may differ from run to run: the patterns that nbval gets."""
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / "tests" / "notebooks" / "sanitize.cfg", encoding="utf-8")
    for name in rules.sections():
        text = re.sub(rules[name]["regex"], rules[name]["replace"], text)
    return text


def printed(cell):
    """What a cell has printed and shown as text."""
    out = []
    for o in tools.joined(cell.outputs):
        if o.output_type == "stream":
            out.append(o.text)
        elif o.output_type == "error":
            out.append(f"{o.ename}: {o.evalue}")
        elif not tools.is_progress_bar(o):
            out += [o.data[kind] for kind in ("text/plain", "text/html") if kind in o.data]
    return sanitised("\n".join(out))


def differences(path, keep=None):
    """Run a notebook, then its code cells from the last to the first; a line for each that says something else."""
    nb = tools.read(path)
    client = NotebookClient(
        nb,
        timeout=tools.CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.reset_execution_trackers()
    code = [k for k, c in enumerate(nb.cells) if c.cell_type == "code" and c.source.strip()]
    found = []
    with client.setup_kernel():
        for k in code:
            client.execute_cell(nb.cells[k], k)
        first = {k: printed(nb.cells[k]) for k in code}
        if keep is not None:
            keep(path, nb)
        for k in reversed(code):
            try:
                client.execute_cell(nb.cells[k], k)
            except CellExecutionError as error:
                found.append(f"cell {k} ({nb.cells[k].id}) stops: {error.ename}: {error.evalue}")
                continue
            again = printed(nb.cells[k])
            if again != first[k] and not tools.keeps_output(nb.cells[k]):
                lines = difflib.unified_diff(
                    first[k].splitlines(), again.splitlines(), "first", "again", "", "", 0
                )
                found.append(
                    "\n    ".join([f"cell {k} ({nb.cells[k].id}) says something else:", *list(lines)[2:12]])
                )
    return found


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.relative_to(ROOT / "notebooks").as_posix())
def test_every_cell_says_the_same_when_run_again(path, monkeypatch):
    monkeypatch.setenv(LIVE, "1")  # the run's panels are those of the book
    found = differences(path, living.keep if path in tools.chapters() else None)
    assert not found, "\n".join(found)


FAULTS = {
    "imports": "import numpy as np",
    "makes": "rng = np.random.default_rng(0)\nscores = np.eye(2)",
    "draws-on": "print(rng.integers(10**9))",
    "draws-own": "print(np.random.default_rng(0).integers(10**9))",
    "uses-name": "print(scores.shape)",
    "takes-name": "scores = [1, 2]\nprint(len(scores))",
    "grows": "try:\n    seen_before.append(1)\nexcept NameError:\n    seen_before = []\nlen(seen_before)",
    "a-time": "import time\n\nprint(time.perf_counter())",
}


def test_the_net_catches(tmp_path):
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in FAULTS.items()]
    cells[-1].metadata["tags"] = ["nbval-ignore-output"]
    path = tmp_path / "faults.ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    found = {re.search(r"\((.*?)\)", line)[1]: line for line in differences(path)}
    assert set(found) == {"draws-on", "uses-name", "grows"}
    assert "stops: AttributeError" in found["uses-name"]
    assert "-0" in found["grows"]
    assert "+1" in found["grows"]


if __name__ == "__main__":
    bad = 0
    for name in sys.argv[1:]:
        problems = differences(Path(name).resolve())
        print(
            f"{name}: {len(problems)} cells say something else when they are run again", *problems, sep="\n  "
        )
        bad += len(problems)
    sys.exit(1 if bad else 0)
