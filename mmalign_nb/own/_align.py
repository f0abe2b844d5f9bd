"""From a folder to pairs: read, try encoders, match, and say where the line is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._check import as_number, as_seed, one_of
from .._files import as_path
from ..datasets import Collection
from . import _encoders
from ._encoders import unit
from ._fit import Side, Trial, Vectors, interval, slug
from ._match import Matched, by_pairs, honest, match
from ._pairs import Names, Split, given_pairs, twins
from ._result import FolderAlignment
from ._work import Work, digest

_SIDES = ("image", "audio", "video", "text", "text_zh")  # words last: side b
_FEW = 50  # pairs: below, all that is learned from them is shaky
_DELTA = 0.1
_LARGEST_STRUCTURE = 3000  # items of a side that structure_match takes
_COLUMNS = {
    "image": ("image", "picture", "file", "filename", "file_name", "path"),
    "audio": ("audio", "sound", "recording"),
    "text": ("text", "caption", "title", "description", "words", "label", "note"),
}


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
    """Find out which pictures, sounds and words of a folder belong together, and how sure that is.

    Several encoders are tried, each fitted to the given pairs outside a fold and measured on those inside it (cross-validation); the
    one with the highest mean reciprocal rank is taken. Items without a given partner are matched one to one
    (:func:`mmalign_nb.align.max_match`). The line above which matches are kept is that of
    :func:`mmalign_nb.threshold.for_precision` on held-out pairs or, once there are ``labels``, of
    :class:`mmalign_nb.threshold.Labelling`. Where neither can promise the target there is no line.

    Parameters
    ----------
    path : a folder, a CSV table, or a Collection
        As :func:`mmalign_nb.datasets.from_folder` and ``from_csv`` read them.
    out : str or path, optional
        A folder for the results, and for what takes time: a second call with the same content goes on where the first one
        ended, however it ended, and makes only what is missing or has changed.
    pairs : CSV file, (k, 2) rows or (), optional
        Which items are known to belong together; by default those that the folder says; ``()`` for none.
    encoder : "auto", "own", "pretrained", "module:object", or one or two objects with ``transform``
        "own" tries the package's encoders only, "pretrained" those of the extra only. A ``DualEncoder``, or an encoder for each
        side, fitted or not.
    target : float
        The wanted precision of what is kept, in (0, 1), at a risk of 0.1.
    a, b : str, optional
        The two modalities; by default the two with most items, words on side b.
    labels : CSV file or Labelling, optional
        Answers on single matches, as ``alignment.labelling()``, ``PairPanel`` or the page ``label.html`` have saved them.
    seed : int
    progress : bool

    Returns
    -------
    FolderAlignment

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder or table.
    TypeError, ValueError
        If nothing can be read, if there is one modality only, if pairs or labels do not fit the items, or if no encoder can be
        tried: then the message says what would help.
    OSError
        If ``out`` cannot be written.

    References
    ----------
    M. Stone, *Cross-validatory choice and assessment of statistical predictions*, JRSS-B 36(2):111–147, 1974.
    A. N. Angelopoulos et al., *Learn then Test*, arXiv 2110.01052, 2021.

    Notes
    -----
    Copies of a picture or a caption stand in one fold. A match is compared with what is given, where it is given, by encoders that
    have not seen it; ``audit`` ranks given pairs by the same scores. What the promise covers, and what makes it void, is said in
    ``promise`` and ``voids``.

    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.datasets import from_arrays, glyphs
    >>> from mmalign_nb.own import align_folder
    >>> symbols = glyphs()[4500:4560]
    >>> found = align_folder(from_arrays(image=symbols.image, text=symbols.text), encoder="own", progress=False)
    >>> found.a, found.b, len(found.pairs), found.tried.encoder.tolist()[0]
    ('image', 'text', 60, 'symbols')
    """
    target = as_number(target, "target", 0, 1, above=True, below=True)
    seed = as_seed(seed)
    root = None if isinstance(path, Collection) else as_path(path)
    place = None if out is None else checked_out(as_path(out, "out"), root)
    collection = path if root is None else read(root, None, place, progress)
    source = {
        "path": None if root is None else str(root.absolute()),
        "pairs": str(as_path(pairs).absolute()) if isinstance(pairs, (str, os.PathLike)) else pairs if pairs is None else "given in Python",
        "encoder": encoder if isinstance(encoder, str) else "given in Python",
        "encoding": None,
    }  # fmt: skip
    found = align(
        collection,
        place,
        source,
        pairs=pairs,
        encoder=encoder,
        target=target,
        a=a,
        b=b,
        labels=labels,
        seed=seed,
        progress=progress,
    )
    if place is not None:
        found.save(place)
    return found


def align(
    collection: Collection, out: Path | None, source: dict[str, Any], *, pairs: Any, encoder: Any, target: float, a: str | None,
    b: str | None, labels: Any, seed: int, progress: bool,
) -> FolderAlignment:  # fmt: skip
    """``align_folder`` of what has been read: stages go to ``out``, the results are the caller's to save."""
    a, b = _sides(collection, a, b)
    values = [getattr(collection[side], side) for side in (a, b)]
    known = [
        Names(collection[side].ids.tolist(), collection.keys[side], x if isinstance(x, list) else None)
        for side, x in zip((a, b), values, strict=True)
    ]
    sizes = len(values[0]), len(values[1])
    given, notes = given_pairs(pairs, collection.pairs(a, b), (known[0], known[1]), sizes)
    split = Split(given, (twins(values[0]), twins(values[1])), seed)
    notes += split.notes
    if 0 < len(given) < _FEW:
        notes.append(
            f"{len(given)} given pairs are few: what is learned from them, and said of them, is shaky"
        )
    work = Work(None if out is None else out / "work")
    rates = [collection[side].sample_rate if side == "audio" else None for side in (a, b)]
    two = [Side(x, digest(x, rate), rate) for x, rate in zip(values, rates, strict=True)]
    sides = two[0], two[1]
    wanted = _wanted(encoder, a, b, (rates[0], rates[1]), len(given))
    chosen, tried, views = _choose(wanted, sides, split, seed, work, progress)
    if chosen is None:
        dual, final, found = _by_structure(sides, a, b, views, work, tried)
        audit, scores = None, (final.a, final.b)  # no pair is given, so none was seen
    else:
        dual, final = chosen.final()
        scores = honest(chosen, split, final)
        found = _matched(work, chosen, split, final, scores)
        audit = _audit(scores, given, collection, a, b)
        for other in tried.encoder[~tried.taken]:  # what only the choice needed
            work.forget(f"crossed-{slug(other)}-")
    line = by_pairs(found, target, _DELTA)
    result = FolderAlignment(
        collection=collection, a=a, b=b, encoder=dual, vectors_a=final.a, vectors_b=final.b, pairs=given, matches=found.matches,
        scores=found.matches.scores, known=found.known, threshold=line.threshold, promise=line.promise, voids=line.voids, audit=audit,
        tried=tried, target=target, delta=_DELTA, seed=seed, notes=notes, source=source,
        held_out=scores,
    )  # fmt: skip
    return _labelled(result, labels)


