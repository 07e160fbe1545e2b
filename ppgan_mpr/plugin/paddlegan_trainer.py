"""Hooks that let PaddleGAN's own Trainer use the options of our yaml files.

PaddleGAN's Trainer builds model, data and optimizer from their sections of the yaml and ignores the
options that only our Trainer has. If the model is an
:class:`~ppgan_mpr.engine.mpr_model.MPRModel`, the hooks pass our training data to the Trainer, and
the options of the update to the model. The Trainer's loop, log and files stay as they are. Other
models are not affected.
"""

from __future__ import annotations

import argparse
import atexit
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Callable

import numpy as np
import paddle

from ..engine.building import build_training_data, configure
from ..engine.checkpoints import KEEP
from ..engine.config import AttrDict, check_config, override_option, with_defaults
from ..engine.config_files import read_yaml
from ..engine.data import TrainingData, seed_everything
from ..engine.ema import EMA
from ..engine.mpr_model import MPRModel
from ..engine.validation import build_tiles
from ..errors import UsageError
from ..ppgan_compat import import_ppgan, registry_table
from .metrics import missing_measures

# (object, attribute, its original value)
_hooks: list[tuple[Any, str, Any]] = []


def install() -> None:
    """Install the hooks in PaddleGAN; a second call changes nothing."""
    if _hooks:
        return
    trainer = import_ppgan("ppgan.engine.trainer")
    _hook(trainer.Trainer, "__init__", functools.partial(_trainer_init, trainer))
    config = import_ppgan("ppgan.utils.config")
    _hook(config, "parse_config", _parse_config)
    _hook(config, "override_config", _override_config)
    _hook(import_ppgan("ppgan.utils.setup"), "setup", _setup)


def uninstall() -> None:
    """Restore PaddleGAN's own functions."""
    while _hooks:
        owner, name, original = _hooks.pop()
        setattr(owner, name, original)


def _hook(owner: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    _hooks.append((owner, name, original))

    @functools.wraps(original)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, hooked)


def _parse_config(original: Callable[[str], AttrDict], cfg_file: str) -> AttrDict:
    """PaddleGAN's function, plus ``_base_`` and our defaults, which -o can then change."""
    cfg = original(cfg_file)
    if "_base_" in cfg:
        cfg = AttrDict(read_yaml(cfg_file))
        import_ppgan("ppgan.utils.config").create_attr_dict(cfg)
    return with_defaults(cfg) if _is_ours(cfg) else cfg


def _override_config(
    original: Callable[..., AttrDict], config: AttrDict, options: Sequence[str] | None = None
) -> AttrDict:
    """PaddleGAN's function; for our models it can also add options to sections that are null."""
    if not _is_ours(config):
        return original(config, options)
    for option in options or ():
        override_option(config, option)
    return config


def _setup(original: Callable[..., None], args: argparse.Namespace, cfg: AttrDict) -> None:
    original(args, cfg)
    if args.seed is not None:
        cfg.seed = args.seed


def _trainer_init(
    module: ModuleType, original: Callable[..., None], trainer: Any, cfg: AttrDict
) -> None:
    if not _is_ours(cfg):
        original(trainer, cfg)
        return
    _prepare(cfg)
    data = build_training_data(cfg) if cfg.is_train else None
    loader = TrainingLoader(data, trainer, cfg) if data else None
    paddlegans = AttrDict(cfg, amp=False)  # its mixed precision is for other models
    with _replaced(module, "build_dataloader", lambda *_, **__: loader):
        original(trainer, paddlegans)
    _adopt(trainer, cfg, data.accumulate if data else 1)


def _prepare(cfg: AttrDict) -> None:
    """Check a configuration, and add the options that PaddleGAN's Trainer reads."""
    cfg.update(with_defaults(cfg))
    check_config(cfg)
    if (cfg.get("validate") or {}).get("local"):
        raise UsageError(
            "PaddleGAN's Trainer does not know validate.local: leave it out, and score with TLC by "
            "mprnet-train --evaluate-only."
        )
    # Our pictures are in [0, 1]; without this, PaddleGAN would write them as if in [-1, 1].
    cfg.setdefault("min_max", (0.0, 1.0))
    test = cfg.dataset.get("test") or {}
    if test.get("name") == "MPRTrain":  # its crops and flips are random
        test["name"] = "MPRVal"
    paddle.seed(seed_everything(cfg.seed))


