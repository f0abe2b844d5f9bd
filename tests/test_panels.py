"""Panels without a browser: what they show is what the package computes, and nothing piles up."""

import base64
import functools
import gc
import io
import re
import tracemalloc

import ipywidgets
import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from mmalign_nb import align
from mmalign_nb import threshold as rules
from mmalign_nb._truth import Truth
from mmalign_nb.datasets import Items
from mmalign_nb.panels import ComparePanel, MapPanel, SearchPanel, ThresholdPanel
from mmalign_nb.panels._choice import MODES, Choice
from mmalign_nb.panels._media import Media
from mmalign_nb.search import Index

RNG = np.random.default_rng(0)
N = 40
S = RNG.normal(0.1, 0.12, (N, N)).astype(np.float32)
S[np.arange(N), np.arange(N)] += 0.35
TEXTS = [f"item {i}" for i in range(N)]
IMAGES = RNG.integers(0, 255, (N, 16, 16, 3), dtype=np.uint8)
SOUNDS = (RNG.random((N, 800)) - 0.5).astype(np.float32)


def panel(**kwargs):
    return ThresholdPanel(**({"scores": S, "a": TEXTS, "b": IMAGES, "truth": "diagonal"} | kwargs))


def html(widget):
    """All the HTML that a panel shows."""
    if isinstance(widget, ipywidgets.HTML):
        return widget.value
    return "".join(html(child) for child in getattr(widget, "children", ()))


def text(widget):
    return re.sub(
        r"\s+",
        " ",
        re.sub(r"<style>.*?</style>|<[^>]+>", " ", html(widget), flags=re.S).replace("&nbsp;", " "),
    )


def expected(mode, t):
    """The package's answer, asked directly."""
    if mode == "min":
        top = max(float(S.max()), 0.0)
        return align.min_match(top - S.astype(np.float64), top - t)
    return getattr(align, f"{mode}_match")(S, t)


# ---- ThresholdPanel


@functools.cache
def _one():
    return panel()


def shared():
    """One panel for the tests that only move its knobs: drawing a new one takes a third of a second."""
    p = _one()
    p.mode.value = "max"
    return p


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("t", [-0.5, 0.2, 0.37, 2.0])
def test_what_is_shown_is_what_the_package_computes(mode, t):
    p = shared()
    p.mode.value = mode
    p.threshold.value = t
    t = p.threshold.value  # the slider ends just beyond the scores
    kept, report = expected(mode, t), expected(mode, t).evaluate("diagonal")
    assert p.matches.pairs.tolist() == kept.pairs.tolist()
    shown = text(p)
    assert f"{len(kept):,} of 40 × 40 pairs kept" in shown.replace(" of", " of")
    for name in ("precision", "recall", "f1"):
        value = "–" if np.isnan(report[name]) else f"{report[name]:.2f}"
        assert f"{name.replace('f1', 'F1')} {value}" in shown
    assert f"unmatched: {len(kept.unmatched_a)} row" in shown
    assert f"right ({report['tp']:,})" in shown
    assert f"wrong ({report['fp']:,})" in shown
    assert "⚠" not in shown


def test_text_form_is_one_line_that_a_notebook_test_can_compare():
    p = shared()
    p.threshold.value = 0.3
    report = expected("max", 0.3).evaluate("diagonal")
    line = (
        f"ThresholdPanel(threshold=0.30, mode='max'): {len(expected('max', 0.3))} pairs kept of 40 × 40, "
        f"precision {report['precision']:.2f}, recall {report['recall']:.2f}"
    )
    data, meta = p._repr_mimebundle_()
    assert data["text/plain"] == repr(p) == line
    assert "application/vnd.jupyter.widget-view+json" in data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size[0] > 900
    assert meta["image/png"]["alt"] == p.alt


def test_alt_text_says_what_is_shown_now():
    p = shared()
    seen = set()
    for t in (0.1, 0.3, 0.5):
        p.threshold.value = t
        kept = expected("max", t)
        report = kept.evaluate("diagonal")
        alt = re.search(r'<svg role="img" aria-label="([^"]+)"', html(p))[1]
        assert alt == p.alt
        assert f"{len(kept)} chosen pairs, {report['tp']} right and {report['fp']} wrong" in alt
        assert f"threshold at {t:.2f}" in alt
        seen.add(alt)
    assert len(seen) == 3


