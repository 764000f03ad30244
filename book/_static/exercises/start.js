/* On a page with exercises, and on the one that lists them all, load what makes them live. A page opened from the disk
   may load no module: there they stay as they are printed. */
(() => {
  const folder = new URL(".", document.currentScript.src);
  addEventListener("DOMContentLoaded", () => {
    if (!location.protocol.startsWith("http")) return;
    const load = (file) => {
      const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("exercises.css", folder) });
      document.head.append(style);
      return import(new URL(file, folder).href);
    };
    if (document.querySelector(".cell.tag_exercise, .cell.tag_live-exercise")) load("page.js");
    if (document.querySelector(".exercise-list")) load("list.js");
  });
})();
