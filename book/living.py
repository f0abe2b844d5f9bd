"""The book's living panels: what they give of themselves when a chapter is run, kept until something changes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from mmalign_nb._files import replacing
from mmalign_nb.panels.instrument import FRAGMENT, LIVE

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "_live"
SECONDS = 300  # for a cell


def live(notebook: Path) -> dict[str, str]:
    """What stands alive in the place of a panel's stored picture: HTML by the id of the panel's cell.

    A part is put before the stored picture. Once it is drawn, it sets the class ``alive`` on itself, and the picture is hidden;
    without JavaScript, on paper, and should anything fail, the picture is there. The notebook is run for it, unless that has
    been done since anything changed (``make test`` runs every chapter anyway, and keeps what it finds).
    """
    nb = nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4)
    if not any(cell.cell_type == "code" and "Panel(" in cell.source for cell in nb.cells):
        return {}
    file = KEPT / f"{notebook.stem}.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["digest"] == digest(notebook):
            return dict(kept["parts"])
    before = os.environ.get(LIVE)
    os.environ[LIVE] = "1"
    try:
        where = {"metadata": {"path": str(notebook.parent)}}
        NotebookClient(nb, timeout=SECONDS, kernel_name="python3", resources=where).execute()
    finally:
        if before is None:
            del os.environ[LIVE]
    return keep(notebook, {cell.id: cell.outputs for cell in nb.cells if cell.cell_type == "code"})


def keep(notebook: Path, outputs: Mapping[str, list[nbformat.NotebookNode]]) -> dict[str, str]:
    """Keep what the panels of a notebook gave when it was run; ``outputs`` by the ids of its code cells."""
    parts = {
        name: output.data[FRAGMENT]
        for name, found in outputs.items()
        for output in found
        if FRAGMENT in output.get("data", {})
    }
    if parts:
        KEPT.mkdir(exist_ok=True)
        told = json.dumps({"digest": digest(notebook), "parts": parts}).encode()
        with replacing(KEPT / f"{notebook.stem}.json") as file:  # two books may be built at once
            file.write(told)
    return parts


def digest(notebook: Path) -> str:
    """A checksum of all that a panel's part depends on: the notebook's code, the package, the weights."""
    found = hashlib.sha256()
    for cell in nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4).cells:
        found.update(f"{cell.id} {cell.source}\n".encode() if cell.cell_type == "code" else b"")
    files = [
        path for kind in ("py", "js", "css", "html") for path in (ROOT / "mmalign_nb").rglob(f"*.{kind}")
    ]
    for path in sorted([*files, *(path for path in (ROOT / "data").rglob("*") if path.is_file())]):
        found.update(path.relative_to(ROOT).as_posix().encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
