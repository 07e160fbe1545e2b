"""The peers: the same networks in PaddleGAN, and in the code of their authors in PyTorch.

Code that is not in an installed package is imported from a checkout. All checkouts are in one
folder (``--checkouts DIR``) under their repositories' names: ``MPRNet`` (swz30/MPRNet), ``NAFNet``
(megvii-research/NAFNet) and ``PaddleGAN`` (its main branch, as the released ppgan 2.1.0 has no
NAFNet).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Run = Callable[[np.ndarray], np.ndarray]  # [H, W, 3] float32 in [0, 1] → the same


@dataclass(frozen=True)
class Source:
    """The source of a peer's network.

    Args:
        module: name of its module.
        path: its file below the folder of checkouts; None for an installed package.
        arguments: the hyperparameters that its constructor takes, among those of the weights.
    """

    module: str
    path: str | None
    arguments: tuple[str, ...]


_MPRNET = ("n_feat", "scale_unetfeats", "scale_orsnetfeats", "num_cab")
_NAFNET = ("width", "enc_blk_nums", "middle_blk_num", "dec_blk_nums")
_SOURCES = {
    ("ppgan", "MPRNet"): Source("ppgan.models.generators.mpr", None, _MPRNET),
    ("ppgan", "NAFNet"): Source(
        "ppgan.models.generators.nafnet", "PaddleGAN/ppgan/models/generators/nafnet.py", _NAFNET
    ),
    ("torch", "MPRNet"): Source("authors_mprnet", "MPRNet/Deraining/MPRNet.py", _MPRNET),
    ("torch", "NAFNet"): Source(
        "basicsr.models.archs.NAFNet_arch",
        "NAFNet/basicsr/models/archs/NAFNet_arch.py",
        _NAFNET,
    ),
}


def available(library: str, network: str, checkouts: Path | None) -> bool:
    """Whether a peer has this network and, if it needs a checkout, whether that exists."""
    source = _SOURCES.get((library, network))
    if source is None:
        return False
    return source.path is None or (checkouts is not None and (checkouts / source.path).is_file())


def ppgan(weights: str, checkouts: Path | None, threads: int | None, local: bool) -> Run:
    """Run PaddleGAN's network on the whole picture, in Paddle's dynamic graph.

    Args:
        weights: a name or path for :func:`ppgan_mpr.weights.load_weights`.
        checkouts: the folder of checkouts.
        threads: number of threads; None: all cores.
        local: use the variant with TLC.
    """
    from ppgan_mpr.dependencies import require
    from ppgan_mpr.ppgan_compat import import_ppgan
    from ppgan_mpr.weights.fitting import set_weights
    from ppgan_mpr.weights.loading import load_weights

    paddle = require("paddle")
    import_ppgan()
    if threads:
        paddle.base.core.set_num_threads(threads)
    loaded = load_weights(weights)
    network = _build("ppgan", loaded, checkouts, local)
    set_weights(network, loaded.tensors, loaded.source)
    network.eval()

    def run(image: np.ndarray) -> np.ndarray:
        with paddle.no_grad():
            return _picture(network(paddle.to_tensor(_batch(image))))

    return run


def torch(
    weights: str, checkouts: Path | None, threads: int | None, local: bool, bf16: bool = False
) -> Run:
    """Run the authors' PyTorch network on the whole picture, in eager mode.

    Args:
        weights: a name or path for :func:`ppgan_mpr.weights.load_weights`.
        checkouts: the folder of checkouts.
        threads: number of threads; None: all cores.
        local: use the variant with TLC.
        bf16: autocast to bfloat16, in PyTorch's channels-last memory format.
    """
    import torch as pytorch

    from ppgan_mpr.weights import load_weights

    if threads:
        pytorch.set_num_threads(threads)
    loaded = load_weights(weights)
    network = _build("torch", loaded, checkouts, local)
    tensors = {
        key.replace("._weight", ".weight"): pytorch.from_numpy(array)
        for key, array in loaded.tensors.items()
    }
    network.load_state_dict(tensors)
    network.eval()
    layout = pytorch.channels_last if bf16 else pytorch.contiguous_format
    network.to(memory_format=layout)

    def run(image: np.ndarray) -> np.ndarray:
        batch = pytorch.from_numpy(_batch(image)).to(memory_format=layout)
        with ExitStack() as stack:
            stack.enter_context(pytorch.no_grad())
            if bf16:
                stack.enter_context(pytorch.autocast("cpu", pytorch.bfloat16))
            result = network(batch)
        result = result[0] if isinstance(result, (list, tuple)) else result
        return _picture(result.float())

    return run


def _build(library: str, loaded, checkouts: Path | None, local: bool):
    """The peer's network with the hyperparameters of the loaded weights."""
    source = _SOURCES[library, loaded.network]
    if source.path is None:
        module = importlib.import_module(source.module)
    else:
        module = _import_file(source.module, checkouts / source.path)
    network = getattr(module, loaded.network + ("Local" if local else ""))
    return network(**{name: loaded.hyperparameters[name] for name in source.arguments})


def _import_file(name: str, path: Path):
    """Import one file of a checkout as the module ``name``.

    Its parent packages are the installed ones. If the top one is not installed, an empty package
    stands in for it, and those below come from the checkout. An empty package also stands in for
    one that cannot be imported because it needs a missing library.
    """
    packages = name.split(".")[:-1]
    for depth in range(1, len(packages) + 1):
        folder = path.parents[len(packages) - depth]
        _import_package(".".join(packages[:depth]), folder)
    if packages[:1] == ["basicsr"] and "basicsr.utils" not in sys.modules:
        utils = types.ModuleType("basicsr.utils")
        utils.get_root_logger = None  # arch_util.py imports it, but nothing here calls it
        sys.modules["basicsr.utils"] = utils
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _import_package(name: str, folder: Path) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        empty = types.ModuleType(name)
        empty.__path__ = [str(folder)]
        sys.modules[name] = empty


def _batch(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None])


def _picture(result) -> np.ndarray:
    """The restored picture [H, W, 3]; MPRNet returns those of all stages, the last stage first."""
    tensor = result[0] if isinstance(result, (list, tuple)) else result
    return tensor[0].numpy().transpose(1, 2, 0)
