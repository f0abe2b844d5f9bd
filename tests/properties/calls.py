"""The table of calls: every public function and class of the package, with good small arguments and the kind of each."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import tempfile
from typing import Any

import dask
import numpy as np
import torch
from hostile import Call

from mmalign_nb import (
    align,
    datasets,
    evaluate,
    explain,
    panels,
    plots,
    project,
    scale,
    search,
    similarity,
    sync,
    threshold,
)
from mmalign_nb.features import (
    CnnImage,
    EfficientNetLite,
    RnnAudio,
    TfidfText,
    Word2VecText,
    WordLlamaText,
    from_sentence_transformers,
    from_torchvision,
    motion_energy,
    onset_strength,
)

# An optimizer's first use imports half of torch, with warnings of its own that are not ours to judge.
torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]).step()

rng = np.random.default_rng(0)
# Whole numbers, so that every dtype holds them; no zero rows, no ties among the scores.
A = rng.integers(1, 9, (6, 3)).astype(float)
B = rng.integers(1, 9, (5, 3)).astype(float)
A2, B2 = rng.integers(1, 99, (12, 4)).astype(float), rng.integers(1, 99, (12, 3)).astype(float)
BITS_A, BITS_B = (rng.integers(0, 2, (4, 9)).astype(float) for _ in range(2))
S = rng.permutation(30).reshape(6, 5).astype(float)
SQUARE = rng.permutation(36).reshape(6, 6).astype(float)
CANDIDATES = rng.permutation(40).astype(float)
RIGHT = CANDIDATES > 15
TEXTS = ["a red bell", "two blue drums", "a small bird", "the red clock", "a blue car", "one big bee"]
LABELS_A, LABELS_B = ["cat", "dog", "cat", "owl", "dog", "owl"], ["dog", "cat", "owl", "cat", "dog"]
IMAGES = rng.integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)
GREY = rng.integers(0, 256, (6, 8, 8)).astype(np.uint8)
SOUND = (rng.integers(-9, 10, (4, 1600)) / 16).astype(np.float32)
LONG = np.round(rng.normal(size=60) * 8)
TABLE = {"metric": "choice"}


def never_mind(*pairs: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(pairs)


def embedded(function: Any, **more: Any) -> Any:
    """A function of scores as one of two tables."""
    return lambda A, B, **kw: function((A, B), **more, **kw)


def fitted(make: Any, **fixed: Any) -> Any:
    """Fit a projection and map both sides: what a reader does with one."""

    def function(A: Any, B: Any, **parameters: Any) -> Any:
        p = make(**fixed, **parameters).fit(A, B)
        return p.transform(A2, "a"), p.transform(B2, "b"), p.score(A2, B2)

    return function


def transformed(X: Any, side: Any) -> Any:
    return _ridge().transform(X, side)


@functools.cache
def _ridge() -> Any:
    return project.RidgeMap().fit(A2, B2)


def text_encoder(make: Any) -> Any:
    def function(X: Any, **parameters: Any) -> Any:
        return make(**parameters).fit(X).transform(["a red car", "a bird"])

    return function


def trained(make: Any, **fixed: Any) -> Any:
    def function(X: Any, y: Any, **parameters: Any) -> Any:
        encoder = make(epochs=1, progress=False, **fixed, **parameters).fit(X, y)
        return encoder.transform(X).shape

    return function


def vectors_of(make: Any, **fixed: Any) -> Any:
    """A trained encoder asked about new items (trained once)."""

    @functools.cache
    def encoder() -> Any:
        items = IMAGES if make is CnnImage else SOUND
        return make(epochs=1, progress=False, **fixed).fit(items, np.arange(len(items)) % 2)

    return lambda X: encoder().transform(X)


@functools.cache
def _looks() -> Any:
    return CnnImage(dim=4, epochs=1, progress=False).fit(GREY, np.arange(len(GREY)) % 2)


class _Lengths:
    """In the place of a model of sentence-transformers."""

    def encode(self, inputs: Any, **options: Any) -> Any:
        return np.array([[len(text), 1.0] for text in inputs])


def two_towers(items_a: Any, items_b: Any) -> Any:
    """A DualEncoder fitted on pairs of texts and pictures, and asked about the same."""
    dual = project.DualEncoder(TfidfText(), _looks(), project.CCA()).fit(items_a, items_b)
    return dual.transform(items_a), dual.transform(items_b, "b"), dual.score(items_a, items_b)


def indexed(vectors: Any, queries: Any, ids: Any = None, k: Any = 2, metric: Any = "cosine") -> Any:
    return search.Index(metric).add(vectors, ids).search(queries, k)


@functools.cache
def _place() -> str:
    """A file of Milvus Lite, for as long as the tests run."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return f"{folder.name}/items.db"


