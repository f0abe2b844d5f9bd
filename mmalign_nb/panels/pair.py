"""PairPanel: one pair at a time. Is it right? And see what the answers promise so far."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .._check import describe
from .._files import as_path
from ..plots import new_figure, styled
from ..plots.items import put_image
from ..plots.style import COLORS, LINE, RIGHT, as_words

from ._base import Panel, Range, packed
from ._media import Media

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..threshold import Labelling


class PairPanel(Panel):
    """Answer whether one pair after the other is right, and watch what is promised grow.

    Keys: **y** yes, **n** no, **?** cannot tell, **u** undo. The page asks for the next pair at once, by the same rule as
    :class:`mmalign_nb.threshold.Labelling`; each answer names the pair it is for, and Python refuses one for another pair. The
    score of a pair is not shown while it is asked for: it would sway the answer.

    Parameters
    ----------
    labelling : Labelling
        What is asked, and what is promised. It is the one that answers go to, and stays the reader's own.
    a, b : items of the rows and of the columns of its pool
        A list of str, uint8 images, ``(audio, sample_rate)``, ``(video, fps)``, or ``(items, "image")``. If the labelling is of a
        sequence of scores, candidate k is the pair of ``a[k]`` and ``b[k]``.
    sides : (str, str)
        What rows and columns are.
    captions : (sequence of str or None, sequence of str or None), optional
        Names of the items.
    path : str or path, optional
        A CSV file: every answer is saved there at once (:meth:`mmalign_nb.threshold.Labelling.to_csv`). If it is there, its
        answers are taken first, so that an afternoon's labels survive a restart.

    Attributes
    ----------
    labelling : Labelling
        Its ``threshold``, ``kept``, ``asked`` and ``history`` can be read in the next cell, and follow each answer. Whoever
        calls its ``answer`` or ``undo`` there calls ``panel.refresh()`` too.

    Raises
    ------
    TypeError, ValueError
        If the items do not fit the pool, or ``path`` has answers of another pool, other settings, or other answers.

    References
    ----------
    I. Waudby-Smith, A. Ramdas, *Confidence sequences for sampling without replacement*, NeurIPS 2020.

    Notes
    -----
    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.align import nearest_match
    >>> from mmalign_nb.panels import PairPanel
    >>> from mmalign_nb.threshold import Labelling
    >>> pool = nearest_match(np.array([[0.9, 0.1], [0.3, 0.4]]))
    >>> panel = PairPanel(Labelling(pool), ["cat", "dog"], ["Katze", "Hund"])
    >>> panel
    PairPanel(0 answers: no promise yet for the 2 matches of the pool): is it right? 'cat' and 'Katze'
    >>> panel.labelling.answer(True)
    >>> panel.refresh()
    >>> panel.labelling.asked
    [((0, 0), True)]
    """

    _kind = traitlets.Unicode("pair").tag(sync=True)
    _answers = traitlets.List().tag(sync=True)  # of (place in the pool, answer)

    def __init__(
        self,
        labelling: Labelling,
        a: Any,
        b: Any,
        *,
        sides: tuple[str, str] = ("side a", "side b"),
        captions: tuple[Any, Any] = (None, None),
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        from ..threshold import Labelling

        if not isinstance(labelling, Labelling):
            raise TypeError(f"labelling is {describe(labelling)}; want a threshold.Labelling")


def plan(labelling: Labelling) -> dict[str, Any]:
    """What the rule computes once, as ``instrument/walk.js`` takes it: the page then asks, keeps and promises the same."""
    lines = range(len(labelling._sizes))
    bets = labelling._sizes[::-3]
    return {
        "drawn": labelling._drawn.astype(np.int32),
        "sizes": labelling._sizes.tolist(),
        "needed": labelling._needed,
        "start": labelling._start,
        "goals": [[labelling._goal(line, strict) for line in lines] for strict in (0, labelling._start)],
        "bets": bets.tolist(),
        "risk": -math.log(labelling.delta / max(len(bets), 1)),
        "target": labelling.target,
        "prior": 5 / (1 - labelling.target),
    }
