"""What training may change in a module: everything, nothing, or the statistics that it should not."""

from __future__ import annotations

from torch import nn


def count(module: nn.Module) -> tuple[int, int]:
    """The numbers of parameters in all, and of those that train."""
    parameters = list(module.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def drifting_norms(model: nn.Module) -> frozenset[nn.Module]:
    """The batch normalisations that take no gradient and yet move their statistics in training."""
    was_training = model.training
    model.train()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    drifting = frozenset(norm for norm in norms if norm.training and not norm.weight.requires_grad)
    model.train(was_training)
    return drifting


def state_of(module: nn.Module, drifting: frozenset[nn.Module]) -> str:
    """A module's state in words; ``drifting`` are the model's :func:`drifting_norms`.

    >>> state_of(nn.Conv2d(1, 8, 3).requires_grad_(False), drifting=frozenset())
    'frozen'
    """
    total, trainable = count(module)
    if not total:
        return "no parameters"
    if trainable:
        return "trainable" if trainable == total else "partly trainable"
    return "frozen, BatchNorm drifts" if drifting.intersection(module.modules()) else "frozen"
