"""What holds for the package as a whole: imports, layers, speech."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

# package -> packages of ours that it may import; leaves may import only errors, tasks, files, ...
LAYERS = {
    "apps": {"inference", "imaging", "weights", "models"},
    "inference": {"models", "weights", "imaging"},
    "weights": {"models"},
    "imaging": set(),
    "models": set(),
    "metrics": {"imaging"},
    "datasets": {"imaging"},
    "engine": {"models", "metrics", "datasets", "weights", "imaging", "host"},
    "host": set(),
}
MAY_IMPORT_PPGAN = ("host", "engine")


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


def test_layers(root):
    violations = []
    for file in sorted((root / "ppgan_mpr").rglob("*.py")):
        parts = file.relative_to(root / "ppgan_mpr").parts
        room = parts[0] if len(parts) > 1 else None
        for name in imports(file, root):
            words = name.split(".")
            if words[0] == "ppgan" and room not in MAY_IMPORT_PPGAN:
                violations.append(f"{file}: {name}")
            if words[0] == "ppgan_mpr" and len(words) > 1 and room in LAYERS:
                target = words[1]
                if target in LAYERS and target != room and target not in LAYERS[room]:
                    violations.append(f"{file}: {name}")
    assert violations == []


def test_every_room_has_its_rule(root):
    rooms = {path.parent.name for path in (root / "ppgan_mpr").glob("*/__init__.py")}
    assert rooms == set(LAYERS)


@pytest.mark.parametrize("module", ["ppgan_mpr", "ppgan_mpr.apps", "ppgan_mpr.apps.cli"])
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
    code = "import sys; from ppgan_mpr.apps.cli import main; sys.exit(main())"
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
