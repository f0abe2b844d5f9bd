"""Items to learn on: all of them offline, drawn or rendered on the spot.

Each set is loaded by one function that returns :class:`Items`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._items import Items

if TYPE_CHECKING:
    from .colors import colors
    from .digits import digits
    from .glyphs import glyphs, typefaces
    from .things import things

__all__ = ["Items", "colors", "digits", "glyphs", "things", "typefaces"]

_HOME = {
    "colors": "colors",
    "digits": "digits",
    "glyphs": "glyphs",
    "typefaces": "glyphs",
    "things": "things",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value  # the function, not the module of the same name
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
