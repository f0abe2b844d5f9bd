"""The reference: one page for each room of the package, from its docstrings."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import pprint
import re
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import roles
from docutils.writers import html5_polyglot
from markupsafe import escape
from numpydoc.docscrape import NumpyDocString
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonConsoleLexer

import mmalign_nb

from .build import Book, Link, Page, relative
from .chapters import Uses, python

ORDER = (
    "datasets", "features", "project", "similarity", "search", "align", "threshold", "evaluate", "explain", "sync",
    "plots", "panels", "exercises",
)  # fmt: skip
NOTEBOOKS = re.compile(r"Notebook:\s+((?:``\w+``(?:,\s+)?)+)\.?")


class Entry(NamedTuple):
    """One public thing: ``name`` is how a reader writes it behind the room's name."""

    room: str
    name: str
    thing: Any


def modules(room: ModuleType) -> Iterator[ModuleType]:
    """A room and its public modules."""
    yield room
    for info in pkgutil.iter_modules(getattr(room, "__path__", []), f"{room.__name__}."):
        if not info.name.rsplit(".", 1)[-1].startswith("_"):
            yield importlib.import_module(info.name)


def is_code(thing: Any) -> bool:
    return inspect.isfunction(thing) or inspect.isclass(thing)


def in_order(module: ModuleType) -> list[str]:
    """The public names of a module, in the order in which its docstring tells of them; the others behind."""
    doc = module.__doc__ or ""
    told = {name: at for name in getattr(module, "__all__", []) if (at := doc.find(f"``{name}``")) >= 0}
    return sorted(
        getattr(module, "__all__", []), key=lambda name: (told.get(name, len(doc)), name.casefold())
    )


class Names:
    """Everything public: ``entries`` in the order of the rooms, and ``pages``, where each name is explained."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.pages: dict[str, str] = {}
        rooms = [*ORDER, *(room for room in mmalign_nb._ROOMS if room not in ORDER)]
        places: dict[int, str] = {}
        for room in rooms:
            page = f"reference/{room}.html"
            self.pages[room] = page
            for module in modules(importlib.import_module(f"mmalign_nb.{room}")):
                inner = module.__name__.removeprefix(f"mmalign_nb.{room}").strip(".")
                for name in in_order(module):
                    thing = getattr(module, name)
                    own = f"{inner}.{name}".strip(".")
                    if (is_code(thing) and id(thing) not in places) or not inner:
                        self.entries.append(Entry(room, own, thing))
                        places[id(thing)] = f"{page}#{own}"
                    self.pages.setdefault(f"{room}.{own}", places.get(id(thing), page))

    def find(self, name: str, room: str) -> str | None:
        """The address that a name in a docstring means: a room's, or one that can be mistaken for no argument."""
        name = name.removeprefix("~").removeprefix("mmalign_nb.").removesuffix("()")
        if "." in name or name in self.pages:
            return self.pages.get(name)
        found = [
            x for x in (f"{room}.{name}", *self.pages) if x in self.pages and x.split(".", 1)[-1] == name
        ]
        return self.pages[found[0]] if found else None


# --- reStructuredText ---------------------------------------------------------------------------------------


class Translator(html5_polyglot.HTMLTranslator):
    """Plain HTML; names lead to their pages, formulas wait for KaTeX."""

    def visit_literal(self, node: Any) -> None:
        self.body.append(self.document.settings.name(node.astext()))
        raise nodes.SkipNode

    def visit_math(self, node: Any) -> None:
        self.body.append(self.document.settings.formula(node.astext()))
        raise nodes.SkipNode

    def visit_doctest_block(self, node: Any) -> None:
        self.body.append(console(node.astext()))
        raise nodes.SkipNode

    def visit_literal_block(self, node: Any) -> None:
        self.body.append(f'<div class="code"><pre><code>{escape(node.astext())}</code></pre></div>')
        raise nodes.SkipNode

    def visit_table(self, node: Any) -> None:
        self.body.append('<div class="scroll">')
        super().visit_table(node)

    def depart_table(self, node: Any) -> None:
        super().depart_table(node)
        self.body.append("</div>")


class Writer(html5_polyglot.Writer):
    """docutils' HTML writer with our translator."""

    def __init__(self) -> None:
        super().__init__()
        self.translator_class = Translator


def as_literal(role: str, raw: str, text: str, *rest: Any) -> tuple[list[nodes.Node], list[Any]]:
    return [nodes.literal(raw, text)], []


for role in ("func", "class", "mod", "meth", "attr"):
    roles.register_local_role(role, as_literal)


