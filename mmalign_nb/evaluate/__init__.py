"""How good is it, honestly? Reports on rankings and on chosen pairs; test data that training has seen; pairs that are wrong.

* ``retrieval_report``: hit@k, recall@k, MRR and mAP of searches, with intervals and chance;
* ``ranking_report``: lists of recommendations, with nDCG and coverage;
* ``pair_report``: precision and recall of the pairs that were chosen;
* ``leakage``: test items that training has seen;
* ``audit``: which of the pairs that are given seem to be wrong, and who would fit better.
"""

from ._audit import Audit, audit
from ._leakage import Leakage, leakage
from ._pairs import PairReport, pair_report
from ._ranking import RankingReport, ranking_report
from ._retrieval import RetrievalReport, retrieval_report

__all__ = [
    "Audit",
    "Leakage",
    "PairReport",
    "RankingReport",
    "RetrievalReport",
    "audit",
    "leakage",
    "pair_report",
    "ranking_report",
    "retrieval_report",
]
