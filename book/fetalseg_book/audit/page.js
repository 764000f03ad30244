(() => {
  const audit = document.currentScript.parentElement, form = audit.querySelector("form");
  const rows = [...audit.querySelectorAll("tbody tr")], shown = audit.querySelector("output");
  const filter = () => {
    const {verdict, section, words} = Object.fromEntries(new FormData(form));
    const wanted = words.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !(
      (!verdict || row.dataset.verdict === verdict) && (!section || row.dataset.section === section) &&
      wanted.every(word => row.textContent.toLowerCase().includes(word)));
    shown.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} claims`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  filter();
})();
