/* What every later part of the page works on: the data, its chain, and what is selected. */
const data = JSON.parse(byId("data").textContent);
let chain = chainOf(data);
const now = {
  entry: 0,
  evidence: new Set(),
  sentence: null,
  tab: "report",
  version: null,
  listed: [],
};
const film = filmPane(byId("film"), data);
const list = byId("list");
const search = byId("search");
const kinds = byId("kinds");
