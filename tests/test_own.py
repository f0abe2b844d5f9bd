"""The reader's own data: what real folders hold, made into what encoders take, and each change and refusal said."""

import csv
import importlib.util
import io
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from test_video import write

from mmalign_nb.datasets import from_arrays, from_csv, from_folder, sample


def read(folder, **more):
    return from_folder(folder, progress=False, **more)


def whys(found, file):
    return [(n.what, n.why) for n in found.notes if n.file == file]


def picture(folder, name, mode="RGB", color=None, size=(40, 20), **save):
    im = Image.new(mode, size, color if color is not None else 0)
    im.save(folder / name, **save)
    return im


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ---- what belongs together


def test_files_of_one_name_are_pairs_whatever_way_an_accent_is_written(tmp_path):
    (tmp_path / "images").mkdir()
    picture(tmp_path / "images", unicodedata.normalize("NFD", "café.png"))
    picture(tmp_path / "images", "alone.png")
    (tmp_path / (unicodedata.normalize("NFC", "café") + ".TXT")).write_text(
        "a  cup\nof coffee\n", encoding="utf-8"
    )
    found = read(tmp_path)
    assert repr(found) == "Collection(text 1, image 2; 1 pair)"
    assert found["text"].text == ["a cup of coffee"]
    assert found["text"].ids.tolist() == ["café"]
    i, j = found.pairs("image", "text")[0]
    assert (found["image"].ids[i], j) == ("café", 0)


def test_a_name_that_comes_twice_goes_with_its_folder(tmp_path):
    for sub in ("red", "blue"):
        (tmp_path / sub).mkdir()
        picture(tmp_path / sub, "1.png", color=sub)
        (tmp_path / sub / "1.txt").write_text(f"a {sub} one", encoding="utf-8")
    found = read(tmp_path)
    assert found["image"].ids.tolist() == ["blue/1", "red/1"]
    for i, j in found.pairs("image", "text"):
        r, _, b = found["image"].image[i].reshape(-1, 3).min(axis=0)
        assert ("red" in found["text"].text[j]) == (r > b)


def test_the_second_file_of_one_name_and_kind_is_said(tmp_path):
    picture(tmp_path, "a.jpg")
    picture(tmp_path, "a.png")
    found = read(tmp_path)
    assert len(found["image"]) == 1
    assert whys(found, "a.png") == [("skipped", "its name is taken by a.jpg")]


def test_a_table_of_captions_with_all_that_spreadsheets_do(tmp_path):
    for name in ("a.png", "b.PNG", "ü.png"):
        picture(tmp_path, name)
    rows = (
        'File;Caption\r\na.png;one "quoted"\r\nb;two\r\n./a.png;once more\r\ngone.png;no file\r\n'
        + unicodedata.normalize("NFD", "ü.png")
        + ";three\r\nb.PNG;\r\n"
    )
    (tmp_path / "captions.csv").write_bytes(
        "\ufeff".encode() + rows.replace('one "quoted"', '"one ""quoted"", with a\r\nbreak"').encode()
    )
    found = read(tmp_path)
    assert found["text"].text == ['one "quoted", with a break', "two", "once more", "no file", "three"]
    named = {(found["image"].ids[i], found["text"].text[j]) for i, j in found.pairs("image", "text")}
    assert named == {("a", 'one "quoted", with a break'), ("a", "once more"), ("b", "two"), ("ü", "three")}
    assert len(set(found["text"].ids)) == 5
    assert whys(found, "captions.csv") == [("changed", "semicolons")]
    assert whys(found, "captions.csv, row 4") == [
        ("changed", "names no file that was read: words without a partner")
    ]
    assert whys(found, "captions.csv, row 6") == [("skipped", "no words")]


