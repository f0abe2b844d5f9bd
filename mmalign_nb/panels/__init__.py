"""Panels for the notebooks: turn a knob, see and hear what changes.

Every panel is a ``VBox`` of value widgets (no ``Output``, no ``interact``), so what it shows is data that the next
cell can use and the tests can compare. Without a kernel it is a picture; without a browser it is one line of text.
"""

from .compare import ComparePanel
from .map import MapPanel
from .search import SearchPanel
from .threshold import ThresholdPanel

__all__ = ["ComparePanel", "MapPanel", "SearchPanel", "ThresholdPanel"]
