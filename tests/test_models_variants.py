"""One class that every variant passes, and what each variant is said to change."""

from __future__ import annotations

import copy
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from fetalseg_lib.models import build_model, get_variant, list_variants, network_config
from fetalseg_lib.models.aspp import ASPP
from fetalseg_lib.models.build import Network
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.se import SEBlock

VARIANTS = list_variants()
TWINS = [
    "random_encoder",
    "random_trainable_encoder",
    "procedural_encoder",
    "procedural_trainable_encoder",
    "phantom_encoder",
    "phantom_trainable_encoder",
    "reestimated_encoder",
    "procedural_reestimated_encoder",
    "random_reestimated_encoder",
]
NETWORKS = [variant.name for variant in VARIANTS if not variant.recipe and variant.name not in TWINS]
"""Variants of the recipe train the very network of their reference, and with the random weights of these
tests those that only have another encoder are the twins of theirs; tests below hold them to it."""


def build(variant: str, **options: object) -> Network:
    return build_model(variant, encoder_weights="random", **options)


@cache
def shared(variant: str) -> Network:
    """A network to look at, not to train."""
    torch.manual_seed(0)
    return build(variant)


def count(model: nn.Module) -> tuple[int, int]:
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trainable in sizes if trainable)


@pytest.fixture(scope="module", params=NETWORKS)
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def model(variant: str) -> Network:
    return copy.deepcopy(shared(variant))


def images(batch: int) -> Tensor:
    return torch.rand(batch, 1, 64, 64, generator=torch.Generator().manual_seed(batch))


def masks(batch: int) -> Tensor:
    """A disc in each image, no two alike."""
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    discs = [(rows - 24 - 8 * i) ** 2 + (columns - 32) ** 2 < (20 + 4 * i) ** 2 for i in range(batch)]
    return torch.stack(discs)[:, None].float()


def wake(model: nn.Module) -> None:
    """A hidden unit of an SE block that its ReLU silences has no gradient; let all of them speak."""
    for module in model.modules():
        if isinstance(module, SEBlock):
            nn.init.ones_(module.squeeze.bias)


class TestEveryVariant:
    def test_gives_finite_logits_of_the_images_size(self, model: Network) -> None:
        with torch.no_grad():
            logits = model.eval()(torch.rand(1, 1, 64, 96))
        assert logits.shape == (1, 1, 64, 96)
        assert logits.isfinite().all()

    def test_trains_on_an_odd_batch(self, model: Network) -> None:
        assert model.train()(images(3)).isfinite().all()

    def test_gradient_reaches_all_that_is_trainable_and_nothing_else(self, model: Network) -> None:
        wake(model)
        F.binary_cross_entropy_with_logits(model.train()(images(3)), masks(3)).backward()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None, name
                assert parameter.grad.isfinite().all(), name
                assert parameter.grad.any(), f"{name}: the gradient is zero"
            else:
                assert parameter.grad is None, name

    def test_state_dict_makes_the_round_trip(self, model: Network, tmp_path: Path) -> None:
        torch.save(model.state_dict(), tmp_path / "model.pt")
        with torch.no_grad():
            expected = model.eval()(images(1))
            for tensor in model.state_dict().values():
                tensor.add_(1)
            assert not torch.equal(model(images(1)), expected)
            model.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
            assert torch.equal(model(images(1)), expected)

    def test_overfits_one_batch(self, model: Network) -> None:
        torch.manual_seed(0)
        model.train()
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=6e-3, fused=True)
        for _ in range(8):
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(images(2)), masks(2))
            loss.backward()
            optimizer.step()
        head = masks(2).mean()
        blind = F.binary_cross_entropy(head.expand(2, 1, 64, 64), masks(2))  # the best constant answer
        assert loss < 0.75 * blind

    def test_refuses_a_colour_image(self, model: Network) -> None:
        with pytest.raises(ValueError, match="one grey channel"):
            model(torch.zeros(1, 3, 64, 64))

    def test_refuses_a_side_that_is_no_multiple_of_32(self, model: Network) -> None:
        with pytest.raises(ValueError, match="multiples of 32; got 80 and 64"):
            model(torch.zeros(1, 1, 80, 64))

    def test_names_its_stages_once_each_and_leaves_nothing_out(self, model: Network) -> None:
        staged = [parameter for stage in model.stages().values() for parameter in stage.parameters()]
        assert len(staged) == len(list(model.parameters()))
        assert {id(parameter) for parameter in staged} == {id(parameter) for parameter in model.parameters()}


@pytest.mark.parametrize("variant", ["unet", "proposed", "bilinear_up"])
def test_runs_channels_last_in_bfloat16(variant: str) -> None:
    torch.manual_seed(0)
    model = copy.deepcopy(shared(variant)).eval()
    with torch.no_grad():
        expected = model(images(2))
    model = model.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(images(2).to(memory_format=torch.channels_last))
        assert logits.dtype == torch.bfloat16
        logits.float().mean().backward()
    assert (logits.float() - expected).abs().max() < 0.1 * expected.abs().max()


