"""The twelve things as flat drawings: a table of strokes for each, on a sheet of 100 × 100 units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import cos, pi, sin
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

RGB = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
Stroke = tuple[Any, ...]  # a method of Pen and its arguments: a drawing is data

FLYING = frozenset({"bird", "bee", "rain cloud"})  # drawn in the sky; all others stand on the ground

INK, CREAM, GOLD, STEEL = (46, 38, 66), (255, 250, 236), (250, 196, 84), (150, 160, 178)
ROSE, WATER, BEAM = (250, 150, 160), (96, 176, 246), (255, 236, 140)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """Go from ``a`` towards ``b`` by a share in [0, 1]."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def veiled(colour: RGB, alpha: Image.Image) -> Image.Image:
    """A sheet of one colour, seen as much as ``alpha`` says."""
    sheet = Image.new("RGBA", alpha.size, colour)
    sheet.putalpha(alpha)
    return sheet


class Pen:
    """Draw in units of 1/100 of the sheet, in a colour of its own or in the thing's: base, light or dark."""

    def __init__(self, colour: RGB, pixels: int) -> None:
        self.sheet = Image.new("RGBA", (pixels, pixels), (0, 0, 0, 0))
        self._draw, self._k = ImageDraw.Draw(self.sheet), pixels / 100
        self._paints = {
            "base": colour,
            "light": mix(colour, (255, 255, 255), 0.4),
            "dark": mix(colour, INK, 0.36),
        }

    def draw(self, strokes: Sequence[Stroke]) -> None:
        """Draw strokes one over the other: which method, then its arguments."""
        for how, *arguments in strokes:
            how(self, *arguments)

    def _paint(self, fill: str | RGB) -> RGB:
        return self._paints[fill] if isinstance(fill, str) else fill

    def _ellipse(self, x: float, y: float, rx: float, ry: float) -> list[float]:
        return [v * self._k for v in (x - rx, y - ry, x + rx, y + ry)]

    def oval(self, fill: str | RGB, x: float, y: float, rx: float, ry: float | None = None) -> None:
        """Fill an ellipse around ``(x, y)``."""
        self._draw.ellipse(self._ellipse(x, y, rx, rx if ry is None else ry), fill=self._paint(fill))

    def box(self, fill: str | RGB, x0: float, y0: float, x1: float, y1: float, round: float = 0) -> None:
        """Fill a rectangle with rounded corners."""
        xy = [v * self._k for v in (x0, y0, x1, y1)]
        self._draw.rounded_rectangle(xy, radius=round * self._k, fill=self._paint(fill))

    def poly(self, fill: str | RGB, points: Points) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * self._k, y * self._k) for x, y in points], fill=self._paint(fill))

    def blob(self, fill: str | RGB, points: Points) -> None:
        """Fill a smooth closed curve through the points (a Catmull–Rom spline)."""
        p = np.asarray(points, float)
        before, after, further = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
        t = np.linspace(0, 1, 8, endpoint=False)[:, None]
        a, b = (after - before)[:, None] / 2, (further - p)[:, None] / 2
        h = 2 * t**3 - 3 * t**2
        curve = (1 + h) * p[:, None] + (t**3 - 2 * t**2 + t) * a - h * after[:, None] + (t**3 - t**2) * b
        self.poly(fill, curve.reshape(-1, 2).tolist())

    def line(self, fill: str | RGB, points: Points, width: float = 4) -> None:
        """Draw a line with round ends and joints."""
        xy = [(x * self._k, y * self._k) for x, y in points]
        wide = max(1, round(width * self._k))
        self._draw.line(xy, fill=self._paint(fill), width=wide, joint="curve")
        for x, y in (points[0], points[-1]):
            self.oval(fill, x, y, width / 2)

    def arc(
        self,
        fill: str | RGB,
        x: float,
        y: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        width: float = 4,
    ) -> None:
        """Draw part of an ellipse's rim; angles in degrees, clockwise from the right."""
        turn = np.radians(np.linspace(start, end, 24))
        self.line(fill, [(x + rx * cos(a), y + ry * sin(a)) for a in turn], width)

    def inside(self, x: float, y: float, rx: float, ry: float, strokes: Sequence[Stroke]) -> None:
        """Draw strokes, and cut off what lies outside an ellipse."""
        under, cut = self.sheet.copy(), Image.new("L", self.sheet.size, 0)
        self.draw(strokes)
        ImageDraw.Draw(cut).ellipse(self._ellipse(x, y, rx, ry), fill=255)
        self.sheet.paste(Image.composite(self.sheet, under, cut))

    def eye(self, x: float, y: float, r: float) -> None:
        """Draw a round eye with a glint in it."""
        self.oval(INK, x, y, r)
        self.oval((255, 255, 255), x + r * 0.3, y - r * 0.35, r * 0.38)


