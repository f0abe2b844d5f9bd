"""Handwritten digits with their words."""

from __future__ import annotations

import numpy as np

from ._items import Items

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WORDS_ZH = "零一二三四五六七八九"


def digits() -> Items:
    """Return scikit-learn's 1,797 handwritten digits with the number words in English and Chinese.

    Returns
    -------
    Items
        ``ids`` (``"digit-0000"``), ``text`` (``"zero"``), ``text_zh`` (``"零"``), ``image`` uint8 (n, 8, 8),
        dark ink on white, and ``label`` (int64, 0 … 9).

    Notes
    -----
    Here the pairing is by class: any picture of a seven belongs to the word *seven*, so truth is
    ``(labels_a, labels_b)`` and not the diagonal. Notebook: ``10_faq``.

    References
    ----------
    E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998
    (the test part, as in scikit-learn).

    Examples
    --------
    >>> from mmalign_nb.datasets import digits
    >>> d = digits()
    >>> d
    Items(n=1797: text, text_zh, image 8×8, label)
    >>> d.text[:4], d.text_zh[:4]
    (['zero', 'one', 'two', 'three'], ['零', '一', '二', '三'])
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    label = data.target.astype(np.int64)
    return Items(
        ids=np.array([f"digit-{i:04d}" for i in range(len(label))]),
        text=[_WORDS[k] for k in label],
        text_zh=[_WORDS_ZH[k] for k in label],
        image=(255 - np.rint(data.images * (255 / 16))).astype(np.uint8),
        label=label,
    )
