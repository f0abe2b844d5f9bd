"""ComparePanel, MapPanel and SearchPanel without a browser: what they send and say is what the package computes."""

import base64
import functools
import io
import json

import matplotlib.text
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import sparse

from mmalign_nb.features import TfidfText, Word2VecText
from mmalign_nb.panels import ComparePanel, MapPanel, SearchPanel
from mmalign_nb.panels.media import Media, two_sides
from mmalign_nb.search import Index

RNG = np.random.default_rng(0)
N = 40
S = RNG.normal(0.1, 0.12, (N, N)).astype(np.float32)
S[np.arange(N), np.arange(N)] += 0.35
OTHER = S + RNG.normal(0, 0.1, S.shape).astype(np.float32)
TEXTS = [f"item {i}" for i in range(N)]
IMAGES = RNG.integers(0, 255, (N, 16, 16, 3), dtype=np.uint8)
SOUNDS = (RNG.random((N, 800)) - 0.5).astype(np.float32)
VIDEO = RNG.integers(0, 255, (N, 3, 8, 8, 3), dtype=np.uint8)
A = RNG.normal(size=(N, 8)).astype(np.float32)
B = A + RNG.normal(0, 0.7, A.shape).astype(np.float32)


def unpacked(sent):
    """An array as the page reads it."""
    return np.frombuffer(sent["data"], sent["dtype"]).reshape(sent["shape"])


def stored(panel):
    """What a page without Python gets, read from its text."""
    text = panel._living()
    return json.loads(text[text.index('json">') + 6 : text.index("</script>")])


# ---- items


def test_some_items_of_many_keep_their_numbers_and_their_look():
    names = [f"name {i}" for i in range(N)]
    for items in (TEXTS, IMAGES, (SOUNDS, 8000), (VIDEO, 12.0)):
        media = Media(items, "b", N, names)
        some, whole = media.sent(np.array([3, 7, 31])), media.sent()
        assert (some["n"], some["numbers"], some["names"]) == (3, [3, 7, 31], [names[i] for i in (3, 7, 31)])
        assert "numbers" not in whole
        if media.kind == "text":
            assert some["texts"] == [TEXTS[i] for i in (3, 7, 31)]
        elif media.kind == "sound":
            assert (unpacked(some["samples"]) == unpacked(whole["samples"])[[3, 7, 31]]).all()
        else:
            frames = VIDEO[[3, 7, 31]].reshape(9, 8, 8, 3) if media.kind == "clip" else IMAGES[[3, 7, 31]]
            (sheet,) = some["sheets"]
            sheet = np.asarray(Image.open(io.BytesIO(sheet)))
            h, w = some["height"], some["width"]
            for k, frame in enumerate(frames):
                row, column = divmod(k, some["columns"])
                assert (sheet[row * h : (row + 1) * h, column * w : (column + 1) * w] == frame).all()


def test_captions_come_in_twos():
    for wrong in (None, 3, "ab", (None,), (None, None, None)):
        with pytest.raises(TypeError, match="captions is .*; want two"):
            two_sides(TEXTS, TEXTS, (N, N), wrong)
    with pytest.raises(ValueError, match="captions of b has 1 entries; want 40"):
        ComparePanel({"x": S, "y": OTHER}, TEXTS, IMAGES, captions=(None, ["one"]))
    with pytest.raises(ValueError, match="captions of a has 2 entries; want 40"):
        MapPanel(A, B, TEXTS, IMAGES, captions=(["x", "y"], None))


# ---- ComparePanel


