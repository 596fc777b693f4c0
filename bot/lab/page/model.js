// What this page knows. Filled from one snapshot, kept up to date by the feed.

export const model = {
  you: "",
  zone: "UTC",
  bot: "",
  team: "Lab",
  commands: [],
  shortcuts: [],
  users: new Map(),
  groups: [],
  channels: new Map(),
  whispers: [],
  views: new Map(),
  home: null,
  here: "",
  unread: new Set(),
};

export function load(snapshot) {
  Object.assign(model, {
    team: snapshot.team,
    bot: snapshot.bot,
    commands: snapshot.commands,
    shortcuts: snapshot.shortcuts,
    groups: snapshot.groups,
    whispers: snapshot.whispers,
    home: snapshot.home,
  });
  model.users = new Map(snapshot.users.map((user) => [user.id, user]));
  model.channels = new Map(snapshot.channels.map((channel) => [channel.id, channel]));
  model.views = new Map(snapshot.views.map((view) => [view.id, view]));
  model.zone = model.users.get(model.you)?.tz ?? "UTC";
}

export const people = () => [...model.users.values()].filter((user) => !user.is_bot && !user.deleted);

export const messagesOf = (id) =>
  [...(model.channels.get(id)?.messages ?? []), ...model.whispers.filter((whisper) => whisper.channel === id)].sort(
    (one, other) => (one.ts < other.ts ? -1 : 1),
  );

// Puts a message where its time belongs; true when it was there already.
export function keep(list, message) {
  const at = list.findIndex((held) => held.ts === message.ts);
  if (at >= 0) list[at] = message;
  else list.push(message);
  return at >= 0;
}
