// The viewer: before and after at full resolution, with a dividing line and zoom.

import { text } from "./translations.js";

const viewer = document.getElementById("viewer");
const frame = document.getElementById("frame");
const stage = document.getElementById("stage");
const pair = document.getElementById("pair");
const before = document.getElementById("before");
const after = document.getElementById("after");
const line = document.getElementById("line");
const divide = document.getElementById("divide");
const zooms = [...document.querySelectorAll("#zooms button")];
const HIGHEST_PART = 0.8; // of the window's height, as in the style sheet

let shown = null; // the job's id
let name = ""; // the picture's file name
let zoom = "fit";

/** Shows a finished job; calls failed() if the browser cannot show it. */
export async function show(job, failed) {
  shown = job.id;
  viewer.hidden = false;
  zoom = "fit";
  name = job.name;
  document.getElementById("viewer-name").textContent = name;
  describe();
  before.src = `/jobs/${job.id}/before.view`;
  after.src = `/jobs/${job.id}/after.view`;
  try {
    await Promise.all([before.decode(), after.decode()]);
  } catch {
    if (shown === job.id) failed();
    return;
  }
  if (shown === job.id) setZoom(zoom); // which may have been chosen while they were loading
}

/** Describes the two pictures in the page's language. */
export function describe() {
  before.alt = `${name}, ${text("before")}`;
  after.alt = `${name}, ${text("after")}`;
}

/** Closes the viewer if it shows this job. */
export function close(id) {
  if (shown !== id) return;
  shown = null;
  viewer.hidden = true;
  before.removeAttribute("src");
  after.removeAttribute("src");
}

/** The id of the job that is shown, or null. */
export function current() {
  return shown;
}

function setZoom(wanted) {
  const centre = [
    (stage.scrollLeft + stage.clientWidth / 2) / pair.clientWidth,
    (stage.scrollTop + stage.clientHeight / 2) / pair.clientHeight,
  ];
  zoom = wanted;
  const { naturalWidth: width, naturalHeight: height } = after;
  // At 100 % one pixel of the picture is one pixel of the screen.
  const pixel = 1 / devicePixelRatio;
  const room = Math.min(viewer.clientWidth / width, (innerHeight * HIGHEST_PART) / height);
  const factor = wanted === "fit" ? Math.min(room, 1) : wanted * pixel;
  pair.style.width = `${width * factor}px`;
  pair.style.height = `${height * factor}px`;
  pair.classList.toggle("pixels", factor >= 2 * pixel);
  for (const button of zooms) {
    button.setAttribute("aria-pressed", String(button.dataset.zoom === String(wanted)));
  }
  stage.scrollLeft = centre[0] * pair.clientWidth - stage.clientWidth / 2;
  stage.scrollTop = centre[1] * pair.clientHeight - stage.clientHeight / 2;
  place();
}

function place() {
  // The line keeps its place on the screen while the picture is scrolled under it.
  const x = (divide.value / 100) * stage.clientWidth;
  line.style.left = `${x}px`;
  pair.style.setProperty("--x", `${x + stage.scrollLeft}px`);
}

function divideAt(event) {
  const box = stage.getBoundingClientRect();
  divide.value = ((event.clientX - box.left) / stage.clientWidth) * 100;
  place();
}

function step(direction) {
  const steps = zooms.map((button) => button.dataset.zoom);
  const next = steps[steps.indexOf(String(zoom)) + direction];
  if (next) setZoom(next === "fit" ? next : Number(next));
}

function drag(element, move) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    const moved = (later) => move(later);
    element.addEventListener("pointermove", moved);
    const end = () => element.removeEventListener("pointermove", moved);
    element.addEventListener("pointerup", end, { once: true });
    element.addEventListener("pointercancel", end, { once: true });
    move(event);
  });
}

drag(line, divideAt);
drag(pair, (event) => {
  if (zoom === "fit") divideAt(event);
  else if (event.type === "pointermove" && event.pointerType === "mouse") {
    stage.scrollBy(-event.movementX, -event.movementY);
  }
});
divide.addEventListener("input", place);
stage.addEventListener("scroll", place);
addEventListener("resize", () => shown && after.naturalWidth && setZoom(zoom));
for (const button of zooms) {
  const value = button.dataset.zoom;
  button.addEventListener("click", () => setZoom(value === "fit" ? value : Number(value)));
}
frame.addEventListener("keydown", (event) => {
  if (event.key === "+" || event.key === "=") step(1);
  else if (event.key === "-") step(-1);
});
