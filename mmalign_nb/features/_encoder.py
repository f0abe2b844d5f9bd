"""What the two trained encoders share: fit on labels or on pairs, transform one side at a time, save, load."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._check import (
    as_count,
    as_labels,
    as_matrix,
    as_number,
    as_seed,
    bad_rows,
    check_same_length,
    describe,
    missing_rows,
    one_of,
)
from ._store import read, write

if TYPE_CHECKING:
    from torch import Tensor, nn

_LARGEST_RATE = 1e30  # beyond, AdamW's own arithmetic overflows float32 before any loss could show it


class TrainedEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A network that is fitted to class labels or to the vectors of another modality.

    A subclass has the parameters ``dim, epochs, batch_size, learning_rate, weight_decay, head, dropout, seed,
    progress`` and says how to check its raw items, build its network and make a tensor of some rows.
    """

    _kind: ClassVar[str]
    _counts: ClassVar[tuple[str, ...]] = ("dim", "epochs", "batch_size")  # whole numbers of at least 1

    def __init__(
        self,
        dim: int,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        weight_decay: float,
        dropout: float,
        negatives: int,
        head: str,
        seed: int,
        progress: bool,
    ) -> None:
        self.dim = dim
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.negatives = negatives
        self.head = head
        self.seed = seed
        self.progress = progress

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @abstractmethod
    def _check(self, X: Any, fitted: bool) -> np.ndarray:
        """Refuse what are no raw items of this kind, or not like the fitted ones."""

    @abstractmethod
    def _build(self, shape: tuple[int, ...]) -> nn.Module:
        """The network for items of this shape."""

    @abstractmethod
    def _tensor(self, X: np.ndarray) -> Tensor:
        """Some raw items as the network takes them."""

    @abstractmethod
    def _prepare(self, net: nn.Module, X: np.ndarray) -> Callable[[np.ndarray], Tensor]:
        """Set what the network knows of its input (mean, spread); return rows -> training tensor."""

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train on items and what belongs to them.

        Parameters
        ----------
        X : array
            The raw items, n of them.
        y : (n,) class labels, or (n, d) dense or CSR vectors of the paired items
            Labels are learned by cross-entropy, vectors by InfoNCE: each item must find its own vector among those
            of the batch, and the other way round. Items or vectors that come twice are no negatives of each other.
            Vectors are taken as float32.
        """
        X = self._check(X, fitted=False)
        y = _labels_or_vectors(y)
        check_same_length(X, y, "X", "y")
        if len(X) < 2:
            raise ValueError("X has 1 item; want at least 2: training compares items with one another")
        self._check_params()
        try:
            self._train(X, y)
        except ValueError:
            self.__dict__.pop("net_", None)  # nothing half-fitted may answer later
            raise
        return self

    def _train(self, X: np.ndarray, y: Any) -> None:
        from torch import nn

        from . import _train

        with _train.seeded(as_seed(self.seed)):
            self.net_ = self._build(X.shape[1:])
            item = self._prepare(self.net_, X)
            if y.ndim == 1:
                loss, top = self._label_loss(X, y, item)
            else:
                loss, top = self._pair_loss(X, y, item)
            self.loss_curve_ = _train.train(
                nn.ModuleList([self.net_, top]),
                loss,
                len(X),
                epochs=int(self.epochs),  # torch wants Python's own numbers
                batch_size=int(self.batch_size),
                learning_rate=float(self.learning_rate),
                weight_decay=float(self.weight_decay),
                progress=self.progress,
                name=type(self).__name__,
            )
        z = self._encode(X[:32])  # the last step's weights have no loss yet that could show it
        if not np.isfinite(z).all() or not z.any():
            raise ValueError(
                f"training diverged in epoch {self.epochs}: the fitted network gives no finite vectors; "
                f"reduce learning_rate (it is {self.learning_rate!r})"
            )

    def _check_params(self) -> None:
        for name in self._counts:
            as_count(getattr(self, name), name)
        one_of(self.head, "head", ("linear", "none"))
        as_number(self.learning_rate, "learning_rate", 0, _LARGEST_RATE)
        as_number(self.weight_decay, "weight_decay", 0)
        as_number(self.dropout, "dropout", 0, 1, below=True)
        as_count(self.negatives, "negatives", 0)
        as_seed(self.seed)

    def _label_loss(self, X: np.ndarray, y: np.ndarray, item: Callable) -> tuple[Callable, nn.Module]:
        import torch
        from torch import nn

        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only ({self.classes_[0]!r}); want at least two")
        self.__dict__.pop("pairs_", None)
        top = nn.Linear(int(self.dim), len(self.classes_))
        target = torch.from_numpy(codes.ravel())
        return lambda rows: nn.functional.cross_entropy(top(item(rows)), target[rows]), top

    def _pair_loss(self, X: np.ndarray, y: Any, item: Callable) -> tuple[Callable, nn.Module]:
        import torch

        from ._train import PairLoss, to_tensor

        if self.head == "none" and y.shape[1] != self.dim:
            raise ValueError(f"y has {y.shape[1]} columns; want dim = {self.dim} of them with head='none'")
        self.__dict__.pop("classes_", None)
        self.pairs_ = PairLoss(y.shape[1], int(self.dim), self.head)
        twin = _twins(y)
        _, first = np.unique(twin, return_index=True)  # one row of each kind: the further candidates

        def loss(rows: np.ndarray) -> Tensor:
            more = first[torch.randperm(len(first))[: self.negatives].numpy()]
            candidates = np.concatenate([rows, more])
            same = torch.from_numpy(twin[rows, None] == twin[candidates])
            return self.pairs_(item(rows), to_tensor(y[candidates], float(self.dropout)), same)

        return loss, self.pairs_

    def transform(self, X: Any, side: str = "a") -> np.ndarray:
        """Return float32 (n, dim).

        Parameters
        ----------
        X : raw items, or with ``side="b"`` the (n, d) vectors of the other modality
        side : {"a", "b"}
            Fitted on pairs, both sides come as unit rows of one space, and cosine compares them.
        """
        check_is_fitted(self, "net_")
        if one_of(side, "side", ("a", "b")) == "a":
            return self._encode(self._check(X, fitted=True))
        if not hasattr(self, "pairs_"):
            raise ValueError("side is 'b', but this encoder was fitted on class labels: there is no side b")
        X = as_matrix(X, "X", sparse=True, dim=self.pairs_.columns, dtype=np.float32)
        return self._encode(X, "b")

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self, "net_")
        return int(self.dim)

    def _encode(self, X: Any, side: str = "a") -> np.ndarray:
        """What ``transform`` returns, of input that was checked."""
        import torch
        from torch.nn import functional as F

        from ._train import to_tensor

        out = np.empty((X.shape[0], self.dim), np.float32)
        with torch.inference_mode():
            for start in range(0, len(out), 256):
                rows = slice(start, start + 256)
                if side == "b":
                    z = self.pairs_.encode_b(to_tensor(X[rows]))
                else:
                    z = self.net_(self._tensor(X[rows]))
                    z = F.normalize(z, dim=1) if hasattr(self, "pairs_") else z
                out[rows] = z.numpy()
        return out

    def save(self, path: str | Path | BinaryIO, *, half: bool = False) -> None:
        """Write the fitted encoder to one ``.npz`` file, by its name or open; ``half`` stores 16-bit numbers, in half the bytes."""
        check_is_fitted(self, "net_")
        arrays = {f"net.{k}": v.numpy() for k, v in self.net_.state_dict().items()}
        if (pairs := getattr(self, "pairs_", None)) is None:
            arrays["classes"] = self.classes_
        else:
            arrays |= {f"pairs.{k}": v.numpy() for k, v in pairs.state_dict().items()}
        write(
            path,
            {
                "kind": self._kind,
                "params": self.get_params(),
                "shape": self.shape_,
                "columns": None if pairs is None else pairs.columns,
                "loss_curve": self.loss_curve_,
            },
            arrays,
            half,
        )

    @classmethod
    def load(cls, name: str | Path | BinaryIO) -> Self:
        """Read an encoder from a file, or a trained one by its name; the error for another name lists them."""
        import torch

        from ._train import PairLoss

        def put(module: nn.Module, prefix: str) -> None:
            state = {
                k.removeprefix(prefix): torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)
            }
            module.load_state_dict(state, assign=True)
            module.float().eval()

        # What the file says of sizes takes no memory on "meta": only the arrays that are really there do.
        with read(name, cls._kind) as (config, arrays), torch.device("meta"):
            new = cls(**config["params"])
            new.net_ = new._build(tuple(config["shape"]))
            put(new.net_, "net.")
            if config["columns"] is not None:
                new.pairs_ = PairLoss(config["columns"], new.dim, new.head)
                put(new.pairs_, "pairs.")
            else:
                new.classes_ = arrays["classes"]
            new.loss_curve_ = config["loss_curve"]
        return new


def _labels_or_vectors(y: Any) -> Any:
    """Return (n,) labels of one kind without gaps, or (n, d) float32 vectors, dense or CSR."""
    if y is None or getattr(y, "ndim", 1) == 0 or not (hasattr(y, "shape") or hasattr(y, "__len__")):
        raise ValueError(
            f"y is {describe(y)}; want class labels (n,) or the vectors (n, d) of the paired items"
        )
    first = y[0] if isinstance(y, (list, tuple)) and y else None
    if getattr(y, "ndim", 1) > 1 or isinstance(first, (list, tuple)) or getattr(first, "ndim", 0):
        return as_matrix(y, "y", sparse=True, dtype=np.float32)
    labels = as_labels(y, "y")
    if (gap := missing_rows(labels)).any():
        raise ValueError(bad_rows(gap, "y", "no label", "label these items or leave them out"))
    return labels


def _twins(z: Any) -> np.ndarray:
    """A number for each row, equal where rows are equal."""
    seen: dict[Any, int] = {}
    if hasattr(z, "tocsr"):
        z = z.sorted_indices()
        ends = zip(z.indptr[:-1], z.indptr[1:], strict=True)
        keys = [(z.indices[i:j].tobytes(), z.data[i:j].tobytes()) for i, j in ends]
    else:
        keys = [row.tobytes() for row in z]
    return np.array([seen.setdefault(key, len(seen)) for key in keys])
