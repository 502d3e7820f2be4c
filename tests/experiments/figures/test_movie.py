import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from saddlescape.experiments.figures.interface import Movie
from saddlescape.experiments.figures.movie import Camera, Curtain, Nearest, encoder, hold_layout, palette, write_movie
from saddlescape.experiments.figures.style import BLUE, INK, VERMILION, styled

FRAMES, SECONDS = 6, 0.1
with_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None, reason="no ffmpeg here"
)


def movie(moving: bool = True, odd: bool = False) -> Movie:
    """Return a ball that rolls to the right, and a growing line under a curtain."""
    with styled(4.0125 if odd else 4.0, 3.0) as figure:
        axes = figure.subplots()
        axes.set_xlim(0.0, FRAMES)
        axes.set_ylim(0.0, 1.0)
        axes.axhspan(0.0, 0.2, color=VERMILION)
        (line,) = axes.plot([0.0, FRAMES], [0.5, 0.5], color=INK)
        (ball,) = axes.plot([], [], "o", color=BLUE, markersize=20)
        curtain = Curtain(axes, [line])
        hold_layout(figure)

    def update(k: int) -> None:
        ball.set_data([k + 0.5], [0.8])
        curtain.open_to(k + 0.5)

    return Movie(figure, FRAMES, update, SECONDS, (line, ball) if moving else ())


def frames_of(path: Path) -> list[Any]:
    found = []
    with Image.open(path) as image:
        for k in range(image.n_frames):
            image.seek(k)
            found.append(np.asarray(image.convert("RGB")).astype(int))
    return found


def test_a_gif_holds_every_frame_in_its_own_colours(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.gif"
    write_movie(movie(), path, "what made it", None)
    shown = frames_of(path)
    made = movie()
    made.figure.dpi = 80.0
    camera = Camera(made)
    assert len(shown) == FRAMES
    for k, image in enumerate(shown):
        true = camera(k).astype(int)
        assert image.shape == true.shape == (240, 320, 3)
        assert np.abs(image - true).max() <= 24
        assert np.mean(np.any(image != true, axis=2)) < 0.03
    # Flat colours are exact, and what does not move is the same in every frame.
    for colour in (VERMILION, BLUE):
        assert any(np.all(each == _rgb(colour), axis=2).any() for each in shown)
    still = np.all([image[200:] == shown[0][200:] for image in shown])
    assert still
    assert not np.array_equal(shown[0], shown[3])


def test_a_gif_says_how_long_what_and_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    write_movie(movie(), path, "saddlescape plot θ " + "x" * 400, 40.0)
    with Image.open(path) as image:
        assert image.size == (160, 120)
        assert image.info["loop"] == 0
        assert image.info["comment"].decode() == "saddlescape plot θ " + "x" * 400
        durations = []
        for k in range(image.n_frames):
            image.seek(k)
            durations.append(image.info["duration"])
    assert durations == [100] * (FRAMES - 1) + [2100]


def test_the_same_animation_is_the_same_bytes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in "ab":
        write_movie(movie(), tmp_path / f"{name}.gif", "about", 60.0)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "b.gif"]
    write_movie(movie(), tmp_path / "b.gif", "about something else", 60.0)
    assert (tmp_path / "a.gif").read_bytes() != (tmp_path / "b.gif").read_bytes()


def test_what_moves_drawn_over_the_rest_is_the_whole_figure() -> None:
    over, whole = Camera(movie()), Camera(movie(moving=False))
    for k in (3, 0, 5):
        # Frame and ticks lie below what moves here and above it there; nothing that moves comes near them.
        assert np.array_equal(over(k), whole(k))
    assert not np.array_equal(over(0), over(5))


def test_a_movie_comes_back_at_its_own_resolution(tmp_path: Path) -> None:
    made = movie()
    before = made.figure.dpi
    write_movie(made, tmp_path / "a.gif", "", 33.0)
    assert made.figure.dpi == before


def test_an_interrupted_animation_leaves_nothing(tmp_path: Path) -> None:
    made = movie()

    def update(k: int) -> None:
        made.update(k)
        if k == 4:
            raise KeyboardInterrupt

    for suffix in (".gif", *([".mp4"] if shutil.which("ffmpeg") else [])):
        with pytest.raises(KeyboardInterrupt):
            write_movie(made._replace(update=update), tmp_path / f"a{suffix}", "", 40.0)
    assert list(tmp_path.iterdir()) == []


