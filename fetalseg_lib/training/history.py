"""What each epoch gave, and what follows from it: the best epoch, and when to stop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch: losses and Dice are means over images; the learning rate is the one it was trained with.

    ``epoch`` counts from 1. ``seconds`` is wall time, the only field that differs between equal runs.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_dice: float
    learning_rate: float
    seconds: float


class History(list[EpochRecord]):
    """The epochs of a training in their order.

    >>> def record(epoch, dice):
    ...     return EpochRecord(epoch=epoch, train_loss=1, validation_loss=1, validation_dice=dice,
    ...                        learning_rate=1e-3, seconds=0)
    >>> history = History([record(1, 0.7), record(2, 0.9), record(3, 0.8)])
    >>> history.best.epoch, history.epochs_since_best
    (2, 1)
    >>> history.to_frame()["validation_dice"].tolist()
    [0.7, 0.9, 0.8]
    """

    @property
    def best(self) -> EpochRecord:
        """The epoch with the highest validation Dice; the first of equals. Raises ``ValueError`` if empty."""
        if not self:
            raise ValueError("history: expected at least one epoch, got none")
        return max(self, key=lambda record: record.validation_dice)

    @property
    def epochs_since_best(self) -> int:
        """How many epochs have gone by without a new best validation Dice."""
        return self[-1].epoch - self.best.epoch if self else 0

    def to_frame(self) -> pd.DataFrame:
        """One row an epoch, one column a field of :class:`EpochRecord`."""
        columns = [field.name for field in fields(EpochRecord)]
        return pd.DataFrame([asdict(record) for record in self], columns=columns)
