"""``python -m fetalseg_book``: build the book, draw the figure, audit the note, read a study, pre-train."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fetalseg_book.studies import commands as studies
from fetalseg_book.studies.pretraining import command
from fetalseg_lib.cli import run
from fetalseg_lib.cli.options import CHECKPOINT, Commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, as ``fetalseg`` does."""
    parser = argparse.ArgumentParser(
        prog="python -m fetalseg_book", description="The commands that the book needs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_commands(commands)
    studies.add_commands(commands)
    command.add_commands(commands)
    return run(parser, arguments)


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    diagram = commands.add_parser("diagram", help="draw the figure of a variant from the built network")
    diagram.add_argument("variant", nargs="?", default="proposed")
    diagram.add_argument("-o", "--out", type=Path, required=True, help="an .svg or .png file")
    diagram.set_defaults(command=_diagram)

    build = commands.add_parser("build", help="run every chapter and build the site, from a checkout")
    build.add_argument("options", nargs="*", help="after --: options for snakemake")
    build.set_defaults(command=_build, resumes=CHECKPOINT)

    claims = commands.add_parser("claims", help="audit the architecture note, statement by statement")
    claims.add_argument("--results", type=Path, default=Path("results"), help="folder (default: results)")
    claims.set_defaults(command=_claims)


def _diagram(options: argparse.Namespace) -> int:
    from fetalseg_book.diagram import draw

    draw(options.variant).save(options.out)
    print(options.out)
    return 0


def _build(options: argparse.Namespace) -> int:
    from fetalseg_lib.study.workflow import run_snakemake

    return run_snakemake("book", folder=Path("_build"), options=options.options)


def _claims(options: argparse.Namespace) -> int:
    from fetalseg_book.audit import audit, format_table

    print(format_table(audit(options.results)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