def console(text: str) -> str:
    coloured = highlight(text, PythonConsoleLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
    return f'<div class="code"><pre><code>{coloured}</code></pre></div>'


class Text:
    """Turn the texts of one docstring into HTML; ``own`` are its arguments, which lead nowhere."""

    def __init__(self, book: Book, names: Names, room: str, page: str, place: str, own: set[str]) -> None:
        self.book, self.names, self.room, self.page, self.place, self.own = (
            book,
            names,
            room,
            page,
            place,
            own,
        )

    def name(self, text: str) -> str:
        """A name in code; it leads to its page if it has one elsewhere and looks like a name, not like a word."""
        href = None
        if text not in self.own and re.search(r"[._A-Z(]", text) and not re.search(r"[^\w.()]|\(.", text):
            href = self.names.find(text, self.room)
        code = f"<code>{escape(text.removeprefix('mmalign_nb.'))}</code>"
        return f'<a href="{relative(href, self.page)}">{code}</a>' if href else code

    def type(self, text: str) -> str:
        """A type; a public class in it leads to its page."""

        def linked(match: re.Match[str]) -> str:
            href = self.names.find(match[0], self.room)
            return f'<a href="{relative(href, self.page)}">{match[0]}</a>' if href else match[0]

        return re.sub(r"\b[A-Z]\w+\b", linked, str(escape(text.replace("``", ""))))

    def __call__(self, lines: list[str]) -> str:
        told = io.StringIO()
        settings = {
            "warning_stream": told, "report_level": 2, "halt_level": 5, "file_insertion_enabled": False,
            "raw_enabled": False, "doctitle_xform": False, "initial_header_level": 4, "_disable_config": True,
            "name": self.name, "formula": lambda tex: self.book.formula(tex, False, self.place),
        }  # fmt: skip
        source = re.sub(
            r"(`[^`]*`)|\|(?=\w+\|)", lambda m: m[1] or r"\|", "\n".join(lines)
        )  # |a| is a norm here
        html = publish_parts(source, writer=Writer(), settings_overrides=settings)["body"]
        self.book.problems += [
            f"{self.place}: {line}" for line in told.getvalue().splitlines() if line.strip()
        ]
        return str(html)


# --- one thing ----------------------------------------------------------------------------------------------


def signature(name: str, thing: Any) -> str:
    """How it is called, without types (they stand below), on several lines if it is long."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    empty = inspect.Parameter.empty
    values = [p.replace(annotation=empty) for n, p in found.parameters.items() if n not in ("self", "cls")]
    whole = str(found.replace(parameters=values, return_annotation=empty))
    if len(name + whole) <= 88:
        return name + whole
    parts: list[str] = []
    for value in values:
        if (
            value.kind is value.KEYWORD_ONLY
            and "*" not in parts
            and not any(p.startswith("*") for p in parts)
        ):
            parts.append("*")
        parts.append(str(value))
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def fields(parameters: list[Any], text: Text) -> str:
    """Arguments, results or errors, each with its type and what it is."""
    rows = []
    for name, kind, lines in parameters:
        shown = f"<code>{escape(name)}</code> " if name else ""
        rows.append(f'<dt>{shown}<span class="type">{text.type(kind)}</span></dt><dd>{text(lines)}</dd>')
    return f'<dl class="fields">{"".join(rows)}</dl>'


def sources(lines: list[str]) -> list[str]:
    """References as a list: a new one begins where the line before ends a sentence; initials number nothing."""
    made: list[str] = []
    for line in filter(None, lines):
        start = not made or made[-1].rstrip().endswith(".")
        made.append(("- " + re.sub(r"^(\w)\.", r"\\\1.", line)) if start else "  " + line)
    return made


def parsed(thing: Any, place: str, book: Book) -> NumpyDocString:
    """A docstring taken apart; what numpydoc cannot read is a problem."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        doc = NumpyDocString(inspect.getdoc(thing) or "")
    book.problems += [f"{place}: {warning.message}" for warning in caught]
    return doc


def explained(thing: Any, doc: NumpyDocString, text: Text, level: int) -> str:
    """All that a docstring says, in a fixed order."""
    notes = NOTEBOOKS.sub("", "\n".join(doc["Notes"])).strip().splitlines()
    html = text([*doc["Summary"], "", *doc["Extended Summary"]])
    parts: list[tuple[str, Any, Callable[[Any], str]]] = [
        (title, doc[title], lambda found: fields(found, text))
        for title in ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")
    ]
    parts += [
        ("Notes", notes, text),
        ("References", sources(doc["References"]), text),
        ("Examples", doc["Examples"], text),
    ]
    for title, found, show in parts:
        if found:
            html += f"<h{level}>{title}</h{level}>{show(found)}"
    return html


def members(thing: type) -> Iterator[tuple[str, Any, Any]]:
    """The public methods and properties of a class that are written in this package: name, thing, what was written."""
    for name in dir(thing):
        found = inspect.getattr_static(thing, name)
        written = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
        ours = inspect.isfunction(written) and written.__module__.startswith("mmalign_nb")
        if ours and not name.startswith("_"):
            yield name, found, written


def shown_in(doc: NumpyDocString, dotted: str, uses: Uses, book: Book, page: str) -> str:
    """The chapters that show it (as the docstring says) and the places where their code uses it."""
    line = NOTEBOOKS.search("\n".join(doc["Notes"]))
    paths = [f"{name}.html" for name in re.findall(r"\w+", line[1])] if line else []
    used: dict[str, list[tuple[str, str]]] = {path: [] for path in paths if path in book.pages}
    for href, said in uses.get(dotted, []):
        used.setdefault(href.partition("#")[0], []).append((href, said))
    rows = []
    for path in sorted(used):
        links = ", ".join(f'<a href="{relative(href, page)}">{escape(said)}</a>' for href, said in used[path])
        chapter = f'<a href="{relative(path, page)}">{escape(book.pages[path].title)}</a>'
        rows.append(f"<li>{chapter}{': ' if links else ''}{links}</li>")
    return f'<ul class="shown">{"".join(rows)}</ul>' if rows else ""


def entry(entry: Entry, book: Book, names: Names, uses: Uses, page: str) -> str:
    """One public thing: how it is called, what it says of itself, its methods, and the chapters that use it."""
    room, name, thing = entry
    place = f"mmalign_nb.{room}.{name}"
    head = f'<section class="thing"><h2 id="{name}"><code>{name}</code></h2>'
    if not is_code(thing):
        value = pprint.pformat(thing, width=88, sort_dicts=False)
        return (
            f'{head}<div class="code"><pre><code>{python(f"{name} = {value}")}</code></pre></div></section>'
        )
    doc = parsed(thing, place, book)
    text = Text(book, names, room, page, place, {p.name for p in doc["Parameters"]} | {thing.__name__})
    called = python(signature(thing.__name__, thing))
    if " at 0x" in called:
        book.problems.append(f"{place}: a default that has no readable form")
    module = f'<p class="from">from <code>mmalign_nb.{".".join([room, *name.split(".")[:-1]])}</code></p>'
    html = f'{head}{module}<div class="code"><pre><code>{called}</code></pre></div>{explained(thing, doc, text, 3)}'
    if chapters := shown_in(doc, f"{room}.{name}", uses, book, page):
        html += f"<h3>In the chapters</h3>{chapters}"
    for member, found, written in members(thing) if inspect.isclass(thing) else ():
        inner = parsed(written, f"{place}.{member}", book)
        sub = Text(book, names, room, page, f"{place}.{member}", {p.name for p in inner["Parameters"]})
        kind = "property" if isinstance(found, property) else "method"
        html += f'<h3 id="{name}.{member}" class="member"><code>{member}</code> <small>{kind}</small></h3>'
        if kind == "method":
            html += f'<div class="code"><pre><code>{python(signature(member, written))}</code></pre></div>'
        html += explained(written, inner, sub, 4)
    return html + "</section>"


def add(book: Book, names: Names, uses: Uses) -> None:
    """Add a page for each room, and one that lists them."""
    rooms = list(dict.fromkeys(entry.room for entry in names.entries))
    index = Page("reference/index.html", "Reference", "", "mmalign_nb", "page")
    book.add(index)
    rows = []
    for at, room in enumerate(rooms):
        page = f"reference/{room}.html"
        doc = (inspect.getdoc(importlib.import_module(f"mmalign_nb.{room}")) or "").split("\n")
        text = Text(book, names, room, page, f"mmalign_nb.{room}", set())
        own = [x for x in names.entries if x.room == room]
        intro = text(doc)
        rest = [f'<a href="#{x.name}"><code>{x.name}</code></a>' for x in own if f'#{x.name}"' not in intro]
        more = (
            f'<p class="listed">{"Also" if len(rest) < len(own) else "Here"}: {", ".join(rest)}</p>'
            if rest
            else ""
        )
        body = f"<h1>{room}</h1>{intro}{more}" + "".join(entry(x, book, names, uses, page) for x in own)
        first = Text(book, names, room, index.path, f"mmalign_nb.{room}", set())(doc[:1])
        made = book.add(Page(page, room, body, f"mmalign_nb.{room}", "room"))
        if at:
            made.links.append(Link("prev", f"reference/{rooms[at - 1]}.html", rooms[at - 1]))
        if at + 1 < len(rooms):
            made.links.append(Link("next", f"reference/{rooms[at + 1]}.html", rooms[at + 1]))
        inside = ", ".join(f'<a href="{room}.html#{x.name}"><code>{x.name}</code></a>' for x in own)
        rows.append(f'<dt><a href="{room}.html">{room}</a></dt><dd>{first}<p>{inside}</p></dd>')
    whole = Text(book, names, "", index.path, "mmalign_nb", set())(
        (inspect.getdoc(mmalign_nb) or "").split("\n")
    )
    index.body = f'<h1>Reference</h1>{whole}<dl class="rooms">{"".join(rows)}</dl>'
