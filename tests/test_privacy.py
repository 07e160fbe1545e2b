"""A restoration does not use the network, and writes only to the output folder and the cache."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

# Runs at the start of every Python process, child processes included.
WATCH = """
import os, sys

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
           "socket.sendmsg", "urllib.Request", "http.client.connect")
LOG = {log!r}
busy = []

def watch(event, arguments):
    if event in NETWORK and not busy:
        busy.append(event)
        with open(LOG, "a") as file:
            file.write(f"{{event}} {{arguments!r}}\\n")
        busy.clear()
        raise PermissionError(f"no network: {{event}}")

sys.addaudithook(watch)
"""

# For native code, too: the kernel kills a process that opens an internet socket.
NO_SOCKETS = """
import ctypes, platform, struct, sys

SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
INTERNET = (2, 10)  # AF_INET, AF_INET6
LOAD, EQUAL, RETURN, KILL, ALLOW = 0x20, 0x15, 0x06, 0x80000000, 0x7FFF0000

def deny():
    steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 4, SOCKET), (LOAD, 0, 0, 16)]
    steps += [(EQUAL, 1, 0, INTERNET[0]), (EQUAL, 0, 1, INTERNET[1])]
    steps += [(RETURN, 0, 0, KILL), (RETURN, 0, 0, ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
    head = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(head), 0, 0):
        sys.exit(77)
"""


def environment(tmp_path, root):
    """Environment with new folders for all places where programs write by themselves."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        WATCH.format(log=str(tmp_path / "network.log"))
    )
    places = {
        "HOME": "home",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_CONFIG_HOME": "home/.config",
        "XDG_DATA_HOME": "home/.local/share",
        "XDG_STATE_HOME": "home/.local/state",
        "TMPDIR": "tmp",
        "TMP": "tmp",
        "TEMP": "tmp",
    }
    for name in set(places.values()):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return {
        **kept,
        **{key: str(tmp_path / name) for key, name in places.items()},
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(root)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(code, *arguments, tmp_path, root):
    (tmp_path / "work").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=tmp_path / "work",
        env=environment(tmp_path, root),
        capture_output=True,
        text=True,
    )


RESTORE = "import sys; from ppgan_mpr.commands.restore import main; code = main()\n"
# The same with the kernel's filter, where the operating system has one.
SEALED = f"{NO_SOCKETS}\ndeny()\n{RESTORE}sys.exit(code)"


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime", "paddle"])
def test_restoration_stays_on_the_machine(tmp_path, root, backend):
    """The cache is empty, so that the network is also exported and compiled."""
    for needed in {"openvino": ["openvino", "onnx"], "onnxruntime": ["onnxruntime", "onnx"]}.get(
        backend, []
    ):
        pytest.importorskip(needed)
    if backend != "paddle":
        pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    linux = sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64")
    picture = np.random.default_rng(0).integers(0, 255, [24, 32, 3], np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    arguments = [str(tmp_path / "photo.png"), "--task", "Denoising", "--model", "lite"]
    arguments += ["--backend", backend, "--output_path", str(tmp_path / "out")]
    code = SEALED if linux else f"{RESTORE}sys.exit(code)"
    done = run(code, *arguments, tmp_path=tmp_path, root=root)
    if done.returncode == 77:
        pytest.skip("the kernel filters no system calls here")
    log = tmp_path / "network.log"
    assert not log.exists(), log.read_text()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "Denoising" / "photo_restoration.png").exists()
    assert files_below(tmp_path / "tmp") == []
    assert files_below(tmp_path / "work") == []
    home = files_below(tmp_path / "home")
    folders = [".cache", ".config", ".local", ".local/share", ".local/state"]
    cache = [name for name in home if name not in folders]
    assert all(name.startswith(os.path.join(".cache", "ppgan_mpr")) for name in cache), cache
    assert not [name for name in cache if name.endswith(".tmp")]
    known = ["home", "network.log", "out", "photo.png", "site", "tmp", "work"]
    assert {path.name for path in tmp_path.iterdir()} <= set(known)


@pytest.mark.skipif(sys.platform != "linux", reason="system calls are filtered on Linux")
@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import ctypes; ctypes.CDLL(None).socket(2, 1, 0)",
        "import subprocess; subprocess.run([sys.executable, '-c', "
        "'import socket; socket.create_connection((\"127.0.0.1\", 9))'])",
    ],
    ids=["look-up", "request", "native code", "child process"],
)
def test_every_attempt_to_use_the_network_is_noticed(tmp_path, root, attempt):
    done = run(f"{NO_SOCKETS}\ndeny()\n{attempt}", tmp_path=tmp_path, root=root)
    if done.returncode == 77:
        pytest.skip("the kernel filters no system calls here")
    assert (tmp_path / "network.log").exists() or done.returncode < 0
