"""ComparePanel: the same queries under several measures or projections, two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import traitlets

from .._check import as_count
from .._truth import Truth
from ..similarity import Scores
from ._base import Control, Panel, choice, read_measures
from .instrument import packed
from .media import two_sides

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _Ranking(NamedTuple):
    """The best columns of every row, best first, and which of them are right."""

    ids: np.ndarray
    scores: np.ndarray
    right: np.ndarray | None

    def of(self, i: int) -> np.ndarray:
        """The hits of one row; what scores −∞ is never one."""
        return self.ids[i][self.scores[i] > -np.inf]

    def quality(self) -> dict[str, float]:
        """The share of rows with something right in the first place, and in any."""
        if self.right is None:
            return {}
        k = self.right.shape[1]
        return {"hit@1": float(self.right[:, 0].mean()), f"hit@{k}": float(self.right.any(axis=1).mean())}


class ComparePanel(Panel):
    """Compare what several measures (or projections) find for the same query: two side by side, all of them in a table.

    All rankings are in the page, so it needs no Python. Scores are written with as many digits as tell them apart.

    Parameters
    ----------
    scores : mapping of name to (n, m) array
        At least two; higher is more alike, and −∞ is never a hit.
    a, b : items of the rows (queries) and of the columns (gallery)
        As in :class:`ThresholdPanel`.
    truth : optional
        What is right, as in :func:`mmalign_nb.evaluate.retrieval_report`; then hits are marked and hit@1, hit@k shown.
    k : int
        How many hits to show.
    captions : (sequence of str or None, sequence of str or None), optional
        Names of the items.

    Attributes
    ----------
    query : Control
        Which row is asked for.
    left, right : Control
        The two names compared.
    differences : array of int
        Queries for which the two find another first item.

    Raises
    ------
    TypeError, ValueError
        For fewer than two matrices, different shapes, or items that do not fit.

    Notes
    -----
    Notebook: ``02_similarity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.panels import ComparePanel
    >>> dot, cosine = np.array([[3.0, 1.0], [2.0, 1.0]]), np.array([[0.9, 0.1], [0.3, 0.4]])
    >>> panel = ComparePanel({"dot": dot, "cosine": cosine}, ["cat", "dog"], ["Katze", "Hund"], truth="diagonal", k=1)
    >>> panel
    ComparePanel(query=0): dot finds [0], hit@1 0.50; cosine finds [0], hit@1 1.00; 1 of 2 queries differ in the first hit
    >>> panel.next()
    >>> panel.query.value, panel.differences.tolist()
    (1, [1])
    """

    _kind = traitlets.Unicode("compare").tag(sync=True)
    _query = traitlets.Int().tag(sync=True)
    _left, _right = (traitlets.Unicode().tag(sync=True) for _ in range(2))

    def __init__(
        self,
        scores: Mapping[str, Any],
        a: Any,
        b: Any,
        truth: Any = None,
        *,
        k: int = 5,
        captions: tuple[Any, Any] = (None, None),
    ) -> None:
        named, (n, m) = read_measures(scores, 2)
        self._media = two_sides(a, b, (n, m), captions)
        if not n or not m:
            raise ValueError(f"scores has shape {(n, m)}; want at least one query and one item")
        k, known = as_count(k, "k"), None if truth is None else Truth(truth, (n, m))
        self._rankings = {name: _rank(S, k, known) for name, S in named.items()}
        super().__init__()
        names = list(named)
        self._left, self._right = names[:2]
        self.query = Control(self, "_query", lambda value: as_count(value, "query", 0, n - 1))
        self.left, self.right = choice(self, "_left", "left", names), choice(self, "_right", "right", names)
        seen = np.unique([r.ids for r in self._rankings.values()])
        self._data = {
            "a": self._media[0].sent(), "b": self._media[1].sent(seen), "n": n, "size": 56, "names": names,
            "measures": {name: _sent(ranking) for name, ranking in self._rankings.items()},
        }  # fmt: skip

    @property
    def _pair(self) -> tuple[str, str]:
        return self._left, self._right

    @property
    def differences(self) -> np.ndarray:
        """Queries for which the two measures find another first item."""
        one, two = (self._rankings[name].ids[:, 0] for name in self._pair)
        return np.flatnonzero(one != two)

    def next(self) -> None:
        """Go to the next query whose first hits differ, from the start again after the last one."""
        where = self.differences
        if len(where):
            self._query = int(where[np.searchsorted(where, self._query, "right") % len(where)])
            return self._say("")
        one, two = self._pair
        same = f"{one} stands on both sides: choose two different ones."
        return self._say(same if one == two else f"{one} and {two} find the same first item for every query.")

    def _line(self) -> str:
        told = []
        for name in self._pair:
            quality = "".join(
                f", {what} {value:.2f}" for what, value in self._rankings[name].quality().items()
            )
            told.append(f"{name} finds {self._rankings[name].of(self._query).tolist()}{quality}")
        differ = f"{len(self.differences)} of {len(self._rankings[self._left].ids)} queries differ in the first hit"
        return f"(query={self._query}): {'; '.join(told)}; {differ}"

    @property
    def alt(self) -> str:
        """What the panel shows now, in words."""
        i, told = self._query, []
        for name in self._pair:
            ranking = self._rankings[name]
            hits = ", ".join(self._media[1].words(int(j)) for j in ranking.of(i))
            right = "" if ranking.right is None else f", of which {int(ranking.right[i].sum())} right"
            told.append(f"{name} finds {hits}{right}")
        return f"Query {self._media[0].words(i)}: {'; '.join(told)}."

    def figure(self) -> Figure:
        """The query's hits under both, one row each."""
        from ..plots import neighbours

        i, (a, b) = self._query, self._media
        shown = [self._rankings[name] for name in self._pair]
        right = None if shown[0].right is None else [r.right[i] for r in shown if r.right is not None]
        title = f"query {i}: {self._pair[0]} above, {self._pair[1]} below"
        gallery = b.for_figure(np.concatenate([r.ids[i] for r in shown]))
        captions = (
            None
            if b.captions is None or b.kind == "sound"
            else [b.words(int(j)) for r in shown for j in r.ids[i]]
        )
        places = np.arange(2 * len(shown[0].ids[i])).reshape(2, -1)
        scores = [r.scores[i] for r in shown]
        return neighbours(
            a.for_figure([i, i]), gallery, places, scores, right, gallery_captions=captions, title=title
        )


def _rank(S: np.ndarray, k: int, truth: Truth | None) -> _Ranking:
    """Keep the ``k`` best of each row; equal scores stand in the order of their columns."""
    ids, scores = Scores(S).top_k(k)
    right = None if truth is None else truth.of(np.arange(len(S))[:, None], ids) & (scores > -np.inf)
    return _Ranking(ids, scores, right)


def _sent(ranking: _Ranking) -> dict[str, Any]:
    """A ranking as the page gets it."""
    out = {
        "k": ranking.ids.shape[1],
        "ids": packed(ranking.ids.astype(np.int32)),
        "scores": packed(ranking.scores),
    }
    right = None if ranking.right is None else packed(ranking.right.astype(np.uint8))
    return out | {"right": right, "quality": ranking.quality()}