def _seam(degrees: float) -> Points:
    """One seam of the ball: it bends a little on its way to the rim."""
    along = [(62 * r, (degrees + 24 * r) * pi / 180) for r in (0, 0.5, 1)]
    return [(44 + r * cos(t), 44 + r * sin(t)) for r, t in along]


_DRAW: dict[str, tuple[Stroke, ...]] = {
    "bell": (
        (Pen.oval, "dark", 50, 13, 10),
        (Pen.oval, CREAM, 50, 13, 4.5),
        (Pen.oval, "dark", 50, 86, 10),
        (
            Pen.blob,
            "base",
            [
                (50, 16),
                (66, 21),
                (74, 40),
                (78, 60),
                (93, 80),
                (50, 83),
                (7, 80),
                (22, 60),
                (26, 40),
                (34, 21),
            ],
        ),
        (Pen.blob, "light", [(38, 26), (42, 28), (36, 44), (34, 62), (27, 64), (30, 42)]),
        (Pen.line, "dark", [(25, 65), (75, 65)], 4),
        (Pen.box, "light", 6, 74, 94, 84, 5),
    ),
    "drum": (
        (Pen.box, "base", 8, 42, 92, 78, 0),
        (Pen.oval, "base", 50, 78, 42, 17),
        *(
            (Pen.line, fill, [(8, 48), (22, 86), (36, 60), (50, 92), (64, 60), (78, 86), (92, 48)], width)
            for width, fill in ((8, "dark"), (4.5, CREAM))
        ),
        (Pen.oval, "dark", 50, 42, 42, 18),
        (Pen.oval, "light", 50, 39, 42, 17),
        (Pen.oval, CREAM, 50, 39, 35, 13),
        (Pen.line, (176, 112, 66), [(16, 8), (44, 38)], 6),
        (Pen.line, (176, 112, 66), [(84, 8), (58, 38)], 6),
        (Pen.oval, GOLD, 44, 38, 6),
        (Pen.oval, GOLD, 58, 38, 6),
    ),
    "bird": (
        (Pen.blob, "dark", [(30, 62), (4, 50), (2, 66), (14, 78), (34, 76)]),
        (Pen.poly, GOLD, [(82, 40), (99, 47), (82, 54)]),
        (
            Pen.blob,
            "base",
            [(24, 64), (44, 42), (58, 30), (74, 26), (86, 38), (84, 54), (74, 78), (50, 88), (30, 80)],
        ),
        (Pen.blob, "light", [(58, 86), (76, 74), (82, 58), (70, 66), (56, 74), (44, 86)]),
        (Pen.blob, "dark", [(58, 60), (48, 34), (24, 8), (16, 22), (22, 46), (36, 64), (50, 68)]),
        (Pen.line, "base", [(28, 24), (46, 56)], 3),
        (Pen.line, "base", [(24, 38), (40, 58)], 3),
        (Pen.eye, 74, 40, 5.5),
    ),
    "clock": (
        (Pen.line, "dark", [(28, 80), (18, 95)], 9),
        (Pen.line, "dark", [(72, 80), (82, 95)], 9),
        (Pen.line, INK, [(50, 22), (50, 8)], 6),
        *(
            stroke
            for x, tilt in ((26, -1), (74, 1))
            for stroke in (
                (Pen.line, INK, [(x, 22), (x - tilt * 4, 30)], 6),
                (
                    Pen.blob,
                    "dark",
                    [(x - 15, 24 - tilt * 7), (x + tilt * 4, 5), (x + 15, 24 + tilt * 7), (x, 22)],
                ),
            )
        ),
        (Pen.oval, "base", 50, 58, 38),
        (Pen.arc, "light", 50, 58, 34, 34, 150, 250, 4),
        (Pen.oval, CREAM, 50, 58, 29),
        *(
            (Pen.oval, INK, 50 + 23.5 * cos(a), 58 + 23.5 * sin(a), 3 if hour % 3 == 0 else 1.4)
            for hour, a in enumerate(np.arange(12) * pi / 6)
        ),
        (Pen.line, INK, [(50, 58), (50, 40)], 5),
        (Pen.line, INK, [(50, 58), (63, 66)], 5),
        (Pen.oval, "base", 50, 58, 4.5),
    ),
    "rain cloud": (
        *(
            (Pen.blob, WATER, [(x + 3, y - 14), (x + 7, y + 3), (x, y + 11), (x - 7, y + 3)])
            for x, y in ((26, 76), (50, 84), (74, 76))
        ),
        *(
            (Pen.oval, "base", x, y, r)
            for x, y, r in ((22, 46, 20), (44, 34, 26), (70, 40, 22), (80, 50, 17))
        ),
        (Pen.box, "base", 6, 42, 96, 67, 12),
        *((Pen.oval, "light", x, y, r) for x, y, r in ((42, 27, 15), (70, 34, 10), (20, 42, 9))),
        (Pen.oval, "base", 47, 33, 17),
        (Pen.oval, "base", 73, 39, 12),
        (Pen.oval, "base", 23, 46, 10),
        (Pen.box, "dark", 14, 59, 88, 65, 3),
    ),
    "siren": (
        *(
            (Pen.line, BEAM, [(50 + 40 * cos(a), 52 + 42 * sin(a)), (50 + 48 * cos(a), 52 + 49 * sin(a))], 7)
            for a in (degrees * pi / 180 for degrees in (-155, -122, -90, -58, -25))
        ),
        (Pen.box, "base", 20, 46, 80, 84),
        (Pen.oval, "base", 50, 47, 30),
        (Pen.oval, "light", 50, 52, 21),
        (Pen.oval, BEAM, 50, 52, 13),
        (Pen.oval, (255, 255, 255), 50, 52, 7),
        (Pen.box, "dark", 20, 68, 80, 73, 0),
        (Pen.arc, (255, 255, 255), 50, 48, 25, 26, 190, 235, 4),
        (Pen.box, (86, 88, 112), 10, 76, 90, 97, 5),
        (Pen.box, STEEL, 10, 76, 90, 83, 3),
    ),
    "car": (
        (Pen.blob, "dark", [(14, 56), (26, 30), (40, 24), (60, 24), (72, 32), (84, 56)]),
        (Pen.poly, (206, 234, 250), [(23, 54), (32, 34), (47, 31), (47, 54)]),
        (Pen.poly, (206, 234, 250), [(53, 54), (53, 31), (63, 33), (75, 54)]),
        (Pen.box, "base", 3, 50, 97, 80, 12),
        (Pen.box, "light", 8, 53, 78, 58, 2),
        (Pen.line, "dark", [(50, 58), (50, 76)], 2),
        (Pen.line, "dark", [(55, 63), (62, 63)], 3),
        (Pen.oval, BEAM, 91, 60, 5),
        (Pen.box, "dark", 2, 72, 98, 80, 4),
        *(
            stroke
            for x in (26, 74)
            for stroke in (
                (Pen.oval, INK, x, 80, 15),
                (Pen.oval, STEEL, x, 80, 7),
            )
        ),
    ),
    "bee": (
        (Pen.blob, (222, 240, 252), [(46, 46), (22, 30), (18, 8), (36, 6), (50, 24), (54, 46)]),
        (Pen.blob, (240, 249, 255), [(54, 46), (50, 18), (66, 2), (78, 14), (72, 34), (60, 48)]),
        (Pen.poly, INK, [(12, 54), (-1, 63), (13, 69)]),
        (
            Pen.inside,
            48,
            62,
            40,
            26,
            (
                (Pen.box, "base", 0, 0, 100, 100),
                (Pen.oval, "light", 44, 42, 40, 10),
                *((Pen.arc, INK, x - 36, 62, 40, 42, -60, 60, 9) for x in (18, 38, 58)),
            ),
        ),
        (Pen.oval, "light", 80, 60, 18),
        (Pen.line, INK, [(80, 44), (83, 30), (90, 25)], 3.5),
        (Pen.line, INK, [(88, 46), (94, 36), (99, 37)], 3.5),
        (Pen.eye, 84, 58, 5.5),
        (Pen.arc, INK, 86, 65, 6, 5, 30, 130, 2.5),
    ),
    "whistle": (
        (Pen.arc, STEEL, 14, 44, 10, 10, 0, 360, 5),
        (Pen.box, "base", 36, 30, 98, 53, 4),
        (Pen.box, "dark", 82, 30, 98, 53, 4),
        (Pen.oval, "base", 44, 62, 33),
        (Pen.box, "light", 40, 31, 80, 37, 3),
        (Pen.arc, "light", 44, 62, 27, 27, 120, 200, 5),
        (Pen.oval, INK, 45, 63, 16),
        (Pen.oval, GOLD, 50, 68, 9),
        (Pen.box, INK, 52, 26, 68, 38, 1),
        *(
            (Pen.line, CREAM, [(60 + (x - 60) * 0.7, 20), (60 + (x - 60) * 1.4, 6)], 4.5)
            for x in (44, 60, 76)
        ),
    ),
    "ball": (
        (
            Pen.inside,
            50,
            52,
            44,
            44,
            (
                (Pen.box, "base", 0, 0, 100, 100),
                *(
                    stroke
                    for edges in ((_seam(turn), _seam(turn + 60)) for turn in (20, 140, 260))
                    for stroke in (
                        (Pen.poly, CREAM, [*edges[0], *edges[1][::-1]]),
                        *((Pen.line, "dark", edge, 2.5) for edge in edges),
                    )
                ),
                (Pen.arc, "dark", 46, 46, 50, 50, 10, 100, 9),
            ),
        ),
        (Pen.oval, "light", 44, 44, 8),
        (Pen.arc, (255, 255, 255), 50, 52, 37, 37, 190, 225, 5),
    ),
    "frog": (
        *(
            stroke
            for s in (-1, 1)
            for stroke in (
                (Pen.oval, "dark", 50 + s * 33, 78, 16, 17),
                (Pen.oval, "dark", 50 + s * 37, 92, 12, 5),
            )
        ),
        (Pen.blob, "base", [(50, 34), (78, 40), (88, 60), (78, 88), (50, 94), (22, 88), (12, 60), (22, 40)]),
        (Pen.oval, "light", 50, 78, 26, 15),
        *(
            stroke
            for s in (-1, 1)
            for stroke in (
                (Pen.oval, "base", 50 + s * 24, 30, 17),
                (Pen.oval, (255, 255, 255), 50 + s * 24, 29, 12),
                (Pen.eye, 50 + s * 22, 30, 7.5),
                (Pen.oval, ROSE, 50 + s * 30, 57, 6, 4),
                (Pen.oval, "base", 50 + s * 17, 92, 10, 5),
            )
        ),
        (Pen.arc, INK, 50, 46, 22, 16, 20, 160, 4),
    ),
    "cat": (
        (Pen.arc, "dark", 76, 76, 17, 16, -80, 90, 9),
        (Pen.blob, "base", [(50, 46), (68, 60), (76, 84), (68, 96), (32, 96), (24, 84), (32, 60)]),
        (Pen.oval, "light", 50, 80, 13, 16),
        *(
            stroke
            for s in (-1, 1)
            for stroke in (
                (Pen.poly, "base", [(50 + s * 32, 3), (50 + s * 34, 36), (50 + s * 8, 18)]),
                (Pen.poly, ROSE, [(50 + s * 28, 11), (50 + s * 29, 28), (50 + s * 15, 18)]),
                (Pen.oval, "light", 50 + s * 11, 94, 9, 5),
            )
        ),
        (Pen.oval, "base", 50, 38, 35, 27),
        (Pen.line, "dark", [(50, 12), (50, 20)], 4),
        (Pen.line, "dark", [(40, 14), (42, 20)], 4),
        (Pen.line, "dark", [(60, 14), (58, 20)], 4),
        (Pen.oval, "light", 50, 50, 15, 10),
        *(
            stroke
            for s in (-1, 1)
            for stroke in (
                (Pen.eye, 50 + s * 15, 36, 6),
                (Pen.arc, INK, 50 + s * 5, 50, 5, 5, 10, 170, 2.5),
                (Pen.line, INK, [(50 + s * 22, 47), (50 + s * 40, 43)], 2),
                (Pen.line, INK, [(50 + s * 22, 52), (50 + s * 40, 54)], 2),
            )
        ),
        (Pen.poly, ROSE, [(45, 45), (55, 45), (50, 50)]),
    ),
}