class TestPublishedNumbers:
    def test_as_released_has_the_released_notebooks_count_to_the_last_digit(self) -> None:
        total, trainable = count(shared("as_released"))
        assert (total, trainable, total - trainable) == (25_253_893, 23_030_597, 2_223_296)

    def test_unet_has_7_76_million(self) -> None:
        assert round(count(shared("unet"))[0] / 1e6, 2) == 7.76

    def test_note_as_written_has_10_2_million_8_0_trainable(self) -> None:
        total, trainable = count(shared("proposed"))
        assert round(total / 1e6, 1) == 10.2
        assert round(trainable / 1e6, 1) == 8.0

    def test_frozen_are_torchvisions_features_less_two_colours(self) -> None:
        total, trainable = count(shared("proposed"))
        features = mobilenet_v2().features
        assert total - trainable == count(features)[0] - 2 * 32 * 3 * 3

    def test_shapes_are_the_notes_table(self) -> None:
        shapes: dict[str, tuple[int, ...]] = {}

        def note(name: str) -> object:
            return lambda _module, _inputs, output: shapes.update({name: tuple(output.shape[1:])})

        model = copy.deepcopy(shared("proposed")).eval()
        for name, stage in model.stages().items():
            stage.register_forward_hook(note(name))
        with torch.no_grad():
            model(torch.rand(1, 1, 256, 256))
        assert shapes == {
            "enc0": (32, 256, 256),
            "enc1": (16, 128, 128),
            "enc2": (24, 64, 64),
            "enc3": (32, 32, 32),
            "enc4": (96, 16, 16),
            "enc5": (1280, 8, 8),
            "bottleneck": (512, 8, 8),
            "dec5": (256, 16, 16),
            "dec4": (128, 32, 32),
            "dec3": (64, 64, 64),
            "dec2": (32, 128, 128),
            "dec1": (32, 256, 256),
            "head": (1, 256, 256),
        }
        joined = [model.get_submodule(f"{stage}.block.convs.0.0") for stage in list(shapes)[7:12]]
        assert [conv.in_channels for conv in joined] == [352, 160, 88, 48, 64]


class TestChanges:
    """Every variant changes what it says, and no more."""

    @staticmethod
    def factors(name: str) -> dict[str, object]:
        variant = get_variant(name)
        return {
            "architecture": variant.architecture,
            "encoder_weights": variant.encoder_weights,
            **asdict(network_config(name)),
            **variant.recipe,
        }

    @pytest.mark.parametrize(
        ("name", "changed"),
        [
            ("no_aspp", {"aspp"}),
            ("no_se", {"skip_se", "block_se"}),
            ("no_skip_se", {"skip_se"}),
            ("no_block_se", {"block_se"}),
            ("no_residual", {"residual"}),
            ("trainable_encoder", {"encoder_training"}),
            ("random_encoder", {"pretrained"}),
            ("random_trainable_encoder", {"pretrained"}),
            ("procedural_encoder", {"encoder_weights"}),
            ("procedural_trainable_encoder", {"encoder_weights"}),
            ("phantom_encoder", {"encoder_weights"}),
            ("phantom_trainable_encoder", {"encoder_weights"}),
            ("reestimated_encoder", {"encoder_statistics"}),
            ("procedural_reestimated_encoder", {"encoder_statistics"}),
            ("random_reestimated_encoder", {"encoder_statistics"}),
            ("frozen_bn_drift", {"encoder_training"}),
            ("stem_sum", {"stem"}),
            ("aspp_rates_1_2_3", {"aspp_rates"}),
            ("bilinear_up", {"upsampling"}),
            ("as_released", {"aspp_channels", "aspp_pool_channels"}),
            ("pos_weight_200", {"pos_weight"}),
            ("unet_pos_weight_200", {"pos_weight"}),
            ("dice_only", {"dice_weight", "bce_weight"}),
            ("bce_only", {"dice_weight", "bce_weight"}),
            ("no_augmentation", {"augment"}),
            ("proposed", {"aspp", "skip_se", "block_se", "residual"}),
        ],
    )
    def test_one_factor_against_the_reference(self, name: str, changed: set[str]) -> None:
        reference = get_variant(name).reference
        assert reference is not None
        ours, theirs = self.factors(name), self.factors(reference)
        differing = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
        assert differing == changed

    # `budget` is the one that changes both, and says so: a network of another size, and a step to suit it.
    @pytest.mark.parametrize(
        "variant", [v for v in VARIANTS if v.recipe and v.name != "budget"], ids=lambda v: v.name
    )
    def test_recipe_variants_train_their_references_network(self, variant: object) -> None:
        name, reference = getattr(variant, "name"), getattr(variant, "reference")  # noqa: B009
        assert network_config(name) == network_config(reference)

    @pytest.mark.parametrize("name", TWINS)
    def test_another_encoder_is_all_that_differs_from_the_reference(self, name: str) -> None:
        reference = get_variant(name).reference
        assert reference is not None
        torch.manual_seed(0)
        ours, theirs = build(name), shared(reference)
        assert [p.requires_grad for p in ours.parameters()] == [p.requires_grad for p in theirs.parameters()]
        assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))

    @pytest.mark.parametrize(
        ("name", "part", "expected"),
        [
            ("proposed", SEBlock, 10),
            ("no_skip_se", SEBlock, 5),
            ("no_block_se", SEBlock, 5),
            ("no_se", SEBlock, 0),
            ("proposed", ASPP, 1),
            ("no_aspp", ASPP, 0),
            ("proposed", nn.ConvTranspose2d, 5),
            ("bilinear_up", nn.ConvTranspose2d, 0),
            ("bilinear_up", nn.Upsample, 5),
            ("mobilenet_unet", (SEBlock, ASPP), 0),
        ],
        ids=lambda value: getattr(value, "__name__", str(value)),
    )
    def test_the_built_network_has_as_many_of_a_part(self, name: str, part: type, expected: int) -> None:
        assert sum(isinstance(module, part) for module in shared(name).modules()) == expected

    @pytest.mark.parametrize("name", ["no_residual", "mobilenet_unet"])
    def test_without_residual_there_is_no_shortcut(self, name: str) -> None:
        blocks = [module for module in shared(name).modules() if isinstance(module, ResidualBlockSE)]
        assert [block.shortcut for block in blocks] == [None] * 5

    def test_rates_are_those_of_the_name(self) -> None:
        dilated = shared("aspp_rates_1_2_3").get_submodule("bottleneck.dilated")
        assert [branch.get_submodule("0").dilation for branch in dilated.children()] == [
            (1, 1),
            (2, 2),
            (3, 3),
        ]

    def test_references_come_first_and_names_are_unique(self) -> None:
        seen: list[str | None] = [None]
        for variant in VARIANTS:
            assert variant.name not in seen
            assert variant.reference in seen
            assert variant.changes
            assert variant.why
            seen.append(variant.name)


