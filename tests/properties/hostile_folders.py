"""Folders such as nobody should have, and the law for what reads them.

``make(root, seed)`` fills a folder: a few good files, one of each format damaged in one of each way in turn, some more at random,
under names of every kind, beside links, pipes and folders that look like files, with or without a table of captions.

The law, ``judge``: reading it gives a collection, or one ValueError that names the folder or its table. In a collection every file is
an item or has a note that says why not; the good files are items; items are what encoders take; whatever is said can be printed.
Never anything else: no other exception, no warning, nothing on stderr (of C libraries neither), no more than 5 seconds or a
gigabyte, no program started, no address called, no file written, nothing unpickled.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import os
import pickle
import re
import resource
import socket
import struct
import sys
import tempfile
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hostile import SECONDS, Hang, _within

Rng = np.random.Generator
MOST = 2**30  # bytes of memory that reading a folder may take at its peak
# What the reading must never do, as Python's audit events tell.
FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.startfile",
    "pickle.find_class",
)
FORBIDDEN += (
    "socket.connect",
    "socket.getaddrinfo",
    "urllib.Request",
    "shutil.unpack_archive",
    "os.remove",
    "os.rename",
)


# ---- whole files of every format


def _picture_file(kind: str, mode: str = "RGB", **more: Any) -> bytes:
    from PIL import Image

    y, x = np.mgrid[:24, :40]
    pixels = np.stack([6 * x, 10 * y, 3 * (x + y)], axis=2).astype(np.uint8)
    im = Image.fromarray(pixels)
    if mode == "I;16":
        im = Image.fromarray((pixels[..., 0].astype(np.uint16)) << 7)
    elif mode == "F":
        im = Image.fromarray(pixels[..., 0].astype(np.float32))
    else:
        im = im.convert(mode)
    if mode == "RGBA":
        im.putalpha(Image.fromarray(np.full((24, 40), 128, np.uint8)))
    if more.pop("film", False):
        more |= {"save_all": True, "append_images": [im.transpose(Image.Transpose.ROTATE_180)]}
    if more.pop("turn", False):
        more["exif"] = Image.Exif()
        more["exif"][0x0112] = 6
    file = io.BytesIO()
    im.save(file, kind, **more)
    return file.getvalue()


def _sound_file(kind: str, subtype: str, channels: int = 1, rate: int = 8000) -> bytes:
    import soundfile

    t = np.arange(rate // 10) / rate
    file = io.BytesIO()
    tone = 0.5 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(file, np.stack([tone] * channels, axis=1), rate, format=kind, subtype=subtype)
    return file.getvalue()


def _film_file() -> bytes | None:
    try:
        import av
    except ImportError:
        return None
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        track = container.add_stream("mpeg4", rate=10)
        track.width, track.height, track.pix_fmt = 48, 32, "yuv420p"
        for k in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 40 * k, np.uint8), format="rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return file.getvalue()


@functools.cache
def whole() -> dict[str, bytes]:
    """One good file of every format, by the end of its name; what stands before a dot there only tells them apart."""
    out = {
        "rgb.png": _picture_file("PNG"),
        "alpha.png": _picture_file("PNG", "RGBA"),
        "palette.png": _picture_file("PNG", "P"),
        "deep.png": _picture_file("PNG", "I;16"),
        "bit.png": _picture_file("PNG", "1"),
        "film.png": _picture_file("PNG", film=True),
        "rgb.jpg": _picture_file("JPEG"),
        "progressive.JPG": _picture_file("JPEG", progressive=True),
        "cmyk.jpeg": _picture_file("JPEG", "CMYK"),
        "turned.jpg": _picture_file("JPEG", turn=True),
        "one.gif": _picture_file("GIF", "P"),
        "film.gif": _picture_file("GIF", film=True),
        "rgb.bmp": _picture_file("BMP"),
        "raw.tif": _picture_file("TIFF"),
        "lzw.tiff": _picture_file("TIFF", compression="tiff_lzw"),
        "deflate.tiff": _picture_file("TIFF", compression="tiff_adobe_deflate", film=True),
        "float.tiff": _picture_file("TIFF", "F"),
        "lossy.webp": _picture_file("WEBP"),
        "film.webp": _picture_file("WEBP", film=True, lossless=True),
        "rgb.ico": _picture_file("ICO"),
        "rgb.ppm": _picture_file("PPM"),
        "grey.pgm": _picture_file("PPM", "L"),
        "16.wav": _sound_file("WAV", "PCM_16"),
        "float.wav": _sound_file("WAV", "FLOAT", 2),
        "adpcm.wav": _sound_file("WAV", "MS_ADPCM"),
        "24.flac": _sound_file("FLAC", "PCM_24", 2),
        "vorbis.ogg": _sound_file("OGG", "VORBIS"),
        "opus.opus": _sound_file("OGG", "OPUS", 1, 48000),
        "layer3.mp3": _sound_file("MP3", "MPEG_LAYER_III", 1, 16000),
        "16.aiff": _sound_file("AIFF", "PCM_16"),
        "law.au": _sound_file("AU", "ULAW"),
        "plain.txt": "two words, naïve\n".encode(),
        "bom.txt": "\ufeffanother caption".encode(),
        "utf16.txt": "a third".encode("utf-16"),
    }
    if film := _film_file():
        out["film.mp4"] = film
    return out


# ---- ways to spoil a file

_TAGS = re.compile(
    rb"IHDR|IDAT|PLTE|IEND|acTL|fcTL|tEXt|\xff[\xc0-\xfe]|RIFF|WEBP|VP8[ LX]|ANIM|fmt |fact|data|PEAK|LIST|OggS|OpusHead|fLaC|FORM|COMM"
    rb"|SSND|\.snd|ftyp|moov|mvhd|trak|stbl|stsz|mdat|II\*\x00|MM\x00\*|BM|GIF8|!\xf9|,|\n|P[56]|ID3|\xff[\xe2-\xfb]|\x00\x00\x01\x00"
)
_NUMBERS = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    bytes(4),
    b"\x80\0\0\0",
    b"\0\0\0\x80",
    b"\0\1\0\0",
    b"\x01\0\0\0",
)


def _places(data: bytes) -> list[int]:
    return sorted(
        {at for m in _TAGS.finditer(data) for at in (m.start(), m.end(), m.end() + 4)} | {0, len(data)}
    )


def _cut(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(len(data)))]


def _cut_at_structure(data: bytes, rng: Rng) -> bytes:
    return data[: max(0, int(rng.choice(_places(data)) + rng.integers(-1, 2)))]


def _flip(data: bytes, rng: Rng) -> bytes:
    out = bytearray(data)
    for at in rng.integers(0, len(data), int(rng.integers(1, 30))):
        out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _flip_head(data: bytes, rng: Rng) -> bytes:
    head = min(len(data), 80)
    return _flip(data[:head], rng) + data[head:]


def _lie(data: bytes, rng: Rng) -> bytes:
    """Sizes, counts and offsets that are not true: four bytes after, or before, a structure's name."""
    at = max(0, int(rng.choice(_places(data))) + int(rng.choice([0, 0, 4, 8, -8])))
    return data[:at] + _NUMBERS[rng.integers(len(_NUMBERS))] + data[at + 4 :]


