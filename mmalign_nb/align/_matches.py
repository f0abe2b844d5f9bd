"""The one result of every matching."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._truth import Truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Matches"]


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

        ``ids_a`` and ``ids_b`` name the items (default: their numbers). With ``unmatched`` the items that
        stayed alone follow, with nothing on the other side.
        """
        import pandas as pd

        sides = []
        for side, ids, alone in ((0, ids_a, self.unmatched_a), (1, ids_b, self.unmatched_b)):
            name = f"ids_{'ab'[side]}"
            if ids is not None:
                ids = list(ids)  # a pandas Series would be asked by its labels
                if len(ids) != self.shape[side]:
                    raise ValueError(f"{name} has {len(ids)} entries; want one per item: {self.shape[side]}")
            at = self.pairs[:, side]
            if unmatched:
                blank = np.full(len(self.unmatched_b if side == 0 else self.unmatched_a), -1)
                at = np.concatenate([at, alone, blank] if side == 0 else [at, blank, alone])
            if ids is None:
                column = pd.Series(at, dtype="Int64" if unmatched else "int64")
                sides.append(column.where(at >= 0) if unmatched else column)
            else:
                sides.append(pd.Series([ids[k] if k >= 0 else None for k in at], dtype=object))
        pad = np.full(len(sides[0]) - len(self), np.nan, self.scores.dtype)
        return pd.DataFrame(
            {
                "a": sides[0],
                "b": sides[1],
                self.measure: np.concatenate([self.scores, pad]),
                "margin": np.concatenate([self.margins, pad]),
            }
        )

    def to_csv(
        self, path: str | os.PathLike[str], ids_a: Any = None, ids_b: Any = None, *, unmatched: bool = False
    ) -> None:
        """Write the table of ``to_frame`` as a UTF-8 CSV file.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.align import max_match
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "matches.csv")
        ...     max_match([[0.9, 0.1]]).to_csv(path, ids_a=["cat"], ids_b=["meow", "woof"])
        ...     print(path.read_text(encoding="utf-8").splitlines()[0])
        a,b,score,margin
        """
        frame = self.to_frame(ids_a, ids_b, unmatched=unmatched)
        frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")

    def evaluate(self, truth: Any) -> dict[str, float]:
        """Compare with what is right: precision, recall, F1 and the counts behind them.

        ``precision = tp / (tp + fp)``, ``recall = tp / (tp + fn)``, ``f1 = 2 tp / (2 tp + fp + fn)``; NaN where
        that is 0 / 0. ``truth`` is ``"diagonal"``, ``(k, 2)`` pairs, a tuple of labels or a boolean matrix.
        """
        right = Truth(truth, self.shape)
        tp = int(right.of(self.pairs[:, 0], self.pairs[:, 1]).sum())
        fp, fn = len(self) - tp, right.total - tp

        def share(x: int, y: int) -> float:
            return x / y if y else float("nan")

        return {
            "precision": share(tp, tp + fp),
            "recall": share(tp, tp + fn),
            "f1": share(2 * tp, 2 * tp + fp + fn),
            "tp": tp,
            "fp": fp,
            "fn": fn,
        }
