"""The self-checks: right answers in every spelling, wrong ones near and far, and the notebooks that use them.

Each chapter has a block in `RIGHT` and in `WRONG`; every exercise wants at least five spellings in each.
"""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmalign_nb import exercises
from mmalign_nb.exercises import Choice, Collection, Made, Number, check

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
TASKS = exercises._EXERCISES


def number(value):
    """A number in the spellings that `check` takes."""
    return [
        value,
        np.float64(value),
        np.float32(value),
        np.array(value),
        np.array([value]),
        str(value),
        f" {value} ",
    ]


def word(text):
    """A word in the spellings that `check` takes."""
    return [text, text.upper(), f"  {text} ", text.title(), np.str_(text), np.array(text), f"'{text}'"]


def several(values, ordered):
    """A collection in the spellings that `check` takes."""
    values = list(values)
    out = [
        values,
        tuple(values),
        np.array(values),
        ", ".join(map(str, values)),
        f"{tuple(values)}".replace("'", ""),
    ]
    return out if ordered else [*out, set(values), frozenset(values), values[::-1], values + values[:1]]


RIGHT, WRONG = {}, {}

# --- chapter 00 -------------------------------------------------------------------------------------------------------

RIGHT["00-1"] = word("U+2603")
WRONG["00-1"] = ["U+2602", "snowman", "U+26C4", ["U+2603"], 2603]
RIGHT["00-2"] = number(0.53)
WRONG["00-2"] = [0.52, 0.54, "0.5", 53, True, np.nan, [0.53], "0.53 or so", 0.9]
RIGHT["00-3"] = number(10)
WRONG["00-3"] = [9, 11, 10.4, "ten", [10, 2], 14, 24, 46, False]

# --- chapter 01 -------------------------------------------------------------------------------------------------------


def log_mels(audio):
    from mmalign_nb.features.audio import log_mel

    return log_mel(audio, 16000)


def powers(audio):
    return np.abs(np.fft.rfft(audio)) ** 2


def refuses(audio):
    raise ValueError("no sound")


RIGHT["01-1"] = [*number(0.77), 0.767, 0.7669]
WRONG["01-1"] = [1.0, 0.5, 0.54, 0.75, 0.78, "77 %", True, [0.77, 0.77], np.nan]
RIGHT["01-2"] = [
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    np.array([[0, 1, 0], [0, -1, 0], [0, 0, 0]]),
    np.array([[1e6, 0, 0], [-2e6, 0, 0], [1e6, 0, 0]], np.float32),
    [["-0.1", "-0.1", "-0.1"], ["0.2", "0.2", "0.2"], ["-0.1", "-0.1", "-0.1"]],
    [[0, 0, 0], [0.3, 0.3, 0.3], [-0.3, -0.3, -0.3]],
]
WRONG["01-2"] = [
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],  # the chapter's own, for upright edges
    np.zeros((3, 3)),
    np.ones((3, 3)),
    [[1, -1, 0], [0, 0, 0], [-1, 1, 0]],  # columns cancel, but so do the rows
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1.01]],
    [1, 0, -1],
    [[-1, -2, -1], [0, 0, 0]],
    [[-1, np.nan, -1], [0, 0, 0], [1, np.nan, 1]],
    "Sobel",
    5,
]
RIGHT["01-3"] = [
    powers,
    lambda a: np.sqrt(powers(a)),
    lambda a: log_mels(a).mean(axis=1),
    lambda a: np.sort(log_mels(a), axis=1).reshape(len(a), -1),
    lambda a: np.fft.irfft(powers(a))[:, :400].astype(np.float32),
    lambda a: np.sort(a, axis=1),
]
WRONG["01-3"] = [
    lambda a: a,
    lambda a: log_mels(a).reshape(len(a), -1),
    lambda a: a.std(axis=1, keepdims=True),  # survives, and tells no kind
    lambda a: np.ones((len(a), 3)),
    lambda a: powers(a)[:, 0],
    lambda a: np.fft.rfft(a),
    lambda a: powers(a)[:5],
    lambda a: np.full((len(a), 3), np.nan),
    lambda a: log_mels(a).max(axis=1),  # near: 0.988
    refuses,
    0.99,
    "the spectrum",
]

# --- chapter 02 -------------------------------------------------------------------------------------------------------

