"""The notebooks as files: what nbval lets pass and a reader would stumble over; and proof that the net catches."""

import copy
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("notebook_tools", ROOT / "tools" / "notebooks.py")
tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tools)

ALL = tools.chapters() + tools.solutions()
FIRST = ROOT / "notebooks" / "00_start_here.ipynb"


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.relative_to(ROOT / "notebooks").as_posix())
def test_notebook_is_clean(path):
    assert tools.problems(tools.read(path), path) == []


def test_there_are_notebooks():
    assert FIRST in ALL


def test_every_chapter_with_exercises_has_solutions():
    for path in tools.chapters():
        asks = any(re.search(r"^#+ .*Exercise", c.source, flags=re.M) for c in tools.read(path).cells)
        assert not asks or (path.parent / "solutions" / path.name).exists(), path.name


def test_readme_table_is_current():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "<!-- chapters -->" in readme
    assert tools.readme_with_table(readme) == readme
    for path in tools.chapters():
        assert f"notebooks/{path.name}" in readme


@pytest.fixture(scope="module")
def first():
    return tools.read(FIRST)


def damaged(nb, change):
    nb = copy.deepcopy(nb)
    change(nb, [c for c in nb.cells if c.cell_type == "code"])
    return tools.problems(nb)


def clear(nb, code):
    for c in code:
        c.outputs, c.execution_count = [], None


def clear_outputs_only(nb, code):
    for c in code:
        c.outputs = []


def renumber(nb, code):
    code[1].execution_count = 7


def stderr(nb, code):
    code[0].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="FutureWarning: soon"))


def error(nb, code):
    code[0].outputs.append(nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[]))


def interact(nb, code):
    code[0].source += "\ninteract(f, x=3)"


def output_widget(nb, code):
    code[0].source += "\nout = widgets.Output()"


def absolute_path(nb, code):
    code[0].source += "\nopen('" + "/home" + "/me/data.csv')"


def parent_folder(nb, code):
    code[0].source += "\nPath('..', 'benchmarks')"


def parent_path(nb, code):
    code[0].source += "\nplace = '../data/x.csv'"


def own_source(nb, code):
    code[0].source += "\nPath(mmalign_nb.__file__).parents[1]"


def current_folder(nb, code):
    code[0].source += "\npd.read_csv('captions.csv')"


def current_folders_file(nb, code):
    code[0].source += "\nPath('captions.csv').read_text()"


def nameless_picture(nb, code):
    code[0].outputs.append(nbformat.v4.new_output("display_data", data={"image/png": "aGVsbG8=\n"}))


def nameless_img(nb, code):
    code[0].outputs.append(nbformat.v4.new_output("display_data", data={"text/html": "<img src='x.png'>"}))


def nameless_markdown_picture(nb, code):
    nb.cells[0].source += "\n![](x.png)"


def widget_state(nb, code):
    nb.metadata["widgets"] = {}


def widget_view(nb, code):
    code[0].outputs.append(nbformat.v4.new_output("display_data", data={tools.WIDGET_VIEW: {}}))


def address(nb, code):
    code[0].outputs.append(nbformat.v4.new_output("stream", name="stdout", text="<Foo object at 0x7f00aa>"))


def long_cell(nb, code):
    code[0].source = "\n".join("x = 1" for _ in range(tools.MAX_CODE_LINES + 1))


def hasty(nb, code):
    nb.cells[0].source = re.sub(r"(\*\*Minutes:\*\*) \d+", r"\1 5", nb.cells[0].source)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (clear, "execution count None"),
        (clear_outputs_only, "outputs were cleared"),
        (renumber, "execution count 7"),
        (stderr, "stderr"),
        (error, "stores an error"),
        (interact, "interact"),
        (output_widget, "Output widget"),
        (absolute_path, "absolute path"),
        (parent_folder, "reaches for the path '..'"),
        (parent_path, "reaches for the path '../data/x.csv'"),
        (own_source, "reaches for ."),
        (current_folder, "reaches for read_csv of 'captions.csv'"),
        (current_folders_file, "reaches for read_text of 'captions.csv'"),
        (nameless_picture, "without alt text"),
        (nameless_img, "<img> without alt text"),
        (nameless_markdown_picture, "no alt text"),
        (widget_state, "widget state"),
        (widget_view, "widget view"),
        (address, "memory address"),
        (long_cell, "lines; at most"),
        (hasty, "promises 5 minutes; by the rule"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_the_net_catches(first, change, says):
    assert tools.problems(first) == []
    found = damaged(first, change)
    assert any(says in f for f in found), found


def test_minutes_are_words_code_and_exercises():
    code = [nbformat.v4.new_code_cell("x = 1\n\n" * 40), nbformat.v4.new_code_cell("check('00-1', 1)")]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("word " * 750), *code])
    assert tools.minutes(nb) == 15  # 5 of words, 4.1 of code, 3 of an exercise
    nb.cells[0].source += " word" * 450
    assert tools.minutes(nb) == 20
    nb.cells[1].metadata["jupyter"] = {"source_hidden": True}
    assert tools.minutes(nb) == 15


