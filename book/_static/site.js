/* What is wider than its column scrolls, and so must be reached by a keyboard. Fonts and formulas change widths
   after the page has loaded, so look again whenever a size changes. */
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
    const watch = new ResizeObserver(entries => entries.forEach(entry => look(entry.target)));
    document.querySelectorAll(wide).forEach(part => watch.observe(part));
    document.addEventListener("toggle", event => lookAll(event.target), true);
    document.fonts.ready.then(() => lookAll());
    lookAll();
  });
})();
