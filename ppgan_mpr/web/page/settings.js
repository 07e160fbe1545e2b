// The settings above the list: the task and its options.

import { has, list, text } from "./translations.js";

const field = (name) => document.getElementById(name);
const NONE = "";

let tasks = [];
let auto = null;

/** Takes the server's choices and selects the automatic task. */
export function offer(choices) {
  ({ tasks, auto } = choices);
  fillTasks();
}

/** Whether the server's choices are known. */
export function known() {
  return tasks.length > 0;
}

/** Number of views that the chosen task needs. */
export function views() {
  return task()?.views ?? 1;
}

/** The fields of the API's form: a value, or a list of values. */
export function chosen() {
  const names = ["network", "model", "scale", "strength", "max_size"];
  const fields = Object.fromEntries(names.map((name) => [name, field(name).value]));
  if (!task()) fields.network = NONE;
  if (field("scale-row").hidden) fields.scale = NONE;
  return { ...fields, task: [field("task").value, field("then").value].filter(Boolean) };
}

/** The name of a task in the page's language. */
export function taskName(name) {
  if (name === auto?.name) return text("auto");
  const named = (one) => (has(`task.${one}`) ? text(`task.${one}`) : one);
  return name.split("+").map(named).join(" + ");
}

/** The chosen task; undefined for the automatic task. */
function task() {
  return tasks.find((one) => one.name === field("task").value);
}

/** All chosen tasks in order; for the automatic task all that it may choose. */
function steps() {
  const names = task() ? [field("task").value, field("then").value] : auto.tasks;
  return names.map((name) => tasks.find((one) => one.name === name)).filter(Boolean);
}

/** Fills a select element and keeps its choice if it still exists. */
function fill(select, options) {
  const kept = select.value;
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  if (options.some(([value]) => value === kept)) select.value = kept;
}

function unique(values) {
  return [...new Set(values)];
}

/** Fills the tasks and all settings that depend on them, in the page's language. */
export function fillTasks() {
  const names = [auto.name, ...tasks.map(({ name }) => name)];
  fill(field("task"), names.map((name) => [name, taskName(name)]));
  fillThen();
}

function fillThen() {
  const first = task();
  const others = tasks.filter((one) => one !== first && one.joins && together([first, one]).length);
  field("then-row").hidden = !first?.joins || others.length === 0;
  const options = field("then-row").hidden ? [] : others.map(({ name }) => [name, taskName(name)]);
  fill(field("then"), [[NONE, text("thenNothing")], ...options]);
  fillNetworks();
}

/** The first task's weights whose network and model all other tasks have too; ready ones first. */
function together(wanted) {
  const [first, ...others] = wanted.filter(Boolean);
  const same = (one, other) => one.network === other.network && one.model === other.model;
  return (first?.weights ?? [])
    .filter((one) => others.every(({ weights }) => weights.some((other) => same(one, other))))
    .sort((one, other) => other.ready - one.ready);
}

/** The weights to choose from. */
function offered() {
  if (task()) return together(steps());
  const all = steps().flatMap(({ weights }) => weights);
  return all.sort((one, other) => other.embedded - one.embedded);
}

function fillNetworks() {
  field("network-row").hidden = !task();
  fill(field("network"), [...new Map(offered().map((one) => [one.network, one.title]))]);
  field("right-row").hidden = views() !== 2;
  fillModels();
}

function ofNetwork() {
  return task() ? offered().filter((one) => one.network === field("network").value) : offered();
}

function fillModels() {
  const own = ofNetwork();
  fill(field("model"), unique(own.map((one) => one.model)).map((model) => {
    const alike = own.filter((one) => one.model === model);
    const { megabytes } = alike[0];
    let key = megabytes && task() ? "downloaded" : "downloadedOnce";
    if (alike.every((one) => one.ready)) key = "ready";
    if (alike.some((one) => one.embedded)) key = "embedded";
    return [model, text(key, { model, megabytes })];
  }));
  const scales = unique(own.map((one) => one.scale)).filter((scale) => scale !== null);
  field("scale-row").hidden = scales.length === 0;
  fill(field("scale"), scales.map((scale) => [String(scale), `${scale} ×`]));
  showHint();
}

/** Shows the purpose of the task, and a warning if the chosen weights are weak or missing. */
function showHint() {
  const model = field("model").value;
  const one = task();
  const own = one && ofNetwork().find((weights) => weights.model === model);
  const note = own && (has(`note.${own.name}`) ? text(`note.${own.name}`) : text("ownNote", own));
  const hint = one && (has(`hint.${one.name}`) ? text(`hint.${one.name}`) : text("ownHint", one));
  const parts = one ? [purpose(one), hint, note] : [text("autoHint")];
  field("hint").textContent = parts.filter(Boolean).join(" ");
  const weak = steps().map((step) => weakness(step, model)).filter(Boolean);
  field("warning").textContent = weak.join(" ");
  field("warning").hidden = weak.length === 0;
}

function purpose({ name, purpose: english }) {
  return has(`purpose.${name}`) ? text(`purpose.${name}`) : `${english}.`;
}

/** A warning if the chosen model is weak or missing for a task, with better models. */
function weakness({ name, weights }, model) {
  const network = task() ? field("network").value : weights[0].network;
  const own = weights.find((one) => one.network === network && one.model === model);
  if (own && !own.weakness) return "";
  const values = { task: taskName(name), model, better: own?.better?.model };
  if (own) return text(own.better ? "weak" : "weakAlone", values);
  const others = unique(weights.map((one) => one.model).filter((other) => other !== model));
  return text("missing", { ...values, better: list(others) });
}

field("task").addEventListener("change", fillThen);
field("then").addEventListener("change", fillNetworks);
field("network").addEventListener("change", fillModels);
field("model").addEventListener("change", showHint);
field("strength").addEventListener("input", showStrength);

function showStrength() {
  field("strength-value").textContent = `${Math.round(field("strength").value * 100)} %`;
}

showStrength(); // browsers keep the value when the page is reloaded
