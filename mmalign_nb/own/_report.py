"""What an alignment came to, as a page that opens anywhere: ``report.html``, and ``label.html`` to answer on."""

from __future__ import annotations

import html
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import describe
from .._files import as_path, replacing
from ..panels import PairPanel, ThresholdPanel, instrument
from ..panels.media import Media

if TYPE_CHECKING:
    import pandas as pd

    from ..align import Matches
    from ..datasets import Items
    from ..threshold import Labelling
    from ._result import FolderAlignment

_ALL = 400  # up to so many items on a side the page shows all of them
_SOME = 300  # of more matches it shows so many: half of them around the line, half from best to worst
_HEAD, _LIST = 12, 60  # entries of a list that are seen at once, and that are on the page at all
_WORDS, _NAME = 300, 80  # signs of a caption, and of a name
_BYTES = 2_100_000  # of pictures and sounds; base64 makes a third more of them
_ROWS = 600_000  # signs of the table that the page can save
_ASKED = 500  # pairs of a large pool that label.html brings along
_KINDS = {
    "image": ("picture", "pictures"),
    "audio": ("sound", "sounds"),
    "video": ("video", "videos"),
    "text": ("caption", "captions"),
    "text_zh": ("caption", "captions"),
}
_REASONS, _NO_LINE = ("at or above the line", "below the line"), "no line yet"
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def write_report(alignment: FolderAlignment, path: str | os.PathLike[str]) -> Path:
    """Write an alignment as one page that needs nothing else: the line to move, the items on both sides of it, lists, a search.

    The page opens from a disk or a mail, without a network and without Python. It holds small pictures, short sounds and the
    scores, and no encoder. Names and captions are text in it, never markup. Up to 400 items on a side are all in it; of more
    it shows some, and the tables beside it hold all. The same alignment gives the same bytes.

    Parameters
    ----------
    alignment : FolderAlignment
        From :func:`align_folder`.
    path : str or path
        Of the page; it is written in one act.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    TypeError
        If ``alignment`` is none.
    FileNotFoundError
        If there is no such folder.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mmalign_nb.datasets import from_arrays, glyphs
    >>> from mmalign_nb.own import align_folder, write_report
    >>> some = glyphs()[4500:4524]
    >>> found = align_folder(from_arrays(image=some.image, text=some.text), encoder="own", progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(found, pathlib.Path(folder, "report.html")).read_text(encoding="utf-8")
    >>> "24 pictures and 24 captions" in page, "https://" in page
    (True, False)
    """
    place = as_path(path)
    shown = _Shown(_as_alignment(alignment))
    with replacing(place) as file:
        file.write(_page(f"Report: {shown.title}", _report(shown)))
    return place


def write_label_page(alignment: FolderAlignment, path: str | os.PathLike[str]) -> Path:
    """Write a page on which pairs are answered, one at a time: yes, no, cannot tell; by keyboard or by touch.

    It asks in the same order as :meth:`FolderAlignment.labelling`, shows what is promised after each answer, and saves the answers
    as a CSV file, which ``python -m mmalign_nb label FOLDER --answers FILE.csv`` takes. Of a pool of more than 400 items on
    a side it brings along the pairs that are asked for first, and says so when they are through.

    Parameters
    ----------
    alignment : FolderAlignment
        From :func:`align_folder`.
    path : str or path
        Of the page; it is written in one act.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    TypeError
        If ``alignment`` is none.
    FileNotFoundError
        If there is no such folder.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mmalign_nb.datasets import from_arrays, glyphs
    >>> from mmalign_nb.own import align_folder, write_label_page
    >>> some = glyphs()[4500:4524]
    >>> found = align_folder(from_arrays(image=some.image, text=some.text), encoder="own", progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_label_page(found, pathlib.Path(folder, "label.html")).read_text(encoding="utf-8")
    >>> "Is this pair right?" in page
    True
    """
    place = as_path(path)
    page = _page("Is this pair right?", _label(_as_alignment(alignment)))
    with replacing(place) as file:
        file.write(page)
    return place


