"""Shared spaces learned from pairs: after ``transform`` the two modalities can be compared.

Every projection is fitted on pairs, ``fit(A, B)``: row i of A belongs to row i of B. It then maps **one side at a
time**, ``transform(X, side="a")``, so that a query needs no partner and the two galleries may differ in size.
Neither side is standardised per column here (put a scaler in front if columns have different units); means are
removed. Side b's features are what scikit-learn calls ``y``, so pipelines, ``clone``, ``GridSearchCV`` and ``set_output``
work. Either side may be sparse, in fit and in transform, but for the target of ``RidgeMap``.
``DualEncoder`` puts two encoders in front: raw items in, one object to fit, search with, save and load.
"""

from ._base import LinearMap
from ._contrastive import Contrastive
from ._dual import DualEncoder
from ._linear import CCA, Procrustes, RidgeMap
from ._relative import Relative

__all__ = ["CCA", "Contrastive", "DualEncoder", "LinearMap", "Procrustes", "Relative", "RidgeMap"]
