"""MPRNet as PaddleGAN's trainers see it: a model that takes batches and updates itself."""

from __future__ import annotations

import paddle.nn.functional as F

from ..networks import spec_of
from ..networks.losses import MultiStageLoss
from ..ppgan_compat import import_ppgan
from .step import GradientStep

_base_model = import_ppgan("ppgan.models.base_model")
_build_criterion = import_ppgan("ppgan.models.criterions.builder").build_criterion
_build_generator = import_ppgan("ppgan.models.generators.builder").build_generator


class MPRModel(_base_model.BaseModel):
    """A restoration network with its losses, for PaddleGAN's Trainer or ours.

    Serves every network that maps a picture [N, C, H, W] in [0, 1] (C is 3, or 6 for the two
    views of a dual-pixel camera) to one picture [N, 3, H, W] or to a list of them, the result
    first.

    Args:
        generator: configuration of the network, with its registered ``name``.
        char_criterion: configuration of the Charbonnier loss.
        edge_criterion: configuration of the edge loss; None trains without.
        edge_weight: weight λ of the edge loss, 0.05 in the paper.
        clip_output: compute the losses on outputs clipped to [0, 1].
    """

    def __init__(
        self,
        generator: dict,
        char_criterion: dict | None = None,
        edge_criterion: dict | None = None,
        edge_weight: float = 0.05,
        clip_output: bool = False,
    ):
        super().__init__(generator)
        self.nets["generator"] = _build_generator(generator)
        self.objective = MultiStageLoss(
            _build_criterion(char_criterion) if char_criterion else None,
            _build_criterion(edge_criterion) if edge_criterion else None,
            edge_weight,
            clip_output,
        )
        self.step = GradientStep()
        self.mix = None  # (target, degraded) -> the same, blended; set by our Trainer
        self.image_paths: list[str] = []

    def setup_input(self, input) -> None:
        """Take a batch ``(target, degraded, names)``; pictures [N, C, H, W] in [0, 1]."""
        self.target, self.degraded, *names = input
        self.image_paths = list(names[0]) if names else []

    def losses_of(self, outputs, target) -> dict:
        """The loss and, for a network of several stages, each stage's share of it."""
        if not isinstance(outputs, (list, tuple)):
            outputs = [outputs]
        shares = self.objective.per_stage(outputs, target)
        if len(shares) == 1:
            return {"loss": shares[0]}
        stages = {f"stage{len(shares) - i}": share for i, share in enumerate(shares)}
        return {"loss": sum(shares), **dict(sorted(stages.items()))}

    def train_iter(self, optims=None) -> None:
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
        height, width = self.degraded.shape[2:]
        with self.step.precision.autocast(training=False):
            outputs = network(_pad(self.degraded, _size_multiple(network)))
        restored = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        restored = restored[:, :, :height, :width].astype("float32")
        self.restored = restored.clip(0.0, 1.0)

    def test_iter(self, metrics=None) -> None:
        """Restore the current batch and feed it to PaddleGAN-style metrics, as 8-bit HWC."""
        super().test_iter(metrics)
        self._show(self.degraded, self.restored, self.target)
        for restored, target in zip(self.restored, self.target):
            for metric in (metrics or {}).values():
                metric.update(to_image(restored), to_image(target))

    def _show(self, degraded, restored, target) -> None:
        # Of the two views of a dual-pixel camera, six channels, the left one is shown.
        self.visual_items.update(input=degraded[:, :3], restored=restored, target=target)


def to_image(picture):
    """[3, H, W] in [0, 1] → uint8 [H, W, 3], rounded."""
    return (picture.clip(0.0, 1.0) * 255).round().astype("uint8").transpose([1, 2, 0]).numpy()


def _size_multiple(network) -> int:
    spec = spec_of(network)
    return 1 if spec is None else spec.size_multiple


def _pad(x, multiple: int):
    """Extend [N, C, H, W] at the bottom and right to multiples of a number, by reflection."""
    bottom, right = (-side % multiple for side in x.shape[2:])
    if not (bottom or right):
        return x
    inside = bottom < x.shape[2] and right < x.shape[3]
    return F.pad(x, [0, right, 0, bottom], mode="reflect" if inside else "replicate")
