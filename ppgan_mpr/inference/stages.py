"""Wraps a network of several stages so that its single output holds all stages' pictures."""

from __future__ import annotations

from typing import Any

from ..dependencies import require


def with_all_stages(network: Any) -> Any:
    """Wrap a network that returns a list of pictures.

    Args:
        network: a ``paddle.nn.Layer`` in evaluation mode, [N, C, H, W] → a list of [N, 3, H, W],
            the last stage first.

    Returns:
        A ``paddle.nn.Layer``, [N, C, H, W] → [N, 3 * stages, H, W], the last stage first.
    """
    paddle: Any = require("paddle")

    class AllStages(paddle.nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, picture: Any) -> Any:
            return paddle.concat(self.network(picture), axis=1)

    wrapped = AllStages()
    wrapped.eval()
    return wrapped
