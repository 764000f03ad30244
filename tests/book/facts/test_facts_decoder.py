"""What the chapter on the decoder says of shapes and operations is so, sentence by sentence."""

from __future__ import annotations

import torch
from sentences import said
from torch.utils.flop_counter import FlopCounterMode

from fetalseg_book.facts.decoder import built_shapes, stated_shapes
from fetalseg_lib.models import build_model
from fetalseg_lib.models.decoder import DecoderStage


def test_the_transposed_convolution_costs_no_more_operations() -> None:
    assert said(
        "decoder", "has four times the weights of that 1×1 convolution, but it needs no more operations"
    )
    operations = {}
    for way in ("transposed", "bilinear"):
        up = DecoderStage(512, 96, 256, upsampling=way).up
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            up(torch.ones(1, 512, 8, 8))
        operations[way] = counter.get_total_flops()
    assert operations["transposed"] == operations["bilinear"] == 2 * (512 * 256 * 4) * 8 * 8


def test_section_5_1_and_the_brief_state_these_shapes() -> None:
    built = built_shapes(build_model("proposed", encoder_weights="random"), side=256)
    note, brief = stated_shapes()
    assert said("decoder", "Section 5.1 agrees in every number")
    for column in ("in", "upsampled", "out"):
        assert (built[column] == note[column]).all()
    for column in ("skip", "joined"):
        assert (built[column].str.split("×").str[-1].astype(int) == note[f"{column} channels"]).all()
    assert said("decoder", "the brief gives the joined shapes correctly")
    assert (built["joined"] == brief["joined"]).all()
    assert said("decoder", "In the brief, … skips have another shape")
    assert (built["skip"] != brief["skip"]).any()
