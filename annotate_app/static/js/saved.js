// On pages without work: send what an earlier page left waiting, and say how much that is.
import { Outbox, showSaved } from "./outbox.js";

const person = Number(document.body.dataset.person);
if (person) {
  const outbox = new Outbox(person);
  const element = document.getElementById("saved");
  await outbox.ready;
  if ((await outbox.pending()).length) showSaved(outbox, element);
  await outbox.start();
}
