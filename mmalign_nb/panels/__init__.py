"""Panels for the notebooks: turn a knob, see and hear what changes.

Every panel is a ``VBox`` of value widgets (no ``Output``, no ``interact``), so what it shows is data that the next
cell can use and the tests can compare. Without a kernel it is a picture; without a browser it is one line of text.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compare import ComparePanel
    from .map import MapPanel
    from .search import SearchPanel
    from .threshold import ThresholdPanel

__all__ = ["ComparePanel", "MapPanel", "SearchPanel", "ThresholdPanel"]

_HOME = {"ComparePanel": "compare", "MapPanel": "map", "SearchPanel": "search", "ThresholdPanel": "threshold"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; panels: {', '.join(_HOME)}")


def __dir__() -> list[str]:
    return sorted(__all__)
