"""align_folder with two encoders that share a space through a head, and labels on few matches."""

import numpy as np

from mmalign_nb.datasets import from_arrays, things
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.own import align_folder
from mmalign_nb.project import DualEncoder


def test_words_go_through_the_head_of_the_other_encoder_and_few_answers_make_a_line():
    items = things(14, seed=5)
    shared = DualEncoder(CnnImage.load("things"), TfidfText.load("things"))  # its words are counts, sparse
    found = align_folder(
        from_arrays(image=items.image[:12], text=items.text[2:], pairs=None), encoder=shared, progress=False
    )
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (shared.transform(items.image[:12]), shared.transform(items.text[2:], side="b"))]  # fmt: skip
    assert np.allclose(found.vectors_a, unit[0], atol=1e-5)
    assert np.allclose(found.vectors_b, unit[1], atol=1e-5)
    assert found.threshold is None

    session = found.labelling()
    while (pair := session.ask()) is not None and not len(session.kept):
        session.answer(pair[0] == pair[1] + 2)
    kept = found.labelled(session)
    assert len(session.asked) <= 8
    assert kept.kept.sum() >= 4
    assert all(i == j + 2 for i, j in session.kept.pairs)
