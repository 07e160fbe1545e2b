"""Pictures of many kinds for bulk jobs, and a way to let one kill its restoring process."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from ppgan_mpr.cluster.job import Job
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.inference import InferenceOptions

KILLER, FAILING = "killer", "failing"
# Runs at the start of every Python process, but changes only the restoring processes of workers.
KILLING = f"""
import os, signal
with open("/proc/self/cmdline", "rb") as file:
    restores = b"cluster.restoring" in file.read()
if restores:
    import json, sys
    path = sys.path[:]
    from ppgan_mpr.cluster import restoring
    original = restoring.PictureRestorer.restore

    def restore(self, item, content):
        if "{KILLER}" in item.source:
            os.kill(os.getpid(), signal.SIGKILL)
        if "{FAILING}" in item.source:
            raise ArithmeticError("unexpected")
        return original(self, item, content)

    restoring.PictureRestorer.restore = restore
"""
OPTIONS = {"model": "lite", "precision": "f32", "threads": 1}
TASK = "Denoising"


def environment_with_killer(folder, root):
    """Environment in which pictures called ``killer`` kill their process; writes to ``folder``.

    Pictures called ``failing`` raise an unexpected error there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(KILLING)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(root)])}


def write_pictures(folder, count, side=24):
    """Write pictures of one size in several formats, bit depths and numbers of channels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        random = np.random.default_rng(number)
        codes = random.integers(60, 200, [side, side, 3], np.uint8)
        stem = folder / f"p{number:05}"
        kind = number % 6
        if kind == 0:
            Image.fromarray(codes).save(f"{stem}.png", dpi=(72, 72))
        elif kind == 1:
            exif = Image.Exif()
            exif[0x0110] = "camera"
            Image.fromarray(codes).save(f"{stem}.jpg", exif=exif)
        elif kind == 2:
            alpha = random.integers(0, 255, [side, side, 1], np.uint8)
            Image.fromarray(np.concatenate([codes, alpha], 2)).save(f"{stem}.png")
        elif kind == 3:
            Image.fromarray(codes[..., 0]).save(f"{stem}.tif")
        elif kind == 4:
            deep = random.integers(0, 65535, [side, side], np.uint16)
            Image.fromarray(deep).save(f"{stem}.png")
        else:
            Image.fromarray(codes).save(f"{stem}.webp", lossless=True)


def job(output, **changes):
    """A job as the driver sends it to workers."""
    return Job(TASK, None, InferenceOptions(**{**OPTIONS, **changes}), Store.at(str(output)), "run")


def files_below(folder):
    """Name → content of all files below a folder."""
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
