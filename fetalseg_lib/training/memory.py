"""Memory that a training frees and needs again a moment later."""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
MIB = 2**20
KEEPING = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1, M_TOP_PAD: 64 * MIB}  # -1: never
USUAL = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 64 * MIB, M_TOP_PAD: 128 * 1024}
"""glibc's own, but for the threshold, which by itself grows with what is freed: to 64 MiB at most."""


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let the process keep what it frees, for what it allocates next; afterwards all goes back.

    A step of a training frees every large tensor that the next one needs again. glibc gives each back to the
    system, which then has to clear it anew, page by page. No number changes; the peak of the memory may rise
    a little. Where the C library is another one, nothing changes.
    Source: mallopt(3).

    >>> with freed_memory_kept():
    ...     pass
    """
    library = _glibc()
    if library is None:
        yield
        return
    _set(library, KEEPING)
    try:
        yield
    finally:
        _set(library, USUAL)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _set(library: ctypes.CDLL, options: dict[int, int]) -> None:
    for option, value in options.items():
        library.mallopt(option, value)