def test_marks_stand_where_the_pairs_are():
    """The upper layer's coordinates against the lower layer's pixels: a lone dark cell must lie under its mark."""
    scores = np.zeros((10, 10), np.float32)
    scores[2, 7] = 1.0
    p = ThresholdPanel(scores, TEXTS[:10], TEXTS[:10], threshold=0.5)
    canvas = p._scene.canvas
    pixels = np.asarray(Image.open(io.BytesIO(canvas.png)).convert("L").resize((canvas.width, canvas.height)))
    x, y = map(float, re.search(r'<path d="M([\d.]+) ([\d.]+)h0"', html(p)).groups())
    box = canvas.boxes[0]
    inside = np.zeros_like(pixels, bool)
    inside[
        int(canvas.height - box[3]) + 3 : int(canvas.height - box[1]) - 3, int(box[0]) + 3 : int(box[2]) - 3
    ] = True
    rows, columns = np.nonzero(inside & (pixels < 100))
    assert (x, y) == pytest.approx((columns.mean(), rows.mean()), abs=1.5)


def test_number_box_and_slider_follow_each_other():
    p = shared()
    p.threshold.box.value = 0.37
    assert p.threshold.value == p.threshold.slider.value == 0.37
    p.threshold.slider.value = 0.40000000000000013  # what a browser sends
    assert p.threshold.value == p.threshold.box.value == 0.4
    p.threshold.value = 99
    assert p.threshold.value == p.threshold.slider.value == p.threshold.box.value == p.threshold.max


@pytest.mark.parametrize("exact", [0.2512345678, 0.255, 0.2549999, 0.2550001, 0.1 + 0.2])
def test_showing_an_exact_threshold_does_not_change_it(exact):
    p = shared()
    p.threshold.value = exact
    assert p.threshold.slider.value == pytest.approx(exact, abs=1e-9)
    for snapped in (np.floor(exact * 100) / 100, np.ceil(exact * 100) / 100):
        if abs(snapped - exact) <= 0.005:
            p.threshold.slider.value = snapped  # the browser's slider knows only its steps
            assert p.threshold.value == exact
    assert p.threshold.box.value == round(exact, 6)
    p.threshold.slider.value = round(exact, 2) + 0.01  # one key press
    assert p.threshold.value == pytest.approx(round(exact, 2) + 0.01, abs=1e-12)


def test_no_silent_threshold():
    p = panel()
    assert p.threshold.value == p.threshold.min <= S.min()
    assert len(p.matches) == N


def test_start_with_a_threshold_object():
    class Chosen:
        abstained = False

        def __float__(self):
            return 0.31

    assert panel(threshold=Chosen()).threshold.value == 0.31
    Chosen.abstained = True
    p = panel(threshold=Chosen())
    assert p.threshold.value == p.threshold.min


def test_two_measures_keep_the_share_of_pairs():
    p = panel(scores={"cosine": S, "tenfold": 10 * S})
    p.threshold.value = 0.3
    kept = p.matches.pairs
    p.measure.value = "tenfold"
    assert p.threshold.value == pytest.approx(3.0, abs=0.15)
    assert p.threshold.max >= 10 * S.max()
    assert len(p.matches) == pytest.approx(len(kept), abs=1)
    assert "measure='tenfold'" in repr(p)
    assert "⚠" not in text(p)


def test_cards_are_the_items_at_the_line():
    p = panel(mode="threshold", cards=3)
    p.threshold.value = 0.3
    values = np.sort(S.ravel())
    above, below = (part for part in re.split("Just below", html(p)[html(p).index("Just above") :]))
    want_above, want_below = values[values >= 0.3][:3], values[values < 0.3][::-1][:3]
    assert re.findall(r"<b>(-?[\d.]+)</b>", above) == [f"{v:.3f}" for v in want_above]
    assert re.findall(r"<b>(-?[\d.]+)</b>", below) == [f"{v:.3f}" for v in want_below]
    for v in want_above:
        i, j = np.argwhere(v == S)[0]
        assert f"item {i}<" in above
        assert Media(IMAGES, "b", N).html(j) in above
        assert ("✓ right" in above) or i != j


@pytest.mark.parametrize("mode", MODES)
def test_below_the_line_stands_only_what_is_left_out(mode):
    choice = Choice(S, mode, None)
    kept = choice.match(0.4)
    above, below = choice.around(kept, 0.4, 5)
    assert all(S[i, j] >= 0.4 and [i, j] in kept.pairs.tolist() for i, j in above)
    assert all(S[i, j] < 0.4 for i, j in below)
    assert len(above) == 5
    assert len(below) == min(5, len(choice.candidates[0]) - len(kept)) > 0


