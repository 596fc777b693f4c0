// One message as a node: who, when, what, and what can be done with it.

import { blocks } from "./blocks.js";
import { h, link, post, toast } from "./dom.js";
import { model } from "./model.js";
import { clock, emoji, words } from "./words.js";

const SYSTEM = /^channel_(join|leave|topic|purpose|name|archive|unarchive)$/;

export function message(one, channel) {
  if (SYSTEM.test(one.subtype ?? "")) return system(one);
  const author = model.users.get(one.user);
  const pinned = channel.pins.includes(one.ts);
  return h(
    "article",
    { class: `message${one.is_ephemeral ? " whisper" : ""}${pinned ? " pinned" : ""}`, "data-ts": one.ts, tabindex: "-1" },
    avatar(author),
    h(
      "div",
      { class: "grow" },
      one.is_ephemeral && h("p", { class: "note" }, "Only visible to you"),
      pinned && h("p", { class: "note" }, "Pinned"),
      h(
        "p",
        { class: "who" },
        h("strong", {}, author?.real_name ?? one.user),
        author?.is_bot && h("span", { class: "badge" }, "APP"),
        h("a", { class: "when", href: `#${channel.id}/${one.ts}`, title: model.zone }, clock(new Date(Number(one.ts) * 1000))),
        one.edited && h("span", { class: "muted" }, "(edited)"),
      ),
      content(one, channel),
      (one.attachments ?? []).map((held) => h("div", { class: "attached" }, held.blocks ? blocks(held.blocks, press(one, channel)) : words(held.text ?? held.fallback ?? ""))),
      (one.files ?? []).map(file),
      reactions(one, channel),
      h("div", { class: "replies" }),
    ),
    tools(one, channel),
  );
}

const system = (one) =>
  h("p", { class: "system", "data-ts": one.ts }, ...(one.subtype === "channel_join" ? [] : [model.users.get(one.user)?.real_name ?? one.user, " "]), ...words(one.text));

function avatar(author) {
  const name = author?.real_name ?? "?";
  const shade = [...(author?.id ?? "")].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 6;
  const letters = name.split(" ").map((part) => part[0]).slice(0, 2).join("");
  return h("span", { class: `avatar shade-${author?.is_bot ? "bot" : shade}`, "aria-hidden": "true" }, letters);
}

function content(one, channel) {
  if (one.blocks?.length) return h("div", { class: "content" }, blocks(one.blocks, press(one, channel)));
  return h("div", { class: "content" }, ...words(one.text));
}

const press = (one, channel) => async (action_id, block_id, value) => {
  const answer = await post("click", { user: model.you, channel: channel.id, ts: one.ts, action_id, block_id, value });
  if (answer.problem) toast(answer.problem);
};

function file(one) {
  const picture = /\.(svg|png|jpe?g|gif|webp)$/i.test(one.name);
  const url = `/files/${one.id}/${encodeURIComponent(one.name)}`;
  return h(
    "p",
    { class: "file" },
    h("a", { href: url, target: "_blank", rel: "noopener" }, picture ? h("img", { src: url, alt: one.title }) : h("span", {}, one.title, " ", h("span", { class: "muted" }, one.name))),
  );
}

function reactions(one, channel) {
  if (!one.reactions?.length) return null;
  return h(
    "div",
    { class: "reactions" },
    one.reactions.map((held) =>
      h(
        "button",
        {
          type: "button",
          class: held.users.includes(model.you) ? "mine" : "",
          "aria-label": `${held.name}, ${held.count}`,
          title: held.users.map((id) => model.users.get(id)?.real_name ?? id).join(", "),
          onclick: () => react(one, channel, held.name, held.users.includes(model.you)),
        },
        `${emoji(held.name)} `, h("span", { class: "muted" }, held.name), ` ${held.count}`,
      ),
    ),
  );
}

const react = (one, channel, name, off = false) => post("react", { user: model.you, channel: channel.id, ts: one.ts, name, off });

function tools(one, channel) {
  if (one.is_ephemeral || channel.archived) return null;
  const shortcuts = model.shortcuts.filter((held) => held.type === "message");
  return h(
    "div",
    { class: "tools" },
    ["pushpin", "eyes"].map((name) => h("button", { type: "button", title: `React with :${name}:`, onclick: () => react(one, channel, name) }, `${emoji(name)} ${name}`)),
    h("button", { type: "button", onclick: (event) => reply(one, channel, event.target) }, "Reply"),
    shortcuts.map((held) =>
      h("button", { type: "button", onclick: () => post("shortcut", { user: model.you, callback_id: held.callback_id, channel: channel.id, ts: one.ts }) }, held.name),
    ),
  );
}

function reply(one, channel, pressed) {
  const article = pressed.closest("article");
  const place = article.parentElement.closest("article") ?? article;
  const box = h("input", { type: "text", "aria-label": "Reply in the thread", placeholder: "Reply…" });
  const form = h("form", { class: "reply", onsubmit: (event) => (event.preventDefault(), send(one, channel, box, form)) }, box, h("button", { class: "primary" }, "Reply"));
  place.querySelector("form.reply")?.remove();
  place.querySelector(".replies").after(form);
  box.addEventListener("keydown", (event) => event.key === "Escape" && form.remove());
  box.focus();
}

async function send(one, channel, box, form) {
  if (!box.value.trim()) return;
  if (box.value.startsWith("/")) return toast("Slash commands do not work in threads. Mention the app instead.");
  const answer = await post("say", { user: model.you, channel: channel.id, text: box.value, thread: one.thread_ts ?? one.ts });
  if (answer.ok) form.remove();
}
