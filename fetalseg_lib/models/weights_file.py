"""Which file an encoder's weights are read from, told without PyTorch, whose import takes seconds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

WEIGHTS_VARIABLE = "FETALSEG_ENCODER_WEIGHTS"
PHANTOM_VARIABLE = "FETALSEG_PHANTOM_ENCODER"
PROCEDURAL = Path(__file__).parent / "pretrained" / "procedural.safetensors"
NAMES = ("imagenet", "procedural", "phantom", "random")
TORCHVISION = "mobilenet_v2-b0353104.pth"
"""Under this name torch keeps what torchvision downloads; its hash begins with the last eight digits."""


def weights_file(encoder_weights: str | Path) -> Path | None:
    """The file that a name or a path stands for, whether it is there or not; ``None`` where none is named.

    >>> weights_file("random") is None
    True
    """
    named = {
        "imagenet": os.environ.get(WEIGHTS_VARIABLE) or _downloads() / TORCHVISION,
        "procedural": PROCEDURAL,
        "phantom": os.environ.get(PHANTOM_VARIABLE),
        "random": None,
    }
    file = named.get(str(encoder_weights), encoder_weights)
    return Path(file) if file else None


def weights_digest(encoder_weights: str | Path) -> str | None:
    """The sha256 of that file; ``None`` where there is no file, or none yet: nothing is downloaded."""
    file = weights_file(encoder_weights)
    return sha256_of(file) if file is not None and file.is_file() else None


def sha256_of(file: Path) -> str:
    """The sha256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _downloads() -> Path:
    """Torch's own folder of downloaded weights (``torch.hub.get_dir``)."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub" / "checkpoints"