@pytest.mark.parametrize("mode", MODES)
def test_a_pair_exactly_at_the_line_stands_above_it(mode):
    choice = Choice(S, mode, None)
    pairs, values = choice.candidates
    i, j = pairs[20]
    line = float(values[20])
    above, below = choice.around(choice.match(line), line, 4)
    assert [i, j] in above.tolist()
    assert [i, j] not in below.tolist()


def test_best_f1_counts_the_right_pairs_that_the_matching_never_proposes():
    scores = np.diag([0.9, 0.8, 0.7, 0.6, 0.5])
    truth = Truth([(0, 0), (4, 4), (1, 0), (2, 0), (3, 0)], (5, 5))
    chosen = Choice(scores, "nearest", truth).suggest("best_f1", 0.9, 0.1, None, np.empty(0))
    assert (
        float(chosen) == 0.5
    )  # F1 = 4 / 10; counting only what is proposed, 0.9 with 2 / 3 would win over 4 / 7


def test_to_frame_is_the_table_of_the_matches():
    p = panel(threshold=0.3)
    frame, kept = p.to_frame(), expected("max", 0.3)
    assert frame[["a", "b"]].to_numpy().tolist() == kept.pairs.tolist()
    assert frame["score"].tolist() == kept.scores.tolist()
    assert frame["right"].tolist() == (kept.pairs[:, 0] == kept.pairs[:, 1]).tolist()
    assert "right" not in panel(threshold=0.3, truth=None).to_frame()


@pytest.mark.parametrize(
    ("mode", "rule", "label"),
    [
        ("nearest", "best_f1", "best F1"),
        ("threshold", "best_f1", "best F1"),
        *((mode, "for_precision", "precision ≥ 0.6") for mode in ("max", "nearest", "threshold")),
    ],
)
def test_suggest_moves_to_what_the_rule_says(mode, rule, label):
    p = panel(target=0.6, mode=mode)
    p.rule.value = rule
    p.suggest.click()
    if mode == "threshold":
        scores, right = S, "diagonal"
    else:
        pairs = getattr(align, f"{mode}_match")(S).pairs
        scores, right = S[tuple(pairs.T)], pairs[:, 0] == pairs[:, 1]
    more = {"target": 0.6, "delta": 0.1} if rule == "for_precision" else {"total": N}
    chosen = getattr(rules, rule)(scores, right, **more)
    shown = text(p)
    if chosen.abstained:
        assert p.threshold.value == p.threshold.min
        assert f"{label}: abstains, the threshold stays where it was, because " in shown
    else:
        assert p.threshold.value == float(chosen)
        assert f"{label}: {float(chosen):.2f}, which keeps {chosen.coverage:.0%} of" in shown
        assert chosen.guarantee in shown
    assert chosen.warning in shown
    assert "⚠" not in shown


@pytest.mark.parametrize("mode", ["max", "min"])
def test_best_f1_of_a_gated_matching_is_beaten_by_no_step_of_the_slider(mode):
    """The gate changes which pairs there are, so the best line among the ungated pairs need not be the best."""
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 1, (30, 30))
    scores[np.arange(12), np.arange(12)] += 2.2
    truth = np.eye(30, dtype=bool) & (np.arange(30) < 12)
    p = ThresholdPanel(scores, TEXTS[:30], TEXTS[:30], truth=truth, mode=mode, cards=0)
    p.suggest.click()
    suggested, said = p.matches.evaluate(truth)["f1"], text(p)
    assert f"best F1: {p.threshold.words(p.threshold.value)}, which keeps " in said
    assert f"{len(p.matches) / 30:.0%} of 30 candidates" in said
    f1 = []
    for value in np.arange(p.threshold.min, p.threshold.max, p.threshold.step):
        p.threshold.value = value
        f1.append(p.matches.evaluate(truth)["f1"])
    assert suggested >= max(f1)
    pairs = align.max_match(scores).pairs
    naive = rules.best_f1(scores[tuple(pairs.T)], truth[tuple(pairs.T)], total=12)
    assert suggested > align.max_match(scores, naive).evaluate(truth)["f1"]


def test_abstaining_is_said_in_words_and_moves_nothing():
    p = panel(target=0.99, delta=0.01)
    p.threshold.value = 0.3
    p.rule.value = "for_precision"
    p.suggest.click()
    assert p.threshold.value == 0.3
    assert (
        "precision ≥ 0.99: abstains, the threshold stays where it was, because 40 labelled candidates"
        in text(p)
    )


