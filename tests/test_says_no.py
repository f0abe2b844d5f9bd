"""A search that can say no: known words, queries about nothing, the line of a SearchPanel, and two kinds at once."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from mmalign_nb.datasets import glyphs, nonsense, things
from mmalign_nb.features import CnnImage, RnnAudio, TfidfText, Word2VecText
from mmalign_nb.features.text import words
from mmalign_nb.panels import SearchPanel
from mmalign_nb.project import CCA, DualEncoder
from mmalign_nb.search import Index
from mmalign_nb.threshold import Threshold, best_f1, for_precision

BELLS = ["a red bell", "a blue drum", "two red drums"]


@functools.cache
def tfidf():
    return TfidfText(ngrams=(1, 2), chars=(1, 3)).fit(BELLS)


@functools.cache
def word2vec():
    return Word2VecText(dim=4, epochs=1).fit(BELLS)


# ---- what an encoder knows

SOME = st.lists(st.sampled_from(["red", "Bell", "drums", "xyzzy", "bells", "红", "🎂", "!", "☂"]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(SOME, st.sampled_from([tfidf, word2vec]))
def test_known_is_the_share_of_distinct_words_and_signs(asked, encoder):
    text = " ".join(asked)
    distinct = {w.lower() for w in asked if w != "!"}
    fitted = {w for bell in BELLS for w in bell.split()}
    want = len(distinct & fitted) / len(distinct) if distinct else 0.0
    assert encoder().known([text]).tolist() == [pytest.approx(want)]
    assert set(encoder().unknown(text)) == distinct - fitted


def distance(a, b):
    """Levenshtein's distance, by its definition."""

    @functools.cache
    def between(i, j):
        if not i or not j:
            return i + j
        return min(
            between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        )

    return between(len(a), len(b))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abdelmrtuwxy红🎂", max_size=7), st.sampled_from([tfidf, word2vec]))
def test_the_nearest_known_word_needs_the_fewest_edits(word, encoder):
    known = list(
        dict.fromkeys(w for t in encoder().vocabulary_ if not t.startswith("~") for w in t.split(" "))
    )
    edits = [distance(word, w) for w in known]
    best = known[int(np.argmin(edits))]
    want = best if min(edits) < max(len(word), len(best)) else None
    assert encoder().nearest_known(word) == want


def test_known_and_nearest_known_refuse_what_is_no_text():
    for encoder in (tfidf(), word2vec()):
        with pytest.raises(TypeError, match="X is .*; want a list of str"):
            encoder.known([3])
        with pytest.raises(TypeError, match="text is 3; want a str"):
            encoder.nearest_known(3)
        assert encoder.nearest_known("DRUM") == "drum"


# ---- queries about nothing


