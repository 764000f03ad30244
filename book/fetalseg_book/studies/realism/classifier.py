"""Can a classifier tell phantoms from real images, and where does it look?

Frozen features of an ImageNet network, averaged over the image or over a patch, and a logistic regression on
them. It is judged on exams that it was not fitted to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from torch import nn

from fetalseg_book.studies.realism.measures import HeadImage
from fetalseg_lib.data.resize import resize_image
from fetalseg_lib.models.encoder import MobileNetV2Encoder

Features = NDArray[np.float64]

WHOLE = (192, 288)
"""Size (height, width) at which a whole image is seen."""
SIDE = 64
"""Side of a patch in the image's own px."""
REGIONS = ("inside", "skull", "outside")
FOLDS = 5

_BATCH = 32
_TRIES = 60
_MOST_BLACK = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Logistic:
    """A fitted logistic regression on features, each brought to mean 0 and SD 1 first."""

    mean: Features
    scale: Features
    weights: Features
    bias: float

    def logits(self, features: Features) -> Features:
        """Above 0: a phantom. ``features`` is ``(n, d)``."""
        return (features - self.mean) / self.scale @ self.weights + self.bias


def fit_logistic(features: Features, labels: NDArray[np.bool_], *, penalty: float = 10.0) -> Logistic:
    """Fit by L-BFGS; ``penalty`` is the weight of half the squared norm beside the summed loss.

    Raises ``ValueError`` unless there is a label for each row and both labels occur.
    """
    if len(features) != len(labels):
        raise ValueError(f"labels: expected one for each of {len(features)} rows, got {len(labels)}")
    if labels.all() or not labels.any():
        raise ValueError("labels: expected both kinds, got one")
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    standard = (features - mean) / scale
    sign = np.where(labels, 1.0, -1.0)

    def loss(parameters: Features) -> tuple[float, Features]:
        weights, bias = parameters[:-1], parameters[-1]
        margin = sign * (standard @ weights + bias)
        slope = -sign * expit(-margin)
        value = np.logaddexp(0, -margin).sum() + penalty / 2 * weights @ weights
        return float(value), np.append(standard.T @ slope + penalty * weights, slope.sum())

    found = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B")
    return Logistic(mean=mean, scale=scale, weights=found.x[:-1], bias=float(found.x[-1]))


def deal(exams: Sequence[str], labels: NDArray[np.bool_], *, folds: int = FOLDS) -> NDArray[np.int64]:
    """A fold for each image: whole exams, dealt at random, each label on its own.

    >>> fold = deal(["a", "a", "b", "c", "d"], np.array([True, True, True, False, False]), folds=2)
    >>> bool(fold[0] == fold[1]), bool(fold[0] == fold[2]), sorted(fold[3:].tolist())
    (True, False, [0, 1])
    """
    names = np.asarray(exams)
    rng = np.random.default_rng(0)
    fold = np.zeros(len(names), np.int64)
    for label in (False, True):
        for place, exam in enumerate(rng.permutation(np.unique(names[labels == label]))):
            fold[names == exam] = place % folds
    return fold


def tell_apart(features: Features, labels: NDArray[np.bool_], exams: Sequence[str]) -> dict[str, object]:
    """Held-out accuracy of a logistic regression: over all rows, the lowest and the highest fold.

    Raises ``ValueError`` where an exam has both labels, or a label fewer exams than there are folds.
    """
    names = np.asarray(exams)
    real, simulated = set(names[~labels]), set(names[labels])
    if shared := real & simulated:
        raise ValueError(f"exams: expected one label each, got both for {str(min(shared))!r}")
    if (fewest := min(len(real), len(simulated))) < FOLDS:
        raise ValueError(f"exams: expected {FOLDS} or more of each label, got {fewest}")
    fold = deal(exams, labels)
    right = np.zeros(len(labels), bool)
    for held_out in range(FOLDS):
        test = fold == held_out
        classifier = fit_logistic(features[~test], labels[~test])
        right[test] = (classifier.logits(features[test]) > 0) == labels[test]
    by_fold = [float(right[fold == k].mean()) for k in range(FOLDS)]
    return {
        "n": len(labels),
        "accuracy": float(right.mean()),
        "lowest_fold": min(by_fold),
        "highest_fold": max(by_fold),
        "right_of_real": float(right[~labels].mean()),
        "right_of_phantoms": float(right[labels].mean()),
    }


