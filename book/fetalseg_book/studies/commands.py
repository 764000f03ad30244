"""Commands for a study's runs: what it can see, and its answer."""

from __future__ import annotations

import argparse
from pathlib import Path

from fetalseg_lib.cli.options import Commands


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    for name, words, command in (
        ("noise-floor", "write what a study can see, before its results", _noise_floor),
        ("answer", "write the answer of a study with planned comparisons", _answer),
    ):
        parser = commands.add_parser(name, help=words)
        parser.add_argument("folder", type=Path, help="of the study: OUT/PROFILE/DATA")
        parser.add_argument("--profile", required=True, help="built-in name or the path of a .yaml file")
        parser.set_defaults(command=command)


def _noise_floor(options: argparse.Namespace) -> int:
    from fetalseg_book.studies.floor import write_noise_floor
    from fetalseg_lib.study.profile import load_profile

    print(write_noise_floor(options.folder, load_profile(options.profile)))
    return 0


def _answer(options: argparse.Namespace) -> int:
    from fetalseg_book.studies.answer import write_answer
    from fetalseg_lib.study.profile import load_profile

    for path in write_answer(options.folder, load_profile(options.profile)):
        print(path)
    return 0
