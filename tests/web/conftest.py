"""A server that the tests of this folder share, and servers of their own."""

from __future__ import annotations

import contextlib

import pytest

pytest.importorskip("paddle")
pytest.importorskip("starlette")

from web_samples import TILES, serving

from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.web.app import create_app


@pytest.fixture
def serve():
    """A function that serves with these limits until the test ends, and returns a client."""
    with contextlib.ExitStack() as stack:

        def serve(limits=None, **options):
            app = create_app(InferenceOptions(**options), limits)
            return stack.enter_context(serving(app))

        yield serve


@pytest.fixture(scope="module")
def client():
    """A client of a server with small tiles, so that there is progress to see."""
    with serving(create_app(InferenceOptions(**TILES))) as client:
        yield client
