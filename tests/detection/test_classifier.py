import numpy as np
import pytest

from ppgan_mpr.detection.classifier import tree_scores


@pytest.mark.parametrize(
    ("values", "scores"),
    [([0.5, 9], [1.25, 3.5]), ([0.6, 2], [2.25, 3.5]), ([0.6, 2.1], [4.25, 3.5])],
)
def test_scores_are_the_sums_of_the_leaves(values, scores):
    # First kind: value 0 <= 0.5 ? 1 : value 1 <= 2 ? 2 : 4. Second kind: always 3.
    trees = {
        "roots": np.array([[0, 5]]),
        "feature": np.array([0, -1, 1, -1, -1, -1]),
        "threshold": np.array([0.5, 0, 2, 0, 0, 0], np.float32),
        "left": np.array([1, 0, 3, 0, 0, 0]),
        "right": np.array([2, 0, 4, 0, 0, 0]),
        "value": np.array([0, 1, 0, 2, 4, 3], np.float32),
        "baseline": np.array([0.25, 0.5]),
    }
    np.testing.assert_allclose(tree_scores(trees, np.array(values, np.float32)), scores)
