"""``align``, ``label`` and ``report`` at a terminal: each takes what the command line said, and gives the exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .._check import as_number
from .._files import as_path
from ._align import align as align_read
from ._align import checked_out, read
from ._result import FolderAlignment


def align(asked: Any) -> int:
    """Align a folder, write the results and say in a few lines what came out."""
    as_number(asked.target, "target", 0, 1, above=True, below=True)
    path = as_path(asked.path)
    if not path.exists():
        raise FileNotFoundError(f"PATH is {path}; there is no such folder or table")
    out = checked_out(as_path(asked.out, "out"), path)
    source = {
        "path": str(path.absolute()),
        "pairs": None if asked.pairs is None else str(Path(asked.pairs).absolute()),
        "encoder": asked.encoder,
        "encoding": asked.encoding,
        "target": asked.target,
        "a": asked.a,
        "b": asked.b,
    }
    labels = out / "labels.csv"
    found = _again(source, out, labels if labels.is_file() else None, not asked.quiet)
    found.save(out)
    if not asked.quiet:
        print(said(found, out))
    return 0


def _again(source: dict[str, Any], out: Path, labels: Any, progress: bool) -> FolderAlignment:
    collection = read(Path(source["path"]), source["encoding"], out, progress)
    return align_read(
        collection, out, source, pairs=source["pairs"], encoder=source["encoder"], target=source["target"], a=source["a"], b=source["b"],
        labels=labels, seed=0, progress=progress,
    )  # fmt: skip


def said(found: FolderAlignment, out: Path) -> str:
    """The result in a few lines."""
    taken = found.tried[found.tried.taken.astype(bool)]
    lines = [f"{found.a} {len(found.ids_a)}, {found.b} {len(found.ids_b)}, {len(found.pairs)} given pairs"]
    skipped = sum(note.what == "skipped" for note in found.collection.notes)
    if skipped:
        lines.append(f"{skipped} files skipped; summary.json says why")
    for name, mrr, low, high in taken[["encoder", "mrr", "low", "high"]].itertuples(index=False):
        measured = (
            "" if mrr != mrr else f": held-out mean reciprocal rank {mrr:.2f} ({low:.2f} to {high:.2f})"
        )
        lines.append(f"encoder: {name}{measured}")
    lines += [found.promise, *(f"note: {note}" for note in found.notes)]
    lines.append(f"results: {out / 'report.html' if (out / 'report.html').exists() else out}")
    return "\n".join(lines)


def opened(out: Path, labels: Any = None) -> FolderAlignment:
    """The alignment of a folder of results, made again from its stages, with the answers of a file or those that are in it."""
    place = out / "summary.json"
    labels = labels or (out / "labels.csv" if (out / "labels.csv").is_file() else None)
    if not place.is_file():
        raise FileNotFoundError(f"{out} has no summary.json; want a folder that align has written")
    try:
        source = json.loads(place.read_text(encoding="utf-8"))["source"]
        if not isinstance(source["path"], str) or "target" not in source:
            raise ValueError(
                f"{out} was written from Python; there, go on with alignment.labelling() and alignment.save()"
            )
    except (KeyError, TypeError, json.JSONDecodeError) as err:
        raise ValueError(f"{place} is not as align has written it ({type(err).__name__})") from err
    return _again(source, out, labels, False)


def label(asked: Any) -> int:
    """Ask for answers at the terminal, or take those of a file; then line and tables are made anew."""
    out = as_path(asked.out, "out")
    labels = out / "labels.csv"
    if asked.answers is not None:
        found = opened(out, Path(asked.answers))
    else:
        found = opened(out)
        labelling = found.labelling()
        if sys.stdin.isatty():
            _ask(found, labelling, labels)
        else:
            print(f"open {out / 'label.html'} in a browser, then: label {out} --answers FILE.csv")
        found = found.labelled(labelling)
    found.save(out)
    print(said(found, out))
    return 0


def report(asked: Any) -> int:
    """Write the pages of a folder of results again."""
    from ._report import report as write

    print(write(as_path(asked.out, "out")))
    return 0


def _ask(found: FolderAlignment, labelling: Any, place: Path) -> None:
    words = {"y": True, "n": False, "?": None}
    print(
        "Do the two belong together? y yes, n no, ? cannot tell, u undo, q stop. Each answer is saved at once."
    )
    while (pair := labelling.ask()) is not None:
        print(
            f"\n{len(labelling.asked) + 1}. {_shown(found, 'a', pair[0])}\n   {_shown(found, 'b', pair[1])}"
        )
        try:
            answer = input("y/n/?/u/q: ").strip().lower()[:1]
        except EOFError:
            break
        if answer == "q":
            break
        if answer == "u" and labelling.asked:
            labelling.undo()
        elif answer in words:
            labelling.answer(words[answer])
        if labelling.asked or place.exists():
            labelling.to_csv(place)
        if not labelling.threshold.abstained:
            print(f"   {labelling!r}")


def _shown(found: FolderAlignment, side: str, at: int) -> str:
    items, ids, kind = (
        (found.items_a, found.ids_a, found.a) if side == "a" else (found.items_b, found.ids_b, found.b)
    )
    text = getattr(items, kind)[at] if kind.startswith("text") else ""
    return "".join(x if x.isprintable() else " " for x in f"{kind} {ids[at]}{f': {text}' if text else ''}")[
        :300
    ]
