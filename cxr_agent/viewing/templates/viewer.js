/* The page as a whole: what is selected, the list of steps, keys, and what is printed. */
const ROW = 46;
const SPARE = 8;
const data = JSON.parse(byId("data").textContent);
let chain = chainOf(data);
const now = { entry: 0, evidence: new Set(), sentence: null, tab: "report", version: null, listed: [] };
const film = filmPane(byId("film"), data);
const list = byId("list");
const rows = byId("rows");
const search = byId("search");
const kinds = byId("kinds");

/* The list of steps: only what is in view is in the page. */

const row = (entry, at) => {
  const span = chain.span[entry.session];
  const bar = el("i", { class: "bar" });
  bar.style.left = `${(100 * entry.from) / span}%`;
  bar.style.width = `${Math.max(1.5, (100 * (entry.took ?? 0)) / span)}%`;
  const node = el("div", {
    class: `row k-${entry.kind} ${entry.state}`, role: "option", id: `row-${entry.place}`, "data-place": entry.place,
    "aria-selected": entry.place === now.entry ? "true" : "false", "aria-setsize": now.listed.length, "aria-posinset": at + 1,
  }, el("span", { class: "step" }, entry.step === null ? "" : `s${entry.step}`),
  el("span", { class: "what" }, el("b", {}, words(entry.title)), el("small", {}, entry.note)),
  el("span", { class: "took" }, el("span", {}, [entry.evidence.length && entry.kind !== "conflict" ? `${entry.evidence.length} ev` : "", entry.cost === null ? (entry.tokens ? `${entry.tokens} tok` : "") : dollars(entry.cost), entry.seconds === null ? "" : duration(entry.seconds)].filter(Boolean).join(" · ")), el("span", { class: "time" }, bar)));
  node.style.top = `${at * ROW}px`;
  return node;
};
const drawList = () => {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  const last = Math.min(now.listed.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
  rows.style.height = `${now.listed.length * ROW}px`;
  rows.replaceChildren(...now.listed.slice(first, last).map((place, at) => row(chain.entries[place], first + at)));
  if (byId(`row-${now.entry}`)) list.setAttribute("aria-activedescendant", `row-${now.entry}`);
  else list.removeAttribute("aria-activedescendant");
};
const inView = () => {
  const at = now.listed.indexOf(now.entry);
  if (at < 0) return;
  if (at * ROW < list.scrollTop) list.scrollTop = at * ROW;
  else if ((at + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * ROW - list.clientHeight;
};
const sift = () => {
  const wanted = search.value.trim().toLowerCase();
  now.listed = chain.entries.filter((entry) => (!kinds.value || entry.group === kinds.value) && (!wanted || textOf(entry, data).includes(wanted))).map((entry) => entry.place);
  byId("count").textContent = now.listed.length === chain.entries.length ? plural(chain.entries.length, "entry").replace("entrys", "entries") : `${now.listed.length} of ${chain.entries.length}`;
  inView();
  drawList();
};

/* What is selected, and what follows from it on the film and in the panes. */

const overlaysOf = (places) => [...new Set(places.flatMap((place) => (has(data.drawn, String(place)) ? data.drawn[place] : [])))];
const boxOf = (known, boxed) => {
  const box = listOf(known.item.box);
  return box.length === 4 && box.every((edge) => typeof edge === "number") ? [{ id: known.id, film: known.item.image, box, boxed }] : [];
};
const lit = () => {
  if (!now.evidence.size) {
    const entry = chain.entries[now.entry];
    if (!entry) return { overlays: [], boxes: [], film: null, caption: "" };
    const known = entry.evidence.map((id) => chain.evidence.get(id)).filter(Boolean);
    const overlays = overlaysOf(entry.lines);
    return { overlays, boxes: overlays.length ? [] : known.flatMap((one) => boxOf(one, false)), film: entry.film, caption: entry.step === null ? entry.title : `s${entry.step} ${words(entry.title)}` };
  }
  const known = [...now.evidence].map((id) => chain.evidence.get(id)).filter(Boolean);
  const base = known.flatMap((one) => listOf(one.item.basis).map((id) => chain.evidence.get(String(id)))).filter(Boolean);
  const all = [...known, ...base];
  const overlays = overlaysOf(all.map((one) => one.place));
  return { overlays, boxes: all.flatMap((one) => boxOf(one, overlays.length > 0)), film: known[0]?.item.image ?? null, caption: known.map((one) => one.id).join(", ") };
};
const draw = ({ right = true } = {}) => {
  const entry = chain.entries[now.entry];
  byId("detail").replaceChildren(...(entry ? panes.detail(entry) : [el("p", { class: "soft" }, "The trace holds no line.")]).flat(4).filter(Boolean));
  if (right) drawRight();
  film.show(lit());
  mark();
};
const mark = () => {
  for (const node of document.querySelectorAll("[data-ev],[data-card],[data-evidence]")) {
    node.classList.toggle("hot", now.evidence.has(node.dataset.ev ?? node.dataset.card ?? node.dataset.evidence));
  }
  for (const node of document.querySelectorAll("[data-rests]")) {
    node.classList.toggle("cites", node.dataset.rests.split(" ").some((id) => now.evidence.has(id)));
  }
  const sentence = now.sentence === null ? null : String(now.sentence);
  for (const node of document.querySelectorAll("[data-sentence],[data-cites]")) {
    const own = (node.dataset.sentence ?? node.dataset.cites) === sentence;
    node.classList.toggle("pinned", own);
    if (node.dataset.sentence !== undefined) node.toggleAttribute("aria-current", own);
  }
};
const TABS = { report: "Report", evidence: "Evidence", dialogue: "Dialogue" };
const drawRight = () => {
  byId("tabs").replaceChildren(...Object.entries(TABS).map(([key, name], at) => {
    const count = key === "evidence" ? ` ${chain.evidence.size}` : key === "dialogue" ? ` ${chain.turns.length + chain.entries.filter((entry) => entry.kind === "corrected").length}` : "";
    return el("button", { type: "button", role: "tab", id: `tab-${key}`, "aria-selected": key === now.tab ? "true" : "false", "aria-controls": "pane", "aria-keyshortcuts": at + 1, onclick: () => show.tab(key) }, name, el("small", {}, count));
  }));
  byId("pane").setAttribute("aria-labelledby", `tab-${now.tab}`);
  byId("pane").replaceChildren(...fill(el("div"), [now.tab === "report" ? panes.report(now.version) : panes[now.tab]()]).childNodes);
};
const reveal = (selector) => document.querySelector(selector)?.scrollIntoView({ block: "nearest" });
const go = (place) => {
  now.entry = place;
  /* Who looks at something is not to be taken away from it. */
  const follow = byId("follow");
  if (follow) follow.checked = place === chain.entries.length - 1;
  inView();
  drawList();
};
const show = {
  entry(place) {
    now.evidence = new Set();
    now.sentence = null;
    go(place);
    draw({ right: false });
    byId("detail").scrollTop = 0;
  },
  evidence(id) {
    const known = chain.evidence.get(id);
    if (!known) return;
    now.evidence = new Set([id]);
    now.sentence = null;
    listedOrAll(known.entry.place);
    go(known.entry.place);
    draw({ right: false });
    reveal(`[data-card="${CSS.escape(id)}"]`);
    if (known.cited.length) reveal(`#pane [data-sentence="${known.cited.find((one) => one.tab === now.tab)?.place}"]`);
    reveal(`#pane [data-evidence="${CSS.escape(id)}"]`);
  },
  sentence(one) {
    const first = one.evidence.map((id) => chain.evidence.get(id)).find(Boolean);
    now.evidence = new Set(one.evidence);
    now.sentence = one.place;
    now.tab = one.tab;
    if (one.tab === "report") now.version = one.version;
    listedOrAll((first?.entry ?? one.entry).place);
    go((first?.entry ?? one.entry).place);
    draw();
    reveal(`#pane [data-sentence="${one.place}"]`);
    if (first) reveal(`[data-card="${CSS.escape(first.id)}"]`);
  },
  version(at) { now.version = at; drawRight(); mark(); },
  tab(key) { now.tab = key; drawRight(); mark(); },
};
/* What is asked for must be seen, even where a search hides it. */
const listedOrAll = (place) => {
  if (now.listed.includes(place)) return;
  search.value = "";
  kinds.value = "";
  sift();
};
const panes = panesOf(data, show);

const facts = () => {
  const { started, finished, totals } = chain;
  const state = data.verification.intact ? "intact" : plural(data.verification.problems.length, "problem");
  const status = finished ? finished.status : "not finished";
  byId("facts").replaceChildren(
    el("span", { class: `pill ${finished ? finished.status : "running"}` }, status), el("span", { class: `pill ${data.verification.intact ? "ok" : "failed"}`, title: `head ${data.verification.head}` }, `chain ${state}`),
    el("span", {}, started ? started.planner : "no start"), el("span", {}, data.lines.length ? data.lines[0].time.slice(0, 19).replace("T", " ") + " UTC" : ""),
    el("span", {}, plural(data.lines.length, "line")), el("span", {}, duration(chain.span.reduce((sum, one) => sum + one, 0))),
    el("span", {}, totals.exchanges || totals.tokens ? `${plural(totals.exchanges, "model exchange")}, ${totals.tokens} tokens, ${totals.priced ? dollars(totals.cost) : "price not known"}` : "no language model"));
};

/* Keys */

const step = (by) => {
  if (!now.listed.length) return;
  const at = now.listed.indexOf(now.entry);
  const next = at < 0 ? 0 : Math.min(now.listed.length - 1, Math.max(0, at + by));
  show.entry(now.listed[next]);
};
const speak = (by) => {
  const said = chain.sentences.filter((one) => one.counts);
  said.sort((one, other) => (one.tab === other.tab ? one.place - other.place : one.tab === "report" ? -1 : 1));
  if (!said.length) return;
  const at = said.findIndex((one) => one.place === now.sentence);
  show.sentence(said[at < 0 ? (by > 0 ? 0 : said.length - 1) : (at + by + said.length) % said.length]);
};
const keys = {
  j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), PageDown: () => step(10), PageUp: () => step(-10),
  Home: () => step(-Infinity), End: () => step(Infinity), n: () => speak(1), p: () => speak(-1),
  1: () => show.tab("report"), 2: () => show.tab("evidence"), 3: () => show.tab("dialogue"), f: () => film.next(), o: () => film.toggle(),
  "/": () => { search.focus(); search.select(); }, "?": () => byId("help").showModal(),
  Enter: () => byId("detail").querySelector("h2")?.focus(),
  Escape: () => { show.entry(now.entry); list.focus(); },
};
const MOVES = new Set(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", "Enter"]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input:not([type=checkbox],[type=radio],[type=range]), textarea, select");
  if (typing && event.key !== "Escape" && !(event.target === search && (event.key === "Enter" || event.key === "ArrowDown"))) return;
  if (event.target === search && event.key !== "Escape") {
    list.focus();
    if (!now.listed.includes(now.entry)) step(0);
    event.preventDefault();
    return;
  }
  /* Where something else takes these keys, it keeps them. */
  if (MOVES.has(event.key) && event.target !== list && event.target !== document.body) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
byId("help-open").addEventListener("click", () => byId("help").showModal());
list.addEventListener("click", (event) => {
  const found = event.target.closest("[data-place]");
  if (found) show.entry(Number(found.dataset.place));
});
list.addEventListener("scroll", drawList, { passive: true });
window.addEventListener("resize", drawList);
search.addEventListener("input", sift);
kinds.addEventListener("change", sift);
fill(kinds, [el("option", { value: "" }, "Everything"), Object.entries(KINDS).map(([key, name]) => el("option", { value: key }, name))]);

/* Paper takes no list that is only there where it is looked at. */
window.addEventListener("beforeprint", () => {
  const version = chain.versions.at(-1);
  byId("print").replaceChildren(
    el("h2", {}, "Report"), ...(version?.sections ?? []).map((section) => el("section", {}, el("h3", {}, section.name), el("ul", {}, section.sentences.map((one) => el("li", {}, `${one.text} [${one.evidence.join(", ")}]`))))),
    el("h2", {}, "Chain"), el("table", {}, el("tbody", {}, chain.entries.map((entry) => el("tr", {}, el("td", {}, entry.step === null ? "" : `s${entry.step}`), el("td", {}, words(entry.title)), el("td", {}, duration(entry.seconds)),
      el("td", {}, el("p", {}, entry.note), entry.evidence.map((id) => el("p", {}, `${id}: ${chain.evidence.get(id)?.item.reading ?? ""}`))))))));
  byId("print").hidden = false;
});
window.addEventListener("afterprint", () => { byId("print").hidden = true; byId("print").replaceChildren(); });

/* Anew after the data grew; what is selected stays. */
const refresh = (follow) => {
  chain = chainOf(data);
  panes.take(chain);
  facts();
  if (follow) {
    now.entry = Math.max(0, chain.entries.length - 1);
    now.evidence = new Set();
    now.sentence = null;
  }
  sift();
  draw();
};
const fromAddress = () => {
  const name = location.hash.slice(1);
  if (chain.evidence.has(name)) show.evidence(name);
  else if (/^line-\d+$/.test(name) && chain.ofLine[Number(name.slice(5)) - 1]) show.entry(chain.ofLine[Number(name.slice(5)) - 1].place);
};
document.documentElement.classList.add("js");
panes.take(chain);
facts();
sift();
now.entry = chain.entries.find((entry) => entry.kind === "step" && overlaysOf(entry.lines).length)?.place ?? 0;
go(now.entry);
draw();
fromAddress();
window.addEventListener("hashchange", fromAddress);
list.focus({ preventScroll: true });
performance.mark("ready");
