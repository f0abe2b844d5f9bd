"""Run the notebooks and write them in their canonical form; or check, without running, that they are so.

    python tools/notebooks.py [NOTEBOOK …]           run, write, print the seconds each took
    python tools/notebooks.py --write-only [NB …]    write canonically without running
    python tools/notebooks.py --check [NB …]         change nothing; say what is wrong; exit 1 if anything is

Canonical means that running an unchanged notebook changes no byte of it: no timings, no widget state, no
widget views (a saved view without its state shows "model not found"), streams joined, counts 1 … n in order,
bare metadata, navigation lines and the README's table of chapters made from the notebooks themselves.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
CELL_SECONDS, NOTEBOOK_SECONDS = 120, 300
MAX_BYTES, MAX_CELLS, MAX_CODE_LINES, MAX_WORDS = 256_000, 80, 25, 1_800
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
FORBIDDEN = {
    r"\binteract(?:ive|ive_output|_manual)?\(": "interact (nbval cannot follow it; use a panel)",
    r"\bOutput\(": "an Output widget (nbval cannot follow it; use an HTML widget)",
    r"(?<![\w.:/])/(?:home|root|Users|tmp|work|mnt|opt|var)/": "an absolute path",
    r"\b[A-Z]:\\\\?\w": "an absolute path",
    r"<\w[\w. ]* (?:object )?at 0x[0-9a-f]+>": "a memory address",
}


def chapters() -> list[Path]:
    """The chapters in reading order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def solutions() -> list[Path]:
    return sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


