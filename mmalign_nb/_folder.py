"""Something on disk that is a folder: files of its parts, and one small file that names those that belong to it.

A save writes new parts beside the old ones, brings them to the disk, and then replaces the small file, say ``index.json``,
in one act. Only then it removes what is no longer named. So whenever it is cut off, ``index.json`` names the old parts or
the new ones, and never some of each. Two saves at once don't wait for each other: each has names of its own, and the last
one to replace ``index.json`` stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ._files import replacing, sync, sync_folder, unfinished

_LARGEST = 2**16  # bytes of the small file; it has some hundred


class Kind(NamedTuple):
    """What is saved as a folder: the small file, its format, who writes it, and the files of the parts, by their suffixes."""

    facts: str
    format: int
    writer: str
    again: str
    parts: dict[str, str]

    def token(self, name: str) -> str | None:
        """The token of the save that wrote a file of this name, if it is a part's."""
        match = re.fullmatch("(.*)-([0-9a-f]{16})(\\..*)", name)
        return match[2] if match and self.parts.get(match[1]) == match[3] else None


def write(
    kind: Kind, folder: Path, facts: dict[str, Any], parts: Mapping[str, Callable[[BinaryIO], None]]
) -> None:
    """Save a thing whole or not at all; each part is a function that writes it to an open file."""
    missing = [x for x in (folder, *folder.parents) if not x.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)
    _remove_unnamed(kind, folder)  # what killed saves left must not fill the disk
    token = secrets.token_hex(8)
    try:
        with replacing(folder / kind.facts, token) as file:
            written = {
                name: _write_part(folder / f"{name}-{token}{kind.parts[name]}", put)
                for name, put in parts.items()
            }
            facts = {"format": kind.format, **facts, "parts": written}
            file.write(json.dumps(facts | {"sha256": _checksum(facts)}, indent=1).encode() + b"\n")
    finally:
        _remove_unnamed(kind, folder)


def _checksum(facts: dict[str, Any]) -> str:
    """Of what the small file says, in whatever order and layout."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _write_part(path: Path, put: Callable[[BinaryIO], None]) -> dict[str, Any]:
    with path.open("x+b") as file:
        put(file)
        sync(file)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return {"file": path.name, "bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _remove_unnamed(kind: Kind, folder: Path) -> None:
    """Remove the parts that neither the small file names nor a save at work just now has written.

    The order counts: look for parts, then for saves at work, then read the small file. A part whose save is no longer
    at work by then is either named by what is read after that, or never will be.
    """
    found = [(x, token) for x in folder.iterdir() if (token := kind.token(x.name))]
    at_work = unfinished(folder / kind.facts)
    try:
        named = {part["file"] for part in _read_facts(kind, folder)["parts"].values()}
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


@contextlib.contextmanager
def opened(kind: Kind, folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, BinaryIO]]]:
    """Give what the small file says and the parts that it names, open and as long as it says.

    Another save may take the parts away between the two: then the small file names others, and is read again.
    """
    facts: dict[str, Any] = {}
    while True:
        before, facts = facts, _read_facts(kind, folder)
        with contextlib.ExitStack() as stack:
            try:
                files = {
                    x: stack.enter_context((folder / y["file"]).open("rb")) for x, y in facts["parts"].items()
                }
            except FileNotFoundError as err:
                if facts == before:
                    raise FileNotFoundError(
                        f"{err.filename} is not there, and {kind.facts} names it: copy the whole folder again"
                    ) from None
                continue
            for name, file in files.items():
                size = os.fstat(file.fileno()).st_size
                if size != (told := facts["parts"][name]["bytes"]):
                    raise ValueError(
                        f"{file.name} has {size} bytes and {kind.facts} says {told}: cut off, or another file"
                    )
            yield facts, files
            return


def check_sum(kind: Kind, file: Any, part: dict[str, Any]) -> None:
    """Compare the content of a part with the checksum that the small file gives."""
    if hashlib.file_digest(file, "sha256").hexdigest() != part["sha256"]:
        raise ValueError(f"{file.name} is not as it was saved: its SHA-256 is not that in {kind.facts}")
    file.seek(0)


def _read_facts(kind: Kind, folder: Path) -> dict[str, Any]:
    """What the small file says, if it is as it was saved."""
    path = folder / kind.facts
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {kind.facts}; want a folder that {kind.writer} wrote")
    try:
        with path.open("rb") as file:  # what is longer is cut off, so it is no JSON
            facts: dict[str, Any] = dict(json.loads(file.read(_LARGEST)))
    except (ValueError, TypeError, RecursionError) as err:
        raise ValueError(f"{path} is not what {kind.writer} wrote ({err})") from err
    if facts.get("format", kind.format) != kind.format:
        raise ValueError(
            f"{path} has format {facts['format']!r:.20}, and this version reads format {kind.format}: {kind.again}"
        )
    if facts.pop("sha256", None) != _checksum(facts):
        raise ValueError(f"{path} is not as {kind.writer} wrote it: its SHA-256 does not fit")
    try:
        for name, part in facts["parts"].items():
            if name not in kind.parts or kind.token(part["file"]) is None:  # no way out of the folder
                raise ValueError(
                    f"{path} names {part['file']!r:.80}, which is no part of what {kind.writer} writes"
                )
            if {type(part["bytes"]), type(part["sha256"])} != {int, str}:
                raise TypeError("a part without a size or a checksum")
    except (TypeError, KeyError, AttributeError) as err:
        raise ValueError(f"{path} does not name the parts as {kind.writer} does ({err})") from err
    return facts
