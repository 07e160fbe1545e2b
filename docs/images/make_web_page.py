"""Make web_page.jpg: the web page in Chromium with a restored sample.

python docs/images/make_web_page.py [FILE]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from chromium import browsing  # noqa: E402
from web_samples import serving  # noqa: E402

from ppgan_mpr.web.app import create_app  # noqa: E402

TASK, SAMPLE = "Deraining", "rocket.jpg"


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "web_page.jpg"
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(create_app()) as client,
        browsing(Path(folder)) as browser,
    ):
        page = browser.visitor(Path(folder))
        page.command(
            "Emulation.setDeviceMetricsOverride",
            width=900, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        page.open(str(client.base_url))
        page.until("document.querySelectorAll('#task option').length")
        page.evaluate(f"task.value = '{TASK}', task.dispatchEvent(new Event('change')), 0")
        page.upload("#files", ROOT / "samples" / TASK / "input" / SAMPLE)
        page.until("!restore.disabled")
        page.click("#restore")
        page.until("document.querySelector('li.done') && after.clientWidth")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        shot = Path(folder) / "page.png"
        page.screenshot(shot)
        Image.open(shot).convert("RGB").save(file, quality=88)


if __name__ == "__main__":
    main()
