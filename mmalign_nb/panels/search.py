"""SearchPanel: type, draw, choose a picture or record a sound, and see what an index finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from sklearn.utils.validation import check_is_fitted

from .._check import as_count, as_images, as_number, as_threshold, describe, one_of
from ..plots.style import as_words
from ..project import DualEncoder
from . import _export
from ._base import Control, Panel, choice
from .instrument import packed
from .media import Media
from .pads import read_sound, read_views

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..search import Hits, Index

_KINDS = {"words": "words", "drawing": "pictures", "picture": "pictures", "recording": "sounds"}


class SearchPanel(Panel):
    """Search an index by words, while they are typed, by pictures, drawn or chosen, by sounds, or by words and one of these.

    **Words.** Those that the encoder does not know are named, with the nearest that it knows, and a query in which it knows
    nothing has no hits. For that the encoder has the methods ``unknown``, ``known`` and ``nearest_known`` of
    :class:`mmalign_nb.features.TfidfText`; of a pipeline the first step is asked, and a function may have an attribute
    ``unknown``. Of other encoders nothing is said.

    **Two kinds at once.** With a ``weight`` w, words and a picture or a sound that are both there make one score,
    ``w · score(words) + (1 − w) · score(picture)``: for cosine, that of the weighted mean of the two unit vectors. Each hit
    shows both parts.

    **No.** With a ``threshold`` t hits that do not reach it are grey, and if none does, nothing matches. An unknown word is
    taken as a direction of its own in which no item lies: if a share s of the words is known, the cosine is √s times as large
    as it looks, so a hit has to reach ``t / √s``, and beside a picture ``t / (w √s + 1 − w)`` (below zero times, not divided).

    A saved page (:meth:`save_html`) searches without Python where ``TfidfText``, alone or before side b of a trained
    network, and ``CnnImage`` are the encoders, by cosine or dot product; it carries them in 16 bits and the vectors in 8.

    Parameters
    ----------
    index : Index
        What is searched (:class:`mmalign_nb.search.Index`).
    encoders : encoder, DualEncoder, or a mapping of name to encoder, optional
        Anything that turns a list of texts into vectors ``(n, d)`` of the index's space: an object with ``transform``,
        a function, or two of the trained ones, ``(text encoder, network)``: the texts go through side b of the network.
        Of a :class:`mmalign_nb.project.DualEncoder` the side that takes words; its other side is ``pictures`` or ``sounds``,
        if these are not given. Several encoders can be chosen from. None, with ``pictures`` or ``sounds``, shows no box for
        words.
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
    drawing : uint8 (H, W) or (H, W, 3), optional
        A picture to start with, of the size that ``pictures`` takes.
    weight : float, optional
        How much the words count where a picture or a sound is there too, in 0 … 1. None takes what came last alone.
    threshold : float, Threshold, or a mapping of kind to either, optional
        The line, or one for each kind of query: ``"words"``, ``"pictures"``, ``"sounds"`` and ``"both"``. A line that was chosen on
        words says nothing about drawings, which score otherwise.
    k : int
        How many hits.

    Attributes
    ----------
    query, encoder, weight : Control
        ``panel.query.value`` can be read and set from the next cell.
    hits : Hits or None
        What was found last: ids and scores; None before anything is typed, and where no word is known.
    parts : float32 (2, k), or None
        Of a search by two kinds, what the words and what the picture or sound gave to each hit.
    drawing : uint8 (H, W) or (H, W, 3), or None
        What was drawn or chosen last, as the encoder takes it.
    recording : float32 (samples,), or None
        What was recorded or chosen last, in one channel.

    Raises
    ------
    TypeError, ValueError
        If items or captions are not as many as the index has vectors, an encoder is none, a Threshold abstained, or a weight
        lies outside 0 … 1.

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
    >>> SearchPanel(index, lambda texts: [[1.0, 1.0]], query="a", k=1, threshold=0.9)
    SearchPanel(query='a'): nothing matches: no hit reaches the line of 0.90, best 0.71: short
    """

    _kind = traitlets.Unicode("search").tag(sync=True)
    _query, _encoder = (traitlets.Unicode().tag(sync=True) for _ in range(2))
    _weight = traitlets.Float(None, allow_none=True).tag(sync=True)
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
        drawing: Any = None,
        weight: float | None = None,
        threshold: Any = None,
        k: int = 8,
    ) -> None:
        if not all(hasattr(index, name) for name in ("ids", "search")):
            raise TypeError(f"index is {describe(index)}; want a search.Index")
        ids = np.asarray(index.ids).tolist()
        media = Media([str(key) for key in ids] if items is None else items, "items", len(ids), captions)
        named = dict(encoders) if isinstance(encoders, Mapping) else {"words": encoders}
        for name, one in tuple(named.items()):
            if isinstance(one, DualEncoder):
                named[name], seen, heard = _sides(one, media)
                pictures, sounds = (
                    (seen, heard) if pictures is None and sounds is None else (pictures, sounds)
                )
                encoders = named[name]  # a pair without words leaves the pads
        if encoders is None and not (pictures is None and sounds is None):
            named = {}
        elif not named:
            raise ValueError("encoders is an empty mapping; want at least one encoder")
        self._encoders = {as_words(name, "a name of encoders"): _as_function(f, name) for name, f in named.items()}  # fmt: skip
        self._sources = {name: _source(encoder) for name, encoder in named.items()}
        self._given, self._pictures = named, pictures
        self._see, self._listen = (
            None if one is None else _as_function(one, name, "{}")
            for name, one in (("pictures", pictures), ("sounds", sounds))
        )
        self._index, self._k = index, as_count(k, "k")
        self._row = {key: row for row, key in enumerate(ids)}
        self._media = media
        self._lines = _lines(threshold)
        self.hits: Hits | None = None
        self.parts: np.ndarray | None = None
        self._line_now: float | None = None  # what a hit has to reach, with this query
        self._asked: dict[str, Any] = {"by": "words"}
        self._seen: dict[str, Any] | None = (
            None  # the picture or sound that is there: by what, and its number
        )
        self._views: np.ndarray | None = None
        self._sound: np.ndarray | None = None
        rate = getattr(getattr(sounds, "__self__", sounds), "sample_rate", 16000)
        recorder = {"rate": as_count(rate, "sample_rate of sounds", 3000, 768_000), "seconds": 5}
        wanted = None if pictures is None else _wanted(getattr(pictures, "__self__", pictures), self._media)
        if drawing is not None:
            self._views = _as_view(drawing, wanted)
            self._asked = self._seen = {"by": "picture", "number": 0}
        super().__init__()
        self._encoder, self._query = next(iter(self._encoders), ""), as_words(query, "query")
        self._weight = as_weight(weight)
        self._data = {
            "encoders": list(self._encoders),
            "size": 72,
            "picture": wanted,
            "sound": None if sounds is None else recorder,
            "start": None if self._views is None else packed(self._views[0]),
        }
        self.query = Control(self, "_query", lambda value: as_words(value, "query"))
        self.encoder = choice(self, "_encoder", "encoder", list(self._encoders))
        self.weight = Control(self, "_weight", as_weight)
        self._answering = False
        self._refresh()
        self.observe(lambda _: self._turned({"by": "words"}), ["_query", "_encoder"])
        self.observe(lambda _: self._turned(self._asked), ["_weight"])

    @property
    def drawing(self) -> np.ndarray | None:
        """What was drawn or chosen last, as the encoder takes it: dark on the gallery's paper."""
        return None if self._views is None else self._views[0].copy()

    @property
    def recording(self) -> np.ndarray | None:
        """What was recorded or chosen last: one channel."""
        return None if self._sound is None else self._sound.copy()

    def _turned(self, asked: dict[str, Any]) -> None:
        """Python turned a knob."""
        if not self._answering:
            self._asked = asked
            self._refresh()

    @property
    def _both(self) -> bool:
        """Whether words and something else are searched by at once."""
        return bool(self._weight is not None and self._seen and self._encoders and self._query.strip())

    def _refresh(self) -> None:
        """Ask the index, and show what it says; what was found before stays away if this fails."""
        self.hits, self.parts, self._strange, self._line_now, told = None, None, list[str](), None, [""]
        if self._weight is not None and self._seen:
            self._asked = self._seen
        self._guard(lambda _: told.append(self._search()))(None)
        rows = self._rows()
        self._found = self._asked | {
            "query": self._query, "encoder": self._encoder, "weight": self._weight if self._both else None, "told": told[-1],
            "rows": rows, "scores": self.hits.scores[0].tolist() if self.hits else [], "reach": self._reach(),
            "parts": None if self.parts is None else self.parts.tolist(), "media": self._media.sent(rows),
        }  # fmt: skip

    def _search(self) -> str:
        """Find the hits; gives what is to be said of them."""
        by, text, told = self._asked["by"], self._query.strip(), [""]
        seen = self._vector(by) if by != "words" else None
        if seen is None and not text:
            return ""
        self._check_index()
        words, known = None, (1, 1)
        if seen is None or self._both:
            words, known, told[0] = self._words(text)
        if words is None and seen is None:
            return told[0]
        w, share = self._weight or 0.0, (known[0] / max(known[1], 1)) ** 0.5
        if words is not None and seen is not None:
            self._mix(words, seen, w)
            kind, counts = "both", w * share + 1 - w
            told.insert(0, f"Score = {w:.2f} × words + {1 - w:.2f} × {by}.")
        else:
            one = seen if words is None else words
            self.hits = self._index.search(one, k=min(self._k, len(self._row)))
            kind, counts = _KINDS[by if words is None else "words"], 1.0 if words is None else share
            told += [f"The hits go by the {by} alone."] if self._both else []
        if kind in self._lines and self.hits is not None:
            value, rule = self._lines[kind]
            self._line_now = _raised(value, counts)
            said = _verdict(self.hits.scores[0].tolist(), self._reach(), value, rule, counts, known)
            told.insert(len(told) if self._reach() else 0, said)
        return " ".join(filter(None, told))

    def _vector(self, by: str) -> Any:
        """Of a sound, or the mean of some views of a picture: one pen and size alone says too little."""
        encode, views = (self._listen, self._sound) if by == "recording" else (self._see, self._views)
        assert encode is not None
        assert views is not None
        self._check_index()
        return np.asarray(encode(views[None] if by == "recording" else views)).mean(axis=0, keepdims=True)

    def _check_index(self) -> None:
        if len(self._index.ids) != len(self._row):
            raise ValueError("index has changed since this panel was made; make a new one")

    def _words(self, text: str) -> tuple[Any, tuple[int, int], str]:
        """Their vector, or None if nothing is known; how many are known, of how many; and what is to be said of them."""
        from ..features.text import words

        encode, source = self._encoders[self._encoder], self._sources[self._encoder]
        if source is None:
            return encode([text]), (1, 1), ""
        self._strange = list(dict.fromkeys(source.unknown(text)))
        rest = [w for w in dict.fromkeys(words(text)) if w not in self._strange]
        known = len(rest), len(rest) + len(self._strange)
        if not self._strange and not rest:
            names = f"There is no word in “{text}”"
        else:
            near = (
                [source.nearest_known(w) for w in self._strange] if hasattr(source, "nearest_known") else []
            )
            names = f"{'Unknown' if rest else 'None of these words is known'}: {', '.join(self._strange)}"
            names += f"; nearest known: {', '.join(dict.fromkeys(n for n in near if n))}" if any(near) else ""
        if not rest and _nothing(getattr(source, "transform", encode)([text])):
            return None, known, f"{names}."
        if not rest:
            return encode([text]), known, f"{names}. The hits go by parts of them."
        told = f"{names}. The hits go by the rest: {', '.join(rest)}." if self._strange else ""
        return encode([text]), known, told

    def _mix(self, words: Any, seen: Any, w: float) -> None:
        """Score every item by both, and keep the best of the weighted sum; of equal ones the earlier."""
        from ..search import Hits

        n = len(self._row)
        both = np.empty((2, n), np.float32)
        for side, query in zip(both, (words, seen), strict=True):
            ids, scores = self._index.search(query, k=n)
            side[[self._row[key] for key in ids[0].tolist()]] = scores[0]
        mixed = w * both[0] + (1 - w) * both[1]
        best = np.argsort(-mixed, kind="stable")[: self._k]
        self.hits = Hits(np.asarray(self._index.ids)[best][None], mixed[best][None])
        self.parts = both[:, best]

    def _reach(self) -> int | None:
        """How many hits reach the line; None if there is no line."""
        if self._line_now is None or self.hits is None:
            return None
        return int((self.hits.scores[0].astype(float) >= self._line_now).sum())

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        by = one_of(asked.get("by", "words"), "by", _KINDS)
        if "views" in asked:
            if by == "recording":
                self._sound = read_sound(asked["buffers"])
            else:
                self._views = read_views(asked["buffers"], self._data["picture"])
            self._seen = {"by": by, "number": asked["number"]}
        elif asked.get("gone"):
            self._seen = None
        self._answering = True
        try:
            with self.hold_trait_notifications():
                self._weight = as_weight(asked.get("weight"))
                if "query" in asked:
                    self._encoder, self._query = one_of(asked["encoder"], "encoder", self._encoders), str(asked["query"])  # fmt: skip
        finally:
            self._answering = False
        self._asked = {"by": "words"} if by == "words" or self._seen is None else self._seen
        self._refresh()
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
            "lines": {kind: {"value": value, "rule": rule} for kind, (value, rule) in self._lines.items()},
        }  # fmt: skip

    def _rows(self) -> list[int]:
        return [] if self.hits is None else [self._row[key] for key in self.hits.ids[0].tolist()]

    def _by(self, words: str) -> str:
        """What was searched by, in words; ``words`` is how the query is written."""
        by = self._asked["by"]
        return (
            words if by == "words" else f"{words} and {by}, weight {self._weight:.2f}" if self._both else by
        )

    def _line(self) -> str:
        rows, reach = self._rows(), self._reach()
        told = f"{len(rows)} hit{'' if len(rows) == 1 else 's'}"
        if self.hits is not None and rows:
            best, name = f"{self.hits.scores[0, 0]:.2f}", self._media.words(rows[0])
            told += f", best {best}: {name}"
            if reach is not None:
                found = f"{reach} of {len(rows)} hits reach" if reach else "nothing matches: no hit reaches"
                told = f"{found} the line{self._at_line()}, best {best}: {name}"
        by = self._by(f"query={self._query!r}")
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
        sought, reach = self._by(repr(self._query)), self._reach()
        sought = sought if self._asked["by"] == "words" or self._both else f"a {sought}"
        if reach is None or reach == len(told):
            return f"Search for {sought}: {', '.join(told)}."
        found = ", ".join(told[:reach]) or "nothing matches"
        return f"Search for {sought}: {found}. Below the line{self._at_line()}: {', '.join(told[reach:])}."

    def _at_line(self) -> str:
        return "" if self._line_now in (None, np.inf) else f" of {self._line_now:.2f}"

    def figure(self) -> Figure:
        """The query and its hits in one row; those below the line are pale."""
        from ..plots import neighbours, new_figure

        if self.hits is None or not (rows := self._rows()):
            return new_figure(6, 0.5)
        media, reach, by = self._media, self._reach(), self._asked["by"]
        below = [reach is not None and k >= reach for k in range(len(rows))]
        captions = (
            None if media.captions is None or media.kind == "sound" else [media.captions[r] for r in rows]
        )
        gallery = media.for_figure(rows)  # of a sound it is the caption
        if any(below):
            names = captions or [""] * len(rows)
            captions = [f"below the line {n}".strip() if b else n for n, b in zip(names, below, strict=True)]
            if isinstance(gallery, np.ndarray):
                gallery[below] = 255 - (255 - gallery[below]) // 3
        query: Any = [self._query if by == "words" else "a recording"]
        if by in ("drawing", "picture") and self._views is not None:
            query = self._views[:1]
        return neighbours(
            query, gallery, np.arange(len(rows))[None], self.hits.scores, gallery_captions=captions,
            title=self._by(f"“{self._query}”") if self._both else "",
        )  # fmt: skip