def _with_sums(spoil: Callable[[bytes, Rng], bytes]) -> Callable[[bytes, Rng], bytes]:
    """Spoil a file, and make its check sums fit again, so that the damage is not seen at the door."""

    def made(data: bytes, rng: Rng) -> bytes:
        data = spoil(data, rng)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            out, at = [data[:8]], 8
            while at + 12 <= len(data):
                size = int.from_bytes(data[at : at + 4], "big")
                if at + 12 + size > len(data):
                    break
                body = data[at + 4 : at + 8 + size]
                out.append(data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big"))
                at += 12 + size
            return b"".join(out) + data[at:]
        if data[:4] == b"OggS":
            out = []
            for page in re.split(rb"(?=OggS)", data)[1:]:
                bare = page[:22] + bytes(4) + page[26:]
                out.append(page[:22] + _ogg_sum(bare).to_bytes(4, "little") + page[26:])
            return b"".join(out)
        return data

    return made


def _ogg_sum(data: bytes) -> int:
    sum_ = 0
    for byte in data:
        sum_ ^= byte << 24
        for _ in range(8):
            sum_ = ((sum_ << 1) ^ (0x04C11DB7 if sum_ & 0x80000000 else 0)) & 0xFFFFFFFF
    return sum_


def _shuffle(data: bytes, rng: Rng) -> bytes:
    at = sorted(set(_places(data)))
    parts = [data[a:b] for a, b in itertools.pairwise(at)]
    if len(parts) > 2:
        i, j = rng.integers(1, len(parts), 2)
        parts[i], parts[j] = parts[j], parts[i]
    return b"".join(parts)


def _zipped(data: bytes, rng: Rng) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../a.png", data)
        archive.writestr("nested.zip", bytes(10**5))
    return file.getvalue()


class _Touch:
    """What an unpickler would do to the disk."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


TOUCHED = Path(tempfile.gettempdir()) / f"mmalign_nb-touched-{os.getpid()}"


def _pickled(data: bytes, rng: Rng) -> bytes:
    file = io.BytesIO()
    if rng.random() < 0.5:
        return pickle.dumps(_Touch(str(TOUCHED)))
    np.save(file, np.array([_Touch(str(TOUCHED))], dtype=object), allow_pickle=True)
    return file.getvalue()


def _program(data: bytes, rng: Rng) -> bytes:
    return [
        f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch {TOUCHED}) (w) file\n".encode(),
        f"#!/bin/sh\ntouch {TOUCHED}\n".encode(),
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg onload="x()">&b;</svg>',
        f"push graphic-context\nfill 'url(https://127.0.0.1/\"|touch {TOUCHED}\")'\n".encode(),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\nhttp://127.0.0.1:9/a.mp4\n",
        f"ffconcat version 1.0\nfile '{__file__}'\n".encode(),
        b"import os; os.system('true')\n",
    ][rng.integers(7)]


def _bomb(data: bytes, rng: Rng) -> bytes:
    return bombs()[rng.integers(len(bombs()))]


@functools.cache
def bombs() -> list[bytes]:
    """Small files that claim to be huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def png(wide: int, high: int, bits: int, colour: int, *more: bytes) -> bytes:
        rows = zlib.compress(bytes(200_000), 9)
        head = struct.pack(">IIBBBBB", wide, high, bits, colour, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head)
            + b"".join(more)
            + chunk(b"IDAT", rows)
            + chunk(b"IEND", b"")
        )

    zeros = zlib.compress(bytes(3 * 10**7), 9)
    wav = bytearray(whole()["16.wav"])
    wav[22:24] = struct.pack("<H", 1024)  # channels
    wav[24:28] = struct.pack("<I", 768_000)
    wav[32:34] = struct.pack("<H", 2048)
    wav[40:44] = struct.pack("<I", 2**32 - 1)
    flac = bytearray(whole()["24.flac"])
    flac[21] |= 0x0F
    flac[22:26] = b"\xff" * 4  # 2**36 - 1 samples
    return [
        png(60_000, 60_000, 8, 2),
        png(2**31 - 1, 1, 8, 2),
        png(2000, 2000, 1, 0),  # may be one: it is cut off
        png(40, 24, 8, 2, chunk(b"zTXt", b"a\0\0" + zeros)),
        png(40, 24, 8, 2, chunk(b"iCCP", b"a\0\0" + zeros)),
        png(40, 24, 8, 2, *[chunk(b"tEXt", b"a\0" + bytes([65 + k % 26])) for k in range(2000)]),
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + whole()["one.gif"][10:],
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, 30_000, -30_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"BM"
        + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, 9000, 9000, 1, 8, 1, 0, 0, 0, 0, 0)
        + bytes(300),
        b"P6 9000 9000 255\n" + bytes(1000),
        b"P5 " + b"9" * 5000 + b" 2 255\n",
        bytes(wav),
        bytes(flac),
        b"GIF89a"
        + struct.pack("<HH", 8, 8)
        + b"\x80\0\0"
        + bytes(6)
        + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0" * 20_000
        + b";",
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", 0)
        + struct.pack("<I", 8),  # a directory that is its own successor
        whole()["raw.tif"].replace(struct.pack("<HHI", 256, 3, 1), struct.pack("<HHI", 256, 4, 1)),
    ]


