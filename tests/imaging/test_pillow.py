"""Pillow's modes and colour spaces come in as grey or RGB, with their alpha."""

from __future__ import annotations

import dataclasses
import io
import struct

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import (
    Metadata,
    from_array,
    from_pil,
    to_pil,
    unkept,
    unkept_by_pillow,
    write_photo,
)


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "PNG"])
def test_image_at_another_frame_is_read_at_that_frame(name):
    """If an image is at a later frame, its caller has chosen that frame."""
    frames = [Image.fromarray(np.full((8, 9, 3), value, np.uint8)) for value in (10, 100, 200)]
    options = {"lossless": True} if name == "WEBP" else {}
    data = samples.pillow_file(frames[0], name, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(data)) as image:
        if name == "TIFF":  # a document: its page is a picture of its own
            assert (from_pil(image).pixels == 10).all()
        else:
            with pytest.raises(ImageError, match="several frames: extract the one to restore"):
                from_pil(image)
            assert (from_pil(image.copy()).pixels == 10).all()
        for number, value in ((2, 200), (1, 100)):
            image.seek(number)
            photo = from_pil(image)
            assert (photo.pixels == value).all()
            assert photo.size == (9, 8)


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "I;16"])
def test_image_without_pixels_is_refused(size, mode):
    with pytest.raises(ImageError, match="it has no pixels"):
        from_pil(Image.new(mode, size))


def test_one_bit_becomes_grey(tmp_path):
    image = Image.fromarray(samples.ramp()[..., 0] > 90)
    photo = samples.read(tmp_path, samples.pillow_file(image, "PNG"))
    np.testing.assert_array_equal(photo.pixels[..., 0], np.asarray(image) * np.uint8(255))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
def test_palette_becomes_rgb_or_grey_with_its_alpha(tmp_path, grey, transparent):
    colours = np.array([[9, 9, 9], [200, 200, 200], [60, 60, 60]], np.uint8)
    if not grey:
        colours[1] = (200, 10, 30)
    image = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8))
    image = image.convert("P")
    image.putpalette(colours.tobytes())
    options = {"transparency": b"\xff\x80\x00"} if transparent else {}
    photo = samples.read(tmp_path, samples.pillow_file(image, "PNG", **options))
    expected = colours[[[0, 1, 2], [2, 1, 0]]]
    np.testing.assert_array_equal(photo.pixels, expected[..., :1] if grey else expected)
    if transparent:
        np.testing.assert_array_equal(photo.alpha, [[255, 128, 0], [0, 128, 255]])
    else:
        assert photo.alpha is None


def test_a_grey_palette_with_a_profile_stays_rgb(tmp_path):
    """Its profile describes RGB, so it does not fit a grey file."""
    image = Image.fromarray(samples.ramp()[..., 0]).convert("P")
    image.putpalette(bytes(v for v in range(256) for _ in range(3)))
    photo = samples.read(tmp_path, samples.pillow_file(image, "PNG", icc_profile=samples.SRGB))
    assert not photo.is_grey


