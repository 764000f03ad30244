"""``python -m fetalseg_book.publishing.browser``: make one part of the browser page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the part; returns the exit status, 1 where it could not be made."""
    options = _parser().parse_args(arguments)
    try:
        options.make(options)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fetalseg_book.publishing.browser", description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="PART")

    runtime = parts.add_parser("runtime", help="fetch the pinned onnxruntime-web with npm")
    runtime.add_argument("lock", type=Path, help="folder of package.json and package-lock.json")
    runtime.add_argument("-o", "--out", type=Path, required=True)
    runtime.set_defaults(make=_runtime)

    card = parts.add_parser("card", help="write network.json beside an exported network")
    card.add_argument("exported", type=Path, help="what `fetalseg export` wrote (.onnx)")
    card.set_defaults(make=_card)

    pictures = parts.add_parser("pictures", help="make the bundled pictures and their list")
    pictures.add_argument("--real", type=Path, help="JSON of a picture made by half-size")
    pictures.add_argument("-o", "--out", type=Path, required=True)
    pictures.set_defaults(make=_pictures)

    half = parts.add_parser("half-size", help="make the real picture from HC18, once")
    half.add_argument("name", help="of an image of the training fold")
    half.add_argument("--root", type=Path, help="the HC18 folder (default: FETALSEG_HC18, else data/hc18)")
    half.add_argument("-o", "--out", type=Path, required=True, help="the .png file")
    half.set_defaults(make=_half_size)
    return parser


def _runtime(options: argparse.Namespace) -> None:
    from fetalseg_book.publishing.browser.runtime import fetch_runtime

    fetch_runtime(options.lock, options.out)


def _card(options: argparse.Namespace) -> None:
    from fetalseg_book.publishing.browser.card import write_card

    write_card(options.exported)


def _pictures(options: argparse.Namespace) -> None:
    from fetalseg_book.publishing.browser.pictures import write_pictures

    write_pictures(options.out, real=options.real)


def _half_size(options: argparse.Namespace) -> None:
    from fetalseg_book.publishing.browser.pictures import write_half_size

    write_half_size(options.name, options.out, root=options.root)


if __name__ == "__main__":
    sys.exit(main())
