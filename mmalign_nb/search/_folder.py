"""An index on disk: a folder of arrays, and one small file that names those that belong to it.

A save writes new arrays beside the old ones, brings them to the disk, and then replaces ``index.json`` in one act. Only
then it removes what is no longer named. So whenever it is cut off, ``index.json`` names the old arrays or the new ones,
and never some of each. Two saves at once don't wait for each other: each has names of its own, and the last one to
replace ``index.json`` stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from .._files import read_array, read_header, replacing, sync, sync_folder, unfinished

FORMAT = 2
_TOKEN = re.compile(r"(?:vectors|ids)-([0-9a-f]{16})\.npy")
_LARGEST = 2**16  # bytes of index.json; it has some hundred


def write(folder: Path, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Save an index whole or not at all."""
    missing = [x for x in (folder, *folder.parents) if not x.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)
    _remove_unnamed(folder)  # what killed saves left must not fill the disk
    token = secrets.token_hex(8)
    try:
        with replacing(folder / "index.json", token) as file:
            parts = {name: _write_part(folder / f"{name}-{token}.npy", x) for name, x in arrays.items()}
            facts = {"format": FORMAT, **facts, "parts": parts}
            file.write(json.dumps(facts | {"sha256": _checksum(facts)}, indent=1).encode() + b"\n")
    finally:
        _remove_unnamed(folder)


def _checksum(facts: dict[str, Any]) -> str:
    """Of what ``index.json`` says, in whatever order and layout."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _write_part(path: Path, array: np.ndarray) -> dict[str, Any]:
    with path.open("x+b") as file:
        np.save(file, array, allow_pickle=False)
        sync(file)
        size = file.tell()
        file.seek(0)
        return {"file": path.name, "bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _remove_unnamed(folder: Path) -> None:
    """Remove the arrays that neither ``index.json`` names nor a save at work just now has written.

    The order counts: look for arrays, then for saves at work, then read ``index.json``. An array whose save is no
    longer at work by then is either named by what is read after that, or never will be.
    """
    found = [(x, match[1]) for x in folder.iterdir() if (match := _TOKEN.fullmatch(x.name))]
    at_work = unfinished(folder / "index.json")
    try:
        named = {part["file"] for part in _read_facts(folder)["parts"].values()}
    except FileNotFoundError:
        named = set()
    except (ValueError, OSError):  # what it named cannot be known: keep everything
        return
    sync_folder(folder)
    for path, token in found:
        if path.name not in named and token not in at_work:
            with contextlib.suppress(
                OSError
            ):  # another save was quicker; or Windows, which keeps what is mapped
                path.unlink()


# ---- reading


def read(folder: Path, verify: bool) -> tuple[dict[str, Any], dict[str, tuple[str, np.ndarray]]]:
    """Return what ``index.json`` says, and the arrays it names with the names of their files; vectors stay on disk.

    Another save may take the arrays away between the two: then ``index.json`` names others, and is read again.
    """
    facts: dict[str, Any] = {}
    while True:
        before, facts = facts, _read_facts(folder)
        with ExitStack() as stack:
            try:
                files = {
                    x: stack.enter_context((folder / y["file"]).open("rb")) for x, y in facts["parts"].items()
                }
            except FileNotFoundError as err:
                if facts == before:
                    raise FileNotFoundError(
                        f"{err.filename} is not there, and index.json names it: copy the whole folder again"
                    ) from None
                continue
            return facts, {
                name: (file.name, _read_part(name, file, facts["parts"][name], verify))
                for name, file in files.items()
            }


def _read_part(name: str, file: Any, facts: dict[str, Any], verify: bool) -> np.ndarray:
    """One array of an index, after its size, its checksum and its header have been compared."""
    size = os.fstat(file.fileno()).st_size
    if size != facts["bytes"]:
        raise ValueError(
            f"{file.name} has {size} bytes and index.json says {facts['bytes']}: cut off, or another file"
        )
    if (verify or name == "ids") and hashlib.file_digest(file, "sha256").hexdigest() != facts["sha256"]:
        raise ValueError(f"{file.name} is not as it was saved: its SHA-256 is not that in index.json")
    file.seek(0)
    head = read_header(file, size, file.name)
    file.seek(0)
    if name == "ids":
        return read_array(file.read(), head, file.name)
    return np.memmap(file, mode="r", **head).view(np.ndarray)


def _read_facts(folder: Path) -> dict[str, Any]:
    """What ``index.json`` says, if it is as it was saved."""
    path = folder / "index.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no index.json; want a folder that Index.save wrote")
    try:
        with path.open("rb") as file:  # what is longer is cut off, so it is no JSON
            facts: dict[str, Any] = dict(json.loads(file.read(_LARGEST)))
    except (ValueError, TypeError, RecursionError) as err:
        raise ValueError(f"{path} is not what Index.save wrote ({err})") from err
    if facts.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f"{path} has format {facts['format']!r:.20}, and this version reads format {FORMAT}: build the index again"
        )
    if facts.pop("sha256", None) != _checksum(facts):
        raise ValueError(f"{path} is not as Index.save wrote it: its SHA-256 does not fit")
    return facts
