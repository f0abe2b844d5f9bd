"""How alike two items are. Higher is more alike; ``distance`` alone returns distances, and nothing else flips a sign.

In the order of chapter 02:

* ``similarity``, ``distance``, ``METRICS``: cosine, dot, Euclidean, Manhattan and Hamming, all rows with all rows;
* ``binarize``: real vectors as bits, for Hamming;
* ``top_k``: the nearest rows, without the (n, m) matrix;
* ``hubness``, ``csls``, ``inverted_softmax``: items that are everybody's neighbour, and two corrections;
* ``modality_gap``, ``center``: two clouds that lie apart, and moving them together.

For the rooms above: ``Scores`` is the door for scores, a matrix or two sides of vectors; ``as_rows``, ``norms`` and
``Gallery`` are the one for a single side that is searched many times; ``above`` finds all pairs above a threshold, and
``Rivals`` the best two of each row and column on the way; ``best_of`` scores candidates that somebody else has found.
"""

from ._measures import binarize, center, distance, similarity
from ._rows import METRICS
from ._rows import Rows as Rows
from ._rows import as_rows as as_rows
from ._rows import norms as norms
from ._scores import Scores as Scores
from ._space import Hubness, csls, hubness, inverted_softmax, modality_gap
from ._tiles import Gallery as Gallery
from ._topk import Rivals as Rivals
from ._topk import above as above
from ._topk import best_of as best_of
from ._topk import top_k

__all__ = [
    "METRICS",
    "Hubness",
    "binarize",
    "center",
    "csls",
    "distance",
    "hubness",
    "inverted_softmax",
    "modality_gap",
    "similarity",
    "top_k",
]