def _adopt(trainer: Any, cfg: AttrDict, accumulate: int) -> None:
    """Apply our options to the parts of a Trainer that PaddleGAN has built."""
    model: MPRModel = trainer.model
    configure(model, cfg, accumulate)
    model.tiles = build_tiles(cfg, model)
    model.show_panels = bool((cfg.get("validate") or {}).get("save_panels"))
    others = [
        label
        for label, metric in model.metrics.items()
        if getattr(metric, "protocol", None) is None
    ]
    if others:
        trainer.logger.info("Metrics without a protocol: %s", ", ".join(others))
    model.metrics.update(missing_measures(model.metrics))  # the same dict as trainer.metrics
    if model.ema:
        model.nets.update(_average_as_nets(model))
    trainer.save = functools.partial(_save, trainer.save, cfg.snapshot_config.get("keep", KEEP))


def _save(
    original: Callable[..., None], kept: int, epoch: int, name: str = "checkpoint", keep: int = 1
) -> None:
    # PaddleGAN passes keep=1 for checkpoints, and -1 for weights, all of which are kept.
    original(epoch, name, kept if keep > 0 else keep)


def _is_ours(cfg: Mapping[str, Any]) -> bool:
    name = (cfg.get("model") or {}).get("name")
    return name is not None and registry_table("MODELS").get(name) is MPRModel


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


class TrainingLoader:
    """Our training data with the interface of Paddle's DataLoader.

    An iterator yields as many batches as an epoch has, from the trainer's current iteration on.

    Args:
        data: the training data.
        trainer: PaddleGAN's Trainer; the data follow its ``current_iter``, also after resuming.
        cfg: the configuration; PaddleGAN reads the batch size in it to measure its speed.
    """

    def __init__(self, data: TrainingData, trainer: Any, cfg: AttrDict) -> None:
        self._data, self._trainer, self._cfg = data, trainer, cfg
        atexit.register(data.close)  # Paddle's threads abort a process that ends while they run

    def __len__(self) -> int:
        return self._data.iters_per_epoch

    def __iter__(self) -> Iterator[Any]:
        data = self._data
        if data.iteration != self._trainer.current_iter:
            data.restart(self._trainer.current_iter)
            self._trainer.model.step.accumulate = data.accumulate
        for _ in range(len(self)):
            self._cfg.dataset.train.batch_size = data.sampler.batch_size
            batch = data.next_batch()
            if data.iteration >= self._trainer.total_iters:
                data.close()  # PaddleGAN's loop asks for no batch after this one
            yield batch
            data.advance()
            self._trainer.model.step.accumulate = data.accumulate


def _average_as_nets(model: MPRModel) -> dict[str, Any]:
    """The averaged weights as nets, which PaddleGAN's Trainer saves and resumes."""
    assert model.ema is not None
    return {"ema": _AverageNet(model.ema), "ema_updates": _UpdatesNet(model.ema)}


class _StateOnly:
    """Base of nets that have a state but no layers, with the other methods PaddleGAN calls."""

    def __init__(self, ema: EMA) -> None:
        self.ema = ema

    def eval(self) -> None:
        """Do nothing: there are no layers."""

    def train(self) -> None:
        """Do nothing: there are no layers."""


class _AverageNet(_StateOnly):
    def state_dict(self) -> dict[str, np.ndarray]:
        return self.ema.state_dict()

    def set_state_dict(self, state: Mapping[str, Any]) -> None:
        self.ema.set_state_dict(state, max(self.ema.updates, 1))


class _UpdatesNet(_StateOnly):
    def state_dict(self) -> dict[str, np.ndarray]:
        return {"updates": np.array(self.ema.updates)}

    def set_state_dict(self, state: Mapping[str, Any]) -> None:
        self.ema.updates = int(state["updates"])
