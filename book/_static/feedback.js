/* A quiet link beside each heading opens an issue in which page and section are filled in. Where the repository is,
   the theme's own button says. */
addEventListener("DOMContentLoaded", () => {
  const issues = document.querySelector("a.btn-source-issues-button")?.href;
  if (!issues) return;
  const page = document.querySelector("h1")?.firstChild?.textContent.trim() ?? document.title;
  for (const heading of document.querySelectorAll(".bd-article :is(h1, h2, h3)")) {
    const section = heading.firstChild?.textContent.trim();
    if (!section) continue;
    const address = new URL(issues);
    address.searchParams.set("title", section === page ? page : `${page}: ${section}`);
    address.searchParams.set("body", `What is wrong or unclear here?\n\n\n${location.pathname}${location.search}#${heading.closest("section")?.id ?? ""}`);
    const link = document.createElement("a");
    link.className = "feedback";
    link.href = address;
    link.textContent = "✎";
    link.setAttribute("aria-label", `Say what is wrong in: ${section}`);
    link.title = "Say what is wrong here";
    heading.append(link);
  }
});
