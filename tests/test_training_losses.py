"""The loss against hand-computed values, against torch's own cross-entropy, and by its properties."""

import math

import pytest
import torch
import torch.nn.functional as F

from fetalseg_lib.training.losses import DiceBCELoss, soft_dice

LN2, LN3 = math.log(2), math.log(3)  # sigmoid(ln 3) = 3/4


def image(*pixels):
    """One image of one row."""
    return torch.tensor(pixels, dtype=torch.float32).reshape(1, 1, 1, -1)


@pytest.fixture
def scene():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 1, 6, 5, generator=generator)
    masks = (torch.rand(4, 1, 6, 5, generator=generator) < 0.3).float()
    return logits, masks


HAND = {
    # p = 1/2 everywhere, one of four pixels is head: Dice = 2·½ / (2 + 1); every pixel's error is ln 2
    "undecided, pos_weight 1": (image(0, 0, 0, 0), image(1, 0, 0, 0), 1, 2 / 3, LN2),
    "undecided, pos_weight 200": (image(0, 0, 0, 0), image(1, 0, 0, 0), 200, 2 / 3, (200 + 3) * LN2 / 4),
    # p = (3/4, 1/4), mask (1, 0): Dice = 2·¾ / (1 + 1); both pixels err by -ln ¾
    "leaning right": (image(LN3, -LN3), image(1, 0), 5, 1 / 4, (5 + 1) * math.log(4 / 3) / 2),
    # p = (3/4, 1/4), mask (0, 1): Dice = 2·¼ / 2; both pixels err by -ln ¼
    "leaning wrong": (image(LN3, -LN3), image(0, 1), 5, 3 / 4, (5 + 1) * math.log(4) / 2),
    # nothing there and half of it predicted: Dice = 0 / 1
    "empty mask": (image(0, 0), image(0, 0), 7, 1, LN2),
    "all right": (image(50, -50), image(1, 0), 200, 0, 0),
    "all wrong": (image(-50, 50), image(1, 0), 3, 1, (3 + 1) * 50 / 2),
}


@pytest.mark.parametrize(("logits", "masks", "pos_weight", "dice", "bce"), HAND.values(), ids=HAND.keys())
def test_values_computed_by_hand(logits, masks, pos_weight, dice, bce):
    loss = DiceBCELoss(dice_weight=0.8, bce_weight=0.2, pos_weight=pos_weight)
    assert loss(logits, masks).item() == pytest.approx(0.8 * dice + 0.2 * bce, rel=1e-5, abs=1e-5)


def test_a_small_head_counts_as_much_as_a_large_one():
    """Dice per image: (0 + 1) / 2 here, where pooling the pixels of the batch would give 12 / 14."""
    logits = torch.cat([image(50, 50, 50, 50, 50, 50, -50, -50), image(*[-50] * 8)])
    masks = torch.cat([image(1, 1, 1, 1, 1, 1, 0, 0), image(0, 0, 0, 0, 0, 0, 1, 1)])
    assert DiceBCELoss(dice_weight=1, bce_weight=0)(logits, masks).item() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("pos_weight", [0.5, 1, 200])
def test_the_cross_entropy_is_torchs(scene, pos_weight):
    expected = F.binary_cross_entropy_with_logits(*scene, pos_weight=torch.tensor(float(pos_weight)))
    torch.testing.assert_close(
        DiceBCELoss(dice_weight=0, bce_weight=1, pos_weight=pos_weight)(*scene), expected
    )


def test_the_loss_of_a_batch_is_the_mean_over_its_images(scene):
    loss = DiceBCELoss()
    alone = [loss(x[None], y[None]) for x, y in zip(*scene, strict=True)]
    torch.testing.assert_close(loss(*scene), torch.stack(alone).mean())


def test_the_better_prediction_has_the_lower_loss(scene):
    _, masks = scene
    sure = 12 * (2 * masks - 1)
    losses = [DiceBCELoss()(step * sure, masks).item() for step in (-1, -0.3, 0, 0.3, 1)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.01 < losses[0]


def test_one_step_against_the_gradient_lowers_the_loss(scene):
    logits, masks = scene[0].clone().requires_grad_(), scene[1]
    before = DiceBCELoss()(logits, masks)
    (gradient,) = torch.autograd.grad(before, logits)
    assert DiceBCELoss()(logits - 0.1 * gradient, masks) < before


def test_the_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 1, 2, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    masks = torch.tensor([1.0, 0, 0, 1, 1, 0] * 2, dtype=torch.float64).reshape(2, 1, 2, 3)
    assert torch.autograd.gradcheck(lambda x: DiceBCELoss()(x, masks), (logits,))


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_huge_logits_stay_finite(size, scene):
    logits = (size * scene[0].sign()).requires_grad_()
    loss = DiceBCELoss()(logits, scene[1])
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_under_bfloat16_the_sums_are_taken_in_float32():
    """A bfloat16 sum of 256 x 256 halves would be off by percents."""
    logits, masks = torch.full((1, 1, 256, 256), 0.25), torch.zeros(1, 1, 256, 256)
    masks[..., :100, :100] = 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = DiceBCELoss()(logits.bfloat16(), masks)
    assert low.dtype == torch.float32
    assert low.item() == DiceBCELoss()(logits, masks).item()  # 0.25 is exact in bfloat16


def test_two_empty_masks_agree():
    assert soft_dice(torch.zeros(2, 1, 3, 3), torch.zeros(2, 1, 3, 3), smooth=1e-6).tolist() == [1, 1]


BAD = {
    "sizes differ": ((2, 1, 4, 4), (2, 1, 4, 5)),
    "channels differ": ((2, 1, 4, 4), (2, 2, 4, 4)),
    "masks without channel": ((2, 1, 4, 4), (2, 4, 4)),
    "no batch axis": ((1, 4, 4), (1, 4, 4)),
    "empty batch": ((0, 1, 4, 4), (0, 1, 4, 4)),
}


@pytest.mark.parametrize(("logits", "masks"), BAD.values(), ids=BAD.keys())
def test_wrong_shapes_are_refused(logits, masks):
    with pytest.raises(ValueError, match=r"logits, masks: expected one shape B C H W .* got"):
        DiceBCELoss()(torch.zeros(logits), torch.zeros(masks))
