"""What aligning a folder came to: pairs, scores, the line and what it promises."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mmalign_nb

from .._check import describe
from .._files import as_path, replacing

if TYPE_CHECKING:
    import pandas as pd

    from ..align import Matches
    from ..datasets import Collection, Items
    from ..threshold import Labelling

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")  # as Matches.to_csv(excel=True) has it
_KNOWN = {1: "right", 0: "wrong", -1: ""}


@dataclass(frozen=True, eq=False, repr=False)
class FolderAlignment:
    """Hold who belongs to whom in a folder, how sure that is, and what speaks against it; :func:`align_folder` makes it.

    Parameters
    ----------
    collection : Collection
    a, b : str
        The two modalities.
    encoder : DualEncoder or None
        The one that was taken, fitted to all given pairs; None where pairs were found by structure alone.
    vectors_a, vectors_b : float32 (n, d), (m, d)
        Unit rows in one space, by that encoder (zeros where it knows nothing of an item).
    pairs : int64 (k, 2)
        The given pairs, rows of both sides.
    matches : Matches
        One to one: items without a given partner among themselves; those with one are matched again, as if nobody had said.
    scores : float32 (len(matches),)
        By an encoder that has not seen the pair.
    known : int8 (len(matches),)
        What the given pairs say of a match: 1 right, 0 wrong, −1 nothing.
    threshold : float or None
        The line; None where nothing can be promised yet.
    promise : str
        What is promised, in one or two sentences, or why nothing is and what would help.
    voids : list of str
        What makes the promise void.
    audit : DataFrame or None
        Given pairs, the most suspicious first, with who fits better.
    tried : DataFrame
        Every encoder: held-out pairs, mean reciprocal rank with its 95 % interval, whether it was taken, why it was not tried.
    target, delta : float
        The wanted precision, and the risk of missing it.
    seed : int
    notes : list of str
        What else is to be known.
    labels : Labelling or None
        Answers on single matches, if there are any.
    source : dict
        Where it all came from, for ``python -m mmalign_nb label`` and ``report``.
    held_out : (float32 (n, D), float32 (m, D))
        Two tables whose dot products are the scores of each row by an encoder that has not seen its given pair.

    Raises
    ------
    OSError
        By ``save``, if the folder cannot be written.

    References
    ----------
    Y. Benjamini, Y. Hochberg, *Controlling the false discovery rate*, JRSS-B 57(1):289–300, 1995. S. Bates, E. Candès, L. Lei, Y. Romano,
    M. Sesia, *Testing for outliers with conformal p-values*, Annals of Statistics 51(1), 2023.

    Notes
    -----
    ``promise`` has two halves where items without a given partner are matched. Held-out pairs show how often the right one is found; the
    same items, their partners taken away, show what an item scores whose partner is not in the folder, and the line is above nearly
    all of that. With answers on single matches (``labels``) it is about the very matches at hand, and rests on nothing else.

    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.datasets import from_arrays, glyphs
    >>> from mmalign_nb.own import align_folder
    >>> symbols = glyphs()[4500:4560]
    >>> data = from_arrays(image=symbols.image, text=symbols.text, pairs=[[i, i] for i in range(40)])
    >>> found = align_folder(data, encoder="own", progress=False)
    >>> found.table().columns.tolist()
    ['a', 'b', 'score', 'kept', 'known', 'partner', 'reason']
    >>> len(found.matches), int(found.open.sum()), found.summary()["given_pairs"]
    (60, 20, 40)
    >>> found.threshold, found.promise  # doctest: +ELLIPSIS
    (..., '...')
    >>> len(found.unmatched()) == 2 * (20 - int((found.kept & found.open).sum()))
    True

    Answers on single matches move the line:

    >>> labelling = found.labelling()
    >>> while labelling.ask() is not None:
    ...     i, j = labelling.ask()
    ...     labelling.answer(i == j)
    >>> told = found.labelled(labelling)
    >>> told.labels is labelling
    True
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     told.save(folder)
    ...     names = {file.name for file in pathlib.Path(folder).iterdir()}
    >>> names >= {"matches.csv", "unmatched.csv", "audit.csv", "labels.csv", "summary.json"}
    True
    """

    collection: Collection
    a: str
    b: str
    encoder: Any
    vectors_a: np.ndarray
    vectors_b: np.ndarray
    pairs: np.ndarray
    matches: Matches
    scores: np.ndarray
    known: np.ndarray
    threshold: float | None
    promise: str
    voids: list[str]
    audit: pd.DataFrame | None
    tried: pd.DataFrame
    target: float = 0.9
    delta: float = 0.1
    seed: int = 0
    notes: list[str] = field(default_factory=list)
    labels: Labelling | None = None
    source: dict[str, Any] = field(default_factory=dict)
    held_out: tuple[np.ndarray, np.ndarray] = (np.empty((0, 0), np.float32), np.empty((0, 0), np.float32))

    @property
    def given_scores(self) -> np.ndarray:
        """All scores, float32 (n, m), row by row by an encoder that has not seen the row's given pair; made anew at each call.

        ``evaluate.audit(alignment.held_out, alignment.pairs, metric="dot")`` needs no such matrix.
        """
        return np.asarray(self.held_out[0] @ self.held_out[1].T)

    @property
    def items_a(self) -> Items:
        """The items of side a."""
        return self.collection[self.a]

    @property
    def items_b(self) -> Items:
        """The items of side b."""
        return self.collection[self.b]

    @property
    def ids_a(self) -> list[str]:
        """The names of side a's items, each once."""
        return [str(x) for x in self.items_a.ids]

    @property
    def ids_b(self) -> list[str]:
        """The names of side b's items, each once."""
        return [str(x) for x in self.items_b.ids]

    @property
    def kept(self) -> np.ndarray:
        """Which of the matches are kept, bool (len(matches),); none where there is no line."""
        if self.threshold is None:
            return np.zeros(len(self.scores), bool)
        return np.asarray(self.scores.astype(np.float64) >= self.threshold)

    @property
    def open(self) -> np.ndarray:
        """Which of the matches are of items without a given partner, bool (len(matches),): these are the news."""
        return np.asarray(self.known < 0)

    def table(self) -> pd.DataFrame:
        """All matches, the best first: a, b, score, kept, known (right or wrong by the given pairs), partner (given), reason."""
        import pandas as pd

        ids = self.ids_a, self.ids_b
        given: dict[int, list[str]] = {}
        for i, j in self.pairs.tolist():
            given.setdefault(i, []).append(ids[1][j])
        kept, rows = self.kept, []
        for k in np.argsort(-self.scores, kind="stable").tolist():
            i, j = self.matches.pairs[k].tolist()
            reason = (
                "no line yet"
                if self.threshold is None
                else "at or above the line"
                if kept[k]
                else "below the line"
            )
            rows.append(
                (ids[0][i], ids[1][j], round(float(self.scores[k]), 4), bool(kept[k]), _KNOWN[int(self.known[k])],
                 "; ".join(given.get(i, [])), reason)
            )  # fmt: skip
        return pd.DataFrame(rows, columns=["a", "b", "score", "kept", "known", "partner", "reason"])

    def unmatched(self) -> pd.DataFrame:
        """Items without a given partner that are in no match that is kept: side (a or b), id, best of all that are left, score, why."""
        import pandas as pd

        open_, kept = self.open, self.kept & self.open
        left = []
        for side, n in enumerate(self.matches.shape):
            rest = np.setdiff1d(np.arange(n), self.pairs[:, side])
            left.append(rest)
        rows = []
        for side in (0, 1):
            own, other = (self.vectors_a, self.vectors_b)[:: 1 - 2 * side]
            ids, names = (self.ids_a, self.ids_b)[:: 1 - 2 * side]
            partner = {int(p[side]): k for k, p in enumerate(self.matches.pairs) if open_[k]}
            taken = set(self.matches.pairs[kept, side].tolist())
            alone = [i for i in left[side].tolist() if i not in taken]
            kind = (self.a, self.b)[1 - side]
            for start in range(0, len(alone), 512):
                some = alone[start : start + 512]
                scores = own[some] @ other[left[1 - side]].T
                for row, i in enumerate(some):
                    best = int(scores[row].argmax()) if scores.shape[1] else -1
                    at = int(left[1 - side][best]) if best >= 0 else -1
                    if at < 0:
                        why = f"no {kind} is left without a given partner"
                    elif not own[i].any():
                        why = "the encoder knows nothing of it"
                    elif i not in partner:
                        why = f"nothing was left for it: there are fewer items of {kind} without a partner"
                    elif self.threshold is None:
                        why = "there is no line yet"
                    elif int(self.matches.pairs[partner[i], 1 - side]) != at:
                        why = (
                            "its best fits another better, and with the one that it got it is below the line"
                        )
                    else:
                        why = "below the line"
                    rows.append(
                        (
                            "ab"[side],
                            ids[i],
                            names[at] if at >= 0 else "",
                            round(float(scores[row, best]), 4) if at >= 0 else np.nan,
                            why,
                        )
                    )
        return pd.DataFrame(rows, columns=["side", "id", "best", "score", "why"])

    def labelling(self) -> Labelling:
        """Return what to label on, with the answers so far: ``PairPanel(alignment.labelling(), …)`` in a notebook.

        Its pool are the matches of items without a given partner; where all have one, all matches.
        """
        from dataclasses import replace

        from ..threshold import Labelling

        if self.labels is not None:
            return self.labels
        some = self.open if self.open.any() else np.ones(len(self.scores), bool)
        pool = replace(
            self.matches,
            pairs=self.matches.pairs[some],
            scores=self.scores[some],
            margins=self.matches.margins[some],
        )
        n = len(pool.pairs)  # of few matches, Labelling's own first line would be all of them
        return Labelling(pool, self.target, self.delta, self.seed, first=max(4, n // 2) if n < 80 else None)

    def labelled(self, labelling: Labelling) -> FolderAlignment:
        """Return the same with the line that answers speak for; ``labelling`` is that of this alignment, with answers."""
        from dataclasses import replace

        from ..threshold import Labelling
        from ._match import by_labels

        if not isinstance(labelling, Labelling):
            raise TypeError(
                f"labelling is {describe(labelling)}; want a threshold.Labelling: alignment.labelling()"
            )
        mine = replace(self, labels=None).labelling()
        if labelling._fingerprint != mine._fingerprint:
            raise ValueError(
                "labelling is of another pool or has other settings; want alignment.labelling(), with answers"
            )
        if not labelling.asked:
            return self
        line = by_labels(labelling, self.target, self.delta)
        return replace(
            self, labels=labelling, threshold=line.threshold, promise=line.promise, voids=line.voids
        )

    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds: versions, counts, encoders, line and promise; the same for the same content."""
        found = self.collection.summary()
        return {
            "mmalign_nb": mmalign_nb.__version__,
            "sides": {self.a: len(self.ids_a), self.b: len(self.ids_b)},
            "read": json.loads(found.to_json(orient="records")),
            "files": [note._asdict() for note in self.collection.notes],
            "given_pairs": len(self.pairs),
            "matches": len(self.matches),
            "open": int(self.open.sum()),
            "kept": int(self.kept.sum()),
            "kept_open": int((self.kept & self.open).sum()),
            "encoder": next(iter(self.tried.encoder[self.tried.taken.astype(bool)]), None),
            "tried": json.loads(self.tried.to_json(orient="records")),
            "target": self.target,
            "risk": self.delta,
            "threshold": self.threshold,
            "promise": self.promise,
            "voids": self.voids,
            "answers": 0 if self.labels is None else len(self.labels.asked),
            "notes": self.notes,
            "seed": self.seed,
            "source": self.source,
        }

    def save(self, out: str | os.PathLike[str]) -> None:
        """Write the tables, the summary and the pages to a folder, each file whole or not at all.

        Tables are CSV in UTF-8 with a byte order mark, by which spreadsheets know it; a cell that a spreadsheet would run as a formula
        (it begins with ``= + - @``, a tab or a line end), or that begins with an apostrophe, has an apostrophe before it: read with
        ``encoding="utf-8-sig"`` and take one leading apostrophe away.
        """
        folder = as_path(out, "out")
        folder.mkdir(parents=True, exist_ok=True)
        _write_table(self.table(), folder / "matches.csv")
        _write_table(self.unmatched(), folder / "unmatched.csv")
        if self.audit is not None:
            _write_table(self.audit, folder / "audit.csv")
        else:
            (folder / "audit.csv").unlink(missing_ok=True)
        if self.labels is not None:
            self.labels.to_csv(folder / "labels.csv")
        from . import _report

        _report.write_report(self, folder / "report.html")
        _report.write_label_page(self, folder / "label.html")
        text = json.dumps(self.summary(), ensure_ascii=False, indent=1)
        with replacing(folder / "summary.json") as file:  # the last one: where it is, all is
            file.write(text.encode("utf-8", "replace") + b"\n")

    def __repr__(self) -> str:
        return (
            f"FolderAlignment({self.a} {len(self.ids_a)}, {self.b} {len(self.ids_b)}; {len(self.pairs)} given pairs; "
            f"{int(self.open.sum())} matches without one, {int((self.kept & self.open).sum())} of them kept)\n{self.promise}"
        )


def _write_table(frame: pd.DataFrame, place: Path) -> None:
    safe = frame.copy()
    for name in safe.columns:
        if safe[name].dtype == object or str(safe[name].dtype).startswith("str"):
            safe[name] = [f"'{x}" if isinstance(x, str) and x.startswith(_FORMULA) else x for x in safe[name]]
    text = safe.to_csv(index=False, lineterminator="\n")
    with replacing(place) as file:
        file.write(text.encode("utf-8-sig", "replace"))


def load(folder: str | os.PathLike[str]) -> FolderAlignment:
    """Return the alignment of a folder that ``align`` has written, with the answers that are in it, made again from its stages."""
    from .terminal import opened

    return opened(as_path(folder, "folder"))
