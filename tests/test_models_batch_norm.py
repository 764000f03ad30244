"""Re-estimated statistics against means and variances of activations that were caught on the way."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from fetalseg_lib.models import build_model
from fetalseg_lib.models.batch_norm import reestimate_batch_norm


def images(n: int, *, seed: int = 0) -> Tensor:
    return torch.rand(n, 1, 64, 64, generator=torch.Generator().manual_seed(seed)) ** 3


@pytest.fixture
def encoder() -> nn.Module:
    torch.manual_seed(0)
    encoder = build_model("random_encoder", stem="sum").encoder
    assert isinstance(encoder, nn.Module)
    return encoder


def norms(model: nn.Module) -> dict[str, nn.BatchNorm2d]:
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}


def caught(encoder: nn.Module, batches: list[Tensor]) -> dict[str, Tensor]:
    """What went into each BatchNorm of a copy in PyTorch's own train mode, ``C N``."""
    twin = copy.deepcopy(encoder)
    inputs: dict[str, list[Tensor]] = {name: [] for name in norms(twin)}

    def catch(name: str) -> object:
        return lambda _module, given: inputs[name].append(given[0].transpose(0, 1).flatten(1).double())

    for name, norm in norms(twin).items():
        norm.register_forward_pre_hook(catch(name))
        norm.train()
    with torch.no_grad():
        for batch in batches:
            twin(batch)
    return {name: torch.cat(parts, dim=1) for name, parts in inputs.items()}


@pytest.mark.parametrize("sizes", [(5,), (4, 3)], ids=["one batch", "two batches of different size"])
def test_statistics_are_the_mean_and_variance_of_what_each_layer_was_given(
    encoder: nn.Module, sizes: tuple[int, ...]
) -> None:
    batches = [images(n, seed=n) for n in sizes]
    expected = caught(encoder, batches)
    assert reestimate_batch_norm(encoder, batches) == sum(sizes)
    assert len(expected) == 52  # MobileNetV2's features have so many
    for name, norm in norms(encoder).items():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, variance = expected[name].mean(dim=1), expected[name].var(dim=1)
        torch.testing.assert_close(norm.running_mean.double(), mean, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(norm.running_var.double(), variance, rtol=1e-3, atol=1e-4)


def test_the_network_then_computes_what_train_mode_computes(encoder: nn.Module) -> None:
    batch = images(6)
    twin = copy.deepcopy(encoder)
    for norm in norms(twin).values():
        norm.train()
    reestimate_batch_norm(encoder, [batch])
    with torch.no_grad():
        # Biased against unbiased variance: they differ where a map has few places, which is after these.
        for ours, theirs in zip(encoder(batch)[:3], twin(batch)[:3], strict=True):
            assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_nothing_but_the_statistics_changes(encoder: nn.Module) -> None:
    before = copy.deepcopy(encoder.state_dict())
    modes = [module.training for module in encoder.modules()]
    reestimate_batch_norm(encoder, [images(4)])
    after = encoder.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {
        f"{name}.{part}" for name in norms(encoder) for part in ("running_mean", "running_var")
    }
    assert [module.training for module in encoder.modules()] == modes
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not any(module._forward_hooks for module in encoder.modules())


def test_a_third_of_the_response_no_longer_matters() -> None:
    """With statistics of its own images the mean stem does what the sum does: scale is normalised away."""
    taps = {}
    for stem in ("mean", "sum"):
        torch.manual_seed(0)
        model = build_model("random_encoder", stem=stem)
        assert isinstance(model.encoder, nn.Module)
        with torch.no_grad():
            stored = model.encoder(images(4))
            reestimate_batch_norm(model.encoder, [images(4)])
            taps[stem] = (stored, model.encoder(images(4)))
    (stored_mean, mean), (stored_sum, total) = taps["mean"], taps["sum"]
    for tap in range(5):
        assert (stored_mean[tap] - stored_sum[tap]).abs().mean() > 0.05
        torch.testing.assert_close(mean[tap], total[tap], rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("model", "batches", "message"),
    [
        (nn.Conv2d(1, 1, 1), [torch.zeros(1, 1, 4, 4)], "model: expected at least one BatchNorm2d"),
        (nn.BatchNorm2d(1), [], "batches: expected at least one batch"),
    ],
    ids=["no norm", "no image"],
)
def test_bad_arguments_are_refused(model: nn.Module, batches: list[Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reestimate_batch_norm(model, batches)


def test_statistics_of_a_model_that_got_no_image_stay() -> None:
    norm = nn.BatchNorm2d(1)
    with pytest.raises(ValueError, match="batches"):
        reestimate_batch_norm(norm, [])
    assert norm.running_var is not None
    assert norm.running_var.item() == 1
