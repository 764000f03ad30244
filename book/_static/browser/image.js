// From a file to grey pixels. The file is read here, in the page, and goes nowhere else.

import { MAX_FILE_BYTES, inspect } from "./image-header.js";
import { Problem } from "./problem.js";

/** Decode a `Blob` onto `canvas`; returns `{ grey, width, height }`, grey as `Uint8Array` row by row. */
export async function readImage(blob, canvas) {
  if (blob.size > MAX_FILE_BYTES) {
    const most = MAX_FILE_BYTES.toLocaleString("en");
    throw new Problem(
      `The file has ${blob.size.toLocaleString("en")} bytes, expected at most ${most}`,
      "Save the image with fewer pixels, or compressed.",
    );
  }
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const { type } = inspect(bytes);
  const bitmap = await decode(new Blob([bytes], { type }));
  const { width, height } = bitmap;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  refuseTransparent(context, width, height);
  context.fillStyle = "#000"; // what is transparent becomes black, as in the library
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { grey: toGrey(context, width, height), width, height };
}

async function decode(blob) {
  try {
    return await createImageBitmap(blob, {
      colorSpaceConversion: "none", // the numbers in the file
      imageOrientation: "from-image", // upright by its EXIF: said, because browsers' defaults differ
    });
  } catch {
    throw new Problem("It cannot be decoded", "Open it in an image program and save it anew as PNG.");
  }
}

/** A canvas on which nothing can be seen was given a picture without one visible pixel. */
function refuseTransparent(context, width, height) {
  const rgba = context.getImageData(0, 0, width, height).data;
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 0) return;
  throw new Problem("It is wholly transparent, so there is nothing to see", "Save it anew without transparency.");
}

/** Luminance (ITU-R BT.601) with Pillow's integer weights, so that both read the same grey. */
function toGrey(context, width, height) {
  const rgba = context.getImageData(0, 0, width, height).data;
  if (rgba[3] !== 255) {
    // The canvas was painted solid: whatever else comes back is not what was painted.
    throw new Problem("This browser does not let the page read its own canvas", "Allow it, or shrink the image.");
  }
  const grey = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < grey.length; pixel += 1, at += 4) {
    grey[pixel] = (19595 * rgba[at] + 38470 * rgba[at + 1] + 7471 * rgba[at + 2] + 0x8000) >> 16;
  }
  return grey;
}
