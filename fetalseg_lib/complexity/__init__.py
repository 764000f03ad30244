"""What a network costs: parameters, floating-point operations, memory and time."""

from fetalseg_lib.complexity.counted import (
    count_flops,
    count_parameters,
    flops_by,
    model_size_mb,
    parameters_by_stage,
    table,
)
from fetalseg_lib.complexity.measured import Latency, inference_memory_mb, measure_latency, training_memory_mb

__all__ = [
    "Latency",
    "count_flops",
    "count_parameters",
    "flops_by",
    "inference_memory_mb",
    "measure_latency",
    "model_size_mb",
    "parameters_by_stage",
    "table",
    "training_memory_mb",
]
