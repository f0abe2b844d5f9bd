"""The twelve things as flat drawings: one short function each, on a sheet of 100 × 100 units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["FLYING", "mix", "sprite"]

RGB = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

FLYING = frozenset({"bird", "bee", "rain cloud"})  # drawn in the sky; all others stand on the ground

INK, CREAM, GOLD, STEEL = (46, 38, 66), (255, 250, 236), (250, 196, 84), (150, 160, 178)
ROSE, WATER, BEAM = (250, 150, 160), (96, 176, 246), (255, 236, 140)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """Go from ``a`` towards ``b`` by a share in [0, 1]."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


class Pen:
    """Draw in units of 1/100 of the sheet, in the thing's own colour where no other is named."""

    def __init__(self, colour: RGB, pixels: int) -> None:
        self.sheet = Image.new("RGBA", (pixels, pixels), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.sheet)
        self._k = pixels / 100
        self.base, self.light, self.dark = colour, mix(colour, (255, 255, 255), 0.4), mix(colour, INK, 0.36)

    def oval(self, x: float, y: float, rx: float, ry: float | None = None, fill: RGB | None = None) -> None:
        """Fill an ellipse around ``(x, y)``."""
        ry = rx if ry is None else ry
        box = [v * self._k for v in (x - rx, y - ry, x + rx, y + ry)]
        self._draw.ellipse(box, fill=fill or self.base)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, round: float = 0, fill: RGB | None = None
    ) -> None:
        """Fill a rectangle with rounded corners."""
        xy = [v * self._k for v in (x0, y0, x1, y1)]
        self._draw.rounded_rectangle(xy, radius=round * self._k, fill=fill or self.base)

    def poly(self, points: Points, fill: RGB | None = None) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * self._k, y * self._k) for x, y in points], fill=fill or self.base)

    def blob(self, points: Points, fill: RGB | None = None) -> None:
        """Fill a smooth closed curve through the points (a Catmull–Rom spline)."""
        p = np.asarray(points, float)
        before, after, further = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
        curve = []
        for t in np.linspace(0, 1, 8, endpoint=False):
            a, b = (after - before) / 2, (further - p) / 2
            h = 2 * t**3 - 3 * t**2
            curve.append((1 + h) * p + (t**3 - 2 * t**2 + t) * a - h * after + (t**3 - t**2) * b)
        self.poly([tuple(q) for q in np.stack(curve, axis=1).reshape(-1, 2)], fill)

    def line(self, points: Points, width: float = 4, fill: RGB = INK) -> None:
        """Draw a line with round ends and joints."""
        xy = [(x * self._k, y * self._k) for x, y in points]
        self._draw.line(xy, fill=fill, width=max(1, round(width * self._k)), joint="curve")
        for x, y in (points[0], points[-1]):
            self.oval(x, y, width / 2, fill=fill)

    def arc(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        width: float = 4,
        fill: RGB = INK,
    ) -> None:
        """Draw part of an ellipse's rim; angles in degrees, clockwise from the right."""
        turn = np.radians(np.linspace(start, end, 24))
        self.line([(x + rx * cos(a), y + ry * sin(a)) for a in turn], width, fill)

    @contextmanager
    def inside(self, x: float, y: float, rx: float, ry: float | None = None) -> Iterator[None]:
        """Cut off whatever is drawn in this block at the rim of an ellipse."""
        under = self.sheet.copy()
        yield
        cut = Image.new("L", self.sheet.size, 0)
        ry = rx if ry is None else ry
        ImageDraw.Draw(cut).ellipse([v * self._k for v in (x - rx, y - ry, x + rx, y + ry)], fill=255)
        self.sheet.paste(Image.composite(self.sheet, under, cut))

    def eye(self, x: float, y: float, r: float) -> None:
        """Draw a round eye with a glint in it."""
        self.oval(x, y, r, fill=INK)
        self.oval(x + r * 0.3, y - r * 0.35, r * 0.38, fill=(255, 255, 255))


