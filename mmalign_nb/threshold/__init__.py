"""What score is a match? Rules that choose a threshold, what each promises, and an alarm for when it is void.

In the order of chapter 05:

* ``sweep`` -> ``Sweep``: what every possible threshold keeps;
* ``best_f1``: the threshold of highest F1, which promises nothing;
* ``Labelling``: one label at a time, a promise about the matches at hand that holds whenever one stops; ``NextLine``: what more
  labels would buy;
* ``for_precision``: a promise for new data, from a labelled sample;
* ``for_fdr``: no labels, decoys that compete;
* ``Threshold``, ``Drift``: a line with its reasons, and the alarm of ``Threshold.check``.
"""

from ._labelling import Labelling, NextLine
from ._rules import Drift, Sweep, Threshold, best_f1, for_fdr, for_precision, sweep

__all__ = [
    "Drift",
    "Labelling",
    "NextLine",
    "Sweep",
    "Threshold",
    "best_f1",
    "for_fdr",
    "for_precision",
    "sweep",
]
