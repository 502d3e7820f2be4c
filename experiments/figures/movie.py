"""How an animation is written: GIF by Pillow, MP4 by ffmpeg. The same data gives the same bytes of a GIF."""

import errno
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox, TransformedBbox
from PIL import Image

from ..record import atomic
from .interface import Movie
from .style import STYLE

Pixels = npt.NDArray[np.uint8]

DPI = 80.0
ROOM = 0.1
"""Beside each panel, in inches."""
HELD = 2.0
"""Seconds that the last frame stands longer than the others."""
SAMPLES = 12
"""Frames whose colours make the palette of a GIF."""
COLOURS, EXACT = 255, 64
"""Colours of a GIF, and how many of these are the commonest as they are; one more place stands for "as before"."""


def encoder() -> str:
    """Return where ffmpeg is.

    Raises
    ------
    ValueError
        Where it is not.
    """
    from shutil import which

    found = which("ffmpeg")
    if found is None:
        raise ValueError("mp4 needs ffmpeg, which is not here; gif needs nothing")
    return found


def roomy(figure: Figure) -> None:
    """Leave more room between panels: at few dots per inch letters are wider than they should be."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(w_pad=ROOM)


def hold_layout(figure: Figure) -> None:
    """Lay a figure out once, so that nothing that is written on it later moves the rest."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


class Curtain:
    """Hides artists of some axes from an x on, which moves to the right as time goes on.

    Parameters
    ----------
    axes
        The axes.
    artists
        What is hidden; it is drawn whole once, and never again.
    """

    def __init__(self, axes: Axes, artists: Iterable[Artist]) -> None:
        self.box = Bbox([[axes.get_xlim()[0], 0.0], [axes.get_xlim()[1], 1.0]])
        shown = TransformedBbox(self.box, axes.get_xaxis_transform())
        for artist in artists:
            artist.set_clip_box(shown)

    def open_to(self, x: float) -> None:
        """Show what is at x and before."""
        self.box.x1 = x


def write_movie(movie: Movie, path: Path, about: str, dpi: float | None) -> None:
    """Write an animation; the suffix says how. The last frame stands longer than the others.

    Parameters
    ----------
    movie
        The animation.
    path
        A .gif or .mp4 file; its folder is made. It appears whole or not at all.
    about
        What the file carries as its comment.
    dpi
        Dots per inch; default 80.

    Raises
    ------
    ValueError
        Where ffmpeg is needed and not there.
    OSError
        Where the file cannot be written, or ffmpeg fails.
    """
    video = path.suffix.lower() == ".mp4"
    program = encoder() if video else ""
    before = movie.figure.dpi
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        movie.figure.dpi = dpi or DPI
        with mpl.rc_context(STYLE), atomic(path) as file:
            camera = Camera(movie)
            if video:
                _encode(program, camera, Path(file.name), path, about)
            else:
                _write_gif(camera, file, about)
    finally:
        movie.figure.dpi = before


class Camera:
    """Takes the frames of an animation.

    Parameters
    ----------
    movie
        The animation.
    """

    canvas: Any

    def __init__(self, movie: Movie) -> None:
        self.movie = movie
        self.canvas = FigureCanvasAgg(movie.figure)
        self.background: Any = None
        if movie.moving:
            for artist in movie.moving:
                artist.set_visible(False)
            self.canvas.draw()
            for artist in movie.moving:
                artist.set_visible(True)
            self.background = self.canvas.copy_from_bbox(movie.figure.bbox)

    def __call__(self, k: int) -> Pixels:
        """Return frame k as (height, width, 3), red, green and blue from 0 to 255."""
        self.movie.update(k)
        if self.background is None:
            self.canvas.draw()
        else:
            self.canvas.restore_region(self.background)
            for artist in self.movie.moving:
                self.movie.figure.draw_artist(artist)
        return np.ascontiguousarray(np.asarray(self.canvas.buffer_rgba())[:, :, :3])