def _bell(p: Pen) -> None:
    p.oval(50, 13, 10, fill=p.dark)
    p.oval(50, 13, 4.5, fill=CREAM)
    p.oval(50, 86, 10, fill=p.dark)
    p.blob(
        [(50, 16), (66, 21), (74, 40), (78, 60), (93, 80), (50, 83), (7, 80), (22, 60), (26, 40), (34, 21)]
    )
    p.blob([(38, 26), (42, 28), (36, 44), (34, 62), (27, 64), (30, 42)], p.light)
    p.line([(25, 65), (75, 65)], 4, p.dark)
    p.box(6, 74, 94, 84, 5, p.light)


def _drum(p: Pen) -> None:
    p.box(8, 42, 92, 78, 0, p.base)
    p.oval(50, 78, 42, 17)
    for width, fill in ((8, p.dark), (4.5, CREAM)):
        p.line([(8, 48), (22, 86), (36, 60), (50, 92), (64, 60), (78, 86), (92, 48)], width, fill)
    p.oval(50, 42, 42, 18, p.dark)
    p.oval(50, 39, 42, 17, p.light)
    p.oval(50, 39, 35, 13, CREAM)
    p.line([(16, 8), (44, 38)], 6, (176, 112, 66))
    p.line([(84, 8), (58, 38)], 6, (176, 112, 66))
    p.oval(44, 38, 6, fill=GOLD)
    p.oval(58, 38, 6, fill=GOLD)


def _bird(p: Pen) -> None:
    p.blob([(30, 62), (4, 50), (2, 66), (14, 78), (34, 76)], p.dark)
    p.poly([(82, 40), (99, 47), (82, 54)], GOLD)
    p.blob([(24, 64), (44, 42), (58, 30), (74, 26), (86, 38), (84, 54), (74, 78), (50, 88), (30, 80)])
    p.blob([(58, 86), (76, 74), (82, 58), (70, 66), (56, 74), (44, 86)], p.light)
    p.blob([(58, 60), (48, 34), (24, 8), (16, 22), (22, 46), (36, 64), (50, 68)], p.dark)
    p.line([(28, 24), (46, 56)], 3, p.base)
    p.line([(24, 38), (40, 58)], 3, p.base)
    p.eye(74, 40, 5.5)


def _clock(p: Pen) -> None:
    p.line([(28, 80), (18, 95)], 9, p.dark)
    p.line([(72, 80), (82, 95)], 9, p.dark)
    p.line([(50, 22), (50, 8)], 6, INK)
    for x, tilt in ((26, -1), (74, 1)):
        p.line([(x, 22), (x - tilt * 4, 30)], 6, INK)
        p.blob([(x - 15, 24 - tilt * 7), (x + tilt * 4, 5), (x + 15, 24 + tilt * 7), (x, 22)], p.dark)
    p.oval(50, 58, 38)
    p.arc(50, 58, 34, 34, 150, 250, 4, p.light)
    p.oval(50, 58, 29, fill=CREAM)
    for hour in range(12):
        a = hour * pi / 6
        p.oval(50 + 23.5 * cos(a), 58 + 23.5 * sin(a), 3 if hour % 3 == 0 else 1.4, fill=INK)
    p.line([(50, 58), (50, 40)], 5)
    p.line([(50, 58), (63, 66)], 5)
    p.oval(50, 58, 4.5, fill=p.base)


def _rain_cloud(p: Pen) -> None:
    for x, y in ((26, 76), (50, 84), (74, 76)):
        p.blob([(x + 3, y - 14), (x + 7, y + 3), (x, y + 11), (x - 7, y + 3)], WATER)
    for x, y, r in ((22, 46, 20), (44, 34, 26), (70, 40, 22), (80, 50, 17)):
        p.oval(x, y, r, fill=p.base)
    p.box(6, 42, 96, 67, 12)
    for x, y, r in ((42, 27, 15), (70, 34, 10), (20, 42, 9)):
        p.oval(x, y, r, fill=p.light)
    p.oval(47, 33, 17, fill=p.base)
    p.oval(73, 39, 12, fill=p.base)
    p.oval(23, 46, 10, fill=p.base)
    p.box(14, 59, 88, 65, 3, p.dark)


