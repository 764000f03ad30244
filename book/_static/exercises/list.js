// The page of all exercises: which are right, and two buttons: take along what you wrote, or forget it.

import { forgetAll, keptOf, keptPages } from "./kept.js";

const links = [...document.querySelectorAll(".exercise-list li li a[href]")].filter((link) => !link.parentElement.querySelector("em"));
const box = document.querySelector(".exercise-list");
const state = Object.assign(document.createElement("p"), { className: "state" });
state.setAttribute("role", "status");
const bar = Object.assign(document.createElement("div"), { className: "bar" });
bar.append(button("Export what I wrote", exported), button("Clear all that I wrote", cleared));
box.prepend(state, bar);
look();

function look() {
  let right = 0;
  for (const link of links) {
    const name = link.querySelector("code").textContent;
    const done = keptOf(link.pathname)[name]?.right ?? false;
    link.parentElement.querySelector(".right")?.remove();
    if (!done) continue;
    right += 1;
    const mark = Object.assign(document.createElement("span"), { className: "right", textContent: " ✔ right" });
    link.after(mark);
  }
  state.textContent = `${right} of ${links.length} are right in this browser.`;
}

function exported() {
  const parts = keptPages().flatMap((path) =>
    Object.entries(keptOf(path)).map(
      ([name, { code, right }]) => `# ${path}: ${name}${right ? " (right)" : ""}\n${code.trimEnd()}\n`,
    ),
  );
  const text = parts.join("\n\n") || "# Nothing is written yet.\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/x-python" }));
  link.download = "my_exercises.py";
  link.click();
  URL.revokeObjectURL(link.href);
}

function cleared() {
  if (!confirm("Clear what you wrote for all exercises, in this browser?")) return;
  forgetAll();
  look();
}

function button(textContent, pressed) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent });
  made.addEventListener("click", pressed);
  return made;
}
