from .pair import PairPanel
from .threshold import ThresholdPanel

__all__ = ["PairPanel", "ThresholdPanel"]
