"""Recognises a network and its size from the tensors in a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MissingDependencyError, WeightsError
from .registry import networks
from .spec import Layout, NetworkSpec

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Recognised:
    """A network that tensors may belong to.

    Attributes:
        spec: of the network.
        hyperparameters: the constructor's arguments, deduced from the shapes.
        layout: the names and shapes of the network with these arguments.
        tensors: the file's, in Paddle's form; names and shapes may differ from ``layout``.
        ambiguous: whether the matrices could have either Paddle's layout or PyTorch's.
    """

    spec: NetworkSpec
    hyperparameters: dict[str, Any]
    layout: Layout
    tensors: Tensors
    ambiguous: bool

    @property
    def differences(self) -> int:
        """Number of tensors that are missing, unknown or of another shape; 0 for a match."""
        expected = self.layout.shapes
        unlike = sum(
            key in expected and tuple(value.shape) != expected[key]
            for key, value in self.tensors.items()
        )
        return unlike + len(expected.keys() ^ self.tensors.keys())


def recognise(
    tensors: Tensors,
    name: str,
    torch: bool | None = None,
    preferred: Collection[NetworkSpec] = (),
) -> Recognised:
    """Find the network that ``tensors`` belong to, and its constructor's arguments.

    Args:
        tensors: parameter name → array, as Paddle or PyTorch stores them.
        name: the file's, for messages.
        torch: whether PyTorch wrote them; None if unknown.
        preferred: networks to choose if several match.

    Returns:
        The network that matches, or else the one with the fewest differences.

    Raises:
        WeightsError: no registered network has these parameters.
    """
    candidates: list[Recognised] = []
    reasons: list[str] = []
    for spec in sorted(networks(), key=lambda spec: spec not in preferred):
        if not all(parameter in tensors for parameter in spec.identifying_parameters):
            continue
        try:
            candidates.append(_candidate(tensors, spec, torch))
        except MissingDependencyError:
            raise
        except ImportError as error:  # a package that the layers need is missing
            raise MissingDependencyError(
                f"The layers of {spec.name} cannot be imported ({error}): install the missing "
                "package."
            ) from error
        except Exception as error:  # Paddle raises many kinds for wrong arguments
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            reasons.append(
                f"{name} holds only parts of {spec.name}: it may be truncated or belong to an "
                f"unsupported variant ({reason})."
            )
    if candidates:
        return min(candidates, key=lambda candidate: candidate.differences)
    if reasons:
        raise WeightsError(reasons[0])
    known = ", ".join(spec.name for spec in networks())
    sample = ", ".join(list(tensors)[:3]) or "nothing"
    raise WeightsError(
        f"{name} holds weights of another network (found {len(tensors)} tensors: {sample}, …; "
        f"expected {known})."
    )


def _candidate(tensors: Tensors, spec: NetworkSpec, torch: bool | None) -> Recognised:
    hyperparameters = _deduce(tensors, spec)
    layout = spec.layout(hyperparameters)  # fails if no such network can be built
    translated, ambiguous = _to_paddle(tensors, layout, torch)
    again = _deduce(translated, spec)
    if again != hyperparameters:  # they were deduced from a matrix in PyTorch's layout
        hyperparameters, layout = again, spec.layout(again)
        translated, ambiguous = _to_paddle(tensors, layout, torch)
    return Recognised(spec, hyperparameters, layout, translated, ambiguous)


def _deduce(tensors: Tensors, spec: NetworkSpec) -> dict[str, Any]:
    return spec.deduce({key: tuple(value.shape) for key, value in tensors.items()})


def _to_paddle(
    tensors: Tensors, layout: Layout, torch: bool | None
) -> tuple[dict[str, np.ndarray], bool]:
    """Tensors of either framework in Paddle's form, and whether their layout was guessed."""
    paddle_names = {theirs: ours for ours, theirs in layout.torch_names.items()}
    translated = {}
    renamed = False
    for key, value in tensors.items():
        stem, _, last = key.rpartition(".")
        if last == "num_batches_tracked" and f"{stem}._mean".lstrip(".") in layout.shapes:
            continue  # a counter that Paddle does not have
        own = key if key in layout.shapes else paddle_names.get(key, key)
        renamed |= own != key
        translated[own] = value
    matrices = [key for key in layout.transposed if key in translated and translated[key].ndim == 2]
    oblong = [key for key in matrices if len(set(layout.shapes[key])) > 1]
    turned = [key for key in oblong if translated[key].shape[::-1] == layout.shapes[key]]
    if torch or (torch is None and (renamed or turned)):
        translated.update({key: translated[key].T for key in matrices})
    return translated, torch is None and bool(matrices) and not (renamed or oblong)
