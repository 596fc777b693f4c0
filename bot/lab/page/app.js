// The page: channels at the left, messages in the middle, live through one stream of events.

import { blocks } from "./blocks.js";
import { h, link, post, toast } from "./dom.js";
import { message } from "./messages.js";
import { showViews } from "./modals.js";
import { keep, load, messagesOf, model, people } from "./model.js";

const $ = (id) => document.getElementById(id);
let stream = null;
let waiting = null;

// The feed.

async function listen() {
  stream?.close();
  stream = new EventSource(`/lab/stream?as=${model.you}`);
  stream.onopen = refresh;
  stream.onerror = () => live("reconnecting");
  stream.onmessage = (event) => {
    const change = JSON.parse(event.data);
    if (waiting) waiting.push(change);
    else apply(change);
  };
}

async function refresh() {
  // What arrives while the snapshot is on its way is applied after it.
  const mine = (waiting = []);
  const answer = await fetch(`/lab/state?as=${model.you}`);
  load(await answer.json());
  if (waiting !== mine) return;
  waiting = null;
  if (model.here !== "home" && !model.channels.has(model.here)) model.here = firstChannel();
  render();
  mine.forEach(apply);
  live("live");
}

function live(word) {
  $("live").textContent = word;
  $("live").className = word;
}

const CHANGES = {
  users: () => refresh(),
  channel: ({ channel }) => {
    const known = model.channels.get(channel.id);
    const mayLook = channel.members.includes(model.you) || !(channel.private || channel.direct);
    if (!mayLook) return;
    model.channels.set(channel.id, { messages: [], ...known, ...channel });
    if (!known) model.unread.add(channel.id);
    sidebar();
    if (channel.id === model.here) {
      head();
      log();
    }
  },
  message: ({ channel, message: one }) => {
    const held = model.channels.get(channel);
    if (!held) return;
    keep(held.messages, one);
    arrived(channel, one);
  },
  message_changed: ({ channel, message: one }) => {
    const held = model.channels.get(channel);
    if (!held) return;
    keep(held.messages, one);
    if (channel === model.here) place(one, "changed");
  },
  message_deleted: ({ channel, ts }) => {
    const held = model.channels.get(channel);
    if (held) held.messages = held.messages.filter((one) => one.ts !== ts);
    model.whispers = model.whispers.filter((one) => one.ts !== ts);
    if (channel === model.here) find(ts)?.remove();
  },
  ephemeral: ({ channel, message: one }) => {
    const known = keep(model.whispers, one);
    if (known && channel === model.here) place(one, "changed");
    else arrived(channel, one);
  },
  view: ({ view }) => {
    model.views.set(view.id, view);
    showViews();
  },
  view_closed: ({ view_id }) => {
    model.views.delete(view_id);
    showViews();
  },
  home: ({ view }) => {
    model.home = view;
    if (model.here === "home") log();
  },
};

const apply = (change) => CHANGES[change.type]?.(change);

function arrived(channel, one) {
  if (channel === model.here) {
    const low = atEnd();
    place(one, "new");
    if (low || one.user === model.you) toEnd();
  } else {
    model.unread.add(channel);
    sidebar();
  }
}

// Drawing.

function render() {
  $("team").textContent = model.team;
  document.title = `${model.team} workspace`;
  $("you").replaceChildren(...people().map((user) => h("option", { value: user.id, selected: user.id === model.you }, `${user.real_name}, ${user.tz}`)));
  $("shortcuts").replaceChildren(
    ...model.shortcuts.filter((one) => one.type === "global").map((one) => h("button", { type: "button", onclick: () => post("shortcut", { user: model.you, callback_id: one.callback_id }) }, one.name)),
  );
  sidebar();
  head();
  log();
  showViews();
}

function sidebar() {
  const all = [...model.channels.values()];
  const open = all.filter((one) => !one.archived && !one.direct).sort((a, b) => (a.name < b.name ? -1 : 1));
  const old = all.filter((one) => one.archived);
  const bot = model.users.get(model.bot)?.real_name ?? "App";
  $("menu").replaceChildren("Channels", model.unread.size ? dot() : "");
  $("channels").replaceChildren(
    h("h2", {}, "Channels"),
    h("ul", {}, open.map(entry)),
    h("h2", {}, "Apps"),
    h("ul", {}, h("li", {}, h("a", { href: "#home", "aria-current": model.here === "home" && "page" }, h("span", {}, `${bot} · Home`))), all.filter((one) => one.direct).map(entry)),
    old.length ? h("details", {}, h("summary", {}, `Archived (${old.length})`), h("ul", {}, old.map(entry))) : "",
  );
}

const dot = () => h("span", { class: "dot" }, h("span", { class: "hidden" }, "unread"));

function entry(one) {
  const unread = model.unread.has(one.id);
  const mark = one.direct ? "@ " : one.private ? "🔒 " : "# ";
  const name = one.direct ? model.users.get(model.bot)?.real_name : one.name;
  return h(
    "li",
    {},
    h(
      "a",
      { href: `#${one.id}`, class: unread ? "unread" : "", "aria-current": one.id === model.here && "page" },
      h("span", {}, h("span", { class: "mark", "aria-hidden": "true" }, mark), name),
      unread && dot(),
    ),
  );
}

