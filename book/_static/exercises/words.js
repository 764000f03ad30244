// The words of an answer: `code`, *emphasis* and $formula$, as the notebook shows them.

const KINDS = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\$([^$]+)\$/g;

/** Put a text with these marks into `box`. */
export function show(box, text) {
  box.replaceChildren();
  let at = 0;
  for (const match of text.matchAll(KINDS)) {
    const [all, code, strong, emphasis, formula] = match;
    box.append(text.slice(at, match.index));
    const element = document.createElement(code ? "code" : strong ? "strong" : emphasis ? "em" : "span");
    element.textContent = code ?? strong ?? emphasis ?? `\\(${formula}\\)`;
    if (formula) element.className = "math";
    box.append(element);
    at = match.index + all.length;
  }
  box.append(text.slice(at));
  if (box.querySelector(".math")) self.MathJax?.typesetPromise?.([box]);
}
