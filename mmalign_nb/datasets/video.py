"""A video file of the reader's own, as frames and sound; needs the package ``av`` of the extra ``video``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._check import as_count, as_number, need
from .._files import as_path

__all__ = ["Video", "read_video"]

# Containers that hold what they play. Playlists are not among them: they name other files, and addresses.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,gif"
_MOST_BYTES, _MOST_PIXELS = 2**30, 2**26  # of all frames, and of one


class Video(NamedTuple):
    """A film: ``frames`` uint8 (T, H, W, 3) at ``fps``, ``audio`` float32 (samples,) in [-1, 1] or None, ``notes`` in words.

    Frame t is what is on the screen at ``t / fps`` s, and sample s is heard at ``s / sample_rate`` s. ``notes`` say what the
    file has or lacks: no sound, frames at uneven times, turned by how much, cut at how many seconds.
    """

    frames: np.ndarray
    fps: float
    audio: np.ndarray | None
    sample_rate: int
    notes: tuple[str, ...]


def read_video(
    path: str | Path,
    *,
    fps: float | None = None,
    size: int | None = 224,
    max_seconds: float = 60.0,
    sample_rate: int = 16_000,
) -> Video:
    """Read frames and sound of a video file (MP4, MOV, MKV, WebM, AVI, …) on one clock.

    Frames are taken by their time stamps, so that a variable frame rate becomes an even one; a phone's rotation is
    applied; the channels of the sound are mixed into one. The file is decoded as a stream: only what is returned is kept.

    Parameters
    ----------
    path : str or Path
    fps : float, optional
        Frames per second to return. None: the file's own average.
    size : int or None, default 224
        The longer side is shrunk to so many pixels, never enlarged. None: as it is.
    max_seconds : float, default 60
        Where to stop, in seconds after the first frame.
    sample_rate : int, default 16,000
        Of the sound to return, in Hz.

    Returns
    -------
    Video
        ``audio`` is as long as the film, silent where the file has no sound, and None where it has no audio track.

    Raises
    ------
    ImportError
        Without the package of the extra ``video``; it says how to install it.
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If the file is no video, has no picture, is damaged or breaks off before ``max_seconds``; if the film would take more than
        1 GiB, or one of its frames has more than 67 million pixels; or for an argument that makes no sense. The message names the file.

    References
    ----------
    PyAV, the Python binding of FFmpeg's libraries, https://pyav.basswood-io.com (decoding); ISO/IEC 14496-12, *ISO base media file
    format* (time stamps, the matrix that rotates the picture).

    Notes
    -----
    Only the first picture track and the first sound track are read. Pass ``video.frames[None]`` and ``video.audio[None]`` to the
    features, which take several films at once.

    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> from mmalign_nb.datasets import read_video
    >>> film = read_video("holiday.mp4", fps=12, size=64)  # doctest: +SKIP
    >>> film.frames.shape, film.notes  # doctest: +SKIP
    ((144, 36, 64, 3), ('no audio track',))
    """
    path = as_path(path)
    rate = (
        None
        if fps is None
        else as_number(fps, "fps", 0, 1000, above=True, what="frames per second, a number")
    )
    longest = as_count(size, "size", 1, none=True)
    seconds = as_number(max_seconds, "max_seconds", 0, above=True, what="seconds, a number")
    hertz = as_count(sample_rate, "sample_rate", 64, 384_000)
    av = need("av", "read_video", "video")
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}; there is no such file")
    picture: _Picture | None = None
    sound: _Sound | None = None
    try:
        # "file" alone: nothing that is written in a file makes it open an address
        options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
        with av.open(str(path.resolve()), options=options) as container:
            if not container.streams.video:
                raise ValueError(f"{path} has no picture track; for sound alone there is soundfile.read")
            film = container.streams.video[0]
            film.codec_context.options = {
                "max_pixels": str(_MOST_PIXELS)
            }  # before memory is taken for a frame
            tracks = [film, *container.streams.audio[:1]]
            picture = _Picture(path, film, rate, longest, seconds)
            if container.duration:  # Matroska says it for the whole film, not for each track
                picture.length = picture.claims or container.duration / av.time_base
            sound = _Sound(hertz) if len(tracks) > 1 else None
            for packet in container.demux(tracks):
                if packet.stream is not film and sound is not None:
                    sound.add(packet.decode())
                elif not picture.full:
                    for frame in packet.decode():
                        picture.add(frame)
                elif packet.dts is None or packet.dts * packet.time_base > picture.start + seconds + 5:
                    break  # long past what is wanted, whatever the sound does
                if picture.full and (sound is None or sound.reached >= picture.start + seconds):
                    break
            frames = picture.finish()
            heard = None if sound is None else sound.finish(picture.start, len(frames) / picture.fps)
    except av.FFmpegError as err:
        part = picture.reached if picture is not None else 0.0
        until = f" after {part:.2f} s; max_seconds={part:.2f} takes what is before" if part else ""
        raise ValueError(f"{path} cannot be read as a video{until} ({err.strerror})") from err
    notes = picture.notes() if sound is not None else [*picture.notes(), "no audio track"]
    return Video(frames, picture.fps, heard, hertz, tuple(notes))


class _Picture:
    """Frames on an even clock, from frames with time stamps: what is on the screen at t / fps."""

    def __init__(
        self, path: Path, track: Any, fps: float | None, longest: int | None, seconds: float
    ) -> None:
        self.path, self.longest, self.seconds = path, longest, seconds
        self.fps = fps or float(track.average_rate or track.guessed_rate or 25)
        self.claims = float(track.duration * track.time_base) if track.duration else 0.0
        self.square = float(track.sample_aspect_ratio or 1)  # width of a pixel by its height
        self.most = max(1, round(seconds * self.fps))
        self.frames: list[np.ndarray] = []
        self.steps: set[float] = set()
        self.start, self.reached, self.length, self.damaged = 0.0, 0.0, self.claims, 0
        self.last: Any = None
        self.pixels: np.ndarray | None = None  # of the last frame, once they are wanted

    @property
    def full(self) -> bool:
        return len(self.frames) >= self.most

    def add(self, frame: Any) -> None:
        """Take the next frame: until it comes, the last one stays on the screen."""
        if self.full or frame.time is None:
            return
        if self.last is None:
            self.start = frame.time
        else:
            self.steps.add(round(frame.time - self.start - self.reached, 3))
            self._show(frame.time - self.start)
        self.last, self.pixels, self.reached = frame, None, frame.time - self.start
        self.damaged += bool(frame.is_corrupt)

    def finish(self) -> np.ndarray:
        """Return all frames, the last one shown as long as it says; or say that more was promised."""
        if self.last is None:
            raise ValueError(f"{self.path} has no frame that can be decoded; is the file whole?")
        if not self.full:
            shown = float(self.last.duration * self.last.time_base) if self.last.duration else 0.0
            end = self.reached + (shown or 1 / self.fps)
            if end < min(self.claims, self.seconds) - max(0.5, 2 / self.fps):
                raise ValueError(
                    f"{self.path} breaks off after {end:.2f} of {self.claims:.2f} s; "
                    f"max_seconds={self.reached:.2f} takes what is there"
                )
            self._show(end)
        return np.stack(self.frames)

    def notes(self) -> list[str]:
        """Say what was found and done."""
        out = []
        if turned := _quarters(self.last):
            out.append(f"turned by {90 * turned}° counterclockwise")
        if self.steps and max(self.steps) - min(self.steps) > 0.003:  # stamps are rounded to ticks
            out.append(f"variable frame rate, made even at {self.fps:g} frames per second")
        if self.damaged:
            out.append(f"{self.damaged} frames are damaged")
        if self.full and self.length > self.seconds + 1 / self.fps:
            out.append(f"cut at {self.seconds:g} of {self.length:g} s")
        return out

    def _show(self, until: float) -> None:
        """Keep the last frame for each tick of the even clock before ``until``."""
        while not self.full and len(self.frames) / self.fps < until - 1e-4:
            if self.pixels is None:
                self.pixels = self._upright()
            if (len(self.frames) + 1) * self.pixels.nbytes > _MOST_BYTES:
                high, wide = self.pixels.shape[:2]
                raise ValueError(
                    f"{self.path} takes more than {_MOST_BYTES / 2**30:g} GiB as frames of {wide} × {high} pixels; "
                    "reduce size, fps or max_seconds"
                )
            self.frames.append(self.pixels)

    def _upright(self) -> np.ndarray:
        """Return the last frame as uint8 (H, W, 3): shrunk, with square pixels, turned as it is to be seen."""
        wide, high = self.last.width * self.square, self.last.height
        shrink = min(1.0, (self.longest or np.inf) / max(wide, high))
        to = {"width": max(1, round(wide * shrink)), "height": max(1, round(high * shrink))}
        pixels = self.last.to_ndarray(format="rgb24", interpolation="AREA", **to)
        return np.ascontiguousarray(np.rot90(pixels, _quarters(self.last)))


def _quarters(frame: Any) -> int:
    """Return by how many quarter turns, counterclockwise, a frame is to be seen."""
    return round(frame.rotation / 90) % 4


class _Sound:
    """Sound of one channel at an even rate, each piece at its time stamp."""

    def __init__(self, hertz: int) -> None:
        import av

        self.hertz, self.reached = hertz, 0.0
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=hertz)
        self._pieces: list[tuple[float, np.ndarray]] = []

    def add(self, frames: list[Any]) -> None:
        """Take the next pieces."""
        for frame in frames:
            self._keep(self._resampler.resample(frame))

    def finish(self, start: float, seconds: float) -> np.ndarray:
        """Return the sound from ``start`` on, ``seconds`` long, silent where there is none."""
        self._keep(self._resampler.resample(None))
        out = np.zeros(round(seconds * self.hertz), np.float32)
        for time, piece in self._pieces:
            at = round((time - start) * self.hertz)
            piece = piece[max(0, -at) : max(0, len(out) - at)]
            out[max(0, at) : max(0, at) + len(piece)] = piece
        return out.clip(-1, 1)  # a decoder may overshoot

    def _keep(self, frames: list[Any]) -> None:
        for frame in frames:
            time = self.reached if frame.pts is None else float(frame.pts * frame.time_base)
            piece = frame.to_ndarray()[0]
            self._pieces.append((time, piece))
            self.reached = time + len(piece) / self.hertz
