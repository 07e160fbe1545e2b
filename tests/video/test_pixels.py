import av
import numpy as np
import pytest
from video_samples import picture

from ppgan_mpr.errors import ImageError
from ppgan_mpr.video.pixels import Colour, Orientation, PixelReader, PixelWriter

# (H.273's number of the matrix, shares of red and blue in luma)
MATRICES = [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)]


def samples(rgb, red, blue, full, bits):
    """Y, Cb and Cr [H, W] of RGB in [0, 1], by the definition of H.273."""
    luma = red * rgb[..., 0] + (1 - red - blue) * rgb[..., 1] + blue * rgb[..., 2]
    cb, cr = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    unit = 2 ** (bits - 8)
    if full:
        top = 2**bits - 1
        planes = [luma * top, cb * top + 128 * unit, cr * top + 128 * unit]
    else:
        planes = [(16 + 219 * luma) * unit, (128 + 224 * cb) * unit, (128 + 224 * cr) * unit]
    return [np.rint(plane).astype("u1" if bits == 8 else "u2") for plane in planes]


def frame_of(planes, pixel_format, matrix, full):
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes):
        rows = np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)
        rows[:, : width * values.itemsize] = values.view(np.uint8)
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    return frame


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("matrix", "red", "blue"), MATRICES)
def test_colours_follow_the_matrix_and_the_range(matrix, red, blue, full, bits):
    expected = picture(size=(64, 48)) / 255
    pixel_format = "yuv444p" if bits == 8 else "yuv444p10le"
    frame = frame_of(samples(expected, red, blue, full, bits), pixel_format, matrix, full)
    colour = Colour.of(frame)
    pixels = PixelReader(colour, bits, Orientation())(frame)
    white = 255 if bits == 8 else 65535
    assert np.abs(pixels / white - expected).max() < 2.5 / 255
    back = PixelWriter(colour, pixel_format)(pixels)
    for before, after in zip(frame.planes, back.planes):
        values = [
            np.frombuffer(p, "u1" if bits == 8 else "u2").astype(int) for p in (before, after)
        ]
        assert np.abs(values[0] - values[1]).max() <= (1 if bits == 8 else 3)
    assert (back.colorspace, back.color_range) == (matrix, 2 if full else 1)


def test_a_video_without_a_stated_matrix_gets_one_by_its_height():
    assert Colour.of(av.VideoFrame(640, 480, "yuv420p")).conversion == 5  # BT.601
    assert Colour.of(av.VideoFrame(1280, 720, "yuv420p")).conversion == 1  # BT.709


def test_unknown_matrices_are_refused():
    frame = av.VideoFrame(8, 8, "yuv420p")
    frame.colorspace = 14  # ICtCp
    with pytest.raises(ImageError, match=r"number 14 of H\.273, is not supported"):
        Colour.of(frame)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (Orientation(), lambda a: a),
        (Orientation(transposed=True, flipped=True), lambda a: np.rot90(a)),
        (Orientation(transposed=True, mirrored=True), lambda a: np.rot90(a, -1)),
        (Orientation(mirrored=True, flipped=True), lambda a: np.rot90(a, 2)),
        (Orientation(mirrored=True), lambda a: a[:, ::-1]),
    ],
)
def test_pixels_are_turned(orientation, expected):
    pixels = picture(size=(12, 8))
    assert np.array_equal(orientation.apply(pixels), expected(pixels))
