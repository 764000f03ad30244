// What a file is, from its bytes: nothing is decoded before its kind and its size are known.
// The limits are those of fetalseg_lib/data/limits.py: a few bytes can declare more pixels than there is memory.

import { isWholeJpeg, isWholePng } from "./image-whole.js";
import { Problem } from "./problem.js";

export const MAX_FILE_BYTES = 2 ** 28;
export const MAX_PIXELS = 2 ** 25;

const SAVE_ANEW = "Open it in an image program and save it anew as PNG.";
const COMMAND = "Save it as an 8-bit PNG, or use the command fetalseg predict, which reads it.";

const letters = (text) => [...text].map((letter) => letter.charCodeAt(0));
const OTHERS = [
  { name: "WebP", at: 8, signature: letters("WEBP") },
  { name: "GIF", at: 0, signature: letters("GIF8") },
  { name: "HEIC", at: 4, signature: letters("ftyphei") },
  { name: "HEIC", at: 4, signature: letters("ftypmif1") },
  { name: "AVIF", at: 4, signature: letters("ftypavif") },
];

/** Type, width and height of a PNG, JPEG or BMP file; a `Problem` for any other file, and for half a one. */
export function inspect(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = read(bytes, view);
  const { width, height } = found;
  if (!(width >= 1 && height >= 1 && width * height <= MAX_PIXELS)) {
    const most = MAX_PIXELS.toLocaleString("en");
    throw new Problem(
      `It declares ${width} × ${height} pixels, expected 1 to ${most} in all`,
      "Crop or shrink it first.",
    );
  }
  if (!found.whole) throw new Problem("The file is damaged or cut short", SAVE_ANEW);
  return { type: found.type, width, height };
}

function read(bytes, view) {
  if (bytes.length === 0) throw new Problem("The file is empty", "Choose another one.");
  try {
    if (startsWith(bytes, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return png(bytes, view);
    if (startsWith(bytes, 0xff, 0xd8, 0xff)) return jpeg(bytes, view);
    if (startsWith(bytes, 0x42, 0x4d)) return bmp(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Problem("The start of the file is damaged", SAVE_ANEW); // it ends where the size should stand
  }
  throw new Problem(...otherKind(bytes));
}

function otherKind(bytes) {
  if (startsWith(bytes, 0x49, 0x49, 0x2a, 0) || startsWith(bytes, 0x4d, 0x4d, 0, 0x2a)) {
    return ["It is a TIFF file, which browsers do not decode", COMMAND];
  }
  if (startsWith(bytes.subarray(128), 0x44, 0x49, 0x43, 0x4d)) {
    return ["It is a DICOM file, which browsers do not decode", COMMAND];
  }
  const other = OTHERS.find(({ at, signature }) => startsWith(bytes.subarray(at), ...signature));
  if (other) return [`It is a ${other.name} file, which is not read here`, SAVE_ANEW];
  return ["It is no PNG, JPEG or BMP file, or its start is damaged", SAVE_ANEW];
}

function png(bytes, view) {
  if (view.getUint8(24) === 16) {
    throw new Problem("It has 16 bits a pixel, of which a browser keeps eight", COMMAND);
  }
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  return { type: "image/png", ...size, whole: isWholePng(bytes, view) };
}

/** The size stands in the frame header, behind any number of other segments. */
function jpeg(bytes, view) {
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at += 1; // fill bytes
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === 0xda) {
      throw new Problem("The start of the file is damaged", SAVE_ANEW);
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
      return { type: "image/jpeg", ...size, whole: isWholeJpeg(bytes, at) };
    }
  }
}

function bmp(view) {
  const old = view.getUint32(14, true) === 12;
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = old ? view.getUint16(20, true) : Math.abs(view.getInt32(22, true)); // negative: top row first
  return { type: "image/bmp", width, height, whole: true };
}

function startsWith(bytes, ...signature) {
  return signature.every((byte, place) => bytes[place] === byte);
}
