"""Names of files: how long they may be, which of them are one file, and how they are shown."""

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
    """What makes two names in a folder the same file.

    Windows, macOS and some Linux folders take ``IMG.jpg`` and ``img.jpg`` for one file, and macOS
    the two ways of writing ``é``. A hidden file, removed at once, shows what this folder does.

    Returns:
        A function from names or paths to keys: equal keys, one file. Where the folder cannot be
        tried out, names that might be one file have equal keys.
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
    """A text whose invisible characters are written as escapes such as ``\\x1b``.

    A terminal would obey the control characters that a file name may hold, and those that change
    the direction of writing would hide what the name is.
    """
    return "".join(ascii(sign)[1:-1] if is_invisible(sign) else sign for sign in str(text))


def is_invisible(sign: str) -> bool:
    """Whether a character is a control or format character, a line separator or half of a pair."""
    return unicodedata.category(sign) in _INVISIBLE


def fitting_name(stem: str, ending: str) -> str:
    """``stem + ending``, shortened where it is longer than a file name may be.

    A stem that is cut ends in eight digits made of the whole, so that two long names stay two.
    """
    room = _LONGEST - len(os.fsencode(ending))
    octets = os.fsencode(stem)
    if len(octets) <= room:
        return stem + ending
    mark = "~" + hashlib.sha256(octets).hexdigest()[:8]
    return octets[: room - len(mark)].decode("utf-8", "ignore") + mark + ending
