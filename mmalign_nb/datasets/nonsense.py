"""Queries about nothing in a collection: what a search should answer with "nothing matches"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from string import ascii_lowercase
from typing import Any

import numpy as np

from .._check import as_count, as_seed, as_texts
from ._items import Items

__all__ = ["nonsense"]

KINDS = ("phrase", "emoji", "script", "letters", "mixed")

_THINGS = (
    "mortgage payroll dentist vacation homework grandmother breakfast omelette spaghetti invoice lawyer election parliament "
    "inflation stadium championship guitarist orchestra novel poetry biology chemistry laboratory vaccine hospital "
    "surgery allergy elephant giraffe kangaroo penguin salmon lobster forest waterfall volcano earthquake hurricane passport "
    "luggage airport motorway traffic bicycle helicopter submarine kitchen bedroom curtain furniture laundry shampoo perfume "
    "wedding birthday neighbour colleague manager password laptop printer database sandwich pancake mustard garlic cinnamon"
)
_LOOKS = (
    "overdue grilled jealous expensive wooden delicious broken retired annual nervous portable frozen organic romantic stolen "
    "cheap haunted rusty invisible noisy ugly friendly boring spicy woolen muddy lazy clever injured homemade"
)
_JOINED = ("and", "with", "for", "of")
_EMOJI = "🍕🚗🦒🍔🎂🚀🐘🍎👗🏥🚲🧀🐧🏖🎸🍺👶🚒🦀🧳🛁🥕🎓🚜🍇🐊🧦🏈🥐"
_SCRIPTS = (
    "电影票|银行贷款|昨天的早餐|会议记录|我的祖母|となりの家族|冷蔵庫の中|電車が遅れる|カレーライス|고양이 사료|주말 여행|"
    "생일 선물|ипотека на дом|вчерашний борщ|зубная щётка|собака лает|φρέσκο ψωμί|το λεωφορείο άργησε|ο γείτονας|قهوة الصباح|"
    "فاتورة الكهرباء|سيارة مستعملة|חדשות הערב|מתכון לעוגה|आज का मौसम|ताज़ी सब्ज़ी|रेल का टिकट|ข้าวผัด|รถติดมาก|சூடான தேநீர்|"
    "పాత పుస్తకం|গরম ভাত|ახალი წიგნი|նոր մեքենա|ትኩስ ቡና"
)


def nonsense(texts: Any, n: int = 200, seed: int = 0) -> Items:
    """Return queries about nothing in a collection of texts, in equal shares of five kinds.

    * ``phrase``: English about other things ("overdue mortgage with garlic"); no word of it stands in the texts,
      but for an *and* or a *with*;
    * ``emoji``: one to three of them;
    * ``script``: words in other scripts, none of which stands in the texts;
    * ``letters``: one or two strings of random letters;
    * ``mixed``: known words without sense, in turn one word of the texts beside others of no text ("umbrella mortgage"),
      and three words, no two of which share a text ("canadian domino tilde").

    Parameters
    ----------
    texts : list of str
        What the collection's items are called.
    n : int
    seed : int

    Returns
    -------
    Items
        ``text`` and ``label``, the kind.

    Raises
    ------
    TypeError, ValueError
        If texts are none, or the texts hold too few words to mix.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    Examples
    --------
    >>> from mmalign_nb.datasets import nonsense
    >>> bells = ["a red bell", "blue drums", "the old car"]
    >>> queries = nonsense(bells, 5)
    >>> queries.label.tolist()
    ['phrase', 'emoji', 'script', 'letters', 'mixed']
    >>> queries.text[0], nonsense(bells, 5, seed=1).text[4]
    ('muddy traffic', 'furniture colleague bell')
    """
    rng, n = np.random.default_rng(as_seed(seed)), as_count(n, "n")
    listed = [text.lower() for text in as_texts(texts, "texts")]
    holders: dict[str, set[int]] = {}  # of each word, the texts
    for row, text in enumerate(listed):
        for word in re.findall(r"\w+", text):
            holders.setdefault(word, set()).add(row)
    things, looks = ([w for w in some if w not in holders] for some in (_THINGS.split(), _LOOKS.split()))
    whole = "\n".join(listed)
    foreign = [
        x for x in _SCRIPTS.split("|") if not any(word in whole for word in re.findall(r"\w+", x.lower()))
    ]
    known = sorted(w for w in holders if len(w) > 2 and w.isalpha())

    def some(of: Sequence[str], k: int = 1) -> list[str]:
        return [of[i] for i in rng.choice(len(of), k, replace=False)]

    def mixed(turn: int) -> list[str]:
        if turn % 2 == 0 and known:
            return [*rng.permutation(some(known) + some(things, int(rng.integers(1, 3))))]
        for _ in range(1000 if len(known) > 2 else 0):
            three = some(known, 3)
            if all(holders[a].isdisjoint(holders[b]) for a, b in combinations(three, 2)):
                return three
        raise ValueError(
            f"texts has {len(listed)} texts of {len(known)} words, of which no three stand in three texts"
        )

    def query(kind: str, turn: int) -> str:
        if kind == "phrase":
            return " ".join(
                some(looks) + some(things) + (some(_JOINED) + some(things)) * int(rng.integers(2))
            )
        if kind == "emoji":
            return "".join(some(_EMOJI, int(rng.integers(1, 4))))
        if kind == "script":
            return some(foreign)[0]
        if kind == "letters":
            return " ".join(
                "".join(some(ascii_lowercase, int(rng.integers(4, 10)))) for _ in range(rng.integers(1, 3))
            )
        return " ".join(mixed(turn))

    kinds = [KINDS[k % len(KINDS)] for k in range(n)]
    queries = [query(kind, k // len(KINDS)) for k, kind in enumerate(kinds)]
    return Items(ids=np.arange(n), text=queries, label=np.array(kinds))
