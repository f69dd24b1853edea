/* What is selected, and what follows from it on the film and in the panes. */

const overlaysOf = (places) => [
  ...new Set(places.flatMap((place) => (has(data.drawn, String(place)) ? data.drawn[place] : []))),
];
const boxOf = (known, boxed) => {
  const box = listOf(known.item.box);
  return box.length === 4 && box.every((edge) => typeof edge === "number")
    ? [{ id: known.id, film: known.item.image, box, boxed }]
    : [];
};
const lit = () => {
  if (!now.evidence.size) {
    const entry = chain.entries[now.entry];
    if (!entry) return { overlays: [], boxes: [], film: null, caption: "" };
    const known = entry.evidence.map((id) => chain.evidence.get(id)).filter(Boolean);
    const overlays = overlaysOf(entry.lines);
    return {
      overlays,
      boxes: overlays.length ? [] : known.flatMap((one) => boxOf(one, false)),
      film: entry.film,
      caption: entry.step === null ? entry.title : `s${entry.step} ${words(entry.title)}`,
    };
  }
  const known = [...now.evidence].map((id) => chain.evidence.get(id)).filter(Boolean);
  const base = known
    .flatMap((one) => listOf(one.item.basis).map((id) => chain.evidence.get(String(id))))
    .filter(Boolean);
  const all = [...known, ...base];
  const overlays = overlaysOf(all.map((one) => one.place));
  return {
    overlays,
    boxes: all.flatMap((one) => boxOf(one, overlays.length > 0)),
    film: known[0]?.item.image ?? null,
    caption: known.map((one) => one.id).join(", "),
  };
};
const draw = ({ right = true } = {}) => {
  const entry = chain.entries[now.entry];
  byId("detail").replaceChildren(
    ...(entry ? panes.detail(entry) : [el("p", { class: "soft" }, "The trace holds no line.")])
      .flat(4)
      .filter(Boolean),
  );
  if (right) drawRight();
  film.show(lit());
  mark();
};
const mark = () => {
  for (const node of document.querySelectorAll("[data-ev],[data-card],[data-evidence]")) {
    node.classList.toggle(
      "hot",
      now.evidence.has(node.dataset.ev ?? node.dataset.card ?? node.dataset.evidence),
    );
  }
  for (const node of document.querySelectorAll("[data-rests]")) {
    node.classList.toggle(
      "cites",
      node.dataset.rests.split(" ").some((id) => now.evidence.has(id)),
    );
  }
  const sentence = now.sentence === null ? null : String(now.sentence);
  for (const node of document.querySelectorAll("[data-sentence],[data-cites]")) {
    const own = (node.dataset.sentence ?? node.dataset.cites) === sentence;
    node.classList.toggle("pinned", own);
    if (node.dataset.sentence !== undefined) node.toggleAttribute("aria-current", own);
  }
};
const counts = () => ({
  evidence: chain.evidence.size,
  dialogue: chain.turns.length + chain.entries.filter((one) => one.kind === "corrected").length,
});
const TABS = { report: "Report", evidence: "Evidence", dialogue: "Dialogue" };
const drawRight = () => {
  const counted = counts();
  byId("tabs").replaceChildren(
    ...Object.entries(TABS).map(([key, name], at) => {
      return el(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${key}`,
          "aria-selected": key === now.tab ? "true" : "false",
          "aria-controls": "pane",
          "aria-keyshortcuts": at + 1,
          onclick: () => show.tab(key),
        },
        name,
        el("small", {}, key in counted ? ` ${counted[key]}` : ""),
      );
    }),
  );
  byId("pane").setAttribute("aria-labelledby", `tab-${now.tab}`);
  byId("pane").replaceChildren(
    ...fill(el("div"), [now.tab === "report" ? panes.report(now.version) : panes[now.tab]()])
      .childNodes,
  );
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
    if (known.cited.length)
      reveal(`#pane [data-sentence="${known.cited.find((one) => one.tab === now.tab)?.place}"]`);
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
  version(at) {
    now.version = at;
    drawRight();
    mark();
  },
  tab(key) {
    now.tab = key;
    drawRight();
    mark();
  },
};
/* What is asked for must be seen, even where a search hides it. */
const listedOrAll = (place) => {
  if (now.listed.includes(place)) return;
  search.value = "";
  kinds.value = "";
  sift();
};
const panesOf = () => {
  const say = statementsOf(data, show, chain);
  return { detail: detailOf(data, chain, say), ...rightOf(data, show, chain, say) };
};
let panes = panesOf();
