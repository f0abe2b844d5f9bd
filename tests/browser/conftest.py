"""One server and one browser for all browser tests; without a Chromium they say so."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import disk
import lab


@pytest.fixture(scope="session")
def browser():
    if lab.chromium() is None:
        told = "no Chromium found (apt-get install chromium, or set MMALIGN_NB_CHROMIUM to one)"
        if os.environ.get("MMALIGN_NB_REQUIRE_BROWSER") == "1":
            pytest.fail(f"MMALIGN_NB_REQUIRE_BROWSER=1, and {told}")
        pytest.skip(told)
    with lab.headless() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def served(tmp_path_factory, browser):
    """The folder that JupyterLab serves (a copy of notebooks/), its address and token."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(lab.ROOT / "notebooks", folder, dirs_exist_ok=True)
    with lab.jupyterlab(folder, tmp_path_factory.mktemp("jupyter")) as (address, token):
        yield folder, address, token


@pytest.fixture
def open_notebook(served, browser):
    """Open a notebook of the served folder in a fresh page."""
    _, address, token = served
    opened = []

    def open_it(path, app="lab/tree"):
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        opened.append(lab.Notebook(page, address, token, path, app))
        return opened[-1]

    yield open_it
    for notebook in opened:
        notebook.close()


@pytest.fixture
def from_disk(browser, tmp_path):
    """Save a panel as a page of its own and open it, offline."""
    opened = []

    def open_it(panel, **how):
        path = tmp_path / f"{type(panel).__name__}-{len(opened)}.html"
        panel.save_html(path)
        opened.append(disk.DiskPage(browser, path, **how))
        return opened[-1]

    yield open_it
    for page in opened:
        page.context.close()