RIGHT["02-1"] = [
    *word("pumpkin"),
    "tangerine",
    "Dirty_Orange",
    "orange-brown",
    "browny orange",
    "pumpkin orange",
]
WRONG["02-1"] = [
    "dark brown",
    "black",
    "chocolate",
    "orange",
    "white",
    "orangish brown",
    "no such colour",
    5,
    ["pumpkin"],
]
RIGHT["02-2"] = [*number(0.61), 0.605, 0.6055]
WRONG["02-2"] = [0.6, 0.62, 0.71, 0.707, 0.96, 0.957, 53, "0.61 or so", True, [0.61, 0.6]]
RIGHT["02-3"] = [*number(32), "32.0", np.int64(32)]
WRONG["02-3"] = [16, 64, 31, 33, 1024, "all", True, [8, 16, 32]]

# --- chapter 03 -------------------------------------------------------------------------------------------------------

RIGHT["03-1"] = [*number(0.73), 0.7267, "0.727", 218 / 300]
WRONG["03-1"] = [0.72, "0.735", 0.74, 0.75, 0.7467, 0.77, 73, "73 %", True, [0.73, 0.75], np.nan]
RIGHT["03-2"] = [*number(16), 16.0, "16.0"]
WRONG["03-2"] = [8, 32, 15, 24, "sixteen", [16, 8], True, 0.79]
RIGHT["03-3"] = [*word("yellow"), ["yellow"][0], "YELLOW."]
WRONG["03-3"] = ["yell", "Small", "daylight", "sirens", 251, ["yellow"], ""]

# --- chapter 04 -------------------------------------------------------------------------------------------------------

RIGHT["04-1"] = several([2, 1, 0], ordered=True)
WRONG["04-1"] = [[0, 1, 2], [2, 0, 1], [2, 1], {2, 1, 0}, 210, "two", [2, 1, 0, 0]]
RIGHT["04-2"] = several(["nearest", "optimal"], ordered=False)
WRONG["04-2"] = [{"nearest"}, {"optimal"}, ["nearest", "mutual"], "all", 2, {"nearest", "optimal", "greedy"}]
RIGHT["04-3"] = number(92)
WRONG["04-3"] = [91, 93, 78, 96, 0.92, "many", [92, 4], True]

# --- chapter 05 -------------------------------------------------------------------------------------------------------

RIGHT["05-1"] = number(16)
WRONG["05-1"] = [15, 17, 7, 22, 15.9, "sixteen", [16, 17], True]
RIGHT["05-2"] = [*word("abstain"), *word("abstains")]
WRONG["05-2"] = ["more", "fewer", "keeps fewer", "maybe", 3, ["abstain"], ""]
RIGHT["05-3"] = number(164)
WRONG["05-3"] = [163, 165, 76, 100, 0.74, 1450, "many", [164, 165], False]
RIGHT["06-1"] = word("black heart suit")
WRONG["06-1"] = [
    "white heart suit",
    "heavy black heart",
    "U+2665",
    "black hexagon",
    2665,
    ["black heart suit"],
    "",
]
RIGHT["06-2"] = [*word("always"), *word("the same"), "yes"]
WRONG["06-2"] = ["sometimes", "never", "no", "not always", 1, ["always"], "", "perhaps"]
RIGHT["06-3"] = number(0.98)
WRONG["06-3"] = [1, 0.92, 3214, 0.5, 98, "all", [0.98], True]

# --- chapter 08 -------------------------------------------------------------------------------------------------------

RIGHT["08-1"] = [*number(0.65), 0.6509, 0.651]
WRONG["08-1"] = [0.63, 0.66, 1.06, 0.53, 0.4, "two", [0.65, 0.65], True]
RIGHT["08-2"] = [*number(0.19), 0.1927]
WRONG["08-2"] = [0.0, 0.27, 0.132, 0.226, 0.15, "yes", "gone", [0.1, 0.2], False]
RIGHT["08-3"] = [*several(("colour", "time"), ordered=False), "Colour, time", {"TIME", "colour"}]
WRONG["08-3"] = [{"colour"}, ["time"], "kind, size", {"colour", "time", "size"}, {"count", "time"}, 2, set()]

# --- chapter 07 -------------------------------------------------------------------------------------------------------