def _labelled(result: FolderAlignment, labels: Any) -> FolderAlignment:
    """The same with the line that labels speak for, once there is an answer."""
    if labels is None:
        return result
    from ..threshold import Labelling

    pool = result.labelling()
    if isinstance(labels, Labelling):
        return result.labelled(labels)
    place = as_path(labels, "labels")
    if not place.is_file():
        raise FileNotFoundError(f"labels is {place}; want the CSV file that the page or the panel has saved")
    if place.read_bytes().count(b"\n") < 2:  # all answers were taken back
        return result
    labelling = Labelling.resume(place, pool.pool)
    if (labelling.target, labelling.delta, labelling.seed) != (pool.target, pool.delta, pool.seed):
        raise ValueError(
            f"labels were given for target {labelling.target:g} and seed {labelling.seed}; this is for target {pool.target:g} and seed "
            f"{pool.seed}: want the same, since who chooses them after the answers has no promise"
        )
    return result.labelled(labelling)


def checked_out(out: Path, root: Path | None) -> Path:
    """The folder of results; one that holds something else is refused."""
    if root is not None:
        data, target = Path(os.path.realpath(root)), Path(os.path.realpath(out))
        if data == target or (data.is_dir() and target in data.parents):
            raise ValueError(f"out is {out}, where the data are; want another folder for the results")
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"out is {out}, a file; want a folder for the results")
    if (
        out.is_dir()
        and any(out.iterdir())
        and not (out / "work").is_dir()
        and not (out / "summary.json").is_file()
    ):
        raise ValueError(
            f"out is {out}, which holds other files; want a new folder, or one that align has written"
        )
    return out


