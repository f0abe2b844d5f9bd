"""From raw items to vectors: one encoder per modality, all with ``fit`` and ``transform``.

Anything with ``transform(items) -> (n, d)`` is an encoder, so a large pretrained model plugs in beside these.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .audio import RnnAudio
    from .image import CnnImage
    from .text import TfidfText, Word2VecText

__all__ = ["CnnImage", "RnnAudio", "TfidfText", "Word2VecText"]

_HOME = {"CnnImage": "image", "RnnAudio": "audio", "TfidfText": "text", "Word2VecText": "text"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; encoders: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