def as_weight(value: Any) -> float | None:
    """None, or a number in 0 … 1."""
    return None if value is None else as_number(value, "weight", 0, 1)


def _lines(threshold: Any) -> dict[str, tuple[float, str]]:
    """The line of each kind of query, and the rule that chose it, if it is known."""
    kinds = ("words", "pictures", "sounds", "both")
    given = threshold if isinstance(threshold, Mapping) else dict.fromkeys(kinds, threshold)
    return {
        one_of(kind, "a name of threshold", kinds): (
            as_number(as_threshold(line), "threshold"),
            getattr(line, "rule", ""),
        )
        for kind, line in given.items()
        if line is not None
    }


def _raised(line: float, counts: float) -> float:
    """The line for a query of which only a part counts: higher, on whichever side of zero it lies."""
    return line * counts if line <= 0 else line / counts if counts > 0 else np.inf


def _verdict(scores: list[float], reach: int | None, line: float, rule: str, counts: float, known: tuple[int, int]) -> str:  # fmt: skip
    """What the line says, in words."""
    needed, why = _raised(line, counts), [f"rule {rule}"] if rule else []
    best, told = _apart(scores[0], needed)
    if 0 < counts < 1:
        words = f"{known[0]} of {known[1]} word{'' if known[1] == 1 else 's'} known"
        why.insert(0, f"{line:.2f} {'×' if line <= 0 else '÷'} {counts:.2f}: {words}")
    if needed == np.inf:
        told = f"{line:.2f}, beyond reach with no word known"
    said = f"he line is {told}" + (f" ({'; '.join(why)})" if why else "")
    if reach == 0:
        return f"Nothing matches: the best is {best}, t{said}."
    return f"T{said}; {reach} of {len(scores)} hits reach it."


