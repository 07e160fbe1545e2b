from __future__ import annotations

import logging
import threading

import pytest

from ppgan_mpr.inference import Model, preparation
from ppgan_mpr.inference.backends import create_backend
from ppgan_mpr.inference.options import InferenceOptions
from ppgan_mpr.inference.preparation import Preparation
from ppgan_mpr.networks import find_network


class Lines(logging.Handler):
    """Collects log messages."""

    def __init__(self):
        super().__init__()
        self.texts, self.arrived = [], threading.Event()

    def emit(self, record):
        self.texts.append(record.getMessage())
        self.arrived.set()


@pytest.fixture
def lines():
    """The announced lines."""
    handler, logger = Lines(), logging.getLogger("ppgan_mpr")
    logger.addHandler(handler)
    level, _ = logger.level, logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.mark.parametrize("patience", [0, 0.01])
def test_long_preparation_is_announced_once(lines, monkeypatch, patience):
    monkeypatch.setattr(preparation, "PATIENCE", patience)
    first = Preparation("SomeNet (Sharpening)")
    for _ in range(2):
        with first.announced():
            assert lines.arrived.wait(60)
    assert len(lines.texts) == 1
    assert lines.texts[0].startswith("preparing SomeNet (Sharpening) for this computer, once:")


def test_short_preparation_is_not_announced(lines, monkeypatch):
    monkeypatch.setattr(preparation, "PATIENCE", 3600)
    with Preparation("SomeNet").announced():
        pass
    assert lines.texts == []


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_only_the_first_use_on_a_computer_is_announced(
    lines, monkeypatch, network, cache, photo, backend
):
    pytest.importorskip(backend)
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    monkeypatch.setattr(preparation, "PATIENCE", 0)
    counts = []
    for _ in range(2):
        model = Model(
            "a", find_network("MPRNet"), lambda: network, cache, title="Mine (Sharpening)"
        )
        options = InferenceOptions(backend=backend, device="cpu")
        create_backend(model, options).run(photo.transpose(2, 0, 1)[None])
        counts.append(len(lines.texts))
    assert counts == [1, 1]
    assert "Mine (Sharpening)" in lines.texts[0]


def test_compilation_of_an_exported_network_is_announced(lines, monkeypatch, model, photo):
    pytest.importorskip("openvino")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    monkeypatch.setattr(preparation, "PATIENCE", 3600)
    # Little memory, so that each size has its own network.
    options = InferenceOptions(backend="openvino", device="cpu", memory="1K")
    backend = create_backend(model, options)
    # Sizes that no other test uses; the first one exports the network if necessary.
    first, second, third = (photo[:32, :w].transpose(2, 0, 1)[None] for w in (40, 48, 56))
    backend.run(first)
    monkeypatch.setattr(preparation, "PATIENCE", 0)
    backend.run(second)
    backend.run(third)
    (line,) = lines.texts
    assert "for pictures of a new size, once for each size" in line
