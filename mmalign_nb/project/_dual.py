"""Two encoders and the space that they share, as one object to fit, to search with, to save and to take home."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from .._check import as_matrix, check_same_length, describe, is_frozen, one_of
from .._files import as_path, read_archive, write_archive
from .._folder import Kind, check_sum, opened, write
from ._base import Projection, mean_reciprocal_rank
from ._store import pack, unpack

_PARTS = ("encoder_a", "encoder_b", "projection")
_KIND = Kind("dual_encoder.json", 1, "DualEncoder.save", "save it again", dict.fromkeys(_PARTS, ".npz"))


class DualEncoder(TransformerMixin, BaseEstimator):
    """Two encoders and a projection as one object: raw items of either side go in, vectors of one shared space come out.

    Two towers with one space, as in CLIP: a picture and a text each go up their own tower, and cosine compares them at
    the top. :math:`z_a = p_a(f_a(x))` and :math:`z_b = p_b(f_b(y))` with the encoders f and the projection p.

    Parameters
    ----------
    encoder_a, encoder_b : encoder
        Anything with ``transform(items) -> (n, d)``. One that is fitted already when it comes (loaded, pretrained, or
        fitted by you) is **frozen**: ``fit`` and ``clone`` leave it as it is, as scikit-learn's ``FrozenEstimator``
        does. Any other is fitted by ``fit`` as a copy of its own: alone if it learns from its items, and to the other
        encoder's vectors if it needs a target, as ``CnnImage`` and ``RnnAudio`` do.
    projection : projection, optional
        ``CCA``, ``RidgeMap``, … or anything with ``fit(A, B)`` and ``transform(X, side)``. None if the encoders share a
        space already: because one was fitted to the vectors of the other, whose items then go through its head, side b
        of the encoder; or because both were made for one space.

    Attributes
    ----------
    encoder_a_, encoder_b_, projection_
        As fitted; a frozen encoder is the very object that came.

    Raises
    ------
    TypeError
        If an encoder has no ``transform``, or a projection no ``fit`` and ``transform``.
    ValueError
        If items are no pairs, if an encoder cannot read them, if the encoders share no space and there is no projection,
        or if both encoders need a target.
    sklearn.exceptions.NotFittedError
        If something still has to be fitted when items come.

    Notes
    -----
    Search, panels and ``GridSearchCV`` take it; parameters of the parts are ``encoder_b__ngrams``, ``projection__reg``, …
    (``GridSearchCV`` copies the values that it tries: wrap a fitted encoder among them in ``FrozenEstimator``.)
    Notebook: ``06_image_text_search``.

    References
    ----------
    J. Bromley, I. Guyon, Y. LeCun, E. Säckinger, R. Shah, *Signature verification using a "siamese" time delay neural
    network*, NIPS 1993 (two towers). A. Radford et al., *Learning transferable visual models from natural language
    supervision*, ICML 2021 (one for each modality).

    Examples
    --------
    >>> from mmalign_nb.datasets import glyphs
    >>> from mmalign_nb.features import CnnImage, TfidfText
    >>> from mmalign_nb.project import CCA, DualEncoder
    >>> from mmalign_nb.search import Index
    >>> finder = DualEncoder(CnnImage.load("glyphs"), TfidfText.load("glyphs"))  # they share a space: nothing to fit
    >>> symbols = glyphs("DejaVu Sans Bold")[3500:4000]
    >>> index = Index().add(finder.transform(symbols.image), ids=symbols.text)
    >>> index.search(finder.transform(["black chess queen", "umbrella with rain drops"], side="b"), k=1).ids.tolist()
    [['black chess queen'], ['umbrella with rain drops']]
    >>> other = DualEncoder(finder.encoder_a, TfidfText(ngrams=(1, 2)), CCA())  # other words: learned from pairs
    >>> bool(other.fit(symbols.image, symbols.text).score(symbols.image, symbols.text) > 0.9)
    True
    """

    def __init__(self, encoder_a: Any, encoder_b: Any, projection: Any = None) -> None:
        self.encoder_a = encoder_a
        self.encoder_b = encoder_b
        self.projection = projection

    # ---- scikit-learn's ways

    def __sklearn_clone__(self) -> DualEncoder:
        a, b = (x if is_frozen(x) else clone(x) for x in (self.encoder_a, self.encoder_b))
        return type(self)(a, b, clone(self.projection, safe=False))

    def __sklearn_is_fitted__(self) -> bool:
        return self._ready() is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this object and, by names such as ``projection__reg``, of its parts; frozen ones refuse.

        Examples
        --------
        >>> from mmalign_nb.features import TfidfText
        >>> from mmalign_nb.project import CCA, DualEncoder
        >>> DualEncoder(TfidfText(), TfidfText(), CCA()).set_params(projection__reg=0.5).projection
        CCA(reg=0.5)
        """
        for side in ("encoder_a", "encoder_b"):
            part = params.get(side, getattr(self, side))
            inner = [name for name in params if name.startswith(f"{side}__")]
            if inner and is_frozen(part):
                raise ValueError(
                    f"{inner[0]} is to be set, but {side} is fitted already, so it stays as it is; to train it anew "
                    f"give an unfitted one: sklearn.base.clone({side})"
                )
        return super().set_params(**params)

    # ---- fit and transform

    def fit(self, items_a: Any, items_b: Any = None) -> Self:
        """Fit what is not frozen to pairs of raw items; item i of one side belongs to item i of the other.

        A fit that fails leaves everything as it was.
        """
        if items_b is None:
            raise ValueError("items_b is None; a DualEncoder is fitted on pairs, fit(items_a, items_b)")
        items = {"a": items_a, "b": items_b}
        for side, x in items.items():
            _check_items(x, f"items_{side}")
        check_same_length(items_a, items_b, "items_a", "items_b")
        encoders = {side: self._encoder(side) for side in "ab"}
        waiting = [s for s, encoder in encoders.items() if not is_frozen(encoder) and _wants_target(encoder)]
        if len(waiting) == 2:
            raise ValueError(
                "encoder_a and encoder_b both need a target to be fitted to, and neither has one before the other; fit "
                "one of them first, e.g. encoder_a.fit(items_a, labels)"
            )
        fitted = {
            side: encoder if is_frozen(encoder) else clone(encoder).fit(items[side])
            for side, encoder in encoders.items()
            if side not in waiting
        }
        for side in waiting:
            (other,) = fitted
            target = _vectors(fitted[other], items[other], other)
            fitted[side] = clone(encoders[side]).fit(items[side], target)
        projection = None
        if self.projection is not None:
            _check_projection(self.projection)
            A, B = (_vectors(fitted[side], items[side], side) for side in "ab")
            projection = clone(self.projection, safe=False).fit(A, B)
        elif not waiting and not all(map(is_frozen, encoders.values())):
            raise ValueError(
                "projection is None, and no encoder learns from the other, so they share no space; give a projection, "
                "e.g. DualEncoder(encoder_a, encoder_b, CCA())"
            )
        else:
            A, B = (_shared(fitted, _vectors(fitted[s], _first(items[s]), s), s) for s in "ab")
            _check_one_space(A, B)
        self.encoder_a_, self.encoder_b_, self.projection_ = fitted["a"], fitted["b"], projection
        return self

    def transform(self, items: Any, side: str = "a") -> Any:
        """Return the vectors of raw items of one side in the shared space.

        Parameters
        ----------
        items : what that side's encoder reads
        side : "a" or "b"

        Returns
        -------
        float32 (n, dim)
            Sparse only where the encoders are, and there is no projection.
        """
        one_of(side, "side", ("a", "b"))
        _check_items(items, "items")
        encoder_a, encoder_b, projection = self._parts()
        encoders = {"a": encoder_a, "b": encoder_b}
        X = _vectors(encoders[side], items, side)
        if projection is None:
            return _shared(encoders, X, side)
        return as_matrix(projection.transform(X, side=side), "what the projection made", dtype=np.float32)

    def score(self, items_a: Any, items_b: Any) -> float:
        """Return the mean reciprocal rank of the true partners by cosine, averaged over both directions, in (0, 1].

        What ``GridSearchCV`` maximises, as :meth:`CCA.score` has it.

        Examples
        --------
        >>> from mmalign_nb.features import TfidfText
        >>> from mmalign_nb.project import DualEncoder, RidgeMap
        >>> english, german = ["cat", "dog", "owl"], ["katze", "hund", "eule"]
        >>> dictionary = DualEncoder(TfidfText(), TfidfText(chars=(1, 2), dim=2), RidgeMap()).fit(english, german)
        >>> dictionary.score(english, german)
        1.0
        """
        za, zb = (self.transform(items, side) for items, side in ((items_a, "a"), (items_b, "b")))
        check_same_length(za, zb, "items_a", "items_b")
        _check_one_space(za, zb)
        za, zb = (z.toarray() if hasattr(z, "tocsr") else z for z in (za, zb))
        return mean_reciprocal_rank(za, zb)

    def _encoder(self, side: str) -> Any:
        """The encoder as it came, without the wrapping that says that it is frozen."""
        encoder = getattr(self, f"encoder_{side}")
        if not hasattr(encoder, "transform") or isinstance(encoder, type):
            raise TypeError(
                f"encoder_{side} is {describe(encoder)}; want an encoder: an object with transform(items) -> (n, d)"
            )
        return encoder

    def _ready(self) -> tuple[Any, Any, Any] | None:
        """The fitted parts: those of the last fit, or those that came, if there was nothing to fit."""
        if hasattr(self, "encoder_a_"):
            return self.encoder_a_, self.encoder_b_, self.projection_
        parts = self._encoder("a"), self._encoder("b"), self.projection
        return parts if all(x is None or is_frozen(x) for x in parts) else None

    def _parts(self) -> tuple[Any, Any, Any]:
        if (parts := self._ready()) is None:
            raise NotFittedError(
                "This DualEncoder instance is not fitted yet, and not all of its parts came fitted. Call 'fit' with "
                "pairs of items before using it."
            )
        return parts

    # ---- on disk

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write it to a folder, whole or not at all, and without pickle.

        Encoders and projections of this package are written with all they have learned, to the bit. Of any other part
        only the import path of its class is written down: it has to be given to ``load``, fitted as it is now.

        Parameters
        ----------
        folder : str or path
            Made if it is not there; an earlier DualEncoder in it is replaced in one act.

        Raises
        ------
        TypeError, ValueError
            If the folder is no path.
        OSError
            If it cannot be written: what was there stays.
        sklearn.exceptions.NotFittedError
            If something still has to be fitted.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.features import TfidfText
        >>> from mmalign_nb.project import CCA, DualEncoder
        >>> dual = DualEncoder(TfidfText(), TfidfText(), CCA(reg=1)).fit(["a cat", "a dog"], ["eine katze", "ein hund"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     dual.save(folder)
        ...     sorted(file.name.split("-")[0] for file in pathlib.Path(folder).iterdir())
        ['dual_encoder.json', 'encoder_a', 'encoder_b', 'projection']
        """
        kinds: dict[str, Any] = {}
        files: dict[str, Callable[[BinaryIO], None]] = {}
        for name, part in zip(_PARTS, self._parts(), strict=True):
            part = part.estimator if isinstance(part, FrozenEstimator) else part
            own = part is not None and _own().get(type(part).__name__) is type(part)
            kinds[name] = None if part is None else type(part).__name__ if own else _import_path(part)
            if own:
                files[name] = partial(_put_projection, part) if name == "projection" else part.save
        write(_KIND, as_path(folder, "folder"), {"kinds": kinds}, files)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        encoder_a: Any = None,
        encoder_b: Any = None,
        projection: Any = None,
    ) -> Self:
        """Read what ``save`` wrote; nothing is unpickled, and nothing is imported that the folder names.

        Parameters
        ----------
        folder : str or path
        encoder_a, encoder_b, projection : optional
            Parts that are not of this package, which the folder knows by name only: the error says which.

        Returns
        -------
        DualEncoder
            Its encoders are frozen; ``fit`` would fit the projection to other pairs.

        Raises
        ------
        FileNotFoundError, TypeError, ValueError
            If the folder holds none; if a file is missing, cut off, changed or not what ``save`` writes, which it names;
            if a part has to be given and is not, or is of another class, or is given and not wanted.

        Examples
        --------
        >>> import tempfile
        >>> from mmalign_nb.features import TfidfText
        >>> from mmalign_nb.project import DualEncoder
        >>> same = TfidfText().fit(["a cat", "a dog"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     DualEncoder(same, same).save(folder)
        ...     DualEncoder.load(folder).transform(["dog"], side="b").toarray().round(2).tolist()
        [[0.0, 0.0, 1.0]]
        """
        given = dict(zip(_PARTS, (encoder_a, encoder_b, projection), strict=True))
        place = as_path(folder, "folder")
        with opened(_KIND, place) as (facts, files):
            kinds = facts.get("kinds")
            if not isinstance(kinds, dict) or set(kinds) != set(_PARTS):
                raise ValueError(f"{place / _KIND.facts} does not say what the parts are")
            parts = {name: _part(name, kinds[name], given[name], facts["parts"], files) for name in _PARTS}
        return cls(**parts)


def _part(name: str, kind: Any, given: Any, told: dict[str, Any], files: dict[str, BinaryIO]) -> Any:
    """One part of a saved DualEncoder: read, or taken from the caller after a look at its class."""
    known = [x for x in _own() if (x in _projections()) == (name == "projection")]
    if kind is None or kind in known:
        if given is not None:
            raise ValueError(
                f"{name} is {describe(given)}; the folder has {kind or 'none'} there: leave it out"
            )
        if kind is None and name == "projection":
            return None
    if isinstance(kind, str) and ":" in kind:
        if given is None:
            raise ValueError(
                f"{name} is one of {kind!r:.120}, which is not of this package and is not imported unasked; make it "
                f"yourself and give it: DualEncoder.load(folder, {name}=…)"
            )
        if (came := _import_path(given)) != kind:
            raise TypeError(f"{name} is one of {came}; the folder wants one of {kind:.120}")
        return given
    if kind not in known or name not in files:
        raise ValueError(f"the folder has {kind!r:.60} for {name}; known: {', '.join(known)}")
    file: Any = files[name]
    check_sum(_KIND, file, told[name])
    if name != "projection":
        return _own()[kind].load(file)
    arrays = read_archive(file)
    try:
        config = json.loads(str(arrays.pop("config")))
        if config["kind"] != kind:
            raise ValueError(f"it holds one of {config['kind']!r:.60}")
        return unpack(config, arrays, _projections())
    except Exception as err:  # whatever the content is, it is the file that is wrong
        raise ValueError(
            f"{file.name} holds no whole projection ({type(err).__name__}: {' '.join(str(err).split())[:200]})"
        ) from err


def _put_projection(projection: Projection, file: BinaryIO) -> None:
    write_archive(file, *pack(projection))


def _projections() -> dict[str, type]:
    from .. import project

    return {x: y for x in project.__all__ if issubclass(y := getattr(project, x), Projection)}


def _own() -> dict[str, Any]:
    """The classes of this package that can be written and read."""
    from .. import features

    encoders = {name: getattr(features, name) for name in features.__all__}
    return {name: x for name, x in encoders.items() if getattr(x, "save", None)} | _projections()


def _import_path(part: Any) -> str:
    return f"{type(part).__module__}:{type(part).__qualname__}"


def _wants_target(encoder: Any) -> bool:
    return bool(get_tags(encoder).target_tags.required)


def _check_items(items: Any, name: str) -> None:
    if hasattr(items, "modalities"):
        raise TypeError(f"{name} is {items!r}; want one modality of it: pass items.text, items.image, …")
    if not hasattr(items, "__len__") or isinstance(items, (str, bytes, dict, set)):
        raise TypeError(f"{name} is {describe(items)}; want the raw items of one side, in a list or an array")


def _check_projection(projection: Any) -> None:
    if not (hasattr(projection, "fit") and hasattr(projection, "transform")) or isinstance(projection, type):
        raise TypeError(
            f"projection is {describe(projection)}; want None or a projection: an object with fit(A, B) and "
            f"transform(X, side)"
        )


def _first(items: Any) -> Any:
    return items[:2]


def _vectors(encoder: Any, items: Any, side: str) -> Any:
    """What an encoder makes of raw items, checked: float32 (n, d), dense or CSR."""
    X = encoder.transform(items)
    return as_matrix(X, f"what encoder_{side} made", sparse=True, rows=len(items), dtype=np.float32)


def _shared(encoders: dict[str, Any], X: Any, side: str) -> Any:
    """Vectors of one side in a space that the encoders share without a projection.

    If the other encoder was fitted to vectors like these, they go through its head.
    """
    mine, other = encoders[side], encoders["b" if side == "a" else "a"]
    if _head_takes(other, X.shape[1]):
        if _head_takes(mine, int(getattr(other, "dim", 0))) and {mine.head, other.head} != {"none"}:
            raise ValueError(
                f"encoder_a and encoder_b were both fitted to vectors of {X.shape[1]} columns, so either may have been "
                f"fitted to the other; say which by a projection, or fit one of them again with another dim"
            )
        return X if other.head == "none" else other.transform(X, side="b")
    return X


def _head_takes(encoder: Any, columns: int) -> bool:
    return int(getattr(getattr(encoder, "pairs_", None), "columns", -1)) == columns


def _check_one_space(A: Any, B: Any) -> None:
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"side a has vectors of {A.shape[1]} columns and side b of {B.shape[1]}, and neither encoder was fitted to "
            f"the other: they share no space; give a projection, e.g. DualEncoder(encoder_a, encoder_b, CCA())"
        )
