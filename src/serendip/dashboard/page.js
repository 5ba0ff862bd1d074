const byId = (id) => document.getElementById(id);
const K = 10;
const verbs = { rating: "rated", purchase: "bought", view: "viewed", click: "clicked", cart: "in the cart", like: "liked",
  return: "returned", review: "reviewed", interaction: "chosen" };
let picked = [];      // a newcomer's items, the oldest first
let user = null;      // the id of the user shown, or null for the newcomer: what ?user= of the address says
let asked = 0;        // the number of the latest request: an older answer is dropped

async function json(path, options) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (!response.ok) throw new Error(body.message ?? response.statusText);
  return body;
}

function card(title, why, score, action) {
  const li = document.createElement("li");
  for (const [name, text] of [["title", title], ["score", score], ["why", why]]) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    li.append(span);
  }
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.label;
    button.setAttribute("aria-label", `${action.label}: ${title}`);
    button.addEventListener("click", action.run);
    li.append(button);
  }
  return li;
}

function told(event) {
  const what = verbs[event.type] ?? event.type;
  const value = event.value == null ? "" : ` ${Number(event.value.toFixed(2))}`;
  const day = event.timestamp ? new Date(event.timestamp).toISOString().slice(0, 10) : "";
  return [what + value, day].filter(Boolean).join(", ");
}

async function show() {
  const mine = ++asked;
  const post = { method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ history: picked.map((p) => p.id), k: K }) };
  try {
    const slate = user === null ? await json("/v1/recommend", post)
      : await json(`/v1/users/${encodeURIComponent(user)}/recommendations?k=${K}&history=true`);
    if (mine !== asked) return;
    byId("state").textContent = `model ${slate.model}`;
    byId("left").textContent = user === null ? "Newcomer" : `User ${user}`;
    byId("empty").hidden = user === null ? picked.length > 0 : (slate.history ?? []).length > 0;
    byId("empty").textContent = user === null ? "Nothing picked yet: this is what everyone gets at first."
      : "No events of this user are known.";
    byId("reset").hidden = user === null && picked.length === 0;
    const past = user === null
      ? picked.map((p) => card(p.title, "picked", "", { label: "Remove", run: () => drop(p.id) })).reverse()
      : (slate.history ?? []).map((e) => card(e.title, told(e), ""));
    byId("history").replaceChildren(...past);
    byId("slate").replaceChildren(...slate.items.map((item) => card(item.title, item.reason ?? "", item.score.toFixed(3),
      user === null ? { label: "I like this", run: () => pick(item.item_id, item.title) } : undefined)));
    const t = slate.timings_ms ?? {};
    const took = Object.values(t).reduce((sum, ms) => sum + ms, 0);
    byId("timing").textContent = `made in ${took.toFixed(1)} ms`;
  } catch (error) {
    byId("state").textContent = String(error.message ?? error);
  }
}

function look(id) {
  const address = new URL(location.href);
  if (id === null) address.searchParams.delete("user"); else address.searchParams.set("user", id);
  if (address.href !== location.href) history.pushState(null, "", address);
  user = id;
  picked = [];
}

function pick(id, title) {
  if (user !== null) look(null);
  if (!picked.some((p) => p.id === id)) picked.push({ id, title });
  close();
  show();
}

function drop(id) {
  picked = picked.filter((p) => p.id !== id);
  show();
}

function close() {
  byId("found").hidden = true;
  byId("q").value = "";
}

function begin() {
  user = new URLSearchParams(location.search).get("user") || null;
  picked = [];
  show();
}

async function search() {
  const text = byId("q").value.trim();
  if (!text) { byId("found").hidden = true; return; }
  const q = encodeURIComponent(text);
  let users, items;
  try {
    [users, items] = await Promise.all([json(`/v1/users?q=${q}&k=5`), json(`/v1/items?q=${q}&k=12`)]);
  } catch (error) {
    byId("state").textContent = String(error.message ?? error);
    return;
  }
  if (byId("q").value.trim() !== text) return;
  const row = (label, run) => {
    const li = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", run);
    li.append(button);
    return li;
  };
  byId("found").replaceChildren(
    ...users.map((u) => row(`user ${u.id}`, () => { look(u.id); close(); show(); })),
    ...items.map((i) => row(`${i.title} (${i.id})`, () => pick(i.id, i.title))));
  if (!byId("found").children.length) byId("found").append("nothing found");
  byId("found").hidden = false;
}

let wait;
byId("q").addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(search, 120); });
byId("search").addEventListener("submit", (event) => { event.preventDefault(); byId("found").querySelector("button")?.click(); });
byId("reset").addEventListener("click", () => { look(null); show(); });
window.addEventListener("popstate", begin);
begin();
