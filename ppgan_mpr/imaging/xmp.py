"""Removes statements from an XMP packet that do not apply to the result."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LONGEST = 1 << 24  # bytes; longer packets are passed on as they are
# Namespace -> names in it that are removed; None removes all of them.
_PARTS: dict[bytes, tuple[bytes, ...] | None] = {
    b"http://ns.adobe.com/xap/1.0/": (b"Thumbnails",),
    b"http://ns.adobe.com/hdr-gain-map/1.0/": None,
    b"http://ns.apple.com/HDRGainMap/1.0/": None,
    b"http://ns.google.com/photos/1.0/container/": None,
    b"http://ns.google.com/photos/1.0/container/item/": None,
    b"http://ns.google.com/photos/1.0/depthmap/": None,
    b"http://ns.google.com/photos/1.0/image/": None,
    b"http://ns.google.com/photos/1.0/camera/": (
        b"MotionPhoto", b"MotionPhotoVersion", b"MotionPhotoPresentationTimestampUs",
        b"MicroVideo", b"MicroVideoVersion", b"MicroVideoOffset",
        b"MicroVideoPresentationTimestampUs",
    ),
    b"http://ns.adobe.com/xmp/note/": (b"HasExtendedXMP",),
}  # fmt: skip
_NAMESPACE = re.compile(rb"""xmlns:([\w.-]{1,40})\s*=\s*["']([^"'<>]{1,100})["']""")


def without_develop_settings(xmp: bytes) -> bytes:
    """The packet without a raw converter's settings.

    A raw converter would apply them to the developed picture again.
    """
    return _without(xmp, {b"http://ns.adobe.com/camera-raw-settings/1.0/": None})


def without_absent_parts(xmp: bytes) -> bytes:
    """The packet without thumbnails, and without mention of gain maps, depth maps and videos.

    The thumbnails show the picture before restoration, and results do not have the others.
    """
    return _without(xmp, _PARTS)


def _without(xmp: bytes, parts: Mapping[bytes, tuple[bytes, ...] | None]) -> bytes:
    """The packet without some or all names of some namespaces; see :data:`_PARTS`."""
    if len(xmp) > _LONGEST:
        return xmp
    for prefix, uri in dict(_NAMESPACE.findall(xmp)).items():
        if uri not in parts:
            continue
        names = parts[uri]
        local = b"[\\w.-]{1,60}" if names is None else b"(?:%s)" % b"|".join(names)
        name = re.escape(prefix) + b":" + local
        xmp = _without_elements(xmp, name)
        xmp = re.sub(rb"""\s%s\s*=\s*(?:"[^"<>]{0,400}"|'[^'<>]{0,400}')""" % name, b"", xmp)
        if names is None and prefix + b":" not in xmp:
            declaration = rb"""\sxmlns:%s\s*=\s*["'][^"'<>]{1,100}["']""" % re.escape(prefix)
            xmp = re.sub(declaration, b"", xmp)
    return xmp


def _without_elements(xmp: bytes, name: bytes) -> bytes:
    """The packet without the elements whose names match a pattern, and their content."""
    kept, position = [], 0
    opening = re.compile(rb"<(%s)(?=[\s/>])([^<>]{0,2000})>" % name)
    while found := opening.search(xmp, position):
        end = found.end()
        if not found.group(2).endswith(b"/"):
            closing = b"</" + found.group(1) + b">"
            at = xmp.find(closing, end)
            if at < 0:
                break  # not well-formed
            end = at + len(closing)
        kept.append(xmp[position : found.start()])
        position = end
    return b"".join([*kept, xmp[position:]])
