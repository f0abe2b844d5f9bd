"""Let the things sound: one voice for each kind, pitched by size, heard once for each thing that there is.

Nothing here looks at colour or time of day, so that no ear can tell them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ._things_plan import Beat

SAMPLE_RATE = 16_000  # Hz
_PITCH = {"small": 1.5, "medium": 1.0, "large": 1 / 1.5}  # a fifth up and a fifth down
_RMS, _PEAK = 0.2, 0.75  # loudness of the loudest 50 ms of an event, unless its peak would pass the second

Rng = np.random.Generator


def _wave(hertz: float, t: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * t)


def _phase(hertz: np.ndarray | float, t: np.ndarray) -> np.ndarray:
    """Add up a frequency that may glide: the phase in radians."""
    cycles = np.cumsum(np.broadcast_to(hertz, t.shape)) / SAMPLE_RATE
    return 2 * np.pi * (cycles % 1)


def _harmonics(phase: np.ndarray, *strengths: np.ndarray | float) -> np.ndarray:
    """Add up a tone and its overtones at 2, 3, … times its frequency."""
    return np.sum([a * np.sin(h * phase) for h, a in enumerate(strengths, start=1) if np.any(a)], axis=0)


def _struck(t: np.ndarray, *partials: tuple[float, float, float]) -> np.ndarray:
    """Add up tones that die away: (frequency in Hz, strength, seconds until a third is left)."""
    return np.sum([a * np.exp(-t / d) * _wave(f, t) for f, a, d in partials], axis=0)


def _hold(t: np.ndarray, attack: float = 0.01, release: float = 0.04) -> np.ndarray:
    """Fade in and out along half a cosine, so that nothing clicks."""
    return np.sin(np.pi / 2 * np.clip(np.minimum(t / attack, (t[-1] - t) / release), 0, 1)) ** 2


def _hiss(t: np.ndarray, rng: Rng, smooth: int = 1) -> np.ndarray:
    """White noise, dulled by a running mean over ``smooth`` samples."""
    total = np.concatenate([[0.0], np.cumsum(rng.standard_normal(len(t) + smooth - 1))])
    return (total[smooth:] - total[:-smooth]) / np.sqrt(smooth)


# In each voice, t is the time in seconds and p the pitch: 1 for a thing of medium size.
def _bell(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    f = 660 * p  # a bell's partials are not whole multiples: hum, prime, tierce, quint, nominal, …
    partials = ((0.5, 0.5, 0.35), (1, 1, 0.25), (1.19, 0.6, 0.2), (1.56, 0.4, 0.15), (2, 0.7, 0.14), (2.66, 0.4, 0.09), (3.76, 0.25, 0.05))  # fmt: skip
    return _struck(t, *((f * ratio, a, d) for ratio, a, d in partials))


def _drum(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    skin = np.sin(_phase(p * (95 + 110 * np.exp(-t / 0.025)), t)) * np.exp(-t / 0.08)  # it slackens: boom
    return skin + 0.25 * _hiss(t, rng, 3) * np.exp(-t / 0.025)


def _bird(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    glide = 2700 * p * (1.25 - 0.5 * t / t[-1] + 0.12 * _wave(28, t))
    return np.sin(_phase(glide, t)) * _hold(t, 0.02, 0.07)


def _clock(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    return _struck(t, (1150 * p, 1, 0.012), (2730 * p, 0.6, 0.006)) + 0.3 * _hiss(t, rng) * np.exp(-t / 0.002)


def _rain_cloud(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    band = _hiss(t, rng, 9) * _wave(2200 * p, t)  # dull noise, moved up to where drops patter
    return band * (0.35 + np.abs(_hiss(t, rng, 160))) * _hold(t, 0.012, 0.12)


def _siren(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    glide = 720 * p * 2 ** (0.75 * np.sin(np.pi * t / t[-1]))  # up nine semitones and down again
    return _harmonics(_phase(glide, t), 1, 0, 0.33) * _hold(t, 0.015, 0.03)


def _car(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    horns = [_harmonics(_phase(390 * p * third, t), 1, 0.5, 0.33, 0.25, 0.2) for third in (1, 1.26)]
    return (horns[0] + horns[1]) * _hold(t, 0.008, 0.03)


def _bee(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    phase = _phase(205 * p * (1 + 0.05 * np.sin(2 * np.pi * 13 * t + rng.uniform(0, 6))), t)
    wings = _harmonics(phase, *(h**-0.7 for h in range(1, 13)))
    return wings * (1 + 0.3 * _wave(27, t)) * _hold(t, 0.03, 0.05)


def _whistle(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    pea = _wave(38, t)  # the pea flutters, breath hisses past it
    tone = np.sin(_phase(2300 * p * (1 + 0.025 * pea), t)) * (1 + 0.45 * pea)
    return (tone + 0.12 * _hiss(t, rng)) * _hold(t, 0.012, 0.03)


def _ball(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    thud = np.sin(_phase(p * (150 + 60 * np.exp(-t / 0.01)), t)) * np.exp(-t / 0.03)
    return thud + _struck(t, (540 * p, 0.35, 0.045)) + 0.15 * _hiss(t, rng, 6) * np.exp(-t / 0.006)


def _frog(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    throat = _harmonics(_phase(310 * p * (1 + 0.35 * (t > 0.09)), t), 1, 0.9, 0.7, 0, 0.3)  # rib … bit
    return throat * (0.5 - 0.5 * np.cos(2 * np.pi * 52 * t)) ** 1.5 * _hold(t, 0.01, 0.03)


def _cat(t: np.ndarray, p: float, rng: Rng) -> np.ndarray:
    along, f = t / t[-1], 560 * p
    mouth = p**0.8 * (900 + 1500 * np.sin(np.pi * along**0.8))  # its resonance in Hz opens and closes: me-ow
    strengths = [np.exp(-(((h * f - mouth) / 650) ** 2)) + 0.3 * (h == 1) for h in range(1, 8)]
    return _harmonics(_phase(f * (0.9 + 0.3 * np.sin(np.pi * along**0.7)), t), *strengths) * _hold(
        t, 0.035, 0.09
    )


# How long it sounds, in seconds, and how.
_VOICES: dict[str, tuple[float, Callable[[np.ndarray, float, Rng], np.ndarray]]] = {
    "bell": (0.6, _bell),
    "drum": (0.3, _drum),
    "bird": (0.15, _bird),
    "clock": (0.09, _clock),
    "rain cloud": (0.19, _rain_cloud),
    "siren": (0.19, _siren),
    "car": (0.18, _car),
    "bee": (0.19, _bee),
    "whistle": (0.19, _whistle),
    "ball": (0.16, _ball),
    "frog": (0.19, _frog),
    "cat": (0.2, _cat),
}


def voice(kind: str, size: str, rng: Rng) -> np.ndarray:
    """Return one event, float64 ``(samples,)``, as loud as any other: chance moves its pitch by ±4 %."""
    seconds, sing = _VOICES[kind]
    # Float64 up to the last line of perform: rounding then hides what sin and exp do differently on other processors.
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = sing(t, _PITCH[size] * rng.uniform(0.96, 1.04), rng)
    edge = np.arange(len(wave))
    wave = wave * np.clip(edge / 24, 0, 1) * np.clip(edge[::-1] / 160, 0, 1)  # 1.5 ms in, 10 ms out: no click
    power = np.concatenate([[0.0], np.cumsum(wave**2)])
    width = round(0.05 * SAMPLE_RATE)
    loudest = np.sqrt((power[width:] - power[:-width]).max() / width)
    return wave * min(_RMS / loudest, _PEAK / np.abs(wave).max())


def perform(kind: str, size: str, beats: list[Beat], seconds: float, rng: Rng) -> np.ndarray:
    """Return float32 ``(seconds · 16,000,)``: one event of this voice at each beat, in a quiet room."""
    n = round(seconds * SAMPLE_RATE)
    out = np.zeros(n)
    for beat in beats:
        start = round(beat.at * n)
        event = beat.loud * voice(kind, size, rng)[: n - start]
        out[start : start + len(event)] += event
    out[-160:] *= np.linspace(1, 0, 160)  # a bell may ring on past the end
    out += 0.0012 * rng.standard_normal(n)
    return out.clip(-1, 1).astype(np.float32)