@pytest.mark.parametrize("many", [False, True])
def test_suggest_without_labels(many):
    decoys = RNG.normal(0.1, 0.12, (N, 20)).astype(np.float32)
    p = panel(truth=None, decoys=decoys if many else decoys.max(1), target=0.8)
    assert [name for name, _ in p.rule.options] == ["FDR ≤ 0.2, no labels"]
    p.suggest.click()
    chosen = rules.for_fdr(S.max(1), decoys.max(1), target=0.2)
    assert p.threshold.value == float(chosen)
    assert f"FDR ≤ 0.2, no labels: {float(chosen):.2f}" in text(p)
    assert chosen.guarantee in text(p)
    assert "⚠" not in text(p)


def test_decoys_belong_to_a_measure():
    p = panel(scores={"x": S, "y": 2 * S}, decoys={"x": S.max(1) - 0.1}, truth=None)
    p.measure.value = "y"
    p.suggest.click()
    assert "⚠ ValueError: decoys are missing for this measure" in text(p)


def test_without_truth_nothing_is_called_right():
    p = panel(truth=None, threshold=0.3)
    shown = text(p)
    assert "right" not in shown
    assert "precision" not in shown
    assert "chosen (" in shown
    assert p.suggest not in controls(p)
    assert (
        repr(p)
        == f"ThresholdPanel(threshold=0.30, mode='max'): {len(expected('max', 0.3))} pairs kept of 40 × 40"
    )
    assert len(p.figure().axes) == 2


@pytest.mark.parametrize("shape", [(40, 7), (1, 1), (3, 300)])
def test_rectangular(shape):
    n, m = shape
    scores = RNG.normal(size=shape)
    p = ThresholdPanel(scores, [str(i) for i in range(n)], [str(j) for j in range(m)], truth=[(0, 0)])
    for t in (-9.0, 0.0, 9.0):
        p.threshold.value = t
        assert len(p.matches) == len(align.max_match(scores, p.threshold.value))
    assert "⚠" not in text(p)
    assert p._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize(("shape", "truth"), [((0, 0), []), ((0, 5), None), ((5, 0), [])])
def test_empty(shape, truth):
    n, m = shape
    p = ThresholdPanel(np.zeros(shape), TEXTS[:n], TEXTS[:m], truth=truth)
    p.threshold.value = 0.5
    assert f"0 pairs kept of {n} × {m}" in repr(p)
    assert "⚠" not in text(p)
    assert p._repr_mimebundle_()[0]["image/png"]


def test_ties_and_never():
    scores = np.full((4, 4), 0.5)
    scores[0, 0] = -np.inf
    p = ThresholdPanel(scores, TEXTS[:4], TEXTS[:4], truth="diagonal", mode="threshold", threshold=0.5)
    assert len(p.matches) == 15  # a score at the line is kept, and -inf never
    for mode in MODES:
        p.mode.value = mode
        assert [0, 0] not in p.matches.pairs.tolist()
        assert "⚠" not in text(p), mode


def test_many_pairs_are_painted_as_cells():
    scores = RNG.random((60, 60))
    p = ThresholdPanel(scores, [str(i) for i in range(60)], [str(i) for i in range(60)], mode="threshold")
    assert len(p.matches) == 3600
    path = re.search(r'<path d="((?:M[\d.]+ [\d.]+H[\d.]+)+)" stroke=', html(p))[1]
    assert path.count("M") == 60  # whole rows, each as one stroke


def test_errors_in_callbacks_are_read_in_the_panel(monkeypatch):
    p = panel(threshold=0.3)

    def broken(scores, threshold=None):
        raise RuntimeError("the matching <broke>")

    monkeypatch.setattr(align, "max_match", broken)
    p.threshold.value = 0.4
    assert "⚠ RuntimeError: the matching &lt;broke&gt;" in text(p)
    assert repr(p) == "ThresholdPanel(error: RuntimeError: the matching <broke>)"
    monkeypatch.undo()
    p.threshold.value = 0.41
    assert "⚠" not in text(p)
    assert "error" not in repr(p)


