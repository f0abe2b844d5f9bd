"""The reader's own data: a folder, a table or arrays, made into what the encoders take, and every change and refusal said."""

from __future__ import annotations

import itertools
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._check import as_count, as_number, check_same_length, describe, one_of
from .._files import as_path, shipped
from ._items import _MODALITIES, Items
from ._readers import (
    Unusable,
    read_film,
    read_picture,
    read_sound_file,
    read_table,
    read_text,
    shown,
    sound_seconds,
)

if TYPE_CHECKING:
    import pandas as pd

_PICTURES = {
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".ico",
    ".ppm",
    ".pgm",
}
_SOUNDS = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"}
_FILMS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".3gp", ".wmv", ".ogv"}
_KINDS = {
    **dict.fromkeys(_PICTURES, "image"),
    **dict.fromkeys(_SOUNDS, "audio"),
    **dict.fromkeys(_FILMS, "video"),
    ".txt": "text",
}
# The second is what Hugging Face's folders of pictures have; a captions.txt may be a table, too, and comes last.
_TABLES = ("captions.csv", "captions.tsv", "metadata.csv", "captions.txt")
_OTHER_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".ods", ".parquet")
_FILE_COLUMNS = (
    "file", "filename", "file_name", "image", "picture", "sound", "audio", "video", "film", "path", "name", "id",
)  # fmt: skip
_MOST_FILM = 2**31  # bytes of all films together
_TEXT_COLUMNS = ("caption", "text", "title", "description", "note", "notes", "label", "words")


class Note(NamedTuple):
    """One thing that is to be known of a file: ``what`` is "skipped" or "changed", ``why`` a few plain words."""

    file: str
    modality: str
    what: str
    why: str


