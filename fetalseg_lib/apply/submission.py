"""The file that the HC18 challenge's server takes: one ellipse an image.

Source: van den Heuvel et al. 2018, doi:10.1371/journal.pone.0200412. The challenge judges an ellipse, not
a mask, so a prediction is measured first (:func:`fetalseg_lib.evaluation.biometry.measure_head`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from fetalseg_lib.evaluation.biometry import HeadMeasurement

COLUMNS = ("filename", "center_x_mm", "center_y_mm", "semi_axes_a_mm", "semi_axes_b_mm", "angle_rad")


def submission_csv(measurements: Mapping[str, HeadMeasurement]) -> str:
    """The submission file as text: one row an image, sorted by file name.

    Lengths are in mm from the centre of the top left pixel, the angle in radians in ``[0, pi)`` from the x
    axis downwards to the long axis. The server wants an ellipse for every image: heads that could not be
    measured raise ``ValueError`` with their names.

    >>> from fetalseg_lib.evaluation.biometry import Status
    >>> from fetalseg_lib.geometry import Ellipse
    >>> head = Ellipse(center_x=50, center_y=40, semi_major=30, semi_minor=24, angle=-0.5)
    >>> found = HeadMeasurement(status=Status.MEASURED, ellipse_px=head, ellipse_mm=head)
    >>> print(submission_csv({"000_HC.png": found}).splitlines()[1])
    000_HC.png,50.000000,40.000000,30.000000,24.000000,2.641593
    """
    ellipses = {name: measurements[name].ellipse_mm for name in sorted(measurements)}
    found = {name: ellipse for name, ellipse in ellipses.items() if ellipse is not None}
    if missing := [name for name in ellipses if name not in found]:
        raise ValueError(
            f"measurements: expected an ellipse for every image, got none for {', '.join(missing)}; "
            "look at these images"
        )
    rows = [
        (name, of.center_x, of.center_y, of.semi_major, of.semi_minor, of.angle % math.pi)
        for name, of in found.items()
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).set_index("filename").astype(float)
    return table.to_csv(float_format="%.6f", lineterminator="\n")
