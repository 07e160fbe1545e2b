"""The restoration networks, one a file."""

from .mirnet import MIRNet
from .mirnetv2 import MIRNetv2
from .mprnet import MPRNet

__all__ = ["MIRNet", "MIRNetv2", "MPRNet"]
