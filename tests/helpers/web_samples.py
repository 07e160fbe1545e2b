"""A web server in this process, a client for it, and pictures to send."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

httpx = pytest.importorskip("httpx")
uvicorn = pytest.importorskip("uvicorn")

LITE = {"task": "Denoising", "network": "MPRNet", "model": "lite"}
TILES = {"tile": 64, "overlap": 8}


def png(width: int = 20, height: int = 14, seed: int = 0) -> bytes:
    """A small noisy PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return encoded(pixels)


def encoded(pixels: np.ndarray) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pictures_for_detection(root: Path) -> dict[str, bytes]:
    """PNG files called ``clean``, ``noisy``, ``doubtful`` (between these two) and ``dark``."""
    from ppgan_mpr.detection import detect
    from ppgan_mpr.imaging import from_array

    box = (64, 64, 64 + 224, 64 + 224)
    clean, noisy = (
        np.asarray(Image.open(root / "samples" / "Denoising" / name).convert("RGB").crop(box))
        for name in ("target/coffee.png", "input/coffee.jpg")
    )
    dark = np.random.default_rng(0).normal(9, 2.5, (224, 320, 3)).clip(0, 255)
    dark += np.linspace(0, 20, 320)[:, None]
    found = {"clean": clean, "noisy": noisy, "dark": dark.astype(np.uint8)}
    low, high = 0.0, 1.0
    while "doubtful" not in found:
        share = (low + high) / 2
        mixed = np.rint(clean + share * (noisy.astype(float) - clean)).astype(np.uint8)
        finding = detect(from_array(mixed))
        if finding.degradation and not finding.certain:
            found["doubtful"] = mixed
        low, high = (low, share) if finding.degradation else (share, high)
    return {name: encoded(pixels) for name, pixels in found.items()}


class Client(httpx.Client):
    """An HTTP client with methods for the usual steps of the API."""

    def restore(self, content: bytes, name: str = "photo.png", **fields) -> httpx.Response:
        """Post a picture."""
        return self.post("/restore", data={**LITE, **fields}, files={"image": (name, content)})

    def wait(self, job: dict, *states: str) -> dict:
        """Poll a job until its state is one of these; default: until it has ended."""
        states = states or ("done", "clean", "undecided", "failed", "cancelled")
        while job["state"] not in states:
            time.sleep(0.05)
            job = self.get(f"/jobs/{job['id']}").json()
        return job

    def figures(self) -> dict[str, float]:
        """The metrics by name."""
        lines = self.get("/metrics").text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


@contextlib.contextmanager
def serving(app):
    """Serve an application; yields a client of it."""
    config = uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1)
    listening = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with Client(base_url=address, timeout=120) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def by_command_line(folder, content: bytes, name: str, *flags: str) -> bytes:
    """The result of ``mprnet`` for a file; ``flags`` override the choice of the lite denoiser."""
    from ppgan_mpr.commands.restore import main

    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    chosen = [part for key, value in {**LITE, **TILES}.items() for part in (f"--{key}", str(value))]
    assert main([str(folder / name), "--output_path", str(folder), *chosen, *flags]) == 0
    (output,) = folder.glob("*/*_restoration.*")
    return output.read_bytes()


def picture(folder, name, content):
    """Write a file for a file input; returns its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def set_fields(page, **fields):
    """Set selects and inputs of the page as a visitor does."""
    page.evaluate(
        f"""(() => {{ for (const [name, value] of Object.entries({json.dumps(fields)})) {{
            const field = document.getElementById(name);
            field.value = value;
            field.dispatchEvent(new Event('input', {{ bubbles: true }}));
            field.dispatchEvent(new Event('change', {{ bubbles: true }})); }} }})()"""
    )


def options_of(page, select):
    """The values that a select offers."""
    return page.evaluate(f"[...document.getElementById('{select}').options].map((o) => o.value)")


def restore(page, *files, **fields):
    """Choose files and fields, by default the denoiser, and start the restoration."""
    set_fields(page, **(fields or LITE))
    page.upload("#files", *files)
    page.until("!document.getElementById('restore').disabled")
    page.click("#restore")
