"""What the system is asked for while a training allocates and frees the same memory again and again."""

import platform
from multiprocessing import get_context

import psutil
import pytest
import torch

from fetalseg_lib.speed import freed_memory_kept

resource = pytest.importorskip("resource")  # not on Windows

MIB = 2**20
TIMES = 8

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")


def page_faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(TIMES):
        torch.ones(64 * MIB // 4)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt) - before


def usual_and_kept() -> tuple[int, int]:
    usual = page_faults()
    with freed_memory_kept():
        page_faults()  # the first asks once, and something small may take its place in the heap once more
        return usual, min(page_faults() for _ in range(3))


def test_freed_memory_is_not_asked_for_again() -> None:
    """In a new process: in one that has trained or predicted, large holes of the heap ask for nothing."""
    with get_context("spawn").Pool(1) as pool:
        usual, kept = pool.apply(usual_and_kept)
    assert kept * 10 < usual


def test_afterwards_it_goes_back() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with freed_memory_kept():
        torch.ones(512 * MIB // 4)
        assert process.memory_info().rss > before + 400 * MIB
    assert process.memory_info().rss < before + 100 * MIB