def test_compare_sends_and_says_both_rankings_and_their_quality():
    p = ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES, truth="diagonal", k=5)
    p.query.value = 7
    for name, scores in (("cosine", S), ("noisy", OTHER)):
        best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        right = best == np.arange(N)[:, None]
        hit1, hit5 = right[:, 0].mean(), right.any(1).mean()
        assert f"{name} finds {best[7].tolist()}, hit@1 {hit1:.2f}, hit@5 {hit5:.2f}" in repr(p)
        sent = p._data["measures"][name]
        assert (unpacked(sent["ids"]) == best).all()
        assert (unpacked(sent["scores"]) == np.take_along_axis(scores, best, 1)).all()
        assert (unpacked(sent["right"]) == right).all()
        assert sent["quality"] == {"hit@1": hit1, "hit@5": hit5}
    assert "item 7" in p.alt
    assert p._data["b"]["numbers"] == np.unique([np.argsort(-x, 1)[:, :5] for x in (S, OTHER)]).tolist()
    assert p._repr_mimebundle_()[0]["image/png"]


def test_compare_finds_the_next_difference():
    p = ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES)
    differ = np.flatnonzero(S.argmax(1) != OTHER.argmax(1))
    assert len(differ) > 1
    assert p.differences.tolist() == differ.tolist()
    seen = []
    for _ in range(len(differ) + 1):
        p.next()
        seen.append(p.query.value)
    start = [d for d in differ if d > 0]
    assert seen[: len(start)] == start
    assert seen[len(start)] == differ[0]  # round again
    p.right.value = "cosine"
    p.next()
    assert p._said["words"] == "cosine stands on both sides: choose two different ones."
    same = ComparePanel({"cosine": S, "twice": 2 * S}, TEXTS, IMAGES)
    same.next()
    assert same._said["words"] == "cosine and twice find the same first item for every query."
    assert not same._said["error"]


def test_compare_never_shows_what_scores_minus_infinity():
    masked = S.copy()
    masked[0, 2:] = masked[1] = -np.inf
    p = ComparePanel({"all": S, "masked": masked}, TEXTS, TEXTS, truth=np.ones((N, N), bool), k=5)
    p.left.value = "masked"
    assert (
        f"masked finds {np.argsort(-masked[0], kind='stable')[:2].tolist()}, hit@1 {(N - 1) / N:.2f}"
        in repr(p)
    )
    p.query.value = 1
    assert "masked finds []" in repr(p)
    assert "masked finds , of which 0 right" in p.alt
    assert p._repr_mimebundle_()[0]["image/png"]


def test_compare_ties_stand_in_the_order_of_columns():
    p = ComparePanel(
        {"flat": np.zeros((3, 9)), "steps": np.round(RNG.random((3, 9)), 1)}, ["a", "b", "c"], TEXTS[:9], k=4
    )
    for name, ranking in p._rankings.items():
        scores = {"flat": np.zeros((3, 9))}.get(name, p._rankings[name].scores)
        if name == "flat":
            assert ranking.ids.tolist() == [[0, 1, 2, 3]] * 3
        for ids, row in zip(ranking.ids, scores, strict=False):
            level = np.diff(row[:4]) == 0
            assert (np.diff(ids)[level] > 0).all()


@pytest.mark.parametrize("kind", ["text", "sound", "clip"])
def test_compare_of_other_kinds_with_captions(kind):
    b = {"text": TEXTS, "sound": (SOUNDS, 8000), "clip": (VIDEO, 12)}[kind]
    names = [f"the {i}th" for i in range(N)]
    p = ComparePanel({"cosine": S, "noisy": OTHER}, IMAGES, b, truth="diagonal", k=3, captions=(names, names))
    assert p._data["b"]["kind"] == kind
    assert f"the {S[0].argmax()}th" in p.alt
    assert p.alt.startswith("Query the 0th: ")
    assert p._repr_mimebundle_()[0]["image/png"]


