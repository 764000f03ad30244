/* What is wider than its column scrolls, and so must be reached by a keyboard. Fonts and formulas change widths
   after the page has loaded, so look again whenever a size changes. And a cell says how long its text is, so that
   a narrow screen can leave room for it (custom.css). */
(() => {
  const wide = "pre, table, .cell_output > :is(figure, .output), div.math, .rows";
  const look = part => {
    const scrolls = /auto|scroll/.test(getComputedStyle(part).overflowX + getComputedStyle(part).overflowY)
      && (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight);
    if (scrolls && part.tabIndex < 0) {
      part.tabIndex = 0;
      part.dataset.scrolls = "";
    } else if (!scrolls && "scrolls" in part.dataset) {
      part.removeAttribute("tabindex");
      delete part.dataset.scrolls;
    }
  };
  const lookAll = (root = document) => root.querySelectorAll(wide).forEach(look);
  addEventListener("load", () => {
    for (const cell of document.querySelectorAll(".bd-article-container td")) {
      const letters = cell.textContent.trim().length;
      if (letters > 12) cell.style.setProperty("--letters", letters);
    }
    const watch = new ResizeObserver(entries => entries.forEach(entry => look(entry.target)));
    document.querySelectorAll(wide).forEach(part => watch.observe(part));
    document.addEventListener("toggle", event => lookAll(event.target), true);
    document.fonts.ready.then(() => lookAll());
    lookAll();
  });
})();
