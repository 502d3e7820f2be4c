"""Figures as images that a page carries: drawn once, in the colours of a light and of a dark page."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..figures.style import rendered

LARGEST_DRAWING = 500_000
"""Characters of an SVG file; a larger one goes as dots."""
LARGEST_MOVIE = 6_000_000
"""Bytes of an animation that a page carries."""
DPI = 110.0
DARK_PAPER, DARK_INK = (0x17, 0x1A, 0x1F), (0xEA, 0xEA, 0xE6)
"""What white and black become on a dark page; style.css has the same."""
GREYISH = 24
"""Largest difference of red, green and blue in a grey, the pale shades of landscapes among them."""
LEAST_CONTRAST = 3.0
"""Of a colour with its paper, as WCAG 2 has it for graphics."""

_PATH = re.compile(r'(?<= d=")[^"]*')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_COLOUR = re.compile(r"(?<=: )#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})\b")
_HEAD = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>\s*", re.DOTALL)


def images(figure: Any) -> dict[str, str]:
    """Return data addresses of a figure: "light" and "dark", or "paper" alone where it stays on white.

    That is so where it is too large and goes as dots, and where a part of it is dots, which cannot change colour.
    """
    drawing = compact(rendered(figure, ".svg").decode())
    if len(drawing) > LARGEST_DRAWING:
        return {"paper": address(rendered(figure, ".png", dpi=DPI), "image/png")}
    if "<image" in drawing:
        return {"paper": _text(drawing)}
    return {"light": _text(drawing), "dark": _text(dark(drawing))}


def address(raw: bytes, kind: str) -> str:
    """Return bytes as a data address."""
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def movie_address(path: Path) -> str:
    """Return an animation as a data address, or "" where it is missing, no GIF, or too large."""
    if not path.is_file() or path.stat().st_size > LARGEST_MOVIE:
        return ""
    raw = path.read_bytes()
    return address(raw, "image/gif") if raw[:6] in (b"GIF87a", b"GIF89a") else ""


def compact(drawing: str) -> str:
    """Return an SVG file without its head and its notes, coordinates to a hundredth of a point."""
    short = _PATH.sub(lambda found: _DECIMALS.sub(r"\1", " ".join(found[0].split())), _HEAD.sub("", drawing))
    return re.sub(r">\s+<", "><", short).strip()


def dark(drawing: str) -> str:
    """Return a drawing for a dark page.

    Greys from white to black become greys from its paper to its ink; other colours stay, made lighter where they would
    not stand out.
    """
    # Matplotlib leaves out black, the colour of what has none.
    return _COLOUR.sub(_turned, drawing).replace("<svg ", f'<svg fill="{_hex(DARK_INK)}" ', 1)


def _turned(found: re.Match[str]) -> str:
    colour = tuple(int(part, 16) for part in found.groups())
    if max(colour) - min(colour) <= GREYISH:
        return _hex(_mixed(DARK_INK, DARK_PAPER, sum(colour) / 765.0))
    steps = (_mixed(colour, DARK_INK, k / 20.0) for k in range(21))
    return _hex(next(each for each in steps if contrast(each, DARK_PAPER) >= LEAST_CONTRAST))


def contrast(a: Sequence[int], b: Sequence[int]) -> float:
    """Return the contrast ratio of two colours (WCAG 2)."""
    bright, dim = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: Sequence[int]) -> float:
    linear = [(part / 3294.6) if part <= 10 else ((part / 255.0 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mixed(a: Sequence[int], b: Sequence[int], share: float) -> list[int]:
    """Return a colour on the way from a to b."""
    return [round(x + share * (y - x)) for x, y in zip(a, b, strict=True)]


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


def _text(drawing: str) -> str:
    single = drawing if "'" in drawing else drawing.replace('"', "'")
    return "data:image/svg+xml," + quote(single, safe=" '/:;,=()[]{}!?*+-._~@$|^\\`")
