"""A restoration network with its losses, as a model for PaddleGAN's trainers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import paddle

from ..checks import shortened
from ..datasets import MixUp
from ..errors import UsageError
from ..networks.losses import MultiStageLoss
from ..ppgan_compat import import_ppgan
from .criterions import build_criterion
from .ema import EMA
from .gpu import convolution_search
from .metrics import build_metrics, update_metric
from .precision import MixedPrecision
from .recomputation import recompute_blocks
from .step import GradientStep
from .tiled import TiledRestoration
from .whole_pictures import restore_whole

if TYPE_CHECKING:
    from ppgan.models.base_model import BaseModel
else:
    BaseModel = import_ppgan("ppgan.models.base_model").BaseModel
_build_generator = import_ppgan("ppgan.models.generators.builder").build_generator

Batch = Sequence[Any]


class MPRModel(BaseModel):
    """A restoration network with its losses, for PaddleGAN's Trainer or ours.

    It supports every network that maps a picture [N, C, H, W] in [0, 1] (C is 3, or 6 for the two
    views of a dual-pixel camera) to one picture [N, 3, H, W] or to a list of pictures with the
    result first.

    Args:
        generator: configuration of the network, with its registered ``name``.
        char_criterion: configuration of the loss; the default is the Charbonnier loss.
        edge_criterion: configuration of the edge loss; None trains without it.
        edge_weight: weight λ of the edge loss, 0.05 in the paper on MPRNet.
        clip_output: compute the losses on outputs clipped to [0, 1].
        psnr_criterion: another name for ``char_criterion``, as in PaddleGAN's NAFNetModel.

    Raises:
        UsageError: two configurations of the loss are given.

    Attributes:
        padding: the sides on which :meth:`forward` pads pictures to the multiple that the network
            needs, see :func:`ppgan_mpr.imaging.padding.source_indices`.
        step: updates the network on a batch.
        ema: the averaged weights, or None.
        seed: seed of MixUp's random numbers.
        tiles: restores validation pictures in tiles within a memory limit, or None.
        show_panels: add input, restored and target side by side to the visuals of
            :meth:`test_iter`.
    """

    def __init__(
        self,
        generator: dict[str, Any],
        char_criterion: dict[str, Any] | None = None,
        edge_criterion: dict[str, Any] | None = None,
        edge_weight: float = 0.05,
        clip_output: bool = False,
        psnr_criterion: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(generator)
        if char_criterion and psnr_criterion:
            raise UsageError("model has a char_criterion and a psnr_criterion: give one of them.")
        criterion = char_criterion or psnr_criterion
        self.nets["generator"] = _build_generator(generator)
        self.objective = MultiStageLoss(
            build_criterion(criterion) if criterion else None,
            build_criterion(edge_criterion) if edge_criterion else None,
            edge_weight,
            clip_output,
        )
        self.step = GradientStep()
        self.ema: EMA | None = None
        self.seed = 0
        self._mixup: Mapping[str, Any] | None = None
        self._blend: MixUp | None = None
        self._begun = False
        self.padding = "end"
        self.show_panels = False
        self.tiles: TiledRestoration | None = None
        self.image_paths: list[str] = []
        self.lr_scheduler: Any = None

    def setup_input(self, input: Batch) -> None:
        """Set the current batch ``(target, degraded, names)``; pictures [N, C, H, W] in [0, 1]."""
        self.target, self.degraded, *names = input
        self.image_paths = list(names[0]) if names else []

    def losses_of(self, outputs: Any, target: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """The loss and, for a network of several stages, each stage's share of it.

        Args:
            outputs: output of the network: a tensor [N, 3, H, W] or several, the result first.
            target: [N, 3, H, W].
        """
        if not isinstance(outputs, (list, tuple)):
            outputs = [outputs]
        shares = self.objective.per_stage(outputs, target)
        if len(shares) == 1:
            return {"loss": shares[0]}
        stages = {f"stage{len(shares) - i}": share for i, share in enumerate(shares)}
        return {"loss": sum(shares), **dict(sorted(stages.items()))}

    @property
    def network(self) -> paddle.nn.Layer:
        """The network itself, without the wrapper that exchanges gradients between processes."""
        network = self.nets["generator"]
        return getattr(network, "_layers", network)

    def set_total_iter(self, total_iter: int) -> None:
        """Set the length of the run; a schedule with a method ``span`` stretches over it."""
        super().set_total_iter(total_iter)
        span = getattr(self.lr_scheduler, "span", None)
        if span is not None:
            span(total_iter)

    def configure(
        self,
        accumulate: int = 1,
        clip_grad_norm: float | None = None,
        ema_decay: float | None = None,
        mixup: Mapping[str, Any] | None = None,
        precision: MixedPrecision | None = None,
        seed: int = 0,
        recompute: bool = False,
    ) -> None:
        """Choose how :meth:`train_iter` updates the network; call this before training.

        Args:
            accumulate: number of slices of each batch, see :class:`GradientStep`.
            clip_grad_norm: largest norm of the gradient; None does not clip.
            ema_decay: decay of the averaged weights; None keeps no average.
            mixup: options of :class:`ppgan_mpr.datasets.MixUp`; None does not blend.
            precision: number formats; None is float32.
            seed: seed of MixUp's random numbers.
            recompute: use less memory for the backward pass, see :func:`recompute_blocks`.

        Raises:
            UsageError: options exclude one another, or do not suit the network.
        """
        precision = precision or MixedPrecision()
        world_size = paddle.distributed.get_world_size()
        if precision.level == "O2" and world_size > 1:
            raise UsageError(
                f"amp_level is O2, which works only in one process, but there are {world_size}: "
                "set amp_level=O1."
            )
        if accumulate > 1 and self.objective.sums:
            raise UsageError(
                "accumulate needs losses that are means: set reduction: mean in the criterions, or "
                "leave accumulate out."
            )
        self.step = GradientStep(accumulate, clip_grad_norm, precision)
        self.ema = EMA(self.network, ema_decay) if ema_decay else None
        self._mixup, self.seed = mixup, seed
        if recompute:
            recompute_blocks(self.network)

    def begin(self) -> None:
        """Prepare for the first update, after weights and seed have been set."""
        self._begun = True
        self.step.precision.decorate(self.network, self.optimizers.get("optim"))
        if self._mixup is not None:  # an empty section means MixUp with its default options
            rank = paddle.distributed.get_rank()
            self._blend = MixUp(**self._mixup, seed=self.seed, rank=rank)
        if self.ema and not self.ema.updates:
            self.ema.restart()

    def train_iter(self, optims: Mapping[str, paddle.optimizer.Optimizer]) -> None:
        """Update the network on the current batch, then the average of its weights."""
        if not self._begun:
            self.begin()
        if self._blend:
            # The schedule counts all iterations, including those before a resume.
            iteration = self.lr_scheduler.last_epoch + 1
            self.target, self.degraded = self._blend(
                self.target, self.degraded, iteration, self.step.accumulate
            )
        with convolution_search():
            losses, restored = self.step(
                self.nets["generator"], optims["optim"], self.losses_of, self.degraded, self.target
            )
        self.losses.update(losses)
        if self.ema and not self.step.skipped:
            self.ema.update()
        count = len(restored)
        self._show(self.degraded[-count:], restored, self.target[-count:])

    def averaged(self) -> AbstractContextManager[None]:
        """Give the network its averaged weights, if there are any, inside the block."""
        return self.ema.applied() if self.ema and self.ema.updates else nullcontext()

    def forward(self) -> None:
        """Restore the current batch, of any size, into ``self.restored``, clipped to [0, 1]."""
        if self.tiles is not None:
            names = self.image_paths or [str(number) for number in range(len(self.degraded))]
            batch = (self.target, self.degraded, names)
            _, self.restored, _ = self.tiles(batch, self.padding)
            return
        with self.step.precision.autocast(training=False):
            restored = restore_whole(self.network, self.degraded, self.padding)
        self.restored = restored.astype("float32").clip(0.0, 1.0)

    def restore(
        self, batch: Batch, padding: str
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """Restore a batch of the validation set.

        Args:
            batch: ``(target, degraded, names)``, pictures [N, C, H, W] in [0, 1].
            padding: see the attribute of the class.

        Returns:
            ``(degraded, restored, target)``, each [N, 3, H, W].
        """
        self.padding = padding
        self.setup_input(batch)
        self.test_iter()
        shown = self.get_current_visuals()
        return shown["input"], shown["restored"], shown["target"]

    def setup_optimizers(
        self, lr: Any, cfg: Mapping[str, Any]
    ) -> dict[str, paddle.optimizer.Optimizer]:
        """Build the optimizers as PaddleGAN does, and check ``net_names`` first.

        Raises:
            UsageError: ``net_names`` is empty or names an unknown network.
        """
        names = cfg.get("net_names")
        listed = isinstance(names, (list, tuple))
        if names is not None and (not listed or not names or set(names) - set(self.nets)):
            raise UsageError(
                f"optimizer.net_names is {shortened(list(names) if listed else names)}: "
                f"give a list of {sorted(self.nets)}."
            )
        return super().setup_optimizers(lr, cfg)

    def setup_metrics(self, cfg: Mapping[str, Any]) -> Mapping[str, Any]:
        """Build PaddleGAN-style metrics, and use the padding of the first protocol."""
        self.metrics.update(build_metrics(cfg))
        protocols = [getattr(metric, "protocol", None) for metric in self.metrics.values()]
        self.padding = next((p.padding for p in protocols if p is not None), self.padding)
        return self.metrics

    def test_iter(self, metrics: Mapping[str, Any] | None = None) -> None:
        """Restore the current batch and feed it to PaddleGAN-style metrics."""
        with self.averaged():
            super().test_iter(metrics)
        self._show(self.degraded, self.restored, self.target)
        if self.show_panels:
            self.visual_items["panel"] = paddle.concat(list(self.visual_items.values()), axis=3)
        for metric in (metrics or {}).values():
            update_metric(metric, self.restored, self.target)

    def _show(
        self, degraded: paddle.Tensor, restored: paddle.Tensor, target: paddle.Tensor
    ) -> None:
        # Dual-pixel input has six channels; only the left view is shown.
        self.visual_items.clear()
        self.visual_items.update(input=degraded[:, :3], restored=restored, target=target)
