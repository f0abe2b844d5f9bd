"""Items to learn on: drawn or rendered on the spot, and real sets that are downloaded when first asked for.

Each set is loaded by one function that returns :class:`Items`; ``wikipedia`` returns two tables of features. What
needs a download says so: ``spoken_digits``, ``esc10``, ``wikipedia``; ``python -m mmalign_nb.datasets`` fetches them ahead.
The reader's own data come by ``from_folder``, ``from_csv`` and ``from_arrays``, as a :class:`Collection`; ``sample`` is such a folder.
``read_video`` reads a film of the reader's own.
"""

# Not lazily: each function has the name of its module, and whoever imports the module first would otherwise
# find the module under that name. The modules load fonts, images and data when called, not here.
from ._items import Items
from .colors import colors
from .digits import digits
from .fetch import WikipediaFeatures, downloaded, esc10, spoken_digits, wikipedia
from .glyphs import glyphs, typefaces
from .measured import measured
from .nonsense import nonsense
from .own import Collection, Note, from_arrays, from_csv, from_folder, sample
from .things import things
from .video import Video, read_video

__all__ = [
    "Collection",
    "Items",
    "Note",
    "Video",
    "WikipediaFeatures",
    "colors",
    "digits",
    "downloaded",
    "esc10",
    "from_arrays",
    "from_csv",
    "from_folder",
    "glyphs",
    "measured",
    "nonsense",
    "read_video",
    "sample",
    "spoken_digits",
    "things",
    "typefaces",
    "wikipedia",
]
