"""Do squeeze-and-excitation gates look at the image? Record them, and put others in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fetalseg_lib.models.network import DECODER
from fetalseg_lib.models.se import SEBlock

Gates = dict[str, NDArray[np.float32]]
"""The gates of each block, ``N C``, by the block's name."""


def se_blocks(model: nn.Module) -> dict[str, SEBlock]:
    """The network's SE blocks by name, in the order of the data's way: ``"dec5 skip"``, ``"dec5 block"``, ...

    Raises ``ValueError`` for a network without any.

    >>> from fetalseg_lib.models import build_model
    >>> list(se_blocks(build_model("no_skip_se", encoder_weights="random")))[:2]
    ['dec5 block', 'dec4 block']
    """
    found = {}
    for name in DECODER:
        stage = getattr(model, name, nn.Module())
        for place, block in (
            ("skip", getattr(stage, "skip_se", None)),
            ("block", getattr(getattr(stage, "block", None), "se", None)),
        ):
            if isinstance(block, SEBlock):
                found[f"{name} {place}"] = block
    if not found:
        raise ValueError("model: expected a network with SE blocks, got one without")
    return found


def record_gates(model: nn.Module, images: NDArray[np.uint8], *, batch_size: int = 16) -> Gates:
    """The gates that a network gives to images ``N H W`` of its input size."""
    kept: dict[str, list[NDArray[np.float32]]] = {name: [] for name in se_blocks(model)}

    def keep(name: str, own: Tensor) -> Tensor:
        kept[name].append(own.numpy())
        return own

    with replaced_gates(model, keep), torch.inference_mode():
        model.eval()
        for start in range(0, len(images), batch_size):
            model(torch.from_numpy(images[start : start + batch_size]).unsqueeze(1).float() / 255)
    return {name: np.concatenate(parts) for name, parts in kept.items()}


@contextmanager
def replaced_gates(model: nn.Module, replace: Callable[[str, Tensor], Tensor]) -> Iterator[None]:
    """Within the context, every SE block scales by ``replace(name, gates)``; both are ``B C``.

    >>> from fetalseg_lib.models import build_model
    >>> model = build_model("proposed", encoder_weights="random").eval()
    >>> image = torch.rand(1, 1, 64, 64)
    >>> with torch.inference_mode(), replaced_gates(model, lambda name, own: own):
    ...     same = model(image)
    >>> bool(torch.allclose(same, model(image), atol=1e-5))
    True
    """

    def hook_of(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def hook(block: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
            assert isinstance(block, SEBlock)
            return inputs[0] * replace(name, block.gates(inputs[0]))[:, :, None, None]

        return hook

    hooks = [block.register_forward_hook(hook_of(name)) for name, block in se_blocks(model).items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def replacements(means: Mapping[str, NDArray[np.float32]]) -> dict[str, Callable[[str, Tensor], Tensor]]:
    """Other gates to try, by what they are; ``means`` are those of the training images, ``C`` for each block.

    ``"another image's"`` hands each image of a batch the gates of the one before it.
    """

    def mean(name: str, own: Tensor) -> Tensor:
        return torch.from_numpy(means[name]).expand_as(own)

    return {
        "its own": lambda _name, own: own,
        "the mean": mean,
        "the mean, in the skips": lambda name, own: mean(name, own) if name.endswith("skip") else own,
        "the mean, in the blocks": lambda name, own: mean(name, own) if name.endswith("block") else own,
        "another image's": lambda _name, own: own.roll(1, dims=0),
        "all one": lambda _name, own: torch.ones_like(own),
    }


def spread(gates: NDArray[np.float32]) -> dict[str, float]:
    """How gates ``N C`` vary: from channel to channel, and within a channel from image to image.

    ``over_channels`` is the SD of the channels' means, ``over_images`` the root mean square over channels of
    the SD over images, and ``image_share`` the share of the images in the sum of both variances.

    >>> spread(np.array([[0.0, 1.0], [0.0, 1.0]], np.float32))
    {'mean': 0.5, 'over_channels': 0.5, 'over_images': 0.0, 'image_share': 0.0}
    """
    values = gates.astype(np.float64)
    channels, images = values.mean(axis=0).var(), values.var(axis=0).mean()
    total = channels + images
    return {
        "mean": float(values.mean()),
        "over_channels": float(np.sqrt(channels)),
        "over_images": float(np.sqrt(images)),
        "image_share": float(images / total) if total else 0.0,
    }
