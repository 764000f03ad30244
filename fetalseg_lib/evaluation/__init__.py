"""Metrics in millimetres, head biometry and the statistics that compare variants."""
