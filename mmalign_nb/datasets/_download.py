"""Files of the sets that are downloaded: pinned by SHA-256, kept in one folder, and never believed before they are checked.

What is wanted of a set is the content of its files, whoever brings them: this folder, a copy of somebody else's, or the
network. Every file is compared with the registry whenever it is read, so a damaged one is fetched again, and nothing
wrong is ever given to a caller or left in the folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import secrets
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from .._files import as_path

VARIABLE = "MMALIGN_NB_DATA"
TIMEOUT = (6, 30)  # seconds: until the server answers, and between two pieces of what it sends
RETRIES = 2
_PIECE = 2**16
_MORE = (
    16 * 2**20
)  # bytes that an archive may be longer than its registered files: pages and scripts beside them


class Part(NamedTuple):
    """What the registry says of one collection: ``files`` maps a path to its size in bytes and its SHA-256."""

    title: str
    licence: str
    base: str
    archive: str | None
    files: dict[str, tuple[int, str]]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())


class _Hopeless(Exception):
    """What another try would not change."""


@functools.cache
def registry() -> dict[str, Part]:
    """The collections by the names of their folders."""
    told = json.loads((Path(__file__).parent / "registry.json").read_text(encoding="utf-8"))
    return {name: Part(**facts) for name, facts in told.items()}


def folder() -> Path:
    """Where the files are, or will be: ``MMALIGN_NB_DATA``, else the cache folder of the user."""
    if place := os.environ.get(VARIABLE):
        return as_path(place, VARIABLE).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("mmalign_nb"))


def missing(name: str) -> list[str]:
    """The files of a collection that are not in the folder as they should be."""
    return [path for path in registry()[name].files if _content(name, path) is None]


def load(name: str, wanted_for: str, otherwise: str, progress: bool) -> dict[str, bytes]:
    """Return the content of all files of a collection by their paths, after downloading what is not there.

    ``wanted_for`` and ``otherwise`` are for the error: what the reader asked for, and what needs no download.
    """
    files = {path: _content(name, path) for path in registry()[name].files}
    if lacking := [path for path, content in files.items() if content is None]:
        _fetch(name, lacking, wanted_for, otherwise, progress)
        files |= {path: _content(name, path) for path in lacking}
    whole = {path: content for path, content in files.items() if content is not None}
    if len(whole) < len(files):
        raise OSError(
            f"{folder() / name} changes while it is read; let whatever works there finish, and call again"
        )
    return whole


def _content(name: str, path: str) -> bytes | None:
    """The content of a file if it is in the folder and as it was registered."""
    size, sha256 = registry()[name].files[path]
    try:
        with (folder() / name / path).open("rb") as file:
            content = file.read(size + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return content if len(content) == size and hashlib.sha256(content).hexdigest() == sha256 else None


# ---- from the network


def _fetch(name: str, lacking: list[str], wanted_for: str, otherwise: str, progress: bool) -> None:
    """Bring the lacking files into the folder, or say in one sentence why not and what else can be done."""
    import requests

    place, part = folder() / name, registry()[name]
    try:
        place.mkdir(parents=True, exist_ok=True)  # before anything is downloaded that could not be kept
        _bring(place, part, lacking, progress)
    except (_Hopeless, ValueError, OSError, requests.RequestException) as err:
        with contextlib.suppress(OSError):
            place.rmdir()  # only an empty one
        network = isinstance(err, (_Hopeless, ValueError, requests.RequestException, ConnectionError))
        raise ConnectionError(
            f"{wanted_for} needs {len(lacking):,} file{'s' * (len(lacking) != 1)} of {name} "
            f"({sum(part.files[path][0] for path in lacking) / 1e6:.1f} MB) that {folder()} does not have, and "
            f"{'the download failed' if network else 'that folder cannot be written'}: "
            f"{' '.join(str(err).split())[:300]}. Without a network: on a machine that has one, set {VARIABLE} to an "
            f"empty folder and run 'python -m mmalign_nb.datasets fetch {wanted_for}'; copy the folder here, and set "
            f"{VARIABLE} to it. {otherwise}"
        ) from err


def _bring(place: Path, part: Part, lacking: list[str], progress: bool) -> None:
    """Download into a place that is swept in any case; what has been found right goes into the folder."""
    from tqdm.auto import tqdm

    size = sum(part.files[path][0] for path in lacking)
    with (
        tqdm(total=size, desc=place.name, unit="B", unit_scale=True, disable=not progress) as bar,
        tempfile.TemporaryDirectory() as swept,
    ):
        if part.archive is not None and len(lacking) > 1:

            def get(url: str, file: str) -> None:
                _get(url, file, 2 * part.size + _MORE, bar)
                for _ in _members(file, part, lacking):  # all of them, before the first is kept
                    pass

            archive = _pooch(swept, {"archive.zip": part.archive}, {"archive.zip": None}, get)("archive.zip")
            for path, content in _members(archive, part, lacking):
                _put(place / path, content)
            return
        urls = {path: part.base + quote(path) for path in lacking}
        known = {path: f"sha256:{part.files[path][1]}" for path in lacking}
        fetch = _pooch(swept, urls, known, lambda url, file: _get(url, file, part.size, bar))
        for path in lacking:
            _put(place / path, Path(fetch(path)).read_bytes())


def _pooch(
    place: str, urls: dict[str, str], known: Mapping[str, str | None], get: Callable[[str, str], None]
) -> Callable[[str], str]:
    """A function that fetches a file by name into ``place``, tries again where that may help, and compares its hash."""
    import pooch

    shop = pooch.create(place, base_url="", registry=known, urls=urls, retry_if_failed=RETRIES)

    def fetch(name: str) -> str:
        talk = pooch.get_logger()
        level = talk.level
        talk.setLevel(logging.WARNING)  # the bar says the rest
        try:
            return str(shop.fetch(name, downloader=lambda url, file, _: get(url, file)))
        finally:
            talk.setLevel(level)

    return fetch


def _get(url: str, file: str, most: int, bar: Any) -> None:
    """Write what is at an address to a file, if it is of at most so many bytes."""
    import requests

    done = 0
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT) as answer, open(file, "wb") as out:
            if 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
                raise _Hopeless(f"{url} answers {answer.status_code} {answer.reason}")
            answer.raise_for_status()
            for piece in answer.iter_content(_PIECE):
                done += len(piece)
                if done > most:
                    raise _Hopeless(f"{url} sends more than the {most:,} bytes that can be right")
                out.write(piece)
                bar.update(len(piece))
    except BaseException as err:
        bar.update(-done)  # another try counts anew
        if isinstance(err, requests.TooManyRedirects):
            raise _Hopeless(f"{url} leads from one address to the next without an end") from err
        raise


def _members(file: str, part: Part, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Each path and its content from an archive, in whose first folder the files are.

    The archive itself is pinned by nothing, since its packing may change; each file in it is. Only registered paths are
    looked up, so that no name in an archive can lead out of the folder, and no more is unpacked than they are long.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            found = {info.filename.partition("/")[2]: info for info in archive.infolist()}
            for path in paths:
                size, sha256 = part.files[path]
                if path not in found:
                    raise ValueError(f"{part.archive} has no {path}")
                with archive.open(found[path]) as member:
                    content = member.read(size + 1)
                if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
                    raise ValueError(
                        f"{part.archive} has another {path} than the registered one, by its SHA-256"
                    )
                yield path, content
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, zlib.error) as err:
        raise ValueError(f"{part.archive} sends no whole archive ({err})") from err


def _put(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for a part of it. Not brought to the disk: it is checked when read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
