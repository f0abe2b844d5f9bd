"""SearchPanel: type, and see what an index finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .._check import as_count, describe, one_of
from ..plots.style import as_words
from ._base import Control, Panel, choice
from ._media import Media

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..search import Hits, Index


class SearchPanel(Panel):
    """Search an index by words, while they are typed.

    Words that the encoder does not know are named, and a query in which it knows nothing has no hits. For that the encoder
    has a method ``unknown(text) -> list of str``, as :class:`mmalign_nb.features.TfidfText` has; of a pipeline the first
    step is asked, and a function may have an attribute of this name. Of other encoders nothing is said.

    Parameters
    ----------
    index : Index
        What is searched (:class:`mmalign_nb.search.Index`).
    encoders : encoder, or a mapping of name to encoder
        Anything that turns a list of texts into vectors ``(n, d)`` of the index's space: an object with ``transform``,
        or a function. Several encoders can be chosen from.
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
    query, encoder : Control
        ``panel.query.value`` can be read and set from the next cell.
    hits : Hits or None
        What was found last: ids and scores; None before anything is typed, and where no word is known.

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

    _kind = traitlets.Unicode("search").tag(sync=True)
    _query, _encoder = (traitlets.Unicode().tag(sync=True) for _ in range(2))
    _found = traitlets.Dict().tag(sync=True)

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
        self._encoders = {as_words(name, "a name of encoders"): _as_function(f, name) for name, f in named.items()}  # fmt: skip
        self._sources = {name: _source(encoder) for name, encoder in named.items()}
        self._index, self._k = index, as_count(k, "k")
        ids = np.asarray(index.ids).tolist()
        self._row = {key: row for row, key in enumerate(ids)}
        self._media = Media(
            [str(key) for key in ids] if items is None else items, "items", len(ids), captions
        )
        self.hits: Hits | None = None
        super().__init__()
        self._encoder, self._query = next(iter(self._encoders)), as_words(query, "query")
        self._data = {"encoders": list(self._encoders), "size": 72}
        self.query = Control(self, "_query", lambda value: as_words(value, "query"))
        self.encoder = choice(self, "_encoder", "encoder", list(self._encoders))
        self._refresh()
        self.observe(lambda _: self._refresh(), ["_query", "_encoder"])

    def _refresh(self) -> None:
        """Ask the index, and show what it says; what was found before stays away if this fails."""
        self.hits, self._strange, told = None, list[str](), [""]
        self._guard(lambda _: told.append(self._search(self._query.strip())))(None)
        rows = self._rows()
        self._found = {
            "query": self._query, "encoder": self._encoder, "told": told[-1], "rows": rows,
            "scores": self.hits.scores[0].tolist() if self.hits else [], "media": self._media.sent(rows),
        }  # fmt: skip

    def _search(self, text: str) -> str:
        """Find the hits; gives what is to be said of the words."""
        from ..features.text import words

        if not text:
            return ""
        if len(self._index.ids) != len(self._row):
            raise ValueError("index has changed since this panel was made; make a new one")
        encode, source = self._encoders[self._encoder], self._sources[self._encoder]
        self._strange = [] if source is None else list(dict.fromkeys(source.unknown(text)))
        names, none = ", ".join(self._strange), {*words(text)} <= {*self._strange}
        if source is not None and none and _nothing(getattr(source, "transform", encode)([text])):
            return f"None of these words is known: {names}." if names else f"There is no word in “{text}”."
        self.hits = self._index.search(encode([text]), k=min(self._k, len(self._row)))
        if not names:
            return ""
        if none:
            return f"None of these words is known: {names}. The hits go by parts of them."
        return f"Unknown: {names}. The hits go by the rest of the query."

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self.hold_trait_notifications():
            self._encoder, self._query = (
                one_of(asked["encoder"], "encoder", self._encoders),
                str(asked["query"]),
            )
        return {}

    def _rows(self) -> list[int]:
        return [] if self.hits is None else [self._row[key] for key in self.hits.ids[0].tolist()]

    def _line(self) -> str:
        rows = self._rows()
        told = f"{len(rows)} hit{'' if len(rows) == 1 else 's'}"
        if self.hits is not None and rows:
            told += f", best {self.hits.scores[0, 0]:.2f}: {self._media.words(rows[0])}"
        return f"(query={self._query!r}): {told}" + (
            f"; unknown: {', '.join(self._strange)}" if self._strange else ""
        )

    @property
    def alt(self) -> str:
        """What the panel shows now, in words."""
        if self.hits is None:
            return f"A search box without hits. {self._found['told']}".strip()
        told = [
            f"{self._media.words(r)} ({s:.2f})"
            for r, s in zip(self._rows(), self.hits.scores[0], strict=True)
        ]
        return f"Search for {self._query!r}: {', '.join(told)}."

    def figure(self) -> Figure:
        """The query and its hits in one row."""
        from ..plots import neighbours, new_figure

        if self.hits is None or not (rows := self._rows()):
            return new_figure(6, 0.5)
        media = self._media
        captions = (
            None if media.captions is None or media.kind == "sound" else [media.captions[r] for r in rows]
        )
        gallery = media.for_figure(rows)  # of a sound it is the caption
        return neighbours(
            [self._query], gallery, np.arange(len(rows))[None], self.hits.scores, gallery_captions=captions
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


def _source(encoder: Any) -> Any:
    """What reads the words for an encoder and can name the unknown ones: itself, what it is a method of, or its first step."""
    encoder = getattr(encoder, "__self__", encoder)
    if hasattr(encoder, "steps"):
        encoder = encoder.steps[0][1]
    found = getattr(encoder, "unknown", None)
    return getattr(found, "__self__", encoder) if callable(found) else None


def _nothing(vectors: Any) -> bool:
    """Whether a vector, sparse or not, is zero."""
    return not np.any(vectors.data if hasattr(vectors, "tocsr") else vectors)
