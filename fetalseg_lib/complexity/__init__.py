"""What a network costs: parameters, floating-point operations, memory and time."""

from fetalseg_lib.complexity.comparison import table
from fetalseg_lib.complexity.flops import count_flops, flops_by
from fetalseg_lib.complexity.latency import Latency, measure_latency
from fetalseg_lib.complexity.memory import inference_memory_mb, training_memory_mb
from fetalseg_lib.complexity.parameters import count_parameters, model_size_mb, parameters_by_stage

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
