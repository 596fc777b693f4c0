// Block Kit into nodes. `press(action_id, block_id, value)` is what a button or a menu does.

import { h, link } from "./dom.js";
import { model, people } from "./model.js";
import { channel, emoji, formatted, group, person, withEmoji, words } from "./words.js";

export function blocks(list, press) {
  return (list ?? []).map((block) => (BLOCKS[block.type] ?? unknown)(block, press));
}

const unknown = (block) => h("p", { class: "muted" }, `(${block.type})`);

export function text(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? words(object.text) : [withEmoji(object.text)];
}

const BLOCKS = {
  header: (block) => h("h3", {}, ...text(block.text)),
  divider: () => h("hr"),
  section: (block, press) =>
    h(
      "div",
      { class: "section" },
      h(
        "div",
        { class: "grow" },
        block.text && h("div", {}, ...text(block.text)),
        block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, ...text(field)))),
      ),
      block.accessory && element(block.accessory, block, press),
    ),
  context: (block, press) =>
    h("div", { class: "context" }, block.elements.map((one) => (one.type === "image" ? element(one, block, press) : h("span", {}, ...text(one))))),
  actions: (block, press) => h("div", { class: "actions" }, block.elements.map((one) => element(one, block, press))),
  image: (block) => h("figure", {}, block.title && h("figcaption", {}, ...text(block.title)), picture(block)),
  rich_text: (block) => h("div", { class: "rich" }, block.elements.map(rich)),
  markdown: (block) => h("div", {}, ...words(block.text.replaceAll("**", "*").replace(/^#+ (.*)$/gm, "*$1*"))),
  table: (block) => h("div", { class: "scroll" }, h("table", {}, block.rows.map((row) => h("tr", {}, row.map(cell))))),
  alert: (block) => h("p", { class: "alert" }, ...text(block.text)),
};

const cell = (one) => h("td", {}, one.type === "rich_text" ? one.elements.map(rich) : String(one.text ?? one.value));

function picture(block) {
  const url = block.image_url ?? "";
  // Pictures from elsewhere are links: the page fetches nothing from outside this machine.
  if (url.startsWith(location.origin)) return link(url, h("img", { src: url, alt: block.alt_text }));
  return link(url, `${block.alt_text} (picture)`);
}

function rich(part) {
  if (part.type === "rich_text_list")
    return h(part.style === "ordered" ? "ol" : "ul", { class: `indent-${part.indent ?? 0}` }, part.elements.map((item) => h("li", {}, item.elements.map(run))));
  const tag = { rich_text_preformatted: "pre", rich_text_quote: "blockquote" }[part.type] ?? "p";
  return h(tag, {}, part.elements.map(run));
}

const RUNS = {
  text: (one) => one.text,
  link: (one) => link(one.url, one.text ?? one.url),
  emoji: (one) => emoji(one.name),
  user: (one) => person(one.user_id),
  usergroup: (one) => group(one.usergroup_id),
  channel: (one) => channel(one.channel_id),
  broadcast: (one) => h("span", { class: "chip" }, `@${one.range}`),
  date: (one) => h("time", {}, formatted(String(one.timestamp), one.format, one.fallback)),
  color: (one) => one.value,
};

function run(one) {
  let node = (RUNS[one.type] ?? (() => ""))(one);
  for (const [style, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]])
    if (one.style?.[style]) node = h(tag, {}, node);
  return node;
}

function element(one, block, press) {
  if (one.type === "image") return picture(one);
  if (one.type === "button") return button(one, block, press);
  const choices = options(one);
  if (choices === null) return h("span", { class: "muted" }, `(${one.type})`);
  const label = one.type === "overflow" ? "⋯" : one.placeholder?.text ?? "Choose";
  const menu = h(
    "select",
    {
      "aria-label": label === "⋯" ? "More" : label,
      "data-key": one.action_id,
      onchange: async () => {
        if (await confirmed(one.confirm)) await press(one.action_id, block.block_id, menu.value);
      },
    },
    h("option", { value: "", disabled: true, selected: !first(one) }, label),
    choices.map(([value, shown]) => h("option", { value, selected: value === first(one) }, shown)),
  );
  return menu;
}

const first = (one) => one.initial_option?.value ?? one.initial_user ?? one.initial_channel ?? one.initial_conversation;

function options(one) {
  if (one.options || one.option_groups)
    return (one.option_groups ?? [one]).flatMap((held) => held.options.map((option) => [option.value, withEmoji(option.text.text)]));
  if (/users_select/.test(one.type)) return people().map((user) => [user.id, user.real_name]);
  if (/(channels|conversations)_select/.test(one.type)) return [...model.channels.values()].map((held) => [held.id, `#${held.name}`]);
  return null;
}

function button(one, block, press) {
  const style = one.style ?? "";
  if (one.url)
    return h("a", { class: `button ${style}`, href: /^https?:/.test(one.url) ? one.url : null, target: "_blank", rel: "noopener noreferrer", onclick: () => press(one.action_id, block.block_id, one.value) }, ...text(one.text));
  const made = h(
    "button",
    {
      type: "button",
      class: style,
      "data-key": `${block.block_id}/${one.action_id}`,
      "aria-label": one.accessibility_label,
      onclick: async () => {
        if (!(await confirmed(one.confirm))) return;
        made.setAttribute("aria-busy", "true");
        await press(one.action_id, block.block_id, one.value);
        made.removeAttribute("aria-busy");
      },
    },
    ...text(one.text),
  );
  return made;
}

function confirmed(asked) {
  if (!asked) return Promise.resolve(true);
  return new Promise((answer) => {
    const dialog = h(
      "dialog",
      { class: "confirm", "aria-label": asked.title.text, onclose: () => (dialog.remove(), answer(dialog.returnValue === "yes")) },
      h("h2", {}, ...text(asked.title)),
      h("p", {}, ...text(asked.text)),
      h(
        "form",
        { method: "dialog", class: "row" },
        h("button", { value: "no" }, ...text(asked.deny)),
        h("button", { value: "yes", class: asked.style ?? "primary" }, ...text(asked.confirm)),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

// The field of an `input` block: its node and how to read it.
export function field(one) {
  const choices = options(one);
  const many = /^multi_|checkboxes/.test(one.type);
  if (choices) return menu(one, choices, many);
  const kind = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local", number_input: "number", email_text_input: "email", url_text_input: "url" }[one.type] ?? "text";
  const value = one.initial_value ?? one.initial_date ?? one.initial_time ?? "";
  const shared = { placeholder: one.placeholder?.text, maxlength: one.max_length, autofocus: one.focus_on_load };
  const node = one.multiline ? h("textarea", { rows: 4, ...shared }) : h("input", { type: kind, step: "any", ...shared });
  node.value = value;
  const read = kind === "datetime-local" ? () => node.value && Math.floor(new Date(node.value) / 1000) : () => node.value;
  return { node, read };
}

function menu(one, choices, many) {
  const chosen = new Set((one.initial_options ?? []).map((option) => option.value).concat(one.initial_users ?? [], first(one) ?? []));
  const node = h(
    "select",
    { multiple: many },
    !many && h("option", { value: "" }, one.placeholder?.text ?? "Choose"),
    choices.map(([value, shown]) => h("option", { value, selected: chosen.has(value) }, shown)),
  );
  return { node, read: () => (many ? [...node.selectedOptions].map((option) => option.value) : node.value) };
}