def test_compare_bad_input():
    with pytest.raises(ValueError, match="at least two names"):
        ComparePanel({"cosine": S}, TEXTS, IMAGES)
    with pytest.raises(ValueError, match="different shapes"):
        ComparePanel({"cosine": S, "part": S[:3]}, TEXTS, IMAGES)
    with pytest.raises(ValueError, match="at least one query"):
        ComparePanel({"x": S[:0], "y": S[:0]}, [], IMAGES)
    for k in (-1, 0, 1.5, None):
        with pytest.raises(ValueError, match=f"k is {k}; want a whole number of at least 1"):
            ComparePanel({"x": S, "y": S}, TEXTS, IMAGES, k=k)
    p = ComparePanel({"x": S, "y": S}, TEXTS, IMAGES)
    for query in (-1, N, 1.5, "3", None):
        with pytest.raises(ValueError, match=r"query is .*; want a whole number"):
            p.query.value = query
    with pytest.raises(ValueError, match="left is 'z'; known: 'x', 'y'"):
        p.left.value = "z"
    assert (p.query.value, p.left.value, p.right.value) == (0, "x", "y")


# ---- MapPanel


def unit(x):
    x = x.astype(float)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


COSINES = unit(A) @ unit(B).T


def test_map_says_the_nearest_and_the_rank_of_the_partner():
    p = MapPanel(A, B, TEXTS, IMAGES, truth="diagonal", sides=("words", "picture"))
    for side, table in ((0, COSINES), (1, COSINES.T)):
        p.side.value = side
        for i in (3, 11):
            p.point.value = i
            order = np.argsort(-table[i])
            rank = int(np.flatnonzero(order == i)[0]) + 1
            assert f"{order[0]} ({table[i, order[0]]:.3f}), its own partner at rank {rank} of 40" in repr(p)
            assert p.nearest()[0].tolist() == order.tolist()
            assert p.nearest()[1] == pytest.approx(table[i, order], abs=1e-6)
            assert p.partners().tolist() == [i]
    assert p._repr_mimebundle_()[0]["image/png"]


@pytest.mark.parametrize("truth", ["diagonal", "classes", "some"])
def test_map_sends_the_neighbours_of_the_whole_space(truth):
    known = {
        "diagonal": "diagonal",
        "classes": (np.arange(N) % 3, np.arange(N) % 4),
        "some": [(0, 5), (0, 6), (39, 0)],
    }[truth]
    p = MapPanel(A, B, TEXTS, IMAGES, known, k=4)
    for side, table in ((0, COSINES), (1, COSINES.T)):
        p.side.value, sent = side, p._data["near"][side]
        ids, own, rank, right = (unpacked(sent[name]) for name in ("ids", "own", "rank", "right"))
        assert ids.shape == (N, 4)
        for i in range(N):
            p.point.value = i
            order, partners = np.argsort(-table[i], kind="stable"), p.partners()
            assert ids[i].tolist() == order[:4].tolist()
            assert unpacked(sent["cosines"])[i] == pytest.approx(table[i, order[:4]], abs=1e-6)
            assert right[i].tolist() == np.isin(ids[i], partners).astype(int).tolist()
            if len(partners):
                first = int(np.flatnonzero(np.isin(order, partners))[0])
                assert (own[i], rank[i]) == (order[first], first + 1)
                assert unpacked(sent["best"])[i] == pytest.approx(table[i, own[i]], abs=1e-6)
                assert f"rank {rank[i]} of 40" in repr(p)
            else:
                assert (own[i], rank[i]) == (-1, 0)
                assert "without a partner" in repr(p)
    assert (p._data["pairs"] is None) == (truth == "classes")


def test_map_joins_the_true_pairs():
    p = MapPanel(A, B, TEXTS, IMAGES, [(0, 5), (0, 6), (39, 0)])
    assert unpacked(p._data["pairs"]).tolist() == [[0, 5], [0, 6], [39, 0]]


