"""DualEncoder: what it computes by hand, what stays frozen, and that it comes back from a folder to the bit."""

import hashlib
import json
import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from mmalign_nb.datasets import glyphs, things
from mmalign_nb.features import CnnImage, RnnAudio, TfidfText, Word2VecText
from mmalign_nb.project import CCA, Contrastive, DualEncoder, Procrustes, Relative, RidgeMap
from mmalign_nb.search import Index


class Pixels(TransformerMixin, BaseEstimator):
    """An encoder of somebody else's: it learns the mean picture."""

    def __init__(self, step=1):
        self.step = step

    def fit(self, X, y=None):
        self.mean_ = np.asarray(X, float).mean(axis=0)
        return self

    def transform(self, X):
        X = np.asarray(X, float) - self.mean_
        return X[:, :: self.step, :: self.step].reshape(len(X), -1) / 255


class Foreign:
    """An encoder that knows nothing of scikit-learn, and cannot be trained."""

    def transform(self, items):
        return [[len(text), text.count("e"), 1.0] for text in items]


@pytest.fixture(scope="module")
def world():
    return things(120, seed=3)


@pytest.fixture(scope="module")
def cnn(world):
    return CnnImage(dim=8, epochs=2, width=4, progress=False).fit(world.image, world.label)


@pytest.fixture(scope="module")
def dual(world, cnn):
    return DualEncoder(cnn, TfidfText(), CCA(reg=0.5)).fit(world.image, world.text)


# ---- what it computes


def test_with_a_projection_it_is_the_parts_one_after_the_other(world, cnn, dual):
    tfidf = TfidfText().fit(world.text)
    A, B = cnn.transform(world.image), tfidf.transform(world.text)
    cca = CCA(reg=0.5).fit(A, B)
    np.testing.assert_array_equal(dual.transform(world.image), cca.transform(A, "a"))
    np.testing.assert_array_equal(dual.transform(world.text[:9], side="b"), cca.transform(B[:9], "b"))
    assert dual.score(world.image, world.text) == cca.score(A, B)
    assert dual.transform(world.image).dtype == np.float32


def test_without_a_projection_the_head_of_the_glyph_encoder_is_its_side_b():
    cnn, tfidf, symbols = CnnImage.load("glyphs"), TfidfText.load("glyphs"), glyphs("STIX")[1000:1100]
    finder = DualEncoder(cnn, tfidf)
    names = cnn.transform(tfidf.transform(symbols.text), side="b")
    np.testing.assert_array_equal(finder.transform(symbols.image), cnn.transform(symbols.image))
    np.testing.assert_array_equal(finder.transform(symbols.text, side="b"), names)
    turned = DualEncoder(tfidf, cnn)  # the same towers, the other way round
    np.testing.assert_array_equal(turned.transform(symbols.text), names)
    np.testing.assert_array_equal(turned.transform(symbols.image, side="b"), cnn.transform(symbols.image))
    assert finder.score(symbols.image, symbols.text) == pytest.approx(
        turned.score(symbols.text, symbols.image)
    )
    assert finder.score(symbols.image, symbols.text) > 0.6
    assert finder.fit(symbols.image, symbols.text).encoder_a_ is cnn  # there is nothing to fit
    assert finder.encoder_b_ is tfidf


def test_encoders_made_for_one_space_are_compared_as_they_are():
    world = things(60, seed=5)
    cnn, rnn = CnnImage.load("things"), RnnAudio.load("things")
    both = DualEncoder(cnn, rnn)
    np.testing.assert_array_equal(both.transform(world.image), cnn.transform(world.image))
    np.testing.assert_array_equal(both.transform(world.audio, side="b"), rnn.transform(world.audio))
    assert both.score(world.image, world.audio) > 0.2


