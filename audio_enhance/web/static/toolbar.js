// What can be done to all recordings at once.

import { byId } from "./dom.js";

export class Toolbar {
  // `on` is told which of the items: onCancel, onRetry and onRemove.
  constructor(items, on) {
    this.items = items;
    byId("all-download").href = "archive";
    const tell = (id, which, action) => byId(id).addEventListener("click", () => action(items().filter(which)));
    tell("all-cancel", underWay, on.onCancel);
    tell("all-retry", failed, on.onRetry);
    tell("all-remove", over, on.onRemove);
  }

  update() {
    const items = this.items();
    const ready = items.filter(({ stage }) => stage === "succeeded").length;
    byId("all-download").hidden = ready < 2;
    byId("all-cancel").hidden = items.filter(underWay).length < 2;
    byId("all-retry").hidden = items.filter(failed).length < 2;
    byId("all-remove").hidden = items.filter(over).length < 2;
  }
}

const over = (item) => item.over;
const underWay = (item) => !item.over;
const failed = (item) => ["failed", "cancelled", "refused", "lost"].includes(item.stage) && (item.server?.kept || item.file);
