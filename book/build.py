"""Build the book: every page, its formulas, the search, and the checks without which nothing is written.

    python -m book [FOLDER]        by default _book; open its index.html

Nothing is fetched, and a second run writes the same bytes. The build fails, and says where, on a picture without an
alternative text, a formula that cannot be drawn, and a link that leads nowhere.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, NavigableString, Tag
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from mmalign_nb.panels import instrument

from .formulas import VENDOR, Formula, draw, katex_style

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NO_TEXT = "No description has been provided for this image"  # what nbconvert invents
INLINE = ("a", "code", "em", "small", "span", "strong", "sub", "sup")
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff][\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef–·]*")


class Link(NamedTuple):
    """Where a reader goes from a page: ``rel`` is prev, next, or empty."""

    rel: str
    path: str
    label: str


@dataclass
class Page:
    """One page: HTML with a mark where each formula goes; ``source`` is what a complaint names."""

    path: str
    title: str
    body: str
    source: str
    kind: str
    gist: str = ""
    minutes: int | None = None
    builds_on: tuple[str, ...] = ()
    links: list[Link] = field(default_factory=list)


class Book:
    """What is to be written, and what is wrong with it.

    ``homes`` says which page a file of the repository has become; a link to any other file is dead.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.pages: dict[str, Page] = {}
        self.files: dict[str, bytes] = {}
        self.homes: dict[str, str] = {}
        self.formulas: list[Formula] = []
        self.problems: list[str] = []

    def add(self, page: Page) -> Page:
        self.pages[page.path] = page
        return page

    def formula(self, tex: str, block: bool, place: str) -> str:
        """Remember a formula, and return the mark that it will replace."""
        self.formulas.append(Formula(tex.strip(), block, place))
        return f'<span data-formula="{len(self.formulas) - 1}"></span>'

    def link(self, href: str, source: str, page: str) -> str:
        """Turn a link of a source file into one of a page; one to another file stays, and will be found to be dead."""
        path, _, anchor = href.partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", href) or not path:
            return href
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        home = self.homes.get(f"{target}#{anchor}", self.homes.get(target))
        if home is None:
            return href
        return relative(home, page) + (f"#{anchor}" if anchor else "")

    def picture(self, name: str, data: bytes, alt: str, page: str) -> str:
        """Keep a picture as a file of its own, and return its element; whether it has words is checked at the end."""
        self.files[f"images/{name}"] = data
        width, height = Image.open(io.BytesIO(data)).size
        return (
            f'<img src="{relative(f"images/{name}", page)}" alt="{escape(alt.strip())}" width="{width}" '
            f'height="{height}" style="--width: {width}px"/>'
        )


