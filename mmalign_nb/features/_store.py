"""Encoders on disk: one ``.npz`` of plain arrays with a JSON text inside; loading it runs no code."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._files import as_path, read_archive, replacing, shipped, write_archive


def write(path: Any, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], half: bool) -> None:
    """Write arrays and config to an open file, or to a new one in one act."""
    if half:
        arrays = {k: v.astype(np.float16) if v.dtype == np.float32 else v for k, v in arrays.items()}
    with contextlib.nullcontext(path) if isinstance(path, io.IOBase) else replacing(as_path(path)) as place:
        write_archive(place, config, arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def read(name: Any, kind: str) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Give ``(config, arrays)`` of a file, open or not, or of the trained weights known by a word such as ``"glyphs"``.

    What fails inside the block, because the content doesn't fit together, is an error that names the file.
    """
    if isinstance(name, io.IOBase):
        path, arrays = Path(name.name), read_archive(name)  # type: ignore[attr-defined, arg-type]
    else:
        path = _find(name, kind)
        with path.open("rb") as file:
            arrays = read_archive(file)
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


def _find(name: str | Path, kind: str) -> Path:
    """The file of this name, or of the trained weights known by it."""
    known = {p.name.removesuffix(f"-{kind}.npz"): p for p in sorted(shipped("models").glob(f"*-{kind}.npz"))}
    path = known.get(str(name)) or as_path(name, "name")
    if not path.is_file():
        raise ValueError(
            f"{kind} encoder {str(name)!r} is neither a file nor one of the trained ones; "
            f"known: {', '.join(map(repr, known)) or 'none'}"
        )
    return path