def test_words_that_are_not_utf_8_are_a_question(tmp_path):
    (tmp_path / "a.txt").write_bytes("café".encode("cp1252"))
    (tmp_path / "b.txt").write_bytes("naïve".encode("utf-16"))
    (tmp_path / "c.txt").write_bytes(b"a\0b")
    (tmp_path / "d.txt").write_text(" \n\t", encoding="utf-8")
    found = read(tmp_path)
    assert found["text"].text == ["naïve"]
    assert whys(found, "a.txt") == [
        ("skipped", "not UTF-8 (byte 3); say encoding='cp1252' if it should read “café”")
    ]
    assert whys(found, "c.txt") == [("skipped", "no text")]
    assert whys(found, "d.txt") == [("skipped", "no words")]
    assert read(tmp_path, encoding="cp1252")["text"].text == ["café", "naïve"]
    (tmp_path / "captions.csv").write_bytes("file,caption\na,café".encode("cp1252"))
    with pytest.raises(ValueError, match="captions.csv: not UTF-8 .* encoding='cp1252'"):
        read(tmp_path)


def test_a_table_that_does_not_say_which_column_is_which(tmp_path):
    (tmp_path / "captions.csv").write_text("who,what\na,b\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match="no column of file names .* its columns are 'who', 'what'; from_csv takes"
    ):
        read(tmp_path)


def test_a_table_that_breaks_off_says_where(tmp_path):
    table = tmp_path / "captions.csv"
    for body, said in (
        ('a,one\nb,"tw"o\n', "line 3"),
        ('a,one\nb,"two', "line 3: unexpected end"),
        ("a,o\0ne\n", "zero bytes"),
        ("", "empty file"),
    ):
        table.write_text(body and f"file,caption\n{body}", encoding="utf-8")
        with pytest.raises(ValueError, match=f"captions.csv: .*{said}"):
            read(tmp_path)


def test_a_second_table_of_captions_is_said(tmp_path):
    (tmp_path / "captions.csv").write_text("file,caption\na,one\n", encoding="utf-8")
    (tmp_path / "captions.tsv").write_text("file\tcaption\na\ttwo\n", encoding="utf-8")
    found = read(tmp_path)
    assert found["text"].text == ["one"]
    assert whys(found, "captions.tsv") == [("skipped", "its place is taken by captions.csv")]


def test_other_tables_that_folders_come_with(tmp_path):
    picture(tmp_path, "a.JPEG")
    picture(tmp_path, "b.png")
    rows = "id\tfile_name\ttext\tlicence\n1\ta.JPEG\tone\tfree\n2\tb.png\ttwo\tfree\n"
    (tmp_path / "metadata.csv").write_bytes(rows.encode("utf-16"))  # as Excel's "Unicode text"
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.JPEG", "text": "one"}\n', encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "captions.csv").write_text("file,caption\na,no\n", encoding="utf-8")
    found = read(tmp_path)
    assert found["text"].text == ["one", "two"]
    assert len(found.pairs("image", "text")) == 2
    assert whys(found, "metadata.csv") == [("changed", "UTF-16"), ("changed", "tabs")]
    other = [("skipped", "a table, but not of captions; from_csv takes any")]
    assert whys(found, "metadata.jsonl") == whys(found, "sub/captions.csv") == other
    (tmp_path / "metadata.csv").write_text("file_name,split\na.JPEG,train\n", encoding="utf-8")
    assert "no column of words" in whys(read(tmp_path), "metadata.csv")[0][1]
    (tmp_path / "captions.txt").write_text("image,caption\na.JPEG,one, with more\n", encoding="utf-8")
    found = read(tmp_path)
    assert found["text"].text == ["one"]
    assert "its place is taken by" not in str(found.notes)
    (tmp_path / "captions.txt").write_text("a cat, asleep", encoding="utf-8")
    assert read(tmp_path)["text"].ids.tolist() == ["captions"], "words after all"


# ---- pictures


