// Whether a file is all there. Browsers show the part that they have, and half a head measures like a small one.

/** Walk a PNG's chunks (length, kind, data, CRC-32 of kind and data) up to the closing IEND. */
export function isWholePng(bytes, view) {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) return false;
    if (view.getUint32(at + 4) === 0x49454e44) return true; // IEND
    at = end + 4;
  }
  return false;
}

/** Whether the end-of-image marker stands somewhere behind the frame header, which is at `start`. */
export function isWholeJpeg(bytes, start) {
  for (let at = bytes.length - 2; at > start; at -= 1) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  }
  return false;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

function crc32(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = TABLE[(rest ^ byte) & 255] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}