def test_every_chapter_says_how_long_it_takes():
    for path in tools.chapters():
        assert tools.promised(tools.read(path)), path.name


def test_a_folded_cell_stays_folded():
    code = nbformat.v4.new_code_cell(
        "1", metadata={"jupyter": {"source_hidden": True, "outputs_hidden": True}}
    )
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# x"), code])
    kept = tools.canonical(nb, tools.solutions()[0]).cells[2].metadata
    assert kept == {"jupyter": {"source_hidden": True}}


def test_an_output_that_is_not_compared_is_kept_only_while_its_words_are_the_same(tmp_path):
    """A time may stay as it was; a sentence that the cell does not print any more may not."""
    sources = ["import time\n\nprint(f'took {time.perf_counter():.6f} s')", "print('new words', 0.25)"]
    cells = [nbformat.v4.new_code_cell(x, metadata={"tags": ["nbval-ignore-output"]}) for x in sources]
    for cell, text in zip(cells, ["took 7 s\n", "old words 0.5\n"], strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# x"), *cells])
    path = tmp_path / "solutions" / "00_x.ipynb"
    path.parent.mkdir()
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    tools.execute(path)
    stored = [c.outputs[0].text for c in tools.read(path).cells if c.cell_type == "code"]
    assert stored == ["took 7 s\n", "new words 0.25\n"]


GLOSSARY = ROOT / "docs" / "GLOSSARY.md"
ROW = re.compile(r'\| <a id="([a-z0-9-]+)"></a>(.+?) \| (.+?) \| (.+?) \| \[(\d\d)\]\((.+?)\) \|')


def glossary():
    lines = [x for x in GLOSSARY.read_text(encoding="utf-8").splitlines() if x.startswith("| <a")]
    rows = [ROW.fullmatch(x) for x in lines]
    assert all(rows), [x for x, row in zip(lines, rows, strict=True) if not row]
    return [row.groups() for row in rows]


def test_the_glossary_is_in_order_and_has_chinese_and_a_sentence():
    rows = glossary()
    terms = [term.casefold() for _, term, *_ in rows]
    assert terms == sorted(terms)
    assert len({anchor for anchor, *_ in rows}) == len(rows)
    for anchor, _, chinese, means, chapter, link in rows:
        assert re.search("[\u4e00-\u9fff]", chinese), anchor
        assert means.endswith("."), anchor
        assert (GLOSSARY.parent / link).name.startswith(chapter), anchor
        assert (GLOSSARY.parent / link).exists(), anchor


def explains(prose, term):
    """Whether a chapter's prose sets a term, or a part of its name, in *italics* or **bold**, as where it explains it."""
    prose = re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|^ *[*] ", " ", prose, flags=re.S | re.M)
    found = re.findall(r"(?<![\w*])(\*\*?)(?=\S)([^*]+?)\1(?![\w*])", prose)
    marked = [x.casefold() for _, x in found if len(x) > 3]
    whole = [(name, x) for x in marked for name in term.casefold().split(", ")]
    return any(re.search(rf"\b{re.escape(x)}\b", n) or re.search(rf"\b{re.escape(n)}\b", x) for n, x in whole)


def test_a_word_is_linked_or_explained_in_the_chapter_where_it_first_stands_and_linked_only_once():
    for path in tools.chapters():
        prose = "\n".join(c.source for c in tools.read(path).cells if c.cell_type == "markdown")
        linked = re.findall(r"\]\(\.\./docs/GLOSSARY\.md#([^)]+)\)", prose)
        assert len(set(linked)) == len(linked), (
            f"{path.name}: {sorted({x for x in linked if linked.count(x) > 1})}"
        )
        for anchor, term, *_, chapter, _ in glossary():
            if chapter == path.name[:2] and anchor not in linked:
                assert explains(prose, term), f"{path.name} neither links nor explains {term!r}"


def test_a_word_that_only_stands_somewhere_is_not_explained():
    assert explains("A **filter** is small.\n* *gate*: opens", "filter")
    assert explains("* *gate*: opens", "gate, door")
    assert not explains("* A filter is **small**.\n* It opens *and* closes.", "filter")


def test_stale_navigation_and_dead_links_are_caught(tmp_path):
    nb = tools.read(FIRST)
    copy_ = tmp_path / "notebooks" / FIRST.name
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "GLOSSARY.md").write_text(GLOSSARY.read_text(encoding="utf-8"), encoding="utf-8")
    copy_.parent.mkdir()
    nb.cells[0].source += "\n[gone](no_such_file.ipynb) [gone](../docs/GLOSSARY.md#no-such-word)"
    copy_.write_text(nbformat.writes(nb), encoding="utf-8")
    tools_chapters, tools.chapters = tools.chapters, lambda: [copy_]
    try:
        found = tools.file_problems(nb, copy_)
    finally:
        tools.chapters = tools_chapters
    assert any("leads nowhere: no_such_file.ipynb" in f for f in found)
    assert any("leads nowhere: ../docs/GLOSSARY.md#no-such-word" in f for f in found)
    assert any("canonical" in f for f in found)


