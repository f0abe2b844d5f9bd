"""ComparePanel: the same queries under two measures or two projections, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets
import numpy as np

from .._check import as_count
from .._truth import Truth
from ._base import Panel, card, read_measures
from ._media import Media, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _Ranking(NamedTuple):
    """The best columns of every row, best first, and which of them are right."""

    ids: np.ndarray
    scores: np.ndarray
    right: np.ndarray | None


class ComparePanel(Panel):
    """Compare what two measures (or two projections) find for the same query.

    Parameters
    ----------
    scores : mapping of name to (n, m) array
        At least two; higher is more alike.
    a, b : items of the rows (queries) and of the columns (gallery)
        As in :class:`ThresholdPanel`.
    truth : optional
        What is right, as in :func:`mmalign_nb.evaluate.retrieval_report`; then hits are marked and hit@1, hit@k shown.
    k : int
        How many hits to show.

    Attributes
    ----------
    query : IntSlider
        Which row is asked for.
    left, right : Dropdown
        The two names compared.

    Raises
    ------
    ValueError
        For fewer than two matrices, different shapes, or items that do not fit.

    Notes
    -----
    Notebook: ``02_similarity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.panels import ComparePanel
    >>> dot, cosine = np.array([[3.0, 1.0], [2.0, 1.0]]), np.array([[0.9, 0.1], [0.3, 0.4]])
    >>> ComparePanel({"dot": dot, "cosine": cosine}, ["cat", "dog"], ["Katze", "Hund"], truth="diagonal", k=1)
    ComparePanel(query=0): dot finds [0], hit@1 0.50; cosine finds [0], hit@1 1.00; 1 of 2 queries differ in the first hit
    """

    def __init__(self, scores: Mapping[str, Any], a: Any, b: Any, truth: Any = None, *, k: int = 5) -> None:
        named, (n, m) = read_measures(scores, 2)
        self._a, self._b = Media(a, "a", n), Media(b, "b", m)
        if not n or not m:
            raise ValueError(f"scores has shape {(n, m)}; want at least one query and one item")
        k = as_count(k, "k")
        known = None if truth is None else Truth(truth, (n, m))
        self._rankings = {name: _rank(S, min(k, m), known) for name, S in named.items()}
        names, style = list(named), {"description_width": "88px"}
        self.query = widgets.IntSlider(
            max=n - 1,
            description="query",
            style=style,
            layout={"flex": "1 1 420px"},
            tooltip="Which item is asked for",
        )
        self.number = widgets.BoundedIntText(
            max=n - 1,
            description="number",
            style=style,
            layout={"width": "200px"},
            tooltip="The query's number, typed",
        )
        widgets.link((self.query, "value"), (self.number, "value"))
        self.left, self.right = (
            widgets.Dropdown(options=names, value=value, description=side, style=style, layout={"width": "300px"},
                             tooltip=f"What ranks the items on the {side}")
            for side, value in (("left", names[0]), ("right", names[1]))
        )  # fmt: skip
        self.next = widgets.Button(
            description="next difference",
            tooltip="Go to the next query for which the two find another first item",
        )
        self._view = widgets.HTML()
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        super().__init__(
            [
                widgets.HBox([self.left, self.right, self.next], layout=wrap),
                widgets.HBox([self.query, self.number], layout=wrap),
                self._view,
            ]
        )
        self._refresh()
        for widget in (self.query, self.left, self.right):
            widget.observe(self._guard(lambda _: self._refresh()), "value")
        self.next.on_click(self._guard(lambda _: self._next()))

    @property
    def _pair(self) -> tuple[str, str]:
        return self.left.value, self.right.value

    @property
    def differences(self) -> np.ndarray:
        """Queries for which the two measures find another first item."""
        one, two = (self._rankings[name].ids[:, 0] for name in self._pair)
        return np.flatnonzero(one != two)

    def _next(self) -> None:
        """Go to the next query whose first hits differ, from the start again after the last one."""
        where = self.differences
        if not len(where):
            one, two = self._pair
            same = f"{one} stands on both sides: choose two different ones."
            self._say(same if one == two else f"{one} and {two} find the same first item for every query.")
            return
        later = where[where > self.query.value]
        self.query.value = int(later[0] if len(later) else where[0])

    def _refresh(self) -> None:
        i = self.query.value
        sides = "".join(f"<div>{self._column(name, i)}</div>" for name in self._pair)
        self._view.value = (
            f'<div class="mm-ask"><span class="mm-head">query {i}</span>{self._a.html(i)}</div>'
            f'<div class="mm-two">{sides}</div><div class="mm-note" role="status">{escape(self._differ())}</div>'
        )
        self._say("")

    def _column(self, name: str, i: int) -> str:
        ranking = self._rankings[name]
        cards = []
        for place, (j, score) in enumerate(zip(ranking.ids[i], ranking.scores[i], strict=True)):
            right = None if ranking.right is None else bool(ranking.right[i, place])
            inside = f'<div class="mm-pair">{self._b.html(int(j))}</div>'
            cards.append(card(f"{place + 1}. {score:.2f}", inside, right))
        kind = "small" if self._b.kind in ("picture", "clip") else "list"
        quality = (
            f"&ensp;<span class='mm-note'>{escape(self._quality(name))}</span>"
            if ranking.right is not None
            else ""
        )
        return f'<div class="mm-head">{escape(name)}{quality}</div><div class="mm-cards {kind}">{"".join(cards)}</div>'

    def _quality(self, name: str) -> str:
        right = self._rankings[name].right
        assert right is not None
        k = right.shape[1]
        told = f"hit@1 {right[:, 0].mean():.2f}"
        return told if k == 1 else f"{told}, hit@{k} {right.any(axis=1).mean():.2f}"

    def _differ(self) -> str:
        return f"{len(self.differences)} of {len(self._a.items)} queries differ in the first hit"

    def _line(self) -> str:
        i, told = self.query.value, []
        for name in self._pair:
            found = f"{name} finds {self._rankings[name].ids[i].tolist()}"
            told.append(found if self._rankings[name].right is None else f"{found}, {self._quality(name)}")
        return f"(query={i}): {'; '.join(told)}; {self._differ()}"

    @property
    def alt(self) -> str:
        """What the panel shows now, in words."""
        i, told = self.query.value, []
        for name in self._pair:
            ranking = self._rankings[name]
            hits = ", ".join(self._b.words(int(j)) for j in ranking.ids[i])
            right = "" if ranking.right is None else f", of which {int(ranking.right[i].sum())} right"
            told.append(f"{name} finds {hits}{right}")
        return f"Query {self._a.words(i)}: {'; '.join(told)}."

    def figure(self) -> Figure:
        """The query's hits under both, one row each."""
        from ..plots import neighbours

        i = self.query.value
        shown = [self._rankings[name] for name in self._pair]
        queries = self._a.for_figure([i, i])
        right = None if shown[0].right is None else [r.right[i] for r in shown if r.right is not None]
        title = f"query {i}: {self._pair[0]} above, {self._pair[1]} below"
        gallery = self._b.for_figure(np.concatenate([r.ids[i] for r in shown]))
        places = np.arange(2 * len(shown[0].ids[i])).reshape(2, -1)
        return neighbours(queries, gallery, places, [r.scores[i] for r in shown], right, title=title)


def _rank(S: np.ndarray, k: int, truth: Truth | None) -> _Ranking:
    """Keep the ``k`` best of each row; equal scores stand in the order of their columns."""
    ids = np.argsort(-S, axis=1, kind="stable")[:, :k]
    right = None if truth is None else truth.of(np.arange(len(S))[:, None], ids)
    return _Ranking(ids, np.take_along_axis(S, ids, axis=1), right)
