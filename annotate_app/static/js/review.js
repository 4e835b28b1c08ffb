// The number keys press the buttons that show them.
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`)?.click();
});
