"""Ultrasound images, head masks and pixel sizes: HC18, phantoms, splits, the cache and augmentation."""
