"""The server's messages about requests and pictures: a code, a sentence and its parameters.

Programs and translations use the code and the parameters; people can read the sentence. The
library's errors are plain sentences, so the table below recognises those that visitors may see.
Names of Python's options in them are replaced by the names of the form's fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import DownloadError, MissingDependencyError, UsageError, WeightsError
from ..inference import InferenceOptions

#: Code → meaning, for errors of pictures, refused requests and warnings about restored pictures.
CODES = {
    "damaged": "the file is damaged or incomplete",
    "download": "the server could not download the weights",
    "empty_file": "the file is empty",
    "few_bits": "the picture has fewer bits per sample than the network's training pictures",
    "host": "the server does not accept this host name",
    "http": "the server does not understand the request",
    "lacks": "the format of the result cannot store all data of the picture",
    "loss": "the format cannot hold the picture without a visible loss",
    "no_picture": "the form has no picture",
    "no_task": "the form has no task",
    "no_weights": "there is no such model for the task",
    "not_a_picture": "the file is not a picture in a known format",
    "not_done": "the picture has no result, or no result yet",
    "not_found": "there is no such view",
    "not_installed": "a package is not installed on the server",
    "not_undecided": "there is nothing to choose for the picture",
    "not_written": "the result could not be written",
    "option": "a field has an invalid value",
    "origin": "the request comes from a page of another site",
    "other": "another message of the library",
    "queue_full": "the queue is full",
    "raw_file": "a camera's raw file that cannot be developed here",
    "reduced": "the picture was reduced to max_size",
    "sample_format": "the samples are neither 8 nor 16 bits",
    "several_frames": "the file holds several frames or pages",
    "slow": "the upload stopped before its end",
    "smaller_batches": "memory was short, so the restoration took longer",
    "smaller_tiles": "memory was short, so the pixels differ from those of other runs",
    "too_large": "the upload has more bytes than the server allows",
    "too_many_pixels": "the picture has more pixels than the server allows",
    "too_much_memory": "the picture needs more memory than the server allows",
    "too_slow": "reading the picture took longer than the server allows",
    "unexpected": "an internal error of the server",
    "unknown_field": "the form has a field that does not exist",
    "unknown_job": "there is no such job, or it has expired",
    "unreadable": "the picture cannot be read for another reason",
    "views": "the task needs another number of views",
    "views_differ": "the two views differ in size",
    "weak_weights": "the weights hardly help with real pictures",
    "weights": "the weights cannot be used",
}
#: Options of restoration that visitors set in the form; only the server sets the others.
FIELDS = (
    "network", "model", "scale", "strength", "max_size", "suffix", "quality", "allow_loss",
    "local", "ensemble",
)  # fmt: skip
# Other fields that messages may name.
_OTHER_FIELDS = ("task", "right")


@dataclass(frozen=True)
class Message:
    """A message to a visitor.

    Attributes:
        code: one of :data:`CODES`.
        text: one English sentence that also says what to do.
        parameters: the values inside the sentence by name, in the types of JSON.
    """

    code: str
    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code

    def to_dict(self) -> dict[str, Any]:
        """The message in the types of JSON."""
        return {"code": self.code, "message": self.text, "parameters": dict(self.parameters)}


# (code, pattern of the library's sentence, sentence for visitors). With "", visitors read the
# library's sentence. Other sentences replace advice that visitors cannot follow. Named groups
# become parameters. The first match counts.
_PICTURES = tuple(
    (code, re.compile(pattern, re.DOTALL), text)
    for code, pattern, text in (
        ("empty_file", r"the file is empty", ""),
        ("raw_file", r"camera's raw file|raw file is damaged|raw files that LibRaw", ""),
        ("several_frames", r"holds several frames|has several pages", ""),
        ("sample_format", r"it holds .*: convert it to", ""),
        (
            "too_much_memory",
            r"raise picture_limit=|of memory are free|not fit into memory|pixels are more than the"
            r"|does not fit into the memory of",
            "The picture needs more memory than this server allows: send a smaller copy.",
        ),
        (
            "too_slow",
            r"took longer than|read_timeout=",
            "Reading the picture took longer than this server allows: save it again in a common "
            "format, such as JPEG or PNG.",
        ),
        (
            "views_differ",
            r"the right view is (?P<right_width>\d+) x (?P<right_height>\d+) pixels, but the left "
            r"view is (?P<width>\d+) x (?P<height>\d+)",
            "",
        ),
        ("loss", r"allow_loss=True", ""),
        ("damaged", r"damaged or incomplete|ends before the picture|header is damaged", ""),
        ("not_a_picture", r"not a picture|not an ordinary file", ""),
        ("not_written", r"cannot be written", ""),
        ("unreadable", r"cannot be read", ""),
    )
)

_WARNINGS = tuple(
    (code, re.compile(pattern))
    for code, pattern in (
        (
            "few_bits",
            r"it has (?P<bits>\d+) bits per sample: the network learnt from (?P<depth>\d+)",
        ),
        (
            "reduced",
            r"reduced from (?P<full_width>\d+) x (?P<full_height>\d+) to (?P<width>\d+) x "
            r"(?P<height>\d+) pixels",
        ),
        ("smaller_tiles", r"memory was short, so it was restored in tiles"),
        ("smaller_batches", r"memory was short, so its tiles were computed"),
        ("lacks", r"the result lacks (?P<items>.+)"),
    )
)  # fmt: skip

# Separators in the list of what a result lacks; some items contain commas themselves.
_ITEMS = re.compile(r"(?:, | and )(?=the |an? |Photoshop)")


def picture_message(text: str) -> Message:
    """Make a message from the library's sentence about a picture that cannot be restored."""
    for code, pattern, own in _PICTURES:
        match = pattern.search(text)
        if match:
            return Message(code, own or in_form_words(text), _numbers(match))
    return Message("other", in_form_words(text))


