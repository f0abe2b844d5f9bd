"""Items as HTML: a text to read, a picture to see, a sound to play, a clip to watch."""

from __future__ import annotations

import base64
import functools
import html
import io
from typing import Any

import numpy as np

from .._check import as_array, as_audio, as_number, as_video, describe, is_text
from ..datasets import Items
from ..plots.items import texts_or_images

escape = html.escape


class Media:
    """One side of a panel: ``n`` items of one modality, each of them encoded only when it is first shown.

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
    """

    def __init__(self, items: Any, name: str, n: int) -> None:
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
        self._html = functools.cache(self._encode)

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
        """Say which item this is, in a few words: the text itself, or ``picture 7``."""
        if self.kind == "text":
            text = self.items[i]
            return text if len(text) <= 60 else text[:59] + "…"
        return f"{self.kind} {i}"

    def for_figure(self, rows: Any) -> Any:
        """Some items as :func:`mmalign_nb.plots.neighbours` takes them: pictures, or words where there is no picture."""
        if self.kind == "picture":
            return self.items[np.asarray(rows)]
        if self.kind == "clip":
            return self.items[np.asarray(rows), self.items.shape[1] // 2]
        return [self.items[int(i)] if self.kind == "text" else self.words(int(i)) for i in rows]

    def html(self, i: int, name: str = "") -> str:
        """The item as HTML, with a text alternative; ``name`` is used for it in place of ``picture 7``."""
        return self._html(int(i)).replace("{name}", escape(name or self.words(int(i)), quote=True))

    def _encode(self, i: int) -> str:
        item = self.items[i]
        if self.kind == "text":
            return f'<span class="mm-text">{escape(item).replace("{", "&#123;")}</span>'
        if self.kind == "sound":
            return f'<audio controls preload="auto" aria-label="{{name}}" src="{uri("audio/wav", _wav(item, self.rate))}"></audio>'
        if self.kind == "clip":
            return f'<img class="mm-item" alt="{{name}}" src="{uri("image/webp", _encoded(item, "WEBP", duration=round(1000 / self.rate), loop=0, quality=80))}">'
        pixelated = ' style="image-rendering:pixelated"' if max(item.shape[:2]) <= 48 else ""
        return f'<img class="mm-item" alt="{{name}}" src="{uri("image/png", _encoded(item[None], "PNG"))}"{pixelated}>'


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


def uri(mime: str, data: bytes) -> str:
    """Bytes as a ``data:`` address."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def _encoded(images: Any, kind: str, **how: Any) -> bytes:
    """Pictures as a file of this kind, all of them one after the other."""
    from PIL import Image

    out = io.BytesIO()
    first, *rest = (Image.fromarray(image) for image in images)
    first.save(out, kind, **({"save_all": True, "append_images": rest} if rest else {}), **how)
    return out.getvalue()


def _wav(samples: np.ndarray, rate: float) -> bytes:
    """16-bit mono WAV, which every browser plays."""
    from scipy.io import wavfile

    out = io.BytesIO()
    wavfile.write(out, round(rate), (np.clip(samples, -1, 1) * 32767).astype("<i2"))
    return out.getvalue()