def test_two_hundred_moves_leave_nothing_behind():
    from matplotlib._pylab_helpers import Gcf

    p = panel(mode="threshold")
    p.mode.value = "max"
    grid = np.linspace(-0.2, 0.7, 100)

    def move_through():
        for t in grid:
            p.threshold.value = t

    def count():
        gc.collect()
        figures = sum(isinstance(x, matplotlib.figure.Figure) for x in gc.get_objects())
        return figures, len(Gcf.figs), len(ipywidgets.widget._instances)

    move_through()  # encodes every item once
    before = count()
    tracemalloc.start()
    try:
        move_through()
        gc.collect()
        first, _ = tracemalloc.get_traced_memory()
        move_through()
        gc.collect()
        second, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count() == before
    assert second - first < 50_000


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scores": S * np.nan}, ValueError, "scores has NaN in 40 of 40 rows"),
        ({"scores": S[0]}, ValueError, "scores has shape"),
        ({"scores": {}}, ValueError, "scores is dict {}; want a mapping of at least one name"),
        ({"scores": {"x": S, "y": S[:3]}}, ValueError, "scores has matrices of different shapes"),
        ({"a": TEXTS[:3]}, ValueError, "a has 3 items and there are 40"),
        (
            {"b": SOUNDS},
            TypeError,
            r"b is float32 array .* without a rate; for sound give \(b, sample_rate\)",
        ),
        ({"b": (SOUNDS, 0)}, ValueError, r"the rate of b is 0; want \(audio, sample_rate\) or .*above 0"),
        ({"a": "words"}, TypeError, "a is one str 'words'"),
        ({"mode": "best"}, ValueError, "mode is 'best'; known: 'max', 'min'"),
        ({"decoys": S[:3]}, ValueError, r"decoys has shape \(3, 40\); want \(40,\) or \(40, d\)"),
        ({"scores": {"x": S, "y": S}, "decoys": S}, ValueError, "decoys is one array for 2 measures"),
        (
            {"scores": {"x": S, "y": S}, "decoys": {"z": S}},
            ValueError,
            "a name of decoys is 'z'; known: 'x', 'y'",
        ),
        ({"decoys": S * np.nan}, ValueError, "decoys has NaN in 40 of 40 rows"),
        ({"cards": -1}, ValueError, "cards is -1; want a whole number of at least 0"),
        ({"sides": ("a",)}, ValueError, "sides has 1 entries; want 2"),
        ({"sides": (1, 2)}, TypeError, "sides is tuple .*want a list of str"),
        ({"target": 0}, ValueError, "target is 0; want a number above 0 and below 1"),
        ({"delta": 1}, ValueError, "delta is 1; want a number above 0 and below 1"),
        ({"threshold": np.nan}, ValueError, "threshold is NaN"),
        ({"threshold": "0.3"}, TypeError, "threshold is str '0.3'; want a number or a Threshold"),
        ({"a": [*TEXTS[:-1], None]}, ValueError, r"a has no text in 1 of 40 rows \(first: row 39\)"),
        ({"b": IMAGES.astype(np.uint16)}, TypeError, "b has dtype uint16; want uint8"),
        (
            {"b": (IMAGES[:, None, ..., 0], 12)},
            ValueError,
            r"b has shape .*want uint8 video .*: write np.stack",
        ),
        ({"b": (SOUNDS, np.nan)}, ValueError, "the rate of b is nan"),
        ({"truth": [(0, 99)]}, ValueError, "truth has pairs outside 40 × 40"),
        (
            {"b": Items(ids=TEXTS, text=TEXTS, image=IMAGES)},
            ValueError,
            "b is Items with text, image; say which",
        ),
        ({"b": (Items(ids=TEXTS, text=TEXTS), "image")}, ValueError, "b is Items with text; say which"),
    ],
)
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        panel(**change)


# ---- items as HTML


def test_items_of_every_kind_can_be_shown():
    video = RNG.integers(0, 255, (2, 4, 8, 8, 3), dtype=np.uint8)
    items = Items(ids=["x", "y"], text=["<b>a cat</b> {name}", "dog"], image=IMAGES[:2], audio=SOUNDS[:2],
                  sample_rate=8000, video=video, fps=12.0)  # fmt: skip
    shown = {m: Media((items, m), "a", 2).html(0) for m in ("text", "image", "audio", "video")}
    assert "&lt;b&gt;a cat&lt;/b&gt; &#123;name}" in shown["text"]
    assert 'alt="picture 0"' in shown["image"]
    assert '<audio controls preload="auto" aria-label="sound 0"' in shown["audio"]
    assert 'alt="clip 0"' in shown["video"]
    assert Media((items, "image"), "a", 2).html(0, 'a "cat"').count('alt="a &quot;cat&quot;"') == 1


