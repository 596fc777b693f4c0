// views.open as dialogs: one for each open view, the newest on top.

import { blocks, field, text } from "./blocks.js";
import { h, post, toast } from "./dom.js";
import { model } from "./model.js";
import { words } from "./words.js";

const open = new Map();

export function showViews() {
  for (const [id, dialog] of open) if (!model.views.has(id)) shut(id, dialog);
  for (const view of model.views.values()) if (open.get(view.id)?.dataset.hash !== view.hash) show(view);
}

function shut(id, dialog) {
  open.delete(id);
  dialog.remove();
}

function show(view) {
  const before = open.get(view.id);
  const kept = before ? typed(before) : {};
  before?.remove();
  const fields = new Map();
  const body = view.blocks.map((block) => (block.type === "input" ? input(block, fields, kept) : blocks([block], press(view))));
  const dialog = h(
    "dialog",
    { class: "modal", "data-hash": view.hash, "aria-label": view.title.text, oncancel: (event) => (event.preventDefault(), close(view)) },
    h("form", { onsubmit: (event) => (event.preventDefault(), submit(view, dialog, fields)) },
      h("h2", {}, ...text(view.title)),
      h("div", { class: "body" }, ...body),
      h("p", { class: "error", role: "alert" }),
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => close(view) }, view.close?.text ?? "Cancel"),
        view.submit && h("button", { type: "submit", class: "primary" }, ...text(view.submit)))),
  );
  dialog.fields = fields;
  open.set(view.id, dialog);
  document.body.append(dialog);
  dialog.showModal();
}

const typed = (dialog) => Object.fromEntries([...dialog.fields].map(([id, one]) => [id, one.node.value]));

const press = (view) => async (action_id, block_id, value) => {
  const answer = await post("click", { user: model.you, view_id: view.id, action_id, block_id, value });
  if (answer.problem) toast(answer.problem);
};

function input(block, fields, kept) {
  const one = field(block.element);
  const id = `in-${block.block_id}`;
  one.node.id = id;
  if (kept[block.block_id]) one.node.value = kept[block.block_id];
  fields.set(block.block_id, one);
  return h(
    "div",
    { class: "input", "data-block": block.block_id },
    h("label", { for: id }, ...text(block.label), block.optional && h("span", { class: "muted" }, " (optional)")),
    one.node,
    block.hint && h("p", { class: "muted" }, ...text(block.hint)),
    h("p", { class: "error", role: "alert" }),
  );
}

async function submit(view, dialog, fields) {
  const values = Object.fromEntries([...fields].map(([id, one]) => [id, one.read()]));
  const answer = await post("submit", { user: model.you, view_id: view.id, values });
  for (const shown of dialog.querySelectorAll(".error")) shown.replaceChildren();
  for (const [id, error] of Object.entries(answer.errors ?? {})) {
    const place = [...dialog.querySelectorAll(".input")].find((one) => one.dataset.block === id) ?? dialog;
    [...place.querySelectorAll(".error")].at(-1).replaceChildren(...words(error));
  }
}

async function close(view) {
  await post("close_view", { user: model.you, view_id: view.id });
}
