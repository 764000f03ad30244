"""Other libraries' networks behind the contract of this one's: what a reader would otherwise have taken.

They are trained whole, encoder and all, as their libraries do by default. The two of
``segmentation_models_pytorch`` start from the same weights of MobileNetV2 as the networks here, on the
exact-equivalent grey stem; torchvision's LR-ASPP has a MobileNetV3 and starts from random weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from torch import Tensor, nn

from fetalseg_lib.models.blocks import check_image
from fetalseg_lib.models.options import check_options
from fetalseg_lib.models.stem import GreyStem
from fetalseg_lib.models.weights import EncoderWeights, resolve_encoder_weights

PeerNetwork = Literal["unet", "deeplabv3plus", "lraspp"]
"""The networks by their libraries' names."""


@dataclass(frozen=True, kw_only=True)
class PeerConfig:
    """Which network, and whether its MobileNetV2 starts from the caller's weights or from random ones.

    >>> PeerConfig(network="segnet")
    Traceback (most recent call last):
    ...
    ValueError: network: expected one of unet, deeplabv3plus, lraspp; got 'segnet'
    """

    network: PeerNetwork = "unet"
    pretrained: bool = True

    def __post_init__(self) -> None:
        check_options(self)


class Peer(nn.Module):
    """Another library's network on a grey image in [0, 1], giving logits: ``B 1 H W`` → ``B 1 H W``.

    DeepLabV3+ normalises one pooled value per image and channel by batch, so that it cannot train on a batch
    of one. Raises ``ValueError`` for an image of another shape
    (:func:`~fetalseg_lib.models.blocks.check_image`), ``ModuleNotFoundError`` where the extra ``peers`` is
    not installed, and for the weights what
    :func:`~fetalseg_lib.models.weights.resolve_encoder_weights` raises.

    Sources: segmentation_models_pytorch (Iakubovskii 2019); Chen et al. 2018, DeepLabV3+, arXiv:1802.02611;
    Howard et al. 2019, MobileNetV3 and LR-ASPP, arXiv:1905.02244.

    >>> import torch
    >>> Peer(PeerConfig(network="lraspp"))(torch.rand(2, 1, 64, 96)).shape
    torch.Size([2, 1, 64, 96])
    """

    def __init__(self, config: PeerConfig | None = None, *, encoder_weights: str | Path = "imagenet") -> None:
        super().__init__()
        self.config = config = config or PeerConfig()
        if config.network == "lraspp":
            weights = None
            self.network = _lraspp()
        else:
            weights = resolve_encoder_weights(encoder_weights if config.pretrained else "random")
            weights = weights.for_training()
            self.network = _with_mobilenet_v2(config.network, weights)
        self.encoder_weights_record = weights.record if weights else {"source": "random", "sha256": None}

    def stages(self) -> dict[str, nn.Module]:
        """The network's parts by its library's names."""
        return dict(self.network.named_children())

    def forward(self, image: Tensor) -> Tensor:
        """``B 1 H W`` in [0, 1] → logits ``B 1 H W``."""
        check_image(image)
        output = self.network(image)
        logits: Tensor = output["out"] if self.config.network == "lraspp" else output  # (B, 1, H, W)
        return logits


def _with_mobilenet_v2(network: str, weights: EncoderWeights) -> nn.Module:
    library = _segmentation_models()
    architecture = {"unet": library.Unet, "deeplabv3plus": library.DeepLabV3Plus}[network]
    # Left to itself the library adds the colour kernels up and leaves ImageNet's statistics to the user.
    model: nn.Module = architecture("mobilenet_v2", encoder_weights=None, in_channels=3, classes=1)
    features: Any = model.get_submodule("encoder.features")
    features.load_state_dict(weights.state_dict)
    features[0][0] = GreyStem(features[0][0].weight, stem="sum")
    return model


def _lraspp() -> nn.Module:
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large  # slow, as in drawn_features

    model: nn.Module = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=1)
    first: Any = model.get_submodule("backbone.0")  # Conv2dNormActivation
    colours = first[0]
    first[0] = nn.Conv2d(
        1, colours.out_channels, colours.kernel_size, colours.stride, colours.padding, bias=False
    )
    nn.init.kaiming_normal_(first[0].weight, mode="fan_out")  # as torchvision draws it
    return model


def _segmentation_models() -> ModuleType:
    try:
        return import_module("segmentation_models_pytorch")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "peers: other libraries' networks need segmentation_models_pytorch, which is not installed; "
            'install the extra `peers`: python -m pip install "fetalseg_lib[peers]"'
        ) from error
