"use strict";
// Filters what the page shows; everything is there without it.
(() => {
  const form = document.querySelector("form.controls");
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  const entries = [...document.querySelectorAll("article.case, tr.line")].map((node) => ({
    node,
    tone: node.dataset.tone,
    text: node.textContent.toLowerCase(),
  }));
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tones = new Set([...form.querySelectorAll("input[name=tone]:checked")].map((box) => box.value));
    let shown = 0;
    let cases = 0;
    for (const { node, tone, text } of entries) {
      const fits = tones.has(tone) && words.every((word) => text.includes(word));
      node.hidden = !fits;
      if (node.tagName === "ARTICLE") {
        cases += 1;
        shown += fits ? 1 : 0;
      }
    }
    count.textContent = cases ? `${shown} of ${cases} shown` : "";
    if (none) none.hidden = shown > 0 || cases === 0;
  };
  form.addEventListener("input", apply);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      apply();
    }
  });
  // What a link leads to must not be folded away, and paper has nothing to unfold.
  const unfold = (node) => {
    for (let outer = node; outer; outer = outer.parentElement) {
      if (outer.tagName === "DETAILS") outer.open = true;
      outer.hidden = false;
    }
    const inner = node && node.querySelector("details");
    if (inner) inner.open = true;
  };
  const target = () => {
    const node = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!node) return;
    unfold(node);
    node.scrollIntoView();
  };
  addEventListener("hashchange", target);
  if (location.hash) target();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("article.case details:not([open]), .ledger > details:not([open])")];
    for (const node of folded) node.open = true;
  });
  addEventListener("afterprint", () => {
    for (const node of folded) node.open = false;
  });
  apply();
})();