@dataclass(frozen=True, eq=False, repr=False)
class Collection:
    """Items of several modalities that need not be as many, which of them are known to belong together, and what was seen on the way.

    Parameters
    ----------
    sides : mapping of str to Items
        By modality, "image", "audio" and "text": Items that have this modality.
    keys : mapping of str to list of str
        For each side the key of each item; items of two sides with one key are a pair.
    notes : list of Note
        What was skipped and what was changed, by file, with the reason.

    Raises
    ------
    ValueError
        When it is asked for a modality that it has not.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.datasets import from_arrays
    >>> zoo = from_arrays(text=["a cat", "a dog"], audio=([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.1, 0.1, 0.1]], 8000), pairs=None)
    >>> zoo
    Collection(text 2, audio 3; 0 pairs)
    >>> zoo["text"].text, zoo.pairs("audio", "text").shape
    (['a cat', 'a dog'], (0, 2))
    >>> zoo.summary()[["modality", "loaded", "skipped"]].values.tolist(), len(zoo.to_frame())
    ([['text', 2, 0], ['audio', 3, 0]], 0)
    """

    sides: Mapping[str, Items]
    keys: Mapping[str, Sequence[str]]
    notes: Sequence[Note] = field(default=())

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that were found, in the order of ``Items``."""
        return tuple(name for name in _MODALITIES if name in self.sides)

    def __getitem__(self, modality: str) -> Items:
        """The items of one modality."""
        return self.sides[one_of(modality, "modality", self.modalities)]

    def pairs(self, a: str, b: str) -> np.ndarray:
        """Rows of side a and of side b that are known to belong together, int64 ``(k, 2)``, by a and then by b."""
        where: dict[str, list[int]] = {}
        for row, key in enumerate(self.keys[one_of(b, "b", self.modalities)]):
            where.setdefault(key, []).append(row)
        keys = self.keys[one_of(a, "a", self.modalities)]
        found = [(i, j) for i, key in enumerate(keys) for j in where.get(key, ())]
        return np.array(found, np.int64).reshape(-1, 2)

    def summary(self) -> pd.DataFrame:
        """One row per modality and, last, for the other files: how many were loaded, changed and skipped, and the reasons."""
        import pandas as pd

        kinds = [*self.modalities, *sorted({n.modality for n in self.notes} - {*self.modalities})]
        rows = []
        for kind in kinds:
            told = [n for n in self.notes if n.modality == kind]
            by = {what: Counter(n.why for n in told if n.what == what) for what in ("changed", "skipped")}
            rows.append(
                {
                    "modality": kind,
                    "loaded": len(self.sides.get(kind, ())),
                    "changed": len({n.file for n in told if n.what == "changed"}),
                    "skipped": sum(by["skipped"].values()),
                    "why": "; ".join(f"{k} × {why}" for one in by.values() for why, k in one.most_common()),
                }
            )
        return pd.DataFrame(rows, columns=["modality", "loaded", "changed", "skipped", "why"])

    def to_frame(self) -> pd.DataFrame:
        """All notes as a table: file, modality, what, why."""
        import pandas as pd

        return pd.DataFrame(list(self.notes), columns=list(Note._fields))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {len(self.sides[name])}" for name in self.modalities)
        counts = [len(self.pairs(a, b)) for a, b in itertools.combinations(self.modalities, 2)]
        told = [f"{k} pair{'' if k == 1 else 's'}" for k in counts]
        names = (
            [f"{a}–{b} " for a, b in itertools.combinations(self.modalities, 2)] if len(told) > 1 else [""]
        )
        said = "; ".join(f"{name}{k}" for name, k in zip(names, told, strict=False))
        skipped = sum(note.what == "skipped" for note in self.notes)
        return (
            f"Collection({'; '.join(x for x in (parts, said, f'{skipped} skipped' if skipped else '') if x)})"
        )


def from_folder(
    path: str | os.PathLike[str],
    *,
    size: int = 96,
    sample_rate: int = 16_000,
    fps: float = 4.0,
    seconds: float = 5.0,
    encoding: str | None = None,
    progress: bool = True,
) -> Collection:
    """Read a folder of pictures, sounds, films and captions; files of one name (``cat.jpg``, ``cat.txt``) belong together.

    Captions are ``.txt`` files, or the rows of a table at the folder's top with a column of file names and one of words:
    ``captions.csv``, ``.tsv`` or ``.txt``, or ``metadata.csv``; other columns are left alone. Folders inside are read too. Names are compared in Unicode's NFC form, as systems write accents in two ways. A name that comes
    twice in one modality goes with the folder it stands in. Links that lead out of the folder are not followed, nothing is
    executed, and nothing is unpickled. Files that cannot be used are skipped, with the reason in ``notes``.

    Parameters
    ----------
    path : str or path
    size : int
        Pictures become ``size × size`` pixels of RGB: the whole picture on white paper, turned as its EXIF data say.
    sample_rate : int, in Hz
        Sounds become one channel at this rate, in [-1, 1].
    fps : float, in frames per second
        Films become so many pictures of ``size × size`` pixels per second, without their sound, which :func:`read_video` gives.
        They take the extra ``video``; without it they are skipped, and said.
    seconds : float
        Of longer sounds and films the first seconds are kept; shorter sounds are filled with silence up to the longest, and
        shorter films stand still.
    encoding : str, optional
        How texts are read that are not UTF-8, e.g. "cp1252" for many spreadsheets.
    progress : bool

    Returns
    -------
    Collection

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    TypeError, ValueError
        For a bad argument; if nothing in the folder can be used; if the table of captions cannot be read, or does not say
        which column is which (then :func:`from_csv` takes the names).

    References
    ----------
    The Unicode Consortium, *Unicode Normalization Forms*, Unicode Standard Annex #15.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mmalign_nb.datasets import from_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "cat.txt").write_text("a cat", encoding="utf-8")
    ...     _ = pathlib.Path(folder, "cat.jpg").write_bytes(b"no picture")
    ...     found = from_folder(folder, progress=False)
    >>> found
    Collection(text 1; 1 skipped)
    >>> found.notes
    [Note(file='cat.jpg', modality='image', what='skipped', why='no picture that can be read')]
    """
    root = _folder(path, "path", "with pictures, sounds and captions")
    how = _Wanted(size, sample_rate, fps, seconds, encoding, progress).checked()
    notes: list[Note] = []
    names = list(_walk(root, notes))
    rows = _captions(root, names, how.encoding, notes)
    files: dict[str, list[str]] = {kind: [] for kind in ("image", "audio", "video", "text")}
    for name in names:
        suffix = os.path.splitext(name)[1].lower()
        if suffix in _KINDS:
            files[_KINDS[suffix]].append(name)
        else:
            why = (
                "a table, but not of captions; from_csv takes any"
                if suffix in _OTHER_TABLES
                else "another kind of file"
            )
            notes.append(Note(name, "other", "skipped", why))
    return _read(root, files, rows, notes, how)


def _folder(value: Any, name: str, what: str) -> Path:
    root = as_path(value, name)
    if not root.is_dir():
        fault = NotADirectoryError if root.exists() else FileNotFoundError
        raise fault(f"{name} is {root}; want a folder {what}")
    return root


def from_csv(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    image: str | None = None,
    audio: str | None = None,
    video: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    size: int = 96,
    sample_rate: int = 16_000,
    fps: float = 4.0,
    seconds: float = 5.0,
    encoding: str | None = None,
    progress: bool = True,
) -> Collection:
    """Read a table in which each row names what belongs together: words, a picture's file, a sound's, a film's.

    Commas, semicolons or tabs; with or without a byte-order mark. Files are looked for in one folder, and never outside
    it. A cell may be empty: the item then has no partner there.

    Parameters
    ----------
    path : str or path
    text, image, audio, video : str, optional
        The names of the columns; at least one.
    folder : str or path, optional
        Where the files are; by default the table's own folder.
    size, sample_rate, fps, seconds, encoding, progress
        As in :func:`from_folder`.

    Returns
    -------
    Collection

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such table or folder.
    TypeError, ValueError
        For a bad argument, a column that is not there, a table that cannot be read, or one of which nothing can be used.

    References
    ----------
    Y. Shafranovich, *Common Format and MIME Type for Comma-Separated Values (CSV) Files*, RFC 4180, 2005.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mmalign_nb.datasets import from_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = pathlib.Path(folder, "pets.csv")
    ...     _ = table.write_text("name;what\\n1;a cat\\n2;\\n3;a dog\\n", encoding="utf-8")
    ...     pets = from_csv(table, text="what")
    >>> pets["text"].text, pets.notes
    (['a cat', 'a dog'], [Note(file='pets.csv', modality='text', what='changed', why='semicolons'), Note(file='pets.csv, row 2', modality='text', what='skipped', why='no words')])
    """
    place = as_path(path)
    if not place.is_file():
        raise FileNotFoundError(f"path is {place}; want a table of comma-separated values")
    how = _Wanted(size, sample_rate, fps, seconds, encoding, progress).checked()
    wanted = {"text": text, "image": image, "audio": audio, "video": video}
    if all(name is None for name in wanted.values()):
        raise ValueError("no column is named; want at least one of text=, image=, audio=, video=")
    for kind, name in wanted.items():
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{kind} is {describe(name)}; want the name of a column")
    header, body, said = _table(place, encoding)
    notes = [Note(place.name, "text", "changed", why) for why in said]
    at = {
        kind: _column(header, name, (), kind, place.name) for kind, name in wanted.items() if name is not None
    }
    root = place.parent if folder is None else _folder(folder, "folder", "with the table's files")
    found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in at}  # file or words, key
    texts: list[tuple[str, str, str]] = []
    for number, row in enumerate(body, 1):
        for kind, column in at.items():
            value = _cell(row, column)
            if kind == "text":
                texts.append((f"{place.name}, row {number}", value, str(number)))
            elif value:
                found[kind].append((value, str(number)))
    return _collect(root, {k: v for k, v in found.items() if k != "text"}, texts, notes, how)


def from_arrays(
    *,
    text: Any = None,
    image: Any = None,
    audio: Any = None,
    video: Any = None,
    pairs: Any = "rows",
) -> Collection:
    """Take what is in memory already, of two or more modalities.

    Parameters
    ----------
    text : list of str, optional
    image : uint8 (n, H, W, 3) or (n, H, W), optional
    audio : (float32 (n, samples), Hz), optional
    video : (uint8 (n, T, H, W, 3), frames per second), optional
    pairs : "rows", None or (k, 2) of rows
        Which belong together: row i of each side (then all are as many); nothing is known; or, of two modalities, rows of the
        first and the second as they are named above, each row in one pair at most.

    Returns
    -------
    Collection

    Raises
    ------
    TypeError, ValueError
        For bad items, a rate that is missing, sides of different length with ``pairs="rows"``, or rows that are not there.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.datasets import from_arrays
    >>> from_arrays(text=["a cat", "a dog"], audio=([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.1, 0.1, 0.1]], 8000), pairs=[[1, 0]])
    Collection(text 2, audio 3; 1 pair)
    """
    given = {"text": text, "image": image, "audio": audio, "video": video}
    given = {kind: value for kind, value in given.items() if value is not None}
    if not given:
        raise ValueError("nothing is given; want at least one of text=, image=, audio=, video=")
    sides = {}
    for kind, value in given.items():
        more = {}
        if kind in ("audio", "video"):
            rate = "sample_rate" if kind == "audio" else "fps"
            if not (isinstance(value, (tuple, list)) and len(value) == 2):
                raise TypeError(f"{kind} is {describe(value)}; want two: the {kind} and its {rate}")
            value, more[rate] = value
        if not hasattr(value, "__len__"):
            raise TypeError(f"{kind} is {describe(value)}; want several items")
        sides[kind] = Items(ids=np.arange(len(value)), **{kind: value}, **more)
    keys = {kind: [f"{kind} {row}" for row in range(len(side))] for kind, side in sides.items()}
    names = list(sides)
    if isinstance(pairs, str):
        one_of(pairs, "pairs", ("rows",))
        for name in names[1:]:
            check_same_length(sides[names[0]].ids, sides[name].ids, names[0], name)
        keys = {kind: [str(row) for row in range(len(side))] for kind, side in sides.items()}
    elif pairs is not None:
        if len(names) != 2:
            raise ValueError(f"pairs is given for {', '.join(names)}; want two modalities, or pairs='rows'")
        a, b = names
        for i, j in _rows(pairs, len(sides[a]), len(sides[b])).tolist():
            keys[a][i] = keys[b][j] = f"pair {i}"
    return Collection(sides, keys, [])


def sample() -> Path:
    """Return a small folder such as a reader's own, which comes with the package: pictures, captions, sounds, and what goes wrong.

    78 pictures have a caption, two of these captions are swapped; 13 pictures and 13 captions have no partner, and 8 of them
    belong together; some files cannot be used. Its ``truth.csv`` has the right partners.

    Returns
    -------
    Path
        The folder, for reading: copy it before you change anything in it.

    Raises
    ------
    FileNotFoundError
        If the installation lacks it.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.datasets import from_folder, sample
    >>> from_folder(sample(), progress=False)
    Collection(text 91, image 91, audio 12; text–image 78 pairs; text–audio 12 pairs; image–audio 12 pairs; 7 skipped)
    """
    folder = shipped("sample")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there; install the package again")
    return folder


# ---- on the way


class _Wanted(NamedTuple):
    size: int
    sample_rate: int
    fps: float
    seconds: float
    encoding: str | None
    progress: bool

    def checked(self) -> _Wanted:
        as_count(self.size, "size", 8, 1024)
        as_count(self.sample_rate, "sample_rate", 3000, 768_000)
        as_number(self.fps, "fps", 0, 1000, above=True)
        as_number(self.seconds, "seconds", 0, 600, above=True)
        if self.encoding is not None:
            try:
                b"ab".decode(self.encoding)
            except UnicodeError:  # it is one, and these are no words in it
                pass
            except (LookupError, TypeError, ValueError) as err:
                raise ValueError(
                    f"encoding is {self.encoding!r}; want the name of one, e.g. 'cp1252'"
                ) from err
        return self


def _rows(pairs: Any, n: int, m: int) -> np.ndarray:
    rows = np.asarray(pairs)
    if rows.ndim != 2 or rows.shape[1] != 2 or rows.dtype.kind not in "iu":
        raise ValueError(f"pairs is {describe(pairs)}; want whole numbers (k, 2): rows of both sides")
    if len(rows) and (rows.min() < 0 or rows[:, 0].max() >= n or rows[:, 1].max() >= m):
        raise ValueError(f"pairs has rows up to {rows.max(axis=0).tolist()}; there are {n} and {m} items")
    for side, column in zip("ab", rows.T, strict=True):
        if len(np.unique(column)) < len(column):
            raise ValueError(f"pairs has a row of side {side} twice; want each in one pair at most")
    return rows


def _walk(root: Path, notes: list[Note]) -> Iterator[str]:
    """Names of all files in a folder, by their names; hidden ones and links that lead out of it are left alone."""
    real = os.path.realpath(root)

    def told(err: OSError) -> None:
        notes.append(
            Note(
                os.path.relpath(err.filename or root, root),
                "other",
                "skipped",
                f"cannot be opened ({err.strerror})",
            )
        )

    for folder, inside, names in os.walk(root, onerror=told):
        inside[:] = sorted(name for name in inside if not name.startswith(".") and name != "__MACOSX")
        for name in sorted([*names, *(x for x in inside if os.path.islink(os.path.join(folder, x)))]):
            place = os.path.join(folder, name)
            known = Path(os.path.relpath(place, root)).as_posix()
            if name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini"):
                continue
            if os.path.islink(place):
                target = os.path.realpath(place)
                if os.path.commonpath([real, target]) != real or os.path.isdir(target):
                    notes.append(Note(known, "other", "skipped", "a link to somewhere else"))
                    continue
            yield known


def _captions(
    root: Path, names: list[str], encoding: str | None, notes: list[Note]
) -> tuple[str, list[tuple[str, str]]] | None:
    """The folder's table of captions, its name and its rows of file and words; tables are taken from ``names``."""
    found = None
    for name in sorted(
        (x for x in names if x.lower() in _TABLES), key=lambda x: (_TABLES.index(x.lower()), x)
    ):
        if found is not None:
            notes.append(Note(name, "text", "skipped", f"its place is taken by {found[0]}"))
            names.remove(name)
            continue
        try:
            header, body, said = _table(root / name, encoding)
            file = _column(header, None, _FILE_COLUMNS, "file names", name)
            words = _column(header, None, _TEXT_COLUMNS, "words", name)
        except ValueError as err:
            if name.lower() in _TABLES[:2]:
                raise
            if name.lower() in _TABLES[2:3]:  # of what may it be? a captions.txt is words after all
                notes.append(Note(name, "text", "skipped", f"no captions: {err}"))
                names.remove(name)
            continue
        names.remove(name)
        notes += [Note(name, "text", "changed", why) for why in said]
        found = name, [(_cell(row, file), _cell(row, words)) for row in body]
    return found


