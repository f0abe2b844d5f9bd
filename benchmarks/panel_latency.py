"""Key press to painted frame in a real JupyterLab: ThresholdPanel beside ``interact``, in one run.

    python benchmarks/panel_latency.py [--rounds 6] [--keys 10] [--write]

A Chromium without a window presses ArrowRight on the slider and watches the page. Two times are taken from the key's own
event: when the new picture is in the page (for ``interact``: decoded too), and when the frame that shows it was painted,
which the screen's rhythm (16.7 ms) makes coarser. The variants take turns, so that all meet the same noise. A second table
has the size of a page of its own (``save_html``) and how long it takes to come alive from a disk.
``--write`` keeps the tables in benchmarks/panel_latency.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
import lab  # noqa: E402

SETUP = """
import numpy as np
from mmalign_nb.datasets import glyphs
from mmalign_nb.panels import ThresholdPanel
symbols = glyphs()
def world(n):
    rng = np.random.default_rng(0)
    S = rng.normal(0.1, 0.12, (n, n)).astype(np.float32)
    S[np.arange(n), np.arange(n)] += 0.35
    return S, symbols[np.sort(rng.choice(len(symbols), n, replace=False))]
S, items = world(200)
"""
PANEL = "ThresholdPanel({scores}, items.text, items.image, truth='diagonal', threshold=0.2{more})"
LARGE = "S, items = world(1000)\n" + PANEL.format(scores="S", more="")
INTERACT = """
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
from mmalign_nb.align import max_match
right, scores = np.eye(200, dtype=bool), world(200)[0]
def draw(threshold):
    fig, (heat, hist) = plt.subplots(1, 2, figsize=(10.6, 4.15))
    heat.imshow(scores, cmap="Greys")
    pairs = max_match(scores, threshold).pairs
    heat.plot(pairs[:, 1], pairs[:, 0], ".")
    hist.hist(scores[~right], 60, density=True)
    hist.hist(scores[right], 60, density=True)
    hist.axvline(threshold)
    plt.show()