@functools.cache
def _collection(metric: str, dim: int, text: bool) -> search.MilvusIndex:
    return search.MilvusIndex(_place(), f"c{len(metric)}_{dim}_{text}", metric)


def in_milvus(
    vectors: Any, queries: Any, ids: Any, k: Any = 2, threshold: Any = 0.5, modality: Any = None
) -> Any:
    """A MilvusIndex filled, asked and emptied; one collection for all of a form, since to make one takes its time."""
    form = np.shape(np.asarray(vectors)) if not hasattr(vectors, "shape") else vectors.shape
    text = isinstance(next(iter(np.ravel(np.asarray(ids, object))), ""), str)
    index = _collection("cosine", int(form[1]) if len(form) == 2 else 0, text)
    index.remove(index.ids)
    index.add(vectors, ids, modality=modality)
    return index.search(queries, k), index.search_range(queries, threshold), index.fields(index.ids)


def in_chunks(A: Any, B: Any, k: Any, metric: Any, chunk: Any) -> Any:
    return dask.compute(*scale.top_k(A, B, k, metric=metric, chunk=chunk), scheduler="synchronous")


class _Sums:
    def transform(self, X: Any) -> Any:
        return np.array([[float(x.sum()), 1.0] for x in X])


def in_folder(items: Any, chunk: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder, dask.config.set(scheduler="synchronous"):
        done = scale.embed(items, _Sums(), folder, chunk=chunk)
        again = scale.load(folder)
        return done.rows, again.vectors.compute(), again.failed


def approximate(vectors: Any, queries: Any, ids: Any, k: Any, effort: Any, kind: Any = "binary") -> Any:
    index = search.Index(kind=kind, effort=effort).add(vectors, ids)
    return index.search(queries, k), index.recall(queries, k)


def removed(vectors: Any, queries: Any, ids: Any, gone: Any, threshold: Any, confidence: Any) -> Any:
    index = search.Index("euclidean").add(vectors, ids).remove(gone)
    share = index.recall(queries, threshold=threshold, confidence=confidence)
    return (
        index.search_range(queries, threshold),
        share.found,
        align.threshold_match((queries, index), threshold),
    )


def walked(scores: Any, threshold: Any, mode: str, ties: Any) -> Any:
    path = align.matching_path(scores, mode, ties=ties)
    return path.lines, path.at(threshold)


def ranged(vectors: Any, queries: Any, threshold: Any) -> Any:
    return search.Index("euclidean").add(vectors).search_range(queries, threshold)


def shown(figure: Any) -> str:
    figure.figure.canvas.draw() if hasattr(figure, "figure") and hasattr(figure.figure, "canvas") else None
    return type(figure).__name__


def drawn(function: Any) -> Any:
    return lambda **kw: shown(function(**kw))


def said(panel: Any) -> Any:
    return lambda **kw: repr(panel(**kw))


def _turned(panel: Any, **values: Any) -> Any:
    for name, value in values.items():
        getattr(panel, name).value = value
    return panel


def labelled(matches: Any, target: Any = 0.9, delta: Any = 0.1, seed: Any = 0, t: Any = 20.0) -> Any:
    """Twenty answers, and what is promised after them."""
    labelling = threshold.Labelling(matches, target, delta, seed)
    for _ in range(20):
        if labelling.ask() is not None:
            labelling.answer(True)
    return len(labelling.asked), labelling.bound(t), repr(labelling)


MATCHES = align.max_match(S, 3)
LINE = threshold.best_f1(CANDIDATES, RIGHT)
SIDES = {"A": "matrix", "B": "matrix"}
MATRIX = {"scores": S, "threshold": 7.0, "ties": "lowest"}
MATRIX_KINDS = {"scores": "scores", "threshold": "number", "ties": "choice"}
ONLY_MATRIX = never_mind(("scores", "list of rows"))  # a good list of rows is tried as "list"
# Where a rule abstains its value is NaN, as the docstring says; so are a p-value without a null, a margin without a
# rival, and an interval without bootstrap.
ABSTAINS = never_mind(("scores", "all never"), ("scores", "all equal"), ("decoys", "all equal"))

CALLS = [
    Call(
        "DualEncoder",
        two_towers,
        {"items_a": TEXTS, "items_b": GREY},
        {"items_a": "texts", "items_b": "images"},
        {"items_a": ("X",), "items_b": ("X",)},
    ),
    Call(
        "DualEncoder side",
        lambda side: project.DualEncoder(_looks(), _looks()).transform(GREY, side),
        {"side": "b"},
        {"side": "choice"},
    ),
    Call(
        "EfficientNetLite",
        lambda X, size: EfficientNetLite(size).transform(X).round(3),
        {"X": IMAGES, "size": 32},
        {"X": "images", "size": "count"},
        skip=never_mind(("size", "1"), ("size", "large")),
    ),
    Call("WordLlamaText", lambda X: WordLlamaText().transform(X), {"X": TEXTS}, {"X": "texts"}),
    Call(
        "from_torchvision",
        lambda name, seed: from_torchvision(name, seed=seed).get_params(),
        {"name": "resnet18", "seed": 3},
        {"name": "choice", "seed": "seed"},
    ),
    Call(
        "from_sentence_transformers",
        lambda X, batch_size: from_sentence_transformers(_Lengths(), batch_size=batch_size).transform(X),
        {"X": TEXTS, "batch_size": 2},
        {"X": "texts", "batch_size": "count"},
    ),
    *(
        Call(f"similarity {m}", functools.partial(f, metric=m), {"A": A, "B": B}, SIDES)
        for m in ("cosine", "euclidean", "manhattan", "dot")
        for f in (similarity.similarity, similarity.distance)
    ),
    Call("similarity metric", similarity.similarity, {"A": A, "B": B, "metric": "cosine"}, TABLE),
    Call("distance metric", similarity.distance, {"A": A, "B": B, "metric": "cosine"}, TABLE),
    Call(
        "hamming",
        functools.partial(similarity.similarity, metric="hamming"),
        {"A": BITS_A, "B": BITS_B},
        SIDES,
        # bytes may be packed bits, which the other side's are not
        skip=never_mind(("A", "u1"), ("B", "u1"), ("A", "one column less"), ("B", "one column less")),
    ),
    Call("center", similarity.center, {"A": A, "mean": A.mean(axis=0)}, {"A": "matrix", "mean": "vector"}),
    Call("center itself", similarity.center, {"A": A}, {"A": "matrix"}),
    Call(
        "binarize sign",
        similarity.binarize,
        {"X": A - 4, "method": "sign", "packed": True},
        {"X": "matrix", "method": "choice"},
    ),
    Call(
        "binarize median",
        functools.partial(similarity.binarize, method="median"),
        {"X": A, "cut": np.array([3.0, 4, 5])},
        {"X": "matrix", "cut": "vector"},
    ),
    Call(
        "binarize hyperplanes",
        functools.partial(similarity.binarize, method="hyperplanes"),
        {"X": A, "n_bits": 9, "seed": 3},
        {"X": "matrix", "n_bits": "count", "seed": "seed"},
    ),
    Call(
        "top_k", similarity.top_k, {"A": A, "B": B, "k": 3, "metric": "dot"}, {**SIDES, "k": "count", **TABLE}
    ),
    Call("hubness", similarity.hubness, {"scores": S, "k": 2}, {"scores": "scores", "k": "count"}),
    Call("hubness of sides", embedded(similarity.hubness), {"A": A, "B": B, "k": 2}, {**SIDES, "k": "count"}),
    Call("csls", similarity.csls, {"scores": S, "k": 2}, {"scores": "scores", "k": "count"}),
    Call(
        "inverted_softmax",
        similarity.inverted_softmax,
        {"scores": S, "beta": 2.0},
        {"scores": "scores", "beta": "number"},
    ),
    Call("modality_gap", similarity.modality_gap, {"A": A, "B": B}, SIDES),
    Call(
        "Index",
        indexed,
        {"vectors": A, "queries": B, "ids": ["u", "v", "w", "x", "y", "z"], "k": 2, "metric": "cosine"},
        {"vectors": "matrix", "queries": "matrix", "ids": "ids", "k": "count", "metric": "choice"},
        {"queries": ("vectors",), "vectors": ("queries", "ids", "index")},
    ),
    *(
        [
            Call(
                "MilvusIndex",
                in_milvus,
                {
                    "vectors": A,
                    "queries": B,
                    "ids": ["u", "v", "w", "x", "y", "z"],
                    "k": 2,
                    "threshold": 0.25,
                },
                {"vectors": "matrix", "queries": "matrix", "ids": "ids", "k": "count", "threshold": "number"},
                {"queries": ("vectors",), "vectors": ("queries", "ids", "index")},
                # It holds float32 of lengths that float32 can square, and ids within 63 bits.
                skip=never_mind(("ids", "uint64")),
            )
        ]
        if importlib.util.find_spec("milvus_lite")
        else []
    ),
    Call(
        "scale.top_k",
        in_chunks,
        {"A": A, "B": B, "k": 3, "metric": "cosine", "chunk": 2},
        {**SIDES, "k": "count", "chunk": "count", **TABLE},
    ),
    Call(
        "scale.threshold_match",
        functools.partial(scale.threshold_match, chunk=2),
        {"A": A, "B": B, "threshold": 0.9},
        {**SIDES, "threshold": "number"},
    ),
    Call("scale.embed, scale.load", in_folder, {"items": A, "chunk": 4}, {"chunk": "count"}),
    *(
        Call(
            f"Index {kind}",
            functools.partial(approximate, kind=kind),
            {"vectors": A, "queries": B, "ids": ["u", "v", "w", "x", "y", "z"], "k": 2, "effort": 4},
            {"vectors": "matrix", "queries": "matrix", "ids": "ids", "k": "count", "effort": "count"},
            {"queries": ("vectors",), "vectors": ("queries", "ids", "index")},
            skip=never_mind(("effort", "None"), ("queries", "no rows")),  # no share of nothing
        )
        for kind in ("binary", "hnsw")
    ),
    Call(
        "remove",
        removed,
        {
            "vectors": A,
            "queries": B,
            "ids": ["u", "v", "w", "x", "y", "z"],
            "gone": ["w"],
            "threshold": -9.0,
            "confidence": 0.75,
        },
        {
            "vectors": "matrix",
            "queries": "matrix",
            "ids": "ids",
            "threshold": "number",
            "confidence": "number",
        },
        {"queries": ("vectors",), "vectors": ("queries", "ids", "index"), "ids": ("index",)},
    ),
    Call(
        "search_range",
        ranged,
        {"vectors": A, "queries": B, "threshold": -3.0},
        {"vectors": "matrix", "queries": "matrix", "threshold": "number"},
        {"vectors": ("queries", "index")},
    ),
    *(
        Call(f"{name} matrix", getattr(align, name), MATRIX, MATRIX_KINDS, skip=ONLY_MATRIX)
        for name in ("max_match", "nearest_match", "mutual_match", "greedy_match")
    ),
    *(
        Call(
            f"{name} sides",
            embedded(getattr(align, name)),
            {"A": A, "B": B, "metric": "euclidean"},
            {**SIDES, **TABLE},
        )
        for name in ("max_match", "nearest_match", "mutual_match", "greedy_match")
    ),
    Call(
        "structure_match",
        lambda A, B: align.structure_match(A, B).pairs,
        {"A": A, "B": B},
        {"A": "matrix", "B": "matrix"},
    ),
    Call(
        "audit",
        lambda scores: evaluate.audit(scores, [(0, 0), (1, 2), (3, 1)])[:4],
        {"scores": S},
        {"scores": "scores"},
    ),
    Call("measured", lambda name: sorted(datasets.measured(name)), {"name": "scarce"}, {"name": "choice"}),
    Call(
        "threshold_match",
        align.threshold_match,
        {"scores": S, "threshold": 7.0},
        {"scores": "scores", "threshold": "number"},
    ),
    Call(
        "threshold_match sides",
        embedded(align.threshold_match),
        {"A": A, "B": B, "threshold": 0.9},
        {**SIDES, "threshold": "number"},
    ),
    Call(
        "min_match",
        align.min_match,
        {"distances": S, "max_distance": 20.0, "ties": "drop"},
        {"distances": "distances", "max_distance": "number", "ties": "choice"},
    ),
    Call(
        "min_match sides",
        embedded(align.min_match, metric="euclidean"),
        {"A": A, "B": B, "max_distance": 6.0},
        {**SIDES, "max_distance": "number"},
    ),
    *(
        Call(
            f"matching_path {mode}",
            functools.partial(walked, mode=mode),
            {"scores": S, "threshold": 7.0, "ties": "lowest"},
            {**MATRIX_KINDS, "scores": "distances" if mode == "min" else "scores"},
            skip=ONLY_MATRIX | never_mind(("threshold", "None")) if mode == "threshold" else ONLY_MATRIX,
        )
        for mode in ("max", "min", "threshold", "nearest", "greedy")
    ),
    Call(
        "matching_path sides",
        embedded(align.matching_path),
        {"A": A, "B": B, "mode": "mutual", "metric": "euclidean"},
        {**SIDES, **TABLE, "mode": "choice"},
    ),
    Call(
        "MatchingPath.curve",
        lambda a, b: align.matching_path(S).curve((a, b)).precision,
        {"a": LABELS_A, "b": LABELS_B},
        {"a": "labels", "b": "labels"},
        {"a": ("truth",), "b": ("truth",)},
    ),
    Call(
        "Matches.evaluate labels",
        lambda a, b: MATCHES.evaluate((a, b)),
        {"a": LABELS_A, "b": LABELS_B},
        {"a": "labels", "b": "labels"},
        {"a": ("truth",), "b": ("truth",)},
    ),
    Call(
        "Matches.to_frame",
        MATCHES.to_frame,
        {"ids_a": list("uvwxyz"), "ids_b": list("klmno")},
        {"ids_a": "ids", "ids_b": "ids"},
        skip=never_mind(("ids_a", "twice"), ("ids_b", "twice")),
    ),
    Call(
        "sweep",
        threshold.sweep,
        {"scores": CANDIDATES, "truth": RIGHT, "total": 30},
        {"scores": "candidates", "total": "count"},
        {"scores": ("truth",)},
    ),
    Call(
        "sweep of a matrix",
        lambda scores: threshold.sweep(scores, "diagonal"),
        {"scores": SQUARE},
        {"scores": "scores"},
        {"scores": ("truth",)},
        never_mind(("scores", "1-D")),
    ),
    Call(
        "Labelling",
        labelled,
        {"matches": CANDIDATES, "target": 0.75, "delta": 0.25, "seed": 3, "t": 20.0},
        {"matches": "candidates", "target": "number", "delta": "number", "seed": "seed", "t": "number"},
        {"t": ("threshold",)},
        never_mind(
            ("matches", "all never"), ("matches", "all equal"), ("matches", "no rows"), ("t", "inf")
        ),  # nothing reaches t: NaN, as said
    ),
    Call(
        "best_f1",
        threshold.best_f1,
        {"scores": CANDIDATES, "truth": RIGHT},
        {"scores": "candidates"},
        {"scores": ("truth",)},
        skip=ABSTAINS,
    ),
    Call(
        "for_precision",
        threshold.for_precision,
        {"scores": CANDIDATES, "truth": RIGHT, "target": 0.75, "delta": 0.25},
        {"scores": "candidates", "target": "number", "delta": "number"},
        {"scores": ("truth",)},
        skip=ABSTAINS,
    ),
    Call(
        "for_fdr",
        threshold.for_fdr,
        {"scores": CANDIDATES, "decoys": CANDIDATES[::-1] - 9, "target": 0.5},
        {"scores": "candidates", "decoys": "candidates", "target": "number"},
        {"scores": ("decoys",), "decoys": ("scores",)},
        skip=ABSTAINS,
    ),
    Call(
        "Threshold.check",
        lambda new_scores, alpha: LINE.check(new_scores, alpha=alpha),
        {"new_scores": CANDIDATES, "alpha": 0.0625},
        {"new_scores": "candidates", "alpha": "number"},
        {"new_scores": ("new scores",)},
    ),
    Call(
        "ranking_report",
        evaluate.ranking_report,
        {
            "scores": SQUARE,
            "truth": "diagonal",
            "gains": SQUARE + 1,
            "n_boot": 5,
            "confidence": 0.75,
            "seed": 1,
        },
        {"scores": "scores", "gains": "matrix", "n_boot": "count", "confidence": "number", "seed": "seed"},
        {"scores": ("truth", "gains")},
        never_mind(("n_boot", "0")),
    ),
    Call(
        "ranking_report of sides",
        lambda A, B, a, b: evaluate.ranking_report((A, B), (a, b), ks=(2,), n_boot=0),
        {"A": A, "B": B, "a": LABELS_A, "b": LABELS_B},
        {**SIDES, "a": "labels", "b": "labels"},
        {"A": ("truth",), "B": ("truth",), "a": ("truth",), "b": ("truth",)},
    ),
    Call(
        "retrieval_report",
        evaluate.retrieval_report,
        {"scores": SQUARE, "truth": "diagonal", "n_boot": 5, "confidence": 0.75, "seed": 1},
        {"scores": "scores", "n_boot": "count", "confidence": "number", "seed": "seed"},
        {"scores": ("truth",)},
        never_mind(("n_boot", "0")),
    ),
    Call(
        "retrieval_report of sides",
        lambda A, B, a, b: evaluate.retrieval_report((A, B), (a, b), n_boot=0),
        {"A": A, "B": B, "a": LABELS_A, "b": LABELS_B},
        {**SIDES, "a": "labels", "b": "labels"},
        {"A": ("truth",), "B": ("truth",), "a": ("truth",), "b": ("truth",)},
    ),
    Call(
        "pair_report",
        lambda confidence: evaluate.pair_report(MATCHES, [(0, 1)], confidence=confidence),
        {"confidence": 0.75},
        {"confidence": "number"},
    ),
    Call(
        "leakage of texts",
        evaluate.leakage,
        {"train": TEXTS, "test": TEXTS[3:]},
        {"train": "texts", "test": "texts"},
        {"train": ("test",), "test": ("train",)},
        never_mind(("train", "numbers"), ("test", "numbers")),
    ),
    Call(
        "leakage of vectors",
        evaluate.leakage,
        {"train": A, "test": B, "threshold": 0.5},
        {"train": "matrix", "test": "matrix", "threshold": "number"},
        {"train": ("test",), "test": ("train",)},
    ),
    Call(
        "leakage of pictures",
        evaluate.leakage,
        {"train": GREY, "test": GREY[3:]},
        {"train": "frames"},
        {"train": ("test",)},
    ),
    Call(
        "score_terms",
        lambda x_a, x_b, metric, side, baseline: explain.score_terms(
            _ridge(), x_a, x_b, metric=metric, side=side, baseline=baseline
        ),
        {"x_a": A2[0], "x_b": B2[1], "metric": "cosine", "side": "a", "baseline": "mean"},
        {"x_a": "vector", "x_b": "vector", "metric": "choice", "side": "choice", "baseline": "choice"},
    ),
    Call(
        "score_terms names",
        lambda names_a: explain.score_terms(_ridge(), A2[0], B2[1], names_a=names_a),
        {"names_a": list("abcd")},
        {"names_a": "texts"},
    ),
    Call(
        "best_offset",
        sync.best_offset,
        {"a": LONG, "b": LONG[5:], "rate": 25.0, "max_offset": 9, "shuffles": 3, "tolerance": 1, "seed": 2},
        {
            "a": "frames",
            "b": "frames",
            "rate": "number",
            "max_offset": "count",
            "shuffles": "count",
            "tolerance": "count",
            "seed": "seed",
        },
        {"a": ("b",), "b": ("a",)},
        never_mind(("shuffles", "0"), ("max_offset", "0"), ("tolerance", "inf")),
    ),
    Call(
        "synchronize",
        sync.synchronize,
        {
            "a": LONG,
            "b": LONG[5:],
            "rate": 12.0,
            "max_offset": 9,
            "alpha": 0.25,
            "window": 6,
            "copies": 9,
            "seed": 2,
        },
        {
            "a": "frames",
            "b": "frames",
            "rate": "number",
            "max_offset": "count",
            "alpha": "number",
            "window": "count",
            "copies": "count",
            "seed": "seed",
        },
        {"a": ("b",), "b": ("a",)},
    ),
    Call("dtw_path", sync.dtw_path, {"cost": S}, {"cost": "matrix"}),
    *(
        Call(
            f"{make.__name__} fit",
            fitted(make, **fixed),
            {"A": A2, "B": B2, **parameters},
            {**SIDES, **kinds},
            {"A": ("B", "X"), "B": ("A", "X")},
            skip=never_mind(*skip),
        )
        for make, fixed, parameters, kinds, skip in (
            (
                project.CCA,
                {},
                {"dim": 2, "reg": 0.125, "power": 2.0},
                {"dim": "count", "reg": "number", "power": "number"},
                [("A", "one column less"), ("B", "one column less")],
            ),
            (
                project.RidgeMap,
                {},
                {"alpha": 2.0, "direction": "a_to_b"},
                {"alpha": "number", "direction": "choice"},
                [("A", "one column less"), ("B", "one column less")],
            ),
            (
                project.Procrustes,
                {},
                {"dim": 2},
                {"dim": "count"},
                [("A", "one column less"), ("B", "one column less")],
            ),
            (
                project.Relative,
                {},
                {"anchors": 6, "top_k": 4, "power": 2.0, "seed": 1},
                {"anchors": "count", "top_k": "count", "power": "number", "seed": "seed"},
                [("A", "one column less"), ("B", "one column less")],
            ),
            (
                project.Contrastive,
                {"epochs": 2, "progress": False},
                {"dim": 2, "batch_size": 4, "lr": 0.0078125, "temperature": 0.25, "seed": 1},
                {
                    "dim": "count",
                    "batch_size": "count",
                    "lr": "number",
                    "temperature": "number",
                    "seed": "seed",
                },
                [("A", "one column less"), ("B", "one column less")],
            ),
        )
    ),
    Call("transform", transformed, {"X": A2, "side": "a"}, {"X": "matrix", "side": "choice"}),
    Call(
        "TfidfText",
        text_encoder(TfidfText),
        {"X": TEXTS, "dim": 2, "min_df": 1, "char_weight": 0.5, "seed": 1},
        {"X": "texts", "dim": "count", "min_df": "count", "seed": "seed"},
    ),
    Call(
        "Word2VecText",
        text_encoder(functools.partial(Word2VecText, epochs=1)),
        {"X": TEXTS, "dim": 4, "window": 2, "negative": 2, "weight": "tfidf", "seed": 1},
        {
            "X": "texts",
            "dim": "count",
            "window": "count",
            "negative": "count",
            "weight": "choice",
            "seed": "seed",
        },
    ),
    Call(
        "CnnImage fit",
        trained(CnnImage, width=4),
        {"X": IMAGES, "y": list("aabbaa"), "dim": 4, "batch_size": 4, "learning_rate": 0.0078125, "seed": 1},
        {
            "X": "images",
            "y": "labels",
            "dim": "count",
            "batch_size": "count",
            "learning_rate": "number",
            "seed": "seed",
        },
        {"X": ("y",)},
        never_mind(("y", "None inside"), ("y", "NaN inside"), ("y", "NA inside")),
    ),
    Call("CnnImage transform", vectors_of(CnnImage, width=4, dim=4), {"X": IMAGES}, {"X": "images"}),
    Call(
        "RnnAudio fit",
        trained(RnnAudio, hidden=4, bands=8),
        {"X": SOUND, "y": list("abab"), "dim": 4, "sample_rate": 1600},
        {"X": "audio", "y": "labels", "dim": "count", "sample_rate": "number"},
        {"X": ("y", "audio")},
        never_mind(
            ("y", "None inside"),
            ("y", "NaN inside"),
            ("y", "NA inside"),
            ("sample_rate", "10**400"),
        ),
    ),
    Call(
        "RnnAudio transform",
        vectors_of(RnnAudio, hidden=4, bands=8, sample_rate=1600, dim=4),
        {"X": SOUND},
        {"X": "audio"},
        {"X": ("audio",)},
    ),
    Call(
        "onset_strength",
        onset_strength,
        {"audio": SOUND, "sample_rate": 4000, "fps": 10.0},
        {"audio": "audio", "sample_rate": "number", "fps": "number"},
        {},
    ),
    Call("motion_energy", motion_energy, {"video": IMAGES[None]}, {"video": "images"}),
    Call(
        "things",
        lambda n, seed: datasets.things(n, seed).text,
        {"n": 2, "seed": 1},
        {"n": "count", "seed": "seed"},
    ),
    Call(
        "glyphs",
        lambda typeface, size: datasets.glyphs(typeface, size).image[:3],
        {"typeface": "DejaVu Sans", "size": 8},
        {"typeface": "choice"},
    ),
    Call(
        "nonsense",
        lambda texts, n, seed: datasets.nonsense(texts, n, seed).text,
        {"texts": TEXTS, "n": 6, "seed": 1},
        {"texts": "texts", "n": "count", "seed": "seed"},
    ),
    Call(
        "Items",
        datasets.Items,
        {"ids": list("uvwxyz"), "text": TEXTS, "image": IMAGES, "label": LABELS_A, "sample_rate": None},
        {"ids": "ids", "text": "texts", "image": "images"},
        {"ids": ("text",), "text": ("ids",)},
    ),
    Call(
        "Items sound",
        lambda audio, sample_rate: datasets.Items(ids=list("uvwx"), audio=audio, sample_rate=sample_rate),
        {"audio": SOUND, "sample_rate": 1600},
        {"audio": "audio", "sample_rate": "number"},
    ),
    Call(
        "items_grid",
        drawn(plots.items_grid),
        {"images": IMAGES, "captions": TEXTS, "columns": 3},
        {"images": "images", "captions": "texts", "columns": "count"},
        {"images": ("captions",), "captions": ("images",)},
    ),
    Call(
        "neighbours",
        drawn(plots.neighbours),
        {
            "queries": TEXTS[:2],
            "gallery": GREY,
            "ids": np.array([[0, 1], [2, 3]]),
            "scores": np.array([[4.0, 3], [2, 1]]),
        },
        {"queries": "texts", "gallery": "images", "ids": "places", "scores": "matrix"},
        {"queries": ("ids",), "gallery": ("ids",)},
        never_mind(("scores", "-inf"), ("queries", "one more")),  # -inf is a score: never
    ),
    Call(
        "spectrograms",
        drawn(plots.spectrograms),
        {"audio": SOUND, "sample_rate": 1600, "columns": 2, "captions": TEXTS[:4]},
        {"audio": "audio", "sample_rate": "number", "columns": "count", "captions": "texts"},
        {"audio": ("captions",), "captions": ("audio",)},
    ),
    Call(
        "similarity_heatmap",
        drawn(plots.similarity_heatmap),
        {"scores": S, "labels_a": list("abcdef"), "labels_b": list("klmno")},
        {"scores": "scores", "labels_a": "texts", "labels_b": "texts"},
        {"scores": ("labels",), "labels_a": ("labels",), "labels_b": ("labels",)},
    ),
    Call(
        "score_histogram",
        drawn(plots.score_histogram),
        {"scores": S, "threshold": 7.0},
        {"scores": "scores", "threshold": "number"},
        skip=never_mind(("scores", "1-D")),
    ),
    Call(
        "embedding_map",
        drawn(plots.embedding_map),
        {"a": A[:, :2], "b": B[:, :2]},
        {"a": "matrix", "b": "matrix"},
    ),
    Call(
        "learning_curves",
        drawn(lambda x, y: plots.learning_curves({"ridge": (x, y)})),
        {"x": np.array([10.0, 20, 40]), "y": np.array([1.0, 2, 3])},
        {"x": "vector", "y": "vector"},
        {"x": ("ridge", "curves"), "y": ("ridge", "curves")},
    ),
    Call(
        "precision_recall",
        drawn(lambda precision, recall: plots.precision_recall({"ridge": (precision, recall)})),
        {"precision": np.array([1.0, 1, 0]), "recall": np.array([0.0, 1, 1])},
        {"precision": "vector", "recall": "vector"},
        {"precision": ("ridge", "curves"), "recall": ("ridge", "curves")},
    ),
    Call(
        "matchings",
        drawn(lambda scores: plots.matchings(scores, {"max": MATCHES})),
        {"scores": S},
        {"scores": "scores"},
        {"scores": ("pairs",)},
    ),
    Call(
        "score_terms_waterfall",
        drawn(lambda k: plots.score_terms_waterfall(explain.score_terms(_ridge(), A2[0], B2[1]), k=k)),
        {"k": 2},
        {"k": "count"},
    ),
    Call(
        "ThresholdPanel",
        said(panels.ThresholdPanel),
        {"scores": S, "a": TEXTS, "b": TEXTS[1:], "threshold": 7.0, "mode": "max", "cards": 2},
        {
            "scores": "scores",
            "a": "texts",
            "b": "texts",
            "threshold": "number",
            "mode": "choice",
            "cards": "count",
        },
        {"scores": ("a has", "b has")},
    ),
    Call(
        "PairPanel",
        said(lambda a, b: panels.PairPanel(threshold.Labelling(MATCHES), a, b)),
        {"a": TEXTS, "b": TEXTS[1:]},
        {"a": "texts", "b": "texts"},
    ),
    Call(
        "ComparePanel",
        said(
            lambda scores, a, b, k, names, query: _turned(
                panels.ComparePanel({"score": scores, "turned": -S}, a, b, k=k, captions=(None, names)),
                query=query,
            )
        ),
        {"scores": S, "a": TEXTS, "b": TEXTS[1:], "k": 2, "names": TEXTS[:5], "query": 3},
        {"scores": "scores", "a": "texts", "b": "texts", "k": "count", "names": "texts", "query": "count"},
        {"scores": ("score", "a has", "b has"), "names": ("captions of b",)},
    ),
    Call(
        "MapPanel",
        said(
            lambda A, B, a, b, k, seed, method, point, end: _turned(
                panels.MapPanel(A, B, a, b, k=k, seed=seed, method=method),
                point=point,
                axes=((0, end), (1, 2)),
            )
        ),
        {
            "A": A,
            "B": B,
            "a": TEXTS,
            "b": TEXTS[1:],
            "k": 2,
            "seed": 1,
            "method": "two items",
            "point": 3,
            "end": 4,
        },
        {
            **SIDES,
            "a": "texts",
            "b": "texts",
            "k": "count",
            "seed": "seed",
            "method": "choice",
            "point": "count",
            "end": "count",
        },
        {"A": ("a has", "b has"), "B": ("a has", "b has"), "end": ("axes",)},
    ),
    Call(
        "SearchPanel",
        said(
            lambda captions, k, drawing, weight, threshold: panels.SearchPanel(
                search.Index().add(A),
                {"words": lambda x: A[:1]},
                GREY,
                pictures=lambda x: A[1:2],
                captions=captions,
                query="bell",
                drawing=drawing,
                weight=weight,
                threshold=threshold,
                k=k,
            )
        ),
        {"captions": TEXTS, "k": 2, "drawing": GREY[0], "weight": 0.5, "threshold": 0.5},
        {"captions": "texts", "k": "count", "weight": "number", "threshold": "number"},
    ),
    Call("DrawPad", said(panels.DrawPad), {"size": 32}, {"size": "count"}),
    Call("SoundPad", said(panels.SoundPad), {"seconds": 5.0, "sample_rate": 16000}, {"sample_rate": "count"}),
]
