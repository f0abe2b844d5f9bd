"""The generated world: deterministic, grammatical, and each factor in exactly the modalities that tell it."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from mmalign_nb.datasets import _things_draw, _things_plan, _things_shapes, _things_sound, things
from mmalign_nb.datasets._things_plan import Thing, beats, rng_for, thing
from mmalign_nb.datasets.things import COLOURS, COUNTS, KINDS, SIZES, TIMES


@pytest.fixture(scope="module")
def world():
    return things(400)


@pytest.fixture(scope="module")
def films():
    return things(60, video=True)


# --- which items ------------------------------------------------------------------------------------------------


def test_other_vector_instructions_give_the_same_bytes():
    """sin and exp differ in their last digits from processor to processor; no item may."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    code = (
        "import hashlib; from mmalign_nb.datasets import things; w = things(24, video=True); "
        "print([hashlib.sha256(x.tobytes()).hexdigest() for x in (w.image, w.audio, w.video)])"
    )
    plain = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | more, capture_output=True, text=True, check=True
        ).stdout
        for more in ({}, {"NPY_DISABLE_CPU_FEATURES": plain})
    ]
    assert said[0] == said[1]


def test_shapes_types_and_ranges(world):
    assert world.modalities == ("text", "text_zh", "image", "audio")
    assert world.image.shape == (400, 64, 64, 3)
    assert world.image.dtype == np.uint8
    assert world.audio.shape == (400, 16_000)
    assert world.audio.dtype == np.float32
    assert world.sample_rate == 16_000
    assert np.isfinite(world.audio).all()
    assert np.abs(world.audio).max() <= 1
    assert world.ids[7] == "things-0-00007"
    assert list(world.factors) == ["kind", "colour", "size", "count", "time"]
    assert (world.label == world.factors["kind"]).all()
    for name, values in zip(world.factors, (KINDS, COLOURS, SIZES, COUNTS, TIMES), strict=True):
        assert set(world.factors[name].tolist()) == set(values), name
    assert len(KINDS) == 12


def test_item_depends_on_seed_and_index_only(world, films):
    few = things(8)
    for part in (world[:8], films[:8]):
        assert part.text == few.text
        assert part.text_zh == few.text_zh
        assert (part.ids == few.ids).all()
        np.testing.assert_array_equal(part.image, few.image)
        for name, values in few.factors.items():
            np.testing.assert_array_equal(part.factors[name], values)
    np.testing.assert_array_equal(world.audio[:8], few.audio)
    other = things(8, seed=1)
    assert other.ids[7] == "things-1-00007"
    assert other.text != few.text
    assert (other.image != few.image).any(axis=(1, 2, 3)).all()
    assert (other.audio != few.audio).any(axis=1).all()


def test_no_global_random_state():
    np.random.seed(3)  # noqa: NPY002 (the global state is what this test is about)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    things(2)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_every_use_has_its_own_random_numbers():
    uses = [(seed, i, use) for seed in (0, 1) for i in (0, 1) for use in _things_plan._STREAMS]
    assert len({rng_for(*use).random() for use in uses}) == len(uses)


def test_first_lap_has_every_combination_once():
    lap = [thing(5, i) for i in range(4608)]
    assert len(set(lap)) == 4608 == 12 * 8 * 3 * 4 * 4
    again = [thing(5, i) for i in range(4608, 9216)]
    assert set(again) == set(lap)
    assert again != lap


def test_items_differ(world):
    assert len(set(world.text)) == len(set(world.text_zh)) == 400
    assert len({x.tobytes() for x in world.image}) == 400
    assert len({x.tobytes() for x in world.audio}) == 400


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"n": 0}, ValueError, "n is 0; want a whole number of at least 1"),
        ({"n": -3}, ValueError, "n is -3; want a whole number of at least 1"),
        ({"n": 2.5}, ValueError, "n is 2.5; want a whole number"),
        ({"n": "ten"}, ValueError, "n is str 'ten'; want a whole number"),
        ({"n": True}, ValueError, "n is True; want a whole number"),
        ({"n": 2, "seed": -1}, ValueError, "seed is -1; want a whole number of at least 0"),
        ({"n": 2, "seed": None}, ValueError, "seed is None; want a whole number"),
    ],
)
def test_bad_arguments(arguments, error, says):
    with pytest.raises(error, match=re.escape(says)):
        things(**arguments)