def _siren(p: Pen) -> None:
    for a in (-155, -122, -90, -58, -25):
        c, s = cos(a * pi / 180), sin(a * pi / 180)
        p.line([(50 + 40 * c, 52 + 42 * s), (50 + 48 * c, 52 + 49 * s)], 7, BEAM)
    p.box(20, 46, 80, 84)
    p.oval(50, 47, 30)
    p.oval(50, 52, 21, fill=p.light)
    p.oval(50, 52, 13, fill=BEAM)
    p.oval(50, 52, 7, fill=(255, 255, 255))
    p.box(20, 68, 80, 73, 0, p.dark)
    p.arc(50, 48, 25, 26, 190, 235, 4, (255, 255, 255))
    p.box(10, 76, 90, 97, 5, (86, 88, 112))
    p.box(10, 76, 90, 83, 3, STEEL)


def _car(p: Pen) -> None:
    p.blob([(14, 56), (26, 30), (40, 24), (60, 24), (72, 32), (84, 56)], p.dark)
    p.poly([(23, 54), (32, 34), (47, 31), (47, 54)], (206, 234, 250))
    p.poly([(53, 54), (53, 31), (63, 33), (75, 54)], (206, 234, 250))
    p.box(3, 50, 97, 80, 12)
    p.box(8, 53, 78, 58, 2, p.light)
    p.line([(50, 58), (50, 76)], 2, p.dark)
    p.line([(55, 63), (62, 63)], 3, p.dark)
    p.oval(91, 60, 5, fill=BEAM)
    p.box(2, 72, 98, 80, 4, p.dark)
    for x in (26, 74):
        p.oval(x, 80, 15, fill=INK)
        p.oval(x, 80, 7, fill=STEEL)


def _bee(p: Pen) -> None:
    p.blob([(46, 46), (22, 30), (18, 8), (36, 6), (50, 24), (54, 46)], (222, 240, 252))
    p.blob([(54, 46), (50, 18), (66, 2), (78, 14), (72, 34), (60, 48)], (240, 249, 255))
    p.poly([(12, 54), (-1, 63), (13, 69)], INK)
    with p.inside(48, 62, 40, 26):
        p.box(0, 0, 100, 100)
        p.oval(44, 42, 40, 10, p.light)
        for x in (18, 38, 58):
            p.arc(x - 36, 62, 40, 42, -60, 60, 9)
    p.oval(80, 60, 18, fill=p.light)
    p.line([(80, 44), (83, 30), (90, 25)], 3.5)
    p.line([(88, 46), (94, 36), (99, 37)], 3.5)
    p.eye(84, 58, 5.5)
    p.arc(86, 65, 6, 5, 30, 130, 2.5)


def _whistle(p: Pen) -> None:
    p.arc(14, 44, 10, 10, 0, 360, 5, STEEL)
    p.box(36, 30, 98, 53, 4)
    p.box(82, 30, 98, 53, 4, p.dark)
    p.oval(44, 62, 33)
    p.box(40, 31, 80, 37, 3, p.light)
    p.arc(44, 62, 27, 27, 120, 200, 5, p.light)
    p.oval(45, 63, 16, fill=INK)
    p.oval(50, 68, 9, fill=GOLD)
    p.box(52, 26, 68, 38, 1, INK)
    for x in (44, 60, 76):
        p.line([(60 + (x - 60) * 0.7, 20), (60 + (x - 60) * 1.4, 6)], 4.5, CREAM)