def relative(target: str, page: str) -> str:
    """The address of ``target`` as seen from ``page``."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


# --- search -------------------------------------------------------------------------------------------------


def records(page: Page) -> Iterator[dict[str, str]]:
    """One record for each heading and each term: its address, its title, and the text and the code below it.

    All of it is text. The search shows it as text, too.
    """
    soup = BeautifulSoup(page.body, "html.parser")
    found: dict[str, str] = {
        "url": page.path,
        "page": page.title,
        "title": page.title,
        "text": "",
        "code": "",
    }
    inside: Tag | None = None
    for node in soup.descendants:
        if isinstance(node, Tag):
            if node.name == "h1" or (node.name in ("h2", "h3", "dt") and node.get("id")):
                yield found
                found = {**found, "title": node.get_text(" ", strip=True), "text": "", "code": ""}
                found["url"] = f"{page.path}#{node['id']}" if node.get("id") else page.path
                inside = node
            elif node.name not in INLINE:
                found["text"] += " "
                found["code"] += " "
        elif type(node) is NavigableString and (inside is None or inside not in node.parents):
            found["code" if node.find_parent(class_="code") else "text"] += str(node)
    yield found


def search_script(pages: list[Page]) -> str:
    """The records as a script that a page from a disk can load, which a data file isn't; one line each."""
    lines = []
    for page in pages:
        for record in records(page):
            tidy = {key: " ".join(value.split()) for key, value in record.items()}
            if tidy["text"] or tidy["code"]:
                lines.append(json.dumps(tidy, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c"))
    return "window.bookRecords = [\n" + ",\n".join(lines) + "\n];\n"


# --- checks -------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Read a finished page: its anchors, links and pictures, each with the cell or the name it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.problems: list[str] = []
        self._near = "top of the page"
        self._quiet: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if name := found.get("id"):
            self.ids.append(name)
            if name.startswith("cell-") or tag in ("h1", "h2", "h3", "dt"):
                self._near = name.replace("cell-", "cell ")
        if tag == "img" and (found.get("alt") or "").strip() in ("", NO_TEXT):
            where = (found.get("src") or "")[:60]
            self.problems.append(f"{self._near}: a picture without an alternative text ({where})")
        for key in ("href", "src"):
            if (href := found.get(key)) is not None:
                self.links.append((href, self._near))
        if tag in ("code", "pre", "script", "style", "annotation"):
            self._quiet.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._quiet and tag == self._quiet[-1]:
            self._quiet.pop()

    def handle_data(self, data: str) -> None:
        if not self._quiet and (rest := re.search(r"\$\$|\\[a-zA-Z]{2,}", data)):
            self.problems.append(
                f"{self._near}: a formula that does not end, at {data[rest.start() :][:40]!r}"
            )


def check(book: Book, pages: dict[str, str]) -> None:
    """Note what is wrong in the finished pages: links and anchors that are not there, pictures without words."""
    seen = {path: Reader(html) for path, html in pages.items()}
    for path, page in seen.items():
        place = book.pages[path].source
        book.problems += [f"{place}, {problem}" for problem in page.problems]
        twice = sorted({name for name in page.ids if page.ids.count(name) > 1})
        book.problems += [f"{place}: the anchor #{name} is there twice" for name in twice]
        for href, near in page.links:
            if re.match(r"(?:https?|mailto|data):", href):
                continue
            name, _, anchor = href.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
            if target not in seen and target not in book.files:
                book.problems.append(f"{place}, {near}: dead link, there is no {href}")
            elif anchor and target in seen and anchor not in seen[target].ids:
                book.problems.append(f"{place}, {near}: dead link, {target} has no #{anchor}")


# --- pages --------------------------------------------------------------------------------------------------


def finish(book: Book) -> dict[str, str]:
    """Put every page into the frame: formulas, navigation, and the language of Chinese words."""
    drawn = []
    for formula, (shown, error) in zip(book.formulas, draw(book.formulas), strict=True):
        if error:
            book.problems.append(f"{formula.place}: bad formula {formula.tex!r}: {error}")
        drawn.append(f'<span class="formula">{shown}</span>' if formula.block else shown)
    jinja = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["short"] = short
    frame = jinja.get_template("page.html.j2")
    done = {}
    for path, page in book.pages.items():
        found = re.findall(r'<h2 [^>]*\bid="([^"]*)"[^>]*>(.*?)</h2>', page.body, flags=re.S)
        sections = [(name, Markup(re.sub(r"</?a\b[^>]*>", "", title))) for name, title in found]
        html = frame.render(
            page=page,
            body=Markup(page.body),
            sections=sections,
            pages=list(book.pages.values()),
            to=lambda target, path=path: relative(target, path),
            formulas="data-formula" in page.body,
            living=(instrument.style(), instrument.scripts()) if 'class="mm-live"' in page.body else None,
        )
        html = re.sub(r'<span data-formula="(\d+)"></span>', lambda m: drawn[int(m[1])], html)
        done[path] = in_chinese(html)
    return done


def short(title: str) -> str:
    """A chapter's title as it stands in a list: its number, and what stands before a colon."""
    return title.split(":")[0]


def in_chinese(html: str) -> str:
    """Say of runs of Chinese signs that they are Chinese: for speech, and for the right shapes of the signs."""
    parts = re.split(r"(<(?:script|style|title)\b.*?</(?:script|style|title)>|<[^>]*>)", html, flags=re.S)
    parts[::2] = [HAN.sub(r'<span lang="zh">\g<0></span>', text) for text in parts[::2]]
    return "".join(parts)


def assets(book: Book) -> dict[str, bytes]:
    """Style, scripts and licences."""
    licences = ["katex/LICENSE", "katex/fonts/OFL.txt", "minisearch/LICENSE"]
    texts = {
        "book.css": (HERE / "book.css").read_text(encoding="utf-8"),
        "book.js": (HERE / "book.js").read_text(encoding="utf-8"),
        "katex.css": katex_style(),
        "minisearch.js": (VENDOR / "minisearch" / "minisearch.js")
        .read_text(encoding="utf-8")
        .split("//# source")[0],
        "records.js": search_script(list(book.pages.values())),
        "licences.txt": "\n\n".join(
            f"{name}\n{'=' * len(name)}\n\n{(VENDOR / name).read_text(encoding='utf-8').strip()}\n"
            for name in licences
        ),
    }
    return {f"assets/{name}": text.encode("utf-8") for name, text in texts.items()}


def collect(root: Path = ROOT) -> Book:
    """All pages of the book: the index, the chapters and their solutions, the glossary, how to run it, the rooms."""
    from . import chapters, reference

    book = Book(root)
    names = reference.Names()
    uses = chapters.add(book, names.pages)
    reference.add(book, names, uses)
    return book


def build(book: Book, out: Path) -> list[str]:
    """Write the book to a folder, or nothing if anything is wrong; return what is."""
    book.files |= assets(book)
    pages = finish(book)
    check(book, pages)
    if book.problems:
        return book.problems
    if out.exists() and any(out.iterdir()):
        if not (out / "assets" / "records.js").exists():
            return [f"{out} holds something else than a book: choose an empty folder"]
        shutil.rmtree(out)
    for name, data in (book.files | {path: html.encode("utf-8") for path, html in pages.items()}).items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    return []


def main(arguments: list[str]) -> int:
    """Build, and say what is there or what is wrong."""
    out = Path(arguments[0]) if arguments else ROOT / "_book"
    book = collect()
    if problems := build(book, out):
        print("\n".join(problems), file=sys.stderr)
        print(f"{len(problems)} problems; nothing was written", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(
        f"{len(book.pages)} pages, {len(book.formulas)} formulas, {size / 1e6:.1f} MB: open {out / 'index.html'}"
    )
    return 0