RIGHT["07-1"] = number(29)
WRONG["07-1"] = [28, 30, 91, 33, 45, 0.145, 29.5, "twenty-nine", [29, 91], True]
RIGHT["07-2"] = [*word("timing"), "the timing", "time"]
WRONG["07-2"] = ["pictures", "captions", "words", "all", 3, ["timing"], ""]
RIGHT["07-3"] = number(14)
WRONG["07-3"] = [13, 15, -14, 1.17, 14.4, 18_662, "late", [14, 15], False]
# --- chapter 09 -------------------------------------------------------------------------------------------------------

RIGHT["09-1"] = [*number(1000), 1e3, "1e3"]
WRONG["09-1"] = [300, 3000, 100, 10, 0.95, "many", [1000, 3000], True]
RIGHT["09-2"] = [*number(12), 12.0]
WRONG["09-2"] = [6, 720, 2, 1, 36, 24, "a dozen of them", [12, 12]]
RIGHT["09-3"] = [*number(64), 64.0]
WRONG["09-3"] = [512, 32, 8, 0.064, 4096, "many", {64: 1}, False]

# --- chapter 10 -------------------------------------------------------------------------------------------------------

RIGHT["10-1"] = number(7)
WRONG["10-1"] = [6, 8, 15, 0.3655, 0, "many", [7, 7], True]
RIGHT["10-2"] = several(("words", "hubs"), ordered=False)
WRONG["10-2"] = [{"hubs"}, ["words"], {"hubs", "measure"}, {"words", "hubs", "pairs"}, set(), 2, ["all"]]
RIGHT["10-3"] = [*number(0.38), 0.3833]
WRONG["10-3"] = [0.467, 0.233, 0.6, 0.92, "less", [0.38, 0.38], False]

# --- chapter 11 -------------------------------------------------------------------------------------------------------

RIGHT["11-1"] = [
    ["IMG_0053", "IMG_0071"],
    {"IMG_0071", "IMG_0053"},
    "IMG_0071, IMG_0053",
    ("img_0053", "img_0071"),
    np.array(["IMG_0071", "IMG_0053"]),
]
WRONG["11-1"] = [
    ["IMG_0053"],
    ["IMG_0053", "IMG_0001"],
    "IMG_0071",
    {"IMG_0053", "IMG_0071", "IMG_0001"},
    ["0053", "0071"],
    53,
    set(),
]
RIGHT["11-2"] = [*number(16), 15, 17]
WRONG["11-2"] = [20, 13, 19, 400, 0.8, "most of them", [16, 16], True]
RIGHT["11-3"] = [*several(("b", "d"), ordered=False), "b, d", {"D", "b"}]
WRONG["11-3"] = ["b", {"a", "d"}, {"a", "b", "c", "d"}, ["b", "c", "d"], "c", 2, set()]

# --- the tables, one test for all -------------------------------------------------------------------------------------


def cases(table):
    return [
        pytest.param(key, answer, id=f"{key}-{k}") for key in table for k, answer in enumerate(table[key])
    ]


def line(capsys, exercise, answer):
    """The one line that `check` prints."""
    assert check(exercise, answer) is None
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert out.count("\n") == 1
    return out.strip()


@pytest.mark.parametrize(("exercise", "answer"), cases(RIGHT))
def test_right_in_every_spelling(capsys, exercise, answer):
    assert line(capsys, exercise, answer).startswith("Right: ")


@pytest.mark.parametrize(("exercise", "answer"), cases(WRONG))
def test_wrong_answers_are_told_so_with_a_hint_or_what_is_wanted(capsys, exercise, answer):
    said = line(capsys, exercise, answer)
    assert said.startswith(("Not yet: ", "Want ")), said
    if said.startswith("Want "):
        assert TASKS[exercise].wanted in said
    assert said.endswith(".")


@pytest.mark.parametrize("exercise", TASKS)
def test_every_exercise_has_five_right_and_five_wrong_spellings(exercise):
    assert len(RIGHT.get(exercise, [])) >= 5
    assert len(WRONG.get(exercise, [])) >= 5


@pytest.mark.parametrize("exercise", TASKS)
def test_unanswered_says_what_is_wanted(capsys, exercise):
    for nothing in (None, ...):
        assert line(capsys, exercise, nothing) == f"Not answered yet: want {TASKS[exercise].wanted}."


