"""IPTC captions in the image resource that Photoshop keeps them in."""

from __future__ import annotations

from . import resources

RESOURCE = resources.IPTC


def iptc_resource(iptc: bytes) -> bytes:
    """The record as an image resource without a name, of an even length."""
    return resources.resource(RESOURCE, iptc)


def iptc_of(content: bytes | None) -> bytes | None:
    """The record in image resources, or ``content`` itself where it is a record already."""
    if not content or content[:4] != b"8BIM":
        return content or None
    return resources.find(content, RESOURCE)
