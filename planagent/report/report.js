"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const panel = by("panel"), told = by("told");
  let last = null;
  const close = () => { panel.hidden = true; if (last) last.focus(); };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.t");
    if (!button) return;
    last = button;
    told.replaceChildren(...button.parentElement.dataset.s.split(" ").map((n) => {
      const copy = by("s" + n).cloneNode(true);
      copy.removeAttribute("id");
      return copy;
    }));
    panel.hidden = false;
  });
  by("close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) close(); });
  by("only").addEventListener("change", (event) => {
    const wanted = event.target.value;
    for (const doc of document.querySelectorAll(".doc")) {
      let shown = 0;
      for (const line of doc.querySelectorAll("li.u")) {
        line.hidden = Boolean(wanted) && line.dataset.k !== wanted;
        shown += line.hidden ? 0 : 1;
      }
      doc.hidden = Boolean(wanted) && !shown;
      if (wanted) doc.open = shown > 0;
    }
  });
  const find = by("find");
  if (find) find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let hits = 0;
    for (const task of document.querySelectorAll(".task")) {
      const text = task.textContent.toLowerCase();
      task.hidden = !words.every((w) => text.includes(w));
      hits += task.hidden ? 0 : 1;
    }
    by("hits").textContent = words.length ? hits + " found" : "";
  });
  const reveal = () => {
    let target = location.hash.length > 1 ? by(decodeURIComponent(location.hash.slice(1))) : null;
    const first = target;
    for (; target; target = target.parentElement) if (target.tagName === "DETAILS") target.open = true;
    if (first) first.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  document.documentElement.dataset.ready = "1";
})();
