"""From notebooks and Markdown to the inside of pages."""

from __future__ import annotations

import ast
import base64
import itertools
import re
from html import unescape
from typing import Any

import nbformat
from jinja2 import pass_context
from markupsafe import escape
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .build import HERE, Book, Link, Page, relative
from .living import live

NOT_HERE = ("nav-top", "nav-end", "how-to-use")  # a notebook's lines of links, and how to run its cells
Uses = dict[str, list[tuple[str, str]]]  # a public name -> the places that use it: address, title


def slug(text: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain(text).strip().lower()))


def plain(html: str) -> str:
    """The text of some HTML."""
    return unescape(re.sub(r"<[^>]*>", "", html))


def python(source: str) -> str:
    """Python code in colours."""
    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")


class Prose(IPythonRenderer):
    """Markdown with formulas kept for later, links turned into those of the book, and headings that can be linked to."""

    def __init__(self, book: Book, source: str, page: str) -> None:
        super().__init__(escape=False)
        self.book, self.source, self.page, self.place = book, source, page, source
        self.levels, self.section, self.taken = list[int](), ("", ""), set[str]()

    def show(self, text: str, place: str = "") -> str:
        self.place = place or self.source
        return str(MarkdownWithMath(renderer=self).render(text))

    def inline_math(self, body: str) -> str:
        return self.book.formula(body, False, self.place)

    def block_math(self, body: str) -> str:
        return self.book.formula(body, True, self.place)

    def latex_environment(self, name: str, body: str) -> str:
        return self.book.formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", True, self.place)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """One title a page, no level left out (a reader by ear would look for it), and no anchor twice."""
        part = ' class="part"' if self.levels and level == 1 else ""  # a second title, of a part
        level = 2 if part else level
        self.levels = [*(above for above in self.levels if above < level), level]
        level = len(self.levels)
        base = slug(text)
        names = (f"{base}-{n}" if n else base for n in itertools.count())
        name = next(name for name in names if name not in self.taken)
        self.taken.add(name)
        self.section = (name if level > 1 else "", plain(text))
        return f'<h{level} id="{name}"{part}>{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, self.book.link(url, self.source, self.page), title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        file = (self.book.root / self.source).parent / url
        if not file.is_file():
            self.book.problems.append(f"{self.place}: there is no picture {url}")
            return ""
        return self.book.picture(file.name, file.read_bytes(), plain(text), self.page)

    def table(self, text: str) -> str:
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        inside = python(code) if info == "python" else escape(code.rstrip("\n"))
        return f'<div class="code"><pre><code>{inside}</code></pre></div>\n'


class Notebook(HTMLExporter):
    """One notebook as the inside of a page; ``names`` are the public names that have a place in the reference."""

    def __init__(self, book: Book, source: str, page: str, names: dict[str, str]) -> None:
        template = (HERE / "notebook.html.j2").read_text(encoding="utf-8")
        super().__init__(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
        self.raw_template = template
        self.book, self.source, self.page, self.names = book, source, page, names
        self.prose = Prose(book, source, page)
        self.alive = live(book.root / source)
        self.known: dict[str, str] = {}  # what an imported name means here: "max_match" -> "align.max_match"
        self.uses: Uses = {}
        for tool in (self.code, self.figure):
            self.register_filter(tool.__name__, tool)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        return self.prose.show(source, f"{self.source}, cell {context['cell'].id}")

    def code(self, cell: Any) -> str:
        """A code cell in colours; the names that it imports from the package lead to the reference."""
        lines = python(cell.source).split("\n")
        plain = "\n".join("" if x.startswith(("%", "!")) else x for x in cell.source.splitlines())
        for node in ast.walk(ast.parse(plain)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mmalign_nb":
                room = (node.module or "").partition(".")[2]
                for name in node.names:
                    self.known[name.asname or name.name] = meant = f"{room}.{name.name}".strip(".")
                    if href := self.names.get(meant):
                        at, word = name.lineno - 1, f">{name.name}<"
                        linked = f'><a href="{relative(href, self.page)}">{name.name}</a><'
                        lines[at] = lines[at].replace(word, linked, 1)
        for node in ast.walk(ast.parse(plain)):
            used = None
            if isinstance(node, ast.Name):
                used = self.known.get(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = f"{self.known.get(node.value.id)}.{node.attr}"
            if used and "." in used and used in self.names:
                places = self.uses.setdefault(used, [])
                places += [self.prose.section] if self.prose.section not in places else []
        return "\n".join(lines)

    def figure(self, output: Any, cell: Any, kind: str) -> str:
        """A stored picture with its words; a panel's one line of text is its caption."""
        name = f"{self.source.removeprefix('notebooks/').removesuffix('.ipynb').replace('/', '-')}-{cell.id}"
        alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
        data = base64.b64decode(output.data[kind])
        html = self.book.picture(f"{name}.{kind.removeprefix('image/')}", data, alt, self.page)
        said = output.data.get("text/plain", "")
        caption = "" if said.startswith("Picture:") else f"<figcaption>{escape(said)}</figcaption>"
        return f'{self.alive.get(cell.id, "")}<figure><div class="scroll">{html}</div>{caption}</figure>'

    def show(self, nb: nbformat.NotebookNode) -> str:
        return str(self.from_notebook_node(nb)[0])


