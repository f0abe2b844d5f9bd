"""Key press to new picture in a real JupyterLab: ThresholdPanel beside ``interact``, in one run.

    python benchmarks/panel_latency.py [--rounds 6] [--size 200] [--write]

A Chromium without a window presses ArrowRight on the slider and watches the page. Two times are taken from the key's
own event: when the new picture is in the page (for ``interact``: decoded too), and when the frame that shows it was
painted, which the screen's rhythm (16.7 ms) makes coarser. The variants take turns, so that all meet the same noise.
``--write`` keeps the table in benchmarks/panel_latency.md.
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
n = {size}
items = glyphs()
items = items[np.sort(np.random.default_rng(0).choice(len(items), n, replace=False))]
S = np.random.default_rng(1).normal(0.1, 0.12, (n, n)).astype(np.float32)
S[np.arange(n), np.arange(n)] += 0.35
"""
PANEL = "ThresholdPanel(S, items.text, items.image, truth='diagonal', threshold=0.2, cards={cards})"
INTERACT = """
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
from mmalign_nb.align import max_match
right = np.eye(n, dtype=bool)
def draw(threshold):
    fig, (heat, hist) = plt.subplots(1, 2, figsize=(10.6, 4.15))
    heat.imshow(S, cmap="Greys")
    pairs = max_match(S, threshold).pairs
    heat.plot(pairs[:, 1], pairs[:, 0], ".")
    hist.hist(S[~right], 60, density=True)
    hist.hist(S[right], 60, density=True)
    hist.axvline(threshold)
    plt.show()
interact(draw, threshold=FloatSlider(value=0.2, min=-0.5, max=1, step=0.01));
"""
VARIANTS = {
    "ThresholdPanel": (PANEL.format(cards=0), "svg[role=img]"),
    "ThresholdPanel with item cards": (PANEL.format(cards=4), "svg[role=img]"),
    "interact": (INTERACT, ".jp-RenderedImage img"),
}
WATCH = """
([cell, selector]) => {
  const area = document.querySelectorAll('.jp-CodeCell')[cell].querySelector('.jp-Cell-outputArea');
  const log = (window.logs ||= {})[cell] = [];
  let press = null, seen = null;
  const look = () => area.querySelector(selector);
  area.addEventListener('keydown', e => { seen = look(); press = {key: e.timeStamp, picture: null, painted: null, cards: null};
    log.push(press); }, true);
  new MutationObserver(async changes => {
    const mine = press, now = performance.now();
    if (!mine) return;
    const cards = changes.some(c => c.target.querySelector?.('.mm-card') || c.target.closest?.('.mm-cards'));
    const found = look();
    if (mine.picture === null && found && found !== seen) {
      mine.picture = -1;
      if (found.decode) await found.decode();
      mine.picture = (found.decode ? performance.now() : now) - mine.key;
      requestAnimationFrame(() => setTimeout(() => { mine.painted = performance.now() - mine.key; }));
    }
    if (cards) mine.cards = performance.now() - mine.key;
  }).observe(area, {childList: true, subtree: true});
}"""

PAINTED = "number => (window.logs[number].at(-1)?.painted ?? null) !== null"


def measure(size: int, rounds: int, keys: int) -> dict[str, list[dict[str, float]]]:
    """Press keys on each variant in turn; gives the times of every press in milliseconds."""
    cells = [SETUP.format(size=size), *(source for source, _ in VARIANTS.values())]
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
                    handle = page.locator(".jp-CodeCell").nth(number).locator(".noUi-handle").first
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
        "| | presses | picture, median | 90 % | painted, median | item cards, median | × faster than interact |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    base = statistics.median(x["picture"] for x in found["interact"] if x["picture"])
    for name, presses in found.items():
        picture = sorted(x["picture"] for x in presses if x["picture"])
        painted = [x["painted"] for x in presses if x["painted"]]
        cards = [x["cards"] for x in presses if x["cards"]]
        if len(picture) < 0.9 * len(presses):
            raise RuntimeError(f"{name}: only {len(picture)} of {len(presses)} presses changed the picture")
        middle = statistics.median(picture)
        shown = f"{statistics.median(cards):.1f} ms" if cards else ""
        rows.append(
            f"| {name} | {len(presses)} | {middle:.1f} ms | {picture[int(0.9 * len(picture))]:.1f} ms | "
            f"{statistics.median(painted):.1f} ms | {shown} | {base / middle:.1f} |"
        )
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
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `timeout` lets the server be stopped
    told = f"{args.size} × {args.size} scores; {machine()}"
    report = f"{table(measure(args.size, args.rounds, args.keys))}\n\n{told}\n"
    print(report)
    if args.write:
        head = "# Key press to new picture\n\nMade by `python benchmarks/panel_latency.py --write`.\n\n"
        (ROOT / "benchmarks" / "panel_latency.md").write_text(head + report, encoding="utf-8")


if __name__ == "__main__":
    main()
