"""Commands for the book: draw the network's figure, audit the note."""

from __future__ import annotations

import argparse
from pathlib import Path

from fetalseg_lib.cli.options import Commands


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    diagram = commands.add_parser("diagram", help="draw the figure of a variant from the built network")
    diagram.add_argument("variant", nargs="?", default="proposed")
    diagram.add_argument("-o", "--out", type=Path, required=True, help="an .svg or .png file")
    diagram.set_defaults(command=_diagram)

    claims = commands.add_parser("claims", help="audit the architecture note, statement by statement")
    claims.add_argument("--results", type=Path, default=Path("results"), help="folder (default: results)")
    claims.set_defaults(command=_claims)


def _diagram(options: argparse.Namespace) -> int:
    from fetalseg_lib.report.diagram import write_diagram

    write_diagram(options.variant, options.out)
    print(options.out)
    return 0


def _claims(options: argparse.Namespace) -> int:
    from fetalseg_lib.report.claims import audit, format_table

    print(format_table(audit(options.results)))
    return 0
