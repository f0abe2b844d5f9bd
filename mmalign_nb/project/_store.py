"""A fitted projection as named arrays and a text, and back: to the bit, and without running anything that a file says."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._base import LinearMap, Projection, Side


def pack(projection: Projection) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what a fitted projection is: ``config`` for JSON and ``arrays``, the same for the same numbers."""
    arrays: dict[str, np.ndarray] = {}

    def put(value: Any) -> Any:
        """A value as JSON; what is an array goes to the others under a number."""
        if isinstance(value, np.ndarray) and value.dtype == object:
            return {"names": [str(v) for v in value]}
        if isinstance(value, np.ndarray):
            arrays[key := f"a{len(arrays)}"] = value
            return {"array": key}
        if isinstance(value, LinearMap):
            return {"map": [put(v) for v in value]}
        if isinstance(value, Side):
            kept = {k: v for k, v in vars(value).items() if k != "X"}
            return {"side": {k: put(v) for k, v in sorted(kept.items())}}
        if hasattr(value, "tocsr"):
            return {"csr": [put(value.data), put(value.indices), put(value.indptr), list(value.shape)]}
        if isinstance(value, dict):
            return {"dict": {k: put(v) for k, v in sorted(value.items())}}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__: [put(v) for v in value]}
        return value.item() if isinstance(value, np.generic) else value

    learned = {
        name: put(getattr(projection, name)) for name in sorted({*projection._learned, "_n_features_out"})
    }
    return {"kind": type(projection).__name__, "params": projection.get_params(), "learned": learned}, arrays


def unpack(config: dict[str, Any], arrays: dict[str, np.ndarray], kinds: dict[str, type]) -> Projection:
    """Return the projection again; whatever does not fit together is an error of one kind or another."""

    def get(value: Any) -> Any:
        if not isinstance(value, dict):
            if value is None or isinstance(value, (bool, int, float, str)):
                return value
            raise TypeError(f"a {type(value).__name__} where a number, a text or a named kind is wanted")
        ((kind, inside),) = value.items()
        if kind == "array":
            return arrays[inside]
        if kind == "names":
            return np.array([str(v) for v in inside], dtype=object)
        if kind == "map":
            return LinearMap(*map(get, inside))
        if kind == "side":
            side = Side.__new__(Side)
            side.__dict__.update({"X": None} | {k: get(v) for k, v in inside.items()})
            return side
        if kind == "csr":
            from scipy.sparse import csr_array

            out = csr_array(tuple(map(get, inside[:3])), shape=tuple(inside[3]))
            out.check_format(full_check=True)
            return out
        if kind == "dict":
            return {k: get(v) for k, v in inside.items()}
        return {"list": list, "tuple": tuple}[kind](get(v) for v in inside)

    projection: Projection = kinds[config["kind"]](**config["params"])
    learned = {name: get(value) for name, value in config["learned"].items()}
    for name in learned:
        if hasattr(type(projection), name) or not name.isidentifier():
            raise ValueError(f"{name!r:.40} is nothing that is learned")
    projection.__dict__.update(learned, _learned=[name for name in learned if name != "_n_features_out"])
    for side in "ab":  # do the sizes fit together?
        columns = projection._columns[side][0]
        for rows in (np.zeros((0, columns)), np.zeros((0, columns), np.float32)):
            if projection._encode(rows, side).shape != (0, projection._n_features_out):
                raise ValueError(f"side {side} does not end in {projection._n_features_out!r:.20} columns")
    return projection