def test_nonsense_is_about_nothing_and_the_same_every_time():
    texts = glyphs().text
    queries = nonsense(texts, 200, seed=3)
    again, other = nonsense(texts, 200, seed=3), nonsense(texts, 200, seed=4)
    assert queries.text == again.text != other.text
    assert {k: int((queries.label == k).sum()) for k in set(queries.label.tolist())} == dict.fromkeys(("phrase", "emoji", "script", "letters", "mixed"), 40)  # fmt: skip
    held = [set(words(t)) for t in texts]
    known = set().union(*held)
    for number, (text, kind) in enumerate(zip(queries.text, queries.label.tolist(), strict=True)):
        asked = words(text)
        if kind in ("phrase", "script"):
            assert not set(asked) & known - {"and", "with", "for", "of"}
        if kind == "emoji":
            assert asked == []
            assert TfidfText().fit(["a"]).unknown(text)
        if kind == "mixed":
            assert len(set(asked) & known) == (1 if number // 5 % 2 == 0 else 3)
            assert max(len(set(asked) & one) for one in held) <= 1
    with pytest.raises(ValueError, match="texts has 1 texts of 1 words, of which no three"):
        nonsense(["bell"], 10)


@functools.cache
def symbols():
    """Some of the symbols, so that it takes seconds."""
    return glyphs()[::3]


@functools.cache
def finder():
    dual = DualEncoder(CnnImage.load("glyphs"), TfidfText.load("glyphs"))
    return dual, Index().add(dual.transform(symbols().image))


def parts(n, seed):
    """One to four words of a name: what somebody might type; and the symbols whose names have them all."""
    rng, names, out = np.random.default_rng(seed), symbols().text, []
    sets = [set(t.split()) for t in names]
    while len(out) < n:
        name = names[rng.integers(len(names))].split()
        asked = [
            name[i]
            for i in sorted(rng.choice(len(name), min(int(rng.integers(1, 5)), len(name)), replace=False))
        ]
        right = {j for j, one in enumerate(sets) if set(asked) <= one}
        if len(right) <= 20:
            out.append((" ".join(asked), right))
    return out


def counted(queries):
    """The ten best of each, and their scores times the root of the share of words that are known."""
    dual, index = finder()
    hits = index.search(dual.transform(queries, side="b"), k=10)
    return hits.ids, hits.scores * np.sqrt(dual.encoder_b.known(queries))[:, None]


def test_nonsense_is_refused_and_real_queries_are_not():
    """The line is chosen on other queries than it is tried on."""
    no, yes = nonsense(symbols().text, 500, seed=1).text, [q for q, _ in parts(500, 1)]
    scores = np.concatenate([counted(no)[1][:, 0], counted(yes)[1][:, 0]])
    line = float(for_precision(scores, np.repeat([False, True], 500), 10 / 11))
    others, real = nonsense(symbols().text, 200, seed=2), parts(200, 2)
    false = counted(others.text)[1][:, 0] >= line
    ids, counts = counted([q for q, _ in real])
    right = np.array([[i in ok for i in row] for row, (_, ok) in zip(ids.tolist(), real, strict=True)])
    hit, at_line = right.any(axis=1).mean(), (right & (counts >= line)).any(axis=1).mean()
    print(f"line {line:.3f}: {false.mean():.3f} of 200 about nothing are answered, hit@10 {at_line:.3f} of {hit:.3f}")  # fmt: skip
    assert false.mean() <= 0.10
    assert at_line >= 0.8
    assert at_line >= hit - 0.06
    # The panel says of each query what was counted here.
    panel = SearchPanel(finder()[1], finder()[0], symbols().image, threshold={"words": line}, k=10)
    for query, row in zip([*others.text[:25], *[q for q, _ in real[:25]]], [*counted(others.text[:25])[1], *counts[:25]], strict=True):  # fmt: skip
        panel.query.value = query
        shown = 0 if panel.hits is None else panel._found["reach"]
        assert shown == int((row >= line).sum()), query


# ---- the line


def letters(texts):
    return np.array([[t.lower().count(c) + 0.01 for c in "abdelru"] for t in texts], np.float32)


def panel(encoder=letters, **more):
    return SearchPanel(Index().add(letters(BELLS)), encoder, BELLS, **more)


@pytest.mark.parametrize(
    "line", [0.9, best_f1([0.9, 0.8, 0.4], [True, False, False])], ids=["number", "Threshold"]
)
def test_hits_below_the_line_are_told_apart(line):
    p = panel(query="red bell", threshold=line)
    scores = p.hits.scores[0]
    assert p._found["reach"] == int((scores >= 0.9).sum()) == 1
    rule = " (rule best F1)" if isinstance(line, Threshold) else ""
    assert p._found["told"] == f"The line is 0.90{rule}; 1 of 3 hits reach it."
    assert (
        repr(p) == "SearchPanel(query='red bell'): 1 of 3 hits reach the line of 0.90, best 0.96: a red bell"
    )
    assert p.alt.startswith("Search for 'red bell': a red bell (0.96). Below the line of 0.90: ")
    assert p._repr_mimebundle_()[0]["image/png"]


def test_nothing_matches():
    p = panel(query="u", threshold=0.99)
    best = p.hits.scores[0, 0]
    assert p._found["told"] == f"Nothing matches: the best is {best:.2f}, the line is 0.99."
    assert p._found["reach"] == 0
    assert len(p._found["rows"]) == 3
    assert (
        repr(p)
        == f"SearchPanel(query='u'): nothing matches: no hit reaches the line of 0.99, best {best:.2f}: {p._media.words(p._rows()[0])}"
    )
    assert p.alt.startswith("Search for 'u': nothing matches. Below the line of 0.99: ")
    close = panel(query="red bell", threshold=float(panel(query="red bell").hits.scores[0, 0]) + 1e-4)
    assert close._found["reach"] == 0
    assert close._found["told"] == "Nothing matches: the best is 0.9580, the line is 0.9581."


@pytest.mark.parametrize("line", [0.5, -0.5])
def test_unknown_words_raise_the_line(line):
    tfidf_ = TfidfText(dim=2).fit(BELLS)
    p = SearchPanel(
        Index().add(tfidf_.transform(BELLS)), tfidf_, BELLS, query="red xyzzy plugh foo", threshold=line
    )
    counts = 0.25**0.5
    assert p._line_now == (line / counts if line > 0 else line * counts)
    sign = "÷" if line > 0 else "×"
    assert f"({line:.2f} {sign} 0.50: 1 of 4 words known)" in p._found["told"]


def test_with_no_word_known_nothing_reaches_the_line():
    some = TfidfText(dim=2, chars=(1, 3)).fit(BELLS)
    p = SearchPanel(Index().add(some.transform(BELLS)), some, BELLS, query="bel", threshold=0.2)
    assert p._found["reach"] == 0
    assert p._found["told"].startswith("Nothing matches: the best is 0.97, the line is 0.20, beyond reach with no word known. ")  # fmt: skip
    assert "None of these words is known: bel; nearest known: bell." in p._found["told"]
    assert repr(p).endswith("best 0.97: a red bell; unknown: bel")


def test_lines_are_of_a_kind_and_bad_ones_are_refused():
    image = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)

    def look(x):
        return np.asarray(x, np.float32).reshape(len(x), -1)[:, :7] + 1

    p = SearchPanel(
        Index().add(letters(BELLS)), letters, image, pictures=look, query="red", threshold={"words": 0.9}
    )
    assert p._found["reach"] is not None
    p = SearchPanel(Index().add(letters(BELLS)), letters, image, pictures=look, drawing=image[0], threshold={"words": 0.9})  # fmt: skip
    assert p._found["reach"] is None
    with pytest.raises(
        ValueError, match="a name of threshold is 'drawing'; known: 'words', 'pictures', 'sounds', 'both'"
    ):
        panel(threshold={"drawing": 0.5})
    with pytest.raises(TypeError, match="threshold is str 'high'; want a number or a Threshold"):
        panel(threshold="high")
    silent = for_precision([0.1, 0.2], [False, False])
    assert silent.abstained
    with pytest.raises(ValueError, match="the rule .* abstained, so there is no threshold"):
        panel(threshold=silent)


