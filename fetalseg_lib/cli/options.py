"""What the groups of commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

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
