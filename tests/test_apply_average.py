"""The mean of several looks: of probabilities, and indifferent to which way round the image is."""

import pytest
import torch
from torch import nn

from fetalseg_lib.apply.retest import Average


def constant(logit: float) -> nn.Module:
    layer = nn.Conv2d(1, 1, 1)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, logit)
    return layer


def test_the_mean_is_that_of_probabilities() -> None:
    """Of 0.9 and 0.1 it is a half; of 0.9, 0.9 and 0.3 it is 0.7."""
    log9, log3_7 = torch.tensor(9.0).log(), torch.tensor(3 / 7).log()
    image = torch.zeros(2, 1, 3, 4)
    even = Average([constant(float(log9)), constant(-float(log9))])(image).sigmoid()
    assert even.shape == (2, 1, 3, 4)
    torch.testing.assert_close(even, torch.full_like(even, 0.5))
    three = Average([constant(float(log9)), constant(float(log9)), constant(float(log3_7))])(image).sigmoid()
    torch.testing.assert_close(three, torch.full_like(three, 0.7))


def test_mirrored_it_gives_the_mirror_image_of_its_answer_to_the_mirror_image() -> None:
    torch.manual_seed(0)
    network = nn.Conv2d(1, 1, 3, padding=1)  # knows left from right
    image = torch.randn(1, 1, 6, 8)
    once, mirrored = Average([network]), Average([network], mirrored=True)
    assert (once(image.flip(-1)) - once(image).flip(-1)).abs().max() > 0.01
    torch.testing.assert_close(mirrored(image.flip(-1)), mirrored(image).flip(-1))


def test_a_network_that_is_quite_sure_has_a_finite_mean() -> None:
    assert Average([constant(500.0), constant(500.0)])(torch.zeros(1, 1, 1, 1)).isfinite().all()


def test_no_network_has_no_mean() -> None:
    with pytest.raises(ValueError, match="networks: expected at least one, got none"):
        Average([])
