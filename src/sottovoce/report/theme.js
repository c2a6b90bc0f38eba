"use strict";
// Follow the system until the reader chooses; a chosen theme is remembered where the browser allows it.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const recall = () => { try { return localStorage.getItem("sottovoce-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("sottovoce-theme", theme); } catch { /* private */ } };
  const shown = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");

  if (["light", "dark"].includes(recall())) root.dataset.theme = recall();
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const say = () => { button.textContent = shown() === "dark" ? "☀ Light theme" : "☾ Dark theme"; };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = shown() === "dark" ? "light" : "dark";
      keep(root.dataset.theme);
      say();
    });
    dark.addEventListener("change", say);
    say();
  });
})();
