// Pieces of the page, made from its templates.

export const byId = (id) => document.getElementById(id);

export function clone(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

// The elements with `data-part` and `data-action`, by those names.
export function pieces(root, attribute) {
  const found = {};
  for (const element of root.querySelectorAll(`[data-${attribute}]`)) {
    found[element.dataset[attribute]] = element;
  }
  return found;
}

// Writes only what is different, so that nothing is laid out or read out anew for nothing.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function say(text) {
  const announcer = byId("announcer");
  const line = document.createElement("span");
  line.textContent = `${text} `;
  announcer.append(line);
  while (announcer.childElementCount > 4) announcer.firstElementChild.remove();
}
