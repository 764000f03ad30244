"""Throw damaged files at every reader, and count what is neither read nor refused as documented.

``python tests/fuzz_readers.py --minutes 10 -o results/robustness/fuzzing.json``

A valid file of each kind is changed at random, from a seed, and read. A crash is any exception but those
that the reader's documentation names, a dead process (a decoder written in C may fall), or silence for half
a minute. The input of each crash is kept. pytest does not collect this file: it runs for as long as it is
told to.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from fuzz_inputs import READERS, Reader, mutate

SILENCE_SECONDS = 30
PACKAGES = (
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "pydicom",
    "pyyaml",
    "safetensors",
    "torch",
)


def work(start: int, seed: int, deadline: float, folder: Path, report: Connection) -> None:
    """Read mutants ``start``, ``start + 1``, ... of all readers in turn; tell of each before and after."""
    readers = [(reader, reader.valid()) for reader in READERS]
    number = start
    while time.monotonic() < deadline:
        reader, valid = readers[number % len(readers)]
        content = mutate(np.random.default_rng([seed, number]), valid, text=reader.text)
        report.send(("start", number, reader.name, content))
        began = time.monotonic()
        outcome = read(reader, content, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report.send(("end", outcome, time.monotonic() - began, peak))
        number += 1
    report.send(None)


def read(reader: Reader, content: bytes, folder: Path) -> str:
    """What became of one file: "read", "refused", or the exception that should not have come."""
    try:
        reader.read(content, folder)
    except reader.refusals:
        return "refused"
    except BaseException as error:  # whatever it is, it is counted
        return f"{type(error).__name__}: {error}"
    return "read"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, help="a .json file for the counts")
    parser.add_argument(
        "--keep", type=Path, default=Path("_build/crashes"), help="folder for inputs of crashes"
    )
    options = parser.parse_args(arguments)
    began = time.monotonic()
    counts, crashes, slowest, peak = fuzz(options.seed, began + 60 * options.minutes, options.keep)
    result = {
        "seed": options.seed,
        "seconds": round(time.monotonic() - began),
        "files": sum(counts.values()),
        "crashes": crashes,
        "peak_memory_mb": round(peak),
        "readers": {
            reader.name: {what: counts[reader.name, what] for what in ("read", "refused", "crashed")}
            | {"slowest_seconds": round(slowest.get(reader.name, 0.0), 2)}
            for reader in READERS
        },
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    return 1 if crashes else 0


def fuzz(
    seed: int, deadline: float, keep: Path
) -> tuple[Counter[tuple[str, str]], list[str], dict[str, float], float]:
    """Counts by reader and outcome, the crashes, the slowest file of each reader, and the most MB in use."""
    counts: Counter[tuple[str, str]] = Counter()
    crashes: list[str] = []
    slowest: dict[str, float] = {}
    peak, number = 0.0, 0
    while time.monotonic() < deadline:
        reports, report = multiprocessing.Pipe(duplex=False)
        with tempfile.TemporaryDirectory() as folder:
            worker = multiprocessing.Process(target=work, args=(number, seed, deadline, Path(folder), report))
            worker.start()
            report.close()
            last: tuple[int, str, bytes] | None = None
            try:
                while reports.poll(SILENCE_SECONDS):
                    message = reports.recv()
                    if message is None:
                        break
                    if message[0] == "start":
                        last = message[1:]
                        continue
                    assert last is not None
                    (number, name, content), (_, outcome, seconds, memory) = last, message
                    last, number = None, number + 1
                    slowest[name] = max(slowest.get(name, 0.0), seconds)
                    peak = max(peak, memory)
                    counts[name, outcome if outcome in ("read", "refused") else "crashed"] += 1
                    if outcome not in ("read", "refused"):
                        crashes.append(f"{name} {number - 1}: {outcome}"[:300])
                        kept(keep, name, number - 1, content)
            except EOFError:
                pass
            worker.join(1)
            worker.kill()
            worker.join()
        if last is not None:  # it died, or fell silent, over this one
            number, name, content = last
            counts[name, "crashed"] += 1
            crashes.append(f"{name} {number}: the process ended with {worker.exitcode}")
            kept(keep, name, number, content)
            number += 1
    return counts, crashes, slowest, peak


def kept(folder: Path, name: str, number: int, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name.replace(' ', '-')}-{number}").write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
