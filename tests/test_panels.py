"""ThresholdPanel without a browser: what it sends is what the package computes, and nothing piles up."""

import base64
import functools
import gc
import io
import json
import math
import re
import shutil
import subprocess
import tracemalloc

import ipywidgets
import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from mmalign_nb import align
from mmalign_nb import threshold as rules
from mmalign_nb.datasets import Items
from mmalign_nb.panels import ThresholdPanel, instrument
from mmalign_nb.panels.media import Media
from mmalign_nb.panels.threshold import MODES

RNG = np.random.default_rng(0)
N = 40
S = RNG.normal(0.1, 0.12, (N, N)).astype(np.float32)
S[np.arange(N), np.arange(N)] += 0.35
TEXTS = [f"item {i}" for i in range(N)]
IMAGES = RNG.integers(0, 255, (N, 16, 16, 3), dtype=np.uint8)
SOUNDS = (RNG.random((N, 800)) - 0.5).astype(np.float32)


def panel(**kwargs):
    return ThresholdPanel(**({"scores": S, "a": TEXTS, "b": IMAGES, "truth": "diagonal"} | kwargs))


def expected(mode, t):
    """The package's answer, asked directly: best score − score are the distances of "min"."""
    return getattr(align, f"{'max' if mode == 'min' else mode}_match")(S, t)


def unpack(sent):
    return np.frombuffer(sent["data"], sent["dtype"]).reshape(sent["shape"])


def at(sent, t, scores=None):
    """What the page keeps at a line: the pairs between whose ends it lies; of every pair above only the order is sent."""
    if "order" in sent:
        i, j = np.divmod(unpack(sent["order"]), N if scores is None else scores.shape[1])
        keep = (S if scores is None else scores)[i, j] >= t
        return sorted(zip(i[keep].tolist(), j[keep].tolist(), strict=True))
    i, j, upper, lower = (unpack(sent[k]) for k in ("i", "j", "upper", "lower"))
    keep = (lower < t) & (t <= upper)
    return sorted(zip(i[keep].tolist(), j[keep].tolist(), strict=True))


@functools.cache
def _one():
    return panel()


def shared():
    """One panel for the tests that only turn its knobs."""
    p = _one()
    p.mode.value = "max"
    return p


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("t", [-0.3, 0.2, 0.37, 0.7])
def test_what_is_sent_is_what_the_package_computes(mode, t):
    p = shared()
    p.mode.value, p.threshold.value = mode, t
    kept = expected(mode, t)
    assert p.matches.pairs.tolist() == kept.pairs.tolist()
    assert at(p._sent_path("score", mode), t) == sorted(map(tuple, kept.pairs.tolist()))
    sent = p._sent_path("score", mode)
    assert (sent["total"], sent["exact"]) == (N, True)


def test_every_line_where_the_matching_changes_is_sent():
    for mode in set(MODES) - {"threshold"}:
        sent = shared()._sent_path("score", mode)
        for t in np.unique(
            np.concatenate([unpack(sent["upper"]), unpack(sent["lower"])[np.isfinite(unpack(sent["lower"]))]])
        ):
            assert at(sent, t) == sorted(map(tuple, expected(mode, float(t)).pairs.tolist())), (mode, t)


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
        report = expected("max", t).evaluate("diagonal")
        seen.add(p.alt)
        assert f"with {report['tp'] + report['fp']} chosen pair" in p.alt
        assert f"{report['tp']} right and {report['fp']} wrong" in p.alt
        assert f"threshold at {t:.2f}" in p.alt
    assert len(seen) == 3


@pytest.mark.parametrize("exact", [0.2512345678, 0.255, 0.1 + 0.2])
def test_an_exact_threshold_stays_exact(exact):
    p = shared()
    p.threshold.value = exact
    assert p.threshold.value == exact
    assert p.get_state("_threshold")["_threshold"] == exact


@pytest.mark.parametrize("value", [99, -99, np.nan])
def test_a_threshold_outside_the_scores_is_refused_and_nothing_moves(value):
    p = shared()
    p.threshold.value = 0.3
    with pytest.raises(ValueError, match="threshold is"):
        p.threshold.value = value
    assert p.threshold.value == 0.3


def test_the_page_and_the_next_cell_turn_the_same_knob():
    p, heard = panel(), []
    p.threshold.observe(lambda change: heard.append(change["new"]))
    p.set_state({"_threshold": 0.25, "_mode": "greedy"})  # what a page sends
    assert (p.threshold.value, p.mode.value, heard) == (0.25, "greedy", [0.25])
    assert p.matches.pairs.tolist() == expected("greedy", 0.25).pairs.tolist()
    with pytest.raises(ValueError, match="mode is 'best'; known"):
        p.mode.value = "best"


