"""Figures show what they were given, keep nothing, and say it in words too."""

import base64
import functools
import io
import os
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from mmalign_nb import plots
from mmalign_nb.align import max_match

RNG = np.random.default_rng(0)
S = RNG.normal(size=(30, 20)).astype(np.float32)
IMAGES = RNG.integers(0, 255, (10, 16, 16, 3), dtype=np.uint8)
SOUNDS = (0.5 * np.sin(2 * np.pi * np.array([[500.0], [2000.0]]) * np.arange(8000) / 8000)).astype(np.float32)
CURVES = {
    "ridge": ([10, 100, 1000], [0.1, 0.2, 0.4]),
    "cca": ([10, 100, 1000], [0.2, 0.3, 0.5], [0.1] * 3, [0.6] * 3),
}

FIGURES = {
    "heatmap": lambda: plots.similarity_heatmap(S, max_match(S), truth=[(0, 0)], title="scores"),
    "small heatmap": lambda: plots.similarity_heatmap(
        S[:3, :4], [(0, 1), (2, 2)], truth=[(0, 1)], labels_a=["one", "two", "three"], labels_b=list("☂←☃♛")
    ),
    "no pairs": lambda: plots.similarity_heatmap(S, np.empty((0, 2), int)),
    "histogram": lambda: plots.score_histogram(S, 0.5, [(i, i) for i in range(20)], title="scores"),
    "one score": lambda: plots.score_histogram([0.5]),
    "precision": lambda: plots.precision_recall({"a": ([1.0, 0.5], [0.5, 1.0])}, (0.5, 1.0), title="quality"),
    "gallery": lambda: plots.items_grid(
        IMAGES, [f"picture {i} with a rather long name" for i in range(10)], title="x"
    ),
    "grey gallery": lambda: plots.items_grid(IMAGES[..., 0], columns=4),
    "neighbours": lambda: plots.neighbours(
        ["one", "two"],
        IMAGES,
        [[0, 1, 2], [3, 4, 5]],
        S[:2, :3],
        S[:2, :3] > 0,
        gallery_captions=["name"] * 10,
    ),
    "text neighbours": lambda: plots.neighbours(
        IMAGES[:2], ["cat", "dog", "a cow"], [[0, 1], [2, 0]], title="x"
    ),
    "map": lambda: plots.embedding_map(S[:, :2], S[:10, 2:4], [(0, 0), (1, 1)], title="map"),
    "curves": lambda: plots.learning_curves(CURVES, chance=0.05, title="few pairs"),
    "spectrograms": lambda: plots.spectrograms(SOUNDS, 8000, ["low", "high"], title="sounds"),
}


@functools.cache
def picture(name):
    return plots.Picture(FIGURES[name](), alt=name)


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off(name):
    pixels = np.asarray(Image.open(io.BytesIO(picture(name).png)).convert("L"))
    rim = np.concatenate(
        [pixels[:2].ravel(), pixels[-2:].ravel(), pixels[:, :2].ravel(), pixels[:, -2:].ravel()]
    )
    assert (rim == 255).all()  # what is cut off leaves ink at the edge
    assert (pixels < 128).mean() > 0.001  # and something is drawn at all


def test_the_look_at_the_rim_would_see_a_cut_label():
    figure = FIGURES["curves"]()
    figure.axes[0].text(
        1.0, 0.5, "a label that goes on and on beyond the right edge " * 3, clip_on=False, in_layout=False
    )
    with pytest.raises(AssertionError):
        pixels = np.asarray(Image.open(io.BytesIO(plots.Picture(figure, alt="x").png)).convert("L"))
        assert (pixels[:, -2:] == 255).all()


def test_no_state_is_kept():
    from matplotlib._pylab_helpers import Gcf

    before = dict(mpl.rcParams)
    FIGURES["curves"]()
    with pytest.raises(ValueError, match="a has 20 columns"):
        plots.embedding_map(S, S)
    assert dict(mpl.rcParams) == before

    assert not Gcf.figs


def test_small_matrix_shows_its_numbers_and_frames_right_and_wrong_differently():
    figure = FIGURES["small heatmap"]()
    ax = figure.axes[0]
    assert {t.get_text() for t in ax.texts} == {f"{v:.2f}" for v in S[:3, :4].ravel()}
    right, wrong = ax.patches
    assert (right.get_linestyle(), wrong.get_linestyle()) == ("-", "--")
    assert right.get_edgecolor() != wrong.get_edgecolor()
    assert (right.get_x() + 0.46, right.get_y() + 0.46) == pytest.approx((1, 0))


