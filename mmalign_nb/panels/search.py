"""SearchPanel: type, draw, choose a picture or record a sound, and see what an index finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .._check import as_count, describe, one_of
from ..plots.style import as_words
from . import _export
from ._base import Control, Panel, choice
from ._media import Media
from .pads import read_sound, read_views

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..search import Hits, Index


class SearchPanel(Panel):
    """Search an index by words, while they are typed, by pictures, drawn or chosen, and by sounds, recorded or chosen.

    Words that the encoder does not know are named, and a query in which it knows nothing has no hits. For that the encoder
    has a method ``unknown(text) -> list of str``, as :class:`mmalign_nb.features.TfidfText` has; of a pipeline the first
    step is asked, and a function may have an attribute of this name. Of other encoders nothing is said.

    A saved page (:meth:`save_html`) searches without Python where ``TfidfText``, alone or before side b of a trained
    network, and ``CnnImage`` are the encoders, by cosine or dot product; it carries them in 16 bits and the vectors in 8.

    Parameters
    ----------
    index : Index
        What is searched (:class:`mmalign_nb.search.Index`).
    encoders : encoder, or a mapping of name to encoder, optional
        Anything that turns a list of texts into vectors ``(n, d)`` of the index's space: an object with ``transform``,
        a function, or two of the trained ones, ``(text encoder, network)``: the texts go through side b of the network.
        Several encoders can be chosen from. None, with ``pictures`` or ``sounds``, shows no box for words.
    items : optional
        What to show for a hit, in the order in which vectors were added to the index, as in :class:`ThresholdPanel`.
        Without it the ids are shown.
    pictures : encoder, optional
        Turns uint8 pictures ``(n, H, W)`` or ``(n, H, W, 3)`` into vectors of the index's space. With it the panel has a pad to
        draw on and takes picture files. Strokes are drawn again in the size that the ink of ``items`` usually has.
    sounds : encoder, optional
        Turns float32 sounds ``(n, samples)`` into vectors of the index's space; at its ``sample_rate``, or 16 kHz. With it the
        panel records up to five seconds from the microphone and takes sound files.
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
    drawing : uint8 (H, W) or (H, W, 3), or None
        What was drawn or chosen last, as the encoder takes it.
    recording : float32 (samples,), or None
        What was recorded or chosen last, in one channel.

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
        encoders: Any = None,
        items: Any = None,
        *,
        pictures: Any = None,
        sounds: Any = None,
        captions: Sequence[str] | None = None,
        query: str = "",
        k: int = 8,
    ) -> None:
        named = dict(encoders) if isinstance(encoders, Mapping) else {"words": encoders}
        if encoders is None and not (pictures is None and sounds is None):
            named = {}
        elif not named:
            raise ValueError("encoders is an empty mapping; want at least one encoder")
        if not all(hasattr(index, name) for name in ("ids", "search")):
            raise TypeError(f"index is {describe(index)}; want a search.Index")
        self._encoders = {as_words(name, "a name of encoders"): _as_function(f, name) for name, f in named.items()}  # fmt: skip
        self._sources = {name: _source(encoder) for name, encoder in named.items()}
        self._given, self._pictures = named, pictures
        self._see, self._listen = (
            None if one is None else _as_function(one, name, "{}")
            for name, one in (("pictures", pictures), ("sounds", sounds))
        )
        self._index, self._k = index, as_count(k, "k")
        ids = np.asarray(index.ids).tolist()
        self._row = {key: row for row, key in enumerate(ids)}
        self._media = Media(
            [str(key) for key in ids] if items is None else items, "items", len(ids), captions
        )
        self.hits: Hits | None = None
        self._asked: dict[str, Any] = {"by": "words"}
        self._views: np.ndarray | None = None
        self._sound: np.ndarray | None = None
        rate = getattr(getattr(sounds, "__self__", sounds), "sample_rate", 16000)
        heard = {"rate": as_count(rate, "sample_rate of sounds", 3000, 768_000), "seconds": 5}
        wanted = None if pictures is None else _wanted(getattr(pictures, "__self__", pictures), self._media)
        super().__init__()
        self._encoder, self._query = next(iter(self._encoders), ""), as_words(query, "query")
        self._data = {
            "encoders": list(self._encoders),
            "size": 72,
            "picture": wanted,
            "sound": None if sounds is None else heard,
        }
        self.query = Control(self, "_query", lambda value: as_words(value, "query"))
        self.encoder = choice(self, "_encoder", "encoder", list(self._encoders))
        self._refresh()
        self.observe(lambda _: self._ask({"by": "words"}), ["_query", "_encoder"])

    @property
    def drawing(self) -> np.ndarray | None:
        """What was drawn or chosen last, as the encoder takes it: dark on the gallery's paper."""
        return None if self._views is None else self._views[0].copy()

    @property
    def recording(self) -> np.ndarray | None:
        """What was recorded or chosen last: one channel."""
        return None if self._sound is None else self._sound.copy()

    def _ask(self, asked: dict[str, Any]) -> None:
        self._asked = asked
        self._refresh()

    def _refresh(self) -> None:
        """Ask the index, and show what it says; what was found before stays away if this fails."""
        self.hits, self._strange, told = None, list[str](), [""]
        by_words = self._asked["by"] == "words"
        self._guard(
            lambda _: told.append(self._search(self._query.strip()) if by_words else self._search_by_views())
        )(None)
        rows = self._rows()
        self._found = self._asked | {
            "query": self._query, "encoder": self._encoder, "told": told[-1], "rows": rows,
            "scores": self.hits.scores[0].tolist() if self.hits else [], "media": self._media.sent(rows),
        }  # fmt: skip

    def _search_by_views(self) -> str:
        """Find the hits of a sound, or of the mean of some views of a picture: one pen and size alone says too little."""
        heard = self._asked["by"] == "recording"
        encode, views = (self._listen, self._sound) if heard else (self._see, self._views)
        assert encode is not None
        assert views is not None
        self._check_index()
        vectors = np.asarray(encode(views[None] if heard else views))
        self.hits = self._index.search(vectors.mean(axis=0, keepdims=True), k=min(self._k, len(self._row)))
        return ""

    def _check_index(self) -> None:
        if len(self._index.ids) != len(self._row):
            raise ValueError("index has changed since this panel was made; make a new one")

    def _search(self, text: str) -> str:
        """Find the hits; gives what is to be said of the words."""
        from ..features.text import words

        if not text:
            return ""
        self._check_index()
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
        if "views" in asked:
            if asked["by"] == "recording":
                self._sound = read_sound(asked["buffers"])
            else:
                self._views = read_views(asked["buffers"], self._data["picture"])
            self._ask({key: asked[key] for key in ("by", "number")})
            return {}
        before = self._found
        with self.hold_trait_notifications():
            self._encoder, self._query = (
                one_of(asked["encoder"], "encoder", self._encoders),
                str(asked["query"]),
            )
        if self._found is before and self._asked["by"] != "words":  # the same words as before the picture
            self._ask({"by": "words"})
        return {}

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"_finder": self._finder()}

    def _finder(self) -> dict[str, Any] | None:
        """What a page needs to search by itself, if it can."""
        rows = _export.gallery(self._index)
        if rows is None:
            return None

        def fitting(sent: dict[str, Any] | None) -> dict[str, Any] | None:
            return sent if sent is not None and sent["dim"] == rows["dim"] else None

        texts = {
            name: sent for name, one in self._given.items() if (sent := fitting(_export.text_encoder(one)))
        }
        pictures = None if self._pictures is None else fitting(_export.picture_encoder(self._pictures))
        if not (texts or pictures):
            return None
        return {
            "gallery": rows, "texts": texts, "pictures": pictures, "k": self._k, "media": self._media.sent(small=True),
        }  # fmt: skip

    def _rows(self) -> list[int]:
        return [] if self.hits is None else [self._row[key] for key in self.hits.ids[0].tolist()]

    def _line(self) -> str:
        rows = self._rows()
        told = f"{len(rows)} hit{'' if len(rows) == 1 else 's'}"
        if self.hits is not None and rows:
            told += f", best {self.hits.scores[0, 0]:.2f}: {self._media.words(rows[0])}"
        by = f"query={self._query!r}" if self._asked["by"] == "words" else self._asked["by"]
        return f"({by}): {told}" + (f"; unknown: {', '.join(self._strange)}" if self._strange else "")

    @property
    def alt(self) -> str:
        """What the panel shows now, in words."""
        if self.hits is None:
            return f"A search box without hits. {self._found['told']}".strip()
        told = [
            f"{self._media.words(r)} ({s:.2f})"
            for r, s in zip(self._rows(), self.hits.scores[0], strict=True)
        ]
        sought = repr(self._query) if self._asked["by"] == "words" else f"a {self._asked['by']}"
        return f"Search for {sought}: {', '.join(told)}."

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
        by = self._asked["by"]
        query: Any = [self._query if by == "words" else "a recording"]
        if by in ("drawing", "picture") and self._views is not None:
            query = self._views[:1]
        return neighbours(
            query, gallery, np.arange(len(rows))[None], self.hits.scores, gallery_captions=captions
        )


