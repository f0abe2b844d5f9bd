"""Find the nearest of many vectors, always with ids and scores.

* ``Index``: add vectors once, ask for the nearest ones many times, save and load;
* ``Hits``: what ``Index.search`` returns, the k best of each query;
* ``RangeHits``: what ``Index.search_range`` returns, all items above a threshold.
"""

from ._exact import Hits, Index, RangeHits

__all__ = ["Hits", "Index", "RangeHits"]
