"""How an animation is written."""

from pathlib import Path

from .interface import Movie


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


def write_movie(movie: Movie, path: Path, about: str, dpi: float | None) -> None:
    """Write an animation; the suffix says how."""
    raise NotImplementedError
