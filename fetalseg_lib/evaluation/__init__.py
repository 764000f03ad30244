"""Metrics in millimetres and head biometry."""
