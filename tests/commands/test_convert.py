import subprocess
import sys

import pytest

from ppgan_mpr.weights import load_weights


@pytest.fixture
def tool(root, tmp_path):
    def run(*arguments):
        script = root / "tools" / "convert_weights.py"
        return subprocess.run(
            [sys.executable, str(script), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run


def test_converts_by_name_and_keeps_the_task(tool, tmp_path):
    done = tool("lite:Deraining", "out.safetensors")
    assert done.returncode == 0, done.stderr
    assert "MPRNet, task Deraining, 256 tensors" in done.stdout
    assert load_weights(tmp_path / "out.safetensors").task == "Deraining"


def test_prints_the_exact_name_of_the_task(tool):
    done = tool("lite:Deraining", "out.safetensors", "--task", "deRAINING")
    assert "task Deraining," in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.pdparams", "out.pdparams"), "none.pdparams cannot be read"),
        (("lite:Deraining", "out.onnx"), "does not end in"),
        (("lite:Deraining", "out.pdparams", "--half"), ".safetensors"),
        (("lite:Deraining", "out.pdparams", "--scale", "4"), "--scale 4 is for .safetensors only"),
        (("authors:Deraining", "out.pdparams"), "authors:Deraining cannot be downloaded"),
        (("lite:Deraining", "out.pth"), "safetensors.torch.load_file"),
        (("lite:Deraining", "no/such/folder/out.pdparams"), "cannot be written"),
        (("lite:Deraining", "out.pdparams", "--task", "Denoising"), "holds weights for Deraining"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(tool, arguments, message):
    done = tool(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
