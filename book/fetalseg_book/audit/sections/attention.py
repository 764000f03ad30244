"""Sections 3.2 and 4 of the note: squeeze and excitation, in the blocks and on the skips."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fetalseg_book.audit.checks import measured, not_testable
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better
from fetalseg_book.audit.record import Claim
from fetalseg_book.audit.stated import Exactly, Number
from fetalseg_lib.models.se import SEBlock

SE, SKIPS = "3.2", "4"


def claims() -> Iterator[Claim]:
    """The claims of 3.2, in the order of the text."""
    yield measured(
        "3.2.1",
        "squeeze is the mean of a channel",
        "z_c is the mean of channel c over all positions",
        value=Exactly(True),
        how="gates of a map and of a map that holds its channels' means everywhere",
        measure=lambda _: _depends_on_means_only(),
    )
    yield measured(
        "3.2.1",
        "gates know no position",
        "it encodes what there is, regardless of where",
        value=Exactly(True),
        how="shuffle the positions of a random map and compare the gates",
        measure=lambda _: _blind_to_position(),
    )
    yield measured(
        "3.2.2",
        "excitation",
        "s = σ(W₂ ReLU(W₁ z))",
        value=Exactly(True),
        how="by hand from the built block's two matrices, with its biases set to zero",
        measure=lambda _: _formula_holds(),
        why="The built layers have biases besides; the released notebook's parameter count needs them.",
    )
    yield measured(
        "3.2.2",
        "reduction ratio",
        "W₁ reduces C channels to C/16 everywhere",
        value=Exactly((16,)),
        how="channels over hidden channels of all ten SE blocks of the built network",
        measure=_ratios,
        why="24 channels do not divide by 16; one hidden channel is left.",
    )
    yield measured(
        "3.2.2",
        "range of the gates",
        "gates lie in [0, 1]",
        value=Exactly(True),
        how="the smallest and largest gate over random maps, small and huge",
        measure=lambda _: all(0 <= gate <= 1 for gate in _extreme_gates()),
    )
    yield measured(
        "3.2.3",
        "recalibration",
        "each channel is multiplied by its gate",
        value=Exactly(True),
        how="the block's output over its input, position by position",
        measure=lambda _: _multiplies(),
    )
    yield not_testable(
        "3.2.3",
        "what the gates emphasise",
        "SE emphasises maps of skull boundaries and anatomy",
        why="No channel is labelled as boundary or anatomy; HC18 holds outlines of heads only.",
    )
    yield not_testable(
        "3.2.3",
        "what the gates suppress",
        "SE suppresses shadows, speckle and reverberation",
        why="HC18 has no labels of artefacts. Whether SE helps at all is the variant no_se.",
    )
    yield better(
        "3.2.3", "gain from SE", "SE is most informative for delineation", one="proposed", other="no_se"
    )


def skip_claims() -> Iterator[Claim]:
    """The claims of section 4, in the order of the text."""
    yield measured(
        SKIPS,
        "U-Net's skips",
        "a standard U-Net concatenates its skips directly",
        value=Number("0", unit="SE blocks"),
        how="count the SE blocks of the built U-Net",
        measure=lambda evidence: len(_se_blocks(evidence.model("unet"))),
    )
    yield measured(
        SKIPS,
        "place of SE on the skip",
        "SE comes before the concatenation",
        value=Exactly(True),
        how="in the trace, SE on each skip gives the skip's channels, and the block takes the sum",
        measure=_before_concatenation,
    )
    yield measured(
        SKIPS,
        "SE layers on dec5's skip",
        "SE on enc4: FC(96/16), then FC(96)",
        value=Exactly((6, 96)),
        how="read the widths of the built layers",
        measure=lambda evidence: _widths(evidence.model("proposed").get_submodule("dec5.skip_se")),
    )
    yield measured(
        SKIPS,
        "SE can amplify",
        "SE amplifies useful channels",
        value=Exactly(True),
        how="the largest gate over random maps, small and huge: above 1 it would amplify",
        measure=lambda _: max(_extreme_gates()) > 1,
        why="A sigmoid never exceeds one. SE can only turn channels down, some less than others.",
    )
    yield not_testable(
        SKIPS,
        "noise in the skips",
        "encoder features hold relevant and irrelevant information",
        why="Nothing in the data says which of it is noise.",
    )
    yield better(
        SKIPS,
        "gain from SE on skips",
        "SE filters noise out of the skips",
        one="proposed",
        other="no_skip_se",
    )


def _se_blocks(model: nn.Module) -> list[SEBlock]:
    return [module for module in model.modules() if isinstance(module, SEBlock)]


def _ratios(evidence: Evidence) -> tuple[int, ...]:
    blocks = _se_blocks(evidence.model("proposed"))
    return tuple(sorted({block.squeeze.in_features // block.squeeze.out_features for block in blocks}))


def _widths(block: nn.Module) -> tuple[int, int]:
    assert isinstance(block, SEBlock)
    return block.squeeze.out_features, block.excite.out_features


def _before_concatenation(evidence: Evidence) -> bool:
    inputs, outputs = evidence.shapes.inputs, evidence.shapes.outputs
    return all(
        inputs[f"dec{k}.block"][0][0] == outputs[f"dec{k}.up"][0] + outputs[f"dec{k}.skip_se"][0]
        for k in range(1, 6)
    )


def _block_and_map() -> tuple[SEBlock, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SEBlock(32).requires_grad_(False), torch.randn(3, 32, 8, 8)


def _depends_on_means_only() -> bool:
    block, features = _block_and_map()
    flat = features.mean(dim=(2, 3), keepdim=True).expand_as(features)
    return torch.allclose(block.gates(features), block.gates(flat), atol=1e-6)


def _blind_to_position() -> bool:
    block, features = _block_and_map()
    shuffled = features.flatten(2)[..., torch.randperm(64, generator=torch.Generator().manual_seed(1))]
    return torch.allclose(block.gates(features), block.gates(shuffled.view_as(features)), atol=1e-6)


def _formula_holds() -> bool:
    block, features = _block_and_map()
    block.squeeze.bias.zero_()
    block.excite.bias.zero_()
    z = features.mean(dim=(2, 3))
    s = torch.sigmoid(torch.relu(z @ block.squeeze.weight.T) @ block.excite.weight.T)
    return torch.allclose(block.gates(features), s, atol=1e-6)


def _multiplies() -> bool:
    block, features = _block_and_map()
    return torch.allclose(block(features) / features, block.gates(features)[:, :, None, None], atol=1e-5)


def _extreme_gates() -> tuple[float, float]:
    block, features = _block_and_map()
    gates = torch.cat([block.gates(scale * features) for scale in (1e-3, 1.0, 1e3, 1e6)])
    return float(gates.min()), float(gates.max())