def with_folds(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Put what follows the heading of each exercise behind a fold that a click opens."""
    cells, opened = [], False
    for cell in nb.cells:
        head, _, rest = cell.source.partition("\n")
        if cell.cell_type == "markdown" and (found := re.match(r"#+ (Exercise \d+)", head)):
            summary = f"<details class='fold'><summary>Solution of {found[1].lower()}</summary>"
            fold = nbformat.v4.new_raw_cell("</details>" * opened)
            start = nbformat.v4.new_raw_cell(summary)
            text = nbformat.v4.new_markdown_cell(rest, id=f"{cell.id}-text")
            cell.source, opened = head, True
            cells += [fold, cell, start, text]
        else:
            cells.append(cell)
    nb.cells = [*cells, nbformat.v4.new_raw_cell("</details>" * opened)]
    return nb


def told(head: str, what: str) -> str:
    """A line of the first cell, such as ``**Minutes:** 35``."""
    found = re.search(rf"\*\*{what}:\*\*\s*(.+)", head)
    return found[1].strip() if found else ""


def used_here(exporter: Notebook) -> str:
    """The list of public names that the chapter's code uses, by room."""
    rooms: dict[str, list[str]] = {}
    for name in sorted(exporter.uses):
        room, _, rest = name.partition(".")
        rooms.setdefault(room, []).append(
            f'<a href="{relative(exporter.names[name], exporter.page)}"><code>{rest}</code></a>'
        )
    rows = "".join(
        f"<dt><code>{room}</code></dt><dd>{', '.join(links)}</dd>" for room, links in rooms.items()
    )
    return f'<h2 id="used-here">Used in this chapter</h2>\n<dl class="used">{rows}</dl>' if rows else ""


# What stands beside the chapters: guides, and tables that chapters point to.
MORE = {
    "docs/INSTRUCTOR.md": "instructor.html",
    "docs/NEXT.md": "next.html",
    "docs/TABLES.md": "tables.html",
    "data/models/REPORT.md": "weights.html",
    "CHANGELOG.md": "changes.html",
}


def add(book: Book, names: dict[str, str]) -> Uses:
    """Add the index, all notebooks, the glossary and how to run it; return who uses which public name."""
    folder = book.root / "notebooks"
    chapters = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    solutions = [path for path in sorted(folder.glob("solutions/*.ipynb")) if folder / path.name in chapters]
    for path in (*chapters, *solutions):
        book.homes[path.relative_to(book.root).as_posix()] = (
            path.relative_to(folder).with_suffix(".html").as_posix()
        )
    book.homes |= {
        "docs/GLOSSARY.md": "glossary.html",
        "README.md": "run.html",
        "README.md#chapters": "index.html",
    }
    sources = {source: page for source, page in MORE.items() if (book.root / source).exists()}
    book.homes |= sources
    book.add(Page("index.html", "mmalign_nb", "", "README.md", "index"))
    uses: Uses = {}
    for path in (*chapters, *solutions):
        source = path.relative_to(book.root).as_posix()
        page = book.homes[source]
        nb = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        head = nb.cells[0].source
        title = head.splitlines()[0].lstrip("# ").strip()
        nb.cells = [cell for cell in nb.cells if cell.id not in NOT_HERE]
        exporter = Notebook(book, source, page, names)
        chapter = path in chapters
        body = exporter.show(nb if chapter else with_folds(nb))
        if chapter:
            body += used_here(exporter)
            for name, places in exporter.uses.items():
                addresses = [(f"{page}#{anchor}" if anchor else page, said) for anchor, said in places]
                uses.setdefault(name, []).extend(addresses)
        minutes = re.match(r"\d+", told(head, "Minutes"))
        made = Page(
            page, title, body, source, "chapter" if chapter else "solution", told(head, "In one line")
        )
        made.minutes = int(minutes[0]) if minutes else None
        need = head.partition("**You need:**")[2].partition("**")[0]
        made.builds_on = tuple(sorted(set(re.findall(r"\]\((\d\d)_", need))))
        book.add(made)
    link_up(book, [path.with_suffix(".html").name for path in chapters])
    glossary(book)
    front(book)
    for source, page in sources.items():
        text = (book.root / source).read_text(encoding="utf-8")
        title = text.splitlines()[0].lstrip("# ").strip()
        book.add(Page(page, title, Prose(book, source, page).show(text), source, "page"))
    more = "".join(
        f'<li><a href="{page.path}">{escape(page.title)}</a></li>'
        for page in book.pages.values()
        if page.kind == "page"
    )
    book.pages["index.html"].body += f'<h2 id="more">More</h2><ul>{more}</ul>'
    return uses


def link_up(book: Book, order: list[str]) -> None:
    """Previous, solutions, next."""
    pages = [book.pages[name] for name in order]
    for before, page, after in zip([None, *pages[:-1]], pages, [*pages[1:], None], strict=True):
        solution = book.pages.get(f"solutions/{page.path}")
        for rel, goal, label in (("prev", before, ""), ("", solution, "Solutions"), ("next", after, "")):
            if goal is not None:
                page.links.append(Link(rel, goal.path, label or goal.title))
        if solution is not None:
            solution.links.append(Link("prev", page.path, page.title))


def glossary(book: Book) -> None:
    """The glossary's table as a list of terms, which a phone can show."""
    source, page = "docs/GLOSSARY.md", "glossary.html"
    prose = Prose(book, source, page)
    head, *rows = (book.root / source).read_text(encoding="utf-8").split("\n| <a id=")
    intro = re.split(r"\n\|", head)[0]
    terms = []
    for row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().rstrip("|"))]
        found = re.match(r'"([\w-]+)"></a>(.*)', cells[0])
        if found is None or len(cells) != 4:
            book.problems.append(f"{source}: cannot read the row of {row[:40]!r}")
            continue
        name, term = found.groups()
        chinese, meaning, chapter = (
            re.sub(r"^<p>|</p>$", "", prose.show(cell, f"{source}, {name}").strip()) for cell in cells[1:]
        )
        first = f'<span class="first">first in chapter {chapter}</span>'
        terms.append(
            f'<dt id="{name}">{escape(term)} <span class="zh">{chinese}</span></dt><dd>{meaning} {first}</dd>'
        )
    intro_html = prose.show(
        re.sub(r"The last column.*?\.\s", "", intro, flags=re.S)
    )  # there are no columns here
    body = f'{intro_html}<dl class="glossary">\n{"".join(f"<div>{term}</div>" for term in terms)}</dl>'
    book.add(Page(page, "Glossary", body, source, "page"))


