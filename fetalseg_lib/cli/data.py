"""Commands for images: fetch, check and simulate them, or bring one's own into HC18's layout."""

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


def _data_download(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.download import download

    print(download(options.out))
    return 0


def _data_check(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.check import check
    from fetalseg_lib.data.hc18 import find_root

    root = find_root(options.root)
    problems = check(root)
    if not problems.empty:
        print(visible(problems.to_string(index=False, max_colwidth=None), keep="\n\\"))
    print(f"{visible(str(root))}: {f'{len(problems)} problem(s)' if len(problems) else 'no problem found'}")
    return 0 if problems.empty else 1


def _phantom(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.phantom import MAX_PHANTOMS, generate, write_folder

    if not 1 <= options.n <= MAX_PHANTOMS:
        raise ValueError(f"--n: expected 1 to {MAX_PHANTOMS:,}, got {options.n}")
    write_folder(generate(options.n, seed=options.seed), options.out)
    print(f"{visible(str(options.out))}: {options.n} phantoms. To train on them:")
    print(f"fetalseg train --data {visible(shlex.quote(str(options.out)))}")
    return 0


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
