"""Heads trained with the symmetric InfoNCE loss."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import as_count, as_number, as_seed
from ._base import LinearMap, Projection, Side, centred_norms, unit

if TYPE_CHECKING:
    import torch


class Contrastive(Projection):
    r"""Train two heads so that true pairs are closer than all the other pairs in a batch: symmetric InfoNCE.

    With unit rows :math:`z^a_i, z^b_j` and :math:`s_{ij} = z^a_i \cdot z^b_j / \tau`, the loss of a batch of n pairs is
    :math:`-\frac{1}{2n}\sum_i \bigl(\log \tfrac{e^{s_{ii}}}{\sum_j e^{s_{ij}}}
    + \log \tfrac{e^{s_{ii}}}{\sum_j e^{s_{ji}}}\bigr)`; the temperature :math:`\tau` is learned. Training stops when the
    loss of held-out pairs has not improved for ``patience`` epochs, and the best epoch's weights are kept. A sparse side
    is made dense one batch at a time.

    Parameters
    ----------
    dim : int, default 64
        Size of the shared space.
    hidden : int, optional
        Width of one hidden layer (ReLU); None trains linear heads, which ``explain`` can take apart.
    epochs : int, default 300
        At most this many passes over the pairs.
    batch_size : int, default 256
        Pairs per step; every other pair of the batch is a negative.
    lr, weight_decay : float, default 3e-3 and 0.1
        Step size and decay of AdamW.
    temperature : float, default 0.3
        Where :math:`\tau` starts; it never falls below 0.01. CLIP's 0.07 is for millions of pairs: with hundreds it
        overfits within a few epochs.
    validation : float in [0, 0.5], default 0.1
        Share of the pairs held out for stopping; 0 trains all epochs on all pairs.
    patience : int, default 20
    seed : int, default 0
        Of the weights, the hold-out and the batches; the global generators are not touched.
    progress : bool, default True

    Attributes
    ----------
    temperature_ : float
    history_ : dict of lists
        ``"train"`` and ``"validation"`` loss per epoch (nats).
    best_epoch_ : int
        The epoch whose weights were kept, from 0.
    map_a_, map_b_ : LinearMap
        Only with linear heads; ``transform`` then scales rows to unit length.

    Raises
    ------
    TypeError, ValueError
        If the sides are no numeric matrices of equally many rows (named, with the first bad row), a side is constant, or
        a parameter is out of its range; or if training diverges, which says in which epoch.

    References
    ----------
    van den Oord, Li, Vinyals, Representation learning with contrastive predictive coding, 2018 (InfoNCE).
    Radford et al., Learning transferable visual models from natural language supervision, ICML 2021 (both
    directions, learned temperature).

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.project import Contrastive
    >>> rng = np.random.default_rng(0)
    >>> shared = rng.normal(size=(300, 4))
    >>> A, B = shared @ rng.normal(size=(4, 8)), shared @ rng.normal(size=(4, 6))
    >>> heads = Contrastive(dim=8, epochs=60, lr=0.01, progress=False).fit(A[:200], B[:200])
    >>> heads.transform(B[200:], side="b").shape
    (100, 8)
    >>> bool(heads.score(A[200:], B[200:]) > 0.8)
    True
    """

    _min_pairs = 4
    unit_rows = True

    def __init__(
        self,
        dim: int = 64,
        hidden: int | None = None,
        epochs: int = 300,
        batch_size: int = 256,
        lr: float = 3e-3,
        weight_decay: float = 0.1,
        temperature: float = 0.3,
        validation: float = 0.1,
        patience: int = 20,
        seed: int = 0,
        progress: bool = True,
    ) -> None:
        self.dim = dim
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.temperature = temperature
        self.validation = validation
        self.patience = patience
        self.seed = seed
        self.progress = progress

    def _learn(self, a: Side, b: Side) -> dict[str, Any]:
        for name in ("dim", "epochs", "batch_size", "patience", "hidden"):
            as_count(getattr(self, name), name, none=name == "hidden")
        ranges = {"validation": (0, 0.5), "temperature": (0.01,), "lr": (0, 1e30), "weight_decay": (0,)}
        for name, ends in ranges.items():  # beyond 1e30, AdamW's own arithmetic overflows float32
            as_number(getattr(self, name), name, *ends)
        # each side is scaled by one number, so that its unit does not matter
        scales = [(centred_norms(side.X, side.mean) ** 2).mean() / side.shape[1] for side in (a, b)]
        heads, learned = self._train((a, b), np.sqrt(scales))
        layers = {}
        for name, side, scale, head in zip("ab", (a, b), np.sqrt(scales), heads, strict=True):
            first, *more = (LinearMap(np.zeros(len(W)), W, bias) for W, bias in head)
            layers[name] = [LinearMap(side.mean, first.weights / scale, first.bias), *more]
        with np.errstate(all="ignore"):  # the last step's weights have no loss yet: look at them
            first_rows = [_through(layers[s], side.X[:256]) for s, side in (("a", a), ("b", b))]
        if not all(np.isfinite([*z.flat, learned["temperature_"]]).all() and z.any() for z in first_rows):
            raise self._diverged(learned["best_epoch_"], "the heads give no finite vectors")
        linear = {f"map_{s}_": layers[s][0] for s in "ab"} if self.hidden is None else {}
        return {"_layers": layers, **linear, **learned}

    def _diverged(self, epoch: int, why: str) -> ValueError:
        return ValueError(f"training diverged in epoch {epoch + 1}: {why}; reduce lr (it is {self.lr!r})")

    def _train(
        self, sides: tuple[Side, Side], scales: np.ndarray
    ) -> tuple[list[list[tuple[np.ndarray, np.ndarray]]], dict[str, Any]]:
        """Return the trained layers of both sides as (weights, bias), and what there is to say about the training."""
        import torch
        from tqdm.auto import trange

        rng = np.random.default_rng(seed := as_seed(self.seed))
        generator = torch.Generator().manual_seed(seed)
        order = rng.permutation(n := sides[0].shape[0])
        held = max(2, round(self.validation * n)) if self.validation else 0
        held_out, train = order[:held], order[held:]
        heads = [_init_head((side.shape[1], self.hidden, self.dim), generator) for side in sides]
        log_scale = torch.tensor(-np.log(self.temperature), dtype=torch.float32, requires_grad=True)
        flat = [t for head in heads for layer in head for t in layer]
        groups = [
            {"params": [t for t in flat if t.ndim == 2], "weight_decay": self.weight_decay},
            {"params": [log_scale, *(t for t in flat if t.ndim == 1)], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.lr)

        def loss_of(rows: np.ndarray) -> torch.Tensor:
            batches = (
                (side.dense(rows) / scale).astype(np.float32)
                for side, scale in zip(sides, scales, strict=True)
            )
            za, zb = (_forward(head, torch.from_numpy(x)) for head, x in zip(heads, batches, strict=True))
            return _info_nce(za, zb, log_scale)

        history: dict[str, list[float]] = {"train": [], "validation": []}
        best, kept, best_epoch = np.inf, [t.detach().clone() for t in (*flat, log_scale)], 0
        bar = trange(self.epochs, disable=not self.progress, desc="InfoNCE", unit="epoch")
        for epoch in bar:
            losses = []
            for rows in _batches(rng.permutation(train), self.batch_size):
                loss = loss_of(rows)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    log_scale.clamp_(max=np.log(100))
                losses.append(loss.item())
            history["train"].append(float(np.mean(losses)))
            now = -float(epoch)  # without a hold-out, the last epoch is the one to keep
            if held:
                with torch.no_grad():
                    now = float(np.mean([loss_of(r).item() for r in _batches(held_out, self.batch_size)]))
                history["validation"].append(now)
            for what, level in (("the loss", history["train"][-1]), ("the loss of the held-out pairs", now)):
                if not np.isfinite(level):  # `now < best` below would be False, and keep untrained weights
                    raise self._diverged(epoch, f"{what} is {level}")
            if now < best:
                best, kept, best_epoch = now, [t.detach().clone() for t in (*flat, log_scale)], epoch
            elif epoch - best_epoch >= self.patience:
                break
        bar.close()
        temperature = kept[-1].double().neg().exp().item()
        arrays = iter([t.double().numpy() for t in kept[:-1]])
        weights = [[(next(arrays), next(arrays)) for _ in head] for head in heads]
        return weights, {"history_": history, "best_epoch_": best_epoch, "temperature_": temperature}

    def _encode(self, X: Any, side: str) -> np.ndarray:
        return _through(self._layers[side], X)


def _through(layers: list[LinearMap], X: Any) -> np.ndarray:
    """Return what a head makes of rows: unit rows, float64."""
    for k, layer in enumerate(layers):
        X = layer(np.maximum(X, 0) if k else X)
    return unit(X)


def _batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut rows into parts of nearly equal size, none of them a single pair, which has no negatives."""
    return np.array_split(rows, max(1, min(round(len(rows) / size), len(rows) // 2)))


def _init_head(sizes: tuple[int, int | None, int], generator: torch.Generator) -> list[list[torch.Tensor]]:
    import torch

    return [
        [
            ((torch.rand(fan_in, fan_out, generator=generator) * 2 - 1) / fan_in**0.5).requires_grad_(),
            torch.zeros(fan_out, requires_grad=True),
        ]
        for fan_in, fan_out in pairwise(w for w in sizes if w is not None)
    ]


def _forward(head: list[list[torch.Tensor]], x: torch.Tensor) -> torch.Tensor:
    import torch

    for k, (W, b) in enumerate(head):
        x = (x if k == 0 else torch.relu(x)) @ W + b
    return torch.nn.functional.normalize(x, dim=1)


def _info_nce(za: torch.Tensor, zb: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of picking the true partner among the batch, over both directions."""
    s = log_scale.exp() * za @ zb.T
    true = s.diagonal()
    return (s.logsumexp(dim=1) + s.logsumexp(dim=0) - 2 * true).mean() / 2