def test_map_of_equal_items_has_one_order():
    """Copies of one item: the page and ``nearest()`` must break the tie alike."""
    B2 = np.repeat(B[:8], 5, axis=0)
    p = MapPanel(A, B2, TEXTS, IMAGES, truth="diagonal", k=12)
    ids, rank = unpacked(p._data["near"][0]["ids"]), unpacked(p._data["near"][0]["rank"])
    for i in range(N):
        p.point.value = i
        assert ids[i].tolist() == p.nearest()[0][:12].tolist()
        assert f"rank {rank[i]} of" in repr(p)


def test_map_is_the_pca_of_both_sides():
    from sklearn.decomposition import PCA

    p = MapPanel(A, B, TEXTS, IMAGES)
    pca = PCA(2, svd_solver="full").fit(both := np.vstack([unit(A), unit(B)]))
    assert np.abs(np.vstack(p.coordinates())) == pytest.approx(np.abs(pca.transform(both)), abs=1e-4)
    sent = p._maps["PCA"]
    assert unpacked(sent["xy"]) == pytest.approx(np.vstack(p.coordinates()), abs=1e-6)
    assert sent["names"] == [
        f"component {k} ({share:.0%} of the variance)"
        for k, share in enumerate(pca.explained_variance_ratio_, 1)
    ]
    first = p.figure().axes[0]
    assert (first.get_xlabel(), first.get_ylabel()) == tuple(sent["names"])


def test_map_by_tsne_is_computed_when_chosen_and_repeats():
    first, second = (MapPanel(A, B, TEXTS, IMAGES, seed=3) for _ in range(2))
    assert first._map.cache_info().currsize == 1
    for p in (first, second):
        p.method.value = "t-SNE"
    assert np.array_equal(np.vstack(first.coordinates()), np.vstack(second.coordinates()))
    assert "t-SNE map of 40 points" in first.alt
    asked = first._answer({"map": "t-SNE", "axes": [[0, 0], [0, 1]]})
    assert asked == {}
    assert unpacked(first._fresh["xy"]) == pytest.approx(np.vstack(first.coordinates()), abs=1e-4)
    # neighbours stay together, more than by chance
    xy, near = np.vstack(first.coordinates()), np.vstack([unit(A), unit(B)])
    flat = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
    np.fill_diagonal(flat, np.inf)
    whole = near @ near.T - 3 * np.eye(2 * N)
    kept = np.mean([len({*np.argsort(flat[i])[:5]} & {*np.argsort(-whole[i])[:5]}) / 5 for i in range(2 * N)])
    assert kept > 0.4  # chance is 0.06


def test_map_by_two_items_shows_their_cosines():
    p = MapPanel(A, B, TEXTS, IMAGES, method="two items", sides=("words", "picture"))
    p.axes.value = ((0, 3), (1, 7))
    a, b = p.coordinates()
    assert a == pytest.approx(np.column_stack([unit(A) @ unit(A)[3], COSINES[:, 7]]), abs=1e-6)
    assert b == pytest.approx(np.column_stack([COSINES[3], unit(B) @ unit(B)[7]]), abs=1e-6)
    axes = p.figure().axes[0]
    assert axes.get_xlabel() == "cosine with words 3: item 3"
    assert axes.get_ylabel() == "cosine with picture 7: picture 7"
    assert p.alt.startswith("Map of the cosines with two items, of 40 points of words (discs)")
    # the vectors that the page has are good enough to place a point
    vectors = unpacked(p._data["vectors"]) / 32767
    assert vectors @ vectors[[3, N + 7]].T == pytest.approx(np.vstack([a, b]), abs=1e-4)
    for wrong in (
        None,
        "ab",
        (0, 1),
        ((0, 1),),
        ((0, 1), (1, 2, 3)),
        (("a", 1), (0, 0)),
        ((0, N), (0, 0)),
        ((2, 0), (0, 0)),
    ):
        with pytest.raises((TypeError, ValueError), match="axes"):
            p.axes.value = wrong
    assert p.axes.value == [[0, 3], [1, 7]]


