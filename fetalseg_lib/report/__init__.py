"""Figures of the book, drawn from result files."""
