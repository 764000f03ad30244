"""The command that pre-trains an encoder."""

from __future__ import annotations

import argparse
from pathlib import Path

from fetalseg_lib.cli.options import CHECKPOINT, Commands


def add_commands(commands: Commands) -> None:
    """Add it to the parser."""
    pretrain = commands.add_parser(
        "pretrain", help="train an encoder from scratch, on images that are made on the fly"
    )
    words = "procedural: images that show no head; phantom: simulated heads (default: procedural)"
    pretrain.add_argument("--task", default="procedural", choices=("procedural", "phantom"), help=words)
    pretrain.add_argument("-o", "--out", type=Path, help="file (default: TASK.safetensors)")
    words = "images an epoch (default: 16000); procedural ones are new in every epoch, phantoms come again"
    pretrain.add_argument("--images", type=int, default=16_000, help=words)
    pretrain.add_argument("--size", type=int, default=96, help="side in px (default: 96)")
    pretrain.add_argument("--epochs", type=int, default=4, help="default: 4")
    pretrain.add_argument("--seed", type=int, default=0)
    pretrain.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    pretrain.set_defaults(command=_pretrain, resumes=CHECKPOINT)


def _pretrain(options: argparse.Namespace) -> int:
    from fetalseg_book.studies.pretraining.loop import PretrainingConfig
    from fetalseg_book.studies.pretraining.pretrain import pretrain_phantom, pretrain_procedural

    out = options.out or Path(f"{options.task}.safetensors")
    if out.suffix != ".safetensors":
        raise ValueError(f"--out: expected a file that ends in .safetensors, got {out}")
    make = pretrain_phantom if options.task == "phantom" else pretrain_procedural
    names = ("images", "size", "epochs", "seed", "device")
    make(PretrainingConfig(**{name: getattr(options, name) for name in names}), out=out)
    print(f"{out}: the encoder; {out.with_suffix('.json')}: its record")
    return 0
