"""Set the things into a landscape: a picture of them, and a film in which they hop when they sound."""

from __future__ import annotations

from functools import lru_cache
from math import exp
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from ._things_plan import COLOURS, Beat, Thing
from ._things_shapes import FLYING, RGB, mix, sprite, veiled

PIXELS = 64  # side of a picture
FPS, FRAMES = 12, 24  # 2 s of film
_DRAWN = {"small": 16.0, "medium": 22.0, "large": 29.0}  # side of one thing's sheet in the finished picture
_FINE = 4  # draw at four times the size, then shrink: that makes smooth edges
_SIDE = PIXELS * _FINE
# Things stand in a zigzag of two rows, so that even four large ones can be counted.
_COLUMNS = {1: (32,), 2: (18, 46), 3: (13, 32, 51), 4: (13, 26, 39, 52)}
_ROWS = {"sky": (16, 34), "ground": (33, 49)}  # heights of the far and the near row
_LEAP, _RISE = 8.0, 0.07  # a hop's height in pixels, and the seconds until it is reached


class _Mood(NamedTuple):
    sky: tuple[RGB, RGB, RGB]  # from the top down to the horizon
    light: RGB  # the sun's colour, or the moon's
    height: float  # where it stands, as a share of the picture's height
    hill: RGB
    grass: tuple[RGB, RGB]  # far and near


_MOODS = {
    "dawn": _Mood(
        sky=((122, 172, 220), (250, 202, 208), (255, 236, 182)),
        light=(255, 252, 220),
        height=0.56,
        hill=(156, 190, 172),
        grass=((190, 220, 136), (124, 178, 108)),
    ),
    "day": _Mood(
        sky=((58, 146, 230), (124, 196, 246), (206, 238, 252)),
        light=(255, 238, 110),
        height=0.14,
        hill=(98, 180, 124),
        grass=((150, 214, 98), (82, 166, 78)),
    ),
    "dusk": _Mood(
        sky=((84, 54, 134), (222, 92, 116), (255, 176, 88)),
        light=(255, 216, 112),
        height=0.5,
        hill=(124, 74, 116),
        grass=((142, 106, 88), (78, 66, 84)),
    ),
    "night": _Mood(
        sky=((12, 16, 50), (34, 44, 100), (72, 86, 150)),
        light=(250, 246, 216),
        height=0.16,
        hill=(36, 54, 98),
        grass=((50, 92, 98), (24, 48, 66)),
    ),
}


def _gradient(*stops: RGB) -> Image.Image:
    rows = np.linspace(0, len(stops) - 1, _SIDE)
    column = np.stack([np.interp(rows, range(len(stops)), c) for c in np.array(stops).T], axis=1)
    return Image.fromarray(np.repeat(column[:, None].round().astype(np.uint8), _SIDE, axis=1))


@lru_cache(maxsize=8)
def _sky_and_grass(time: str) -> tuple[Image.Image, Image.Image]:
    mood, horizon = _MOODS[time], round(0.66 * _SIDE)
    sky, grass = _gradient(*mood.sky).resize((_SIDE, horizon)), _gradient(*mood.grass)
    return sky.crop((0, 0, _SIDE, _SIDE)), grass.resize((_SIDE, _SIDE - round(0.6 * _SIDE)))


@lru_cache(maxsize=8)
def _sun_or_moon(time: str) -> Image.Image:
    """The sun with its glow, or a crescent, on a clear sheet."""
    side, night = _SIDE // 2, time == "night"
    y, x = np.mgrid[-1 : 1 : 1j * side, -1 : 1 : 1j * side]
    away = np.hypot(x, y)
    solid = np.clip((0.22 - away) * side / 3, 0, 1)
    if night:  # a disc less a shifted disc
        solid *= np.clip((np.hypot(x - 0.1, y + 0.06) - 0.18) * side / 3, 0, 1)
    glow = (0.35 if night else 0.6) * np.clip(1 - away, 0, 1) ** 2
    return veiled(_MOODS[time].light, Image.fromarray((255 * np.maximum(glow, solid)).astype(np.uint8)))


@lru_cache(maxsize=1)
def _cloud() -> Image.Image:
    veil = Image.new("L", (100, 52), 0)
    for box in ((8, 22, 44, 44), (26, 8, 66, 44), (54, 16, 92, 44)):
        ImageDraw.Draw(veil).ellipse(box, fill=130)
    return veiled((255, 255, 255), veil.filter(ImageFilter.GaussianBlur(2)))


