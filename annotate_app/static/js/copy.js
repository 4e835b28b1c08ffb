// The button that copies the address of a page of given pictures.
import { t } from "./words.js";

const button = document.getElementById("copy");
const link = document.getElementById("link");
link.addEventListener("focus", () => link.select());
button.hidden = !navigator.clipboard;
button.addEventListener("click", async () => {
  await navigator.clipboard.writeText(link.value);
  button.textContent = t("copied");
});
