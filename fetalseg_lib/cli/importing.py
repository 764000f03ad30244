"""Commands that bring one's own annotated images into HC18's layout."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fetalseg_lib.cli.options import Commands, image_table
from fetalseg_lib.names import visible

if TYPE_CHECKING:
    from fetalseg_lib.apply.importing.folder import LabelledImage
    from fetalseg_lib.data.sample import DataError


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    masks = commands.add_parser("import-masks", help="images and filled masks, as a folder in HC18's layout")
    masks.add_argument("images", type=Path)
    masks.add_argument("masks", type=Path, help="folder; each mask has its image's name")
    words = "what a mask's name has more, such as _mask (default: of the usual endings the one that fits)"
    masks.add_argument("--mask-ending", help=words)
    masks.add_argument("--label", type=int, help="the head's number, where a mask holds several")
    _add_common(masks)
    masks.set_defaults(command=_import_masks)

    coco = commands.add_parser("import-coco", help="annotations in COCO's JSON, as a folder in HC18's layout")
    coco.add_argument("annotations", type=Path, help="the .json file")
    coco.add_argument("images", type=Path, help="folder that its file names start from")
    coco.add_argument("--category", help="the head's category, where there are several")
    _add_common(coco)
    coco.set_defaults(command=_import_coco)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pixel-size",
        metavar="MM_OR_CSV",
        help="side of a pixel, or a CSV with the columns filename, pixel size(mm) and, best of all, exam",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="new folder")


def _import_masks(options: argparse.Namespace) -> int:
    from fetalseg_lib.apply.importing.masks import pair_masks

    pairs = pair_masks(options.images, options.masks, ending=options.mask_ending, label=options.label)
    return _import(*pairs, options)


def _import_coco(options: argparse.Namespace) -> int:
    from fetalseg_lib.apply.importing.coco import read_coco

    return _import(*read_coco(options.annotations, options.images, category=options.category), options)


def _import(images: list[LabelledImage], problems: list[DataError], options: argparse.Namespace) -> int:
    """Write the folder, tell of each image that was left out, and how to train on it."""
    from fetalseg_lib.apply.importing.folder import SOURCES, import_folder

    table = image_table(options.pixel_size)
    unpaired = len(problems)
    try:
        import_folder(images, table, options.out, problems=problems, progress=True)
    finally:
        for problem in problems:
            print(f"fetalseg: {visible(str(problem))}", file=sys.stderr)
    folder = visible(str(options.out))
    imported = len(images) - len(problems) + unpaired
    print(f"{folder}: {imported} images; {SOURCES} tells where each comes from")
    if not all(table.exam(image.path) for image in images):
        print(
            "Images without an exam count as exams of their own. Where several show one fetus, name its exam "
            "in the table of --pixel-size, or the test images are no test."
        )
    print(f"To train on them: fetalseg train --data {visible(shlex.quote(str(options.out)))}")
    return 1 if problems else 0
