"""Find the nearest of many vectors, always with ids and scores.

* ``Index``: add vectors once, ask for the nearest ones many times, remove, save and load; exact, or approximate for many;
* ``MilvusIndex``: the same protocol, kept by Milvus in a file, or by a server that many machines share;
* ``Hits``: what ``Index.search`` returns, the k best of each query;
* ``RangeHits``: what ``Index.search_range`` returns, all items above a threshold;
* ``Recall``: what ``Index.recall`` returns, the share that an approximate index finds.

For the rooms above: ``sides`` gives queries and the vectors of an index, ready to be scored.
"""

from ._hits import Hits, RangeHits, Recall
from ._index import Index
from ._index import sides as sides
from ._milvus import MilvusIndex

__all__ = ["Hits", "Index", "MilvusIndex", "RangeHits", "Recall"]
