"""A training's numbers: the note's by default, and a clear refusal of what makes no sense."""

import dataclasses
import math

import pytest

from fetalseg_lib.training.config import TrainingConfig


def test_the_defaults_are_those_of_the_architecture_note():
    config = TrainingConfig()
    assert (config.dice_weight, config.bce_weight, config.pos_weight, config.smooth) == (0.8, 0.2, 200, 1e-6)
    assert (config.learning_rate, config.betas, config.weight_decay) == (3e-4, (0.9, 0.999), 1e-4)
    assert (config.plateau_patience, config.plateau_factor, config.min_learning_rate) == (10, 0.5, 1e-6)
    assert (config.batch_size, config.epochs, config.early_stopping_patience) == (16, 100, 15)


def test_it_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().epochs = 3


def test_betas_from_yaml_equal_betas_from_python():
    assert TrainingConfig(betas=[0.9, 0.99]) == TrainingConfig(betas=(0.9, 0.99))


BAD = [
    ("epochs", 0, ValueError, "a whole number >= 1 and <= 100000, got 0"),
    ("epochs", 2.0, TypeError, "a whole number >= 1 and <= 100000, got 2.0"),
    ("epochs", True, TypeError, "a whole number >= 1 and <= 100000, got True"),
    ("epochs", 10**20, ValueError, "<= 100000, got 100000000000000000000"),
    ("batch_size", -4, ValueError, "got -4"),
    ("batch_size", 10**9, ValueError, "<= 4096, got 1000000000"),
    ("plateau_patience", -1, ValueError, ">= 0 and <= 100000, got -1"),
    ("plateau_patience", 10**20, ValueError, "<= 100000, got 1"),
    ("early_stopping_patience", 0, ValueError, ">= 1 and <= 100000, got 0"),
    ("early_stopping_patience", 10**20, ValueError, "<= 100000, got 1"),
    ("seed", -1, ValueError, "got -1"),
    ("seed", 2**32, ValueError, "<= 4294967295, got 4294967296"),
    ("learning_rate", "1e-4", TypeError, "in YAML write 1.0e-4"),
    ("learning_rate", 0, ValueError, "> 0, got 0"),
    ("learning_rate", math.nan, ValueError, "got nan"),
    ("learning_rate", math.inf, ValueError, "got inf"),
    ("weight_decay", -0.1, ValueError, ">= 0, got -0.1"),
    ("dice_weight", -1, ValueError, "got -1"),
    ("bce_weight", None, TypeError, "got None"),
    ("pos_weight", 0, ValueError, "> 0, got 0"),
    ("smooth", 0, ValueError, "> 0, got 0"),
    ("plateau_factor", 1, ValueError, "> 0 and < 1, got 1"),
    ("min_learning_rate", -1e-9, ValueError, ">= 0"),
    ("min_learning_rate", 1.0, ValueError, r"at most learning_rate \(0.0003\), got 1.0"),
    ("betas", 0.9, TypeError, "two numbers, got 0.9"),
    ("betas", (0.9,), TypeError, "two numbers"),
    ("betas", (0.9, 1.0), ValueError, "< 1, got 1.0"),
    ("precision", "float16", ValueError, "one of auto, float32, bfloat16; got 'float16'"),
    ("device", "gpu", ValueError, "one of auto, cpu, cuda, mps; got 'gpu'"),
    ("schedule", "linear", ValueError, "one of plateau, cosine; got 'linear'"),
    ("warmup_epochs", -1, ValueError, ">= 0 and <= 99, got -1"),
    ("warmup_epochs", 100, ValueError, "<= 99, got 100"),
    ("warmup_epochs", 2, ValueError, "0 with schedule 'plateau', got 2"),
    ("half_size_epochs", -1, ValueError, ">= 0 and <= 100, got -1"),
    ("half_size_epochs", 101, ValueError, "<= 100, got 101"),
    ("half_size_epochs", 0.5, TypeError, "a whole number"),
    ("augment", "no", TypeError, "true or false, got 'no'"),
]


@pytest.mark.parametrize(("field", "value", "error", "message"), BAD, ids=[f"{f}={v!r}" for f, v, *_ in BAD])
def test_a_value_that_makes_no_sense_is_refused_by_name(field, value, error, message):
    with pytest.raises(error, match=f"^{field}: expected .*{message}"):
        TrainingConfig(**{field: value})


def test_a_loss_of_nothing_is_refused():
    with pytest.raises(ValueError, match="dice_weight, bce_weight: expected at least one above 0"):
        TrainingConfig(dice_weight=0, bce_weight=0)
