"""A restoration network with its losses, as a model for PaddleGAN's trainers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
import paddle

from ..errors import UsageError
from ..imaging.padding import source_indices
from ..imaging.samples import to_dtype
from ..networks import spec_of
from ..networks.losses import MultiStageLoss
from ..ppgan_compat import import_ppgan
from .step import GradientStep

if TYPE_CHECKING:
    from ppgan.models.base_model import BaseModel
else:
    BaseModel = import_ppgan("ppgan.models.base_model").BaseModel
_build_criterion = import_ppgan("ppgan.models.criterions.builder").build_criterion
_build_generator = import_ppgan("ppgan.models.generators.builder").build_generator

Batch = Sequence[Any]
Blend = Callable[[paddle.Tensor, paddle.Tensor], "tuple[paddle.Tensor, paddle.Tensor]"]


class MPRModel(BaseModel):
    """A restoration network with its losses, for PaddleGAN's Trainer or ours.

    Serves every network that maps a picture [N, C, H, W] in [0, 1] (C is 3, or 6 for the two
    views of a dual-pixel camera) to one picture [N, 3, H, W] or to a list of them, the result
    first.

    Args:
        generator: configuration of the network, with its registered ``name``.
        char_criterion: configuration of the loss; the default is the Charbonnier loss.
        edge_criterion: configuration of the edge loss; None trains without.
        edge_weight: weight λ of the edge loss, 0.05 in the paper.
        clip_output: compute the losses on outputs clipped to [0, 1].
        psnr_criterion: another name for ``char_criterion``, which PaddleGAN's NAFNetModel has.

    Raises:
        UsageError: two configurations of the loss are given.

    Attributes:
        padding: where :meth:`forward` pads pictures whose sides are no multiples of what the
            network needs, see :func:`ppgan_mpr.imaging.padding.source_indices`.
        mix: blends ``(target, degraded)`` of each training batch; None trains on them as they are.
        step: updates the network on a batch.
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
            _build_criterion(criterion) if criterion else None,
            _build_criterion(edge_criterion) if edge_criterion else None,
            edge_weight,
            clip_output,
        )
        self.step = GradientStep()
        self.mix: Blend | None = None
        self.padding = "end"
        self.image_paths: list[str] = []

    def setup_input(self, input: Batch) -> None:
        """Take a batch ``(target, degraded, names)``; pictures [N, C, H, W] in [0, 1]."""
        self.target, self.degraded, *names = input
        self.image_paths = list(names[0]) if names else []

    def losses_of(self, outputs: Any, target: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """The loss and, for a network of several stages, each stage's share of it.

        Args:
            outputs: of the network: one tensor [N, 3, H, W] or a sequence, the result first.
            target: [N, 3, H, W].
        """
        if not isinstance(outputs, (list, tuple)):
            outputs = [outputs]
        shares = self.objective.per_stage(outputs, target)
        if len(shares) == 1:
            return {"loss": shares[0]}
        stages = {f"stage{len(shares) - i}": share for i, share in enumerate(shares)}
        return {"loss": sum(shares), **dict(sorted(stages.items()))}

    def train_iter(self, optims: Mapping[str, paddle.optimizer.Optimizer]) -> None:
        """Update the network on the current batch."""
        if self.mix:
            self.target, self.degraded = self.mix(self.target, self.degraded)
        losses, restored = self.step(
            self.nets["generator"], optims["optim"], self.losses_of, self.degraded, self.target
        )
        self.losses.update(losses)
        count = len(restored)
        self._show(self.degraded[-count:], restored, self.target[-count:])

    def forward(self) -> None:
        """Restore the current batch, of any size, into ``self.restored``, clipped to [0, 1]."""
        network = self.nets["generator"]
        network = getattr(network, "_layers", network)  # no gradients to exchange
        multiple = size_multiple(network)
        padded, parts = self.degraded, []
        for axis in (2, 3):
            indices, part = _pad_side(self.degraded.shape[axis], multiple, self.padding)
            parts.append(part)
            if len(indices) > self.degraded.shape[axis]:
                padded = paddle.index_select(padded, paddle.to_tensor(indices), axis)
        with self.step.precision.autocast(training=False):
            outputs = network(padded)
        restored = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        restored = restored[:, :, parts[0], parts[1]].astype("float32")
        self.restored = restored.clip(0.0, 1.0)

    def test_iter(self, metrics: Mapping[str, Any] | None = None) -> None:
        """Restore the current batch and feed it to PaddleGAN-style metrics, as 8-bit HWC."""
        super().test_iter(metrics)
        self._show(self.degraded, self.restored, self.target)
        for restored, target in zip(self.restored, self.target):
            for metric in (metrics or {}).values():
                metric.update(to_image(restored), to_image(target))

    def _show(
        self, degraded: paddle.Tensor, restored: paddle.Tensor, target: paddle.Tensor
    ) -> None:
        # Of the two views of a dual-pixel camera, six channels, the left one is shown.
        self.visual_items.update(input=degraded[:, :3], restored=restored, target=target)


def size_multiple(network: paddle.nn.Layer) -> int:
    """The number of which the height and width of a network's input must be multiples."""
    spec = spec_of(network)
    return 1 if spec is None else spec.size_multiple


def to_image(picture: paddle.Tensor) -> np.ndarray:
    """[3, H, W] in [0, 1] → uint8 [H, W, 3], rounded."""
    return to_dtype(picture.transpose([1, 2, 0]).numpy(), np.uint8)


def _pad_side(size: int, multiple: int, padding: str) -> tuple[np.ndarray, slice]:
    """For a side of a picture the indices that pad it, and where the picture is in the result."""
    indices = source_indices(size, multiple, padding)
    before = (len(indices) - size) // 2 if padding == "both" else 0
    return indices, slice(before, before + size)
