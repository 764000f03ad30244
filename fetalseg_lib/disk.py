"""What can go wrong where files are written: two writers at once, and errors that do not say where."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fetalseg_lib.names import beside


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the disk that names no file, such as a full disk while writing, name ``path``.

    >>> with naming(Path("results.csv")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] No space left on device: 'results.csv'
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def only_one(target: Path) -> Iterator[int | None]:
    """Keep other processes from writing ``target``, a file or folder that need not exist yet.

    The lock is the system's (``flock``) on a hidden file beside ``target``: it ends with the process, however
    that ends, so that a kill leaves nothing to clean up. Gives the file's descriptor, by which a child can
    share the lock, or ``None`` where the system knows no such locks. Errors of the disk within the block
    name ``target``, as by :func:`naming`. Raises ``ValueError`` where another process holds the lock.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "run"
    >>> with only_one(target):
    ...     with only_one(target):
    ...         pass
    Traceback (most recent call last):
    ...
    ValueError: .../run: another process is writing it; wait for that one, or choose another place
    """
    if sys.platform == "win32":
        with naming(target):
            yield None
        return
    path = beside(target, ".lock", hidden=True)
    path.parent.mkdir(parents=True, exist_ok=True)
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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                return descriptor, True
        except BlockingIOError as error:
            os.close(descriptor)
            raise ValueError(
                f"{target}: another process is writing it; wait for that one, or choose another place"
            ) from error
        except OSError:
            return descriptor, False  # some network folders know no locks
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether ``path`` names the opened file; whoever held the lock before may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