def test_transparent_colour_of_gif_becomes_alpha(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    image.putpalette(bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    photo = samples.read(tmp_path, samples.pillow_file(image, "GIF", transparency=1), ".gif")
    np.testing.assert_array_equal(photo.alpha, [[255, 0, 255]])
    np.testing.assert_array_equal(photo.pixels[0, ::2], [[255, 0, 0], [0, 0, 255]])


def cmyk_ramp() -> Image.Image:
    c, m = np.meshgrid(np.arange(0, 256, 4), np.arange(0, 192, 4))
    y = np.full_like(c, 30)
    k = (c + m) // 6
    return Image.merge("CMYK", [Image.fromarray(p.astype(np.uint8)) for p in (c, m, y, k)])


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_without_profile_is_converted_directly(tmp_path, name):
    """Adobe's JPEGs hold inverted inks; white paper must stay white either way."""
    options = {"quality": 100, "subsampling": 0} if name == "JPEG" else {}
    image = cmyk_ramp()
    suffix = ".jpg" if name == "JPEG" else ".tif"
    photo = samples.read(tmp_path, samples.pillow_file(image, name, **options), suffix)
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(photo.pixels - expected).max() <= (6 if name == "JPEG" else 0)
    paper = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    white = samples.read(tmp_path, samples.pillow_file(paper, name, **options), suffix)
    assert white.pixels.min() >= 254


def cmyk_profile() -> bytes:
    """A press whose inks only darken: L = 100 - 40 C - 60 K, a = b = 0 (ICC.1, lut8Type)."""
    grid = []
    for corner in range(16):  # C M Y K, each 0 or 1, the last varying fastest
        c, k = corner >> 3, corner & 1
        grid += [round((100 - 40 * c - 60 * k) * 2.55), 128, 128]
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix
    lut += identity * 4 + bytes(grid) + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    name = b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(78)
    parts = {b"desc": name, b"wtpt": white, b"A2B0": lut}
    table, body = struct.pack(">I", len(parts)), b""
    start = 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        table += tag + struct.pack(">II", start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[8:12] = b"\2\x20\0\0"
    header[12:24] = b"prtrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + table + body


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_is_converted_with_its_profile(tmp_path, name):
    """Full cyan is a medium grey by this profile; plain conversion would make it bright cyan."""
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = samples.pillow_file(image, name, icc_profile=cmyk_profile())
    photo = samples.read(tmp_path, data, ".jpg" if name == "JPEG" else ".tif")
    assert np.abs(photo.pixels.astype(int) - 145).max() <= 2  # L* = 60 in sRGB
    written = ImageCms.ImageCmsProfile(io.BytesIO(photo.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(written)
    write_photo(photo, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as out:
        assert out.mode == "RGB" and out.info["icc_profile"] == photo.metadata.icc_profile


@pytest.mark.parametrize(
    ("mode", "name", "lost"),
    [
        ("CMYK", "JPEG", ("the CMYK colour mode",)),
        ("CMYK", "TIFF", ("the CMYK colour mode",)),
        ("LAB", "TIFF", ("the LAB colour mode",)),
        ("YCbCr", "TIFF", ()),
    ],
)
def test_cmyk_and_lab_are_named_as_lost(tmp_path, mode, name, lost):
    suffix = ".jpg" if name == "JPEG" else ".tif"
    photo = samples.read(tmp_path, samples.pillow_file(Image.new(mode, (16, 16)), name), suffix)
    assert unkept(photo, suffix) == lost


def test_lab_becomes_srgb_with_a_profile(tmp_path):
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    rgb = Image.fromarray(samples.ramp() // 2 + 60)
    image = ImageCms.profileToProfile(rgb, srgb, lab, outputMode="LAB")
    photo = samples.read(tmp_path, samples.pillow_file(image, "TIFF"), ".tif")
    change = np.abs(photo.pixels.astype(int) - np.asarray(rgb))
    assert change.mean() < 1 and change.max() <= 12  # 8-bit LAB is coarse in the blues
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_an_unusable_profile_of_a_cmyk_picture_is_dropped(tmp_path):
    data = samples.pillow_file(cmyk_ramp(), "TIFF", icc_profile=samples.SRGB)  # an RGB profile
    photo = samples.read(tmp_path, data, ".tif")
    np.testing.assert_array_equal(photo.pixels, np.asarray(cmyk_ramp().convert("RGB")))
    assert photo.metadata.icc_profile is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pillow_images_of_every_mode_are_converted(mode):
    image = Image.fromarray(samples.ramp())
    if mode == "I;16":
        image = Image.fromarray(samples.noise(1, "uint16"))
    else:
        image = image.convert("L").convert(mode) if mode in ("1", "LA") else image.convert(mode)
    back = to_pil(from_pil(image))
    expected = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}.get(mode, mode)
    assert back.mode == expected and back.size == image.size
    if mode == "I;16":
        np.testing.assert_array_equal(np.asarray(back), np.asarray(image))
    else:
        np.testing.assert_array_equal(np.asarray(back), np.asarray(image.convert(expected)))


@pytest.mark.parametrize("name", ["JPEG", "TIFF", "PNG"])
def test_a_pillow_image_is_turned_upright_once(tmp_path, name):
    stored = samples.ramp()
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a"
    Image.fromarray(stored).save(path, format=name, exif=exif)
    with Image.open(path) as image:
        photo = from_pil(image)
    assert photo.size == (48, 64)
    assert np.abs(photo.pixels.astype(int) - np.rot90(stored, -1)).max() < 40
    if name != "JPEG":
        np.testing.assert_array_equal(photo.pixels, np.rot90(stored, -1))


def test_pillow_tiff_with_a_second_orientation_in_xmp_is_turned_once(tmp_path):
    """Photoshop writes the orientation twice, and Pillow turns the picture while loading."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[700] = samples.XMP % 6
    Image.fromarray(samples.ramp()).save(tmp_path / "a.tif", exif=exif)
    with Image.open(tmp_path / "a.tif") as image:
        photo = from_pil(image)
    np.testing.assert_array_equal(photo.pixels, np.rot90(samples.ramp(), -1))


def test_metadata_stays_with_a_pillow_image(tmp_path):
    photo = samples.annotated(samples.ramp())
    back = from_pil(to_pil(photo))
    assert back.metadata == photo.metadata
    to_pil(photo).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["icc_profile"] == samples.SRGB


def test_unsupported_pillow_images_are_refused(tmp_path):
    for mode in ("I", "F"):
        with pytest.raises(ImageError, match="16 bits per sample"):
            from_pil(Image.new(mode, (3, 2)))
    with pytest.raises(ImageError, match=r"no 16-bit colour.*with_depth\(8\)"):
        to_pil(from_array(samples.noise(3, "uint16")))
    data = samples.pillow_file(Image.fromarray(samples.ramp()), "PNG")
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with Image.open(tmp_path / "cut.png") as image, pytest.raises(ImageError, match="decoded"):
        from_pil(image)


def _titled_png(*more):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "Café")
    info.add_itxt("Author", "Анна")
    for kind, body in more:
        info.add(kind, body)
    file = io.BytesIO()
    Image.new("RGB", (8, 6)).save(file, "PNG", pnginfo=info)
    return Image.open(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("prepare", [lambda im: im, lambda im: im.load() and im, Image.Image.copy])
def test_texts_of_a_pillow_png_are_carried(tmp_path, prepare):
    photo = from_pil(prepare(_titled_png()))
    write_photo(photo, tmp_path / "a.png")
    assert {"Title": "Café", "Author": "Анна"}.items() <= Image.open(
        tmp_path / "a.png"
    ).info.items()
    assert to_pil(photo).info["Title"] == "Café"


def test_colour_space_of_a_pillow_image_that_is_not_loaded_is_carried():
    photo = from_pil(_titled_png((b"cICP", bytes([9, 16, 0, 1]))))
    assert photo.metadata.cicp == (9, 16)
    assert unkept_by_pillow(photo) == ("the colour space (BT.2020 PQ)",)


def test_gamma_of_a_loaded_pillow_png_is_carried():
    image = _titled_png((b"gAMA", struct.pack(">I", 100000)))
    image.load()
    assert (b"gAMA", struct.pack(">I", 100000)) in from_pil(image).metadata.png_chunks


def test_comment_survives_a_copy_and_comes_back(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", comment=b"by Anna")
    photo = from_pil(Image.open(tmp_path / "a.jpg").copy())
    assert photo.metadata.comment == to_pil(photo).info["comment"] == b"by Anna"


def test_losses_of_a_pillow_image_are_reported():
    photo = from_array(np.zeros([4, 4, 3], np.uint8))
    metadata = Metadata(iptc=b"x", resources=b"y", dropped=("the gain map",))
    photo = dataclasses.replace(photo, metadata=metadata)
    named = ("the IPTC captions", "Photoshop's image resources", "the gain map")
    assert unkept_by_pillow(photo) == named
    assert unkept_by_pillow(from_array(photo.pixels)) == ()


def test_tags_of_a_pillow_tiff_that_is_not_loaded_are_carried(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.tif", tiffinfo={315: "Anna", 65000: "private"})
    write_photo(from_pil(Image.open(tmp_path / "a.tif")), tmp_path / "b.tif")
    tags = Image.open(tmp_path / "b.tif").tag_v2
    assert (tags[315], tags[65000]) == ("Anna", "private")
