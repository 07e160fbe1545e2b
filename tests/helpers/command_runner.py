"""Runs the documentation's commands in the current folder."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from shutil import rmtree

import numpy as np
from documented_commands import Command

# They fork or start processes, which must not inherit the threads of this one.
_IN_A_NEW_PROCESS = ("mprnet-train", "mprnet-bulk")
_ONCE = ("mprnet-bulk",)  # It takes long and stands on several pages.
_SERVER = "http://127.0.0.1:8000"  # where the pages' server listens


def programs(root: Path) -> dict[str, str]:
    """The package's commands, and the modules with their ``main``."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return dict(re.findall(r'^(mprnet[\w-]*) = "([\w.]+):main"$', text, re.M))


class Runner:
    """Runs commands; a program that has no module here fails.

    Args:
        root: the checkout.
        before: commands that ran before on other pages; run commands are added.
    """

    def __init__(self, root: Path, before: set[str]):
        self._programs, self._before, self._root = programs(root), before, root
        self._server: subprocess.Popen[str] | None = None
        self._address = self._job = ""

    def run(self, command: Command) -> None:
        """Run a command; raises AssertionError if it fails."""
        rmtree("output_dir", ignore_errors=True)  # of another example
        if command.language == "python":
            exec(compile(command.text, command.place, "exec"), {"array": _array()})
            return
        program, *arguments = shlex.split(command.text)
        if program in _ONCE and command.text in self._before:
            return
        self._before.add(command.text)
        if program == "curl":
            self._ask(command, arguments)
            return
        assert program in self._programs, f"{command}: mark it, or let Runner run it"
        module = self._programs[program]
        if program == "mprnet-web":
            self._start_server(module, arguments)
        elif program in _IN_A_NEW_PROCESS:
            done = subprocess.run(
                [sys.executable, "-m", module, *arguments],
                env=self._environment(), capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        else:
            code: object
            try:
                code = importlib.import_module(module).main(arguments)
            except SystemExit as ended:
                code = ended.code
            assert code == 0, f"{command}: exit code {code}"

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.terminate()
            self._server.communicate()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self._root)}

    def _start_server(self, module: str, arguments: list[str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--port", "0"],
            env=self._environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._server.stdout is not None
        self._address = self._server.stdout.readline().split()[0]
        assert json.loads(self._get("/health"))["status"] == "ok"

    def _ask(self, command: Command, arguments: list[str]) -> None:
        """Send a request to the server; ``ID`` is that of the last job."""
        while re.search(r"^mprnet_web_(?:waiting|running) [^0]", self._get("/metrics"), re.M):
            time.sleep(0.05)
        arguments = [
            argument.replace(_SERVER, self._address).replace("/jobs/ID", f"/jobs/{self._job}")
            for argument in arguments
        ]
        done = subprocess.run(["curl", "-sS", "--fail", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        with contextlib.suppress(ValueError):  # a result, or nothing
            self._job = json.loads(done.stdout)["id"]

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self._address + path) as answer:
            return answer.read().decode()


def _array() -> np.ndarray:
    """The picture called ``array`` in the README."""
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
