"""File names: their greatest length, which names mean the same file, and how to show them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import unicodedata
import uuid
from pathlib import Path
from typing import Callable

from .files import TEMPORARY

_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's general categories
_LONGEST = 255  # bytes of one name, on nearly all file systems


def name_key(folder: str | os.PathLike[str]) -> Callable[[str], str]:
    """A function that shows which names in a folder mean the same file.

    On Windows, macOS and in some Linux folders ``IMG.jpg`` and ``img.jpg`` are the same file, and
    on macOS so are the two Unicode forms of ``é``. A hidden file, removed at once, shows how this
    folder behaves.

    Returns:
        A function from names or paths to keys. Names with equal keys mean the same file. If the
        folder cannot be tested, names that might mean the same file have equal keys.
    """
    probe = Path(folder) / f".{uuid.uuid4().hex}-a\u00e9{TEMPORARY}"
    folds_case = composes = True
    try:
        with open(probe, "xb"):
            pass
    except (OSError, UnicodeError):
        pass
    else:
        folds_case = os.path.lexists(probe.with_name(probe.name.upper()))
        composes = os.path.lexists(probe.with_name(unicodedata.normalize("NFD", probe.name)))
    finally:
        with contextlib.suppress(OSError, UnicodeError):
            probe.unlink()

    def key(name: str) -> str:
        name = name.casefold() if folds_case else name
        return unicodedata.normalize("NFC", name) if composes else name

    return key


def shown(text: object) -> str:
    """A text in which invisible characters are replaced by escapes such as ``\\x1b``.

    File names may hold control characters, which a terminal would obey, and characters that
    reverse the writing direction, which would disguise the name.
    """
    return "".join(ascii(sign)[1:-1] if is_invisible(sign) else sign for sign in str(text))


def is_invisible(sign: str) -> bool:
    """Whether a character is a control or format character, a line separator or a surrogate."""
    return unicodedata.category(sign) in _INVISIBLE


def fitting_name(stem: str, ending: str) -> str:
    """``stem + ending``, shortened if it is too long for a file name.

    A shortened stem ends in eight digits of the full stem's hash, so that long names stay distinct.
    """
    room = _LONGEST - len(os.fsencode(ending))
    octets = os.fsencode(stem)
    if len(octets) <= room:
        return stem + ending
    mark = "~" + hashlib.sha256(octets).hexdigest()[:8]
    return octets[: room - len(mark)].decode("utf-8", "ignore") + mark + ending
