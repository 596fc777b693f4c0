// mrkdwn, as messages carry it, into nodes: mentions, links, dates, emphasis, code, quotes, emoji.

import { h, link } from "./dom.js";
import { model } from "./model.js";

const EMOJI = {
  pushpin: "📌", round_pushpin: "📍", eyes: "👀", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌",
  warning: "⚠️", rotating_light: "🚨", fire: "🔥", hourglass: "⌛", hourglass_flowing_sand: "⏳", tada: "🎉",
  red_circle: "🔴", large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢",
  large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", mag: "🔍", wrench: "🔧", memo: "📝", bell: "🔔",
  no_entry: "⛔", question: "❓", exclamation: "❗", hammer_and_wrench: "🛠️", bar_chart: "📊", rocket: "🚀",
  lock: "🔒", link: "🔗", "+1": "👍", thumbsup: "👍", "-1": "👎", information_source: "ℹ️", raised_hands: "🙌",
  speech_balloon: "💬", page_facing_up: "📄", clipboard: "📋", stopwatch: "⏱️", point_right: "👉", heart: "❤️",
  arrow_right: "➡️", ambulance: "🚑", seedling: "🌱", repeat: "🔁", leftwards_arrow_with_hook: "↩️",
  busts_in_silhouette: "👥", octagonal_sign: "🛑", mega: "📣", test_tube: "🧪", wave: "👋",
};

export const emoji = (name) => EMOJI[name.split("::")[0]] ?? `:${name}:`;

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all);

const INLINE = /(```[\s\S]*?```|`[^`\n]+`|<[^<>\n]+>|\*[^*\n]+\*|(?<![\w])_[^_\n]+_(?![\w])|~[^~\n]+~)/;

export function words(text) {
  return text.split(/(```[\s\S]*?```)/).flatMap((part) => (part.startsWith("```") ? [inline(part)] : lines(part)));
}

function lines(text) {
  const nodes = [];
  let quote = null;
  for (const [at, line] of text.split("\n").entries()) {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      if (!quote) nodes.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...inline(quoted[1]));
      continue;
    }
    if (at > 0 && !quote) nodes.push(h("br"));
    quote = null;
    nodes.push(...inline(line));
  }
  return nodes;
}

function inline(text) {
  return text.split(INLINE).filter(Boolean).map(piece);
}

function piece(text) {
  if (text.startsWith("```") && text.endsWith("```") && text.length >= 6)
    return h("pre", {}, plain(text.slice(3, -3).replace(/^\n/, "").replace(/\n$/, "")));
  if (text.length < 3) return withEmoji(plain(text));
  const inner = text.slice(1, -1);
  if (text[0] === "`" && text.at(-1) === "`") return h("code", {}, plain(inner));
  if (text[0] === "<" && text.at(-1) === ">") return bracket(inner);
  if (text[0] === "*" && text.at(-1) === "*") return h("strong", {}, ...inline(inner));
  if (text[0] === "_" && text.at(-1) === "_") return h("em", {}, ...inline(inner));
  if (text[0] === "~" && text.at(-1) === "~") return h("s", {}, ...inline(inner));
  return withEmoji(plain(text));
}

function bracket(inner) {
  const [target, label] = inner.split(/\|(.*)/s);
  if (target.startsWith("@")) return person(target.slice(1), label);
  if (target.startsWith("#")) return channel(target.slice(1), label);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return group(target.slice(9), label);
  if (target.startsWith("!")) return h("span", { class: "chip" }, `@${plain(label ?? target.slice(1))}`);
  return link(plain(target), withEmoji(plain(label ?? target)));
}

export function person(id, label) {
  const user = model.users.get(id);
  return h("span", { class: id === model.you ? "chip me" : "chip", title: user?.real_name }, `@${user?.name ?? label ?? id}`);
}

export function channel(id, label) {
  return link(`#${id}`, `#${model.channels.get(id)?.name ?? label ?? id}`);
}

export function group(id, label) {
  const found = model.groups.find((one) => one.id === id);
  return h("span", { class: "chip" }, found ? `@${found.handle}` : label ?? id);
}

function date(target, fallback) {
  const [, unix, format, url] = target.split("^");
  const shown = h("time", { datetime: instant(unix)?.toISOString(), title: plain(fallback ?? "") }, formatted(unix, format, fallback));
  return url ? link(plain(url), shown) : shown;
}

const instant = (unix) => (Number.isFinite(Number(unix)) && unix ? new Date(Number(unix) * 1000) : null);

const day = (when, more) => when.toLocaleDateString("en-GB", { timeZone: model.zone, ...more });

const PATTERNS = {
  date_num: (when) => day(when, { year: "numeric", month: "2-digit", day: "2-digit" }).split("/").reverse().join("-"),
  date: (when) => day(when, { year: "numeric", month: "long", day: "numeric" }),
  date_short: (when) => day(when, { year: "numeric", month: "short", day: "numeric" }),
  date_long: (when) => day(when, { weekday: "long", year: "numeric", month: "long", day: "numeric" }),
  time: (when) => clock(when),
  time_secs: (when) => clock(when, { second: "2-digit" }),
  ago: (when) => ago((Date.now() - when) / 60000),
};

function ago(minutes) {
  if (minutes < 1) return "just now";
  return minutes < 60 ? `${Math.round(minutes)} minutes ago` : `${Math.round(minutes / 60)} hours ago`;
}

export function clock(when, more = {}) {
  return when.toLocaleTimeString("en-GB", { timeZone: model.zone, hour: "2-digit", minute: "2-digit", ...more });
}

export function formatted(unix, format, fallback) {
  const when = instant(unix);
  if (!when) return plain(fallback ?? "");
  return (format ?? "").replace(/\{(\w+)\}/g, (all, token) => {
    const known = PATTERNS[token.replace(/_pretty$/, "")];
    if (!known) return all;
    return (token.endsWith("_pretty") && near(when)) || known(when);
  });
}

function near(when) {
  const days = [["yesterday", 86400e3], ["today", 0], ["tomorrow", -86400e3]];
  const found = days.find(([, shift]) => PATTERNS.date_num(new Date(Date.now() - shift)) === PATTERNS.date_num(when));
  return found?.[0];
}
