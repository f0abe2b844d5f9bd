"""Each encoder that is tried: fitted to all given pairs, and for each fold to those outside it, so that none scores what it has seen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._check import is_frozen
from ._encoders import Candidate, tag, unit
from ._pairs import Split
from ._work import Work, digest

_BLOCK = 2**22  # scores at a time


def slug(name: str) -> str:
    """A name as a part of a file's name."""
    return "".join(x if x.isascii() and x.isalnum() else "-" for x in name)[:60]


class Side(NamedTuple):
    """One side as the encoders take it: raw items, and a digest of them."""

    items: Any
    digest: str
    rate: int | None = None


class Vectors(NamedTuple):
    """Unit rows of both sides in one space, float32 (n, d) and (m, d)."""

    a: np.ndarray
    b: np.ndarray


class _Known:
    """An encoder whose vectors are known: its items are their rows."""

    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors

    def transform(self, rows: np.ndarray) -> Any:
        return self.vectors[rows]


class Trial:
    """One candidate on two sides; what takes time is a stage of the work."""

    def __init__(
        self, candidate: Candidate, sides: tuple[Side, Side], split: Split, seed: int, work: Work
    ) -> None:
        self.candidate, self.split, self.work = candidate, split, work
        self.dual = candidate.make(seed)
        self.name = slug(candidate.name)
        self.parts: list[Any] = []
        self.items: list[Any] = []
        of: list[Any] = []
        for letter, side in zip("ab", sides, strict=True):
            part = getattr(self.dual, f"encoder_{letter}")
            if hasattr(self.dual, f"encoder_{letter}_"):
                part = getattr(self.dual, f"encoder_{letter}_")
            if is_frozen(part):
                features = self._features(part, side, letter)
                of.append(
                    digest(np.asarray(features.toarray() if hasattr(features, "toarray") else features))
                )
                self.parts.append(_Known(features))
                self.items.append(np.arange(len(side.items)))
            else:
                of.append([repr(part), side.digest])
                self.parts.append(part)
                self.items.append(side.items)
        of += [repr(self.dual.projection), split.pairs.tolist(), split.fold.tolist(), seed]
        self.of = digest(candidate.name, of)
        self._seen: dict[int, Vectors] = {}

    @property
    def learns(self) -> bool:
        """Whether there is something to fit."""
        return not self.dual.__sklearn_is_fitted__()

    @property
    def views(self) -> list[Any] | None:
        """The vectors of both sides by encoders that are as they are; None if one of them learns."""
        known = [part.vectors for part in self.parts if isinstance(part, _Known)]
        return known if len(known) == 2 else None

    @property
    def widths(self) -> tuple[int, int] | None:
        """How many columns the two have that should be one space as they are; None where a projection or an encoder makes it."""
        if (
            self.learns
            or self.dual.projection is not None
            or hasattr(self.dual, "encoder_a_")
            or self.views is None
        ):
            return None
        return self.views[0].shape[1], self.views[1].shape[1]

    def _features(self, part: Any, side: Side, letter: str) -> Any:
        # Two encoders that share a space may do so through the head of one of them, which only both together know.
        whole = not self.learns and self.dual.projection is None

        def seen(items: Any) -> Any:
            return self.dual.transform(items, side=letter) if whole else part.transform(items)

        def make() -> Any:
            return {}, {"x": np.asarray(seen(side.items), np.float32)}

        known = tag(part)
        theirs = known is None or (whole and None in map(tag, (self.dual.encoder_a, self.dual.encoder_b)))
        if theirs:  # what it does is only known when it is done
            return seen(side.items)
        return self.work.stage(f"features-{letter}-{known[0]}", [known, side.digest], make)[1]["x"]

    def _fitted(self, rows: np.ndarray) -> Any:
        from sklearn.base import clone

        from ..project import DualEncoder

        if not self.learns:
            projection = getattr(self.dual, "projection_", self.dual.projection)
            return DualEncoder(self.parts[0], self.parts[1], projection)
        dual = DualEncoder(self.parts[0], self.parts[1], clone(self.dual.projection, safe=False))
        return clone(dual).fit(*(_take(x, self.split.pairs[rows, side]) for side, x in enumerate(self.items)))

    def _vectors(self, dual: Any) -> Vectors:
        return Vectors(*(unit(dual.transform(x, side=s)) for s, x in zip("ab", self.items, strict=True)))

    def crossed(self, fold: int) -> Vectors:
        """Both sides by the encoder that was fitted to the pairs outside a fold."""
        if fold not in self._seen:
            rows = np.flatnonzero(self.split.fold != fold)

            def make() -> Any:
                return {}, self._vectors(self._fitted(rows))._asdict()

            if self.learns:
                made = Vectors(**self.work.stage(f"crossed-{self.name}-{fold}", [self.of, fold], make)[1])
            else:
                made = self._vectors(self._fitted(rows)) if not self._seen else self._seen[min(self._seen)]
            self._seen[fold] = made
        return self._seen[fold]

    def final(self) -> tuple[Any, Vectors]:
        """The encoder fitted to all pairs, and both sides by it."""
        made: list[Any] = []
        folder = self.work.folder and self.work.folder / f"encoder-{self.of[:16]}"

        def whole() -> Any:
            if not made:
                made.append(self._fitted(np.arange(len(self.split.pairs))))
            return made[0]

        def make() -> Any:
            return {}, self._vectors(whole())._asdict()

        vectors = Vectors(**self.work.stage(f"vectors-{self.name}", self.of, make)[1])
        dual = self._real(whole)
        if folder is not None:
            for other in folder.parent.glob("encoder-*"):
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
            if not (folder / "dual_encoder.json").exists():
                dual.save(folder)
        return dual, vectors

    def _real(self, whole: Callable[[], Any]) -> Any:
        """The fitted encoder as one that takes raw items."""
        from ..project import DualEncoder

        if not self.learns:
            return self.dual
        fitted = whole()
        parts = []
        for letter in "ab":
            part = getattr(fitted, f"encoder_{letter}_")
            parts.append(getattr(self.dual, f"encoder_{letter}") if isinstance(part, _Known) else part)
        return DualEncoder(parts[0], parts[1], fitted.projection_)

    def clearness(self) -> float:
        """How far the best score of an item stands out from its others, in their standard deviations: the mean over some items."""
        z = self.final()[1]
        if not len(z.b):
            return 0.0
        scores = z.a[:: max(1, len(z.a) // 512)] @ z.b.T
        spread = scores.std(axis=1)
        return float(
            np.mean((scores.max(axis=1) - scores.mean(axis=1)) / np.where(spread > 1e-6, spread, np.inf))
        )

    def ranks(self) -> np.ndarray:
        """The reciprocal rank of each given pair among all items, by an encoder that has not seen it; mean of both directions."""

        def make() -> Any:
            out = np.zeros((2, len(self.split.pairs)))
            for fold in range(self.split.count):
                rows = np.flatnonzero(self.split.fold == fold)
                z = self.crossed(fold)
                for side in (0, 1):
                    own, others = z[side], z[1 - side]
                    step = max(1, _BLOCK // max(len(others), 1))
                    for start in range(0, len(rows), step):
                        some = rows[start : start + step]
                        at = self.split.pairs[some, side]
                        scores = own[at] @ others.T
                        right = np.stack([self.split.partners(side, i) for i in at.tolist()])
                        best = np.where(right, scores, -np.inf).max(axis=1)
                        out[side, some] = 1 / (1 + ((scores >= best[:, None]) & ~right).sum(axis=1))
            return {}, {"rr": out.mean(axis=0)}

        rr: np.ndarray = self.work.stage(f"ranks-{self.name}", self.of, make)[1]["rr"]
        return rr


def _take(items: Any, rows: np.ndarray) -> Any:
    return [items[i] for i in rows.tolist()] if isinstance(items, list) else items[rows]


def interval(rr: np.ndarray, group: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The mean, and its 95 % interval by bootstrap over groups of pairs."""
    sums, counts = np.bincount(group, rr), np.bincount(group)
    rng = np.random.default_rng([seed, 0xB007])
    means = []
    for _ in range(20):  # some at a time: pairs may be many
        drawn = rng.integers(0, len(sums), (50, len(sums)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return float(rr.mean()), float(low), float(high)
