"""The one container for items of several modalities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .._check import (
    as_audio,
    as_count,
    as_ids,
    as_images,
    as_labels,
    as_number,
    as_seed,
    as_texts,
    as_video,
    describe,
)

_MODALITIES = ("text", "text_zh", "image", "audio", "video")


@dataclass(frozen=True, eq=False, repr=False)
class Items:
    """Hold ``n`` items, each seen in one or more modalities; modalities that are absent are ``None``.

    Row ``i`` of every field describes the same item, so ``items.text[i]`` belongs to ``items.image[i]``.

    Parameters
    ----------
    ids : (n,) str or int
        Names of the items, without duplicates; they stay what they are.
    text, text_zh : list of str, optional
        Descriptions in English and in Chinese.
    image : uint8 (n, H, W, 3) or (n, H, W), optional
    audio : float32 (n, samples), optional
        Sound in [-1, 1]; needs ``sample_rate`` in Hz.
    video : uint8 (n, T, H, W, 3), optional
        Frames; needs ``fps`` in frames per second.
    label : (n,) array, optional
        A class for each item.
    factors : mapping of str to (n,) array, optional
        What is known of how each item was made (kind, colour, size, …).

    Raises
    ------
    TypeError, ValueError
        If a field has the wrong type or shape, if two fields differ in length, or if an id comes twice.

    Notes
    -----
    Notebook: ``00_start_here``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.datasets import Items
    >>> pets = Items(ids=["a", "b", "c"], text=["a cat", "a dog", "a frog"], label=[0, 0, 1])
    >>> pets
    Items(n=3: text, label)
    >>> pets[1:].text
    ['a dog', 'a frog']
    >>> pets[pets.label == 0].ids.tolist()
    ['a', 'b']
    """

    ids: np.ndarray
    text: list[str] | None = None
    text_zh: list[str] | None = None
    image: np.ndarray | None = None
    audio: np.ndarray | None = None
    sample_rate: int | None = None
    video: np.ndarray | None = None
    fps: float | None = None
    label: np.ndarray | None = None
    factors: Mapping[str, np.ndarray] | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("ids", as_ids(self.ids, "ids"))
        names, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            twice = names[counts > 1].tolist()[0]
            raise ValueError(f"ids has duplicates ({twice!r} comes {counts.max()} times); want each id once")
        for name in ("sample_rate", "fps"):
            if (value := getattr(self, name)) is not None:
                as_number(value, name, 0, above=True, what="a number per second,")
        checks = {
            "text": as_texts,
            "text_zh": as_texts,
            "image": as_images,
            "audio": as_audio,
            "video": as_video,
        }
        for name, check in checks.items():
            if (value := getattr(self, name)) is not None:
                put(name, check(value, name, allow_empty=True))
        if self.audio is not None and self.sample_rate is None:
            raise ValueError(
                "audio is given without sample_rate; want the number of samples per second, in Hz"
            )
        if self.video is not None and self.fps is None:
            raise ValueError("video is given without fps; want the number of frames per second")
        if self.label is not None:
            put("label", as_labels(self.label, "label"))
        if self.factors is not None:
            if not hasattr(self.factors, "items"):
                raise TypeError(
                    f"factors is {describe(self.factors)}; want a mapping of names to arrays (n,), e.g. {{'size': sizes}}"
                )
            put("factors", {k: as_labels(v, f"factors[{k!r}]") for k, v in self.factors.items()})
        for name, value in self._columns().items():
            if len(value) != len(self.ids):
                raise ValueError(
                    f"{name} has {len(value)} entries and ids has {len(self.ids)}; want one per item"
                )

    def _columns(self) -> dict[str, Any]:
        """All per-item fields that are present, factors among them as ``factors['name']``."""
        cols = {
            name: getattr(self, name) for name in (*_MODALITIES, "label") if getattr(self, name) is not None
        }
        cols.update({f"factors[{k!r}]": v for k, v in (self.factors or {}).items()})
        return cols

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities that are present."""
        return tuple(name for name in _MODALITIES if getattr(self, name) is not None)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int | slice | list[int] | np.ndarray) -> Items:
        """Return the chosen items, always as ``Items``: an int, a slice, a list of ints or a boolean mask."""
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index {index} is out of range for {len(self)} items")
            index = [int(index)]
        if not isinstance(index, slice):
            index = np.asarray(index)
            if index.ndim != 1:
                raise IndexError(
                    f"index is {describe(index)}; want an int, a slice, a list of ints or a boolean mask"
                )
            if index.dtype == bool and index.shape != (len(self),):
                raise IndexError(f"boolean mask has shape {index.shape}; want ({len(self)},)")
            if index.dtype.kind not in "biu":
                if index.size:
                    raise IndexError(f"index is {describe(index)}; want ints, a slice or a boolean mask")
                index = index.astype(int)
        rows = np.arange(len(self))[index]

        def take(value: Any) -> Any:
            if value is None:
                return None
            return [value[i] for i in rows] if isinstance(value, list) else value[index]

        per_item = {
            f.name: take(getattr(self, f.name))
            for f in fields(self)
            if f.name not in ("sample_rate", "fps", "factors")
        }
        factors = None if self.factors is None else {k: v[index] for k, v in self.factors.items()}
        return Items(**per_item, sample_rate=self.sample_rate, fps=self.fps, factors=factors)

    def split(self, test_size: int | float = 0.25, seed: int = 0) -> tuple[Items, Items]:
        """Return ``(train, test)``: a random part of the items and the rest, both in their old order.

        ``test_size`` is a share in (0, 1) or a number of items; ``seed`` makes the choice repeatable.
        """
        n = len(self)
        whole = hasattr(test_size, "__index__")
        k = as_count(test_size, "test_size") if whole else round(as_number(test_size, "test_size", 0, 1) * n)
        if not 0 < k < n:
            raise ValueError(
                f"test_size is {test_size!r}, which takes {k} of {n} items; want at least one item on each side"
            )
        test = np.zeros(n, bool)
        test[np.random.default_rng(as_seed(seed)).choice(n, size=k, replace=False)] = True
        return self[~test], self[test]

    def __repr__(self) -> str:
        parts = [name for name in ("text", "text_zh") if getattr(self, name) is not None]
        if self.image is not None:
            parts.append("image " + "×".join(map(str, self.image.shape[1:3])))
        if self.audio is not None and self.sample_rate:
            parts.append(f"audio {self.audio.shape[1] / self.sample_rate:.2g} s at {self.sample_rate} Hz")
        if self.video is not None and self.fps:
            parts.append(f"video {self.video.shape[1] / self.fps:.2g} s at {self.fps:g} fps")
        if self.label is not None:
            parts.append("label")
        if self.factors is not None:
            parts.append(f"factors {', '.join(self.factors)}")
        return f"Items(n={len(self)}: {', '.join(parts)})"
