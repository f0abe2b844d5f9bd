"""The book: what the builder refuses, that it says where, and that it writes the same bytes every time."""

import hashlib
import json
import re
import shutil

import nbformat
import pytest
import same_book
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book import chapters, formulas, reference
from book.build import ROOT, Book, build, in_chinese, search_script
from book.formulas import Formula

VENDOR = ROOT / "book" / "vendor"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAGwNBDgAAAABJRU5ErkJggg=="  # one white pixel
README = "# A book\n\nWhat it is.\n\n## Start\n\nRun it.\n\n## Chapters\n"
GLOSSARY = '# Glossary\n\nWords.\n\n| term | Chinese | meaning | first |\n|---|---|---|---|\n| <a id="hub"></a>hub | 枢纽点 | Near many. | [00](../notebooks/00_one.ipynb) |\n'
HEAD = "# 00 One: a title\n\n**Minutes:** 5\n\n**In one line:** say one thing"


def picture(alt):
    data = {"image/png": PNG, "text/plain": f"Picture: {alt}"}
    return new_output("display_data", data, metadata={"image/png": {"alt": alt}} if alt else {})


def made(tmp_path, *cells, solution=None, glossary=GLOSSARY):
    """A book of one small notebook, and what its builder complains of."""
    cells = [c if isinstance(c, dict) else new_markdown_cell(c) for c in (HEAD, *cells)]
    for number, cell in enumerate(cells):
        cell.id = f"c{number}"
    files = {"README.md": README, "docs/GLOSSARY.md": glossary}
    files["notebooks/00_one.ipynb"] = nbformat.writes(new_notebook(cells=cells))
    if solution is not None:
        cells = [new_markdown_cell(c) for c in ("# 00 One: solutions", *solution)]
        files["notebooks/solutions/00_one.ipynb"] = nbformat.writes(new_notebook(cells=cells))
    for name, text in files.items():
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    book = Book(tmp_path / "repository")
    chapters.add(book, {})
    return book, build(book, tmp_path / "out")


def page(tmp_path, name="00_one.html"):
    return (tmp_path / "out" / name).read_text(encoding="utf-8")


def records_of(book):
    return json.loads(
        search_script(list(book.pages.values())).removeprefix("window.bookRecords =").rstrip().rstrip(";")
    )


def test_a_small_book(tmp_path):
    code = new_code_cell("print('a')", outputs=[new_output("stream", text="a\n"), picture("A white dot")])
    _, problems = made(
        tmp_path,
        "## Part\n\nA $x^2$ and [a hub](../docs/GLOSSARY.md#hub).\n\n$$ y $$",
        code,
        "## Part 1\n\n## Part\n\nAgain.",
    )
    assert problems == []
    html = page(tmp_path)
    assert 'href="glossary.html#hub"' in html
    assert html.count('class="katex"') == 2
    assert "data-formula" not in html
    assert 'alt="A white dot"' in html
    assert (tmp_path / "out" / "images" / "00_one-c2.png").exists()
    assert re.findall(r'<h2 id="(part[^"]*)"', html) == ["part", "part-1", "part-2"], (
        "each anchor is there once"
    )
    assert '<span lang="zh">枢纽点</span>' in page(tmp_path, "glossary.html")
    index = page(tmp_path, "index.html")
    assert "say one thing" in index
    assert "5 min" in index


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (new_code_cell("1", outputs=[picture("")]), "cell c1: a picture without an alternative text"),
        (new_code_cell("1", outputs=[picture("  ")]), "cell c1: a picture without an alternative text"),
        (
            new_code_cell("1", outputs=[new_output("display_data", {"text/html": "<img src='data:,'>"})]),
            "cell c1: a picture without an alternative text",
        ),
        (r"Here is $\fraq{1}{2}$.", r"cell c1: bad formula '\\fraq{1}{2}'"),
        ("Here is $a 雨 b$.", "cell c1: bad formula"),  # strict: KaTeX would draw it, in another font
        ("$$ a + b", "cell c1: a formula that does not end"),
        (r"so \alpha is", "cell c1: a formula that does not end"),
        ("[there](01_two.ipynb)", "cell c1: dead link, there is no 01_two.ipynb"),
        ("[there](#nowhere)", "cell c1: dead link, 00_one.html has no #nowhere"),
        ("[there](../docs/GLOSSARY.md#nowhere)", "cell c1: dead link, glossary.html has no #nowhere"),
        ("[there](../LICENSE)", "cell c1: dead link, there is no ../LICENSE"),
        ("![A dot](dot.png)", "cell c1: there is no picture dot.png"),
        ('<a href="gone.html">x</a>', "cell c1: dead link, there is no gone.html"),
        ('<i id="main">x</i>', "the anchor #main is there twice"),
    ],
)
def test_it_refuses_and_says_where(tmp_path, cell, complaint):
    _, problems = made(tmp_path, cell)
    assert len(problems) == 1, problems
    assert problems[0].startswith("notebooks/00_one.ipynb")
    assert complaint in problems[0]
    assert not (tmp_path / "out").exists(), "a book with a fault is not written"


