"""What makes the files in a run's folder this run's: configuration, encoder's weights and code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fetalseg_lib.models.weights_file import weights_digest
from fetalseg_lib.study import records
from fetalseg_lib.study.config import RunConfig
from fetalseg_lib.study.source import source_digest

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a run is; ``encoder_sha256`` is ``None`` where no file was read, or none is there to look at."""

    config_hash: str
    encoder_sha256: str | None
    source_sha256: str

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits of all three."""
        return records.digest([self.config_hash, self.encoder_sha256, self.source_sha256])

    def metadata(self) -> dict[str, str]:
        """As text, for a file of weights; :meth:`other_than` reads it."""
        encoder = {} if self.encoder_sha256 is None else {"encoder_sha256": self.encoder_sha256}
        return {"hash": self.config_hash, "source_sha256": self.source_sha256, **encoder}

    def other_than(self, made: Mapping[str, str | None]) -> list[str]:
        """In what the maker of some files, by their :meth:`metadata`, differs from this run.

        A digest that either lacks says nothing: older runs have none of the code, and weights that are not
        here cannot be looked at.
        """
        return [
            words
            for name, own, words in (
                ("hash", self.config_hash, "another configuration"),
                ("encoder_sha256", self.encoder_sha256, "other encoder weights"),
                ("source_sha256", self.source_sha256, "other code"),
            )
            if name == "hash" or (made.get(name) and own)
            if made.get(name) != own
        ]


def identify(config: RunConfig, model: nn.Module | None = None) -> Identity:
    """The identity of a configuration here and now; ``model`` knows what weights it was really given."""
    if model is None:
        encoder = weights_digest(config.encoder_weights)
    else:
        record: Any = model.encoder_weights_record
        encoder = record["sha256"]
    return Identity(config_hash=config.hash, encoder_sha256=encoder, source_sha256=source_digest())


def recorded(folder: Path) -> dict[str, str | None] | None:
    """The metadata of the evaluated run in ``folder``, by its record; ``None`` where there is none."""
    files = [path for name in (records.ENVIRONMENT, records.METRICS) if (path := folder / name).is_file()]
    if not files:
        return None
    values = {name: value for path in files for name, value in records.read_json(path).items()}
    return {
        "hash": values.get("config_hash"),
        "encoder_sha256": values.get("encoder_weights", {}).get("sha256"),
        "source_sha256": values.get("source_sha256"),
    }


def is_complete(folder: Path, identity: Identity) -> bool:
    """Whether ``folder`` holds the finished run of this very identity."""
    made = recorded(folder) if (folder / records.METRICS).is_file() else None
    return made is not None and not identity.other_than(made)
