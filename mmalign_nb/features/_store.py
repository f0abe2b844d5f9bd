"""Encoders on disk: one ``.npz`` of plain arrays with a JSON text inside; loading it runs no code."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read", "write"]


def write(path: str | Path, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], half: bool) -> None:
    """Write arrays and config; the same content gives the same bytes, whenever it is written."""
    # Parameters may be NumPy's numbers (of a search over np.arange, say), which JSON does not know.
    text = json.dumps(config, ensure_ascii=False, sort_keys=True, default=lambda value: value.tolist())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"config": np.array(text), **arrays}.items():
            if half and array.dtype == np.float32:
                array = array.astype(np.float16)
            # A fixed date, so that a checksum says whether the numbers changed and not when they were saved.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def read(name: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return ``(config, arrays)`` of a file, or of the trained weights known by a word such as ``"glyphs"``."""
    known = {p.name.removesuffix(f"-{kind}.npz"): p for p in sorted(_models().glob(f"*-{kind}.npz"))}
    path = known.get(str(name)) or Path(name)
    if not path.is_file():
        raise ValueError(
            f"{kind} encoder {str(name)!r} is neither a file nor one of the trained ones; "
            f"known: {', '.join(map(repr, known)) or 'none'}"
        )
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    if "config" not in arrays:
        raise ValueError(f"{path} holds no encoder: it has {', '.join(sorted(arrays)) or 'nothing'}")
    arrays = {k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in arrays.items()}
    config = json.loads(str(arrays.pop("config")))
    if config["kind"] != kind:
        raise ValueError(f"{path} holds an encoder of {config['kind']}; want one of {kind}")
    return config, arrays


def _models() -> Path:
    package = Path(__file__).resolve().parent.parent
    inside = package / "models"  # in an installed wheel; a checkout has them beside the package
    return inside if inside.is_dir() else package.parent / "data" / "models"
