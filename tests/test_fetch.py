"""spoken_digits, esc10, wikipedia: pinned, and read as their authors wrote them (where the sets are)."""

import doctest
import functools
import gzip
import inspect
import io
import json
import re

import numpy as np
import pytest

from mmalign_nb.datasets import _download, downloaded, esc10, spoken_digits, wikipedia


def test_every_file_is_pinned_by_commit_size_and_hash():
    parts = _download.registry()
    assert {name: len(part.files) for name, part in parts.items()} == {
        "wikipedia": 4,
        "mnist": 2,
        "fsdd": 3000,
        "esc10": 401,
    }
    for part in parts.values():
        assert re.search(r"^https://.*/[0-9a-f]{40}/", part.base)
        if part.archive is not None:
            commit = re.search(r"/([0-9a-f]{40})/", part.base)[1]
            assert part.archive.endswith(f"/archive/{commit}.zip")
        for path, (size, sha256) in part.files.items():
            assert size > 0
            assert re.fullmatch("[0-9a-f]{64}", sha256)
            assert not path.startswith("/")
            assert ".." not in path
            assert "\\" not in path


@pytest.mark.parametrize("seconds", [0, -1, 61, float("nan"), "1", None])
def test_seconds_are_checked_before_anything_is_read(seconds):
    with pytest.raises((ValueError, TypeError), match="seconds is .*; want a number above 0 and at most 60"):
        spoken_digits(seconds)


def test_seed_and_rate_are_checked_before_anything_is_read():
    with pytest.raises(ValueError, match="seed is -1"):
        spoken_digits(seed=-1)
    with pytest.raises(ValueError, match="sample_rate is 0"):
        esc10(0)


def test_downloaded_says_what_is_here_and_asks_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MMALIGN_NB_DATA", str(tmp_path))
    monkeypatch.setattr(_download, "_fetch", lambda *a: pytest.fail("it downloads"))
    assert not downloaded("esc10")
    monkeypatch.setattr(_download, "missing", lambda part: ["one file"] if part == "mnist" else [])
    assert downloaded("esc10")
    assert not downloaded("spoken_digits")  # one of its two parts is not whole
    for wrong in ("esc-10", None, ["esc10"]):
        with pytest.raises(ValueError, match="name is .*known: 'wikipedia', 'spoken_digits', 'esc10'"):
            downloaded(wrong)


@pytest.fixture
def data(real_data, monkeypatch):
    monkeypatch.setenv("MMALIGN_NB_DATA", str(real_data))
    return real_data


@pytest.fixture(scope="module")
def _decoded():
    from soundfile import read

    return functools.cache(lambda content, dtype: read(io.BytesIO(content), dtype=dtype))


@pytest.fixture
def decoded_once(_decoded, monkeypatch):
    """The same bytes are decoded only once: four hundred sounds take seconds."""
    monkeypatch.setattr("soundfile.read", lambda file, dtype: _decoded(file.read(), dtype))


@pytest.mark.realdata
def test_the_registry_is_that_of_the_sets(data):
    told = json.loads((data / "registry.json").read_text())
    from urllib.parse import quote

    ours = {
        f"{name}/{path}": (size, sha256, part.base + quote(path))
        for name, part in _download.registry().items()
        for path, (size, sha256) in part.files.items()
    }
    assert ours == {f["path"]: (f["bytes"], f["sha256"], f["url"]) for files in told.values() for f in files}


