// One row of the list: a picture from upload to download.

import { ApiError, call, pause } from "./api.js";
import { degradation, duration, sentence } from "./messages.js";
import { chosen, taskName } from "./settings.js";
import { text, translate } from "./translations.js";
import * as viewer from "./viewer.js";

const template = document.getElementById("picture");
const rows = document.getElementById("pictures");
const MOST_UPLOADS = 2; // at a time; the others wait in the browser
const SLOWEST = 2000; // longest time between two status requests in milliseconds
const WORKING = ["uploading", "waiting", "running", "stopping"];
const OF_SERVER = ["waiting", "running", "stopping"];

let uploads = 0;

export class Picture {
  /** Adds a row for a file and its right view, if it has one. */
  constructor(file, right, page) {
    this.file = file;
    this.right = right;
    this.page = page;
    this.state = "ready";
    this.job = null;
    this.error = null;
    this.fields = null;
    this.row = template.content.firstElementChild.cloneNode(true);
    this.part("name").textContent = file.name;
    for (const [name, action] of [
      ["better", () => this.anew({ ...this.fields, ...better(this.job) })],
      ["compare", () => this.compare()],
      ["again", () => this.anew(chosen())],
      ["cancel", () => this.cancel()],
      ["remove", () => this.remove()],
    ]) {
      this.part(name).addEventListener("click", action);
    }
    rows.append(this.row);
    this.draw();
  }

  /** Whether the picture is being uploaded, waits or is being restored. */
  get working() {
    return WORKING.includes(this.state);
  }

  part(name) {
    return this.row.querySelector(`.${name}`);
  }

  /** Adds the same picture again, with these fields. */
  anew(fields) {
    this.page.add([new Picture(this.file, this.right, this.page)], fields);
  }

  /** Uploads the picture and follows its job until it ends. */
  restore(fields) {
    this.fields = fields;
    this.set("uploading");
    this.stop = new AbortController();
    return this.attempt(async () => {
      const { upload } = this.page.limits;
      if (this.file.size + (this.right?.size ?? 0) > upload) {
        throw new ApiError("too_large", "", { megabytes: Math.round(upload / 1e6) });
      }
      await this.upload();
      await this.follow();
    });
  }

  /** Restores an undecided picture by the proposal that the visitor has chosen. */
  decide({ task, network, model }) {
    this.set("uploading");
    return this.attempt(async () => {
      const body = new URLSearchParams({ task, network, model });
      this.job = await this.post(`/jobs/${this.job.id}/restore`, body);
      await this.follow();
    });
  }

  async attempt(action) {
    try {
      await action();
    } catch (error) {
      if (error.name === "AbortError") this.set("cancelled");
      else this.fail(error);
    }
  }

  async upload() {
    while (uploads >= MOST_UPLOADS) await this.wait(100);
    uploads += 1;
    try {
      const form = new FormData();
      for (const [name, values] of Object.entries(this.fields)) {
        for (const value of [values].flat()) form.append(name, value);
      }
      form.append("image", this.file);
      if (this.right) form.append("right", this.right);
      this.job = await this.post("/restore", form);
    } finally {
      uploads -= 1;
    }
  }

  /** Posts, and tries again while the queue is full. */
  async post(path, body) {
    for (;;) {
      try {
        return await call(path, { method: "POST", body, signal: this.stop.signal });
      } catch (error) {
        if (error.code !== "queue_full") throw error;
        await this.wait((error.retryAfter || 5) * 1000);
      }
    }
  }

  async wait(milliseconds) {
    await pause(milliseconds);
    this.stop.signal.throwIfAborted();
  }

  async follow() {
    let delay = 150;
    while (OF_SERVER.includes(this.job.state)) {
      this.set(this.job.state);
      await pause(delay);
      delay = Math.min(delay * 1.3, SLOWEST);
      if (!this.row.isConnected) return;
      this.job = await call(`/jobs/${this.job.id}`);
    }
    this.error = this.job.error;
    this.set(this.job.state);
    if (this.state === "done" && viewer.current() === null) this.compare();
  }

  fail(error) {
    this.error = error;
    this.set("failed");
  }

  set(state) {
    this.state = state;
    this.draw();
  }

  compare() {
    viewer.show(this.job, () => this.page.notify(() => text("error.display")));
  }

  async cancel() {
    if (!this.job) return this.stop.abort();
    try {
      this.job = await call(`/jobs/${this.job.id}/cancel`, { method: "POST" });
      this.set(this.job.state);
    } catch (error) {
      this.page.notify(() => sentence(error)); // the button remains, to try again
    }
  }

  /** Cancels the job on the server when the page is left. */
  abandon() {
    // A beacon would have the Origin "null", which the server refuses.
    const request = { method: "POST", keepalive: true };
    if (this.working && this.job) call(`/jobs/${this.job.id}/cancel`, request).catch(() => {});
  }

