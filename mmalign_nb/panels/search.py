"""SearchPanel: type, and see what an index finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from .._check import as_count, describe
from ..plots.style import as_words
from ._base import Panel, card
from ._media import Media, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..search import Hits, Index


class SearchPanel(Panel):
    """Search an index by words, while they are typed.

    Parameters
    ----------
    index : Index
        What is searched (:class:`mmalign_nb.search.Index`).
    encoders : encoder, or a mapping of name to encoder
        Anything that turns a list of texts into vectors ``(n, d)`` of the index's space: an object with ``transform``,
        or a function. Several encoders get a dropdown.
    items : optional
        What to show for a hit, in the order in which vectors were added to the index, as in :class:`ThresholdPanel`.
        Without it the ids are shown.
    captions : sequence of str, optional
        Words under the items, in the same order.
    query : str
        What the text box starts with.
    k : int
        How many hits.

    Attributes
    ----------
    query : Text
    encoder : Dropdown
    hits : Hits or None
        What was found last: ids and scores; None before anything is typed.

    Raises
    ------
    TypeError, ValueError
        If items or captions are not as many as the index has vectors, or an encoder is none.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.panels import SearchPanel
    >>> from mmalign_nb.search import Index
    >>> index = Index().add([[1.0, 0.0], [0.0, 1.0]], ids=["short", "long"])
    >>> SearchPanel(index, lambda texts: [[1.0, len(t)] for t in texts], query="umbrella", k=1)
    SearchPanel(query='umbrella'): 1 hit, best 0.99: long
    """

    def __init__(
        self,
        index: Index,
        encoders: Any,
        items: Any = None,
        *,
        captions: Sequence[str] | None = None,
        query: str = "",
        k: int = 8,
    ) -> None:
        named = dict(encoders) if isinstance(encoders, Mapping) else {"words": encoders}
        if not named:
            raise ValueError("encoders is an empty mapping; want at least one encoder")
        if not all(hasattr(index, name) for name in ("ids", "search")):
            raise TypeError(f"index is {describe(index)}; want a search.Index")
        self._encoders = {
            as_words(name, "a name of encoders"): _as_function(encoder, name)
            for name, encoder in named.items()
        }
        self._index, self._k = index, as_count(k, "k")
        ids = np.asarray(index.ids).tolist()
        self._row = {key: row for row, key in enumerate(ids)}
        self._media = Media([str(key) for key in ids] if items is None else items, "items", len(ids))
        self._captions = None if captions is None else as_words(captions, "captions", len(ids))
        self.hits: Hits | None = None
        self.query = widgets.Text(
            value=as_words(query, "query"), description="search", placeholder="describe what you look for", continuous_update=True,
            style={"description_width": "60px"}, layout={"flex": "1 1 380px"}, tooltip="Words to search for",
        )  # fmt: skip
        self.encoder = widgets.Dropdown(
            options=list(self._encoders), description="encoder", style={"description_width": "70px"},
            layout={"width": "300px"}, tooltip="What turns the words into a vector",
        )  # fmt: skip
        self._view = widgets.HTML()
        row = [self.query, self.encoder] if len(self._encoders) > 1 else [self.query]
        super().__init__([widgets.HBox(row, layout={"flex_flow": "row wrap"}), self._view])
        refresh = self._guard(lambda _: self._refresh())
        refresh(None)
        self.query.observe(refresh, "value")
        self.encoder.observe(refresh, "value")

    def _refresh(self) -> None:
        """Ask the index, and show what it says; what was found before stays away if this fails."""
        self.hits, self._view.value = None, ""
        words = self.query.value.strip()
        if words:
            vectors = self._encoders[self.encoder.value]([words])
            self.hits = self._index.search(vectors, k=min(self._k, len(self._row)))
            self._view.value = f'<div class="mm-cards">{"".join(self._cards())}</div>'
        self._say("" if words else "Type a few words.")

    def _found(self) -> list[tuple[int, float]]:
        """Row and score of each hit."""
        if self.hits is None:
            return []
        pairs = zip(self.hits.ids[0].tolist(), self.hits.scores[0].tolist(), strict=True)
        return [(self._row[key], score) for key, score in pairs]

    def _words(self, row: int) -> str:
        return self._media.words(row) if self._captions is None else self._captions[row]

    def _cards(self) -> list[str]:
        cards = []
        for place, (row, score) in enumerate(self._found()):
            inside = f'<div class="mm-pair">{self._media.html(row, self._words(row))}</div>'
            if self._captions is not None:
                inside += f'<div class="mm-text">{escape(self._captions[row])}</div>'
            cards.append(card(f"{place + 1}. &nbsp;{score:.3f}", inside))
        return cards

    def _line(self) -> str:
        found = self._found()
        told = f"{len(found)} hit{'' if len(found) == 1 else 's'}"
        if found:
            told += f", best {found[0][1]:.2f}: {self._words(found[0][0])}"
        return f"(query={self.query.value!r}): {told}"

    @property
    def alt(self) -> str:
        """What the panel shows now, in words."""
        if not (found := self._found()):
            return "A search box without hits."
        return (
            f"Search for {self.query.value!r}: "
            + ", ".join(f"{self._words(r)} ({s:.2f})" for r, s in found)
            + "."
        )

    def figure(self) -> Figure:
        """The query and its hits in one row."""
        from ..plots import neighbours, new_figure

        if not (found := self._found()):
            return new_figure(6, 0.5)
        rows, scores = (np.array(x) for x in zip(*found, strict=True))
        captions = None if self._captions is None else [self._captions[r] for r in rows]
        gallery = self._media.for_figure(rows)
        return neighbours(
            [self.query.value], gallery, np.arange(len(rows))[None], scores[None], gallery_captions=captions
        )


def _as_function(encoder: Any, name: str) -> Callable[[list[str]], Any]:
    """Return what turns texts into vectors."""
    if hasattr(encoder, "transform"):
        return encoder.transform
    if callable(encoder):
        return encoder
    raise TypeError(
        f"encoders[{name!r}] is {describe(encoder)}; want an object with transform, or a function"
    )
