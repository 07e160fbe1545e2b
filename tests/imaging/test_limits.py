"""Files whose pixels, metadata or length exceed the memory or the limits are refused."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import Limits, PhotoReader, from_array, read_header, read_photo, write_photo
from ppgan_mpr.imaging.limits import LimitError

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits address space")


def bomb(side: int) -> bytes:
    """A square, fully transparent PNG; the file is less than a hundredth of its pixels' size."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 4 * side)
    pixels = b"".join([packer.compress(row) for _ in range(side)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        samples.chunk(*part) for part in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def tags_with_one_value(count: int, size: int) -> bytes:
    """A TIFF of 8 x 8 pixels whose private tags all refer to the same bytes."""
    at = 8 + 2 + 12 * (9 + count) + 4
    numbers = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: 8, 279: 64}
    tags = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in numbers.items()]
    tags += [struct.pack("<HHII", 400 + tag, 7, size, at) for tag in range(count)]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + b"".join(tags) + bytes(4) + bytes(max(size, 64))


def in_little_memory(code: str, megabytes: int, root) -> str:
    """Output of code in a process that can allocate only ``megabytes``."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, [{megabytes << 20}] * 2)\n"
    done = subprocess.run(
        [sys.executable, "-c", limit + code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


READ = """
from ppgan_mpr.imaging import PhotoReader, read_photo
for read in (read_photo, PhotoReader().read):
    try:
        print(read({path!r}).size)
    except Exception as error:
        print(error)
"""


@linux
def test_pixels_that_do_not_fit_into_memory_are_refused(tmp_path, root):
    (tmp_path / "bomb.png").write_bytes(bomb(16000))
    printed = in_little_memory(READ.format(path=str(tmp_path / "bomb.png")), 2000, root)
    assert printed.count("decoding its 16000 x 16000 pixels takes 2.9 GB, but only ") == 2
    assert len(printed.splitlines()) == 2


@pytest.mark.parametrize(("subsampling", "needed"), [("4:4:4", "762 MB"), ("4:2:0", "534 MB")])
def test_coefficients_of_a_progressive_jpeg_count(tmp_path, monkeypatch, subsampling, needed):
    jpeg = samples.pillow_file(
        Image.new("RGB", (8, 8)), "JPEG", progressive=True, subsampling=subsampling
    )
    size = jpeg.index(b"\xff\xc2") + 5
    jpeg = jpeg[:size] + struct.pack(">HH", 8000, 10000) + jpeg[size + 4 :]
    (tmp_path / "a.jpg").write_bytes(jpeg)
    monkeypatch.setattr("ppgan_mpr.imaging.limits.available", lambda: 400 << 20)
    with pytest.raises(ImageError, match=f"10000 x 8000 pixels takes {needed}, but"):
        read_photo(tmp_path / "a.jpg")


@linux
def test_metadata_that_does_not_fit_into_memory_is_refused(tmp_path, root):
    (tmp_path / "tags.tif").write_bytes(tags_with_one_value(65000, 400_000))
    printed = in_little_memory(READ.format(path=str(tmp_path / "tags.tif")), 3000, root)
    assert printed.count("its metadata takes more than 65 MB") == 2


@linux
@pytest.mark.parametrize("start", [b"", b"P7"])
def test_files_that_do_not_fit_into_memory_are_refused(tmp_path, root, start):
    """A file without a signature is not even read."""
    path = tmp_path / "sparse.jpg"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(2 << 30)
    words = "the file has 2.0 GB, but only " if start else "it is not a picture in a known format"
    assert in_little_memory(READ.format(path=str(path)), 1500, root).count(words) == 2


def test_shared_values_of_honest_size_are_read(tmp_path):
    (tmp_path / "tags.tif").write_bytes(tags_with_one_value(100, 400_000))
    assert read_photo(tmp_path / "tags.tif").size == (8, 8)


def test_limit_of_decoded_bytes_is_exact(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(bomb(1000))
    for read in (read_photo, lambda path, limits: PhotoReader(limits).read(path)):
        assert read(path, Limits(4_000_000)).size == (1000, 1000)
        with pytest.raises(ImageError, match=r"its 1000 x 1000 pixels would take 3 MB.*=") as error:
            read(path, Limits(3_999_999))
        assert "picture_limit=" in str(error.value)


FORMATS = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".webp": "WEBP", ".jp2": "JPEG2000",
           ".bmp": "BMP", ".gif": "GIF", ".tga": "TGA", ".ppm": "PPM"}  # fmt: skip


@pytest.mark.parametrize("suffix", [*FORMATS, ".pam", ".16.png", ".16.tif"])
def test_every_format_is_checked_before_it_is_decoded(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    picture = samples.noise(3, "uint8", 40, 50)
    if suffix in FORMATS:
        Image.fromarray(picture).save(path, FORMATS[suffix])
    elif suffix == ".pam":
        head = b"P7\nWIDTH 50\nHEIGHT 40\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
        path.write_bytes(head + picture.tobytes())
    else:
        write_photo(from_array(picture.astype(np.uint16)), path)
    assert read_photo(path, Limits(50 << 10)).size == (50, 40)
    with pytest.raises(ImageError, match="its 50 x 40 pixels would take"):
        read_photo(path, Limits(5999))


def test_a_file_larger_than_the_limit_is_not_read(tmp_path):
    with (tmp_path / "a.bmp").open("wb") as file:
        file.write(b"BM")
        file.truncate(300 << 20)
    with pytest.raises(ImageError, match="the file has 300 MB, more than the limit of 266 MB"):
        read_photo(tmp_path / "a.bmp", Limits(10 << 20))


def test_header_of_a_file_without_signature_is_refused(tmp_path):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(1 << 20)
    with pytest.raises(ImageError, match="not a picture in a known format"):
        read_header(tmp_path / "sparse.jpg")


def test_oversized_texts_are_reported_as_too_large_not_as_damage(tmp_path):
    body = b"Title\0\0" + zlib.compress(bytes(b"a" * (2 << 20)))
    data = samples.raw_png([b"\0" * 4], 4, 8, 0)
    (tmp_path / "a.png").write_bytes(data[:33] + samples.chunk(b"zTXt", body) + data[33:])
    with pytest.raises(LimitError, match="unpacks to more than 1 MB"):
        read_photo(tmp_path / "a.png")
