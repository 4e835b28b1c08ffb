// The short qualification: one picture after another, the known answer after each, then whether it was enough.
import { asPerson } from "./outbox.js";
import { t } from "./words.js";

const main = document.getElementById("main");
const quiz = JSON.parse(main.dataset.quiz); // [{sha256, question, options: [[value, label], ...]}]
const byId = (id) => document.getElementById(id);
const url = `/api/v1/campaigns/${encodeURIComponent(main.dataset.campaign)}/qualification`;
const answers = {};
let at = -1;
let onward = null;

async function post(given) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...asPerson(Number(document.body.dataset.person)) },
    body: JSON.stringify({ answers: given }),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

function ask() {
  at += 1;
  const { sha256, question, options } = quiz[at];
  byId("quiz-place").textContent = t("quiz_of", { k: at + 1, n: quiz.length });
  byId("quiz-question").textContent = question;
  byId("quiz-image").src = `/images/${sha256}?variant=view`;
  byId("quiz-verdict").textContent = "";
  byId("quiz-next").hidden = true;
  byId("quiz-options").replaceChildren(...options.map(([value, label], k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.value = value;
    const kbd = document.createElement("kbd");
    kbd.textContent = String(k + 1);
    button.append(kbd, ` ${label}`);
    button.addEventListener("click", () => answer(value));
    return button;
  }));
  byId("quiz-question").focus();
}

async function answer(value) {
  const { sha256, options } = quiz[at];
  if (answers[sha256]) return;
  answers[sha256] = value;
  try {
    const { told } = await post({ [sha256]: value });
    const right = told[sha256];
    const label = options.find(([known]) => known === right)?.[1] ?? right;
    byId("quiz-verdict").textContent = right === value ? `✓ ${t("right")}` : `✗ ${t("wrong", { answer: label })}`;
    byId("quiz-verdict").dataset.right = String(right === value);
    for (const button of byId("quiz-options").children) button.ariaPressed = String(button.dataset.value === right);
    next(t("next"), at + 1 < quiz.length ? ask : finish);
  } catch {
    delete answers[sha256];
    byId("quiz-verdict").textContent = t("trouble");
  }
}

async function finish() {
  let result;
  try { result = await post(answers); } catch { byId("quiz-verdict").textContent = t("trouble"); next(t("next"), finish); return; }
  byId("quiz-options").replaceChildren();
  byId("quiz-image").parentElement.hidden = true;
  byId("quiz-place").textContent = "";
  byId("quiz-question").textContent = "";
  byId("quiz-verdict").dataset.right = String(result.passed);
  byId("quiz-verdict").textContent = t(result.passed ? "passed" : "failed", { n: result.asked, right: result.right });
  if (result.passed) next(t("start"), () => location.assign(`/label/${main.dataset.campaign}`));
  else next(t("again"), () => location.reload());
}

function next(words, then) {
  const button = byId("quiz-next");
  button.firstChild.textContent = `${words} `;
  button.hidden = false;
  onward = then;
  button.focus();
}

byId("quiz-next").addEventListener("click", () => onward?.());
byId("begin").addEventListener("click", () => {
  byId("read").hidden = byId("begin-quiz").hidden = true;
  byId("quiz").hidden = false;
  ask();
});
document.addEventListener("keydown", (event) => {
  if (byId("quiz").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const button = /^[1-9]$/.test(event.key) && byId("quiz-options").children[Number(event.key) - 1];
  if (button) { button.click(); event.preventDefault(); }
});
