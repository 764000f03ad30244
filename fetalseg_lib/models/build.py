"""From a variant's name to its network."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from fetalseg_lib.models.network import MobileNetASPPUNet, NetworkConfig
from fetalseg_lib.models.peers import Peer, PeerConfig
from fetalseg_lib.models.unet import UNet, UNetConfig
from fetalseg_lib.models.variants import did_you_mean, get_variant

Network = MobileNetASPPUNet | UNet | Peer
"""Whatever :func:`build_model` builds."""

_CONFIGS: dict[str, type[NetworkConfig | UNetConfig | PeerConfig]] = {
    "mobilenet": NetworkConfig,
    "unet": UNetConfig,
    "peer": PeerConfig,
}


def network_config(variant: str, **options: object) -> NetworkConfig | UNetConfig | PeerConfig:
    """The configuration that ``variant`` and further ``options`` make.

    Raises ``ValueError`` for an unknown variant and ``TypeError`` for an unknown option, naming those known.

    >>> network_config("no_aspp", dropout=0.1).aspp
    False
    """
    chosen = get_variant(variant)
    config = _CONFIGS[chosen.architecture]
    known = [option.name for option in fields(config)]
    for option in options:
        if option not in known:
            raise TypeError(
                f"{variant}: unknown option {option!r}.{did_you_mean(option, known)} "
                f"Known: {', '.join(known)}."
            )
    settings: dict[str, Any] = {**chosen.network, **options}  # checked by the dataclass
    return config(**settings)


def build_model(variant: str, *, encoder_weights: str | Path | None = None, **options: object) -> Network:
    """Build the network of a variant: grey ``B 1 H W`` in [0, 1] → logits ``B 1 H W``.

    ``encoder_weights`` is a name or a path, see :mod:`fetalseg_lib.models.weights`; without it they are the
    variant's own, or ImageNet's where it has none of its own. The random variants draw theirs whatever it
    says; the U-Net and LR-ASPP have none to load. ``options`` override the variant's configuration. What was
    loaded stands in ``model.encoder_weights_record``.

    Raises ``ValueError`` for an unknown variant or a value out of range, ``TypeError`` for an unknown
    option, ``ModuleNotFoundError`` for a peer without the extra ``peers``, and what
    :func:`~fetalseg_lib.models.weights.resolve_encoder_weights` raises.

    >>> model = build_model("proposed", encoder_weights="random", stem="sum")
    >>> sum(parameter.numel() for parameter in model.encoder.parameters())
    2223296
    """
    config = network_config(variant, **options)
    if isinstance(config, UNetConfig):
        return UNet(config)
    weights = encoder_weights or get_variant(variant).encoder_weights or "imagenet"
    if isinstance(config, PeerConfig):
        return Peer(config, encoder_weights=weights)
    return MobileNetASPPUNet(config, encoder_weights=weights)
