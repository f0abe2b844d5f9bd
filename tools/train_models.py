"""Train the small models in data/models, measure them on what they never saw, and write the report.

    python tools/train_models.py [glyphs|things|words|measure|all]

``measure`` trains nothing and measures the stored encoders of the symbols again. Writes data/models/*.npz,
data/models/REPORT.md, its rows as data/measured/train_models.json, and the checksums in data/README.md. About a
quarter of an hour; training is repeatable on one machine with one number of threads, not bit by bit between machines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.special import logsumexp

from mmalign_nb._binomial import clopper_pearson
from mmalign_nb.datasets import glyphs, things, typefaces
from mmalign_nb.features import CnnImage, RnnAudio, TfidfText, Word2VecText

DATA = Path(__file__).resolve().parents[1] / "data"
MODELS = DATA / "models"
REPORT = MODELS / "REPORT.md"
HELD_OUT = "DejaVu Serif"  # a typeface that training never sees, though it sees the family's other styles
HELD_OUT_FAMILY = "STIX"  # a family of which training sees no style at all: what drift looks like

GLYPH_TEXT = {"ngrams": (1, 2), "chars": (1, 3), "min_df": 2}
GLYPH_IMAGE = {
    "dim": 128,
    "epochs": 16,
    "batch_size": 256,
    "width": 32,
    "augment": 0.6,
    "dropout": 0.1,
    "negatives": 6400,
}
BETA = 30.0  # of the inverted softmax in the report
THINGS_IMAGE = {"dim": 128, "epochs": 16, "augment": 0.5, "negatives": 1500}
THINGS_AUDIO = {"dim": 128, "epochs": 24, "negatives": 1500}
# As chapter 01 trains it, on the sentences it trains it on.
WORDS, WORDS_TRAIN = {"dim": 64, "epochs": 60}, 400
THINGS_SEED, THINGS_TRAIN, THINGS_TEST = 1, 3000, 600  # the chapters use seed 0, which is the test here


@dataclass
class GlyphSplit:
    """Every name in every typeface, and which of them training may see."""

    ids: np.ndarray  # (names,) code points as U+….
    texts: list[str]
    unseen: np.ndarray  # (names,) bool: never seen in training, in any typeface
    faces: dict[str, tuple[np.ndarray, np.ndarray]]  # typeface: (name of each picture, pictures)

    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """Name and picture of every training pair, each drawing of a name once."""
        seen = [
            face
            for name, face in self.faces.items()
            if name != HELD_OUT and not name.startswith(HELD_OUT_FAMILY)
        ]
        name, image = (np.concatenate(part) for part in zip(*seen, strict=True))
        name, image = name[~self.unseen[name]], image[~self.unseen[name]]
        first = {
            (n, picture.tobytes()): k
            for k, (n, picture) in reversed([*enumerate(zip(name, image, strict=True))])
        }
        rows = np.sort([*first.values()])
        return name[rows], image[rows]


def glyph_split() -> GlyphSplit:
    """All symbols; one name in eight, drawn with a fixed seed, is kept from training."""
    faces = {face: glyphs(face) for face in typefaces()}
    text = {i: t for items in faces.values() for i, t in zip(items.ids.tolist(), items.text, strict=True)}
    ids = np.array(sorted(text, key=lambda i: int(i[2:], 16)))
    number = {i: k for k, i in enumerate(ids.tolist())}
    unseen = np.zeros(len(ids), bool)
    unseen[np.random.default_rng(0).choice(len(ids), len(ids) // 8, replace=False)] = True
    return GlyphSplit(
        ids=ids,
        texts=[text[i] for i in ids.tolist()],
        unseen=unseen,
        faces={
            f: (np.array([number[i] for i in items.ids.tolist()]), items.image) for f, items in faces.items()
        },
    )


def measure(
    split: GlyphSplit, face: str, chosen: np.ndarray, known: np.ndarray, text: TfidfText, cnn: CnnImage
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Ranks for the chosen names: image → text among all names, text → image among all pictures of the face.

    The latter come four times: as it is, pictures as means of five views, corrected for hubs, both.
    """
    name, image = split.faces[face]
    queries = np.flatnonzero(chosen[name])
    names = cnn.transform(text.transform(split.texts), side="b")
    asked, ways = names[name[queries]], []
    once, often = cnn.transform(image), five_views(cnn, image)
    for pictures in (once, often):
        ways.append(ranks(asked, pictures, queries))
    for pictures in (once, often):
        # ln(exp(β s) / Σ exp(β s of a known name)) / β = s - claimed: one more number at the end of each vector.
        claimed = logsumexp(BETA * pictures @ names[known].T, axis=1) / BETA
        ways.append(
            ranks(
                np.column_stack([asked, np.ones(len(asked))]), np.column_stack([pictures, -claimed]), queries
            )
        )
    return ranks(once[queries], names, name[queries]), ways


