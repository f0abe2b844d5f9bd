"""A search panel that can say no and takes two kinds at once: without Python as with it, by mouse and by keys."""

import re

import numpy as np
import pytest
from disk import PHONE, PROJECTOR
from playwright.sync_api import expect

from mmalign_nb.datasets import glyphs, nonsense
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.panels import SearchPanel
from mmalign_nb.project import DualEncoder
from mmalign_nb.search import Index
from mmalign_nb.threshold import Threshold

RULE = "precision >= 0.909"
LINE = Threshold(0.37, RULE, 2000, 0.5, "")
STRANGE = ["umbrella invoice", "umbrela", "xyzzy", "grilled penguin", "🎂", "heart 🎂", "雨伞 umbrella", "зонт", "airplane", "…!", "ß ☂ x"]  # fmt: skip


class Some:
    """Every second symbol, found by words and pictures through one DualEncoder."""

    def __init__(self):
        symbols = glyphs()
        kept = np.arange(len(symbols)) % 2 == 0
        kept[[symbols.text.index(n) for n in ("umbrella", "snowman", "latin small letter o")]] = True
        self.symbols = symbols[kept]
        self.dual = DualEncoder(CnnImage.load("glyphs"), TfidfText.load("glyphs"))
        self.index = Index().add(self.dual.transform(self.symbols.image), ids=self.symbols.ids)

    def panel(self, **more):
        more = {"threshold": {"words": LINE}} | more
        return SearchPanel(self.index, self.dual, self.symbols.image, captions=self.symbols.text, **more)

    def between(self, first, second, **more):
        """A line between two hits, whatever the weights are."""
        return float(self.panel(threshold=None, **more).hits.scores[0, [first, second]].mean())

    def picture(self, name):
        return self.symbols.image[self.symbols.text.index(name)]

    @property
    def names(self):
        return self.symbols.text


@pytest.fixture(scope="module")
def some():
    return Some()


def rows(page):
    return [int(r) for r in page.panel.locator(".mm-hits .mm-card").evaluate_all("all => all.map(e => e.dataset.row)")]  # fmt: skip


def told(page):
    return page.panel.locator(".mm-note[role=status]")


def without_scores(text):
    """The page searches among vectors of 8 bits, so its scores differ in the third decimal."""
    return re.sub(r"best is \d\.\d+", "best is #", text)


def test_the_page_says_what_python_says(from_disk, some):
    p = some.panel()
    page = from_disk(p)
    rng = np.random.default_rng(0)
    real = [
        " ".join(rng.permutation(some.names[i].split())[:3]) for i in rng.integers(0, len(some.names), 20)
    ]
    queries = STRANGE + real + nonsense(some.names, 20, seed=5).text
    here = page.panel.evaluate("(e, all) => all.map(query => e.finder.search({ by: 'words', encoder: 'words', query }))", queries)  # fmt: skip
    answered = []
    for query, got in zip(queries, here, strict=True):
        p.query.value = query
        want = p._found
        close = p._line_now is not None and np.abs(np.array(want["scores"]) - p._line_now).min() < 0.01
        if not close:
            assert without_scores(got["told"]) == without_scores(want["told"]), query
            assert got["reach"] == want["reach"], query
        assert got["rows"][:1] == want["rows"][:1], query
        assert np.abs(np.array(got["scores"]) - want["scores"]).max(initial=0) < 0.01
        answered.append(bool(want["reach"]))
    assert 10 < sum(answered) < len(queries) - 15


@pytest.mark.parametrize("w", [0.0, 0.35, 1.0])
def test_both_at_once_as_in_python(w, from_disk, some):
    page = from_disk(some.panel())
    for name, query in (("snowman", "black"), ("latin small letter o", "with stroke"), ("umbrella", "🎂")):
        p = some.panel(query=query, drawing=some.picture(name), weight=w)
        got = page.panel.evaluate(
            "(e, { pixels, query, weight }) => e.finder.search({ by: 'picture', views: [pixels], encoder: 'words', query, weight })",
            {"pixels": some.picture(name).ravel().tolist(), "query": query, "weight": w},
        )
        want = p._found
        assert np.abs(np.array(got["scores"]) - want["scores"]).max() < 0.01
        assert (got["parts"] is None) == (want["parts"] is None) == (query == "🎂")
        if want["parts"]:
            assert np.abs(np.array(got["parts"])[:, 0] - np.array(want["parts"])[:, 0]).max() < 0.01
            assert got["told"].split("; nearest")[0].startswith(f"Score = {w:.2f} × words + {1 - w:.2f} × picture.") or "Nothing matches" in got["told"]  # fmt: skip
        assert got["rows"][0] == want["rows"][0]


