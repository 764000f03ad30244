"""The pyramid: its widths, its reach, and what is left of it on a small map."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fetalseg_lib.models.aspp import ASPP, ImagePooling


def small_aspp(**options: object) -> ASPP:
    return ASPP(3, 6, branch_channels=4, pool_channels=8, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5), (8, 8), (40, 1)])
def test_any_height_and_width_passes(size: tuple[int, int]) -> None:
    assert small_aspp().eval()(torch.rand(1, 3, *size)).shape == (1, 6, *size)


def test_joined_width_of_the_note_is_768_and_not_640() -> None:
    assert ASPP(1280, 512).projection[0][0].weight.shape == (512, 768, 1, 1)


@pytest.mark.parametrize("rate", [1, 6])
def test_dilation_is_a_dense_kernel_with_holes(rate: int) -> None:
    branch = small_aspp(rates=(rate,)).dilated[0][0]
    reach = 2 * rate + 1
    dense = torch.zeros(4, 3, reach, reach)
    dense[:, :, ::rate, ::rate] = branch.weight.detach()
    features = torch.rand(2, 3, 20, 17)
    torch.testing.assert_close(branch(features), F.conv2d(features, dense, padding=rate))


def test_rates_beyond_the_map_leave_the_centre_tap_alone() -> None:
    """DeepLabv3 says it of its own: the filter degenerates to 1×1."""
    torch.manual_seed(0)
    aspp = small_aspp(rates=(6, 12, 18))
    aspp(torch.rand(4, 3, 8, 8)).square().sum().backward()
    alive = []
    for branch in aspp.dilated:
        gradient = branch[0].weight.grad
        alive.append((gradient != 0).any(dim=0).any(dim=0))
    centre = torch.zeros(3, 3, dtype=torch.bool)
    centre[1, 1] = True
    assert alive[0].all()
    assert torch.equal(alive[1], centre)
    assert torch.equal(alive[2], centre)


def test_pooling_is_the_same_everywhere_and_sees_the_mean_only() -> None:
    torch.manual_seed(0)
    pooling = ImagePooling(3, 8)
    features = torch.rand(2, 3, 4, 6)
    pooled = pooling(features)
    torch.testing.assert_close(pooled, pooled[:, :, :1, :1].expand(2, 8, 4, 6))
    torch.testing.assert_close(pooled, pooling(features.flip(2, 3)))


@pytest.mark.parametrize("channels", [2, 8, 128, 256, 512])
def test_pooling_trains_on_a_single_image(channels: int) -> None:
    pooled = ImagePooling(5, channels).train()(torch.rand(1, 5, 3, 3))
    assert pooled.isfinite().all()
    assert pooled.std() > 0
