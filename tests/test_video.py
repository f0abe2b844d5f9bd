"""Reading a video file: films made here with PyAV, even and uneven, turned, silent, cut off, and what is no film at all."""

import sys
from fractions import Fraction

import numpy as np
import pytest

from mmalign_nb.datasets import read_video

RATE = 16_000


def write(path, times, shades, *, turn=0, sound=None, width=64, height=48, square=None, options=None):
    """Write frames that are shown from ``times`` (ms) on; shades are grey levels, or pictures; sound float (samples,)."""
    av = pytest.importorskip("av", reason="needs the extra video")
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", 2_000_000
        video.codec_context.time_base = Fraction(1, 1000)
        if square:
            video.codec_context.sample_aspect_ratio = square
        if turn:
            video.set_display_rotation(turn)
        track = container.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for time, shade in zip(times, shades, strict=True):
            pixels = np.full((height, width, 3), shade, np.uint8) if np.ndim(shade) == 0 else shade
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if track is not None:
            for start in range(0, len(sound), 1024):
                piece = np.ascontiguousarray(sound[None, start : start + 1024], dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
                container.mux(track.encode(frame))
            container.mux(track.encode())
    return path


def shades(film):
    return film.frames.mean(axis=(1, 2, 3))


EVEN = range(0, 2000, 40)  # 2 s at 25 frames per second
GREYS = [20 + 4 * i for i in range(50)]


def test_frames_and_sound_come_on_one_clock(tmp_path):
    sound = np.zeros(2 * RATE)
    sound[RATE : RATE + 3200] = 0.5 * np.sin(np.arange(3200) * 2 * np.pi * 440 / RATE)
    film = read_video(write(tmp_path / "film.mp4", EVEN, GREYS, sound=sound))
    assert film.frames.shape == (50, 48, 64, 3)
    assert film.frames.dtype == np.uint8
    assert film.fps == pytest.approx(25, rel=0.05)
    np.testing.assert_allclose(shades(film), GREYS, atol=3)
    assert film.audio.shape == (round(50 / film.fps * RATE),)
    assert film.audio.dtype == np.float32
    loud = np.flatnonzero(np.abs(film.audio) > 0.1) / RATE
    assert loud[0] == pytest.approx(1.0, abs=0.08)  # AAC blurs by a window, and may be 1,024 samples late
    assert loud[-1] == pytest.approx(1.2, abs=0.08)
    assert film.notes == ()
    assert read_video(tmp_path / "film.mp4", sample_rate=8000).audio.shape == (len(film.audio) // 2,)


@pytest.mark.parametrize("fps", [5, 12, 25, 50, 60.0])
def test_a_variable_frame_rate_becomes_even_by_time_stamps(tmp_path, fps):
    times = [0, 40, 80, 120, 500, 540, 1400, 1500, 1600, 1960]
    greys = [20 + 22 * i for i in range(10)]
    film = read_video(write(tmp_path / "uneven.mp4", times, greys), fps=fps)
    clock = np.arange(len(film.frames)) / fps * 1000
    want = np.array(greys)[np.searchsorted(times, clock + 0.1, "right") - 1]
    np.testing.assert_allclose(shades(film), want, atol=4)
    assert 1.96 < len(film.frames) / fps <= 2.6
    assert any("variable frame rate" in note for note in film.notes)
    assert film.notes[-1] == "no audio track"
    assert film.audio is None


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_film_is_put_upright(tmp_path, turn):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # a white corner, top left, as it is stored
    plain = read_video(write(tmp_path / "plain.mp4", EVEN[:10], [picture] * 10)).frames[0]
    film = read_video(write(tmp_path / "turned.mp4", EVEN[:10], [picture] * 10, turn=turn))
    assert film.frames.shape[1:3] == ((64, 48) if turn % 180 else (48, 64))
    np.testing.assert_array_equal(film.frames[0], np.rot90(plain, turn // 90))
    assert f"turned by {turn}° counterclockwise" in film.notes


def test_size_shrinks_the_longer_side_and_never_enlarges(tmp_path):
    path = write(tmp_path / "film.mp4", EVEN, GREYS)
    assert read_video(path, size=32).frames.shape[1:] == (24, 32, 3)
    assert (
        read_video(path, size=4000).frames.shape
        == read_video(path, size=None).frames.shape
        == (50, 48, 64, 3)
    )
    wide = write(tmp_path / "wide.mp4", EVEN, GREYS, square=Fraction(2, 1))
    assert read_video(wide, size=None).frames.shape[1:3] == (48, 128)


def test_a_long_film_is_cut_and_says_so(tmp_path, monkeypatch):
    path = write(tmp_path / "film.mp4", EVEN, GREYS, sound=np.zeros(2 * RATE))
    film = read_video(path, max_seconds=0.4, fps=25)
    assert len(film.frames) == 10
    assert len(film.audio) == 6400
    assert film.notes == ("cut at 0.4 of 1.96 s",) or film.notes == ("cut at 0.4 of 2 s",)
    monkeypatch.setattr("mmalign_nb.datasets.video._MOST_BYTES", 20 * 48 * 64 * 3)
    with pytest.raises(
        ValueError,
        match=r"film.mp4 takes more than .* frames of 64 × 48 pixels; reduce size, fps or max_seconds",
    ):
        read_video(path)
    assert len(read_video(path, size=32).frames) == 50


@pytest.mark.parametrize(("heard", "most"), [(20, 60), (0.1, 200)])
def test_only_what_is_wanted_is_read(tmp_path, heard, most):
    """A film of 20 s is read to 0.2 s, or a few seconds more where its sound is too short to say that it is past."""
    av = pytest.importorskip("av", reason="needs the extra video")
    sound = np.zeros(round(heard * RATE))
    path = write(tmp_path / "long.mp4", range(0, 20_000, 40), [100] * 500, sound=sound)
    seen = []

    class Counting:
        def __init__(self, *args, **kw):
            self.inner = opened(*args, **kw)

        def __enter__(self):
            return self

        def __exit__(self, *args):
            self.inner.close()

        def demux(self, *args):
            for packet in self.inner.demux(*args):
                seen.append(packet)
                yield packet

        def __getattr__(self, name):
            return getattr(self.inner, name)

    opened = av.open
    av.open = Counting
    try:
        assert len(read_video(path, fps=25, max_seconds=0.2).frames) == 5
    finally:
        av.open = opened
    assert len(seen) < most


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_breaks_off_is_named(tmp_path, share):
    whole = write(tmp_path / "whole.mp4", EVEN, GREYS).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.mp4 cannot be read as a video"):
        read_video(tmp_path / "cut.mp4")


def test_a_film_whose_index_comes_first_says_when_it_breaks_off(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (50, 48, 64, 3)).astype(np.uint8)
    path = write(tmp_path / "whole.mp4", EVEN, list(noise), options={"movflags": "faststart"})
    whole = path.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(ValueError, match=r"cut\.mp4 .* after \d.\d+ .*max_seconds=\d") as caught:
        read_video(tmp_path / "cut.mp4")
    until = float(str(caught.value).split("max_seconds=")[1].split(" ")[0])
    film = read_video(tmp_path / "cut.mp4", max_seconds=until)
    assert 0.5 < len(film.frames) / film.fps < 1.6


@pytest.mark.parametrize(
    "content", [b"", b"no film", bytes(5000), b"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:9/x.ts\n"]
)
def test_what_is_no_film_is_refused_by_name(tmp_path, content):
    pytest.importorskip("av", reason="needs the extra video")
    for name in ("x.mp4", "x.m3u8"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} cannot be read as a video"):
            read_video(tmp_path / name)


def test_sound_alone_and_other_bad_input(tmp_path):
    av = pytest.importorskip("av", reason="needs the extra video")
    with av.open(str(tmp_path / "tone.m4a"), "w", format="mp4") as container:
        track = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux(track.encode(frame))
        container.mux(track.encode())
    with pytest.raises(ValueError, match=r"tone\.m4a has no picture track"):
        read_video(tmp_path / "tone.m4a")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
        read_video(tmp_path / "nowhere.mp4")
    with pytest.raises(FileNotFoundError):
        read_video(tmp_path)
    for name, bad in (
        ("fps", 0),
        ("fps", "25"),
        ("size", 0),
        ("max_seconds", -1),
        ("max_seconds", np.nan),
        ("sample_rate", 0),
    ):
        with pytest.raises((TypeError, ValueError), match=name):
            read_video(tmp_path / "tone.m4a", **{name: bad})


def test_without_the_extra_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r'pip install "mmalign_nb\[video\]"'):
        read_video(tmp_path / "film.mp4")
