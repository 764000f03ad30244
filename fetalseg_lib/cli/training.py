"""Commands for one network: train it, and list the variants."""

from __future__ import annotations

import argparse

from fetalseg_lib.cli.options import Commands, add_study_options


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    train = commands.add_parser("train", help="train and evaluate one variant")
    train.add_argument("--variant", default="proposed", help="see `fetalseg variants`")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--encoder-weights", help="imagenet, random or a .safetensors file")
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    add_study_options(train)
    train.set_defaults(command=_train)

    commands.add_parser("variants", help="list the variants").set_defaults(command=_variants)


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
