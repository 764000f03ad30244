"""Section 8.4 of the note: the freezing strategy, its counts and what it is said to bring."""

from __future__ import annotations

from collections.abc import Iterator

from fetalseg_book.audit.checks import arithmetic, measured, verdict_of
from fetalseg_book.audit.evidence import Evidence
from fetalseg_book.audit.from_files import better, from_study
from fetalseg_book.audit.record import Claim, Finding, Verdict
from fetalseg_book.audit.sections import counts
from fetalseg_book.audit.sections.counts import ALL, FROZEN, TRAINABLE
from fetalseg_book.audit.sections.transfer import STAGES_TRAINED, trained_parts
from fetalseg_book.audit.stated import Between, Exactly
from fetalseg_book.audit.studied import Studied, mean_and_interval

SECTION = "8.4"
_TRAINED_EPOCHS = 100


def claims() -> Iterator[Claim]:
    """The claims in the order of the text."""
    yield counts.parameters(SECTION, FROZEN, "2.2")
    yield counts.parameters(SECTION, TRAINABLE, "1.2")
    yield measured(
        SECTION,
        STAGES_TRAINED,
        "trained are decoder, bottleneck and the SE blocks of the skips",
        value=Exactly(("bottleneck", "decoder", "skip SE")),
        how="list the parts of the built network that have trainable parameters",
        measure=trained_parts,
        why="The initial convolution and the head are trained too.",
    )
    yield counts.parameters(SECTION, ALL, "3.4")
    yield counts.share(SECTION, TRAINABLE, "35")
    yield arithmetic(
        SECTION,
        "gain in convergence",
        "50 to 70 epochs against 100 is 2 to 3 times faster",
        value=Between(2, 3, "times at the upper end of 70 epochs"),
        how="divide: 100/50 and 100/70",
        result=100 / 70,
    )
    yield faster(SECTION, "2 to 3 times faster convergence", Between(2, 3, "times"))
    yield from_study(
        SECTION,
        "epochs of the trained encoder",
        "100 or more epochs if the encoder is trained",
        variants=("trainable_encoder",),
        study=lambda evidence: evidence.note_schedule,
        how="the mean epoch of the best validation Dice over runs by the note's own schedule, "
        "and its 95 % interval",
        check=_trained_epochs,
    )
    yield counts.frozen_encoder_saves_memory(SECTION)
    yield better(
        SECTION,
        "generalisation on limited data",
        "a frozen encoder performs better on limited data",
        one="proposed",
        other="trainable_encoder",
    )


def faster(section: str, says: str, value: Between) -> Claim:
    """A claim that the frozen encoder needs fewer epochs."""
    variants = ("proposed", "trainable_encoder")

    def check(evidence: Evidence) -> Finding:
        ratio, why = _epochs_over_frozen(evidence.note_schedule)
        if evidence.published.seeds(*variants):
            why += f" By {evidence.published.recipe}: {_epochs_over_frozen(evidence.published)[0]:.2f} times."
        return Finding(verdict=verdict_of(value.agrees(ratio)), measured=f"{ratio:.2f} times", why=why)

    return from_study(
        section,
        "measured gain in convergence",
        says,
        variants=variants,
        study=lambda evidence: evidence.note_schedule,
        how="epochs to the validation Dice that both reach, encoder trained along over frozen, "
        "runs by the note's own schedule",
        check=check,
    )


def _epochs_over_frozen(runs: Studied) -> tuple[float, str]:
    epochs = runs.epochs_to_reach("proposed", "trainable_encoder")
    return (
        float((epochs["trainable_encoder"] / epochs["proposed"]).mean()),
        f"Mean over {len(epochs)} matched seeds. Both reach the same Dice: frozen in epoch "
        f"{epochs['proposed'].mean():.0f}, trained in epoch {epochs['trainable_encoder'].mean():.0f}.",
    )


def _trained_epochs(evidence: Evidence) -> Finding:
    best = evidence.note_schedule.matched(("trainable_encoder",), "best_epoch")["trainable_encoder"]
    mean, _, high = mean_and_interval(best)
    verdict = Verdict.NOT_TESTABLE if mean < _TRAINED_EPOCHS <= high else verdict_of(mean >= _TRAINED_EPOCHS)
    return Finding(
        verdict=verdict,
        measured=f"epoch {mean:.0f}",
        why=f"Mean of {len(best)} seeds, from {best.min():.0f} to {best.max():.0f}; its interval ends at "
        f"{high:.0f}.",
    )