def _apart(*values: float) -> list[str]:
    """Two numbers, with so many decimals that they look different if they are."""
    return next(
        told
        for decimals in range(2, 9)
        if len(set(told := [f"{x:.{decimals}f}" for x in values])) == len(set(values)) or decimals == 8
    )


def _as_view(drawing: Any, wanted: dict[str, Any] | None) -> np.ndarray:
    """A picture to start with, as the one view of itself."""
    if wanted is None:
        raise ValueError("drawing is given, and no encoder of pictures; give pictures as well")
    views = as_images(np.asarray(drawing)[None], "drawing[None]")
    shape = (wanted["height"], wanted["width"], *([3] if wanted["channels"] == 3 else []))
    if views.shape[1:] != shape:
        raise ValueError(f"drawing has shape {views.shape[1:]}; pictures takes {shape}")
    return views


def _sides(dual: DualEncoder, media: Media) -> tuple[Any, Any, Any]:
    """Of a DualEncoder, what takes words, what pictures and what sounds; None for what no side takes."""
    check_is_fitted(dual)
    parts = {s: getattr(dual, f"encoder_{s}_", getattr(dual, f"encoder_{s}")) for s in "ab"}
    parts = {
        s: getattr(part, "estimator", part) for s, part in parts.items()
    }  # of one that is wrapped as frozen
    alone = getattr(dual, "projection_", dual.projection) is None

    def takes(side: str, items: Any) -> bool:
        try:
            return len(dual.transform(items, side)) == 1
        except Exception:  # of whatever kind: an encoder refuses as it likes
            return False

    def sees(side: str) -> bool:
        shape = getattr(parts[side], "shape_", None)
        some = media.items[:1] if media.kind == "picture" else None
        some = some if shape is None else np.zeros((1, *shape), np.uint8)
        return some is not None and takes(side, some)

    def encoder(side: str | None) -> Any:
        """One side as this panel takes an encoder; where there is nothing between them, the parts themselves."""
        if side is None:
            return None
        mine, other = parts[side], parts["b" if side == "a" else "a"]
        if alone and not hasattr(other, "pairs_"):
            return mine
        if (
            alone
            and side == words
            and other.head != "none"
            and other.pairs_.columns == mine.transform(["a"]).shape[1]
        ):
            return mine, other
        function = partial(dual.transform, side=side)
        facts = ("unknown", "known", "nearest_known", "shape_", "sample_rate")
        function.__dict__.update({fact: getattr(mine, fact) for fact in facts if hasattr(mine, fact)})
        return function

    words = next((s for s in "ba" if takes(s, ["a"])), None)
    rest = [s for s in "ab" if s != words]
    sounds = next((s for s in rest if hasattr(parts[s], "sample_rate")), None)
    pictures = next((s for s in rest if s != sounds and sees(s)), None)
    return encoder(words), encoder(pictures), encoder(sounds)


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
