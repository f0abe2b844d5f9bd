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
from .instrument import packed

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

    def sent(self, rows: Any = None, small: bool = False, most: float = math.inf) -> dict[str, Any]:
        """Items as the page gets them: texts, sprite sheets of pictures or of a clip's frames, or one run of samples.

        Of many, only some ``rows`` may be sent; they keep their numbers. ``small`` gives grey pictures 16 shades, puts photographs
        into JPEG files and sounds into 8 bits (companded by the μ-law of ITU-T G.711, so that quiet ones stay clear). With
        ``most``, a number of bytes, pictures get smaller until they fit, clips have eight frames, and of long sounds the
        loudest part is sent.
        """
        at = range(len(self.items)) if rows is None else np.asarray(rows).tolist()
        names = None if self.captions is None else [self.captions[i] for i in at]
        out: dict[str, Any] = {"kind": self.kind, "n": len(at), "names": names}
        if rows is not None:
            out["numbers"] = at
        if self.kind == "text":
            return out | {"texts": [self.items[i] for i in at]}
        items, rate = self.items if rows is None else self.items[at], self.rate
        if self.kind == "sound":
            if most < math.inf:
                items, rate = _shorter(items, rate, most / (1 if small else 2))
            samples = np.clip(items, -1, 1)
            if small:
                samples = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
                samples = np.rint(samples * 127).astype(np.int8)
            else:
                samples = (samples * 32767).astype(np.int16)
            return out | {"rate": round(rate), "samples": packed(samples)}
        if self.kind == "clip":
            if most < math.inf:
                frames = np.unique(np.linspace(0, items.shape[1] - 1, 8).astype(int))
                items, rate = items[:, frames], rate * len(frames) / items.shape[1]
            out |= {"frames": items.shape[1], "fps": rate}
            items = items.reshape(-1, *items.shape[2:])
        for size in (math.inf, 96, 72, 56, 40, 28):
            found = _sheets(_shrunk(items, size), small)
            if sum(map(len, found["sheets"])) <= most:
                break
        return out | found


def two_sides(a: Any, b: Any, shape: tuple[int, int], captions: Any) -> tuple[Media, Media]:
    """The items of both sides, with the names of each or None for either."""
    if not (isinstance(captions, (tuple, list)) and len(captions) == 2):
        raise TypeError(
            f"captions is {describe(captions)}; want two: names of a or None, and names of b or None"
        )
    return Media(a, "a", shape[0], captions[0]), Media(b, "b", shape[1], captions[1])


def _sheets(images: np.ndarray, small: bool) -> dict[str, Any]:
    """Pictures of one size side by side, on as few PNG files of bounded size as can be."""
    from PIL import Image

    height, width = images.shape[1:3]
    columns = max(1, min(_SHEET // width, math.ceil(math.sqrt(len(images)))))
    rows = max(1, min(_SHEET // height, math.ceil(len(images) / columns)))
    sheets, photographs = [], small and images.ndim == 4
    for start in range(0, len(images), columns * rows):
        some = images[start : start + columns * rows]
        sheet = np.full((rows * columns, *images.shape[1:]), 255, np.uint8)
        sheet[: len(some)] = some
        sheet = sheet.reshape(rows, columns, *images.shape[1:]).swapaxes(1, 2)
        sheet = sheet.reshape(rows * height, columns * width, *images.shape[3:])
        out = io.BytesIO()
        if small and images.ndim == 3:
            shades = Image.fromarray(((sheet.astype(np.uint16) + 8) // 17).astype(np.uint8))
            shades.putpalette([17 * shade for shade in range(16) for _ in range(3)])
            shades.save(out, "PNG", bits=4, optimize=True)
        else:
            Image.fromarray(sheet).save(out, "PNG")
        if photographs:  # of drawings the PNG is smaller, or not much larger, and keeps their edges
            lossy = io.BytesIO()
            Image.fromarray(sheet).save(lossy, "JPEG", quality=82, optimize=True)
            out = lossy if len(lossy.getvalue()) < 0.6 * len(out.getvalue()) else out
        sheets.append(memoryview(out.getvalue()))
    return {"width": width, "height": height, "columns": columns, "rows": rows, "sheets": sheets}


def _shrunk(images: np.ndarray, size: float) -> np.ndarray:
    """Pictures whose longer side is at most so many pixels."""
    from PIL import Image

    height, width = images.shape[1:3]
    by = size / max(height, width)
    if by >= 1 or not len(images):
        return images
    shape = max(round(width * by), 1), max(round(height * by), 1)
    return np.stack([np.asarray(Image.fromarray(x).resize(shape, Image.Resampling.BOX)) for x in images])


def _shorter(sounds: np.ndarray, rate: float, most: float) -> tuple[np.ndarray, float]:
    """Sounds of so many samples together: at half the rate, or a quarter, but not below 8 kHz; then the loudest part of each."""
    from scipy.signal import resample_poly

    while sounds.size > most and rate >= 16_000:
        sounds, rate = resample_poly(sounds, 1, 2, axis=1).astype(np.float32), rate / 2
    each = max(int(most / max(len(sounds), 1)), 1)
    if sounds.shape[1] <= each:
        return sounds, rate
    power = np.cumsum(np.pad(sounds.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    start = np.argmax(power[:, each:] - power[:, :-each], axis=1)
    return np.stack([sound[at : at + each] for sound, at in zip(sounds, start, strict=True)]), rate


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
