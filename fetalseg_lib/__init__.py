"""FetalSeg: segment the fetal head in ultrasound, measure it, and find out which parts of the network matter.

The folders tell the story: ``data`` → ``models`` → ``training`` → ``evaluation`` → ``study`` →
``apply``.
"""

__version__ = "0.1.0"

NOTICE = "a teaching tool, not for clinical use"
"""What every output says."""
