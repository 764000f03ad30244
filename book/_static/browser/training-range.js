// Whether an image is unlike those that the network was trained on: fetalseg_lib/data/training_range.py.

import { resizeImage } from "./resize.js";

const WORDS = {
  aspect_ratio: "width over height",
  mean_gray: "mean grey",
  contrast: "standard deviation of the greys",
  dark_share: "share of nearly black pixels",
  pixel_size_mm: "pixel size in mm",
  hc_mm: "head circumference in mm",
};
const DARK = 8;
const THUMBNAIL = 32;

/** Plain properties of an image, from the network's input `small` and the native image's shape. */
export function appearance(small, { width, height }) {
  const { grey } = resizeImage(small, THUMBNAIL, THUMBNAIL);
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const variance = grey.reduce((sum, value) => sum + (value - mean) ** 2, 0) / grey.length;
  return {
    aspect_ratio: width / height,
    mean_gray: mean,
    contrast: Math.sqrt(variance),
    dark_share: grey.filter((value) => value < DARK).length / grey.length,
  };
}

/** In words, each of the `values` that no training image reaches; `range` is `null` where none is known. */
export function outside(range, values) {
  if (!range) return [];
  const short = (value) => Number(value.toPrecision(3)).toString();
  return Object.entries(values)
    .filter(([name, value]) => value < range.low[name] || value > range.high[name])
    .map(
      ([name, value]) =>
        `${WORDS[name]} ${short(value)} (training ${short(range.low[name])} to ${short(range.high[name])})`,
    );
}
