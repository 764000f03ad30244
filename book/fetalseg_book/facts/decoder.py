"""The shapes of the decoder: as it is built, as the note's section 5.1 states them, and as the brief does."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fetalseg_book.audit import all_claims
from fetalseg_book.trace import trace, written
from fetalseg_lib.models.network import MobileNetASPPUNet

STAGES = ("dec5", "dec4", "dec3", "dec2", "dec1")


def built_shapes(network: MobileNetASPPUNet, *, side: int) -> pd.DataFrame:
    """The shapes in each stage for an image of ``side`` × ``side``, written as rows × columns × channels."""
    calls = trace(network, size=(side, side)).calls
    rows = {}
    for name in STAGES:
        into, skip = calls[name].inputs
        rows[name] = {
            "in": written(into),
            "upsampled": written(calls[f"{name}.up"].output),
            "skip": written(skip),
            "joined": written(calls[f"{name}.block"].inputs[0]),
            "out": written(calls[name].output),
        }
    return pd.DataFrame(rows).T


def stated_shapes() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What section 5.1 of the note states of each stage, and what the brief does, as the audit records it."""
    stated: dict[str, Any] = {claim.key: claim.value.value for claim in all_claims() if claim.value}
    note, brief = {}, {}
    for name in STAGES:
        note[name] = {
            "in": stated[f"5.1 | shape into {name}"],
            "upsampled": stated[f"5.1 | shape of {name}'s upsampling"],
            "skip channels": int(stated[f"5.1 | channels of {name}'s skip"]),
            "joined channels": int(stated[f"5.1 | channels of {name}'s concatenation"]),
            "out": stated[f"5.1 | shape of {name}"],
        }
        brief[name] = {
            "upsampled": stated[f"Brief: decoder | shape of {name}'s upsampling"],
            "skip": stated[f"Brief: decoder | shape of {_skip_of(name)}"],
            "joined": stated[f"Brief: decoder | shape of {name}'s concatenation"],
            "out": stated[f"Brief: decoder | shape of {name}"],
        }
    return pd.DataFrame(note).T, pd.DataFrame(brief).T


def _skip_of(name: str) -> str:
    """The skip is the encoder's map of the level above, which other places of the note have rightly."""
    return "dec5's skip" if name == "dec5" else f"enc{int(name[-1]) - 1}"