@lru_cache(maxsize=256)
def sprite(kind: str, colour: RGB, pixels: int = 128) -> Image.Image:
    """Draw one thing, shaded from the upper left and outlined: RGBA ``(pixels, pixels)`` with a clear margin."""
    pen = Pen(colour, 2 * pixels)
    pen.draw(_DRAW[kind])
    margin = pixels // 14
    sheet = ImageOps.expand(pen.sheet.resize((pixels - 2 * margin,) * 2, Image.Resampling.BOX), margin)
    rgba = np.array(sheet, dtype=np.float32)
    y, x = np.mgrid[-1 : 1 : 1j * pixels, -1 : 1 : 1j * pixels]
    rgba[..., :3] *= (1.04 - 0.13 * np.clip(0.5 * x + y, -0.4, 1))[
        ..., None
    ]  # light falls from the upper left
    body = np.clip(rgba, 0, 255).astype(np.uint8)
    # The outline is the silhouette, grown by a blur with a hard rim: no drawing has to care about it.
    grown = (
        sheet.getchannel("A").filter(ImageFilter.GaussianBlur(pixels / 40)).point(lambda a: min(255, 9 * a))
    )
    out = veiled(mix(INK, colour, 0.12), grown)
    out.alpha_composite(Image.fromarray(body))
    return out
