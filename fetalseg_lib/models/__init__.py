"""The networks, one file per part, and the variants that change one factor each.

What needs PyTorch is loaded when it is first asked for: its import takes seconds, a list of variants none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fetalseg_lib.models.variants import Variant, get_variant, list_variants

if TYPE_CHECKING:
    from fetalseg_lib.models.build import Network, build_model, network_config
    from fetalseg_lib.models.network import MobileNetASPPUNet, NetworkConfig
    from fetalseg_lib.models.peers import Peer, PeerConfig
    from fetalseg_lib.models.unet import UNet, UNetConfig

__all__ = [
    "MobileNetASPPUNet",
    "Network",
    "NetworkConfig",
    "Peer",
    "PeerConfig",
    "UNet",
    "UNetConfig",
    "Variant",
    "build_model",
    "get_variant",
    "list_variants",
    "network_config",
]


def __getattr__(name: str) -> Any:
    """Load the network's module on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.build"), name)
