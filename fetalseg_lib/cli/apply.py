"""Commands that apply a trained network: predict on one's own images, and export."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fetalseg_lib import NOTICE
from fetalseg_lib.cli.options import Commands, image_table, need
from fetalseg_lib.names import visible

_SHOWN = 10
"""Of so many images at most, each gets a line on the terminal; the table has them all."""


def add_commands(commands: Commands) -> None:
    """Add them to the parser."""
    predict = commands.add_parser("predict", help="measure the heads in your own images")
    predict.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER", help="PNG, JPEG, TIFF, BMP or DICOM"
    )
    predict.add_argument(
        "--pixel-size",
        metavar="MM_OR_CSV",
        help="side of a pixel, or a CSV with the columns filename and pixel size(mm); "
        "a DICOM file's own goes before it",
    )
    predict.add_argument("-o", "--out", type=Path, required=True, help="the table (.csv)")
    predict.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="a run's weights.safetensors (default: the network that comes with the package)",
    )
    predict.add_argument("--overlay", type=Path, metavar="DIR", help="folder for pictures of the result")
    predict.add_argument("--masks", type=Path, metavar="DIR", help="folder for the masks (0 and 255)")
    predict.add_argument(
        "--chart",
        default="intergrowth",
        choices=("hadlock", "intergrowth"),
        help="growth chart that gives the gestational age (default: intergrowth)",
    )
    predict.add_argument(
        "--frame", type=_frame, metavar="N_OR_ALL", help="which frame of a DICOM clip, counted from 1, or all"
    )
    predict.add_argument("--batch-size", type=int, default=16)
    predict.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    predict.set_defaults(command=_predict, resumes="after the last batch")

    export = commands.add_parser("export", help="write a trained network as an ONNX file")
    words = "a run's weights.safetensors (default: the network that comes with the package)"
    export.add_argument("weights", type=Path, nargs="?", help=words)
    export.add_argument("-o", "--out", type=Path, required=True, help="the file (.onnx)")
    export.add_argument("--precision", default="float32", choices=("float32", "float16", "int8"))
    words = "int8: on HC18's validation fold or on phantoms (default: hc18)"
    export.add_argument("--calibrate", default="hc18", choices=("hc18", "phantom"), help=words)
    export.add_argument("--data", type=Path, help="folder of HC18 (default: where it is looked for)")
    export.set_defaults(command=_export)


def _frame(text: str) -> int | str:
    return text if text == "all" else int(text)


def _predict(options: argparse.Namespace) -> int:
    from fetalseg_lib.apply.images import find_images
    from fetalseg_lib.apply.prediction.run import Job, predict_files
    from fetalseg_lib.apply.trained import demonstration_weights, read_network
    from fetalseg_lib.growth import CHARTS

    for folder in filter(None, (options.overlay, options.masks)):
        if folder.resolve() in [image.resolve() for image in options.images]:
            raise ValueError(f"--overlay, --masks: expected a folder of their own, got {folder} with images")
    job = Job(
        trained=read_network(options.checkpoint or demonstration_weights()),
        chart=CHARTS[options.chart],
        pixel_sizes=image_table(options.pixel_size),
        table=options.out,
        overlays=options.overlay,
        masks=options.masks,
    )
    files = find_images(options.images, leave_out=[options.overlay, options.masks])
    rows = predict_files(
        job, files, frame=options.frame, batch_size=options.batch_size, device=options.device
    )
    _report(rows, options.out, judged=job.trained.training_range is not None)
    return 1 if any(row["error"] for row in rows) else 0


def _report(rows: list[dict[str, str]], table: Path, *, judged: bool) -> None:
    """A line for each image where they are few, one for each unreadable file, and the sums."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack a name's characters
    failed = [row for row in rows if row["error"]]
    read = [row for row in rows if not row["error"]]
    for row in read if len(rows) <= _SHOWN else []:
        print(_line(row))
    flagged = sum(bool(row["flags"]) for row in rows)
    print(f"{len(read)} of {len(rows)} images read, {flagged} flagged: {visible(str(table))}")
    if not all(row["pixel_size_from"] for row in read):
        print("Without a pixel size lengths are in pixels, and there is no age: give --pixel-size.")
    if not judged:
        print("These weights do not tell their training images, so no image is held against them.")
    print(f"{NOTICE.capitalize()}.")
    for row in failed:
        print(f"fetalseg: {row['file']}: {row['error']}", file=sys.stderr)


def _line(row: dict[str, str]) -> str:
    words = [f"HC {row['hc_mm']} mm" if row["hc_mm"] else f"HC {row['hc_px']} px" if row["hc_px"] else ""]
    if row["ga_weeks"]:
        words.append(f"{row['ga_weeks']} weeks ({row['ga_low_weeks']} to {row['ga_high_weeks']})")
        words.append(row["ga_chart"])
    elif row["ga_note"]:
        words.append(f"no age: {row['ga_note']}")
    if row["flags"]:
        words.append(f"! {row['flags']}")
    return f"{row['file']}: {', '.join(filter(None, words))}"


def _export(options: argparse.Namespace) -> int:
    need("export", "onnx", "onnxruntime", "onnxscript")
    from fetalseg_lib.apply.export.quantize import calibrate_on
    from fetalseg_lib.apply.export.write import export_network
    from fetalseg_lib.apply.trained import demonstration_weights, read_network

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
    print(f"{NOTICE.capitalize()}.")
    return 0