def test_a_glossary_that_cannot_be_read_is_named(tmp_path):
    _, problems = made(tmp_path, glossary=GLOSSARY + '| <a id="odd"></a>odd | one column is missing |\n')
    assert len(problems) == 1
    assert "docs/GLOSSARY.md: cannot read the row" in problems[0]


def test_dollars_in_code_are_no_formulas(tmp_path):
    book, problems = made(tmp_path, r"Say `$\fraq$`, or" + "\n\n```\n$$ \\alpha\n```\n")
    assert problems == []
    assert book.formulas == []


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work", encoding="utf-8")
    _, problems = made(tmp_path)
    assert "thesis" not in str(problems)
    assert "choose an empty folder" in problems[0]
    assert (tmp_path / "out" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_an_older_book_is_replaced_as_a_whole(tmp_path):
    assert made(tmp_path, solution=["## Exercise 1: x\n\nSo."])[1] == []
    (tmp_path / "repository" / "notebooks" / "solutions" / "00_one.ipynb").unlink()
    assert made(tmp_path)[1] == []
    assert not (tmp_path / "out" / "solutions").exists()


def test_solutions_are_folded_and_no_level_is_left_out(tmp_path):
    _, problems = made(
        tmp_path,
        "Text.",
        solution=["Before.", "### Exercise 1: x\n\nSo.", "More.", "### Exercise 2: y\n\nThen."],
    )
    assert problems == []
    html = page(tmp_path, "solutions/00_one.html")
    folds = re.findall(r"<details class=\"fold\"><summary>(.*?)</summary>(.*?)</details>", html, flags=re.S)
    assert [summary for summary, _ in folds] == ["Solution of exercise 1", "Solution of exercise 2"]
    assert "So." in folds[0][1]
    assert "More." in folds[0][1]
    assert "Then." in folds[1][1]
    assert re.findall(r"<h(\d) id=", html) == ["1", "2", "2"]
    assert 'href="../00_one.html"' in html


def test_records_are_text_and_never_markup(tmp_path):
    code = new_code_cell(
        "print('<b>bold</b>')", outputs=[new_output("stream", text="<img src=x onerror=alert(1)>")]
    )
    book, problems = made(tmp_path, "## A `<script>` and *more*\n\nIf a &lt; b.", code)
    assert problems == []
    assert "<" not in (tmp_path / "out" / "assets" / "records.js").read_text(encoding="utf-8")
    record = next(r for r in records_of(book) if "script" in r["title"])
    assert record["title"] == "A <script> and more"
    assert record["url"] == "00_one.html#a-script-and-more"
    assert "If a < b." in record["text"]
    assert "<img src=x onerror=alert(1)>" in record["text"], "an output is text as it stands"
    assert "print('<b>bold</b>')" in record["code"]
    html = page(tmp_path)
    assert "<b>bold" not in html
    assert "<img" not in html.partition("</header>")[2], "what a cell prints is text on the page, too"


def test_a_panel_is_alive_only_if_a_fragment_is_given(tmp_path, monkeypatch):
    data = {"image/png": PNG, "text/plain": "ThresholdPanel(threshold=<0.3>)"}
    output = new_output("display_data", data, metadata={"image/png": {"alt": "A panel"}})
    _, problems = made(tmp_path, new_code_cell("panel", outputs=[output]))
    assert problems == []
    assert "<figcaption>ThresholdPanel(threshold=&lt;0.3&gt;)</figcaption>" in page(tmp_path)
    assert "mm-live" not in page(tmp_path)
    monkeypatch.setattr(
        chapters, "live", lambda path: {"c1": f'<div class="mm-live">alive in {path.name}</div>'}
    )
    _, problems = made(tmp_path, new_code_cell("panel", outputs=[output]))
    assert problems == []
    assert re.search(
        r'<div class="mm-live">alive in 00_one.ipynb</div>\s*<figure>.*A panel',
        page(tmp_path),
        flags=re.S,
    )


def test_chinese_runs_are_marked_in_text_only():
    html = '<title>汉明</title><p title="汉明">a 汉明距离 b</p>'
    assert in_chinese(html) == '<title>汉明</title><p title="汉明">a <span lang="zh">汉明距离</span> b</p>'


def test_both_engines_draw_the_same():
    asked = json.dumps([[r"\frac{a_i}{\lVert b \rVert}", True], ["x^2", False], [r"\nothing", False]])
    by_racer = formulas.with_racer(asked)
    (first, none), (second, _), (empty, error) = json.loads(by_racer)
    assert "mfrac" in first
    assert "msup" in second
    assert (none, empty) == ("", "")
    assert "Undefined control sequence" in error
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to compare with")
    assert formulas.with_node(node, asked) == by_racer


def test_without_node_the_other_engine_draws(monkeypatch):
    monkeypatch.setattr(formulas.shutil, "which", lambda name: None)
    assert "msup" in formulas.draw([Formula("x^2", False, "here")])[0][0]


def test_vendored_files_are_the_ones_listed():
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    listed = {
        name: (int(size.replace(",", "")), sha)
        for name, size, sha in re.findall(
            r"^\| `([^`]+)` \| ([\d,]+) \| `([0-9a-f]{64})` \|$", readme, flags=re.M
        )
    }
    found = {
        path.relative_to(VENDOR).as_posix(): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in VENDOR.rglob("*")
        if path.is_file() and path != VENDOR / "README.md"
    }
    assert found == listed
    assert set(re.findall(r"\]\(([^)]+)\)", readme)) == {x for x in listed if "LICENSE" in x or "OFL" in x}


def test_the_style_sheet_asks_for_no_file():
    style = formulas.katex_style()
    assert set(re.findall(r"url\((.{9})", style)) == {"data:font"}
    assert style.count("@font-face") == style.count("data:font/woff2")


# --- the real one -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The book. That a second run writes the same bytes is shown where time is: tests/faults/slow."""
    folder = same_book.build(tmp_path_factory.mktemp("book") / "one", seed=0)
    same_book.keep(folder)
    return folder


def test_every_chapter_guide_and_room_has_its_page(written):
    found = {p.relative_to(written).as_posix() for p in written.rglob("*.html")}
    notebooks = {
        p.relative_to(ROOT / "notebooks").with_suffix(".html").as_posix()
        for p in ROOT.glob("notebooks/**/[0-9]*.ipynb")
        if ".ipynb_" not in str(p)
    }
    rooms = {f"reference/{room}.html" for room in reference.mmalign_nb._ROOMS}
    assert (
        found
        == {
            "index.html",
            "glossary.html",
            "run.html",
            "instructor.html",
            "next.html",
            "tables.html",
            "weights.html",
            "changes.html",
            "reference/index.html",
        }
        | notebooks
        | rooms
    )


def test_code_and_reference_lead_to_each_other(written):
    def said(name):
        return (written / name).read_text(encoding="utf-8")

    chapter, align = said("00_start_here.html"), said("reference/align.html")
    assert '<a href="reference/align.html#max_match">max_match</a>' in chapter, "where it is imported"
    assert (
        '<a href="reference/align.html#max_match"><code>max_match</code></a>'
        in chapter.partition('id="used-here"')[2]
    )
    entry = align.partition('id="max_match"')[2].partition("<section")[0]
    place = re.search(r'href="../00_start_here.html#([\w-]+)"', entry)
    assert f'id="{place[1]}"' in chapter, "the section that uses it"
    assert 'href="../04_alignment.html"' in entry
    for title in ("Parameters", "Returns", "Raises", "References", "Examples", "In the chapters"):
        assert f">{title}</h3>" in entry, title
    assert "ties=" in re.sub(r"<[^>]*>", "", entry)


def test_everything_public_has_its_entry(written):
    names = reference.Names()
    assert len(names.entries) > 70
    for room, name, _ in names.entries:
        html = (written / "reference" / f"{room}.html").read_text(encoding="utf-8")
        assert f'<h2 id="{name}">' in html, f"{room}.{name}"


def test_a_docstring_that_cannot_be_read_is_named():
    def broken(x):
        """Do a thing.

        Parameters
        ----------
        x : int
            An *open end.

        Oddities
        --------
        None.
        """

    book, names = Book(), reference.Names()
    html = reference.entry(
        reference.Entry("align", "broken", broken), book, names, {}, "reference/align.html"
    )
    assert "Do a thing." in html
    assert any("Unknown section Oddities" in problem for problem in book.problems), book.problems
    assert any("emphasis start-string without end-string" in problem for problem in book.problems), (
        book.problems
    )
    assert all(problem.startswith("mmalign_nb.align.broken") for problem in book.problems)
