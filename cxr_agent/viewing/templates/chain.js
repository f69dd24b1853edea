/* The chain as a reader thinks of it: steps with their evidence, sentences with what they cite. */
const SECTIONS = {
  answer: "Clinical question",
  technique: "Technique",
  comparison: "Comparison",
  findings: "Findings",
  impression: "Impression",
  context: "Context",
  limitations: "Limitations",
};
const KINDS = {
  step: "Tool steps",
  model: "Language model",
  report: "Reports and gates",
  reader: "Reader",
  run: "Run",
};

const chainOf = (data) => {
  const entries = [];
  const evidence = new Map();
  const versions = [];
  const turns = [];
  const sentences = [];
  const verdicts = new Map();
  const ofLine = [];
  const steps = new Map();
  const totals = { tokens: 0, cost: 0, priced: false, exchanges: 0 };
  let zero = null;
  let session = 0;
  let draft = null;
  let turn = null;
  let started = null;
  let finished = null;
  let lastDraft = null;

  const add = (kind, group, place, rest) => {
    const line = data.lines[place];
    const entry = {
      place: entries.length,
      kind,
      group,
      step: null,
      title: "",
      note: "",
      state: "",
      film: null,
      lines: [],
      evidence: [],
      seconds: null,
      cost: null,
      tokens: 0,
      session,
      at: line.monotonic - zero,
      text: null,
      ...rest,
    };
    entries.push(entry);
    return join(entry, place);
  };
  const join = (entry, place) => {
    entry.lines.push(place);
    entry.text = null;
    ofLine[place] = entry;
    return entry;
  };
  const filmIn = (values) =>
    [values?.film, ...Object.values(values ?? {})].find((value) => has(data.films, value)) ?? null;
  const stepOf = (event, place, title) => {
    const known = steps.get(event.step);
    if (known) return join(known, place);
    const entry = add("step", "step", place, {
      step: event.step,
      title,
      film: filmIn(event.arguments),
    });
    steps.set(event.step, entry);
    return entry;
  };
  const spend = (entry, event) => {
    const tokens = (event.tokens_in ?? 0) + (event.tokens_out ?? 0);
    entry.tokens += tokens;
    totals.tokens += tokens;
    if (typeof event.cost === "number") {
      entry.cost = (entry.cost ?? 0) + event.cost;
      totals.cost += event.cost;
      totals.priced = true;
    }
  };
  const say = (raw, rest) => {
    const sentence = {
      place: sentences.length,
      text: String(raw.text ?? ""),
      evidence: listOf(raw.evidence).map(String),
      heading: raw.heading ?? null,
      tier: raw.tier ?? null,
      reason: raw.reason ?? null,
      ...rest,
    };
    sentences.push(sentence);
    return sentence;
  };

  const take = {
    run_started(event, place) {
      started = event;
      add("run", "run", place, {
        title: "Run started",
        note: `${event.planner}, cxr-agent ${event.program_version}`,
      });
    },
    study_loaded(event, place) {
      add("films", "run", place, {
        title: plural(event.images.length, "film") + " loaded",
        film: event.images[0]?.handle ?? null,
        note: event.images.map((image) => `${image.handle} ${image.view}`).join(", "),
      });
    },
    plan(event, place) {
      draft = null;
      const ends = event.decision === "finish";
      const entry = stepOf(event, place, ends ? "Planner: finished" : event.decision);
      entry.note = [entry.film, words(event.rationale)].filter(Boolean).join(", ");
      if (ends) entry.state = "none";
      spend(entry, event);
    },
    tool_called(event, place) {
      const entry = stepOf(event, place, event.tool);
      entry.title = event.tool;
      entry.state = "running";
      entry.film ??= filmIn(event.arguments);
    },
    tool_returned(event, place) {
      const entry = stepOf(event, place, event.tool);
      entry.state = event.outcome;
      entry.seconds = event.seconds;
      if (event.codes.length)
        entry.note = [entry.film, ...event.codes.map(words)].filter(Boolean).join(", ");
    },
    evidence_added(event, place) {
      const item = event.evidence;
      const step = item.provenance?.step ?? null;
      const tool = item.provenance?.tool ?? "nobody";
      let entry = steps.get(step);
      const last = entries.at(-1);
      if (!entry && last?.kind === "said" && last.tool === tool) entry = last;
      if (entry) join(entry, place);
      else {
        entry = add("said", "step", place, {
          step,
          tool,
          title: `Stated by ${tool}`,
          film: has(data.films, item.image) ? item.image : null,
        });
      }
      steps.set(step, entry);
      const id = String(item.id);
      entry.evidence.push(id);
      if (!evidence.has(id))
        evidence.set(id, { id, item, place, entry, withdrawn: null, cited: [] });
    },
    conflict(event, place) {
      add("conflict", "step", place, {
        title: "Conflict",
        state: "warn",
        note: `${event.evidence.join(", ")}, decided by ${words(event.rule)}`,
        evidence: [...event.evidence],
      });
    },
    report_drafted(event, place) {
      draft = add("report", "report", place, {
        title: "Report drafted",
        note: plural(event.sentences.length, "sentence"),
        passed: 0,
        stopped: 0,
      });
      lastDraft = { event, entry: draft };
    },
    gate_verdict(event, place) {
      if (draft) join(draft, place);
      else draft = add("report", "report", place, { title: "Gates", passed: 0, stopped: 0 });
      draft[event.passed ? "passed" : "stopped"] += 1;
      draft.state = draft.stopped ? "warn" : "ok";
      draft.note = `${plural(draft.passed + draft.stopped, "verdict")}, ${draft.stopped} against`;
      if (event.sentence !== null) {
        if (!verdicts.has(event.sentence)) verdicts.set(event.sentence, []);
        verdicts.get(event.sentence).push({ ...event, place });
      }
    },
    model_called(event, place) {
      const entry = add("model", "model", place, {
        title: `Model asked to ${event.purpose}`,
        state: event.outcome === "ok" ? "ok" : "failed",
        note: `${event.model}${event.outcome === "ok" ? "" : `: ${words(event.outcome)}`}`,
        seconds: event.seconds,
      });
      totals.exchanges += 1;
      spend(entry, event);
    },
    asked(event, place) {
      turn = add("asked", "reader", place, {
        title: `Question ${event.turn}`,
        note: event.text ?? `${words(event.intent)} (text not kept)`,
        turn: { asked: event, answered: null, said: [] },
      });
      turn.turn.entry = turn;
      turns.push(turn.turn);
    },
    answered(event, place) {
      if (turn?.turn.asked?.turn === event.turn && !turn.turn.answered) join(turn, place);
      else {
        turn = add("asked", "reader", place, {
          title: `Answer ${event.turn}`,
          turn: { asked: null, answered: null, said: [] },
        });
        turn.turn.entry = turn;
        turns.push(turn.turn);
      }
      turn.turn.answered = event;
      turn.turn.said = event.sentences.map((raw) =>
        say(raw, { where: `Answer ${event.turn}`, entry: turn, tab: "dialogue", counts: true }),
      );
    },
    corrected(event, place) {
      const entry = add("corrected", "reader", place, {
        step: event.step,
        title: `${event.kind} corrected: ${words(event.target)}`,
        note: `${event.who}: ${event.why}`,
        state: "reader",
        film: has(data.films, event.film) ? event.film : null,
        withdrawn: [],
      });
      steps.set(event.step, entry);
    },
    withdrawn(event, place) {
      const last = entries.at(-1);
      if (last?.kind === "corrected") {
        join(last, place);
        last.withdrawn.push(...event.evidence);
      } else {
        add("withdrawn", "reader", place, {
          title: "Evidence withdrawn",
          state: "warn",
          note: `${words(event.reason)}: ${event.evidence.join(", ")}`,
          withdrawn: [...event.evidence],
        });
      }
      for (const id of event.evidence) {
        const known = evidence.get(id);
        if (known) known.withdrawn = { place, reason: event.reason };
      }
    },
    report_issued(event, place) {
      version(
        add("issued", "report", place, {
          title: "Report given out",
          note: event.status,
          state: event.status === "complete" ? "ok" : "warn",
        }),
        event.report_sha256,
      );
      draft = null;
    },
    run_resumed(event, place) {
      session += 1;
      zero = data.lines[place].monotonic;
      draft = null;
      add("run", "run", place, {
        title: "Run resumed",
        note: `${event.planner}, cxr-agent ${event.program_version}`,
        session,
      });
    },
    run_finished(event, place) {
      finished = event;
      const entry = add("run", "run", place, {
        title: "Run finished",
        note: event.code ? `${event.status}: ${words(event.code)}` : event.status,
        seconds: event.seconds,
        state: event.status === "complete" ? "ok" : event.status === "failed" ? "failed" : "warn",
      });
      if (event.report_sha256) version(entry, event.report_sha256);
      draft = null;
    },
  };
  const version = (entry, sha256) => {
    const known = versions.findIndex((one) => one.sha256 === sha256);
    if (known >= 0) versions.splice(known, 1);
    versions.push({
      sha256,
      entry,
      report: data.reports[sha256] ?? null,
      sections: [],
      dropped: [],
    });
  };

  for (let place = 0; place < data.lines.length; place += 1) {
    const line = data.lines[place];
    zero ??= line.monotonic;
    if (line.event.type !== "run_finished") finished = null;
    take[line.event.type]?.(line.event, place);
  }

  /* Sentences last: a report that was given out twice is one version, the latest counts. */
  const said = (raw, rest) => say(raw, { tab: "report", ...rest });
  versions.forEach((one, at) => {
    const counts = at === versions.length - 1;
    for (const section of one.report?.sections ?? []) {
      const where = named(SECTIONS, section.name);
      one.sections.push({
        name: where,
        sentences: section.sentences.map((raw) =>
          said(raw, { where, entry: one.entry, version: at, counts }),
        ),
      });
    }
    one.dropped = (one.report?.dropped ?? []).map((raw) =>
      said(raw, {
        where: "Kept back",
        entry: one.entry,
        version: at,
        counts: false,
        dropped: true,
      }),
    );
  });
  if (lastDraft && !versions.some((one) => one.report)) {
    const sections = new Map();
    for (const raw of lastDraft.event.sentences) {
      const where = named(SECTIONS, raw.section) ?? "Draft";
      if (!sections.has(where)) sections.set(where, []);
      sections
        .get(where)
        .push(said(raw, { where, entry: lastDraft.entry, version: versions.length, counts: true }));
    }
    versions.push({
      sha256: null,
      entry: lastDraft.entry,
      report: { status: null },
      dropped: [],
      sections: [...sections].map(([name, found]) => ({ name, sentences: found })),
    });
  }
  for (const sentence of sentences) {
    if (!sentence.counts) continue;
    for (const id of new Set(sentence.evidence)) evidence.get(id)?.cited.push(sentence);
  }

  const span = [];
  for (const entry of entries) {
    const last = data.lines[entry.lines.at(-1)].monotonic - data.lines[entry.lines[0]].monotonic;
    entry.took = Math.max(entry.seconds ?? 0, Number.isFinite(last) ? last : 0);
    if (entry.kind === "run" || entry.kind === "model")
      entry.took = entry.kind === "model" ? entry.seconds : 0;
    /* An exchange is written when it is over. */
    entry.from = entry.kind === "model" ? Math.max(0, entry.at - entry.seconds) : entry.at;
    span[entry.session] = Math.max(span[entry.session] ?? 0, entry.from + entry.took, 1e-6);
  }
  return {
    entries,
    evidence,
    versions,
    turns,
    sentences,
    verdicts,
    ofLine,
    totals,
    started,
    finished,
    span,
    sessions: session + 1,
  };
};

/* What an entry can be found by: its lines as they stand, made once it is looked for. */
const textOf = (entry, data) => {
  entry.text ??= [
    entry.title,
    entry.note,
    ...entry.lines.map((at) => JSON.stringify(data.lines[at].event)),
  ]
    .join(" ")
    .toLowerCase();
  return entry.text;
};