# --- the law: which factor shows where ----------------------------------------------------------------------------


def _with(monkeypatch, **changes):
    """The same 24 items with some factors replaced, chance being the same."""
    import importlib

    module = importlib.import_module("mmalign_nb.datasets.things")
    monkeypatch.setattr(module, "thing", lambda s, i: dataclasses.replace(thing(s, i), **changes))
    return things(24)


@pytest.mark.parametrize(
    ("factor", "values", "heard"),
    [
        ("kind", ("frog", "car"), True),
        ("size", ("small", "large"), True),
        ("count", (1, 3), True),
        ("colour", ("red", "white"), False),
        ("time", ("dawn", "night"), False),
    ],
)
def test_factor_shows_in_its_modalities_only(monkeypatch, factor, values, heard):
    one, other = (_with(monkeypatch, **{factor: value}) for value in values)
    assert (one.image != other.image).any(axis=(1, 2, 3)).all()
    assert all(a != b for a, b in zip(one.text, other.text, strict=True))
    assert all(a != b for a, b in zip(one.text_zh, other.text_zh, strict=True))
    same_sound = (one.audio == other.audio).all(axis=1)
    assert not same_sound.any() if heard else same_sound.all()


def _onsets(sound):
    """Count attacks: new energy in 32 bands while the whole grows louder, at most one in 0.15 s."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 512)[::80] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:])
    bands = np.log(power.reshape(len(power), 32, 8).mean(axis=2) + 0.05)
    whole = np.log(np.linalg.norm(power, axis=1) + 0.05)
    flux = np.maximum(bands[4:] - bands[:-4], 0).sum(axis=1) * (whole[4:] > whole[:-4] + 0.1)
    found = [-100]
    for i in np.flatnonzero(flux > 0.35 * flux.max()):
        if i - found[-1] > 30:
            found.append(i)
    return len(found) - 1


def test_as_many_events_as_things():
    for kind, size, count in product(KINDS, SIZES, COUNTS):
        rng = np.random.default_rng([count, len(kind)])
        sound = _things_sound.perform(kind, size, beats(rng, count), 1.0, rng)
        assert _onsets(sound) == count, (kind, size, count)


def test_beats_are_apart_and_name_each_thing_once():
    for i, count in product(range(50), COUNTS):
        events = beats(rng_for(0, i, "beats"), count)
        at = np.array([b.at for b in events])
        assert sorted(b.who for b in events) == list(range(count))
        assert at.min() > 1 / 24  # the film's first frame is at rest
        assert at.max() <= 0.8
        assert (np.diff(at) >= 0.2 - 1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_smaller_things_sound_higher(kind):
    def centre(size):
        wave = _things_sound.voice(kind, size, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(wave, 16_000)) ** 2
        return (power * np.arange(len(power))).sum() / power.sum()

    small, medium, large = (centre(size) for size in SIZES)
    assert small > 1.2 * medium > 1.2 * 1.2 * large


@pytest.mark.parametrize("kind", KINDS)
def test_sound_has_no_clicks_and_common_loudness(kind):
    for size in SIZES:
        wave = _things_sound.voice(kind, size, np.random.default_rng(1))
        assert wave[0] == 0 == wave[-1]
        assert np.abs(wave[:5]).max() < 0.15  # it swells, however fast
        assert np.abs(wave).max() <= 0.75 + 1e-9
        loudest = np.sqrt(np.convolve(wave**2, np.ones(800) / 800).max())
        assert 0.09 < loudest <= 0.2 + 1e-9  # 7 dB between the softest tick and the loudest honk


def test_kinds_have_their_own_timbres():
    """A nearest-centroid ear that was trained at other pitches and times names the kind."""

    def hear(kind, seed):
        rng = np.random.default_rng(seed)
        sound = _things_sound.perform(kind, SIZES[seed % 3], beats(rng, 2), 1.0, rng)
        spectrum = np.abs(np.fft.rfft(sound.reshape(50, 320) * np.hanning(320), axis=1))
        bands = np.log(spectrum[:, :160].reshape(50, 20, 8).mean(axis=2) + 0.01)
        return np.concatenate([np.sort(bands, axis=0)[-12:].ravel(), bands.std(axis=0)])

    train = np.array([[hear(kind, s) for s in range(9)] for kind in KINDS])
    right = 0
    for k, kind in enumerate(KINDS):
        for s in range(9, 15):
            away = np.linalg.norm(train - hear(kind, s), axis=2).min(axis=1)
            right += int(away.argmin() == k)
    assert right / (12 * 6) > 0.95


def _seen(one: Thing, seed: int):
    """Where the picture differs from the empty landscape."""
    rng = np.random.default_rng(seed)
    picture = _things_draw.Scene(one, rng).picture()
    empty = _things_draw._landscape(one.time, np.random.default_rng(seed))
    empty = np.asarray(empty.resize((64, 64), 1, reducing_gap=2.0), np.int16)
    return np.abs(picture - empty).max(axis=2) > 70, picture


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_drawn_as_there_are(kind):
    from scipy import ndimage

    for count, colour in zip(COUNTS, ("red", "blue", "yellow", "white"), strict=True):
        mask, _ = _seen(Thing(kind, colour, "small", count, "day"), seed=count)
        labels, found = ndimage.label(mask, np.ones((3, 3)))
        areas = np.bincount(labels.ravel())[1:]
        assert (areas > 40).sum() == count, (kind, found, areas)


@pytest.mark.parametrize("kind", KINDS)
def test_larger_things_cover_more(kind):
    small, medium, large = (_seen(Thing(kind, "pink", size, 2, "night"), 0)[0].sum() for size in SIZES)
    assert 1.4 * small < medium < large / 1.3


def test_paint_is_the_named_colour():
    for kind, (name, rgb) in product(KINDS, COLOURS.items()):
        sheet = np.asarray(_things_shapes.sprite(kind, rgb)).astype(int)
        solid = sheet[sheet[..., 3] > 250][:, :3]
        away = {other: np.abs(solid - paint).max(axis=1) < 28 for other, paint in COLOURS.items()}
        share = {other: hit.mean() for other, hit in away.items() if other != "white"}
        if name == "white":
            assert away["white"].mean() > 0.2, kind
        else:
            assert share[name] > 0.1, (kind, name)
            assert share[name] == max(share.values()), (kind, name)


def test_time_of_day_is_in_the_sky(world):
    top = world.image[:, :3].mean(axis=(1, 2))
    time = world.factors["time"]
    middles = np.array([top[:200][time[:200] == t].mean(axis=0) for t in TIMES])
    nearest = np.linalg.norm(top[200:, None] - middles, axis=2).argmin(axis=1)
    assert (np.array(TIMES)[nearest] == time[200:]).mean() > 0.95


def test_palette_can_be_told_apart_by_colour_blind_readers():
    """CIELAB distance of every pair of colours after Machado, Oliveira and Fernandes (2009), severity 1."""
    sight = {
        "usual": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }  # fmt: skip
    srgb = np.array(list(COLOURS.values())) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    for kind, matrix in sight.items():
        xyz = np.clip(linear @ np.asarray(matrix).T, 0, 1) @ to_xyz.T / [0.9505, 1.0, 1.089]
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)
        away = np.linalg.norm(lab[:, None] - lab, axis=2)[np.triu_indices(8, 1)]
        assert away.min() > 12, (kind, away.min())


# --- words --------------------------------------------------------------------------------------------------------

PLURALS = {k: k + "s" for k in KINDS}
WORDS = {
    "size": {
        "small": "small|little|tiny",
        "medium": "medium-sized|mid-sized|average-sized",
        "large": "large|big|huge|enormous",
    },
    "count": {1: "a|an|one|a single", 2: "two|a couple of", 3: "three", 4: "four"},
    "time": {
        "dawn": "dawn|sunrise|daybreak|sun is rising|day is breaking|early in the morning",
        "day": "noon|midday|broad daylight|middle of the day|sun is high",
        "dusk": "dusk|sunset|nightfall|evening falls|sun is setting|evening is falling",
        "night": "at night|midnight|the stars|dark of night|it is night|moon is up",
    },
}


def _the_one(text, table):
    found = [value for value, words in table.items() if re.search(rf"\b(?:{words})\b", text)]
    assert len(found) == 1, (text, found)
    return found[0]


def test_english_names_every_factor_once(world):
    for i, text in enumerate(world.text):
        low = text.lower()
        kind = _the_one(low, {k: f"{k}|{many}" for k, many in PLURALS.items()})
        assert kind == world.factors["kind"][i]
        assert _the_one(low, {c: c for c in COLOURS}) == world.factors["colour"][i]
        assert _the_one(low, WORDS["size"]) == world.factors["size"][i]
        assert _the_one(low, WORDS["time"]) == world.factors["time"][i]
        # the number word stands before the noun with nothing but size and colour between
        sizes = "|".join(WORDS["size"].values())
        thing_ = rf"(?:(?:{sizes}) (?:{'|'.join(COLOURS)}) )?{kind}s?\b"
        counts = {c: rf"(?:{words}) {thing_}" for c, words in WORDS["count"].items()}
        assert _the_one(low, counts) == world.factors["count"][i], text


def test_english_grammar(world):
    shapes = set()
    for i, text in enumerate(world.text):
        assert re.fullmatch(r"[A-Z][A-Za-z ,-]+\.", text), text
        assert "  " not in text
        assert " ," not in text
        assert ",," not in text
        assert ",." not in text
        assert not re.search(r"\b[Aa] [aeiou]", text), text
        assert not re.search(r"\b[Aa]n [^aeiou]", text), text
        one, kind = bool(world.factors["count"][i] == 1), world.factors["kind"][i]
        assert bool(re.search(rf"\b{kind}\b", text)) is one, text
        assert bool(re.search(rf"\b{kind}s\b", text)) is not one, text
        if (found := re.search(rf"{kind}s?(?:, [a-z-]+ and [a-z]+,)? (is|are) \w+ing\b", text)) or (
            found := re.match(r"There (is|are) ", text)
        ):
            assert found[1] == ("is" if one else "are"), text
        elif not re.search(
            r"\w{3,}ing\b(?! (?:high|up))", text.replace("evening", "").replace("morning", "")
        ):
            verb = re.search(rf"{kind}s?(?:, [a-z-]+ and [a-z]+,)? (\w+)", text)[1]
            assert verb.endswith("s") is one, text
        shapes.add(re.sub(r"\b(?!is|are|and|there|listen|you|can|hear|it)\w+\b", "·", text.lower()))
    assert len(shapes) > 20  # sentences really vary


MEASURE = {
    "口": "钟|吊钟", "面": "鼓|皮鼓", "朵": "雨云", "辆": "汽车", "个": "警报器|皮球",
    "只": "鸟|鸟儿|闹钟|蜜蜂|哨子|青蛙|猫|猫咪",
}  # fmt: skip
KIND_ZH = dict(
    zip(
        KINDS,
        [
            "吊?钟",
            "皮?鼓",
            "鸟儿?",
            "闹钟",
            "雨云",
            "警报器",
            "汽车",
            "蜜蜂",
            "哨子",
            "皮球",
            "青蛙",
            "猫咪?",
        ],
        strict=True,
    )
)
COLOUR_ZH = dict(zip(COLOURS, ["红", "橙", "黄", "绿", "蓝", "紫", "粉", "白"], strict=True))
SIZE_ZH = {"small": "小|小小的|很小的", "medium": "中等大小的|不大不小的", "large": "大|巨大的|很大的"}
TIME_ZH = {"dawn": "清晨|黎明|日出|天刚亮", "day": "中午|正午|大白天|晌午", "dusk": "傍晚|黄昏|日落|天快黑", "night": "夜|星空下"}  # fmt: skip


def test_chinese_names_every_factor_with_its_measure_word(world):
    shapes = set()
    for i, text in enumerate(world.text_zh):
        f = {name: values[i] for name, values in world.factors.items()}
        number, size, noun = "一两三四"[f["count"] - 1], SIZE_ZH[f["size"]], KIND_ZH[f["kind"]]
        colour = COLOUR_ZH[f["colour"]] + "色"
        found = re.search(
            rf"(?P<n>[一二两三四])(?P<m>\w)(?:(?:{size}){colour}|{colour}的(?:{size}))(?P<noun>{noun})在",
            text,
        )
        assert found, (text, f)
        assert found["n"] == number, text
        assert re.fullmatch(MEASURE[found["m"]], found["noun"]), text
        assert re.search(TIME_ZH[f["time"]], text), text
        assert text.endswith("。")
        assert text.count("。") == 1
        assert "的的" not in text
        assert re.fullmatch(r"[\u4e00-\u9fff，。]+", text), text
        shapes.add(text.replace(found[0], ""))
    assert len(shapes) > 60


# --- film ---------------------------------------------------------------------------------------------------------


def test_film_shapes(films):
    assert films.video.shape == (60, 24, 64, 64, 3)
    assert films.video.dtype == np.uint8
    assert films.fps == 12
    assert films.audio.shape == (60, 32_000)
    np.testing.assert_array_equal(films.video[:, 0], films.image)
    assert (films.video != films.video[:, :1]).any(axis=(1, 2, 3, 4)).all()


def test_film_has_the_same_events_at_half_the_tempo(world, films):
    for i in range(20):
        for beat in beats(rng_for(0, i, "beats"), films.factors["count"][i]):
            quick, slow = round(beat.at * 16_000), round(beat.at * 32_000)
            a, b = world.audio[i, quick : quick + 1200], films.audio[i, slow : slow + 1200]
            if films.factors["kind"][i] not in ("bell", "drum"):  # these ring on into the next
                assert np.corrcoef(a, b)[0, 1] > 0.98, (i, films.label[i])


def test_things_move_in_the_frame_in_which_they_sound(films):
    prompt = []
    for i, film in enumerate(films.video):
        events = beats(rng_for(0, i, "beats"), films.factors["count"][i])
        moves = np.flatnonzero((film[1:] != film[:-1]).any(axis=(1, 2, 3))) + 1
        frames = [int(b.at * 24) for b in events]
        assert (
            frames[0] <= moves[0] <= frames[0] + 1
        )  # never before, and late only where the frame all but ends
        prompt += [f in moves for f in frames]
    assert np.mean(prompt) > 0.95


def test_motion_finds_the_sound_without_training(films):
    """Motion between frames beside the growth of loudness: the right one of 60 sounds comes first (chance .02)."""
    n = len(films)
    motion = np.abs(np.diff(films.video.astype(np.float32), axis=1)).mean(axis=(2, 3, 4))
    loud = np.sqrt((films.audio[:, : 24 * 4 * 333].reshape(n, 96, 333) ** 2).mean(axis=2))
    growth = np.maximum(np.diff(loud, axis=1, prepend=0), 0).reshape(n, 24, 4).sum(axis=2)[:, 1:]
    scores = np.corrcoef(motion, growth)[:n, n:]
    hit = (scores.argmax(axis=1) == np.arange(n)).mean()
    assert 0.5 < hit < 0.98  # neither hopeless nor trivial
    late = np.corrcoef(motion[:, :-1], growth[:, 1:])[:n, n:]
    assert (late.argmax(axis=1) == np.arange(n)).mean() < hit / 2  # an offset of one frame is felt


# --- neither trivial nor hopeless -----------------------------------------------------------------------------------


def test_simple_linear_features_align_some_but_not_all(world):
    """Ridge from colour and edge histograms to the caption's words, 100 held out (chance .01)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    grey = world.image.astype(np.float32).mean(axis=3)
    gy, gx = np.gradient(grey, axis=(1, 2))
    turn = (np.arctan2(gy, gx) % np.pi / np.pi * 9).astype(int).clip(0, 8)
    edges = np.stack(
        [(np.hypot(gx, gy) * (turn == b)).reshape(-1, 8, 8, 8, 8).sum((2, 4)) for b in range(9)], axis=3
    )
    codes = (world.image // 43).astype(int) @ [36, 6, 1]
    paint = np.stack([np.bincount(c.ravel(), minlength=216) for c in codes])
    seen = np.sqrt(np.concatenate([edges.reshape(400, -1), edges.mean((1, 2)), paint], axis=1))
    seen = (seen - seen[:300].mean(0)) / (seen[:300].std(0) + 0.1)
    words = TfidfVectorizer(stop_words="english").fit(world.text[:300]).transform(world.text).toarray()
    guess = Ridge(alpha=300.0).fit(seen[:300], words[:300]).predict(seen[300:])
    guess /= np.linalg.norm(guess, axis=1, keepdims=True)
    scores = guess @ words[300:].T
    hit = (scores.argmax(axis=1) == np.arange(100)).mean()
    assert 0.25 < hit < 0.95


def test_constants_agree_between_the_rooms():
    assert set(_things_sound._PITCH) == set(_things_draw._DRAWN) == set(SIZES)
    assert set(_things_draw._COLUMNS) == set(COUNTS)
    assert set(_things_draw._MOODS) == set(TIMES)
    assert set(_things_sound._VOICES) == set(_things_shapes._DRAW) == set(KINDS)
    assert set(KINDS) >= _things_shapes.FLYING
    assert len(_things_plan._ALL) == 4608
