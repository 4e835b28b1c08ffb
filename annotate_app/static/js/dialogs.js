// The sheets over the work: guideline, keys, flag, comment.
import { byId, ownFigures } from "./work.js";

export const openDialog = () => document.querySelector("dialog[open]");
export function toggle(id) {
  const dialog = byId(id);
  if (dialog.open) { dialog.close(); return; }
  dialog.showModal();
  if (id === "guideline") ownFigures();
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
byId("guideline-button").addEventListener("click", () => toggle("guideline"));
for (const button of document.querySelectorAll(".keys-button")) button.addEventListener("click", () => toggle("keys"));

// ---- Flag: then({flag, comment?}).
let flagged = null;
export function askFlag(then) {
  flagged = then;
  byId("flag-reason").value = "";
  byId("flag").showModal();
  byId("flag").querySelector("[data-flag]").focus();
}
for (const button of byId("flag").querySelectorAll("[data-flag]")) {
  button.addEventListener("click", () => {
    const comment = byId("flag-reason").value.trim();
    byId("flag").close();
    flagged?.({ flag: button.dataset.flag, ...(comment ? { comment } : {}) });
  });
}

// ---- Comment: then(text), '' where it was taken away.
let commented = null;
export function askComment(text, then) {
  commented = then;
  byId("comment-text").value = text;
  byId("comment").showModal();
  byId("comment-text").focus();
}
byId("comment").querySelector("form.say").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("comment-text").blur(); // else it keeps the focus until the next frame, and takes the next key with it
  byId("comment").close();
  commented?.(byId("comment-text").value.trim());
});
byId("comment-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); byId("comment").querySelector("form.say").requestSubmit(); }
});
