"""DrawPad, SoundPad and the pads of SearchPanel without a browser: what the page hands over is what Python has."""

import json

import numpy as np
import pytest

from mmalign_nb.datasets import glyphs
from mmalign_nb.features import CnnImage, RnnAudio, TfidfText
from mmalign_nb.panels import DrawPad, SearchPanel, SoundPad, _export
from mmalign_nb.panels.instrument import as_json
from mmalign_nb.search import Index

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8, 10), dtype=np.uint8)
VECTORS = RNG.normal(size=(6, 80)).astype(np.float32)


def flat(images):
    """Pixels are the vector."""
    return images.reshape(len(images), -1).astype(np.float32) + 1


def panel(**more):
    index = Index().add(flat(GREY))
    return SearchPanel(index, **({"items": GREY, "pictures": flat, "k": 3} | more))


def hand_over(p, by, *views):
    """As the page does it."""
    p._hear(
        None, {"id": 1, "by": by, "number": 1, "views": len(views)}, [memoryview(v.tobytes()) for v in views]
    )


# ---- SearchPanel


def test_a_picture_of_the_page_finds_itself():
    p = panel()
    assert p.drawing is p.recording is p.hits is None
    hand_over(p, "drawing", GREY[4])
    assert p.hits.ids[0, 0] == 4
    assert np.array_equal(p.drawing, GREY[4])
    assert (p._found["by"], p._found["number"], p._found["rows"][0]) == ("drawing", 1, 4)
    assert repr(p) == "SearchPanel(drawing): 3 hits, best 1.00: picture 4"
    assert p.alt.startswith("Search for a drawing: picture 4 (1.00), ")
    assert p._repr_mimebundle_()[0]["image/png"]
    hand_over(p, "picture", GREY[2])
    assert repr(p) == "SearchPanel(picture): 3 hits, best 1.00: picture 2"


def test_views_are_averaged():
    p = panel()
    hand_over(p, "drawing", GREY[1], GREY[2], GREY[2])
    want = Index().add(flat(GREY)).search(flat(GREY[[1, 2, 2]]).mean(axis=0, keepdims=True), k=3)
    assert p.hits.ids.tolist() == want.ids.tolist()
    assert np.allclose(p.hits.scores, want.scores)


def test_words_after_a_drawing_are_words_again():
    p = panel(encoders=lambda texts: np.ones((1, 80), np.float32), query="x")
    words = repr(p)
    hand_over(p, "drawing", GREY[0])
    assert repr(p) != words
    p._answer({"query": "x", "encoder": "words", "by": "words"})
    assert repr(p) == words
    hand_over(p, "drawing", GREY[0])
    p.query.value = "y"
    assert repr(p) == words.replace("'x'", "'y'")


def test_pictures_in_colour_and_on_black_paper():
    colour = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    p = SearchPanel(Index().add(flat(colour)), items=colour, pictures=flat)
    hand_over(p, "picture", colour[3])
    assert np.array_equal(p.drawing, colour[3])
    assert p.hits.ids[0, 0] == 3
    black = np.zeros((4, 10, 10), np.uint8)
    black[:, 2:8, 3:6] = 255
    wanted = SearchPanel(Index().add(flat(black)), items=black, pictures=flat)._data["picture"]
    assert wanted == {
        "height": 10, "width": 10, "channels": 1, "paper": 0, "ink": pytest.approx(0.6), "center": [pytest.approx(0.45), pytest.approx(0.5)],
    }  # fmt: skip
    blank = SearchPanel(
        Index().add(flat(black)), items=np.full((4, 9, 9), 255, np.uint8), pictures=lambda x: flat(x)[:, :100]
    )
    assert (blank._data["picture"]["ink"], blank._data["picture"]["paper"]) == (0.55, 255)


def test_a_recording_finds_itself_and_a_bad_one_says_why():
    sounds = RNG.normal(0, 0.1, (5, 300)).astype(np.float32)
    p = SearchPanel(Index().add(sounds), items=(sounds, 8000), sounds=lambda x: x[:, :300], k=2)
    assert (p._data["sound"], p._data["picture"]) == ({"rate": 16000, "seconds": 5}, None)
    hand_over(p, "recording", sounds[3])
    assert np.array_equal(p.recording, sounds[3])
    assert repr(p) == "SearchPanel(recording): 2 hits, best 1.00: sound 3"
    assert p._repr_mimebundle_()[0]["image/png"]
    hand_over(p, "recording", sounds[3][:10])
    assert repr(p).startswith("SearchPanel(error: ValueError: queries has 10 columns")
    assert p.hits is None
    rnn = RnnAudio.load("things")
    assert SearchPanel(Index().add(VECTORS), sounds=rnn)._data["sound"]["rate"] == rnn.sample_rate


def test_bad_input_of_pads():
    with pytest.raises(TypeError, match="pictures is 3; want an object with transform"):
        panel(pictures=3)
    with pytest.raises(ValueError, match=r"pictures does not say which size it takes \(shape_\)"):
        panel(items=list("abcdef"))
    with pytest.raises(TypeError, match="sounds is str 'x'; want an object with transform"):
        panel(sounds="x")
    with pytest.raises(ValueError, match="size is 7; want"):
        DrawPad(7)
    with pytest.raises(ValueError, match="seconds is 0; want"):
        SoundPad(0)
    with pytest.raises(ValueError, match="sample_rate is 100; want"):
        SoundPad(sample_rate=100)


