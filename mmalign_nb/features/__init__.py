"""From raw items to vectors: one encoder per modality, all with ``fit`` and ``transform``.

Anything with ``transform(items) -> (n, d)`` is an encoder, so a large pretrained model plugs in beside these.
"""

from .audio import RnnAudio
from .image import CnnImage
from .text import TfidfText, Word2VecText

__all__ = ["CnnImage", "RnnAudio", "TfidfText", "Word2VecText"]