@pytest.mark.parametrize("unit", [1.0, 1e-8, 1e6])
def test_digits_follow_the_range(unit):
    p = panel(scores=S.astype(float) * unit, threshold=0.3 * unit)
    words = re.search(r"threshold=(\S+), mode", repr(p))[1]
    assert float(words) == pytest.approx(0.3 * unit, rel=0.01)
    assert len(words) <= 10
    assert 100 <= (p.range.max - p.range.min) / p.range.step <= 300


def test_no_silent_threshold():
    p = panel()
    assert p.threshold.value == p.range.min <= S.min()
    assert len(p.matches) == N


def test_start_with_a_threshold_object():
    class Chosen:
        abstained = False

        def __float__(self):
            return 0.31

    assert panel(threshold=Chosen()).threshold.value == 0.31
    Chosen.abstained = True
    p = panel(threshold=Chosen())
    assert p.threshold.value == p.range.min
    assert (
        panel(threshold=5).threshold.value == 5 < panel(threshold=5).range.max
    )  # the slider reaches what was asked for


def test_two_measures_keep_the_share_of_pairs():
    p = panel(scores={"cosine": S, "tenfold": 10 * S})
    p.threshold.value = 0.3
    kept = p.matches.pairs
    p.measure.value = "tenfold"
    assert p.threshold.value == pytest.approx(3.0, abs=0.15)
    assert p.range.max >= 10 * S.max()
    assert len(p.matches) == pytest.approx(len(kept), abs=1)
    assert "measure='tenfold'" in repr(p)


def test_best_f1_counts_the_right_pairs_that_the_matching_never_proposes():
    scores = np.diag([0.9, 0.8, 0.7, 0.6, 0.5])
    truth = [(0, 0), (4, 4), (1, 0), (2, 0), (3, 0)]
    p = ThresholdPanel(scores, TEXTS[:5], TEXTS[:5], truth, mode="nearest")
    # F1 = 4 / 10; counting only what is proposed, 0.9 with 2 / 3 would win over 4 / 7
    assert float(p.suggest()) == p.threshold.value == 0.5


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
    p.rule.value = label
    p.suggest()
    if mode == "threshold":
        scores, right = S, "diagonal"
    else:
        pairs = getattr(align, f"{mode}_match")(S).pairs
        scores, right = S[tuple(pairs.T)], pairs[:, 0] == pairs[:, 1]
    more = {"target": 0.6, "delta": 0.1} if rule == "for_precision" else {"total": N}
    chosen = getattr(rules, rule)(scores, right, **more)
    said, sent = p._said["words"], p._sent_path("score", mode)["suggest"][label]
    assert sent["words"] == said
    if chosen.abstained:
        assert p.threshold.value == p.range.min
        assert sent["value"] is None
        assert f"{label}: abstains, the threshold stays where it was, because " in said
    else:
        assert p.threshold.value == sent["value"] == float(chosen)
        assert f"{label}: {float(chosen):.2f}, which keeps {chosen.coverage:.0%} of" in said
        assert chosen.guarantee in said
    assert chosen.warning in said


@pytest.mark.parametrize("mode", ["max", "min"])
def test_best_f1_of_a_gated_matching_is_beaten_by_no_line(mode):
    """The gate changes which pairs there are, so the best line among the ungated pairs need not be the best."""
    rng = np.random.default_rng(7)
    scores = rng.normal(0, 1, (22, 22))
    scores[np.arange(9), np.arange(9)] += 2.2
    truth = np.eye(22, dtype=bool) & (np.arange(22) < 9)
    p = ThresholdPanel(scores, TEXTS[:22], TEXTS[:22], truth=truth, mode=mode, cards=0)
    p.suggest()
    suggested, said = p.matches.evaluate(truth)["f1"], p._said["words"]
    assert f"best F1: {p.range.words(p.threshold.value)}, which keeps " in said
    assert f"{len(p.matches) / 22:.0%} of 22 candidates" in said
    f1 = [align.max_match(scores, t).evaluate(truth)["f1"] for t in np.unique(scores)]
    assert suggested >= np.nanmax(f1)
    pairs = align.max_match(scores).pairs
    naive = rules.best_f1(scores[tuple(pairs.T)], truth[tuple(pairs.T)], total=9)
    assert suggested > align.max_match(scores, naive).evaluate(truth)["f1"]