def encode(encoder: nn.Module, images: Sequence[NDArray[np.uint8]]) -> Features:
    """The means over the image of all channels of the encoder's five taps, ``(n, channels)``.

    ``images`` are of one size, uint8 ``H W``, both sides multiples of 32.
    """
    batches = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            stack = np.stack(images[start : start + _BATCH])
            batch = torch.from_numpy(stack).float()[:, None] / 255  # (B, 1, H, W)
            taps = encoder(batch)
            batches.append(torch.cat([tap.mean(dim=(2, 3)) for tap in taps], dim=1))
    return torch.cat(batches).double().numpy()


def encode_whole(encoder: MobileNetV2Encoder, pictures: Sequence[HeadImage]) -> Features:
    """Features of whole images."""
    return encode(encoder, [resize_image(picture.image, WHOLE) for picture in pictures])


def take_patches(
    picture: HeadImage, region: str, *, count: int = 2, seed: int = 0
) -> list[NDArray[np.uint8]]:
    """Patches of the image's own pixels, ``SIDE`` wide, at random places of one region; none if none fits.

    ``"inside"`` lies within the head, clear of the skull; ``"skull"`` is centred on the ellipse;
    ``"outside"`` shows no pixel of the head. None is more than a tenth black. Raises ``ValueError`` for
    another region.
    """
    if region not in REGIONS:
        raise ValueError(f"region: expected one of {', '.join(REGIONS)}; got {region!r}")
    rng = np.random.default_rng([seed, REGIONS.index(region)])
    height, width = picture.image.shape
    allowed = {"inside": picture.brain, "outside": ~picture.head}.get(region)
    patches = []
    for row, column in _corners(rng, picture, region):
        window = slice(row, row + SIDE), slice(column, column + SIDE)
        fits = 0 <= row <= height - SIDE and 0 <= column <= width - SIDE
        if fits and (allowed is None or allowed[window].all()):
            patch = picture.image[window]
            if (patch == 0).mean() <= _MOST_BLACK:
                patches.append(patch)
        if len(patches) == count:
            break
    return patches


def _corners(rng: np.random.Generator, picture: HeadImage, region: str) -> Iterator[tuple[int, int]]:
    """Upper left corners to try."""
    height, width = picture.image.shape
    outline = picture.ellipse.points(360)
    for _ in range(_TRIES):
        if region == "skull":
            column, row = np.rint(outline[rng.integers(len(outline))] - SIDE / 2)
            yield int(row), int(column)
        else:
            box = (0, height, 0, width) if region == "outside" else _box(outline)
            yield int(rng.integers(box[0], box[1])), int(rng.integers(box[2], box[3]))


def _box(outline: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """First and last row, first and last column of points ``(n, 2)`` as x, y."""
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    return int(top), int(bottom), int(left), int(right)


def logit_map(
    encoder: nn.Module, classifier: Logistic, image: NDArray[np.uint8], *, step: int = 32
) -> NDArray[np.float64]:
    """The logit of each patch on a grid, ``rows columns``; nan where more than half of a patch is black."""
    rows = range(0, image.shape[0] - SIDE + 1, step)
    columns = range(0, image.shape[1] - SIDE + 1, step)
    patches = [image[row : row + SIDE, column : column + SIDE] for row in rows for column in columns]
    logits = classifier.logits(encode(encoder, patches))
    black = np.array([(patch == 0).mean() > 0.5 for patch in patches])
    return np.where(black, np.nan, logits).reshape(len(rows), len(columns))