class TestBadNames:
    def test_unknown_variant_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(ValueError, match=r"no 'mobilenet-unet'.*Did you mean 'mobilenet_unet'"):
            build("mobilenet-unet")

    @pytest.mark.parametrize(
        ("variant", "option", "nearest"),
        [("proposed", "aspp_rate", "aspp_rates"), ("unet", "base_widht", "base_width")],
    )
    def test_unknown_option_is_answered_with_those_known(
        self, variant: str, option: str, nearest: str
    ) -> None:
        with pytest.raises(TypeError, match=f"unknown option '{option}'.*Did you mean '{nearest}'.*Known: "):
            build(variant, **{option: 1})

    def test_options_of_the_other_architecture_are_unknown(self) -> None:
        with pytest.raises(TypeError, match=r"unet: unknown option 'stem'.*Known: base_width"):
            build("unet", stem="sum")

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("stem", "median"),
            ("encoder_training", "half"),
            ("encoder_statistics", "guessed"),
            ("upsampling", "nearest"),
            ("aspp_rates", ()),
            ("aspp_rates", (6, 0)),
            ("aspp_channels", 0),
            ("aspp_pool_channels", 3),
            ("bottleneck_channels", -1),
            ("dropout", 1.0),
            ("dropout", 1.5),
            ("decoder_channels", (256, 128)),
            ("se_reduction", 0),
        ],
    )
    def test_value_out_of_range_is_refused_by_the_configuration(self, option: str, value: object) -> None:
        with pytest.raises(ValueError, match=f"{option}: expected"):
            network_config("proposed", **{option: value})


def test_a_decoder_that_ends_at_half_size_is_the_whole_one_without_its_last_stage() -> None:
    whole = build_model("small_network", encoder_weights="random").eval()
    half = build_model("small_network", encoder_weights="random", full_size=False).eval()
    assert set(whole.stages()) - set(half.stages()) == {"enc0", "dec1"}
    shared = {name: value for name, value in whole.state_dict().items() if not name.startswith("head.")}
    half.load_state_dict(shared, strict=False)
    image, seen = torch.rand(2, 1, 64, 96), {}
    for name, model in (("whole", whole), ("half", half)):
        model.dec2.register_forward_hook(lambda _, __, found, name=name: seen.update({name: found}))
    with torch.no_grad():
        whole(image)
        logits = half(image)
    torch.testing.assert_close(seen["half"], seen["whole"])
    assert logits.shape == image.shape
    column = half.head(seen["half"]).detach().mean(dim=3)[0, 0]  # (H/2,)
    inner = logits[..., :].mean(dim=3)[0, 0, 17:19]  # a quarter of the way between rows 8 and 9 of the half
    expected = torch.stack([0.75 * column[8] + 0.25 * column[9], 0.25 * column[8] + 0.75 * column[9]])
    torch.testing.assert_close(inner, expected)
