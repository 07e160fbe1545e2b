"""The command ``mprnet-install-ppgan``: installs PaddleGAN, which only training needs.

ppgan 2.1.0 requires numba 0.53.1, librosa 0.8.1 and imageio 2.9.0, which cannot all be installed
with Python 3.10 and later, so ``pip install ppgan`` fails. This command installs ppgan without its
requirements, and the requirements in versions that suit this Python. Installed packages stay as
they are. If nothing is missing, nothing is downloaded.

This module runs before the dependencies of ppgan_mpr are installed, so it imports only the
standard library and modules of ppgan_mpr that need nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys

from ..child_python import python_command
from ..dependencies import install_command, installed_version

_PPGAN = "ppgan>=2.1.0"

# package -> requirement; ppgan imports the package "six" but does not list it
_REQUIREMENTS = {
    "easydict": "easydict",
    "imageio": "imageio>=2.9",
    "imageio-ffmpeg": "imageio-ffmpeg",
    "librosa": "librosa>=0.8.1",
    "matplotlib": "matplotlib",
    "munch": "munch",
    "natsort": "natsort",
    "numba": "numba>=0.53.1",
    "PyYAML": "PyYAML>=5.1",
    "scikit-image": "scikit-image>=0.14",
    "scipy": "scipy>=1.1",
    "six": "six",
    "tqdm": "tqdm",
}


def missing_requirements() -> list[str]:
    """The pip requirements of ppgan that this Python lacks."""
    missing = [
        requirement
        for package, requirement in _REQUIREMENTS.items()
        if installed_version(package) is None
    ]
    # Four packages provide cv2. One is enough, and a second would overwrite its files.
    if importlib.util.find_spec("cv2") is None:
        missing.append("opencv-python-headless")
    return missing


def pip_install(*arguments: str) -> bool:
    """Run ``pip install`` for this Python; returns whether it succeeded."""
    arguments = ("install", "--disable-pip-version-check", *arguments)
    print("+ python -m pip", *arguments, flush=True)
    code = "import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
    return subprocess.run(python_command(code, *arguments), check=False).returncode == 0


def ppgan_imports() -> bool:
    """Whether PaddleGAN can be imported; a new process tries it."""
    probe = "from ppgan_mpr.ppgan_compat import import_ppgan; import_ppgan('ppgan.engine.trainer')"
    return subprocess.run(python_command(probe), check=False).returncode == 0


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.

    Returns:
        0 if PaddleGAN can be imported, else 1.
    """
    argparse.ArgumentParser(
        prog="mprnet-install-ppgan",
        description="Install PaddleGAN for training, with requirements in versions that suit this "
        "Python. Installed packages stay as they are.",
    ).parse_args(argv)
    missing = missing_requirements()
    if missing:
        # Paddle 2.6 does not work with numpy 2, so pip must not change the numpy version.
        numpy = installed_version("numpy")
        pinned = [f"numpy=={numpy}"] if numpy else []
        if not pip_install(*missing, *pinned):
            return _fail(f"pip could not install {', '.join(missing)}")
    if installed_version("ppgan") is None and not pip_install("--no-deps", _PPGAN):
        return _fail("pip could not install ppgan")
    if importlib.util.find_spec("paddle") is None:
        return _fail(
            f"ppgan is installed, but PaddlePaddle is not: run  {install_command('paddle')}"
        )
    if not ppgan_imports():
        return _fail("ppgan is installed but cannot be imported (see above)")
    print(f"ppgan {installed_version('ppgan')} is ready in {sys.prefix}")
    return 0


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
