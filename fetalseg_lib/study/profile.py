"""Profiles: how large a study is, from seconds in a test to the study that the book reports.

A profile is a small YAML file. What it leaves out keeps the note's value (see
:class:`fetalseg_lib.training.config.TrainingConfig`), so a profile reads as a list of its differences. With
``base`` it names a built-in profile instead, and what it leaves out is as there; its plan (name, description,
variants and seeds) it says itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml

from fetalseg_lib.data.phantom import INGREDIENTS, MAX_PHANTOMS
from fetalseg_lib.data.read import read_content
from fetalseg_lib.models import get_variant, list_variants
from fetalseg_lib.training.config import MAX_SEED, TrainingConfig, check_whole

FOLDS = ("train", "validation", "test")
SPLITS = ("exam", "leaky")
_MAX_SIDE = 4096
FOLD_COUNT = 5
MARGINS = ("dice_points", "hc_mm")
_BUILT_IN = Path(__file__).parent / "profiles"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One planned comparison: the arm it is made with, the question it answers, and its family.

    Comparisons of one family are corrected together.
    """

    reference: str
    question: int
    family: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The size and the recipe of a study.

    ``image_size`` and ``phantom_size`` are ``(H, W)`` in px; ``phantom_without`` names ingredients that the
    phantoms lack (:data:`~fetalseg_lib.data.phantom.INGREDIENTS`); ``limit`` caps the images of a fold;
    ``split`` is ``"exam"``, or ``"leaky"`` to let training see other images of the test images' exams
    (:func:`~fetalseg_lib.data.splits.leak`); ``network`` holds options of the network that every variant
    starts from. Every variant is trained with every one of ``seeds``, but for those that ``seeds_of`` gives
    seeds of their own. ``noise_floor`` names the variant whose runs tell, before any comparison, what the
    study can see.

    A cross-validated study repeats all this for each of ``folds``, the part of the images that tests
    (:func:`~fetalseg_lib.data.splits.load_folds`); there ``comparisons`` plans what is compared with what,
    and ``margins`` (``dice_points``, ``hc_mm``) says which difference is of no interest.
    """

    name: str
    description: str
    image_size: tuple[int, int]
    encoder_weights: str
    training: TrainingConfig
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    phantoms: int = 1000
    phantom_size: tuple[int, int] = (540, 800)
    phantom_without: tuple[str, ...] = ()
    limit: Mapping[str, int] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    seeds_of: Mapping[str, Sequence[int]] = field(default_factory=dict)
    noise_floor: str | None = None
    split: str = "exam"
    folds: tuple[int, ...] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)

    @property
    def units(self) -> tuple[tuple[str, str], ...]:
        """Every run of the study as variant and folder, in the order of the plan: arms, then the next seed.

        >>> load_profile("crossval").units[:2]
        (('proposed', 'fold-0/seed-0'), ('proposed', 'fold-1/seed-0'))
        """
        seeds = dict.fromkeys(seed for _, seed in self.grid)
        return tuple(
            (variant, f"{fold}seed-{seed}")
            for seed in seeds
            for variant in self.variants
            if seed in self.seeds_of.get(variant, self.seeds)
            for fold in [f"fold-{fold}/" for fold in self.folds] or [""]
        )

    @property
    def grid(self) -> tuple[tuple[str, int], ...]:
        """Every run of the study, as variant and seed.

        >>> load_profile("smoke").grid
        (('unet', 0), ('unet', 1), ('proposed', 0), ('proposed', 1))
        """
        return tuple(
            (variant, seed) for variant in self.variants for seed in self.seeds_of.get(variant, self.seeds)
        )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.name, re.ASCII):
            raise ValueError(f"name: expected letters, digits, _, - and . for a folder, got {self.name!r}")
        for name in ("image_size", "phantom_size"):
            size = getattr(self, name)
            if len(size) != 2:
                raise ValueError(f"{name}: expected two positive whole numbers [H, W], got {list(size)}")
            for side in size:
                check_whole(name, side, minimum=1, maximum=_MAX_SIDE)
        halved = self.training.half_size_epochs > 0
        if any(side % (64 if halved else 32) for side in self.image_size):
            expected = "64, to be halved for half_size_epochs" if halved else "32"
            raise ValueError(f"image_size: expected multiples of {expected}; got {list(self.image_size)}")
        check_whole("phantoms", self.phantoms, minimum=len(FOLDS), maximum=MAX_PHANTOMS)
        _expect_known("phantom_without", self.phantom_without, INGREDIENTS)
        _expect_known("split", [self.split], SPLITS)
        _expect_known("limit", self.limit, FOLDS)
        for fold, count in self.limit.items():
            check_whole(f"limit.{fold}", count, minimum=1)
        _expect_known("variants", self.variants, [variant.name for variant in list_variants()])
        _expect_once("variants", self.variants)
        _expect_known("seeds_of", self.seeds_of, self.variants)
        own = {f"seeds_of.{variant}": seeds for variant, seeds in self.seeds_of.items()}
        for where, seeds in {"seeds": self.seeds, **own}.items():
            for seed in seeds:
                check_whole(where, seed, minimum=0, maximum=MAX_SEED)
            _expect_once(where, seeds)
        if self.noise_floor is not None:
            self._check_noise_floor(self.noise_floor)
        _expect_known("folds", self.folds, range(FOLD_COUNT))
        _expect_once("folds", self.folds, least=0)
        _expect_known("comparisons", self.comparisons, self.variants)
        for name, plan in self.comparisons.items():
            _expect_known(f"comparisons.{name}.reference", [plan.reference], self.variants)
        if self.comparisons and (set(self.margins) != set(MARGINS) or min(self.margins.values()) <= 0):
            raise ValueError(
                f"margins: expected {' and '.join(MARGINS)} above 0 for comparisons, got {self.margins}"
            )

    def _check_noise_floor(self, variant: str) -> None:
        _expect_known("noise_floor", [variant], self.variants)
        seeds = self.seeds_of.get(variant, self.seeds)
        if len(seeds) < 3 or len(self.variants) < 2 or len(self.seeds) < 2:
            raise ValueError(
                f"noise_floor: expected at least three seeds of {variant} to measure it by, and a second "
                f"variant to compare with two; got {list(seeds)} of {variant}, and {list(self.seeds)} for "
                f"{len(self.variants)} variants"
            )


def list_profiles() -> tuple[str, ...]:
    """Names of the profiles that ship with the package.

    >>> "smoke" in list_profiles()
    True
    """
    return tuple(sorted(path.stem for path in _BUILT_IN.glob("*.yaml")))


def load_profile(name: str | Path) -> Profile:
    """Read a built-in profile by name, or one's own by the path of its YAML file.

    Raises ``ValueError`` that names the file, the key, what was expected and what came.

    >>> load_profile("note").training.pos_weight
    200.0
    """
    path = _BUILT_IN / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise ValueError(f"profile: {_unknown(str(name), list_profiles())}, or give the path of a .yaml file")
    values = _read(path)
    try:
        profile = _profile(_on_base(values))
        if path.parent != _BUILT_IN:  # those are tested, and PyTorch takes seconds to load
            check_network(profile)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    return profile


def check_network(profile: Profile) -> None:
    """Raise ``TypeError`` or ``ValueError`` that names the option of the networks which cannot be."""
    from fetalseg_lib.models import network_config

    for variant in map(get_variant, profile.variants if profile.network else ()):
        if variant.architecture == "mobilenet":  # the others have none of these options
            try:
                network_config(variant.name, **{**profile.network, **variant.network})
            except (TypeError, ValueError) as error:
                raise type(error)(f"network: {error}") from error


def _read(path: Path) -> Any:
    if not path.exists():
        known = ", ".join(list_profiles())
        raise ValueError(f"{path.absolute()}: no such profile file; built in are {known}")
    content = read_content(path)
    try:
        text = content.decode("utf-8")
        # An alias of aliases of aliases is small in the file and huge once it is there.
        aliases = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))
        values = None if aliases else yaml.safe_load(text)
    except _UNREADABLE as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"{path}: not readable as YAML ({type(error).__name__}: {problem})") from error
    if aliases:
        raise ValueError(f"{path}: expected values that are written out, got an alias (*name)")
    return values


_UNREADABLE = (yaml.YAMLError, RecursionError, ValueError, ArithmeticError, LookupError, AttributeError)
"""A tag such as !!timestamp or !!bool lets YAML's own readers fail in ways of their own."""