# ---- two kinds at once

RNG = np.random.default_rng(1)
GREY = RNG.integers(0, 256, (9, 6, 6), dtype=np.uint8)


def pixels(x):
    return np.asarray(x, np.float32).reshape(len(x), -1) - 127


def speak(texts):
    """Words are the vector of the picture whose number they say."""
    return pixels(GREY[[int(t.split()[-1]) for t in texts]])


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean", "manhattan"])
@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
def test_the_score_of_both_is_the_weighted_sum(metric, w):
    index = Index(metric).add(pixels(GREY), ids=[f"p{k}" for k in range(9)])
    p = SearchPanel(index, speak, GREY, pictures=pixels, query="number 3", drawing=GREY[5], weight=w, k=4)
    rows, n = np.arange(9), index.search(pixels(GREY[[3, 5]]), k=9)
    S = np.array([[dict(zip(i, s, strict=True))[f"p{r}"] for r in rows] for i, s in zip(n.ids.tolist(), n.scores.tolist(), strict=True)])  # fmt: skip
    mixed = w * S[0] + (1 - w) * S[1]
    order = np.argsort(-mixed, kind="stable")[:4]
    assert p.hits.ids[0].tolist() == [f"p{r}" for r in order]
    assert p.hits.scores[0] == pytest.approx(mixed[order], rel=1e-5, abs=1e-6)
    assert p.parts == pytest.approx(S[:, order], rel=1e-6)
    assert p._found["told"] == f"Score = {w:.2f} × words + {1 - w:.2f} × picture."