  remove() {
    const next = this.row.nextElementSibling ?? this.row.previousElementSibling;
    const focused = this.row.contains(document.activeElement);
    this.stop?.abort();
    if (this.job) {
      call(`/jobs/${this.job.id}`, { method: "DELETE" }).catch(() => {}); // it may have expired
      viewer.close(this.job.id);
    }
    this.row.remove();
    this.page.forget(this);
    if (focused) (next?.querySelector(".remove") ?? document.getElementById("files")).focus();
  }

  /** Shows the state, in the page's language. */
  draw() {
    const { state, job } = this;
    const record = state === "done" ? job.record : null;
    const { working } = this;
    const focused = this.row.contains(document.activeElement) ? document.activeElement : null;
    translate(this.row);
    this.row.className = state;
    const warnings = record ? job.warnings.map((warning) => sentence(warning)) : [];
    const lines = [this.phrase(), ...warnings].filter(Boolean).join("\n");
    if (this.part("state").textContent !== lines) this.part("state").textContent = lines;
    this.drawProgress(working);
    this.drawProposals();
    this.part("compare").hidden = this.part("download").hidden = state !== "done";
    this.part("again").hidden = working || state === "ready";
    this.part("cancel").hidden = !working || state === "stopping";
    const stronger = record && better(job);
    this.part("better").hidden = !stronger;
    if (stronger) this.part("better").textContent = text("useBetter", stronger);
    if (record) {
      this.part("download").href = `/jobs/${job.id}/result`;
      this.part("download").download = record.output;
    }
    const kept = this.row.contains(document.activeElement) && document.activeElement.checkVisibility();
    if (focused && !kept) this.focus();
  }

  /** Moves the keyboard focus to the first control that is shown. */
  focus() {
    const controls = [...this.row.querySelectorAll("button, a")];
    controls.find((control) => control.checkVisibility())?.focus();
  }

  drawProgress(working) {
    const progress = this.row.querySelector("progress");
    progress.hidden = !working;
    progress.setAttribute("aria-label", this.file.name);
    const { step, steps, tiles_done: done, tiles } = this.job ?? {};
    if (this.state === "running" && tiles) progress.value = (step - 1 + done / tiles) / steps;
    else progress.removeAttribute("value");
  }

  /** A button for each task that an undecided picture may need. */
  drawProposals() {
    const offered = this.state === "undecided" ? this.job.proposals : [];
    const place = this.part("proposals");
    place.hidden = offered.length === 0;
    const focused = [...place.children].indexOf(document.activeElement);
    place.replaceChildren(...offered.map((proposal) => {
      const button = document.createElement("button");
      button.type = "button";
      const key = proposal.embedded ? "propose" : "proposeDownload";
      button.textContent = text(key, {
        task: taskName(proposal.task),
        found: degradation(proposal.degradation),
        percent: percent(proposal.probability),
        model: proposal.model,
      });
      button.addEventListener("click", () => this.decide(proposal));
      return button;
    }));
    place.children[focused]?.focus();
  }

  /** One to three sentences about the state. */
  phrase() {
    const { state, job } = this;
    const record = state === "done" ? job.record : null;
    const found = job?.detected;
    const values = {
      position: job?.position,
      done: job?.tiles_done,
      total: job?.tiles,
      step: job?.step,
      steps: job?.steps,
      error: this.error && sentence(this.error),
      width: record?.size[0],
      height: record?.size[1],
      seconds: record?.seconds.toFixed(1),
      task: record && taskName(record.task),
      found: found && degradation(found.degradation || "none"),
      percent: found && percent(found.confidence),
    };
    let key = state;
    if (state === "running" && !job.steps) key = "looking";
    else if (state === "running" && job.preparing) key = "preparing";
    else if (state === "running" && !job.tiles) key = "starting";
    else if (state === "running" && job.steps > 1) key = "runningStep";
    else if (state === "undecided" && found.certain) key = "unable";
    const parts = [text(`state.${key}`, values)];
    if (state === "running" && job.seconds_left >= 1) {
      parts.push(text("left", { time: duration(job.seconds_left) }));
    }
    if (found && (state === "running" || record)) parts.unshift(text("foundThat", values));
    return parts.join(" ");
  }
}

/** Form fields that choose better weights if those of a finished job are weak; else undefined. */
function better(job) {
  const weak = job.warnings.find(({ code }) => code === "weak_weights");
  if (!weak?.parameters.better) return undefined;
  const { task, network, model } = weak.parameters.better;
  return { task: task.split("+"), network, model };
}

function percent(share) {
  return Math.floor(100 * share); // 99.5 % is not "100 % sure"
}
