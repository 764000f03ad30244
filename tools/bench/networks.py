"""The networks that are timed: the book's own, and those that others would take."""

from __future__ import annotations

from importlib.util import find_spec

from torch import nn

from fetalseg_lib.models import build_model, list_variants

OWN = ("unet", "proposed", "budget")
PEERS = {"smp_unet": "Unet", "smp_deeplabv3plus": "DeepLabV3Plus"}
"""Of segmentation_models_pytorch, each on MobileNetV2, which is the encoder here too."""


def names() -> list[str]:
    """All that can be built here: own variants that exist, and the peers where the extra is installed."""
    known = {variant.name for variant in list_variants()}
    return [*(name for name in OWN if name in known), *(PEERS if _has_peers() else ())]


def build(name: str) -> nn.Module:
    """A network by its name, in eval mode, with random weights: what it computes costs the same with any.

    Raises ``ValueError`` for an unknown name.
    """
    if name not in names():
        raise ValueError(f"networks: expected some of {', '.join(names())}; got {name!r}")
    if name in OWN:
        return build_model(name, encoder_weights="random").eval()
    import segmentation_models_pytorch as smp

    peer: nn.Module = getattr(smp, PEERS[name])(
        "mobilenet_v2", encoder_weights=None, in_channels=1, classes=1
    )
    return peer.eval()


def _has_peers() -> bool:
    return find_spec("segmentation_models_pytorch") is not None