def test_the_encoded_items_are_the_items():
    import soundfile

    def decoded(shown):
        return io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", shown)[1]))

    sound, rate = soundfile.read(decoded(Media((SOUNDS, 8000), "a", N).html(3)))
    assert rate == 8000
    assert np.abs(sound - SOUNDS[3]).max() < 1e-4
    assert (np.asarray(Image.open(decoded(Media(IMAGES, "a", N).html(5)))) == IMAGES[5]).all()
    clip = Image.open(decoded(Media((IMAGES[None, :6], 12), "a", 1).html(0)))
    assert (clip.n_frames, clip.size) == (6, (16, 16))


# ---- ComparePanel


OTHER = S + RNG.normal(0, 0.1, S.shape).astype(np.float32)


def test_compare_shows_both_rankings_and_their_quality():
    p = ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES, truth="diagonal", k=5)
    p.query.value = 7
    for name, scores in (("cosine", S), ("noisy", OTHER)):
        best = np.argsort(-scores, axis=1)[:, :5]
        hit1, hit5 = (best[:, 0] == np.arange(N)).mean(), (best == np.arange(N)[:, None]).any(1).mean()
        assert f"{name} finds {best[7].tolist()}, hit@1 {hit1:.2f}, hit@5 {hit5:.2f}" in repr(p)
        assert f"{name}&ensp; hit@1 {hit1:.2f}, hit@5 {hit5:.2f}" in text(p)
        for j in best[7]:
            assert Media(IMAGES, "b", N).html(int(j)) in html(p)
    assert p.number.value == 7
    assert "query 7" in text(p)
    assert "item 7" in p.alt
    assert p._repr_mimebundle_()[0]["image/png"]


def test_compare_finds_the_next_difference():
    p = ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES)
    differ = np.flatnonzero(S.argmax(1) != OTHER.argmax(1))
    assert len(differ) > 1
    seen = []
    for _ in range(len(differ) + 1):
        p.next.click()
        seen.append(p.query.value)
    start = [d for d in differ if d > 0]
    assert seen[: len(start)] == start
    assert seen[len(start)] == differ[0]  # round again
    p.right.value = "cosine"
    p.next.click()
    assert "cosine stands on both sides: choose two different ones." in text(p)
    same = ComparePanel({"cosine": S, "twice": 2 * S}, TEXTS, IMAGES)
    same.next.click()
    assert "cosine and twice find the same first item for every query" in text(same)


@pytest.mark.parametrize("kind", ["text", "sound"])
def test_compare_of_other_kinds(kind):
    b = TEXTS if kind == "text" else (SOUNDS, 8000)
    p = ComparePanel({"cosine": S, "noisy": OTHER}, IMAGES, b, truth="diagonal", k=3)
    assert ("<audio" in html(p)) == (kind == "sound")
    assert p._repr_mimebundle_()[0]["image/png"]


def test_compare_wants_two():
    with pytest.raises(ValueError, match="at least two names"):
        ComparePanel({"cosine": S}, TEXTS, IMAGES)
    with pytest.raises(ValueError, match="different shapes"):
        ComparePanel({"cosine": S, "part": S[:3]}, TEXTS, IMAGES)
    with pytest.raises(ValueError, match="at least one query"):
        ComparePanel({"x": S[:0], "y": S[:0]}, [], IMAGES)
    for k in (-1, 0, 1.5, None):
        with pytest.raises(ValueError, match=f"k is {k}; want a whole number of at least 1"):
            ComparePanel({"x": S, "y": S}, TEXTS, IMAGES, k=k)


# ---- MapPanel


A = RNG.normal(size=(N, 8)).astype(np.float32)
B = A + RNG.normal(0, 0.7, A.shape).astype(np.float32)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_map_shows_the_nearest_and_the_rank_of_the_partner():
    p = MapPanel(A, B, TEXTS, IMAGES, truth="diagonal", sides=("words", "picture"))
    cosines = unit(A) @ unit(B).T
    for side, table in ((0, cosines), (1, cosines.T)):
        p.side.value = side
        for i in (3, 11):
            p.point.value = i
            order = np.argsort(-table[i])
            rank = int(np.flatnonzero(order == i)[0]) + 1
            assert f"{order[0]} ({table[i, order[0]]:.3f}), its own partner at rank {rank} of 40" in repr(p)
            other = Media(IMAGES, "b", N) if side == 0 else Media(TEXTS, "a", N)
            assert all(other.html(int(j)) in html(p) for j in order[:3])
    assert p.alt in html(p).replace("&#x27;", "'")
    assert p._repr_mimebundle_()[0]["image/png"]