def test_map_of_many_numbers_asks_python_for_directions(monkeypatch):
    monkeypatch.setattr("mmalign_nb.panels.map._SENT", 100)
    p = MapPanel(A, B, TEXTS, IMAGES)
    assert p._data["vectors"] is None
    p._answer({"map": "two items", "axes": [[0, 3], [1, 7]]})
    p.method.value, p.axes.value = "two items", ((0, 3), (1, 7))
    assert unpacked(p._fresh["xy"]) == pytest.approx(np.vstack(p.coordinates()), abs=1e-6)


def test_map_without_python_has_every_map():
    maps = stored(MapPanel(A, B, TEXTS, IMAGES))["_maps"]
    assert set(maps) == {"PCA", "t-SNE"}


def test_map_with_unequal_sides_classes_and_no_truth():
    for truth in (None, (np.arange(N) % 3, np.arange(10) % 3), [(0, 0)]):
        p = MapPanel(A, B[:10], TEXTS, IMAGES[:10], truth=truth)
        p.point.value = 39
        p.side.value = 1
        assert p.point.value == 9
        with pytest.raises(ValueError, match="point is 10; want a whole number"):
            p.point.value = 10
        p.side.value = 0
        p.point.value = 39
        assert p._repr_mimebundle_()[0]["image/png"]
    assert "without a partner" in repr(MapPanel(A, B, TEXTS, IMAGES, truth=[(1, 1)]))


@pytest.mark.parametrize("method", ["PCA", "t-SNE", "two items"])
@pytest.mark.parametrize(
    ("left", "right"),
    [(A[:1], B[:1]), (A[:, :1], B[:, :1]), (A[:2] * 0 + 1, B[:3] * 0 + 1), (A * 1e-30, B * 1e30), (A[:5].astype(np.float64), sparse.csr_array(B[:4]))],
    ids=["one", "line", "equal", "far", "sparse"],
)  # fmt: skip
def test_map_of_few_flat_equal_and_far_points(left, right, method):
    n, m = left.shape[0], right.shape[0]
    p = MapPanel(left, right, TEXTS[:n], IMAGES[:m], method=method)
    a, b = p.coordinates()
    assert (a.shape, b.shape) == ((n, 2), (m, 2))
    assert np.isfinite(a).all()
    assert np.isfinite(b).all()
    assert p._repr_mimebundle_()[0]["image/png"]


def test_map_bad_input():
    with pytest.raises(ValueError, match="A has zero vectors in 40 of 40 rows"):
        MapPanel(A * 0, B, TEXTS, IMAGES)
    with pytest.raises(ValueError, match="B has 4 columns; want 8"):
        MapPanel(A, B[:, :4], TEXTS, IMAGES)
    with pytest.raises(ValueError, match="method is 'UMAP'; known: 'PCA', 't-SNE', 'two items'"):
        MapPanel(A, B, TEXTS, IMAGES, method="UMAP")
    with pytest.raises(ValueError, match="A"):
        MapPanel(A[:0], B, [], IMAGES)
    for options, message in (
        ({"k": -1}, "k is -1; want a whole number"),
        ({"seed": -1}, "seed is -1; want a whole number"),
        ({"sides": ("a",)}, "sides has 1 entries; want 2"),
    ):
        with pytest.raises(ValueError, match=message):
            MapPanel(A, B, TEXTS, IMAGES, **options)
    p = MapPanel(A, B, TEXTS, IMAGES)
    for side in (2, -1, "image", None):
        with pytest.raises(ValueError, match=r"side is .*; want a whole number"):
            p.side.value = side


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
    assert p._found["rows"] == []
    p.query.value = "a queen of chess"
    want = p._index.search(Letters().transform(["a queen of chess"]), k=3)
    assert p.hits.ids.tolist() == want.ids.tolist()
    assert (
        repr(p) == f"SearchPanel(query='a queen of chess'): 3 hits, best {want.scores[0, 0]:.2f}: chess queen"
    )
    rows = [p._row[key] for key in want.ids[0].tolist()]
    found = p._found
    assert (found["query"], found["rows"], found["told"]) == ("a queen of chess", rows, "")
    assert found["scores"] == want.scores[0].tolist()
    assert found["media"]["names"] == [NAMES[r] for r in rows]
    assert p._repr_mimebundle_()[0]["image/png"]
    p.query.value = "  "
    assert p.hits is None
    assert repr(p) == "SearchPanel(query='  '): 0 hits"
    assert p._repr_mimebundle_()[0]["image/png"]


