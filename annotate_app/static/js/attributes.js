// Attributes: the questions of the picture's category in order, one at a time, one key each.
import { byId, categories, command, explain, onKeys } from "./work.js";
import { Single, choiceButton } from "./single.js";

let questions = [];
let at = 0;
let values = {};
let picked = new Set(); // choices of a question where several may be chosen

const single = new Single((item) => {
  const category = categories.get(item?.category);
  questions = category?.attributes ?? [];
  byId("asked").textContent = category?.name ?? "";
  explain(category);
  values = {};
  at = 0;
  ask();
});

function ask() {
  const question = questions[at];
  byId("answered").replaceChildren(...questions.slice(0, at).map((done, k) => {
    const li = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = `${done.name}: ${[values[done.name]].flat().join(", ") || "none"}`;
    button.addEventListener("click", () => { at = k; ask(); });
    li.append(button);
    return li;
  }));
  byId("question").textContent = question ? `${question.name}?` : "";
  byId("question-hint").textContent = question
    ? `${at + 1} of ${questions.length}${question.multiple ? " · several may be chosen" : ""}` : "";
  picked = new Set(question?.multiple && Array.isArray(values[question.name]) ? values[question.name] : []);
  showChoices();
}

function showChoices() {
  const question = questions[at];
  if (!question) { byId("answers").replaceChildren(); return; }
  const buttons = question.choices.map((choice, k) => {
    const button = choiceButton(k < 9 ? String(k + 1) : "", choice, () => choose(choice));
    if (question.multiple) button.ariaPressed = String(picked.has(choice));
    return button;
  });
  buttons.push(choiceButton("u", "unsure", () => give("unsure")));
  if (question.multiple) {
    const done = choiceButton("Enter", picked.size ? "done" : "none of these", () => give([...picked]));
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

byId("undo").addEventListener("click", undo);

onKeys((event) => {
  if (event.target.closest?.("button, a") && [" "].includes(event.key)) return false;
  switch (command(event)) {
    case "undo": undo(); return true;
    case "flag": single.flag(); return true;
    case "unsure": if (questions[at]) give("unsure"); return true;
  }
  const question = questions[at];
  if (!question || event.ctrlKey || event.metaKey) return false;
  if (/^[1-9]$/.test(event.key)) {
    const choice = question.choices[Number(event.key) - 1];
    if (choice !== undefined) choose(choice);
    return true;
  }
  if (event.key === "Enter" && question.multiple) { give([...picked]); return true; }
  return false;
});

await single.start();
