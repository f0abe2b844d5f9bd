"""Given pairs: where they come from, which of them are copies of one another, and in which fold each stands."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._check import describe
from .._files import as_path

_LARGEST = 2**26  # bytes of a table of pairs


def plain(text: str) -> str:
    """A caption as it counts: composed, without capitals, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def read_rows(place: Path, name: str) -> list[list[str]]:
    """The rows of a table with commas, semicolons or tabs, in UTF-8."""
    with place.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{name} is {place.name}, which is larger than {_LARGEST // 2**20} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise ValueError(
            f"{name} is {place.name}, which is not UTF-8 (byte {err.start}); save it as UTF-8"
        ) from err
    head = text.lstrip("\r\n").split("\n", 1)[0]
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
        return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as err:
        raise ValueError(f"{name} is {place.name}, no table that can be read ({err})") from err


class Names:
    """Which rows of a side a name means: an id, a file's name, a key, or the words of a caption."""

    def __init__(self, ids: Sequence[str], keys: Sequence[str], texts: Sequence[str] | None) -> None:
        self._rows: list[dict[str, list[int]]] = [{}, {}, {}]
        for level, names in enumerate((ids, keys, [plain(x) for x in texts or ()])):
            for row, name in enumerate(names):
                self._rows[level].setdefault(unicodedata.normalize("NFC", str(name)), []).append(row)

    def __call__(self, name: str) -> list[int]:
        known = unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))
        stem = os.path.splitext(known)[0]
        for level, word in (
            (0, known),
            (0, stem),
            (1, known),
            (1, stem),
            (0, stem.rpartition("/")[2]),
            (2, plain(name)),
        ):
            if found := self._rows[level].get(word):
                return found
        return []


def given_pairs(
    pairs: Any, found: np.ndarray, names: tuple[Names, Names], sizes: tuple[int, int]
) -> tuple[np.ndarray, list[str]]:
    """Rows of both sides, int64 (k, 2), ascending: those that the folder says, of a file, or as they came; and what is to be said."""
    if pairs is None:
        return np.unique(found, axis=0).reshape(-1, 2), []
    if isinstance(pairs, (str, os.PathLike)):
        return _from_file(pairs, names)
    rows = np.asarray(pairs)
    if not rows.size:
        return np.empty((0, 2), np.int64), []
    if rows.ndim != 2 or rows.shape[1] != 2 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"pairs is {describe(pairs)}; want a CSV file of two columns of names, whole numbers (k, 2), or () for none"
        )
    if rows.min() < 0 or (rows.max(axis=0) >= sizes).any():
        raise ValueError(
            f"pairs has rows from {rows.min(axis=0).tolist()} to {rows.max(axis=0).tolist()}; there are {sizes[0]} and "
            f"{sizes[1]} items"
        )
    return np.unique(rows.astype(np.int64), axis=0), []


def _from_file(path: Any, names: tuple[Names, Names]) -> tuple[np.ndarray, list[str]]:
    place = as_path(path, "pairs")
    if not place.is_file():
        raise FileNotFoundError(f"pairs is {place}; want a CSV file of two columns of names")
    rows = read_rows(place, "pairs")
    if not rows or any(len(row) < 2 for row in rows):
        raise ValueError(
            f"pairs is {place.name}, in which a row has less than two columns; want two columns of names"
        )
    hits = [
        [bool(side(row[c])) for c, side in enumerate(order) if row]
        for order in (names, names[::-1])
        for row in rows
    ]
    straight, turned = (sum(map(all, part)) for part in (hits[: len(rows)], hits[len(rows) :]))
    two = names if straight >= turned else names[::-1]
    found, unknown = [], []
    for number, row in enumerate(rows, 1):
        at = [side(cell) for side, cell in zip(two, row, strict=False)]
        if all(at):
            found += [(i, j) for i in at[0] for j in at[1]]
        elif number > 1 or any(at):  # the first row may name the columns
            lost = [cell for cell, known in zip(row, at, strict=False) if not known]
            unknown.append(f"row {number}: {', '.join(map(repr, lost))}")
    told = f"{place.name} names {len(unknown)} time{'s' * (len(unknown) != 1)} what was not read ({'; '.join(unknown[:3])}{', …' if len(unknown) > 3 else ''})"
    if not found:
        raise ValueError(
            f"pairs: {told if unknown else f'{place.name} has no pair'}; want the names of files or items"
        )
    out = np.array(found, np.int64).reshape(-1, 2)
    return np.unique(out if two is names else out[:, ::-1], axis=0), [told] if unknown else []


