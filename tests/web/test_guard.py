"""Requests from pages of other sites, and bodies that never end."""

from __future__ import annotations

import asyncio

import pytest
from web_samples import LITE, png, serving

from ppgan_mpr.web.app import create_app
from ppgan_mpr.web.errors import Refusal
from ppgan_mpr.web.guard import Guard


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", ""])
def test_foreign_host_names_are_refused(client, host):
    answer = client.get("/health", headers={"Host": host})
    assert answer.status_code == 421
    assert "default-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_own_names_and_addresses_are_accepted(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_names_given_at_the_start_are_accepted():
    with serving(create_app(names=["Photos.example"])) as client:
        assert client.get("/health", headers={"Host": "photos.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_posts_from_other_sites_are_refused(client, headers):
    files = {"image": ("photo.png", png())}
    answer = client.post("/restore", data=LITE, files=files, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin")


def test_posts_from_the_servers_own_page_are_accepted(client):
    headers = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    files = {"image": ("photo.png", png())}
    answer = client.post("/restore", data=LITE, files=files, headers=headers)
    assert answer.status_code == 202


def test_a_body_that_stops_before_its_end_times_out():
    parts = [{"type": "http.request", "body": b"x", "more_body": True}]

    async def receive():
        return parts.pop() if parts else await asyncio.sleep(60)

    async def app(scope, receive, send):
        while True:
            await receive()

    scope = {"type": "http", "method": "POST", "headers": [(b"host", b"localhost")]}
    guard = Guard(app, names=(), most=100, patience=0.01)
    with pytest.raises(Refusal) as refused:
        asyncio.run(guard(scope, receive, None))
    assert refused.value.status_code == 408


def test_every_answer_has_protective_headers(client):
    for path in ("/health", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
