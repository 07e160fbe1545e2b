"""Checks of every request: its host name, the site that it comes from, and its size."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import Refusal, answer

_HEADERS = {
    # Only this server's own files; no inline scripts, no inline styles, no frames.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_READ_ONLY = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware that refuses requests from other sites and bodies that are too long.

    A page of another site can reach a server on a loopback address in two ways. It can post to the
    server: such requests have a foreign ``Origin``. Or its host name can be made to resolve to the
    loopback address (DNS rebinding), so that the browser takes both for the same site: such
    requests have a foreign ``Host``. IP addresses cannot be rebound.

    Args:
        app: the application to protect.
        names: host names of this server, besides ``localhost`` and IP addresses.
        most: largest size of a request's body in bytes.
        patience: longest wait for the next part of a body in seconds.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], most: int, patience: float = 60):
        self._app, self._most, self._patience = app, most, patience
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope)
        except Refusal as refusal:
            scope["app"].state.jobs.totals.rejected[refusal.code] += 1
            await answer(refusal)(scope, receive, send_protected)
        else:
            await self._app(scope, self._limited(receive), send_protected)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            raise Refusal(
                421,
                "host",
                "The server does not accept this host name: start it with --allow-host.",
            )
        if scope["method"] not in _READ_ONLY:
            origin, site = headers.get("origin"), headers.get("sec-fetch-site")
            # Only host and port are compared: behind a proxy that ends TLS the scheme differs.
            foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
            if foreign or site in ("cross-site", "same-site"):
                raise Refusal(403, "origin", "The request comes from a page of another site.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most:
            raise _too_large(self._most)

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._names:
                return True
            ipaddress.ip_address(name)
            return True
        except ValueError:
            return False

    def _limited(self, receive: Receive) -> Receive:
        received, complete = 0, False

        async def limited() -> Message:
            nonlocal received, complete
            try:  # after the body only the end of the connection follows, which may take any time
                patience = None if complete else self._patience
                message = await asyncio.wait_for(receive(), patience)
            except asyncio.TimeoutError:
                raise Refusal(408, "slow", "The upload stopped early: try again.") from None
            complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self._most:  # a body sent in chunks does not state its length
                raise _too_large(self._most)
            return message

        return limited


def _too_large(most: int) -> Refusal:
    megabytes = round(most / 1e6)
    return Refusal(
        413, "too_large", f"The upload is larger than the {megabytes} MB allowed here.",
        megabytes=megabytes,
    )  # fmt: skip
