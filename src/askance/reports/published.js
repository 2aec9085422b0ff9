// Filters of the lab's public page. Without them it shows all conditions; the numbers are those of published.py.
const { baseline, conditions } = JSON.parse(document.getElementById("published").textContent);
const form = document.querySelector(".filters");
const told = document.querySelector(".count");
const body = document.querySelector("table.standings tbody");
const selects = [...form.querySelectorAll("select")];
const charts = [...document.querySelectorAll("[data-condition]")];
const none = "–";

const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN);
const fixed = (value, digits, signed = false) =>
  Number.isFinite(value) ? ((signed && value >= 0 ? "+" : "") + value.toFixed(digits)).replace("-", "−") : none;
const time = (value) => {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 4;
  return Number.isFinite(value) ? value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }) : none;
};

const fits = (one, key, value) => !value || one.is[key] === value;
const chosen = (except) =>
  conditions.filter((one) => selects.every((s) => s.dataset.filter === except || fits(one, s.dataset.filter, s.value)));

function standings(shown) {
  const own = {};
  for (const one of shown) for (const [name, part] of Object.entries(one.of)) (own[name] ??= []).push(part);
  // An area is over the seeds that strategies share; null: too few of them to be ranked.
  const enough = (name) => own[name].filter((part) => part[0] !== null).length === shown.length;
  const everywhere = Object.keys(own).filter(enough);
  const ranks = Object.fromEntries(everywhere.map((name) => [name, []]));
  for (const one of shown) {
    const areas = everywhere.map((name) => one.of[name][0]);
    everywhere.forEach((name, place) => {
      const higher = areas.filter((area) => area > areas[place]).length;
      const same = areas.filter((area) => area === areas[place]).length;
      ranks[name].push(higher + (1 + same) / 2);
    });
  }
  return Object.entries(own)
    .map(([name, parts]) => {
      const gains = parts.map((part) => part[1]).filter((gain) => gain !== null);
      const seeds = parts.map((part) => part[4]);
      const count = (verdict) => parts.filter((part) => part[2] === verdict).length;
      return {
        name, above: count("above"), below: count("below"), level: count("not different"), conditions: parts.length,
        rank: everywhere.length > 1 && ranks[name] ? mean(ranks[name]) : NaN,
        gain: name === baseline ? 0 : mean(gains),
        fewest: Math.min(...seeds), most: Math.max(...seeds),
        seconds: mean(parts.map((part) => part[3]).filter((value) => value !== null)),
      };
    })
    .sort((a, b) => (Number.isFinite(b.gain) ? b.gain : -Infinity) - (Number.isFinite(a.gain) ? a.gain : -Infinity) || (a.name < b.name ? -1 : 1));
}

function row(one) {
  const line = document.createElement("tr");
  const base = one.name === baseline;
  if (base) line.className = "baseline";
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = one.name;
  const cells = [
    fixed(one.rank, 2), base ? none : fixed(one.gain, 4, true), base ? none : `${one.above}, ${one.level}, ${one.below}`,
    String(one.conditions), one.fewest === one.most ? String(one.most) : `${one.fewest} to ${one.most}`, time(one.seconds),
  ].map((text) => Object.assign(document.createElement("td"), { textContent: text }));
  line.append(head, ...cells);
  return line;
}

function show() {
  const shown = chosen();
  body.replaceChildren(...standings(shown).map(row));
  for (const chart of charts) chart.hidden = !shown.includes(conditions[Number(chart.dataset.condition)]);
  told.textContent = shown.length === conditions.length ? `All ${shown.length} conditions.` : `${shown.length} of ${conditions.length} conditions.`;
  for (const select of selects) {  // what would leave nothing cannot be chosen
    const left = new Set(chosen(select.dataset.filter).map((one) => one.is[select.dataset.filter]));
    for (const option of select.options) option.disabled = option.value !== "" && !left.has(option.value) && !option.selected;
  }
  const query = new URLSearchParams(selects.filter((s) => s.value).map((s) => [s.dataset.filter, s.value])).toString();
  history.replaceState(null, "", query ? `#${query}` : location.pathname + location.search);
}

for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {  // a link may carry a choice
  const select = selects.find((s) => s.dataset.filter === key);
  if (select && [...select.options].some((option) => option.value === value)) select.value = value;
}
form.hidden = false;
form.addEventListener("change", show);
form.addEventListener("reset", () => setTimeout(show));
form.addEventListener("submit", (event) => event.preventDefault());
show();
