"""README, CONTRIBUTING, CHANGELOG and the guides: what they say runs, adds up, and leads somewhere."""

import ast
import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmalign_nb
from book.chapters import slug

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("notebook_tools", ROOT / "tools" / "notebooks.py")
tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tools)
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("benchmarks/*.md"),
    ROOT / "data" / "README.md",
]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.S | re.M)


def rows(text):
    """The rows of a piece of text that is a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines[2:]]


def part(text, heading):
    assert f"\n## {heading}\n" in text, heading
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in tools.anchors(target.read_text(encoding="utf-8")), link
        if anchor and target.suffix == ".ipynb":
            assert anchor in headings(target), link


def headings(path):
    """The anchors of a notebook's headings, as the book has them."""
    prose = "\n".join(c.source for c in tools.read(path).cells if c.cell_type == "markdown")
    return {slug(line) for line in re.findall(r"^#+ (.+)$", prose, flags=re.M)}


def test_all_say_the_same_version():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    cited = dict(re.findall(r"^(version|date-released): (.+)$", read("CITATION.cff"), flags=re.M))
    released, date = re.search(r"^## \[(\d.+)\] - (.+)$", read("CHANGELOG.md"), flags=re.M).groups()
    assert mmalign_nb.__version__ == version == cited["version"] == released
    assert cited["date-released"] == date
    assert f"version {version}, {date[:4]}" in part(read("README.md"), "Licence and citation")


# --- the README ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What the twelve lines have named, what they printed, and the folder they wrote to."""
    (code,) = blocks(read("README.md"), "python")
    assert len(code.splitlines()) == 12
    folder, scope, said = tmp_path_factory.mktemp("story"), {}, io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        exec(code, scope)
    return scope, said.getvalue().strip(), folder


def test_the_twelve_lines_print_what_the_readme_says(story):
    scope, said, folder = story
    assert f"`{said}`" in part(read("README.md"), "The story in twelve lines")
    kept = scope["labels"].kept.evaluate(scope["truth"])
    assert kept["precision"] >= 0.9, "the promise"
    assert "ThresholdPanel" in (folder / "panel.html").read_text(encoding="utf-8")


def test_the_words_of_the_moving_picture_hold(story):
    words = re.search(r"!\[([^\]]+)\]\(docs/panel\.webp\)", read("README.md"))[1]
    panel, truth = story[0]["panel"], story[0]["truth"]
    places = re.findall(
        r"(?:At|at) (0\.\d\d).*?(\d+) pairs are kept, precision (0\.\d\d), recall (0\.\d\d)", words
    )
    assert len(places) == 3
    for line, count, precision, recall in places:
        panel.threshold.value = float(line)
        report = panel.matches.evaluate(truth)
        assert len(panel.matches) == int(count)
        assert f"{report['precision']:.2f} {report['recall']:.2f}" == f"{precision} {recall}"
    assert f"{len(truth)} have their partner" in words
    assert float(places[-1][0]) == pytest.approx(float(story[0]["labels"].threshold), abs=0.005)


def test_the_picture_moves_is_small_and_comes_to_rest():
    path = ROOT / "docs" / "panel.webp"
    assert path.stat().st_size <= 600_000
    with Image.open(path) as picture:
        assert picture.n_frames > 20
        assert picture.info["loop"] == 3
        first = np.asarray(picture.convert("RGB")).astype(int)
        picture.seek(picture.n_frames - 1)
        assert (np.asarray(picture.convert("RGB")) != first).mean() > 0.01


def test_each_number_stands_on_the_page_that_is_named_beside_it():
    table = rows(part(read("README.md"), "Numbers"))
    assert len(table) > 6
    for what, measured, _, source in table:
        page = read(re.search(r"\]\(([^)]+)\)", source)[1]).replace(",", "")
        for number in re.findall(r"\d+\.\d+", f"{what} {measured}".replace(",", "")):
            assert number in page, f"{number}: {what}"
        for script in re.findall(r"`([\w/]+\.py)`", source):
            assert (ROOT / script).exists(), script


def test_every_make_that_is_written_of_is_there():
    makefile = read("Makefile")
    for path in DOCUMENTS:
        for target in re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, flags=re.M), f"{path.name}: make {target}"