def test_large_matrix_marks_each_pair_where_it_is():
    figure = plots.similarity_heatmap(S, [(3, 4), (5, 6), (7, 8)], truth=[(3, 4), (7, 8)])
    right, wrong = figure.axes[0].collections
    assert right.get_offsets().tolist() == [[4, 3], [8, 7]]
    assert wrong.get_offsets().tolist() == [[6, 5]]
    assert right.get_paths()[0].vertices.shape != wrong.get_paths()[0].vertices.shape  # a disc and a cross
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["right (2)", "wrong (1)"]


def test_histogram_counts_every_finite_score_once():
    scores = S.copy()
    scores[0, 0] = -np.inf
    figure = plots.score_histogram(scores, 0.5)
    ax = figure.axes[0]
    assert sum(p.get_data().values.sum() for p in ax.patches) == scores.size - 1
    assert ax.lines[0].get_xdata() == [0.5, 0.5]


def test_histogram_with_truth_shows_shares():
    figure = plots.score_histogram(S, truth=[(i, i) for i in range(20)])
    other, right = figure.axes[0].patches
    assert other.get_data().values.sum() == pytest.approx(1)
    assert right.get_data().values.sum() == pytest.approx(1)
    assert right.get_hatch()


def test_an_abstaining_threshold_draws_no_line():
    class Abstains:
        abstained = True

    assert not plots.score_histogram(S, Abstains()).axes[0].lines


def test_lines_differ_by_more_than_colour():
    lines = plots.learning_curves({n: ([1, 2], [0, 1]) for n in "abcdefg"}).axes[0].lines
    for look in (
        lambda x: x.get_marker(),
        lambda x: repr(x.get_linestyle()) + repr(x._unscaled_dash_pattern),
    ):
        assert len({look(line) for line in lines}) == 7


def test_neighbours_say_right_and_wrong_by_sign_colour_and_line():
    figure = plots.neighbours(["x"], IMAGES, [[0, 1]], [[0.9, 0.1]], [[True, False]])
    _, right, wrong = figure.axes
    assert (right.get_title(), wrong.get_title()) == ("✓ 0.90", "✗ 0.10")
    assert right.title.get_color() != wrong.title.get_color()
    assert right.spines["left"].get_linestyle() != wrong.spines["left"].get_linestyle()


def test_spectrogram_finds_the_pitch():
    figure = plots.spectrograms(SOUNDS, 8000)
    for ax, hertz in zip(figure.axes, (500, 2000), strict=True):
        level = np.asarray(ax.images[0].get_array())
        top = level[:, level.shape[1] // 2].argmax() / (level.shape[0] - 1) * 4000
        assert top == pytest.approx(hertz, abs=40)


def test_picture_shows_png_and_words():
    picture = plots.Picture(FIGURES["curves"](), alt="  Five\n  curves. ")
    data, meta = picture._repr_mimebundle_()
    assert data["text/plain"] == repr(picture) == "Picture: Five curves."
    assert meta == {"image/png": {"alt": "Five curves."}}
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size == picture.figure.canvas.get_width_height()
    assert set(data) == {"text/plain", "image/png"}  # no HTML: tests would compare its bytes


def test_the_words_survive_where_a_picture_is_shown(monkeypatch):
    """JupyterLab and nbconvert's usual template ignore alt in metadata: the words stand below as well, as plain HTML."""
    import IPython.display
    import nbconvert
    import nbformat

    shown = []
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda data, metadata=None, raw=False: shown.append((data, metadata or {})),
    )
    plots.Picture(FIGURES["curves"](), alt="Curves <b>& more</b>.")._ipython_display_()
    (picture, meta), (words, _) = shown
    assert picture["text/plain"] == "Picture: Curves <b>& more</b>."
    assert meta["image/png"] == {"alt": "Curves <b>& more</b>."}
    assert "Curves &lt;b&gt;&amp; more&lt;/b&gt;." in words["text/html"]
    outputs = [nbformat.v4.new_output("display_data", data=d, metadata=m) for d, m in shown]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("picture", outputs=outputs)])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nb)
    assert "Curves &lt;b&gt;&amp; more&lt;/b&gt;." in page


