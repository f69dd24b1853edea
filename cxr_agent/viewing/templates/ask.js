/* Questions about an open study. What is answered comes with the lines of the run; what is said
   beside it, and is no statement on the film, comes with the answer itself. */
const asking = byId("ask");
const notes = byId("answer-notes");
const refusal = byId("ask-error");
asking.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = asking.querySelector("[type=submit]");
  button.disabled = true;
  refusal.hidden = true;
  notes.textContent = "Looking …";
  try {
    const answer = await fetch(data.live.questions, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-Cxr-Page": data.live.page },
      body: JSON.stringify({ text: asking.elements.text.value }),
    });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const said = await answer.json();
    /* The sentences stand in the dialogue; here they are for who listens. */
    notes.replaceChildren(
      ...said.sentences.map((one) => el("span", { class: "out-of-sight" }, one.text)),
      ...said.notes.map((one) => el("span", {}, one.text)),
    );
    asking.elements.text.value = "";
    show.tab("dialogue");
    byId("pane").scrollTop = byId("pane").scrollHeight;
  } catch (error) {
    notes.textContent = "";
    refusal.textContent = String(error.message);
    refusal.hidden = false;
  } finally {
    button.disabled = false;
    asking.elements.text.focus();
  }
});

/* What became of the reading, where it gave no report. */
const outcome = new EventSource(data.live.state);
window.addEventListener("pagehide", () => outcome.close());
outcome.addEventListener("state", (event) => {
  const now = JSON.parse(event.data);
  if (now.over) outcome.close();
  if (!now.trouble) return;
  byId("trouble").textContent = now.trouble;
  byId("trouble").hidden = false;
});
