"""All costs of all variants, side by side."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import torch

from fetalseg_lib.complexity.flops import count_flops
from fetalseg_lib.complexity.latency import measure_latency
from fetalseg_lib.complexity.memory import inference_memory_mb, training_memory_mb
from fetalseg_lib.complexity.parameters import count_parameters, model_size_mb
from fetalseg_lib.models import Variant, build_model, list_variants


def table(
    variants: Iterable[str] | None = None,
    *,
    image_size: tuple[int, int] = (256, 256),
    latency: bool = False,
    threads: int = 1,
) -> pd.DataFrame:
    """One row per variant; without ``variants`` all that are networks of this library, and no mere recipes.

    Columns: ``variant``; ``parameters``, ``trainable`` and ``frozen``; ``gflops`` of one image;
    ``float32_mb`` and ``float16_mb`` for the stored model; ``training_mb`` and ``inference_mb`` for one
    image's activations in float32; with ``latency=True`` also ``latency_ms`` (median), its quartiles
    ``latency_q1_ms`` and ``latency_q3_ms``, and ``threads``. MB are 10⁶ bytes. The encoder's weights are
    random, for the costs do not depend on them.

    >>> table(["unet"], image_size=(64, 64)).parameters[0]
    np.int64(7762465)
    """
    if variants is None:
        variants = [variant.name for variant in list_variants() if _is_own_network(variant)]
    return pd.DataFrame([_row(name, image_size, threads if latency else None) for name in variants])


def _is_own_network(variant: Variant) -> bool:
    """Whether it is a network, not a recipe, and needs no library that may not be installed."""
    return not variant.recipe and variant.architecture != "peer"


def _row(variant: str, image_size: tuple[int, int], threads: int | None) -> dict[str, object]:
    model = build_model(variant, encoder_weights="random")
    total, trainable = count_parameters(model)
    row: dict[str, object] = {
        "variant": variant,
        "parameters": total,
        "trainable": trainable,
        "frozen": total - trainable,
        "gflops": count_flops(model, image_size=image_size)["flops"].sum() / 1e9,
        "float32_mb": model_size_mb(model),
        "float16_mb": model_size_mb(model, dtype=torch.float16),
        "training_mb": training_memory_mb(model, image_size=image_size),
        "inference_mb": inference_memory_mb(model, image_size=image_size),
    }
    if threads is not None:
        measured = measure_latency(model, image_size=image_size, threads=threads)
        row |= {
            "latency_ms": measured.median_ms,
            "latency_q1_ms": measured.lower_quartile_ms,
            "latency_q3_ms": measured.upper_quartile_ms,
            "threads": measured.threads,
        }
    return row
