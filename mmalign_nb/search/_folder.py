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

from .._files import read_header, replacing, sync, sync_folder, unfinished

__all__ = ["METRICS", "Part", "open_parts", "write"]

FORMAT = 2
METRICS = ("cosine", "dot", "euclidean", "hamming")
_TOKEN = re.compile(r"(?:vectors|ids)-([0-9a-f]{16})\.npy")
_LARGEST = 2**16  # bytes of index.json; it has some hundred


def write(folder: Path, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Save an index whole or not at all."""
    missing = [x for x in (folder, *folder.parents) if not x.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)
    before = _remove_unnamed(folder)  # what killed saves left must not fill the disk
    token = secrets.token_hex(8)
    try:
        with replacing(folder / "index.json", token) as file:
            parts = {name: _write_part(folder / f"{name}-{token}.npy", x) for name, x in arrays.items()}
            text = json.dumps({"format": FORMAT, **facts, "parts": parts}, indent=1)
            file.write(text.encode() + b"\n")
    finally:
        after = _remove_unnamed(folder)
    for name in before - after:  # those of format 1, which have no token
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def _write_part(path: Path, array: np.ndarray) -> dict[str, Any]:
    with path.open("x+b") as file:
        np.save(file, array, allow_pickle=False)
        sync(file)
        size = file.tell()
        file.seek(0)
        return {"file": path.name, "bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _remove_unnamed(folder: Path) -> set[str]:
    """Remove the arrays that neither ``index.json`` names nor a save at work just now has written; return the names.

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
        return set()
    sync_folder(folder)
    for path, token in found:
        if path.name not in named and token not in at_work:
            with contextlib.suppress(
                OSError
            ):  # another save was quicker; or Windows, which keeps what is mapped
                path.unlink()
    return named


# ---- reading


class Part:
    """One array of an index, open, with its header checked against its size."""

    def __init__(self, folder: Path, facts: dict[str, Any], stack: ExitStack) -> None:
        self.path = folder / facts["file"]
        self.file = stack.enter_context(self.path.open("rb"))
        self.facts = facts

    def check(self, verify: bool) -> None:
        """Compare with what ``index.json`` says: the size, and with ``verify`` the checksum; then read the header."""
        size = os.fstat(self.file.fileno()).st_size
        if "bytes" in self.facts and size != self.facts["bytes"]:
            raise ValueError(
                f"{self.path} has {size} bytes and index.json says {self.facts['bytes']}: cut off, or another file"
            )
        if verify and "sha256" in self.facts:
            if hashlib.file_digest(self.file, "sha256").hexdigest() != self.facts["sha256"]:
                raise ValueError(f"{self.path} is not as it was saved: its SHA-256 is not that in index.json")
            self.file.seek(0)
        self.head = read_header(self.file, size, str(self.path))

    def mapped(self) -> np.ndarray:
        """The array, on disk."""
        head = self.head
        return np.memmap(self.file, head.dtype, "r", head.offset, head.shape).view(np.ndarray)

    def array(self) -> np.ndarray:
        """The array, in memory."""
        self.file.seek(0)
        return self.head.array(self.file.read())


def open_parts(folder: Path, stack: ExitStack) -> tuple[dict[str, Any], dict[str, Part]]:
    """Return what ``index.json`` says and the arrays it names, open until ``stack`` ends.

    Another save may take the arrays away between the two: then ``index.json`` names others, and is read again.
    """
    facts: dict[str, Any] = {}
    while True:
        before, facts = facts, _read_facts(folder)
        try:
            return facts, {name: Part(folder, part, stack) for name, part in facts["parts"].items()}
        except FileNotFoundError as err:
            if facts == before:
                raise FileNotFoundError(
                    f"{err.filename} is not there, and index.json names it: copy the whole folder again"
                ) from None


def _is_count(value: Any, least: int) -> bool:
    return type(value) is int and least <= value < 2**63


def _is_part(name: str, value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _TOKEN.fullmatch(str(value.get("file"))) is not None
        and value["file"].startswith(f"{name}-")
        and _is_count(value.get("bytes"), 0)
        and re.fullmatch("[0-9a-f]{64}", str(value.get("sha256"))) is not None
    )


def _read_facts(folder: Path) -> dict[str, Any]:
    """What ``index.json`` says, each word checked; format 1 as if it were format 2."""
    path = folder / "index.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no index.json; want a folder that Index.save wrote")
    with path.open("rb") as file:
        text = file.read(_LARGEST + 1)
    try:
        if len(text) > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        facts = json.loads(text)
        if not isinstance(facts, dict):
            raise ValueError("no mapping")
    except (ValueError, RecursionError) as err:
        raise ValueError(f"{path} is not what Index.save wrote ({err})") from err
    format = facts.get("format", FORMAT)
    if format not in (1, FORMAT):
        raise ValueError(f"{folder} has format {format!r}; this version reads formats 1 and {FORMAT}")
    fits = {
        "metric": lambda x: x in METRICS,
        "n": lambda x: _is_count(x, 0),
        "dim": lambda x: _is_count(x, 1) or (x is None and facts["n"] == 0),
    }
    if format == 1:
        fits |= {"packed": lambda x: type(x) is bool, "ids": lambda x: type(x) is bool}
    else:
        fits |= {
            "bits": lambda x: x in ("", "packed", "unpacked", "either"),
            "parts": lambda x: isinstance(x, dict) and all(_is_part(*part) for part in x.items()),
        }
    for key, ok in fits.items():
        if key not in facts or not ok(facts[key]):
            what = f"{key!r} is {facts[key]!r:.40}" if key in facts else f"no {key!r}"
            raise ValueError(f"{path} is not what Index.save wrote ({what})")
    if format == 1:
        facts["bits"] = "" if facts["metric"] != "hamming" else "packed" if facts["packed"] else "unpacked"
        facts["parts"] = {"vectors": {"file": "vectors.npy"}} if facts["n"] else {}
        facts["parts"] |= {"ids": {"file": "ids.npy"}} if facts["ids"] else {}
    if set(facts["parts"]) - {"ids"} != ({"vectors"} if facts["n"] else set()):
        raise ValueError(
            f"{path} is not what Index.save wrote (n is {facts['n']}, parts {list(facts['parts'])})"
        )
    if facts["dim"] is not None and (facts["bits"] != "") != (facts["metric"] == "hamming"):
        raise ValueError(
            f"{path} is not what Index.save wrote ({facts['metric']} with {facts['bits']!r} bits)"
        )
    return facts
