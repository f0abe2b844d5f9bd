"""Panels for the notebooks: turn a knob, see and hear what changes."""

from .compare import ComparePanel
from .map import MapPanel
from .search import SearchPanel
from .threshold import ThresholdPanel

__all__ = ["ComparePanel", "MapPanel", "SearchPanel", "ThresholdPanel"]
