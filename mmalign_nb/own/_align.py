"""From a folder to pairs: read, embed, match, and say where the line is."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._check import as_number, as_seed, describe, one_of
from .._files import as_path
from ..datasets import Collection
from ._encoders import Candidate, candidates
from ._pairs import folds, given_pairs, groups, twins
from ._result import FolderAlignment
from ._work import Work, digest

_SIDES = ("image", "audio", "video", "text", "text_zh")  # pictures and sounds first: side a


def align_folder(
    path: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    pairs: Any = None,
    encoder: Any = "auto",
    target: float = 0.9,
    a: str | None = None,
    b: str | None = None,
    labels: Any = None,
    seed: int = 0,
    progress: bool = True,
) -> FolderAlignment:
    """Find out which pictures, sounds and words of a folder belong together, and how sure that is."""
    target = as_number(target, "target", 0, 1, above=True, below=True)
    seed = as_seed(seed)
    collection = _collection(path, progress)
    a, b = _sides(collection, a, b)
    items = {"a": getattr(collection[a], a), "b": getattr(collection[b], b)}
    ids = [[str(x) for x in collection[side].ids] for side in (a, b)]
    given = given_pairs(pairs, collection.pairs(a, b), *ids)
    work = Work(None if out is None else as_path(out, "out") / "work")
    copies = twins(collection[a], a), twins(collection[b], b)
    fold = folds(groups(given, *copies), 5, seed)
    chosen = candidates(a, b)[0]
    dual, vectors, crossed = _cross_fit(chosen, items, given, fold, seed)
    matches, scores, known = _match(vectors, crossed, given, fold, copies)
    import pandas as pd

    from ..evaluate import audit
    from ..threshold import for_precision

    line = for_precision(scores[known >= 0], known[known >= 0] > 0, target)
    found = audit(crossed_scores(crossed, given, fold, len(ids[0])), given, metric="dot")
    return FolderAlignment(
        collection=collection, a=a, b=b, encoder=dual, vectors_a=vectors[0], vectors_b=vectors[1], pairs=given,
        matches=matches, scores=scores, known=known, threshold=None if line.abstained else float(line),
        promise=line.guarantee, voids=[line.warning], tried=pd.DataFrame({"encoder": [chosen.name]}),
        audit=pd.DataFrame({"a": np.array(ids[0])[found.pairs[:, 0]], "b": np.array(ids[1])[found.pairs[:, 1]], "suspicion": found.suspicion}),
        target=target, seed=seed,
    )  # fmt: skip


def _collection(path: Any, progress: bool) -> Collection:
    if isinstance(path, Collection):
        return path
    from ..datasets import from_folder

    return from_folder(path, progress=progress)


def _sides(collection: Collection, a: str | None, b: str | None) -> tuple[str, str]:
    """The two modalities: as named, else the two with most items, words last."""
    have = collection.modalities
    if len(have) < 2:
        raise ValueError(f"the folder has {' and '.join(have)} only; want two kinds of items, e.g. pictures and captions")
    for name, value in (("a", a), ("b", b)):
        if value is not None:
            one_of(value, name, have)
    rest = sorted((x for x in have if x not in (a, b)), key=lambda x: (-len(collection[x]), _SIDES.index(x)))
    two = [x or rest.pop(0) for x in (a, b)]
    if two[0] == two[1]:
        raise ValueError(f"a and b are both {a!r}; want two kinds of items")
    if a is None and b is None:
        two.sort(key=_SIDES.index)
    return two[0], two[1]


def _cross_fit(candidate: Candidate, items: dict[str, Any], given: np.ndarray, fold: np.ndarray, seed: int) -> Any:
    """The encoder fitted to all pairs, its vectors, and those of the encoders that did not see a fold."""
    from sklearn.base import clone

    dual = candidate.make(seed)

    def fitted(rows: np.ndarray) -> tuple[Any, list[np.ndarray]]:
        one = clone(dual).fit(*(_take(items[s], given[rows, k]) for k, s in enumerate("ab")))
        return one, [_unit(one.transform(items[s], side=s)) for s in "ab"]

    crossed = [fitted(np.flatnonzero(fold != k))[1] for k in range(int(fold.max()) + 1)]
    dual, vectors = fitted(np.arange(len(given)))
    return dual, vectors, crossed


def _take(items: Any, rows: np.ndarray) -> Any:
    return [items[i] for i in rows.tolist()] if isinstance(items, list) else items[rows]


def _unit(x: Any) -> np.ndarray:
    x = np.asarray(x.toarray() if hasattr(x, "toarray") else x, np.float32)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return np.ascontiguousarray(x / np.where(norm > 0, norm, 1))


def crossed_scores(crossed: Any, given: np.ndarray, fold: np.ndarray, n: int) -> np.ndarray:
    own = np.zeros(n, np.int64)
    own[given[:, 0]] = fold
    out = np.empty((n, len(crossed[0][1])), np.float32)
    for k, (x, y) in enumerate(crossed):
        out[own == k] = x[own == k] @ y.T
    return out


def _match(vectors: Any, crossed: Any, given: np.ndarray, fold: np.ndarray, copies: Any) -> Any:
    from ..align import max_match

    S = vectors[0] @ vectors[1].T
    rows = np.unique(given[:, 0])
    S[rows] = crossed_scores(crossed, given, fold, len(S))[rows]
    S[np.ix_(np.setdiff1d(np.arange(S.shape[0]), rows), np.unique(given[:, 1]))] = -np.inf
    matches = max_match(S)
    right = {(copies[0][i], copies[1][j]) for i, j in given.tolist()}
    with_partner = set(rows.tolist())
    known = [
        -1 if i not in with_partner else int((copies[0][i], copies[1][j]) in right) for i, j in matches.pairs.tolist()
    ]
    return matches, matches.scores.astype(np.float32), np.array(known, np.int8)