def _words(text: str, encoding: str = "utf-8") -> Callable[[bytes, Rng], bytes]:
    return lambda data, rng: text.encode(encoding)


def _other_file(data: bytes, rng: Rng) -> bytes:
    return list(whole().values())[rng.integers(len(whole()))]


DAMAGE: dict[str, Callable[[bytes, Rng], bytes]] = {
    "cut": _cut,
    "cut at a structure": _cut_at_structure,
    "bits": _flip,
    "bits and sums": _with_sums(_flip),
    "bits of the head": _with_sums(_flip_head),
    "lie": _lie,
    "lie and sums": _with_sums(_lie),
    "structures exchanged": _with_sums(_shuffle),
    "empty": lambda data, rng: b"",
    "one byte": lambda data, rng: data[:1],
    "twice": lambda data, rng: data + data,
    "more behind": lambda data, rng: data + rng.bytes(5000),
    "something before": lambda data, rng: rng.bytes(7) + data,
    "noise": lambda data, rng: rng.bytes(2000),
    "head and noise": lambda data, rng: data[:60] + rng.bytes(2000),
    "zeros behind the head": lambda data, rng: data[:60] + bytes(len(data) - min(60, len(data))),
    "of another kind": _other_file,
    "zip": _zipped,
    "pickle": _pickled,
    "program": _program,
    "bomb": _bomb,
    "cp1252": _words("Käse für fünf €", "cp1252"),
    "UTF-16 without a mark": _words("a caption", "utf-16-le"),
    "half a UTF-16": lambda data, rng: "a cat".encode("utf-16")[:-1],
    "surrogates": lambda data, rng: b"\xff\xfe" + struct.pack("<3H", 0x61, 0xD800, 0x62),
    "lone marks": lambda data, rng: "\ufeff\ufeff \u200b\u2028".encode(),
    "long": lambda data, rng: b"word " * 300_000,
}