FAULTS = {
    "imports": "import numpy as np",
    "changed": "6 * 7",
    "makes": "rng = np.random.default_rng(0)\nscores = np.eye(2)",
    "draws-on": "print(rng.integers(10**9))",
    "draws-own": "print(np.random.default_rng(0).integers(10**9))",
    "uses-name": "print(scores.shape)",
    "takes-name": "scores = [1, 2]\nprint(len(scores))",
    "grows": "try:\n    seen_before.append(1)\nexcept NameError:\n    seen_before = []\nlen(seen_before)",
    "a-time": "import time\n\nprint(time.perf_counter())",
}


def test_nbval_catches_a_changed_number_and_what_says_something_else_when_run_again(tmp_path):
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in FAULTS.items()]
    cells[-1].metadata["tags"] = ["nbval-ignore-output"]
    nb = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(nb, timeout=60, kernel_name="python3").execute()
    cells[1].outputs[0].data["text/plain"] = "43"
    (tmp_path / "faults.ipynb").write_text(nbformat.writes(nb), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "-W", "default"]
    command += ["-p", "tests.notebooks.again", "-rfE", "--nbval", "--nbval-current-env", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, encoding="utf-8")
    assert run.returncode == 1, run.stdout[-3000:]
    found = {
        list(FAULTS)[int(k)] + again
        for k, again in re.findall(r"^FAILED .*::Cell (\d+)( again)?", run.stdout, re.M)
    }
    assert found == {"changed", "changed again", "draws-on again", "uses-name again", "grows again"}
    assert "mismatch" in run.stdout
    assert "AttributeError" in run.stdout


def test_writing_twice_changes_nothing(tmp_path):
    for path in ALL:
        once = tools.dump(tools.canonical(tools.read(path), path))
        assert once == path.read_text(encoding="utf-8"), path.name


def test_check_command_fails_on_a_cleared_notebook(tmp_path):
    """The command itself, not only its functions: outputs cleared, exit code 1, the cell named."""
    nb = tools.read(FIRST)
    clear(nb, [c for c in nb.cells if c.cell_type == "code"])
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / FIRST.name).write_text(nbformat.writes(nb), encoding="utf-8")
    (tmp_path / "tools").mkdir()
    script = tmp_path / "tools" / "notebooks.py"
    script.write_text((ROOT / "tools" / "notebooks.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "README.md").write_text("<!-- chapters -->\n<!-- /chapters -->\n", encoding="utf-8")
    env = os.environ | {"PYTHONUTF8": "1"}
    run = subprocess.run(
        [sys.executable, str(script), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        env=env,
        encoding="utf-8",
    )
    assert run.returncode == 1
    assert "code cell 1 has execution count None" in run.stdout


def test_what_a_chapter_needs_are_the_chapters_it_names_or_its_first_sentence():
    head = "# 07 x\n\n**You need:** chapters [01](01_a.ipynb) (encoders) and\n[04](04_b.ipynb), again [01](01_a.ipynb).\n**Minutes:** 5"
    assert tools.needed(head) == "[01](notebooks/01_a.ipynb), [04](notebooks/04_b.ipynb)"
    assert (
        tools.needed("**You need:** a little\nPython. No network.\n\nSee [05](05_c.ipynb).")
        == "a little Python"
    )
    assert tools.needed("# x") == ""
