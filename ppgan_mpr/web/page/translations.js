// The language of the page, and the translation of its elements.

import { CHINESE } from "./chinese.js";
import { ENGLISH } from "./english.js";

export const TEXTS = { en: ENGLISH, zh: CHINESE };
let language = "en";

/** The initial language: the last choice, else the browser's language. */
export function preferredLanguage() {
  const chosen = localStorage.getItem("language");
  if (chosen in TEXTS) return chosen;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

/** Shows the whole page in a language. */
export function setLanguage(name) {
  language = name;
  localStorage.setItem("language", name);
  document.documentElement.lang = name;
  document.title = text("title");
  translate(document);
}

/** Whether the current language has a text of its own for a key. */
export function has(key) {
  return key in TEXTS[language];
}

/** The text for a key, with {names} replaced by values. */
export function text(key, values = {}) {
  const found = TEXTS[language][key] ?? ENGLISH[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Joins several words to one phrase. */
export function list(words) {
  return [...new Set(words)].join(text("and"));
}

/** Translates all elements below the root: their content, ARIA label or placeholder. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.textContent = text(element.dataset.t);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
  for (const element of root.querySelectorAll("[data-hint]")) {
    element.placeholder = text(element.dataset.hint);
  }
}