# The README's sections on running it all.
RUN = ("Start", "Your own data in three lines", "All commands, extras, Windows")


def section(text: str, name: str) -> str:
    """One section of the README with its heading, up to the next of its kind; nothing if it isn't there."""
    _, heading, rest = text.partition(f"\n## {name}\n")
    return heading + rest.partition("\n## ")[0] if heading else ""


def after(page: Page) -> str:
    """Which chapters a chapter builds on, in the contents."""
    return f"after {', '.join(page.builds_on)} · " if page.builds_on else ""


def front(book: Book) -> None:
    """The index and the page on running it all, from the README."""
    text = (book.root / "README.md").read_text(encoding="utf-8")
    chapters = [page for page in book.pages.values() if page.kind == "chapter"]
    rows = "".join(
        f'<li><a href="{page.path}"><span class="number">{page.title.split()[0]}</span>'
        f'<span class="name">{escape(re.sub(r"^[0-9]+ ", "", page.title))}</span></a>'
        f'<p>{escape(page.gist)}</p><span class="minutes">{after(page)}{page.minutes} min</span></li>'
        for page in chapters
    )
    head = Prose(book, "README.md", "index.html").show(text.partition("\n## Start\n")[0])
    book.pages["index.html"].body = f'{head}<h2 id="chapters">Chapters</h2><ol class="chapters">{rows}</ol>'
    run = Prose(book, "README.md", "run.html").show(
        "# Install and run\n" + "".join(section(text, name) for name in RUN)
    )
    book.add(Page("run.html", "Install and run", run, "README.md", "page"))
