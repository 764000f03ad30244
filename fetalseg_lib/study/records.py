"""A run's result files: what stands in them, and how they are written so that none is ever half there.

A finished run is a folder with five files:

``per_image.csv``
    one row per test image, the metrics and the measured ellipse;
``validation.csv``
    the same of the validation images, to calibrate on (runs of the first study have none);
``history.csv``
    one row per epoch;
``environment.json``
    versions, hardware, git commit, weights, split, configuration and its hash, time and memory;
``metrics.json``
    the run's means. It is written last, by rename: where it stands, the run is complete.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fetalseg_lib.data.read import read_content
from fetalseg_lib.files import atomic_write
from fetalseg_lib.study.source import source_digest

_LIBRARY = str(Path(__file__).parents[1])
METRICS, PER_IMAGE, VALIDATION = "metrics.json", "per_image.csv", "validation.csv"
HISTORY, ENVIRONMENT = "history.csv", "environment.json"
_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "albumentations",
    "scikit-image",
)


def summarize(per_image: pd.DataFrame) -> dict[str, float | int]:
    """The means of a run over its test images; failures stay in every mean and are counted.

    >>> rows = pd.DataFrame({"dice": [1.0, 0.0], "hc_error_mm": [2.0, -180.0], "failed": [False, True]})
    >>> summarize(rows)["dice_mean"], summarize(rows)["hc_abs_error_mm_mean"], summarize(rows)["failures"]
    (0.5, 91.0, 1)
    """
    summary: dict[str, float | int] = {"images": len(per_image), "failures": int(per_image["failed"].sum())}
    errors = per_image.assign(hc_abs_error_mm=per_image["hc_error_mm"].abs())
    for name in ("dice", "iou", "hd_mm", "hd95_mm", "assd_mm", "hc_error_mm", "hc_abs_error_mm"):
        if name in errors:
            summary[f"{name}_mean"] = float(errors[name].mean())
            summary[f"{name}_median"] = float(errors[name].median())
    return summary


def set_aside(folder: Path, config_hash: str | None) -> Path:
    """Rename the run of another identity, which has ``config_hash``: nothing is lost and nothing mixes."""
    name = f"{folder.name}-before-{config_hash}"
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    older = next(path for path in map(folder.with_name, names) if not path.exists())
    folder.rename(older)
    return older


def digest(values: Any) -> str:
    """Twelve hexadecimal digits of a value's JSON: equal values, equal digits.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all."""
    _write(path, json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n")


def write_csv(path: Path, frame: pd.DataFrame, *, digits: int = 9) -> None:
    """Write a table whole or not at all; with 17 significant digits a number reads back to the last bit."""
    _write(path, frame.to_csv(index=False, float_format=f"%.{digits}g", lineterminator="\n"))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; a broken file, or what is no regular file, is an error that names it."""
    content = read_content(path) if path.exists() else path.read_bytes()  # which raises FileNotFoundError
    try:
        values = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: not readable as JSON ({error}); delete its folder and run again"
        ) from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def describe_environment() -> dict[str, Any]:
    """Versions, hardware and git commit, as far as this machine tells them."""
    import torch  # takes seconds, and whoever only reads records needs none of it

    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": {name: _version(name) for name in _PACKAGES},
        "git_commit": _git("rev-parse", "HEAD"),
        # Where the library differs from that commit, the commit alone does not name what ran.
        "git_changes": _git("status", "--porcelain", "--untracked-files=no", "--", _LIBRARY),
        # And which changes those are, or that it was carried without its history, this one tells.
        "source_sha256": source_digest(),
        "peak_memory_mb": _peak_memory_mb(),
    }


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _peak_memory_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(np.round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1))
