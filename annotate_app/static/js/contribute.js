// Giving pictures: each is shown before it is sent, sent by itself, and says what became of it. Without this file the
// form sends all at once. Sending a picture again is harmless: the form's receipt makes it the same as once.
import { t } from "./words.js";

const form = document.getElementById("give");
const input = document.getElementById("pictures");
const drop = document.getElementById("drop");
const list = document.getElementById("gifts");
const problem = document.getElementById("gifts-problem");
const send = document.getElementById("send");
const sending = document.getElementById("sending");
const most = Number(form.dataset.most);
const maxBytes = Number(form.dataset.maxBytes);
const AT_ONCE = 2;
const gifts = [];
let link = null;
let busy = false;

const WORDS = { ready: "", sending: t("sending"), taken: t("taken"), known: t("known"), refused: t("refused"), failed: t("failed") };
const OVER = new Set(["taken", "known", "refused"]);

form.classList.add("scripted");
input.required = false;
input.addEventListener("change", () => { add(input.files); input.value = ""; });
for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add(event.dataTransfer.files);
});
addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });
form.addEventListener("submit", (event) => { event.preventDefault(); give(); });
show();

function add(files) {
  say("");
  if (busy) return;
  const refused = [];
  for (const file of files) {
    if (gifts.some((gift) => gift.file.name === file.name && gift.file.size === file.size && gift.file.lastModified === file.lastModified)) continue;
    if (gifts.filter((gift) => !OVER.has(gift.state)).length >= most) { refused.push(t("most", { n: most })); break; }
    if (file.size > maxBytes) { refused.push(t("too_large", { name: file.name, mb: Math.round(maxBytes / 1048576) })); continue; }
    if (file.type && !file.type.startsWith("image/")) { refused.push(t("not_picture", { name: file.name })); continue; }
    gifts.push(row({ file, state: "ready", share: 0, reason: "" }));
  }
  if (refused.length) say(`${refused.join("; ")}.`);
  show();
}

function row(gift) {
  gift.item = document.createElement("li");
  const image = document.createElement("img");
  image.alt = "";
  image.src = URL.createObjectURL(gift.file);
  image.addEventListener("error", () => gift.item.classList.add("unseen"));
  const name = document.createElement("p");
  name.className = "gift-name";
  name.textContent = gift.file.name;
  gift.word = document.createElement("p");
  gift.word.className = "gift-state";
  gift.bar = document.createElement("progress");
  gift.bar.max = 1;
  gift.bar.setAttribute("aria-label", t("sent", { name: gift.file.name }));
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "quiet icon";
  remove.textContent = "✕";
  remove.setAttribute("aria-label", t("leave_out", { name: gift.file.name }));
  remove.addEventListener("click", () => {
    URL.revokeObjectURL(image.src);
    gifts.splice(gifts.indexOf(gift), 1);
    gift.item.remove();
    show();
    input.focus();
  });
  gift.remove = remove;
  const frame = document.createElement("div");
  frame.className = "gift-look";
  frame.append(image, remove);
  gift.item.append(frame, name, gift.bar, gift.word);
  list.append(gift.item);
  return gift;
}

function show() {
  list.hidden = !gifts.length;
  for (const gift of gifts) {
    gift.item.dataset.state = gift.state;
    gift.word.textContent = gift.reason ? `${WORDS[gift.state]}: ${gift.reason}` : WORDS[gift.state];
    gift.bar.hidden = gift.state !== "sending";
    gift.bar.value = gift.share;
    gift.remove.hidden = busy || OVER.has(gift.state);
  }
  const left = gifts.filter((gift) => !OVER.has(gift.state)).length;
  const failed = gifts.filter((gift) => gift.state === "failed").length;
  send.disabled = busy;
  send.textContent = failed && !busy ? t("again", { n: failed }) : left ? t("give", { n: left }) : t("give_none");
}

function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

async function give() {
  const waiting = gifts.filter((gift) => !OVER.has(gift.state));
  if (busy) return;
  if (!waiting.length) { say(t("choose_first")); drop.scrollIntoView({ block: "center" }); input.focus(); return; }
  say("");
  busy = true;
  const words = new FormData(form);
  words.delete("pictures");
  let stop = "";
  const queue = [...waiting];
  const worker = async () => {
    while (queue.length && !stop) {
      const gift = queue.shift();
      gift.state = "sending";
      gift.share = 0;
      gift.reason = "";
      show();
      stop = await sendOne(gift, words) || stop;
      const done = waiting.filter((one) => OVER.has(one.state)).length;
      sending.textContent = t("progress", { done, all: waiting.length });
      show();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  busy = false;
  sending.textContent = "";
  show();
  if (stop) { say(stop); return; }
  const unhappy = gifts.filter((gift) => gift.state === "refused" || gift.state === "failed");
  const target = link ?? (document.body.dataset.person ? "/contributions/mine" : null);
  if (!unhappy.length && target) { location.assign(target); return; }
  if (unhappy.some((gift) => gift.state === "failed")) say(t("some_lost"));
  else if (link) {
    say(`${t("some_refused")} `);
    const onward = document.createElement("a");
    onward.href = link;
    onward.textContent = t("onward");
    problem.append(onward);
  } else say(t("none_taken"));
}

// Sends one picture; resolves to a sentence where nothing more should be sent, else to nothing.
function sendOne(gift, words) {
  return new Promise((resolve) => {
    const body = new FormData();
    for (const [name, value] of words) body.append(name, value);
    body.append("pictures", gift.file, gift.file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/contributions");
    if (document.body.dataset.person) request.setRequestHeader("X-Cairn-Person", document.body.dataset.person);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) { gift.share = event.loaded / event.total; gift.bar.value = gift.share; } });
    const fail = () => { gift.state = "failed"; gift.reason = navigator.onLine ? "" : t("no_network"); resolve(""); };
    request.addEventListener("error", fail);
    request.addEventListener("timeout", fail);
    request.addEventListener("load", () => {
      const answer = request.response ?? {};
      const told = answer.pictures?.[0];
      if (told) {
        link = answer.link ?? link;
        gift.state = told.status;
        gift.reason = told.reason ?? "";
        resolve("");
      } else {
        gift.state = "failed";
        const detail = answer.detail ?? t("trouble");
        gift.reason = "";
        resolve(`${detail[0].toUpperCase()}${detail.slice(1)}.${answer.hint ? ` ${answer.hint[0].toUpperCase()}${answer.hint.slice(1)}.` : ""}`);
      }
    });
    request.send(body);
  });
}
