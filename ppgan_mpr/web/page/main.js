// The page: adds chosen files as rows of the list, and starts their restoration.

import { call } from "./api.js";
import { sentence } from "./messages.js";
import { Picture } from "./picture.js";
import * as settings from "./settings.js";
import { preferredLanguage, setLanguage, text } from "./translations.js";
import { describe } from "./viewer.js";

const field = (name) => document.getElementById(name);
const drop = field("drop");
const files = field("files");
const right = field("right");

let pictures = [];
let notice = () => ""; // called again when the language changes

const page = {
  limits: { upload: Infinity },
  add(added, fields = null) {
    pictures.push(...added);
    if (fields) for (const picture of added) picture.restore(fields);
    update();
  },
  forget(picture) {
    pictures = pictures.filter((other) => other !== picture);
    update();
  },
  notify(saying) {
    notice = saying;
    field("notice").textContent = notice();
  },
};

function update() {
  const ready = pictures.some((picture) => picture.state === "ready");
  field("restore").disabled = !(ready && settings.known());
}

function choose(given, partners = []) {
  if (settings.views() === 2 && given.length !== partners.length) {
    page.notify(() => text("error.pairs"));
    return;
  }
  page.notify(() => "");
  page.add(given.map((file, i) => new Picture(file, partners[i], page)));
  files.value = right.value = "";
}

function fromInputs() {
  const pairs = settings.views() === 2;
  if (files.files.length && (!pairs || right.files.length)) {
    choose([...files.files], pairs ? [...right.files] : []);
  }
  showUnpaired();
}

/** Shows how many pictures still need their right views. */
function showUnpaired() {
  const count = settings.views() === 2 ? files.files.length : 0;
  field("waiting-files").textContent = count ? text("chosenPictures", { count }) : "";
}

files.addEventListener("change", fromInputs);
right.addEventListener("change", fromInputs);
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const given = [...event.dataTransfer.files];
  if (given.length) choose(given);
});
field("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!field("max_size").checkValidity()) {
    page.notify(() => text("error.max_size"));
    field("max_size").focus();
    return;
  }
  page.notify(() => "");
  const ready = pictures.filter((picture) => picture.state === "ready");
  for (const picture of ready) picture.restore(settings.chosen());
  update();
});
window.addEventListener("beforeunload", (event) => {
  if (pictures.some((picture) => picture.working)) event.preventDefault();
});
window.addEventListener("pagehide", () => {
  for (const picture of pictures) picture.abandon();
});
field("language").addEventListener("change", () => speak(field("language").value));

function speak(language) {
  setLanguage(language);
  field("language").value = language;
  if (settings.known()) settings.fillTasks();
  for (const picture of pictures) picture.draw();
  describe();
  showUnpaired();
  page.notify(notice);
}

async function start() {
  speak(preferredLanguage());
  try {
    const choices = await call("/choices");
    page.limits = choices.limits;
    settings.offer(choices);
  } catch (error) {
    page.notify(() => sentence(error));
    return;
  }
  update();
}

start();
