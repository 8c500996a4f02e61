// Sorting and filtering; without it, the page shows everything in the order of the run.
"use strict";
{
  const table = document.getElementById("results");
  const [controls, name, status, shown, none] = ["controls", "name", "status", "shown", "none"].map((id) => document.getElementById(id));
  const bodies = [...table.tBodies];
  const count = new Intl.NumberFormat("en").format;
  const letters = new Intl.Collator("en", { numeric: true });

  const cell = (body, column) => body.rows[0].cells[column];
  const key = (body, column) => cell(body, column).dataset.key ?? cell(body, column).textContent;

  // What has no figure comes last, whichever way.
  const compared = (keys, numbers, way) => (one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
    return way * (numbers ? a - b : letters.compare(a, b));
  };

  const sort = (head) => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const numbers = bodies.length > 0 && cell(bodies[0], head.cellIndex).dataset.key !== undefined;
    const keys = new Map(bodies.map((body) => [body, key(body, head.cellIndex)]));
    bodies.sort(compared(keys, numbers, rising ? 1 : -1));
    table.append(...bodies);
  };

  const filter = () => {
    const wanted = name.value.trim().toLowerCase();
    let left = 0;
    for (const body of bodies) {
      const fits = cell(body, 0).textContent.toLowerCase().includes(wanted) && (!status.value || body.dataset.status === status.value);
      body.hidden = !fits;
      left += fits;
    }
    shown.textContent = `${count(left)} of ${count(bodies.length)} shown`;
    none.hidden = left > 0;
  };

  const open = (yes) => {
    for (const details of table.querySelectorAll("details")) details.open = yes;
  };

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head));
    head.replaceChildren(button);
  }
  name.addEventListener("input", filter);
  status.addEventListener("change", filter);
  document.getElementById("open").addEventListener("click", () => open(true));
  document.getElementById("close").addEventListener("click", () => open(false));
  table.addEventListener("error", (event) => {
    if (event.target.tagName !== "AUDIO") return;
    const gone = document.createElement("p");
    gone.className = "fine";
    gone.textContent = "The file is not beside this page any more.";
    event.target.replaceWith(gone);
  }, true);
  controls.hidden = false;
  filter();
}