def test_for_cosine_it_is_the_mean_of_the_unit_vectors():
    index = Index().add(pixels(GREY))
    p = SearchPanel(index, speak, GREY, pictures=pixels, query="3", drawing=GREY[5], weight=0.4)
    u, v = (x / np.linalg.norm(x) for x in pixels(GREY[[3, 5]]))
    mean = 0.4 * u + 0.6 * v
    want = index.search(mean[None], k=8)
    assert p.hits.ids.tolist() == want.ids.tolist()
    assert p.hits.scores == pytest.approx(want.scores * np.linalg.norm(mean), abs=1e-6)


def test_the_weight_is_a_knob():
    index = Index().add(pixels(GREY))
    p = SearchPanel(index, speak, GREY, pictures=pixels, query="3", drawing=GREY[5])
    assert p.weight.value is None
    assert p.hits.ids[0, 0] == 5
    assert p.parts is None
    p.weight.value = 1
    assert p.hits.ids[0, 0] == 3
    assert repr(p) == "SearchPanel(query='3' and picture, weight 1.00): 8 hits, best 1.00: picture 3"
    assert p.alt.startswith("Search for '3' and picture, weight 1.00: picture 3 (1.00), ")
    assert p._repr_mimebundle_()[0]["image/png"]
    p.query.value = " "
    assert p.hits.ids[0, 0] == 5
    assert repr(p) == "SearchPanel(picture): 8 hits, best 1.00: picture 5"
    p.query.value = "4"
    assert repr(p).startswith("SearchPanel(query='4' and picture, weight 1.00)")
    p.weight.value = None
    p.query.value = "2"
    assert repr(p).startswith("SearchPanel(query='2'): 8 hits, best 1.00: picture 2")
    for wrong in (-0.1, 1.1, "half", np.nan):
        with pytest.raises((TypeError, ValueError), match="weight is .*; want a number"):
            p.weight.value = wrong
    with pytest.raises(ValueError, match=r"drawing has shape \(5, 6\); pictures takes \(6, 6\)"):
        SearchPanel(index, speak, GREY, pictures=pixels, drawing=GREY[0, :5])
    with pytest.raises(ValueError, match="drawing is given, and no encoder of pictures"):
        SearchPanel(index, speak, GREY, drawing=GREY[0])


def hand_over(p, *views, **asked):
    """As the page does it."""
    more = {"views": len(views)} if views else {}
    p._hear(None, {"id": 1, **more, **asked}, [memoryview(v.tobytes()) for v in views])


def test_both_as_the_page_asks_for_it():
    p = SearchPanel(Index().add(pixels(GREY)), speak, GREY, pictures=pixels)
    asked = {"query": "3", "encoder": "words"}
    hand_over(p, GREY[5], by="drawing", number=1, weight=0.75, **asked)
    assert (p.query.value, p.weight.value, p._found["by"], p._found["number"], p._found["weight"]) == ("3", 0.75, "drawing", 1, 0.75)  # fmt: skip
    first = p.hits
    assert first.ids[0, 0] == 3
    hand_over(p, by="words", weight=None, gone=False, **asked)
    assert (p._found["by"], p._found["weight"]) == ("words", None)
    p.weight.value = 0.75  # the drawing is still there
    assert p.hits.ids.tolist() == first.ids.tolist()
    hand_over(p, by="words", weight=0.75, gone=True, **asked)
    assert (p._found["by"], p._found["weight"], p.parts) == ("words", None, None)
    assert not p._said["error"]


