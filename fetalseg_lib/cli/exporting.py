"""The command that takes a network elsewhere: export."""

from __future__ import annotations

import argparse
from pathlib import Path

from fetalseg_lib.cli.options import Commands, need


def add_commands(commands: Commands) -> None:
    """Add it to the parser."""
    export = commands.add_parser("export", help="write a trained network as an ONNX file")
    words = "a run's weights.safetensors (default: the network that comes with the package)"
    export.add_argument("weights", type=Path, nargs="?", help=words)
    export.add_argument("-o", "--out", type=Path, required=True, help="the file (.onnx)")
    export.add_argument("--precision", default="float32", choices=("float32", "float16", "int8"))
    words = "int8: on HC18's validation fold or on phantoms (default: hc18)"
    export.add_argument("--calibrate", default="hc18", choices=("hc18", "phantom"), help=words)
    export.add_argument("--data", type=Path, help="folder of HC18 (default: where it is looked for)")
    export.set_defaults(command=_export)


def _export(options: argparse.Namespace) -> int:
    need("export", "onnx", "onnxruntime", "onnxscript")
    from fetalseg_lib import NOTICE
    from fetalseg_lib.apply.export.calibration import calibrate_on
    from fetalseg_lib.apply.export.write import export_network
    from fetalseg_lib.study.trained import demonstration_weights, read_network

    weights = options.weights or demonstration_weights()
    calibration = None
    if options.precision == "int8":
        size = read_network(weights).image_size
        calibration = calibrate_on(options.calibrate, image_size=size, data_root=options.data)
    done = export_network(weights, options.out, precision=options.precision, calibration=calibration)
    print(f"{done.path}: {done.precision}, {done.megabytes:.1f} MB")
    if calibration is not None:
        print(f"calibrated on {calibration.description}")
    print(f"on phantoms: logits at most {done.largest:.2g} from the network's")
    print(f"{NOTICE[0].upper()}{NOTICE[1:]}.")
    return 0