def test_map_is_the_pca_of_both_sides():
    from sklearn.decomposition import PCA

    a, b = MapPanel(A, B, TEXTS, IMAGES).coordinates()
    both = np.vstack([unit(A), unit(B)])
    want = PCA(2, svd_solver="full").fit_transform(both)
    assert np.abs(np.vstack([a, b])) == pytest.approx(np.abs(want), abs=1e-4)


def test_map_by_tsne_is_computed_when_chosen_and_repeats():
    first, second = (MapPanel(A, B, TEXTS, IMAGES, seed=3) for _ in range(2))
    assert first._flat.cache_info().currsize == 1
    for p in (first, second):
        p.method.value = "t-SNE"
    assert "⚠" not in text(first)
    assert np.array_equal(np.vstack(first.coordinates()), np.vstack(second.coordinates()))
    assert "t-SNE map of 40 points" in first.alt


def test_map_ring_is_at_the_point():
    p = MapPanel(A, B, TEXTS, IMAGES, truth="diagonal")
    p.point.value = 5
    canvas = p._canvas("PCA")
    (x, y), *_ = canvas.pixels(0, *p.coordinates()[0][5])
    assert f'<circle cx="{x:g}" cy="{y:g}" r="13"' in html(p)


def test_map_with_unequal_sides_classes_and_no_truth():
    for truth in (None, (np.arange(N) % 3, np.arange(10) % 3), [(0, 0)]):
        p = MapPanel(A, B[:10], TEXTS, IMAGES[:10], truth=truth)
        p.side.value = 1
        assert p.point.max == 9
        p.side.value = 0
        assert p.point.max == 39
        assert "⚠" not in text(p)
    assert "without a partner" in repr(MapPanel(A, B, TEXTS, IMAGES, truth=[(1, 1)]))


def test_map_bad_input():
    with pytest.raises(ValueError, match="A has zero vectors in 40 of 40 rows"):
        MapPanel(A * 0, B, TEXTS, IMAGES)
    with pytest.raises(ValueError, match="B has 4 columns; want 8"):
        MapPanel(A, B[:, :4], TEXTS, IMAGES)
    with pytest.raises(ValueError, match="method is 'UMAP'; known: 'PCA', 't-SNE'"):
        MapPanel(A, B, TEXTS, IMAGES, method="UMAP")
    for options, message in (
        ({"k": -1}, "k is -1; want a whole number"),
        ({"seed": -1}, "seed is -1; want a whole number"),
        ({"sides": ("a",)}, "sides has 1 entries; want 2"),
    ):
        with pytest.raises(ValueError, match=message):
            MapPanel(A, B, TEXTS, IMAGES, **options)


# ---- SearchPanel


