"""One file at a time, believed in nothing: a picture, a sound, a film, a text, a table; what was changed is said in a few words."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import stat
import threading
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .video import read_video

# Pillow reads more, and starts other programs for some of it (EPS): only these are tried.
_FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "TIFF",
    "WEBP",
    "ICO",
    "PPM",
)  # MPO, two JPEG pictures in one file, comes with JPEG
# What one file may cost, looked at before it is decoded.
_MOST_PIXELS, _MOST_BYTES, _MOST_TEXT, _MOST_TABLE = 10**8, 2**31, 2**20, 2**28
_NOT_SEEN = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # controls, marks of direction, halves of pairs, line ends, …
_SHORTEST = 0.02  # seconds of sound: less than one window of any encoder


class Unusable(Exception):
    """A file that cannot be used; the message is the reason, in a few words."""


def content(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most ``most`` bytes."""
    check_file(path, most)
    with reading(path), path.open("rb") as file:
        data = file.read(most + 1)  # it may grow while it is read
    if len(data) > most:
        raise Unusable(f"larger than {most / 2**20:g} MB")
    return data


def check_file(path: Path, most: int = _MOST_BYTES) -> None:
    """Refuse what is no regular file (a pipe would wait for ever), an empty and a very large one."""
    with reading(path):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise Unusable("not a regular file")
    if found.st_size == 0:
        raise Unusable("empty file")
    if found.st_size > most:
        raise Unusable(f"larger than {most / 2**20:g} MB")


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the system says of a file that cannot be opened is the reason why it is left out."""
    try:
        yield
    except OSError as err:
        raise Unusable(
            f"cannot be opened ({os.strerror(err.errno)})" if err.errno else f"cannot be read ({err})"
        ) from err


def shown(words: str, most: int = 300) -> str:
    """Words as they can be printed and stored: what is no sign to be seen as its code; and not too many of them."""
    words = words.encode("utf-8", "surrogateescape" if os.name != "nt" else "surrogatepass").decode(
        "utf-8", "backslashreplace"
    )
    if not words.isprintable():
        out = []
        for sign in words:  # joiners belong to emoji and to Persian
            plain = unicodedata.category(sign) not in _NOT_SEEN or sign in "\u200c\u200d"
            out.append(sign if plain else sign.encode("unicode_escape").decode())
        words = "".join(out)
    return words if len(words) <= most else f"{words[: most - 1]}…"


_one = threading.Lock()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the decoders of MP3 and TIFF say of a file off the screen: the reader gets a note."""
    with (
        _one,
        contextlib.ExitStack() as after,
    ):  # one at a time, or the second would keep the first one's nothing for the screen
        with contextlib.suppress(OSError):  # there may be no screen
            after.callback(os.close, kept := os.dup(2))
            nothing = after.enter_context(open(os.devnull, "wb"))
            os.dup2(nothing.fileno(), 2)
            after.callback(os.dup2, kept, 2)
        yield


# ---- pictures


