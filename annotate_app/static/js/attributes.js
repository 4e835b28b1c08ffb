// Attributes: the questions of the picture's category in order, one at a time, one key each.
import { byId, categories, explain } from "./work.js";
import { Single, choiceButton } from "./single.js";
import { command, onKeys } from "./keys.js";
import { t } from "./words.js";

const KEYS = "1234567890qwertyopghjklvbm"; // beside the commands: z u f s c n i x a d

let questions = [];
let at = 0;
let values = {};
let picked = new Set(); // choices of a question where several may be chosen

const single = new Single((item, given) => {
  const category = categories.get(item?.category);
  questions = category?.attributes ?? [];
  byId("asked").textContent = category?.name ?? "";
  explain(category);
  values = { ...given?.values };
  at = 0;
  ask();
});
single.onUndo = undo;

function ask() {
  const question = questions[at];
  byId("answered").replaceChildren(...questions.slice(0, at).map((done, k) => {
    const li = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = `${done.name}: ${said(values[done.name])}`;
    button.addEventListener("click", () => { at = k; ask(); });
    li.append(button);
    return li;
  }));
  byId("question").textContent = question ? `${question.name}?` : "";
  byId("question-hint").textContent = question
    ? [t("question_of", { k: at + 1, n: questions.length }), question.multiple && t("several"), suggested(question)]
      .filter(Boolean).join(" · ") : "";
  picked = new Set(question?.multiple && Array.isArray(values[question.name]) ? values[question.name] : []);
  showChoices();
}

function suggested(question) {
  const value = single?.item?.suggestion?.values?.[question.name];
  return value === undefined ? "" : t("suggested", { name: said(value) });
}

const said = (value) => [value].flat().map((word) => (word === "unsure" ? t("unsure") : word)).join(", ") || t("none");

function showChoices() {
  const question = questions[at];
  if (!question) { byId("answers").replaceChildren(); return; }
  const buttons = question.choices.map((choice, k) => {
    const button = choiceButton(KEYS[k] ?? "", choice, () => choose(choice));
    if (question.multiple) button.ariaPressed = String(picked.has(choice));
    else if (values[question.name] === choice) button.ariaPressed = "true";
    return button;
  });
  buttons.push(choiceButton("u", t("unsure"), () => give("unsure")));
  if (question.multiple) {
    const done = choiceButton("Enter", picked.size ? t("done") : t("none_of_these"), () => give([...picked]));
    done.className = "primary";
    buttons.push(done);
  }
  byId("answers").replaceChildren(...buttons);
}

function choose(choice) {
  if (!questions[at].multiple) { give(choice); return; }
  if (!picked.delete(choice)) picked.add(choice);
  showChoices();
}

function give(value) {
  const question = questions[at];
  values[question.name] = Array.isArray(value) ? question.choices.filter((choice) => value.includes(choice)) : value;
  at += 1;
  if (at < questions.length) { ask(); return; }
  single.answer({ values });
}

// Back one question; from the first, back to the picture before, at its last question.
function undo() {
  if (at > 0) { at -= 1; ask(); return; }
  const answer = single.undo();
  if (answer?.values) { values = { ...answer.values }; at = questions.length - 1; ask(); }
}

onKeys((event) => {
  if (event.target.closest?.("button, a") && [" "].includes(event.key)) return false;
  const name = command(event);
  if (name === "unsure") { if (questions[at]) give("unsure"); return true; }
  if (single.obey(name)) return true;
  if (event.key === "ArrowLeft") { single.back(); return true; }
  if (event.key === "ArrowRight") { single.forward(); return true; }
  const question = questions[at];
  if (!question || event.ctrlKey || event.metaKey) return false;
  const only = event.shiftKey && /^Digit[0-9]$/.test(event.code); // ⇧2: the second alone, and on
  const k = only ? KEYS.indexOf(event.code.slice(-1)) : event.key.length === 1 ? KEYS.indexOf(event.key.toLowerCase()) : -1;
  const choice = question.choices[k];
  if (choice !== undefined) {
    if (only && question.multiple) give([choice]); else choose(choice);
    return true;
  }
  if (event.key === "Enter" && question.multiple) { give([...picked]); return true; }
  return false;
});

await single.start();
