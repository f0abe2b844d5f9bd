"""The book that the unit tests have built, for the browser tests: building it takes half a minute of two cores."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from book.living import KEPT, ROOT

KEPT_BOOK = KEPT / "book"
SOURCES = ("*.md", "docs", "notebooks", "book", "mmalign_nb", "data", "pyproject.toml")


def state() -> str:
    """A checksum of everything that a book is made of."""
    found = hashlib.sha256()
    places = [place for name in SOURCES for place in ROOT.glob(name)]
    files = {x for place in places for x in (place.rglob("*") if place.is_dir() else [place]) if x.is_file()}
    for path in sorted(files):
        if not any(part in ("__pycache__", ".ipynb_checkpoints") for part in path.parts):
            found.update(path.relative_to(ROOT).as_posix().encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def build(folder: Path, seed: int) -> Path:
    """Build it in a process of its own, which numbers its hashes by ``seed``."""
    told = subprocess.run(
        [sys.executable, "-m", "book", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(seed), "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=900,
    )
    assert told.returncode == 0, told.stdout.decode("utf-8", "replace")
    return folder


def keep(folder: Path) -> None:
    """Keep a book that has just been built."""
    shutil.rmtree(KEPT_BOOK, ignore_errors=True)
    shutil.copytree(folder, KEPT_BOOK / "pages")
    (KEPT_BOOK / "state").write_text(state(), encoding="utf-8")


def take(folder: Path) -> bool:
    """Copy the kept book to ``folder``, if nothing has changed since."""
    stamp = KEPT_BOOK / "state"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != state():
        return False
    shutil.copytree(KEPT_BOOK / "pages", folder)
    return True
