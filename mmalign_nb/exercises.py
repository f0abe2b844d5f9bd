"""The exercises of the chapters: what the answer is, why, and what to say to an answer that is not right.

The answers stand here and not in the notebooks, so that nobody reads one by accident; the notebooks with the
solutions compute them. One function looks at an answer: ``check("00-1", answer)``.

There are four kinds of answers. `Number` compares with a tolerance. `Choice` is a word, in any case. `Collection` is
several of either, in order or not. `Made` is a thing that the reader has built (a filter, a fitted model) and that
is tried. No kind gives the right answer away: a hint says in which direction to look.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._check import describe

__all__ = ["check"]


class _Unreadable(Exception):
    """The answer is of a kind that cannot be compared; the message says what is wrong with it."""


def _without_shape(answer: Any) -> Any:
    """The single entry of an array or tensor that has just one; anything else as it is."""
    if hasattr(answer, "shape") and hasattr(answer, "item") and math.prod(answer.shape) == 1:
        return answer.item()
    return answer


def _number(answer: Any) -> float:
    """A number from an int, a float, a NumPy number, an array of one, or a text such as "0.73"."""
    answer = _without_shape(answer)
    if isinstance(answer, str):
        answer = answer.strip().strip("'\"").replace("−", "-")
    if isinstance(answer, (bool, np.bool_)) or answer is None:
        raise _Unreadable(describe(answer))
    try:
        value = float(answer)
    except (TypeError, ValueError):
        raise _Unreadable(describe(answer)) from None
    if not math.isfinite(value):
        raise _Unreadable(f"{value}, which is no finite number")
    return value


def _plain(word: str) -> str:
    """A word without the differences that do not matter: case, spaces at the ends, quotes, hyphens."""
    return re.sub(r"[\s_-]+", " ", word.strip().strip("'\".,;!`").casefold()).strip()


def _word(answer: Any) -> str:
    answer = _without_shape(answer)
    if not isinstance(answer, str) or not _plain(answer):
        raise _Unreadable(describe(answer))
    return _plain(answer)


def _shown(value: float) -> str:
    return f"{value:.6g}"


@dataclass(frozen=True)
class Number:
    """A number: right within ``tolerance``; ``low`` and ``high`` are the hints for answers below and above it.

    ``near`` names known wrong answers, each with a sentence of its own. They are looked at before the tolerance of
    the right answer, so they must lie outside it.
    """

    value: float
    tolerance: float
    reason: str
    low: str
    high: str
    wanted: str = "a number"
    near: Mapping[float, str] = field(default_factory=dict)

    def judge(self, answer: Any) -> tuple[bool, str]:
        """Whether the answer is right, and what to say."""
        got = _number(answer)
        edge = self.tolerance * (1 + 1e-9) + 1e-12  # 0.73 + 0.01 is not quite 0.74 in binary
        if abs(got - self.value) <= edge:
            return True, self.reason
        for known, sentence in self.near.items():
            if abs(got - known) <= max(edge, 0.005 * abs(known)):
                return False, f"{_shown(got)} is too {'low' if got < self.value else 'high'}. {sentence}"
        far = abs(got - self.value) > max(10 * self.tolerance, 0.1 * abs(self.value))
        how = ("" if far else "a little ") + ("too low" if got < self.value else "too high")
        return False, f"{_shown(got)} is {how}. {self.low if got < self.value else self.high}"


@dataclass(frozen=True)
class Choice:
    """A word: ``right`` holds all accepted spellings, ``wrong`` the other choices, each with its hint.

    With ``other`` a word that is in neither is a wrong answer with this hint; without it, the choices are named.
    """

    right: tuple[str, ...]
    reason: str
    wrong: Mapping[str, str] = field(default_factory=dict)
    other: str = ""
    wanted: str = "a word"

    def judge(self, answer: Any) -> tuple[bool, str]:
        """Whether the answer is right, and what to say."""
        got = _word(answer)
        if got in {_plain(word) for word in self.right}:
            return True, self.reason
        for word, hint in self.wrong.items():
            if got == _plain(word):
                return False, f"It is not {word!r}. {hint}"
        if self.other:
            return False, f"It is not {_without_shape(answer).strip()!r}. {self.other}"
        raise _Unreadable(describe(_without_shape(answer)))


@dataclass(frozen=True)
class Collection:
    """Several numbers or words; ``ordered`` says whether their order counts. ``hint`` follows how many are right."""

    values: tuple[float, ...] | tuple[str, ...]
    ordered: bool
    reason: str
    hint: str
    wanted: str = "a list"
    tolerance: float = 0.0

    def judge(self, answer: Any) -> tuple[bool, str]:
        """Whether the answer is right, and what to say."""
        got = self._entries(answer)
        if self.ordered:
            if len(got) != len(self.values):
                return False, f"There are {len(self.values)} places, and you filled {len(got)}. {self.hint}"
            good = sum(self._same(g, v) for g, v in zip(got, self.values, strict=True))
            return self._verdict(good == len(got), f"{good} of {len(got)} places are right. {self.hint}")
        got = [g for k, g in enumerate(got) if not any(self._same(g, h) for h in got[:k])]  # twice is once
        good = sum(any(self._same(g, v) for v in self.values) for g in got)
        missing = len(self.values) - good
        what = f"{good} of your {len(got)} {'belongs' if good == 1 else 'belong'} there, and {missing} "
        return self._verdict(
            good == len(got) and not missing,
            f"{what}{'is' if missing == 1 else 'are'} missing. {self.hint}",
        )

    def _verdict(self, right: bool, otherwise: str) -> tuple[bool, str]:
        return right, self.reason if right else otherwise

    def _entries(self, answer: Any) -> list[Any]:
        if isinstance(answer, str):
            answer = [x for x in re.split(r"[,;\n]+|\s+", answer.strip().strip("()[]{}")) if x]
        elif hasattr(answer, "tolist"):
            answer = answer.tolist()
        if self.ordered and isinstance(answer, (set, frozenset)):
            raise _Unreadable("a set, which has no order")
        if not isinstance(answer, (list, tuple, set, frozenset)):
            raise _Unreadable(describe(answer))
        read = _word if isinstance(self.values[0], str) else _number
        return [read(x) for x in answer]

    def _same(self, got: Any, value: Any) -> bool:
        if isinstance(value, str):
            return bool(got == _plain(value))
        return bool(abs(got - value) <= self.tolerance * (1 + 1e-9) + 1e-12)


@dataclass(frozen=True)
class Made:
    """A thing that the reader has made: ``attempt`` tries it and returns whether it is right, and a sentence.

    ``attempt`` raises TypeError, ValueError or AttributeError when the thing is of a wrong kind.
    """

    attempt: Callable[[Any], tuple[bool, str]]
    wanted: str

    def judge(self, answer: Any) -> tuple[bool, str]:
        """Whether the answer is right, and what to say."""
        try:
            return self.attempt(answer)
        except (TypeError, ValueError, AttributeError) as error:
            raise _Unreadable(f"{describe(answer)} ({error})") from None


_Exercise = Number | Choice | Collection | Made

# --- chapter 00 -------------------------------------------------------------------------------------------------------

_CHAPTER_00: dict[str, _Exercise] = {
    "00-1": Choice(
        right=("U+2603",),
        reason="The best hit is the symbol whose official name is just this word.",
        other="Search with find, and look at the first id of the first row.",
        wanted='an id such as "U+2602"',
    ),
    "00-2": Number(
        value=0.53,
        tolerance=0.004,
        reason="One step lower the precision is 0.86, and here it is 0.93; on other pairs the line may lie elsewhere.",
        low="At this line the precision is below 0.9: try the higher ones in a loop.",
        high="A lower line already reaches a precision of 0.9: begin at 0.00 and stop at the first that does.",
        wanted="a number with two decimals",
    ),
    "00-3": Number(
        value=14,
        tolerance=0,
        reason="As many names as there are have a best picture, but several have the same one.",
        low="Count how often each column occurs in the pairs, and then the columns that occur more than once.",
        high="Count a picture once, however many names take it, and only if two or more do.",
        wanted="a whole number",
    ),
}

# --- chapter 01 -------------------------------------------------------------------------------------------------------

_CHAPTER_01: dict[str, _Exercise] = {}

# --- chapter 02 -------------------------------------------------------------------------------------------------------

_CHAPTER_02: dict[str, _Exercise] = {}

# --- chapter 03 -------------------------------------------------------------------------------------------------------

_CHAPTER_03: dict[str, _Exercise] = {}

# --- chapter 04 -------------------------------------------------------------------------------------------------------

_CHAPTER_04: dict[str, _Exercise] = {}

# --- chapter 05 -------------------------------------------------------------------------------------------------------

_CHAPTER_05: dict[str, _Exercise] = {}

# --- all of them ------------------------------------------------------------------------------------------------------

_EXERCISES: dict[str, _Exercise] = (
    _CHAPTER_00 | _CHAPTER_01 | _CHAPTER_02 | _CHAPTER_03 | _CHAPTER_04 | _CHAPTER_05
)


def check(exercise: str, answer: Any) -> None:
    """Look at the answer to an exercise and print one line: that it is right, or where to look.

    Parameters
    ----------
    exercise
        Chapter and number, such as ``"00-1"``.
    answer
        Yours. ``...`` and None mean that there is none yet. Numbers may be int, float, NumPy numbers or text; words
        are compared without case; several may be a list, tuple, set or array.

    Raises
    ------
    ValueError
        If there is no such exercise. A wrong answer, or one of a wrong type, is no error: the line says what is
        wanted.

    Notes
    -----
    Notebook: ``00_start_here``.

    Examples
    --------
    >>> check("00-2", ...)
    Not answered yet: want a number with two decimals.
    >>> check("00-2", "a half")
    Want a number with two decimals; this is str 'a half'.
    """
    if exercise not in _EXERCISES:
        raise ValueError(f"exercise is {exercise!r}; there are {', '.join(map(repr, _EXERCISES))}")
    task = _EXERCISES[exercise]
    if answer is None or answer is ...:
        print(f"Not answered yet: want {task.wanted}.")
        return
    try:
        right, sentence = task.judge(answer)
    except _Unreadable as what:
        print(f"Want {task.wanted}; this is {what}.")
        return
    print(f"{'Right' if right else 'Not yet'}: {sentence}")