@pytest.mark.realdata
@pytest.mark.parametrize("function", [spoken_digits, esc10, wikipedia])
def test_the_usage_block_runs(data, decoded_once, function):
    text = inspect.getdoc(function).replace("  # doctest: +SKIP", "")
    test = doctest.DocTestParser().get_doctest(text, {}, function.__name__, None, None)
    assert len(test.examples) >= 3
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.realdata
def test_spoken_digits_are_the_recordings_and_pictures_of_their_digit(data):
    import soundfile

    spoken = spoken_digits()
    who, take = spoken.factors["speaker"], spoken.factors["take"]
    assert len(spoken) == 3000
    assert (np.unique(spoken.label, return_counts=True)[1] == 300).all()
    assert sorted(set(who.tolist())) == ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    assert (spoken.factors["split"] == "test").sum() == 300
    assert (take[spoken.factors["split"] == "test"] < 5).all()
    for k in (0, 999, 2999):
        wave, rate = soundfile.read(data / "fsdd" / "recordings" / f"{spoken.ids[k]}.wav", dtype="float32")
        assert rate == spoken.sample_rate
        assert len(wave) == spoken.factors["samples"][k]
        np.testing.assert_array_equal(spoken.audio[k, : len(wave)], wave[:8000])
        assert not spoken.audio[k, len(wave) :].any()
        assert spoken.ids[k] == f"{spoken.label[k]}_{who[k]}_{take[k]}"
    labels = gzip.decompress((data / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    drawn = np.frombuffer(labels, np.uint8)
    picture = spoken.factors["picture"]
    np.testing.assert_array_equal(drawn[picture], spoken.label)
    assert len(set(picture.tolist())) == 3000
    raw = gzip.decompress((data / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    np.testing.assert_array_equal(
        255 - np.frombuffer(raw, np.uint8).reshape(-1, 28, 28)[picture], spoken.image
    )
    assert np.median(spoken.image) == 255  # dark ink on white
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert [words[k] for k in spoken.label] == spoken.text


@pytest.mark.realdata
def test_another_seed_pairs_other_pictures_and_more_seconds_keep_the_longest(data):
    a, b = spoken_digits(seed=1, seconds=2.5), spoken_digits(seed=2, seconds=0.1)
    assert a.ids.tolist() == b.ids.tolist()
    assert (a.factors["picture"] != b.factors["picture"]).mean() > 0.9
    assert a.audio.shape == (3000, 20000)
    assert b.audio.shape == (3000, 800)
    longest = int(a.factors["samples"].argmax())
    assert a.audio[longest, a.factors["samples"][longest] - 100 :][:100].any()


@pytest.mark.realdata
def test_esc10_has_forty_of_each_kind_and_clips_of_a_recording_in_one_fold(data, decoded_once):
    import soundfile

    sounds = esc10(progress=False)
    kinds, counts = np.unique(sounds.label, return_counts=True)
    assert kinds.tolist() == [
        "baby cry", "chainsaw", "clock tick", "dog bark", "fire crackling", "helicopter", "person sneeze", "rain", "rooster", "sea waves",
    ]  # fmt: skip
    assert (counts == 40).all()
    fold, recording = sounds.factors["fold"], sounds.factors["recording"]
    assert (np.unique(fold, return_counts=True)[1] == 80).all()
    assert len(set(zip(fold.tolist(), recording.tolist(), strict=True))) == len(set(recording.tolist()))
    assert set(sounds.factors["licence"].tolist()) == {"CC0", "CC-BY", "CC-Sampling+"}
    assert sounds.audio.shape == (400, 220500)
    file = data / "esc10" / "009 - Rooster" / f"{sounds.ids[sounds.label == 'rooster'][0]}.ogg"
    wave = soundfile.read(io.BytesIO(file.read_bytes()), dtype="float32")[0]
    mine = sounds.audio[sounds.label == "rooster"][0]
    n = min(len(wave), len(mine))
    np.testing.assert_array_equal(mine[:n], wave[:n].clip(-1, 1))
    assert all(text and not text.endswith((".wav", ".mp3")) for text in sounds.text)


@pytest.mark.realdata
def test_esc10_at_another_rate_is_the_same_sound(data, monkeypatch):
    files = _download.load("esc10", "esc10", "", False)
    few = {path: files[path] for path in [*sorted(files)[:5], "README.md"]}
    monkeypatch.setattr(_download, "load", lambda *a: few)
    fine, coarse = esc10()[:4], esc10(8820)[:4]
    assert coarse.audio.shape == (4, 44100)
    blocks = fine.audio.reshape(4, 44100, 5).mean(axis=2)  # a poor low-pass, yet of the same sound
    for a, b in zip(blocks, coarse.audio, strict=True):
        assert np.corrcoef(a, b)[0, 1] > 0.8


@pytest.mark.realdata
def test_wikipedia_is_the_table_of_the_paper(data):
    from scipy.io import loadmat

    wiki, raw = wikipedia(), loadmat(data / "wikipedia" / "raw_features.mat")
    np.testing.assert_allclose(wiki.image[wiki.split == "train"], raw["I_tr"], rtol=1e-6)
    np.testing.assert_allclose(wiki.text[wiki.split == "test"], raw["T_te"], rtol=1e-6)
    assert (wiki.split == "train").sum() == 2173
    assert (wiki.split == "test").sum() == 693
    assert len(set(wiki.ids.tolist())) == 2866
    lines = (data / "wikipedia" / "testset_txt_img_cat.list").read_text().splitlines()
    names = (data / "wikipedia" / "categories.list").read_text().split()
    assert wiki.label[wiki.split == "test"].tolist() == [names[int(line.split()[2]) - 1] for line in lines]
    assert wiki.ids[-1] == " ".join(lines[-1].split()[:2])