def read(path: Any, encoding: str | None, out: Path | None, progress: bool) -> Collection:
    """A folder, or a table whose columns have usual names; of results inside the folder nothing is said."""
    from ..datasets import from_csv, from_folder

    if not path.is_file():
        found = from_folder(path, encoding=encoding, progress=progress)
        mine = (
            ""
            if out is None
            else os.path.relpath(os.path.realpath(out), os.path.realpath(path)).replace(os.sep, "/") + "/"
        )
        return replace(
            found, notes=[note for note in found.notes if not mine or not note.file.startswith(mine)]
        )
    with path.open("rb") as file:
        head = file.readline(2**16).decode("utf-8-sig", "replace").strip()
    mark = max(",;\t", key=head.count)
    columns = [x.strip().strip('"') for x in head.split(mark)]
    fold = {x.casefold(): x for x in columns}
    named = {kind: next((fold[x] for x in usual if x in fold), None) for kind, usual in _COLUMNS.items()}
    if sum(x is not None for x in named.values()) < 2:
        raise ValueError(
            f"{path.name} has the columns {', '.join(map(repr, columns[:12]))}; want two of image, audio and text (or caption), or read "
            "it with from_csv, which takes the names"
        )
    columns_of = {kind: name for kind, name in named.items() if name is not None}
    return from_csv(path, encoding=encoding, progress=progress, **columns_of)


def _sides(collection: Collection, a: str | None, b: str | None) -> tuple[str, str]:
    """The two modalities: as named, else the two with most items, words last."""
    have = collection.modalities
    if len(have) < 2:
        raise ValueError(
            f"there is {' and '.join(have)} only; want two kinds of items, e.g. pictures and captions"
        )
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


def _wanted(encoder: Any, a: str, b: str, rates: Any, pairs: int) -> list[_encoders.Candidate]:
    if isinstance(encoder, str):
        if ":" in encoder:
            return _encoders.given(_encoders.imported(encoder))
        one_of(encoder, "encoder", ("auto", "own", "pretrained", "module:object"))
        return _encoders.candidates(a, b, rates, pairs, encoder)
    return _encoders.given(encoder)


def _choose(
    wanted: list[_encoders.Candidate],
    sides: tuple[Side, Side],
    split: Split,
    seed: int,
    work: Work,
    progress: bool,
) -> tuple[Trial | None, Any, Any]:
    """Try what can be tried and take the highest held-out mean reciprocal rank; without given pairs the clearest.

    Returns the one taken, the table, and vectors of both sides that share no space, if some were made.
    """
    import pandas as pd
    from tqdm.auto import tqdm

    rows: list[dict[str, Any]] = []
    trials: list[Trial | None] = []
    views = None
    bar = tqdm(wanted, desc="encoders", disable=not progress, leave=False)
    for candidate in bar:
        bar.set_postfix_str(candidate.name)
        why, trial = candidate.lacking, None
        if not why and len(split.pairs) < candidate.least:
            why = f"takes {candidate.least} given pairs, and there are {len(split.pairs)}"
        if not why and candidate.least and split.count < 2:
            why = "all given pairs are copies of one another"
        row = {
            "encoder": candidate.name,
            "pairs": 0,
            "mrr": np.nan,
            "low": np.nan,
            "high": np.nan,
            "taken": False,
            "why": why,
        }
        if not why:
            trial = Trial(candidate, sides, split, seed, work)
            if (widths := trial.widths) and widths[0] != widths[1]:
                row["why"] = f"vectors of {widths[0]} and of {widths[1]} columns are not one space"
                views, trial = trial.views, None
        if trial is not None and len(split.pairs):
            mrr, low, high = interval(trial.ranks(), split.group, seed)
            row |= {
                "pairs": len(split.pairs),
                "mrr": round(mrr, 4),
                "low": round(low, 4),
                "high": round(high, 4),
            }
        rows.append(row)
        trials.append(trial)
    ready = [k for k, trial in enumerate(trials) if trial is not None]
    if not ready:
        if len(wanted) == 1 and wanted[0].lacking:
            raise ImportError(f"encoder {wanted[0].name!r}: {wanted[0].lacking}")
        return None, pd.DataFrame(rows), views
    best = max(ready, key=lambda k: (rows[k]["mrr"] if len(split.pairs) else trials[k].clearness(), -k))  # type: ignore[union-attr]
    if not len(split.pairs) and len(ready) > 1:
        rows[best]["why"] = "nothing could be compared without given pairs; its best scores stand out most"
    rows[best]["taken"] = True
    return trials[best], pd.DataFrame(rows), None