def test_search_by_the_page_is_search_by_python():
    p, q = search_panel(), search_panel()
    assert p._answer({"query": "star", "encoder": "words"}) == {}
    q.query.value = "star"
    assert p.query.value == "star"
    assert repr(p) == repr(q)
    assert p._found["scores"] == q._found["scores"]


def test_search_says_what_went_wrong_and_goes_on():
    p = search_panel(query="star")
    p._hear(None, {"id": 1, "query": "123", "encoder": "words"}, [])
    assert p._said == {
        "words": "ValueError: texts has zero vectors",
        "error": True,
        "number": p._said["number"],
    }
    assert repr(p) == "SearchPanel(error: ValueError: texts has zero vectors)"
    assert p.hits is None
    assert (p._found["query"], p._found["rows"]) == ("123", [])
    p.query.value = "star"
    assert not p._said["error"]
    assert len(p.hits.ids[0]) == 5


def test_search_of_an_index_that_has_grown_is_refused():
    p = search_panel(query="star")
    p._index.add(Letters().transform(["moon"]))
    p.query.value = "moon"
    assert "index has changed since this panel was made" in p._said["words"]
    assert p.hits is None


def test_search_with_two_encoders_and_without_items():
    index = Index().add(Letters().transform(NAMES))
    p = SearchPanel(
        index, {"letters": Letters(), "backwards": lambda t: Letters().transform(t)[:, ::-1]}, query="star"
    )
    first = repr(p)
    p.encoder.value = "backwards"
    assert repr(p) != first
    p._answer({"query": "star", "encoder": "letters"})
    assert repr(p) == first


def test_search_bad_input():
    with pytest.raises(TypeError, match=r"encoders\['words'\] is 3; want an object with transform"):
        SearchPanel(Index().add(A), 3)
    with pytest.raises(ValueError, match="captions of items has 1 entries; want 5"):
        search_panel(captions=["x"])
    with pytest.raises(ValueError, match="items has 2 items and there are 5"):
        search_panel(items=IMAGES[:2])
    with pytest.raises(ValueError, match="encoders is an empty mapping"):
        SearchPanel(Index().add(A), {})
    with pytest.raises(ValueError, match="k is 0; want a whole number of at least 1"):
        search_panel(k=0)
    with pytest.raises(ValueError, match=r"captions of items has no text .*first: row 1"):
        search_panel(captions=["a", np.nan, "c", "d", "e"])
    with pytest.raises(TypeError, match="index is .*want a search.Index"):
        SearchPanel(A, Letters())
    p = search_panel()
    with pytest.raises(TypeError, match="query is 3; want a str"):
        p.query.value = 3
    with pytest.raises(ValueError, match="encoder is 'x'; known: 'words'"):
        p.encoder.value = "x"


# ---- unknown words

BELLS = ["a red bell", "a blue drum", "two red drums"]


def pipeline():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    shift = FunctionTransformer(lambda X: X.toarray() + 0.1)  # after it no vector is zero any more
    return make_pipeline(TfidfText(), shift).fit(BELLS)


def encoders():
    tfidf = TfidfText(dim=2).fit(BELLS)

    def with_attribute(texts):
        return tfidf.transform(texts) + 0.1

    with_attribute.unknown = tfidf.unknown
    pipe = pipeline()
    return {
        "itself": tfidf,
        "method": tfidf.transform,
        "pipeline": pipe,
        "its method": pipe.transform,
        "function": with_attribute,
    }


