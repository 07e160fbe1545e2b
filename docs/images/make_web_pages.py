"""Make the screenshots of the web page, in Chromium, with a restored sample.

python docs/images/make_web_pages.py [FOLDER]

Needs Chromium and a Chinese font (Debian: chromium, fonts-wqy-microhei).
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from chromium import Page, browsing  # noqa: E402
from web_samples import restore, serving, set_fields  # noqa: E402

from ppgan_mpr.inference import InferenceOptions  # noqa: E402
from ppgan_mpr.web.app import create_app  # noqa: E402

SAMPLE = ROOT / "samples" / "Deraining" / "input" / "rocket.jpg"
MOST_BYTES = 150_000


@dataclass(frozen=True)
class View:
    """How the page is shown: its width and height in CSS pixels, scheme and language."""

    file: str
    width: int = 960
    height: int = 800
    scheme: str = "light"
    language: str = "en"
    scale: float = 1


VIEWS = (
    View("web_page.jpg"),
    View("web_page_dark.jpg", scheme="dark"),
    View("web_page_chinese.jpg", language="zh"),
    View("web_page_phone.jpg", width=375, height=740, scale=1.5),
)


def show(page: Page, view: View, address: str) -> None:
    """Open the page as a visitor with such a screen, and restore the sample."""
    page.command(
        "Emulation.setDeviceMetricsOverride",
        width=view.width, height=view.height, deviceScaleFactor=view.scale, mobile=view.scale > 1,
    )  # fmt: skip
    scheme = {"name": "prefers-color-scheme", "value": view.scheme}
    page.command("Emulation.setEmulatedMedia", features=[scheme])
    page.open(address)
    page.until("document.querySelectorAll('#task option').length")
    set_fields(page, language=view.language)
    restore(page, SAMPLE, task="auto", model="lite")
    page.until("document.querySelector('li.done') && after.clientWidth")
    page.evaluate("scrollTo(0, 0), document.activeElement.blur()")


def whole_page(page: Page, view: View) -> Image.Image:
    """A picture of the page from top to bottom."""
    height = page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": view.width, "height": height, "scale": 1}
    answer = page.command(
        "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
    )
    return Image.open(io.BytesIO(base64.b64decode(answer["data"]))).convert("RGB")


def save(image: Image.Image, file: Path) -> None:
    """Write a JPEG, of the best quality that keeps it small."""
    for quality in range(90, 50, -5):
        image.save(file, quality=quality, optimize=True)
        if file.stat().st_size < MOST_BYTES:
            return


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    with (
        tempfile.TemporaryDirectory() as place,
        serving(create_app(InferenceOptions())) as client,
        browsing(Path(place)) as browser,
    ):
        for view in VIEWS:
            page = browser.visitor(Path(place))
            show(page, view, str(client.base_url))
            save(whole_page(page, view), folder / view.file)


if __name__ == "__main__":
    main()
