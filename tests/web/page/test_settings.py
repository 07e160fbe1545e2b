"""The settings of the page, in a real browser."""

from __future__ import annotations

import pytest
from chromium import PROGRAM
from web_samples import options_of, set_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")


def test_a_second_task_is_offered_if_the_first_can_be_combined(visit):
    page = visit()
    shown = "document.getElementById('then-row').checkVisibility()"
    assert not page.evaluate(shown)
    set_fields(page, task="Denoising")
    assert page.evaluate(shown)
    assert options_of(page, "then") == ["", "Deblurring", "Deraining"]
    set_fields(page, then="Deraining")
    assert options_of(page, "network") == ["MPRNet"]
    set_fields(page, task="LowLight")
    assert options_of(page, "then") == ["", "RealDenoising", "Retouching"]
    set_fields(page, task="SuperResolution")
    assert not page.evaluate(shown)
    assert page.evaluate("document.getElementById('then').value") == ""