# ---- what a page without Python gets


def test_only_what_a_page_can_compute_is_sent(monkeypatch):
    texts = ["a red bell", "a blue drum", "two red drums", "a bell"]
    tfidf = TfidfText(dim=2).fit(texts)
    index = Index().add(tfidf.transform(texts))
    for encoder in (tfidf, tfidf.transform):
        sent = SearchPanel(index, encoder, texts)._state()["_finder"]
        assert list(sent["texts"]) == ["words"]
        assert (sent["pictures"], sent["media"]["n"]) == (None, 4)
        json.dumps(as_json(sent))
    assert SearchPanel(index, {"a": tfidf, "b": lambda t: tfidf.transform(t)}, texts)._finder()["texts"].keys() == {"a"}  # fmt: skip
    assert SearchPanel(index, lambda t: tfidf.transform(t), texts)._finder() is None
    assert SearchPanel(Index("euclidean").add(tfidf.transform(texts)), tfidf, texts)._finder() is None
    assert SearchPanel(Index().add(VECTORS), tfidf)._finder() is None  # of another size
    monkeypatch.setattr(_export, "_MOST", 7)  # of 8 numbers
    assert SearchPanel(index, tfidf, texts)._finder() is None


@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_quantised_scores_stay_within_the_stated_error(metric):
    x, queries = RNG.normal(size=(200, 64)), RNG.normal(size=(50, 64))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    x[3] = 1e-20 if metric == "cosine" else 0
    q, scale = _export.quantised(x, metric)
    sent = _export.gallery(Index(metric).add(x.astype(np.float32)))
    exact = x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x
    error = np.abs(queries @ (exact - q * scale[:, None]).T).max()
    assert q.dtype == np.int8
    assert np.abs(q).max() == 127
    assert 0 < error <= sent["error"] < 0.15
    assert sent["unit"] == (metric == "cosine")


def test_names_are_text_in_what_is_sent():
    evil = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\u2028", "'\"", "a", "b"]
    p = panel(encoders=TfidfText(dim=2).fit([*evil, "x y", "y z"]), captions=evil)
    assert "</script><script>" not in p._living()


def test_sixteen_shades_for_grey_pictures():
    import io

    from PIL import Image

    from mmalign_nb.panels.media import Media

    g = glyphs()[:50]
    sheet = Image.open(io.BytesIO(Media(g.image, "items", 50).sent(small=True)["sheets"][0]))
    assert np.abs(np.asarray(sheet.convert("L"))[:32, :32].astype(int) - g.image[0]).max() <= 8
    sent = Media(np.stack([g.image] * 3, axis=-1), "items", 50).sent(small=True)
    assert Image.open(io.BytesIO(sent["sheets"][0])).mode == "RGB"


def test_the_trained_network_is_sent_with_fixed_normalisation():
    cnn = CnnImage.load("glyphs")
    sent = _export.picture_encoder(cnn.transform)
    assert (sent["shape"], sent["unit"], len(sent["blocks"])) == ([32, 32, 1], True, 2)
    assert sum(b["shape"][0] for block in sent["blocks"] for b in block) == 3 * 64 + 3 * 96
    assert _export.picture_encoder(lambda x: x) is _export.text_encoder((cnn, cnn)) is None


# ---- pads alone


def test_a_draw_pad_has_strokes_and_a_picture():
    pad = DrawPad(16)
    assert (repr(pad), pad.alt, pad.strokes) == ("DrawPad(0 strokes)", "An empty pad to draw on.", [])
    pad._strokes = [[[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.5]]]
    x = RNG.integers(0, 256, (2, 16, 16), dtype=np.uint8)
    pad._hear(None, {"id": 1, "views": 2}, [v.tobytes() for v in x])
    assert np.array_equal(pad.picture, x[0])
    assert [s.shape for s in pad.strokes] == [(2, 2), (1, 2)]
    assert (repr(pad), pad.alt) == ("DrawPad(2 strokes)", "A drawing of 2 strokes.")
    assert pad._repr_mimebundle_()[0]["image/png"]
    pad._strokes = []
    pad._hear(None, {"id": 2, "views": 0}, [])
    assert pad.picture is None


def test_a_sound_pad_has_a_recording():
    pad = SoundPad(2, 8000)
    assert (repr(pad), pad.alt) == ("SoundPad(no recording)", "No recording yet.")
    x = RNG.normal(0, 0.1, 4000).astype(np.float32)
    pad._hear(None, {"id": 1, "sound": True}, [x.tobytes()])
    assert np.array_equal(pad.recording, x)
    assert (repr(pad), pad.alt) == (
        "SoundPad(0.50 s at 8000 Hz)",
        "The wave of a recording: 0.50 s at 8000 Hz.",
    )
    assert pad._repr_mimebundle_()[0]["image/png"]
    pad._hear(None, {"id": 2, "sound": False}, [])
    assert pad.recording is None
