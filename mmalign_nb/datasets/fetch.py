"""Real sets that are downloaded when first asked for: spoken digits, environmental sounds, Wikipedia's features."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._check import as_number, as_rate, as_seed, one_of
from . import _download
from ._items import Items
from .digits import _WORDS, _WORDS_ZH

__all__ = ["WikipediaFeatures", "downloaded", "esc10", "spoken_digits", "wikipedia"]

# What a set is made of, and what a reader without a network can take instead.
SETS = {
    "wikipedia": (("wikipedia",), "things() needs no download: its pairs share known factors."),
    "spoken_digits": (
        ("fsdd", "mnist"),
        "digits() needs no download: handwritten digits and their words, without sound.",
    ),
    "esc10": (("esc10",), "things() needs no download: twelve kinds of sounding things, with words."),
}


def _load(name: str, progress: bool) -> dict[str, dict[str, bytes]]:
    """Every collection of a set by the name of its folder: its files by their paths."""
    parts, otherwise = SETS[name]
    return {part: _download.load(part, name, otherwise, progress) for part in parts}


def kept_in() -> Path:
    """Where the sets are, or will be."""
    return _download.folder()


def downloaded(name: str) -> bool:
    """Say whether a real set is here, whole, so that asking for it downloads nothing.

    Parameters
    ----------
    name : {"wikipedia", "spoken_digits", "esc10"}

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If there is no such set.

    Notes
    -----
    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> from mmalign_nb.datasets import downloaded
    >>> downloaded("esc10")  # doctest: +SKIP
    False
    """
    parts, _ = SETS[one_of(name, "name", SETS)]
    return not any(_download.missing(part) for part in parts)


class WikipediaFeatures(NamedTuple):
    """A picture and a section of an article for each row, as features.

    Fields: ``image`` float32 (2866, 128), ``text`` float32 (2866, 10), ``label`` (2866,) str, one of ten categories,
    ``split`` (2866,) ``"train"`` or ``"test"``, ``ids`` (2866,) str, ``f"{id of the text} {id of the image}"``.
    """

    image: np.ndarray
    text: np.ndarray
    label: np.ndarray
    split: np.ndarray
    ids: np.ndarray


def wikipedia(progress: bool = True) -> WikipediaFeatures:
    """Return 2,866 pairs of a picture and a text from Wikipedia's featured articles, as the features of the 2010 paper.

    A picture is a histogram of 128 visual words (SIFT), a text its share in each of 10 topics (LDA). They are what the
    first tables of cross-modal retrieval were measured on: 2,173 pairs to learn from, 693 to be tested on. They are
    downloaded once, 1.3 MB, into the folder ``MMALIGN_NB_DATA`` or else the user's cache.

    Parameters
    ----------
    progress : bool
        Whether to show a progress bar while downloading.

    Returns
    -------
    WikipediaFeatures
        A named tuple: ``image`` float32 (2866, 128), ``text`` float32 (2866, 10), ``label`` str, ``split`` str
        (``"train"`` or ``"test"``), ``ids`` str; row i of ``image`` belongs to row i of ``text``.

    Raises
    ------
    ConnectionError
        If files are lacking and cannot be downloaded; it says what can be done without a network.

    Notes
    -----
    ``docs/TABLES.md`` has the published table and what this package finds. Notebook: ``10_faq``.

    References
    ----------
    N. Rasiwasia et al., *A new approach to cross-modal multimedia retrieval*, ACM Multimedia 2010. Features from the
    repository ``emanuetre/crossmodal``.

    Examples
    --------
    >>> from mmalign_nb.datasets import wikipedia
    >>> image, text, label, split, ids = wikipedia()  # doctest: +SKIP
    >>> image.shape, text.shape, (split == "train").sum()  # doctest: +SKIP
    ((2866, 128), (2866, 10), np.int64(2173))
    >>> label[:3].tolist()  # doctest: +SKIP
    ['media', 'sport', 'geography']
    """
    from scipy.io import loadmat

    files = _load("wikipedia", progress)["wikipedia"]
    table = loadmat(io.BytesIO(files["raw_features.mat"]))  # type: ignore[arg-type]  # it takes open files too
    rows = {
        split: [line.split() for line in files[f"{split}set_txt_img_cat.list"].decode().splitlines()]
        for split in ("train", "test")
    }
    categories = np.array(files["categories.list"].decode().split())
    both = [*rows["train"], *rows["test"]]
    return WikipediaFeatures(
        image=np.concatenate([table["I_tr"], table["I_te"]]).astype(np.float32),
        text=np.concatenate([table["T_tr"], table["T_te"]]).astype(np.float32),
        label=categories[[int(category) - 1 for *_, category in both]],
        split=np.repeat(list(rows), [len(part) for part in rows.values()]),
        ids=np.array([f"{text} {image}" for text, image, _ in both]),
    )


def spoken_digits(seconds: float = 1.0, seed: int = 0, progress: bool = True) -> Items:
    """Return 3,000 spoken digits, each with its word and a handwritten picture of the same digit.

    Six speakers said each digit fifty times; the pictures are of people who never met them. Any picture of a seven
    belongs to any spoken seven, so truth is ``(labels_a, labels_b)``; a speaker left out is a drift that one can hear.
    They are downloaded once, 23 MB, into the folder ``MMALIGN_NB_DATA`` or else the user's cache.

    Parameters
    ----------
    seconds : float
        Length of the sounds: shorter recordings are followed by silence, longer ones (20 of 3,000 are longer than a
        second, the longest has 2.3) are cut.
    seed : int
        Which of the pictures of its digit a recording gets; no picture comes twice.
    progress : bool
        Whether to show a progress bar while downloading.

    Returns
    -------
    Items
        ``ids`` (``"7_theo_3"``), ``text`` and ``text_zh`` (``"seven"``, ``"七"``), ``image`` uint8 (3000, 28, 28), dark
        ink on white, ``audio`` at 8,000 Hz, ``label`` (int64, 0 … 9) and the factors

        * ``speaker``: six names; ``take``: 0 … 49;
        * ``split``: ``"test"`` for takes 0 … 4, as the authors have it, else ``"train"``;
        * ``samples``: how long the recording was, before it was cut or filled up;
        * ``picture``: number of the picture in MNIST's test part.

    Raises
    ------
    ConnectionError
        If files are lacking and cannot be downloaded; it says what can be done without a network.
    ValueError
        If ``seconds`` is not in (0, 60], or ``seed`` is no whole number of at least 0.

    Notes
    -----
    The recordings are under CC BY-SA 4.0: what is made of them is shared alike, and they are not part of this package.
    Notebook: ``10_faq``.

    References
    ----------
    Z. Jackson et al., *Free Spoken Digit Dataset*, 2018 (commit 26eb9aaf). Y. LeCun, C. Cortes, C. Burges, *The MNIST
    database of handwritten digits*, 1998 (the test part).

    Examples
    --------
    >>> from mmalign_nb.datasets import spoken_digits
    >>> spoken = spoken_digits()  # doctest: +SKIP
    >>> spoken  # doctest: +SKIP
    Items(n=3000: text, text_zh, image 28×28, audio 1 s at 8000 Hz, label, factors speaker, take, split, samples, picture)
    >>> theo = spoken[spoken.factors["speaker"] == "theo"]  # doctest: +SKIP
    >>> len(theo), theo.text[-1]  # doctest: +SKIP
    (500, 'nine')
    """
    import gzip

    seconds = as_number(seconds, "seconds", 0, 60, above=True)
    rng = np.random.default_rng(as_seed(seed))
    files = _load("spoken_digits", progress)
    names = sorted(path for path in files["fsdd"] if path.endswith(".wav"))
    told = [re.fullmatch(r".*/(\d)_(\w+)_(\d+)\.wav", name).groups() for name in names]  # type: ignore[union-attr]
    order = sorted(range(len(names)), key=lambda k: (told[k][0], told[k][1], int(told[k][2])))
    label = np.array([int(told[k][0]) for k in order])
    take = np.array([int(told[k][2]) for k in order])
    waves = [_sound(files["fsdd"][names[k]], 8000) for k in order]
    drawn, picture = (
        np.frombuffer(gzip.decompress(files["mnist"][f"t10k-{kind}-ubyte.gz"]), np.uint8, offset=start)
        for kind, start in (("labels-idx1", 8), ("images-idx3", 16))
    )
    chosen = np.empty(len(label), np.int64)
    for digit in range(10):
        mine = label == digit
        chosen[mine] = rng.choice(np.flatnonzero(drawn == digit), mine.sum(), replace=False)
    return Items(
        ids=np.array([f"{told[k][0]}_{told[k][1]}_{told[k][2]}" for k in order]),
        text=[_WORDS[k] for k in label],
        text_zh=[_WORDS_ZH[k] for k in label],
        image=255 - picture.reshape(-1, 28, 28)[chosen],
        audio=_same_length(waves, max(round(seconds * 8000), 1)),
        sample_rate=8000,
        label=label,
        factors={
            "speaker": np.array([told[k][1] for k in order]),
            "take": take,
            "split": np.where(take < 5, "test", "train"),
            "samples": np.array([len(wave) for wave in waves]),
            "picture": chosen,
        },
    )


def esc10(sample_rate: int = 44100, progress: bool = True) -> Items:
    """Return 400 recordings of ten kinds of environmental sound, five seconds each, with the titles people gave them.

    Forty clips of each of *dog bark, rain, sea waves, baby cry, clock tick, person sneeze, helicopter, chainsaw,
    rooster, fire crackling*, in five official folds; clips cut from one recording are in one fold. They are downloaded
    once, 42 MB, into the folder ``MMALIGN_NB_DATA`` or else the user's cache.

    Parameters
    ----------
    sample_rate : int
        In Hz; the recordings have 44,100 (353 MB of samples in memory), any other is made from that.
    progress : bool
        Whether to show a progress bar while downloading.

    Returns
    -------
    Items
        ``ids`` (``"1-100032-A"``), ``text`` (the title of the recording on Freesound, ``"rose bark"``), ``audio`` of
        5 s, ``label`` (``"dog bark"``) and the factors

        * ``fold``: 1 … 5;
        * ``recording``: number of the recording on Freesound: clips of one recording are no independent evidence;
        * ``author`` and ``licence``: of the recording, to be named where a clip is played or shown.

    Raises
    ------
    ConnectionError
        If files are lacking and cannot be downloaded; it says what can be done without a network.
    ValueError
        If ``sample_rate`` is no number of samples per second.

    Notes
    -----
    Under CC BY 3.0, each recording under its author's licence. Notebook: ``07_video_audio_search``.

    References
    ----------
    K. J. Piczak, *ESC: Dataset for environmental sound classification*, ACM Multimedia 2015.

    Examples
    --------
    >>> from mmalign_nb.datasets import esc10
    >>> sounds = esc10(16000)  # doctest: +SKIP
    >>> sounds  # doctest: +SKIP
    Items(n=400: text, audio 5 s at 16000 Hz, label, factors fold, recording, author, licence)
    >>> sounds[:2].text, sounds[:2].label.tolist(), sounds[:2].factors["fold"].tolist()  # doctest: +SKIP
    (['rose bark', 'animals dog bark springer spaniel 001'], ['dog bark', 'dog bark'], [1, 1])
    """
    rate = round(as_rate(sample_rate))
    files = _load("esc10", progress)["esc10"]
    paths = sorted(path for path in files if path.endswith(".ogg"))
    told = {
        name: (title, author, licence)
        for name, title, author, licence in re.findall(
            r"\*\*\[([^]]+)\.ogg\]\([^)]*\)\*\*:\s+clip derived from \[(.+?)\]\(http[^)]*\) by \*(.+?)\* \(\[(.+?)\]",
            files["README.md"].decode(),
        )
    }
    ids = [path.rpartition("/")[2].removesuffix(".ogg") for path in paths]
    parts = [name.split("-") for name in ids]
    return Items(
        ids=np.array(ids),
        text=[_title(told[name][0]) for name in ids],
        audio=_same_length([_sound(files[path], rate) for path in paths], 5 * rate),
        sample_rate=rate,
        label=np.array([path[6 : path.index("/")].lower() for path in paths]),
        factors={
            "fold": np.array([int(part[0]) for part in parts]),
            "recording": np.array([int(part[1]) for part in parts]),
            "author": np.array([told[name][1] for name in ids]),
            "licence": np.array([told[name][2] for name in ids]),
        },
    )


def _title(name: str) -> str:
    """A file's name as words: ``rose_bark.wav`` is *rose bark*."""
    return (
        re.sub(r"[_\s]+", " ", re.sub(r"\.(wav|aiff?|flac|mp3|ogg|m4a)$", "", name, flags=re.I)).strip()
        or name
    )


def _sound(content: bytes, rate: int) -> np.ndarray:
    """The samples of a file at a rate: float32 (samples,) in [-1, 1], which decoding may leave a little."""
    import soundfile

    wave, own = soundfile.read(io.BytesIO(content), dtype="float32")
    if own != rate:
        import torch
        from torchaudio.functional import resample

        wave = resample(torch.from_numpy(wave), own, rate).numpy()
    return np.clip(wave, -1, 1)


def _same_length(waves: list[np.ndarray], samples: int) -> np.ndarray:
    """Sounds cut, or followed by silence, so that all have so many samples: float32 (n, samples)."""
    out = np.zeros((len(waves), samples), np.float32)
    for row, wave in zip(out, waves, strict=True):
        row[: len(wave)] = wave[:samples]
    return out