@lru_cache(maxsize=128)
def _shadow(width: int) -> Image.Image:
    veil = Image.new("L", (width, max(width // 4, 4)), 0)
    ImageDraw.Draw(veil).ellipse((2, 1, veil.width - 3, veil.height - 2), fill=84)
    return veiled((20, 24, 50), veil)


def _landscape(time: str, rng: np.random.Generator) -> Image.Image:
    """An empty landscape: the time of day fixes its colours, chance its hills, clouds, stars and flowers."""
    mood, (sky, grass) = _MOODS[time], _sky_and_grass(time)
    scene = sky.copy()
    pen = ImageDraw.Draw(scene)
    if time == "night":
        glints = [mix(mood.sky[2], mood.light, share) for share in (0.45, 0.7, 1.0)]
        for x, y, r in (rng.random((30, 3)) * (_SIDE, 0.6 * _SIDE, 3)).tolist():
            size = 0.6 + 0.7 * r
            pen.ellipse((x - size, y - size, x + size, y + size), fill=glints[int(r)])
    light, x = _sun_or_moon(time), rng.uniform(0.12, 0.88) * _SIDE
    scene.paste(light, (round(x) - light.width // 2, round(mood.height * _SIDE) - light.height // 2), light)
    if time != "night":
        for x, y in rng.uniform((-0.2, 0.0), (0.9, 0.4), size=(2, 2)) * _SIDE:
            scene.paste(_cloud(), (round(x), round(y)), _cloud())
    at = np.linspace(0, 1, 25)
    waves, phase = rng.uniform(4, 9, size=2), rng.uniform(0, 6.28, size=2)
    far, near = (
        base - swing * np.sin(w * at + p)
        for base, swing, w, p in zip((0.59, 0.65), (0.05, 0.02), waves, phase, strict=True)
    )
    corners = [(_SIDE, _SIDE), (0, _SIDE)]
    pen.polygon([*zip(at * _SIDE, far * _SIDE, strict=True), *corners], fill=mood.hill)
    meadow = Image.new("1", (_SIDE, _SIDE))
    ImageDraw.Draw(meadow).polygon([*zip(at * _SIDE, near * _SIDE, strict=True), *corners], fill=1)
    top = _SIDE - grass.height
    scene.paste(grass, (0, top), meadow.crop((0, top, _SIDE, _SIDE)))
    tuft, flower = mix(mood.grass[1], mood.grass[0], 0.15), mix(mood.grass[0], mood.light, 0.6)
    for k, (x, y) in enumerate((rng.uniform((0, 0.7), (1, 0.98), size=(14, 2)) * _SIDE).tolist()):
        if k < 5:
            pen.ellipse((x - 2.5, y - 2.5, x + 2.5, y + 2.5), fill=flower)
        else:
            pen.line((x - 3, y - 6, x, y, x + 3, y - 7), fill=tuft, width=2)
    return scene


class Scene:
    """One item's landscape with its things placed in it.

    Kind gives the shape, colour the paint, size the side, count how many, time the sky. Chance gives the rest:
    where they stand, how they tilt and which way they face, ±4 % in size, and the landscape.
    """

    def __init__(self, thing: Thing, rng: np.random.Generator) -> None:
        self._landscape = _landscape(thing.time, rng)
        side = _DRAWN[thing.size] * _FINE * rng.uniform(0.96, 1.04)
        calm = self._tilted(sprite(thing.kind, COLOURS[thing.colour]), round(side), rng.uniform(2, 9))
        faces = (calm, calm.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        flip = rng.random(thing.count) < 0.5
        self._grounded = thing.kind not in FLYING
        rows = _ROWS["ground" if self._grounded else "sky"]
        sink = (_DRAWN["large"] - _DRAWN[thing.size]) / 2 if self._grounded else 0.0  # small ones stand, too
        self._faces = [faces[int(f)] for f in flip]
        self._places = []  # centres, in fine pixels
        for k, column in enumerate(_COLUMNS[thing.count]):
            row, slack = (rows[k % 2], (1.6, 1.6)) if thing.count > 1 else (sum(rows) / 2, (12.0, 6.0))
            place = np.array([column, row + sink]) + rng.uniform(-1, 1, size=2) * slack
            x, y = np.clip(place * _FINE, 0.45 * side, _SIDE - 0.45 * side)
            self._places.append((float(x), float(y)))

    @staticmethod
    def _tilted(sheet: Image.Image, side: int, degrees: float) -> Image.Image:
        """Shrink and turn in one go."""
        k = sheet.width / side
        c, s = k * np.cos(np.radians(degrees)), k * np.sin(np.radians(degrees))
        mid = side / 2
        turn = (c, -s, sheet.width / 2 - (c - s) * mid, s, c, sheet.width / 2 - (s + c) * mid)
        return sheet.transform((side, side), Image.Transform.AFFINE, turn, Image.Resampling.BILINEAR)

    def picture(self) -> np.ndarray:
        """Return the scene at rest: uint8 ``(64, 64, 3)``."""
        return self._frame([0.0] * len(self._faces))

    def film(self, beats: list[Beat]) -> np.ndarray:
        """Return uint8 ``(24, 64, 64, 3)``: from the moment it sounds, a thing leaps and lights up, then settles.

        Frame ``j`` is on screen from ``j / 12`` to ``(j + 1) / 12`` s and shows the end of that time, so that the
        first frame in which a thing has moved is the one during which its sound begins. The louder, the higher.
        """
        still, out = self.picture(), []
        for j in range(FRAMES):
            heights = [0.0] * len(self._faces)
            for beat in beats:
                since = (j + 1 - beat.at * FRAMES) / FPS / _RISE
                if 0 < since < 8:
                    heights[beat.who] = beat.loud * since * exp(1 - since)
            out.append(self._frame(heights) if any(heights) else still)
        return np.stack(out)

    def _frame(self, heights: list[float]) -> np.ndarray:
        frame = self._landscape.copy()
        for k in sorted(range(len(heights)), key=lambda k: self._places[k][1]):  # the far row first
            face, (x, y), height = self._faces[k], self._places[k], heights[k]
            side = face.width
            if self._grounded:
                shadow = _shadow(side)
                frame.paste(shadow, (round(x - side / 2), round(y + 0.3 * side)), shadow)
            lit = ImageEnhance.Brightness(face).enhance(1 + 0.5 * height) if height > 0.02 else face
            at = (round(x - side / 2), round(y - side / 2 - height * _LEAP * _FINE))
            frame.paste(lit, at, face)
        return np.asarray(frame.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS, reducing_gap=2.0))
