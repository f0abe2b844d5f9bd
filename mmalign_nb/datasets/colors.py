"""Colour names given by many people, and the colours they gave them to."""

from __future__ import annotations

import numpy as np

from ._items import Items


def colors() -> Items:
    """Return the 949 colours of the XKCD survey: the name and a swatch.

    Returns
    -------
    Items
        ``ids`` and ``text`` (``"dusty rose"``), ``image`` uint8 (n, 16, 16, 3), each a single colour, and the
        factors ``hex`` (``"#c0737a"``), ``red``, ``green`` and ``blue`` (uint8).

    Notes
    -----
    The smallest of the sets, and the easiest to see through: a picture here is just three numbers. Two names may
    mean nearly the same colour. Notebook: ``02_similarity``.

    References
    ----------
    R. Munroe, *Color survey results*, 2010 (public domain, CC0); the copy inside matplotlib.

    Examples
    --------
    >>> from mmalign_nb.datasets import colors
    >>> names = colors()
    >>> len(names), names.image.shape[1:]
    (949, (16, 16, 3))
    >>> rose = names[names.ids == "dusty rose"]
    >>> rose.factors["hex"].tolist(), rose.image[0, 0, 0].tolist()
    (['#c0737a'], [192, 115, 122])
    """
    from matplotlib.colors import XKCD_COLORS

    # matplotlib adds the spelling "gray" to each "grey"; the survey's own list has each colour once.
    table = {name.removeprefix("xkcd:"): code for name, code in XKCD_COLORS.items()}
    names = sorted(name for name in table if "gray" not in name or name.replace("gray", "grey") not in table)
    codes = np.array([table[name] for name in names])
    rgb = np.array([list(bytes.fromhex(code[1:])) for code in codes], np.uint8)
    return Items(
        ids=np.array(names),
        text=names,
        image=np.ascontiguousarray(np.broadcast_to(rgb[:, None, None, :], (len(names), 16, 16, 3))),
        factors={"hex": codes, "red": rgb[:, 0], "green": rgb[:, 1], "blue": rgb[:, 2]},
    )
