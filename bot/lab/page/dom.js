// Building nodes. Text always becomes a text node: nothing that a message contains is ever live HTML.

export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function link(url, ...children) {
  // Only these may be followed; anything else stays text.
  if (!/^(https?:|mailto:)/i.test(url) && !url.startsWith("#")) return h("span", {}, ...children);
  const outside = url.startsWith("#") ? {} : { target: "_blank", rel: "noopener noreferrer" };
  return h("a", { href: url, ...outside }, ...children);
}

export async function post(act, said) {
  try {
    const answer = await fetch(`/lab/${act}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(said),
    });
    const read = await answer.json();
    if (!read.ok) toast(`That did not work: ${read.error.replaceAll("_", " ")}.`);
    return read;
  } catch {
    toast("The workspace does not answer. Is the demo still running?");
    return { ok: false };
  }
}

export function toast(text) {
  const shown = h("p", { class: "toast" }, text);
  document.getElementById("toasts").append(shown);
  setTimeout(() => shown.remove(), 6000);
}
