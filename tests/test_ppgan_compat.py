from __future__ import annotations

import math

import pytest

from ppgan_mpr.ppgan_compat import import_ppgan, registry_table, soft_relu

paddle = pytest.importorskip("paddle")


def test_soft_relu_computes_the_same_as_in_paddle_2_4():
    values = soft_relu(paddle.to_tensor([-1.0, 0.0, 3.0, 1000.0]), threshold=20.0).numpy()
    expected = [math.log1p(math.exp(x)) for x in (-1, 0, 3, 20)]
    assert values == pytest.approx(expected, rel=1e-6)


def test_unknown_module_of_paddlegan_is_not_reported_as_a_missing_package():
    pytest.importorskip("ppgan")
    with pytest.raises(ModuleNotFoundError, match=r"ppgan\.absent"):
        import_ppgan("ppgan.absent")


def test_classes_put_into_a_registry_table_are_built_by_paddlegan(monkeypatch):
    pytest.importorskip("ppgan")
    import_ppgan("ppgan.metrics.builder")
    from ppgan.metrics.builder import build_metric

    class Constant:
        pass

    monkeypatch.setitem(registry_table("METRICS"), "Constant", Constant)
    assert isinstance(build_metric({"name": "Constant"}), Constant)
