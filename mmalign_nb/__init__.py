"""Multimodal alignment by similarity search: which picture belongs to which words, and how sure is that.

The modules are the chapters' rooms, and data flows through them in one direction::

    datasets -> features -> project -> similarity -> align -> threshold / evaluate -> plots, panels -> own

Importing the package loads none of them (PEP 562): each is loaded when first used, so that
``import mmalign_nb`` does not wait for torch, gensim, scikit-learn or matplotlib.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "1.0.0"

_ROOMS = (
    "align",
    "datasets",
    "evaluate",
    "exercises",
    "explain",
    "features",
    "own",
    "panels",
    "plots",
    "project",
    "scale",
    "search",
    "similarity",
    "sync",
    "threshold",
)

__all__ = ["__version__", *_ROOMS]  # noqa: PLE0604 (a tuple of strings, unpacked)


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; rooms: {', '.join(_ROOMS)}")


def __dir__() -> list[str]:
    return sorted(__all__)
