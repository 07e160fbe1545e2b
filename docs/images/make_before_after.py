"""Make before_after.jpg: parts of three samples above what the embedded weights make of them.

python docs/images/make_before_after.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLES = ROOT / "samples"
sys.path.insert(0, str(ROOT))

from ppgan_mpr.apps import MPRPredictor  # noqa: E402

# Columns: task, sample, and the left and top of the part shown.
COLUMNS = [
    ("Deraining", "rocket.jpg", (136, 84)),
    ("Denoising", "cat.jpg", (94, 56)),
    ("Deblurring", "astronaut.jpg", (34, 30)),
]
PART = (200, 150)  # width and height in pixels of the sample
ZOOM = 2
GAP, HEADING = 6, 34


def part_of(picture: Image.Image, corner: tuple[int, int]) -> Image.Image:
    left, top = corner
    width, height = PART
    part = picture.convert("RGB").crop((left, top, left + width, top + height))
    return part.resize((width * ZOOM, height * ZOOM), Image.Resampling.BICUBIC)


def label(cell: Image.Image, text: str) -> None:
    """Write ``text`` on a dark plate in the lower left corner."""
    draw = ImageDraw.Draw(cell, "RGBA")
    font = ImageFont.load_default(size=17)
    right, bottom = draw.textbbox((0, 0), text, font)[2:]
    x, y = 10, cell.height - bottom - 16
    draw.rounded_rectangle((x, y, x + right + 16, y + bottom + 7), 4, fill=(0, 0, 0, 150))
    draw.text((x + 8, y + 2), text, "white", font)


def main(path: Path) -> None:
    width, height = (side * ZOOM for side in PART)
    sheet = Image.new(
        "RGB",
        (len(COLUMNS) * (width + GAP) - GAP, HEADING + 2 * height + GAP),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    for column, (task, name, corner) in enumerate(COLUMNS):
        x = column * (width + GAP)
        with Image.open(SAMPLES / task / "input" / name) as before:
            (result,) = MPRPredictor(output_path=None, task=task, model="lite").run(before)
            if not result.ok:
                raise SystemExit(f"{name}: {result.error}")
            rows = [("input", part_of(before, corner)), ("restored", part_of(result.image, corner))]
        for row, (text, cell) in enumerate(rows):
            label(cell, text)
            sheet.paste(cell, (x, HEADING + row * (height + GAP)))
        middle = (x + width // 2, HEADING // 2)
        draw.text(middle, task, "#222222", ImageFont.load_default(size=22), anchor="mm")
    sheet.save(path, quality=88, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "before_after.jpg")
