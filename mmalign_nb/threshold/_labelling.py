"""Labels one at a time: answer yes or no, stop when the promise suits."""

from __future__ import annotations

import csv
import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._check import as_number, as_scores, as_seed, as_threshold, describe
from ._rules import Threshold
from ._walk import Line, labels_to_show, lines_at

if TYPE_CHECKING:
    from ..align import Matches

__all__ = ["Labelling", "NextLine"]

_STREAM = 0x1ABE1  # a random stream of its own: the order must share none with data or splits made from the same seed
_WORDS = {True: "yes", False: "no", None: "cannot tell"}


class NextLine(NamedTuple):
    """What more labels would buy: about ``answers`` more for ``kept_then`` matches instead of ``kept_now``."""

    answers: int
    kept_now: int
    kept_then: int


class Labelling:
    """Ask for one label at a time, and promise a precision that holds whenever one stops.

    The pool is a fixed set of matches. *With probability 1 − δ at least the target share of the matches kept is right*, at
    every moment from the first answer to the last. Chance is only in the order of asking, so the promise needs no independence
    and holds however the matches hang together. It is about ``kept``, the best of this very pool.

    One random order of the pool is fixed in advance, and so are lines that keep the 40, 54, 73, … best matches. Each line
    walks the order restricted to its own matches, and bets against "fewer than ⌈target · m⌉ of my m are right" with
    ``W = Σ_{K ≥ r} p_K / ((m − r + 1) p_{r−1})``, ``p_K`` the exact chance of its labels if K are right and ``r = ⌈target · m⌉``.
    A line is shown once W has reached 1/δ. Lines are shown from strict to loose; the first that is not ends the row.

    Parameters
    ----------
    matches : Matches, or scores (n,) of candidates, or a matrix (n, m) of all pairs
        The pool. Of ``min_match`` too, whose scores are distances. ``-inf`` is never a candidate.
    target : float
        The wanted precision, in (0, 1).
    delta : float
        The risk of missing it, in (0, 1).
    seed : int
        Of the order of asking.

    Raises
    ------
    TypeError, ValueError
        For scores with NaN, a target or risk outside (0, 1), an answer without a question, or a pool that is not the one
        of the file.

    References
    ----------
    I. Waudby-Smith, A. Ramdas, *Confidence sequences for sampling without replacement*, NeurIPS 2020.
    J. Ville, *Étude critique de la notion de collectif*, 1939.

    Notes
    -----
    "Cannot tell" counts as wrong. A gated one-to-one matching at another line is another pool: for the matches of
    ``max_match(scores)`` the promise is about the best of them, not about ``max_match(scores, threshold)``. Measured in
    ``benchmarks/PROMISES.md``.

    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.threshold import Labelling
    >>> scores = np.linspace(0, 1, 400)
    >>> labelling = Labelling(scores, target=0.9, delta=0.1, seed=0)
    >>> for _ in range(60):
    ...     candidate = labelling.ask()
    ...     labelling.answer(bool(scores[candidate] > 0.3))
    >>> labelling
    Labelling(60 answers: at least 0.9 of the 179 best of 400 are right, at a risk of 0.1)
    >>> round(float(labelling.threshold), 3), round(labelling.bound(0.5), 2), len(labelling.kept)
    (0.554, 0.79, 179)
    """

    def __init__(self, matches: Any, target: float = 0.9, delta: float = 0.1, seed: int = 0) -> None:
        self.target = as_number(target, "target", 0, 1, above=True, below=True)
        self.delta = as_number(delta, "delta", 0, 1, above=True, below=True)
        self.seed = as_seed(seed)
        self._pool: Matches | None = None
        self._candidates, scores = self._read(matches)
        n = len(scores)
        self._at = np.argsort(
            -scores, kind="stable"
        )  # places in the pool, best first: below, "place" is a rank in it
        self._scores = scores[self._at]
        self._sizes = lines_at(self._scores)
        self._needed = [math.ceil(round(self.target * m, 9)) for m in self._sizes]
        # Drawn for the candidates as they came, so that the order depends on nothing else.
        chance = np.empty(n, np.int64)
        chance[np.random.default_rng([_STREAM, self.seed]).permutation(n)] = np.arange(n)
        drawn = np.argsort(chance[self._at])
        self._walks = [drawn[drawn < m] for m in self._sizes]
        self._answers: list[tuple[int, bool | None]] = []
        self._restart()

    def _read(self, matches: Any) -> tuple[np.ndarray, np.ndarray]:
        """The candidates, as they will be asked for, and their scores, higher being more alike."""
        self._sign = 1.0
        if hasattr(matches, "pairs") and hasattr(matches, "measure"):
            self._pool = matches
            self._sign = -1.0 if matches.measure == "distance" else 1.0
            return np.asarray(matches.pairs), self._sign * as_scores(matches.scores, ndim=(1,)).astype(
                np.float64
            )
        scores = as_scores(matches, "matches", ndim=(1, 2)).astype(np.float64)
        at = np.argwhere(scores > -np.inf)
        if scores.ndim == 2:
            from ..align import threshold_match

            self._pool = threshold_match(scores, -np.inf, margins=False)
        return (at[:, 0] if scores.ndim == 1 else at), scores[tuple(at.T)]

    def _restart(self) -> None:
        self._labels = dict[int, bool]()
        self._lines = [Line(m, max(r - 1, 0)) for m, r in zip(self._sizes, self._needed, strict=True)]
        self._bounds: list[Line] | None = None
        self._shown = 0
        self._history: list[tuple[int, float, int]] = []

    # ---- questions and answers

    def _next(self) -> int | None:
        """The place in the pool of the next candidate: the first of the next line's order that has no label."""
        if self._shown == len(self._sizes) or not self._lines[self._shown].may_show(
            self._needed[self._shown]
        ):
            return None
        line = self._lines[self._shown]
        return int(self._walks[self._shown][line.seen])

    def ask(self) -> Any:
        """Return the candidate to be labelled next, ``(i, j)`` or its number; None when nothing more can be gained.

        The same one until it is answered.
        """
        at = self._next()
        return None if at is None else self._named(at)

    def _named(self, at: int) -> Any:
        candidate = self._candidates[self._at[at]].tolist()
        return tuple(candidate) if isinstance(candidate, list) else candidate

    def answer(self, right: bool | None) -> None:
        """Say whether the candidate asked for is right: True, False, or None for "cannot tell", which counts as wrong."""
        if right is not None and not isinstance(right, (bool, np.bool_)):
            raise TypeError(f"right is {describe(right)}; want True, False, or None for cannot tell")
        at = self._next()
        if at is None:
            raise ValueError(
                "there is nothing to answer: ask() returns None, since no label can change what is kept"
            )
        self._answers.append((at, None if right is None else bool(right)))
        self._take(at, bool(right))

    def _take(self, at: int, right: bool) -> None:
        self._labels[at] = right
        self._advance(self._lines)
        if self._bounds is not None:
            self._advance(self._bounds)
        while self._shown < len(self._lines) and self._lines[self._shown].shows(
            self._needed[self._shown], self.delta
        ):
            self._shown += 1
        self._history.append((len(self._labels), self._value, self._kept))

    def _advance(self, lines: Sequence[Line]) -> None:
        """Let each line walk on as far as its candidates have labels."""
        for line, walk in zip(lines, self._walks, strict=True):
            while line.seen < line.m and (at := int(walk[line.seen])) in self._labels:
                line.add(self._labels[at])

    def undo(self) -> Any:
        """Take the last answer back and return its candidate; everything is computed anew from the others."""
        if not self._answers:
            raise ValueError("there is no answer to take back")
        *answers, (last, _) = self._answers
        self._answers = answers
        self._restart()
        for at, right in answers:
            self._take(at, bool(right))
        return self._named(last)

    # ---- what is promised

    @property
    def _kept(self) -> int:
        return self._sizes[self._shown - 1] if self._shown else 0

    @property
    def _value(self) -> float:
        return self._sign * float(self._scores[self._kept - 1]) if self._kept else math.nan

    @property
    def threshold(self) -> Threshold:
        """The line that is shown now, as a ``Threshold``; it has abstained as long as there is none."""
        n, size = len(self._answers), len(self._scores)
        if self._kept:
            said = (
                f"with probability {1 - self.delta:g} at least {self.target:g} of the {self._kept} best matches of this pool "
                f"of {size} are right; void for matches made anew at this line"
            )
        else:
            said = f"abstained: {n} answers do not show yet that {self.target:g} of the best {self._first} are right"
        return Threshold(
            self._value, f"precision >= {self.target:g}, one at a time", n, self._kept / max(size, 1), said,
            "", np.sort(self._sign * self._scores), pool=True,
        )  # fmt: skip

    @property
    def _first(self) -> int:
        return self._sizes[0] if self._sizes else 0

    @property
    def kept(self) -> Any:
        """What the promise is about: ``Matches``, or for a sequence of scores the numbers of the candidates, ascending."""
        at = np.sort(self._at[: self._kept])
        if self._pool is None:
            return self._candidates[at]
        pairs = self._pool.pairs[at]
        return replace(
            self._pool, pairs=pairs, scores=self._pool.scores[at], margins=self._pool.margins[at],
            unmatched_a=np.setdiff1d(np.arange(self._pool.shape[0]), pairs[:, 0]),
            unmatched_b=np.setdiff1d(np.arange(self._pool.shape[1]), pairs[:, 1]),
            tied=min(self._pool.tied, len(at)),
        )  # fmt: skip

    @property
    def asked(self) -> list[tuple[Any, bool | None]]:
        """The answers so far, in order: ``(candidate, answer)``."""
        return [(self._named(at), right) for at, right in self._answers]

    @property
    def history(self) -> np.ndarray:
        """One row per answer, to plot: number of answers, value of the line (NaN: none yet), matches kept."""
        return np.array(self._history, float).reshape(-1, 3)

    @property
    def next_line(self) -> NextLine | None:
        """What more labels would buy, estimated from the answers so far; None where that is nothing.

        It takes it that the labels to come are right as often as those that are known of the next line.
        """
        if self._next() is None:
            return None
        line, walk = self._lines[self._shown], self._walks[self._shown]
        known = [right for at, right in self._labels.items() if at < line.m]
        share = (sum(known) + 0.5) / (len(known) + 1) if known else self.target + (1 - self.target) / 2
        more = labels_to_show(line, self._needed[self._shown], share, self.delta)
        if more is None:
            return None
        coming = walk[line.seen : line.seen + more].tolist()
        answers = sum(at not in self._labels for at in coming)
        return NextLine(answers, self._kept, line.m)

    def bound(self, threshold: float) -> float:
        """Return a lower bound of the precision of all matches at or above a threshold, for every threshold at once.

        With probability 1 − δ all of these bounds hold, at every moment, so the threshold may be chosen after looking. δ is
        shared out over the lines; each refutes what it can of its number of right matches, and what is shown of one line
        holds for the others by counting: a looser line has at least as many right ones, a stricter one at most as many fewer as
        it has fewer matches. NaN where nothing reaches the threshold.

        Examples
        --------
        >>> import numpy as np
        >>> from mmalign_nb.threshold import Labelling
        >>> labelling = Labelling(np.linspace(0, 1, 100), seed=1)
        >>> while labelling.ask() is not None:
        ...     labelling.answer(True)
        >>> bool(labelling.bound(0.0) > 0.8)
        True
        """
        line = as_threshold(threshold)
        m = int(np.searchsorted(-self._scores, -self._sign * line, side="right"))
        if not m:
            return math.nan
        if self._bounds is None:
            self._bounds = [Line(size) for size in self._sizes]
            self._advance(self._bounds)
        share = self.delta / len(self._sizes)
        right = sum(right for at, right in self._labels.items() if at < m)  # seen, so certain
        for known in self._bounds:
            right = max(right, known.at_least(share) - max(known.m - m, 0))
        return right / m

    # ---- on disk

    @property
    def _fingerprint(self) -> str:
        """A checksum of the pool and of what the order depends on."""
        told = hashlib.sha256(f"{self.target!r} {self.delta!r} {self.seed} {self._sign}".encode())
        told.update(np.ascontiguousarray(self._candidates, np.int64).tobytes())
        told.update(np.ascontiguousarray(self._scores, np.float64).tobytes())
        return told.hexdigest()[:16]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the answers as a UTF-8 CSV file, from which ``resume`` goes on.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.threshold import Labelling
        >>> labelling = Labelling([0.9, 0.7, 0.2])
        >>> labelling.answer(True)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     labelling.to_csv(path := pathlib.Path(folder, "labels.csv"))
        ...     Labelling.resume(path, [0.9, 0.7, 0.2]).asked == labelling.asked
        True
        """
        sides = ["candidate"] if self._candidates.ndim == 1 else ["a", "b"]
        rows: list[list[Any]] = [["answer", *sides, "score", "target", "delta", "seed", "pool"]]
        for at, right in self._answers:
            names = np.atleast_1d(self._candidates[self._at[at]]).tolist()
            rows.append([
                _WORDS[right], *names, repr(self._sign * float(self._scores[at])),
                repr(self.target), repr(self.delta), self.seed, self._fingerprint,
            ])  # fmt: skip
        from .._files import replacing

        with replacing(Path(path)) as file:
            file.write("".join(",".join(map(str, row)) + "\n" for row in rows).encode())

    @classmethod
    def resume(cls, path: str | os.PathLike[str], matches: Any) -> Labelling:
        """Go on from a file that ``to_csv`` wrote, with the same pool; another pool is refused."""
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or not {"answer", "target", "delta", "seed", "pool"} <= set(rows[0]):
            raise ValueError(f"{path} holds no answers that Labelling.to_csv wrote")
        try:
            labelling = cls(matches, float(rows[0]["target"]), float(rows[0]["delta"]), int(rows[0]["seed"]))
            answers = [{v: k for k, v in _WORDS.items()}[row["answer"]] for row in rows]
        except (KeyError, ValueError, TypeError) as err:
            raise ValueError(f"{path} is not as Labelling.to_csv wrote it: {err}") from err
        if rows[0]["pool"] != labelling._fingerprint:
            raise ValueError(
                f"{path} has the labels of another pool: its candidates or scores are not those of matches"
            )
        for row, right in zip(rows, answers, strict=True):
            asked = labelling.ask()
            if asked is None or [str(v) for v in np.atleast_1d(asked)] != [
                row[k] for k in row if k in ("candidate", "a", "b")
            ]:
                raise ValueError(f"{path} has answers in another order than they were asked for")
            labelling.answer(right)
        return labelling

    def __repr__(self) -> str:
        n = len(self._answers)
        head = f"Labelling({n} answer{'s' * (n != 1)}: "
        if not self._kept:
            return head + f"no promise yet for the {len(self._scores)} matches of the pool)"
        return head + (
            f"at least {self.target:g} of the {self._kept} best of {len(self._scores)} are right, "
            f"at a risk of {self.delta:g})"
        )
