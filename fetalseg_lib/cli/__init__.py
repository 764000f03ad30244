"""The command line: one thin function a command. A teaching tool, not for clinical use.

Each module of this folder adds one group of commands.
"""

from __future__ import annotations

import argparse
import errno
import logging
import sys
from collections.abc import Sequence

from fetalseg_lib import __version__
from fetalseg_lib.cli import apply, data, study, training
from fetalseg_lib.names import visible

_HARMLESS = "\n\\"
_GROUPS = (data, training, apply, study)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``fetalseg``; returns the exit status: 0 done, 1 problems found, 2 unusable arguments or data."""
    return run(_parser(), arguments)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``parser`` that ``arguments`` name; an error is one line and a status."""
    parser.set_defaults(resumes="")  # a command that keeps what it has done says from where it goes on
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        status: int = options.command(options)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        # A message may quote a file's name, and a name may hold a terminal's commands.
        text = f"{error}{_mend(error, options.resumes)}"
        print(f"fetalseg: {visible(text, keep=_HARMLESS)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        goes_on = f"; the same command goes on {options.resumes}" if options.resumes else ""
        print(f"fetalseg: stopped{goes_on}", file=sys.stderr)
        return 130
    return status


def _mend(error: Exception, resumes: str) -> str:
    """What to do about an error of the disk, which the system names but does not explain."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        kept = f": it goes on {resumes}" if resumes else ""
        return f"; make room and type the same command again{kept}"
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "; choose a folder that you may write"
    return ""


def _parser() -> argparse.ArgumentParser:
    description = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="fetalseg", description=description)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in _GROUPS:
        group.add_commands(commands)
    return parser
