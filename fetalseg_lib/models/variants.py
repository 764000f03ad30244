"""The study's variants: each is data, a few overrides against its reference, and a reason."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the ablation: what is changed, against what, and why.

    ``network`` are overrides of the architecture's configuration (``NetworkConfig`` or ``UNetConfig``),
    ``recipe`` overrides of the training recipe; ``encoder_weights`` stands where the variant is about them,
    ``None`` leaves them to the study; ``reference`` names the variant to compare with, ``None`` for the one
    where the comparisons begin.
    """

    name: str
    reference: str | None
    changes: str
    why: str
    architecture: Literal["mobilenet", "unet"] = "mobilenet"
    network: Mapping[str, object] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    encoder_weights: str | None = None


_PLAIN = {"aspp": False, "skip_se": False, "block_se": False, "residual": False}

_VARIANTS = (
    Variant(
        name="unet",
        reference=None,
        architecture="unet",
        changes="nothing: the standard U-Net, base width 32, four poolings",
        why="The architecture note's comparison, at its size.",
    ),
    Variant(
        name="mobilenet_unet",
        reference="unet",
        network=_PLAIN,
        changes="frozen ImageNet MobileNetV2 as encoder; plain double convolutions, no ASPP, no SE",
        why="How much of the gain is the encoder's alone.",
    ),
    Variant(
        name="proposed",
        reference="mobilenet_unet",
        changes="ASPP, SE on skips and in blocks, and residual additions, all together",
        why="The network of the architecture note.",
    ),
    Variant(
        name="no_aspp",
        reference="proposed",
        network={"aspp": False},
        changes="a 1×1 projection 1280 → 512 instead of the ASPP",
        why="On an 8×8 map most taps of the dilated kernels see padding only.",
    ),
    Variant(
        name="no_se",
        reference="proposed",
        network={"skip_se": False, "block_se": False},
        changes="no squeeze and excitation anywhere",
        why="What channel attention adds.",
    ),
    Variant(
        name="no_skip_se",
        reference="proposed",
        network={"skip_se": False},
        changes="no squeeze and excitation on the skips",
        why="Whether the attention filters noise out of the encoder's features.",
    ),
    Variant(
        name="no_block_se",
        reference="proposed",
        network={"block_se": False},
        changes="no squeeze and excitation in the decoder's blocks",
        why="Whether the attention refines the decoder's own features.",
    ),
    Variant(
        name="no_residual",
        reference="proposed",
        network={"residual": False},
        changes="no residual addition in the decoder's blocks",
        why="Two convolutions a block are shallow: does the gradient need the short cut?",
    ),
    Variant(
        name="trainable_encoder",
        reference="proposed",
        network={"encoder_training": "trainable"},
        changes="the encoder is trained along",
        why="What freezing costs or saves.",
    ),
    Variant(
        name="random_encoder",
        reference="proposed",
        network={"pretrained": False},
        changes="random frozen encoder instead of ImageNet's",
        why="Without this arm nobody knows what ImageNet brings.",
    ),
    Variant(
        name="random_trainable_encoder",
        reference="trainable_encoder",
        network={"pretrained": False, "encoder_training": "trainable"},
        changes="random encoder instead of ImageNet's, trained along",
        why="What ImageNet brings once the encoder may learn.",
    ),
    Variant(
        name="procedural_encoder",
        reference="proposed",
        encoder_weights="procedural",
        changes="frozen encoder trained on procedural images instead of ImageNet's",
        why="What can be learned about edges and textures without one photograph, and without one head.",
    ),
    Variant(
        name="procedural_trainable_encoder",
        reference="trainable_encoder",
        encoder_weights="procedural",
        network={"encoder_training": "trainable"},
        changes="encoder trained on procedural images instead of ImageNet's, trained along",
        why="What is left of it once the encoder may learn.",
    ),
    Variant(
        name="phantom_encoder",
        reference="proposed",
        encoder_weights="phantom",
        changes="frozen encoder of a network that segments phantoms instead of ImageNet's",
        why="Whether simulated heads teach more about real ones than a million photographs.",
    ),
    Variant(
        name="phantom_trainable_encoder",
        reference="trainable_encoder",
        encoder_weights="phantom",
        network={"encoder_training": "trainable"},
        changes="encoder of a network that segments phantoms instead of ImageNet's, trained along",
        why="What is left of it once the encoder may learn.",
    ),
    Variant(
        name="reestimated_encoder",
        reference="proposed",
        network={"encoder_statistics": "reestimated"},
        changes="BatchNorm's statistics of the frozen encoder from the training images, without their masks",
        why="The statistics of photographs do not fit ultrasound; this alone is mended.",
    ),
    Variant(
        name="procedural_reestimated_encoder",
        reference="procedural_encoder",
        encoder_weights="procedural",
        network={"encoder_statistics": "reestimated"},
        changes="BatchNorm's statistics of the frozen encoder from the training images, without their masks",
        why="Procedural images are not ultrasound images either.",
    ),
    Variant(
        name="random_reestimated_encoder",
        reference="random_encoder",
        network={"pretrained": False, "encoder_statistics": "reestimated"},
        changes="BatchNorm's statistics of the frozen encoder from the training images, without their masks",
        why="How much of a pre-trained encoder's worth is that its numbers arrive at the right size.",
    ),
    Variant(
        name="frozen_bn_drift",
        reference="proposed",
        network={"encoder_training": "frozen_bn_drift"},
        changes="BatchNorm of the frozen encoder in train mode, so that its statistics drift",
        why="The common mistake: requires_grad = False does not stop running statistics.",
    ),
    Variant(
        name="stem_sum",
        reference="proposed",
        network={"stem": "sum"},
        changes="colour kernels summed instead of averaged",
        why="The sum answers as to a grey image in three channels, the mean with a third of it.",
    ),
    Variant(
        name="stem_mean",
        reference="proposed",
        network={"stem": "mean"},
        changes="colour kernels averaged, as the note has it, where the study sums them",
        why="What the note's stem costs, in a study whose reference has the exact one.",
    ),
    Variant(
        name="aspp_rates_1_2_3",
        reference="proposed",
        network={"aspp_rates": (1, 2, 3)},
        changes="dilation rates 1, 2, 3 instead of 6, 12, 18",
        why="Rates that fit an 8×8 map, at the same number of weights.",
    ),
    Variant(
        name="bilinear_up",
        reference="proposed",
        network={"upsampling": "bilinear"},
        changes="bilinear interpolation and a 1×1 convolution instead of transposed convolutions",
        why="Whether learned upsampling earns its weights.",
    ),
    Variant(
        name="as_released",
        reference="proposed",
        network={"aspp_channels": 512, "aspp_pool_channels": 512},
        changes="all five ASPP branches 512 wide",
        why="The size that the released notebook of the note's authors prints.",
    ),
    Variant(
        name="budget",
        reference="proposed",
        network={
            "separable": ("aspp", "dec5", "dec4", "dec3", "dec2", "dec1"),
            "aspp_rates": (1, 2, 3),
            "aspp_channels": 64,
            "aspp_pool_channels": 64,
            "bottleneck_channels": 256,
            "decoder_channels": (128, 96, 64, 32, 16),
            "init_channels": 16,
            "dropout": 0.1,
            "se_reduction": 4,
        },
        recipe={"learning_rate": 3e-3},
        changes="separable convolutions, dilation rates 1, 2, 3, fewer channels, a step three times as long",
        why="The size that the note promises, and its own network does not keep.",
    ),
    Variant(
        name="pos_weight_200",
        reference="proposed",
        recipe={"pos_weight": 200.0},
        changes="positive pixels weigh 200 in the cross-entropy",
        why="The note's weight fits unfilled outlines, the masks are filled.",
    ),
    Variant(
        name="note_as_written",
        reference="proposed",
        network={"stem": "mean"},
        recipe={"epochs": 100, "learning_rate": 3e-4, "pos_weight": 200.0, "schedule": "plateau"},
        changes="the note's averaged stem, its weight of 200, its plateau and up to 100 epochs, all together",
        why="The note's recipe untouched.",
    ),
    Variant(
        name="unet_pos_weight_200",
        reference="unet",
        architecture="unet",
        recipe={"pos_weight": 200.0},
        changes="positive pixels weigh 200 in the cross-entropy",
        why="Whether the weight's effect depends on the network.",
    ),
    Variant(
        name="dice_only",
        reference="proposed",
        recipe={"dice_weight": 1.0, "bce_weight": 0.0},
        changes="Dice loss alone",
        why="What the cross-entropy adds.",
    ),
    Variant(
        name="bce_only",
        reference="proposed",
        recipe={"dice_weight": 0.0, "bce_weight": 1.0},
        changes="cross-entropy alone",
        why="What the Dice loss adds.",
    ),
    Variant(
        name="no_augmentation",
        reference="proposed",
        recipe={"augment": False},
        changes="no augmentation",
        why="What flips, rotations, scales and shifts add.",
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
