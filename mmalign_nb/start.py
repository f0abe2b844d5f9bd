"""A copy of the notebooks for a learner: ``python -m mmalign_nb start FOLDER``.

The copy has the chapters, their solutions, the pages that they link to and the sample folder, laid out as in a checkout, so that
every link works. What a learner has changed is never written over: ``.mmalign_nb.json`` in the folder remembers the
content that each file was given, so that a later call can tell an old page from a changed one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from ._files import as_path, replacing, shipped
from .doctor import quoted

MEMORY = ".mmalign_nb.json"
FIRST = "notebooks/00_start_here.ipynb"
_SAID = 12  # lines about single files; a folder of changed notebooks is no longer news


def start(folder: Any) -> int:
    """Copy the notebooks and what they need into a folder, and say what to run next; return 0.

    A file that is not there, or that nobody has changed since it was copied, becomes what this version ships. A changed one
    stays; if this version has another than the one it came from, that is put beside it, as ``NAME.new.ipynb``.
    """
    place = as_path(folder, "FOLDER").expanduser().absolute()
    _refuse(place)
    memory = _remembered(place)
    counts = {"copied": 0, "brought up to date": 0, "there already": 0, "yours, kept as you changed them": 0}
    beside: list[tuple[str, str]] = []
    try:
        for name, content in course():
            state, written = _put(place, name, content, memory)
            counts[state] += 1
            beside += [(name, written)] if written else []
    finally:  # also after a full disk: the next call must know what is the learner's
        if place.is_dir():
            with replacing(place / MEMORY) as file:
                file.write(json.dumps(memory, indent=0, sort_keys=True).encode())
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    print(f"{place}: {told}.")
    for name, written in beside[:_SAID]:
        print(f"  kept your {name}; the newer one is {written}")
    if len(beside) > _SAID:
        print(f"  and {len(beside) - _SAID} more")
    # The folder, not notebooks/, is what JupyterLab is to serve: the links to the glossary lead out of notebooks/.
    print(f"Next:\n  cd {quoted(place)}")
    print(f"  {quoted(sys.executable)} -m jupyterlab --ServerApp.root_dir=. {FIRST}")
    return 0


def course() -> Iterator[tuple[str, bytes]]:
    """Every file of the copy: its path there, with ``/``, and its content."""
    for part, where, pattern in (
        ("notebooks", "notebooks", "**/*.ipynb"),
        ("docs", "docs", "*.md"),
        ("sample", "data/sample", "**/*"),
        ("models", "data/models", "*.md"),
    ):
        root = shipped(part)
        for path in sorted(root.glob(pattern)):
            inside = path.relative_to(root)
            if path.is_file() and not any(x.startswith(".") for x in inside.parts):
                yield f"{where}/{inside.as_posix()}", path.read_bytes()
    readme = shipped("notebooks").parent / "README.md"
    told = readme.read_text(encoding="utf-8") if readme.is_file() else metadata("mmalign_nb")["Description"]
    yield "README.md", contents(told).encode()


def contents(readme: str) -> str:
    """The copy's page of contents, from the README, which a wheel has in its metadata: the chapters, not how to install."""
    chapters = re.search(r"^## Chapters\n.*?(?=^## |\Z)", readme, flags=re.M | re.S)
    return (
        "# mmalign_nb: your copy of the notebooks\n\nChange what you like. `python -m mmalign_nb start` on this folder brings "
        "new versions, and never writes over a page that you changed. To have a page as it was, delete or rename yours and "
        "start again.\n\n" + (chapters[0].rstrip() if chapters else "") + "\n"
    )


def _refuse(place: Path) -> None:
    """Raise if the folder cannot be a learner's."""
    if place.exists() and not place.is_dir():
        raise NotADirectoryError(f"FOLDER is {place}, a file; want a folder, which may be new")
    where = place.resolve()
    own = shipped("notebooks").resolve().parent
    if where == own or own / "notebooks" in (where, *where.parents):
        raise ValueError(
            f"FOLDER is {place}, where the notebooks come from; want another folder for the copy"
        )


def _remembered(place: Path) -> dict[str, str]:
    """What each file of the folder was when it was copied: SHA-256 by path. Damaged or absent: nothing is known."""
    try:
        told = json.loads((place / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}


def _put(place: Path, name: str, content: bytes, memory: dict[str, str]) -> tuple[str, str]:
    """Bring one file, or leave what is there; return what was done, and the name of a file put beside it."""
    ours, own = _digest(content), _digest_of(place / name)
    if own == ours:
        memory[name] = ours
        return "there already", ""
    if own is None or own == memory.get(name):
        _write(place / name, content)
        memory[name] = ours
        return ("copied" if own is None else "brought up to date"), ""
    kept = "yours, kept as you changed them"
    if memory.get(name) == ours:  # nothing newer to offer
        return kept, ""
    stem, _, suffix = name.rpartition(".")
    for number in range(1, 1000):
        beside = f"{stem}.new{number if number > 1 else ''}.{suffix}"
        there = _digest_of(place / beside)
        if there in (None, ours, memory.get(beside)):
            if there != ours:
                _write(place / beside, content)
            memory[beside] = memory[name] = ours
            return kept, beside
    raise FileExistsError(f"{place / name} has 999 newer versions beside it; want a folder with room")


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; not brought to the disk one by one, which takes a network's folder minutes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    """The SHA-256 of a file, or None if there is none; a folder in its place is an error that names it."""
    try:
        return _digest(path.read_bytes())
    except FileNotFoundError:
        return None
