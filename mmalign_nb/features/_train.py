"""The one training loop: batches, AdamW, a one-cycle schedule, and the two losses.

The only modules that import torch are this one and the networks beside it; the encoders import both when fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator, and put it back as it was at the end."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)


def info_nce(a: Tensor, b: Tensor, scale: Tensor | float, same: Tensor | None = None) -> Tensor:
    r"""Symmetric InfoNCE of unit rows: a must find its own b among all b, and b its own a among all a.

    .. math:: -\frac{1}{2n} \sum_{i \le n} \Big(\ln \frac{e^{s\,a_i b_i}}{\sum_{j \le m} e^{s\,a_i b_j}}
              + \ln \frac{e^{s\,a_i b_i}}{\sum_{j \le n} e^{s\,a_j b_i}}\Big)

    Row i of a (n, d) belongs to row i of b (m, d); rows of b beyond n are further candidates, right for nobody.
    ``same`` (n, m) marks pairs that are no negatives of one another: they are left out of both sums.

    Examples
    --------
    >>> import torch
    >>> from mmalign_nb.features._train import info_nce
    >>> round(float(info_nce(torch.eye(4), torch.eye(4), 10.0)), 5)
    0.00014
    """
    n = len(a)
    logits = scale * a @ b.T
    if same is not None:
        logits = logits.masked_fill(same & ~torch.eye(n, len(b), dtype=torch.bool), -torch.inf)
    target = torch.arange(n)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits[:, :n].T, target)) / 2


class PairLoss(nn.Module):
    """InfoNCE with its learned parts: a linear head for side b, and the logit scale."""

    def __init__(self, columns: int, dim: int, head: str) -> None:
        super().__init__()
        self.columns = columns
        self.head = nn.Linear(columns, dim) if head == "linear" else nn.Identity()
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def encode_b(self, b: Tensor) -> Tensor:
        """Side b, dense or sparse, in the shared space: unit rows."""
        if b.is_sparse and isinstance(self.head, nn.Linear):
            return F.normalize(torch.sparse.mm(b, self.head.weight.T) + self.head.bias, dim=1)
        return F.normalize(self.head(b.to_dense() if b.is_sparse else b), dim=1)

    def forward(self, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        """The loss of a batch of a's outputs and b's vectors."""
        scale = self.log_scale.clamp(max=math.log(100)).exp()
        return info_nce(F.normalize(a, dim=1), self.encode_b(b), scale, same)


def to_tensor(y: Any, dropout: float = 0.0) -> Tensor:
    """Rows as a tensor, sparse if they are; that share of the entries left out, the others made up for it."""
    if not hasattr(y, "tocoo"):
        return F.dropout(torch.from_numpy(np.require(y, requirements="W")), dropout)
    y = y.tocoo()
    at = torch.from_numpy(np.stack([y.row, y.col]).astype(np.int64))
    entries = F.dropout(torch.from_numpy(y.data), dropout)
    return torch.sparse_coo_tensor(at, entries, y.shape, is_coalesced=True, check_invariants=False)


def train(
    module: nn.Module,
    loss: Callable[[np.ndarray], Tensor],
    n: int,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    progress: bool,
    name: str,
) -> list[float]:
    """Minimise ``loss(rows)`` over shuffled batches of ``range(n)``; return the mean loss of each epoch.

    ValueError if it diverges: weights of NaN would only show much later.
    """
    from tqdm.auto import tqdm

    # Decay what multiplies features; biases, scales and normalisation have nothing to shrink.
    weights = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=learning_rate,
    )
    per_epoch = math.ceil(n / batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=learning_rate, total_steps=epochs * per_epoch, pct_start=0.2, anneal_strategy="cos"
    )
    curve: list[float] = []
    module.train()
    with tqdm(total=epochs * per_epoch, desc=name, unit="batch", disable=not progress) as bar:
        for _ in range(epochs):
            total = 0.0
            for rows in torch.randperm(n).tensor_split(
                per_epoch
            ):  # of nearly equal size, so never a lonely row
                value = loss(rows.numpy())
                optimiser.zero_grad(set_to_none=True)
                value.backward()
                optimiser.step()
                schedule.step()
                total += float(value.detach()) * len(rows)
                bar.update()
            if not math.isfinite(total):
                raise ValueError(
                    f"training diverged in epoch {len(curve) + 1}: the loss is {total / n}; reduce learning_rate "
                    f"(it is {learning_rate!r})"
                )
            curve.append(total / n)
            bar.set_postfix(loss=f"{curve[-1]:.3f}")
    module.eval()
    return curve
