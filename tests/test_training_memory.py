"""What the system is asked for while a training allocates and frees the same memory again and again."""

import platform

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


def test_freed_memory_is_not_asked_for_again() -> None:
    usual = page_faults()
    with freed_memory_kept():
        page_faults()  # the first asks once
        kept = page_faults()
    assert kept * 10 < usual


def test_afterwards_it_goes_back() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with freed_memory_kept():
        torch.ones(512 * MIB // 4)
        assert process.memory_info().rss > before + 400 * MIB
    assert process.memory_info().rss < before + 100 * MIB
