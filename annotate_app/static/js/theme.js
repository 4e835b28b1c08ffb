// Light or dark: by the system, or as the reader chose; set before the first paint, so nothing flashes.
(() => {
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("cairn-theme"); } catch { return null; } };
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (kept()) root.dataset.theme = kept();
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("cairn-theme", root.dataset.theme); } catch { /* then for this page only */ }
  });
})();
