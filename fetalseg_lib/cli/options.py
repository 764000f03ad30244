"""What the groups of commands share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from fetalseg_lib.models.variants import get_variant

if TYPE_CHECKING:
    from fetalseg_lib.apply.images import ImageTable

CHECKPOINT = "from the last checkpoint"
"""Where a stopped training goes on."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""The parser's list of commands, to which each group adds its own; argparse hides the class."""


def add_study_options(parser: argparse.ArgumentParser, *, own_folder: bool = False) -> None:
    """Which profile, on which images, into which folder; with ``own_folder`` the images may be one's own."""
    parser.add_argument("--profile", default="quick", help="built-in name or the path of a .yaml file")
    if own_folder:
        words = "phantom, hc18, or a folder of your own in HC18's layout (default: phantom)"
        parser.add_argument("--data", default="phantom", help=words)
    else:
        parser.add_argument("--data", default="phantom", choices=("phantom", "hc18"))
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"), help="results folder (default: runs)")


def image_table(pixel_size: str | None) -> ImageTable:
    """What ``--pixel-size`` says: nothing, a length in mm for all images, or a CSV that tells each."""
    from fetalseg_lib.apply.images import ImageTable, read_image_table

    if pixel_size is None:
        return ImageTable()
    try:
        every = float(pixel_size)
    except ValueError:
        path = Path(pixel_size)
        if not path.is_file():
            raise ValueError(f"--pixel-size: expected a length in mm or a CSV, got {pixel_size!r}") from None
        return read_image_table(path)
    return ImageTable(every=every)


def need(extra: str, *modules: str) -> None:
    """Raise ``ModuleNotFoundError`` where packages of an extra are missing, before anything is loaded."""
    if missing := [name for name in modules if find_spec(name) is None]:
        raise ModuleNotFoundError(
            f"{', '.join(missing)}: not installed; install the extra `{extra}`: "
            f'python -m pip install "fetalseg_lib[{extra}]"'
        )


def need_peers(variants: Iterable[str]) -> None:
    """The same for variants that are another library's networks."""
    peers = [variant for variant in map(get_variant, variants) if variant.architecture == "peer"]
    if any(variant.network["network"] != "lraspp" for variant in peers):  # torchvision's own
        need("peers", "segmentation_models_pytorch")