def test_abstaining_is_said_in_words_and_moves_nothing():
    p = panel(target=0.99, delta=0.01)
    p.threshold.value = 0.3
    p.rule.value = "precision ≥ 0.99"
    assert p.suggest().abstained
    assert p.threshold.value == 0.3
    assert (
        "precision ≥ 0.99: abstains, the threshold stays where it was, because 40 labelled candidates"
        in p._said["words"]
    )


@pytest.mark.parametrize("many", [False, True])
def test_suggest_without_labels(many):
    decoys = RNG.normal(0.1, 0.12, (N, 20)).astype(np.float32)
    p = panel(truth=None, decoys=decoys if many else decoys.max(1), target=0.8)
    assert p._data["rules"] == [("FDR ≤ 0.2, no labels", "for_fdr")]
    p.suggest()
    chosen = rules.for_fdr(S.max(1), decoys.max(1), target=0.2)
    assert p.threshold.value == float(chosen)
    assert f"FDR ≤ 0.2, no labels: {float(chosen):.2f}" in p._said["words"]
    assert chosen.guarantee in p._said["words"]


def test_decoys_belong_to_a_measure():
    p = panel(scores={"x": S, "y": 2 * S}, decoys={"x": S.max(1) - 0.1}, truth=None)
    p.measure.value = "y"
    assert "decoys are missing for this measure" in p._sent_path("y", "max")["suggest"][p.rule.value]["words"]
    with pytest.raises(ValueError, match="decoys are missing for this measure"):
        p.suggest()


def test_without_truth_nothing_is_called_right():
    p = panel(truth=None, threshold=0.3)
    assert p._data["truthOf"] is None
    assert p._data["rules"] == []
    with pytest.raises(ValueError, match="there is no rule to ask"):
        p.suggest()
    assert (
        repr(p)
        == f"ThresholdPanel(threshold=0.30, mode='max'): {len(expected('max', 0.3))} pairs kept of 40 × 40"
    )
    assert len(p.figure().axes) == 2


def test_the_pool_of_a_labelling_comes_with_a_promise_at_every_line():
    pool = align.nearest_match(S)
    labelling = rules.Labelling(pool, 0.5, seed=1)
    for _ in range(30):
        if (asked := labelling.ask()) is not None:
            labelling.answer(asked[0] == asked[1])
    p = panel(labelling=labelling, truth=None)
    assert p.mode.value == "pool"
    lines, bounds = (unpack(p._data["promise"][k]) for k in ("lines", "bounds"))
    assert lines.tolist() == sorted(set(pool.scores.astype(float).tolist()), reverse=True)
    for t in (0.0, 0.25, 0.4, float(pool.scores[3])):
        p.threshold.value = t
        kept = pool.scores >= np.float32(t)
        assert p.matches.pairs.tolist() == pool.pairs[kept].tolist()
        assert at(p._sent_path("score", "pool"), t) == sorted(map(tuple, pool.pairs[kept].tolist()))
        assert bounds[lines >= t][-1] == pytest.approx(labelling.bound(t), nan_ok=True)
    with pytest.raises(TypeError, match="sequence of scores"):
        panel(labelling=rules.Labelling(S[0]))
    for other in (
        align.min_match(1 - S),
        align.nearest_match(S[:5]),
    ):  # distances fall where scores rise; another table
        with pytest.raises(ValueError, match="labelling has a pool of .*want scores of"):
            panel(labelling=rules.Labelling(other))


@pytest.mark.parametrize("shape", [(40, 7), (1, 1), (3, 300)])
def test_rectangular(shape):
    n, m = shape
    scores = RNG.normal(size=shape)
    p = ThresholdPanel(scores, [str(i) for i in range(n)], [str(j) for j in range(m)], truth=[(0, 0)])
    for t in (p.range.min, (p.range.min + p.range.max) / 2, p.range.max):
        p.threshold.value = t
        assert len(p.matches) == len(align.max_match(scores, t)) == len(at(p._sent_path("score", "max"), t))
    assert p._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize(("shape", "truth"), [((0, 0), []), ((0, 5), None), ((5, 0), [])])
def test_empty(shape, truth):
    n, m = shape
    p = ThresholdPanel(np.zeros(shape), TEXTS[:n], TEXTS[:m], truth=truth)
    for mode in MODES:
        p.mode.value = mode
        assert f"0 pairs kept of {n} × {m}" in repr(p)
        assert at(p._sent_path("score", mode), 0.5, np.zeros(shape)) == []
    assert p._repr_mimebundle_()[0]["image/png"]
    assert json.loads(_told(p))