# ---- names

NAMES: tuple[Callable[[int], str], ...] = (
    lambda k: f"file{k}",
    lambda k: f"with space {k}",
    lambda k: f"line\nbreak{k}",
    lambda k: f"tab\tand 'quotes' \"two\"{k}",
    lambda k: f"bell\a\x1b[31mred{k}",
    lambda k: unicodedata.normalize("NFD", f"čajové přání {k}"),
    lambda k: unicodedata.normalize("NFC", f"čajové přání {k + 1000}"),
    lambda k: os.fsdecode(b"not utf-8 \xe9\xff" + str(k).encode()),
    lambda k: "long " * 45 + str(k),
    lambda k: f"-rf --out={k}",
    lambda k: f"<img src=x onerror=alert({k})>".replace("/", ""),
    lambda k: f"%s%n{{0}}${{HOME}}`id`{k}",
    lambda k: f"dots...{k}.",
    lambda k: f"\u202eright to left{k}",
    lambda k: f"🦊 狐 {k}",
    lambda k: f"captions.csv {k}",
    lambda k: f"nan{k}",
    lambda k: f"a.b.c{k}",
    lambda k: f"~$office{k}",
)


def _file_name(rng: Rng, k: int, suffix: str) -> str:
    return (NAMES[rng.integers(len(NAMES))] if rng.random() < 0.5 else NAMES[0])(k) + suffix


# ---- tables


def _table(files: list[str], rng: Rng) -> tuple[bytes, int | None]:
    """A table of captions, and its rows if it can be read at all: plain, spoiled as spreadsheets do, or worse."""
    names = [x for x in files if x.isprintable() and "." in x] or ["nothing.png"]
    names += [
        "../outside.png",
        "/etc/passwd",
        "gone.png",
        "con",
        "a" * 300 + ".png",
        "\\\\host\\share\\a.png",
    ]
    mark = str(rng.choice(list(",;\t")))
    chosen = rng.choice(names, min(len(names), 6), replace=False).tolist()

    def quoted(x: str) -> str:
        return '"' + x.replace('"', '""') + '"'

    lines = [f"file{mark}caption{mark}more"]
    lines += [f"{quoted(name)}{mark}{quoted(f'words, of; {k}')}{mark}x" for k, name in enumerate(chosen)]
    way = int(rng.integers(14))
    body = "\r\n".join(lines) + "\r\n"
    if way == 0:
        return "\ufeff".encode() + body.encode("utf-8", "replace"), len(chosen)
    if way == 1:
        return body.encode("utf-16"), len(chosen)
    if way == 2:
        return (body + f"Käse{mark}für €\r\n").encode("cp1252", "replace"), None
    if way == 3:  # ragged
        return (
            body + f"a\r\n{mark}{mark}{mark}{mark}\r\nb{mark}c{mark}d{mark}e{mark}f\r\n\r\n"
        ).encode(), None
    if way == 4:
        return body.replace("words", "wo\0rds").encode(), None
    if way == 5:
        return (body + f'"never closed{mark}words\r\n').encode(), None
    if way == 6:
        return (body + f"a{mark}" + "x" * 200_000 + "\r\n").encode(), None
    if way == 7:
        return f"file{mark}caption\r\n".encode(), None
    if way == 8:
        return f"who{mark}what\r\n1{mark}2\r\n".encode(), None
    if way == 9:
        return DAMAGE[str(rng.choice(["noise", "empty", "zip", "pickle", "half a UTF-16", "bits"]))](
            body.encode(), rng
        ), None
    if way == 10:  # a column twice, and very many
        return (body.replace("more", mark.join(["caption", *map(str, range(3000))]), 1)).encode(), len(chosen)
    if way == 11:  # of an old Mac
        return body.replace("\r\n", "\r").encode(), len(chosen)
    if way == 12:
        return (body + f"a\0{mark}zero\r\n{chosen[0]}\0{mark}one\r\n").encode(), None
    return body.encode(), len(chosen)


