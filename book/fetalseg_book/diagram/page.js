document.querySelectorAll(".fetalseg-diagram:not([data-ready])").forEach((figure) => {
  figure.dataset.ready = "";
  const details = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const panel = figure.querySelector(".panel");
  const groups = new Map();
  figure.querySelectorAll("[data-part]").forEach((group) => groups.set(group.dataset.part, group));
  const parts = Object.keys(details).filter((name) => groups.has(name)).map((name) => groups.get(name));
  figure.querySelectorAll("[data-part] > title").forEach((title) => {  // the panel says more than a tooltip
    const part = title.parentElement;
    if (!part.querySelector("text")) part.setAttribute("aria-label", title.textContent);
    title.remove();
  });

  const element = (kind, text, ...children) => {
    const made = document.createElement(kind);
    made.textContent = text;
    made.append(...children);
    return made;
  };
  const row = (kind, cells) => element("tr", "", ...cells.map((cell) => element(kind, cell)));
  const show = (part) => {
    const { title, summary, layers } = details[part.dataset.part];
    const heading = element("p", "", element("strong", title), element("span", " · " + summary));
    const table = element("table", "", row("th", ["layer", "output", "parameters", "operations"]),
      ...layers.map((layer) => row("td", layer)));
    panel.replaceChildren(heading, ...(layers.length ? [table] : []));
  };
  const choose = (chosen) => parts.forEach((part) => {
    part.setAttribute("tabindex", part === chosen ? "0" : "-1");
    part.setAttribute("aria-selected", String(part === chosen));
  });

  const center = (part) => {
    const box = (part.querySelector("rect") || part).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const nearest = (from, [dx, dy]) => {
    const [x0, y0] = center(from);
    let best = from, least = Infinity;
    parts.forEach((part) => {
      const [x, y] = center(part);
      const along = (x - x0) * dx + (y - y0) * dy;
      const across = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
      if (part !== from && along > 3 && along + 2 * across < least) {
        best = part;
        least = along + 2 * across;
      }
    });
    return best;
  };

  parts.forEach((part) => {
    part.addEventListener("pointerenter", () => show(part));
    part.addEventListener("focus", () => { choose(part); show(part); });
    part.addEventListener("keydown", (event) => {
      const ends = { Home: parts[0], End: parts[parts.length - 1] };
      const next = directions[event.key] ? nearest(part, directions[event.key]) : ends[event.key];
      if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      next.focus();
    });
  });
  choose(parts[0]);
});
