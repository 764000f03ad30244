"""Sections 5 and 7 of the note: the decoder's stages and the whole way of an image."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fetalseg_book.audit.checks import (
    channels_of,
    comes_out_of,
    goes_into,
    measured,
    stage_shape,
    traced,
)
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.sections.brief import enc0_in_training
from fetalseg_book.audit.stated import Exactly, MapSize, Number

TABLE, FLOW, FORWARD, TRAINED = "5.1", "5.2", "7.1", "7.2"

# stage: side before and after, channels before and after the upsampling, of the skip, joined, given
_ROWS = {
    "dec5": (8, 16, 512, 256, 96, 352, 256),
    "dec4": (16, 32, 256, 128, 32, 160, 128),
    "dec3": (32, 64, 128, 64, 24, 88, 64),
    "dec2": (64, 128, 64, 32, 16, 48, 32),
    "dec1": (128, 256, 32, 32, 32, 64, 32),
}


def claims() -> Iterator[Claim]:
    """The claims of section 5, in the order of the text."""
    yield measured(
        "5",
        "decoder stages",
        "five upsampling stages",
        value=Number("5"),
        how="count the transposed convolutions of the built network",
        measure=lambda evidence: len(_upsamplers(evidence)),
    )
    for stage in _ROWS:
        yield from _row(stage)
    yield measured(
        TABLE,
        "kernel, stride and padding of the upsampling",
        "transposed convolutions of kernel 2×2, stride 2, no padding",
        value=Exactly(("kernel 2, stride 2, padding 0",)),
        how="read all five built layers",
        measure=lambda evidence: tuple(
            {
                f"kernel {up.kernel_size[0]}, stride {up.stride[0]}, padding {up.padding[0]}"
                for up in _upsamplers(evidence)
            }
        ),
    )
    yield measured(
        TABLE,
        "upsampling is learned",
        "the upsampling is learnable",
        value=Exactly(True),
        how="all five kernels take gradients, and one training step changes them",
        measure=lambda evidence: all(evidence.changed_by_a_step[f"dec{k}.up.weight"] for k in range(1, 6)),
    )
    yield better(
        TABLE,
        "gain from learned upsampling",
        "learned upsampling is better than bilinear",
        one="proposed",
        other="bilinear_up",
    )
    yield from _flow()


def integration_claims() -> Iterator[Claim]:
    """The claims of section 7, in the order of the text."""
    yield traced(
        FORWARD, "shape of the input", "the input is [B, 1, 256, 256]", MapSize((1, 256, 256)), goes_into("")
    )
    yield stage_shape(
        FORWARD, "enc0", MapSize((32, 256, 256)), "the initial convolution gives [B, 32, 256, 256]"
    )
    yield measured(
        FORWARD,
        "enc0 in training",
        "the initial convolution is a custom trainable layer",
        value=Exactly("trained"),
        how="ask the built layer whether its weights are trained",
        measure=enc0_in_training,
    )
    for stage, channels, side in (
        ("enc1", 16, 128),
        ("enc2", 24, 64),
        ("enc3", 32, 32),
        ("enc4", 96, 16),
        ("enc5", 1280, 8),
    ):
        yield stage_shape(FORWARD, stage, MapSize((channels, side, side)))
    yield stage_shape(FORWARD, "bottleneck", MapSize((512, 8, 8)), "the ASPP gives [B, 512, 8, 8]")
    yield stage_shape(FORWARD, "output", MapSize((1, 256, 256)), "the output is [B, 1, 256, 256]")
    yield _training("encoder", ("encoder",), "frozen")
    yield _training("bottleneck", ("bottleneck",), "trained")
    yield _training("decoder", ("dec5", "dec4", "dec3", "dec2", "dec1"), "trained")


def _training(part: str, modules: tuple[str, ...], state: str) -> Claim:
    return measured(
        TRAINED,
        f"{part} in training",
        f"the {part} is {state}",
        value=Exactly(state),
        how="which parameters a training step changes: all of them, or none",
        measure=lambda evidence: _changed(evidence, modules),
    )


def _row(stage: str) -> Iterator[Claim]:
    side, out_side, below, up, skip, joined, given = _ROWS[stage]
    yield traced(
        TABLE,
        f"shape into {stage}",
        f"{stage} takes {below} channels at {side}×{side}",
        MapSize((below, side, side)),
        goes_into(f"{stage}.up"),
    )
    yield traced(
        TABLE,
        f"shape of {stage}'s upsampling",
        f"{stage} upsamples to {up} channels at {out_side}×{out_side}",
        MapSize((up, out_side, out_side)),
        comes_out_of(f"{stage}.up"),
    )
    yield traced(
        TABLE,
        f"channels of {stage}'s skip",
        f"the skip into {stage} has {skip} channels",
        Number(str(skip), unit="channels"),
        channels_of(comes_out_of(f"{stage}.skip_se")),
    )
    yield traced(
        TABLE,
        f"channels of {stage}'s concatenation",
        f"{stage} joins {joined} channels",
        Number(str(joined), unit="channels"),
        channels_of(goes_into(f"{stage}.block")),
    )
    yield stage_shape(
        TABLE,
        stage,
        MapSize((given, out_side, out_side)),
        f"{stage} gives {given} channels at {out_side}×{out_side}",
    )


def _flow() -> Iterator[Claim]:
    for quantity, says, value, shape in (
        (
            "shape of bottleneck",
            "the bottleneck gives [B, 512, 8, 8]",
            (512, 8, 8),
            comes_out_of("bottleneck"),
        ),
        ("shape of dec5's upsampling", "upsampled: [B, 256, 16, 16]", (256, 16, 16), comes_out_of("dec5.up")),
        ("shape of enc4", "skip from enc4: [B, 96, 16, 16]", (96, 16, 16), comes_out_of("encoder.enc4")),
        ("shape of dec5's skip", "after SE: [B, 96, 16, 16]", (96, 16, 16), comes_out_of("dec5.skip_se")),
        (
            "shape of dec5's concatenation",
            "concatenated: [B, 352, 16, 16]",
            (352, 16, 16),
            goes_into("dec5.block"),
        ),
        ("shape of dec5", "dec5 gives [B, 256, 16, 16]", (256, 16, 16), comes_out_of("dec5")),
    ):
        yield traced(FLOW, quantity, says, MapSize(value), shape)


def _upsamplers(evidence: Evidence) -> list[nn.ConvTranspose2d]:
    return [
        module for module in evidence.model("proposed").modules() if isinstance(module, nn.ConvTranspose2d)
    ]


def _changed(evidence: Evidence, modules: tuple[str, ...]) -> str:
    names = dict(evidence.model("proposed").named_parameters())
    changed = {evidence.changed_by_a_step[name] for name in names if name.split(".")[0] in modules}
    if len(changed) > 1:
        return "trained in part"
    return "trained" if changed.pop() else "frozen"
