"""Rules for the package as a whole: layers, imports, names and test files."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

# From the bottom to the top: a package may import those before it, never those after it.
# Modules beside the packages (errors, files, ...) import none of them.
LAYERS = (
    "imaging", "networks", "detection", "weights", "inference", "comparison", "apps", "metrics",
    "video", "web", "datasets", "engine", "cluster", "plugin", "commands",
)  # fmt: skip
ABOVE_ALL = ("__init__", "host")
MAY_IMPORT_PPGAN = ("ppgan_compat", "engine", "plugin", "commands")


def string_constants(file: Path):
    """(value, line) of every string in a file except docstrings and annotations."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr):
            left_out.add(id(node.body[0].value))
    for node in ast.walk(tree):
        if id(node) not in left_out and isinstance(getattr(node, "value", None), str):
            yield node.value, node.lineno


def imports(file: Path, root: Path):
    """Absolute dotted names of all imports in a file, at any depth, including those by string."""
    package = list(file.relative_to(root).parent.parts)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
    for text, _ in string_constants(file):
        # "ppgan_mpr.engine.trainer" or "..engine" names a module for importlib or a lazy table.
        if re.fullmatch(r"(ppgan|ppgan_mpr)(\.\w+)+(:\w+)?", text):
            yield text.replace(":", ".")
        elif re.fullmatch(rf"({'|'.join(LAYERS)})(\.\w+)+", text):
            yield f"ppgan_mpr.{text}"  # an entry in a table for importlib
        elif relative := re.fullmatch(r"(\.+)([a-z_]\w*(\.\w+)*)", text):
            base = package[: len(package) - len(relative[1]) + 1]
            candidate = [*base, *relative[2].split(".")]
            if (root.joinpath(*candidate[:2])).is_dir() or len(base) > 1:
                yield ".".join(candidate)


def modules(root: Path):
    """Every file of the package, with the parts of its path in the package."""
    for file in sorted((root / "ppgan_mpr").rglob("*.py")):
        yield file, file.relative_to(root / "ppgan_mpr").with_suffix("").parts


def upward_imports(root: Path):
    violations = []
    for file, parts in modules(root):
        if parts[0] in ABOVE_ALL:
            continue
        level = LAYERS.index(parts[0]) if parts[0] in LAYERS else -1
        for name in imports(file, root):
            words = name.split(".")
            if words[0] == "ppgan" and parts[0] not in MAY_IMPORT_PPGAN:
                violations.append(f"{'/'.join(parts)}: {name}")
            room = words[1] if words[0] == "ppgan_mpr" and len(words) > 1 else None
            if room in LAYERS and LAYERS.index(room) > level:
                violations.append(f"{'/'.join(parts)}: {name}")
    return violations


def test_imports_run_downwards_only(root):
    assert upward_imports(root) == []


@pytest.mark.parametrize(
    "code",
    [
        "from ..engine import trainer",
        "def later():\n    from ppgan_mpr.apps import predictor",
        "import importlib\nimportlib.import_module('ppgan_mpr.engine.trainer')",
        "import importlib\nimportlib.import_module('..apps.predictor', __package__)",
        "TABLE = {'MPRModel': 'ppgan_mpr.engine.mpr_model:MPRModel'}",
        "import ppgan.models",
        "import importlib\nT = {'a': 'engine.trainer'}\nimportlib.import_module(f\"..{T['a']}\")",
    ],
)
def test_upward_imports_of_every_form_are_found(tmp_path, code):
    for layer in LAYERS:
        (tmp_path / "ppgan_mpr" / layer).mkdir(parents=True)
        (tmp_path / "ppgan_mpr" / layer / "__init__.py").write_text("")
    (tmp_path / "ppgan_mpr" / "weights" / "loading.py").write_text(code)
    assert len(upward_imports(tmp_path)) >= 1


def test_every_package_has_a_layer(root):
    packages = {path.parent.name for path in (root / "ppgan_mpr").glob("*/__init__.py")}
    assert packages == set(LAYERS)


# Data-set recipes know which task a data set is for.
MAY_NAME_TASKS = (("datasets", "prepare"),)


def test_only_the_package_networks_contains_names_of_networks_and_tasks(root):
    """Other code asks the specs, so that a new network needs no changes elsewhere."""
    from ppgan_mpr.networks import networks, tasks

    names = {spec.name for spec in networks()} | {spec.title for spec in networks()} | set(tasks())
    lower = {name.lower() for name in names}
    named = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, names)) + r")(?![\w-])")
    found = []
    for file, parts in modules(root):
        if parts[0] == "networks" or parts[:2] in MAY_NAME_TASKS:
            continue
        for text, line in string_constants(file):
            # A string that is only a name counts in any case, except "mprnet", the program's name.
            if named.search(text) or text.lower() in lower - {"mprnet"}:
                found.append(f"{'/'.join(parts)}:{line}: {text!r}")
    assert found == []


@pytest.mark.parametrize(
    "module", ["ppgan_mpr", "ppgan_mpr.imaging", "ppgan_mpr.apps", "ppgan_mpr.commands.restore"]
)
def test_importing_is_light(module, root):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"paddle", "ppgan", "cv2", "openvino", "onnxruntime", "torch", "pooch"}
    if module == "ppgan_mpr":
        assert "numpy" not in loaded


def test_missing_paddle_is_explained_in_one_sentence(root, tmp_path):
    """The error names the command that installs PaddlePaddle."""
    (tmp_path / "paddle.py").write_text("raise ModuleNotFoundError(name='paddle')")
    (tmp_path / "a.png").write_bytes(b"")
    code = "import sys; from ppgan_mpr.commands.restore import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "a.png", "--task", "Denoising", "--model", "lite"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        # The cache is empty, as an exported network would run without PaddlePaddle.
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "", "PPGAN_MPR_HOME": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "pip install 'ppgan_mpr[cpu]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_version_is_three_numbers(root):
    import ppgan_mpr

    assert re.fullmatch(r"\d+\.\d+\.\d+", ppgan_mpr.__version__)


# Files with tests of the whole program, of the documentation and of the repository.
WHOLE_PROGRAM = {
    "test_benchmarks.py", "test_docs.py", "test_docstrings.py", "test_documented_commands.py",
    "test_installed.py", "test_lite_scores.py",
    "test_outside_network.py", "test_package.py", "test_portability.py", "test_privacy.py",
    "test_readme.py", "test_samples.py", "soak/test_soak.py", "commands/test_two_nodes.py",
    # Training from start to end.
    "commands/test_distributed_training.py", "commands/test_resumed_training.py",
    "engine/test_failures_during_training.py", "engine/test_nafnet_training.py",
    "engine/test_overfit.py", "engine/test_resume.py",
}  # fmt: skip


def test_every_test_file_mirrors_a_module(root):
    """``tests/a/test_b.py`` tests ``ppgan_mpr/a/b.py``, ``b.js`` or the package ``b``."""
    alone = []
    for file in sorted((root / "tests").rglob("test_*.py")):
        name = file.relative_to(root / "tests")
        tested = root / "ppgan_mpr" / name.parent / name.stem.removeprefix("test_")
        modules = (tested.with_suffix(suffix) for suffix in (".py", ".js"))
        if not (tested.is_dir() or any(module.is_file() for module in modules)):
            alone.append(name.as_posix())
    assert set(alone) - WHOLE_PROGRAM == set()
    assert all((root / "tests" / name).is_file() for name in WHOLE_PROGRAM)