def five_views(cnn: CnnImage, image: np.ndarray) -> np.ndarray:
    """Mean vectors of each picture as it is and moved by one pixel to each side, of length 1."""
    height, width = image.shape[1:]
    wide = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    total = sum(
        cnn.transform(np.ascontiguousarray(wide[:, y : y + height, x : x + width]))
        for y, x in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    )
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def drawn_like(image: np.ndarray, seed: int = 0) -> np.ndarray:
    """Pictures as if drawn by hand: turned by up to 10°, moved, stretched, thickened and blurred, each at random."""
    rng, middle, out = np.random.default_rng(seed), (image.shape[1] - 1) / 2, []
    for picture in image:
        angle, stretch = np.deg2rad(rng.uniform(-10, 10)), np.exp(rng.uniform(-0.1, 0.1, 2))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
        ink = ndimage.affine_transform(
            255.0 - picture, turn, middle - turn @ (middle + rng.uniform(-1.5, 1.5, 2)), order=1
        )
        ink += rng.uniform(0, 1) * (ndimage.grey_dilation(ink, size=3) - ink)
        out.append(255 - ndimage.gaussian_filter(ink, rng.uniform(0.3, 1.0)))
    return np.rint(out).astype(np.uint8)


def measure_drawings(split: GlyphSplit, face: str, cnn: CnnImage) -> np.ndarray:
    """Ranks of DejaVu Sans's picture of each symbol, for a drawing like the face's picture of it."""
    name, image = split.faces[face]
    gallery, pictures = split.faces["DejaVu Sans"]
    row = {n: k for k, n in enumerate(gallery.tolist())}
    both = np.array([n in row for n in name.tolist()])
    right = np.array([row[n] for n in name[both].tolist()])
    return ranks(cnn.transform(drawn_like(image[both])), cnn.transform(pictures), right)


