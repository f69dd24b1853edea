/* Films to the server, one request each. Names of files are shown here and are never sent. */
const form = byId("films");
const state = byId("state");
const trouble = byId("trouble");
const most = Number(form.dataset.most);
const count = Number(form.dataset.files);

const post = async (address, kind, body) => {
  const answer = await fetch(address, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": kind, "X-Cxr-Page": form.dataset.page },
    body,
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
};
const complain = (text) => {
  state.textContent = "";
  trouble.textContent = text;
  trouble.hidden = false;
};

for (const drop of document.querySelectorAll(".drop")) {
  const input = drop.querySelector("input");
  const named = () => {
    const names = [...input.files].map((one) => one.name);
    drop.querySelector("output").textContent = names.length > 1 ? names.join(", ") : "";
  };
  input.addEventListener("change", named);
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    named();
  });
}
/* A film that misses its place must not be opened in place of the page. */
for (const kind of ["dragover", "drop"])
  window.addEventListener(kind, (event) => event.preventDefault());

const send = async (files, role, names) => {
  for (const file of files) {
    state.textContent = `Sending ${role} ${names.length + 1} of ${files.length} …`;
    names.push((await post("/films", "application/octet-stream", file)).film);
  }
};
const waited = (study) => {
  const stream = new EventSource(`/study/${study}/state`);
  stream.addEventListener("state", (event) => {
    const now = JSON.parse(event.data);
    state.textContent = now.told;
    if (now.trouble) {
      stream.close();
      complain(now.trouble);
      byId("read").disabled = false;
    } else if (now.begun) {
      stream.close();
      location.assign(`/study/${study}`);
    }
  });
};
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const films = [...form.elements.films.files];
  const priors = [...form.elements.priors.files];
  trouble.hidden = true;
  const large = [...films, ...priors].find((one) => one.size > most);
  if (large) {
    complain(`too_large: ${large.name} is larger than ${Math.floor(most / 1048576)} MB`);
    return;
  }
  if (films.length + priors.length > count) {
    complain(`too_many: a study has at most ${count} films`);
    return;
  }
  byId("read").disabled = true;
  const study = { films: [], priors: [], indication: form.elements.indication.value };
  try {
    await send(films, "film", study.films);
    await send(priors, "earlier film", study.priors);
    state.textContent = "Sent.";
    waited((await post("/studies", "application/json", JSON.stringify(study))).study);
  } catch (error) {
    complain(String(error.message));
    byId("read").disabled = false;
    const left = JSON.stringify({ films: [...study.films, ...study.priors] });
    post("/films/forget", "application/json", left).catch(() => {});
  }
});
byId("leave").addEventListener("click", async () => {
  try {
    await post("/leave", "application/json", "{}");
    location.assign("/left");
  } catch (error) {
    complain(String(error.message));
  }
});
