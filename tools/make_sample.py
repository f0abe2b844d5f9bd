"""Write data/sample, a small folder such as a reader's own: pictures, captions and sounds, and what goes wrong in real ones.

    python tools/make_sample.py [FOLDER]

The items are of ``datasets.things``: drawn, voiced and worded by this package, so nobody else's. The same files come each time
(the same bytes with one build of Pillow and libsndfile; other builds pack the same pixels and samples in other ways).
"""

from __future__ import annotations

import csv
import io
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from mmalign_nb.datasets import Items, things

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
SEED = (
    16  # a world of its own: the chapters have seed 0, and the encoders in data/models were trained on seed 1
)
IN_TABLE, IN_FILES, LOST, ALONE = (
    60,
    18,
    8,
    5,
)  # pairs in captions.csv, in .txt files, pairs nobody knows of, and no pairs
SOUNDS = 12

README = """# A folder such as your own

Pictures, captions and sounds as `datasets.from_folder` meets them in real folders. All of it was made by
`tools/make_sample.py`; `datasets.sample()` says where it is.

* `pictures/`: {pictures} pictures in six formats. {pairs} have a caption: {in_table} in `captions.csv`, {in_files} in a `.txt` file beside them.
* `notes/`: {notes} captions that name no picture. {lost} of them belong to pictures that have no caption; {alone} belong to none.
* `sounds/`: {sounds} sounds, each with the name of its picture.
* What is wrong: two captions in the table are swapped; one picture is cut off, one is no picture, one sound and one caption are
  empty, and one picture is there twice under one name.

`truth.csv` has the right partners, by the ids that items have in the collection: given, swapped (put right) or lost.
"""


def chosen() -> Items:
    """96 items of as many kinds and colours as there are among 200, in an order of chance."""
    world = things(200, seed=SEED)
    which = [*zip(world.factors["kind"], world.factors["colour"], strict=True)]
    again = [which.index(one) < row for row, one in enumerate(which)]
    return world[np.random.default_rng(SEED).permutation(np.argsort(again, kind="stable")[:96])]


def picture(image: np.ndarray, k: int) -> tuple[str, bytes]:
    """The suffix and the bytes of picture ``k``: formats, sizes, frames and turns as they come."""
    side = (96, 112, 128, 160)[k % 4]
    im = Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
    file, more = io.BytesIO(), {}
    kind = ("JPEG", "PNG", "JPEG", "GIF", "JPEG", "WEBP", "JPEG", "PNG")[k % 8]
    suffix = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}[kind]
    if k == 9:
        kind, suffix = "BMP", ".bmp"
    elif k == 17:
        kind, suffix = "TIFF", ".tiff"
    if kind == "JPEG":
        more = {"quality": 88}
        suffix = ".JPG" if k % 24 == 4 else ".jpeg" if k % 24 == 12 else suffix
        if k % 12 == 6:  # a camera held upright: the file lies on its side, and EXIF says how to turn it
            im, exif = im.transpose(Image.Transpose.ROTATE_90), Image.Exif()
            exif[0x0112] = 6
            more["exif"] = exif
    elif kind == "GIF":
        im = im.quantize(96, dither=Image.Dither.NONE)
    elif kind == "WEBP":
        more = {"quality": 85, "method": 6}
    elif kind == "PNG" and k % 16 == 1:  # cut out in an oval: the corners are clear
        y, x = np.mgrid[-1 : 1 : 1j * side, -1 : 1 : 1j * side]
        im.putalpha(Image.fromarray(np.uint8(255 * (np.hypot(x, y) < 1.3))))
    elif kind in ("PNG", "BMP", "TIFF"):
        im = im.resize((80, 80), Image.Resampling.LANCZOS)
    im.save(file, kind, **more)
    return suffix, file.getvalue()


def sound(samples: np.ndarray, k: int) -> tuple[str, bytes]:
    """The suffix and the bytes of sound ``k``: three formats, two rates, one or two channels."""
    file, kind = io.BytesIO(), ("FLAC", "MP3", "WAV")[k % 3]
    rate = 16_000
    if kind == "WAV":
        samples, rate = samples[::2], 8_000
    if kind == "FLAC" and k % 2:
        samples = np.stack([samples, 0.6 * samples], axis=1)
    soundfile.write(file, samples, rate, format=kind)
    return f".{kind.lower()}", file.getvalue()


