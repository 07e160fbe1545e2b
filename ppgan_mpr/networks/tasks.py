"""The restoration tasks, such as deblurring. MPRNet's tasks have PaddleGAN's names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A restoration task: one kind of degradation that networks remove.

    Attributes:
        name: the name that users give.
        purpose: the kind of degradation, in a few words.
        views: number of photographs that enter the network together; 2 for the left and the
            right view of a dual-pixel camera.
        enlarges: whether the photograph is enlarged before it enters the network, by the scale
            that the weights were trained for.
        depth: bits per sample of the training data; photographs with fewer bits lack precision
            that the network expects.
        hint: what a user should know before choosing it; empty if the purpose is enough.
        degradation: the name of the degradation in :mod:`ppgan_mpr.detection`; empty if it is
            not detected.
    """

    name: str
    purpose: str
    views: int = 1
    enlarges: bool = False
    depth: int = 8
    hint: str = ""
    degradation: str = ""

    @property
    def channels(self) -> int:
        """Number of channels of the network's input: three for each view."""
        return 3 * self.views


DEBLURRING = Task(
    "Deblurring",
    "motion blur: a moving camera or subject",
    hint="It does not sharpen pictures that are out of focus or have too few pixels.",
    degradation="motion blur",
)
DENOISING = Task("Denoising", "grain and colour noise of real cameras", degradation="noise")
DERAINING = Task("Deraining", "streaks of falling rain", degradation="rain")
REAL_DENOISING = Task("RealDenoising", "noise of smartphone cameras", degradation="noise")
LOW_LIGHT = Task("LowLight", "pictures taken with too little light", degradation="low light")
RETOUCHING = Task("Retouching", "colours and contrast as a photographer would set them")
SUPER_RESOLUTION = Task(
    "SuperResolution", "pictures of low resolution, enlarged 2, 3 or 4 times", enlarges=True
)
DUAL_PIXEL_DEBLURRING = Task(
    "DualPixelDeblurring", "defocus, from the two views of a dual-pixel camera", views=2, depth=16
)
