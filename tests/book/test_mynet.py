"""The network that the chapters write is the library's, part by part and as a whole."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.mobilenetv2 import InvertedResidual

from fetalseg_book import mynet
from fetalseg_lib.complexity import count_parameters
from fetalseg_lib.models import aspp, blocks, build_model, decoder, residual, se
from fetalseg_lib.models.stem import GreyStem

ROOT = Path(__file__).parents[2]
PAGES = {
    "model": ("copy_weights", "double_conv"),
    "encoder": ("InvertedResidual", "Encoder"),
    "aspp": ("conv_bn_relu", "ASPP"),
    "se-residual": ("SEBlock", "ResidualBlock"),
}


def definitions(code: str) -> dict[str, ast.AST]:
    """The functions and classes of some code, by name."""
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: node for node in ast.parse(code).body if isinstance(node, kinds)}


def written(chapter: str) -> dict[str, ast.AST]:
    """What a chapter's visible cells define, its exercises left out."""
    found: dict[str, ast.AST] = {}
    for cell in json.loads((ROOT / "notebooks" / f"{chapter}.ipynb").read_text("utf-8"))["cells"]:
        hidden = {"hide-input", "remove-cell"} & set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and not hidden and not cell["id"].startswith("exercise-"):
            found |= definitions("".join(cell["source"]))
    return found


def built(chapter: str, name: str) -> Any:
    """A class or function as a visible cell of a chapter defines it, next to those of the other chapters."""
    names: dict[str, Any] = vars(mynet) | {"F": nn.functional, "GreyStem": GreyStem}
    for node in written(chapter).values():
        exec(compile(ast.Module(body=[node], type_ignores=[]), chapter, "exec"), names)  # type: ignore[list-item]
    return names[name]


@pytest.mark.parametrize(("chapter", "name"), [(page, name) for page in PAGES for name in PAGES[page]])
def test_a_chapter_shows_what_the_next_ones_use(chapter: str, name: str) -> None:
    kept = definitions(Path(mynet.__file__).read_text(encoding="utf-8"))
    assert ast.dump(written(chapter)[name]) == ast.dump(kept[name])


def test_nothing_is_kept_that_no_chapter_shows() -> None:
    kept = definitions(Path(mynet.__file__).read_text(encoding="utf-8"))
    assert set(kept) == {name for names in PAGES.values() for name in names}


def drawn(part: nn.Module) -> nn.Module:
    """The part with normalisations that do something."""
    for module in part.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            for name, tensor in module.state_dict().items():
                if tensor.ndim:
                    low = 0.5 if name in ("weight", "running_var") else -1.0
                    tensor.uniform_(low, 1.5)
    return part.eval()


PARTS = [
    ("model", "double_conv", (2, 3), lambda: blocks.DoubleConv(2, 3), [(2, 2, 6, 5)]),
    ("model", "UNet", (4,), lambda: build_model("unet", base_width=4), [(1, 1, 64, 32)]),
    ("encoder", "InvertedResidual", (6, 6), lambda: InvertedResidual(6, 6, 1, 6), [(1, 6, 8, 8)]),
    ("encoder", "InvertedResidual", (6, 8, 2), lambda: InvertedResidual(6, 8, 2, 6), [(1, 6, 8, 8)]),
    ("encoder", "InvertedResidual", (6, 4, 1, 1), lambda: InvertedResidual(6, 4, 1, 1), [(1, 6, 8, 8)]),
    ("aspp", "conv_bn_relu", (2, 3, 3, 6), lambda: blocks.ConvBNReLU(2, 3, dilation=6), [(1, 2, 16, 16)]),
    ("aspp", "ASPP", (8, 6), lambda: aspp.ASPP(8, 6), [(2, 8, 8, 8)]),
    ("se-residual", "SEBlock", (96,), lambda: se.SEBlock(96), [(2, 96, 4, 4)]),
    ("se-residual", "SEBlock", (16,), lambda: se.SEBlock(16), [(2, 16, 4, 4)]),
    ("se-residual", "ResidualBlock", (6, 4), lambda: residual.ResidualBlockSE(6, 4), [(2, 6, 5, 4)]),
    (
        "decoder",
        "DecoderStage",
        (8, 3, 4),
        lambda: decoder.DecoderStage(8, 3, 4),
        [(2, 8, 3, 4), (2, 3, 6, 8)],
    ),
    ("decoder", "MyNet", (), lambda: build_model("proposed", encoder_weights="procedural"), [(1, 1, 64, 96)]),
]


@pytest.mark.parametrize(
    ("chapter", "name", "arguments", "library", "inputs"),
    PARTS,
    ids=[f"{chapter}-{name}{arguments}" for chapter, name, arguments, *_ in PARTS],
)
def test_a_part_with_the_librarys_weights_gives_its_output(
    chapter: str, name: str, arguments: tuple[int, ...], library: Any, inputs: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    theirs = drawn(library())
    ours = mynet.copy_weights(built(chapter, name)(*arguments), theirs)
    assert count_parameters(ours)[0] == count_parameters(theirs)[0]
    given = [torch.rand(shape) for shape in inputs]
    with torch.inference_mode():
        torch.testing.assert_close(ours(*given), theirs(*given))


def test_the_assembled_network_has_as_many_parameters_as_the_chapter_says() -> None:
    assert count_parameters(built("decoder", "MyNet")())[0] == 10_242_565


def test_the_frozen_encoder_stays_as_it_is() -> None:
    encoder = built("encoder", "FrozenEncoder")(GreyStem(torch.rand(32, 3, 3, 3), stem="mean")).train()
    before = [tensor.clone() for tensor in encoder.state_dict().values()]
    encoder(torch.rand(2, 1, 64, 64))
    assert all(map(torch.equal, before, encoder.state_dict().values()))
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
