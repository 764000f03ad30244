/* The questions under "Test yourself". In the text each is a box of class self-test with a list of answers, the right
   one ticked, and under each answer why. Here the answers become buttons, and the why is shown to those who choose.
   What was chosen stays in this browser alone, and the side bar counts it for each chapter. */
(() => {
  const prefix = "fetalseg:self-test:";
  const read = (key, of = prefix) => {
    try { return JSON.parse(localStorage.getItem(of + key)) ?? {}; } catch { return {}; }
  };
  const keep = (key, value) => {
    try { localStorage.setItem(prefix + key, JSON.stringify(value)); } catch { /* a private window: asked, not kept */ }
  };
  const page = new URL(location.href).pathname;

  /* One question: its title names it, so an edited question is asked anew. */
  const ask = (box, chosen, tell) => {
    const name = box.querySelector(".admonition-title").textContent.trim();
    const answers = [...box.querySelectorAll("li.task-list-item")].map(item => {
      const [words, ...why] = item.children;
      const tick = item.querySelector("input");
      const button = document.createElement("button");
      button.type = "button";
      button.append(...[...words.childNodes].filter(node => node !== tick));
      const verdict = document.createElement("strong");
      verdict.textContent = tick.checked ? "Right. " : "Not this one. ";
      why[0]?.prepend(verdict);
      const reason = document.createElement("div");
      reason.className = "why";
      reason.append(...why);
      const spoken = document.createElement("div");
      spoken.setAttribute("role", "status");
      spoken.append(reason);
      item.replaceChildren(button, spoken);
      return {item, button, reason, right: tick.checked};
    });
    const show = index => answers.forEach(({item, button, reason, right}, at) => {
      button.setAttribute("aria-pressed", String(at === index));
      item.dataset.answer = at === index ? (right ? "right" : "wrong") : "";
      reason.hidden = at !== index;
    });
    answers.forEach(({button, right}, index) => button.addEventListener("click", () => {
      show(index);
      tell(name, {choice: index, right});
    }));
    show(chosen[name]?.choice);
    return {name, show};
  };

  const count = () => {
    for (const link of document.querySelectorAll(".bd-sidebar-primary nav a[href]")) {
      const path = new URL(link.href).pathname;
      const kept = [read(path), read(path, "fetalseg:exercises:")]; // questions, and exercises that run in the page
      const total = kept.reduce((sum, {total = 0}) => sum + total, 0);
      link.querySelector(".score")?.remove();
      if (!total) continue;
      const right = kept.flatMap(({chosen = {}}) => Object.values(chosen)).filter(answer => answer.right).length;
      const score = document.createElement("span");
      score.className = "score";
      score.textContent = ` ${right}/${total}`;
      score.title = `${right} of ${total} questions and exercises right`;
      link.append(score);
    }
  };

  addEventListener("DOMContentLoaded", () => {
    const boxes = [...document.querySelectorAll(".admonition.self-test")];
    if (boxes.length) {
      let {chosen = {}} = read(page);
      const tell = (name, answer) => {
        chosen[name] = answer;
        keep(page, {total: boxes.length, chosen});
        count();
      };
      const questions = boxes.map(box => ask(box, chosen, tell));
      const names = questions.map(({name}) => name);
      chosen = Object.fromEntries(Object.entries(chosen).filter(([name]) => names.includes(name)));
      const forget = document.createElement("button");
      forget.type = "button";
      forget.className = "forget";
      forget.textContent = "Forget my answers on this page";
      forget.addEventListener("click", () => {
        chosen = {};
        try { localStorage.removeItem(prefix + page); } catch { /* nothing was kept */ }
        questions.forEach(({show}) => show());
        count();
      });
      boxes.at(-1).after(forget);
    }
    count();
  });
  addEventListener("fetalseg:kept", count);
})();
