"""MobileNetV2 as an encoder: five feature maps of a grey image, from half to a thirty-second of its size."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from torch import Tensor, nn

from fetalseg_lib.models.random_weights import drawn_features
from fetalseg_lib.models.stem import GreyStem, Stem
from fetalseg_lib.models.weights import EncoderWeights

EncoderTraining = Literal["frozen", "frozen_bn_drift", "trainable"]
"""What training may change in the encoder: nothing, BatchNorm's running statistics, or all of it."""

EncoderStatistics = Literal["stored", "reestimated"]
"""Where batch normalisation has its statistics from: the pre-training, or the images of the study."""

TAPS = (1, 3, 6, 13, 18)
"""The last layer before each halving of the resolution, and the end (indices into torchvision's features)."""

TAP_CHANNELS = (16, 24, 32, 96, 1280)


class MobileNetV2Encoder(nn.Module):
    """torchvision's MobileNetV2 ``features`` on one grey channel, tapped after layers 1, 3, 6, 13 and 18.

    ``B 1 H W`` in [0, 1] → ``B 16 H/2 W/2``, ``B 24 H/4 W/4``, ``B 32 H/8 W/8``, ``B 96 H/16 W/16`` and
    ``B 1280 H/32 W/32``. The stem normalises as the ImageNet weights expect.

    ``training="frozen"`` means it: no gradients, and eval mode whatever ``train()`` says, because
    ``requires_grad = False`` alone does not stop BatchNorm's running statistics. ``"frozen_bn_drift"`` is
    that common mistake, kept for study; ``"trainable"`` trains everything.

    Raises ``ValueError`` for another ``stem`` or ``training``.

    Source: Sandler et al. 2018, MobileNetV2, doi:10.1109/CVPR.2018.00474.

    >>> import torch
    >>> from fetalseg_lib.models.weights import resolve_encoder_weights
    >>> encoder = MobileNetV2Encoder(resolve_encoder_weights("random")).train()
    >>> [tuple(tap.shape[1:]) for tap in encoder(torch.rand(1, 1, 64, 96))]
    [(16, 32, 48), (24, 16, 24), (32, 8, 12), (96, 4, 6), (1280, 2, 3)]
    >>> any(module.training for module in encoder.modules())
    False
    """

    def __init__(
        self, weights: EncoderWeights, *, stem: Stem = "mean", training: EncoderTraining = "frozen"
    ) -> None:
        super().__init__()
        if training not in get_args(EncoderTraining):
            raise ValueError(
                f"training: expected one of {', '.join(get_args(EncoderTraining))}; got {training!r}"
            )
        features = drawn_features()
        features.load_state_dict(weights.state_dict)
        first: Any = features[0]  # Conv2dNormActivation
        first[0] = GreyStem(first[0].weight, stem=stem)
        # Slices keep torchvision's numbers: enc2.3 is features[3].
        starts = (0, *(tap + 1 for tap in TAPS[:-1]))
        self.enc1, self.enc2, self.enc3, self.enc4, self.enc5 = (
            features[start : tap + 1] for start, tap in zip(starts, TAPS, strict=True)
        )
        self._stays_in_eval = training == "frozen"
        self.requires_grad_(training == "trainable")
        self.train()

    def train(self, mode: bool = True) -> Self:
        """As ``nn.Module.train``, but a frozen encoder stays in eval mode."""
        return super().train(mode and not self._stays_in_eval)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """``B 1 H W`` → the five taps, finest first."""
        enc1 = self.enc1(image)  # (B, 16, H/2, W/2)
        enc2 = self.enc2(enc1)  # (B, 24, H/4, W/4)
        enc3 = self.enc3(enc2)  # (B, 32, H/8, W/8)
        enc4 = self.enc4(enc3)  # (B, 96, H/16, W/16)
        enc5 = self.enc5(enc4)  # (B, 1280, H/32, W/32)
        return enc1, enc2, enc3, enc4, enc5