def test_the_commands_on_ones_own_data_are_there():
    pytest.importorskip("mmalign_nb.own", reason="the command line is not in yet")
    commands = re.findall(r"-m mmalign_nb (\w+)", read("README.md") + read("docs/INSTRUCTOR.md"))
    assert {"align", "label", "report", "doctor", "start"} == set(commands)
    told = subprocess.run(
        [sys.executable, "-m", "mmalign_nb", "--help"], capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0
    assert [name for name in set(commands) if name not in told.stdout] == []


# --- CONTRIBUTING -------------------------------------------------------------------------------------------


def test_its_examples_are_short():
    examples = blocks(read("CONTRIBUTING.md"), "(?:python|diff)")
    assert len(examples) == 3
    assert max(len(x.splitlines()) for x in examples) <= 15


def test_the_measure_that_is_added_is_a_measure(tmp_path):
    (patch,) = blocks(read("CONTRIBUTING.md"), "diff")
    shutil.copytree(
        ROOT / "mmalign_nb", tmp_path / "mmalign_nb", ignore=shutil.ignore_patterns("__pycache__")
    )
    target = tmp_path / re.search(r"^\+\+\+ b/(.+)$", patch, flags=re.M)[1]
    hunk = patch.splitlines()[3:]
    old, new = ("\n".join(x[1:] for x in hunk if x[0] in kinds) for kinds in (" -", " +"))
    text = target.read_text(encoding="utf-8")
    at = re.search(r"^@@ -(\d+),(\d+) \+\1,(\d+) @@$", patch, flags=re.M)
    assert text.count(old) == 1, "the patch is stale"
    assert [text[: text.index(old)].count("\n") + 1, old.count("\n") + 1, new.count("\n") + 1] == [
        *map(int, at.groups())
    ]
    target.write_text(text.replace(old, new), encoding="utf-8")
    code = """
import numpy as np, mmalign_nb
from scipy.spatial.distance import cdist
from mmalign_nb.similarity import Scores, similarity, top_k
a, b = np.random.default_rng(0).normal(size=(2, 9, 4))
far = cdist(a, b, "chebyshev")
assert np.allclose(similarity(a, b, metric="chebyshev"), -far, atol=1e-6)
i, j = np.arange(9), np.arange(9)[::-1]
assert np.allclose(Scores((a, b), metric="chebyshev").pairs(i, j), -far[i, j], atol=1e-6)
assert (top_k(a, b, 1, metric="chebyshev")[0][:, 0] == far.argmin(axis=1)).all()
print(mmalign_nb.__file__)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(tmp_path)), "it was the copy"


def test_the_data_set_that_is_added_can_be_searched():
    from mmalign_nb.similarity import top_k

    scope = {}
    exec(blocks(read("CONTRIBUTING.md"), "python")[0], scope)
    items = scope["stripes"](5)
    assert items.text == ["1 stripe", "2 stripes", "3 stripes", "4 stripes", "5 stripes"]
    assert [len(np.flatnonzero(x[0] == 0)) for x in items.image] == [1, 2, 3, 4, 5]
    flat = (255 - items.image).reshape(5, -1).astype(float)
    ids, _ = top_k(flat, flat, 1)
    assert ids[:, 0].tolist() == list(range(5))


def test_the_chapter_that_is_added_is_clean_once_it_is_written_back(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text("## Chapters\n", encoding="utf-8")
    with contextlib.chdir(tmp_path):
        exec(blocks(read("CONTRIBUTING.md"), "python")[1], {})
    monkeypatch.setattr(tools, "NOTEBOOKS", tmp_path / "notebooks")
    (path,) = tools.chapters()
    tools.execute(path)
    assert tools.problems(tools.read(path), path) == []
    assert "count stripes by similarity" in tools.readme_table()
    assert json.loads(path.read_text(encoding="utf-8"))["cells"][1]["id"] == "nav-top"


# --- guides -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["Half a day", "A day"])
def test_the_minutes_of_a_plan_add_up_and_are_the_chapters_own(plan):
    text = part(read("docs/INSTRUCTOR.md"), plan)
    table = rows(text)
    clock = [datetime.strptime(start, "%H:%M") for start, *_ in table]
    minutes = [int(row[1]) for row in table]
    for before, after, took in zip(clock, clock[1:], minutes, strict=False):
        assert after - before == timedelta(minutes=took)
    assert f"Together: {sum(minutes)} minutes." in text
    chapters = [re.search(r"\]\(\.\./(notebooks/[^)#]+)\)", row[2]) for row in table]
    assert sum(x is not None for x in chapters) >= 4
    for found, took, row in zip(chapters, minutes, table, strict=True):
        if found:
            assert took == tools.promised(tools.read(ROOT / found[1])), found[1]
            assert all(f"../{found[1]}#" in link for link in re.findall(r"\]\(([^)]+)\)", row[3]))


def test_every_chapter_has_a_question_for_the_room():
    table = rows(part(read("docs/INSTRUCTOR.md"), "What to ask before you run it"))
    asked = [row[0] for row in table]
    assert asked == sorted(set(asked))
    assert {path.name[:2] for path in tools.chapters()} == set(asked)
    for number, question, place in table:
        assert question.endswith("?")
        assert f"notebooks/{number}_" in place


def test_where_to_go_next_says_who_what_and_why():
    text = read("docs/NEXT.md")
    entries = [row for name in ("Libraries", "Courses", "Books", "Papers") for row in rows(part(text, name))]
    assert len(entries) > 25
    for row in entries:
        assert all(len(cell) > 3 for cell in row), row
    links = re.findall(r"\]\((https?://[^)]+)\)", text)
    assert len(links) == len(set(links)) > 20


def test_no_name_in_the_questions_answers_is_unknown():
    """A name in code, of a function or a rule, is one of the package."""
    answers = part(read("docs/INSTRUCTOR.md"), "Common questions")
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "mmalign_nb").rglob("*.py"))
    defined = {
        n.name for n in ast.walk(ast.parse(read("mmalign_nb/threshold/_rules.py"))) if hasattr(n, "name")
    }
    assert "for_precision" in defined
    for name in re.findall(r"`([a-z_]+)`", answers):
        assert re.search(rf"\b{name}\b", source + read("pyproject.toml")), name
