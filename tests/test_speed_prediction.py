"""What makes a prediction fast changes nothing of it: folded networks, and threads side by side."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from fetalseg_lib.models import build_model
from fetalseg_lib.speed import folded, side_by_side


def with_statistics(model: nn.Module) -> nn.Module:
    """As a training leaves them: no scale is 1, no shift and no mean is 0."""
    torch.manual_seed(1)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for value in (norm.weight, norm.running_var):
                nn.init.uniform_(value, 0.5, 1.5)  # type: ignore[arg-type]
            for value in (norm.bias, norm.running_mean):
                nn.init.uniform_(value, -0.5, 0.5)  # type: ignore[arg-type]
    return model


@pytest.mark.parametrize(
    ("variant", "left"), [("small_network", 1), ("proposed", 1), ("unet", 0), ("mobilenet_unet", 1)]
)
def test_a_folded_network_computes_the_same(variant: str, left: int) -> None:
    """Only the stem's normalisation stays: the stem adds a tint behind its convolution."""
    model = with_statistics(build_model(variant, encoder_weights="random")).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    image = torch.rand(2, 1, 64, 96, dtype=torch.float64)
    fast = folded(model)
    with torch.no_grad():
        found, expected = fast(image), model.eval()(image)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in fast.modules()) == left
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())


def test_the_threads_share_those_of_torch_and_give_them_back() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(6)
        meet = threading.Barrier(3)

        def shared(_: int) -> int:
            meet.wait(timeout=60)  # so that each of the three does one
            return torch.get_num_threads()

        with side_by_side(most=3) as pool:
            assert list(pool.map(shared, range(3))) == [2, 2, 2]
        assert torch.get_num_threads() == 6
    finally:
        torch.set_num_threads(threads)


def test_after_a_failure_nothing_more_is_begun() -> None:
    begun = []

    def fails(number: int) -> None:
        begun.append(number)
        raise OSError("full")

    with pytest.raises(OSError, match="full"), side_by_side(most=1) as pool:
        for _ in pool.map(fails, range(10_000)):
            pass
    assert len(begun) < 10_000