def palette(images: Iterator[Pixels], size: int = COLOURS, exact: int = EXACT) -> Pixels:
    """Return at most so many colours for all of the images, (n, 3): the commonest as they are, then means of the rest.

    One palette for a whole animation keeps what does not move from flickering.
    """
    every = [np.unique(_codes(image), return_counts=True) for image in images]
    codes, place = np.unique(np.concatenate([each for each, _ in every]), return_inverse=True)
    counts = np.bincount(place, np.concatenate([count for _, count in every]))
    if len(codes) <= size:
        return _colours(codes)
    order = np.lexsort((codes, -counts))
    common, rest = codes[order[:exact]], np.sort(codes[order[exact:]])
    boxes = Image.fromarray(_colours(rest)[None]).quantize(size - exact, Image.Quantize.MEDIANCUT)
    means = np.array((boxes.getpalette() or [])[: 3 * (size - exact)], np.uint8).reshape(-1, 3)
    return _colours(np.unique(np.concatenate([common, _codes(means)])))


class Nearest:
    """The nearest colour of a palette, found once for each colour that occurs.

    Parameters
    ----------
    colours
        The palette, (n, 3), n below 256.
    """

    def __init__(self, colours: Pixels) -> None:
        self.colours = colours.astype(np.float64)
        self.known = np.full(1 << 24, 255, np.uint8)

    def __call__(self, image: Pixels) -> Pixels:
        """Return the number of the nearest colour at each pixel, (height, width)."""
        codes = _codes(image)
        new = np.unique(codes[self.known[codes] == 255])
        for some in np.array_split(new, 1 + len(new) // 4096):
            away = np.sum(self.colours**2, axis=1) - 2.0 * _colours(some).astype(np.float64) @ self.colours.T
            self.known[some] = np.argmin(away, axis=1)
        return self.known[codes]


def _write_gif(camera: Camera, file: IO[bytes], about: str) -> None:
    movie = camera.movie
    samples = np.unique(np.linspace(0, movie.frames - 1, SAMPLES).astype(int))
    colours = palette(camera(int(k)) for k in samples)
    same = len(colours)
    unused = next(code for code in range(1 << 24) if code not in set(_codes(colours).tolist()))
    table = bytes(np.concatenate([colours, _colours(np.array([unused]))]).ravel().tobytes())

    def images() -> Iterator[Image.Image]:
        nearest, before = Nearest(colours), None
        for k in range(movie.frames):
            now = nearest(camera(k))
            # What stays is one colour, which packs to next to nothing.
            shown = now if before is None else np.where(now == before, np.uint8(same), now)
            before = now
            image = Image.fromarray(shown)
            image.putpalette(table)
            yield image

    stands = max(round(100 * movie.seconds), 2) * 10
    rest = images()
    next(rest).save(
        file,
        format="GIF",
        save_all=True,
        append_images=rest,
        palette=table,
        optimize=False,
        transparency=same,
        disposal=1,
        duration=[stands] * (movie.frames - 1) + [stands + int(1000 * HELD)],
        loop=0,
        comment=about.encode(),
    )


def _encode(program: str, camera: Camera, part: Path, path: Path, about: str) -> None:
    """Pipe the frames to ffmpeg, which writes to part."""
    movie, first = camera.movie, camera(0)
    height, width = first.shape[:2]
    rate = 1 / Fraction(movie.seconds).limit_denominator(1000)
    known = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    command = [
        *(program, "-y", "-nostdin", "-loglevel", "error"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:0"),
        # Half the resolution of colour needs even sizes.
        *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"),
        *("-an", "-c:v", "libx264", "-preset", "medium", "-crf", "18", "-threads", "1", *known),
        # Neither the moment of writing nor the encoder's name goes into the file.
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-metadata", f"comment={about}"),
        *("-movflags", "+faststart", "-f", "mp4", f"file:{part.absolute()}"),
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        assert process.stdin is not None
        try:
            last = first
            for k in range(movie.frames):
                last = camera(k)
                process.stdin.write(last.tobytes())
            for _ in range(round(HELD / movie.seconds)):
                process.stdin.write(last.tobytes())
        except BrokenPipeError:
            pass  # it says why
        except BaseException:
            process.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            code = process.wait()
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    if code != 0:
        raise OSError(errno.EIO, f"ffmpeg: {lines[-1].strip() if lines else f'ended with code {code}'}", str(path))


def _codes(image: Any) -> npt.NDArray[np.int64]:
    """Return each colour (..., 3) as one number."""
    wide = np.asarray(image).astype(np.int64)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])


def _colours(codes: npt.NDArray[np.int64]) -> Pixels:
    """Return the colours (..., 3) of these numbers."""
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)
