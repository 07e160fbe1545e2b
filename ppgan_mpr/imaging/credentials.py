"""Content credentials (C2PA): signed statements about a file, not valid for a restored copy."""

from __future__ import annotations

from .tiff_tags import Buffer

#: Name of the credentials in warnings.
CREDENTIALS = "the content credentials (C2PA), which sign the source"
_START = b"jumdc2pa"  # description and type of their outermost box (C2PA 2.1, 11.1.4)


def credentials(data: Buffer) -> tuple[str, ...]:
    """A tuple of :data:`CREDENTIALS` if the file holds some, else an empty tuple."""
    return (CREDENTIALS,) if data.find(_START) >= 0 else ()