def _table(path: Path, encoding: str | None) -> tuple[list[str], list[list[str]], list[str]]:
    try:
        return read_table(path, encoding)
    except Unusable as err:
        raise ValueError(shown(f"{path.name}: {err}")) from err


def _column(header: list[str], name: str | None, usual: Sequence[str], what: str, table: str) -> int:
    """Where a column stands: by its name, or by one of the usual names."""
    fold = [x.casefold() for x in header]
    wanted = list(usual) if name is None else [name.strip().casefold()]
    at = [fold.index(x) for x in wanted if x in fold]
    if not at:
        asked = (
            f"a column {name!r}" if name is not None else f"a column of {what} ({', '.join(usual[:5])}, …)"
        )
        hint = "" if name is not None else "; from_csv takes the names of the columns"
        columns = ", ".join(repr(shown(x, 20)) for x in header[:8])
        raise ValueError(f"{shown(table)} has no {asked[2:]}; its columns are {columns}{hint}")
    return at[0]


def _cell(row: list[str], column: int) -> str:
    return " ".join(row[column].split()) if column < len(row) else ""


def _stem(name: str, folders: bool) -> str:
    stem = os.path.splitext(name if folders else name.rpartition("/")[2])[0]
    return unicodedata.normalize("NFC", os.fsencode(stem).decode("utf-8", "backslashreplace"))


