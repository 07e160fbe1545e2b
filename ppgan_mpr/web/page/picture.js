// One row of the list: a picture from its choice to its download.

import { ApiError, call, pause } from "./api.js";
import { has, text, translate } from "./translations.js";
import * as viewer from "./viewer.js";

const template = document.getElementById("picture");
const list = document.getElementById("pictures");
const MOST_UPLOADS = 2; // at a time; the others wait in the page
const SLOWEST = 2000; // milliseconds between two questions

let uploads = 0;

/** The sentence for an error in the page's language. */
export function sentence(error, limits) {
  const key = `error.${error.code}`;
  const megabytes = Math.round((limits?.upload ?? 0) / 1e6);
  return has(key) ? text(key, { message: error.message, megabytes }) : error.message;
}

export class Picture {
  /** A file with its right view, if it has one. */
  constructor(file, right, page) {
    this.file = file;
    this.right = right;
    this.page = page;
    this.state = "ready";
    this.job = null;
    this.error = null;
    this.row = template.content.firstElementChild.cloneNode(true);
    translate(this.row);
    this.part("name").textContent = file.name;
    for (const [name, action] of [
      ["compare", () => this.compare()],
      ["again", () => page.add([new Picture(file, right, page)], true)],
      ["cancel", () => this.cancel()],
      ["remove", () => this.remove()],
    ]) {
      this.part(name).addEventListener("click", action);
    }
    list.append(this.row);
    this.draw();
  }

  part(name) {
    return this.row.querySelector(`.${name}`);
  }

  /** Uploads the picture and follows it to its end. */
  async restore(fields) {
    this.set("uploading");
    this.stop = new AbortController();
    try {
      if (this.file.size + (this.right?.size ?? 0) > this.page.limits.upload) {
        throw new ApiError("too_large", "");
      }
      await this.upload(fields);
      await this.follow();
    } catch (error) {
      if (error.name === "AbortError") this.set("cancelled");
      else this.fail(error);
    }
  }

  async upload(fields) {
    while (uploads >= MOST_UPLOADS) await this.wait(100);
    uploads += 1;
    try {
      for (;;) {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.append(name, value);
        form.append("image", this.file);
        if (this.right) form.append("right", this.right);
        try {
          const options = { method: "POST", body: form, signal: this.stop.signal };
          this.job = await call("/restore", options);
          return;
        } catch (error) {
          if (error.code !== "queue_full") throw error;
          await this.wait((error.retryAfter || 5) * 1000);
        }
      }
    } finally {
      uploads -= 1;
    }
  }

  async wait(milliseconds) {
    await pause(milliseconds);
    this.stop.signal.throwIfAborted();
  }

  async follow() {
    let delay = 150;
    while (!["done", "failed", "cancelled"].includes(this.job.state)) {
      this.set(this.job.state);
      await pause(delay);
      delay = Math.min(delay * 1.3, SLOWEST);
      if (!this.row.isConnected) return;
      this.job = await call(`/jobs/${this.job.id}`);
    }
    if (this.job.state === "failed") this.error = this.job.error;
    this.set(this.job.state);
    if (this.state === "done" && viewer.current() === null) this.compare();
  }

  fail(error) {
    this.error = sentence(error, this.page.limits);
    this.set("failed");
  }

  set(state) {
    this.state = state;
    this.draw();
  }

  compare() {
    viewer.show(this.job, () => this.page.notify(text("error.display")));
  }

  async cancel() {
    if (this.job) {
      this.job = await call(`/jobs/${this.job.id}/cancel`, { method: "POST" }).catch(() => this.job);
      this.set(this.job.state);
    } else this.stop.abort();
  }

  remove() {
    this.stop?.abort();
    if (this.job) {
      call(`/jobs/${this.job.id}`, { method: "DELETE" }).catch(() => {}); // expired is removed
      viewer.close(this.job.id);
    }
    this.row.remove();
    this.page.forget(this);
  }

  /** Shows the state, in the page's language. */
  draw() {
    const { state, job } = this;
    const record = state === "done" ? job.record : null;
    const working = ["uploading", "waiting", "running", "stopping"].includes(state);
    const phrase = state === "running" && !job.tiles ? "preparing" : state;
    this.row.className = state;
    const shown = text(`state.${phrase}`, {
      position: job?.position,
      done: job?.tiles_done,
      total: job?.tiles,
      error: this.error,
      width: record?.size[0],
      height: record?.size[1],
      seconds: record?.seconds.toFixed(1),
      task: record && this.page.taskName(record.task),
    });
    const lines = [shown, ...(record?.warnings ?? [])].join("\n");
    if (this.part("state").textContent !== lines) this.part("state").textContent = lines;
    const progress = this.row.querySelector("progress");
    progress.hidden = !working;
    progress.setAttribute("aria-label", this.file.name);
    if (state === "running" && job.tiles) progress.value = job.tiles_done / job.tiles;
    else progress.removeAttribute("value");
    this.part("compare").hidden = this.part("download").hidden = state !== "done";
    this.part("again").hidden = working || state === "ready";
    this.part("cancel").hidden = !working || state === "stopping";
    if (record) {
      this.part("download").href = `/jobs/${job.id}/result`;
      this.part("download").download = record.output;
    }
  }
}
