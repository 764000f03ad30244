// Python off the page's own thread. In: { chapter, name, code }. Out: { loaded } as its files come, { running },
// { printed } as often as something is, and in the end { answer } as exercises/page.py gives it, { problem } or { broken }.

const AWAY = "Python is not part of this copy of the book. Building the book fetches it with npm: run make book again.";

let python; // a promise, once somebody asked

self.addEventListener("message", async ({ data: { chapter, name, code } }) => {
  let page;
  try {
    python ??= load();
    page = await python;
  } catch (error) {
    self.postMessage({ problem: error.message });
    return;
  }
  self.postMessage({ running: true });
  try {
    const say = (text) => self.postMessage({ printed: text });
    self.postMessage({ answer: JSON.parse(page.run(chapter, name, code, say)) });
  } catch {
    self.postMessage({ broken: true }); // what Python cannot catch itself
  }
});

async function load() {
  const found = await fetch(new URL("files.json", import.meta.url));
  if (!found.ok) throw new Error(AWAY);
  const { bytes, modules } = await found.json();
  const ended = tell(bytes);
  const { loadPyodide } = await import("./vendored/pyodide.mjs");
  const [pyodide, texts] = await Promise.all([loadPyodide(), Promise.all(modules.map(read))]);
  ended();
  modules.forEach((name, at) => {
    const path = `${pyodide.FS.cwd()}/${name}`;
    pyodide.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    pyodide.FS.writeFile(path, texts[at]);
  });
  return pyodide.pyimport("fetalseg_book.exercises.page");
}

async function read(name) {
  const response = await fetch(new URL(`modules/${name}`, import.meta.url));
  if (!response.ok) throw new Error(AWAY);
  return response.text();
}

/** Count what Python's loader fetches, and tell the page the share of `total`; returns what ends the counting. */
function tell(total) {
  const plain = self.fetch;
  let done = 0;
  self.fetch = async (...asked) => {
    const response = await plain(...asked);
    count(response.clone().body);
    return response;
  };
  async function count(body) {
    const reader = body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      done += part.value.length;
      self.postMessage({ loaded: Math.min(1, done / total) });
    }
  }
  return () => (self.fetch = plain);
}
