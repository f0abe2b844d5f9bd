"""Items to learn on: drawn or rendered on the spot, and real sets that are downloaded when first asked for.

Each set is loaded by one function that returns :class:`Items`; ``wikipedia`` returns two tables of features. What
needs a download says so: ``spoken_digits``, ``esc10``, ``wikipedia``; ``python -m mmalign_nb.datasets`` fetches them ahead.
``read_video`` reads a film of the reader's own.
"""

# Not lazily: each function has the name of its module, and whoever imports the module first would otherwise
# find the module under that name. The modules load fonts, images and data when called, not here.
from ._items import Items
from .colors import colors
from .digits import digits
from .fetch import WikipediaFeatures, downloaded, esc10, spoken_digits, wikipedia
from .glyphs import glyphs, typefaces
from .nonsense import nonsense
from .things import things
from .video import Video, read_video

__all__ = [
    "Items",
    "Video",
    "WikipediaFeatures",
    "colors",
    "digits",
    "downloaded",
    "esc10",
    "glyphs",
    "nonsense",
    "read_video",
    "spoken_digits",
    "things",
    "typefaces",
    "wikipedia",
]
