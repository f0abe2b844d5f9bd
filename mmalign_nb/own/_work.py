"""What takes time, kept on disk: each stage under its name, with a digest of all that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mmalign_nb

from .._files import read_archive, replacing, write_archive

_FORMAT = 2
Made = tuple[dict[str, Any], dict[str, np.ndarray]]  # facts for JSON, and arrays


def digest(*parts: Any) -> str:
    """A checksum of arrays, texts and what JSON knows; equal for equal content, whatever made it."""
    sum_ = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray) and part.dtype.kind != "U":
            sum_.update(f"{part.dtype.str} {part.shape}\0".encode())
            for block in np.array_split(part, max(1, part.nbytes // 2**24)) if part.ndim else [part]:
                sum_.update(np.ascontiguousarray(block).data)
        else:
            value = part.tolist() if isinstance(part, np.ndarray) else part
            sum_.update(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass") + b"\0")
    return sum_.hexdigest()


class Work:
    """The folder of stages; without one everything is made anew and nothing is kept.

    A stage is one ``.npz``, written in one act. It is taken again if its digest is that of what it would be made of now: content,
    parameters, versions. A file that is damaged is made anew.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.taken: list[str] = []  # stages that were found

    def stage(self, name: str, of: Any, make: Callable[[], Made]) -> Made:
        """What a stage holds: read if it is there and fits, else made and kept."""
        if self.folder is None:
            return make()
        place, key = (
            self.folder / f"{name}.npz",
            digest(_FORMAT, mmalign_nb.__version__, np.__version__, name, of),
        )
        if (found := self._read(place, key)) is not None:
            self.taken.append(name)
            return found
        facts, arrays = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(place) as file:
            write_archive(file, {"digest": key, "facts": facts}, arrays)
        return self._read(place, key) or (facts, arrays)  # as it will be read the next time, to the bit

    def _read(self, place: Path, key: str) -> Made | None:
        try:
            with place.open("rb") as file:
                arrays: dict[str, Any] = read_archive(file)
            config = json.loads(str(arrays.pop("config")))
            return (config["facts"], arrays) if config["digest"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self, start: str) -> None:
        """Remove stages that no later one needs."""
        for place in self.folder.glob(f"{start}*.npz") if self.folder is not None else ():
            place.unlink(missing_ok=True)