def read_picture(path: Path, size: int | None) -> tuple[np.ndarray, list[str]]:
    """Return uint8 (size, size, 3) and what was changed beyond its size; or (H, W, 3) as it is, where size is None.

    The whole picture, its longer side ``size``, stands in the middle of white paper.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    check_file(path)
    changed = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is looked at here, or changes nothing
            with Image.open(path, formats=_FORMATS) as im:
                if im.width * im.height > _MOST_PIXELS:
                    raise Unusable(f"more than {_MOST_PIXELS // 10**6} million pixels")
                if getattr(im, "is_animated", False) and im.format != "MPO":  # n_frames reads them all
                    changed.append("first frame of several")
                if size is not None:  # a large JPEG is decoded no larger than wanted
                    im.draft("RGB", (2 * size, 2 * size))
                with _quiet() if im.format == "TIFF" else contextlib.nullcontext():
                    im.load()
                if im.getexif().get(0x0112, 1) not in (0, 1):
                    changed.append("turned as its EXIF says")
                    ImageOps.exif_transpose(im, in_place=True)
                rgb = _as_rgb(im, changed)
                if size is None:
                    return np.array(rgb), changed
                rgb = ImageOps.contain(
                    rgb,
                    (size, size),
                    Image.Resampling.BOX if min(rgb.size) > size else Image.Resampling.BICUBIC,
                )
    except Unusable:
        raise
    except UnidentifiedImageError as err:
        raise Unusable("no picture that can be read") from err
    except MemoryError as err:
        raise Unusable("too large for the memory") from err
    except Exception as err:  # decoders fail in many ways; the file is at fault, not the reader
        cut = isinstance(err, (OSError, EOFError)) and "trunc" in str(err).lower()
        raise Unusable("cut off" if cut else "damaged picture") from err
    return _on_paper(np.asarray(rgb), size), changed


def _on_paper(pixels: np.ndarray, size: int) -> np.ndarray:
    """Pixels (…, H, W, 3) in the middle of white paper, (…, size, size, 3)."""
    high, wide = pixels.shape[-3:-1]
    out = np.full((*pixels.shape[:-3], size, size, 3), 255, np.uint8)
    top, left = (size - high) // 2, (size - wide) // 2
    out[..., top : top + high, left : left + wide, :] = pixels
    return out


def _as_rgb(im: Any, changed: list[str]) -> Any:
    """Any mode as 8-bit RGB: what is transparent shows white paper."""
    from PIL import Image

    if im.mode in ("I", "F") or im.mode.startswith("I;"):
        x = np.asarray(im)
        least, most = float(x.min()), float(x.max())
        if not math.isfinite(least) or not math.isfinite(most):
            raise Unusable("not finite")
        # 16 bits are 16 bits; of other wide numbers nobody knows the white, so the largest is.
        low, high = (0.0, 65535.0) if least >= 0 and 255 < most < 65536 else (min(least, 0.0), max(most, 1.0))
        grey = np.empty(x.shape, np.uint8)
        for row in range(len(x)):  # one at a time: all of them in 64 bits would take a gigabyte
            grey[row] = (255 * ((x[row].astype(np.float64) - low) / (high - low))).round()
        changed.append("16 bits or more, made 8")
        return Image.fromarray(grey).convert("RGB")
    if im.has_transparency_data:
        over = im if im.mode == "RGBA" else im.convert("RGBA")
        alpha = over.getchannel("A")
        if alpha.getextrema()[0] < 255:
            changed.append("laid on white")
        paper = Image.new("RGB", over.size, "white")
        paper.paste(over, mask=alpha)
        return paper
    if im.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        changed.append(f"{im.mode} made RGB")
    return im.convert("RGB")


# ---- sounds


def sound_seconds(path: Path) -> float:
    """How long a sound is, by its header."""
    import soundfile

    check_file(path)
    try:
        with _quiet():
            info = soundfile.info(str(path))
        rate, frames = int(info.samplerate), int(info.frames)
    except Exception as err:
        raise Unusable("no sound that can be read") from err
    if not 1000 <= rate <= 768_000:
        raise Unusable(f"{rate} Hz, which is no rate of sound")
    if frames / rate < _SHORTEST:
        raise Unusable("too short")
    return frames / rate


def read_sound_file(path: Path, rate: int, seconds: float, whole: float) -> tuple[np.ndarray, list[str]]:
    """Return the first ``seconds`` as float32 (samples,) at ``rate`` Hz, in one channel, in [-1, 1], and what was changed.

    ``whole`` is what ``sound_seconds`` says.
    """
    import soundfile
    import torch
    import torchaudio

    changed = []
    try:
        with _quiet(), soundfile.SoundFile(str(path)) as file:
            own, channels = file.samplerate, file.channels
            left, parts = math.ceil(seconds * own), [np.zeros(0, np.float32)]
            while left > 0:  # in pieces: a header may promise 1,024 channels, and more than there is
                piece = file.read(min(left, max(1, 2**20 // channels)), dtype="float32", always_2d=True)
                if not len(piece):
                    break
                parts.append(piece.mean(axis=1))
                left -= len(piece)
    except Exception as err:
        raise Unusable("damaged sound") from err
    mono = np.concatenate(parts)
    if len(mono) < _SHORTEST * own:
        raise Unusable("cut off")
    if not np.isfinite(mono).all():
        raise Unusable("samples that are not finite")
    if channels > 1:
        changed.append(f"{channels} channels made one")
    if own != rate:
        changed.append("another rate")
        mono = torchaudio.functional.resample(torch.from_numpy(mono), own, rate).numpy()
    if (peak := float(np.abs(mono).max(initial=0))) > 1:
        changed.append("peaks above 1, made softer")
        mono = mono / peak
    if peak == 0:
        changed.append("silence")
    if whole > seconds + 1 / rate:
        changed.append(f"cut to {seconds:g} s")
    return mono[: math.ceil(seconds * rate)].astype(np.float32), changed


# ---- films


def read_film(path: Path, size: int, fps: float, seconds: float) -> tuple[np.ndarray, list[str]]:
    """Return uint8 (T, size, size, 3), a frame every ``1 / fps`` s for the first ``seconds``, and what was changed."""
    check_file(path)
    try:
        film = read_video(path, fps=fps, size=size, max_seconds=seconds)
    except ImportError as err:
        raise Unusable(str(err)) from err
    except ValueError as err:
        raise Unusable(str(err).removeprefix(str(path)).strip().replace("max_seconds", "seconds")) from err
    except Exception as err:  # decoders fail in many ways; the file is at fault, not the reader
        raise Unusable("damaged film") from err
    return _on_paper(film.frames, size), [note for note in film.notes if note != "no audio track"]


# ---- words


def decode(data: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """Return text and what is to be said: UTF-8 or UTF-16 by its mark, then ``encoding`` where UTF-8 does not fit."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), ["UTF-16"]
        except UnicodeDecodeError as err:
            raise Unusable("UTF-16 by its mark, and cut off or damaged") from err
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as err:
        if encoding is None:
            some = data[max(0, err.start - 20) : err.start + 20].decode("cp1252", "replace")
            raise Unusable(
                f"not UTF-8 (byte {err.start}); say encoding='cp1252' if it should read “{' '.join(some.split())}”"
            ) from err
    try:
        text = data.decode(encoding)
        text.encode()  # some encodings can write halves of pairs, which are no signs
    except UnicodeError as err:
        raise Unusable(f"neither UTF-8 nor {encoding}") from err
    return text, [f"read as {encoding}"]


def read_text(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    """Return the words of a text file, with its white space in order."""
    text, changed = decode(content(path, _MOST_TEXT), encoding)
    if "\0" in text:
        raise Unusable("no text")
    if not (words := " ".join(text.split())):
        raise Unusable("no words")
    return words, changed


def read_table(path: Path, encoding: str | None) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the header, the rows and what is to be said of a table with commas, semicolons or tabs."""
    text, changed = decode(content(path, _MOST_TABLE), encoding)
    if "\0" in text:
        raise Unusable("no table that can be read (it has zero bytes; UTF-16 without its mark?)")
    start = text.lstrip("\r\n")[: 2**16]
    first = (start.splitlines() or [""])[0]
    mark = max(",;\t", key=first.count)
    if mark != ",":
        changed.append("semicolons" if mark == ";" else "tabs")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        rows = [row for row in reader if any(row)]
    except csv.Error as err:
        raise Unusable(f"no table that can be read (line {reader.line_num}: {err})") from err
    if not rows:
        raise Unusable("no rows")
    header = [name.strip() for name in rows[0]]
    return header, rows[1:], changed
