"""Sources that cannot be read do not stop the others."""

import os

import numpy as np
import pytest
from apps_samples import picture, predictor


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    picture().save(tmp_path / "z.png")
    results = predictor(tmp_path).run(tmp_path)
    assert "not an ordinary file" in results[0].error
    assert results[1].ok


def test_source_that_cannot_become_an_array_is_reported(denoise):
    class Broken:
        def __array__(self, *_args, **_kwargs):
            raise RuntimeError("no array today")

    results = denoise.run([Broken(), np.zeros([8, 8, 3], np.uint8)])
    assert "no array today" in results[0].error
    assert results[1].ok