def test_ties_and_never():
    scores = np.full((4, 4), 0.5)
    scores[0, 0] = -np.inf
    p = ThresholdPanel(scores, TEXTS[:4], TEXTS[:4], truth="diagonal", mode="threshold", threshold=0.5)
    assert len(p.matches) == 15  # a score at the line is kept, and -inf never
    for mode in MODES:
        p.mode.value = mode
        assert [0, 0] not in p.matches.pairs.tolist()


def test_a_large_matching_is_computed_at_some_lines_and_says_so(monkeypatch):
    monkeypatch.setattr("mmalign_nb.panels.threshold._EXACT", 10)
    p = panel()
    sent = p._sent_path("score", "max")
    assert not sent["exact"]
    lines = np.unique(unpack(sent["upper"]))
    assert 10 < len(lines) <= 48
    for t in (
        lines
    ):  # at the lines themselves it is exact; between two of them the pairs of the stricter one are shown
        assert at(sent, t) == sorted(map(tuple, expected("max", float(t)).pairs.tolist()))
    p.threshold.value = t = float(lines[5] + lines[6]) / 2
    assert at(sent, t) == at(sent, lines[6])
    assert p.matches.pairs.tolist() == expected("max", t).pairs.tolist()  # Python is exact everywhere


def test_errors_in_callbacks_are_read_in_the_panel():
    p = panel(threshold=0.3)
    broken = [True]

    def handler(change):
        if broken:
            raise RuntimeError("my callback <broke>")

    p.threshold.observe(handler)
    p.threshold.value = 0.4
    assert p._said["words"] == "RuntimeError: my callback <broke>"
    assert repr(p) == "ThresholdPanel(error: RuntimeError: my callback <broke>)"
    broken.clear()
    p.threshold.value = 0.41
    assert "error" not in repr(p)
    p._hear(None, {"path": "0/nonsense", "id": 1}, [])  # what a page asks for is input, too
    assert "mode is 'nonsense'" in p._said["words"]


def test_what_the_page_asks_for_is_there_when_the_answer_is(monkeypatch):
    p, sent = panel(), []
    monkeypatch.setattr(p, "send", lambda content, buffers=None: sent.append((content, dict(p._fresh))))
    p._hear(None, {"path": "0/greedy", "id": 7}, [])
    ((content, fresh),) = sent
    assert content == {"id": 7}
    assert at(fresh, 0.2) == sorted(map(tuple, expected("greedy", 0.2).pairs.tolist()))


def test_a_hundred_panels_leave_nothing_behind():
    from matplotlib._pylab_helpers import Gcf

    def some(n):
        for _ in range(n):
            p = panel(scores=S[:5, :5], a=TEXTS[:5], b=IMAGES[:5])
            p.threshold.value = 0.3
            p.close()
            del p

    def count():
        gc.collect()
        kinds = (matplotlib.figure.Figure, ThresholdPanel)
        return (
            [sum(isinstance(x, kind) for x in gc.get_objects()) for kind in kinds],
            len(Gcf.figs),
            len(ipywidgets.widget._instances),
        )

    some(20)
    before = count()
    tracemalloc.start()
    try:
        some(40)
        gc.collect()
        first, _ = tracemalloc.get_traced_memory()
        some(40)
        gc.collect()
        second, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count() == before
    assert second - first < 22_000


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
        ({"captions": (TEXTS[:3], None)}, ValueError, "captions of a has 3 entries; want 40"),
        ({"mode": "pool"}, ValueError, "mode is 'pool'; known: 'max', 'min'"),
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


# ---- items


def test_items_of_every_kind_can_be_sent():
    video = RNG.integers(0, 255, (2, 4, 8, 8, 3), dtype=np.uint8)
    items = Items(ids=["x", "y"], text=["<b>a cat</b> {name}", "dog"], image=IMAGES[:2], audio=SOUNDS[:2],
                  sample_rate=8000, video=video, fps=12.0)  # fmt: skip
    sent = {m: Media((items, m), "a", 2).sent() for m in ("text", "image", "audio", "video")}
    assert sent["text"]["texts"] == ["<b>a cat</b> {name}", "dog"]
    sheet = np.asarray(Image.open(io.BytesIO(sent["image"]["sheets"][0])))
    assert (sheet[:16, 16:32] == IMAGES[1]).all()
    assert np.abs(unpack(sent["audio"]["samples"]) / 32767 - SOUNDS[:2]).max() < 1e-4
    assert sent["audio"]["rate"] == 8000
    frames = np.asarray(Image.open(io.BytesIO(sent["video"]["sheets"][0])))
    cell, columns = 1 * 4 + 2, sent["video"]["columns"]  # item 1, frame 2
    y, x = divmod(cell, columns)
    assert (frames[8 * y : 8 * y + 8, 8 * x : 8 * x + 8] == video[1, 2]).all()
    assert (sent["video"]["frames"], sent["video"]["fps"]) == (4, 12.0)
    assert Media(IMAGES[:2], "a", 2, ["one", "two"]).words(1) == "two"