def test_hits_below_the_line_are_grey_and_say_so(from_disk, some):
    needed = some.between(0, 1, query="umbrella invoice")
    line = Threshold(needed * 0.5**0.5, RULE, 2000, 0.5, "")
    page = from_disk(some.panel(query="umbrella", threshold=line))
    cards, box = page.panel.locator(".mm-hits .mm-card"), page.panel.get_by_label("search", exact=True)
    expect(told(page)).to_have_text(re.compile(rf"^The line is {line.value:.2f} \(rule {RULE}\); [1-8] of 8 hits reach it\.$"))  # fmt: skip
    expect(cards.first).not_to_contain_text("below the line")
    box.fill("umbrella invoice")
    expect(told(page)).to_contain_text("Unknown: invoice; nearest known: ")
    expect(told(page)).to_contain_text(f"The hits go by the rest: umbrella. The line is {needed:.2f} ({line.value:.2f} ÷ 0.71: 1 of 2 words known; rule {RULE}); 1 of 8 hits reach it.")  # fmt: skip
    assert [c.get_attribute("class") for c in cards.all()] == ["mm-card ", *["mm-card below"] * 7]
    expect(cards.nth(0)).not_to_contain_text("below the line")
    expect(cards.nth(1)).to_contain_text("below the line")
    assert float(cards.nth(1).locator(".mm-item").evaluate("e => getComputedStyle(e).opacity")) < 0.5
    box.fill("grilled penguin")
    expect(told(page)).to_have_text(re.compile(rf"^Nothing matches: the best is 0\.\d\d, the line is {line.value:.2f}, beyond reach with no word known \(rule {RULE}\)\. None of these words is known: grilled, penguin; nearest known: \w+, \w+\. The hits go by parts of them\.$"))  # fmt: skip
    assert page.panel.locator(".mm-card.below").count() == cards.count() == 8
    expect(told(page).locator("b")).to_have_text(re.compile(r"^Nothing matches: .*\)\.$"))
    box.fill("🎂")
    expect(told(page)).to_have_text("None of these words is known: 🎂.")
    assert cards.count() == 0
    assert page.complaints == page.asked == []


def test_two_kinds_by_keys_alone(from_disk, some):
    page = from_disk(some.panel(threshold=None))
    keys, panel = page.page.keyboard, page.panel
    mix, slider = panel.get_by_label("both at once"), panel.get_by_label("words", exact=True)
    expect(mix).to_be_disabled()
    panel.get_by_label("search", exact=True).focus()
    keys.type("triangle")
    expect(mix).to_be_disabled()
    panel.locator(".mm-paper").focus()
    for step in ("Space", *["ArrowDown"] * 8, "Space", *["ArrowRight"] * 5, "Enter"):
        keys.press(step)
    expect(told(page)).to_have_text("Hits for the drawing.")
    drawn = rows(page)
    expect(slider).to_be_hidden()
    mix.focus()
    keys.press("Space")
    expect(told(page)).to_have_text("Score = 0.50 × words + 0.50 × drawing.")
    expect(panel.locator(".mm-hits .mm-card").first).to_have_text(
        re.compile(r"words [-−]?\d\.\d+ ?drawing \d\.\d+")
    )
    mixed = rows(page)
    assert mixed != drawn
    slider.focus()
    for _ in range(10):
        keys.press("ArrowRight")
    expect(told(page)).to_have_text("Score = 1.00 × words + 0.00 × drawing.")
    expect(panel.get_by_label("words, exact value")).to_have_value("1.00")
    words_only = rows(page)
    keys.press("Home")
    expect(told(page)).to_have_text("Score = 0.00 × words + 1.00 × drawing.")
    assert rows(page) == drawn
    expect(panel.locator(".mm-mix")).to_contain_text("drawing 1.00")
    mix.focus()
    keys.press("Space")
    expect(slider).to_be_hidden()
    assert rows(page) == drawn  # what was drawn came last
    panel.get_by_label("search", exact=True).focus()
    keys.press("End")
    keys.type(" ")
    expect(told(page)).to_have_text("")
    assert rows(page) == words_only
    panel.locator(".mm-paper").focus()
    keys.press("Backspace")
    expect(mix).to_be_disabled()
    assert page.complaints == page.asked == []


def test_a_picture_to_start_with_can_be_mixed_and_taken_away(from_disk, some):
    p = some.panel(
        query="with stroke", drawing=some.picture("latin small letter o"), weight=0.6, threshold=None
    )
    page = from_disk(p)
    panel = page.panel
    assert rows(page) == p._found["rows"]
    expect(panel.locator(".mm-file .mm-seen")).to_be_visible()
    expect(panel.get_by_label("words, exact value")).to_have_value("0.60")
    panel.get_by_label("words: one step more").click()
    expect(told(page)).to_have_text("Score = 0.65 × words + 0.35 × picture.")
    p.weight.value = 0.65
    assert rows(page)[:3] == p._found["rows"][:3]
    panel.get_by_label("search", exact=True).fill("")
    expect(told(page)).to_have_text("Hits for the picture.")
    panel.get_by_label("search", exact=True).fill("with stroke")
    panel.get_by_role("button", name="remove").click()
    expect(panel.locator(".mm-file .mm-seen")).to_be_hidden()
    expect(told(page)).to_have_text("")
    p.weight.value = None
    p._answer({"by": "words", "gone": True, "query": "with stroke", "encoder": "words"})
    assert rows(page)[:3] == p._found["rows"][:3]


