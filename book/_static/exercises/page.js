// The exercises of a page. Those of plain Python get an editor when they come near the screen, the others say where they run.

import { live } from "./exercise.js";

const ASKED = /exercises\.check\("([\w-]+)", (\w+)\)\s*$/;

const cells = [...document.querySelectorAll(".cell.tag_live-exercise")];
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      const text = target.querySelector(".cell_input pre").textContent;
      const [call, chapter, name] = text.match(ASKED);
      const stub = text.slice(0, text.lastIndexOf(call)).trimEnd();
      live({ cell: target, chapter, name, stub: `${stub}\n`, total: cells.length }).catch(() => {
        note(target).append("The editor is not part of this copy of the book: run make book again with a connection.");
      });
    }
  },
  { rootMargin: "600px" },
);
cells.forEach((cell) => near.observe(cell));

for (const cell of document.querySelectorAll(".cell.tag_exercise")) {
  const words = note(cell);
  words.append("This one needs NumPy, SciPy or PyTorch, which do not run in the page: ");
  for (const [button, what] of [
    ["a[href*='colab.research.google.com']", "open it on Colab"],
    ["a.btn-download-source-button", "take the notebook file"],
  ]) {
    const address = document.querySelector(button)?.href;
    if (!address) continue;
    const link = Object.assign(document.createElement("a"), { href: address, textContent: what });
    words.append(link, ", ");
  }
  const command = Object.assign(document.createElement("code"), { textContent: "make lab" });
  words.append("or run ", command, ".");
}

/** An empty line of words above a cell. */
function note(cell) {
  const line = document.createElement("p");
  line.className = "exercise-note";
  cell.before(line);
  return line;
}