def title(nb: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, without its '# '."""
    return nb.cells[0].source.splitlines()[0].lstrip("# ").strip()


# --- generated text: navigation and the table of chapters -------------------------------------------------


def navigation(path: Path) -> str:
    """The line of links of one notebook: previous · contents · next (or, in a solution, back to its chapter)."""
    if path.parent.name == "solutions":
        chapter = NOTEBOOKS / path.name
        return f"[← back to the chapter](../{chapter.name}) · [contents](../../README.md#chapters)"
    order = chapters()
    at = order.index(path)
    links = [f"[← {title(read(order[at - 1]))}]({order[at - 1].name})"] if at else []
    links.append("[contents](../README.md#chapters)")
    if (NOTEBOOKS / "solutions" / path.name).exists():
        links.append(f"[solutions](solutions/{path.name})")
    if at + 1 < len(order):
        links.append(f"[{title(read(order[at + 1]))} →]({order[at + 1].name})")
    return " · ".join(links)


def put_navigation(nb: nbformat.NotebookNode, path: Path) -> None:
    """Write the line of links below the title cell and at the end, each in a cell with a fixed id."""
    line = navigation(path)
    nb.cells = [c for c in nb.cells if c.get("id") not in ("nav-top", "nav-end")]
    top, end = (nbformat.v4.new_markdown_cell(line, id=i) for i in ("nav-top", "nav-end"))
    nb.cells = [nb.cells[0], top, *nb.cells[1:], end]


def readme_table() -> str:
    rows = ["| chapter | after it you can | you need | minutes |", "|---|---|---|---|"]
    for path in chapters():
        nb = read(path)
        head = nb.cells[0].source
        gist = re.search(r"\*\*In one line:\*\*\s*(.+)", head)
        rows.append(
            f"| [{title(nb)}](notebooks/{path.name}) | {gist[1].strip() if gist else ''} "
            f"| {needed(head)} | {promised(nb) or ''} |"
        )
    return "\n".join(rows)


def needed(head: str) -> str:
    """What to know before a chapter, from its first cell: the chapters that it names, or else its first sentence."""
    told = re.search(r"\*\*You need:\*\*\s*(.+?)(?=\n\*\*|\n\n|\Z)", head, flags=re.S)
    if not told:
        return ""
    names = dict.fromkeys(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", told[1]))
    return ", ".join(f"[{x[:2]}](notebooks/{x})" for x in names) or " ".join(
        told[1].split(". ")[0].split()
    ).rstrip(".")


def readme_with_table(text: str) -> str:
    return re.sub(
        r"(<!-- chapters -->\n).*?(\n<!-- /chapters -->)",
        lambda m: m[1] + readme_table() + m[2],
        text,
        flags=re.S,
    )


# --- the canonical form -----------------------------------------------------------------------------------


def joined(outputs: list[Any]) -> list[Any]:
    """Join neighbouring pieces of one stream: where a kernel cuts them depends on the clock."""
    out: list[Any] = []
    for o in outputs:
        if o.output_type == "stream" and out and out[-1].output_type == "stream" and out[-1].name == o.name:
            out[-1].text += o.text
        else:
            out.append(o)
    return out


def is_progress_bar(output: Any) -> bool:
    """Whether an output is a bar of tqdm: once its widget is gone, what is left says 0 % for ever."""
    data = output.get("data", {})
    return WIDGET_VIEW in data and re.search(r"\d+%\|.*\[", data.get("text/plain", "")) is not None


def is_folded(cell: nbformat.NotebookNode) -> bool:
    """Whether a code cell is closed when the notebook is opened: it draws, and is not what the reader came for."""
    return cell.cell_type == "code" and bool(cell.metadata.get("jupyter", {}).get("source_hidden", False))


def canonical(nb: nbformat.NotebookNode, path: Path) -> nbformat.NotebookNode:
    """Return the notebook as it is to be stored."""
    put_navigation(nb, path)
    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    for cell in nb.cells:
        tags = cell.metadata.get("tags", [])
        kept = {"jupyter": {"source_hidden": True}} if is_folded(cell) else {}
        cell.metadata = nbformat.from_dict(kept | ({"tags": sorted(tags)} if tags else {}))
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        if cell.cell_type != "code":
            cell.pop("attachments", None)
            continue
        cell.outputs = joined([o for o in cell.outputs if not is_progress_bar(o)])
        for o in cell.outputs:
            if o.output_type == "execute_result":
                o.execution_count = cell.execution_count
            if "data" in o:
                o.data.pop(WIDGET_VIEW, None)
                if "image/png" in o.data:
                    o.data["image/png"] = o.data["image/png"].strip() + "\n"
    return nb


def dump(nb: nbformat.NotebookNode) -> str:
    nbformat.validate(nb)
    return nbformat.writes(nb, version=4, indent=1, ensure_ascii=False, sort_keys=True).rstrip("\n") + "\n"


def keeps_output(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell's output is not compared (a time, a training run)."""
    return cell.cell_type == "code" and "nbval-ignore-output" in cell.metadata.get("tags", [])


def without_numbers(outputs: list[Any]) -> list[str]:
    """What outputs say, whatever their numbers are."""
    said = []
    for o in joined([o for o in outputs if not is_progress_bar(o)]):
        data = o.get("data", {})
        text = o.get("text", "") + "".join(str(v) for m, v in data.items() if m.startswith("text/"))
        said.append(
            " ".join([*sorted(data), *re.sub(r"[-+]?\d[\d,.]*(?:e[-+]?\d+)?|nan", "#", text).split()])
        )
    return said


def execute(path: Path) -> None:
    """Run one notebook in its own folder and store its outputs (called in a process of its own).

    An output that is not compared stays as it was while only its numbers differ.
    """
    from nbclient import NotebookClient

    nb = read(path)
    old = {c.id: c.outputs for c in nb.cells if keeps_output(c)}
    client = NotebookClient(
        nb,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()  # keeps widget state while running: nbclient needs it; canonical() drops it
    for cell in nb.cells:
        if keeps_output(cell) and without_numbers(old[cell.id]) == without_numbers(cell.outputs):
            cell.outputs = old[cell.id]
    path.write_text(dump(canonical(nb, path)), encoding="utf-8")


# --- what must not be in a notebook -----------------------------------------------------------------------


def words(nb: nbformat.NotebookNode) -> int:
    """How many words of prose there are to read: formulas, links' targets and signs alone are none."""
    count = 0
    for cell in nb.cells:
        if cell.cell_type == "markdown" and not cell.id.startswith("nav-"):
            text = re.sub(r"\$\$.*?\$\$", " ", cell.source, flags=re.S)
            text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"\$[^$]+\$", " x ", text))
            count += sum(re.search(r"\w", word) is not None for word in text.split())
    return count


def minutes(nb: nbformat.NotebookNode) -> int:
    """How long a chapter takes: 150 words or 10 lines of code a minute, 3 minutes an exercise, rounded up to 5.

    A folded cell (a figure's drawing) is not there to be read, and its lines do not count.
    """
    code = [c for c in nb.cells if c.cell_type == "code" and not is_folded(c)]
    lines = sum(bool(line.strip()) for c in code for line in c.source.splitlines())
    exercises = sum(len(re.findall(r"^check\(", c.source, flags=re.M)) for c in code)
    return 5 * math.ceil((words(nb) / 150 + lines / 10 + 3 * exercises) / 5)