def _on_base(values: object) -> dict[str, Any]:
    """A profile's values on those of its base; of ``training`` and ``network`` each option by itself.

    Its plan (name, description, variants, seeds, noise floor) is a profile's own.
    """
    if not isinstance(values, dict):
        raise ValueError(f"expected keys and values, got {type(values).__name__}")
    if "base" not in values:
        return values
    name = values["base"]
    _expect_known("base", [name], list_profiles())
    base = _read(_BUILT_IN / f"{name}.yaml")
    if "base" in base:
        raise ValueError(f"base: expected a profile without a base of its own, got {name!r}")
    recipe = {key: value for key, value in base.items() if key not in _PLAN}
    own = {key: value for key, value in values.items() if key != "base"}
    for key in ("training", "network"):
        if isinstance(own.get(key), dict):
            own[key] = {**recipe.get(key, {}), **own[key]}
    return {**recipe, **own}


def _profile(values: Mapping[str, Any]) -> Profile:
    hints = get_type_hints(Profile)
    _expect_known("profile", values, hints)
    required = {f.name for f in fields(Profile) if f.default is f.default_factory is MISSING}
    if missing := required - {"training", *values}:
        raise ValueError(f"profile: missing {', '.join(sorted(missing))}")
    for key, value in values.items():
        kind = _KINDS.get(get_origin(hints[key]) or hints[key], object)
        if not isinstance(value, kind):
            raise ValueError(f"{key}: expected a {kind.__name__}, got {value!r}")
    training = values.get("training", {})
    # The seed belongs to a run and the device to a machine; neither is a choice of the study.
    options = [f.name for f in fields(TrainingConfig) if f.name not in ("seed", "device")]
    _expect_known("training", training, options)
    comparisons = {
        name: Comparison(**plan) if isinstance(plan, dict) else plan
        for name, plan in values.get("comparisons", {}).items()
    }
    given: dict[str, Any] = {**values, "comparisons": comparisons, "training": TrainingConfig(**training)}
    sequences = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    return Profile(**{**given, **sequences})


_KINDS: dict[Any, type] = {str: str, tuple: list, Mapping: dict, TrainingConfig: dict}
"""What YAML has for a field of this type."""

_PLAN = (
    *("name", "description", "variants", "seeds", "seeds_of", "noise_floor"),
    *("folds", "comparisons", "margins"),
)


def _expect_once(what: str, values: Sequence[Any], *, least: int = 1) -> None:
    if len(values) < least:
        raise ValueError(f"{what}: expected at least one, got none")
    if len(set(values)) < len(values):
        raise ValueError(f"{what}: each may stand once, got {list(values)}")


def _expect_known(what: str, names: Any, known: Any) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what}: {_unknown(str(name), known)}")


def _unknown(name: str, known: Any) -> str:
    nearest = difflib.get_close_matches(name, [str(k) for k in known], n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"unknown name {name!r}{hint} Known are {', '.join(map(str, known))}"
