"""The panels' browser side: plain ES modules, joined into one that imports nothing; nothing built is kept on disk.

``math.js`` counts, ``draw.js`` draws on canvas, ``widgets.js`` makes controls and cards; one file per panel uses them, and
``main.js`` is the door, by the contract of anywidget: ``export default { render({ model, el }) }``.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np

# With this variable set, a panel in a notebook also gives the part of a page that lives without Python: the book is made so.
LIVE, FRAGMENT = "MMALIGN_NB_LIVE", "application/vnd.mmalign-nb.panel"
FILES = (
    "math", "draw", "widgets", "encode", "pixels", "draw_pad", "sound_pad", "threshold", "report", "compare", "map", "search", "walk", "pair", "main",
)  # fmt: skip
_IMPORT = re.compile(r'^import (?:\{[^}]*\}|\S+) from "\./\w+\.js";\n', re.M)


@functools.cache
def module() -> str:
    """All files as one module, in an order in which each stands after those it uses."""
    *parts, door = (_IMPORT.sub("", _text(f"{name}.js")) for name in FILES)
    return "\n".join([*(re.sub(r"^export ", "", part, flags=re.M) for part in parts), door])


@functools.cache
def style() -> str:
    """The style sheet."""
    return _text("style.css")


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def scripts() -> str:
    """What brings all panels of a page to life; a module file may not be imported from a disk, but a blob may."""
    return f"""<script type="text/plain" id="mm-instrument">{module()}</script>
<script type="module">
const source = document.getElementById("mm-instrument").textContent;
const url = URL.createObjectURL(new Blob([source], {{ type: "text/javascript" }}));
const {{ alive }} = await import(url);
URL.revokeObjectURL(url);
document.querySelectorAll(".mm-live").forEach(alive);
</script>"""


def packed(x: np.ndarray) -> dict[str, Any]:
    """An array as a page reads it: ``float64``, ``float32``, ``int32``, ``int16`` or ``uint8``."""
    x = np.ascontiguousarray(x)
    return {"dtype": str(x.dtype), "shape": list(x.shape), "data": memoryview(x.tobytes())}


def living(state: Mapping[str, Any]) -> str:
    """What a panel is, as a part of a page: the data that bring it to life."""
    told = json.dumps(as_json(state), ensure_ascii=True, sort_keys=True).replace("<", "\\u003c")
    return f'<div class="mm-live"><script type="application/json">{told}</script></div>'


def as_json(x: Any) -> Any:
    """Bytes as base64, so that JSON can hold them."""
    if isinstance(x, (memoryview, bytes)):
        return {"base64": base64.b64encode(x).decode("ascii")}
    if isinstance(x, Mapping):
        return {k: as_json(v) for k, v in x.items()}
    return [as_json(v) for v in x] if isinstance(x, (list, tuple)) else x


def page(title: str, inside: str, more_style: str = "") -> str:
    """A page in which panels live without Python and without a network; ``inside`` is HTML."""
    return _text("page.html").format(
        title=html.escape(title), style=style() + more_style, scripts=scripts(), inside=inside
    )