def promised(nb: nbformat.NotebookNode) -> int | None:
    """The minutes that a chapter's first cell promises, if it does."""
    found = re.search(r"\*\*Minutes:\*\*\s*(\d+)", nb.cells[0].source)
    return int(found[1]) if found else None


def output_problems(n: int, outputs: list[Any]) -> list[str]:
    found = []
    for o in outputs:
        if o.output_type == "error":
            found.append(
                f"code cell {n} stores an error ({o.ename}): catch it in the cell and show its message"
            )
        if o.output_type == "stream" and o.name == "stderr":
            found.append(f"code cell {n} writes to stderr: {o.text.strip()[:80]!r}")
        data = o.get("data", {})
        if WIDGET_VIEW in data:
            found.append(f"code cell {n} stores a widget view: it would say 'model not found' when reopened")
        for mime in [m for m in data if m.startswith("image/") and m != "image/svg+xml"]:
            if not str(o.metadata.get(mime, {}).get("alt", "")).strip():
                found.append(
                    f"code cell {n} shows an {mime} without alt text (return plots.Picture(figure, alt))"
                )
        for tag in re.findall(r"<img\b[^>]*>", "".join(data.get("text/html", ""))):
            if not re.search(r"""\balt=(["'])\s*\S.*?\1""", tag, flags=re.S):
                found.append(f"code cell {n} shows an <img> without alt text")
        text = o.get("text", "") + "".join(str(v) for m, v in data.items() if m.startswith("text/"))
        found += [
            f"code cell {n} prints {what}" for pattern, what in FORBIDDEN.items() if re.search(pattern, text)
        ]
    return found


def problems(nb: nbformat.NotebookNode, path: Path | None = None) -> list[str]:
    """Everything that nbval would let pass and a reader would stumble over; an empty list is good news."""
    found: list[str] = []
    code = [c for c in nb.cells if c.cell_type == "code"]
    if "widgets" in nb.metadata:
        found.append("metadata has widget state: static viewers go blank or crash on it")
    for n, cell in enumerate(code, start=1):
        if cell.execution_count != n:
            found.append(f"code cell {n} has execution count {cell.execution_count}: run all cells in order")
        if (lines := len(cell.source.splitlines())) > MAX_CODE_LINES:
            found.append(f"code cell {n} has {lines} lines; at most {MAX_CODE_LINES}")
        found += [f"code cell {n} uses {what}" for p, what in FORBIDDEN.items() if re.search(p, cell.source)]
        if what := reaches_out(cell.source):
            found.append(
                f"code cell {n} reaches for {what}: ask the package (datasets.measured, datasets.sample)"
            )
        shows = cell.source.rstrip().splitlines()[-1:] and _ends_in_value(cell.source)
        if shows and not cell.outputs:
            found.append(
                f"code cell {n} ends in a value or prints, but stores no output: outputs were cleared"
            )
        found += output_problems(n, cell.outputs)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found += [
                f"a picture in the text has no alt text: {m}"
                for m in re.findall(r"!\[\s*\]\([^)]*\)", cell.source)
            ]
            found += [
                f"text names {what}"
                for p, what in FORBIDDEN.items()
                if "path" in what and re.search(p, cell.source)
            ]
    ids = [c.get("id") for c in nb.cells]
    if len(set(ids)) != len(ids):
        found.append("two cells share an id")
    if len(nb.cells) > MAX_CELLS:
        found.append(f"{len(nb.cells)} cells; at most {MAX_CELLS}")
    if (w := words(nb)) > MAX_WORDS:
        found.append(f"{w} words of prose; at most {MAX_WORDS}")
    promise = promised(nb)
    if promise is not None and promise < minutes(nb):
        found.append(f"promises {promise} minutes; by the rule it takes {minutes(nb)}")
    if path is not None:
        found += file_problems(nb, path)
    return found