def ranks(queries: np.ndarray, gallery: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Rank of the right gallery row for each query, from 1; whatever ties with it is counted as before it."""
    out = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), 512):
        rows = slice(start, start + 512)
        scores = queries[rows] @ gallery.T
        out[rows] = (scores >= np.take_along_axis(scores, right[rows, None], 1) - 1e-6).sum(1)
    return out


TABLE = [
    "| what is asked | queries | gallery | hit@1 | hit@10 | chance @1 / @10 |",
    "|---|--:|--:|--:|--:|--:|",
]

WAYS = ["| ranking | as it is | five views | hubs corrected | both |", "|---|--:|--:|--:|--:|"]


def line(what: str, rank: np.ndarray, gallery: int) -> str:
    """One row of a report's table."""
    share = (f"{(rank <= k).mean():.3f}" for k in (1, 10))
    return (
        "| "
        + " | ".join(
            [what, f"{len(rank):,}", f"{gallery:,}", *share, f"{1 / gallery:.4f} / {10 / gallery:.4f}"]
        )
        + " |"
    )


def with_interval(rank: np.ndarray) -> str:
    """hit@1 and hit@10 with their 95 % intervals, in words."""
    shares = []
    for k in (1, 10):
        low, high = clopper_pearson(int((rank <= k).sum()), len(rank), 0.95)
        shares.append(f"hit@{k} {(rank <= k).mean():.3f} ({low:.3f} to {high:.3f})")
    return ", ".join(shares)


def train_glyphs() -> list[str]:
    """Fit the text and the image encoder of the symbols; return the report's section."""
    started = time.perf_counter()
    split = glyph_split()
    name, image = split.training()
    text = TfidfText(**GLYPH_TEXT).fit([split.texts[k] for k in np.unique(name)])
    cnn = CnnImage(**GLYPH_IMAGE).fit(image, text.transform(split.texts)[name])
    text.save(MODELS / "glyphs-text.npz", half=True)
    cnn.save(MODELS / "glyphs-image.npz", half=True)
    return measure_glyphs(split, settings(time.perf_counter() - started, text, cnn))


def measure_glyphs(split: GlyphSplit | None = None, trained: list[str] | None = None) -> list[str]:
    """Measure the encoders that are in the files; return the report's section.

    ``trained`` says how they were trained; without it, what the report says of that stays.
    """
    split = split or glyph_split()
    name, image = split.training()
    text, cnn = TfidfText.load("glyphs"), CnnImage.load("glyphs")
    if trained is None:
        trained = sections()["glyphs"].splitlines()[-3:]
    known = np.zeros(len(split.ids), bool)
    known[name] = True
    # Some symbols of the held-out typeface are drawn exactly as in a sister face: counted apart.
    seen_before = {picture.tobytes() for picture in image}
    held_name, held_image = split.faces[HELD_OUT]
    copied = {int(n) for n, p in zip(held_name, held_image, strict=True) if p.tobytes() in seen_before}
    novel = known.copy()
    novel[sorted(copied)] = False
    questions = [
        (HELD_OUT, known, "unseen typeface, names seen in others"),
        (HELD_OUT, novel, "the same, without drawings that training saw pixel for pixel"),
        (HELD_OUT, split.unseen, "unseen typeface, never-seen names"),
        ("DejaVu Sans", split.unseen, "seen typeface, never-seen names"),
        (HELD_OUT_FAMILY, known, "unseen family, names seen in others"),
        (HELD_OUT_FAMILY, split.unseen, "unseen family, never-seen names"),
    ]
    rows, better = [*TABLE], [*WAYS]
    for face, chosen, what in questions:
        to_text, ways = measure(split, face, chosen, known, text, cnn)
        rows.append(line(f"{face}: {what}; image → text", to_text, len(split.ids)))
        rows.append(line(f"{face}: {what}; text → image", ways[0], len(split.faces[face][0])))
        better.append(
            f"| {face}: {what} | "
            + " | ".join(f"{(r <= 1).mean():.3f} / {(r <= 10).mean():.3f}" for r in ways)
            + " |"
        )
        if (face, what) == questions[3][::2]:
            promised = with_interval(ways[-1])
    drawn = []
    for face in (HELD_OUT, HELD_OUT_FAMILY):
        rank = measure_drawings(split, face, cnn)
        drawn.append(f"* like {face}: {with_interval(rank)}, {len(rank):,} drawings.")
    drawings = [p.tobytes() for n, p in zip(held_name, held_image, strict=True) if known[n]]
    return [
        "## glyphs",
        "",
        f"Trained on {len(image):,} pictures of {known.sum():,} names: all typefaces but {HELD_OUT} (its bold and italic "
        f"styles are seen) and the {HELD_OUT_FAMILY} family (none of its styles is), without {split.unseen.sum():,} of the {len(split.ids):,} names (one in eight, "
        "drawn with a fixed seed, seen in no typeface). Text: TF-IDF of words, pairs of words and runs of characters "
        "inside words, fitted on the training names. Loss: symmetric InfoNCE, with all training names as candidates.",
        "",
        "Image → text ranks all names; text → image ranks all pictures of the typeface. Ties count against the model.",
        "",
        *rows,
        "",
        "A gallery can be prepared better, without other weights; here hit@1 / hit@10, text → image, in the same galleries. "
        "*Five views*: a picture's vector is the mean of those of the picture as it is and moved by a pixel to each side. "
        f"*Hubs corrected*: the rank is by the inverted softmax over the training's names (β = {BETA:.0f}), so a picture that a "
        "known name claims comes later. In vectors it is one more number, −ln Σ exp(β cos) / β at the end of a picture's and "
        "1 at the end of a query's, and the dot product. β and the views were chosen "
        "on names held out of the training names; the first three columns were known when the views were added.",
        "",
        *better,
        "",
        f"With both, never-seen names in DejaVu Sans: {promised}, with 95 % intervals (Clopper and Pearson).",
        "",
        f"Drawings of unseen typefaces (each picture turned by up to 10°, moved, stretched, thickened and blurred at random) among "
        f"the {len(split.faces['DejaVu Sans'][0]):,} pictures of DejaVu Sans, each looking for the symbol of its own name, with 95 % "
        "intervals:",
        "",
        *drawn,
        "",
        "Symbols that are drawn alike cannot be told apart (Latin A, Greek Alpha, Cyrillic A), so no model reaches 1: "
        f"in {HELD_OUT} the best possible hit@1, image → text, is {len(set(drawings)) / len(drawings):.3f}.",
        "",
        *trained,
    ]


def train_things() -> list[str]:
    """Fit text, image and audio encoder of the generated world into one space; return the report's section."""
    started = time.perf_counter()
    train, test = things(THINGS_TRAIN, seed=THINGS_SEED), things(THINGS_TEST, seed=0)
    text = TfidfText().fit(train.text)
    vectors = text.transform(train.text)
    cnn = CnnImage(**THINGS_IMAGE).fit(train.image, vectors)
    # Sound is led into the space that image and text have found: the text's side of it stands still.
    rnn = RnnAudio(train.sample_rate, **THINGS_AUDIO, head="none").fit(
        train.audio, cnn.transform(vectors, side="b")
    )
    text.save(MODELS / "things-text.npz", half=True)
    cnn.save(MODELS / "things-image.npz", half=True)
    rnn.save(MODELS / "things-audio.npz", half=True)
    seconds = time.perf_counter() - started

    text, cnn, rnn = TfidfText.load("things"), CnnImage.load("things"), RnnAudio.load("things")
    space = {
        "text": cnn.transform(text.transform(test.text), side="b"),
        "image": cnn.transform(test.image),
        "audio": rnn.transform(test.audio),
    }
    rows, own = [*TABLE], np.arange(len(test))
    for a, b in (("image", "text"), ("audio", "text"), ("audio", "image")):
        rows.append(line(f"{a} → {b}", ranks(space[a], space[b], own), len(test)))
        rows.append(line(f"{b} → {a}", ranks(space[b], space[a], own), len(test)))
    heard = len(set(zip(*(test.factors[f].tolist() for f in ("kind", "size", "count")), strict=True)))
    return [
        "## things",
        "",
        f"Trained on things({THINGS_TRAIN}, seed={THINGS_SEED}); measured on things({THINGS_TEST}, seed=0), the world of "
        "the chapters, which training never saw. Text is TF-IDF of words. The image encoder and a linear map of the "
        "text were trained together (symmetric InfoNCE); the audio encoder was then trained into that space, with the "
        'text\'s side kept as it was. So all three can be compared: `CnnImage.load("things").transform(images)`, '
        '`RnnAudio.load("things").transform(audio)` and, for text, `CnnImage.load("things").transform('
        'TfidfText.load("things").transform(text), side="b")`.',
        "",
        *rows,
        "",
        f"A sound does not tell colour or time of day: the {len(test)} test items make {heard} different sounds as far as "
        f"kind, size and count go, so hit@1 from or to audio cannot be expected above {heard / len(test):.3f}.",
        "",
        *settings(seconds, text, cnn, rnn),
    ]


COMPANY = {
    "colour": "red orange yellow green blue purple pink white",
    "size": "small little tiny large big huge enormous",
    "number": "two three four",
    "time": "dawn sunrise daybreak noon midday daylight dusk sunset nightfall night midnight",
}


def train_words() -> list[str]:
    """Fit the word vectors of chapter 01; return the report's section."""
    started = time.perf_counter()
    text = Word2VecText(**WORDS).fit(things(WORDS_TRAIN, seed=0).text)
    text.save(MODELS / "things-words.npz")
    seconds = time.perf_counter() - started

    text = Word2VecText.load("things")
    vectors = text.vectors_ / np.linalg.norm(text.vectors_, axis=1, keepdims=True)
    known = list(text.vocabulary_)
    rows = ["| words for | their nearest words |", "|---|---|"]
    for factor, names in COMPANY.items():
        nearest = []
        for word in names.split():
            cosine = vectors @ vectors[text.vocabulary_[word]]
            j = np.argsort(-cosine)[1]
            nearest.append(f"{word}: {known[j]} ({cosine[j]:.2f})")
        rows.append(f"| {factor} | {', '.join(nearest)} |")
    return [
        "## words",
        "",
        f"Word2Vec on the sentences of things({WORDS_TRAIN}, seed=0), just as chapter 01 trains it before your eyes. It "
        "is stored because the last digits of a training run depend on the processor, and the chapter's tables should "
        'not: `Word2VecText.load("things")`.',
        "",
        *rows,
        "",
        *settings(seconds, text),
    ]


def settings(seconds: float, *encoders: object) -> list[str]:
    """What was asked for, on which machine, and how long it took."""
    import torch

    asked = [f"* `{' '.join(repr(encoder).split())}`" for encoder in encoders]
    took = f"{seconds / 60:.0f} min" if seconds > 100 else f"{seconds:.0f} s"
    return [
        *asked,
        f"* {took} wall time with {torch.get_num_threads()} threads on {os.cpu_count()} cores "
        f"({processor()}), shared with other work; torch {torch.__version__.split('+')[0]}, numpy {np.__version__}, "
        f"Python {platform.python_version()}.",
    ]


def processor() -> str:
    """The processor's family in words."""
    try:
        return re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))[1].strip()
    except (OSError, TypeError):
        return platform.processor() or platform.machine()