def report(folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` and ``label.html`` of a folder of results again, from its files; gives the path of the report."""
    from ._result import load

    found = load(folder)
    write_label_page(found, as_path(folder) / "label.html")
    return write_report(found, as_path(folder) / "report.html")


def _as_alignment(value: Any) -> FolderAlignment:
    if not hasattr(value, "matches") or not hasattr(value, "collection"):
        raise TypeError(f"alignment is {describe(value)}; want a FolderAlignment, as align_folder returns it")
    return value


def _page(title: str, inside: str) -> bytes:
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    return instrument.page(title, f'<div class="mm-panel mm-report">\n{inside}\n</div>', style).encode(
        "utf-8"
    )


# ---- what is shown


@dataclass
class _Shown:
    """Which items of an alignment are on the page, and what they are called there."""

    found: FolderAlignment

    @cached_property
    def shape(self) -> tuple[int, int]:
        return len(self.found.ids_a), len(self.found.ids_b)

    @property
    def modalities(self) -> tuple[str, str]:
        return self.found.a, self.found.b

    @property
    def one(self) -> list[str]:
        return [_KINDS[m][0] for m in self.modalities]

    @property
    def many(self) -> list[str]:
        return [_KINDS[m][1] for m in self.modalities]

    @property
    def title(self) -> str:
        return " and ".join(_count(n, m) for n, m in zip(self.shape, self.modalities, strict=True))

    @property
    def all(self) -> bool:
        return max(self.shape) <= _ALL

    @cached_property
    def pool(self) -> np.ndarray:
        """Which matches the line and its promise are about: those of items without a given partner; where all have one, all."""
        known = np.asarray(self.found.known)
        return np.flatnonzero(known < 0) if self.news else np.arange(len(known))

    @property
    def news(self) -> bool:
        """Whether there are matches of items without a given partner."""
        return bool((self.found.known < 0).any())

    @property
    def kept(self) -> int:
        """How many of the pool reach the line."""
        return int(self.found.kept[self.pool].sum())

    @cached_property
    def order(self) -> np.ndarray:
        """The pool, the best first."""
        return self.pool[np.argsort(-self.found.scores[self.pool], kind="stable")]

    @cached_property
    def chosen(self) -> np.ndarray:
        """The matches that are on the page: all, or those around the line and some from everywhere."""
        n = len(self.order)
        if self.all or n <= _SOME:
            return np.sort(self.order)
        middle = self.kept or n // 2
        near = np.arange(max(middle - _SOME // 4, 0), min(middle + _SOME // 4, n))
        spread = np.linspace(0, n - 1, _SOME - len(near)).astype(int)
        return np.sort(self.order[np.union1d(near, spread)])

    @cached_property
    def row_of(self) -> tuple[dict[str, int], dict[str, int]]:
        """Rows by id, of both sides."""
        a, b = ({key: row for row, key in enumerate(ids)} for ids in (self.found.ids_a, self.found.ids_b))
        return a, b

    @cached_property
    def audit(self) -> list[dict[str, Any]]:
        """Given pairs that another partner fits better, the most suspicious first."""
        table = self.found.audit
        return [] if table is None else [row for row in _rows(table) if row["better_a"] or row["better_b"]]

    @cached_property
    def alone(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Items of each side that stayed alone; where there is no line yet, those that are in no match at all."""
        rows = _rows(self.found.unmatched())
        if self.found.threshold is None:
            ids = self.found.ids_a, self.found.ids_b
            paired = [
                {ids[side][row] for row in self.found.matches.pairs[:, side].tolist()} for side in (0, 1)
            ]
            rows = [r for r in rows if r["id"] not in paired[r["side"] == "b"]]
        return [r for r in rows if r["side"] == "a"], [r for r in rows if r["side"] == "b"]

    @cached_property
    def first(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of both sides that the line is about: the items of the matches, and those that could be in one."""
        out = []
        for side, n in enumerate(self.shape):
            here = np.zeros(n, bool)
            if self.all:
                here[:] = True
                if self.news:
                    here[self.found.pairs[:, side]] = False
            here[self.found.matches.pairs[self.chosen, side]] = True
            out.append(np.flatnonzero(here))
        return out[0], out[1]

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of both sides whose items are on the page: first those that the line is about, then those in a list."""
        wanted: tuple[set[int], set[int]] = (set(), set())
        if self.all:
            wanted = set(range(self.shape[0])), set(range(self.shape[1]))
        else:
            for row in self.audit[: _LIST // 2]:
                for side, names in enumerate((("a", "better_a"), ("b", "better_b"))):
                    wanted[side].update(self.row_of[side][row[name]] for name in names if row[name])
            for side, alone in enumerate(self.alone):
                for row in alone[: _LIST // 2]:
                    wanted[side].add(self.row_of[side][row["id"]])
                    if row["best"]:
                        wanted[1 - side].add(self.row_of[1 - side][row["best"]])
        a, b = (
            np.r_[x, np.array(sorted(y - set(x.tolist())), int)]
            for x, y in zip(self.first, wanted, strict=True)
        )
        return a, b

    @property
    def front(self) -> tuple[int, int]:
        """How many of the rows of both sides the line is about."""
        return len(self.first[0]), len(self.first[1])

    @cached_property
    def place(self) -> tuple[dict[int, int], dict[int, int]]:
        """Where a row stands among those on the page."""
        a, b = ({row: k for k, row in enumerate(rows.tolist())} for rows in self.rows)
        return a, b

    @cached_property
    def matches(self) -> Matches:
        """The matches on the page, between the items that the line is about."""
        found = self.found
        pairs = [(self.place[0][i], self.place[1][j]) for i, j in found.matches.pairs[self.chosen].tolist()]
        at, scores = np.array(pairs, np.int64).reshape(-1, 2), found.scores[self.chosen]
        order = np.lexsort((at[:, 1], at[:, 0]))
        at, scores = at[order], scores[order]
        alone = [np.setdiff1d(np.arange(n), at[:, side]) for side, n in enumerate(self.front)]
        return replace(
            found.matches, pairs=at, scores=scores, margins=np.full(len(at), np.nan), unmatched_a=alone[0], unmatched_b=alone[1],
            shape=self.front, tied=0,
        )  # fmt: skip

    @cached_property
    def scores(self) -> np.ndarray:
        """All scores between the items on the page, by encoders that have not seen the row's given pair."""
        both = self.found.held_out or (self.found.vectors_a, self.found.vectors_b)
        A, B = (np.asarray(x[rows], np.float64) for x, rows in zip(both, self.rows, strict=True))
        # Four digits: the last ones depend on the machine that multiplies, and nobody reads them.
        S = np.round(A @ B.T, 4).astype(np.float32)
        S[tuple(self.matches.pairs.T)] = self.matches.scores
        return S

    def truth(self) -> Any:
        """Which pairs on the page are right, if all items have a given partner."""
        if self.news or not len(self.chosen):
            return None
        marks = np.zeros([len(rows) for rows in self.rows], bool)
        for i, j in self.found.pairs.tolist():
            if i in self.place[0] and j in self.place[1]:
                marks[self.place[0][i], self.place[1][j]] = True
        return marks[: self.front[0], : self.front[1]]

    # ---- items

    @property
    def sides(self) -> tuple[Items, Items]:
        return self.found.items_a, self.found.items_b

    def media(self) -> list[Media]:
        """The items on the page."""
        return [
            _media(items[rows], modality, ids)
            for items, modality, rows, ids in zip(
                self.sides, self.modalities, self.rows, self.ids, strict=True
            )
        ]

    @cached_property
    def ids(self) -> tuple[list[str], list[str]]:
        """What the items on the page are called."""
        named = zip((self.found.ids_a, self.found.ids_b), self.rows, strict=True)
        return tuple([_clip(ids[r], _NAME) for r in rows.tolist()] for ids, rows in named)  # type: ignore[return-value]

    def item(self, side: int, key: str) -> str:
        """An item in a list, as HTML: words, or a name in whose place the page puts the picture or sound."""
        row = self.row_of[side][key]
        modality, items = self.modalities[side], self.sides[side]
        if modality.startswith("text"):
            return f'<span class="rp-item">{_said(getattr(items, modality)[row], 160)}</span>'
        at = self.place[side].get(row)
        here = "" if at is None else f' data-item="{side} {at}"'
        return f'<span class="rp-item"{here}>{_said(key, _NAME)}</span>'


def _media(items: Items, modality: str, ids: Sequence[str]) -> Media:
    """One side as panels take it: words cut to a length, everything else with its name."""
    values = getattr(items, modality)
    if modality.startswith("text"):
        return Media([_clip(text, _WORDS) for text in values], modality, len(items))
    rate = {"audio": items.sample_rate, "video": items.fps}.get(modality)
    return Media(
        values if rate is None else (values, rate), modality, len(items), [_clip(x, _NAME) for x in ids]
    )


def _sent(media: Sequence[Media], rows: Sequence[Any] = (None, None)) -> list[dict[str, Any]]:
    """Both sides as a page gets them, in as many bytes as it may have; sounds and clips need more than pictures."""
    weight = [{"text": 0, "picture": 1}.get(one.kind, 2) for one in media]
    share = [_BYTES * w / max(sum(weight), 1) for w in weight]
    return [one.sent(r, small=True, most=most) for one, r, most in zip(media, rows, share, strict=True)]


def _clip(text: str, most: int) -> str:
    """Text as a page can hold it: without signs that are none, and not longer than can be read there."""
    text = _UNSEEN.sub("\ufffd", text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _said(text: Any, most: int = _WORDS) -> str:
    """Text of the reader's files as HTML: never markup, and set apart, so that its direction ends where it ends."""
    return f"<bdi>{html.escape(_clip(str(text), most))}</bdi>"


def _count(n: int, modality: str) -> str:
    return f"{n:,} {_KINDS[modality][n != 1]}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False, name=None)]


# ---- the report


def _report(shown: _Shown) -> str:
    parts = [
        _head(shown),
        _line(shown),
        '<section id="search" class="rp-hide"><h2>Search</h2>'
        f"<p>Type words. The page finds names and captions that have them, and shows what lies nearest to those. "
        f"{'' if shown.all else 'It searches what is on this page.'}</p>"
        '<div data-live="search"><p class="rp-empty">The search needs JavaScript.</p></div></section>',
        _alone(shown),
        _audit(shown),
        _made(shown),
    ]
    return "\n".join(parts)


def _head(shown: _Shown) -> str:
    found, kept, n = shown.found, shown.kept, len(shown.order)
    line, given = found.threshold, len(found.pairs)
    without = " without a given partner" if given else ""
    if not shown.news:
        right = int((found.known[found.kept] > 0).sum()) if line is not None else int((found.known > 0).sum())
        big = f"All {given:,} pairs are given. <b>{right:,}</b> of them were found again{' above the line' if line is not None else ''}."
        tiles = [
            (
                "matches at or above the line" if line is not None else "matches",
                kept if line is not None else n,
            )
        ]
        tiles += [("of them as given", right)]
    elif line is None:
        big = f"<b>{n:,}</b> matches are proposed for items{without}; nothing is promised of them yet."
        tiles = [("proposed matches", n)]
    else:
        big = f"<b>{kept:,}</b> of {n:,} matches of items{without} reach the line and are kept."
        tiles = [("kept, at or above the line", kept), ("proposed, below the line", n - kept)]
    voids = "".join(f"<li>{_said(x)}</li>" for x in found.voids)
    void = f"<p>What makes this void:</p><ul class='rp-do'>{voids}</ul>" if voids else ""
    answer = (
        f'<div class="rp-answer{" open" if line is None else ""}"><p class="rp-big">{big}</p>'
        f"<p><b>{'How sure?' if line is None else 'The promise.'}</b> {_said(found.promise, 2000)}</p>{void}</div>"
    )
    alone = [len(side) for side in shown.alone]
    tiles += [(f"{many} alone", k) for many, k in zip(shown.many, alone, strict=True)]
    if given:
        tiles += [("pairs that were given", given), ("of them fit another better", len(shown.audit))]
    numbers = "".join(f"<div><dt>{html.escape(what)}</dt><dd>{k:,}</dd></div>" for what, k in tiles)
    skipped = sum(note.what == "skipped" for note in found.collection.notes)
    label = (
        "open <code>label.html</code>, which lies beside this page. It asks about one pair after the other: yes, no, or cannot tell. "
        "Save the answers there, and run <code>python -m mmalign_nb label FOLDER --answers labels.csv</code>, where FOLDER is the "
        "folder of this page."
    )
    do = []
    if line is not None:
        do.append(
            'Take <code>matches.csv</code>, which lies beside this page; or <a href="#line">set another line</a> and save the table '
            "from here."
        )
    if line is None or (shown.news and kept < n):
        do.append(
            f"To get {'a promise' if line is None else 'a line of its own for these matches, and perhaps keep more'}, {label}"
        )
    if shown.audit:
        do.append(
            'Look at <a href="#audit">the given pairs that another partner fits better</a>: the first are the most likely to be wrong.'
        )
    if skipped:
        do.append(
            f'{skipped:,} {"file was" if skipped == 1 else "files were"} not used. <a href="#made">See which, and why</a>.'
        )
    links = [
        ("line", "The line"),
        ("search", "Search"),
        ("alone", "Left alone"),
        ("audit", "Given pairs"),
        ("made", "How it was made"),
    ]
    links = [x for x in links if x[0] != "audit" or given]
    parts = "".join(f'<li><a href="#{a}">{b}</a></li>' for a, b in links)
    return (
        f"<h1>{html.escape(shown.title)}: which belong together?</h1>\n"
        f'<nav aria-label="parts of this page"><ul class="rp-nav">{parts}</ul></nav>\n'
        f'{answer}\n<dl class="rp-tiles">{numbers}</dl>\n'
        f'<h2>What to do next</h2><ol class="rp-do">{"".join(f"<li>{x}</li>" for x in do)}</ol>'
    )


def _line(shown: _Shown) -> str:
    head = (
        '<section id="line"><h2>Where to draw the line</h2>'
        "<p>Every match has a score; higher is more alike. Move the line: matches at or above it are kept. "
        "The cards show the pairs just above it and just below it.</p>"
    )
    if not len(shown.order):
        return f'{head}<p class="rp-empty">There is no match to draw a line through.</p></section>'
    truth = shown.truth()
    if truth is not None:
        head += "<p>Right and wrong mean here: as given. All items have a given partner, and were matched again as if nobody had said.</p>"
    elif len(shown.found.pairs):
        head += "<p>Here are the items without a given partner, matched with one another.</p>"
    if shown.found.labels is not None:
        head += (
            "<p>“Promised” is drawn for every line at once, so that you may choose one after looking; for the line of this report alone it may be "
            "less than the promise above.</p>"
        )
    if not shown.all:
        head += (
            f"<p>There are {len(shown.order):,} matches; this page shows {len(shown.chosen):,} of them: those around the line, and "
            "some from the best to the worst. The count beside the buttons, and the saved table, are of all.</p>"
        )
    living, still = _panel(shown, truth)
    return f"{head}\n{living}{still}</section>"


def _panel(shown: _Shown, truth: Any) -> tuple[str, str]:
    """The threshold panel with the report's own knowledge, and a picture of it for who has no JavaScript."""
    from ..threshold import Labelling

    found, media = shown.found, shown.media()
    pool = Labelling(shown.matches, found.target, found.delta, found.seed)
    n, m = shown.front
    # The panel gets names in the place of pictures and sounds: those are sent once, smaller than it would send them.
    names = shown.ids[0][:n], shown.ids[1][:m]
    line = found.threshold
    if line is None:  # somewhere in the middle, so that there is something on both sides of it
        line = round(float(np.median(shown.matches.scores)), 2)
    panel = ThresholdPanel(
        shown.scores[:n, :m], *names, truth, labelling=pool, mode="pool", threshold=line, sides=(shown.one[0], shown.one[1])
    )  # fmt: skip
    panel._data = panel._data | {"modes": ["pool"], "rules": [], "csv": False, "promise": _promise(found)}
    state = panel._state()
    state["_kind"] = "report"
    state["_data"] = state["_data"] | dict(zip("ab", _sent(media), strict=True))
    rest = shown.scores.shape != (n, m)  # items that only lists and search show
    table = found.table()
    state["_report"] = {
        "columns": list(table.columns), "rows": _table(table), "total": len(table), "ids": list(shown.ids), "line": found.threshold,
        "scores": instrument.packed(np.sort(found.scores)[::-1].astype(np.float32)), "one": shown.one, "many": shown.many,
        "pool": instrument.packed(found.scores[shown.order].astype(np.float32)), "reasons": list(_REASONS), "hint": _hint(shown),
        "what": "matches of items without a given partner" if shown.news and len(found.pairs) else "matches",
        "all": instrument.packed(shown.scores.astype(np.float16)) if rest else None, "shape": list(shown.scores.shape),
    }  # fmt: skip
    return instrument.living(state), panel._still()


def _promise(found: FolderAlignment) -> dict[str, Any] | None:
    """What the answers promise at every line; nothing where there are none."""
    labels = found.labels
    if labels is None or not labels.asked:
        return None
    lines = np.unique(labels.pool.scores)[::-1].astype(np.float64)
    bounds = [labels.bound(t) for t in lines.tolist()]
    return {"lines": instrument.packed(lines), "bounds": instrument.packed(np.array(bounds))}


def _table(table: pd.DataFrame) -> list[list[str]]:
    """The rows of ``matches.csv`` without what follows from the line, as words, as far as the page may grow."""
    out, size = [], 0
    for row in _rows(table):
        tail = next(
            (row["reason"][len(x) :] for x in (*_REASONS, _NO_LINE) if row["reason"].startswith(x)), ""
        )
        told = [*(str(row[name]) for name in ("a", "b", "score", "known", "partner")), tail]
        size += sum(map(len, told)) + 16
        if size > _ROWS:
            break
        out.append(told)
    return out


def _hint(shown: _Shown) -> str:
    """A word to try: one that a few captions have."""
    words: dict[str, set[int]] = {}
    side = next((k for k, m in enumerate(shown.modalities) if m.startswith("text")), None)
    if side is None:
        return "a part of a name"
    texts = getattr(shown.sides[side], shown.modalities[side])
    for row in shown.rows[side].tolist():
        for word in re.findall(r"[^\W\d_]{4,14}", texts[row][:_WORDS].lower()):
            words.setdefault(word, set()).add(row)
    usual = sorted(words, key=lambda w: (abs(len(words[w]) - 6), w))
    return f"for example: {usual[0]}" if usual else "words"


# ---- lists


def _list(entries: Sequence[str], total: int, file: str) -> str:
    """Entries of a list: the first at once, more on demand, and where all of them are."""
    if not entries:
        return '<p class="rp-empty">None.</p>'
    out = f'<ol class="rp-list">{"".join(entries[:_HEAD])}</ol>'
    if more := entries[_HEAD:]:
        rest = (
            f"{len(more)} more"
            if len(entries) == total
            else f"{len(more)} more of {total:,}; all are in {file}"
        )
        out += f'<details><summary>{rest}</summary><ol class="rp-list">{"".join(more)}</ol></details>'
    return out


def _number(value: Any, digits: int = 2) -> str:
    return "–" if value is None or not math.isfinite(float(value)) else f"{float(value) + 0.0:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _alone(shown: _Shown) -> str:
    out = '<section id="alone"><h2>Left alone</h2>'
    if not any(shown.alone):
        here = "that is kept" if shown.found.threshold is not None else "that is proposed"
        return f"{out}<p>None: every item is in a match {here}, or has a given partner.</p></section>"
    out += "<p>Items in no match that is kept, each beside the one that comes nearest, with the reason.</p>"
    for side, rows in enumerate(shown.alone):
        entries = []
        for row in rows[:_LIST]:
            own, best = shown.item(side, row["id"]), shown.item(1 - side, row["best"]) if row["best"] else ""
            near = f'<span class="rp-near">nearest:</span>{best}' if best else ""
            entries.append(
                f'<li><div class="rp-pair">{own}{near}</div>'
                f'<div class="rp-facts"><b>{_number(row["score"])}</b> {_said(row["why"])}</div></li>'
            )
        out += f"<h3>{_count(len(rows), shown.modalities[side]).capitalize()} without a {shown.one[1 - side]}</h3>"
        out += _list(entries, len(rows), "unmatched.csv")
    return out + "</section>"


def _audit(shown: _Shown) -> str:
    found = shown.found
    if not len(found.pairs):
        return ""
    out = (
        f'<section id="audit"><h2>Given pairs that may be wrong</h2><p>{len(found.pairs):,} pairs were given. For {len(shown.audit):,} of '
        "them another partner fits better, by scores of encoders that had not seen the pair. The most suspicious come first; "
        "only a look tells whether they are wrong.</p>"
    )
    entries = []
    for row in shown.audit[:_LIST]:
        a, b = row["a"], row["b"]
        better = []
        if row["better_b"]:
            better.append(
                f"<div><span>better for the {shown.one[0]}:</span>{shown.item(1, row['better_b'])}</div>"
            )
        if row["better_a"]:
            better.append(
                f"<div><span>better for the {shown.one[1]}:</span>{shown.item(0, row['better_a'])}</div>"
            )
        entries.append(
            f'<li><div class="rp-pair">{shown.item(0, a)}<span aria-hidden="true">↔</span>{shown.item(1, b)}</div>'
            f'<div class="rp-facts">given, score <b>{_number(row["score"])}</b>, suspicion <b>{_number(row["suspicion"])}</b></div>'
            f'<div class="rp-better rp-facts">{"".join(better)}</div></li>'
        )
    return out + _list(entries, len(shown.audit), "audit.csv") + "</section>"


def _made(shown: _Shown) -> str:
    import mmalign_nb

    found = shown.found
    tried = [
        (
            row["encoder"], f"{int(row['pairs'])}" if row["pairs"] else "–", _number(row["mrr"]),
            f"{_number(row['low'])} to {_number(row['high'])}" if row["mrr"] == row["mrr"] else "–",
            "; ".join(x for x in ("✓ taken" if row["taken"] else "", str(row.get("why") or "")) if x),
        )
        for row in _rows(found.tried)
    ]  # fmt: skip
    summary = [
        (r["modality"], r["loaded"], r["changed"], r["skipped"], r["why"])
        for r in _rows(found.collection.summary())
    ]
    notes = found.collection.notes
    told = [(n.file, n.what, n.why) for n in notes[:_LIST]]
    more = (
        f"<p>{len(notes) - _LIST:,} more of this kind are not on this page.</p>" if len(notes) > _LIST else ""
    )
    line = "none yet" if found.threshold is None else f"{found.threshold:.4f}"
    facts = [
        f"Line: {line}. Wanted: {_percent(found.target)} right, at a risk of {_percent(found.delta)}. Seed {found.seed}. mmalign_nb {mmalign_nb.__version__}.",
        "This page holds small pictures, short sounds and scores; no encoder, and nothing from a network.",
        *found.notes,
    ]
    return (
        '<section id="made"><h2>How this was made</h2>'
        "<h3>Encoders that were tried</h3><p>MRR is the mean of 1 / rank of the right partner, on pairs that the encoder had not seen: "
        "1 is perfect. Beside it an interval of 95 %.</p>"
        + _as_table(
            ("encoder", "held-out pairs", "MRR", "interval", "what came of it"), tried, numbers=(1, 2, 3)
        )
        + "<h3>What was read</h3>"
        + _as_table(("modality", "read", "changed", "skipped", "why"), summary, numbers=(1, 2, 3))
        + (
            f"<details><summary>files that were changed or skipped ({len(notes):,})</summary>"
            f"{_as_table(('file', 'what', 'why'), told)}{more}</details>"
            if told
            else ""
        )
        + "<h3>Settings</h3>"
        + "".join(f"<p>{_said(x)}</p>" for x in facts)
        + "<h3>Files beside this page</h3><p><code>matches.csv</code>: all matches. <code>unmatched.csv</code>: who stayed alone. "
        "<code>audit.csv</code>: given pairs, the most suspicious first. <code>summary.json</code>: counts, settings, promise. "
        "<code>label.html</code>: to answer on.</p></section>"
    )


def _as_table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    right = [' class="rp-number"' if k in numbers else "" for k in range(len(head))]
    top = "".join(f'<th scope="col"{c}>{html.escape(x)}</th>' for x, c in zip(head, right, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{c}>{_said(x)}</td>' for x, c in zip(row, right, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="rp-scroll" tabindex="0" role="group" aria-label="{html.escape(head[0])} table"><table class="mm-table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


# ---- the page to answer on


def _label(found: FolderAlignment) -> str:
    labelling = found.labelling()
    one = [_KINDS[m][0] for m in (found.a, found.b)]
    # The panel gets empty words; the items are sent once, small, and of a large pool only those that are asked for first.
    panel = PairPanel(labelling, [""] * len(found.ids_a), [""] * len(found.ids_b), sides=(one[0], one[1]))
    rows = _asked(labelling, panel, max(len(found.ids_a), len(found.ids_b)))
    named = zip((found.items_a, found.items_b), (found.a, found.b), (found.ids_a, found.ids_b), strict=True)
    media = [_media(items, modality, ids) for items, modality, ids in named]
    state = panel._state()
    state["_data"] = state["_data"] | dict(zip("ab", _sent(media, rows), strict=True))
    return (
        "<h1>Is this pair right?</h1>"
        f"<p>Does this {one[0]} belong to this {one[1]}? Answer by the buttons, or by the keys <b>y</b>, <b>n</b> and <b>?</b>; "
        "<b>u</b> takes the last answer back. Stop when the promise suits you: it holds at every moment.</p>"
        f"{instrument.living(state)}<noscript><p>This page needs JavaScript.</p></noscript>"
        "<h2>When you stop</h2><ol class='rp-do'><li>Press <b>save the answers as CSV</b>.</li>"
        "<li>Run <code>python -m mmalign_nb label FOLDER --answers labels.csv</code>, where FOLDER is the folder of this page and "
        "labels.csv the file that you saved. The line, the tables and the report are then made anew.</li></ol>"
        f"<h2>Where it stood when this page was made</h2><p>{_said(found.promise, 2000)}</p>"
    )


def _asked(labelling: Labelling, panel: PairPanel, n: int) -> list[Any]:
    """Rows of both sides whose items the page brings along: None for all, else of the pairs that every line asks for first."""
    if n <= _ALL:
        return [None, None]
    places: set[int] = set()
    first = 64
    while first:
        found = {
            int(at) for size in labelling._sizes for at in labelling._drawn[labelling._drawn < size][:first]
        }
        if len(found) <= _ASKED:
            places = found
            break
        first //= 2
    return [np.unique(side) for side in panel._pairs[sorted(places)].T]
