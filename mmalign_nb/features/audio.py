"""Sounds as vectors: a recurrent network on the log-mel spectrogram."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._check import as_audio, as_count, as_number, as_rate, refuse_items
from ._encoder import TrainedEncoder

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["RnnAudio", "log_mel", "onset_strength"]


def log_mel(audio: np.ndarray, sample_rate: int, bands: int = 40) -> np.ndarray:
    """Return the log-mel spectrogram, float32 (n, frames, bands): how loud each pitch is, 64 times a second or so.

    Windows of 32 ms every 16 ms, power in ``bands`` triangular bands that are spaced as the ear spaces pitch,
    ln(power + 1e-6). Any length is taken; silence is ln(1e-6) everywhere, and so is a band that is narrower than the
    step between two pitches of the window (at low rates; take fewer bands).

    Parameters
    ----------
    audio : float32 (n, samples) in [-1, 1]
    sample_rate : int
        In Hz.
    bands : int

    Returns
    -------
    float32 (n, frames, bands)

    Raises
    ------
    TypeError, ValueError
        If audio is not float sound (n, samples) in [-1, 1], or if the rate or the number of bands makes no sense.

    Notes
    -----
    Notebook: ``01_features``.

    References
    ----------
    S. Davis, P. Mermelstein, IEEE Trans. ASSP 28(4), 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.features.audio import log_mel
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000, dtype=np.float32)[None]
    >>> log_mel(tone, 16000).shape
    (1, 63, 40)
    """
    refuse_items(audio, "audio", "audio")
    audio = as_audio(audio, "audio")
    window, bands = round(0.032 * as_rate(sample_rate)), as_count(bands, "bands")
    if bands > window // 2 + 1:
        raise ValueError(
            f"bands is {bands}; a window of 32 ms at {sample_rate} Hz tells {window // 2 + 1} pitches apart: want no more"
        )
    import torch
    from torchaudio.transforms import MelSpectrogram

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "At least one mel filterbank has all zero")  # it stays silent
        mel = MelSpectrogram(
            sample_rate, n_fft=window, hop_length=window // 2, n_mels=bands, pad_mode="constant", power=2.0
        )
    with torch.inference_mode():
        power = mel(torch.from_numpy(np.require(audio, requirements="W")))
        return torch.log(power + 1e-6).transpose(1, 2).contiguous().numpy()


def onset_strength(audio: np.ndarray, sample_rate: int, fps: float) -> np.ndarray:
    r"""Return how much begins to sound during each frame of a film: the spectral flux, float32 (n, frames).

    With the log-mel spectrogram :math:`L` of 40 bands, what grows from one of its windows to the next is the flux
    :math:`f_j = \frac{1}{40} \sum_b \max(0, L_{jb} - L_{j-1,b})`. Noise flutters, so the median of a recording's flux is its
    floor: what is above, :math:`\max(0, f_j - \operatorname{median} f)`, is added up over each frame of the film, and the sum
    over all frames does not depend on ``fps``. A tone that goes on gives next to nothing.

    Parameters
    ----------
    audio : float32 (n, samples) in [-1, 1]
    sample_rate : int
        In Hz.
    fps : float
        Frames of the film per second; at more than 62 or so a frame holds only a part of a window.

    Returns
    -------
    float32 (n, frames)
        ``round(samples / sample_rate * fps)`` frames, at least one.

    Raises
    ------
    TypeError, ValueError
        If audio is not float sound (n, samples) in [-1, 1], or if a rate is not above 0.

    Notes
    -----
    Notebook: ``07_video_audio_search``.

    References
    ----------
    J. P. Bello et al., *A tutorial on onset detection in music signals*, IEEE Trans. Speech Audio Processing 13(5), 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.features import onset_strength
    >>> sound = np.zeros((1, 16000), np.float32)
    >>> sound[0, 4100:4200] = 0.5
    >>> onset_strength(sound, 16000, fps=10)[0].argmax()  # 4,100 of 16,000 samples is 0.26 s
    np.int64(2)
    """
    levels = log_mel(audio, sample_rate)
    fps = as_number(fps, "fps", 0, above=True, what="frames per second, a number")
    seconds = np.asarray(audio).shape[1] / sample_rate
    if seconds * fps > 2**24:
        raise ValueError(
            f"fps is {fps:g}: {seconds:g} s of sound would be {seconds * fps:g} frames; want less"
        )
    window = round(0.032 * sample_rate)
    rises = np.maximum(np.diff(levels, axis=1), 0).mean(axis=2, dtype=np.float64)
    # The j-th window is centred on j steps. One that reaches out of the recording hears its edge as a click: those are left out.
    rises[:, :1] = 0
    rises[:, max(0, (np.asarray(audio).shape[1] - (window + 1) // 2) // (window // 2)) :] = 0
    rises = np.maximum(rises - np.median(rises, axis=1, keepdims=True), 0) if rises.size else rises
    total = np.concatenate([np.zeros((len(rises), 1)), rises.cumsum(axis=1)], axis=1)
    # The rise between two windows is spread over the time between their centres.
    step = window // 2 / sample_rate
    edges = np.arange(max(1, round(seconds * fps)) + 1) / fps
    edges[-1] = max(edges[-1], seconds)  # what the last frame lacks by rounding belongs to it
    at = np.arange(total.shape[1]) * step
    return np.stack([np.diff(np.interp(edges, at, row)) for row in total]).astype(np.float32)


class RnnAudio(TrainedEncoder):
    """Listen to sounds frame by frame with a memory, a gated recurrent unit on the log-mel spectrogram.

    At each frame the unit mixes what it hears into its state; what to keep and what to forget is learned from
    ``y``: class labels (cross-entropy), or the vectors of the text, image … that each sound belongs to (InfoNCE).
    Mean and largest state over time are mapped to ``dim`` numbers, so that sounds of any length can be compared.

    Parameters
    ----------
    sample_rate : int
        Of the sounds, in Hz.
    dim : int
        Size of the vectors.
    epochs, batch_size : int
        Passes over the sounds; sounds per step. In InfoNCE, the batch is also the number of candidates.
    hidden, layers : int
        Size of the state; how many units are stacked.
    both_ways : bool
        Whether a second unit listens backwards.
    bands : int
        Bands of the spectrogram.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises over the first fifth of the steps and then falls to zero (one cycle).
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
    loss_curve_, net_, pairs_, classes_
        As in :class:`CnnImage`.

    Raises
    ------
    TypeError, ValueError
        If X is not float sound (n, samples) in [-1, 1], if X and y are not pairs, or if a parameter makes no sense.

    Notes
    -----
    ``RnnAudio.load("things")`` is trained already, into the space of ``CnnImage.load("things")``.
    Notebook: ``01_features``.

    References
    ----------
    K. Cho et al., *Learning phrase representations using RNN encoder–decoder*, EMNLP 2014 (the gated unit).
    A. van den Oord, Y. Li, O. Vinyals, arXiv 1807.03748, 2018 (InfoNCE).

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.features import RnnAudio
    >>> rng = np.random.default_rng(0)
    >>> pitch = rng.uniform(200, 2000, 64)
    >>> tone = 0.5 * np.sin(2 * np.pi * pitch[:, None] * np.arange(4000) / 8000).astype(np.float32)
    >>> rnn = RnnAudio(8000, dim=8, hidden=16, epochs=3, progress=False).fit(tone, pitch > 800)
    >>> rnn.transform(tone[:, :2000]).shape
    (64, 8)
    """

    _kind: ClassVar[str] = "audio"
    _counts: ClassVar[tuple[str, ...]] = ("dim", "epochs", "batch_size", "hidden", "layers", "bands")

    def __init__(
        self,
        sample_rate: int = 16000,
        dim: int = 128,
        *,
        epochs: int = 20,
        batch_size: int = 128,
        hidden: int = 96,
        layers: int = 1,
        both_ways: bool = False,
        bands: int = 40,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        dropout: float = 0.1,
        negatives: int = 0,
        head: str = "linear",
        seed: int = 0,
        progress: bool = True,
    ) -> None:
        super().__init__(
            dim, epochs, batch_size, learning_rate, weight_decay, dropout, negatives, head, seed, progress
        )
        self.sample_rate = sample_rate
        self.hidden = hidden
        self.layers = layers
        self.both_ways = both_ways
        self.bands = bands

    def _check(self, X: Any, fitted: bool) -> np.ndarray:
        refuse_items(X, "X", "audio")
        return as_audio(X, "X")

    def _check_params(self) -> None:
        super()._check_params()
        as_rate(self.sample_rate)

    def _build(self, shape: tuple[int, ...]) -> nn.Module:
        from ._nets import GruNet

        self.shape_ = ()  # any length will do
        bands, hidden, layers, dim = (int(n) for n in (self.bands, self.hidden, self.layers, self.dim))
        return GruNet(bands, hidden, layers, bool(self.both_ways), dim, float(self.dropout))

    def _tensor(self, X: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(log_mel(X, self.sample_rate, self.bands))

    def _prepare(self, net: Any, X: np.ndarray) -> Callable[[np.ndarray], Tensor]:
        import torch

        # Once for all epochs: the frames take a third of the room of the samples.
        frames = torch.cat([self._tensor(X[i : i + 256]) for i in range(0, len(X), 256)])
        net.mean.copy_(frames.mean(dim=(0, 1)))
        net.std.copy_(frames.std(dim=(0, 1)) + 1e-3)

        return lambda rows: net(frames[rows])
