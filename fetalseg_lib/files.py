"""Files and folders that are whole wherever they have their name.

Whoever is killed, runs out of room or loses power while writing leaves what was there before. Drafts stand
beside their target under one name, so that the next run clears what a kill left. No link is followed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fetalseg_lib.names import beside

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the disk that names no file, such as a full disk while writing, name ``path``.

    >>> with naming(Path("a.csv")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device: 'a.csv'
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def no_link(path: str, flags: int) -> int:
    """An opener for :func:`open` that follows no symbolic link to another file."""
    return os.open(path, flags | _NO_LINK, 0o666)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only once it is whole and on the disk.

    Raises ``ValueError`` where ``path`` is no regular file or where another process writes it meanwhile, and
    ``OSError`` that names the file where the disk is full or the folder cannot be written.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with atomic_write(path) as file:
    ...     _ = file.write(b"1 2 3")
    ...     path.exists()
    False
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: expected the name of a file, got a folder or a device; choose another")
    _make_folder(path.parent)
    partial = beside(path, ".partial")
    partial.unlink(missing_ok=True)  # of a kill
    mine = None
    try:
        with naming(path), open(partial, "xb", opener=no_link) as file:
            mine = os.fstat(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not _is_still(partial, mine):
                raise _taken(path)
        partial.replace(path)
    except BaseException:
        if mine is not None and _is_still(partial, mine):
            partial.unlink(missing_ok=True)
        raise
    flush_names(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a draft of the new folder ``path``, which appears only once it is whole and on the disk.

    Raises ``ValueError`` where ``path`` has anything in it or is the current folder, or another process is
    writing it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "heads"
    >>> with new_folder(path) as draft:
    ...     _ = (draft / "1.png").write_bytes(b"a head")
    >>> [file.name for file in path.iterdir()]
    ['1.png']
    """
    with only_one(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir()) or path.samefile(Path.cwd())):
            raise ValueError(f"{path}: expected a new folder, but it exists; choose another, or delete it")
        draft = beside(path, ".partial", hidden=True)
        clear(draft)
        draft.mkdir()
        try:
            yield draft
            flush(draft)
            if path.exists():
                path.rmdir()
            draft.rename(path)
        finally:
            clear(draft)
        flush_names(path.parent)


def clear(path: Path) -> None:
    """Remove a file, a folder with all that is in it, or a link but not what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Bring a file, or a folder with all that is in it, to the disk itself: a power cut finds it there."""
    if not path.is_dir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        return
    for inner in path.iterdir():
        flush(inner)
    flush_names(path)


def flush_names(folder: Path) -> None:
    """Bring a folder's names to the disk, where the system lets a folder be opened (Windows does not)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for part in made:
        flush_names(part.parent)


@contextmanager
def only_one(target: Path) -> Iterator[int | None]:
    """Keep other processes from writing ``target``, a file or folder that need not exist yet.

    The lock is the system's (``flock``) on a hidden file beside ``target`` and ends with the process, however
    that ends. Gives the file's descriptor, by which a child can share the lock, or ``None`` where the system
    knows no such locks. Errors of the disk within name ``target``, as by :func:`naming`. Raises
    ``ValueError`` where another process holds the lock.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "run"
    >>> with only_one(target), only_one(target):
    ...     pass
    Traceback (most recent call last):
    ValueError: .../run: another process is writing it; wait for that one, or choose another place
    """
    if sys.platform == "win32":
        with naming(target):
            yield None
        return
    path = beside(target, ".lock", hidden=True)
    _make_folder(path.parent)
    descriptor, locked = _acquire(path, target)
    try:
        with naming(target):
            yield descriptor if locked else None
    finally:
        if locked:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, target: Path) -> tuple[int, bool]:
    """Open and lock the file ``path``; the second value is whether this system knows how."""
    import fcntl

    while True:
        descriptor = no_link(str(path), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, os.fstat(descriptor)):
                return descriptor, True
        except BlockingIOError as error:
            os.close(descriptor)
            raise _taken(target) from error
        except OSError:
            return descriptor, False  # some network folders know no locks
        os.close(descriptor)


def _taken(target: Path) -> ValueError:
    return ValueError(f"{target}: another process is writing it; wait for that one, or choose another place")


def _is_still(path: Path, opened: os.stat_result) -> bool:
    """Whether ``path`` names the opened file; another process may have removed it meanwhile."""
    try:
        return os.path.samestat(opened, path.lstat())
    except FileNotFoundError:
        return False
