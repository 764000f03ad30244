"""Sections 3.1 and 3.3 of the note: the residual block and its parameters."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fetalseg_book.audit.checks import arithmetic, judged, measured, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better
from fetalseg_book.audit.record import Claim, Finding
from fetalseg_book.audit.stated import Exactly, Number
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models.residual import ResidualBlockSE

RESIDUAL, BLOCK = "3.1", "3.3"


def claims() -> Iterator[Claim]:
    """The claims of 3.1, in the order of the text."""
    yield judged(
        RESIDUAL,
        "blocks with an identity shortcut",
        "y = F(x) + x: the input is added directly to the output",
        how="count the built decoder's blocks whose shortcut is the identity",
        check=_identity,
    )
    yield measured(
        RESIDUAL,
        "content of F",
        "F(x) is two Conv-BN-ReLU layers",
        value=Exactly("Conv-BN-ReLU twice"),
        how="on noise, is block(x) less its shortcut what two Conv-BN-ReLU give, or that after SE",
        measure=lambda _: _content_of_f(),
        why="The SE gates belong to F as well.",
    )
    yield measured(
        RESIDUAL,
        "F takes both signs",
        "the network learns residual functions F(x)",
        value=Exactly(True),
        how="the smallest value of F over noise, in a fresh block",
        measure=lambda _: _smallest_of_f() < 0,
        why="F ends with a ReLU and a gate above zero: it can add to its input, never take away.",
    )
    yield better(
        RESIDUAL,
        "need of the shortcut",
        "residual connections are critical for training the decoder",
        one="proposed",
        other="no_residual",
    )
    yield measured(
        RESIDUAL,
        "decoder stages",
        "a 5-stage decoder",
        value=Number("5"),
        how="count the stages of the built network whose name begins with dec",
        measure=lambda evidence: sum(name.startswith("dec") for name in evidence.model("proposed").stages()),
    )


def block_claims() -> Iterator[Claim]:
    """The claims of 3.3, in the order of the text."""
    yield measured(
        BLOCK,
        "content of F",
        "two Conv-BN-ReLU, then SE, then the addition",
        value=Exactly("Conv-BN-ReLU twice, then SE"),
        how="on noise, is block(x) less its shortcut what two Conv-BN-ReLU give, or that after SE",
        measure=lambda _: _content_of_f(),
    )
    yield measured(
        BLOCK,
        "projection where channels differ",
        "a 1×1 convolution on the shortcut where C_in ≠ C_out",
        value=Exactly((True, False)),
        how="build a block with other and one with equal channels and look for the convolution",
        measure=lambda _: (_projects(48, 32), _projects(32, 32)),
    )
    yield measured(
        BLOCK,
        "main path of dec5's block",
        "main path of 352 → 256: about 1.6 M parameters",
        value=Number("1.6", 1e6, "M"),
        how="count the two 3×3 convolutions of the built block",
        measure=lambda evidence: _weights(_block(evidence).convs),
        why="The second convolution takes 256 channels, not 352.",
    )
    yield arithmetic(
        BLOCK,
        "worked example of the main path",
        "(3×3×352×256)×2 ≈ 1.6 M",
        value=Number("1.6", 1e6, "M"),
        how="work it out",
        result=3 * 3 * 352 * 256 * 2,
    )
    yield measured(
        BLOCK,
        "SE parameters of dec5's block",
        "SE of that block: about 11 K parameters",
        value=Number("11", 1e3, "K"),
        how="count the built SE block",
        measure=lambda evidence: count_parameters(_block(evidence).se)[0],
        why="SE stands behind the convolutions, where there are 256 channels, as the block's drawing has it.",
    )
    yield arithmetic(
        BLOCK,
        "worked example of the SE parameters",
        "(352×16) + (16×352) ≈ 11 K",
        value=Number("11", 1e3, "K"),
        how="work it out",
        result=352 * 16 + 16 * 352,
    )
    yield arithmetic(
        BLOCK,
        "hidden channels of the worked example",
        "16 hidden channels for 352 at ratio 16",
        value=Number("16", unit="channels"),
        how="the note's own ratio: C/r with C = 352 and r = 16",
        result=352 / 16,
    )
    yield judged(
        BLOCK,
        "SE overhead of dec5's block",
        "SE is less than 1 % of the block's parameters",
        how="count the built SE block and the built block",
        check=_overhead,
    )


def _identity(evidence: Evidence) -> Finding:
    model = evidence.model("proposed")
    blocks = [model.get_submodule(f"dec{k}.block") for k in range(5, 0, -1)]
    identities = sum(isinstance(block.shortcut, nn.Identity) for block in blocks)
    return Finding(
        verdict=verdict_of(identities == len(blocks)),
        measured=f"{identities} of {len(blocks)} blocks",
        why="Every stage changes the channels, so every shortcut is a 1×1 convolution with BatchNorm.",
    )


def _overhead(evidence: Evidence) -> Finding:
    block = _block(evidence)
    share = count_parameters(block.se)[0] / count_parameters(block)[0]
    return Finding(verdict=verdict_of(share < 0.01), measured=f"{100 * share:.2f} %")


def _block(evidence: Evidence) -> ResidualBlockSE:
    block = evidence.model("proposed").get_submodule("dec5.block")
    assert isinstance(block, ResidualBlockSE)
    return block


def _weights(convs: nn.Module) -> int:
    return sum(layer.weight.numel() for layer in convs.modules() if isinstance(layer, nn.Conv2d))


def _projects(in_channels: int, out_channels: int) -> bool:
    shortcut = ResidualBlockSE(in_channels, out_channels).shortcut
    assert shortcut is not None
    return any(isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) for layer in shortcut.modules())


def _fresh_block() -> tuple[ResidualBlockSE, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ResidualBlockSE(32, 32).eval(), torch.randn(4, 32, 16, 16)


def _content_of_f() -> str:
    block, features = _fresh_block()
    with torch.no_grad():
        f, convs = block(features) - features, block.convs(features)
        gated = block.se(convs)
    if torch.allclose(f, gated, atol=1e-5):
        return "Conv-BN-ReLU twice, then SE"
    return "Conv-BN-ReLU twice" if torch.allclose(f, convs, atol=1e-5) else "something else"


def _smallest_of_f() -> float:
    block, features = _fresh_block()
    with torch.no_grad():
        return float(block.se(block.convs(features)).min())
