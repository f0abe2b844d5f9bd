"""Items as the page shows them: a text to read, a picture to see, a sound to play, a clip to watch."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from .._check import as_array, as_audio, as_number, as_video, describe, is_text
from ..datasets import Items
from ..plots.items import texts_or_images
from ..plots.style import as_words

_SHEET = 2048  # pixels: a sprite sheet that every browser decodes


class Media:
    """One side of a panel: ``n`` items of one modality.

    Parameters
    ----------
    items : one of
        * a list of str;
        * uint8 images ``(n, H, W, 3)`` or ``(n, H, W)``;
        * ``(audio, sample_rate)``: float32 ``(n, samples)`` and Hz;
        * ``(video, fps)``: uint8 ``(n, T, H, W, 3)`` and frames per second;
        * ``(items, "image")``: a modality of ``Items``;
        * ``Items`` that have only one modality.
    name : str
        What the argument is called in error messages.
    n : int
        How many items there must be.
    captions : sequence of str, optional
        A name for each item.
    """

    def __init__(self, items: Any, name: str, n: int, captions: Any = None) -> None:
        self.rate: float = 0.0
        if isinstance(items, Items) or (
            isinstance(items, tuple) and len(items) and isinstance(items[0], Items)
        ):
            items = _pick(items, name)
        if isinstance(items, tuple) and not is_text(items):
            items = self._with_rate(items, name)
            self.kind = "clip" if items.ndim == 5 else "sound"
        elif getattr(getattr(items, "dtype", None), "kind", "") == "f" and items.ndim == 2:
            raise TypeError(
                f"{name} is {describe(items)} without a rate; for sound give ({name}, sample_rate)"
            )
        elif n == 0 and hasattr(items, "__len__") and len(items) == 0:
            items, self.kind = [], "text"
        else:
            items = texts_or_images(items, name)
            self.kind = "text" if isinstance(items, list) else "picture"
        self.items = items
        if len(items) != n:
            raise ValueError(
                f"{name} has {len(items)} items and there are {n} of its side; want one item for each"
            )
        self.captions = None if captions is None else as_words(captions, f"captions of {name}", n)

    def _with_rate(self, items: tuple[Any, ...], name: str) -> np.ndarray:
        if len(items) != 2:
            raise TypeError(
                f"{name} is {describe(items)}; (audio, sample_rate), (video, fps) or (items, modality) is wanted for {name}"
            )
        values, rate = items
        self.rate = as_number(
            rate, f"the rate of {name}", 0, 1e7, above=True, what="(audio, sample_rate) or (video, fps),"
        )
        values = as_array(values, name, "sound (n, samples) or video (n, T, H, W, 3)")
        return as_video(values, name) if values.ndim > 3 else as_audio(values, name)

    def words(self, i: int) -> str:
        """Say which item this is, in a few words: its caption, the text itself, or ``picture 7``."""
        if self.captions is None and self.kind != "text":
            return f"{self.kind} {i}"
        text = self.items[i] if self.captions is None else self.captions[i]
        return text if len(text) <= 60 else text[:59] + "…"

    def for_figure(self, rows: Any) -> Any:
        """Some items as :func:`mmalign_nb.plots.neighbours` takes them: pictures, or words where there is no picture."""
        if self.kind == "picture":
            return self.items[np.asarray(rows)]
        if self.kind == "clip":
            return self.items[np.asarray(rows), self.items.shape[1] // 2]
        return [self.items[int(i)] if self.kind == "text" else self.words(int(i)) for i in rows]

    def sent(self, rows: Any = None) -> dict[str, Any]:
        """Items as the page gets them: texts, sprite sheets of pictures or of a clip's frames, or one run of samples.

        Of many, only some ``rows`` may be sent; they keep their numbers.
        """
        at = range(len(self.items)) if rows is None else np.asarray(rows).tolist()
        names = None if self.captions is None else [self.captions[i] for i in at]
        out: dict[str, Any] = {"kind": self.kind, "n": len(at), "names": names}
        if rows is not None:
            out["numbers"] = at
        if self.kind == "text":
            return out | {"texts": [self.items[i] for i in at]}
        items = self.items if rows is None else self.items[at]
        if self.kind == "sound":
            samples = (np.clip(items, -1, 1) * 32767).astype(np.int16)
            return out | {
                "rate": round(self.rate),
                "samples": {
                    "dtype": "int16",
                    "shape": list(samples.shape),
                    "data": memoryview(samples.tobytes()),
                },
            }
        if self.kind == "clip":
            out |= {"frames": items.shape[1], "fps": self.rate}
        return out | _sheets(items.reshape(-1, *items.shape[-3:]) if self.kind == "clip" else items)


def two_sides(a: Any, b: Any, shape: tuple[int, int], captions: Any) -> tuple[Media, Media]:
    """The items of both sides, with the names of each or None for either."""
    if not (isinstance(captions, (tuple, list)) and len(captions) == 2):
        raise TypeError(
            f"captions is {describe(captions)}; want two: names of a or None, and names of b or None"
        )
    return Media(a, "a", shape[0], captions[0]), Media(b, "b", shape[1], captions[1])


def _sheets(images: np.ndarray) -> dict[str, Any]:
    """Pictures of one size side by side, on as few PNG files of bounded size as can be."""
    from PIL import Image

    height, width = images.shape[1:3]
    columns = max(1, min(_SHEET // width, math.ceil(math.sqrt(len(images)))))
    rows = max(1, min(_SHEET // height, math.ceil(len(images) / columns)))
    sheets = []
    for start in range(0, len(images), columns * rows):
        some = images[start : start + columns * rows]
        sheet = np.full((rows * columns, *images.shape[1:]), 255, np.uint8)
        sheet[: len(some)] = some
        sheet = sheet.reshape(rows, columns, *images.shape[1:]).swapaxes(1, 2)
        sheet = sheet.reshape(rows * height, columns * width, *images.shape[3:])
        out = io.BytesIO()
        Image.fromarray(sheet).save(out, "PNG")
        sheets.append(memoryview(out.getvalue()))
    return {"width": width, "height": height, "columns": columns, "rows": rows, "sheets": sheets}


def _pick(items: Any, name: str) -> Any:
    """Take one modality out of Items, with its rate where it has one."""
    held, *asked = (items,) if isinstance(items, Items) else items
    known = held.modalities
    modality = ", ".join(map(str, asked or known))
    if modality not in known:
        raise ValueError(
            f"{name} is Items with {', '.join(known) or 'no modality'}; say which to show, "
            f"for example ({name}, {known[0] if known else 'image'!r})"
        )
    values = getattr(held, modality)
    rate = {"audio": held.sample_rate, "video": held.fps}.get(modality)
    return values if rate is None else (values, rate)
