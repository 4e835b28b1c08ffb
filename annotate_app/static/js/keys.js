// Keys: which dialog they belong to, and which command a letter means. Letters can be left to a filter box.
import { byId } from "./work.js";
import { openDialog, toggle } from "./dialogs.js";

const OFF = "cairn-letters-off"; // WCAG 2.1.4: keys that are single characters can be turned off
const switchBox = byId("letters");
let lettersOff = false;
try { lettersOff = localStorage.getItem(OFF) === "1"; } catch { /* then they are on */ }
switchBox.checked = !lettersOff;
switchBox.addEventListener("change", () => {
  lettersOff = !switchBox.checked;
  try { localStorage.setItem(OFF, lettersOff ? "1" : "0"); } catch { /* for this page only */ }
});

const WRITES = 'textarea, input:not([type="checkbox"]):not(#filter)';

// `handle(event)` returns true when it took the key.
export function onKeys(handle, { plainLetters = () => true } = {}) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.target.matches?.(WRITES)) return;
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if ((event.ctrlKey || event.metaKey) && !undo && !event.key.startsWith("Arrow")) return;
    const dialog = openDialog();
    const one = event.key.length === 1 && !undo;
    if (lettersOff && one && event.key !== " " && event.target.id !== "filter") return;
    if (dialog?.id === "flag" && /^[1-4]$/.test(event.key)) {
      dialog.querySelectorAll("[data-flag]")[Number(event.key) - 1].click();
      event.preventDefault();
      return;
    }
    if (event.key === "?" || (plainLetters() && event.key === "i") || (event.shiftKey && event.key === "I")) {
      const id = event.key === "?" ? "keys" : "guideline";
      if (!dialog || dialog.id === id) { toggle(id); event.preventDefault(); }
      return;
    }
    if (dialog && dialog.id !== "larger") return;
    if (handle(event)) event.preventDefault();
  });
}

const COMMANDS = { z: "undo", u: "unsure", f: "flag", x: "not", s: "skip", c: "comment", n: "none" };

// Which command a key means here; with a filter box letters belong to it, and commands take Shift.
export function command(event, plainLetters = true) {
  if (event.key === "PageUp") return "back";
  if (event.key === "PageDown") return "forward";
  if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() === "z" ? "undo" : null;
  const name = COMMANDS[event.key.toLowerCase()];
  return name && (plainLetters || event.shiftKey) ? name : null;
}
