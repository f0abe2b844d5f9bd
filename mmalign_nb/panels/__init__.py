from .threshold import ThresholdPanel
__all__ = ["ThresholdPanel"]
