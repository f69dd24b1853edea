/* The right pane: the report, all evidence, and what was asked and corrected. */
const rightOf = (data, show, chain, say) => {
  const { chip, sentence } = say;

  const report = (at) => {
    if (!chain.versions.length)
      return [el("p", { class: "soft" }, "No report has been given out yet.")];
    const choice = Math.min(at ?? Infinity, chain.versions.length - 1);
    const version = chain.versions[choice];
    const select = el(
      "select",
      { "aria-label": "Version of the report" },
      chain.versions.map((one, place) => {
        const option = el(
          "option",
          { value: place },
          `${one.sha256 ? "Report" : "Draft"} ${place + 1} of ${chain.versions.length}, `,
          `line ${data.lines[one.entry.lines.at(-1)].seq}`,
        );
        option.selected = place === choice;
        return option;
      }),
    );
    select.addEventListener("change", () => show.version(Number(select.value)));
    return [
      chain.versions.length > 1 ? el("p", { class: "versions" }, select) : null,
      version.report ? null : el("p", { class: "bad" }, "The report's file cannot be read."),
      version.sections.map((section) =>
        el(
          "section",
          { class: "said-section" },
          el("h3", {}, section.name),
          grouped(section.sentences),
        ),
      ),
      version.dropped.length
        ? el(
            "section",
            { class: "said-section" },
            el("h3", {}, `Kept back by the gates (${version.dropped.length})`),
            el("ul", { class: "sentences" }, version.dropped.map(sentence)),
          )
        : null,
    ];
  };
  const grouped = (found) => {
    const parts = new Map();
    for (const one of found) {
      if (!parts.has(one.heading)) parts.set(one.heading, []);
      parts.get(one.heading).push(one);
    }
    return [...parts].map(([heading, some]) => [
      heading ? el("h4", {}, heading) : null,
      inParts(some, sentence, el("ul", { class: "sentences" })),
    ]);
  };
  const evidence = () => {
    const all = [...chain.evidence.values()];
    if (!all.length) return [el("p", { class: "soft" }, "No evidence yet.")];
    return [
      inParts(
        all,
        (one) =>
          el(
            "li",
            { class: one.withdrawn ? "gone" : "", "data-evidence": one.id },
            chip(one.id),
            " ",
            el(
              "button",
              { type: "button", class: "said", onclick: () => show.evidence(one.id) },
              String(one.item.reading ?? words(one.item.code)),
            ),
            el(
              "small",
              {},
              `${words(one.item.kind)}, s${one.item.provenance?.step ?? "?"}, `,
              one.cited.length ? `cited ${one.cited.length}×` : "not cited",
            ),
          ),
        el("ul", { class: "sentences" }),
      ),
    ];
  };
  const dialogue = () => {
    const corrections = chain.entries.filter((entry) => entry.kind === "corrected");
    if (!chain.turns.length && !corrections.length)
      return [el("p", { class: "soft" }, "Nobody asked or corrected anything.")];
    const all = [...chain.turns.map((one) => one.entry), ...corrections].sort(
      (one, other) => one.place - other.place,
    );
    return [
      inParts(all, (entry) => {
        const open = el(
          "button",
          { type: "button", class: "said turn", onclick: () => show.entry(entry.place) },
          entry.kind === "asked"
            ? el("q", {}, entry.note || entry.title)
            : [
                el("span", { class: "pill reader" }, "corrected"),
                ` ${words(entry.title)}: ${entry.note}`,
              ],
        );
        return el(
          "section",
          { class: "said-section" },
          open,
          entry.turn ? el("ul", { class: "sentences" }, entry.turn.said.map(sentence)) : null,
        );
      }),
    ];
  };
  return { report, evidence, dialogue };
};
