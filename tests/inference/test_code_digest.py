"""A network exported by changed code never runs, even if the version number is the same."""

import importlib
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

SPEC = "ppgan_mpr.networks.mprnet.network:MPRNet"
PRINT = f"from ppgan_mpr.inference.code_digest import code_digest; print(code_digest({SPEC!r}))"


def run(*arguments, path, **environment):
    variables = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=path.parent,  # Python searches the current folder first
        env={**variables, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def copy(root, tmp_path):
    """A copy of the package that may be changed."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "ppgan_mpr", tmp_path / "copy" / "ppgan_mpr", ignore=ignored)
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def unchanged(root):
    """The digest of the package as it is."""
    return run("-c", PRINT, path=root)


def change(file, before, after):
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_changed_network_is_exported_again(copy, tmp_path):
    pytest.importorskip("openvino")
    pixels = np.random.default_rng(0).integers(0, 255, [16, 16, 3], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    code = "import sys; from ppgan_mpr.commands.restore import main; sys.exit(main())"
    command = ["-c", code, str(tmp_path / "a.png"), "--task", "Denoising", "--model", "lite"]
    command += ["--overwrite", "--backend", "openvino", "-o", str(tmp_path / "out")]

    def restored():
        run(*command, path=copy, PPGAN_MPR_HOME=str(tmp_path / "home"))
        return np.asarray(Image.open(tmp_path / "out" / "Denoising" / "a_restoration.png"))

    first = restored()
    np.testing.assert_array_equal(restored(), first)
    network = copy / "ppgan_mpr" / "networks" / "blocks" / "attention.py"
    change(network, "return x * ", "return 0.5 * x * ")
    assert (restored() != first).any()


CHANGE_EACH = f"""
import sys
from pathlib import Path
import ppgan_mpr
from ppgan_mpr.inference.code_digest import code_digest
for name in sys.argv[1:]:
    file = Path(ppgan_mpr.__file__).parent / name
    content = file.read_bytes()
    file.write_bytes(content + b"# changed\\n")
    code_digest.cache_clear()
    print(name, code_digest({SPEC!r}))
    file.write_bytes(content)
"""


def test_digest_depends_only_on_the_files_that_shape_the_exported_network(copy, unchanged):
    its_own = (
        "networks/mprnet/network.py", "networks/mprnet/spec.py", "networks/blocks/conv.py",
        "networks/spec.py", "inference/export/operators.py", "inference/shared_statistics.py",
    )  # fmt: skip
    others = ("networks/nafnet/network.py", "apps/predictor.py", "inference/restorer.py")
    lines = run("-c", CHANGE_EACH, *its_own, *others, path=copy).splitlines()
    digests = dict(line.split() for line in lines)
    assert [name for name in its_own if digests[name] == unchanged] == []
    assert [name for name in others if digests[name] != unchanged] == []
    assert len({digests[name] for name in its_own}) == len(its_own)


def test_the_package_may_be_in_a_zip(copy, unchanged, tmp_path):
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for file in sorted((copy / "ppgan_mpr").rglob("*.py")):
            content.write(file, file.relative_to(copy))
    assert run("-c", PRINT, path=archive) == unchanged


def test_neither_the_exporter_nor_paddle_is_imported(copy):
    found = run("-c", f"import sys\n{PRINT}\nprint(*sys.modules)", path=copy).splitlines()[1]
    assert not {"paddle", "onnx", "ppgan_mpr.inference.export"} & set(found.split())


def test_digest_of_a_network_in_another_package_depends_on_that_package(tmp_path, monkeypatch):
    from ppgan_mpr.inference.code_digest import code_digest

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lonely_net.py").write_text("1")
    package = tmp_path / "packed_net"
    package.mkdir()
    for name in ("__init__", "layers", "helpers"):
        (package / f"{name}.py").write_text("1")
    importlib.invalidate_caches()
    layers = ("lonely_net:Net", "packed_net.layers:Net")

    def digests():
        code_digest.cache_clear()
        return [code_digest(layer) for layer in layers]

    before = digests()
    assert len(set(before)) == 2
    (tmp_path / "lonely_net.py").write_text("2")
    (package / "helpers.py").write_text("2")
    after = digests()
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert code_digest("a_package_that_is_not_there.net:Net")
    code_digest.cache_clear()