def test_an_encoder_that_needs_a_target_is_fitted_to_the_vectors_of_the_other(world):
    untrained = CnnImage(dim=6, epochs=2, width=4, progress=False)
    joint = DualEncoder(untrained, TfidfText()).fit(world.image, world.text)
    tfidf = TfidfText().fit(world.text)
    by_hand = clone(untrained).fit(world.image, tfidf.transform(world.text))
    np.testing.assert_array_equal(joint.transform(world.image), by_hand.transform(world.image))
    np.testing.assert_array_equal(
        joint.transform(world.text, "b"), by_hand.transform(tfidf.transform(world.text), "b")
    )
    assert not hasattr(untrained, "net_")  # what came is left as it was
    with_projection = DualEncoder(TfidfText(), untrained, RidgeMap()).fit(world.text, world.image)
    np.testing.assert_array_equal(
        with_projection.encoder_b_.transform(world.image), by_hand.transform(world.image)
    )


@given(st.integers(0, 2**16), st.integers(2, 40), st.integers(0, 4))
def test_score_is_retrieval_by_hand(seed, n, equal):
    """Vectors of four signs, whose cosines are exact and often equal: equal scores share their mean rank."""
    rng = np.random.default_rng(seed)
    za, zb = rng.choice([-1.0, 1.0], (2, n, 4))
    za[:, :equal] = zb[:, :equal]

    class Rows:
        def transform(self, items):
            return np.asarray(items)

    score = DualEncoder(Rows(), Rows()).score(za, zb)
    S = cosine_similarity(za, zb)
    total = 0.0
    for T in (S, S.T):
        for i in range(n):
            better = sum(T[i, j] > T[i, i] + 1e-12 for j in range(n))
            equal = sum(abs(T[i, j] - T[i, i]) <= 1e-12 for j in range(n))
            total += 1 / (better + (equal + 1) / 2)
    assert score == pytest.approx(total / (2 * n))


def test_an_index_and_a_panel_take_it(world, dual):
    index = Index().add(dual.transform(world.image), ids=world.ids)
    hits = index.search(dual.transform(["a bell"], side="b"), k=5)
    assert hits.ids.shape == (1, 5)
    from mmalign_nb.panels import SearchPanel

    panel = SearchPanel(index, dual, query="a bell")
    assert panel.hits.ids[0, :5].tolist() == hits.ids[0].tolist()


# ---- what stays as it was


def test_fitted_encoders_are_frozen_under_fit_and_clone(world, cnn):
    before = {k: v.clone() for k, v in cnn.net_.state_dict().items()}
    for encoder in (cnn, FrozenEstimator(cnn)):
        dual = DualEncoder(encoder, TfidfText(), CCA())
        for one in (dual.fit(world.image, world.text), clone(dual).fit(world.image, world.text)):
            assert one.encoder_a is encoder
            assert one.encoder_a_ is encoder
            assert not hasattr(one.encoder_b, "idf_")
    assert all((before[k] == v).all() for k, v in cnn.net_.state_dict().items())
    assert not hasattr(clone(dual), "encoder_b_")
    foreign = Foreign()
    assert clone(DualEncoder(foreign, TfidfText(), RidgeMap())).encoder_a is foreign


def test_grid_search_over_the_parts(world, cnn):
    dual = DualEncoder(cnn, TfidfText(dim=6), CCA())
    grid = {"projection": [CCA(dim=4), RidgeMap()], "encoder_b__ngrams": [(1, 1), (1, 2)]}
    search = GridSearchCV(dual, grid, cv=3).fit(world.image, world.text)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_estimator_.encoder_a_ is cnn
    assert search.best_estimator_.encoder_b_.ngrams == search.best_params_["encoder_b__ngrams"]
    train, test = next(KFold(3).split(world.image))
    some = clone(dual).set_params(**search.cv_results_["params"][0])
    some.fit(world.image[train], [world.text[i] for i in train])
    by_hand = some.score(world.image[test], [world.text[i] for i in test])
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(by_hand)


