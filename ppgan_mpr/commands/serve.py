"""The command ``mprnet-web``: serves the web page and its JSON API."""

from __future__ import annotations

import argparse
import errno
import ipaddress
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..checks import check_whole_number
from ..errors import UsageError
from ..version import __version__
from .flags import as_flags
from .inference_flags import add_inference_flag
from .program import program_name, run_program

if TYPE_CHECKING:
    import uvicorn

# Options that depend on the machine. Visitors choose all others.
_SERVER_OPTIONS = (
    "device", "backend", "precision", "threads", "memory", "tile", "overlap", "picture_limit",
    "read_timeout",
)  # fmt: skip
_OWN_OPTIONS = ("port", "max_upload", "max_pixels", "queue", "keep", "keep_minutes")


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options; a wrong one ends the program with exit code 2."""
    from ..inference.options import InferenceOptions
    from ..web.limits import Limits

    limits = Limits()
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description="Serve a web page and a JSON API that restore photographs. The page loads "
        "nothing from other hosts, and no data leave this machine.",
    )
    add: Any = parser.add_argument
    add("--version", action="version", version=f"ppgan_mpr {__version__}")
    add(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="address to listen on; if it is not a loopback address, anyone on the network can use "
        "the server without a password: see docs/server.md (default: %(default)s)",
    )  # fmt: skip
    add("--port", type=int, default=8000, metavar="N", help="0: any free port (default: 8000)")
    add(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="a host name by which browsers reach this server, such as photos.example.org; may be "
        "repeated",
    )  # fmt: skip
    group = parser.add_argument_group("limits")
    add = group.add_argument
    default = "(default: %(default)s)"
    add(
        "--max-upload", type=int, default=limits.upload >> 20, metavar="MB",
        help=f"size of one request {default}",
    )  # fmt: skip
    add(
        "--max-pixels", type=int, default=limits.pixels // 10**6, metavar="MILLIONS",
        help=f"pixels of one picture {default}",
    )  # fmt: skip
    add(
        "--queue", type=int, default=limits.queue, metavar="N",
        help=f"largest number of waiting pictures {default}",
    )  # fmt: skip
    add(
        "--keep", type=int, default=limits.kept, metavar="N",
        help=f"largest number of results kept {default}",
    )  # fmt: skip
    add(
        "--keep-minutes", type=int, default=limits.seconds // 60, metavar="N",
        help=f"how long results are kept {default}",
    )  # fmt: skip
    group = parser.add_argument_group("speed and memory")
    for option in InferenceOptions.documented():
        if option.name in _SERVER_OPTIONS:
            add_inference_flag(group, option)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    args = parse_args(argv)
    names = {name: f"--{name.replace('_', '-')}" for name in (*_SERVER_OPTIONS, *_OWN_OPTIONS)}
    return run_program(lambda: _serve(args), message=lambda error: as_flags(error, names))


def _serve(args: argparse.Namespace) -> int:
    from ..dependencies import require
    from ..inference.options import InferenceOptions
    from ..web.limits import Limits

    for module in ("starlette", "python_multipart", "uvicorn"):
        require(module)
    import uvicorn

    from ..web.app import create_app

    check_whole_number("port", args.port, 0, 65535)
    for name in _OWN_OPTIONS[1:]:
        check_whole_number(name, getattr(args, name), 1, 1 << 20)
    limits = Limits(
        upload=args.max_upload << 20,
        pixels=args.max_pixels * 10**6,
        queue=args.queue,
        kept=args.keep,
        seconds=args.keep_minutes * 60,
    )
    options = InferenceOptions(**{name: getattr(args, name) for name in _SERVER_OPTIONS})
    app = create_app(options, limits, args.allow_host)
    config = uvicorn.Config(
        app, args.host, args.port, log_level="warning", server_header=False, limit_concurrency=100,
        timeout_graceful_shutdown=5, timeout_keep_alive=30,
    )  # fmt: skip
    with _listening(args.host, args.port) as listening:
        host, port = listening.getsockname()[:2]
        print(f"{_address(host, port)}  (Ctrl-C ends it)", flush=True)
        if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            print(
                "warning: anyone on the network can use this server without a password: "
                "see docs/server.md",
                file=sys.stderr,
                flush=True,
            )
        server = uvicorn.Server(config)
        _end_on_hangup(server)
        server.run(sockets=[listening])
    return 0


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        UsageError: the port is taken, or the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} is taken: choose another with --port") from None
        reason = error.strerror or error
        raise UsageError(
            f"cannot listen on {host}, port {port} ({reason}): choose others with --host and --port"
        ) from None


def _address(host: str, port: int) -> str:
    """The address of the page for a browser on this machine."""
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _end_on_hangup(server: uvicorn.Server) -> None:
    """Let SIGHUP end a server as SIGTERM does; uvicorn itself does not handle SIGHUP."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows does not have it
    if hangup is None or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(hangup) != signal.SIG_IGN:
        signal.signal(hangup, lambda _, frame: server.handle_exit(signal.SIGTERM, frame))


if __name__ == "__main__":
    sys.exit(main())
