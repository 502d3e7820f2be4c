"""The page of a gallery: a thumbnail of each figure in a folder, with what it shows and what made it."""

import json
from html import escape
from pathlib import Path
from typing import Any

from .. import __version__
from .figures import FIGURES
from .record import atomic

PAGE = "index.html"


def write_page(folder: Path) -> Path:
    """Write the page of all figures whose data lie in a folder, in the order of FIGURES, and return where."""
    cards = []
    for name in FIGURES:
        path = folder / f"{name}.json"
        if path.exists():
            told = json.loads(path.read_text(encoding="utf-8"))
            cards.append(_card(folder, name, told))
    text = Path(__file__).with_name("gallery.html").read_text(encoding="utf-8")
    page = text.replace("{{version}}", escape(__version__)).replace("{{cards}}", "\n".join(cards))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / PAGE) as file:
        file.write(page.encode())
    return folder / PAGE


def _card(folder: Path, name: str, told: dict[str, Any]) -> str:
    files = [suffix for suffix in ("gif", "mp4", "png", "pdf", "svg", "json") if (folder / f"{name}.{suffix}").exists()]
    links = " · ".join(f'<a href="{name}.{suffix}">{suffix}</a>' for suffix in files)
    shown = f"{name}.{files[0]}"
    return f"""<article id="{name}">
<a href="{shown}"><img src="thumbnails/{name}.png" alt="{escape(told["alt"])}" loading="lazy"></a>
<h2>{escape(told["title"])}</h2>
<p>{escape(told["caption"])}</p>
<p class="files">{links}</p>
<details><summary>what made it</summary><pre>{escape(told["command"])}</pre>
<p>data <code>{told["digest"][:16]}</code></p></details>
</article>"""
