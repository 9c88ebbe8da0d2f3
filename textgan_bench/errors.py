"""Which errors are the user's, and what to tell them."""

import sys
import traceback
from argparse import ArgumentError
from collections.abc import Iterable
from difflib import get_close_matches
from io import TextIOWrapper

MAKERS = {
    "instantiate_classes",
    "configure_optimizers",
    *(f"{split}_dataloader" for split in ("train", "val", "test")),
}
"""Functions that make objects of settings: what a value was refused for is known there alone."""


class UserError(ValueError):
    """Something that the user gave is refused; the message alone says what to do.

    A method or a data set of your own raises it, too. Any other error is a defect and shows its
    traceback.
    """


class MissingError(UserError, FileNotFoundError):
    """A file or folder that the user names, or that a command before this one makes, is missing."""


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came, after which all is left as after Ctrl-C."""


class FailedRunsError(Exception):
    """Some of several runs failed, which has been reported; the others are done."""


class FailedChecksError(Exception):
    """Some of several files failed a check, which has been reported; the others passed."""


def explanation(error: BaseException) -> str | None:
    """What to tell the user about an error that is theirs, None for any other.

    Theirs are ``UserError``, arguments that the parser refuses, losses that are not finite, files
    that cannot be opened, and values that a library refuses where objects are made of settings. The
    parser wraps such errors of constructors.
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, UserError | ArgumentError | FloatingPointError):
        return str(error)
    if error.__cause__ is not None:
        return explanation(error.__cause__) or _refused_value(error)
    return _refused_value(error)


def report(name: str, error: BaseException) -> None:
    """Tell the user at once why the run ``name`` failed, where others go on."""
    message = explanation(error)
    if message is None:
        traceback.print_exception(error)
        message = f"{type(error).__name__}: {error}"
    print(f"{name} failed: {one_line(message)}", file=sys.stderr)


def one_line(text: str) -> str:
    r"""Text of a file, or its name, without what would steer a terminal or break a line.

    >>> one_line("two\nlines, \x1b[31mred")
    'two lines, �[31mred'
    """
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else "�" for c in line)


def meant(word: str, known: Iterable[str]) -> str:
    """A question for the nearest of the ``known`` names; empty where none is near.

    >>> meant("NAGANN", ["mle", "nagan"]), meant("relgan", ["mle", "importance"])
    (' (did you mean nagan?)', '')
    """
    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1)
    return f" (did you mean {names[close[0]]}?)" if close else ""


def print_anything() -> None:
    """Print replacements for characters that a terminal of another encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _refused_value(error: BaseException) -> str | None:
    """What a library says of a value that an object was to be made of."""
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not isinstance(error, ValueError) or MAKERS.isdisjoint(frames):
        return None
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) if isinstance(error, ValueError | RuntimeError) else None