def reaches_out(source: str) -> str:
    """What a cell reads from a place that only a checkout has, or that depends on where Jupyter was started; or ``""``."""
    import ast

    try:
        tree = ast.parse(source)
    except SyntaxError:  # a line for the shell or a magic
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if ".." in re.split(r"[/\\]", node.value):
                return f"the path {node.value!r}"
        elif isinstance(node, ast.Attribute) and node.attr in ("__file__", "parents", "getcwd", "cwd"):
            return f".{node.attr}"
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            of = getattr(node.func, "value", None)  # Path("x") of Path("x").read_text()
            if isinstance(of, ast.Call) and getattr(of.func, "id", "") == "Path":
                node = of
            elif name != "open" and not name.startswith(
                ("read_", "from_folder", "from_csv", "loadtxt", "listdir")
            ):
                continue
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                return f"{name} of {node.args[0].value!r}"
    return ""


def _ends_in_value(source: str) -> bool:
    """Whether running this cell must show something: it prints, or its last line is a bare expression."""
    import ast

    try:
        body = ast.parse(source).body
    except SyntaxError:  # a line for the shell or a magic
        return False
    if not body or source.rstrip().endswith(";"):
        return False
    last = body[-1]
    top_prints = any(
        isinstance(s, ast.Expr)
        and isinstance(s.value, ast.Call)
        and getattr(s.value.func, "id", "") in ("print", "display")
        for s in body
    )
    silent_call = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)  # may well return None
    return top_prints or (isinstance(last, ast.Expr) and not silent_call)


def anchors(text: str) -> set[str]:
    """Where a link into a page of Markdown can lead: its ids, and its headings as the usual viewers name them."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
    slugs = {re.sub(r"[^\w -]", "", h.strip().lower()).replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"></a>', text))


def file_problems(nb: nbformat.NotebookNode, path: Path) -> list[str]:
    """Size, links and form of the file itself."""
    found = []
    text = path.read_text(encoding="utf-8")
    if len(text.encode()) > MAX_BYTES:
        found.append(f"{len(text.encode()) // 1000} KB; at most {MAX_BYTES // 1000} KB")
    prose = "\n".join(c.source for c in nb.cells if c.cell_type == "markdown")
    for target, fragment in re.findall(r"\]\(([^)#\s]+)(?:#([^)]*))?\)", prose):
        place = path.parent / target
        if re.match(r"[a-z]+:", target):
            continue
        if not place.exists():
            found.append(f"a link leads nowhere: {target}")
        elif (
            fragment and place.suffix == ".md" and fragment not in anchors(place.read_text(encoding="utf-8"))
        ):
            found.append(f"a link leads nowhere: {target}#{fragment}")
    if dump(canonical(read(path), path)) != text:
        found.append("not in canonical form, or its navigation is stale: run make notebooks")
    return found


# --- commands ---------------------------------------------------------------------------------------------


def run_one(path: Path) -> float:
    """Run one notebook under a time limit, in a process that can be ended whatever it is doing."""
    started = time.perf_counter()
    env = os.environ | {"PYTHONHASHSEED": "0"}
    subprocess.run(
        [sys.executable, __file__, "--execute-one", str(path)],
        check=True,
        timeout=NOTEBOOK_SECONDS,
        env=env,
        cwd=ROOT,
    )
    return time.perf_counter() - started


def check(paths: list[Path]) -> int:
    bad = 0
    for path in paths:
        for problem in problems(read(path), path):
            print(f"{path.relative_to(ROOT).as_posix()}: {problem}")
            bad += 1
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if readme_with_table(readme) != readme:
        print("README.md: the table of chapters is stale: run make notebooks")
        bad += 1
    print(f"{len(paths)} notebooks checked, {bad} problems")
    return 1 if bad else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write-only", action="store_true")
    parser.add_argument("--execute-one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.execute_one:
        execute(args.execute_one.resolve())
        return 0
    paths = [p.resolve() for p in args.notebooks] or chapters() + solutions()
    if args.check:
        return check(paths)
    for path in paths:
        if args.write_only:
            path.write_text(dump(canonical(read(path), path)), encoding="utf-8")
        else:
            print(f"{path.relative_to(ROOT).as_posix():48s} {run_one(path):6.1f} s", flush=True)
    # Titles may have changed: the neighbours' links and the README follow.
    for path in chapters() + solutions():
        path.write_text(dump(canonical(read(path), path)), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(readme_with_table(readme.read_text(encoding="utf-8")), encoding="utf-8")
    return check(paths)


if __name__ == "__main__":
    sys.exit(main())
