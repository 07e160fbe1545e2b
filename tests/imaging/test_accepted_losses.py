"""Writing a photo in a format that cannot hold all of it, when the user accepts the loss."""

from __future__ import annotations

from dataclasses import replace

import imaging_samples as samples
import numpy as np
import pytest

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array, read_photo, unkept, write_photo


def test_16_bits_are_rounded_to_8(tmp_path):
    codes = samples.noise(3, "uint16")
    write_photo(from_array(codes), tmp_path / "a.bmp", allow_loss=True)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.bmp").pixels, np.rint(codes / 257))


@pytest.mark.parametrize(("opacity", "expected"), [(0, 255), (51, 229), (255, 127)])
@pytest.mark.parametrize("colours", [1, 3])
def test_transparent_parts_become_white(tmp_path, colours, opacity, expected):
    samples_ = np.full([5, 7, colours + 1], 127, np.uint8)
    samples_[..., -1] = opacity
    write_photo(from_array(samples_), tmp_path / "a.bmp", allow_loss=True)
    back = read_photo(tmp_path / "a.bmp")
    assert back.alpha is None and (back.pixels == expected).all()


def test_transparency_and_16_bits_are_reduced_together(tmp_path):
    deep = np.dstack([np.full([4, 4], 65535 // 5, np.uint16), np.full([4, 4], 65535, np.uint16)])
    deep[:2, :, 1] = 0
    write_photo(from_array(deep), tmp_path / "a.bmp", allow_loss=True)
    rows = read_photo(tmp_path / "a.bmp").pixels[:, 0, 0]
    np.testing.assert_array_equal(rows, [255, 255, 51, 51])


def test_colour_profile_and_long_blocks_are_left_out(tmp_path):
    photo = from_array(samples.ramp())
    profiled = replace(photo, metadata=replace(photo.metadata, icc_profile=samples.SRGB))
    write_photo(profiled, tmp_path / "a.bmp", allow_loss=True)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.bmp").pixels, photo.pixels)
    described = replace(photo, metadata=replace(photo.metadata, xmp=bytes(70_000), dpi=(300, 300)))
    with pytest.raises(ImageError, match="the XMP block, which is too long"):
        write_photo(described, tmp_path / "a.jpg")
    write_photo(described, tmp_path / "a.jpg", allow_loss=True)
    back = read_photo(tmp_path / "a.jpg").metadata
    assert back.xmp is None and back.dpi == (300, 300)


def test_accepting_losses_changes_nothing_that_the_format_holds(tmp_path):
    photo = from_array(samples.noise(4, "uint16"))
    write_photo(photo, tmp_path / "a.png", allow_loss=True)
    write_photo(photo, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_lost_pixels_are_refused_even_if_losses_are_accepted(tmp_path):
    wide = from_array(np.zeros((1, 66000, 4), np.uint8))
    with pytest.raises(ImageError, match="would lose all pixels beyond 65500") as caught:
        write_photo(wide, tmp_path / "a.jpg", allow_loss=True)
    assert "allow_loss" not in str(caught.value)


def test_refusal_names_the_option_that_accepts_the_loss(tmp_path):
    with pytest.raises(ImageError, match=r"accept the loss by allow_loss=True$"):
        write_photo(from_array(samples.noise(3, "uint16")), tmp_path / "a.jpg")


def test_refusal_names_everything_that_the_result_would_lack(tmp_path):
    photo = samples.annotated(np.full([4, 4, 4], 9000, np.uint16))
    with pytest.raises(ImageError) as caught:
        write_photo(photo, tmp_path / "a.bmp")
    *first, last = unkept(photo, ".bmp")
    assert len(first) > 3 and f"BMP would lose {', '.join(first)} and {last}," in str(caught.value)
