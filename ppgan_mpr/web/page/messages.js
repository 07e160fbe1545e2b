// The server's messages in the page's language.

import { has, list, text } from "./translations.js";

/** The sentence for a message or error: {code, message, parameters}. */
export function sentence(said) {
  const { code, message, parameters = {} } = said;
  const values = { ...parameters, message };
  if (parameters.field) values.field = fieldName(parameters.field);
  if (parameters.task) values.task = named("task", parameters.task);
  if (parameters.state) values.state = named("ended", parameters.state);
  if (parameters.models) values.models = list(parameters.models);
  if (parameters.items) values.items = list(parameters.items.map(item));
  if (parameters.better) values.better = parameters.better.model;
  if (has(`said.${code}`)) return text(`said.${code}`, values);
  return text("said.other", values);
}

/** A duration in words: seconds below two minutes, else minutes. */
export function duration(seconds) {
  const whole = Math.ceil(seconds);
  if (whole < 120) return text("seconds", { seconds: whole });
  return text("minutes", { minutes: Math.round(whole / 60) });
}

/** The name of a degradation in the page's language. */
export function degradation(name) {
  return named("found", name);
}

function named(kind, name) {
  const key = `${kind}.${name}`;
  return has(key) ? text(key) : name;
}

function fieldName(name) {
  return has(name) ? text(name) : name;
}

/** The name of data that a result lacks, such as "the transparency". */
function item(english) {
  const key = `item.${english.replace(/( \(|, which ).*/s, "")}`;
  return has(key) ? text(key) : text("item", { english });
}
