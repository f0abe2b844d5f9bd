"""A small world of sounding things, generated: each item as words, a picture, a sound and, on request, a film."""

from __future__ import annotations

import numpy as np

from .._check import as_count
from ._items import Items
from ._things_draw import FPS, FRAMES, PIXELS, Scene
from ._things_plan import COLOURS, COUNTS, KINDS, SIZES, TIMES, Thing, beats, rng_for, thing
from ._things_sound import SAMPLE_RATE, perform
from ._things_words import chinese, english

__all__ = ["COLOURS", "COUNTS", "KINDS", "SIZES", "TIMES", "things"]


def things(n: int = 600, seed: int = 0, video: bool = False) -> Items:
    """Return ``n`` generated items in up to five modalities whose shared factors are known.

    Item ``i`` is one choice of five factors, and each modality tells some of them:

    ========  ====================  ==================  ==================  ==================
    factor    values                text, text_zh       image               audio
    ========  ====================  ==================  ==================  ==================
    kind      12, ``KINDS``         noun and verb       shape               timbre
    size      3, ``SIZES``          adjective           side of each thing  pitch, ±7 semitones
    count     1 … 4, ``COUNTS``     number word         how many are drawn  how many events
    colour    8, ``COLOURS``        adjective           paint               (cannot be heard)
    time      4, ``TIMES``          phrase              sky and ground      (cannot be heard)
    ========  ====================  ==================  ==================  ==================

    So words and pictures can be aligned item by item, but a sound only up to its colour and time of day: it fits
    the pictures of up to 32 factor combinations equally well. Everything else is chance, drawn for each modality
    on its own: wording; place, tilt and landscape; moment, loudness (55–100 %) and exact pitch (±4 %) of each event.

    Parameters
    ----------
    n : int, default 600
        How many items. The first 4,608 differ from each other in at least one factor.
    seed : int, default 0
        Which world. Item ``i`` depends on ``(seed, i)`` alone: it is the same whatever ``n``.
    video : bool, default False
        Also make 2 s of film at 12 fps, in which each thing leaps and lights up at the moment when it sounds.
        Text, picture and factors stay what they are without it; ``audio`` then is the film's sound track: the
        same events at half the tempo, 2 s long.

    Returns
    -------
    Items
        ``text`` and ``text_zh`` (one sentence each); ``image`` uint8 ``(n, 64, 64, 3)``; ``audio`` float32
        ``(n, 16000)`` in [-1, 1] at 16 kHz, or ``(n, 32000)`` with video; ``video`` uint8 ``(n, 24, 64, 64, 3)``
        or None, its first frame being ``image`` and frame ``j`` shown from ``j / 12`` to ``(j + 1) / 12`` s, a
        leap beginning in the frame during which its sound begins; ``label`` the kind; ``factors`` kind, colour, size, count and
        time; ``ids`` such as ``things-0-00007`` (seed and index).

    Raises
    ------
    ValueError
        If ``n`` or ``seed`` is not a whole number, ``n < 1`` or ``seed < 0``.

    Notes
    -----
    Notebook: ``01_features``.

    Examples
    --------
    >>> from mmalign_nb.datasets import things
    >>> items = things(n=8)
    >>> items
    Items(n=8: text, text_zh, image 64×64, audio 1 s at 16000 Hz, label, factors kind, colour, size, count, time)
    >>> print(items.ids[7], items.text[7], items.text_zh[7])
    things-0-00007 Four small blue bells toll in the dark of night. 深夜，可以听到四口很小的蓝色吊钟在当当作响。
    """
    n, seed = as_count(n, "n"), as_count(seed, "seed", 0)
    seconds = FRAMES / FPS if video else 1.0
    plan = [thing(seed, i) for i in range(n)]
    image = np.empty((n, PIXELS, PIXELS, 3), np.uint8)
    audio = np.empty((n, round(seconds * SAMPLE_RATE)), np.float32)
    film = np.empty((n, FRAMES, PIXELS, PIXELS, 3), np.uint8) if video else None
    for i, it in enumerate(plan):
        events = beats(rng_for(seed, i, "beats"), it.count)
        scene = Scene(it, rng_for(seed, i, "image"))
        image[i] = scene.picture()
        audio[i] = perform(it.kind, it.size, events, seconds, rng_for(seed, i, "audio"))
        if film is not None:
            film[i] = scene.film(events)
    return Items(
        ids=np.array([f"things-{seed}-{i:05d}" for i in range(n)]),
        text=[english(it, rng_for(seed, i, "text")) for i, it in enumerate(plan)],
        text_zh=[chinese(it, rng_for(seed, i, "text_zh")) for i, it in enumerate(plan)],
        image=image,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        video=film,
        fps=FPS if video else None,
        label=np.array([it.kind for it in plan]),
        factors={name: np.array([getattr(it, name) for it in plan]) for name in Thing.__annotations__},
    )