def _read(
    root: Path,
    files: dict[str, list[str]],
    table: tuple[str, list[tuple[str, str]]] | None,
    notes: list[Note],
    how: _Wanted,
) -> Collection:
    """Give each file its key, and read what a folder holds."""
    folders = any(
        len({_stem(x, True) for x in names}) > len({_stem(x, False) for x in names})
        for names in files.values()
    )  # a name stands in two folders
    found: dict[str, list[tuple[str, str]]] = {}
    for kind in ("image", "audio", "video"):
        taken: dict[str, str] = {}
        for name in files[kind]:
            key = _stem(name, folders)
            if key in taken:
                notes.append(Note(name, kind, "skipped", f"its name is taken by {taken[key]}"))
            else:
                taken[key] = name
                found.setdefault(kind, []).append((name, key))
    texts: list[tuple[str, str, str]] = []
    for name in files["text"]:
        try:
            words, said = read_text(root / name, how.encoding)
        except Unusable as err:
            notes.append(Note(name, "text", "skipped", str(err)))
        else:
            notes += [Note(name, "text", "changed", why) for why in said]
            texts.append((name, words, _stem(name, folders)))
    known = {key for pairs in found.values() for _, key in pairs}
    by_name = {unicodedata.normalize("NFC", n): k for pairs in found.values() for n, k in pairs}
    for number, (file, words) in enumerate(table[1] if table else (), 1):
        where = f"{table[0]}, row {number}" if table else ""
        named = unicodedata.normalize("NFC", file.replace("\\", "/").removeprefix("./"))
        key = by_name.get(named) or next(
            (k for k in (named, _stem(named, True), _stem(named, False)) if k in known), named
        )
        if key not in known and words:
            notes.append(
                Note(where, "text", "changed", "names no file that was read: words without a partner")
            )
        texts.append((where, words, key))
    return _collect(root, found, texts, notes, how)


