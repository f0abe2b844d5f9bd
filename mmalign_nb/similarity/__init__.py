"""How alike two items are. Higher is more alike; ``distance`` alone returns distances, and nothing else flips a sign.

In the order of chapter 02:

* ``similarity``, ``distance``, ``METRICS``: cosine, dot, Euclidean, Manhattan and Hamming, all rows with all rows;
* ``binarize``: real vectors as bits, for Hamming;
* ``top_k``, ``above``: the nearest rows, and all rows above a threshold, without the (n, m) matrix;
* ``hubness``, ``csls``, ``inverted_softmax``: items that are everybody's neighbour, and two corrections;
* ``modality_gap``, ``center``: two clouds that lie apart, and moving them together.

For the rooms above: ``Scores`` is the door for scores (a matrix or two sides of vectors), ``Gallery`` and ``as_rows``
the one for a single side that is searched many times.
"""

from ._measures import binarize, center, distance, similarity
from ._rows import METRICS, Rows, as_rows, norms
from ._scores import Scores
from ._space import Hubness, csls, hubness, inverted_softmax, modality_gap
from ._tiles import Gallery
from ._topk import Rivals, above, top_k

__all__ = [
    "METRICS",
    "Gallery",
    "Hubness",
    "Rivals",
    "Rows",
    "Scores",
    "above",
    "as_rows",
    "binarize",
    "center",
    "csls",
    "distance",
    "hubness",
    "inverted_softmax",
    "modality_gap",
    "norms",
    "similarity",
    "top_k",
]
