// One exercise: an editor in place of the printed stub, Run, Stop and Reset, and what is said to the answer.

import { keep, keptOf } from "./kept.js";
import { isRunning, run, stop } from "./python.js";
import { show } from "./words.js";

const LIST = new URL("../../book/exercises.html", import.meta.url);
const HELP = "Ctrl+Enter runs it. Tab indents; Escape, then Tab leaves the editor. math and statistics are imported. ";

/** Make the cell of an exercise live; it stays as printed where the editor is not part of this copy of the book. */
export async function live({ cell, chapter, name, stub, total }) {
  const path = location.pathname;
  const kept = () => keptOf(path)[name] ?? { code: stub, right: false };
  const { createEditor } = await import("./vendored/editor.js");

  const box = element("div", { className: "live-exercise" });
  const editor = element("div", { className: "editor" });
  const [start, end, reset] = ["Run", "Stop", "Reset"].map((textContent) => {
    const button = element("button", { type: "button", textContent });
    button.setAttribute("aria-label", `${textContent} ${name}`);
    return button;
  });
  const progress = element("progress", { max: 1, value: 0, hidden: true });
  progress.setAttribute("aria-label", "Loading Python");
  const state = element("span", { className: "state" });
  state.setAttribute("role", "status");
  const printed = element("pre", { className: "printed", hidden: true, tabIndex: 0 });
  printed.setAttribute("aria-label", "Printed");
  printed.setAttribute("role", "region");
  const answer = element("p", { className: "answer" });
  answer.setAttribute("role", "status");
  const help = element("p", { className: "help", textContent: HELP });
  help.append(element("a", { href: LIST.href, textContent: "All exercises" }), ": export or clear what you wrote.");
  const bar = element("div", { className: "bar" });
  bar.append(start, end, reset, progress, state);
  box.append(editor, bar, printed, answer, help);
  end.hidden = true;

  const { read, write } = createEditor({
    parent: editor,
    code: kept().code,
    label: `Your code for ${name}`,
    changed: (code) => keep(path, total, name, { ...kept(), code }),
    run: go,
  });
  cell.append(box); // what was printed there stays for paper (exercises.css)
  cell.classList.add("is-live");
  mark();

  async function go() {
    if (isRunning()) return;
    swap(start, end);
    answer.textContent = printed.textContent = "";
    printed.hidden = true;
    state.textContent = "Python is loading …";
    const { right, why } = await run({ chapter, name, code: read() }, {
      loaded: (share) => ([progress.hidden, progress.value] = [false, share]),
      running: () => ([progress.hidden, state.textContent] = [true, "Running …"]),
      printed: (text) => {
        printed.hidden = false;
        printed.append(text);
      },
    });
    progress.hidden = true;
    state.textContent = "";
    swap(end, start);
    if (right !== undefined) keep(path, total, name, { code: read(), right });
    show(answer, right === undefined ? why : right ? `✔ **Right.** ${why}` : `✘ **Not yet.** ${why}`);
    mark();
  }

  function mark() {
    box.dataset.right = kept().right;
  }

  // Elsewhere on the page "/" jumps to the search box.
  editor.addEventListener("keydown", (event) => event.key === "/" && event.stopPropagation());
  start.addEventListener("click", go);
  end.addEventListener("click", stop);
  reset.addEventListener("click", () => {
    write(stub);
    keep(path, total, name, undefined);
    answer.textContent = printed.textContent = "";
    printed.hidden = true;
    mark();
  });
}

/** One button in the place of another; the focus goes with it. */
function swap(one, other) {
  const focused = document.activeElement === one;
  [one.hidden, other.hidden] = [true, false];
  if (focused) other.focus();
}

function element(kind, properties) {
  return Object.assign(document.createElement(kind), properties);
}
