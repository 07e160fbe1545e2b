"""The package uses no feature of the operating system that Windows or macOS lack."""

import ast
import os
import re
import subprocess
import sys

import pytest

# Modules that one of the systems lacks. Only functions that check for them may import them.
SYSTEM_MODULES = {
    "fcntl", "grp", "msvcrt", "posix", "pty", "pwd", "resource", "termios", "winreg", "_winapi",
}  # fmt: skip
TEXT_METHODS = {"read_text", "write_text"}
KERNEL_READERS = ("free_memory.py", "memory.py", "worker.py")  # read Linux's files, all ASCII


def sources(root):
    for path in sorted((root / "ppgan_mpr").rglob("*.py")):
        yield path.relative_to(root), ast.parse(path.read_text(encoding="utf-8"))


def test_modules_that_a_system_lacks_are_not_imported_at_module_level(root):
    found = []
    for path, tree in sources(root):
        top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        for node in top:
            names = [alias.name for alias in node.names]
            names += [getattr(node, "module", None) or ""]
            found += [f"{path}:{node.lineno}" for name in names if name in SYSTEM_MODULES]
    assert found == []


def test_text_files_are_opened_with_an_encoding(root):
    """The default encoding of Windows is not UTF-8."""
    found = []
    for path, tree in sources(root):
        for node in ast.walk(tree):
            if (
                path.name not in KERNEL_READERS
                and isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in TEXT_METHODS
                and not any(keyword.arg == "encoding" for keyword in node.keywords)
            ):
                found.append(f"{path}:{node.lineno}")
    assert found == []


# Simulates on Linux a Python that lacks what Windows or macOS lack. Libraries are imported first,
# because they are built for each system.
WITHOUT = """
import multiprocessing, os, shutil, signal, subprocess, sys, tempfile
import cv2, numpy, openvino, paddle, PIL.Image, pooch, psutil, requests, tqdm
for name in ("grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for module, names in (
    (os, "fork getuid geteuid getgid sched_getaffinity link fchmod chown killpg O_TMPFILE "
         "O_DIRECTORY O_NOFOLLOW mkfifo statvfs setsid"),
    (signal, "SIGHUP SIGALRM SIGUSR1 SIGUSR2 alarm setitimer"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
from ppgan_mpr.commands.restore import main
flags = ["--task", "Denoising", "--model", "lite", "--skip-existing"]
sys.exit(any([main([photo, *flags]) for photo in sys.argv[1:] for _ in range(2)]))
"""


def test_restoring_needs_nothing_that_windows_or_macos_lack(tmp_path, root):
    from PIL import Image

    for package in ("openvino", "onnx"):  # the program needs them
        pytest.importorskip(package)
    photos = ["photo.png", "photo.webp"]
    for photo in photos:
        Image.new("RGB", (24, 17), (90, 80, 70)).save(tmp_path / photo)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *photos],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summaries = re.findall(r"\b1 (restored|skipped)", done.stdout)
    assert summaries == ["restored", "skipped"] * len(photos)
    assert not list((tmp_path / "output_dir").rglob(".*"))


def test_workflow_covers_the_supported_versions(root):
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    workflow = (root / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    assert f"python: {supported}".replace("'", '"') in workflow
    assert "os: [ubuntu-latest, macos-latest, windows-latest]" in workflow


def test_documented_environment_variables_are_those_of_the_code(root):
    """In files that use the environment, every string that looks like a variable counts as one.

    Names that ``getattr`` looks up do not count.
    """
    used = set()
    for path, tree in sources(root):
        if "environ" in (root / path).read_text(encoding="utf-8"):
            calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
            looked_up = {
                id(argument)
                for call in calls
                if isinstance(call.func, ast.Name) and call.func.id == "getattr"
                for argument in call.args
            }
            names = [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in looked_up
            ]
            used |= {name for name in names if re.fullmatch(r"[A-Z]+_[A-Z_]+|GLOG_\w+", name)}
    page = (root / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.partition("## Environment variables")[2].partition("Libraries read others")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert used == set(re.findall(r"`(\w+)`", " ".join(first_cells)))
