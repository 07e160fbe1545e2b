"""Drives a headless Chromium over its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

_NAMES = "chromium", "chromium-browser", "google-chrome", "chrome"
PROGRAM = next(filter(None, map(shutil.which, _NAMES)), None)
_PATIENCE = 90  # seconds, on a busy machine

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--remote-debugging-port=0", "--lang=en-US",
    "--force-device-scale-factor=1", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


class Browser:
    """A running browser; each :meth:`visitor` has its own cookies, storage and downloads."""

    def __init__(self, connection):
        self._connection = connection
        self._number = 0
        self._events: dict[str, list[dict]] = {}

    def command(self, method: str, session: str | None = None, **parameters) -> dict:
        """Send a command and wait for its answer; events that arrive first are kept by session."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._connection.send(json.dumps(message))
        while True:
            answer = json.loads(self._connection.recv(timeout=_PATIENCE))
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events(answer.get("sessionId", "")).append(answer)

    def events(self, session: str) -> list[dict]:
        """The events of a session received so far."""
        return self._events.setdefault(session, [])

    def visitor(self, downloads: Path) -> Page:
        """An empty page of a new visitor."""
        context = self.command("Target.createBrowserContext")["browserContextId"]
        target = self.command("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.command(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )["sessionId"]  # fmt: skip
        self.command(
            "Browser.setDownloadBehavior", behavior="allow", browserContextId=context,
            downloadPath=str(downloads),
        )  # fmt: skip
        page = Page(self, session, downloads)
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            page.command(f"{domain}.enable")
        return page


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str, downloads: Path):
        self._browser, self._session, self._downloads = browser, session, downloads

    def command(self, method: str, **parameters) -> dict:
        """See :meth:`Browser.command`."""
        return self._browser.command(method, self._session, **parameters)

    def open(self, address: str) -> None:
        """Go to an address and wait for the page."""
        self.command("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, script: str):
        """The value of an expression; a promise is awaited."""
        answer = self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True,
            userGesture=True,
        )  # fmt: skip
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def until(self, script: str):
        """Wait until an expression is true; returns its value."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                value = self.evaluate(script)
            except RuntimeError as error:  # the page is being replaced by another one
                if "navigated" not in str(error):
                    raise
                value = None
            if value or value == {}:  # an element arrives as {}
                return value
            time.sleep(0.05)
        raise TimeoutError(f"{script}\n{self.evaluate('document.body.innerText')}")

    def upload(self, selector: str, *files: Path) -> None:
        """Choose files in a file input."""
        root = self.command("DOM.getDocument")["root"]["nodeId"]
        node = self.command("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def drop(self, *files: Path) -> None:
        """Drag files from outside the browser into the window, and drop them."""
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.command("Input.dispatchDragEvent", type=kind, x=50, y=50, data=data)

    def centre(self, selector: str) -> tuple[float, float]:
        """The middle of an element in the window, after scrolling to it."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return x, y

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        x, y = self.centre(selector)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Send a mouse event."""
        self.command(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )

    def press(self, key: str, code: int) -> None:
        """Press and release a key, given by its name and its virtual key code."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.command(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=code, **text,
            )  # fmt: skip

    def downloaded(self) -> Path:
        """Wait until the only download is complete; returns its file."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            self.evaluate("0")
            files = [file for file in self._downloads.iterdir() if file.suffix != ".crdownload"]
            if files and files[0].stat().st_size:
                return files[0]
            time.sleep(0.05)
        raise TimeoutError("nothing was downloaded")

    def hosts(self) -> set[str]:
        """Host and port of every request so far."""
        sent = [event["params"] for event in self._events("Network.requestWillBeSent")]
        return {urlsplit(one["request"]["url"]).netloc for one in sent}

    def complaints(self) -> list[str]:
        """Errors in the console: script errors and violations of the security policy."""
        logged = [event["params"]["entry"] for event in self._events("Log.entryAdded")]
        thrown = [event["params"]["exceptionDetails"] for event in self._events(_THROWN)]
        texts = [entry["text"] for entry in logged if entry["level"] == "error"]
        return texts + [details["exception"].get("description", "") for details in thrown]

    def screenshot(self, path: Path) -> None:
        """Write the window's content as a PNG."""
        data = self.command("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def _events(self, method: str) -> list[dict]:
        events = self._browser.events(self._session)
        return [event for event in events if event["method"] == method]


_THROWN = "Runtime.exceptionThrown"


@contextlib.contextmanager
def browsing(folder: Path):
    """Run a browser whose profile is in a folder; yields it."""
    from websockets.sync.client import connect

    command = [PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        place = folder / "DevToolsActivePort"
        end = time.monotonic() + _PATIENCE
        while not (place.exists() and len(place.read_text().split()) == 2):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the browser does not start")
            time.sleep(0.05)
        port, path = place.read_text().split()
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None) as connection:
            browser = Browser(connection)
            yield browser
            with contextlib.suppress(Exception):
                browser.command("Browser.close")
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()
