"""Overview and section 1.1 of the note: the frozen encoder and transfer learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

from fetalseg_book.audit.checks import judged, measured, not_testable, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better, from_dataset, from_study, with_interval
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.sections import counts
from fetalseg_book.audit.sections.counts import ALL, FROZEN, TRAINABLE
from fetalseg_book.audit.stated import Between, Exactly, Number
from fetalseg_book.audit.studied import Studied
from fetalseg_lib.models.residual import ResidualBlockSE
from fetalseg_lib.models.se import SEBlock

OVERVIEW, TRANSFER = "Overview", "1.1"
STAGES_TRAINED = "what is trained"
STATED_EPOCHS = Between(50, 70, "epochs")
SAVED_EPOCHS = (30, 50)
"""From about 100 to about 50 to 70."""


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield from _overview()
    yield from _transfer()


def _overview() -> Iterator[Claim]:
    yield judged(
        OVERVIEW,
        "encoder stays as it was",
        "the encoder is frozen",
        how="one training step, then compare every parameter and buffer of the encoder bit by bit",
        check=_frozen,
    )
    yield measured(
        OVERVIEW,
        "decoder stages with SE",
        "the decoder is made of SE-residual blocks",
        value=Number("5", unit="stages"),
        how="count the decoder stages whose block has SE and an addition",
        measure=lambda evidence: _stages_with(evidence, _is_residual_se),
    )
    yield measured(
        OVERVIEW,
        "skips with SE",
        "skip connections are enhanced with SE",
        value=Number("5", unit="skips"),
        how="count the decoder stages with SE on the skip",
        measure=lambda evidence: _stages_with(evidence, _has_se_on_skip),
    )


def _transfer() -> Iterator[Claim]:
    yield from_dataset(
        TRANSFER,
        "labelled images",
        "999 training images",
        value=Number("999"),
        how="count HC18's labelled images, and those left to train on",
        check=lambda facts: Finding(
            verdict=verdict_of(facts["n_images"] == 999),
            measured=f"{facts['n_images']}",
            why=f"All that are labelled; {facts['folds']['train']['images']} of them are left for training "
            "once others are set aside to choose and to test.",
        ),
    )
    yield not_testable(
        TRANSFER,
        "size of ImageNet",
        "learned from millions of natural images",
        why="The weights do not say how many.",
    )
    yield better(
        TRANSFER,
        "overfitting",
        "frozen weights prevent overfitting",
        one="proposed",
        other="trainable_encoder",
        column="gap",
        higher=False,
    )
    yield from_study(
        TRANSFER,
        "epochs to converge",
        "pre-learned features converge in about 50 to 70 epochs",
        value=STATED_EPOCHS,
        variants=("proposed",),
        study=lambda evidence: evidence.note_schedule,
        how="the mean epoch of the best validation Dice over runs by the note's own schedule",
        check=_epochs,
        so_far=_best_epoch,
    )
    yield from_study(
        TRANSFER,
        "epochs saved by pre-learned features",
        "without pre-learned features it takes about 100 epochs, 30 to 50 more",
        variants=("proposed", "unet"),
        study=lambda evidence: evidence.note_schedule,
        how="the epoch of the best validation Dice by the note's own schedule, the U-Net's less that of the "
        "note's network, and its 95 % interval",
        check=_saved,
    )
    yield measured(
        TRANSFER,
        STAGES_TRAINED,
        "only the decoder path is trained",
        value=Exactly(("decoder",)),
        how="list the parts of the built network that have trainable parameters",
        measure=trained_parts,
        why="The bottleneck alone holds most of what is trained.",
    )
    yield counts.parameters(TRANSFER, ALL, "4.8")
    yield counts.parameters(TRANSFER, TRAINABLE, "1.2")
    yield counts.share(TRANSFER, FROZEN, "75", "freezing leaves 75 % fewer parameters to train")
    yield better(
        TRANSFER,
        "transfer to ultrasound",
        "features of natural images serve ultrasound well",
        one="proposed",
        other="random_encoder",
    )


def trained_parts(evidence: Evidence) -> tuple[str, ...]:
    """The parts with trainable parameters, in the note's words."""
    parts = {
        "initial convolution": ("init_conv",),
        "encoder": ("encoder",),
        "bottleneck": ("bottleneck",),
        "decoder": tuple(f"dec{k}.{part}" for k in range(1, 6) for part in ("up", "block")),
        "skip SE": tuple(f"dec{k}.skip_se" for k in range(1, 6)),
        "head": ("head",),
    }
    model = evidence.model("proposed")
    return tuple(
        part
        for part, modules in parts.items()
        if any(weight.requires_grad for name in modules for weight in model.get_submodule(name).parameters())
    )


def _frozen(evidence: Evidence) -> Finding:
    changed = [flag for name, flag in evidence.changed_by_a_step.items() if name.startswith("encoder.")]
    others = [flag for name, flag in evidence.changed_by_a_step.items() if not name.startswith("encoder.")]
    return Finding(
        verdict=verdict_of(not any(changed) and any(others)),
        measured=f"{sum(changed)} of the encoder's {len(changed)} tensors changed, "
        f"{sum(others)} of the others' {len(others)}",
        why="It takes eval mode as well: without it BatchNorm's statistics drift, gradients or not.",
    )


def _epochs(evidence: Evidence) -> Finding:
    best = evidence.note_schedule.matched(("proposed",), "best_epoch")["proposed"]
    return Finding(
        verdict=verdict_of(STATED_EPOCHS.agrees(best.mean())),
        measured=_best_epoch(evidence.note_schedule),
        why=f"Mean of {len(best)} seeds, from {best.min():.0f} to {best.max():.0f}.",
    )


def _saved(evidence: Evidence) -> Finding:
    runs = evidence.note_schedule
    mean, low, high = runs.difference("unet", "proposed", "best_epoch")
    reach = runs.epochs_to_reach("proposed", "unet").mean()
    least, most = SAVED_EPOCHS
    overlaps = low <= most and high >= least
    return Finding(
        verdict=Verdict.NOT_TESTABLE if low <= 0 and overlaps else verdict_of(overlaps),
        measured=f"{with_interval(mean, low, high, digits=0)} epochs",
        why=f"{runs.seeds('proposed', 'unet')} matched seeds. The U-Net starts from nothing, and differs in "
        f"more than that. The Dice that both reach the note's network has in epoch {reach['proposed']:.0f}, "
        f"the U-Net in epoch {reach['unet']:.0f}.",
    )


def _best_epoch(runs: Studied) -> str:
    return f"epoch {runs.matched(('proposed',), 'best_epoch')['proposed'].mean():.0f}"


def _stages_with(evidence: Evidence, has: Callable[[nn.Module], bool]) -> int:
    return sum(has(evidence.model("proposed").get_submodule(f"dec{k}")) for k in range(1, 6))


def _is_residual_se(stage: nn.Module) -> bool:
    block = stage.block
    return isinstance(block, ResidualBlockSE) and isinstance(block.se, SEBlock) and block.shortcut is not None


def _has_se_on_skip(stage: nn.Module) -> bool:
    return isinstance(stage.skip_se, SEBlock)
