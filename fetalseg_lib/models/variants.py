"""The study's variants: each is data, a few overrides against its reference, and a reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Architecture = Literal["mobilenet", "unet", "peer"]
"""Whose configuration a variant overrides."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the ablation: what is changed, against what, and why.

    ``shown_as`` is its name in tables and figures.
    ``network`` are overrides of the architecture's configuration (``NetworkConfig``, ``UNetConfig`` or, for
    another library's network, ``PeerConfig``),
    ``recipe`` overrides of the training recipe; ``encoder_weights`` stands where the variant is about them,
    ``None`` leaves them to the study; ``reference`` names the variant to compare with, ``None`` for the one
    where the comparisons begin.
    """

    name: str
    shown_as: str
    reference: str | None
    changes: str
    why: str
    architecture: Architecture = "mobilenet"
    network: Mapping[str, object] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    encoder_weights: str | None = None


_PLAIN = {"aspp": False, "skip_se": False, "block_se": False, "residual": False}
_FINE_TUNED = {"encoder_training": "trainable"}
_LONG = {"epochs": 60}
_NOTE_RECIPE = {
    "epochs": 100,
    "learning_rate": 3e-4,
    "pos_weight": 200.0,
    "schedule": "plateau",
    "early_stopping_patience": 15,
}
_LIGHT_DECODER = {
    "separable": ("aspp", "dec5", "dec4", "dec3", "dec2", "dec1"),
    "aspp_rates": (1, 2, 3),
    "aspp_channels": 64,
    "aspp_pool_channels": 64,
    "bottleneck_channels": 256,
    "decoder_channels": (128, 96, 64, 32, 16),
    "init_channels": 16,
    "dropout": 0.1,
    "se_reduction": 4,
}

_VARIANTS = (
    Variant(
        name="unet",
        shown_as="Plain U-Net",
        reference=None,
        architecture="unet",
        changes="nothing: the standard U-Net, base width 32, four poolings",
        why="The architecture note's comparison, at its size.",
    ),
    Variant(
        name="mobilenet_unet",
        shown_as="Plain decoder",
        reference="unet",
        network=_PLAIN,
        changes="frozen ImageNet MobileNetV2 as encoder; plain double convolutions, no ASPP, no SE",
        why="How much of the gain is the encoder's alone.",
    ),
    Variant(
        name="proposed",
        shown_as="Note's network",
        reference="mobilenet_unet",
        changes="ASPP, SE on skips and in blocks, and residual additions, all together",
        why="The network of the architecture note.",
    ),
    Variant(
        name="no_aspp",
        shown_as="− ASPP",
        reference="proposed",
        network={"aspp": False},
        changes="a 1×1 projection 1280 → 512 instead of the ASPP",
        why="On an 8×8 map most taps of the dilated kernels see padding only.",
    ),
    Variant(
        name="no_se",
        shown_as="− SE",
        reference="proposed",
        network={"skip_se": False, "block_se": False},
        changes="no squeeze and excitation anywhere",
        why="What channel attention adds.",
    ),
    Variant(
        name="no_skip_se",
        shown_as="− SE on skips",
        reference="proposed",
        network={"skip_se": False},
        changes="no squeeze and excitation on the skips",
        why="Whether the attention filters noise out of the encoder's features.",
    ),
    Variant(
        name="no_block_se",
        shown_as="− SE in blocks",
        reference="proposed",
        network={"block_se": False},
        changes="no squeeze and excitation in the decoder's blocks",
        why="Whether the attention refines the decoder's own features.",
    ),
    Variant(
        name="no_residual",
        shown_as="− residual additions",
        reference="proposed",
        network={"residual": False},
        changes="no residual addition in the decoder's blocks",
        why="Two convolutions a block are shallow: does the gradient need the short cut?",
    ),
    Variant(
        name="trainable_encoder",
        shown_as="Fine-tuned encoder",
        reference="proposed",
        network=_FINE_TUNED,
        changes="the encoder is trained along",
        why="What freezing costs or saves.",
    ),
    Variant(
        name="random_encoder",
        shown_as="Random encoder, frozen",
        reference="proposed",
        network={"pretrained": False},
        changes="random frozen encoder instead of ImageNet's",
        why="Without this arm nobody knows what ImageNet brings.",
    ),
    Variant(
        name="random_trainable_encoder",
        shown_as="Random encoder, trained",
        reference="trainable_encoder",
        network={"pretrained": False, "encoder_training": "trainable"},
        changes="random encoder instead of ImageNet's, trained along",
        why="What ImageNet brings once the encoder may learn.",
    ),
    Variant(
        name="procedural_encoder",
        shown_as="Procedural encoder, frozen",
        reference="proposed",
        encoder_weights="procedural",
        changes="frozen encoder trained on procedural images instead of ImageNet's",
        why="What can be learned about edges and textures without one photograph, and without one head.",
    ),
    Variant(
        name="procedural_trainable_encoder",
        shown_as="Procedural encoder, fine-tuned",
        reference="trainable_encoder",
        encoder_weights="procedural",
        network=_FINE_TUNED,
        changes="encoder trained on procedural images instead of ImageNet's, trained along",
        why="What is left of it once the encoder may learn.",
    ),
    Variant(
        name="phantom_encoder",
        shown_as="Phantom encoder, frozen",
        reference="proposed",
        encoder_weights="phantom",
        changes="frozen encoder of a network that segments phantoms instead of ImageNet's",
        why="Whether simulated heads teach more about real ones than a million photographs.",
    ),
    Variant(
        name="phantom_trainable_encoder",
        shown_as="Phantom encoder, fine-tuned",
        reference="trainable_encoder",
        encoder_weights="phantom",
        network=_FINE_TUNED,
        changes="encoder of a network that segments phantoms instead of ImageNet's, trained along",
        why="What is left of it once the encoder may learn.",
    ),
    Variant(
        name="reestimated_encoder",
        shown_as="BatchNorm re-estimated",
        reference="proposed",
        network={"encoder_statistics": "reestimated"},
        changes="BatchNorm's statistics of the frozen encoder from the training images, without their masks",
        why="The statistics of photographs do not fit ultrasound; this alone is mended.",
    ),
    Variant(
        name="procedural_reestimated_encoder",
        shown_as="Procedural, BatchNorm re-estimated",
        reference="procedural_encoder",
        encoder_weights="procedural",
        network={"encoder_statistics": "reestimated"},
        changes="BatchNorm's statistics of the frozen encoder from the training images, without their masks",
        why="Procedural images are not ultrasound images either.",
    ),
    Variant(
        name="random_reestimated_encoder",
        shown_as="Random, BatchNorm re-estimated",
        reference="random_encoder",
        network={"pretrained": False, "encoder_statistics": "reestimated"},
        changes="BatchNorm's statistics of the frozen encoder from the training images, without their masks",
        why="How much of a pre-trained encoder's worth is that its numbers arrive at the right size.",
    ),
    Variant(
        name="frozen_bn_drift",
        shown_as="BatchNorm drifts",
        reference="proposed",
        network={"encoder_training": "frozen_bn_drift"},
        changes="BatchNorm of the frozen encoder in train mode, so that its statistics drift",
        why="The common mistake: requires_grad = False does not stop running statistics.",
    ),
    Variant(
        name="stem_sum",
        shown_as="Summed stem",
        reference="proposed",
        network={"stem": "sum"},
        changes="colour kernels summed instead of averaged",
        why="The sum answers as to a grey image in three channels, the mean with a third of it.",
    ),
    Variant(
        name="stem_mean",
        shown_as="Averaged stem",
        reference="proposed",
        network={"stem": "mean"},
        changes="colour kernels averaged, as the note has it, where the study sums them",
        why="What the note's stem costs, in a study whose reference has the exact one.",
    ),
    Variant(
        name="aspp_rates_1_2_3",
        shown_as="ASPP rates 1, 2, 3",
        reference="proposed",
        network={"aspp_rates": (1, 2, 3)},
        changes="dilation rates 1, 2, 3 instead of 6, 12, 18",
        why="Rates that fit an 8×8 map, at the same number of weights.",
    ),
    Variant(
        name="bilinear_up",
        shown_as="Bilinear upsampling",
        reference="proposed",
        network={"upsampling": "bilinear"},
        changes="bilinear interpolation and a 1×1 convolution instead of transposed convolutions",
        why="Whether learned upsampling earns its weights.",
    ),
    Variant(
        name="as_released",
        shown_as="As released",
        reference="proposed",
        network={"aspp_channels": 512, "aspp_pool_channels": 512},
        changes="all five ASPP branches 512 wide",
        why="The size that the released notebook of the note's authors prints.",
    ),
    Variant(
        name="budget",
        shown_as="Light decoder",
        reference="proposed",
        network=_LIGHT_DECODER,
        recipe={"learning_rate": 3e-3},
        changes="separable convolutions, dilation rates 1, 2, 3, fewer channels, a step three times as long",
        why="The size that the note promises, and its own network does not keep.",
    ),
    Variant(
        name="pos_weight_200",
        shown_as="Loss weight 200",
        reference="proposed",
        recipe={"pos_weight": 200.0},
        changes="positive pixels weigh 200 in the cross-entropy",
        why="The note's weight fits unfilled outlines, the masks are filled.",
    ),
    Variant(
        name="note_as_written",
        shown_as="Note's recipe",
        reference="proposed",
        network={"stem": "mean"},
        recipe=_NOTE_RECIPE,
        changes="the note's averaged stem, its weight of 200, its plateau and up to 100 epochs, all together",
        why="The note's recipe untouched.",
    ),
    Variant(
        name="unet_pos_weight_200",
        shown_as="Plain U-Net, loss weight 200",
        reference="unet",
        architecture="unet",
        recipe={"pos_weight": 200.0},
        changes="positive pixels weigh 200 in the cross-entropy",
        why="Whether the weight's effect depends on the network.",
    ),
    Variant(
        name="dice_only",
        shown_as="Dice loss alone",
        reference="proposed",
        recipe={"dice_weight": 1.0, "bce_weight": 0.0},
        changes="Dice loss alone",
        why="What the cross-entropy adds.",
    ),
    Variant(
        name="bce_only",
        shown_as="Cross-entropy alone",
        reference="proposed",
        recipe={"dice_weight": 0.0, "bce_weight": 1.0},
        changes="cross-entropy alone",
        why="What the Dice loss adds.",
    ),
    Variant(
        name="no_augmentation",
        shown_as="No augmentation",
        reference="proposed",
        recipe={"augment": False},
        changes="no augmentation",
        why="What flips, rotations, scales and shifts add.",
    ),
    Variant(
        name="trainable_no_aspp",
        shown_as="Fine-tuned, − ASPP",
        reference="trainable_encoder",
        network={**_FINE_TUNED, "aspp": False},
        changes="a 1×1 projection instead of the ASPP, the encoder fine-tuned",
        why="Whether a part is worth more once the encoder may learn.",
    ),
    Variant(
        name="trainable_no_se",
        shown_as="Fine-tuned, − SE",
        reference="trainable_encoder",
        network={**_FINE_TUNED, "skip_se": False, "block_se": False},
        changes="no squeeze and excitation anywhere, the encoder fine-tuned",
        why="Whether a part is worth more once the encoder may learn.",
    ),
    Variant(
        name="trainable_no_residual",
        shown_as="Fine-tuned, − residual additions",
        reference="trainable_encoder",
        network={**_FINE_TUNED, "residual": False},
        changes="no residual addition in the decoder's blocks, the encoder fine-tuned",
        why="Whether a part is worth more once the encoder may learn.",
    ),
    Variant(
        name="trainable_mobilenet_unet",
        shown_as="Fine-tuned, plain decoder",
        reference="trainable_encoder",
        network={**_FINE_TUNED, **_PLAIN},
        changes="none of the note's three parts, the encoder fine-tuned",
        why="Whether the parts are worth more together, once the encoder may learn.",
    ),
    Variant(
        name="small_network",
        shown_as="Small network",
        reference="trainable_encoder",
        network={**_FINE_TUNED, **_LIGHT_DECODER},
        changes="the light decoder, the encoder fine-tuned",
        why="The network that comes with the package.",
    ),
    Variant(
        name="unet_long",
        shown_as="Plain U-Net, 60 epochs",
        reference="unet",
        architecture="unet",
        recipe=_LONG,
        changes="60 epochs instead of 20",
        why="A network that starts from nothing may need longer.",
    ),
    Variant(
        name="proposed_long",
        shown_as="Note's network, 60 epochs",
        reference="proposed",
        recipe=_LONG,
        changes="60 epochs instead of 20",
        why="What longer training brings with a frozen encoder.",
    ),
    Variant(
        name="trainable_encoder_long",
        shown_as="Fine-tuned encoder, 60 epochs",
        reference="trainable_encoder",
        network=_FINE_TUNED,
        recipe=_LONG,
        changes="60 epochs instead of 20",
        why="What longer training brings with a fine-tuned encoder.",
    ),
    Variant(
        name="small_network_long",
        shown_as="Small network, 60 epochs",
        reference="small_network",
        network={**_FINE_TUNED, **_LIGHT_DECODER},
        recipe=_LONG,
        changes="60 epochs instead of 20",
        why="What longer training brings with few weights.",
    ),
    Variant(
        name="unet_note_recipe",
        shown_as="Plain U-Net, note's recipe",
        reference="unet",
        architecture="unet",
        recipe=_NOTE_RECIPE,
        changes="the note's weight of 200, its plateau and up to 100 epochs",
        why="The other side of the note's comparison, by the note's own recipe.",
    ),
    Variant(
        name="peer_unet",
        shown_as="smp U-Net",
        reference="trainable_encoder",
        architecture="peer",
        network={"network": "unet"},
        changes="segmentation_models_pytorch's U-Net on the same encoder, trained along",
        why="What one line of a well-known library gives.",
    ),
    Variant(
        name="peer_deeplabv3plus",
        shown_as="smp DeepLabV3+",
        reference="trainable_encoder",
        architecture="peer",
        network={"network": "deeplabv3plus"},
        changes="segmentation_models_pytorch's DeepLabV3+ on the same encoder, trained along",
        why="ASPP on a map twice as fine, as its authors meant it.",
    ),
    Variant(
        name="peer_lraspp",
        shown_as="LR-ASPP",
        reference="random_trainable_encoder",
        architecture="peer",
        network={"network": "lraspp"},
        changes="torchvision's LR-ASPP with MobileNetV3, all of it from random weights",
        why="How far the smallest network comes, without pre-training.",
    ),
)


def list_variants() -> tuple[Variant, ...]:
    """All variants, references before those that refer to them.

    >>> [variant.name for variant in list_variants()][:3]
    ['unet', 'mobilenet_unet', 'proposed']
    """
    return _VARIANTS


def get_variant(name: str) -> Variant:
    """The variant of that name; raises ``ValueError`` with the nearest name where there is none.

    >>> get_variant("propposed")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: variant: there is no 'propposed'. Did you mean 'proposed'? Known: unet, ...
    """
    by_name = {variant.name: variant for variant in _VARIANTS}
    if name not in by_name:
        raise ValueError(
            f"variant: there is no {name!r}.{did_you_mean(name, by_name)} Known: {', '.join(by_name)}."
        )
    return by_name[name]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as a question, or nothing where none is near.

    >>> did_you_mean("dropuot", ["stem", "dropout"])
    " Did you mean 'dropout'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