SECTIONS = {"glyphs": train_glyphs, "things": train_things, "words": train_words}
COMMANDS = {**SECTIONS, "measure": measure_glyphs}
TITLE = (
    "# How well the trained weights do\n\nWritten by `python tools/train_models.py`; not edited by hand.\n"
)


def sections() -> dict[str, str]:
    """The sections of the report as it is."""
    old = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    return {
        m[1]: m[0].strip() for m in re.finditer(r"^## (\w+)\n.*?(?=^## |\Z)", old, re.MULTILINE | re.DOTALL)
    }


def write_report(fresh: dict[str, list[str]]) -> None:
    """Put the new sections into the report, and keep the others as they are."""
    parts = sections()
    parts |= {name: "\n".join(lines) for name, lines in fresh.items()}
    text = "\n\n".join([TITLE.strip(), *(parts[name] for name in SECTIONS if name in parts)])
    REPORT.write_text(text + "\n", encoding="utf-8")
    figures = {name: asked(part) for name, part in sections().items() if asked(part)}
    (DATA / "measured" / "train_models.json").write_text(
        json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def asked(section: str) -> list[dict[str, str | int | float]]:
    """The rows that ``line`` wrote into a section, as numbers: what a chapter reads."""
    cells = (row.strip("| ").split(" | ") for row in section.splitlines() if row.startswith("| "))
    return [
        {
            "asked": what,
            "queries": int(queries.replace(",", "")),
            "gallery": int(gallery.replace(",", "")),
            "hit@1": float(at_1),
            "hit@10": float(at_10),
        }
        for what, queries, gallery, at_1, at_10, _ in (row for row in cells if len(row) == 6)
        if queries[0].isdigit()
    ]


def write_checksums() -> None:
    """List the files with their sizes and sha256 in data/README.md, between its two marks."""
    rows = ["| file | bytes | sha256 |", "|---|--:|---|"]
    for path in sorted(MODELS.glob("*.npz")):
        content = path.read_bytes()
        rows.append(f"| `models/{path.name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |")
    readme = DATA / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition("<!-- models -->\n")
    after = rest.partition("<!-- /models -->")[2]
    readme.write_text(
        before + "<!-- models -->\n" + "\n".join(rows) + "\n<!-- /models -->" + after, encoding="utf-8"
    )


def main() -> None:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", default="all", choices=[*COMMANDS, "all"])
    what = parser.parse_args().what
    MODELS.mkdir(parents=True, exist_ok=True)
    for name in SECTIONS if what == "all" else [what]:
        section = COMMANDS[name]()
        print("\n".join(section), flush=True)
        write_report({section[0].removeprefix("## "): section})
        write_checksums()


if __name__ == "__main__":
    main()
