"""Items to learn on: all of them offline, drawn or rendered on the spot.

Each set is loaded by one function that returns :class:`Items`.
"""

# Not lazily: each function has the name of its module, and whoever imports the module first would otherwise
# find the module under that name. The modules load fonts, images and data when called, not here.
from ._items import Items
from .colors import colors
from .digits import digits
from .glyphs import glyphs, typefaces
from .things import things

__all__ = ["Items", "colors", "digits", "glyphs", "things", "typefaces"]