def _collect(
    root: Path,
    found: Mapping[str, list[tuple[str, str]]],
    texts: list[tuple[str, str, str]],
    notes: list[Note],
    how: _Wanted,
) -> Collection:
    """Read all files and build the sides; what cannot be read is noted and left out."""
    sides: dict[str, Items] = {}
    keys: dict[str, list[str]] = {}
    if pictures := found.get("image"):
        store = np.empty((len(pictures), how.size, how.size, 3), np.uint8)

        def keep(row: int, path: Path) -> list[str]:
            store[row], changed = read_picture(path, how.size)
            return changed

        keys["image"] = [key for _, key in _each(root, pictures, keep, notes, how.progress, "image")]
        sides["image"] = Items(ids=_ids(keys["image"]), image=store[: len(keys["image"])])
    if sounds := found.get("audio"):
        sides["audio"], keys["audio"] = _sounds(root, sounds, notes, how)
    if films := found.get("video"):
        sides["video"], keys["video"] = _films(root, films, notes, how)
    if texts:
        words, keys["text"] = [], []
        for where, text, key in texts:
            if not text:
                notes.append(Note(where, "text", "skipped", "no words"))
                continue
            words.append(text)
            keys["text"].append(key)
        sides["text"] = Items(ids=_ids(keys["text"]), text=words)
    sides = {kind: side for kind, side in sides.items() if len(side)}
    notes = [Note(shown(n.file, 4096), n.modality, n.what, shown(n.why)) for n in notes]
    if not sides:
        why = "; ".join(f"{n.file}: {n.why}" for n in notes[:3])
        raise ValueError(
            f"{shown(str(root), 4096)} has nothing that can be used: no picture, sound, film or caption{f' ({why})' if why else ''}"
        )
    return Collection(sides, {kind: keys[kind] for kind in sides}, notes)