def test_a_palette_keeps_what_is_common_and_the_nearest_colour_is_the_nearest() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (60, 60, 3), np.uint8)
    image[:20] = (0, 114, 178)
    image[20:30] = (255, 255, 255)
    colours = palette(iter([image]), 40, 10)
    assert len(colours) <= 40
    known = {tuple(colour) for colour in colours.tolist()}
    assert {(0, 114, 178), (255, 255, 255)} <= known
    place = Nearest(colours)(image)
    away = np.sum((image[:, :, None].astype(int) - colours.astype(int)) ** 2, axis=3)
    assert np.array_equal(np.take_along_axis(away, place[:, :, None].astype(int), 2)[:, :, 0], away.min(axis=2))
    few = np.zeros((4, 4, 3), np.uint8)
    few[0, 0] = 7
    assert palette(iter([few])).tolist() == [[0, 0, 0], [7, 7, 7]]


@with_ffmpeg
@pytest.mark.parametrize("odd", [False, True])
def test_an_mp4_has_every_frame_the_last_held_and_even_sizes(tmp_path: Path, odd: bool) -> None:
    path = tmp_path / "-a b.mp4"
    write_movie(movie(odd=odd), path, "saddlescape plot θ=1; 'x'", None)
    said = subprocess.run(
        [*["ffprobe", "-v", "error", "-show_streams", "-show_format", "-count_frames", "-of", "json"], f"file:{path}"],
        capture_output=True, check=True,
    )  # fmt: skip
    told = json.loads(said.stdout)
    (stream,) = told["streams"]
    assert (stream["width"], stream["height"]) == (322 if odd else 320, 240)
    assert stream["codec_name"] == "h264"
    assert stream["pix_fmt"] == "yuv420p"
    assert stream["color_space"] == "bt709"
    assert int(stream["nb_read_frames"]) == FRAMES + 20
    assert float(told["format"]["duration"]) == pytest.approx((FRAMES + 20) * SECONDS, abs=1e-3)
    assert told["format"]["tags"]["comment"] == "saddlescape plot θ=1; 'x'"
    # Ready to play before it is whole: the index comes before the pictures.
    raw = path.read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")
    assert [each.name for each in tmp_path.iterdir()] == ["-a b.mp4"]


@with_ffmpeg
def test_an_mp4_shows_the_frames_in_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_movie(movie(), path, "", None)
    raw = subprocess.run(
        [*["ffmpeg", "-v", "error", "-i"], str(path), *["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    shown = np.frombuffer(raw, np.uint8).reshape(-1, 240, 320, 3).astype(int)
    made = movie()
    made.figure.dpi = 80.0
    camera = Camera(made)
    for k in range(FRAMES):
        true = camera(k).astype(int)
        flat = np.all(true == _rgb(VERMILION), axis=2)
        assert flat.sum() > 1000
        assert np.abs(np.median(shown[k][flat], axis=0) - _rgb(VERMILION)).max() <= 6
        assert np.abs(shown[k] - true).mean() < 3.0
    assert np.abs(shown[-1] - shown[FRAMES - 1]).mean() < 0.5


def _fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(script: str) -> None:
        program = folder / "ffmpeg"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return write


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo noise >&2; echo \"Unknown encoder 'libx264'\" >&2; exit 1", "ffmpeg: Unknown encoder 'libx264'"),
        ("/bin/cat > /dev/null; exit 3", "ffmpeg: ended with code 3"),
    ],
)
def test_a_failing_ffmpeg_is_told_by_its_last_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    _fake(tmp_path, monkeypatch)(script)
    path = tmp_path / "out" / "a.mp4"
    with pytest.raises(OSError, match=said) as error:
        write_movie(movie(), path, "", None)
    assert error.value.filename == str(path)
    assert list(path.parent.iterdir()) == []


def test_without_ffmpeg_a_gif_is_named_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="mp4 needs ffmpeg, which is not here; gif needs nothing"):
        encoder()
    with pytest.raises(ValueError, match="mp4 needs ffmpeg"):
        write_movie(movie(), tmp_path / "new" / "a.mp4", "", None)
    assert list(tmp_path.iterdir()) == []


def test_a_curtain_hides_what_is_still_to_come() -> None:
    camera = Camera(movie())
    row = slice(100, 140)
    ink = [int(np.all(camera(k)[row, 60:] < 128, axis=2).sum()) for k in range(FRAMES)]
    assert ink == sorted(ink)
    assert ink[0] < 0.3 * ink[-1]


def _rgb(colour: str) -> Any:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