def _ball(p: Pen) -> None:
    with p.inside(50, 52, 44):
        p.box(0, 0, 100, 100)
        for turn in (20, 140, 260):
            edges = []
            for a in (turn, turn + 60):  # each seam bends a little on its way to the rim
                ray = [(a + 24 * r) * pi / 180 for r in (0, 0.5, 1)]
                edges.append(
                    [
                        (44 + 62 * r * cos(t), 44 + 62 * r * sin(t))
                        for r, t in zip((0, 0.5, 1), ray, strict=True)
                    ]
                )
            p.poly([*edges[0], *edges[1][::-1]], CREAM)
            for edge in edges:
                p.line(edge, 2.5, p.dark)
        p.arc(46, 46, 50, 50, 10, 100, 9, p.dark)
    p.oval(44, 44, 8, fill=p.light)
    p.arc(50, 52, 37, 37, 190, 225, 5, (255, 255, 255))


def _frog(p: Pen) -> None:
    for s in (-1, 1):
        p.oval(50 + s * 33, 78, 16, 17, p.dark)
        p.oval(50 + s * 37, 92, 12, 5, p.dark)
    p.blob([(50, 34), (78, 40), (88, 60), (78, 88), (50, 94), (22, 88), (12, 60), (22, 40)])
    p.oval(50, 78, 26, 15, p.light)
    for s in (-1, 1):
        p.oval(50 + s * 24, 30, 17)
        p.oval(50 + s * 24, 29, 12, fill=(255, 255, 255))
        p.eye(50 + s * 22, 30, 7.5)
        p.oval(50 + s * 30, 57, 6, 4, ROSE)
        p.oval(50 + s * 17, 92, 10, 5)
    p.arc(50, 46, 22, 16, 20, 160, 4)


def _cat(p: Pen) -> None:
    p.arc(76, 76, 17, 16, -80, 90, 9, p.dark)
    p.blob([(50, 46), (68, 60), (76, 84), (68, 96), (32, 96), (24, 84), (32, 60)])
    p.oval(50, 80, 13, 16, p.light)
    for s in (-1, 1):
        p.poly([(50 + s * 32, 3), (50 + s * 34, 36), (50 + s * 8, 18)])
        p.poly([(50 + s * 28, 11), (50 + s * 29, 28), (50 + s * 15, 18)], ROSE)
        p.oval(50 + s * 11, 94, 9, 5, p.light)
    p.oval(50, 38, 35, 27)
    p.line([(50, 12), (50, 20)], 4, p.dark)
    p.line([(40, 14), (42, 20)], 4, p.dark)
    p.line([(60, 14), (58, 20)], 4, p.dark)
    p.oval(50, 50, 15, 10, p.light)
    for s in (-1, 1):
        p.eye(50 + s * 15, 36, 6)
        p.arc(50 + s * 5, 50, 5, 5, 10, 170, 2.5)
        p.line([(50 + s * 22, 47), (50 + s * 40, 43)], 2)
        p.line([(50 + s * 22, 52), (50 + s * 40, 54)], 2)
    p.poly([(45, 45), (55, 45), (50, 50)], ROSE)


_ALL = (_bell, _drum, _bird, _clock, _rain_cloud, _siren, _car, _bee, _whistle, _ball, _frog, _cat)
_DRAW: dict[str, Callable[[Pen], None]] = {f.__name__[1:].replace("_", " "): f for f in _ALL}


@lru_cache(maxsize=256)
def sprite(kind: str, colour: RGB, pixels: int = 128) -> Image.Image:
    """Draw one thing, shaded from the upper left and outlined: RGBA ``(pixels, pixels)`` with a clear margin."""
    pen = Pen(colour, 2 * pixels)
    _DRAW[kind](pen)
    margin = pixels // 14
    inner = pen.sheet.resize((pixels - 2 * margin,) * 2, Image.Resampling.BOX)
    sheet = Image.new("RGBA", (pixels, pixels), (0, 0, 0, 0))
    sheet.paste(inner, (margin, margin))
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
    out = Image.new("RGBA", sheet.size, mix(INK, colour, 0.12))
    out.putalpha(grown)
    out.alpha_composite(Image.fromarray(body))
    return out
