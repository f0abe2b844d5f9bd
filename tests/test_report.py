"""report.html and label.html: what is in them, as text and never as markup, in few bytes, and the same each time."""

import base64
import html.parser
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from alignments import NASTY, alignment, nasty

from mmalign_nb.own import write_label_page, write_report


class Markup(html.parser.HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the text outside scripts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self._inside = [], [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.text.append(data)


def written(found, tmp_path, write=write_report):
    page = write(found, tmp_path / "page.html").read_bytes()
    assert len(page) < 5_000_000
    return page.decode("utf-8")


def state(page):
    """What the page's panel is made of, its arrays as bytes."""
    told = re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1]
    return json.loads(
        told, object_hook=lambda x: base64.b64decode(x["base64"]) if set(x) == {"base64"} else x
    )


@pytest.mark.parametrize("write", [write_report, write_label_page])
def test_names_and_captions_are_text_and_never_markup(tmp_path, write):
    plain = alignment(len(NASTY) * 4, 14)
    page, before = written(nasty(), tmp_path, write), Markup(written(plain, tmp_path, write))
    seen = Markup(page)
    assert set(seen.tags) <= set(before.tags) | {"details", "summary"}
    assert "img" not in seen.tags or seen.tags.count("img") == before.tags.count("img")
    assert seen.tags.count("script") == before.tags.count("script")
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert "alert(1)" in "".join(seen.text)  # it is there to be read
    assert not re.search("[\0\x1b\ud800-\udfff]", page)
    assert "http://" not in page
    assert "https://" not in page


def test_the_answer_comes_first_and_all_is_said(tmp_path):
    found = alignment()
    kept = int((found.kept & found.open).sum())
    text = " ".join("".join(Markup(written(found, tmp_path)).text).split()).partition("How it was made")[
        2
    ]  # below the links
    wanted = [
        f"{kept} of 10 matches", "At least 90 % are right.", "wrong answers", "What to do next", "Where to draw the line", "Search",
        "Left alone", "Given pairs that may be wrong", "own, linear", "0.30 to 0.50", "takes the extra 'pretrained'", "broken",
    ]  # fmt: skip
    at = [text.index(x) for x in wanted]
    assert at == sorted(at)
    for row in found.unmatched().itertuples():
        assert row.why in text


def test_without_a_line_it_says_how_to_get_one(tmp_path):
    text = "".join(Markup(written(replace(alignment(given=0), threshold=None), tmp_path)).text)
    assert "How sure?" in text
    assert "nothing is promised of them yet" in text
    assert "label FOLDER --answers" in text
    assert "Given pairs" not in text


def test_where_all_pairs_are_given_right_and_wrong_are_known(tmp_path):
    page = written(alignment(30, 30), tmp_path)
    assert state(page)["_data"]["truth"]
    assert "All 30 pairs are given." in "".join(Markup(page).text)


def test_the_page_has_the_table_and_the_panel_the_scores_of_the_alignment(tmp_path):
    found = alignment()
    told = state(written(found, tmp_path))
    data, page = told["_data"], told["_report"]
    table = found.table()
    assert [row[:3] for row in page["rows"]] == table[["a", "b", "score"]].astype(str).values.tolist()
    assert page["columns"] == table.columns.tolist()
    scores = np.frombuffer(page["scores"]["data"], np.float32)
    assert np.array_equal(scores >= page["line"], table["kept"])
    assert data["shape"] == [10, 10]  # the items without a given partner stand first
    S = np.frombuffer(data["measures"]["score"]["scores"]["data"], np.float32).reshape(10, 10)
    open_ = found.matches.pairs[found.open] - 30
    assert np.array_equal(S[tuple(open_.T)], found.scores[found.open])
    assert page["ids"][0][:10] == found.ids_a[30:]
    every = np.frombuffer(page["all"]["data"], np.float16).reshape(40, 40)
    order = np.r_[30:40, 0:30]
    assert np.abs(every - (found.vectors_a @ found.vectors_b.T)[np.ix_(order, order)]).max() < 2e-3
    assert data["a"]["names"] == [found.ids_a[i] for i in order]


def test_the_same_alignment_gives_the_same_bytes(tmp_path):
    for write in (write_report, write_label_page):
        assert written(alignment(), tmp_path, write) == written(alignment(), tmp_path, write)


def test_noise_in_pictures_and_sounds_stays_under_five_megabytes(tmp_path):
    """The worst: 300 pictures of noise, 300 long loud sounds."""
    for kind, size in (("image", 96), ("audio", 24)):
        found = alignment(300, 0, kind=kind, size=size)
        for write in (write_report, write_label_page):
            written(found, tmp_path, write)  # asserts the size


def test_of_many_some_are_shown_and_it_is_said(tmp_path):
    found = alignment(1200, 600, size=8)
    page = written(found, tmp_path)
    told, text = state(page), "".join(Markup(page).text)
    assert "this page shows" in text
    assert len(told["_report"]["rows"]) == 1200  # but the table has all
    assert told["_data"]["shape"][0] <= 300
    assert len(told["_data"]["a"]["names"]) == told["_report"]["shape"][0] < 500
    label = state(written(found, tmp_path, write_label_page))
    drawn = np.frombuffer(label["_data"]["plan"]["drawn"]["data"], np.int32)
    pairs = np.frombuffer(label["_data"]["pairs"]["data"], np.int32).reshape(-1, 2)
    first = drawn[drawn < label["_data"]["plan"]["sizes"][label["_data"]["plan"]["start"]]][:20]
    assert set(pairs[first, 0]) <= set(label["_data"]["a"]["numbers"])  # what is asked first is there


def test_what_is_no_alignment_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match="alignment is .*want a FolderAlignment"):
        write_report({"a": 1}, tmp_path / "page.html")
    with pytest.raises(FileNotFoundError, match="want the name of a file"):
        write_label_page(alignment(), tmp_path / "nowhere" / "page.html")
    assert list(tmp_path.iterdir()) == []
