"""The panels' browser side: plain ES modules, joined into one that imports nothing; nothing built is kept on disk.

``math.js`` counts, ``draw.js`` draws on canvas, ``widgets.js`` makes controls and cards; one file per panel uses them, and
``main.js`` is the door, by the contract of anywidget: ``export default { render({ model, el }) }``.
"""

from __future__ import annotations

import functools
import html
import re
from importlib import resources

# With this variable set, a panel in a notebook also gives the part of a page that lives without Python: the book is made so.
LIVE, FRAGMENT = "MMALIGN_NB_LIVE", "application/vnd.mmalign-nb.panel"
FILES = (
    "math", "draw", "widgets", "encode", "pixels", "draw_pad", "sound_pad", "threshold", "compare", "map", "search", "walk", "pair", "main",
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


def page(title: str, inside: str) -> str:
    """A page in which panels live without Python and without a network."""
    return _text("page.html").format(
        title=html.escape(title), style=style(), scripts=scripts(), inside=inside
    )