def test_pictures_of_every_mode_say_what_was_changed(tmp_path):
    picture(tmp_path, "plain.png", color=(255, 0, 0))
    picture(tmp_path, "grey.png", "L", 100)
    picture(tmp_path, "palette.png", "P", 0)
    picture(tmp_path, "cmyk.jpg", "CMYK", (0, 255, 255, 0))
    Image.fromarray(np.full((20, 40), 32768, np.uint16)).save(tmp_path / "deep.png")
    picture(tmp_path, "clear.png", "RGBA", (255, 0, 0, 0))
    frames = [Image.new("RGB", (40, 20), c) for c in ("lime", "blue")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright: to be turned by 90° to the right
    turned = Image.new("RGB", (40, 20), "white")
    turned.paste((0, 0, 0), (0, 0, 20, 20))  # its left half becomes the upper half
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    found = read(tmp_path, size=32)
    images = dict(zip(found["image"].ids.tolist(), found["image"].image, strict=True))
    assert found["image"].image.shape == (8, 32, 32, 3)
    middle = {name: im[16, 16].tolist() for name, im in images.items()}
    assert middle["plain"] == [255, 0, 0]
    assert middle["grey"] == [100] * 3
    assert middle["deep"] == [128] * 3
    assert middle["clear"] == [255] * 3
    assert middle["film"] == [0, 255, 0]
    r, g, b = middle["cmyk"]
    assert r > 200 > 100 > max(g, b)
    assert images["plain"][0, 16].tolist() == [255] * 3, "paper above a wide picture"
    assert images["turned"][4, 16].max() < 50 < 200 < images["turned"][27, 16].min()
    assert whys(found, "plain.png") == whys(found, "grey.png") == []
    assert whys(found, "cmyk.jpg") == [("changed", "CMYK made RGB")]
    assert whys(found, "deep.png") == [("changed", "16 bits or more, made 8")]
    assert whys(found, "clear.png") == [("changed", "laid on white")]
    assert whys(found, "film.gif") == [("changed", "first frame of several")]
    assert whys(found, "turned.jpg") == [("changed", "turned as its EXIF says")]


def test_a_thousand_files_with_ten_broken_ones_still_load(tmp_path, rng):
    good = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(good, "PNG")
    for k in range(990):
        (tmp_path / f"{k:04}.png").write_bytes(good.getvalue())
    for k in range(10):
        (tmp_path / f"broken {k}.png").write_bytes(good.getvalue()[: 60 + 70 * k])
    found = read(tmp_path, size=16)
    assert len(found["image"]) == 990
    skipped = [n for n in found.notes if n.what == "skipped"]
    assert [n.file for n in skipped] == [f"broken {k}.png" for k in range(10)]
    assert {n.why for n in skipped} <= {"cut off", "damaged picture", "no picture that can be read"}
    row = found.summary().iloc[0]
    assert (row.modality, row.loaded, row.skipped) == ("image", 990, 10)


def test_a_picture_of_too_many_pixels_is_never_decoded(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    picture(tmp_path, "a.png")
    found = read(tmp_path)
    assert next(n.why for n in found.notes if n.file == "bomb.png").startswith(
        ("more than 100 million", "damaged")
    )
    assert len(found["image"]) == 1


def test_no_other_program_is_started_for_a_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(%pipe%touch x) (w) file\n"
    )
    (tmp_path / "a.txt").write_text("words", encoding="utf-8")
    assert whys(read(tmp_path), "a.png") == [("skipped", "no picture that can be read")]


# ---- sounds


def test_sounds_of_every_kind_say_what_was_changed(tmp_path):
    t = np.arange(16000) / 16000
    tone = 0.5 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(tmp_path / "plain.wav", tone[:8000], 16000, "PCM_16")
    soundfile.write(tmp_path / "stereo.flac", np.stack([tone, -tone * 0.5], axis=1), 16000, "PCM_24")
    soundfile.write(tmp_path / "loud.wav", tone * 4, 16000, "FLOAT")
    soundfile.write(tmp_path / "fast.ogg", np.interp(np.arange(44100) / 44100, t, tone), 44100)
    soundfile.write(tmp_path / "long.wav", np.tile(tone, 3), 16000)
    soundfile.write(tmp_path / "short.wav", tone[:100], 16000)
    soundfile.write(tmp_path / "holes.wav", np.where(t > 0.5, np.nan, tone), 16000, "FLOAT")
    whole = (tmp_path / "plain.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[:60])
    (tmp_path / "noise.mp3").write_bytes(b"no sound at all" * 50)
    found = read(tmp_path, seconds=1.5)
    sounds = dict(zip(found["audio"].ids.tolist(), found["audio"].audio, strict=True))
    assert set(sounds) == {"plain", "stereo", "loud", "fast", "long"}
    assert found["audio"].sample_rate == 16000
    assert found["audio"].audio.shape[1] == 24000
    assert np.abs(sounds["plain"][:8000] - tone[:8000]).max() < 1e-4
    assert not sounds["plain"][8000:].any()
    assert np.abs(sounds["stereo"][:16000] - tone * 0.25).max() < 1e-4
    assert np.abs(sounds["loud"]).max() == 1
    assert abs(np.corrcoef(sounds["fast"][2000:14000], tone[2000:14000])[0, 1]) > 0.99
    assert whys(found, "plain.wav") == []
    assert whys(found, "stereo.flac") == [("changed", "2 channels made one")]
    assert whys(found, "loud.wav") == [("changed", "peaks above 1, made softer")]
    assert whys(found, "fast.ogg") == [("changed", "another rate")]
    assert whys(found, "long.wav") == [("changed", "cut to 1.5 s")]
    assert whys(found, "short.wav") == [("skipped", "too short")]
    assert whys(found, "holes.wav") == [("skipped", "samples that are not finite")]
    assert whys(found, "noise.mp3") == [("skipped", "no sound that can be read")]
    assert [n.what for n in found.notes if n.file == "cut.wav"] == ["skipped"]


def test_the_header_of_a_sound_is_read_once_and_of_none_outside(tmp_path, monkeypatch):
    from mmalign_nb.datasets import own

    for folder in (tmp_path, tmp_path / "in"):
        folder.mkdir(exist_ok=True)
        soundfile.write(folder / "a.wav", np.zeros(1000) + 0.1, 16000)
    (tmp_path / "in" / "t.csv").write_text("sound\na.wav\n../a.wav\n", encoding="utf-8")
    looked = []
    monkeypatch.setattr(own, "sound_seconds", lambda path: looked.append(path.name) or 1000 / 16000)
    found = from_csv(tmp_path / "in" / "t.csv", audio="sound", progress=False)
    assert looked == ["a.wav"]
    assert found["audio"].audio.shape == (1, 1000)


# ---- films


def test_films_become_frames_on_an_even_clock(tmp_path):
    write(tmp_path / "short.mp4", range(0, 1000, 40), [20 + 8 * i for i in range(25)], sound=np.zeros(16000))
    write(tmp_path / "long.MKV", range(0, 3000, 40), [100] * 75, turn=90)
    whole = (tmp_path / "short.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "sound.mov").write_bytes(b"RIFF")
    (tmp_path / "short.txt").write_text("lighter and lighter", encoding="utf-8")
    found = read(tmp_path, size=32, fps=5, seconds=2)
    assert repr(found) == "Collection(text 1, video 2; 1 pair; 2 skipped)"
    films = dict(zip(found["video"].ids.tolist(), found["video"].video, strict=True))
    assert found["video"].fps == 5
    assert films["short"].shape == films["long"].shape == (10, 32, 32, 3)
    np.testing.assert_allclose(films["short"][:5, 16, 16, 0], [20, 60, 100, 140, 180], atol=6)
    assert (films["short"][5:] == films["short"][4]).all(), "a shorter film stands still"
    assert films["long"][0, 16, 2].tolist() == [255] * 3, "paper beside a film that was turned"
    assert whys(found, "short.mp4") == []
    assert [what for what, _ in whys(found, "long.MKV")] == ["changed"] * 2
    assert [n.file for n in found.notes if n.what == "skipped"] == ["cut.mp4", "sound.mov"]
    assert str(tmp_path) not in str(found.notes)


def test_without_the_extra_films_are_left_out_and_said(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"film")
    (tmp_path / "a.txt").write_text("words", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "av", None)
    found = read(tmp_path)
    assert whys(found, "a.mp4") == [("skipped", 'read_video needs av: pip install "mmalign_nb[video]"')]


def test_a_frame_of_too_many_pixels_is_never_decoded(tmp_path, monkeypatch):
    from mmalign_nb.datasets import video

    write(tmp_path / "a.mp4", range(0, 400, 40), [100] * 10)
    (tmp_path / "a.txt").write_text("words", encoding="utf-8")
    monkeypatch.setattr(video, "_MOST_PIXELS", 64 * 48 - 1)
    assert [what for what, _ in whys(read(tmp_path), "a.mp4")] == ["skipped"]


def test_all_films_together_are_bounded(tmp_path, monkeypatch):
    from mmalign_nb.datasets import own

    for name in ("a.mp4", "b.mp4"):
        write(tmp_path / name, range(0, 1000, 40), [100] * 25)
    monkeypatch.setattr(own, "_MOST_FILM", 6 * 32 * 32 * 3)
    found = read(tmp_path, size=32, fps=4)
    assert len(found["video"]) == 1
    assert "together would take more" in whys(found, "b.mp4")[0][1]


# ---- folders that are not kind


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of another kind")
def test_links_out_of_the_folder_pipes_and_hidden_files(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "mine"
    outside.mkdir()
    (folder / ".hidden").mkdir(parents=True)
    picture(outside, "secret.png")
    picture(folder / ".hidden", "b.png")
    picture(folder, "a.png")
    (folder / "secret.png").symlink_to(outside / "secret.png")
    (folder / "more").symlink_to(outside)
    (folder / "same.png").symlink_to(folder / "a.png")
    (folder / "round").symlink_to(folder)
    (folder / ".DS_Store").write_bytes(b"x")
    os.mkfifo(folder / "pipe.png")
    (folder / "all.zip").write_bytes(b"PK")
    found = read(folder)
    assert found["image"].ids.tolist() == ["a", "same"]
    assert {(n.file, n.why) for n in found.notes} == {
        ("secret.png", "a link to somewhere else"),
        ("more", "a link to somewhere else"),
        ("round", "a link to somewhere else"),
        ("pipe.png", "not a regular file"),
        ("all.zip", "another kind of file"),
    }


def test_what_is_no_folder_or_holds_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="want a folder"):
        read(tmp_path / "gone")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="want a folder"):
        read(tmp_path / "file")
    with pytest.raises(ValueError, match="nothing that can be used.*file: another kind"):
        read(tmp_path)
    for bad in (
        {"size": 0},
        {"seconds": -1},
        {"sample_rate": 1},
        {"encoding": "klingon"},
        {"encoding": "hex"},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            read(tmp_path, **bad)


@pytest.mark.skipif(os.name == "nt", reason="names of another kind")
def test_names_that_cannot_be_printed_are_said_by_their_codes(tmp_path):
    name = os.fsdecode(b"\xe9\x1b[31m")
    picture(tmp_path, name + ".png")
    (tmp_path / (name + "\n.png")).write_bytes(b"")
    found = read(tmp_path)
    assert found["image"].ids.tolist() == ["\\xe9\x1b[31m"]
    assert [n.file for n in found.notes] == ["\\xe9\\x1b[31m\\n.png"]
    found.to_frame().to_csv(tmp_path / "notes.csv")


# ---- tables and arrays


def test_a_table_names_what_belongs_together_and_nothing_outside(tmp_path):
    (tmp_path / "in").mkdir()
    picture(tmp_path, "out.png")
    picture(tmp_path / "in", "a.png")
    rows = "picture\twords\na.png\tfirst\n../out.png\tsecond\n\tthird\ngone.png\t\n\0.png\tfifth\n".replace(
        "\0", "x" * 300
    )
    table = tmp_path / "in" / "t.tsv"
    table.write_text(rows, encoding="utf-8")
    found = from_csv(table, image="picture", text=" Words ", progress=False)
    assert found["text"].text == ["first", "second", "third", "fifth"]
    assert found["image"].ids.tolist() == ["1"]
    assert found.pairs("image", "text").tolist() == [[0, 0]]
    assert whys(found, "../out.png") == [("skipped", "outside the folder")]
    assert whys(found, "gone.png")[0][0] == "skipped"
    with pytest.raises(ValueError, match="no column 'sound'; its columns are 'picture', 'words'"):
        from_csv(table, audio="sound")
    with pytest.raises(ValueError, match="at least one of text"):
        from_csv(table)
    with pytest.raises(FileNotFoundError):
        from_csv(tmp_path / "no.csv", text="a")


def test_arrays_with_pairs_by_row_named_or_unknown():
    words, sound = ["a", "b"], (np.zeros((2, 100), np.float32), 8000)
    assert from_arrays(text=words, audio=sound).pairs("text", "audio").tolist() == [[0, 0], [1, 1]]
    assert from_arrays(text=words, audio=sound, pairs=[[1, 0]]).pairs("audio", "text").tolist() == [[0, 1]]
    assert len(from_arrays(text=words, audio=sound, pairs=None).pairs("text", "audio")) == 0
    for bad, said in (
        ([[0, 2]], "rows up to"),
        ([[0, 0], [0, 1]], "side a twice"),
        ([0.5], "whole numbers"),
        ("all", "pairs"),
    ):
        with pytest.raises(ValueError, match=said):
            from_arrays(text=words, audio=sound, pairs=bad)
    with pytest.raises(ValueError, match="want pairs"):
        from_arrays(text=["a"], audio=sound)
    with pytest.raises(TypeError, match="sample_rate"):
        from_arrays(audio=sound[0])
    with pytest.raises(ValueError, match="nothing is given"):
        from_arrays()


# ---- the folder that comes with the package


def test_the_sample_is_what_its_generator_makes(tmp_path):
    place = Path(__file__).resolve().parents[1] / "tools" / "make_sample.py"
    spec = importlib.util.spec_from_file_location("make_sample", place)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.make(tmp_path)
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(sample()).as_posix() for p in sample().rglob("*") if p.is_file())
    assert sum(os.path.getsize(sample() / name) for name in names) < 2**20
    for name in names:
        if name.endswith(
            (".csv", ".txt", ".md", ".bmp")
        ):  # other builds pack pictures and sounds in other bytes
            assert (tmp_path / name).read_bytes() == (sample() / name).read_bytes(), name
    for name in names[::7]:
        if name.endswith((".png", ".gif", ".tiff")) and "1000" not in name:
            with Image.open(tmp_path / name) as made, Image.open(sample() / name) as kept:
                assert np.array_equal(np.asarray(made.convert("RGBA")), np.asarray(kept.convert("RGBA"))), (
                    name
                )


def test_the_sample_holds_what_its_readme_says():
    found = read(sample())
    ids = {kind: found[kind].ids.tolist() for kind in ("image", "text")}
    given = {(ids["image"][i], ids["text"][j]) for i, j in found.pairs("image", "text")}
    with open(sample() / "truth.csv", encoding="utf-8", newline="") as file:
        rows = [(row["image"], row["text"], row["what"]) for row in csv.DictReader(file)]
    right = {(a, b) for a, b, _ in rows}
    assert (len(given), len(right), len(right & given)) == (78, 86, 76)
    assert {(a, b) for a, b, what in rows if what == "given"} == right & given
    assert all(a in ids["image"] and b in ids["text"] for a, b in right)
    assert len(ids["image"]) == len(ids["text"]) == 91
    assert sum(n.what == "skipped" for n in found.notes) == 7


def test_a_table_may_stand_beside_the_folder_of_its_files():
    found = from_csv(
        sample() / "captions.csv", image="file", text="caption", folder=sample() / "pictures", progress=False
    )
    assert len(found.pairs("image", "text")) == 60
    assert [note for note in found.notes if note.what == "skipped"] == []
    with pytest.raises(NotADirectoryError, match="folder is .*captions.csv; want a folder with the table's"):
        from_csv(sample() / "captions.csv", text="caption", folder=sample() / "captions.csv")