def test_words_of_which_none_is_known_leave_the_picture():
    bells = TfidfText(dim=2).fit(BELLS)

    def look(x):
        return np.asarray(x, np.float32).reshape(len(x), -1)[:, :2] + 1

    p = SearchPanel(Index().add(bells.transform(BELLS)), bells, GREY[:3], pictures=look, query="xyzzy", drawing=GREY[1], weight=0.5, threshold=2)  # fmt: skip
    assert p._found["told"] == f"Nothing matches: the best is {p.hits.scores[0, 0]:.2f}, the line is 2.00. None of these words is known: xyzzy. The hits go by the picture alone."  # fmt: skip
    assert p.parts is None
    p.query.value = "red xyzzy"
    assert p._line_now == pytest.approx(2 / (0.5 * 0.5**0.5 + 0.5))


# ---- a DualEncoder


@functools.cache
def world():
    return things(60, seed=0)


@functools.cache
def trained():
    return CnnImage.load("things"), TfidfText.load("things"), RnnAudio.load("things")


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("projection", [None, CCA(reg=1)])
def test_a_dual_encoder_gives_words_and_pictures(turned, projection):
    cnn, text, _ = trained()
    dual = DualEncoder(*((text, cnn) if turned else (cnn, text)), projection)
    sides = ("b", "a") if turned else ("a", "b")
    if projection:
        dual = clone(dual).fit(*((world().text, world().image) if turned else (world().image, world().text)))
    index = Index().add(dual.transform(world().image, side=sides[0]))
    p = SearchPanel(index, dual, world().image, query="a red bell xyzzy", k=5)
    assert (
        p.hits.ids.tolist()
        == index.search(dual.transform(["a red bell xyzzy"], side=sides[1]), k=5).ids.tolist()
    )
    assert "Unknown: xyzzy; nearest known: " in p._found["told"]
    hand_over(p, world().image[7], by="picture", number=1, weight=None, query="", encoder="words")
    assert p.hits.ids[0, 0] == 7
    assert (p._finder() is None) == (projection is not None)  # what a page can compute


def test_a_dual_encoder_gives_words_and_sounds():
    cnn, text, rnn = trained()
    dual = DualEncoder(rnn, text, CCA(reg=1)).fit(world().audio, world().text)
    index = Index().add(dual.transform(world().audio))
    p = SearchPanel(index, dual, (world().audio, world().sample_rate), query="three bells", k=3)
    assert p._data["sound"]["rate"] == rnn.sample_rate
    assert p._data["picture"] is None
    hand_over(p, world().audio[4], by="recording", number=1, weight=None, query="", encoder="words")
    assert p.hits.ids[0, 0] == 4
    pads = SearchPanel(
        index, DualEncoder(rnn, cnn, CCA(reg=1)).fit(world().audio, world().image), world().image
    )
    assert pads._data["encoders"] == []
    assert pads._data["picture"] is not None


def test_text_is_found_by_a_picture():
    cnn, text, _ = trained()
    dual = DualEncoder(cnn, text)
    index = Index().add(dual.transform(world().text, side="b"), ids=[f"t{k}" for k in range(60)])
    p = SearchPanel(index, dual, world().text, drawing=world().image[3])
    want = index.search(dual.transform(world().image[3:4]), k=8)
    assert p.hits.ids.tolist() == want.ids.tolist()


def test_an_unfitted_dual_encoder_is_refused():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        SearchPanel(Index().add(letters(BELLS)), DualEncoder(TfidfText(), TfidfText(), CCA()), BELLS)
