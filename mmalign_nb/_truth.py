"""What counts as right: one reading of ``truth`` for matching, thresholds, reports and panels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._check import as_array, describe, label_codes


class Truth:
    """Say which ``(i, j)`` belong together, without building an n×m matrix where none was given.

    Parameters
    ----------
    truth : one of
        * ``"diagonal"``: row i belongs to column i (needs n = m);
        * an ``(k, 2)`` array or list of instance pairs ``(i, j)``;
        * a tuple ``(labels_a, labels_b)``: i belongs to j where the labels are equal; a missing label (None, NaN) is
          nobody's partner;
        * a boolean matrix ``(n, m)``;
        * a ``Truth`` (kept as it is).
    shape : (n, m)
        Sizes of the two sides.
    name : str
        What the argument is called in errors.

    Examples
    --------
    >>> from mmalign_nb._truth import Truth
    >>> t = Truth((["cat", "dog"], ["dog", "cat", "cat"]), (2, 3))
    >>> t.of([0, 0, 1], [0, 1, 0]).tolist(), t.total
    ([False, True, True], 3)
    """

    def __init__(self, truth: Any, shape: tuple[int, int], name: str = "truth") -> None:
        n, m = self.shape = (int(shape[0]), int(shape[1]))
        self._labels: tuple[np.ndarray, np.ndarray] | None = None
        keys: np.ndarray = np.empty(0, np.int64)  # i * m + j of the instance pairs
        if isinstance(truth, Truth):
            if truth.shape != self.shape:
                raise ValueError(f"{name} is for {truth.shape}; want {self.shape}")
            self._labels, keys = truth._labels, truth._keys[:-1]
        elif isinstance(truth, str):
            if truth != "diagonal" or n != m:
                raise ValueError(
                    f"{name} is {truth!r}; the only word known is 'diagonal', which needs as many rows as columns; got "
                    f"{n} × {m}: give the pairs instead"
                )
            keys = np.arange(n) * (m + 1)
        elif isinstance(truth, tuple) and len(truth) == 2:
            self._labels = label_codes(*truth, name)
            if (counts := tuple(map(len, self._labels))) != self.shape:
                raise ValueError(f"{name} has {counts[0]} and {counts[1]} labels; want {n} and {m}")
        else:
            want = f"'diagonal', (k, 2) pairs, a tuple (labels_a, labels_b) or a boolean matrix {self.shape}"
            array = as_array(truth, name, want)
            if array.dtype == bool and array.shape == self.shape:
                keys = np.flatnonzero(array)
            elif array.size:
                if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
                    raise ValueError(f"{name} is {describe(truth)}; want {want}")
                if (outside := ((array < 0) | (array >= np.array(self.shape))).any(axis=1)).any():
                    such = tuple(array[outside][0].tolist())
                    raise ValueError(f"{name} has pairs outside {n} × {m}, such as {such}")
                keys = np.unique(array.astype(np.int64) @ np.array([m, 1]))
        self._keys: np.ndarray = np.append(keys, n * m)  # ascending; the last stands behind all pairs

    def of(self, i: Any, j: Any) -> np.ndarray:
        """Whether each of the given pairs is right: bool, the shape of ``i`` and ``j``."""
        i, j = np.asarray(i, np.int64), np.asarray(j, np.int64)
        if self._labels is not None:
            return np.asarray(self._labels[0][i] == self._labels[1][j])
        key = i * self.shape[1] + j
        return np.asarray(self._keys[np.searchsorted(self._keys, key)] == key)

    @property
    def total(self) -> int:
        """How many right pairs there are."""
        if self._labels is None:
            return len(self._keys) - 1
        k = int(max(x.max(initial=-1) for x in self._labels)) + 1
        a, b = (np.bincount(x[x >= 0], minlength=k) for x in self._labels)
        return int(a @ b)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start … stop`` as a boolean matrix ``(stop - start, m)``: a block at a time, never the whole."""
        if self._labels is not None:
            return self._labels[0][start:stop, None] == self._labels[1][None, :]
        out = np.zeros((max(stop - start, 0), self.shape[1]), bool)
        lo, hi = np.searchsorted(self._keys[:-1], [start * self.shape[1], stop * self.shape[1]])
        out.ravel()[self._keys[lo:hi] - start * self.shape[1]] = True
        return out

    def swap(self) -> Truth:
        """The same pairs with the two sides exchanged."""
        pairs = np.stack(np.divmod(self._keys[:-1], max(self.shape[1], 1))[::-1], axis=1)
        return Truth(pairs if self._labels is None else self._labels[::-1], self.shape[::-1])
