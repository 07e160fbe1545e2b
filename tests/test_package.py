"""What holds for the package as a whole: imports, layers, speech."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

# From the bottom to the top: a package may import those before it, never those after it.
# Modules beside the packages (errors, files, ...) import none of them.
LAYERS = (
    "imaging", "networks", "weights", "inference", "apps", "metrics", "datasets", "engine",
    "plugin", "commands",
)  # fmt: skip
ABOVE_ALL = ("__init__", "host")
MAY_IMPORT_PPGAN = ("ppgan_compat", "engine", "plugin")


def imports(file: Path, root: Path):
    """Absolute dotted names of everything that a file imports, at any depth."""
    package = list(file.relative_to(root).parent.parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_imports_run_downwards_only(root):
    violations = []
    for file in sorted((root / "ppgan_mpr").rglob("*.py")):
        parts = file.relative_to(root / "ppgan_mpr").with_suffix("").parts
        if parts[0] in ABOVE_ALL:
            continue
        level = LAYERS.index(parts[0]) if parts[0] in LAYERS else -1
        for name in imports(file, root):
            words = name.split(".")
            if words[0] == "ppgan" and parts[0] not in MAY_IMPORT_PPGAN:
                violations.append(f"{file}: {name}")
            room = words[1] if words[0] == "ppgan_mpr" and len(words) > 1 else None
            if room in LAYERS and LAYERS.index(room) > level:
                violations.append(f"{file}: {name}")
    assert violations == []


def test_every_package_has_its_layer(root):
    packages = {path.parent.name for path in (root / "ppgan_mpr").glob("*/__init__.py")}
    assert packages == set(LAYERS)


@pytest.mark.parametrize("module", ["ppgan_mpr", "ppgan_mpr.apps", "ppgan_mpr.commands.restore"])
def test_importing_is_light(module, root):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"paddle", "ppgan", "cv2", "openvino", "onnxruntime", "torch", "pooch"}
    if module == "ppgan_mpr":
        assert "numpy" not in loaded


def test_missing_paddle_is_one_sentence(root, tmp_path):
    """Without PaddlePaddle the command says which command installs it."""
    (tmp_path / "paddle.py").write_text("raise ModuleNotFoundError(name='paddle')")
    (tmp_path / "a.png").write_bytes(b"")
    code = "import sys; from ppgan_mpr.commands.restore import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "a.png", "--task", "Denoising", "--model", "lite"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        # An empty cache: what was exported earlier would run without PaddlePaddle.
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "", "PPGAN_MPR_HOME": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "pip install 'ppgan_mpr[cpu]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_versions_agree(root):
    import ppgan_mpr

    assert re.fullmatch(r"\d+\.\d+\.\d+", ppgan_mpr.__version__)