def make(folder: Path) -> None:
    """Write the folder; what was in it is gone."""
    if folder.exists():
        shutil.rmtree(folder)
    for name in ("pictures", "notes", "sounds"):
        (folder / name).mkdir(parents=True)
    items, rng = chosen(), np.random.default_rng(SEED + 1)
    pairs = IN_TABLE + IN_FILES
    lost = range(pairs, pairs + LOST)  # rows of both sides that nobody knows to be pairs
    pictured = [*range(pairs), *lost, *range(pairs + LOST, pairs + LOST + ALONE)]
    noted = [*lost, *range(pairs + LOST + ALONE, pairs + LOST + 2 * ALONE)]
    names = {
        row: f"IMG_{number:04}"
        for row, number in zip(pictured, rng.permutation(len(pictured)) + 1, strict=True)
    }
    notes = {
        row: f"note {number:02}" for row, number in zip(noted, rng.permutation(len(noted)) + 1, strict=True)
    }
    files = {}
    for k, row in enumerate(pictured):
        suffix, content = picture(items.image[row], k)
        files[row] = names[row] + suffix
        (folder / "pictures" / files[row]).write_bytes(content)

    # Two captions that changed places: nothing in common, neither what nor how many nor when.
    told = dict(enumerate(items.text))
    one, other = swapped(items, IN_TABLE)
    told[one], told[other] = told[other], told[one]
    table = io.StringIO(newline="")
    writer = csv.writer(
        table, delimiter=";", lineterminator="\r\n"
    )  # as spreadsheets write where a comma is decimal
    writer.writerow(["file", "caption", "album"])
    for row in sorted(range(IN_TABLE), key=names.__getitem__):
        writer.writerow([files[row], told[row], "spring" if row % 2 else "autumn"])
    (folder / "captions.csv").write_bytes(table.getvalue().encode("utf-8-sig"))
    for row in range(IN_TABLE, pairs):
        (folder / "pictures" / f"{names[row]}.txt").write_bytes(f"{told[row]}\n".encode())
    for row in noted:
        (folder / "notes" / f"{notes[row]}.txt").write_bytes(f"{told[row]}\n".encode())
    for k, row in enumerate(range(0, pairs, pairs // SOUNDS)[:SOUNDS]):
        suffix, content = sound(items.audio[row], k)
        (folder / "sounds" / (names[row] + suffix)).write_bytes(content)

    # What goes wrong.
    whole = next(name for name in files.values() if name.endswith(".jpg"))
    (folder / "pictures" / "IMG_0999.jpg").write_bytes((folder / "pictures" / whole).read_bytes()[:1200])
    (folder / "pictures" / "IMG_1000.png").write_bytes(
        b"<html><body>404: this picture was not found</body></html>\n"
    )
    (folder / "pictures" / whole.replace(".jpg", ".png")).write_bytes(picture(items.image[0], 7)[1])
    (folder / "sounds" / "IMG_0999.wav").write_bytes(b"")
    (folder / "notes" / "note 99.txt").write_bytes(b"")

    truth = [(names[row], names[{one: other, other: one}.get(row, row)]) for row in range(pairs)]
    what = ["swapped" if row in (one, other) else "given" for row in range(pairs)]
    truth += [(names[row], notes[row]) for row in lost]
    what += ["lost"] * LOST
    lines = sorted(f"{a},{b},{w}" for (a, b), w in zip(truth, what, strict=True))
    (folder / "truth.csv").write_bytes("\n".join(["image,text,what", *lines, ""]).encode())
    said = {
        "pictures": len(pictured),
        "pairs": pairs,
        "in_table": IN_TABLE,
        "in_files": IN_FILES,
        "lost": LOST,
    }
    said |= {"notes": len(noted), "alone": ALONE, "sounds": SOUNDS}
    (folder / "README.md").write_bytes(README.format(**said).encode())


def swapped(items: Items, among: int) -> tuple[int, int]:
    """The first two items that have no factor in common."""
    told = np.array(list(items.factors.values()))[:, :among]
    for other in range(1, among):
        if not (told[:, 0] == told[:, other]).any():
            return 0, other
    raise ValueError("any two items have something in common")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
