"""What the table of a prediction says of each image."""

from __future__ import annotations

import math

from fetalseg_lib.apply.prediction import NOTICE
from fetalseg_lib.apply.prediction.measure import Prediction
from fetalseg_lib.names import csv_cell, picture_name

COLUMNS = (
    "file",
    "hc_mm",
    "ga_weeks",
    "ga_low_weeks",
    "ga_high_weeks",
    "ga_level",
    "ga_chart",
    "ga_note",
    "flags",
    "error",
    "bpd_mm",
    "ofd_mm",
    "hc_px",
    "center_x_px",
    "center_y_px",
    "semi_major_px",
    "semi_minor_px",
    "angle_rad",
    "pixel_height_mm",
    "pixel_width_mm",
    "pixel_size_from",
    "image_height_px",
    "image_width_px",
    "picture",
    "image_sha256",
    "weights_sha256",
    "precision",
    "settings",
    "notice",
)
Row = dict[str, str]
"""A row as text by column, as it stands in the file."""


def row_of(name: str, prediction: Prediction, *, provenance: Row) -> Row:
    """The row of an image that was measured; what is unknown is an empty cell.

    ``provenance`` holds the cells ``weights_sha256``, ``precision`` and ``settings``.
    """
    head, age, spacing = prediction.head, prediction.age, prediction.image.pixel_spacing_mm
    ellipse = head.ellipse_px
    height, width = prediction.image.shape
    row = _blank(name, provenance) | {
        "ga_note": prediction.age_note,
        "flags": "; ".join(prediction.flags),
        "image_height_px": str(height),
        "image_width_px": str(width),
        "picture": picture_name(name, content=prediction.image.sha256),
        "image_sha256": prediction.image.sha256,
    }
    if spacing is not None:
        row |= {"pixel_height_mm": length(spacing[0]), "pixel_width_mm": length(spacing[1])}
        row |= {"pixel_size_from": "file" if prediction.image.spacing_is_own else "--pixel-size"}
        row |= _numbers(2, hc_mm=head.hc_mm, bpd_mm=head.bpd_mm, ofd_mm=head.ofd_mm)
    if ellipse is not None:
        row |= _numbers(2, hc_px=ellipse.circumference)
        row |= _numbers(2, center_x_px=ellipse.center_x, center_y_px=ellipse.center_y)
        row |= _numbers(2, semi_major_px=ellipse.semi_major, semi_minor_px=ellipse.semi_minor)
        row |= _numbers(4, angle_rad=ellipse.angle)
    if age is not None:
        row |= {"ga_chart": age.chart, "ga_level": f"{age.level:g}"}
        row |= _numbers(2, ga_weeks=age.weeks, ga_low_weeks=age.low_weeks, ga_high_weeks=age.high_weeks)
    return row


def error_row(name: str, problem: str, *, provenance: Row) -> Row:
    """The row of a file that could not be read: its name and the cause, as :func:`csv_cell` makes it safe."""
    return _blank(name, provenance) | {"error": problem}


def _blank(name: str, provenance: Row) -> Row:
    own = {"file": csv_cell(name), "notice": NOTICE}
    return dict.fromkeys(COLUMNS, "") | own | provenance


def length(mm: float) -> str:
    """A pixel's size as the table writes it."""
    return f"{mm:.9g}"


def _numbers(digits: int, **values: float) -> Row:
    return {name: "" if math.isnan(value) else f"{value:.{digits}f}" for name, value in values.items()}
