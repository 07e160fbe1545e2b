"""Recognition of a network and its size from the tensors in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import MissingDependencyError, WeightsError
from .registry import networks
from .spec import NetworkSpec


def recognise(tensors: Mapping[str, np.ndarray], name: str) -> tuple[NetworkSpec, dict[str, Any]]:
    """Find the network that ``tensors`` belong to, and its constructor's arguments.

    Args:
        tensors: parameter name → array.
        name: of the file, for messages.

    Raises:
        WeightsError: no registered network has these parameters.
    """
    shapes = {key: tuple(value.shape) for key, value in tensors.items()}
    for spec in networks():
        if all(parameter in shapes for parameter in spec.identifying_parameters):
            try:
                hyperparameters = spec.deduce(shapes)
                spec.layout(hyperparameters)  # fails if no such network can be built
                return spec, hyperparameters
            except MissingDependencyError:
                raise
            except ImportError as error:  # of a package that the layers need
                raise MissingDependencyError(
                    f"The layers of {spec.name} cannot be imported ({error}): install what is "
                    "missing."
                ) from error
            except Exception as error:  # Paddle raises many kinds for wrong arguments
                reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                raise WeightsError(
                    f"{name} holds parts of {spec.name} but not all of it: it may be cut short or "
                    f"belong to a variant that is not supported ({reason})."
                ) from None
    known = ", ".join(spec.name for spec in networks())
    sample = ", ".join(list(shapes)[:3]) or "nothing"
    raise WeightsError(
        f"{name} holds weights of another network (found {len(shapes)} tensors: {sample}, …; "
        f"expected {known})."
    )
