"""Figures and tables of the chapters."""
