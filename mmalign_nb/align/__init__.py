"""Who belongs to whom: from scores to pairs.

Every function takes a score matrix ``(n, m)`` (rows are side a, columns side b, higher is more alike) or a tuple
``(A, B)`` of embeddings, and each matching returns one ``Matches``. ``-inf`` in a score matrix says "never pair these". In
the order of chapter 04:

* ``min_match``, ``max_match``: one to one, by the least total distance or the greatest total similarity;
* ``threshold_match``: every pair at or above a line, many to many;
* ``nearest_match``, ``mutual_match``: each row's best column; two that are each other's best;
* ``greedy_match``: one to one, the best pair first;
* ``matching_path``: any of them at every threshold at once, a ``MatchingPath``; its curve is a ``PathCurve``;
* ``structure_match``: without a shared space and without a known pair, by what is near what inside each side;
* ``Matches``: the pairs, their scores and margins, and who stayed unmatched.
"""

from ._matches import Matches
from ._matchings import greedy_match, max_match, min_match, mutual_match, nearest_match, threshold_match
from ._path import MatchingPath, PathCurve, matching_path
from ._structure import structure_match

__all__ = [
    "Matches",
    "MatchingPath",
    "PathCurve",
    "greedy_match",
    "matching_path",
    "max_match",
    "min_match",
    "mutual_match",
    "nearest_match",
    "structure_match",
    "threshold_match",
]
