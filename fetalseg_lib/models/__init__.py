"""The networks, one file per part, and the variants that change one factor each."""

from fetalseg_lib.models.build import Network, build_model, network_config
from fetalseg_lib.models.network import MobileNetASPPUNet, NetworkConfig
from fetalseg_lib.models.peers import Peer, PeerConfig
from fetalseg_lib.models.unet import UNet, UNetConfig
from fetalseg_lib.models.variants import Variant, get_variant, list_variants

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