def twins(values: Any) -> np.ndarray:
    """A number for each item, equal where two are the same to the bit (captions: but for capitals and spaces)."""
    keys = [plain(x) for x in values] if isinstance(values, list) else [x.tobytes() for x in values]
    seen: dict[Any, int] = {}
    return np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)


class Split:
    """Given pairs in folds, for encoders that have not seen the pair that they score.

    Pairs that hang together stand in one fold: by an item that both have, and by copies of a picture or a caption. Where captions are
    like classes, a few for many items, only copies of the *other* side count: else nothing could be learned.
    """

    def __init__(self, pairs: np.ndarray, copies: tuple[np.ndarray, np.ndarray], seed: int) -> None:
        self.pairs, self.copies = pairs, copies
        self.notes: list[str] = []
        k = len(pairs)
        self.group = np.zeros(k, np.int64)
        self.fold = np.zeros(k, np.int64)
        if k:
            self.group = _joined(pairs, *copies)
            if k >= 10 and np.bincount(self.group).max() > k / 5:
                self.group = _joined(pairs, copies[0], None)
                if np.bincount(self.group).max() > k / 5:
                    self.group = _joined(pairs, None, None)
                self.notes.append(
                    "many given pairs have the same caption: copies of it stand on both sides of the cross-validation"
                )
            wanted = 10 if k < 50 else 5
            self.fold = _folds(self.group, min(wanted, int(self.group.max()) + 1), seed)
        partners: dict[int, set[int]] = {}
        for i, j in pairs.tolist():
            partners.setdefault(int(copies[0][i]), set()).add(int(copies[1][j]))
        self._partners = partners
        self._back: dict[int, set[int]] = {}
        for i, js in partners.items():
            for j in js:
                self._back.setdefault(j, set()).add(i)

    @property
    def count(self) -> int:
        """How many folds there are."""
        return int(self.fold.max()) + 1 if len(self.fold) else 0

    def of(self, side: int, n: int) -> np.ndarray:
        """The fold of each item of a side, −1 for one without a given partner."""
        out = np.full(n, -1, np.int64)
        out[self.pairs[:, side]] = self.fold
        return out

    def right(self, i: int, j: int) -> bool:
        """Whether an item of each side belong together as far as the given pairs say, or copies of them do."""
        return int(self.copies[1][j]) in self._partners.get(int(self.copies[0][i]), ())

    def partners(self, side: int, at: int) -> np.ndarray:
        """Which items of the other side belong to one: bool (m,)."""
        known = (self._partners, self._back)[side].get(int(self.copies[side][at]), set())
        out = np.zeros(len(self.copies[1 - side]), bool)
        for partner in known:
            out |= self.copies[1 - side] == partner
        return out


def _joined(pairs: np.ndarray, twins_a: np.ndarray | None, twins_b: np.ndarray | None) -> np.ndarray:
    """A number for each pair, equal where pairs hang together by an item or by copies of one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a = pairs[:, 0] if twins_a is None else twins_a[pairs[:, 0]]
    b = pairs[:, 1] if twins_b is None else twins_b[pairs[:, 1]]
    n = int(max(a.max(), b.max())) + 1
    joined = coo_array((np.ones(len(a)), (a, b + n)), (2 * n, 2 * n))
    label = np.asarray(connected_components(joined, directed=False)[1])[a]
    return np.unique(label, return_inverse=True)[1].reshape(-1)


def _folds(group: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each pair, groups whole: shuffled, the largest first, each into the smallest fold."""
    rng = np.random.default_rng([seed, 0xF01D])
    sizes = np.bincount(group)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, where = np.zeros(count, np.int64), np.empty(len(sizes), np.int64)
    for at in order.tolist():
        where[at] = fold = int(filled.argmin())
        filled[fold] += sizes[at]
    return where[group]
