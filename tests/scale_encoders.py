"""Encoders for the tests of ``scale``, in a module of their own, so that other processes can import them."""

import os
import time
from pathlib import Path

import numpy as np


class Columns:
    """The mean colour of pictures: no training, float32 (n, 3)."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def transform(self, X):
        time.sleep(self.seconds)
        return np.stack([np.asarray(x, np.float64).mean(axis=(0, 1)) for x in X]).astype(np.float32)


class Counted(Columns):
    """Leaves a file for each process that it arrives in."""

    def __init__(self, folder):
        super().__init__()
        self.folder = str(folder)

    def __setstate__(self, state):
        self.__dict__ = state
        (Path(self.folder) / f"{os.getpid()}-{time.monotonic_ns()}").touch()


class Deadly(Columns):
    """Kills its process the first time that it sees more than one item, if ``mark`` is not there yet."""

    def __init__(self, mark):
        super().__init__()
        self.mark = str(mark)

    def transform(self, X):
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().transform(X)
        os.kill(os.getpid(), 9)
        return None


class Picky(Columns):
    """Cannot encode a picture that is all black."""

    def transform(self, X):
        if not all(np.any(x) for x in X):
            raise ValueError("a black picture")
        return super().transform(X)
