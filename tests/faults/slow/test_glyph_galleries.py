"""Words look for a picture in galleries prepared in four ways, as the report of the trained weights says: some 30,000 pictures."""

import numpy as np
import test_features
from scipy import ndimage

from mmalign_nb.features import CnnImage, TfidfText

tool, split = test_features.tool, test_features.split


def test_never_seen_names_find_their_picture_as_reported(tool, split):
    """The measuring is another one than the tool's."""
    text, cnn = TfidfText.load("glyphs"), CnnImage.load("glyphs")
    trained_on, _ = split.training()
    names = cnn.transform(text.transform(split.texts), side="b")
    name, image = split.faces["DejaVu Sans"]
    new = split.unseen[name]
    right, queries = np.flatnonzero(new), names[name[new]]
    claims = names[np.unique(trained_on)].astype(np.float64)
    views = [
        ndimage.shift(image, (0, y, x), order=0, mode="nearest")
        for y, x in ((0, 1), (0, -1), (1, 0), (-1, 0))
    ]
    once = cnn.transform(image)
    often = once + sum(map(cnn.transform, views))
    often /= np.linalg.norm(often, axis=1, keepdims=True)
    row = "| DejaVu Sans: seen typeface, never-seen names | "
    report = (test_features.MODELS / "REPORT.md").read_text("utf-8")
    cells = next(x for x in report.splitlines() if x.startswith(row))
    stated = np.array([cell.split("/") for cell in cells.removeprefix(row).rstrip("| ").split("|")], float)
    found = []
    for pictures in (once, often):
        cosine = queries @ pictures.T
        share = np.exp(30 * cosine) / np.exp(30 * claims @ pictures.T).sum(0)
        for score in (cosine, share):
            own = score[np.arange(len(score)), right]
            rank = (score >= own[:, None] - 1e-6 * np.abs(own[:, None])).sum(1)
            found.append([(rank <= k).mean() for k in (1, 10)])
    as_it_is, corrected, moved, both = found
    np.testing.assert_allclose([as_it_is, moved, corrected, both], stated, atol=5e-3)
    assert both[0] >= 0.42
    assert both[1] >= 0.75
