/* What the panes are made of: sentences and cards of evidence, each leading to the others. */
const statementsOf = (data, show, chain) => {
  const chip = (id) => {
    const known = chain.evidence.get(id);
    const gone = known?.withdrawn ? " gone" : "";
    return known
      ? el(
          "button",
          {
            type: "button",
            class: `chip${gone}`,
            "data-ev": id,
            title: known.item.reading ?? id,
            onclick: (event) => {
              event.stopPropagation();
              show.evidence(id);
            },
          },
          id,
        )
      : el("span", { class: "chip missing", title: "not in the trace" }, id);
  };
  const chips = (ids) =>
    el(
      "span",
      { class: "chips" },
      ids.map((id) => [chip(id), " "]),
    );
  const pairs = (rows, name = "pairs") => {
    const kept = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return kept.length
      ? el(
          "dl",
          { class: name },
          kept.map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, value))),
        )
      : null;
  };
  const value = (raw) => {
    if (raw === null) return el("span", { class: "soft" }, "none");
    if (typeof raw === "number")
      return el("span", { class: "num", title: String(raw) }, number(raw));
    if (typeof raw === "string" || typeof raw === "boolean") return String(raw);
    const flat = listOf(raw);
    if (flat.length && flat.every((one) => typeof one !== "object"))
      return flat.map((one) => (typeof one === "number" ? number(one) : String(one))).join(", ");
    const text = JSON.stringify(raw, null, 1);
    if (text.length < 60) return el("code", {}, text.replaceAll("\n", ""));
    return el(
      "details",
      {},
      el(
        "summary",
        {},
        Array.isArray(raw) ? plural(raw.length, "item") : plural(Object.keys(raw).length, "field"),
      ),
      el("pre", {}, text),
    );
  };
  const table = (object) =>
    pairs(Object.entries(object ?? {}).map(([key, raw]) => [words(key), value(raw)]));
  const block = (title, ...children) => {
    const kept = children.flat(4).filter(Boolean);
    return kept.length ? el("section", {}, el("h3", {}, title), kept) : null;
  };
  /* Sentences */

  const marks = (sentence) => {
    const against = (chain.verdicts.get(sentence.text) ?? []).filter(
      (one) => !one.passed || one.action !== "kept",
    );
    const last = against.at(-1);
    return last
      ? el(
          "small",
          {
            class: "mark",
            title: against
              .map((one) => `${words(one.gate)}: ${one.action}, ${words(one.reason)}`)
              .join("; "),
          },
          `${words(last.gate)} gate: ${last.action}`,
        )
      : null;
  };
  const sentence = (one) =>
    el(
      "li",
      {
        class: `sentence${one.tier === null ? "" : " critical"}${one.dropped ? " dropped" : ""}`,
        "data-sentence": one.place,
        "data-rests": one.evidence.join(" "),
      },
      el(
        "button",
        { type: "button", class: "said", onclick: () => show.sentence(one) },
        one.dropped ? el("s", {}, one.text) : one.text,
      ),
      " ",
      chips(one.evidence),
      one.reason ? el("small", {}, words(one.reason)) : null,
      marks(one),
    );
  const citing = (found) =>
    found.length
      ? el(
          "ul",
          { class: "citing" },
          found.map((one) =>
            el(
              "li",
              {},
              el(
                "button",
                {
                  type: "button",
                  class: "said",
                  "data-cites": one.place,
                  onclick: () => show.sentence(one),
                },
                el("small", {}, `${one.where}: `),
                one.text,
              ),
            ),
          ),
        )
      : null;

  /* Evidence */

  const stated = (item) => {
    const parts = [];
    if (typeof item.value === "number")
      parts.push(`${number(item.value)}${item.unit && item.unit !== "1" ? ` ${item.unit}` : ""}`);
    if (item.polarity) parts.push(String(item.polarity));
    if (item.severity) parts.push(String(item.severity));
    if (item.category) parts.push(words(item.category));
    return parts.join(", ");
  };
  const card = (id) => {
    const known = chain.evidence.get(id);
    if (!known) return null;
    const { item } = known;
    const range = listOf(item.interval).map(number).join(" to ");
    const level =
      typeof item.interval_level === "number"
        ? ` (${Math.round(item.interval_level * 100)} %)`
        : "";
    return el(
      "article",
      { class: `card${known.withdrawn ? " gone" : ""}`, "data-card": id },
      el(
        "header",
        {},
        el("h4", {}, chip(id), " ", el("small", {}, words(item.kind)), " ", words(item.code)),
        known.withdrawn
          ? el("span", { class: "pill warn" }, `withdrawn: ${words(known.withdrawn.reason)}`)
          : null,
      ),
      el("p", { class: "reading" }, String(item.reading ?? "")),
      pairs([
        ["stated", stated(item)],
        ["interval", range && range + level],
        ["probability", typeof item.probability === "number" ? number(item.probability) : ""],
        [
          "limit",
          typeof item.threshold === "number"
            ? number(item.threshold) + (item.threshold_source ? ` (${item.threshold_source})` : "")
            : "",
        ],
        ["place", [item.location, item.side].filter(Boolean).join(", ")],
        ["film", item.image ?? ""],
        ["against", item.against ?? ""],
        ["because", listOf(item.reasons).map(words).join(", ")],
        ["model", item.provenance?.model ?? ""],
        ["weights", String(item.provenance?.weights_sha256 ?? "").slice(0, 12)],
        ["rests on", listOf(item.basis).length ? chips(listOf(item.basis).map(String)) : ""],
      ]),
      isObject(item.details) && Object.keys(item.details).length
        ? el("details", {}, el("summary", {}, "numbers behind it"), table(item.details))
        : null,
      item.quote ? el("blockquote", {}, String(item.quote)) : null,
      known.cited.length
        ? citing(known.cited)
        : el("p", { class: "soft" }, "No sentence cites it."),
    );
  };

  const events = (entry, type) =>
    entry.lines.map((place) => data.lines[place].event).filter((event) => event.type === type);
  return { chip, chips, pairs, value, table, block, events, sentence, citing, card };
};
