"""Images as vectors: a small convolutional network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._check import as_images, as_number, as_video, refuse_items
from ._encoder import TrainedEncoder

if TYPE_CHECKING:
    from torch import Tensor, nn


__all__ = ["CnnImage", "motion_energy"]


def motion_energy(video: np.ndarray) -> np.ndarray:
    r"""Return how much each frame of a film differs from the one before, float32 (n, T) in [0, 1].

    :math:`m_t = \operatorname{mean}_{y,x,c} |v_t - v_{t-1}| / 255`, and 0 for the first frame, which has none before it.

    Parameters
    ----------
    video : uint8 (n, T, H, W, 3)
        ``frames[None]`` for one film.

    Returns
    -------
    float32 (n, T)

    Raises
    ------
    TypeError, ValueError
        If video is not uint8 (n, T, H, W, 3).

    Notes
    -----
    A cut from one scene to the next moves every pixel, and so stands out more than any leap: take the square root, or
    clip, where there are cuts. One frame at a time, so that a long film needs no second copy.

    Notebook: ``07_video_audio_search``.

    References
    ----------
    A. F. Bobick, J. W. Davis, *The recognition of human movement using temporal templates*, IEEE Trans. PAMI 23(3),
    2001 (frame differences as motion energy).

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.features import motion_energy
    >>> film = np.zeros((1, 4, 2, 2, 3), np.uint8)
    >>> film[0, 2] = 255  # one white frame: it comes, and it goes
    >>> motion_energy(film).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    refuse_items(video, "video", "video")
    video = as_video(video, "video")
    out = np.zeros(video.shape[:2], np.float32)
    for i, film in enumerate(video):
        for t in range(1, len(film)):
            now, before = film[t], film[t - 1]
            # |now - before| of unsigned numbers, without a wider copy
            out[i, t] = (np.maximum(now, before) - np.minimum(now, before)).mean(dtype=np.float64) / 255
    return out


class CnnImage(TrainedEncoder):
    """Look at images through layers of small filters that are learned from what the images belong to.

    A convolution slides one filter over the whole picture, so what it learns in one place it knows everywhere; a
    few such layers with pooling between see strokes, then corners, then shapes. What the network becomes good at
    is decided by ``y``: class labels (cross-entropy), or the vectors of the text, sound … that each image belongs
    to (InfoNCE), and then both sides end in one space and can be compared.

    Parameters
    ----------
    dim : int
        Size of the vectors.
    epochs, batch_size : int
        Passes over the images; images per step. In InfoNCE, the batch is also the number of candidates.
    width : int
        Filters in the first layer; the next have two and three times as many.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises over the first fifth of the steps and then falls to zero (one cycle).
    augment : float
        Strength of random shifts, stretching, slant and pen width in training; 0 for none, 1 for drawings that
        should be known in any typeface.
    dropout : float
        Share of the last layer's inputs, and of the entries of ``y``, left out at random in training.
    negatives : int
        In InfoNCE, how many further rows of ``y`` are candidates beside the batch's own: cheap, and a harder task.
    head : {"linear", "none"}
        Whether a linear map of ``y`` is learned too, or ``y`` (with ``dim`` columns) is kept as the shared space.
    seed : int
        Of everything random in training; torch's global generator is put back afterwards.
    progress : bool
        Whether to show a progress bar.

    Attributes
    ----------
    loss_curve_ : list of float
        Mean loss of each epoch.
    net_ : torch.nn.Module
    pairs_ : torch.nn.Module
        Fitted on vectors: the head for side b and the learned logit scale, which starts at ln(1/0.07).
    classes_ : (c,) array
        Fitted on labels.

    Raises
    ------
    TypeError, ValueError
        If X is not uint8 images (n, H, W) or (n, H, W, 3), differs in height, width or colour from the fitted
        images, if X and y are not pairs, or if a parameter makes no sense.

    Notes
    -----
    ``CnnImage.load("glyphs")`` and ``CnnImage.load("things")`` are trained already; ``data/models/REPORT.md`` says
    on what and how well. Training is repeatable on one machine with one number of threads, not between machines.
    Notebook: ``01_features``.

    References
    ----------
    Y. LeCun et al., *Gradient-based learning applied to document recognition*, Proc. IEEE 86(11), 1998. K. He et
    al., *Deep residual learning*, CVPR 2016. A. van den Oord, Y. Li, O. Vinyals, arXiv 1807.03748, 2018 (InfoNCE).
    A. Radford et al., *Learning transferable visual models from natural language supervision*, ICML 2021.

    Examples
    --------
    >>> from mmalign_nb.datasets import digits
    >>> from mmalign_nb.features import CnnImage
    >>> train, test = digits().split(300)
    >>> cnn = CnnImage(dim=16, epochs=2, width=8, progress=False).fit(train.image, train.label)
    >>> cnn.transform(test.image).shape
    (300, 16)
    >>> cnn.loss_curve_[0] > cnn.loss_curve_[1]
    True
    """

    _kind: ClassVar[str] = "image"
    _counts: ClassVar[tuple[str, ...]] = ("dim", "epochs", "batch_size", "width")

    def __init__(
        self,
        dim: int = 128,
        *,
        epochs: int = 10,
        batch_size: int = 128,
        width: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.05,
        augment: float = 0.0,
        dropout: float = 0.1,
        negatives: int = 0,
        head: str = "linear",
        seed: int = 0,
        progress: bool = True,
    ) -> None:
        super().__init__(
            dim, epochs, batch_size, learning_rate, weight_decay, dropout, negatives, head, seed, progress
        )
        self.width = width
        self.augment = augment

    def _check(self, X: Any, fitted: bool) -> np.ndarray:
        refuse_items(X, "X", "image")
        X = as_images(X, "X")
        if fitted and X.shape[1:] != self.shape_:
            raise ValueError(f"X has images of shape {X.shape[1:]}; fitted on {self.shape_}")
        if min(X.shape[1:3]) < 4:  # two poolings halve each side twice
            raise ValueError(f"X has images of {X.shape[1]} × {X.shape[2]} pixels; want at least 4 × 4")
        return X

    def _check_params(self) -> None:
        super()._check_params()
        as_number(self.augment, "augment", 0)

    def _build(self, shape: tuple[int, ...]) -> nn.Module:
        from ._nets import ConvNet

        self.shape_ = shape
        channels = shape[2] if len(shape) == 3 else 1
        return ConvNet(channels, min(shape[:2]), int(self.width), int(self.dim), float(self.dropout))

    def _tensor(self, X: np.ndarray) -> Tensor:
        import torch

        x = torch.from_numpy(np.require(X, requirements=["C", "W"])).float() / 255
        return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)

    def _prepare(self, net: Any, X: np.ndarray) -> Callable[[np.ndarray], Tensor]:
        from ._nets import jitter

        some = self._tensor(X[:: max(len(X) // 1000, 1)])
        net.mean.copy_(some.mean(dim=(0, 2, 3))[:, None, None])
        net.std.copy_((some.std(dim=(0, 2, 3)) + 1e-3)[:, None, None])

        if self.augment:
            return lambda rows: net(jitter(self._tensor(X[rows]), float(self.augment)))
        return lambda rows: net(self._tensor(X[rows]))
