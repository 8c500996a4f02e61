// One recording in the list.

import { clone, pieces, setText } from "./dom.js";
import { describe, facts } from "./words.js";

export class Card {
  constructor(item, { onAction }) {
    this.item = item;
    this.element = clone("card");
    this.parts = pieces(this.element, "part");
    this.actions = pieces(this.element, "action");
    this.progress = this.element.querySelector("progress");
    this.stages = [...this.element.querySelectorAll(".stages i")];
    this.view = null;

    const heading = `name-${item.id}`;
    this.parts.name.id = heading;
    this.element.querySelector("article").setAttribute("aria-labelledby", heading);
    this.element.dataset.id = item.id;
    for (const [name, button] of Object.entries(this.actions)) {
      // "Cancel talk.mp3": buttons are read out without the card that they are in.
      button.id = `${name}-${item.id}`;
      button.setAttribute("aria-labelledby", `${button.id} ${heading}`);
      if (button.localName === "button") button.addEventListener("click", () => onAction(name, item));
    }
    this.actions.download.href = `recordings/${item.id}/download`;
    this.actions.original.download = item.name;
    this.progress.setAttribute("aria-labelledby", heading);
  }

  update(now) {
    const item = this.item;
    const view = describe(item, now);
    this.view = view;
    this.element.dataset.stage = item.stage;
    this.element.dataset.tone = view.tone;
    setText(this.parts.name, item.name);
    setText(this.parts.meta, facts(item));
    setText(this.parts.status, view.text);
    setText(this.parts.detail, view.detail ?? "");
    this.parts.detail.hidden = !view.detail;
    const under = view.stage < this.stages.length;
    this.parts.progress.hidden = !under;
    this.#offerOriginal();
    for (const [name, button] of Object.entries(this.actions)) {
      // What is being listened to can be closed, whatever became of it.
      const open = name === "listen" && "open" in this.element.dataset;
      button.hidden = !open && !view.actions.includes(name);
    }
    if (under) this.#showProgress(view);
  }

  // As it was recorded: from here as long as the server does not have it.
  #offerOriginal() {
    const { actions: { original }, item } = this;
    if (!item.recorded) return;
    if (item.server?.kept) original.href = `recordings/${item.id}/original`;
    else if (item.file) original.href = this.url ??= URL.createObjectURL(item.file);
    else original.removeAttribute("href");
  }

  close() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.element.remove();
  }

  #showProgress({ stage, fraction, text }) {
    this.stages.forEach((element, at) => {
      const now = at === stage;
      element.dataset.state = at < stage ? "done" : now ? (fraction === null ? "busy" : "now") : "later";
      element.style.setProperty("--done", at < stage ? 1 : now ? fraction ?? 0 : 0);
    });
    if (fraction === null) this.progress.removeAttribute("value");
    else this.progress.value = (stage + fraction) / this.stages.length;
    this.progress.setAttribute("aria-valuetext", text);
  }
}
