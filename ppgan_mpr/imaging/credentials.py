"""Content credentials (C2PA): signed statements about a file, which do not hold for its result."""

from __future__ import annotations

from .tiff_tags import Buffer

#: What the credentials are called in warnings.
CREDENTIALS = "the content credentials (C2PA), which sign the source"
_START = b"jumdc2pa"  # of their outermost box, and of its type (C2PA 2.1, 11.1.4)


def credentials(data: Buffer) -> tuple[str, ...]:
    """:data:`CREDENTIALS` where the file holds some, else nothing."""
    return (CREDENTIALS,) if data.find(_START) >= 0 else ()