def test_encoders_to_choose_from_stay_frozen_where_they_are_wrapped(world, cnn):
    other = FrozenEstimator(CnnImage(dim=3, epochs=1, width=4, progress=False).fit(world.image, world.label))
    search = GridSearchCV(
        DualEncoder(cnn, TfidfText(), CCA()), {"encoder_a": [FrozenEstimator(cnn), other]}, cv=2
    )
    search.fit(world.image, world.text)
    assert search.best_estimator_.encoder_a_.estimator in (cnn, other.estimator)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_a_frozen_encoder_refuses_other_parameters(cnn):
    dual = DualEncoder(cnn, TfidfText(), CCA())
    with pytest.raises(ValueError, match="encoder_a__dim is to be set, but encoder_a is fitted already"):
        dual.set_params(encoder_a__dim=4)
    assert cnn.dim == 8
    assert dual.set_params(encoder_a=CnnImage(), encoder_a__dim=4).encoder_a.dim == 4
    assert dual.set_params(encoder_b__min_df=2, projection__reg=0.3).get_params()["projection__reg"] == 0.3


def test_parts_that_came_fitted_need_no_fit(world, cnn):
    tfidf = TfidfText().fit(world.text)
    cca = CCA().fit(cnn.transform(world.image), tfidf.transform(world.text))
    ready = DualEncoder(cnn, tfidf, cca)
    np.testing.assert_array_equal(ready.transform(world.image), cca.transform(cnn.transform(world.image)))
    again = ready.fit(world.image[:60], world.text[:60])
    assert again.projection_ is not cca
    assert again.projection is cca
    assert clone(ready).projection is not cca


# ---- refused


def test_what_is_no_pair_of_items_is_refused(world, dual):
    with pytest.raises(ValueError, match="items_b is None; a DualEncoder is fitted on pairs"):
        dual.fit(world.image)
    with pytest.raises(ValueError, match="items_a has 120 rows and items_b has 119; want pairs"):
        dual.fit(world.image, world.text[1:])
    with pytest.raises(TypeError, match=r"items_a is Items\(n=120.*want one modality of it: pass items.text"):
        dual.fit(world, world.text)
    with pytest.raises(TypeError, match="items is str 'a bell'; want the raw items of one side"):
        dual.transform("a bell", side="b")
    with pytest.raises(TypeError, match="items is generator"):
        dual.transform((x for x in world.text), side="b")
    with pytest.raises(ValueError, match="side is 'c'; known: 'a', 'b'"):
        dual.transform(world.image, side="c")
    with pytest.raises(ValueError, match="items_a has 3 rows and items_b has 2"):
        dual.score(world.image[:3], world.text[:2])


def test_a_fit_that_fails_leaves_everything_as_it_was(world, dual):
    before = dual.transform(world.image)
    with pytest.raises(ValueError, match="A and B have 1 sample each"):
        dual.fit(world.image[:1], world.text[:1])
    np.testing.assert_array_equal(dual.transform(world.image), before)


def test_parts_that_are_none_are_refused(world, cnn):
    for wrong in (None, 5, TfidfText, "tfidf"):
        with pytest.raises(TypeError, match="encoder_b is .*; want an encoder: an object with transform"):
            DualEncoder(cnn, wrong, CCA()).fit(world.image, world.text)
        with pytest.raises(TypeError, match="encoder_a is .*; want an encoder"):
            DualEncoder(wrong, cnn).transform(world.image)
    for wrong in (5, CCA, "cca", Foreign()):
        with pytest.raises(TypeError, match="projection is .*; want None or a projection"):
            DualEncoder(cnn, TfidfText(), wrong).fit(world.image, world.text)


def test_encoders_without_a_common_space_are_refused(world, cnn):
    with pytest.raises(ValueError, match="projection is None, and no encoder learns from the other"):
        DualEncoder(cnn, TfidfText()).fit(world.image, world.text)
    with pytest.raises(ValueError, match="both need a target to be fitted to"):
        DualEncoder(CnnImage(), RnnAudio(), CCA()).fit(world.image, world.audio)
    frozen = DualEncoder(cnn, TfidfText().fit(world.text))
    for call in (frozen.fit, frozen.score):
        with pytest.raises(
            ValueError, match="side a has vectors of 8 columns and side b of .*share no space"
        ):
            call(world.image, world.text)