def _each(
    root: Path,
    files: list[tuple[str, str]],
    keep: Callable[[int, Path], list[str]],
    notes: list[Note],
    progress: bool,
    kind: str,
) -> list[tuple[str, str]]:
    """Call ``keep(row, path)`` for each file, rows counting only those that can be used, and return these."""
    from tqdm.auto import tqdm

    good: list[tuple[str, str]] = []
    real = os.path.realpath(root)
    said = {"image": "pictures", "audio": "sounds", "video": "films"}
    for name, key in tqdm(files, desc=said[kind], disable=not progress, leave=False):
        try:
            place = os.path.realpath(root / name)
            if os.path.commonpath([real, place]) != real:
                raise Unusable("outside the folder")
            changed = keep(len(good), Path(place))
        except Unusable as err:
            notes.append(Note(name, kind, "skipped", str(err)))
        except ValueError as err:  # a name that no file can have
            notes.append(Note(name, kind, "skipped", f"cannot be opened ({err})"))
        else:
            notes += [Note(name, kind, "changed", why) for why in changed]
            good.append((name, key))
    return good


def _sounds(
    root: Path, files: list[tuple[str, str]], notes: list[Note], how: _Wanted
) -> tuple[Items, list[str]]:
    """Read sounds into one array as long as the longest of them, and no longer than wanted."""
    seconds: dict[Path, float] = {}

    def measure(row: int, path: Path) -> list[str]:
        seconds[path] = sound_seconds(path)
        return []

    files = _each(root, files, measure, notes, False, "audio")
    longest = min(max(seconds.values(), default=0), how.seconds)
    store = np.zeros((len(files), max(1, math.ceil(longest * how.sample_rate))), np.float32)

    def keep(row: int, path: Path) -> list[str]:
        samples, changed = read_sound_file(path, how.sample_rate, how.seconds, seconds[path])
        samples = samples[: store.shape[1]]
        store[row, : len(samples)], store[row, len(samples) :] = samples, 0
        return changed

    files = _each(root, files, keep, notes, how.progress, "audio")
    keys = [key for _, key in files]
    return Items(ids=_ids(keys), audio=store[: len(keys)], sample_rate=how.sample_rate), keys


