"""Alignments made by hand, for tests of what is written of them; without an encoder."""

from dataclasses import replace

import numpy as np
import pandas as pd

from mmalign_nb.align import max_match
from mmalign_nb.datasets import Items
from mmalign_nb.datasets.own import Collection, Note
from mmalign_nb.evaluate import audit
from mmalign_nb.own import FolderAlignment

NASTY = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\u202egnp.exe\u202c",
    "=HYPERLINK(1)",
    "{title} & 'both' \"signs\" \\ ` ${x}",
    "nul\0 and half \x1b[31m",
    "long " * 2000,
]


def alignment(n=40, given=30, line=0.3, kind="image", texts=None, size=24, seed=0):
    """An alignment made by hand: n items a side, the first ``given`` of them with their partner."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, 16))
    A, B = (truth + rng.normal(size=(n, 16)) * 0.8 for _ in "ab")
    A, B = ((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32) for x in (A, B))
    pairs = np.stack([np.arange(given)] * 2, axis=1)
    found = max_match((A[given:], B[given:]), metric="dot")
    again = max_match((A[:given], B[:given]), metric="dot") if given else None
    both = np.concatenate([*([] if again is None else [again.pairs]), found.pairs + given])
    scores = np.concatenate([*([] if again is None else [again.scores]), found.scores]).astype(np.float32)
    left = np.empty(0, np.int64)
    matches = replace(found, pairs=both, scores=scores, margins=np.full(len(both), 0.1), unmatched_a=left, unmatched_b=left, shape=(n, n))  # fmt: skip
    known = np.where(both[:, 0] >= given, -1, both[:, 0] == both[:, 1]).astype(np.int8)
    ids = [f"item {i}" for i in range(n)]
    texts = [f"word{i % 7} and name{i}" for i in range(n)] if texts is None else texts
    value = {
        "image": {"image": rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)},
        "audio": {"audio": rng.uniform(-1, 1, (n, 16000)).astype(np.float32), "sample_rate": 16000},
    }[kind]
    sides = {kind: Items(ids=ids, **value), "text": Items(ids=ids, text=texts)}
    notes = [Note("<b>broken</b>.png", "image", "skipped", "no picture that can be read")]
    suspects = audit((A, B), pairs, metric="dot") if given else None
    names = np.append(np.array(ids, object), "")
    table = None
    if suspects is not None:
        table = pd.DataFrame(
            {
                "a": names[suspects.pairs[:, 0]],
                "b": names[suspects.pairs[:, 1]],
                "score": (A @ B.T)[tuple(suspects.pairs.T)],
                "suspicion": suspects.suspicion,
                "better_b": names[suspects.better_b],
                "better_a": names[suspects.better_a],
            }
        )
    tried = pd.DataFrame({"encoder": ["own, linear", "pretrained"], "pairs": [given, 0], "mrr": [0.41, np.nan], "low": [0.3, np.nan], "high": [0.5, np.nan], "taken": [True, False], "why": ["", "takes the extra 'pretrained'"]})  # fmt: skip
    return FolderAlignment(
        collection=Collection(sides, dict.fromkeys(sides, ids), notes), a=kind, b="text", encoder=None, vectors_a=A, vectors_b=B, pairs=pairs,
        matches=matches, scores=scores, known=known, threshold=line, promise="At least 90 % are right.", voids=["wrong answers"],
        audit=table, tried=tried, held_out=(A, B),
    )  # fmt: skip


def nasty():
    """An alignment in which every name, caption and sentence tries to be more than text."""
    plain = alignment(len(NASTY) * 4, 14)
    ids = [f"{NASTY[i % len(NASTY)][:60]}{i}" for i in range(len(NASTY) * 4)]
    sides = {
        "image": Items(ids=ids, image=plain.items_a.image),
        "text": Items(ids=ids, text=[NASTY[i % len(NASTY)] for i in range(len(ids))]),
    }
    notes = [Note(f"{x}\udcff", "image", "skipped", x) for x in NASTY]
    rename = dict(zip(plain.ids_a, ids, strict=True)) | {"": ""}
    table = plain.audit.replace(dict.fromkeys(("a", "b", "better_a", "better_b"), rename))
    return replace(
        plain, collection=Collection(sides, dict.fromkeys(sides, ids), notes), audit=table, notes=NASTY, promise=NASTY[0], voids=NASTY,
    )  # fmt: skip