def test_two_heads_that_fit_are_no_answer(world):
    texts = TfidfText(dim=5).fit(world.text).transform(world.text)
    a = CnnImage(dim=5, epochs=1, width=4, progress=False).fit(world.image, texts)
    b = CnnImage(dim=5, epochs=1, width=4, seed=1, progress=False).fit(world.image, texts)
    with pytest.raises(ValueError, match="were both fitted to vectors of 5 columns"):
        DualEncoder(a, b).transform(world.image)


def test_before_fit_it_says_so(world, cnn):
    dual = DualEncoder(cnn, TfidfText(), CCA())
    for call in (dual.transform, lambda x: dual.score(x, world.text), lambda x: dual.save("nowhere")):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(world.image)
    assert not os.path.exists("nowhere")


def test_an_encoder_that_gives_no_vectors_is_named(world):
    class Broken:
        def __init__(self, out):
            self.out = out

        def transform(self, items):
            return self.out

    texts = TfidfText().fit(world.text)
    for out, message in (
        (np.full((120, 3), np.nan), "what encoder_a made has NaN or infinity in 120 of 120 rows"),
        (np.ones((119, 3)), "what encoder_a made has 119 rows; want 120"),
        (np.ones(120), "what encoder_a made is 1-D"),
        ([["x"]] * 120, "what encoder_a made"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            DualEncoder(Broken(out), texts, CCA()).fit(world.image, world.text)


# ---- on disk

PROJECTIONS = [
    CCA(),
    CCA(dim=3, reg=0),
    RidgeMap(),
    RidgeMap(alpha=0, direction="b_to_a"),
    Procrustes(),
    Procrustes(dim=3, scale=False),
    Relative(),
    Relative(anchors=20, top_k=5, center=False),
    Contrastive(dim=4, epochs=2, progress=False),
    Contrastive(dim=4, hidden=5, epochs=2, progress=False),
]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=repr)
@pytest.mark.parametrize("sparse", [False, True])
def test_it_comes_back_to_the_bit(world, cnn, projection, sparse, tmp_path):
    if sparse and projection.__class__ is RidgeMap and projection.direction == "a_to_b":
        projection = RidgeMap(direction="b_to_a")
    if sparse and getattr(projection, "reg", 1) == 0:
        pytest.skip("as many columns as pairs: nothing to learn without shrinkage")
    text = TfidfText() if sparse else TfidfText(dim=6)
    dual = DualEncoder(cnn, text, projection).fit(world.image, world.text)
    dual.save(tmp_path / "dual")
    back = DualEncoder.load(tmp_path / "dual")
    for items, side in ((world.image, "a"), (world.text, "b"), (world.text[:1], "b")):
        np.testing.assert_array_equal(back.transform(items, side), dual.transform(items, side))
    assert back.score(world.image, world.text) == dual.score(world.image, world.text)
    assert repr(back.projection) == repr(dual.projection_)
    for name, value in vars(dual.projection_).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(back.projection, name), value)
    back.save(tmp_path / "again")  # what came back is as good
    names = ("encoder_a", "encoder_b", "projection")
    for a, b in zip(*(sorted((tmp_path / x).glob("*.npz")) for x in ("dual", "again")), strict=True):
        assert a.name.split("-")[0] == b.name.split("-")[0]
        assert a.name.split("-")[0] in names
        assert a.read_bytes() == b.read_bytes()


def test_all_encoders_and_none_projection_come_back(world, tmp_path):
    audio = RnnAudio(world.sample_rate, dim=8, hidden=8, epochs=1, progress=False)
    words = Word2VecText(dim=8, epochs=1).fit(world.text)
    joint = DualEncoder(audio, words).fit(world.audio, world.text)
    joint.save(tmp_path)
    back = DualEncoder.load(str(tmp_path))
    np.testing.assert_array_equal(back.transform(world.audio), joint.transform(world.audio))
    np.testing.assert_array_equal(back.transform(world.text, "b"), joint.transform(world.text, "b"))
    assert back.projection is None