def test_pictures_are_small_enough_for_a_chapter():
    for name in FIGURES:
        assert len(picture(name).png) < 60_000, name


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plots.Picture(FIGURES["curves"](), alt=" "), ValueError, r"alt is ' '; want words"),
        (lambda: plots.Picture("figure", alt="x"), TypeError, r"figure is str 'figure'; want a matplotlib Figure"),
        (lambda: plots.similarity_heatmap(S, labels_a=["x"]), ValueError, "labels_a has 1 entries; want 30"),
        (lambda: plots.similarity_heatmap(S, [1, 2, 3]), ValueError, r"pairs is .*; want whole numbers \(k, 2\)"),
        (lambda: plots.similarity_heatmap(S[0]), ValueError, "scores has shape"),
        (lambda: plots.similarity_heatmap(S * np.nan), ValueError, "scores has NaN in 30 of 30 rows"),
        (lambda: plots.score_histogram([0.1, 0.2], truth=[True]), ValueError, "scores has 2 rows and truth has 1"),
        (lambda: plots.precision_recall(([1.0], [0.5, 1.0])), ValueError, "precision has 1 rows and recall has 2"),
        (lambda: plots.items_grid(["text"]), TypeError, "images is text"),
        (lambda: plots.items_grid(IMAGES, ["one"]), ValueError, "captions has 1 entries; want 10"),
        (lambda: plots.neighbours(["x"], IMAGES, [0, 1]), ValueError, r"ids is .*; want whole numbers \(q, k\)"),
        (lambda: plots.neighbours(["x"], IMAGES, [[0]], [[1, 2]]), ValueError, r"scores has shape \(1, 2\); want \(1, 1\)"),
        (lambda: plots.embedding_map(S, S), ValueError, "a has 20 columns; want 2"),
        (lambda: plots.spectrograms(IMAGES, 8000), TypeError, "audio has dtype uint8"),
        (lambda: plots.spectrograms(SOUNDS, 0), ValueError, "sample_rate is 0; want the samples per second"),
        (lambda: plots.spectrograms(SOUNDS, 8000, columns=0), ValueError, "columns is 0; want a whole number"),
        (lambda: plots.items_grid(IMAGES, columns=-1), ValueError, "columns is -1; want a whole number"),
        (lambda: plots.items_grid(IMAGES[:2], ["one", None]), ValueError, r"captions has no text .*first: row 1"),
        (lambda: plots.items_grid(IMAGES[:1], [os.fsdecode(b"caf\xe9.jpg")]), ValueError, "captions has in row 0 'caf.*no Unicode text"),
        (lambda: plots.neighbours(["x"], IMAGES, [[-1]]), ValueError, "ids has -1; want rows of the gallery, 0 … 9"),
        (lambda: plots.neighbours(["x"], IMAGES, [[10]]), ValueError, "ids has 10; want rows of the gallery, 0 … 9"),
        (lambda: plots.neighbours(["x"], IMAGES, [[0]], right=[[2]]), ValueError, "right is .*; want bool"),
        (lambda: plots.neighbours(["x"], IMAGES, [[0]], right=[[None]]), ValueError, "right has missing values"),
        (lambda: plots.neighbours(["x"], IMAGES, [[0]], [[np.nan]]), ValueError, "scores has NaN in 1 of 1 rows"),
        (lambda: plots.similarity_heatmap(S, [(0, -1)]), ValueError, r"pairs has \[0, -1\]; want .* within 30 × 20"),
        (lambda: plots.similarity_heatmap(S, [(0, 20)]), ValueError, r"pairs has \[0, 20\]; want .* within 30 × 20"),
        (lambda: plots.similarity_heatmap(S, sides=("a",)), ValueError, "sides has 1 entries; want 2"),
        (lambda: plots.similarity_heatmap(S, sides="ab"), TypeError, "sides is one str 'ab'"),
        (lambda: plots.similarity_heatmap(S, title=None), TypeError, "title is None; want a str"),
        (lambda: plots.score_histogram([0.1, 0.2], truth=[True, np.nan]), ValueError, "truth is .*; want bool, one per score"),
        (lambda: plots.score_histogram([0.1, np.nan]), ValueError, "scores has NaN in 1 of 2 rows"),
        (lambda: plots.score_histogram([0.1], threshold=np.nan), ValueError, "threshold is NaN"),
        (lambda: plots.precision_recall(3), TypeError, "curves is 3; want a Sweep"),
        (lambda: plots.precision_recall(([1.0], [0.5]), (1,)), ValueError, "point is .*; want 2 numbers"),
        (lambda: plots.learning_curves({"x": ([1, 2], [1])}), ValueError, "y is .*; want 2 finite numbers"),
        (lambda: plots.learning_curves({"x": ([0, 2], [1, 1])}), ValueError, "curves has x of 0 or below"),
        (lambda: plots.embedding_map(S[:, :2], S[:, 2:4], [(30, 0)]), ValueError, r"pairs has \[30, 0\]"),
        (lambda: plots.new_figure(0, 1), ValueError, "width is 0; want a number above 0"),
        (lambda: plots.score_histogram([0.1], truth=3), ValueError, "truth is .*; want bool, one per score"),
        (lambda: plots.learning_curves([1, 2]), TypeError, "curves is list .*; want a mapping"),
        (lambda: plots.items_grid(IMAGES, title=IMAGES), TypeError, "title is uint8 array .*; want a str"),
        (lambda: plots.matchings(S, [S]), ValueError, "matches is list .*; want a mapping"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def drawn(figure):
    """The figure's pixels, and a failure if anything was said on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = plots.Picture(figure, alt="x").png
        out = io.BytesIO()
        figure.savefig(out, format="png")  # as a reader would
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def words_in(figure):
    figure.canvas.draw()
    return [t for t in figure.findobj(mpl.text.Text) if t.get_text()]


@pytest.mark.parametrize("text", ["$x^2$ and $y$", "costs $5 or $6", r"\frac{1}{2} $", "$$", "a_b^c"])
def test_a_dollar_is_a_dollar(text):
    """Wherever the reader's own words stand: nothing is read as a formula, nothing fails."""
    figures = [
        plots.items_grid(IMAGES[:1], [text], title=text),
        plots.neighbours([text], [text], [[0]], gallery_captions=[text], title=text),
        plots.similarity_heatmap([[1.0]], labels_a=[text], labels_b=[text], sides=(text, text), title=text),
        plots.score_histogram([0.1], title=text),
        plots.precision_recall({text: ([1.0], [1.0])}, (1.0, 1.0), point_label=text, title=text),
        plots.learning_curves({text: ([1, 2], [1, 2])}, xlabel=text, ylabel=text, title=text),
        plots.embedding_map(S[:2, :2], S[:2, :2], sides=(text, text), title=text),
        plots.spectrograms(SOUNDS[:1], 8000, [text], title=text),
        plots.matchings([[1.0]], {text: [(0, 0)]}, sides=(text, text)),
    ]
    for figure in figures:
        figure.set_dpi(40)  # what is read as a formula is so at any size
        mine = [t for t in words_in(figure) if text in t.get_text()]
        assert mine
        assert not any(t.get_parse_math() for t in mine)
    drawn(figures[2])


def test_a_logarithmic_axis_still_has_its_powers():
    figure = plots.learning_curves({"x": (np.logspace(0, 5, 12), np.linspace(0, 1, 12))})
    drawn(figure)
    powers = [t for t in words_in(figure) if "10^{" in t.get_text() and t.get_visible()]
    assert powers
    assert all(t.get_parse_math() for t in powers)


def test_signs_that_no_typeface_has_are_explained_in_the_picture(monkeypatch):
    """Nothing on stderr, and the words stay in the figure; one sentence says what the boxes are."""
    monkeypatch.setattr("mmalign_nb.plots.style.families", lambda: ["DejaVu Sans"])
    figure = plots.items_grid(IMAGES[:2], ["红色的钟", "a clock"])
    assert not figure.get_supxlabel()
    drawn(figure)
    assert "no typeface on this computer has" in " ".join(figure.get_supxlabel().split())
    assert figure.axes[0].get_xlabel() == "红色的钟"
    rows = len(figure.findobj(mpl.text.Text))
    drawn(figure)
    assert len(figure.findobj(mpl.text.Text)) == rows  # said once
    plain = plots.items_grid(IMAGES[:2], ["a red clock", "a clock"])
    drawn(plain)
    assert not plain.get_supxlabel()


def test_other_warnings_of_a_drawing_are_not_swallowed():
    figure = plots.new_figure(2, 2)
    ax = figure.add_subplot()
    ax.draw = lambda renderer: warnings.warn("something else", stacklevel=1)
    with pytest.warns(UserWarning, match="something else"):
        figure.canvas.draw()


def test_names_may_come_from_a_table():
    pd = pytest.importorskip("pandas")
    names = ["one", "two", "three"]
    table = pd.DataFrame({"name": names}, index=[7, 5, 3])
    for column in (
        table["name"],
        table["name"].to_numpy(),
        pd.Index(names),
        pd.Categorical(names),
        tuple(names),
        np.array(names),
    ):
        gallery = plots.items_grid(IMAGES[:3], column)
        assert [ax.get_xlabel() for ax in gallery.axes] == names
        hits = plots.neighbours(column, column, [[2], [1], [0]], gallery_captions=column)
        assert [ax.get_xlabel() for ax in hits.axes[1::2]] == names[::-1]
        heat = plots.similarity_heatmap(np.eye(3), labels_a=column, labels_b=column)
        assert [t.get_text() for t in heat.axes[0].get_yticklabels()] == names
        sounds = plots.spectrograms(SOUNDS, 8000, column[:2])
        assert [ax.get_title("left") for ax in sounds.axes] == names[:2]


def test_a_gallery_is_no_wider_than_its_pictures():
    assert len(plots.items_grid(IMAGES[:3], columns=10**9).axes) == 3
    assert len(plots.spectrograms(SOUNDS, 8000, columns=np.int64(10**9)).axes) == 2
