"""Commands for one network: train it, and list the variants."""

from __future__ import annotations

import argparse
from pathlib import Path

from fetalseg_lib.cli.options import CHECKPOINT, Commands, add_study_options, need_peers


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    train = commands.add_parser("train", help="train and evaluate one variant")
    train.add_argument("--variant", default="proposed", help="see `fetalseg variants`")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--fold", type=int, help="which part tests, of a profile with folds")
    words = "imagenet, procedural, phantom, random or a .safetensors file"
    train.add_argument("--encoder-weights", help=words)
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    add_study_options(train, own_folder=True)
    train.set_defaults(command=_train, resumes=CHECKPOINT)

    commands.add_parser("variants", help="list the variants").set_defaults(command=_variants)


def _train(options: argparse.Namespace) -> int:
    from fetalseg_lib.data.named import DATASETS, dataset_of
    from fetalseg_lib.study.config import configure
    from fetalseg_lib.study.records import METRICS
    from fetalseg_lib.study.run import run

    data_root = None if options.data in DATASETS else Path(options.data)
    if data_root is not None and not data_root.is_dir():
        raise ValueError(f"--data: expected {', '.join(DATASETS)} or a folder, got {options.data!r}")
    config = configure(
        variant=options.variant,
        seed=options.seed,
        fold=options.fold,
        profile=options.profile,
        data=options.data if data_root is None else dataset_of(data_root).name,
        encoder_weights=options.encoder_weights,
        device=options.device,
    )
    need_peers([config.variant])
    folder = run(config, root=options.out, data_root=data_root)
    print((folder / METRICS).read_text(encoding="utf-8"), end="")
    print(folder)
    return 0


def _variants(options: argparse.Namespace) -> int:
    from fetalseg_lib.models import list_variants

    widest = max(len(variant.name) for variant in list_variants())
    for variant in list_variants():
        print(f"{variant.name:{widest}s}  {variant.changes}")
    return 0