@pytest.mark.parametrize("name", ["itself", "method", "pipeline", "its method", "function"])
def test_search_names_unknown_words(name):
    encoder = encoders()[name]
    transform = getattr(encoder, "transform", encoder)
    vectors = transform(BELLS)
    p = SearchPanel(Index().add(vectors), encoder, BELLS, k=2)
    p.query.value = "red xyzzy, red plugh"
    assert p._found["told"] == "Unknown: xyzzy, plugh; nearest known: blue. The hits go by the rest: red."
    assert len(p._found["rows"]) == 2
    assert repr(p).endswith("; unknown: xyzzy, plugh")
    p.query.value = "xyzzy"
    assert p._found["told"] == "None of these words is known: xyzzy."
    assert p.hits is None
    assert p._found["rows"] == []
    assert repr(p) == "SearchPanel(query='xyzzy'): 0 hits; unknown: xyzzy"
    assert p.alt == "A search box without hits. None of these words is known: xyzzy."
    p.query.value = "?!"
    assert p._found["told"] == "There is no word in “?!”."
    p.query.value = "a RED bell"
    assert p._found["told"] == ""
    assert repr(p) == "SearchPanel(query='a RED bell'): 2 hits, best 1.00: a red bell"


def test_search_by_parts_of_unknown_words_says_so():
    tfidf = TfidfText(dim=2, chars=(2, 3)).fit(BELLS)
    p = SearchPanel(Index().add(tfidf.transform(BELLS)), lambda texts: tfidf.transform(texts), BELLS)
    p.query.value = "bel"
    assert p._found["told"] == ""  # a function says nothing of its words
    p = SearchPanel(Index().add(tfidf.transform(BELLS)), tfidf, BELLS)
    p.query.value = "bel"
    assert (
        p._found["told"]
        == "None of these words is known: bel; nearest known: bell. The hits go by parts of them."
    )
    assert p._found["rows"][0] == 0
    p.query.value = "xyzzy"
    assert p._found["told"] == "None of these words is known: xyzzy."
    assert p.hits is None


WORDS = st.lists(
    st.sampled_from(["red", "bell", "drum", "two", "xyzzy", "plugh", "BELL", "bells", "红", "!"]), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(WORDS, st.sampled_from([(1, 1), (1, 2), (2, 2)]))
def test_unknown_words_change_nothing_and_known_ones_do(words, ngrams):
    tfidf = TfidfText(ngrams=ngrams).fit(BELLS)
    text = " ".join(words)
    unknown = tfidf.unknown(text)
    assert len(unknown) == len(set(unknown))
    rows = tfidf.transform([text, " . ".join(w for w in words if w.lower() in unknown)]).toarray()
    assert not rows[1].any() or ngrams == (2, 2)
    if ngrams == (1, 1):
        assert rows[0] == pytest.approx(
            tfidf.transform([" ".join(w for w in words if w.lower() not in unknown)]).toarray()[0]
        )
        assert rows[0].any() == any(w.lower() not in unknown and w != "!" for w in words)
    if ngrams == (2, 2):  # a word is known if it is in a known pair here
        assert (len(unknown) < len({w.lower() for w in words} - {"!"})) == rows[0].any()


@functools.cache
def word_vectors():
    return Word2VecText(dim=4, epochs=1).fit(BELLS)


@settings(max_examples=30, deadline=None)
@given(WORDS)
def test_words_without_a_vector_are_unknown(words):
    unknown = word_vectors().unknown(" ".join(words))
    assert unknown == list(
        dict.fromkeys(w.lower() for w in words if w != "!" and w.lower() not in word_vectors().vocabulary_)
    )
    assert not word_vectors().transform([" ".join(unknown)]).any()


@pytest.mark.parametrize("encoder", [TfidfText, Word2VecText])
def test_unknown_wants_a_text_and_a_fitted_encoder(encoder):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        encoder().unknown("red")
    fitted = TfidfText().fit(BELLS) if encoder is TfidfText else word_vectors()
    for wrong in (3, None, ["red"]):
        with pytest.raises(TypeError, match=r"text is .*; want a str"):
            fitted.unknown(wrong)
    assert fitted.unknown("") == []


# ---- all three


@functools.cache
def all_three():
    return [
        ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES, truth="diagonal"),
        MapPanel(A, B, TEXTS, IMAGES, truth="diagonal"),
        search_panel(query="star"),
    ]