@pytest.mark.parametrize("exercise", TASKS)
def test_sentences_are_sentences(exercise):
    task = TASKS[exercise]
    said = [getattr(task, part, "") for part in ("reason", "low", "high", "hint", "other")]
    said += list(getattr(task, "near", {}).values())
    said += list(task.wrong.values()) if isinstance(task, Choice) else []
    for sentence in filter(None, said):
        assert sentence[0].isupper() or sentence[0] in "0123456789", sentence
        assert sentence.endswith("."), sentence
    assert not task.wanted.endswith(".")


def hints(task):
    """Everything that a reader may see before the answer is right."""
    out = [task.wanted]
    if isinstance(task, Number):
        out += [task.low, task.high, *task.near.values()]
    elif isinstance(task, Choice):
        out += [*task.wrong.values(), task.other]
    elif isinstance(task, Collection):
        out += [task.hint]
    return " ".join(out)


@pytest.mark.parametrize("exercise", TASKS)
def test_no_hint_gives_the_answer_away(exercise):
    task = TASKS[exercise]
    if isinstance(task, Number):
        numbers = [float(x) for x in re.findall(r"\d+(?:\.\d+)?", hints(task))]
        assert task.value not in numbers
    elif isinstance(task, Choice) and task.other:
        assert not any(spelling in hints(task) for spelling in task.right)
    elif isinstance(task, Collection):
        assert ", ".join(map(str, task.values)) not in hints(task)


@pytest.mark.parametrize("exercise", [key for key, task in TASKS.items() if isinstance(task, Number)])
def test_known_mistakes_are_wrong_and_named(capsys, exercise):
    for known, sentence in TASKS[exercise].near.items():
        said = line(capsys, exercise, known)
        assert said.startswith("Not yet: ")
        assert said.endswith(sentence)


# --- the kinds --------------------------------------------------------------------------------------------------------

A_NUMBER = Number(
    0.6, 0.005, "Yes.", low="Go up.", high="Go down.", near={0.71: "This is the share of equal bits."}
)


@given(st.floats(-1e6, 1e6))
def test_a_number_is_right_within_its_tolerance_and_told_the_direction_else(x):
    right, said = A_NUMBER.judge(x)
    if abs(abs(x - 0.6) - 0.005) > 1e-9:
        assert right == (abs(x - 0.6) <= 0.005)
    if not right:
        assert ("too low" in said) == (x < 0.6)
        assert ("Go up." in said) == (x < 0.6)


def test_a_near_miss_and_a_known_mistake_are_named():
    assert A_NUMBER.judge(0.61) == (False, "0.61 is a little too high. Go down.")
    assert A_NUMBER.judge(5)[1] == "5 is too high. Go down."
    assert A_NUMBER.judge(0.71)[1] == "0.71 is too high. This is the share of equal bits."
    assert Number(0.74, 0.01, "Yes.", "", "").judge(0.73)[
        0
    ]  # 0.74 - 0.73 is a little more than 0.01 in binary


@pytest.mark.parametrize(
    "strange", [np.nan, -np.inf, True, [0.6], (0.6,), {0.6}, "x", "", 1j, np.zeros(2), print, {}]
)
def test_what_is_no_number_is_neither_right_nor_wrong(strange):
    with pytest.raises(exercises._Unreadable):
        A_NUMBER.judge(strange)


A_WORD = Choice(
    ("abstain", "abstains"), "Yes.", wrong={"keep more": "Think of whom it lets win."}, wanted="a verb"
)


def test_a_word_counts_in_any_case_and_hyphens_are_spaces():
    for good in ("Abstain", " ABSTAINS ", "'abstain'", "abstain."):
        assert A_WORD.judge(good) == (True, "Yes.")
    for bad in ("Keep  more", "keep-more", "keep_more"):
        assert A_WORD.judge(bad) == (False, "It is not 'keep more'. Think of whom it lets win.")
    for strange in ("maybe", "", "  ", 3, ["abstain"]):
        with pytest.raises(exercises._Unreadable):
            A_WORD.judge(strange)
    assert Choice(("a",), "Yes.", other="Look again.").judge(" Q ") == (False, "It is not 'Q'. Look again.")


@given(st.lists(st.sampled_from(["nearest", "mutual", "greedy", "optimal"])))
def test_unordered_is_right_exactly_when_the_sets_are_equal(names):
    task = Collection(("nearest", "optimal"), ordered=False, reason="Yes.", hint="Look.")
    assert task.judge(names)[0] == (set(names) == {"nearest", "optimal"})