def error_message(error: Exception) -> Message:
    """Make a message from any error of the library."""
    text = str(error)
    if isinstance(error, DownloadError):
        return Message(
            "download",
            "The server could not download the weights: choose model=lite if the task has it, or "
            "try again later.",
        )
    if isinstance(error, MissingDependencyError):
        return Message("not_installed", f"A package is missing on the server: {text}")
    if isinstance(error, WeightsError):
        return Message("weights", f"The weights cannot be used: {in_form_words(text)}")
    if isinstance(error, UsageError):
        return option_message(text)
    return picture_message(text)


def option_message(text: str) -> Message:
    """Make a message from the library's sentence about an invalid option."""
    none = re.match(r"There are no (?P<model>\w+) (?:\w+ )?weights for (?P<task>\w+) that ", text)
    if none:
        others = sorted(set(re.findall(r"model='(\w+)'", text)))
        advice = f"choose model={' or model='.join(others)}" if others else "choose another network"
        found = {**none.groupdict(), "models": others, "field": "model"}
        return Message(
            "no_weights",
            f"There are no {none['model']} weights for {none['task']} here: {advice}.",
            found,
        )
    if text.startswith("Pictures cannot be written in the format"):
        return Message("option", text, {"field": "suffix"})
    named = [name for name in re.findall(r"(?<![\w-])([a-z_]+)=", text) if _is_field(name)]
    return Message("option", in_form_words(text), {"field": named[0]} if named else {})


def warning_message(text: str) -> Message:
    """Make a message from the library's warning about a restored picture."""
    for code, pattern in _WARNINGS:
        match = pattern.match(text)
        if match:
            found: dict[str, Any] = _numbers(match)
            if "items" in found:
                found["items"] = _ITEMS.split(found["items"])
            return Message(code, in_form_words(text), found)
    return Message("other", in_form_words(text))


def in_form_words(text: str) -> str:
    """Rewrite the options in a sentence as fields of the form: ``model=lite``, ``allow_loss=true``.

    Options that only the server sets become flags of ``mprnet-web``.
    """
    server = {option.name for option in InferenceOptions.documented()} - set(FIELDS)

    def worded(match: re.Match[str]) -> str:
        name, value = match[1], match[2].strip("'\"")
        value = value.lower() if value in ("True", "False") else value
        if _is_field(name):
            return f"{name}={value}" if value else f"the field {name}"
        if name in server:
            return f"the server's --{name}{f' {value}' if value else ''}"
        return match[0]

    return _OPTION.sub(worded, text)


# name=value as the library writes it, but not inside a file name.
_OPTION = re.compile(
    r"(?<![\w/\\.-])([a-z_]+)=('[^']*'|\"[^\"]*\"|True|False|-?[\d.]*\d|)(?=[\s,;:)]|\.(?:\s|$)|$)"
)


def _is_field(name: str) -> bool:
    return name in FIELDS or name in _OTHER_FIELDS


def _numbers(match: re.Match[str]) -> dict[str, Any]:
    """The named groups, with digits converted to numbers."""
    groups: Iterable[tuple[str, str | None]] = match.groupdict().items()
    return {name: int(value) if value.isdecimal() else value for name, value in groups if value}