class Letters:
    """Counts letters: an encoder with ``transform``."""

    def transform(self, texts):
        out = np.array([[t.count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for t in texts], np.float32)
        if (out.sum(1) == 0).any():
            raise ValueError("texts has zero vectors")
        return out


NAMES = ["umbrella", "left arrow", "chess queen", "snowman", "black star"]


def search_panel(**kwargs):
    index = Index().add(Letters().transform(NAMES), ids=kwargs.pop("ids", None))
    return SearchPanel(index, Letters(), **({"items": IMAGES[:5], "captions": NAMES} | kwargs))


@pytest.mark.parametrize("ids", [None, [f"id{i}" for i in range(5)], [10, 20, 30, 40, 50]])
def test_search_shows_what_the_index_finds(ids):
    p = search_panel(k=3, ids=ids)
    assert p.hits is None
    assert "Type a few words" in text(p)
    p.query.value = "a queen of chess"
    want = p._index.search(Letters().transform(["a queen of chess"]), k=3)
    assert p.hits.ids.tolist() == want.ids.tolist()
    assert (
        repr(p) == f"SearchPanel(query='a queen of chess'): 3 hits, best {want.scores[0, 0]:.2f}: chess queen"
    )
    rows = [p._row[key] for key in want.ids[0].tolist()]
    assert [NAMES[r] for r in rows] == re.findall(r'<div class="mm-text">([^<]+)<', html(p))
    assert f'alt="{NAMES[rows[0]]}"' in html(p)
    assert p._repr_mimebundle_()[0]["image/png"]
    p.query.value = "  "
    assert p.hits is None
    assert repr(p) == "SearchPanel(query='  '): 0 hits"
    assert p._repr_mimebundle_()[0]["image/png"]


def test_search_says_what_went_wrong():
    p = search_panel(query="123")
    assert "⚠ ValueError: texts has zero vectors" in text(p)
    p.query.value = "star"
    assert "⚠" not in text(p)


def test_search_with_two_encoders_and_without_items():
    index = Index().add(Letters().transform(NAMES))
    p = SearchPanel(
        index, {"letters": Letters(), "backwards": lambda t: Letters().transform(t)[:, ::-1]}, query="star"
    )
    first = repr(p)
    p.encoder.value = "backwards"
    assert repr(p) != first


def test_search_bad_input():
    with pytest.raises(TypeError, match=r"encoders\['words'\] is 3; want an object with transform"):
        SearchPanel(Index().add(A), 3)
    with pytest.raises(ValueError, match="captions has 1 entries; want 5"):
        search_panel(captions=["x"])
    with pytest.raises(ValueError, match="items has 2 items and there are 5"):
        search_panel(items=IMAGES[:2])
    with pytest.raises(ValueError, match="encoders is an empty mapping"):
        SearchPanel(Index().add(A), {})
    with pytest.raises(ValueError, match="k is 0; want a whole number of at least 1"):
        search_panel(k=0)
    with pytest.raises(ValueError, match=r"captions has no text .*first: row 1"):
        search_panel(captions=["a", np.nan, "c", "d", "e"])
    with pytest.raises(TypeError, match="index is .*want a search.Index"):
        SearchPanel(A, Letters())


def test_items_may_come_from_a_table():
    """A column, its array of objects, its index, a categorical, a tuple: the same panel as for the list."""
    pd = pytest.importorskip("pandas")
    table, two = pd.DataFrame({"name": TEXTS}, index=range(100, 100 + N)), {"x": S, "y": OTHER}
    want = (
        repr(panel(b=TEXTS)),
        text(ComparePanel(two, TEXTS, TEXTS)),
        text(search_panel(items=NAMES, query="star")),
    )
    names = pd.Series(NAMES, index=[9, 8, 7, 6, 5])
    for make in (lambda s: s, lambda s: s.to_numpy(), pd.Index, pd.Categorical, tuple):
        column, few = make(table["name"]), make(names)
        shown = repr(panel(a=column, b=column)), text(ComparePanel(two, column, column))
        assert (*shown, text(search_panel(items=few, captions=few, query="star"))) == want


def test_a_dollar_in_a_panel_is_a_dollar():
    money = [f"${i} or ${i + 1}" for i in range(N)]
    for p in (
        panel(a=money, b=money, sides=("$a$", "$b$")),
        ComparePanel({"$x$": S, "$y$": OTHER}, money, money),
        MapPanel(A, B, money, money, sides=("$a$", "$b$")),
        search_panel(items=money[:5], captions=money[:5], query="star"),
    ):
        figure = p.figure()
        figure.canvas.draw()
        mine = [t for t in figure.findobj(matplotlib.text.Text) if "$" in t.get_text()]
        assert mine
        assert not any(t.get_parse_math() for t in mine)


# ---- all of them


@functools.cache
def every_panel():
    return [
        panel(),
        ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES, truth="diagonal"),
        MapPanel(A, B, TEXTS, IMAGES, truth="diagonal"),
        search_panel(query="star"),
    ]


def controls(widget):
    kinds = (ipywidgets.FloatSlider, ipywidgets.IntSlider, ipywidgets.BoundedFloatText, ipywidgets.BoundedIntText,
             ipywidgets.Dropdown, ipywidgets.Button, ipywidgets.Text)  # fmt: skip
    if isinstance(widget, kinds):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from controls(child)


def test_every_control_is_named_and_every_picture_has_words():
    for p in every_panel():
        found = list(controls(p))
        assert found
        for control in found:
            assert control.description
            assert control.tooltip
        shown = html(p)
        for tag in re.findall(r"<(?:img|svg|audio)\b[^>]*>", shown):
            assert re.search(r'(?:alt|aria-label)="[^"]+"', tag) or 'class="mm-picture" alt=""' in tag
        if 'class="mm-picture" alt=""' in shown:  # the lower layer is silent because the upper one speaks
            assert '<svg role="img" aria-label=' in shown
        assert len(p.alt) > 20


def test_only_value_widgets():
    def walk(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    for p in every_panel():
        assert not any(isinstance(w, (ipywidgets.Output, ipywidgets.Image)) for w in walk(p))


def test_figures_without_a_browser_leave_pyplot_alone():
    from matplotlib._pylab_helpers import Gcf

    for p in every_panel():
        p._repr_mimebundle_()
    assert not Gcf.figs
