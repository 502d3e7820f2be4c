import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not here")

from saddlescape.experiments.report.gather import gather  # noqa: E402
from saddlescape.experiments.report.interface import Made, Section, Table  # noqa: E402
from saddlescape.experiments.report.page import Entry, Report, page, rendered  # noqa: E402

from .folders import fill  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

VALUES = (1.5e-12, float("inf"), -3.0, None, 2.0e5, 0.25, 100)
WIDTHS = (360, 768, 1280, 1700)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(folder, contradicted=True)
    path = folder / "report.html"
    path.write_text(page(gather(folder, "Some results")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one table of numbers of every kind."""
    rows = [(f"row {k}", value) for k, value in enumerate(VALUES)]
    table = Table("Numbers", ("name", "value"), rows)
    section = Section("Numbers", "Sorted?", (), (table,), Made("", "1"), "numbers.json")
    path = tmp_path_factory.mktemp("numbers") / "numbers.html"
    text = page(Report("Numbers", (Entry("numbers", section, rendered(section, "numbers")),), (), 0))
    path.write_text(text, encoding="utf-8")
    return path


class Opened:
    """A page opened from disk, with all that it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()

    def column(self, place: int = 0) -> list[str]:
        return list(
            self.page.locator(f"main > section:last-child tbody tr > :nth-child({place + 1})").all_inner_texts()
        )

    def colour(self, selector: str, name: str = "background-color") -> str:
        return str(self.page.eval_on_selector(selector, f"node => getComputedStyle(node)['{name}']"))

    def shown(self, selector: str) -> bool:
        return bool(self.page.locator(selector).first.is_visible())


def test_nothing_leaves_the_page_and_nothing_is_complained_of(browser: Any, report: Path) -> None:
    with Opened(browser, report) as opened:
        opened.page.wait_for_load_state("networkidle")
        assert opened.requests[0].startswith("file:///")
        assert len([url for url in opened.requests if url.startswith("file:")]) == 1
        assert all(url.startswith(("file:", "data:")) for url in opened.requests)
        opened.page.locator("#scheme").click()
        opened.page.locator("th button").first.click()
        assert opened.complaints == []


def test_the_policy_stops_what_would_leave_or_run(browser: Any, report: Path) -> None:
    # A negative control: the same listeners do see what is tried.
    with Opened(browser, report) as opened:
        tried = "fetch('http://127.0.0.1:9/x').then(() => 'left', () => 'stopped')"
        assert opened.page.evaluate(tried) == "stopped"
        opened.page.evaluate(
            "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
            "document.body.append(script);"
        )
        assert opened.page.evaluate("window.ran") is None
        assert any("Content Security Policy" in text for text in opened.complaints)


def test_every_image_is_there(browser: Any, report: Path) -> None:
    with Opened(browser, report) as opened:
        widths = opened.page.eval_on_selector_all("img", "nodes => nodes.map(node => node.naturalWidth)")
        assert len(widths) >= 8
        assert all(width > 0 for width in widths)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_as_wide_as_the_window(browser: Any, report: Path, width: int) -> None:
    with Opened(browser, report, viewport={"width": width, "height": 800}) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width
        assert opened.page.evaluate("document.body.scrollWidth") <= width
        tables = opened.page.eval_on_selector_all(
            ".scroll",
            "nodes => nodes.map(node => [node.scrollWidth > node.clientWidth, getComputedStyle(node).overflowX])",
        )
        assert all(overflow == "auto" for _, overflow in tables)
        if width == 360:
            assert any(wider for wider, _ in tables)  # a control: something there is to scroll


@pytest.mark.parametrize("how", ["click", "Enter", "Space"])
def test_numbers_are_sorted_as_numbers(browser: Any, numbers: Path, how: str) -> None:
    with Opened(browser, numbers) as opened:
        heading = opened.page.locator("thead th").nth(1)
        button = heading.locator("button")

        def press() -> None:
            if how == "click":
                button.click()
            else:
                button.focus()
                opened.page.keyboard.press(how)

        before = opened.column()
        assert before == [f"row {k}" for k in range(len(VALUES))]
        assert heading.get_attribute("aria-sort") == "none"
        press()
        assert heading.get_attribute("aria-sort") == "ascending"
        assert opened.column() == ["row 2", "row 0", "row 5", "row 6", "row 4", "row 1", "row 3"]
        press()
        assert heading.get_attribute("aria-sort") == "descending"
        # What has no value comes last either way.
        assert opened.column() == ["row 1", "row 4", "row 6", "row 5", "row 0", "row 2", "row 3"]
        assert opened.column(1)[0] == "∞"
        press()
        assert heading.get_attribute("aria-sort") == "none"
        assert opened.column() == before


def test_only_one_column_is_sorted_at_a_time(browser: Any, numbers: Path) -> None:
    with Opened(browser, numbers) as opened:
        buttons = opened.page.locator("th button")
        buttons.nth(1).click()
        buttons.nth(0).click()
        states = opened.page.eval_on_selector_all(
            "thead th", "nodes => nodes.map(node => node.getAttribute('aria-sort'))"
        )
        assert states == ["ascending", "none"]


def test_without_script_it_is_a_plain_page(browser: Any, report: Path) -> None:
    with Opened(browser, report, java_script_enabled=False) as opened:
        assert opened.page.locator("th button").count() == 0
        assert not opened.shown("#scheme")
        assert opened.shown("table")
        assert opened.shown("figure img.for-light")


def test_the_scheme_follows_the_system_and_the_button(browser: Any, report: Path) -> None:
    white, dark = "rgb(255, 255, 255)", "rgb(23, 26, 31)"
    for scheme, first, second in (("light", white, dark), ("dark", dark, white)):
        with Opened(browser, report, color_scheme=scheme) as opened:
            assert opened.colour("body") == first
            assert opened.shown("figure img.for-light") is (scheme == "light")
            assert opened.shown("figure img.for-dark") is (scheme == "dark")
            opened.page.locator("#scheme").focus()
            opened.page.keyboard.press("Enter")
            assert opened.colour("body") == second
            assert opened.shown("figure img.for-dark") is (scheme == "light")
            assert opened.page.locator("#scheme").inner_text() == ("Light page" if scheme == "light" else "Dark page")
            opened.page.locator("#scheme").click()
            assert opened.colour("body") == first


def test_paper_is_white_whatever_the_screen(browser: Any, report: Path) -> None:
    with Opened(browser, report, color_scheme="dark") as opened:
        opened.page.locator("#scheme").click()
        opened.page.locator("#scheme").click()
        opened.page.emulate_media(media="print", color_scheme="dark")
        assert opened.colour("body") == "rgb(255, 255, 255)"
        assert opened.colour("body", "color") == "rgb(0, 0, 0)"
        assert opened.shown("figure img.for-light")
        assert not opened.shown("figure img.for-dark")
        assert not opened.shown("nav")
        assert not opened.shown("#scheme")


def test_the_keyboard_reaches_the_content_first(browser: Any, report: Path) -> None:
    with Opened(browser, report) as opened:
        opened.page.keyboard.press("Tab")
        assert opened.page.evaluate("document.activeElement.className") == "skip"
        assert opened.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        opened.page.keyboard.press("Enter")
        assert opened.page.evaluate("document.activeElement.id") == "content"
        opened.page.locator("#scheme").focus()
        opened.page.keyboard.press("Shift+Tab")
        opened.page.keyboard.press("Tab")
        assert opened.colour("#scheme", "outline-style") == "solid"


def test_formulas_are_typeset(browser: Any, report: Path) -> None:
    with Opened(browser, report) as opened:
        sizes = opened.page.eval_on_selector_all(
            "math[display=block]", "nodes => nodes.map(node => node.getBoundingClientRect().height)"
        )
        assert sizes
        # A fraction is higher than a line of text: the browser laid it out in two dimensions.
        line = opened.page.eval_on_selector("math:not([display])", "node => node.getBoundingClientRect().height")
        assert all(height > 1.5 * line for height in sizes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_screenshots_of_the_top_are_drawn(
    browser: Any, report: Path, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    from matplotlib.image import imread

    path = tmp_path / "shot.png"
    with Opened(browser, report, viewport={"width": width, "height": height}, color_scheme=scheme) as opened:
        opened.page.screenshot(path=str(path))
    seen = imread(path)
    assert seen.shape[:2] == (height, width)
    assert bool(seen[..., :3].mean() > 0.5) is (scheme == "light")
    assert seen[..., :3].std() > 0.05
