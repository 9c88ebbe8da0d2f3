"use strict";
// Sorting, filtering and comparing. Nothing here makes HTML of text: a record cannot run as code.
(() => {
  const ERRORS = 2; // standard errors of a difference beyond which it counts, as in verdicts.py
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const number = (cell, name) =>
    cell && cell.dataset[name] !== undefined ? Number(cell.dataset[name]) : NaN;

  function make(name, content, attributes = {}) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    for (const each of [].concat(content)) made.append(each);
    return made;
  }

  // Which tables are cut, after each change of their size, and how high the filter above them is.

  function measure() {
    for (const region of all(".scroll")) {
      const cut = region.scrollWidth > region.clientWidth + 1;
      region.classList.toggle("cut", cut);
      region.classList.toggle("fits", !cut);
    }
    const bar = byId("filter");
    const height = getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    document.documentElement.style.setProperty("--bar", `${height}px`);
  }

  let waiting = false;
  const sizes = new ResizeObserver(() => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; measure(); });
    waiting = true;
  });

  function watch(region) {
    sizes.observe(region);
    sizes.observe(region.firstElementChild);
  }

  all(".scroll").forEach(watch);
  sizes.observe(byId("filter"));

  // Sorting: a button in each heading; the best value comes first, rows without one stay last.

  // What is best nearest to the data, or to 0, is sorted by how far off it is.
  function offset(heading) {
    const nearest = { "≈": number(heading, "own"), "→0": 0 }[heading.dataset.better];
    return Number.isFinite(nearest) ? (value) => Math.abs(value - nearest) : (value) => value;
  }

  function compareCells(a, b, heading, sign) {
    if (heading.dataset.kind === "text") return sign * a.textContent.localeCompare(b.textContent);
    const [x, y] = [a, b].map((cell) => offset(heading)(number(cell, "v")));
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  }

  function sortBy(table, heading) {
    const place = [...heading.parentNode.children].indexOf(heading);
    const first = heading.dataset.better === "↑" ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const now = heading.getAttribute("aria-sort") === first ? second : first;
    all("th[aria-sort]", table).forEach((each) => each.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", now);
    const body = table.tBodies[0];
    const sign = now === "ascending" ? 1 : -1;
    const rows = [...body.rows].sort((a, b) =>
      compareCells(a.cells[place], b.cells[place], heading, sign));
    body.append(...rows);
  }

  for (const table of all("table.board")) {
    for (const heading of all("thead th", table)) {
      const button = make("button", [...heading.childNodes], { type: "button" });
      heading.append(button);
      button.addEventListener("click", () => sortBy(table, heading));
    }
  }

  // Filtering: the rows of all tables at once.

  const filter = byId("filter");
  const form = filter.querySelector("form");
  const boards = all("table.board:not(.printed)");

  function applyFilter() {
    const wanted = form.elements.method.value.trim().toLowerCase();
    const budgets = new Set(all("[name=budget]:checked", form).map((box) => box.value));
    let shown = 0, methods = 0;
    for (const board of boards) {
      for (const row of board.tBodies[0].rows) {
        const isRun = row.classList.contains("run");
        const keep = isRun
          ? budgets.has(row.dataset.budget) && row.dataset.method.toLowerCase().includes(wanted)
          : form.elements.anchors.checked;
        row.hidden = !keep;
        methods += isRun;
        shown += isRun && keep;
      }
    }
    byId("filter-count").textContent = `${shown} of ${methods} rows of methods`;
  }

  // The main scores alone until all are asked for.
  function applyColumns() {
    document.body.classList.toggle("main-scores", !form.elements.scores.checked);
  }

  form.addEventListener("input", applyFilter);
  form.addEventListener("input", applyColumns);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter.hidden = false;
  applyFilter();
  applyColumns();

  // Comparing two rows of one table; the choice is part of the address.

  const [chosenTable, chosenA, chosenB] = ["table", "a", "b"].map((name) => byId(`compare-${name}`));
  const result = byId("compare-result");
  const comparable = boards.filter((board) => all("tr.run", board).length);

  function fill(select, entries, wanted) {
    select.replaceChildren(...entries.map(([value, label]) => make("option", label, { value })));
    if (entries.some(([value]) => value === wanted)) select.value = wanted;
  }

  // A cell without what stands below its number.
  function figure(cell) {
    return [...cell.childNodes].filter((node) => node.nodeName !== "SMALL")
      .map((node) => node.textContent).join("");
  }

  function label(row) {
    const name = row.dataset.method;
    return row.classList.contains("run") ? `${name}, ${row.dataset.budget}` : name;
  }

  function fillRows(a, b) {
    const board = byId(chosenTable.value);
    // In the order of the page, however the table is sorted.
    const rows = all("tbody tr", board).sort((x, y) => x.dataset.place - y.dataset.place);
    const entries = rows.map((row) => [row.id, label(row)]);
    // The best and the next where the table has an answer, a method and any other row elsewhere.
    const run = rows.find((row) => row.classList.contains("run"));
    const [best, next] = board.dataset.pair ? board.dataset.pair.split(" ")
      : [run.id, (rows.find((row) => row !== run) || run).id];
    fill(chosenA, entries, a || best);
    fill(chosenB, entries, b || next);
  }

  // As told_apart in verdicts.py: where the nearest to the data is best, distances from it differ.
  function verdict(heading, a, b) {
    const [x, y] = [number(a, "v"), number(b, "v")];
    const own = number(heading, "own");
    const ordered = heading.dataset.better !== "≈" || !Number.isNaN(own);
    const cost = ordered && {
      "↓": (value) => value,
      "↑": (value) => -value,
      "→0": Math.abs,
      "≈": (value) => Math.abs(value - own),
    }[heading.dataset.better];
    const [one, two] = cost ? [cost(x), cost(y)] : [x, y];
    const astride = heading.dataset.better === "≈" && (x - own) * (y - own) < 0;
    const noise = ERRORS * Math.hypot(
      number(a, "e"), number(b, "e"), astride ? 2 * number(heading, "ownE") : 0);
    const digits = Number(heading.dataset.digits);
    if (Number.isNaN(noise)) {
      const same = one.toFixed(digits) === two.toFixed(digits);
      return [noise, same ? "the same" : "noise not known", ""];
    }
    if (Math.abs(one - two) <= noise) return [noise, "within the noise", ""];
    const better = cost ? (one < two ? "A" : "B") : "";
    const single = [a, b].some((cell) => cell.parentNode.dataset.seeds === "1"
      && cell.parentNode.classList.contains("run"));
    const words = better ? `${better} is better` : "differs";
    return [noise, single ? `${words}, of one seed` : words, better];
  }

  function showComparison() {
    const [board, a, b] = [chosenTable, chosenA, chosenB].map((select) => byId(select.value));
    const headings = all("thead th", board);
    const lines = [];
    // Of each question the first score that both rows have. The answers above take one that all
    // rows of a budget have, which may be another.
    const asked = new Map();
    const deciphers = headings.some((heading, place) => heading.dataset.key === "token_accuracy"
      && [a, b].some((row) => !Number.isNaN(number(row.cells[place], "v"))));
    headings.forEach((heading, place) => {
      if (!heading.dataset.key) return;
      const [one, two] = [a.cells[place], b.cells[place]];
      const difference = number(two, "v") - number(one, "v");
      if (Number.isNaN(difference)) return;
      const [noise, words, better] = verdict(heading, one, two);
      const digits = Number(heading.dataset.digits);
      const shown = (value) => Number.isNaN(value) ? "–"
        : value.toFixed(digits).replace(/^-(?=[0.]*$)/, "");
      const [rank, ...name] = (heading.dataset.asked || "").split(" ");
      const question = name.join(" ");
      if (question && (!deciphers || question === "Solves its task")
        && !(asked.has(question) && asked.get(question)[0] < Number(rank))) {
        asked.set(question, [Number(rank), `${words}, by ${heading.textContent}`]);
      }
      lines.push(make("tr", [
        make("th", heading.textContent, { scope: "row" }),
        make("td", figure(one)), make("td", figure(two)),
        make("td", shown(number(heading, "own"))),
        make("td", (Number(shown(difference)) > 0 ? "+" : "") + shown(difference)),
        make("td", shown(noise)), make("td", words),
      ]));
    });
    const head = make("tr", ["Score", label(a), label(b), "The data", "B − A", "Noise", "Verdict"].map(
      (title, place) => make("th", place === 1 || place === 2 ? `${"AB"[place - 1]}: ${title}` : title,
        { scope: "col" })));
    const caption = make("caption", make("span",
      "Noise is two standard errors of the difference; where the arrow is ≈, the row nearer to the "
      + "data is better, and what counts is the difference of the distances from it. Scores say the "
      + "same thing several times: their number decides nothing."));
    const verdicts = make("ul", [...asked].map(([question, [, words]]) =>
      make("li", `${question}: ${words}`)), { class: "verdicts" });
    const region = make("div", make("table", [
      caption, make("thead", head), make("tbody", lines)]),
      { class: "scroll", role: "region", "aria-label": "Comparison", tabindex: "0" });
    result.replaceChildren(verdicts, region);
    watch(region);
  }

  function remember() {
    const parts = [chosenTable, chosenA, chosenB].map((select) => select.value);
    history.replaceState(null, "", `#compare=${parts.join(",")}`);
  }

  boards.forEach((board) => [...board.tBodies[0].rows].forEach((row, place) => {
    row.dataset.place = place;
  }));

  function recall() {
    const [table, a, b] = decodeURIComponent(location.hash).replace(/^#compare=/, "").split(",");
    if (!location.hash.startsWith("#compare=") || !comparable.some((board) => board.id === table)) {
      return false;
    }
    chosenTable.value = table;
    fillRows(a, b);
    showComparison();
    byId("compare").scrollIntoView();
    return true;
  }

  if (comparable.length) {
    fill(chosenTable, comparable.map((board) => [board.id, board.dataset.title]));
    chosenTable.addEventListener("change", () => { fillRows(); showComparison(); remember(); });
    for (const select of [chosenA, chosenB]) {
      select.addEventListener("change", () => { showComparison(); remember(); });
    }
    byId("compare-tool").hidden = false;
    byId("compare-needs").hidden = true;
    if (!recall()) {
      const answered = comparable.find((board) => board.dataset.pair);
      if (answered) chosenTable.value = answered.id;
      fillRows();
      showComparison();
    }
  } else {
    byId("compare").hidden = true;
  }

  // A link into a folded part unfolds it; printing unfolds nothing that would be a page of numbers.

  function unfold() {
    if (recall()) return;
    const place = byId(decodeURIComponent(location.hash.slice(1)));
    for (let each = place; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
    }
    if (place) {
      if (place.hidden) { // a link to a row is stronger than the filter
        const scores = form.elements.scores.checked; // which says nothing of rows
        form.reset();
        form.elements.scores.checked = scores;
        applyFilter();
      }
      place.scrollIntoView();
    }
  }
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
})();
