"""The table of a matching: ids come out as they went in, on screen, in a file and in a spreadsheet."""

import csv
import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmalign_nb.align import Matches, max_match, min_match

FOUND = max_match(
    np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.3]]), threshold=0.5
)  # (0, 1), (1, 0); 2 is left over
NFC = "é"
NFD = unicodedata.normalize("NFD", NFC)


def pairs(n):
    """n pairs, i with i."""
    none = np.empty(0, np.int64)
    return Matches(np.stack([np.arange(n)] * 2, 1), np.ones(n), np.ones(n), none, none, (n, n))


@pytest.mark.parametrize(
    ("ids", "want", "dtype"),
    [
        ([1, 2, 3], [1, 2, 3], "int64"),
        (range(3), [0, 1, 2], "int64"),
        (np.array([5, 6, 7], np.uint8), [5, 6, 7], "int64"),
        (np.array([2**63 + 1, 2**64 - 1, 0], np.uint64), [2**63 + 1, 2**64 - 1, 0], "uint64"),
        (pd.Series([2**53 + 1, 2, 3], dtype="Int64"), [2**53 + 1, 2, 3], "int64"),
        (pd.Series([2**64 - 1, 2, 3], dtype="UInt64"), [2**64 - 1, 2, 3], "uint64"),
        (["007", "08", "9"], ["007", "08", "9"], object),
        ([NFC, NFD, "e"], [NFC, NFD, "e"], object),
        (pd.DataFrame({"name": ["x", "y", "z"]})["name"], ["x", "y", "z"], object),
        (pd.DataFrame({"name": ["x", "y", "z"]})["name"].to_numpy(), ["x", "y", "z"], object),
        (pd.Series(["x", "y", "z"], index=[2, 0, 1]), ["x", "y", "z"], object),
        (pd.Index(["x", "y", "z"]), ["x", "y", "z"], object),
        (pd.Categorical(["x", "y", "z"]), ["x", "y", "z"], object),
        (pd.Series(["x", "y", "z"], dtype="string"), ["x", "y", "z"], object),
        (np.array(["x", "y", "z"], dtype=object), ["x", "y", "z"], object),
        (("x", "y", "z"), ["x", "y", "z"], object),
    ],
)
def test_ids_come_out_as_they_went_in(ids, want, dtype, tmp_path):
    frame = FOUND.to_frame(ids, ["p", "q"])
    assert frame["a"].dtype == dtype
    assert frame["a"].tolist() == want[:2]
    assert frame["b"].tolist() == ["q", "p"]
    with_rest = FOUND.to_frame(ids, ["p", "q"], unmatched=True)
    assert with_rest["a"].tolist() == want
    assert with_rest["b"].tolist() == ["q", "p", None]
    swapped = max_match([[0.0, 1.0, 0.0]]).to_frame(None, ids, unmatched=True)
    assert swapped["b"].tolist() == [want[1], want[0], want[2]]
    assert [x is pd.NA for x in swapped["a"]] == [False, True, True]
    for excel in (False, True):
        FOUND.to_csv(tmp_path / "t.csv", ids, unmatched=True, excel=excel)
        text = (tmp_path / "t.csv").read_text(encoding="utf-8-sig" if excel else "utf-8")
        assert [row["a"] for row in csv.DictReader(io.StringIO(text))] == [str(x) for x in want]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, "a", 2], "ids_a is list with 3 entries of int and str; want 3 str or 3 int"),
        ([None, "a", "b"], "ids_a has no id in 1 of 3 rows"),
        (pd.Series([1, None, 3], dtype="Int64"), "ids_a has no id in 1 of 3 rows"),
        ([1.5, 2.5, 3.5], "ids_a is list with 3 entries of float; want 3 str or 3 int"),
        (["a"], "ids_a has 1 entries; want 3 str or 3 int"),
        ("abc", r"ids_a is one str 'abc'.*write \[ids_a\]"),
        (5, "ids_a is 5; want"),
        ({"a", "b", "c"}, r"ids_a .*write list\(ids_a\)"),
    ],
)
def test_ids_that_are_none(ids, message):
    with pytest.raises((TypeError, ValueError), match=message):
        FOUND.to_frame(ids)


FORMULAS = ["=1+1", "+1", "-x", "@a", "\tx", "\rx", "\nx", "'quoted", "''=1"]


def test_a_spreadsheet_runs_no_id(tmp_path):
    names = [*FORMULAS, "plain", "a=b", "007", "", NFD]
    path = tmp_path / "t.csv"
    pairs(len(names)).to_csv(path, names, excel=True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    cells = [row[0] for row in rows[1:]]
    assert not [x for x in cells if x.startswith(tuple("=+-@\t\r\n"))]
    assert [x.removeprefix("'") for x in cells] == names
    assert cells[len(FORMULAS) :] == names[len(FORMULAS) :]
    numbers = pairs(2)
    numbers.to_csv(path, [-5, 7], excel=True)  # a number is no formula
    assert pd.read_csv(path)["a"].tolist() == [-5, 7]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_every_name_comes_back_from_the_file(tmp_path_factory, names, excel):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    pairs(len(names)).to_csv(path, names, excel=excel)
    text = path.read_bytes().decode("utf-8-sig" if excel else "utf-8")
    got = [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:]
    assert [x.removeprefix("'") if excel else x for x in got] == names


def test_a_table_is_written_in_one_act(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    FOUND.to_csv(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"ids_a or ids_b has '\\udce9', which is no character"):
        FOUND.to_csv(path, ["a", "b\udce9", "c"])
    with pytest.raises((TypeError, ValueError), match="path is None; want"):
        FOUND.to_csv(None)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_pairs():
    frame = max_match(np.zeros((0, 2))).to_frame([], ["p", "q"], unmatched=True)
    assert frame["b"].tolist() == ["p", "q"]
    assert frame["a"].isna().all()
    assert len(min_match(np.zeros((0, 0))).to_frame(unmatched=True)) == 0
