// What this browser holds of a person's answers: those on their way, and those that were not taken, with the reason.
import { t } from "./words.js";

export async function showHeld(outbox) {
  const dialog = document.getElementById("held") ?? make();
  const mine = (await outbox.kept.refused().catch(() => [])).filter((record) => record.person === outbox.person);
  const waiting = await outbox.pending();
  const list = dialog.querySelector("ul");
  dialog.querySelector("p").textContent = waiting.length ? t("held_waiting", { n: waiting.length }) : t("held_nothing_waits");
  list.replaceChildren(...mine.map((record) => {
    const li = document.createElement("li");
    const what = document.createElement("code");
    what.textContent = record.op === "undo" ? t("held_undo") : JSON.stringify(record.body.answer);
    const why = document.createElement("span");
    why.textContent = record.reason;
    li.append(what, why);
    return li;
  }));
  const head = dialog.querySelector("h3");
  head.hidden = !mine.length;
  head.textContent = t("held_refused", { n: mine.length });
  const forget = dialog.querySelector(".forget");
  forget.hidden = !mine.length;
  forget.onclick = async () => { await outbox.kept.forget(mine.map((record) => record.id)); dialog.close(); };
  if (!dialog.open) dialog.showModal();
}

function make() {
  const dialog = document.createElement("dialog");
  dialog.id = "held";
  dialog.setAttribute("aria-labelledby", "held-title");
  const element = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
  const head = element("div", "dialog-head");
  const title = element("h2", "", t("held_title"));
  title.id = "held-title";
  const close = element("button", "quiet icon", "✕");
  close.type = "button";
  close.ariaLabel = t("close");
  close.onclick = () => dialog.close();
  head.append(title, close);
  const forget = element("button", "forget", t("held_forget"));
  forget.type = "button";
  dialog.append(head, element("p", ""), element("h3", ""), element("ul", "held"), forget);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  return dialog;
}