function head() {
  const home = model.here === "home";
  const one = model.channels.get(model.here);
  $("composer").hidden = home || !one || one.archived;
  $("name").textContent = home ? "Home" : one ? `${one.direct ? "" : "# "}${one.direct ? model.users.get(model.bot)?.real_name : one.name}` : "";
  $("topic").textContent = home ? "What the app shows to you alone" : one?.topic || one?.purpose || "";
  const names = (one?.members ?? []).map((id) => model.users.get(id)?.real_name ?? id);
  $("members").textContent = one ? `${names.length} member${names.length === 1 ? "" : "s"}` : "";
  $("members").title = names.join(", ");
  $("bar").replaceChildren(...(one ? bar(one) : []));
  $("words").placeholder = one ? `Message #${one.name}, or a command: ${model.commands[0] ?? "/"} help` : "";
}

function bar(one) {
  return [
    ...one.bookmarks.map((held) => link(held.link, held.title)),
    ...one.pins.map((ts) => link(`#${one.id}/${ts}`, "Pinned message")),
    one.canvas && h("details", {}, h("summary", {}, "Canvas"), h("pre", {}, one.canvas.markdown)),
    one.archived && h("span", {}, "This channel is archived."),
  ].filter(Boolean);
}

function log() {
  if (model.here === "home") {
    const press = async (action_id, block_id, value) => {
      const answer = await post("click", { user: model.you, view_id: model.home.id, action_id, block_id, value });
      if (answer.problem) toast(answer.problem);
    };
    $("log").replaceChildren(
      model.home ? h("div", { class: "home content" }, blocks(model.home.blocks, press)) : h("p", { class: "empty" }, "The app has not published a Home tab yet."),
    );
    return;
  }
  const messages = messagesOf(model.here);
  $("log").replaceChildren(...(messages.length ? [] : [h("p", { class: "empty" }, "No messages yet. Say something, or type a command.")]));
  for (const one of messages) place(one);
  toEnd();
}

function place(one, why) {
  const channel = model.channels.get(model.here);
  const node = message(one, channel);
  const before = find(one.ts);
  $("log").querySelector(".empty")?.remove();
  if (before) swap(before, node);
  else insert(one, node);
  if (why && node.animate) flash(node, why);
}

function insert(one, node) {
  const parent = one.thread_ts && one.thread_ts !== one.ts ? find(one.thread_ts)?.querySelector(".replies") : null;
  const list = parent ?? $("log");
  const later = [...list.children].find((held) => held.dataset.ts > one.ts);
  list.insertBefore(node, later ?? null);
}

function swap(before, node) {
  const low = atEnd();
  const key = before.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const form = before.querySelector("form.reply");
  const hold = before.querySelector(".replies");
  if (hold) node.querySelector(".replies")?.append(...hold.childNodes);
  if (form) node.querySelector(".replies")?.after(form);
  before.replaceWith(node);
  if (key) ([...node.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key) ?? node).focus();
  if (low) toEnd();
}

function flash(node, why) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  node.classList.add(why);
  setTimeout(() => node.classList.remove(why), 1600);
}

const find = (ts) => document.querySelector(`#log [data-ts="${CSS.escape(ts)}"]`);
const atEnd = () => $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80;
const toEnd = () => ($("log").scrollTop = $("log").scrollHeight);

// Where we are.

const firstChannel = () => [...model.channels.values()].find((one) => one.members.includes(model.you))?.id ?? [...model.channels.keys()][0] ?? "home";

function go() {
  const [id, ts] = location.hash.slice(1).split("/");
  if (id === "words") return $("words").focus();
  if (id) model.here = id;
  model.unread.delete(model.here);
  drawer(false);
  if (!model.users.size) return;
  if (model.here === "home") post("home", { user: model.you });
  sidebar();
  head();
  log();
  const target = ts && find(ts);
  if (target) {
    target.scrollIntoView({ block: "center" });
    target.focus();
    flash(target, "changed");
  }
}

function drawer(open) {
  document.body.classList.toggle("drawer", open);
  $("menu").setAttribute("aria-expanded", String(open));
}

// What you do.

async function send(event) {
  event.preventDefault();
  const box = $("words");
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  grow();
  const said = { user: model.you, channel: model.here, text };
  const answer = await post(text.startsWith("/") ? "command" : "say", said);
  if (!answer.ok && !box.value) box.value = text;
}

function grow() {
  $("words").style.height = "auto";
  $("words").style.height = `${Math.min($("words").scrollHeight, 200)}px`;
}

function become(id) {
  model.you = id;
  model.unread.clear();
  sessionStorage.setItem("you", id);
  listen();
}

async function begin() {
  const answer = await fetch("/lab/state");
  load(await answer.json());
  const known = sessionStorage.getItem("you");
  model.you = people().some((user) => user.id === known) ? known : people()[0]?.id ?? "";
  if (!model.you) toast("Nobody is in this workspace yet.");
  go();
  listen();
}

$("composer").addEventListener("submit", send);
$("words").addEventListener("input", grow);
$("words").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
$("you").addEventListener("change", () => become($("you").value));
$("menu").addEventListener("click", () => drawer(!document.body.classList.contains("drawer")));
document.addEventListener("keydown", (event) => event.key === "Escape" && drawer(false));
addEventListener("hashchange", go);
begin();
