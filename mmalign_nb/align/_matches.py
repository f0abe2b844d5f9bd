"""The one result of every matching."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import as_ids
from .._files import as_path, replacing
from .._truth import Truth

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


@dataclass(frozen=True, eq=False, repr=False)
class Matches:
    """Hold the pairs that a matching made, how good and how clear each is, and who stayed alone.

    Parameters
    ----------
    pairs : int64 (k, 2)
        Row and column of each pair, in ascending order.
    scores : (k,)
        The pair's entry in the matrix: its similarity, or for ``min_match`` its distance.
    margins : (k,)
        How much better the pair is than its best rival: ``S_ij − max(S_ij' for j' ≠ j, S_i'j for i' ≠ i)`` (for
        distances with the sign turned). Negative where an item had a better candidate that it did not get; 0
        for a tie; ``inf`` where there is no rival.
    unmatched_a, unmatched_b : int64
        Rows and columns that are in no pair.
    shape : (n, m)
        Sizes of the two sides.
    measure : {"score", "distance"}
        What ``scores`` are.
    tied : int
        How many of the pairs were chosen by the order of items alone, among others exactly as good.

    Raises
    ------
    TypeError, ValueError
        By the methods: if ids are not one per item, or truth does not fit the two sides.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.align import max_match
    >>> found = max_match(np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.3]]), threshold=0.5)
    >>> found
    Matches(2 pairs of 3 × 2: 1 a and 0 b unmatched, mean score 0.750)
    >>> found.to_frame(ids_a=["cat", "dog", "owl"], ids_b=["meow", "woof"])
         a     b  score  margin
    0  cat  woof    0.8    -0.1
    1  dog  meow    0.7    -0.2
    >>> found.evaluate([(0, 1), (2, 0)])["precision"]
    0.5
    """

    pairs: np.ndarray
    scores: np.ndarray
    margins: np.ndarray
    unmatched_a: np.ndarray
    unmatched_b: np.ndarray
    shape: tuple[int, int]
    measure: str = "score"
    tied: int = 0

    def __len__(self) -> int:
        return len(self.pairs)

    def __repr__(self) -> str:
        mean = f", mean {self.measure} {self.scores.mean(dtype=np.float64):.3f}" if len(self) else ""
        tied = f", {self.tied} of them tied" if self.tied else ""
        return (
            f"Matches({len(self)} pair{'s' * (len(self) != 1)} of {self.shape[0]} × {self.shape[1]}{tied}: "
            f"{len(self.unmatched_a)} a and {len(self.unmatched_b)} b unmatched{mean})"
        )

    def to_frame(self, ids_a: Any = None, ids_b: Any = None, *, unmatched: bool = False) -> pd.DataFrame:
        """Return a table with columns ``a``, ``b``, ``score`` (or ``distance``) and ``margin``, a row per pair.

        ``ids_a`` and ``ids_b`` name the items (default: their numbers): a list, an array or a column of a table, all
        str or all int, one per item in their order. They come out as they went in: int stays int (int64, or uint64
        above 2⁶³ − 1), ``"007"`` and an accent in either normal form stay as they are. With ``unmatched`` the items that
        stayed alone follow, with nothing on the other side: None, or ``pd.NA`` among int.
        """
        import pandas as pd

        columns: dict[str, Any] = {}
        sides = ((0, ids_a, self.unmatched_a), (1, ids_b, self.unmatched_b))
        for side, given, alone in sides:
            n, at = self.shape[side], self.pairs[:, side]
            ids = np.arange(n) if given is None else as_ids(given, f"ids_{'ab'[side]}", n)
            if unmatched:
                blank = np.full(len(sides[1 - side][2]), n)  # behind the last item: nothing
                at = np.concatenate([at, alone, blank] if side == 0 else [at, blank, alone])
            if ids.dtype.kind == "U":
                columns["ab"[side]] = np.array([*ids.tolist(), None], object)[at]
            elif unmatched:
                columns["ab"[side]] = pd.arrays.IntegerArray(np.append(ids, ids.dtype.type(0))[at], at == n)
            else:
                columns["ab"[side]] = ids[at]
        pad = np.full(len(columns["a"]) - len(self), np.nan, self.scores.dtype)
        columns |= {
            self.measure: np.concatenate([self.scores, pad]),
            "margin": np.concatenate([self.margins, pad]),
        }
        return pd.DataFrame(
            {k: pd.Series(v, dtype=v.dtype) for k, v in columns.items()}
        )  # object stays object

    def to_csv(
        self,
        path: str | os.PathLike[str],
        ids_a: Any = None,
        ids_b: Any = None,
        *,
        unmatched: bool = False,
        excel: bool = False,
    ) -> None:
        """Write the table of ``to_frame`` as a UTF-8 CSV file, in one act: the file is there whole, or as it was before.

        ``excel`` writes it for spreadsheets: with a byte order mark, by which Excel knows UTF-8, and with an apostrophe
        before each str id that Excel would run as a formula (it begins with ``= + - @``, a tab or a line end) or that
        begins with an apostrophe itself. To get the ids back, read with ``encoding="utf-8-sig"`` and take one leading
        apostrophe away. Excel still shows ``007`` as 7: only its own import as text keeps that.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.align import max_match
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "matches.csv")
        ...     max_match([[0.9, 0.1]]).to_csv(path, ids_a=["cat"], ids_b=["=1+1", "woof"], excel=True)
        ...     print(path.read_text(encoding="utf-8-sig").strip())
        a,b,score,margin
        cat,'=1+1,0.9,0.8
        """
        frame = self.to_frame(ids_a, ids_b, unmatched=unmatched)
        texts = [side for side in "ab" if frame[side].dtype == object]
        # A carriage return alone is no line end to who writes, but to many who read: then all texts stand in quotes.
        returns = any("\r" in (x or "") for side in texts for x in frame[side])
        for side in texts if excel else []:
            frame[side] = [x if x is None or not x.startswith(_FORMULA) else f"'{x}" for x in frame[side]]
        quoting: Any = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
        text = frame.to_csv(index=False, lineterminator="\n", quoting=quoting)
        try:
            content = text.encode("utf-8-sig" if excel else "utf-8")
        except UnicodeEncodeError as err:
            wrong = text[err.start : err.end]
            raise ValueError(f"ids_a or ids_b has {wrong!r}, which is no character and has no UTF-8") from err
        with replacing(as_path(path)) as file:
            file.write(content)

    def evaluate(self, truth: Any) -> dict[str, float]:
        """Compare with what is right: precision, recall, F1 and the counts behind them.

        ``precision = tp / (tp + fp)``, ``recall = tp / (tp + fn)``, ``f1 = 2 tp / (2 tp + fp + fn)``; NaN where
        that is 0 / 0. ``truth`` is ``"diagonal"``, ``(k, 2)`` pairs, a tuple of labels or a boolean matrix.
        """
        right = Truth(truth, self.shape)
        tp = int(right.of(self.pairs[:, 0], self.pairs[:, 1]).sum())
        fp, fn = len(self) - tp, right.total - tp
        shares = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}
        counts = {"tp": tp, "fp": fp, "fn": fn}
        return {name: x / y if y else float("nan") for name, (x, y) in shares.items()} | counts
