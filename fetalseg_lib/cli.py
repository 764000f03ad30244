"""The command line: one thin function a command. A teaching tool, not for clinical use."""

from __future__ import annotations

import argparse
import logging
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fetalseg_lib import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``fetalseg``; returns the exit status: 0 done, 1 problems found, 2 unusable arguments or data."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        status: int = options.command(options)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"fetalseg: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fetalseg: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fetalseg", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="fetch and check the HC18 images")
    steps = data.add_subparsers(required=True, metavar="STEP")
    download = steps.add_parser("download", help="HC18 from its Zenodo record, resumed and verified (177 MB)")
    download.add_argument("-o", "--out", type=Path, help="folder (default: data/hc18)")
    download.set_defaults(command=_data_download)
    check = steps.add_parser("check", help="every problem of a folder in HC18's layout, as one table")
    check.add_argument("root", type=Path, nargs="?", help="folder (default: FETALSEG_HC18, else data/hc18)")
    check.set_defaults(command=_data_check)

    phantom = commands.add_parser("phantom", help="write simulated heads in HC18's layout")
    phantom.add_argument("--n", type=int, default=100, help="how many images (default: 100)")
    phantom.add_argument("--seed", type=int, default=0)
    phantom.add_argument("-o", "--out", type=Path, required=True, help="new folder")
    phantom.set_defaults(command=_phantom)

    train = commands.add_parser("train", help="train and evaluate one variant")
    train.add_argument("--variant", default="proposed", help="see `fetalseg variants`")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--encoder-weights", help="imagenet, random or a .safetensors file")
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    _add_study_options(train)
    train.set_defaults(command=_train)

    commands.add_parser("variants", help="list the variants").set_defaults(command=_variants)

    study = commands.add_parser("study", help="run the grid of a profile, or recompute its tables")
    study.add_argument("--cores", type=int, default=2)
    study.add_argument(
        "--check", action="store_true", help="recompute every table from the per-image records and compare"
    )
    _add_study_options(study)
    study.add_argument("extra", nargs="*", help="after --: options for snakemake, such as --executor slurm")
    study.set_defaults(command=_study)

    submit = commands.add_parser("submit", help="measure HC18's 335 test images for the challenge")
    submit.add_argument("checkpoint", type=Path, help="a run's weights.safetensors")
    submit.add_argument("-o", "--out", type=Path, required=True, help="the submission file (.csv)")
    submit.set_defaults(command=_submit)

    diagram = commands.add_parser("diagram", help="draw the figure of a variant from the built network")
    diagram.add_argument("variant", nargs="?", default="proposed")
    diagram.add_argument("-o", "--out", type=Path, required=True, help="an .svg or .png file")
    diagram.set_defaults(command=_diagram)

    claims = commands.add_parser("claims", help="audit the architecture note, statement by statement")
    claims.add_argument("--results", type=Path, default=Path("results"), help="folder (default: results)")
    claims.set_defaults(command=_claims)

    tables = commands.add_parser("tables", help="write the tables of the finished runs below a folder")
    tables.add_argument("folder", type=Path)
    tables.set_defaults(command=_tables)
    return parser


def _add_study_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default="quick", help="built-in name or the path of a .yaml file")
    parser.add_argument("--data", default="phantom", choices=("phantom", "hc18"))
    parser.add_argument("-o", "--out", type=Path, default=Path("runs"), help="results folder (default: runs)")


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
    print(problems.to_string(index=False, max_colwidth=None))
    print(f"{root}: {len(problems)} problem(s)")
    return 1


def _phantom(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.phantom import generate
    from fetalseg_lib.data.phantom.folder import write_folder

    if options.n < 1:
        raise ValueError(f"--n: expected at least 1, got {options.n}")
    write_folder(generate(options.n, seed=options.seed), options.out)
    print(f"{options.out}: {options.n} phantoms. To read them like the real images:")
    print(f"export FETALSEG_HC18={shlex.quote(str(options.out.resolve()))}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from fetalseg_lib.study.config import configure
    from fetalseg_lib.study.records import METRICS
    from fetalseg_lib.study.run import run

    config = configure(
        variant=options.variant,
        seed=options.seed,
        profile=options.profile,
        data=options.data,
        encoder_weights=options.encoder_weights,
        device=options.device,
    )
    folder = run(config, root=options.out)
    print((folder / METRICS).read_text(encoding="utf-8"), end="")
    print(folder)
    return 0


def _variants(options: argparse.Namespace) -> int:
    from fetalseg_lib.models import list_variants

    for variant in list_variants():
        print(f"{variant.name:28s}{variant.changes}")
    return 0


def _study(options: argparse.Namespace) -> int:
    from fetalseg_lib.study.profile import load_profile
    from fetalseg_lib.study.tables import disagreements

    folder = options.out / load_profile(options.profile).name / options.data
    if options.check:
        found = disagreements(folder)
        print("\n".join(found) or f"{folder}: every table follows from the per-image records")
        return 1 if found else 0
    settings = [f"profile={options.profile}", f"data={options.data}", f"out={options.out}"]
    # A cluster's size is its own: there, --jobs (of the options after --) takes the place of cores.
    local = [] if "--executor" in options.extra else ["--cores", str(options.cores)]
    command = [sys.executable, "-m", "snakemake", "study", *local, "--rerun-incomplete"]
    command += ["--rerun-triggers", "mtime", "params", *options.extra, "--config", *settings]
    return subprocess.run(command, check=False).returncode


def _tables(options: argparse.Namespace) -> int:
    from fetalseg_lib.study.tables import write_tables

    for path in write_tables(options.folder):
        print(path)
    return 0


def _submit(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.hc18 import load_test
    from fetalseg_lib.evaluation.challenge import check_submission, submission_csv
    from fetalseg_lib.study.submit import load_trained, measure_images

    samples = load_test()
    model, image_size = load_trained(options.checkpoint)
    measurements = measure_images(model, samples, image_size=image_size)
    text = submission_csv(measurements)
    problems = check_submission(text, expected=list(measurements))
    if not problems.empty:
        raise ValueError(f"the submission is not well formed:\n{problems.to_string(index=False)}")
    options.out.write_text(text, encoding="utf-8", newline="")
    print(f"{options.out}: {len(measurements)} heads")
    return 0


def _diagram(options: argparse.Namespace) -> int:
    from fetalseg_lib.report.diagram import write_diagram

    write_diagram(options.variant, options.out)
    print(options.out)
    return 0


def _claims(options: argparse.Namespace) -> int:
    from fetalseg_lib.report.claims import audit, format_table

    print(format_table(audit(options.results)))
    return 0
