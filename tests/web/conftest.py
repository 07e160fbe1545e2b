"""Servers, clients and a browser for the tests of the web page."""

from __future__ import annotations

import contextlib

import pytest
from chromium import browsing

pytest.importorskip("paddle")
pytest.importorskip("starlette")

from web_samples import TILES, serving

from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.web.app import create_app


@pytest.fixture
def serve():
    """A function that starts a server with its own limits and returns a client."""
    with contextlib.ExitStack() as stack:

        def serve(limits=None, **options):
            app = create_app(InferenceOptions(**options), limits)
            return stack.enter_context(serving(app))

        yield serve


@pytest.fixture(scope="module")
def client():
    """A client of a shared server with small tiles, so that progress is visible."""
    with serving(create_app(InferenceOptions(**TILES))) as client:
        yield client


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless browser."""
    pytest.importorskip("websockets")
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def visit(browser, client, tmp_path):
    """A function that opens the page as a new visitor."""

    def visit(name="visitor"):
        downloads = tmp_path / name
        downloads.mkdir()
        page = browser.visitor(downloads)
        page.open(str(client.base_url))
        page.until("document.querySelectorAll('#task option').length")
        return page

    return visit
