"""Panels for the notebooks: turn a knob, see and hear what changes.

Every panel draws itself in the browser (``instrument/``): Python sends the data once, holds what is turned, and computes only what
the browser cannot. ``panel.save_html(path)`` is a page in which the panel lives without Python. Without a browser a panel is
a picture; without that, one line of text.
"""

from .compare import ComparePanel
from .map import MapPanel
from .pads import DrawPad, SoundPad
from .pair import PairPanel
from .search import SearchPanel
from .threshold import ThresholdPanel

__all__ = ["ComparePanel", "DrawPad", "MapPanel", "PairPanel", "SearchPanel", "SoundPad", "ThresholdPanel"]
