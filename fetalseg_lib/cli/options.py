"""What the groups of commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""The parser's list of commands, to which each group adds its own; argparse hides the class."""


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """Which profile, on which images, into which folder."""
    parser.add_argument("--profile", default="quick", help="built-in name or the path of a .yaml file")
    parser.add_argument("--data", default="phantom", choices=("phantom", "hc18"))
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"), help="results folder (default: runs)")
