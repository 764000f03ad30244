// What a reader wrote, kept in the browser's own storage: for each page { total, chosen: { name: { code, right } } },
// as the answers of "Test yourself" are, so that the side bar counts both.

const PREFIX = "fetalseg:exercises:";

/** The exercises that are kept of the page at this path. */
export function keptOf(path) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + path))?.chosen ?? {};
  } catch {
    return {}; // nothing, or no JSON
  }
}

/** Keep one exercise of a page; without `exercise`, forget it. */
export function keep(path, total, name, exercise) {
  const { [name]: before, ...others } = keptOf(path);
  const chosen = exercise ? { ...others, [name]: exercise } : others;
  try {
    if (Object.keys(chosen).length) localStorage.setItem(PREFIX + path, JSON.stringify({ total, chosen }));
    else localStorage.removeItem(PREFIX + path);
  } catch {
    // a private window or a full storage: run, not kept
  }
  dispatchEvent(new Event("fetalseg:kept"));
}

/** All pages of which something is kept. */
export function keptPages() {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX))
    .map((key) => key.slice(PREFIX.length));
}

/** Forget every exercise of every page. */
export function forgetAll() {
  for (const path of keptPages()) localStorage.removeItem(PREFIX + path);
  dispatchEvent(new Event("fetalseg:kept"));
}