@pytest.mark.parametrize(
    ("theme", "size"), [("light", PROJECTOR), ("dark", PHONE)], ids=["projector", "phone"]
)
@pytest.mark.parametrize("state", ["both", "nothing"])
def test_axe_finds_nothing_and_all_is_on_the_screen(state, theme, size, from_disk, some):
    more = {"query": "with stroke", "drawing": some.picture("latin small letter o"), "weight": 0.5} if state == "both" else {"query": "grilled penguin"}  # fmt: skip
    line = some.between(1, 5, **more)
    page = from_disk(
        some.panel(**more, threshold=Threshold(line, RULE, 2000, 0.5, "")), size=size, color_scheme=theme
    )
    assert page.panel.locator(".mm-card.below").count() > 0
    assert page.findings() == []
    assert not page.too_wide()
    if size is PROJECTOR:
        assert page.panel.bounding_box()["height"] <= 640
    page.shot(f"{state}-{theme}")


# ---- with a kernel

CODE = """
import numpy as np
from mmalign_nb.features import TfidfText
from mmalign_nb.panels import SearchPanel
from mmalign_nb.search import Index
images = np.full((40, 16, 16), 255, np.uint8)
for i in range(32): images[i, i // 2, 2:14] = 0
for i in range(32, 40): images[i, 2:14, 2 * (i - 32)] = 0
encode = lambda x: 256.0 - x.reshape(len(x), -1)
rows = TfidfText().fit([f"line {i}" for i in range(40)])
def words(texts): return encode(images[[int(t.split()[1]) if t.split()[1:] and t.split()[1].isdigit() else 0 for t in texts]])
words.unknown, words.known, words.nearest_known = rows.unknown, rows.known, rows.nearest_known
panel = SearchPanel(Index().add(encode(images)), words, images, pictures=encode, k=3, threshold=0.6)
panel
"""


def test_with_a_kernel(open_notebook, served):
    import nbformat

    folder, _, _ = served
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)], metadata={"kernelspec": kernel})
    nbformat.write(book, folder / "no.ipynb")
    notebook = open_notebook("no.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    panel, keys = notebook.panels().nth(0), notebook.page.keyboard
    first, said = panel.locator(".mm-hits .mm-card").first, panel.locator(".mm-note[role=status]")
    panel.get_by_label("search", exact=True).fill("line 38")
    expect(first).to_have_attribute("data-row", "38")
    panel.get_by_label("search", exact=True).fill("line 38 xyzzy plugh foo")
    expect(said).to_contain_text("Unknown: xyzzy, plugh, foo")
    expect(said).to_contain_text("the line is 0.95 (0.60 ÷ 0.63: 2 of 5 words known)", ignore_case=True)
    panel.locator(".mm-paper").focus()
    for step in (*["ArrowUp"] * 8, "Space", *["ArrowDown"] * 16, "Enter"):
        keys.press(step)
    expect(said).to_contain_text("Hits for the drawing.")
    expect(first).to_have_attribute("data-row", "36")
    panel.get_by_label("search", exact=True).fill("line 4")
    expect(first).to_have_attribute("data-row", "4")
    panel.get_by_label("both at once").focus()
    keys.press("Space")
    expect(said).to_contain_text("Score = 0.50 × words + 0.50 × drawing.")
    assert notebook.ask("print(panel.weight.value, panel)").startswith("0.5 SearchPanel(query='line 4' and drawing, weight 0.50): ")  # fmt: skip
    panel.get_by_label("words", exact=True).focus()
    keys.press("Home")
    expect(first).to_have_attribute("data-row", "36")
    assert notebook.ask("print(panel.weight.value, panel.parts.shape)") == "0.0 (2, 3)"
    notebook.ask("panel.weight.value = 0.9")
    expect(said).to_contain_text("Score = 0.90 × words + 0.10 × drawing.")
    expect(panel.get_by_label("words, exact value")).to_have_value("0.90")
    expect(first).to_have_attribute("data-row", "4")
    notebook.ask("panel.weight.value = None")
    expect(panel.get_by_label("both at once")).not_to_be_checked()
    notebook.ask("panel.query.value = 'line 6'")
    expect(first).to_have_attribute("data-row", "6")
    panel.get_by_role("button", name="clear").click()
    expect(panel.get_by_label("both at once")).to_be_disabled()
    assert notebook.complaints == []
