"""The two networks, small enough to train on a laptop's processor in minutes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut: relu(f(x) + x)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels_in, H, W) to (n, channels, H, W)."""
        inside = F.relu(self.norm1(self.first(x)))
        return F.relu(self.norm2(self.second(inside)) + self.shortcut(x))


class ConvNet(nn.Module):
    """Images (n, channels, H, W) in [0, 1] to (n, dim).

    A strided convolution brings the picture to about 16×16, two residual blocks with pooling between look at it,
    and the end is read off a 4×4 grid: *where* something stands is kept, and tells a left half from a right half.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, side: int, width: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        stride = max(side // 16, 1)
        self.stem = nn.Conv2d(channels, width, 2 * stride + 1, stride, padding=stride, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.block1 = Residual(width, 2 * width)
        self.block2 = Residual(2 * width, 3 * width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(16 * 3 * width, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, H, W) to (n, dim)."""
        x = ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        x = F.max_pool2d(F.relu(self.norm(self.stem(x))), 2)
        x = self.block2(F.max_pool2d(self.block1(x), 2))
        return self.out(self.dropout(F.adaptive_avg_pool2d(x, 4).flatten(1)))


def jitter(x: Tensor, strength: float) -> Tensor:
    """Move, stretch, slant and turn each picture a little, and make its pen thicker or thinner.

    At strength 1: shifts to 6 % of the side, scale 0.87 … 1.15, slant 0.25, turn 4°, pen a pixel at the most.
    """
    n = len(x)

    def spread(size: float) -> Tensor:
        return (torch.rand(n) * 2 - 1) * size * strength

    scale_x, scale_y, turn, slant = spread(0.14).exp(), spread(0.14).exp(), spread(0.07), spread(0.25)
    affine = torch.stack(
        [
            torch.stack([scale_x, slant - turn, spread(0.12)], dim=1),
            torch.stack([turn, scale_y, spread(0.12)], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    pen = spread(1.0).view(n, 1, 1, 1)
    lighter, darker = F.max_pool2d(x, 3, 1, 1), -F.max_pool2d(-x, 3, 1, 1)
    return x + pen.clamp(min=0) * (darker - x) * 0.7 + (-pen).clamp(min=0) * (lighter - x) * 0.3


class GruNet(nn.Module):
    """Log-mel frames (n, frames, bands) to (n, dim): a gated recurrent unit, then the mean and the largest state."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, bands: int, hidden: int, layers: int, both_ways: bool, dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("std", torch.ones(bands))
        self.gru = nn.GRU(bands, hidden, layers, batch_first=True, bidirectional=both_ways)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden * (4 if both_ways else 2), dim)

    def forward(self, x: Tensor) -> Tensor:
        """(n, frames, bands) to (n, dim)."""
        states, _ = self.gru((x - self.mean) / self.std)
        return self.out(self.dropout(torch.cat([states.mean(dim=1), states.amax(dim=1)], dim=1)))
