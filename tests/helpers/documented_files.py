"""The files that the documentation's commands name, in small."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from raw_samples import dng, patches
from web_samples import pictures_for_detection

# All of one size, for which each network is compiled once.
_PICTURES = (
    "photo.jpg", "portrait.jpg", "dusk.jpg", "evening.jpg", "small.png", "left.png", "right.png",
    "scan.tif", "scans/a.jpg", "photos/a.jpg", "photos/b.jpg", "rainy/a.tif", "DIR/a.png",
    "results/Rain100L/a.png", "data/Rain100L/target/a.png",
)  # fmt: skip
# Pictures whose centre of 256×256 pixels is scored.
_PAIRS = (
    "data/GoPro/test/{}/GOPR0384_11_00-000047.png", "data/SIDD/val/{}/a.png",
    "data/Synthetic_Rain_Datasets/test/Rain100L/{}/a.png",
)  # fmt: skip
_DOWNLOADS = (
    "DOWNLOAD/GOPRO_Large/train/GOPR0372_07_00/blur/000047.png",
    "DOWNLOAD/GOPRO_Large/train/GOPR0372_07_00/sharp/000047.png",
    "DOWNLOAD/GOPRO_Large/test/GOPR0384_11_00/blur/000047.png",
    "DOWNLOAD/GOPRO_Large/test/GOPR0384_11_00/sharp/000047.png",
    "DOWNLOAD/SIDD_Medium_Srgb/Data/0001_scene/0001_NOISY_SRGB_010.PNG",
    "DOWNLOAD/SIDD_Medium_Srgb/Data/0001_scene/0001_GT_SRGB_010.PNG",
    "DOWNLOAD/LOLdataset/our485/low/a.png", "DOWNLOAD/LOLdataset/our485/high/a.png",
    "DOWNLOAD/LOLdataset/eval15/low/a.png", "DOWNLOAD/LOLdataset/eval15/high/a.png",
    "DOWNLOAD/train/Rain13K/input/a.png", "DOWNLOAD/train/Rain13K/target/a.png",
    "DOWNLOAD/test/Rain100L/input/a.png", "DOWNLOAD/test/Rain100L/target/a.png",
    "EXPORTED/input/a0001.png", "EXPORTED/expertC/a0001.png",
    "EXPORTED/input/a0002.png", "EXPORTED/expertC/a0002.png",
    "data/DPDD/train/inputL/a.png", "data/DPDD/train/inputR/a.png", "data/DPDD/train/target/a.png",
    "data/SIDD/photos/input/a.png", "data/SIDD/photos/target/a.png",
    "data/RealSR/x4/train/target/a.png",
    "data/LOL/test/input/a.png", "data/LOL/test/target/a.png",
)  # fmt: skip
# Weights with random values, by the names that the pages give them.
_WEIGHTS = {
    "checkpoint.pdparams": "ppgan_mprnet_small.pdparams",
    "mine.pdparams": "ppgan_mprnet_small.pdparams",
    "model_deblurring.pth": "swz30_mprnet_small.pth",
    "mprnet_deblurring.pth": "swz30_mprnet_small.pth",
    "model_lol.pth": "swz30_mirnet_small.pth",
    "NAFNet-GoPro-width64.pth": "megvii_nafnet_odd_small.pth",
}


def write_files(root: Path, folder: Path) -> None:
    """Write the files into a folder, where the commands run as in a checkout."""
    for shared in ("samples", "tools"):
        (folder / shared).symlink_to(root / shared)
    random = np.random.default_rng(0)

    def write(name: str, height: int, width: int) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(60, 180, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)

    for name in (*_PICTURES, *_DOWNLOADS):
        write(name, 48, 64)
    write("data/RealSR/x4/train/input/a.png", 12, 16)
    for name in _PAIRS:
        for part in ("input", "target"):
            write(name.format(part), 264, 272)
    for name, fixture in _WEIGHTS.items():
        shutil.copyfile(root / "tests" / "fixtures" / fixture, folder / name)
    (folder / "DSC_0042.NEF").write_bytes(dng(patches()))
    if find_spec("av"):  # Python 3.11 or newer
        from video_samples import make_video

        for name in ("clip.mp4", "clip.mov"):
            make_video(folder / name, frames=2, size=(64, 64), audio=True)
    found = pictures_for_detection(root)
    (folder / "doubtful.png").write_bytes(found["doubtful"])
    (folder / "holiday").mkdir()
    for name in ("clean", "noisy"):
        (folder / "holiday" / f"{name}.png").write_bytes(found[name])


def expect_small_downloads(patch) -> None:
    """Let each data set consist of the pictures in ``DOWNLOAD`` and ``EXPORTED``.

    Args:
        patch: pytest's ``monkeypatch``.
    """
    prepare = "ppgan_mpr.datasets.prepare"
    for name in ("gopro", "lol", "fivek"):
        patch.setattr(f"{prepare}.{name}.EXPECTED", {"train": 1, "test": 1})
    patch.setattr(f"{prepare}.rain13k.EXPECTED", {"train": 1, "test/Rain100L": 1})
    for name, value in {"PHOTOS": 1, "PATCHES": 2, "PATCH_SIZE": 16}.items():
        patch.setattr(f"{prepare}.sidd.{name}", value)
    patch.setattr(f"{prepare}.sidd.EXPECTED", {"train": 2})
