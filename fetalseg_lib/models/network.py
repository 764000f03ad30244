"""The network of the note: MobileNetV2 encoder, ASPP bottleneck, decoder of residual SE blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from fetalseg_lib.models.aspp import ASPP, Projection
from fetalseg_lib.models.blocks import ConvBNReLU, check_image
from fetalseg_lib.models.decoder import DecoderStage, Upsampling
from fetalseg_lib.models.encoder import TAP_CHANNELS, EncoderStatistics, EncoderTraining, MobileNetV2Encoder
from fetalseg_lib.models.options import check_options
from fetalseg_lib.models.stem import Stem
from fetalseg_lib.models.weights import resolve_encoder_weights

DECODER = ("dec5", "dec4", "dec3", "dec2", "dec1")
"""The decoder's stages, from the coarsest to the finest."""

SEPARABLE = ("aspp", *DECODER)
"""Parts that can have separable convolutions."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Everything that a variant may change; the defaults are the architecture note's.

    ``pretrained=False`` draws the encoder's weights at random, whatever weights the caller offers.
    ``encoder_statistics="reestimated"`` says that the encoder's batch normalisation takes its statistics from
    unlabelled images before training (:func:`~fetalseg_lib.models.batch_norm.reestimate_batch_norm`, which
    whoever has the images calls) and not from the images of its pre-training.
    ``init_channels`` are those of ``init_conv``, the only skip at full resolution; ``decoder_channels`` are
    those of ``dec5`` to ``dec1``. ``separable`` names the parts whose 3×3 convolutions are separable, out of
    ``aspp`` and ``dec5`` to ``dec1``. ``full_size=False`` ends the decoder at ``dec2``, at half the
    image's height and width, and enlarges the logits bilinearly: there is no ``init_conv`` and no ``dec1``.
    Raises ``ValueError`` for a value out of range.

    >>> NetworkConfig(stem="median")
    Traceback (most recent call last):
    ...
    ValueError: stem: expected one of mean, sum; got 'median'
    """

    stem: Stem = "mean"
    init_channels: int = 32
    pretrained: bool = True
    encoder_training: EncoderTraining = "frozen"
    encoder_statistics: EncoderStatistics = "stored"
    aspp: bool = True
    aspp_rates: tuple[int, ...] = (6, 12, 18)
    aspp_channels: int = 128
    aspp_pool_channels: int = 256
    bottleneck_channels: int = 512
    dropout: float = 0.5
    decoder_channels: tuple[int, int, int, int, int] = (256, 128, 64, 32, 32)
    upsampling: Upsampling = "transposed"
    separable: tuple[str, ...] = ()
    skip_se: bool = True
    block_se: bool = True
    residual: bool = True
    se_reduction: int = 16
    full_size: bool = True

    def __post_init__(self) -> None:
        check_options(self)
        for name in self.separable:
            if name not in SEPARABLE:
                raise ValueError(f"separable: expected parts out of {', '.join(SEPARABLE)}; got {name!r}")
        if not self.aspp_rates:
            raise ValueError(f"aspp_rates: expected dilation rates of 1 or more, got {self.aspp_rates}")
        if self.aspp_pool_channels % 2:
            raise ValueError(f"aspp_pool_channels: expected an even number, got {self.aspp_pool_channels}")
        if not (isinstance(self.dropout, (int, float)) and 0 <= self.dropout < 1):
            raise ValueError(f"dropout: expected a probability in [0, 1), got {self.dropout}")
        if len(self.decoder_channels) != len(TAP_CHANNELS):
            raise ValueError(f"decoder_channels: expected five widths, got {self.decoder_channels}")


class MobileNetASPPUNet(nn.Module):
    """MobileNet ASPP residual SE U-Net on a grey image in [0, 1], giving logits.

    ``B 1 H W`` → ``B 1 H W``. Every part can be taken out by :class:`NetworkConfig`, one at a time.

    Raises ``ValueError`` for an image of another shape, see :func:`~fetalseg_lib.models.blocks.check_image`.

    >>> import torch
    >>> MobileNetASPPUNet(encoder_weights="random")(torch.rand(2, 1, 64, 96)).shape
    torch.Size([2, 1, 64, 96])
    """

    dec5: DecoderStage
    dec4: DecoderStage
    dec3: DecoderStage
    dec2: DecoderStage
    dec1: DecoderStage

    def __init__(
        self, config: NetworkConfig | None = None, *, encoder_weights: str | Path = "imagenet"
    ) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        weights = resolve_encoder_weights(encoder_weights if config.pretrained else "random")
        if config.encoder_training != "frozen" or config.encoder_statistics != "stored":
            weights = weights.for_training()
        self.encoder_weights_record = weights.record

        if config.full_size:
            self.init_conv = ConvBNReLU(1, config.init_channels)
        self.encoder = MobileNetV2Encoder(weights, stem=config.stem, training=config.encoder_training)
        self.bottleneck = _bottleneck(config)
        skips = (*TAP_CHANNELS[-2::-1], config.init_channels)
        inputs = (config.bottleneck_channels, *config.decoder_channels[:-1])
        names = DECODER if config.full_size else DECODER[:-1]
        for name, below, skip, out in zip(names, inputs, skips, config.decoder_channels, strict=False):
            stage = DecoderStage(
                below,
                skip,
                out,
                upsampling=config.upsampling,
                skip_se=config.skip_se,
                block_se=config.block_se,
                residual=config.residual,
                separable=name in config.separable,
                reduction=config.se_reduction,
            )
            self.add_module(name, stage)
        self.head = nn.Conv2d(config.decoder_channels[len(names) - 1], 1, 1)

    def stages(self) -> dict[str, nn.Module]:
        """The network's parts by the figure's names, in the order of the data's way."""
        parts = dict(self.named_children())
        encoder = dict(parts.pop("encoder").named_children())
        first = {"enc0": parts.pop("init_conv")} if self.config.full_size else {}
        return {**first, **encoder, **parts}

    def forward(self, image: Tensor) -> Tensor:
        """``B 1 H W`` in [0, 1] → logits ``B 1 H W`` (channels below are the note's)."""
        check_image(image)
        enc0 = self.init_conv(image) if self.config.full_size else None  # (B, 32, H, W)
        enc1, enc2, enc3, enc4, enc5 = self.encoder(image)  # (B, 16, H/2, W/2) ... (B, 1280, H/32, W/32)
        below = self.bottleneck(enc5)  # (B, 512, H/32, W/32)
        dec5 = self.dec5(below, enc4)  # (B, 256, H/16, W/16)
        dec4 = self.dec4(dec5, enc3)  # (B, 128, H/8, W/8)
        dec3 = self.dec3(dec4, enc2)  # (B, 64, H/4, W/4)
        dec2 = self.dec2(dec3, enc1)  # (B, 32, H/2, W/2)
        if enc0 is None:
            half: Tensor = self.head(dec2)  # (B, 1, H/2, W/2)
            return F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False)
        dec1 = self.dec1(dec2, enc0)  # (B, 32, H, W)
        logits: Tensor = self.head(dec1)  # (B, 1, H, W)
        return logits


def _bottleneck(config: NetworkConfig) -> nn.Module:
    """ASPP, or without it the projection alone."""
    if not config.aspp:
        return Projection(TAP_CHANNELS[-1], config.bottleneck_channels, dropout=config.dropout)
    return ASPP(
        TAP_CHANNELS[-1],
        config.bottleneck_channels,
        rates=config.aspp_rates,
        branch_channels=config.aspp_channels,
        pool_channels=config.aspp_pool_channels,
        separable="aspp" in config.separable,
        dropout=config.dropout,
    )