def test_each_is_a_line_a_picture_words_and_a_page(tmp_path):
    for p in all_three():
        data, meta = p._repr_mimebundle_()
        assert data["text/plain"] == repr(p)
        assert repr(p).startswith(f"{type(p).__name__}(")
        assert "application/vnd.jupyter.widget-view+json" in data
        assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size[0] > 400
        assert meta["image/png"]["alt"] == p.alt
        assert len(p.alt) > 20
        p.save_html(tmp_path / "page.html")
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert "http://" not in page
        assert "https://" not in page


def test_values_can_be_observed_and_an_error_is_read_in_the_panel():
    p = ComparePanel({"cosine": S, "noisy": OTHER}, TEXTS, IMAGES)
    heard = []
    p.query.observe(lambda change: heard.append(change["new"]))
    p.query.value = 3
    p.next()
    assert heard == [3, p.query.value]
    p.left.observe(lambda change: 1 / 0)
    p.left.value = "noisy"
    assert repr(p) == "ComparePanel(error: ZeroDivisionError: division by zero)"


def test_items_may_come_from_a_table():
    """A column, its array of objects, its index, a categorical, a tuple: the same panel as for the list."""
    pd = pytest.importorskip("pandas")
    table, two = pd.DataFrame({"name": TEXTS}, index=range(100, 100 + N)), {"x": S, "y": OTHER}

    def told(column, few):
        compare = ComparePanel(two, column, column, captions=(column, column))
        search = search_panel(items=few, captions=few, query="star")
        return [
            repr(compare), compare.alt, compare._data["a"], compare._data["b"], MapPanel(A, B, column, column).alt,
            repr(search), search._found["media"],
        ]  # fmt: skip

    want, names = told(TEXTS, NAMES), pd.Series(NAMES, index=[9, 8, 7, 6, 5])
    for make in (lambda s: s, lambda s: s.to_numpy(), pd.Index, pd.Categorical, tuple):
        assert told(make(table["name"]), make(names)) == want


def test_a_dollar_in_a_panel_is_a_dollar():
    money = [f"${i} or ${i + 1}" for i in range(N)]
    for p in (
        ComparePanel({"$x$": S, "$y$": OTHER}, money, money),
        MapPanel(A, B, money, money, sides=("$a$", "$b$"), method="two items"),
        search_panel(items=money[:5], captions=money[:5], query="star"),
    ):
        figure = p.figure()
        figure.canvas.draw()
        mine = [t for t in figure.findobj(matplotlib.text.Text) if "$" in t.get_text()]
        assert mine
        assert not any(t.get_parse_math() for t in mine)


def test_figures_without_a_browser_leave_pyplot_alone():
    from matplotlib._pylab_helpers import Gcf

    for p in all_three():
        p._repr_mimebundle_()
    assert not Gcf.figs


def test_figures_tell_different_scores_apart():
    near = (0.999 + 1e-5 * np.arange(N)[None] * np.ones((N, 1))).astype(np.float32)
    figure = ComparePanel({"near": near, "far": S}, TEXTS, IMAGES, k=4).figure()
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[1:5] == ["0.99939", "0.99938", "0.99937", "0.99936"]
    assert len(set(titles[6:10])) == 4
