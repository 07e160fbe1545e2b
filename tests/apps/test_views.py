"""Pairs of left and right views."""

from ppgan_mpr.apps.source_search import expand
from ppgan_mpr.apps.views import pair_views


def test_views_are_paired_although_some_folders_cannot_be_searched(locked):
    left, right = expand(locked, recursive=True), expand(locked)
    paired = pair_views(left, right)
    assert [source.right is not None for source in paired] == [True, True, False, False]
