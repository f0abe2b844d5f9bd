"""The applications as a reader uses them: chapters run in JupyterLab, with films, players and a microphone."""

import re

import nbformat
import pytest
from lab import ROOT
from playwright.sync_api import expect


@pytest.fixture
def chapter(served, open_notebook):
    """A chapter up to and with one of its cells, run; a browser of its own answers for the microphone."""

    def open_it(name, last, allowed=()):
        nb = nbformat.read(ROOT / "notebooks" / name, as_version=4)
        ids = [cell.id for cell in nb.cells]
        nb.cells = [cell for cell in nb.cells[: ids.index(last) + 1] if cell.cell_type == "code"]
        for cell in nb.cells:
            cell.outputs, cell.execution_count = [], None
        nbformat.write(nb, served[0] / f"part-{name}")
        notebook = open_notebook(f"part-{name}")
        notebook.page.context.grant_permissions(list(allowed))
        notebook.run_all()
        assert notebook.errors() == []
        return notebook

    return open_it


def test_films_and_sounds_are_found_by_words_played_and_found_by_a_recording(chapter):
    notebook = chapter("07_video_audio_search.ipynb", "va-panel-sounds", ["microphone"])
    films, sounds = (notebook.panels().nth(k) for k in range(2))
    first = films.locator(".mm-hits .mm-card").first
    expect(first.get_by_role("button", name=re.compile("play clip There are three tiny purple bells"))).to_be_visible()  # fmt: skip
    expect(films.locator(".mm-hits .mm-player")).to_have_count(6)
    play = first.locator(".mm-player")
    still = first.locator(".mm-item").evaluate("e => e.style.backgroundPosition")
    play.hover()  # as the mouse comes, the film plays; a click would stop it
    notebook.page.wait_for_function(
        "([e, still]) => e.style.backgroundPosition !== still",
        arg=[first.locator(".mm-item").element_handle(), still],
    )  # it moves
    expect(first.get_by_role("button", name=re.compile("play clip"))).to_be_visible()  # and ends by itself

    expect(sounds.locator(".mm-hits .mm-player canvas")).to_have_count(6)
    notebook.page.evaluate(
        "() => { Audio.prototype.play = function () { window.played = (window.played ?? 0) + 1; return Promise.resolve(); }; }"
    )
    assert notebook.page.evaluate("window.played ?? 0") == 0  # nothing sounds unasked
    sounds.locator(".mm-hits .mm-player").first.click()
    assert notebook.page.evaluate("window.played") == 1
    sounds.locator(".mm-hits .mm-player").first.click()

    sounds.get_by_role("button", name="record").click()
    expect(sounds.get_by_role("progressbar")).to_be_visible()
    notebook.page.wait_for_timeout(1500)
    sounds.get_by_role("button", name="stop").click()  # the device of the browser beeps once a second
    expect(sounds.locator(".mm-note[role=status]")).to_have_text("Hits for the recording.", timeout=20_000)
    expect(sounds.locator(".mm-hits .mm-player")).to_have_count(6)
    told = notebook.ask("print(len(panel.recording) > 8000, abs(panel.recording).max() > 0.01, panel)")
    assert told.startswith("True True SearchPanel(recording): 6 hits"), told
    sounds.get_by_label("search").fill("three small bells")
    expect(sounds.locator(".mm-hits .mm-card").first).to_contain_text("bells")
    notebook.shot("recorded")
    assert "⚠" not in notebook.text()
    assert notebook.complaints == []
