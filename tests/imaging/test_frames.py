"""Messages between processes."""

from __future__ import annotations

import io

import imaging_samples as samples
import numpy as np
import pytest

from ppgan_mpr.imaging.frames import receive, send


def sent(message):
    file = io.BytesIO()
    send(file, message)
    file.seek(0)
    return receive(file)


def test_plain_values_come_back():
    message = {"a": None, "b": (1, 2.5, True, "ü"), "c": b"\0\xff", "d": {"e": (b"", ())}}
    assert sent(message) == message


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_arrays_come_back_writable(dtype):
    array = np.arange(24).astype(dtype).reshape(2, 3, 4)[:, ::-1]
    back = sent((array, array))[1]
    assert back.dtype == array.dtype and back.flags.writeable and back.flags.c_contiguous
    np.testing.assert_array_equal(back, array)


def test_photos_come_back_with_their_metadata():
    photo = samples.annotated(samples.noise(4, "uint16"))
    back = sent(photo)
    np.testing.assert_array_equal(back.to_array(), photo.to_array())
    assert back.metadata == photo.metadata


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="a set cannot be sent"):
        sent({1})


def test_incomplete_message_is_an_error():
    file = io.BytesIO()
    send(file, b"some bytes")
    for length in (0, 5, len(file.getvalue()) - 1):
        with pytest.raises(EOFError):
            receive(io.BytesIO(file.getvalue()[:length]))
