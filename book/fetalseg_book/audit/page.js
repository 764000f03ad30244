(() => {
  const audit = document.currentScript.parentElement, form = audit.querySelector("form");
  const rows = [...audit.querySelectorAll("tbody tr")], shown = audit.querySelector("output");
  const wrong = verdict => verdict.startsWith("contradict");
  const filter = () => {
    const {verdict, section, words} = Object.fromEntries(new FormData(form));
    const wanted = words.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !(
      (!verdict || row.dataset.verdict === verdict || verdict === "wrong" && wrong(row.dataset.verdict)) && (!section || row.dataset.section === section) &&
      wanted.every(word => row.textContent.toLowerCase().includes(word)));
    for (const stage of audit.querySelectorAll("details")) {
      const inside = [...stage.querySelectorAll("tbody tr")], left = inside.filter(row => !row.hidden).length;
      stage.hidden = !left;
      if (section && left) stage.open = true;
      stage.querySelector("summary span").textContent = `(${left} of ${inside.length} claims)`;
    }
    shown.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} claims`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  filter();
})();
