// The page: what to restore and how, and the list of pictures.

import { call } from "./api.js";
import { Picture, sentence } from "./picture.js";
import { has, preferredLanguage, setLanguage, text } from "./translations.js";

const field = (name) => document.getElementById(name);
const form = field("form");
const drop = field("drop");
const files = field("files");
const right = field("right");
const notice = field("notice");

let pictures = [];
let tasks = [];

const page = {
  limits: { upload: Infinity },
  add(added, restore = false) {
    pictures.push(...added);
    if (restore) for (const picture of added) picture.restore(chosen());
    update();
  },
  forget(picture) {
    pictures = pictures.filter((other) => other !== picture);
    update();
  },
  notify(message) {
    notice.textContent = message;
  },
  taskName(name) {
    return has(`task.${name}`) ? text(`task.${name}`) : name;
  },
};

function update() {
  const ready = pictures.some((picture) => picture.state === "ready");
  field("restore").disabled = !(ready && tasks.length);
}

function task() {
  return tasks.find((one) => one.name === field("task").value);
}

/** Fills a select; keeps its choice where it is still there. */
function fill(select, options) {
  const kept = select.value;
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  if (options.some(([value]) => value === kept)) select.value = kept;
}

function unique(values) {
  return [...new Set(values)];
}

function fillTasks() {
  fill(field("task"), tasks.map(({ name }) => [name, page.taskName(name)]));
  fillNetworks();
}

function fillNetworks() {
  const titles = new Map(offered().map((one) => [one.network, one.title]));
  fill(field("network"), [...titles]);
  field("right-row").hidden = task().views !== 2;
  fillModels();
}

/** The weights for the task; those that need no download come first. */
function offered() {
  return [...task().weights].sort((one, other) => other.embedded - one.embedded);
}

function fillModels() {
  const own = offered().filter((one) => one.network === field("network").value);
  fill(field("model"), unique(own.map((one) => one.model)).map((model) => {
    const { embedded, megabytes } = own.find((one) => one.model === model);
    const key = embedded ? "embedded" : megabytes ? "downloaded" : "downloadedOnce";
    return [model, text(key, { model, megabytes })];
  }));
  const scales = unique(own.map((one) => one.scale)).filter((scale) => scale !== null);
  field("scale-row").hidden = scales.length === 0;
  fill(field("scale"), scales.map((scale) => [String(scale), `${scale} ×`]));
  showHint();
}

/** What the task is for, and what its weights cannot do. */
function showHint() {
  const { name, purpose, hint } = task();
  const key = `purpose.${name}`;
  const { note, weakness } = offered().find(
    (one) => one.network === field("network").value && one.model === field("model").value,
  );
  const own = has(key) ? [`${text(key)}。`] : [`${purpose}.`, hint];
  const warning = weakness && text("weakness", { weakness });
  field("hint").textContent = [...own, note, warning].filter(Boolean).join(" ");
}

/** The form's fields of the API. */
function chosen() {
  const names = ["task", "network", "model", "scale", "strength"];
  return Object.fromEntries(names.map((name) => [name, field(name).value]));
}

function choose(given, partners = []) {
  page.notify("");
  if (task()?.views === 2) {
    if (given.length !== partners.length) {
      page.notify(text("error.pairs"));
      return;
    }
  }
  page.add(given.map((file, i) => new Picture(file, partners[i], page)));
  files.value = right.value = "";
}

function fromInputs() {
  const partners = task()?.views === 2 ? [...right.files] : [];
  const complete = task()?.views !== 2 || right.files.length > 0;
  if (files.files.length && complete) choose([...files.files], partners);
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
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const ready = pictures.filter((picture) => picture.state === "ready");
  for (const picture of ready) picture.restore(chosen());
  update();
});
field("task").addEventListener("change", fillNetworks);
field("network").addEventListener("change", fillModels);
field("model").addEventListener("change", showHint);
field("strength").addEventListener("input", showStrength);
field("language").addEventListener("change", () => speak(field("language").value));

function showStrength() {
  const percent = `${Math.round(field("strength").value * 100)} %`;
  field("strength-value").textContent = percent;
}

function speak(language) {
  setLanguage(language);
  field("language").value = language;
  if (tasks.length) fillTasks();
  for (const picture of pictures) picture.draw();
}

async function start() {
  speak(preferredLanguage());
  showStrength();
  try {
    ({ tasks, limits: page.limits } = await call("/choices"));
  } catch (error) {
    page.notify(sentence(error));
    return;
  }
  // What needs no download is offered first.
  const included = tasks.find(({ weights }) => weights.some((one) => one.embedded));
  fillTasks();
  if (included) field("task").value = included.name;
  fillNetworks();
  update();
}

start();
