"""The exercises of the chapters: what the answer is, why, and what to say to an answer that is not right.

The answers stand here and not in the notebooks, so that nobody reads one by accident; the notebooks with the
solutions compute them. One function looks at an answer: ``check("00-1", answer)``.

There are four kinds of answers. `Number` compares with a tolerance. `Choice` is a word, in any case. `Collection` is
several of either, in order or not. `Made` is a thing that the reader has built (a filter, a fitted model) and that
is tried. No kind gives the right answer away: a hint says in which direction to look.
"""

from __future__ import annotations

import functools
import math
import operator
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
    text = answer.strip().strip("'\"").replace("−", "-") if isinstance(answer, str) else answer
    try:
        value = math.nan if isinstance(text, (bool, np.bool_)) else float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise _Unreadable(f"{describe(answer)}, which is no finite number")
    return value


def _plain(word: str) -> str:
    """A word without the differences that do not matter: case, spaces at the ends, quotes, hyphens."""
    return re.sub(r"[\s_-]+", " ", word.strip().strip("'\".,;!`").casefold()).strip()


def _word(answer: Any) -> str:
    answer = _without_shape(answer)
    if isinstance(answer, str) and (word := _plain(answer)):
        return word
    raise _Unreadable(describe(answer))


@dataclass(frozen=True)
class Number:
    """A number: right within ``tolerance``; ``low`` and ``high`` are the hints for answers below and above it.

    ``near`` names known wrong answers, each with a sentence of its own; they lie outside the tolerance.
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
        way, hint = ("low", self.low) if got < self.value else ("high", self.high)
        little = abs(got - self.value) <= max(10 * self.tolerance, 0.1 * abs(self.value))
        for known, sentence in self.near.items():
            if abs(got - known) <= max(edge, 0.005 * abs(known)):
                little, hint = False, sentence
        return False, f"{got:.6g} is {'a little ' * little}too {way}. {hint}"


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
        if got in map(_plain, self.right):
            return True, self.reason
        said = {_plain(word): f"It is not {word!r}. {hint}" for word, hint in self.wrong.items()}
        if got not in said and not self.other:
            raise _Unreadable(describe(_without_shape(answer)))
        return False, said.get(got, f"It is not {_without_shape(answer).strip()!r}. {self.other}")


@dataclass(frozen=True)
class Collection:
    """Several numbers or words; ``ordered`` says whether their order counts. ``hint`` follows how many are right."""

    values: tuple[float, ...] | tuple[str, ...]
    ordered: bool
    reason: str
    hint: str
    wanted: str = "a list"

    def judge(self, answer: Any) -> tuple[bool, str]:
        """Whether the answer is right, and what to say."""
        got, values = self._entries(answer), self._entries(self.values)
        if self.ordered and len(got) != len(values):
            return False, f"There are {len(values)} places, and you filled {len(got)}. {self.hint}"
        if self.ordered:
            good = sum(map(operator.eq, got, values))
            said = f"{good} of {len(got)} places are right"
        else:
            got = list(set(got))  # twice is once
            good = len(set(got) & set(values))
            missing = f"{len(values) - good} {'is' if len(values) - good == 1 else 'are'} missing"
            said = f"{good} of your {len(got)} {'belongs' if good == 1 else 'belong'} there, and {missing}"
        right = good == len(got) == len(values)
        return right, self.reason if right else f"{said}. {self.hint}"

    def _entries(self, answer: Any) -> list[Any]:
        if isinstance(answer, str):
            answer = [x for x in re.split(r"[,;\n]+|\s+", answer.strip().strip("()[]{}")) if x]
        answer = answer.tolist() if hasattr(answer, "tolist") else answer
        if not isinstance(answer, (list, tuple) if self.ordered else (list, tuple, set, frozenset)):
            raise _Unreadable(
                describe(answer) + ", which has no order" * isinstance(answer, (set, frozenset))
            )
        return [_word(x) if isinstance(self.values[0], str) else _number(x) for x in answer]


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


# --- chapter 01 -------------------------------------------------------------------------------------------------------


def _finds_lying_edges(answer: Any) -> tuple[bool, str]:
    """Try a filter on a picture with equal rows and on one with a step from row to row."""
    f = np.asarray(answer, dtype=float)
    if f.shape != (3, 3) or not np.isfinite(f).all():
        raise ValueError("not 3 × 3 finite numbers")
    upright = np.abs(f.sum(axis=0)).max()  # of equal rows each number meets its column: what is left over
    lying = np.abs(np.cumsum(f[::-1].sum(axis=1))[:2]).max()  # a step of 1 below the second or the first row
    if upright > 1e-9 * max(1.0, np.abs(f).max()):
        return False, (
            f"On a picture with equal rows it gives up to {upright:.6g}, and wanted is 0. Look which numbers "
            "of the filter meet equal pixels there."
        )
    if lying < 1e-9:
        return False, "On a step from a dark row to a bright one it gives 0: it finds no horizontal edge."
    return (
        True,
        "Equal rows cancel, since each column of the filter sums to 0, and a step between rows does not.",
    )


@functools.cache
def _sounds() -> tuple[np.ndarray, np.ndarray]:
    """The sounds of chapter 01 and their kinds, made once: a reader tries more than one function."""
    from .datasets import things

    world = things(400)
    return np.asarray(world.audio), np.asarray(world.label)


def _ignores_a_delay(answer: Any) -> tuple[bool, str]:
    """Try a function on the sounds of the chapter, as they are and 50 ms later."""
    from .similarity import center, similarity

    if not callable(answer):
        raise TypeError("not a function")
    audio, label = _sounds()
    try:
        here, later = (np.asarray(answer(a.copy())) for a in (audio, np.roll(audio, 800, axis=1)))
    except Exception as error:  # whatever goes wrong in the reader's own code
        return False, f"It stops with {type(error).__name__}: {str(error).rstrip('.')}."
    if here.shape != later.shape or here.ndim != 2 or len(here) != len(audio):
        return (
            False,
            f"It returns shape {here.shape} for {len(audio)} sounds, and wanted is one row for each.",
        )
    if here.dtype.kind not in "iuf" or not (np.isfinite(here).all() and np.isfinite(later).all()):
        return False, "It returns entries that are not finite real numbers."
    mean = here.mean(axis=0)
    if not (np.ptp(here, axis=0).any() and (here - mean).any(axis=1).all()):
        return False, "It returns features that are the same for all sounds."
    own = np.diag(similarity(center(later, mean), center(here, mean))).mean()
    scores = similarity(center(here), center(here))
    np.fill_diagonal(scores, -np.inf)
    kind = (label[scores.argmax(axis=1)] == label).mean()
    found = f"after the delay the mean cosine is {own:.3f}, and {kind:.2f} of the nearest others have the same kind."
    if own > 0.99 and kind >= 0.5:
        return True, f"A delay changes when, and not which pitches: {found}"
    return (
        False,
        f"{'They still depend on when' if own <= 0.99 else 'They tell too little of the kind'}: {found}",
    )


# --- chapter 02 -------------------------------------------------------------------------------------------------------


def _brighter_brown(answer: Any) -> tuple[bool, str]:
    """Compare the named colour with dark brown by cosine and by Euclidean distance."""
    from .datasets import colors
    from .similarity import distance, similarity

    survey = colors()
    names = [_plain(name) for name in survey.text or ()]
    word = _word(answer)
    if word not in names:
        raise ValueError("no colour of the survey has this name")
    rgb = np.asarray(survey.image)[:, 0, 0].astype(np.float32)
    pair = rgb[[names.index("dark brown"), names.index(word)]]
    if not pair[1].any():
        return False, "Black has no direction, and so no cosine with any colour."
    cosine = float(similarity(pair[:1], pair[1:])[0, 0])
    away = float(distance(pair[:1], pair[1:], "euclidean")[0, 0])
    found = f"the cosine of {word} with dark brown is {cosine:.4f} and the Euclidean distance is {away:.0f}"
    bad = ["the cosine is too low"] * (cosine < 0.999) + ["the distance is too small"] * (away < 150)
    if bad:
        return False, f"For this colour {' and '.join(bad)}: {found}."
    return True, f"Brown is dark orange, and cosine does not see the brightness: {found}."


# --- all of them ------------------------------------------------------------------------------------------------------

_EXERCISES: dict[str, Number | Choice | Collection | Made] = {
    # chapter 00
    "00-1": Choice(
        right=("U+2603",),
        reason="The best hit is the symbol whose official name is just this word.",
        other="Search with find, and look at the first id of the first row: hits.ids[0, 0].",
        wanted='an id such as "U+2602"',
    ),
    "00-2": Number(
        value=0.53,
        tolerance=0.004,
        reason="One step lower the precision is 0.86, and here it is 0.93; on other pairs it may be another one.",
        low="At this threshold the precision is below 0.9: try the higher ones in a loop.",
        high="A lower threshold already reaches a precision of 0.9: begin at 0.00 and stop at the first that does.",
        wanted="a number with two decimals",
    ),
    "00-3": Number(
        value=10,
        tolerance=0,
        reason="Sixty pictures take 46 names, so some names are wanted by several pictures.",
        low="Count how often each column occurs in the pairs, and then the columns that occur more than once.",
        high="Count a name once, however many pictures take it, and only if two or more do.",
        wanted="a whole number",
        near={
            14: "These are the pictures that are taken by two names or more; here the rows are the pictures.",
            24: "These are the pictures that share a name with another one; count the names.",
            46: "These are all names that are taken; count only those that are taken by two pictures or more.",
        },
    ),
    # chapter 01
    "01-1": Number(
        value=0.767,
        tolerance=0.005,
        reason="As pairs, red bell and blue bell are different columns, so the two sentences are no longer the same.",
        low="The two sentences still share all their single words, and these count too.",
        high="Some pairs of neighbouring words stand in one sentence only, and these lower the cosine.",
        wanted="a number with two decimals",
        near={
            1.0: "This is the cosine with single words only: look for the parameter that adds pairs.",
            0.503: "This counts the pairs only: single words are to be counted too.",
            0.542: "This counts runs of three words too: pairs are enough.",
        },
    ),
    "01-2": Made(_finds_lying_edges, wanted="3 rows of 3 numbers"),
    "01-3": Made(_ignores_a_delay, wanted="a function from sounds (n, 16000) to features (n, d)"),
    # chapter 02
    "02-1": Made(_brighter_brown, wanted="the name of a colour"),
    "02-2": Number(
        value=0.6055,
        tolerance=0.005,
        reason="The share of differing bits is the angle divided by π, so the angle is about 53 degrees.",
        low="More than 300 bits would differ at this cosine: turn the share of differing bits into an angle first.",
        high="Fewer than 300 bits would differ at this cosine: turn the share of differing bits into an angle first.",
        wanted="a number with two decimals",
        near={
            0.707: "This is the share of equal bits: turn the share of differing bits into an angle first.",
            0.957: "This takes the share for an angle: a share of 1 stands for an angle of π.",
        },
    ),
    "02-3": Number(
        value=32,
        tolerance=0,
        reason="Up to there the skewness is below 1, and with twice as many columns it is above.",
        low="With more columns the skewness can still be below 1.",
        high="Look whether the skewness is still below 1 with so many columns.",
        wanted="a number of columns",
    ),
    # chapter 03
    "03-1": Number(
        value=218 / 300,
        tolerance=0.0055,
        reason="This way finds a little less, but from pictures to words it finds much more: 0.77 against 0.59.",
        low="Fit on A and B, and let the test sentences search the test pictures.",
        high="Fit on A and B only, not on the test items, and let the test sentences search.",
        wanted='a number such as 0.12, the hit@1 with direction="a_to_b"',
        near={
            224 / 300: "This is the other direction, as in the chapter.",
            230
            / 300: "Here the pictures search the sentences: take the highest score of each row, not column.",
        },
    ),
    "03-2": Number(
        value=16,
        tolerance=0,
        reason="Fewer have no room for all five factors; with more, directions that agree by accident drown the rest.",
        low="With so few directions there is no room for kind, colour, size, count and time: try more.",
        high="With so many directions, those that agree by accident count as much as the others: try fewer.",
        wanted="one of the five numbers in the text",
    ),
    "03-3": Choice(
        right=("yellow",),
        reason="Both pictures show this colour, and the wrong one shows more of it, since its things are larger.",
        wrong={
            "small": "Its term differs little; look for the largest difference.",
            "daylight": "This word speaks for the right picture: subtract the other way.",
            "broad": "This word speaks for the right picture: subtract the other way.",
        },
        other="Subtract the terms with its own picture from those with the wrong one, and look for the largest.",
        wanted="a word of the vocabulary",
    ),
    # chapter 04
    "04-1": Collection(
        values=(2, 1, 0),
        ordered=True,
        reason="Row 2 has one good column, so the other rows must leave it; the total is 2.0, while greedy reaches 1.6.",
        hint="There are six ways: add up the three scores of each.",
        wanted="a list of three columns, one for each row",
    ),
    "04-2": Collection(
        values=("nearest", "optimal"),
        ordered=False,
        reason="One compares scores within a row only; the other uses every row once, so all totals grow by 0.5.",
        hint="Ask of each rule whether it compares scores of different rows with each other.",
        wanted="a set of names out of nearest, mutual, greedy, optimal",
    ),
    "04-3": Number(
        value=92,
        tolerance=0,
        reason="What you know leaves fewer than one cell in ten, so there are far fewer ways to go wrong.",
        low="Set the forbidden cells to -inf before the matching, and count the pairs on the diagonal.",
        high="Forbid only pairs whose labels differ, and count the pairs on the diagonal.",
        wanted="a whole number",
        near={
            78: "This is the count before anything is forbidden.",
            96: "This is the number of pairs; count those that are right.",
        },
    ),
    # chapter 05
    "05-1": Number(
        value=16,
        tolerance=0,
        reason="Fifteen right answers bring 1 coin to 9.5 and sixteen to 11.7; one wrong answer would cost more.",
        low="There the wealth is still below 10: try more right answers with wealth(..., m=40, target=0.9).",
        high="Fewer are enough: look for the first moment at which the wealth is at least 10.",
        wanted="a whole number",
        near={
            7: "This is the number for a precision of 0.7.",
            22: "So many it takes by the binomial test, for candidates that never run out; here there are only 40.",
        },
    ),
    "05-2": Choice(
        right=("abstain", "abstains", "it abstains", "abstained"),
        reason="For about every second picture its own name is a decoy and wins, so decoys win about as often as names.",
        wrong=dict.fromkeys(
            ("more", "fewer", "keep more", "keep fewer", "keeps more", "keeps fewer", "less"),
            "Ask how often a picture's own name wins as a decoy, and what the formula makes of that.",
        ),
        wanted='"more", "fewer" or "abstain"',
    ),
    "05-3": Number(
        value=164,
        tolerance=0,
        reason="It keeps 164 of the 1,450, and 0.90 of these are right: a promise again, for fewer matches.",
        low="Ask and answer 100 times, with target=0.8 and seed=0, and count what Labelling keeps.",
        high="Ask and answer 100 times, with target=0.8 and seed=0, and count what Labelling keeps.",
        wanted="a whole number",
        near={
            76: "This is what it keeps after 40 answers: go on.",
            100: "This is the number of answers; asked is len(labelling.kept).",
            0.74: "This is the line; asked is how many candidates reach it.",
        },
    ),
    # chapter 06
    "06-1": Choice(
        right=("black heart suit",),
        reason="The picture says what shape, the word says what colour; neither alone says both.",
        wrong={
            "white heart suit": "This is the best by the picture alone: add the cosines of the word, half and half.",
            "heavy black heart": "Near: look at the first of the mixed scores, with a weight of 0.5 for either kind.",
            "black hexagon": "Near to the word alone: add the cosines of the picture, half and half.",
            "u+2665": "This is its id; asked is its name.",
        },
        other="Add the cosines of the picture and of the word, half and half, and take the highest.",
        wanted="the name of a symbol, such as white chess queen",
    ),
    "06-2": Choice(
        right=("always", "the same", "yes", "always the same"),
        reason="The dot product of q with a unit vector is the weighted mean; the length of q only divides all scores by one number.",
        wrong=dict.fromkeys(
            ("sometimes", "never", "no", "not always"),
            "Write out the dot product of q with a vector z of length 1, and ask what dividing by the length of q changes.",
        ),
        wanted='"always", "sometimes" or "never"',
    ),
    "06-3": Number(
        value=0.98,
        tolerance=0.005,
        reason="Of symbols that share one drawing only one can come first, so drawings divided by symbols is the limit.",
        low="Count the different drawings, also those that only one symbol has, and divide by the number of symbols.",
        high="Symbols of one drawing get the same answer, and only one of them is right: divide drawings by symbols.",
        wanted="a number with two decimals",
        near={0.92: "This is the limit for DejaVu Sans; asked is STIX."},
    ),
    # chapter 07
    "07-1": Number(
        value=29,
        tolerance=0,
        reason="29 instead of 91: a sound dies away after its jump in loudness, but no film moves backwards then.",
        low="Count the sounds (rows) whose own film is first: own_first(correlation(..., motion)).sum().",
        high="Keep the falls: np.diff of the loudness of each frame, without np.maximum.",
        wanted="a whole number",
        near={
            91: "This is the number with np.maximum.",
            33: "This counts films that find their sound; asked are sounds that find their film.",
            45: "This is the one-to-one matching; asked is whose own film comes first.",
            0.145: "This is the share; asked is how many.",
        },
    ),
    "07-2": Choice(
        right=("timing", "the timing", "time"),
        reason="What is the same in all films cannot tell them apart; the moments of the strokes still differ.",
        wrong=dict.fromkeys(
            ("pictures", "the pictures", "captions", "the captions", "words", "pictures and captions"),
            "Ask of each score whether it would differ from film to film.",
        ),
        wanted='"pictures", "captions" or "timing"',
    ),
    "07-3": Number(
        value=14,
        tolerance=0,
        reason="The best shift is 14 frames, a bit more than a second, and its p-value of 0.005 leaves little doubt.",
        low="Let best_offset(film_40, sound_40, rate=12, max_offset=20) search, and read its offset.",
        high="Let best_offset(film_40, sound_40, rate=12, max_offset=20) search, and read its offset.",
        wanted="a whole number of frames",
        near={
            -14: "The size is right; read in the help of best_offset what a positive offset means.",
            1.17: "These are seconds; asked are frames.",
        },
    ),
    # chapter 08
    "08-1": Number(
        value=0.65,
        tolerance=0.005,
        reason="The list has 1/log2(3) + 1/log2(5) = 1.06; the best list, right at ranks 1 and 2, has 1.63.",
        low="Add up 1/log2(rank + 1) over the right items, and divide by the same sum for ranks 1 and 2.",
        high="Add up 1/log2(rank + 1) over the right items, and divide by the same sum for ranks 1 and 2.",
        wanted="a number such as 0.12",
        near={
            1.06: "This is the sum of the list; divide it by that of the best possible list.",
            0.53: "This is the sum divided by the number of right items; the best list does not reach 1 for each of them.",
            0.4: "This is the share of right items; nDCG looks at their ranks.",
        },
    ),
    "08-2": Number(
        value=0.193,
        tolerance=0.008,
        reason="With one date it is 0. The training part still knows what others did later, so the leak remains.",
        low="Hold out visits 32 to 39 of each user, and give the report the new right and known tables.",
        high="Hold out visits 32 to 39 of each user, and give the report the new right and known tables.",
        wanted="a number such as 0.12",
        near={
            0.0: "This is the value with one date for all.",
            0.27: "This is the value for eight random visits.",
            0.132: 'This is the row "across".',
            0.226: 'This is the row "blend".',
        },
    ),
    "08-3": Collection(
        values=("colour", "time"),
        ordered=False,
        reason="A sound carries neither, so content leads these users to no better sounds than chance does.",
        hint="Compare low with chance in report(...).measures for each factor.",
        wanted="a set of factors out of kind, colour, size, count, time",
    ),
    # chapter 09
    "09-1": Number(
        value=1000,
        tolerance=0,
        reason="With 300 pairs CCA is still ahead, with 1,000 the network is: what learns more freely needs more to learn from.",
        low="There CCA still finds more: look at the next number of pairs.",
        high="It is ahead earlier: look at the number of pairs before.",
        wanted="one of the numbers of pairs that were measured",
    ),
    "09-2": Number(
        value=12,
        tolerance=0,
        reason="Six turns, and each of them also mirrored: inside, all twelve look the same.",
        low="Turn the hexagon to each of its corners; and then look at it in a mirror.",
        high="A corner's two neighbours must stay its neighbours: that leaves fewer.",
        wanted="a whole number",
        near={
            6: "These are the turns; a mirror keeps all similarities, too.",
            720: "These are all ways to give six items to six partners; in most of them neighbours are torn apart.",
            2: "This is one turn and its mirror image: there are more turns.",
        },
    ),
    "09-3": Number(
        value=64,
        tolerance=0,
        reason="512 bits are 64 bytes, and a thousand million times 64 bytes are 64 GB.",
        low="Eight bits are a byte: turn the 512 bits into bytes first.",
        high="Eight bits are a byte: turn the 512 bits into bytes first.",
        wanted="a number of gigabytes",
        near={512: "These are gigabits: eight bits are a byte."},
    ),
    # chapter 10
    "10-1": Number(
        value=7,
        tolerance=0,
        reason="Where the size of a number tells much (edges, spectra, topics, weights of words), one bit of it is too little.",
        low="Subtract the mean of hamming from that of cosine in each row of known, and count what is above 0.1.",
        high="Count a row only if cosine is ahead, and by more than 0.1.",
        wanted="a whole number",
        near={
            15: "These are all rows in which cosine is ahead or level, however little.",
            0.3655: "This is the largest cost; the question is how many rows have one above 0.1.",
        },
    ),
    "10-2": Collection(
        values=("words", "hubs"),
        ordered=False,
        reason="A change that costs nothing by itself may cost much beside others: here both were tried as the eighth.",
        hint='Look at the entry "last" of each change, and at its upper end.',
        wanted="a set of changes",
    ),
    "10-3": Number(
        value=0.383,
        tolerance=0.02,
        reason="It lies between what each population alone had taught: half of the examples are of the right kind.",
        low="Scale and fit with the mixed 150, and ask for the 60 malignant samples.",
        high="Scale and fit with the mixed 150, and ask for the 60 malignant samples.",
        wanted="a number such as 0.12",
        near={
            0.467: "This is what malignant samples alone had taught.",
            0.233: "This is what benign samples alone had taught.",
        },
    ),
    # chapter 11
    "11-1": Collection(
        values=("IMG 0053", "IMG 0071"),
        ordered=False,
        reason="In both pairs others fit better by more than 1.2; the next pair in the list has less than 0.1.",
        hint="The audit of the sample ranks its given pairs: look at the first rows.",
        wanted="the names of two pictures, such as IMG_0012, IMG_0034",
    ),
    "11-2": Number(
        value=16,
        tolerance=1,
        reason="Some wrong captions were learned, and what has been learned looks right. Held-out scores find more.",
        low="Hand audit the two tables of vectors and the pairs, and count the wrong ones among its first forty.",
        high="Take the vectors of the encoder that has seen all pairs, not the held-out ones.",
        wanted="a whole number",
        near={20: "This is what held-out scores find."},
    ),
    "11-3": Collection(
        values=("b", "d"),
        ordered=False,
        reason="Matches made anew are another pool, and the target is chosen before the first answer. Stopping when you like is allowed, and what you could not tell counts as wrong.",
        hint="Chapter 05 says what the promise is about, and what is chosen before the first answer.",
        wanted="a set of letters out of a, b, c, d",
    ),
}


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
    Notebook: ``00_start_here``, ``01_features``, ``02_similarity``, ``03_shared_space``, ``04_alignment``,
    ``05_what_score_is_a_match``, ``08_recommendation``, ``09_scale_and_scarcity``, ``10_faq``, ``11_your_own_data``.

    Examples
    --------
    >>> check("00-2", ...)
    Not answered yet: want a number with two decimals.
    >>> check("00-2", "a half")
    Want a number with two decimals; this is str 'a half', which is no finite number.
    """
    if exercise not in _EXERCISES:
        raise ValueError(f"exercise is {exercise!r}; there are {', '.join(map(repr, _EXERCISES))}")
    task = _EXERCISES[exercise]
    said = f"Not answered yet: want {task.wanted}."
    try:
        if answer is not None and answer is not ...:
            right, sentence = task.judge(answer)
            said = f"{'Right' if right else 'Not yet'}: {sentence}"
    except _Unreadable as what:
        said = f"Want {task.wanted}; this is {what}."
    print(said)