@given(st.lists(st.integers(0, 3), max_size=4))
def test_ordered_is_right_exactly_when_the_lists_are_equal(columns):
    task = Collection((2, 1, 0), ordered=True, reason="Yes.", hint="Look.")
    assert task.judge(columns)[0] == (columns == [2, 1, 0])


def test_a_collection_says_how_many_are_right():
    task = Collection((2, 1, 0), ordered=True, reason="Yes.", hint="Look.")
    assert task.judge([2, 0, 1])[1] == "1 of 3 places are right. Look."
    assert task.judge([2])[1] == "There are 3 places, and you filled 1. Look."
    names = Collection(("a", "b"), ordered=False, reason="Yes.", hint="Look.")
    assert names.judge({"a", "c"})[1] == "1 of your 2 belongs there, and 1 is missing. Look."
    assert names.judge("c")[1] == "0 of your 1 belong there, and 2 are missing. Look."
    for strange in ({2, 1, 0}, 3, [[2], [1], [0, 1]], [True, 1, 0]):
        with pytest.raises(exercises._Unreadable):
            task.judge(strange)


def test_a_thing_is_tried_and_an_error_says_what_is_wanted():
    def attempt(f):
        rows, columns = np.asarray(f, float).shape
        return rows == columns, f"It has {rows} rows and {columns} columns."

    square = Made(attempt, wanted="a square table")
    assert square.judge([[1, 2], [3, 4]]) == (True, "It has 2 rows and 2 columns.")
    assert square.judge([[1, 2]]) == (False, "It has 1 rows and 2 columns.")
    with pytest.raises(exercises._Unreadable):
        square.judge("x")


def test_an_unknown_exercise_is_an_error_that_names_the_others():
    with pytest.raises(ValueError, match="exercise is '99-1'; there are '00-1'"):
        check("99-1", 1)


# --- the notebooks ----------------------------------------------------------------------------------------------------


def cells(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            printed = "".join(x for o in cell["outputs"] for x in o.get("text", []))
            yield "".join(cell["source"]), printed


def checks(path):
    """Each call of `check` in a notebook: the exercise, and what the cell printed."""
    out = []
    for source, printed in cells(path):
        for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.M))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
                out.append((node.args[0].value, printed))
    return out


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_chapter_asks_all_its_exercises_and_stores_no_answer(path):
    wanted = [key for key in TASKS if key.startswith(path.stem[:2])]
    assert wanted
    assert [key for key, _ in checks(path)] == wanted
    for key, printed in checks(path):
        assert printed == f"Not answered yet: want {TASKS[key].wanted}.\n"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_the_answer_of_a_chapter_has_a_cell_of_its_own(path):
    sources = [source for source, _ in cells(path)]
    for at, source in enumerate(sources):
        if re.search(r"^check\(", source, flags=re.M):
            assert re.fullmatch(r"answer = \.\.\.(?:  # .*)?", sources[at - 1]), sources[at - 1]
            assert len(source.strip().splitlines()) == 1, source


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_the_questions_do_not_contain_their_answers(path):
    question = ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        question = source if cell["cell_type"] == "markdown" else question
        if found := re.search(r'^check\("(.+?)"', source, flags=re.M):
            task = TASKS[found[1]]
            if (
                isinstance(task, Number) and task.tolerance
            ):  # a choice among named whole numbers names the right one
                assert task.value not in [float(x) for x in re.findall(r"\d+(?:\.\d+)?", question)], found[1]
            elif isinstance(task, Choice) and task.other:
                assert not any(spelling in question for spelling in task.right), found[1]
            elif isinstance(task, Collection) and task.ordered:
                assert ", ".join(map(str, task.values)) not in question, found[1]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_the_solutions_compute_every_answer(path):
    solution = path.parent / "solutions" / path.name
    assert [key for key, _ in checks(solution)] == [key for key, _ in checks(path)]
    for key, printed in checks(solution):
        assert "Right: " in printed, key
    written = ""
    for source, _ in cells(solution):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "answer":
                literal = isinstance(node.value, (ast.Constant, ast.List, ast.Set, ast.Tuple))
                written = source if literal else ""
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
                made = isinstance(
                    TASKS[node.args[0].value], Made
                )  # a filter may be written down: it is tried
                assert made or not written, f"computed, not written down: {written}"
