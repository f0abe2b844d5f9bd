"""Labels one at a time: answer yes or no, stop when the promise suits."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._check import as_count, as_number, as_scores, as_seed, as_threshold, describe
from ._rules import Threshold
from ._walk import at_least, evidence, lines_at

if TYPE_CHECKING:
    from ..align import Matches

__all__ = ["Labelling", "NextLine"]

_STREAM = 0x1ABE1  # a random stream of its own: the order must share none with data or splits made from the same seed
_STRICT = 40  # matches that the strictest line keeps
_SAVED = 0.1  # the share of the risk that is kept for lines stricter than the first one tried
_WORDS = {True: "yes", False: "no", None: "cannot tell"}


class NextLine(NamedTuple):
    """What more labels would buy: about ``answers`` more for ``kept_then`` matches instead of ``kept_now``."""

    answers: int
    kept_now: int
    kept_then: int


def _peaks(n: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Where a line's labels speak for it most: where its next one is wrong, and at its end."""
    wrong = n - s
    return np.diff(wrong, append=wrong[..., -1:] + 1) > 0


class Labelling:
    """Ask for one label at a time, and promise a precision that holds whenever one stops.

    The pool is a fixed set of matches. *With probability 1 − δ at least the target share of the matches kept is right*, at
    every moment from the first answer to the last. Chance is only in the order of asking, so the promise needs no independence
    and holds however the matches hang together. It is about ``kept``, the best of this very pool.

    One random order of the pool is fixed in advance, and so are lines: the strictest keeps 40 matches, each other one √m more than
    the last. Each line walks the order restricted to its own m matches, and bets against "fewer than r = ⌈target · m⌉ of them are
    right" with ``W = B(a + s, 1 + n − s) / (B(a, 1) p)``: p is the exact chance of its n labels, s of them right, if r − 1 are
    right; the other factor is their chance if the share is drawn from Beta(a, 1), ``a = 5 / (1 − target)``. A line that does not
    hold has chance ε at most that W ever reaches 1/ε; a line is shown when it does.

    Lines are shown in their order, and the first that is not ends the row. It starts at ``first`` matches, with ε = 0.9 δ. If the
    labels speak against that, the row from the strictest line to the first is asked for, with ε = 0.1 δ; when it is
    through, ε = δ for the rest.

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
    first : int, optional
        How many matches the first line that is tried keeps: by default 5 % of as many as can be right (of a matrix, of its longer
        side), at least 40. Take more where most of the pool is right: a few labels then carry far.

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
    "Cannot tell" counts as wrong. Target, risk, seed and ``first`` are chosen before the first answer: whoever tries several and
    takes the best has no promise. ``threshold`` and ``bound`` are two promises, each at risk δ. A gated one-to-one matching
    at another line is another pool: for the matches of ``max_match(scores)`` the promise is about the best of them, not about
    ``max_match(scores, threshold)``. Measured in ``benchmarks/PROMISES.md``.

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
    Labelling(60 answers: at least 0.9 of the 276 best of 400 are right, at a risk of 0.1)
    >>> round(float(labelling.threshold), 3), round(labelling.bound(0.5), 2), len(labelling.kept)
    (0.311, 0.83, 276)
    >>> labelling.undo() == candidate, len(labelling.asked)
    (True, 59)
    """

    def __init__(
        self,
        matches: Any,
        target: float = 0.9,
        delta: float = 0.1,
        seed: int = 0,
        *,
        first: int | None = None,
    ) -> None:
        self.target = as_number(target, "target", 0, 1, above=True, below=True)
        self.delta = as_number(delta, "delta", 0, 1, above=True, below=True)
        self.seed = as_seed(seed)
        self._pool: Matches | None = None
        self._candidates, scores = self._read(matches)
        n = len(scores)
        most = n if self._pool is None else min(n, max(self._pool.shape))
        self.first = as_count(first, "first", none=True) or max(_STRICT, most // 20)
        # Below, a "place" is a rank in the pool, best first.
        self._at = np.argsort(-scores, kind="stable")
        self._scores = scores[self._at]
        self._sizes = lines_at(self._scores, min(_STRICT, self.first))
        self._start = min(int(np.searchsorted(self._sizes, self.first)), max(len(self._sizes) - 1, 0))
        self._needed = [max(math.ceil(round(self.target * m, 9)), 1) for m in self._sizes.tolist()]
        # Drawn for the candidates as they came, so that the order depends on nothing else.
        drawn = np.random.default_rng([_STREAM, self.seed]).permutation(n)
        self._drawn = np.argsort(self._at)[drawn]  # places, in the order of asking
        self._time = np.argsort(self._drawn)  # of each place
        self._label = np.full(n, -1, np.int8)  # of each place: 1 right, 0 wrong, -1 not known
        self._answers: list[tuple[int, bool | None]] = []
        # After 0, 1, 2, … answers: the next line to show from the strictest on, and from the start on.
        self._shown = [(0, self._start)]
        self._counts: np.ndarray | None = None

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

    # ---- questions and answers

    def _walks(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many labels each line has got, and how many of them right, after each label of the common order.

        A line stops where the next of its own candidates has no label. So this depends on which labels are known, and not
        on when they came.
        """
        known = self._drawn[self._label[self._drawn] >= 0]
        stops = np.minimum.accumulate(np.where(self._label < 0, self._time, len(self._time)))
        mine = (known < sizes[:, None]) & (self._time[known] < stops[sizes - 1][:, None])
        return np.cumsum(mine, axis=1), np.cumsum(mine & (self._label[known] > 0), axis=1)

    def _walk(self, line: int) -> tuple[np.ndarray, np.ndarray]:
        """One line's candidates in the order of asking, and their labels up to the first that has none."""
        own = self._drawn[self._drawn < self._sizes[line]]
        label = self._label[own]
        return own, label[: np.append(label, -1).argmin()]

    def _can(self, line: int) -> bool:
        """Whether there is such a line and it can still hold."""
        m = self._sizes[line] if line < len(self._sizes) else 0
        return bool(m) and m - (self._label[:m] == 0).sum() >= self._needed[line]

    def _line(self) -> int | None:
        """The line to ask for: from the start on, or from the strictest on if the labels speak against the start."""
        strict, loose = self._shown[-1]
        if strict < loose == self._start and self._can(strict):
            known = self._walk(loose)[1]
            if known.sum() + 1 < self.target * len(known) or not self._can(loose):
                return strict
        return loose if self._can(loose) else None

    def _next(self) -> int | None:
        """The place of the next candidate: the first of the line's order that has no label."""
        line = self._line()
        if line is None:
            return None
        own, known = self._walk(line)
        return int(own[len(known)])

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
        self._label[at], self._counts = bool(right), None
        strict, loose = self._shown[-1]
        while strict < self._start and self._shows(strict, strict):
            strict += 1
        while loose < len(self._sizes) and self._shows(loose, strict):
            loose += 1
        self._shown.append((strict, loose))

    def _goal(self, line: int, strict: int) -> float:
        """What the bet on a line must reach.

        A tenth of the risk is for the lines below the start, the rest for those from it on: the first of either that does not hold
        is shown with no more chance. Once all below the start are shown, the first of all that fails is one from it on, and has
        the whole risk to itself.
        """
        share = _SAVED if line < self._start else 1 - _SAVED if strict < self._start else 1.0
        return -math.log(share * self.delta)

    def _shows(self, line: int, strict: int) -> bool:
        """Whether a line's labels have ever refuted that fewer than the target share are right."""
        known = self._walk(line)[1]
        n, s = np.arange(1, len(known) + 1), np.cumsum(known)
        best = _peaks(n, s)
        found = evidence(self._needed[line] - 1, self._sizes[line], n[best], s[best], self.target)
        return bool(found.max(initial=-math.inf) >= self._goal(line, strict))

    def undo(self) -> Any:
        """Take the last answer back and return its candidate: as if it had never been given."""
        if not self._answers:
            raise ValueError("there is no answer to take back")
        at, _ = self._answers.pop()
        self._shown.pop()
        self._label[at], self._counts = -1, None
        return self._named(at)

    # ---- what is promised

    @property
    def _kept(self) -> int:
        return self._size(self._shown[-1])

    def _size(self, shown: tuple[int, int]) -> int:
        """How many matches are kept when so many lines are shown."""
        strict, loose = shown
        line = loose if loose > self._start else strict
        return int(self._sizes[line - 1]) if line else 0

    def _value(self, kept: int) -> float:
        return self._sign * float(self._scores[kept - 1]) + 0.0 if kept else math.nan

    @property
    def threshold(self) -> Threshold:
        """The line that is shown now, as a ``Threshold``; it has abstained as long as there is none."""
        n, size = len(self._answers), len(self._scores)
        if self._kept:
            said = (
                f"with probability {1 - self.delta:g} at least {self.target:g} of the {self._kept} best matches of this pool "
                f"of {size} are right; void for matches made anew at this line"
            )
        elif not size:
            said = "abstained: the pool is empty"
        elif self._next() is None:
            said = f"abstained: too many are wrong for a target of {self.target:g}"
        else:
            said = f"abstained: {n} answers do not show yet that {self.target:g} of any line are right"
        return Threshold(
            self._value(self._kept), f"precision >= {self.target:g}, one at a time", n, self._kept / max(size, 1), said,
            "", np.sort(self._sign * self._scores, kind="stable"), pool=True,
        )  # fmt: skip

    @property
    def pool(self) -> Matches:
        """All matches of the pool, of which ``kept`` are the best; a sequence of scores has none."""
        if self._pool is None:
            raise TypeError("this labelling is of a sequence of scores; want one of Matches or of a matrix")
        return self._pool

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
        kept = [self._size(shown) for shown in self._shown]
        rows = [(n, self._value(m), m) for n, m in enumerate(kept) if n]
        return np.array(rows, float).reshape(-1, 3)

    @property
    def next_line(self) -> NextLine | None:
        """What more labels would buy, estimated from the answers so far: at least a quarter more matches, or the first line.

        The median of imagined continuations, in which the unlabelled are right about as often as the labelled of the line's worse
        half. None where nothing more can be gained, or where most of them would not reach it.
        """
        line = self._line()
        if line is None:
            return None
        end = self._start if line < self._start else len(self._sizes)
        goal = min(max(int(np.searchsorted(self._sizes, 1.25 * self._kept)), line), end - 1)
        answers = max(self._more(line), self._more(goal))
        if answers == math.inf:
            return None
        return NextLine(int(answers), self._kept, int(self._sizes[goal]))

    def _more(self, line: int) -> float:
        """How many more answers a line takes: the median of 49 imagined continuations.

        Each draws its share of right ones from what the labels of the line's worse half leave likely.
        """
        m = int(self._sizes[line])
        known, label = self._label[m // 2 : m], self._label[self._drawn[self._drawn < m]]
        rng = np.random.default_rng([_STREAM + 1, self.seed, len(self._answers)])
        share = rng.beta((known > 0).sum() + 1, (known == 0).sum() + 0.01, (49, 1))
        ahead = np.append(
            np.flatnonzero(label < 0), m
        )  # labels of the line before its 1st, 2nd, … unknown one
        answers = np.unique(np.geomspace(1, len(ahead), 60).astype(int)) - 1
        n = ahead[answers]
        s = np.append(0, np.cumsum(label > 0))[n]
        s = s + np.cumsum(rng.binomial(np.diff(answers, prepend=0), share), axis=1)
        found = evidence(self._needed[line] - 1, m, n, s, self.target)
        found = found >= self._goal(line, self._shown[-1][0])
        return float(np.median(np.where(found.any(axis=1), answers[found.argmax(axis=1)], np.inf)))

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
        if self._counts is None:
            self._counts = self._count()
        return float(self._counts[m - 1] / m)

    def _count(self) -> np.ndarray:
        """Lower bounds of the number of right ones among the m best, for every m."""
        lines = self._sizes[::-3]  # closer ones would gain less than sharing δ further costs
        m, n, s = np.broadcast_arrays(lines[:, None], *self._walks(lines))
        best = _peaks(n, s)
        found = np.zeros(m.shape, np.int64)
        found[best] = at_least(m[best], n[best], s[best], self.target, self.delta / len(lines))
        right = np.cumsum(self._label > 0)  # seen, so certain
        right[lines - 1] = np.maximum(right[lines - 1], found.max(axis=1, initial=0))
        right = np.maximum.accumulate(right)  # a looser line has no fewer right ones
        each = np.arange(1, len(right) + 1)
        wrong = np.minimum.accumulate((each - right)[::-1])[::-1]  # and a stricter one no more wrong ones
        return each - np.maximum(
            wrong, np.cumsum(self._label == 0)
        )  # one bound in ten is false: not against what is seen

    # ---- on disk

    @property
    def _fingerprint(self) -> str:
        """A checksum of the pool and of what the order depends on."""
        told = hashlib.sha256(
            f"{self.target!r} {self.delta!r} {self.seed} {self.first} {self._sign}".encode()
        )
        told.update(np.ascontiguousarray(self._candidates[self._at], np.int64).tobytes())
        told.update(np.ascontiguousarray(self._scores, np.float64).tobytes())
        return "pool " + told.hexdigest()[:16]  # a word: a spreadsheet would read 12e34 as a number

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the answers as a UTF-8 CSV file, from which ``resume`` goes on."""
        sides = ["candidate"] if self._candidates.ndim == 1 else ["a", "b"]
        rows: list[list[Any]] = [["answer", *sides, "score", "target", "delta", "seed", "first", "pool"]]
        settings = [repr(self.target), repr(self.delta), self.seed, self.first, self._fingerprint]
        for at, right in self._answers:
            names = np.atleast_1d(self._candidates[self._at[at]]).tolist()
            rows.append([_WORDS[right], *names, repr(self._sign * float(self._scores[at])), *settings])
        from .._files import replacing

        with replacing(Path(path)) as file:
            file.write("".join(",".join(map(str, row)) + "\n" for row in rows).encode())

    @classmethod
    def resume(cls, path: str | os.PathLike[str], matches: Any) -> Labelling:
        """Go on from a file that ``to_csv`` wrote, with the same pool; another pool is refused.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.threshold import Labelling
        >>> labelling = Labelling([0.9, 0.7, 0.2])
        >>> labelling.answer(True)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     labelling.to_csv(path := pathlib.Path(folder, "labels.csv"))
        ...     again = Labelling.resume(path, [0.9, 0.7, 0.2])
        >>> again.asked == labelling.asked
        True
        """
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
        head = text[: text.find("\n")]  # spreadsheets of some countries write semicolons, and 0,9
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
        rows = [row for row in reader if row.get("answer")]
        try:
            target, delta = (float(rows[0][name].replace(",", ".")) for name in ("target", "delta"))
            labelling = cls(matches, target, delta, int(rows[0]["seed"]), first=int(rows[0]["first"]))
            sides = ["candidate"] if labelling._candidates.ndim == 1 else ["a", "b"]
            words = {word: right for right, word in _WORDS.items()}
            answers = {
                tuple(int(row[k]) for k in sides): words[row["answer"].strip().lower()] for row in rows
            }
            pool = {row["pool"] for row in rows}
        except (IndexError, KeyError, ValueError, TypeError, AttributeError) as err:
            raise ValueError(
                f"{path} is not as Labelling.to_csv wrote it, or holds no answers ({err!r})"
            ) from err
        if pool != {labelling._fingerprint}:
            raise ValueError(
                f"{path} has the labels of another pool: its candidates or scores are not those of matches"
            )
        while (asked := labelling.ask()) is not None and (
            key := tuple(np.atleast_1d(asked).tolist())
        ) in answers:
            labelling.answer(answers.pop(key))
        if answers:
            raise ValueError(
                f"{path} has {len(answers)} answers that are not asked for after the others, as for {min(answers)}; "
                "want them as they were given"
            )
        return labelling

    def __repr__(self) -> str:
        n = len(self._answers)
        head = f"Labelling({n} answer{'s' * (n != 1)}: "
        if not self._kept:
            so_far = "yet" if self._next() is not None else "can be made"
            return head + f"no promise {so_far} for the {len(self._scores)} matches of the pool)"
        return head + (
            f"at least {self.target:g} of the {self._kept} best of {len(self._scores)} are right, "
            f"at a risk of {self.delta:g})"
        )
