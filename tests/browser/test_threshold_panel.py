"""ThresholdPanel in a page from a disk, with network and kernel off: it is alive, and says what Python says."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from disk import LOOKS, LOOKS_BY_NAME, PHONE, PROJECTOR
from playwright.sync_api import expect

from mmalign_nb.align import nearest_match
from mmalign_nb.panels import ThresholdPanel
from mmalign_nb.threshold import Labelling

N = 40
RNG = np.random.default_rng(0)
S = RNG.normal(0.1, 0.12, (N, N)).astype(np.float32)
S[np.arange(N), np.arange(N)] += 0.35
TEXTS = [f"item {i}" for i in range(N)]
IMAGES = RNG.integers(0, 255, (N, 24, 24, 3), dtype=np.uint8)
SOUNDS = ((RNG.random((N, 800)) - 0.5).astype(np.float32), 8000)
VIDEO = (RNG.integers(0, 255, (N, 6, 12, 12, 3), dtype=np.uint8), 12)
KEPT = "e => e.kept()"


def make(**more):
    given = {
        "scores": {"dot": S, "double": 2 * S, "1": -S},  # as keys of an object the last would come first
        "a": TEXTS,
        "b": IMAGES,
        "truth": "diagonal",
        "sides": ("name", "picture"),
    }
    return ThresholdPanel(**(given | more))


def type_number(panel, text):
    box = panel.get_by_label("threshold, exact value")
    box.fill(text)
    box.press("Enter")


def choose(panel, what, value):
    panel.locator(".mm-field", has_text=what).locator("select").select_option(value)


@pytest.mark.parametrize("mode", ["max", "threshold", "nearest", "mutual", "greedy"])
def test_page_and_python_agree_at_random_positions(mode, from_disk):
    p = make(truth=[(i, i) for i in range(30)])
    page = from_disk(p)
    choose(page.panel, "matching", mode)
    p.mode.value = mode
    positions = [*RNG.uniform(p.range.min, p.range.max, 12).tolist(), *S.ravel()[:4].astype(float).tolist()]
    for t in positions:  # of each of five matchings; four of them lie exactly at a score
        type_number(page.panel, repr(t))
        p.threshold.value = t
        kept, report = p.matches, p.matches.evaluate(p._truth)
        assert sorted(page.panel.evaluate(KEPT)) == kept.pairs.tolist()
        words = page.panel.locator(".mm-read").inner_text()
        assert words.startswith(f"{len(kept):,} of 40 × 40 pairs kept")
        for name, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
            shown = re.search(rf"{name}\s(\S+)", words)[
                1
            ]  # half of a hundredth goes up here and to the even side in Python
            assert (
                (shown == "–")
                if np.isnan(report[key])
                else float(shown) == pytest.approx(report[key], abs=0.0051)
            )
        assert f"alone: {len(kept.unmatched_a)} name, {len(kept.unmatched_b)} picture" in words
        above = (
            page.panel.locator(".mm-sides section")
            .first.locator("[data-pair]")
            .evaluate_all("all => all.map(e => e.dataset.pair)")
        )
        want = sorted(S[tuple(kept.pairs.T)].tolist())[:4]
        assert [S[tuple(map(int, pair.split()))] for pair in above] == want
    assert page.complaints == page.asked == []


def test_by_keyboard_alone(from_disk):
    page = from_disk(make(threshold=0.3))
    keys, panel = page.page.keyboard, page.panel
    read = panel.locator(".mm-read")
    seen = [read.inner_text()]
    panel.get_by_role("slider").focus()
    for key in ("ArrowRight", "PageUp", "ArrowLeft", "Home", "End"):
        keys.press(key)
        assert read.inner_text() != seen[-1] or key == "ArrowLeft"
        seen.append(read.inner_text())
    for name in ("threshold: one step less", "threshold: one step more"):
        before = panel.get_by_label("threshold, exact value").input_value()
        panel.get_by_role("button", name=name).focus()
        keys.press("Enter")
        assert panel.get_by_label("threshold, exact value").input_value() != before
    panel.locator(".mm-map").focus()
    keys.press("ArrowDown")
    keys.press("ArrowRight")
    expect(panel.locator(".mm-pick")).to_contain_text("name 0, picture 1: left out")
    keys.press("Escape")
    expect(panel.locator(".mm-pick")).to_contain_text("Click a cell")
    panel.get_by_role("button", name="suggest").focus()
    keys.press("Enter")
    expect(panel.locator(".mm-said")).to_contain_text("best F1")
    panel.locator("summary").focus()
    keys.press("Enter")
    expect(panel.locator("table")).to_be_visible()
    # every stop of the Tab key is named, and none is skipped for lack of a visible ring
    page.page.locator("body").focus()
    stops = set()
    for _ in range(30):
        keys.press("Tab")
        told = page.page.evaluate(
            "() => { const e = document.activeElement; return [e.tagName, getComputedStyle(e).outlineStyle, e.matches(':focus-visible')]; }"
        )
        if told[0] != "BODY":
            assert told[1:] != ["none", False], told
            assert told[2], told
            stops.add(told[0])
    assert {"SELECT", "BUTTON", "INPUT", "CANVAS", "SUMMARY"} <= stops


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [("0,5", 0.5, ""), ("−0.1", -0.1, ""), (" 0.25 ", 0.25, ""), ("2", None, "2 is outside"), ("nan", None, "not a number"), ("", None, "not a number"), ("1e99", None, "is outside"), ("12abc", None, "not a number")],
)  # fmt: skip
def test_typed_numbers(text, value, said, from_disk):
    page = from_disk(make(threshold=0.3, scores=S))
    type_number(page.panel, text)
    box = page.panel.get_by_label("threshold, exact value")
    assert float(box.input_value()) == pytest.approx(0.3 if value is None else value)
    line = page.panel.locator(".mm-said")
    assert said in line.inner_text()
    assert ("⚠" in line.inner_text()) == bool(said)


def test_digits_follow_the_range(from_disk):
    page = from_disk(make(scores=S.astype(float) * 1e-8, threshold=3e-9))
    assert float(page.panel.get_by_label("threshold, exact value").input_value()) == 3e-9
    page.panel.get_by_role("button", name="one step more").click()
    assert 3e-9 < float(page.panel.get_by_label("threshold, exact value").input_value()) < 3.2e-9


def test_measures_rules_and_the_filter(from_disk):
    p = make(threshold=0.3)
    page = from_disk(p)
    panel = page.panel
    choose(panel, "measure", "double")
    p.measure.value = "double"
    assert float(panel.get_by_label("threshold, exact value").input_value()) == pytest.approx(
        p.threshold.value, abs=0.02
    )
    for rule in ("best F1", "precision ≥ 0.9"):
        choose(panel, "rule", rule)
        p.rule.value = rule
        panel.get_by_role("button", name="suggest").click()
        chosen = p.suggest()
        assert panel.locator(".mm-said").inner_text() == p._said["words"]
        if not chosen.abstained:
            assert float(panel.get_by_label("threshold, exact value").input_value()) == pytest.approx(
                float(chosen)
            )
    show = panel.get_by_label("show only some pairs")
    for text, want in (("name 7", {(7,)}), ("item 12", {(12,)}), ("picture 3", None)):
        show.fill(text)
        pairs = panel.locator(".mm-sides section [data-pair]").evaluate_all(
            "all => all.map(e => e.dataset.pair.split(' ').map(Number))"
        )
        assert pairs
        assert all(j == 3 for _, j in pairs) if want is None else {(i,) for i, _ in pairs} == want
        expect(panel.locator(".mm-read")).to_contain_text("shown: ")


def test_a_clicked_cell_tells_its_pair(from_disk):
    page = from_disk(make(threshold=0.3, scores=S))
    box = page.panel.locator(".mm-map").bounding_box()
    i, j = 7, 21
    page.page.mouse.click(box["x"] + box["width"] * (j + 0.5) / N, box["y"] + box["height"] * (i + 0.5) / N)
    words = page.panel.locator(".mm-pick").inner_text()
    assert f"name {i}, picture {j}: left out" in words
    assert (
        f"number {(S[i] > S[i, j]).sum() + 1} of {N} for its name (the best is picture {S[i].argmax()}"
        in words
    )
    assert (
        f"number {(S[:, j] > S[i, j]).sum() + 1} of {N} for its picture (the best is name {S[:, j].argmax()}"
        in words
    )
    assert "✗ wrong" in words


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_a_chart_moves_the_line(touch, from_disk):
    p = make(threshold=0.3, scores=S)
    page = from_disk(p, size=PHONE if touch else PROJECTOR, has_touch=touch)
    press = page.page.touchscreen.tap if touch else page.page.mouse.click
    hills = page.panel.locator(".mm-charts canvas").first
    hills.scroll_into_view_if_needed()
    box = hills.bounding_box()
    for part in (0.35, 0.8):
        press(box["x"] + 34 + part * (box["width"] - 46), box["y"] + 40)
        t = p.range.min + part * (p.range.max - p.range.min)
        p.threshold.value = shown = float(page.panel.get_by_label("threshold, exact value").input_value())
        assert shown == pytest.approx(t, abs=1.5 * p.range.step)
        assert sorted(page.panel.evaluate(KEPT)) == p.matches.pairs.tolist()
    curve = page.panel.locator(".mm-charts canvas").last
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    press(box["x"] + 36, box["y"] + 16)  # full precision, little recall
    assert float(page.panel.get_by_label("threshold, exact value").input_value()) > 0.6
    map_ = page.panel.locator(".mm-map")
    map_.scroll_into_view_if_needed()
    box = map_.bounding_box()
    press(box["x"] + box["width"] * (N / 2 + 0.5) / N, box["y"] + box["height"] * (N / 4 + 0.5) / N)
    expect(page.panel.locator(".mm-pick")).to_contain_text(f"name {N // 4}, picture {N // 2}")


def test_table_and_csv_are_the_kept_pairs(from_disk):
    p = make(threshold=0.35, scores=S)
    page = from_disk(p)
    page.panel.locator("summary").click()
    with page.page.expect_download() as got:
        page.panel.get_by_role("button", name="save all as CSV").click()
    table = pd.read_csv(io.StringIO(got.value.path().read_text()))
    want = p.to_frame()
    got_rows = sorted(zip(table["a"], table["b"], table["score"], table["right"], strict=True))
    assert [row[:2] for row in got_rows] == want[["a", "b"]].to_numpy().tolist().__class__(
        map(tuple, want[["a", "b"]].to_numpy().tolist())
    )
    assert np.allclose([row[2] for row in got_rows], want["score"])
    assert [bool(row[3]) for row in got_rows] == want["right"].tolist()
    assert page.panel.locator("tbody tr").count() == len(want)


@pytest.mark.parametrize("kind", ["sound", "clip"])
def test_sounds_and_clips_play_and_stop(kind, from_disk):
    page = from_disk(make(b=SOUNDS if kind == "sound" else VIDEO, scores=S, threshold=0.3))
    first = page.panel.get_by_role("button", name=f"play {kind}").first
    name = first.get_attribute("aria-label")
    page.page.evaluate(
        "() => { window.played = []; const play = Audio.prototype.play; Audio.prototype.play = function () { window.played.push(this); this.muted = true; return play.call(this); }; }"
    )
    first.evaluate("e => e.click()")
    if kind == "sound":
        length = page.page.evaluate(
            "async () => { const a = window.played[0]; if (a.readyState < 1) await new Promise(r => a.onloadedmetadata = r); return a.duration; }"
        )
        assert length == pytest.approx(0.1, abs=0.01)
    expect(
        page.panel.get_by_role("button", name=name).first
    ).to_be_visible()  # and is a play button again at the end
    assert page.complaints == []


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOKS_BY_NAME)
def test_axe_finds_nothing_and_all_is_on_the_screen(theme, size, from_disk):
    pool = Labelling(nearest_match(S), 0.5, seed=1)
    for _ in range(20):
        if (asked := pool.ask()) is not None:
            pool.answer(asked[0] == asked[1])
    for number, panel in enumerate(
        (
            make(b=SOUNDS, labelling=pool, captions=(None, [f"the sound {i}" for i in range(N)])),
            make(threshold=0.3, b=VIDEO),
            make(truth=None, scores=S),
        )
    ):
        page = from_disk(panel, size=size, color_scheme=theme)
        page.panel.locator("summary").click()
        page.panel.locator(".mm-map").focus()
        page.page.keyboard.press("ArrowDown")
        assert page.findings() == []
        assert not page.too_wide()
        page.shot(f"{theme}-{size['width']}-{number}")
        page.panel.locator("summary").click()
        if size is PROJECTOR:
            assert page.panel.bounding_box()["height"] <= 640
        page.context.close()


@pytest.mark.parametrize("size", [PROJECTOR, PHONE], ids=["projector", "phone"])
def test_long_captions_on_both_sides_leave_room_for_the_mark(size, from_disk):
    long = [f"box drawings heavy triple dash horizontal {i}" for i in range(N - 1)] + ["o" * 80]
    page = from_disk(make(a=IMAGES, captions=(long, long), threshold=0.3, mode="threshold"), size=size)
    cards = page.page.evaluate("""() => [...document.querySelectorAll(".mm-card")].map(card => {
      const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
      return { card: box(card), captions: [...card.querySelectorAll(".mm-caption")].map(box), mark: box(card.querySelector(".mm-top")) };
    })""")
    assert len(cards) >= 6
    for card in cards:
        left, top, _, bottom = card["mark"]
        for _, y0, x1, y1 in card["captions"]:
            assert x1 <= left + 0.5 or y1 <= top + 0.5 or y0 >= bottom - 0.5, "the mark lies on a caption"
            assert x1 <= card["card"][2], "a caption leaves its card"
    page.shot(f"captions-{size['width']}")


def test_names_are_text_and_never_markup(from_disk):
    nasty = [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\u2028\u2029",
        "\"' onmouseover=alert(1) x='",
        "${alert(1)}",
        *TEXTS[5:],
    ]
    page = from_disk(
        make(
            a=nasty,
            b=nasty,
            scores=S,
            threshold=-0.2,
            mode="threshold",
            sides=("<b>a</b>", "${b}"),
            captions=(None, nasty),
        )
    )
    page.panel.locator("summary").click()
    page.panel.get_by_label("show only some pairs").fill("onerror")
    words = page.panel.inner_text()
    assert "<img src=x onerror=alert(1)>" in words
    assert "<b>a</b>" in words
    assert page.panel.locator("img, script, b b").count() == 0
    assert page.complaints == page.asked == []


def test_a_page_says_what_needs_python_and_closes_cleanly(from_disk):
    page = from_disk(make(scores=S, threshold=0.3))
    told = page.page.evaluate("""async () => {
      const source = document.getElementById('mm-instrument').textContent;
      const url = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
      const { alive } = await import(url);
      const text = document.querySelector('.mm-live > script').textContent, made = [], gone = [], make = URL.createObjectURL, free = URL.revokeObjectURL;
      URL.createObjectURL = x => { const u = make(x); made.push(u); return u; };
      URL.revokeObjectURL = u => { gone.push(u); free(u); };
      for (let k = 0; k < 200; k++) {
        const el = document.createElement('div'), data = document.createElement('script');
        data.type = 'application/json'; data.textContent = text; el.append(data); document.body.append(el);
        alive(el)(); el.remove();
      }
      return [made.length, gone.length, document.querySelectorAll('.mm-panel').length];
    }""")
    assert told[0] == told[1] >= 200
    assert told[2] == 1
    assert (
        json.loads(page.page.evaluate("JSON.stringify(document.querySelector('.mm-panel').kept().length)"))
        > 0
    )
