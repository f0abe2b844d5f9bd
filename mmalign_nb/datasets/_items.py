"""The one container for items of several modalities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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

_MODALITIES = {
    "text": as_texts,
    "text_zh": as_texts,
    "image": as_images,
    "audio": as_audio,
    "video": as_video,
}


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
        for name, check in _MODALITIES.items():
            if (value := getattr(self, name)) is not None:
                put(name, check(value, name, allow_empty=True))
        for name, rate, what in (("audio", "sample_rate", "samples"), ("video", "fps", "frames")):
            if (value := getattr(self, rate)) is not None:
                as_number(value, rate, 0, above=True, what="a number per second,")
            elif getattr(self, name) is not None:
                raise ValueError(f"{name} is given without {rate}; want the number of {what} per second")
        if self.label is not None:
            put("label", as_labels(self.label, "label"))
        if self.factors is not None:
            if not hasattr(self.factors, "items"):
                raise TypeError(
                    f"factors is {describe(self.factors)}; want a mapping of names to arrays (n,), e.g. {{'size': sizes}}"
                )
            put("factors", {k: as_labels(v, f"factors[{k!r}]") for k, v in self.factors.items()})
        columns = {name: getattr(self, name) for name in (*_MODALITIES, "label")}
        columns |= {f"factors[{k!r}]": v for k, v in (self.factors or {}).items()}
        for name, value in columns.items():
            if value is not None and len(value) != len(self.ids):
                raise ValueError(
                    f"{name} has {len(value)} entries and ids has {len(self.ids)}; want one per item"
                )

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities that are present."""
        return tuple(name for name in _MODALITIES if getattr(self, name) is not None)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int | slice | list[int] | np.ndarray) -> Items:
        """Return the chosen items, always as ``Items``: an int, a slice, a list of ints or a boolean mask."""
        n = len(self)
        try:
            at = (
                index
                if isinstance(index, slice)
                else np.array(index, None if np.size(index) else int, ndmin=1)
            )
            rows = np.arange(n)[at]
            if rows.ndim != 1:
                raise IndexError(f"it has {rows.ndim} dimensions")
        except (IndexError, TypeError, ValueError) as err:
            want = f"an int, a slice, a list of ints or a boolean mask, for {n} items"
            raise IndexError(f"index is {describe(index)}; want {want} ({err})") from err

        def take(value: Any) -> Any:
            return [value[i] for i in rows] if isinstance(value, list) else value[at]

        taken = {
            name: take(x)
            for name in ("ids", *self.modalities, "label")
            if (x := getattr(self, name)) is not None
        }
        return replace(self, **taken, factors=self.factors and {k: take(v) for k, v in self.factors.items()})

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
