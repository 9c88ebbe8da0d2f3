"""Files that outlast a kill, a full disk and another process; standard library only."""

import atexit
import csv
import errno
import fcntl
import io
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished-"
"""What the name of a file begins with until all of it is written."""
TEMPORARY = "textgan_bench-"
"""What the names of temporary folders of processes begin with, and those of users' own may."""
MARK = ".of-a-process"
"""File in each temporary folder of a process, made once the folder is locked: no other folder is
removed, be it a checkout that was unpacked beside them or one whose process is about to lock it."""
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors that tell of the place that is written to, and of nothing else."""
_STREAM = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/(self|\d+)/fd/\d+")


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Keep a folder to this process, among those of the machine that ask for it here.

    The lock ends with the process, however that ends, and leaves nothing behind.

    Raises:
        BlockingIOError: another process has it, and this one shall not ``wait``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


@contextmanager
def held(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Keep a file, made for it where there is none, as ``locked`` keeps a folder.

    Processes that ``os.posix_spawn`` starts within keep it, too: it is free when all have ended.

    Raises:
        BlockingIOError: another process has it, and this one shall not ``wait``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        os.set_inheritable(handle, True)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a process keeps a file by ``held``."""
    if not path.exists():
        return False
    try:
        with held(path, wait=False):
            return False
    except BlockingIOError:
        return True


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, which takes the place of ``path`` in one step when all is written.

    A reader, or a kill, sees the old content or the new one. A link is followed, the mode of an old
    file is kept, and what is no regular file (a device, a pipe, ``/dev/stdout``) is written to.

    Raises:
        OSError: it cannot be written, the disk is full; ``path`` is its file name.
    """
    try:
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if is_stream(path) or (mode and not stat.S_ISREG(mode)):
            with path.open("ab") as file:
                yield file
        else:
            with _beside(Path(os.path.realpath(path)), mode) as file:
                yield file
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def replace_text(path: Path, text: str) -> None:
    """Write a file in UTF-8 as ``replaced`` does.

    Raises:
        OSError: it cannot be written; ``path`` is its file name.
    """
    with replaced(path) as file:
        file.write(text.encode())


def replace_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file as ``replaced`` does, its first line the header.

    Raises:
        OSError: it cannot be written; ``path`` is its file name.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    replace_text(path, text.getvalue())


def clear(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder and those below it."""
    _remove(folder.rglob(f"{UNFINISHED}*"))


@cache
def own_temporary_folder() -> Path:
    """Give this process, and those it starts, a temporary folder that goes when it ends.

    Those of killed processes go now, with all that libraries had put into them.
    """
    for mark in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*/{MARK}"):
        with suppress(OSError), locked(mark.parent, wait=False):
            shutil.rmtree(mark.parent)
    with ExitStack() as stack:
        own = tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(own))
        stack.enter_context(locked(folder))
        (folder / MARK).touch()
        atexit.register(stack.pop_all().close)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def is_stream(path: Path) -> bool:
    """Whether it names a pipe, terminal or file that this process was started with.

    Such are ``/dev/stdin`` and what a shell puts in the place of ``<(command)``. Its content can be
    read once, and it has no place for a file beside it.
    """
    if not _STREAM.fullmatch(str(path)):
        return False
    mode = _mode(path)
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode) or _is_terminal(path)


@contextmanager
def named(place: str) -> Iterator[None]:
    """Let an error of a disk say where it is full, or cannot be written."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in DISK:
            raise OSError(error.errno, error.strerror, place) from error
        raise


@contextmanager
def _beside(path: Path, mode: int) -> Iterator[BinaryIO]:
    """``replaced`` of a regular file; ``mode`` is that of the old one, 0 where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(path.parent.glob(f"{UNFINISHED}*"))
    unfinished = path.with_name(f"{UNFINISHED}{secrets.token_hex(4)}")
    with unfinished.open("xb") as file:
        try:
            with suppress(OSError):  # where there are no locks ``clear`` removes nothing
                fcntl.flock(file, fcntl.LOCK_EX)
            if mode:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def _remove(unfinished: Iterable[Path]) -> None:
    for path in unfinished:
        # Whoever still writes one has it locked; and one may be gone, or another user's.
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _mode(path: Path) -> int:
    """Type and permissions of what a path leads to; 0 where there is nothing."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def _is_terminal(path: Path) -> bool:
    with path.open("rb") as file:
        return file.isatty()
