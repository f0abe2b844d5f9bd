"""What aligning a folder came to: pairs, scores, the line and what it promises."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ..align import Matches
    from ..datasets import Collection, Items
    from ..threshold import Labelling


@dataclass(frozen=True, eq=False, repr=False)
class FolderAlignment:
    """Who belongs to whom in a folder, how sure that is, and what speaks against it; made by :func:`align_folder`."""

    collection: Collection
    a: str
    b: str
    encoder: Any
    vectors_a: np.ndarray
    vectors_b: np.ndarray
    pairs: np.ndarray
    matches: Matches
    scores: np.ndarray
    known: np.ndarray  # (len(matches),) int8: 1 right, 0 wrong, -1 not known
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
        """The keys of side a, each once."""
        return [str(x) for x in self.items_a.ids]

    @property
    def ids_b(self) -> list[str]:
        """The keys of side b, each once."""
        return [str(x) for x in self.items_b.ids]

    @property
    def kept(self) -> np.ndarray:
        """Which of the matches are kept: bool (len(matches),); none where there is no line."""
        if self.threshold is None:
            return np.zeros(len(self.scores), bool)
        return self.scores >= self.threshold

    def table(self) -> pd.DataFrame:
        """All matches, the best first: a, b, score, kept, known, partner, reason."""
        import pandas as pd

        ids = np.array(self.ids_a, object), np.array(self.ids_b, object)
        given: dict[int, list[str]] = {}
        for i, j in self.pairs.tolist():
            given.setdefault(i, []).append(ids[1][j])
        order = np.argsort(-self.scores, kind="stable")
        rows = []
        for k in order.tolist():
            i, j = self.matches.pairs[k].tolist()
            rows.append(
                {
                    "a": ids[0][i],
                    "b": ids[1][j],
                    "score": round(float(self.scores[k]), 4),
                    "kept": bool(self.kept[k]),
                    "known": {1: "right", 0: "wrong", -1: ""}[int(self.known[k])],
                    "partner": "; ".join(given.get(i, [])),
                    "reason": self._reason(k),
                }
            )
        return pd.DataFrame(rows, columns=["a", "b", "score", "kept", "known", "partner", "reason"])

    def _reason(self, k: int) -> str:
        if self.threshold is None:
            return "no line yet"
        return "at or above the line" if self.scores[k] >= self.threshold else "below the line"

    def unmatched(self) -> pd.DataFrame:
        """Items that are in no match that is kept: side, id, best, score, why."""
        import pandas as pd

        return pd.DataFrame(columns=["side", "id", "best", "score", "why"])

    def labelling(self) -> Labelling:
        """Return what to label on: ``PairPanel(alignment.labelling(), …)`` in a notebook."""
        from ..threshold import Labelling

        return Labelling(self.matches, self.target, self.delta, self.seed)

    def save(self, out: str | os.PathLike[str]) -> None:
        """Write the tables and the summary to a folder."""

    def __repr__(self) -> str:
        return (
            f"FolderAlignment({self.a} {len(self.ids_a)}, {self.b} {len(self.ids_b)}; {len(self.pairs)} given pairs; "
            f"{len(self.matches)} matches, {int(self.kept.sum())} kept)\n{self.promise}"
        )