def _as_function(encoder: Any, name: str, where: str = "encoders[{!r}]") -> Callable[[Any], Any]:
    """Return what turns items into vectors."""
    if isinstance(encoder, tuple) and len(encoder) == 2 and all(hasattr(x, "transform") for x in encoder):
        return lambda texts: encoder[1].transform(encoder[0].transform(texts), side="b")
    if hasattr(encoder, "transform"):
        return encoder.transform
    if callable(encoder):
        return encoder
    raise TypeError(
        f"{where.format(name) if '!r' in where else name} is {describe(encoder)}; want an object with transform, or a function"
    )


def _source(encoder: Any) -> Any:
    """What reads the words for an encoder and can name the unknown ones: itself, what it is a method of, or its first step."""
    encoder = encoder[0] if isinstance(encoder, tuple) else getattr(encoder, "__self__", encoder)
    if hasattr(encoder, "steps"):
        encoder = encoder.steps[0][1]
    found = getattr(encoder, "unknown", None)
    return getattr(found, "__self__", encoder) if callable(found) else None


def _nothing(vectors: Any) -> bool:
    """Whether a vector, sparse or not, is zero."""
    return not np.any(vectors.data if hasattr(vectors, "tocsr") else vectors)


def _wanted(encoder: Any, media: Media) -> dict[str, Any]:
    """The pictures that an encoder takes, and how large, where and on which paper the ink of the items usually is."""
    drawn = media.items if media.kind == "picture" else None
    shape = getattr(encoder, "shape_", None) or (None if drawn is None else drawn.shape[1:])
    if shape is None or len(shape) not in (2, 3):
        raise ValueError(
            "pictures does not say which size it takes (shape_), and items are no pictures; give items that are of this size"
        )
    wanted = {"height": shape[0], "width": shape[1], "channels": shape[2] if len(shape) == 3 else 1}
    usual = {"ink": 0.55, "center": [0.5, 0.5], "paper": 255}
    return wanted | (usual if drawn is None else usual | _usual_ink(drawn))


def _usual_ink(images: np.ndarray) -> dict[str, Any]:
    """Medians over the pictures: the longer side of the ink and its middle, as shares, and the paper, white or black."""
    some = images[:: max(len(images) // 1000, 1)].astype(np.int16)
    grey = some if some.ndim == 3 else some.mean(axis=3)
    paper = 255 if np.median(grey[:, [0, -1], :]) > 127 else 0
    ink = np.abs(grey - paper) > 64
    ink = ink[ink.any(axis=(1, 2))]
    if not len(ink):
        return {"paper": paper}
    ends = []
    for axis in (1, 2):  # rows that have ink, then columns
        line: np.ndarray = ink.max(axis=3 - axis)
        ends.append((line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)))
    (top, bottom), (left, right) = ends
    high, wide = grey.shape[1:]
    long = np.maximum(bottom - top, right - left) / max(high, wide)
    center = [float(np.median(left + right)) / 2 / wide, float(np.median(top + bottom)) / 2 / high]
    return {"paper": paper, "ink": float(np.median(long)), "center": center}