def test_many_pictures_go_on_several_sheets_of_bounded_size():
    many = RNG.integers(0, 255, (300, 200, 150), dtype=np.uint8)
    sent = Media(many, "a", 300).sent()
    per = sent["columns"] * sent["rows"]
    assert len(sent["sheets"]) == math.ceil(300 / per) > 1
    for i in (0, per - 1, per, 299):
        sheet = Image.open(io.BytesIO(sent["sheets"][i // per]))
        assert max(sheet.size) <= 2048
        y, x = divmod(i % per, sent["columns"])
        assert (np.asarray(sheet)[200 * y : 200 * (y + 1), 150 * x : 150 * (x + 1)] == many[i]).all()


def test_items_may_come_from_a_table():
    """A column, its array of objects, its index, a categorical, a tuple: the same panel as for the list."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"name": TEXTS}, index=range(100, 100 + N))
    for make in (lambda s: s, lambda s: s.to_numpy(), pd.Index, pd.Categorical, tuple):
        p = panel(a=make(table["name"]), b=make(table["name"]), captions=(make(table["name"]), None))
        assert (repr(p), p._data["b"]["texts"], p._data["a"]["names"]) == (repr(panel(b=TEXTS)), TEXTS, TEXTS)


def test_a_dollar_in_a_panel_is_a_dollar():
    money = [f"${i} or ${i + 1}" for i in range(N)]
    figure = panel(a=money, b=money, sides=("$a$", "$b$")).figure()
    figure.canvas.draw()
    mine = [t for t in figure.findobj(matplotlib.text.Text) if "$" in t.get_text()]
    assert mine
    assert not any(t.get_parse_math() for t in mine)


# ---- pages and modules


def _told(p):
    """The data that a page holds."""
    return re.search(r'<script type="application/json">(.*?)</script>', p._living(), re.S)[1]


def test_a_page_holds_the_data_and_nothing_else(tmp_path):
    nasty = [
        "</script><img src=x onerror=alert(1)>",
        "\u2028 line",
        "<!-- </main>",
        "\"quotes\" & 'more'",
        *TEXTS[4:],
    ]
    p = panel(a=nasty, b=nasty, sides=("<b>a</b>", "b"), threshold=0.3)
    p.save_html(path := tmp_path / "page.html", title="<i>title</i>")
    page = path.read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "<i>title" not in page
    assert page.count("</script>") == page.count("<script") == 3
    held = json.loads(_told(p))
    assert held["_data"]["a"]["texts"] == nasty
    assert held["_threshold"] == 0.3
    assert sorted(held["_paths"]) == sorted(f"0/{mode}" for mode in MODES)
    upper = np.frombuffer(base64.b64decode(held["_paths"]["0/nearest"]["upper"]["data"]["base64"]))
    assert upper.tolist() == unpack(p._sent_path("score", "nearest")["upper"]).tolist()
    assert not re.search(r"https?://", page.replace("http://www.w3.org", ""))


def test_a_page_is_written_in_one_act(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(TypeError, match="title is 3; want a str"):
        panel().save_html(path, title=3)
    assert path.read_text() == "before"


def test_notebooks_store_no_state_and_books_get_a_living_part(monkeypatch):
    p = panel(threshold=0.3)
    assert sorted(p._repr_mimebundle_()[0]) == [
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    ]
    monkeypatch.setenv("MMALIGN_NB_LIVE", "1")
    assert p._repr_mimebundle_()[0]["application/vnd.mmalign-nb.panel"] == p._living()


def test_the_joined_module_imports_nothing_and_is_sound(tmp_path):
    module = instrument.module()
    assert not re.search(r"^import |(?<!\{)import\(|require\(|innerHTML|eval\(", module, re.M)
    assert len(re.findall(r"^export default", module, re.M)) == 1
    assert "</script" not in module
    if (node := shutil.which("node")) is None:
        pytest.skip("no node to check the syntax")
    (tmp_path / "module.mjs").write_text(module, encoding="utf-8")
    subprocess.run([node, "--check", tmp_path / "module.mjs"], check=True)


def test_only_values_no_output_widgets():
    p = panel()
    assert not hasattr(p, "children")
    assert len(p.alt) > 20
    from matplotlib._pylab_helpers import Gcf

    p._repr_mimebundle_()
    assert not Gcf.figs
