"""What counts as right: one reading of ``truth`` for matching, thresholds, reports and panels."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ._check import as_array, describe, label_codes

__all__ = ["Truth"]

WANT = "'diagonal', (k, 2) pairs, a tuple (labels_a, labels_b) or a boolean matrix {}"


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

    Examples
    --------
    >>> from mmalign_nb._truth import Truth
    >>> t = Truth((["cat", "dog"], ["dog", "cat", "cat"]), (2, 3))
    >>> t.of([0, 0, 1], [0, 1, 0]).tolist(), t.total
    ([False, True, True], 3)
    """

    def __init__(self, truth: Any, shape: tuple[int, int]) -> None:
        n, m = self.shape = (int(shape[0]), int(shape[1]))
        self._labels: tuple[np.ndarray, np.ndarray] | None = None
        self._matrix: np.ndarray | None = None
        self._keys: np.ndarray | None = None  # sorted i * m + j of the instance pairs
        if isinstance(truth, Truth):
            if truth.shape != self.shape:
                raise ValueError(f"truth is for {truth.shape}; want {self.shape}")
            self.__dict__.update(truth.__dict__)
        elif isinstance(truth, str):
            if truth != "diagonal":
                raise ValueError(f"truth is {truth!r}; the only word known is 'diagonal'")
            if n != m:
                raise ValueError(
                    f"truth='diagonal' needs as many rows as columns; got {n} × {m}: give the pairs instead"
                )
            self._keys = np.arange(n) * (m + 1)
        elif isinstance(truth, tuple) and len(truth) == 2:
            codes = label_codes(*truth, "truth")
            if (len(codes[0]), len(codes[1])) != self.shape:
                raise ValueError(f"truth has {len(codes[0])} and {len(codes[1])} labels; want {n} and {m}")
            self._labels = codes
        else:
            array = as_array(truth, "truth", WANT.format(self.shape))
            if array.dtype == bool and array.shape == self.shape:
                self._matrix = array
            elif array.size == 0:
                self._keys = np.empty(0, np.int64)
            elif array.ndim == 2 and array.shape[1] == 2 and array.dtype.kind in "iu":
                if (array < 0).any() or (array >= np.array(self.shape)).any():
                    bad = array[((array < 0) | (array >= np.array(self.shape))).any(axis=1)][0]
                    raise ValueError(f"truth has pairs outside {n} × {m}, such as {tuple(bad.tolist())}")
                self._keys = np.unique(array[:, 0].astype(np.int64) * m + array[:, 1].astype(np.int64))
            else:
                raise ValueError(f"truth is {describe(truth)}; want {WANT.format(self.shape)}")

    def of(self, i: Any, j: Any) -> np.ndarray:
        """Whether each of the given pairs is right: bool, the shape of ``i`` and ``j``."""
        i, j = np.asarray(i, np.int64), np.asarray(j, np.int64)
        if self._labels is not None:
            return np.asarray(self._labels[0][i] == self._labels[1][j])
        if self._matrix is not None:
            return np.asarray(self._matrix[i, j])
        assert self._keys is not None
        if not len(self._keys):
            return np.zeros(np.broadcast(i, j).shape, bool)
        key = i * self.shape[1] + j
        at = np.searchsorted(self._keys, key).clip(max=len(self._keys) - 1)
        return np.asarray(self._keys[at] == key)

    @property
    def total(self) -> int:
        """How many right pairs there are."""
        if self._labels is not None:
            k = int(max(x.max(initial=-1) for x in self._labels)) + 1
            a, b = (np.bincount(x[x >= 0], minlength=k) for x in self._labels)
            return int(a @ b)
        if self._matrix is not None:
            return int(self._matrix.sum())
        assert self._keys is not None
        return len(self._keys)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start … stop`` as a boolean matrix ``(stop - start, m)``: a block at a time, never the whole."""
        if self._labels is not None:
            return self._labels[0][start:stop, None] == self._labels[1][None, :]
        if self._matrix is not None:
            return self._matrix[start:stop]
        assert self._keys is not None
        out = np.zeros((max(stop - start, 0), self.shape[1]), bool)
        lo, hi = np.searchsorted(self._keys, [start * self.shape[1], stop * self.shape[1]])
        out.ravel()[self._keys[lo:hi] - start * self.shape[1]] = True
        return out

    def swap(self) -> Truth:
        """The same pairs with the two sides exchanged."""
        other = copy.copy(self)
        other.shape = self.shape[::-1]
        if self._labels is not None:
            other._labels = self._labels[::-1]
        elif self._matrix is not None:
            other._matrix = self._matrix.T
        else:
            assert self._keys is not None
            i, j = np.divmod(self._keys, max(self.shape[1], 1))
            other._keys = np.sort(j * self.shape[0] + i)
        return other
