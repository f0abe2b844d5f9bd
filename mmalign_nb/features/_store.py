"""Encoders on disk: one ``.npz`` of plain arrays with a JSON text inside; loading it runs no code."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._files import as_path, read_array, read_header, replacing


def write(path: str | Path, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], half: bool) -> None:
    """Write arrays and config in one act; the same content gives the same bytes, whenever it is written."""
    # Parameters may be NumPy's numbers (of a search over np.arange, say), which JSON does not know.
    text = json.dumps(config, ensure_ascii=False, sort_keys=True, default=lambda value: value.tolist())
    with replacing(as_path(path)) as place, zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"config": np.array(text), **arrays}.items():
            if half and array.dtype == np.float32:
                array = array.astype(np.float16)
            # A fixed date, so that a checksum says whether the numbers changed and not when they were saved.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


@contextlib.contextmanager
def read(name: str | Path, kind: str) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Give ``(config, arrays)`` of a file, or of the trained weights known by a word such as ``"glyphs"``.

    What fails inside the block, because the content doesn't fit together, is an error that names the file.
    """
    known = {p.name.removesuffix(f"-{kind}.npz"): p for p in sorted(_models().glob(f"*-{kind}.npz"))}
    path = known.get(str(name)) or as_path(name, "name")
    if not path.is_file():
        raise ValueError(
            f"{kind} encoder {str(name)!r} is neither a file nor one of the trained ones; "
            f"known: {', '.join(map(repr, known)) or 'none'}"
        )
    arrays = _read_arrays(path)
    if "config" not in arrays:
        raise ValueError(f"{path} holds no encoder: it has {', '.join(sorted(arrays)) or 'nothing'}")
    try:
        config = json.loads(str(arrays.pop("config")))
        if config["kind"] != kind:
            raise ValueError(f"it holds one of {config['kind']}")
        yield config, arrays
    except Exception as err:  # whatever the content is, it is the file that is wrong
        raise ValueError(
            f"{path} holds no whole encoder of {kind} ({type(err).__name__}: {' '.join(str(err).split())[:200]})"
        ) from err


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an archive, float16 as float32. No member may be larger than the bytes that stand for it."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED for m in members):
                raise ValueError(f"{path} is compressed; want the archive as the encoder's save wrote it")
            # The sum, since members may share the same bytes.
            if any(m.file_size != m.compress_size for m in members) or sum(
                m.file_size for m in members
            ) > os.path.getsize(path):
                raise ValueError(f"{path} claims to hold more bytes than it has")
            arrays = {}
            for member in members:
                with archive.open(member) as file:
                    head = read_header(file, member.file_size, f"{path} ({member.filename})")
                array = read_array(archive.read(member), head, f"{path} ({member.filename})")
                arrays[member.filename.removesuffix(".npy")] = array
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as err:
        raise ValueError(f"{path} is no archive of an encoder, or it is damaged ({err})") from err
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{path} has NaN or infinity in {key!r}: save the encoder again")
    return {k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in arrays.items()}


def _models() -> Path:
    package = Path(__file__).resolve().parent.parent
    inside = package / "models"  # in an installed wheel; a checkout has them beside the package
    return inside if inside.is_dir() else package.parent / "data" / "models"