def _films(
    root: Path, files: list[tuple[str, str]], notes: list[Note], how: _Wanted
) -> tuple[Items, list[str]]:
    """Read films one by one, as long as the longest of them in the end; all of them together are bounded."""
    films: list[np.ndarray] = []

    def keep(row: int, path: Path) -> list[str]:
        frames, changed = read_film(path, how.size, how.fps, how.seconds)
        longest = max(len(frames), *map(len, films)) if films else len(frames)
        if (len(films) + 1) * longest * frames[0].nbytes > _MOST_FILM:
            raise Unusable(
                f"all films together would take more than {_MOST_FILM / 2**30:g} GiB; reduce fps, seconds or size"
            )
        films.append(frames)
        return changed

    keys = [key for _, key in _each(root, files, keep, notes, how.progress, "video")]
    store = np.empty((len(films), max(map(len, films), default=1), how.size, how.size, 3), np.uint8)
    for row, frames in enumerate(films):
        store[row, : len(frames)], store[row, len(frames) :] = frames, frames[-1]
        films[row] = frames[:0]  # its memory is wanted
    return Items(ids=_ids(keys), video=store, fps=how.fps), keys


def _ids(keys: list[str]) -> np.ndarray:
    """Keys as ids, each once: a second "cat" is called "cat (2)"."""
    taken = set(keys)
    seen: Counter[str] = Counter()
    out = []
    for key in keys:
        seen[key] += 1
        name = key
        if seen[key] > 1:
            name = next(x for k in itertools.count(seen[key]) if (x := f"{key} ({k})") not in taken)
            taken.add(name)
        out.append(name)
    return np.array(out, str)