interact(draw, threshold=FloatSlider(value=0.2, min=-0.5, max=1, step=0.01));
"""
VARIANTS = {
    "ThresholdPanel, 200 × 200, with item cards": (PANEL.format(scores="S", more=""), ".mm-read"),
    "the same, every pair above (40,000 candidates)": (PANEL.format(scores="S", more=", mode='threshold'"), ".mm-read"),
    "ThresholdPanel, 1,000 × 1,000, sampled path": (LARGE, ".mm-read"),
    "`interact`, 200 × 200, no cards": (INTERACT, ".jp-RenderedImage img"),
}  # fmt: skip
WATCH = """
([cell, selector]) => {
  const area = document.querySelectorAll('.jp-CodeCell')[cell].querySelector('.jp-Cell-outputArea');
  const log = (window.logs ||= {})[cell] = [];
  let press = null, seen = null;
  const look = () => area.querySelector(selector);
  area.addEventListener('keydown', e => { seen = look(); press = {key: e.timeStamp, picture: null, painted: null};
    log.push(press); }, true);
  new MutationObserver(async changes => {
    const mine = press, now = performance.now(), found = look();
    if (!mine || mine.picture !== null || !found) return;
    if (found.decode ? found === seen : !changes.some(c => found === c.target || found.contains(c.target))) return;
    mine.picture = -1;
    if (found.decode) await found.decode();
    mine.picture = (found.decode ? performance.now() : now) - mine.key;
    const after = new MessageChannel(); // its message comes when the frame has been painted
    after.port1.onmessage = () => { mine.painted = performance.now() - mine.key; };
    requestAnimationFrame(() => after.port2.postMessage(null));
  }).observe(area, {childList: true, subtree: true});
}"""

SLIDER = "input[type=range], .noUi-handle"
PAINTED = "number => (window.logs[number].at(-1)?.painted ?? null) !== null"


def measure(rounds: int, keys: int) -> dict[str, list[dict[str, float]]]:
    """Press keys on each variant in turn; gives the times of every press in milliseconds."""
    cells = [SETUP, *(source for source, _ in VARIANTS.values())]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nb.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    with tempfile.TemporaryDirectory() as folder, lab.headless() as browser:
        served, scratch = Path(folder, "served"), Path(folder, "jupyter")
        served.mkdir()
        scratch.mkdir()
        nbformat.write(nb, served / "latency.ipynb")
        with lab.jupyterlab(served, scratch) as (address, token):
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            notebook = lab.Notebook(page, address, token, "latency.ipynb")
            notebook.run_all()
            if errors := notebook.errors():
                raise RuntimeError(errors[0])
            for number, (_, selector) in enumerate(VARIANTS.values(), start=1):
                page.evaluate(WATCH, [number, selector])
            for _ in range(rounds):
                for number in range(1, len(VARIANTS) + 1):
                    handle = page.locator(".jp-CodeCell").nth(number).locator(SLIDER).first
                    handle.scroll_into_view_if_needed()
                    handle.focus()
                    for _ in range(keys):
                        page.keyboard.press("ArrowRight")
                        page.wait_for_timeout(150)  # a reader's pace; and then until the picture is there
                        page.wait_for_function(PAINTED, arg=number, polling=50)
                        page.wait_for_timeout(100)
            logs = page.evaluate("window.logs")
            notebook.close()
    return {name: logs[str(number)] for number, name in enumerate(VARIANTS, start=1)}


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """Medians and 90th percentiles as a table."""
    rows = [
        "| | presses | in the page, median | painted, median | painted, 90 % | × faster than `interact` |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    base = statistics.median(x["painted"] for x in found[[*VARIANTS][-1]] if x["painted"])
    for name, presses in found.items():
        picture = [x["picture"] for x in presses if x["picture"]]
        painted = sorted(x["painted"] for x in presses if x["painted"])
        if len(painted) < 0.9 * len(presses):
            raise RuntimeError(f"{name}: only {len(painted)} of {len(presses)} presses changed the picture")
        middle = statistics.median(painted)
        rows.append(
            f"| {name} | {len(presses)} | {statistics.median(picture):.1f} ms | {middle:.1f} ms | "
            f"{painted[int(0.9 * len(painted))]:.1f} ms | {base / middle:.1f} |"
        )
    return "\n".join(rows)


def pages() -> str:
    """How large a page of its own is, and how long it takes until its panel is drawn."""
    space: dict = {}
    exec(SETUP, space)
    rows = ["| page from a disk | bytes | alive after, median of 5 |", "|---|--:|--:|"]
    with tempfile.TemporaryDirectory() as folder, lab.headless() as browser:
        for n in (60, 200):
            S, items = space["world"](n)
            path = Path(folder, f"{n}.html")
            space["ThresholdPanel"](S, items.text, items.image, truth="diagonal").save_html(path)
            times = []
            for _ in range(5):
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                page.goto(path.as_uri())
                page.wait_for_selector(".mm-card")
                times.append(page.evaluate("() => performance.now()"))
                page.close()
            rows.append(f"| {n} × {n} scores, {n} pictures, all matchings | {path.stat().st_size:,} | {statistics.median(times):.0f} ms |")  # fmt: skip
    return "\n".join(rows)


def machine() -> str:
    """What this ran on, in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{model}, {os.cpu_count()} cores{load}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `timeout` lets the server be stopped
    told = machine()
    report = f"{table(measure(args.rounds, args.keys))}\n\n{pages()}\n\n{told}\n"
    print(report)
    if args.write:
        head = "# Key press to painted frame\n\nMade by `python benchmarks/panel_latency.py --write`.\n\n"
        (ROOT / "benchmarks" / "panel_latency.md").write_text(head + report, encoding="utf-8")


if __name__ == "__main__":
    main()
