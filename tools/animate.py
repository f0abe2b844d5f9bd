"""Draw the README's moving picture: the panel that its twelve lines make, with its line moved, in a real browser.

    python tools/animate.py [--frames FOLDER]     writes docs/panel.webp; with --frames also each frame, to look at

The page is the one that the lines write, opened from a disk; the browser is a Chromium, as for the tests (playwright, and
MMALIGN_NB_CHROMIUM or one on the PATH). Nothing is drawn here: each frame is a photograph of the page. The picture plays three
times and stays at the line that the answers have given, so that nobody has to read beside something that moves. Run it when the lines
or the panel's look have changed; tests/test_words.py asks that the words beside the picture hold.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "panel.webp"
SIZE, MAX_BYTES = {"width": 1224, "height": 900}, 600_000
EDGE = "#8f8f8f"  # seen on white and on black
LOW, HIGH = 0.0, 0.8  # where the walk of the line begins and turns
STEP, STILL = 90, 1800  # milliseconds of a frame while the line moves, and where it rests
SET = """(slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def twelve_lines() -> str:
    """The first block of Python in the README."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    if found is None:
        raise SystemExit("README.md has no block of Python")
    return found[1]


def told(folder: Path) -> dict[str, Any]:
    """Run the README's lines in ``folder``, where they write their page; what they have named then."""
    scope: dict[str, Any] = {}
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(twelve_lines(), scope)
    return scope


def walk(line: float) -> list[tuple[float, int]]:
    """Where the line stands, and for how long: up from LOW to HIGH, and back to the line of the answers."""
    up = [LOW + i * (HIGH - LOW) / 24 for i in range(25)]
    down = [HIGH - i * (HIGH - line) / 8 for i in range(1, 9)]
    stays = [STILL, *[STEP] * 23, STILL // 2, *[STEP] * 7, 2 * STILL]
    return list(zip([*up, *down], stays, strict=True))


def photographs(page_file: Path, range_: Any, places: list[tuple[float, int]]) -> list[Image.Image]:
    """The panel at each place of the line, cut below the map's legend and framed."""
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from lab import headless

    frames = []
    with headless() as browser:
        context = browser.new_context(
            viewport=SIZE, offline=True, color_scheme="light", reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(page_file.as_uri())
        panel = page.locator(".mm-panel").first
        slider = panel.get_by_role("slider")
        for below in (
            panel.locator("figure, div, section", has_text="precision over recall").last,
            panel.locator(".mm-pick"),
        ):
            below.evaluate("e => { e.style.visibility = 'hidden'; }")  # what the frame would cut through
        for place, _ in places:
            slider.evaluate(SET, str(round((place - range_.min) / range_.step)))
            page.wait_for_timeout(80)
            box, chart = panel.bounding_box(), panel.locator(".mm-map").bounding_box()
            if box is None or chart is None:
                raise SystemExit("the panel is not on the page")
            clip = {
                "x": box["x"] - 8,
                "y": box["y"] - 8,
                "width": box["width"] + 16,
                "height": chart["y"] + chart["height"] + 24 - (box["y"] - 8),
            }
            frames.append(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
    return [ImageOps.expand(fewer_greys(frame), 1, EDGE) for frame in frames]


def fewer_greys(frame: Image.Image) -> Image.Image:
    """Eighteen greys for all: the map of scores has many, and half of the bytes go there."""
    x = np.asarray(frame)
    grey = (x == x[..., :1]).all(axis=-1, keepdims=True)
    return Image.fromarray(np.where(grey, np.uint8(15) * np.round(x / 15).astype(np.uint8), x))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=Path, help="a folder for the single frames")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        scope = told(Path(folder))
        places = walk(float(scope["labels"].threshold))
        frames = photographs(next(Path(folder).glob("*.html")), scope["panel"].range, places)
    if args.frames:
        args.frames.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames):
            frame.save(args.frames / f"{number:02d}.png")
    new = PICTURE.with_suffix(".new.webp")
    frames[0].save(
        new,
        save_all=True,
        append_images=frames[1:],
        duration=[stay for _, stay in places],
        loop=3,
        lossless=True,
        method=3,
        quality=60,
    )
    size = new.stat().st_size
    if size > MAX_BYTES:
        new.unlink()
        raise SystemExit(f"{size:,} bytes, at most {MAX_BYTES:,}: fewer frames or a smaller page")
    os.replace(new, PICTURE)
    print(
        f"{PICTURE.relative_to(ROOT).as_posix()}: {len(frames)} frames, {frames[0].size}, {size / 1000:.0f} kB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
