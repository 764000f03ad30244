"""Commands for studies: run a grid, write its tables, measure the challenge's test images."""

from __future__ import annotations

import argparse
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from fetalseg_lib.cli.options import CHECKPOINT, Commands, add_study_options, need_peers

if TYPE_CHECKING:
    from fetalseg_lib.study.profile import Profile


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    study = commands.add_parser("study", help="run the grid of a profile, or recompute its tables")
    study.add_argument("--cores", type=int, default=2)
    study.add_argument(
        "--check", action="store_true", help="recompute every table from the per-image records and compare"
    )
    add_study_options(study)
    study.add_argument("extra", nargs="*", help="after --: options for snakemake, such as --executor slurm")
    study.set_defaults(command=_study, resumes=CHECKPOINT)

    tables = commands.add_parser("tables", help="write the tables of the finished runs below a folder")
    tables.add_argument("folder", type=Path)
    tables.set_defaults(command=_tables)

    retest = commands.add_parser("retest", help="test trained networks on other images, or several as one")
    retest.add_argument(
        "checkpoint", type=Path, nargs="+", help="a run's weights.safetensors; of several, the mean is tested"
    )
    retest.add_argument("--mirrored", action="store_true", help="average over the image and its mirror image")
    retest.add_argument("--data", type=Path, help="a folder in HC18's layout (default: HC18)")
    words = "train, validation, test or all (default: test where the images have a split, else all)"
    retest.add_argument("--fold", default="auto", help=words)
    retest.add_argument("-o", "--out", type=Path, required=True, help="OUT.csv and OUT.json are written")
    retest.set_defaults(command=_retest)

    submit = commands.add_parser("submit", help="measure HC18's 335 test images for the challenge")
    submit.add_argument("checkpoint", type=Path, help="a run's weights.safetensors")
    submit.add_argument("-o", "--out", type=Path, required=True, help="the submission file (.csv)")
    submit.set_defaults(command=_submit)


def _study(options: argparse.Namespace) -> int:
    from fetalseg_lib.study.profile import load_profile
    from fetalseg_lib.study.workflow import run_snakemake

    if set("{}") & set(str(options.out)):
        raise ValueError(f"--out: expected a folder without braces, which snakemake fills, got {options.out}")
    profile = load_profile(options.profile)
    folder = options.out / profile.name / options.data
    if options.check:
        return _check(folder, profile)
    # Snakemake reads values as YAML, where a folder named 1 is a number, and one named "a: b" a mapping.
    out = quote(str(options.out)) if options.out.is_absolute() else f"./{quote(str(options.out))}"
    settings = [f"profile={quote(options.profile)}", f"data={options.data}", f"out={out}"]
    # A cluster's size is its own: there, --jobs (of the options after --) takes the place of cores.
    local = [] if "--executor" in options.extra else ["--cores", str(options.cores)]
    given = [*local, "--rerun-incomplete", "--rerun-triggers", "mtime", "params", *options.extra]
    need_peers(profile.variants)
    return run_snakemake("study", folder=folder, options=[*given, "--config", *settings])


def _check(folder: Path, profile: Profile) -> int:
    """Say what does not follow from the images, by each check installed as ``fetalseg.study_check``."""
    checks = entry_points(group="fetalseg.study_check")
    if not checks:
        raise ValueError("--check: not installed; in a checkout of the repository, make setup installs it")
    found = [line for check in checks for line in check.load()(folder, profile)]
    print("\n".join(found) or f"{folder}: every table follows from the per-image records")
    return 1 if found else 0


def _tables(options: argparse.Namespace) -> int:
    from fetalseg_lib.study.tables import write_tables

    for path in write_tables(options.folder):
        print(path)
    return 0


def _retest(options: argparse.Namespace) -> int:
    from fetalseg_lib.apply.retest import outputs, retest
    from fetalseg_lib.files import only_one

    fold = None if options.fold == "all" else options.fold
    with only_one(outputs(options.out)[0]):
        found = retest(options.checkpoint, data_root=options.data, fold=fold, mirrored=options.mirrored)
        print(found.words)
        for path in found.write(options.out):
            print(path)
    return 0


def _submit(options: argparse.Namespace) -> int:
    from fetalseg_lib.apply.submission import submission_csv
    from fetalseg_lib.apply.trained import read_network
    from fetalseg_lib.data.hc18 import load_test
    from fetalseg_lib.files import atomic_write, only_one
    from fetalseg_lib.study.evaluate import measure_images

    samples = load_test()
    trained = read_network(options.checkpoint)
    with only_one(options.out), atomic_write(options.out) as file:  # known at once where it cannot be written
        measurements = measure_images(trained.model, samples, image_size=trained.image_size)
        file.write(submission_csv(measurements).encode("utf-8"))
    print(f"{options.out}: {len(measurements)} heads")
    return 0
