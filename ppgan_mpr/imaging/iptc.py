"""IPTC captions and the Photoshop image resource that holds them."""

from __future__ import annotations

from . import resources

RESOURCE = resources.IPTC


def iptc_resource(iptc: bytes) -> bytes:
    """The IPTC record as an unnamed image resource, padded to an even length."""
    return resources.resource(RESOURCE, iptc)


def iptc_of(content: bytes | None) -> bytes | None:
    """The IPTC record in image resources, or ``content`` itself if it already is a record."""
    if not content or content[:4] != b"8BIM":
        return content or None
    return resources.find(content, RESOURCE)