def test_a_table_with_names_comes_back(tmp_path):
    import pandas as pd

    rng = np.random.default_rng(0)
    A = pd.DataFrame(rng.normal(size=(30, 3)), columns=["a", "b", "ü"])

    class Table:
        def transform(self, items):
            return items

    cca = CCA().fit(A, rng.normal(size=(30, 2)))
    DualEncoder(Table(), Table(), cca).save(tmp_path)
    back = DualEncoder.load(tmp_path, encoder_a=Table(), encoder_b=Table()).projection
    assert back.feature_names_in_.tolist() == ["a", "b", "ü"]
    with pytest.raises(ValueError, match="column 'ü' at place 0"):
        back.transform(A[["ü", "a", "b"]])


def test_loaded_encoders_are_frozen_and_the_projection_learns_anew(world, dual, tmp_path):
    dual.save(tmp_path)
    back = DualEncoder.load(tmp_path)
    again = clone(back)
    with pytest.raises(NotFittedError):
        again.transform(world.image)
    again.fit(world.image, world.text)
    np.testing.assert_array_equal(again.transform(world.image), dual.transform(world.image))
    assert again.encoder_a is back.encoder_a


def test_others_are_asked_for_and_never_imported(world, tmp_path, monkeypatch):
    pixels = Pixels(4)
    dual = DualEncoder(pixels, Foreign(), RidgeMap()).fit(world.image, world.text)
    dual.save(tmp_path)
    path = f"{__name__}:Pixels"
    with pytest.raises(
        ValueError, match=f"encoder_a is one of '{path}', which is not of this package and is not imported"
    ):
        DualEncoder.load(tmp_path)
    with pytest.raises(
        ValueError, match="encoder_b is one of '.*Foreign'.*DualEncoder.load.folder, encoder_b=…"
    ):
        DualEncoder.load(tmp_path, encoder_a=dual.encoder_a_)
    with pytest.raises(TypeError, match=f"encoder_a is one of .*Foreign; the folder wants one of {path}"):
        DualEncoder.load(tmp_path, encoder_a=Foreign())
    back = DualEncoder.load(tmp_path, encoder_a=dual.encoder_a_, encoder_b=Foreign())
    np.testing.assert_array_equal(back.transform(world.image), dual.transform(world.image))
    np.testing.assert_array_equal(back.transform(world.text, "b"), dual.transform(world.text, "b"))
    with pytest.raises(ValueError, match="projection is .*the folder has RidgeMap there: leave it out"):
        DualEncoder.load(tmp_path, encoder_a=dual.encoder_a_, encoder_b=Foreign(), projection=CCA())
    # A module that would do something when imported.
    (tmp_path / "trap_of_a_folder.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    facts = json.loads((tmp_path / "dual_encoder.json").read_text())
    rewrite(tmp_path, kinds=facts["kinds"] | {"encoder_a": "trap_of_a_folder:Encoder"})
    with pytest.raises(ValueError, match="encoder_a is one of 'trap_of_a_folder:Encoder'"):
        DualEncoder.load(tmp_path)
    assert "trap_of_a_folder" not in sys.modules


def test_a_pipeline_is_somebody_elses(world, cnn, tmp_path):
    pipeline = make_pipeline(Pixels(8))
    dual = DualEncoder(pipeline, TfidfText(), CCA()).fit(world.image, world.text)
    assert not hasattr(pipeline[0], "mean_")
    dual.save(tmp_path)
    back = DualEncoder.load(tmp_path, encoder_a=dual.encoder_a_)
    np.testing.assert_array_equal(back.transform(world.image), dual.transform(world.image))


# ---- a folder that is not to be believed


def rewrite(folder, **changes):
    """Let the small file say something else, signed as if it had been saved so."""
    facts = json.loads((folder / "dual_encoder.json").read_text()) | changes
    facts.pop("sha256")
    facts["sha256"] = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    (folder / "dual_encoder.json").write_text(json.dumps(facts))


def part(folder, name):
    return folder / json.loads((folder / "dual_encoder.json").read_text())["parts"][name]["file"]


def put(folder, name, raw):
    """Another content of a part, with a checksum that fits."""
    part(folder, name).write_bytes(raw)
    parts = json.loads((folder / "dual_encoder.json").read_text())["parts"]
    parts[name] |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    rewrite(folder, parts=parts)


def edit(folder, change):
    """Change the configuration and the arrays of the saved projection."""
    import io

    from mmalign_nb._files import read_archive, write_archive

    with part(folder, "projection").open("rb") as file:
        arrays = read_archive(file)
    config = json.loads(str(arrays.pop("config")))
    change(config, arrays)
    out = io.BytesIO()
    write_archive(out, config, arrays)
    put(folder, "projection", out.getvalue())


def learned(name, value):
    return lambda config, arrays: config["learned"].update({name: value})


def shrunk(config, arrays):
    arrays["a0"] = arrays["a0"][:-1]
    for key in arrays:
        arrays[key] = arrays[key][..., :-1]


HOSTILE = {
    "none": (lambda f: (f / "dual_encoder.json").unlink(), "has no dual_encoder.json; want a folder that DualEncoder.save wrote"),
    "cut": (lambda f: (f / "dual_encoder.json").write_text("{"), "is not what DualEncoder.save wrote"),
    "index": (lambda f: (f / "dual_encoder.json").write_text('{"metric": "dot"}'), "is not as DualEncoder.save wrote it"),
    "another format": (lambda f: rewrite(f, format=9), "has format 9, and this version reads format 1"),
    "no kinds": (lambda f: rewrite(f, kinds=None), "does not say what the parts are"),
    "kinds of other names": (lambda f: rewrite(f, kinds={"encoder_a": "CnnImage"}), "does not say what the parts are"),
    "a kind that is none": (lambda f: rewrite(f, kinds={"encoder_a": "CCA", "encoder_b": "TfidfText", "projection": "CCA"}), "has 'CCA' for encoder_a; known"),
    "a list for a kind": (lambda f: rewrite(f, kinds={"encoder_a": ["x"], "encoder_b": "TfidfText", "projection": "CCA"}), "for encoder_a; known"),
    "no encoder": (lambda f: rewrite(f, kinds={"encoder_a": None, "encoder_b": "TfidfText", "projection": "CCA"}), "has None for encoder_a; known"),
    "an import": (lambda f: rewrite(f, kinds={"encoder_a": "os:system", "encoder_b": "TfidfText", "projection": "CCA"}), "encoder_a is one of 'os:system'"),
    "another encoder": (lambda f: rewrite(f, kinds={"encoder_a": "RnnAudio", "encoder_b": "TfidfText", "projection": "CCA"}), "holds no whole encoder of audio"),
    "another projection": (lambda f: rewrite(f, kinds={"encoder_a": "CnnImage", "encoder_b": "TfidfText", "projection": "Relative"}), "it holds one of 'CCA'"),
    "no parts": (lambda f: rewrite(f, parts={}), "the folder has 'CnnImage' for encoder_a"),
    "parts of another kind": (lambda f: rewrite(f, parts=[1]), "does not name the parts as DualEncoder.save does"),
    "a part elsewhere": (
        lambda f: rewrite(f, parts={"encoder_a": {"file": "../../etc/passwd", "bytes": 1, "sha256": ""}}),
        "names '../../etc/passwd', which is no part of what DualEncoder.save writes",
    ),
    "a part without a size": (lambda f: rewrite(f, parts={"encoder_a": {"file": part(f, "encoder_a").name}}), "does not name the parts"),
    "a part that is gone": (lambda f: part(f, "encoder_b").unlink(), "is not there, and dual_encoder.json names it"),
    "a part cut off": (lambda f: part(f, "encoder_b").write_bytes(b"x"), "has 1 bytes and dual_encoder.json says"),
    "a pickle": (lambda f: put(f, "projection", b"\x80\x04cos\nsystem\n."), "is no archive of arrays"),
    "no archive": (lambda f: put(f, "encoder_a", b"x" * 99), "is no archive of arrays"),
    "a method": (lambda f: edit(f, learned("transform", 3)), "'transform' is nothing that is learned"),
    "a private method": (lambda f: edit(f, learned("_encode", 3)), "'_encode' is nothing that is learned"),
    "a class": (lambda f: edit(f, learned("__class__", "x")), "'__class__' is nothing that is learned"),
    "no name": (lambda f: edit(f, learned("a b", 3)), "'a b' is nothing that is learned"),
    "an unknown kind of value": (lambda f: edit(f, learned("map_a_", {"eval": "1"})), "holds no whole projection .KeyError: 'eval'"),
    "a value of two kinds": (lambda f: edit(f, learned("map_a_", {"array": "a0", "map": []})), "holds no whole projection"),
    "an array that is not there": (lambda f: edit(f, learned("map_a_", {"array": "zz"})), "holds no whole projection .KeyError: 'zz'"),
    "a number for a map": (lambda f: edit(f, learned("map_a_", 3)), "holds no whole projection"),
    "huge columns": (lambda f: edit(f, learned("_columns", {"dict": {"a": {"tuple": [10**15, None]}, "b": {"tuple": [3, None]}}})), "holds no whole projection"),
    "negative columns": (lambda f: edit(f, learned("_columns", {"dict": {"a": {"tuple": [-1, None]}, "b": {"tuple": [3, None]}}})), "holds no whole projection"),
    "another dim": (lambda f: edit(f, learned("_n_features_out", 10**9)), "does not end in 1000000000 columns"),
    "arrays that do not fit": (lambda f: edit(f, shrunk), "holds no whole projection"),
    "no arrays": (lambda f: edit(f, lambda config, arrays: arrays.clear()), "holds no whole projection"),
    "parameters of another": (lambda f: edit(f, lambda config, arrays: config.update(params={"alpha": 1})), "holds no whole projection"),
    "a class that is no projection": (lambda f: edit(f, lambda config, arrays: config.update(kind="DualEncoder")), "it holds one of 'DualEncoder'"),
    "a text for the configuration": (lambda f: edit(f, lambda config, arrays: (config.clear(), config.update(x=1))), "holds no whole projection"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_folder_is_refused_in_one_sentence(dual, tmp_path, what):
    change, message = HOSTILE[what]
    dual.save(tmp_path)
    change(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        DualEncoder.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["encoder_a", "encoder_b", "projection"])
def test_a_changed_byte_is_found(dual, tmp_path, name):
    dual.save(tmp_path)
    raw = bytearray(part(tmp_path, name).read_bytes())
    raw[len(raw) // 2] ^= 1
    part(tmp_path, name).write_bytes(raw)
    with pytest.raises(ValueError, match=f"{name}-.* is not as it was saved"):
        DualEncoder.load(tmp_path)


def test_a_relative_whose_sparse_anchors_lie_is_refused(world, cnn, tmp_path):
    DualEncoder(cnn, TfidfText(), Relative()).fit(world.image, world.text).save(tmp_path)

    def lie(config, arrays):
        csr = config["learned"]["_anchors"]["dict"]["b"]["side"]["rest"]["csr"]
        arrays[csr[1]["array"]] = arrays[csr[1]["array"]] + 10**6  # columns far outside

    edit(tmp_path, lie)
    with pytest.raises(ValueError, match="holds no whole projection"):
        DualEncoder.load(tmp_path)


def test_a_save_that_fails_leaves_the_old_one(world, dual, cnn, tmp_path, monkeypatch):
    dual.save(tmp_path)
    before = sorted(x.name for x in tmp_path.iterdir())
    other = DualEncoder(cnn, TfidfText(), RidgeMap(direction="b_to_a")).fit(world.image, world.text)
    with monkeypatch.context() as patch:

        def fails(*_):
            raise OSError("disk full")

        patch.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="disk full"):
            other.save(tmp_path)
    assert sorted(x.name for x in tmp_path.iterdir()) == before
    assert isinstance(DualEncoder.load(tmp_path).projection, CCA)
    other.save(tmp_path)
    assert isinstance(DualEncoder.load(tmp_path).projection, RidgeMap)
    assert len(list(tmp_path.iterdir())) == 4  # nothing piles up


@pytest.mark.parametrize("folder", [5, None, "", "a\0b"])
def test_a_folder_that_is_no_path_is_refused(dual, folder):
    for call in (dual.save, DualEncoder.load):
        with pytest.raises((TypeError, ValueError), match="folder is .*want"):
            call(folder)
