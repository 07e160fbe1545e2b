"""A local https server with its own certificate authority."""

from __future__ import annotations

import http.server
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import trustme


class Server:
    """Answers requests for any path with ``content``.

    Attributes:
        content: content of every file.
        status: status of every answer.
        cut: number of bytes left out at the end of the content.
        redirect: address to which every request is redirected, or None.
        endless: send data without end, and announce no length.
        pause: seconds between the quarters of the content.
        requests: number of requests received.
        paths: paths of these requests.
        url: address of a file.
        authority: certificate file of the authority, for ``REQUESTS_CA_BUNDLE``.

    Args:
        folder: folder for the authority's file.
        tls: speak https rather than http.
    """

    def __init__(self, folder: Path, tls: bool = True):
        self.content, self.status, self.cut, self.requests = b"", 200, 0, 0
        self.redirect: str | None = None
        self.endless, self.pause = False, 0.0
        self.paths: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that leave
        self.authority = folder / "authority.pem"
        if tls:
            authority = trustme.CA()
            authority.cert_pem.write_to_path(str(self.authority))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/MPR_Deblurring.pdparams"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.requests += 1
        self.paths.append(request.path)
        request.send_response(302 if self.redirect else self.status)
        if self.redirect:
            request.send_header("Location", self.redirect)
        if not self.endless:
            request.send_header("Content-Length", str(0 if self.redirect else len(self.content)))
        request.end_headers()
        if self.redirect:
            return
        while self.endless:
            request.wfile.write(bytes(1 << 20))
        body = self.content[: len(self.content) - self.cut]
        step = max(1, -(-len(body) // 4))
        for start in range(0, len(body), step):
            request.wfile.write(body[start : start + step])
            request.wfile.flush()
            time.sleep(self.pause)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