def _matched(work: Work, trial: Trial, split: Split, final: Any, scores: Any) -> Matched:
    from ..align import Matches

    def make() -> Any:
        found = match(trial, split, final, scores)
        x = found.matches
        arrays = {
            "pairs": x.pairs,
            "scores": x.scores,
            "finite": np.isfinite(x.margins),
            "margins": np.nan_to_num(x.margins, posinf=0.0, neginf=0.0),
        }
        arrays |= {
            "known": found.known,
            "tested": found.scores,
            "right": found.right,
            "groups": found.groups,
            "absent": found.absent,
        }
        return {"tied": int(x.tied), "shape": list(x.shape)}, arrays

    facts, x = work.stage("matches", trial.of, make)
    shape = (int(facts["shape"][0]), int(facts["shape"][1]))
    alone = [np.setdiff1d(np.arange(k), x["pairs"][:, side]) for side, k in enumerate(shape)]
    margins = np.where(x["finite"], x["margins"], np.inf)
    return Matched(
        Matches(x["pairs"], x["scores"], margins, alone[0], alone[1], shape, tied=facts["tied"]),
        x["known"],
        x["tested"],
        x["right"],
        x["groups"],
        x["absent"],
    )


def _audit(scores: Any, given: np.ndarray, collection: Collection, a: str, b: str) -> Any:
    """The given pairs, the most suspicious first, with who fits better."""
    if not len(given):
        return None
    import pandas as pd

    from ..evaluate import audit

    found = audit(scores, given, metric="dot")
    ids = [np.array([*map(str, collection[side].ids.tolist()), ""], object) for side in (a, b)]
    return pd.DataFrame(
        {
            "a": ids[0][found.pairs[:, 0]], "b": ids[1][found.pairs[:, 1]],
            "score": np.einsum("ij,ij->i", scores[0][found.pairs[:, 0]], scores[1][found.pairs[:, 1]]).round(4),
            "suspicion": found.suspicion.round(4),
            "better_b": ids[1][found.better_b], "better_a": ids[0][found.better_a],
        }
    )  # fmt: skip


def _by_structure(
    sides: tuple[Side, Side], a: str, b: str, views: Any, work: Work, tried: Any
) -> tuple[None, Vectors, Matched]:
    """Without a pair and without a shared space: by what is near what inside each side."""
    import importlib.util

    from ..align import Matches, structure_match

    sizes = [len(side.items) for side in sides]
    if min(sizes) < 3 or max(sizes) > _LARGEST_STRUCTURE or not importlib.util.find_spec("ot"):
        reasons = "; ".join(f"{x}: {y}" for x, y in zip(tried.encoder, tried.why, strict=True) if y)
        raise ValueError(
            f"no encoder can be tried ({reasons}). What helps: more given pairs, or encoders with a shared space (encoder=). Without "
            f"either, items are compared inside each side, which takes the extra 'scale' and 3 to {_LARGEST_STRUCTURE:,} items a side"
        )

    def make() -> Any:
        looks = [_encoders.look(kind, side.rate, 0) for kind, side in zip((a, b), sides, strict=True)]
        seen = views or [
            (x.fit(side.items) if hasattr(x, "fit") else x).transform(side.items)
            for x, side in zip(looks, sides, strict=True)
        ]
        A, B = map(unit, seen)
        found = structure_match(A, B)
        # What the scores of structure_match are: how alike two items' similarities to the matched ones are.
        relations = []
        for X, at in ((A, found.pairs[:, 0]), (B, found.pairs[:, 1])):
            K = (X := unit(X - X.mean(axis=0))) @ X.T
            np.fill_diagonal(K, (K.sum(axis=1) - 1) / (len(K) - 1))  # likeness to itself says nothing
            K = K[:, at]
            relations.append(unit(K - K.mean(axis=1, keepdims=True)))
        arrays = {
            "a": relations[0],
            "b": relations[1],
            "pairs": found.pairs,
            "scores": found.scores.astype(np.float32),
            "margins": found.margins,
        }
        return {}, {k: np.nan_to_num(v, posinf=1e9) for k, v in arrays.items()}

    x = work.stage(
        "structure", [a, b, [side.digest for side in sides], views and [digest(unit(x)) for x in views]], make
    )[1]
    alone = [np.setdiff1d(np.arange(k), x["pairs"][:, side]) for side, k in enumerate(sizes)]
    matches = Matches(x["pairs"], x["scores"], x["margins"], alone[0], alone[1], (sizes[0], sizes[1]))
    nothing = np.empty(0)
    tried.loc[len(tried)] = {
        "encoder": "structure",
        "pairs": 0,
        "taken": True,
        "why": "no pair is given, and no encoder shares a space",
    }
    known = np.full(len(matches), -1, np.int8)
    return (
        None,
        Vectors(x["a"], x["b"]),
        Matched(matches, known, nothing, nothing.astype(bool), nothing.astype(np.int64), nothing),
    )
