/* What the panes beside the film say: the selected step, and what was said with what it rests on. */
const NOT_KEPT = "Not kept: the run's privacy mode did not allow it.";

const panesOf = (data, show) => {
  let chain = null;

  const chip = (id) => {
    const known = chain.evidence.get(id);
    const gone = known?.withdrawn ? " gone" : "";
    return known
      ? el("button", { type: "button", class: `chip${gone}`, "data-ev": id, title: known.item.reading ?? id, onclick: (event) => { event.stopPropagation(); show.evidence(id); } }, id)
      : el("span", { class: "chip missing", title: "not in the trace" }, id);
  };
  const chips = (ids) => el("span", { class: "chips" }, ids.map((id) => [chip(id), " "]));
  const pairs = (rows, name = "pairs") => {
    const kept = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return kept.length ? el("dl", { class: name }, kept.map(([key, value]) => el("div", {}, el("dt", {}, key), el("dd", {}, value)))) : null;
  };
  const value = (raw) => {
    if (raw === null) return el("span", { class: "soft" }, "none");
    if (typeof raw === "number") return el("span", { class: "num", title: String(raw) }, number(raw));
    if (typeof raw === "string" || typeof raw === "boolean") return String(raw);
    const flat = listOf(raw);
    if (flat.length && flat.every((one) => typeof one !== "object")) return flat.map((one) => (typeof one === "number" ? number(one) : String(one))).join(", ");
    const text = JSON.stringify(raw, null, 1);
    if (text.length < 60) return el("code", {}, text.replaceAll("\n", ""));
    return el("details", {}, el("summary", {}, Array.isArray(raw) ? plural(raw.length, "item") : plural(Object.keys(raw).length, "field")), el("pre", {}, text));
  };
  const table = (object) => pairs(Object.entries(object ?? {}).map(([key, raw]) => [words(key), value(raw)]));
  const block = (title, ...children) => {
    const kept = children.flat(4).filter(Boolean);
    return kept.length ? el("section", {}, el("h3", {}, title), kept) : null;
  };
  const events = (entry, type) => entry.lines.map((place) => data.lines[place].event).filter((event) => event.type === type);

  /* Sentences */

  const marks = (sentence) => {
    const against = (chain.verdicts.get(sentence.text) ?? []).filter((one) => !one.passed || one.action !== "kept");
    const last = against.at(-1);
    return last ? el("small", { class: "mark", title: against.map((one) => `${words(one.gate)}: ${one.action}, ${words(one.reason)}`).join("; ") }, `${words(last.gate)} gate: ${last.action}`) : null;
  };
  const sentence = (one) => el("li", {
    class: `sentence${one.tier === null ? "" : " critical"}${one.dropped ? " dropped" : ""}`, "data-sentence": one.place, "data-rests": one.evidence.join(" "),
  }, el("button", { type: "button", class: "said", onclick: () => show.sentence(one) }, one.dropped ? el("s", {}, one.text) : one.text), " ", chips(one.evidence),
  one.reason ? el("small", {}, words(one.reason)) : null, marks(one));
  const citing = (found) => found.length
    ? el("ul", { class: "citing" }, found.map((one) => el("li", {}, el("button", { type: "button", class: "said", "data-cites": one.place, onclick: () => show.sentence(one) }, el("small", {}, `${one.where}: `), one.text))))
    : null;

  /* Evidence */

  const stated = (item) => {
    const parts = [];
    if (typeof item.value === "number") parts.push(`${number(item.value)}${item.unit && item.unit !== "1" ? ` ${item.unit}` : ""}`);
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
    const level = typeof item.interval_level === "number" ? ` (${Math.round(item.interval_level * 100)} %)` : "";
    return el("article", { class: `card${known.withdrawn ? " gone" : ""}`, "data-card": id },
      el("header", {}, el("h4", {}, chip(id), " ", el("small", {}, words(item.kind)), " ", words(item.code)), known.withdrawn ? el("span", { class: "pill warn" }, `withdrawn: ${words(known.withdrawn.reason)}`) : null),
      el("p", { class: "reading" }, String(item.reading ?? "")),
      pairs([
        ["stated", stated(item)], ["interval", range && range + level],
        ["probability", typeof item.probability === "number" ? number(item.probability) : ""],
        ["limit", typeof item.threshold === "number" ? `${number(item.threshold)}${item.threshold_source ? ` (${item.threshold_source})` : ""}` : ""],
        ["place", [item.location, item.side].filter(Boolean).join(", ")], ["film", item.image ?? ""], ["against", item.against ?? ""],
        ["because", listOf(item.reasons).map(words).join(", ")], ["model", item.provenance?.model ?? ""],
        ["weights", String(item.provenance?.weights_sha256 ?? "").slice(0, 12)],
        ["rests on", listOf(item.basis).length ? chips(listOf(item.basis).map(String)) : ""],
      ]),
      isObject(item.details) && Object.keys(item.details).length ? el("details", {}, el("summary", {}, "numbers behind it"), table(item.details)) : null,
      item.quote ? el("blockquote", {}, String(item.quote)) : null,
      known.cited.length ? citing(known.cited) : el("p", { class: "soft" }, "No sentence cites it."));
  };

  /* The selected step */

  const artifacts = (entry) => {
    const seen = new Set();
    const files = [];
    for (const place of entry.lines) {
      const event = data.lines[place].event;
      const found = event.type === "evidence_added" ? event.evidence.artifacts : event.artifacts;
      for (const [name, sha256] of Object.entries(isObject(found) ? found : {})) {
        if (seen.has(`${name} ${sha256}`)) continue;
        seen.add(`${name} ${sha256}`);
        files.push(el("li", {}, words(name), " ", el("code", { title: String(sha256) }, String(sha256).slice(0, 12))));
      }
    }
    const faults = data.faults.filter((one) => entry.lines.includes(one.line)).map((one) => el("li", { class: "bad" }, `${words(one.what)}: ${one.why}`));
    return files.length || faults.length ? el("ul", { class: "files" }, files, faults) : null;
  };
  const exchange = (title, sha256) => {
    if (sha256 === null) return el("p", { class: "soft" }, `${title}: ${NOT_KEPT}`);
    const kept = has(data.texts, sha256) ? data.texts[sha256] : null;
    if (!kept) return el("p", { class: "bad" }, `${title}: the file is not in the trace.`);
    const details = el("details", { class: "exchange" }, el("summary", {}, title, " ", el("small", {}, plural(kept.text.length, "character"), kept.cut ? ", cut" : "")));
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(el("pre", { tabindex: "0" }, kept.text)); });
    return details;
  };
  const raw = (entry) => {
    const details = el("details", { class: "raw" }, el("summary", {}, `Lines as recorded (${entry.lines.length})`));
    details.addEventListener("toggle", () => {
      if (!details.open || details.children.length > 1) return;
      details.append(inParts(entry.lines, (place) => {
        const line = data.lines[place];
        return el("div", { class: "line" }, el("p", {}, `line ${line.seq}, ${line.event.type}, ${line.time}`), el("pre", { tabindex: "0" }, JSON.stringify(line.event, null, 1)), el("p", { class: "soft" }, `after ${line.previous.slice(0, 16)}`));
      }));
    });
    return details;
  };
  const gates = (entry) => {
    const all = events(entry, "gate_verdict");
    if (!all.length) return null;
    const sorted = [...all.filter((one) => !one.passed), ...all.filter((one) => one.passed)];
    return el("table", { class: "gates" }, el("thead", {}, el("tr", {}, ["gate", "verdict", "sentence"].map((name) => el("th", { scope: "col" }, name)))),
      inParts(sorted, (one) => el("tr", { class: one.passed ? "" : "against" }, el("td", {}, words(one.gate)), el("td", {}, `${one.action}, ${words(one.reason)}`), el("td", {}, one.sentence ?? el("span", { class: "soft" }, "the whole report"))), el("tbody")));
  };
  const why = (entry) => {
    const [plan] = events(entry, "plan");
    const [called] = events(entry, "tool_called");
    const inputs = Object.entries((called ?? plan)?.arguments ?? {}).map(([key, raw]) => [words(key), value(raw)]);
    const planned = plan ? [
      ["decided", plan.decision], ["by", plan.planner], ["because", words(plan.rationale)], ["model", plan.model], ["prompt", plan.prompt_id],
      ["thought for", plan.latency_s < 0.001 ? "" : duration(plan.latency_s)], ["tokens", plan.tokens_in === null ? "" : `${plan.tokens_in} in, ${plan.tokens_out} out`],
      ["cost", plan.cost === null ? "" : dollars(plan.cost)],
    ] : [];
    return [
      block("Why", pairs(planned)),
      block("Inputs", pairs([...inputs, ["tool version", called?.tool_version]])),
      called && !events(entry, "tool_returned").length ? el("p", { class: "warn" }, "The tool has not returned.") : null,
    ];
  };
  const outputs = (entry) => events(entry, "tool_returned").map((event) => block("Outputs",
    event.codes.length ? pairs([["codes", event.codes.map(words).join(", ")]]) : null, table(event.result) ?? el("p", { class: "soft" }, `none: ${event.outcome}`)));
  const facts = {
    run: (entry) => {
      const event = data.lines[entry.lines[0]].event;
      return [
        block("Run", pairs([["planner", event.planner], ["program", event.program_version], ["status", event.status], ["code", words(event.code)], ["seed", event.seed], ["schema", event.schema_version]])),
        block("Settings", event.config && table(event.config)), block("Versions", event.versions && table(event.versions)),
      ];
    },
    films: (entry) => events(entry, "study_loaded").flatMap((event) => event.images.map((image) => block(image.handle, pairs([
      ["view", image.view], ["size", `${image.columns} × ${image.rows} px`], ["spacing", image.spacing ? `${number(image.spacing.column_mm)} mm, ${words(image.spacing.kind)}` : "not known"],
      ["days before", image.days_before], ["notices", image.notices.map(words).join(", ")], ["pixels", image.sha256.slice(0, 16)],
    ])))).concat(events(entry, "study_loaded").map((event) => event.indication ? block("Indication", el("blockquote", {}, event.indication)) : null)),
    step: why,
    said: () => [],
    conflict: (entry) => events(entry, "conflict").map((event) => block("Conflict", pairs([["about", event.codes.map(words).join(", ")], ["between", chips(event.evidence)], ["decided by", words(event.rule)]]))),
    report: (entry) => [block("Gates", gates(entry)), block("Draft", events(entry, "report_drafted").map((event) => el("details", {}, el("summary", {}, plural(event.sentences.length, "sentence")), el("ul", {}, event.sentences.map((one) => el("li", {}, String(one.text ?? ""), " ", chips(listOf(one.evidence).map(String))))))))],
    model: (entry) => events(entry, "model_called").map((event) => [
      block("Exchange", pairs([
        ["for", event.purpose], ["model", event.model], ["outcome", words(event.outcome)], ["tokens", `${event.tokens_in} in, ${event.tokens_out} out`],
        ["cost", event.cost === null ? "price not known" : dollars(event.cost)], ["time", duration(event.seconds)], ["requests", event.attempts], ["pictures sent", event.images], ["prompt", event.prompt_id],
        ["prompt file", event.prompt_sha256.slice(0, 12)],
      ])),
      block("What went over the wire", exchange("Sent", event.sent), exchange("Received", event.received)),
    ]),
    asked: (entry) => [
      entry.turn.asked && block("Question", el("blockquote", {}, entry.turn.asked.text ?? NOT_KEPT), pairs([["understood as", words(entry.turn.asked.intent)], ["about", entry.turn.asked.subjects.map(words).join(", ")]])),
      entry.turn.answered && block(`Answer, by ${entry.turn.answered.worded_by}`, el("ul", { class: "sentences" }, entry.turn.said.map(sentence)), entry.turn.answered.unsupported ? el("p", { class: "warn" }, `${plural(entry.turn.answered.unsupported, "sentence")} of the model had no support and were kept back.`) : null),
    ],
    corrected: (entry) => events(entry, "corrected").map((event) => block("Correction", pairs([["of", `${event.kind} ${words(event.target)}`], ["on", event.film], ["by", event.who], ["why", event.why], ...Object.entries(event.value).map(([key, raw]) => [`now: ${words(key)}`, value(raw)]), ["no longer counts", entry.withdrawn.length ? chips(entry.withdrawn) : ""]]))),
    withdrawn: (entry) => events(entry, "withdrawn").map((event) => block("Withdrawn", pairs([["evidence", chips(event.evidence)], ["why", words(event.reason)]]))),
    issued: (entry) => events(entry, "report_issued").map((event) => block("Report", pairs([["status", event.status], ["file", event.report_sha256.slice(0, 16)]]))),
  };
  const detail = (entry) => {
    const cited = entry.evidence.flatMap((id) => chain.evidence.get(id)?.cited ?? []);
    const at = entry.session ? `${duration(entry.at) || "0 ms"} after resumption ${entry.session}` : `at ${duration(entry.at) || "0 ms"}`;
    return [
      el("header", {}, el("h2", { tabindex: "-1" }, entry.step === null ? null : el("span", { class: "step" }, `s${entry.step}`), entry.title), entry.state ? el("span", { class: `pill ${entry.state}` }, entry.state === "none" ? "done" : entry.state) : null,
        el("small", {}, [at, duration(entry.seconds), entry.tokens ? `${entry.tokens} tokens` : "", entry.cost === null ? "" : dollars(entry.cost), plural(entry.lines.length, "line")].filter(Boolean).join(" · "))),
      facts[entry.kind](entry),
      block("Evidence it gave", inParts(entry.evidence.filter((id) => chain.evidence.has(id)), card)),
      block(`Sentences that rest on it (${new Set(cited).size})`, citing([...new Set(cited)])),
      outputs(entry),
      block("Artifacts", artifacts(entry)),
      raw(entry),
    ];
  };

  /* The right pane */

  const report = (at) => {
    if (!chain.versions.length) return [el("p", { class: "soft" }, "No report has been given out yet.")];
    const choice = Math.min(at ?? Infinity, chain.versions.length - 1);
    const version = chain.versions[choice];
    const select = el("select", { "aria-label": "Version of the report" }, chain.versions.map((one, place) => {
      const option = el("option", { value: place }, `${one.sha256 ? "Report" : "Draft"} ${place + 1} of ${chain.versions.length}, line ${data.lines[one.entry.lines.at(-1)].seq}`);
      option.selected = place === choice;
      return option;
    }));
    select.addEventListener("change", () => show.version(Number(select.value)));
    return [
      chain.versions.length > 1 ? el("p", { class: "versions" }, select) : null,
      version.report ? null : el("p", { class: "bad" }, "The report's file cannot be read."),
      version.sections.map((section) => el("section", { class: "said-section" }, el("h3", {}, section.name), grouped(section.sentences))),
      version.dropped.length ? el("section", { class: "said-section" }, el("h3", {}, `Kept back by the gates (${version.dropped.length})`), el("ul", { class: "sentences" }, version.dropped.map(sentence))) : null,
    ];
  };
  const grouped = (found) => {
    const parts = new Map();
    for (const one of found) {
      if (!parts.has(one.heading)) parts.set(one.heading, []);
      parts.get(one.heading).push(one);
    }
    return [...parts].map(([heading, some]) => [heading ? el("h4", {}, heading) : null, inParts(some, sentence, el("ul", { class: "sentences" }))]);
  };
  const evidence = () => {
    const all = [...chain.evidence.values()];
    if (!all.length) return [el("p", { class: "soft" }, "No evidence yet.")];
    return [inParts(all, (one) => el("li", { class: one.withdrawn ? "gone" : "", "data-evidence": one.id }, chip(one.id), " ",
      el("button", { type: "button", class: "said", onclick: () => show.evidence(one.id) }, String(one.item.reading ?? words(one.item.code))),
      el("small", {}, `${words(one.item.kind)}, s${one.item.provenance?.step ?? "?"}, ${one.cited.length ? `cited ${one.cited.length}×` : "not cited"}`)), el("ul", { class: "sentences" }))];
  };
  const dialogue = () => {
    const corrections = chain.entries.filter((entry) => entry.kind === "corrected");
    if (!chain.turns.length && !corrections.length) return [el("p", { class: "soft" }, "Nobody asked or corrected anything.")];
    const all = [...chain.turns.map((one) => one.entry), ...corrections].sort((one, other) => one.place - other.place);
    return [inParts(all, (entry) => {
      const open = el("button", { type: "button", class: "said turn", onclick: () => show.entry(entry.place) }, entry.kind === "asked" ? el("q", {}, entry.note || entry.title) : [el("span", { class: "pill reader" }, "corrected"), ` ${words(entry.title)}: ${entry.note}`]);
      return el("section", { class: "said-section" }, open, entry.turn ? el("ul", { class: "sentences" }, entry.turn.said.map(sentence)) : null);
    })];
  };
  return {
    detail, report, evidence, dialogue,
    take(next) { chain = next; },
  };
};
