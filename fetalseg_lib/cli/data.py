"""Commands for images: fetch, check and simulate them."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from fetalseg_lib.cli.options import Commands
from fetalseg_lib.names import visible


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    data = commands.add_parser("data", help="fetch and check the HC18 images")
    steps = data.add_subparsers(required=True, metavar="STEP")
    download = steps.add_parser("download", help="HC18 from its Zenodo record, resumed and verified (177 MB)")
    download.add_argument("-o", "--out", type=Path, help="folder (default: data/hc18)")
    download.set_defaults(command=_data_download, resumes="where it stopped")
    check = steps.add_parser("check", help="every problem of a folder in HC18's layout, as one table")
    check.add_argument("root", type=Path, nargs="?", help="folder (default: FETALSEG_HC18, else data/hc18)")
    check.set_defaults(command=_data_check)

    phantom = commands.add_parser("phantom", help="write simulated heads in HC18's layout")
    phantom.add_argument("--n", type=int, default=100, help="how many images (default: 100)")
    phantom.add_argument("--seed", type=int, default=0)
    phantom.add_argument("-o", "--out", type=Path, required=True, help="new folder")
    phantom.set_defaults(command=_phantom)


def _data_download(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.download import download

    print(download(options.out))
    return 0


def _data_check(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.check import check
    from fetalseg_lib.data.hc18 import find_root

    root = find_root(options.root)
    problems = check(root)
    if problems.empty:
        print(f"{root}: no problem found")
        return 0
    print(visible(problems.to_string(index=False, max_colwidth=None), keep="\n\\"))
    print(f"{visible(str(root))}: {len(problems)} problem(s)")
    return 1


def _phantom(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.limits import MAX_PHANTOMS
    from fetalseg_lib.data.phantom import generate
    from fetalseg_lib.data.phantom.folder import write_folder

    if not 1 <= options.n <= MAX_PHANTOMS:
        raise ValueError(f"--n: expected 1 to {MAX_PHANTOMS:,}, got {options.n}")
    write_folder(generate(options.n, seed=options.seed), options.out)
    print(f"{visible(str(options.out))}: {options.n} phantoms. To train on them:")
    print(f"fetalseg train --data {visible(shlex.quote(str(options.out)))}")
    return 0
