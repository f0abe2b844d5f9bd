"""DrawPad and SoundPad alone, from a disk and with a kernel; a recording from Chromium's own device."""

import io
import wave

import numpy as np
import pytest
from disk import LOOKS, LOOKS_BY_NAME
from playwright.sync_api import expect

from mmalign_nb.panels import DrawPad, SearchPanel, SoundPad
from mmalign_nb.search import Index

SAMPLES = "e => [...e.recorded()]"


def as_wav(x, rate):
    """Sounds (channels, samples) in [-1, 1] as a file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(x))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(x).T * 32767).astype("<i2").tobytes())
    return out.getvalue()


def tone(hertz, seconds, rate):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def choose(panel, name, content):
    panel.get_by_label("sound file").set_input_files({"name": name, "mimeType": "audio/wav", "buffer": content})  # fmt: skip


def pitch(x, rate):
    spectrum = np.abs(np.fft.rfft(x))
    return np.fft.rfftfreq(len(x), 1 / rate)[spectrum.argmax()]


def test_a_recording_is_made_shown_played_and_cleared(from_disk):
    page = from_disk(SoundPad(seconds=1.5), permissions=["microphone"])
    panel = page.panel
    panel.get_by_role("button", name="record").click()
    expect(panel.get_by_role("progressbar")).to_be_visible()
    expect(panel.locator(".mm-wave")).to_have_attribute("aria-label", "wave of a sound of 1.50 s", timeout=20_000)  # fmt: skip
    x = np.array(panel.evaluate(SAMPLES))
    assert len(x) == 24_000
    assert 0.01 < np.abs(x).max() <= 1.01  # the device beeps
    expect(panel.get_by_role("progressbar")).to_be_hidden()
    page.page.evaluate(
        "Audio.prototype.play = function () { window.played = this; return Promise.resolve(); }"
    )
    panel.get_by_role("button", name="▶ play").click()
    panel.get_by_role("button", name="■ stop playing").click()
    expect(panel.get_by_role("button", name="▶ play")).to_be_enabled()
    panel.get_by_role("button", name="clear sound").click()
    expect(panel.locator(".mm-wave")).to_have_attribute("aria-label", "no sound yet")
    panel.get_by_role("button", name="record").click()
    page.page.wait_for_timeout(400)
    panel.get_by_role("button", name="stop").click()  # before the time is up
    expect(panel.get_by_role("button", name="▶ play")).to_be_enabled()
    assert 0 < len(panel.evaluate(SAMPLES)) < 24_000
    assert page.complaints == page.asked == []


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("", "The microphone was not allowed."),
        ("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))", "There is no microphone."),
        ("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })", "This page has no way to a microphone."),
    ],
)  # fmt: skip
def test_without_a_microphone_a_file_does(before, said, from_disk):
    page = from_disk(SoundPad(seconds=1, sample_rate=8000))
    if before:
        page.page.evaluate(f"() => {{ {before}; }}")
    page.panel.get_by_role("button", name="record").click()
    expect(page.panel.locator(".mm-said")).to_have_text(f"⚠ {said} Choose a sound file instead.")
    choose(page.panel, "tone.wav", as_wav([tone(440, 0.5, 44_100), 0 * tone(440, 0.5, 44_100)], 44_100))
    expect(page.panel.locator(".mm-said")).to_have_text("")
    x = np.array(page.panel.evaluate(SAMPLES))
    assert len(x) == 4000
    assert pitch(x, 8000) == pytest.approx(440, abs=3)
    assert np.abs(x[500:-500]).max() == pytest.approx(0.25, abs=0.02)  # the mean of both channels
    choose(page.panel, "long.wav", as_wav([tone(440, 2.5, 8000)], 8000))
    expect(page.panel.locator(".mm-said")).to_have_text("long.wav lasts 2.5 s; the first 1 s are taken.")
    assert len(page.panel.evaluate(SAMPLES)) == 8000


def test_a_file_that_is_no_sound_is_said(from_disk):
    page = from_disk(SoundPad())
    for name, content in (("<b>no</b>.wav", b"no sound at all"), ("empty.wav", b""), ("picture.wav", b"\x89PNG\r\n\x1a\n" + bytes(99))):  # fmt: skip
        choose(page.panel, name, content)
        expect(page.panel.locator(".mm-said")).to_have_text(
            f"⚠ {name} is no sound that this browser can read."
        )
    assert page.panel.evaluate("e => e.recorded()") is None


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOKS_BY_NAME)
def test_axe_finds_nothing(theme, size, from_disk):
    sounds = (np.random.default_rng(0).normal(0, 0.1, (3, 800)).astype(np.float32), 8000)
    for number, panel in enumerate(
        (DrawPad(), SoundPad(), SearchPanel(Index().add(np.eye(3)), items=sounds, sounds=lambda x: x[:, :3]))
    ):
        page = from_disk(panel, size=size, color_scheme=theme)
        if number:
            choose(page.panel, "tone.wav", as_wav([tone(440, 0.5, 8000)], 8000))
            expect(page.panel.get_by_role("button", name="▶ play")).to_be_enabled()
        assert page.findings() == []
        assert not page.too_wide()
        page.shot(f"{theme}-{size['width']}")
        page.context.close()


def test_a_search_by_sound_says_that_it_needs_python(from_disk):
    page = from_disk(SearchPanel(Index().add(np.eye(3)), sounds=lambda x: x[:, :3]))
    expect(page.panel.locator(".mm-note[role=status]")).to_have_text("Record.")
    choose(page.panel, "tone.wav", as_wav([tone(440, 0.5, 8000)], 8000))
    expect(page.panel.locator(".mm-said")).to_contain_text("This search needs Python")


# ---- with a kernel

CODE = """
import numpy as np
from mmalign_nb.panels import DrawPad, SearchPanel, SoundPad
from mmalign_nb.search import Index
images = np.full((40, 16, 16), 255, np.uint8)
for i in range(32): images[i, i // 2, 2:14] = 0
for i in range(32, 40): images[i, 2:14, 2 * (i - 32)] = 0
encode = lambda x: 256.0 - x.reshape(len(x), -1)
index = Index().add(encode(images))
panel = SearchPanel(index, items=images, pictures=encode, sounds=lambda x: encode(images)[39:], k=3)
panel
"""


def test_drawings_and_recordings_reach_python(open_notebook, served):
    import nbformat

    folder, _, _ = served
    cells = [
        nbformat.v4.new_code_cell(c) for c in (CODE, "pad = DrawPad(16)\npad", "sound = SoundPad()\nsound")
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, folder / "pads.ipynb")
    notebook = open_notebook("pads.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    search, pad, sound = (notebook.panels().nth(k) for k in range(3))

    def line(panel, x0, y0, x1, y1):
        panel.locator(".mm-paper").scroll_into_view_if_needed()
        box = panel.locator(".mm-paper").bounding_box()
        mouse = notebook.page.mouse
        mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
        mouse.down()
        mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"], steps=5)
        mouse.up()

    line(search, 0.5, 0.1, 0.5, 0.9)
    expect(search.locator(".mm-note[role=status]")).to_have_text("Hits for the drawing.")
    first = search.locator(".mm-hits .mm-card").first
    expect(first).to_have_attribute("data-row", "36")  # an upright line through the middle
    assert notebook.ask("print(panel, panel.drawing.shape, panel.drawing.dtype, int(panel.drawing[8].argmin()) in (7, 8))").endswith(": picture 36 (16, 16) uint8 True")  # fmt: skip
    search.get_by_label("sound file").set_input_files({"name": "t.wav", "mimeType": "audio/wav", "buffer": as_wav([tone(440, 0.5, 8000)], 8000)})  # fmt: skip
    expect(first).to_have_attribute("data-row", "39")
    assert notebook.ask("print(panel.recording.shape, panel.recording.dtype, panel)").startswith("(8000,) float32 SearchPanel(recording): 3 hits")  # fmt: skip

    line(pad, 0.2, 0.5, 0.8, 0.5)
    expect(pad.locator(".mm-paper")).to_have_attribute("aria-label", "drawing of 1 stroke")
    notebook.page.wait_for_timeout(500)
    assert notebook.ask("print(pad, len(pad.strokes), pad.strokes[0][-1].round(1).tolist(), pad.picture.shape, pad.picture[8].min() < 200, pad.picture[0].min())") == "DrawPad(1 stroke) 1 [0.8, 0.5] (16, 16) True 255"  # fmt: skip
    notebook.ask("pad._strokes = []")
    expect(pad.locator(".mm-paper")).to_have_attribute("aria-label", "drawing of 0 strokes")
    sound.get_by_label("sound file").set_input_files({"name": "t.wav", "mimeType": "audio/wav", "buffer": as_wav([tone(440, 0.5, 8000)], 8000)})  # fmt: skip
    expect(sound.locator(".mm-wave")).to_have_attribute("aria-label", "wave of a sound of 0.50 s")
    notebook.page.wait_for_timeout(500)
    assert notebook.ask("print(sound, sound.recording.shape)") == "SoundPad(0.50 s at 16000 Hz) (8000,)"
    assert notebook.complaints == []
