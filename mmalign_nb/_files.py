"""Files that are written in one act, and read without being believed.

A save that is killed, or cut off with the power, must leave the old file or the new one. So ``replacing`` writes
beside the file, brings that to the disk, and moves it into place: the system moves a file whole or not at all.
What is read has its claims checked against the bytes that are really there, and nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import json
import math
import os
import secrets
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ._check import describe

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def as_path(value: Any, name: str = "path") -> Path:
    """Return a path, from str or anything that is one."""
    try:
        text = os.fsdecode(os.fspath(value))
    except TypeError as err:
        raise TypeError(f"{name} is {describe(value)}; want a str or a path") from err
    if not text or "\0" in text:
        raise ValueError(f"{name} is {text!r}; want the name of a file or folder")
    return Path(text)


def shipped(name: str) -> Path:
    """What comes with the package: inside it in an installed wheel; in a checkout beside it, or in ``data`` there."""
    package = Path(__file__).resolve().parent
    places = package / name, package.parent / name, package.parent / "data" / name
    return next((place for place in places if place.exists()), places[0])


# ---- writing


def sync(file: BinaryIO) -> None:
    """Wait until what was written to a file is on the disk itself."""
    file.flush()
    if hasattr(fcntl, "F_FULLFSYNC"):  # on macOS fsync alone leaves it in the drive's own memory
        with contextlib.suppress(OSError):  # not every file system there has it
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
            return
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: without it a power cut may undo a move."""
    if os.name == "nt":  # cannot open a folder, and needs not
        return
    at = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(at)
    except OSError as err:
        if err.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that have no such thing
            raise
    finally:
        os.close(at)


def _lock(file: BinaryIO, wait: bool) -> bool:
    """Take the lock of an open file; the system gives it back when the process ends, however it ends."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        else:
            import msvcrt  # type: ignore[unreachable,unused-ignore]

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:  # somebody has it; or a file system without locks, where we take nobody's files away
        return False
    return True


def unfinished(path: Path) -> set[str]:
    """Tokens of the files that ``replacing(path)`` is writing just now, anywhere; what a killed one left is removed."""
    path = Path(os.path.realpath(path))
    at_work = set()
    for part in path.parent.glob(f"{glob.escape(path.name)}.{'[0-9a-f]' * 16}.part"):
        at_work.add(token := part.name[-21:-5])
        with (
            contextlib.suppress(OSError),
            part.open("r+b") as file,
        ):  # in its place meanwhile, or another user's
            if _lock(file, wait=False):
                if os.name == "nt":  # removes no open file
                    file.close()
                part.unlink(missing_ok=True)
                at_work.discard(token)
    return at_work


@contextlib.contextmanager
def replacing(path: Path, token: str = "") -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when the block ends well, in one act; after an error nothing has changed.

    It is written beside ``path`` under the name ``path.token.part`` and locked until it is in place, so that
    ``unfinished`` can tell what is being written from what a killed process left.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    if path.is_dir() or not path.parent.is_dir():
        raise FileNotFoundError(f"path is {path}; want the name of a file in a folder that is there")
    unfinished(path)
    part = path.with_name(f"{path.name}.{token or secrets.token_hex(8)}.part")
    while True:
        file = part.open("xb")
        _lock(file, wait=True)
        if os.fstat(file.fileno()).st_nlink:
            break
        file.close()  # another save took it for a leftover before it was locked
    try:
        with file:
            yield file
            sync(file)
            sync_folder(path.parent)  # also for other new files that this one names
            if os.name == "nt":  # moves no open file
                file.close()
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_archive(place: BinaryIO, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays and a JSON text, ``config``, as ``.npz``; the same content gives the same bytes, whenever it is written."""
    # Parameters may be NumPy's numbers (of a search over np.arange, say), which JSON does not know.
    text = json.dumps(config, ensure_ascii=False, sort_keys=True, default=lambda value: value.tolist())
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"config": np.array(text), **arrays}.items():
            # A fixed date, so that a checksum says whether the numbers changed and not when they were saved.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


# ---- reading


def read_array(content: bytes, header: dict[str, Any], name: str) -> np.ndarray:
    """Return the array of a ``.npy`` file from its whole content and what ``read_header`` says of it."""
    signs = np.frombuffer(content, "u4" if header["dtype"].kind == "U" else "u1", offset=header["offset"])
    if header["dtype"].kind == "U" and signs.max(initial=0) > 0x10FFFF:
        raise ValueError(f"{name} holds signs that are not Unicode")
    return np.ndarray(buffer=content, **header).copy(header["order"])


def read_header(file: Any, size: int, name: str) -> dict[str, Any]:
    """Read the header of an array of ``size`` bytes, refusing objects and what doesn't fit into them; ``name`` is for errors.

    Returns ``dtype``, ``shape``, ``order`` and ``offset``, as ``np.ndarray`` and ``np.memmap`` take them.
    """
    start = io.BytesIO(file.read(2**16))  # a header may claim to be 4 GB long
    try:
        version = np.lib.format.read_magic(start)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about Python 2
            shape, fortran, dtype = read[version](start)
    except Exception as err:  # numpy parses Python here, and fails in many ways
        raise ValueError(f"{name} is no array that NumPy wrote, or cut off ({size} bytes)") from err
    if dtype.hasobject:
        raise ValueError(
            f"{name} holds Python objects; nothing is unpickled here (allow_pickle=False): save numbers or str"
        )
    if dtype.kind not in "biufU" or not dtype.isnative or not dtype.itemsize:
        raise ValueError(f"{name} holds {dtype}; want numbers or str")
    wanted = start.tell() + math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or wanted != size:
        raise ValueError(f"{name} has {size} bytes; its header says {dtype} {shape}, which takes {wanted}")
    return {"dtype": dtype, "shape": shape, "order": "F" if fortran else "C", "offset": start.tell()}


def read_archive(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of an archive, float16 as float32. No member may be larger than the bytes that stand for it."""
    path = file.name
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED for m in members):
                raise ValueError(f"{path} is compressed; want the archive as save wrote it")
            # The sum, since members may share the same bytes.
            if (
                any(m.file_size != m.compress_size for m in members)
                or sum(m.file_size for m in members) > os.fstat(file.fileno()).st_size
            ):
                raise ValueError(f"{path} claims to hold more bytes than it has")
            arrays = {}
            for member in members:
                with archive.open(member) as part:
                    head = read_header(part, member.file_size, f"{path} ({member.filename})")
                array = read_array(archive.read(member), head, f"{path} ({member.filename})")
                arrays[member.filename.removesuffix(".npy")] = array
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as err:
        raise ValueError(f"{path} is no archive of arrays, or it is damaged ({err})") from err
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{path} has NaN or infinity in {key!r}: save it again")
    return {k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in arrays.items()}