# ---- a folder


class Made:
    """What a folder holds: its visible files, those that are good, the rows of its table, and how each was made."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.good: set[str] = set()
        self.rows: int | None = 0
        self.table: str = ""
        self.told: dict[str, str] = {}


def make(root: Path, seed: int) -> Made:
    """Fill an empty folder."""
    rng, made = np.random.default_rng(seed), Made()
    formats, ways = list(whole()), list(DAMAGE)
    places = [""]
    for name in ("sub", "x.png", "déjà vu", os.fsdecode(b"\xe9 dir")):
        if rng.random() < 0.15:
            (root / name).mkdir()
            places.append(f"{name}/")

    def put(name: str, data: bytes, told: str, good: bool = False) -> None:
        with contextlib.suppress(FileExistsError), open(root / name, "xb") as file:
            file.write(data)
            made.files.append(name)
            made.told[name] = told
            if good:
                made.good.add(name)

    first = formats[seed % len(formats)], ways[seed // len(formats) % len(ways)]
    more = [
        (formats[rng.integers(len(formats))], ways[rng.integers(len(ways))])
        for _ in range(rng.integers(0, 4))
    ]
    for k, (kind, way) in enumerate([first, *more]):
        suffix = os.path.splitext(kind)[1]
        if rng.random() < 0.1:
            suffix = os.path.splitext(formats[rng.integers(len(formats))])[1]  # the name lies, too
        name = str(rng.choice(places)) + _file_name(rng, k, suffix)
        put(name, DAMAGE[way](whole()[kind], rng), f"{kind}: {way}")
    for k in range(int(rng.integers(0, 3))):
        kind = formats[rng.integers(len(formats))]
        put(f"good {k}{os.path.splitext(kind)[1]}", whole()[kind], f"{kind}: good", good=True)
    for name, data in (
        (".hidden.png", b"x"), ("Thumbs.db", b"x"), ("a.zip", b"PK\3\4"), ("a.pkl", _pickled(b"", rng)), ("noend", b"x"),
        ("a.html", b"<script>"), ("metadata.csv", b"a,b\n1,2\n"), ("other.CSV", b"a\n"), ("a.xlsx", b"PK\3\4"), ("captions.txt", b"a\tb\nc"),
    ):  # fmt: skip
        if rng.random() < 0.06:
            put(name, data, "beside")
    _links(root, rng, made)
    if rng.random() < 0.4:
        name = str(
            rng.choice(["captions.csv", "captions.tsv", "Captions.CSV", "metadata.csv", "captions.txt"])
        )
        if not any(
            x.lower() in ("captions.csv", "captions.tsv", "metadata.csv", "captions.txt") for x in made.files
        ):
            content, made.rows = _table([x.rpartition("/")[2] for x in made.files], rng)
            made.table = name
            put(name, content, "table")
    made.files = [x for x in made.files if not x.rpartition("/")[2].startswith(".") and x != "Thumbs.db"]
    return made


def _links(root: Path, rng: Rng, made: Made) -> None:
    """Links out of the folder, in circles and into nothing, pipes, sockets, devices, and folders in folders."""
    some = next(iter(made.good), "nothing.png")

    def link(target: str) -> Callable[[Path], None]:
        return lambda at: at.symlink_to(target)

    def listen(at: Path) -> None:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as one, contextlib.chdir(at.parent):
            one.bind(at.name)

    def device(at: Path) -> None:
        os.mknod(at, 0o666 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends

    def deep(at: Path) -> None:
        with contextlib.chdir(at.parent):
            for k in range(60):
                os.mkdir(f"d{k}")
                os.chdir(f"d{k}")

    odd: dict[str, Callable[[Path], None]] = {
        "passwd.txt": link("/etc/passwd"), "zero.png": link("/dev/zero"), "up.png": link(".."), "here": link("."), "loop.png": link("loop.png"),
        "loop 1.txt": link("loop 2.txt"), "broken.wav": link("no such file"), "inside.png": link(some), "pipe.png": os.mkfifo,
        "pipe.wav": os.mkfifo, "pipe.txt": os.mkfifo, "pipe.mp4": os.mkfifo, "socket.png": listen, "device.txt": device, "device.wav": device,
        "proc.txt": link("/proc/self/environ"), "folder.png": os.mkdir, "folder.txt": os.mkdir, "deep": deep,
    }  # fmt: skip
    for name, act in odd.items():
        if rng.random() < 0.05:
            try:
                act(root / name)
            except (OSError, AttributeError):  # not on this system, or not for this user
                continue
            if act not in (os.mkdir, deep):
                made.files.append(name)
                made.told[name] = "odd"


# ---- the law


def _shown(name: str) -> str:
    """How a name is said: whatever cannot be printed, as its code."""
    name = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


_heard: list[str] = []
_listens = False
_may_write = ""  # a folder: where a command writes its results


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listens:
        return
    if not event.startswith(("open", *FORBIDDEN)) or "ldconfig" in str(
        arguments[:1]
    ):  # ctypes looks for a library
        return
    name = str(arguments[0]) if arguments and isinstance(arguments[0], (str, Path)) else ""
    if _may_write and (name.startswith(_may_write) or (name and not os.path.isabs(name))):
        return  # names in a folder that is open are relative
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event.startswith(FORBIDDEN) or (written and arguments[0] != os.devnull):
        _heard.append(f"{event}{arguments!r}"[:200])


sys.addaudithook(_audit)


@contextlib.contextmanager
def watched(faults: list[str], seconds: int = SECONDS, writes: Path | None = None) -> Iterator[io.StringIO]:
    """Note what must not happen while the block runs; what goes to ``sys.stderr`` is given back, and is no fault where it may write."""
    global _listens, _may_write
    told = io.StringIO()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        _heard.clear()
        _listens, _may_write = True, "" if writes is None else str(writes)
        try:
            with _within(seconds), warnings.catch_warnings(), contextlib.redirect_stderr(told):
                warnings.simplefilter("error")
                yield told
        except Hang:
            faults.append(f"hangs: more than {seconds} s")
        except Warning as warning:
            faults.append(f"warns: {warning!r}")
        finally:
            _listens, _may_write = False, ""
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            if words := said.read(300) or (told.getvalue()[:300] if writes is None else b""):
                faults.append(f"writes to stderr: {words!r}")
    faults += [f"does what it must not: {x}" for x in _heard]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * (
        1024 if sys.platform != "darwin" else 1
    )
    if grown > MOST:
        faults.append(f"takes {grown / 2**20:.0f} MB more")
    if TOUCHED.exists():
        TOUCHED.unlink()
        faults.append("runs what a file says")


def _broken_words(words: str) -> bool:
    try:
        words.encode()
    except UnicodeEncodeError:
        return True
    return not words.replace("\n", "").isprintable()


def judge(root: Path, made: Made, read: Callable[..., Any]) -> list[str]:
    """What is wrong with how ``read`` reads the folder, in words."""
    faults: list[str] = []
    try:
        with watched(faults):
            found = read(root, size=16, sample_rate=4000, seconds=0.3, progress=False)
    except ValueError as err:
        if not (str(root) in str(err) or (made.table and made.table in str(err))):
            faults.append(f"names neither the folder nor its table: {err}")
        if _broken_words(str(err)):
            faults.append(f"an error that cannot be printed: {str(err)!r}")
        if made.good and not (made.table and str(err).startswith(made.table)):
            faults.append(f"good files are lost: {err}")
        return faults
    except Exception as err:
        return [*faults, f"raises {type(err).__name__}: {err}"]
    if faults:
        return faults
    skipped = {n.file for n in found.notes if n.what == "skipped"}
    for note in found.notes:
        if not note.why or note.what not in ("skipped", "changed") or _broken_words("".join(note)):
            faults.append(f"a note that cannot be printed: {note!r}")
        if len(note.why) > 300:
            faults.append(f"a long reason: {note.why[:400]!r}")
    keys = {kind: list(found.keys[kind]) for kind in found.modalities}
    kinds = {"image": set(), "audio": set(), "video": set(), "text": set()}
    for name in made.files:
        suffix = os.path.splitext(name)[1].lower()
        kind = next((k for k, of in KINDS.items() if suffix in of), None)
        if name == made.table and not (kind == "text" and any(n.file == name for n in found.notes) is False):
            continue
        if _shown(name) in skipped:
            if name in made.good:
                faults.append(f"a good file is skipped: {[n for n in found.notes if n.file == name]}")
        elif kind is None:
            faults.append(f"neither an item nor a note: {name!r}")
        else:
            kinds[kind].add(name)
    for kind in ("image", "audio", "video"):
        have = len(keys.get(kind, ()))
        if have != len(kinds[kind]):
            faults.append(f"{have} items of {kind}; its files are {sorted(kinds[kind])}")
    if not made.table and len(keys.get("text", ())) != len(kinds["text"]):
        faults.append(f"{keys.get('text')} of {sorted(kinds['text'])}")
    if made.table and made.rows is not None:
        texts = len(keys.get("text", ())) + sum(
            n.file.startswith(f"{made.table}, row") and n.what == "skipped" for n in found.notes
        )
        files = len([x for x in kinds["text"] if x != made.table])
        if texts != files + made.rows and not (made.table == "captions.txt" and texts == files + 1):
            faults.append(f"{texts} texts; {files} files and {made.rows} rows")
    for kind in found.modalities:
        side = found[kind]
        value = getattr(side, kind)
        ok = len(side) == len(keys[kind]) == len(set(side.ids.tolist())) == len(value)
        if kind == "audio":
            ok &= bool(np.isfinite(value).all() and np.abs(value).max(initial=0) <= 1)
        elif kind == "text":
            ok &= all(x.strip() and "\0" not in x and not _unencodable(x) for x in value)
        else:
            ok &= value.dtype == np.uint8 and value.shape[-3:] == (16, 16, 3)
        if not ok or any(_unencodable(x) for x in [*side.ids.tolist(), *keys[kind]]):
            faults.append(f"items of {kind} that are none: {side!r}, {side.ids.tolist()}")
    with watched(faults):
        _ = repr(found), found.summary().to_csv(index=False), found.to_frame().to_json()
    return faults


def _content(root: Path) -> list[tuple[str, int, int]]:
    found = [Path(folder, name) for folder, inside, names in os.walk(root) for name in (*inside, *names)]
    return sorted((str(x), x.lstat().st_size, x.lstat().st_mtime_ns) for x in found)


def judge_command(root: Path, made: Made, out: Path, main: Callable[[list[str]], int]) -> list[str]:
    """What is wrong with how ``python -m mmalign_nb align`` takes the folder, in words."""
    faults: list[str] = []
    heard, before = io.StringIO(), _content(root)
    try:
        with watched(faults, 60, out) as told, contextlib.redirect_stdout(heard):
            code = main(["align", str(root), "--out", str(out), "--encoder", "own", "--quiet"])
    except BaseException as err:
        return [*faults, f"raises {type(err).__name__}: {err}"]
    if faults:
        return faults
    if _content(root) != before:
        faults.append("changes the folder")
    said = told.getvalue()
    if code == 0:
        for name in ("matches.csv", "unmatched.csv", "summary.json", "report.html"):
            if not (out / name).is_file():
                faults.append(f"ends well without {name}")
        if said:
            faults.append(f"says on stderr, though it ended well: {said[:300]!r}")
        summary = (out / "summary.json").read_text(encoding="utf-8")
        json.loads(summary, parse_constant=lambda x: faults.append(f"summary.json has {x}"))
    elif code == 1:
        if said.count("\n") != 1 or "Traceback" in said or _broken_words(said):
            faults.append(f"no single sentence says why: {said[:600]!r}")
    else:
        faults.append(f"ends with {code}: {said[:300]!r}")
    return faults


KINDS = {
    "image": {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ico", ".ppm", ".pgm"},
    "audio": {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".au"},
    "video": {".mp4"},
    "text": {".txt"},
}


def _unencodable(word: str) -> bool:
    try:
        return not word.encode()
    except UnicodeEncodeError:
        return True
