"""Formulas, drawn by KaTeX when the book is built: no reader needs a script or a network to see them."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

VENDOR = Path(__file__).resolve().parent / "vendor"
KATEX = VENDOR / "katex" / "katex.min.js"
DRAW = """function draw(json) {
  return JSON.stringify(JSON.parse(json).map(([tex, block]) => {
    try { return [katex.renderToString(tex, {displayMode: block, throwOnError: true, strict: "error"}), ""]; }
    catch (error) { return ["", String(error.message)]; }
  }));
}"""


class Formula(NamedTuple):
    """One formula and where it stands."""

    tex: str
    block: bool
    place: str


def with_node(node: str, asked: str) -> str:
    """Draw in Node.js."""
    code = f"const katex = require({json.dumps(str(KATEX))}); {DRAW}"
    code += "process.stdout.write(draw(require('fs').readFileSync(0, 'utf8')))"
    done = subprocess.run([node, "-e", code], input=asked, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def with_racer(asked: str) -> str:
    """Draw in the JavaScript engine that pip brings."""
    from py_mini_racer import MiniRacer

    context = MiniRacer()
    context.eval(KATEX.read_text(encoding="utf-8"))
    context.eval(DRAW)
    return str(context.call("draw", asked))


def draw(formulas: list[Formula]) -> list[tuple[str, str]]:
    """HTML and an error for each formula; one of the two is empty."""
    asked = json.dumps([(formula.tex, formula.block) for formula in formulas])
    node = shutil.which("node")
    return [
        (html, error) for html, error in json.loads(with_node(node, asked) if node else with_racer(asked))
    ]


def katex_style() -> str:
    """KaTeX's style sheet with its fonts inside: not every browser lets a page from a disk load a font's file."""
    style = (VENDOR / "katex" / "katex.min.css").read_text(encoding="utf-8")
    style = re.sub(r',url\([^)]*\) format\("(?:woff|truetype)"\)', "", style)

    def inside(match: re.Match[str]) -> str:
        data = base64.b64encode((VENDOR / "katex" / match[1]).read_bytes()).decode("ascii")
        return f"url(data:font/woff2;base64,{data})"

    return re.sub(r"url\((fonts/[^)]*)\)", inside, style)
